"""Pictures found by words and by pictures. The image model of these tests knows three colours."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from assistant.by_picture import PictureSearch
from assistant.retrieve import Retriever, fuse
from assistant.sight import Sight, Sights, shares
from indexers.decoders import decoder_for
from indexers.errors import ModelMissing, UsageError
from indexers.library import Library
from indexers.parsers import parser_for
from indexers.pipeline import Pipeline
from indexers.protocols import Source
from indexers.reading import FileReader
from indexers.senses import Senses
from indexers.testing import HashingEmbedder
from indexers.types import Decoded, Hit, Parsed, Pixels, TextLine, Unread, Vectors

COLOURS = {"red": (250, 0, 0), "green": (0, 250, 0), "blue": (0, 0, 250)}


class Colours:
    """A picture's vector is its colour, a text's the colours that it names; other words point elsewhere."""

    space, dim, scale = "clip:colours", 4, 20.0

    def prepare(self, pixels: Pixels) -> Pixels:
        return pixels[:4, :4]

    def embed_images(self, prepared: Sequence[Pixels]) -> Vectors:
        rows = np.stack([[*pixels.reshape(-1, 3).mean(0), 60.0] for pixels in prepared]).astype(np.float32)
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    def embed_texts(self, texts: Sequence[str]) -> Vectors:
        rows = np.array([[*(colour in text.split() for colour in COLOURS), 0.2] for text in texts], np.float32)
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)


class Signs:
    """Reads what is written in pictures that are exactly eight pixels wide."""

    name = "signs"

    def read(self, pixels: Pixels) -> list[TextLine]:
        return [TextLine("harbour office", (0, 0, 1, 0.5), 0.9)] if pixels.shape[1] == 8 else []


class InProcess:
    """Parses and decodes here."""

    def parse(self, source: Source) -> Parsed:
        parser = parser_for(source.format)
        assert parser is not None
        return parser(source)

    def decode(self, source: Source, what: Unread, start: float) -> Decoded:
        decoder = decoder_for(what, source.format)
        assert decoder is not None
        return decoder(source, start)


class Album:
    """A folder of pictures and texts, and a library of it."""

    def __init__(self, root: Path, *, with_model: bool = True) -> None:
        self.root, self.files = root, root / "files"
        self.files.mkdir(exist_ok=True)
        self.library = Library(root / "library")
        self.embedder = HashingEmbedder(dim=128)
        images = Colours() if with_model else None
        senses = Senses(ocr=Signs, images=(lambda: images) if images else None)
        self.reader = FileReader(InProcess(), senses, self.library.unfinished, max_bytes=10**7)
        self.pipeline = Pipeline(self.library, self.embedder, self.reader)
        self.sights = Sights(self.library, senses.images)
        self.retriever = Retriever(self.library, self.embedder, self.sights)
        self.by_picture = PictureSearch(
            self.library, self.retriever, self.embedder, self.sights, self.reader, "locus models pull X"
        )

    def picture(self, name: str, colour: str, *, wide: int = 40, folder: Path | None = None) -> Path:
        path = (folder or self.files) / name
        Image.new("RGB", (wide, 30), COLOURS[colour]).save(path)
        return path

    def names(self, query: str, k: int = 3) -> list[str]:
        return [Path(hit.path).name for hit in self.retriever.search(query, k)]

    def like(self, path: Path, query: str = "", k: int = 10) -> list[Hit]:
        return self.by_picture.search(path, query, k)


@pytest.fixture
def album(tmp_path: Path) -> Iterator[Album]:
    made = Album(tmp_path)
    for colour in COLOURS:
        made.picture(f"picture-{len(colour)}.png", colour)
    (made.files / "lease.txt").write_text("The lease of the boat house ends in March.\n")
    (made.files / "red.txt").write_text("A red bicycle leans on the barn.\n")
    made.pipeline.add([made.files])
    yield made
    made.library.close()


def test_words_find_what_pictures_show_among_texts(album: Album) -> None:
    assert set(album.names("red bicycle", 2)) == {"red.txt", "picture-3.png"}
    assert album.names("something blue", 1) == ["picture-4.png"]
    hit = album.retriever.search("something blue", 1)[0]
    assert hit.media == "image" and 0.9 < hit.signals["image"] <= 1


def test_a_question_that_no_picture_shows_is_left_to_texts(album: Album) -> None:
    hits = album.retriever.search("When does the lease end?", 5)
    assert Path(hits[0].path).name == "lease.txt"
    plain = Retriever(album.library, album.embedder).search("When does the lease end?", 5)
    # Pictures may be among the hits, by their names, but get nothing for what they do not show.
    before = {hit.path: hit.score for hit in plain}
    assert {hit.path: hit.score for hit in hits} == {hit.path: pytest.approx(before[hit.path], abs=0.2) for hit in hits}


def test_pictures_like_a_picture_come_first(album: Album, tmp_path: Path) -> None:
    query = album.picture("query.png", "green", folder=tmp_path)
    hits = album.like(query)
    assert Path(hits[0].path).name == "picture-5.png"
    assert hits[0].signals["image"] == pytest.approx(1.0, abs=0.01)


def test_what_is_written_in_a_picture_leads_to_texts(album: Album, tmp_path: Path) -> None:
    (album.files / "port.txt").write_text("The harbour office opens at eight.\n")
    album.pipeline.add([album.files])
    query = album.picture("query.png", "green", wide=8, folder=tmp_path)
    names = [Path(hit.path).name for hit in album.like(query, k=4)]
    assert "port.txt" in names and names[0] == "picture-5.png"


def test_captions_of_neighbours_lead_on(album: Album, tmp_path: Path) -> None:
    album.picture("ferry.png", "blue")
    (album.files / "ferry.png.txt").write_text("The ferry to Osier island\n")
    (album.files / "timetable.txt").write_text("The ferry to Osier island leaves at nine.\n")
    album.pipeline.add([album.files])
    query = album.picture("query.png", "blue", folder=tmp_path)
    names = [Path(hit.path).name for hit in album.like(query, k=4)]
    assert "ferry.png" in names[:2] and "timetable.txt" in names


def test_a_picture_and_words_together(album: Album, tmp_path: Path) -> None:
    query = album.picture("query.png", "green", folder=tmp_path)
    names = [Path(hit.path).name for hit in album.like(query, "lease of the boat house", k=2)]
    assert set(names) == {"picture-5.png", "lease.txt"}


def test_what_is_no_picture_is_a_usage_error(album: Album) -> None:
    with pytest.raises(UsageError, match="is no picture"):
        album.like(album.files / "lease.txt")
    broken = album.root / "broken.png"
    broken.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(50))
    with pytest.raises(UsageError, match="can not be searched with"):
        album.like(broken)


def test_without_an_image_model_its_text_is_searched_for_or_the_command_is_named(tmp_path: Path) -> None:
    album = Album(tmp_path, with_model=False)
    (album.files / "port.txt").write_text("The harbour office opens at eight.\n")
    album.pipeline.add([album.files])
    written = album.picture("query.png", "green", wide=8, folder=tmp_path)
    assert [Path(hit.path).name for hit in album.like(written)] == ["port.txt"]
    with pytest.raises(ModelMissing, match="locus models pull X"):
        album.like(album.picture("bare.png", "green", folder=tmp_path))
    album.library.close()


def test_filters_hold_for_pictures(album: Album, tmp_path: Path) -> None:
    query = album.picture("query.png", "green", folder=tmp_path)
    hits = album.by_picture.search(query, "lease", 10, media=frozenset({"text"}))
    assert {hit.media for hit in hits} == {"text"}
    assert album.by_picture.search(query, "", 10, under=str(tmp_path / "nowhere")) == []


@given(st.lists(st.floats(-1, 1, width=32), min_size=1, max_size=8), st.none() | st.floats(-1, 1), st.floats(1, 100))
def test_shares_are_parts_of_one_and_keep_the_order_where_the_captions_fit_all_alike(
    cosines: list[float], average: float | None, scale: float
) -> None:
    found = np.array(cosines, np.float32)
    portions = shares(found, np.zeros((len(found), 3), np.float32), average, scale)
    assert ((portions >= 0) & (portions <= 1)).all()
    order = np.argsort(-found, kind="stable")
    assert (np.diff(portions[order]) <= 1e-9).all()


def test_a_picture_that_everyday_captions_fit_better_gets_next_to_nothing() -> None:
    cosines = np.array([0.32, 0.32], np.float32)
    bank = np.array([[0.20, 0.21], [0.46, 0.46]], np.float32)
    first, second = shares(cosines, bank, 0.22, 100.0)
    assert first > 0.99 and second < 0.05
    assert len(shares(np.zeros(0, np.float32), np.zeros((0, 3), np.float32), 0.0, 100.0)) == 0


def test_words_as_near_to_every_picture_as_to_the_best_get_next_to_nothing() -> None:
    cosines, bank = np.array([0.22], np.float32), np.full((1, 3), 0.22, np.float32)
    assert shares(cosines, bank - 0.1, 0.20, 100.0)[0] < 0.3
    assert shares(cosines, bank - 0.1, 0.12, 100.0)[0] > 0.95
    assert shares(cosines, bank - 0.1, None, 100.0)[0] > 0.95


def test_fusion_with_pictures_lifts_and_never_lowers() -> None:
    plain = {item.chunk_id: item.score for item in fuse({1: 0.5, 2: 0.4}, {1: 3.0}, 9.0, {})}
    lifted = {item.chunk_id: item.score for item in fuse({1: 0.5, 2: 0.4}, {1: 3.0}, 9.0, {}, {2: Sight(0.3, 1.0)})}
    assert lifted[1] == plain[1] and lifted[2] > lifted[1] and lifted[2] <= 1


def test_a_caption_is_read_with_its_picture_and_followed(album: Album) -> None:
    picture, caption = album.picture("boat.png", "blue"), album.files / "boat.txt"
    alone = album.pipeline.add([album.files])
    assert alone.count("added") == 1
    caption.write_text("The ferry to Larkholm\n")
    assert [
        (Path(f.path).name, f.change) for f in album.pipeline.add([album.files]).files if f.change != "unchanged"
    ] == [("boat.png", "updated")]
    assert album.names("ferry Larkholm", 1) == ["boat.png"]
    # Named alone, it keeps its caption.
    assert [f.change for f in album.pipeline.add([picture]).files] == ["unchanged"]
    caption.write_text("The pilot boat of Skellig\n")
    assert [f.change for f in album.pipeline.add([picture]).files] == ["updated"]
    assert album.names("pilot boat of Skellig", 1) == ["boat.png"]
    assert not len(album.library.words().search("Larkholm", 5)[0])
    # Without its picture it is a document again; with it back, it is read with it.
    away = picture.rename(album.root / "away.png")
    changes = {Path(f.path).name: f.change for f in album.pipeline.add([album.files]).files}
    assert (changes["boat.png"], changes["boat.txt"]) == ("removed", "added")
    away.rename(picture)
    changes = {Path(f.path).name: f.change for f in album.pipeline.add([album.files]).files}
    assert (changes["boat.png"], changes["boat.txt"]) == ("added", "removed")
    assert album.names("pilot boat of Skellig", 1) == ["boat.png"]


def test_a_caption_of_a_picture_that_is_not_added_is_a_document(album: Album) -> None:
    folder = album.root / "other"
    folder.mkdir()
    album.picture("a.png", "blue", folder=folder)
    other = album.picture("b.png", "red", folder=folder)
    (folder / "b.txt").write_text("The barge at the lock\n")
    report = album.pipeline.add([folder / "a.png", folder / "b.txt"])
    assert {Path(file.path).name: file.change for file in report.files} == {"a.png": "added", "b.txt": "added"}
    # It still is one when its neighbour is looked at again, and no more once its picture is added.
    assert album.pipeline.add([folder / "a.png"]).count("removed") == 0
    assert album.names("barge at the lock", 1) == ["b.txt"]
    album.pipeline.add([other])
    assert album.names("barge at the lock", 1) == ["b.png"]
