"""Vectors that do not match their checksums: named, left out of searches, and made again."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from indexers.decoders import decoder_for
from indexers.errors import UsageError
from indexers.library import Library
from indexers.mending import mend_pictures, mend_texts
from indexers.parsers import parser_for
from indexers.pipeline import Pipeline
from indexers.protocols import Source
from indexers.reading import FileReader
from indexers.senses import Senses
from indexers.testing import HashingEmbedder
from indexers.types import Decoded, Parsed, Pixels, Unread, Vectors


class Colours:
    """An image model whose vectors are a picture's mean colour."""

    space, dim, scale = "image:colours", 3, 100.0

    def prepare(self, pixels: Pixels) -> Pixels:
        return pixels[:8, :8]

    def embed_images(self, prepared: Sequence[Pixels]) -> Vectors:
        means = np.stack([pixels.reshape(-1, 3).mean(0) + 1 for pixels in prepared]).astype(np.float32)
        return means / np.linalg.norm(means, axis=1, keepdims=True)

    def embed_texts(self, texts: Sequence[str]) -> Vectors:
        return np.tile(np.array([[1, 0, 0]], np.float32), (len(texts), 1))


class InProcess:
    def __init__(self) -> None:
        self.read: list[str] = []

    def parse(self, source: Source) -> Parsed:
        self.read.append(source.name)
        parser = parser_for(source.format)
        assert parser is not None
        return parser(source)

    def decode(self, source: Source, what: Unread, start: float) -> Decoded:
        decoder = decoder_for(what, source.format)
        assert decoder is not None
        return decoder(source, start)


class Place:
    def __init__(self, root: Path) -> None:
        self.files = root / "files"
        self.files.mkdir()
        self.library = Library(root / "library")
        self.embedder, self.reader, images = HashingEmbedder(), InProcess(), Colours()
        reader = FileReader(self.reader, Senses(images=lambda: images), self.library.unfinished, max_bytes=10**7)
        self.pipeline = Pipeline(self.library, self.embedder, reader)
        for name, colour in [("red", (250, 0, 0)), ("blue", (0, 0, 250))]:
            Image.new("RGB", (40, 30), colour).save(self.files / f"{name} wall.png")
        for number in range(5):
            (self.files / f"{number}.txt").write_text(f"The gasket number{number} is made of cork.\n")
        self.pipeline.add([self.files])
        self.whole = self.vectors()
        self.reader.read.clear()

    def vectors(self) -> dict[str, list[bytes]]:
        """What is stored of each file."""
        rows = self.library.catalog._rows(
            "SELECT f.path, v.data FROM files f JOIN chunks k ON k.content = f.content "
            "JOIN vectors v ON v.chunk = k.id ORDER BY f.path, v.space, k.number"
        )
        found: dict[str, list[bytes]] = {}
        for path, data in rows:
            found.setdefault(Path(path).name, []).append(data)
        return found

    def damage(self, name: str, space: str) -> None:
        with self.library.writing() as catalog:
            state = catalog.file_state(str(self.files / name))
            assert state is not None
            for chunk, data in catalog._rows(
                "SELECT v.chunk, v.data FROM vectors v JOIN chunks k ON k.id = v.chunk WHERE k.content=? AND v.space=?",
                (state.content, space),
            ):
                broken = bytes([data[0] ^ 16]) + data[1:]
                catalog._rows("UPDATE vectors SET data=? WHERE chunk=? AND space=?", (broken, chunk, space))

    def is_sound(self) -> bool:
        return self.library.catalog.problems() + self.library.snapshot_problems() == []


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path)
    yield made
    made.library.close()


def test_what_is_sound_asks_for_no_model(place: Place) -> None:
    def never() -> HashingEmbedder:
        raise AssertionError("nothing is damaged")

    assert mend_texts(place.library, never) == []
    assert mend_pictures(place.library, lambda: place.pipeline) == []
    assert place.reader.read == []


def test_texts_are_embedded_again_from_what_is_stored_though_the_file_is_gone(place: Place) -> None:
    for name in ("1.txt", "3.txt"):
        place.damage(name, place.embedder.space)
        (place.files / name).unlink()
    assert len(place.library.catalog.problems()) == 2
    lines = mend_texts(place.library, lambda: place.embedder)
    assert lines == [f"{place.files / name}: the vector of its chunk 1 was made again" for name in ("1.txt", "3.txt")]
    assert place.vectors() == place.whole
    assert place.reader.read == []
    assert place.is_sound()


def test_a_library_with_damaged_vectors_is_searched_without_them(place: Place) -> None:
    place.damage("1.txt", place.embedder.space)
    for path in place.library.root.glob("vectors*.faiss"):
        path.unlink()
    other = Library(place.library.root)
    index = other.vectors(place.embedder.space, place.embedder.dim)
    assert len(index) == other.catalog.count_vectors(place.embedder.space) - 1
    assert len(other.words().search("number1", 5)[0]) == 1
    mend_texts(place.library, lambda: place.embedder)
    # The index that was open takes it up as any other change.
    assert len(other.vectors(place.embedder.space, place.embedder.dim)) == len(index)
    assert other.snapshot_problems() == []
    other.close()


def test_another_model_mends_nothing(place: Place) -> None:
    place.damage("1.txt", place.embedder.space)
    with pytest.raises(UsageError):
        mend_texts(place.library, lambda: HashingEmbedder(dim=32))
    assert len(place.library.catalog.problems()) == 1


def test_a_picture_is_read_again(place: Place) -> None:
    place.damage("red wall.png", Colours.space)
    assert len(place.library.catalog.problems()) == 1
    [line] = mend_pictures(place.library, lambda: place.pipeline)
    assert line.startswith(f"{place.files / 'red wall.png'}: was read again")
    assert place.reader.read == ["red wall.png"]
    assert place.vectors() == place.whole
    assert place.is_sound()


def test_a_picture_that_is_gone_is_forgotten_and_one_with_a_copy_is_not(place: Place) -> None:
    (place.files / "copy.png").write_bytes((place.files / "blue wall.png").read_bytes())
    place.pipeline.add([place.files])
    for name in ("red wall.png", "blue wall.png"):
        place.damage(name, Colours.space)
        (place.files / name).unlink()
    lines = mend_pictures(place.library, lambda: place.pipeline)
    assert sorted(line.partition(":")[2].split(",")[0] for line in lines) == [" was forgotten", " was read again"]
    assert str(place.files / "red wall.png") not in {d.path for d in place.library.catalog.documents()}
    assert place.library.catalog.file_state(str(place.files / "copy.png")) is not None
    assert place.is_sound()
