"""Pictures and sound on their way into a library: what is perceived, what waits, what is not done twice.

The models here are fakes that discriminate: "text" in a picture is told by its colour, its vector is that colour, and
what is "said" in samples stands in their values.
"""

import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from indexers import adding
from indexers.errors import Broken
from indexers.library import Library
from indexers.pipeline import AddReport, Pipeline
from indexers.protocols import Source
from indexers.reading import FileReader
from indexers.senses import Senses
from indexers.testing import HashingEmbedder
from indexers.types import (
    SAMPLE_RATE,
    Block,
    Decoded,
    PageLocator,
    Parsed,
    Picture,
    Piece,
    Pixels,
    RegionLocator,
    Samples,
    Spoken,
    TextLine,
    TimeLocator,
    Unread,
    Vectors,
    WholeLocator,
)

COLOURS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255)}
SAYINGS = ["", "the wheel turns", "the sluice is shut", "the bell rings"]


class ColourOcr:
    """Reads "a red sign" in a red picture; counts."""

    name = "colours"

    def __init__(self) -> None:
        self.reads = 0

    def read(self, pixels: Pixels) -> list[TextLine]:
        self.reads += 1
        [colour] = [name for name, value in COLOURS.items() if tuple(pixels[0, 0]) == value]
        return [TextLine(f"a {colour} sign", (0.1, 0.2, 0.5, 0.3), 0.9)]


class ColourEmbedder:
    """A picture's vector is its colour, a text's the colours that it names."""

    dim, scale = 3, 20.0

    def __init__(self, space: str = "clip:colours") -> None:
        self.space = space
        self.batches: list[int] = []

    def prepare(self, pixels: Pixels) -> Pixels:
        return pixels[:2, :2]

    def embed_images(self, prepared: Sequence[Pixels]) -> Vectors:
        self.batches.append(len(prepared))
        means = np.stack([pixels.reshape(-1, 3).mean(0) for pixels in prepared]).astype(np.float32)
        return means / np.linalg.norm(means, axis=1, keepdims=True)

    def embed_texts(self, texts: Sequence[str]) -> Vectors:
        rows = np.array([[colour in text for colour in COLOURS] for text in texts], np.float32) + 0.01
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)


class ValueTranscriber:
    """Hears the saying whose number the samples hold, one a second; counts the seconds."""

    name = "values"

    def __init__(self) -> None:
        self.seconds = 0

    def transcribe(self, samples: Samples, language: str | None) -> tuple[str, Iterator[Spoken]]:
        numbers = np.rint(samples[SAMPLE_RATE // 2 :: SAMPLE_RATE] * 10).astype(int).tolist()
        self.seconds += len(numbers)
        said = [Spoken(at + 0.1, at + 0.9, SAYINGS[n]) for at, n in enumerate(numbers) if n]
        return "en" if said else "", iter(said)


class Files:
    """Files of JSON that say what parsing and decoding them gives."""

    window = 3

    def __init__(self) -> None:
        self.decoded: list[tuple[str, str, float]] = []
        self.fail_at: tuple[str, float] | None = None

    def parse(self, source: Source) -> Parsed:
        told: dict[str, Any] = json.loads(source.path.read_text())
        blocks = [Block((Piece(text, WholeLocator()),)) for text in told.get("texts", [])]
        blocks += [Block((Piece(text, PageLocator(page)),)) for page, text in told.get("pages", [])]
        unread = tuple(name for name in ("pictures", "sound", "frames") if name in told)
        return Parsed(
            tuple(blocks), unread=unread, coverage=told.get("coverage", 1.0), notes=tuple(told.get("notes", []))
        )

    def decode(self, source: Source, what: Unread, start: float) -> Decoded:
        self.decoded.append((source.name, what, start))
        if self.fail_at == (what, start):
            raise Broken("damaged here")
        told = json.loads(source.path.read_text())[what]
        if what == "sound":
            some = told[int(start) : int(start) + self.window]
            end = start + len(some)
            samples = np.repeat(np.array(some, np.float32) / 10, SAMPLE_RATE)
            return Decoded(samples=samples, next_start=end if end < len(told) else None)
        colour, place = told[int(start)]
        locator = {"page": PageLocator, "time": TimeLocator, "whole": WholeLocator}[place[0]](*place[1:])
        if len(place) == 3 and place[0] == "page":
            locator = PageLocator(place[1], tuple(tuple(box) for box in place[2]))
        pixels = np.full((4, 6, 3), COLOURS[colour], np.uint8)
        return Decoded((Picture(pixels, locator),), next_start=start + 1 if start + 1 < len(told) else None)


class Place:
    """A library, a folder, the fakes, and what adds files with some of them."""

    def __init__(self, root: Path) -> None:
        self.folder = root / "files"
        self.folder.mkdir()
        self.library = Library(root / "library")
        self.files, self.ocr, self.images, self.speech = Files(), ColourOcr(), ColourEmbedder(), ValueTranscriber()
        self.embedder = HashingEmbedder()

    def write(self, name: str, **told: Any) -> str:
        # The head is what a file is told by; the rest is for these fakes.
        path = self.folder / name
        path.write_text(json.dumps(told))
        return str(path)

    def add(self, *, ocr: bool = True, images: bool = True, speech: bool = True, on_progress: Any = None) -> AddReport:
        senses = Senses(
            ocr=(lambda: self.ocr) if ocr else None,
            images=(lambda: self.images) if images else None,
            speech=(lambda: self.speech) if speech else None,
        )
        reader = FileReader(self.files, senses, self.library.unfinished, max_bytes=10**6)
        return Pipeline(self.library, self.embedder, reader).add([self.folder], on_progress)

    def chunks(self, name: str) -> list[tuple[str, object]]:
        catalog = self.library.catalog
        content = catalog.file_state(str(self.folder / name))
        assert content is not None
        live = catalog.chunks(catalog.changes_since(0).added)
        return [(c.chunk.text, c.chunk.locator) for c in live.values() if c.content == content.content]

    def seen(self) -> list[str]:
        """What the pictures of the image space are, by their nearest colour."""
        found = self.library.vectors(self.images.space, 3)
        nearest = []
        for number, colour in enumerate(COLOURS):
            ids, cosines = found.search(np.eye(3, dtype=np.float32)[number], 10)
            nearest += [colour] * int((cosines > 0.9).sum())
            del ids
        return nearest


@pytest.fixture
def p(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    # The fakes' files are JSON under other names: their kind is told by the name alone.
    from indexers import reading
    from indexers.media import FileType

    kinds = {".png": FileType("png", "image"), ".mp3": FileType("mp3", "audio"), ".mp4": FileType("mp4", "video")}
    monkeypatch.setattr(
        reading, "sniff", lambda path, name=None: kinds.get(Path(name or path).suffix, FileType("pdf", "text"))
    )
    place = Place(tmp_path)
    yield place
    assert place.library.catalog.problems() + place.library.snapshot_problems() == []
    place.library.close()


def test_a_picture_has_its_text_with_regions_and_its_vector_with_its_caption(p: Place) -> None:
    p.write("a.png", texts=["a caption"], pictures=[["red", ["whole"]]])
    [report] = p.add().files
    assert (report.status, report.reason) == ("indexed", "")
    caption, sign = p.chunks("a.png")
    assert caption == ("a caption", WholeLocator())
    assert sign == ("a red sign", RegionLocator((0.1, 0.2, 0.5, 0.3)))
    assert p.seen() == ["red"]
    # One chunk for the caption and the picture: found by either, it is one hit.
    assert p.library.catalog.counts()["chunks"] == 2


def test_a_picture_without_words_of_its_own_place_gets_a_chunk_that_only_pictures_find(p: Place) -> None:
    box = ((0.1, 0.1, 0.5, 0.5),)
    p.write("b.pdf", pages=[[1, "text on page one"]], pictures=[["green", ["page", 1, box]]])
    p.add(ocr=False)
    assert p.chunks("b.pdf") == [("text on page one", PageLocator(1)), ("", PageLocator(1, box))]
    assert p.seen() == ["green"]
    ids = p.library.words().search("page", 10)[0].tolist()
    assert [p.library.catalog.chunks(ids)[i].chunk.text for i in ids] == ["text on page one"]


def test_scanned_pages_are_read_in_their_place_and_covered(p: Place) -> None:
    p.write(
        "scan.pdf",
        pages=[[1, "first"], [3, "third"]],
        pictures=[["red", ["page", 2]], ["blue", ["page", 4]]],
        coverage=0.5,
        notes=["no text on pages 2 and 4"],
    )
    [report] = p.add().files
    assert (report.status, report.reason) == ("indexed", "")
    assert [text for text, _ in p.chunks("scan.pdf")] == ["first", "a red sign", "third", "a blue sign"]
    [document] = p.library.catalog.documents()
    assert document.coverage == 1.0


def test_a_scanned_letter_is_text_and_needs_no_image_model(p: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    p.write("letter.pdf", pictures=[["red", ["page", 1]]], coverage=0.0, notes=["no text on page 1"])
    letter = [TextLine("word " * 10, (0.1, at / 10, 0.9, at / 10 + 0.05), 0.9) for at in range(5)]
    monkeypatch.setattr(p.ocr, "read", lambda pixels: letter)
    p.add(images=False)
    [document] = p.library.catalog.documents()
    assert (document.status, document.pending) == ("indexed", ())
    p.add()
    assert p.images.batches == []


def test_what_is_read_before_damage_is_kept(p: Place) -> None:
    p.write(
        "scan.pdf",
        pictures=[["red", ["page", 1]], ["blue", ["page", 2]]],
        coverage=0.0,
        notes=["no text on pages 1 and 2"],
    )
    p.files.fail_at = ("pictures", 1.0)
    [report] = p.add().files
    assert report.status == "partial"
    assert "damaged here" in report.reason and "no text on page 2" in report.reason
    assert [text for text, _ in p.chunks("scan.pdf")] == ["a red sign"]


def test_a_picture_that_can_not_be_decoded_is_broken(p: Place) -> None:
    p.write("a.png", texts=["a"], pictures=[["red", ["whole"]]])
    p.files.fail_at = ("pictures", 0.0)
    [report] = p.add().files
    assert (report.status, report.reason, report.change) == ("failed", "damaged here", "failed")


def test_speech_has_its_seconds_over_all_windows(p: Place) -> None:
    p.write("talk.mp3", texts=["talk"], sound=[1, 0, 0, 0, 0, 2, 0, 3])
    [report] = p.add().files
    assert report.status == "indexed"
    spoken = {text: place for text, place in p.chunks("talk.mp3") if isinstance(place, TimeLocator)}
    [(text, place)] = spoken.items()
    assert text.split("\n\n") == ["the wheel turns", "the sluice is shut the bell rings"]
    assert isinstance(place, TimeLocator)
    assert (place.start_s, place.end_s) == (0.1, pytest.approx(7.9, abs=0.2))
    assert dict(p.library.catalog.metadata(str(p.folder / "talk.mp3")))["language"] == "en"


def test_without_models_files_are_found_by_what_there_is_and_finished_once_they_are_there(p: Place) -> None:
    p.write("a.png", texts=["harbour at dusk"], pictures=[["red", ["whole"]]])
    p.write("film.mp4", texts=["the mill film"], sound=[1, 2], frames=[["blue", ["time", 0, 5]]])
    p.write("talk.mp3", texts=["a talk"], sound=[3])
    p.add(ocr=False, images=False, speech=False)
    states = {Path(d.path).name: (d.status, d.pending) for d in p.library.catalog.documents()}
    assert states == {
        "a.png": ("pending", ("image",)),
        "film.mp4": ("pending", ("speech", "image")),
        "talk.mp3": ("pending", ("speech",)),
    }
    assert len(p.library.words().search("harbour", 5)[0]) == 1
    # One model comes: only what waits for it is read again.
    p.files.decoded.clear()
    assert {Path(f.path).name: f.change for f in p.add(ocr=False, images=False).files} == {
        "a.png": "unchanged",
        "film.mp4": "updated",
        "talk.mp3": "updated",
    }
    assert {name for name, _, _ in p.files.decoded} == {"film.mp4", "talk.mp3"}
    assert p.add(ocr=False).count("updated") == 2
    assert {d.pending for d in p.library.catalog.documents()} == {()}
    assert p.seen() == ["red", "blue"]
    assert p.add(ocr=False).count("unchanged") == 3


def test_what_waits_is_finished_by_any_add_also_of_nothing(p: Place) -> None:
    p.write("a.png", texts=["harbour"], pictures=[["red", ["whole"]]])
    p.add(images=False)
    reader = FileReader(p.files, Senses(lambda: p.ocr, lambda: p.images), p.library.unfinished, max_bytes=10**6)
    [report] = Pipeline(p.library, p.embedder, reader).add([]).files
    assert (Path(report.path).name, report.change, report.status) == ("a.png", "updated", "indexed")
    # What was read while it waited was kept.
    assert p.ocr.reads == 1


def test_another_image_model_looks_at_all_pictures_again_and_spaces_never_mix(p: Place) -> None:
    p.write("a.png", texts=["harbour"], pictures=[["red", ["whole"]]])
    p.add()
    p.images = ColourEmbedder("clip:other")
    assert p.add().count("updated") == 1
    assert set(p.library.catalog.spaces()) == {p.embedder.space, "clip:other"}


def test_pictures_of_many_files_are_embedded_together(p: Place) -> None:
    for number in range(20):
        p.write(f"{number}.png", texts=[f"picture number {number}"], pictures=[["red", ["whole"]]])
    p.add()
    assert p.images.batches == [20]


def test_an_interrupted_recording_goes_on_where_it_was(p: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    p.write("talk.mp3", texts=["talk"], sound=[1, 0, 0, 2, 0, 0, 3, 0, 0, 1, 0, 0])
    plain = p.files.decode

    def interrupted(source: Source, what: Unread, start: float) -> Decoded:
        if start >= 6:
            raise KeyboardInterrupt
        return plain(source, what, start)

    monkeypatch.setattr(p.files, "decode", interrupted)
    with pytest.raises(KeyboardInterrupt):
        p.add()
    assert p.library.catalog.documents() == []
    before = p.speech.seconds
    assert before >= 6
    monkeypatch.setattr(p.files, "decode", plain)
    p.files.decoded.clear()
    p.add()
    assert min(start for _, _, start in p.files.decoded) > 0
    assert [text.count("the") for text, place in p.chunks("talk.mp3") if isinstance(place, TimeLocator)] == [4]
    # What is in the catalog now is kept nowhere else.
    assert b"sluice" not in (p.library.root / "unfinished.sqlite").read_bytes()


def test_a_slide_that_stays_on_the_screen_is_read_once(p: Place) -> None:
    frames = [["red", ["time", 0, 5]], ["red", ["time", 5, 9]], ["blue", ["time", 9, 12]]]
    p.write("film.mp4", texts=["film"], frames=frames)
    p.add()
    texts = [text for text, _ in p.chunks("film.mp4") if "sign" in text]
    assert " ".join(texts).split("\n\n") == ["a red sign", "a blue sign"]
    assert p.seen() == ["red", "red", "blue"]


def test_a_file_that_takes_long_says_where_it_is(p: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adding, "_LOOK_UP_S", 0.01)
    path = p.write("talk.mp3", texts=["talk"], sound=[1, 2, 3] * 5)
    hear, told = p.speech.transcribe, list[tuple[str, str]]()

    def slowly(samples: Samples, language: str | None) -> tuple[str, Iterator[Spoken]]:
        time.sleep(0.05)
        return hear(samples, language)

    monkeypatch.setattr(p.speech, "transcribe", slowly)
    p.add(on_progress=lambda state: told.append((state.path, state.part)))
    assert told[-1] == (path, "")
    assert {part for _, part in told if part} and all(part == "" or ":" in part for _, part in told)


def test_a_recording_in_which_nothing_is_said_tells_so(p: Place) -> None:
    p.write("rain.mp3", texts=["rain"], sound=[0, 0, 0])
    [report] = p.add().files
    assert (report.status, report.reason) == ("partial", "nothing is said in it")
