"""What was removed: gone from results at once, and after compaction from every byte of the library's files."""

import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from indexers import library as module
from indexers.errors import NotWritten
from indexers.library import Library
from indexers.parsers import parser_for
from indexers.pipeline import Pipeline
from indexers.protocols import Source
from indexers.reading import FileReader
from indexers.senses import Senses
from indexers.testing import HashingEmbedder
from indexers.types import Parsed

SECRET = "xylophonist quetzalcoatl"


class InProcess:
    def parse(self, source: Source) -> Parsed:
        parser = parser_for(source.format)
        assert parser is not None
        return parser(source)

    def decode(self, source: Source, what: object, start: float) -> Any:
        raise AssertionError("there are only texts here")


class Place:
    def __init__(self, root: Path) -> None:
        self.files = root / "files"
        self.files.mkdir()
        self.embedder = HashingEmbedder()
        self.library = Library(root / "library")
        reader = FileReader(InProcess(), Senses(), self.library.unfinished, max_bytes=10**6)
        self.pipeline = Pipeline(self.library, self.embedder, reader)
        for number in range(12):
            (self.files / f"{number}.txt").write_text(f"The file number{number} tells of the weather.\n" * 20)
        self.secret = self.files / "secret.txt"
        self.secret.write_text(f"The {SECRET} plays on Thursdays.\n")
        self.pipeline.add([self.files])

    def is_found(self, library: Library | None = None) -> bool:
        library = library or self.library
        chunks = [int(i) for i in library.words().search(SECRET, 5)[0]]
        space, dim = self.embedder.space, self.embedder.dim
        chunks += library.vectors(space, dim).search(self.embedder.embed_query(SECRET), 20)[0].tolist()
        return any("xylophonist" in stored.chunk.body for stored in library.catalog.chunks(chunks).values())

    def holders(self) -> list[str]:
        """The library's files that hold a word of the secret, as it is written or as it is stemmed."""
        words = [b"xylophonist", b"quetzalcoatl"]
        every = [path for path in self.library.root.rglob("*") if path.is_file()]
        found = [path.name for path in every if any(word in path.read_bytes() for word in words)]
        # tantivy's dictionary is a graph of letters in which no word stands as it is written.
        searcher = self.library.words()._fresh()[0]
        found += ["dictionary" for word in words if searcher.doc_freq("exact", word.decode())]
        return sorted(found)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path)
    yield made
    made.library.close()


def test_a_removed_file_leaves_no_byte_in_a_small_library(place: Place) -> None:
    assert place.is_found()
    assert place.holders() == ["catalog.sqlite-wal", "dictionary", "dictionary"]
    place.pipeline.remove([place.secret])
    assert not place.is_found()
    assert place.holders() == []
    assert place.library.catalog.problems() + place.library.snapshot_problems() == []


def test_a_file_that_has_vanished_leaves_none_either(place: Place) -> None:
    place.secret.unlink()
    place.pipeline.add([place.files])
    assert not place.is_found()
    assert place.holders() == []


def test_in_a_large_library_it_is_gone_from_results_at_once_and_from_the_files_when_asked(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_SMALL", 10)
    other = Library(place.library.root)
    assert place.is_found(other)
    place.pipeline.remove([place.secret])
    assert not place.is_found()
    assert not place.is_found(other)
    assert place.holders() == ["catalog.sqlite-wal", "dictionary", "dictionary"]
    place.library.compact()
    assert place.holders() == []
    assert not place.is_found()
    assert not place.is_found(other)
    # One that was open meanwhile goes on, though the changes that it has not seen are forgotten.
    (place.files / "late.txt").write_text("A late word about barometers.")
    place.pipeline.add([place.files])
    assert (
        other.words().search("barometers", 5)[0].tolist() == place.library.words().search("barometers", 5)[0].tolist()
    )
    assert len(other.words().search("barometers", 5)[0]) == 1
    assert other.snapshot_problems() == []
    other.close()


def test_it_is_compacted_by_itself_once_much_of_it_is_dead(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SMALL", 10)
    monkeypatch.setattr(module, "_DEAD", 8)
    place.secret.write_text("Nothing to see here.\n")
    place.pipeline.add([place.files])
    assert place.holders() != []
    for number in range(9):
        (place.files / f"{number}.txt").write_text("This has changed.\n" * (number + 1))
    place.pipeline.add([place.files])
    assert place.holders() == []
    assert place.library.catalog.removed_lately() == 0


def test_a_reader_that_is_behind_the_forgotten_changes_begins_anew(place: Place) -> None:
    reader = Library(place.library.root)
    space, dim = place.embedder.space, place.embedder.dim
    before = len(reader.vectors(space, dim))
    place.pipeline.remove([place.files / "3.txt", place.files / "4.txt"])
    (place.files / "new.txt").write_text("A new one.")
    place.pipeline.add([place.files / "new.txt"])
    place.library.compact()
    index = reader.vectors(space, dim)
    assert len(index) == len(place.library.vectors(space, dim)) != before
    query = place.embedder.embed_query("number3")
    assert np.array_equal(index.search(query, 9)[0], place.library.vectors(space, dim).search(query, 9)[0])
    reader.close()


def test_what_slow_models_gave_is_cleared_too(place: Place) -> None:
    place.library.unfinished.memo("abc", "/gone.pdf").put("page 1", SECRET.encode())
    place.library.unfinished.forget(["/gone.pdf"])
    place.pipeline.remove([place.secret])
    assert place.holders() == []


def test_snapshots_of_spaces_that_are_gone_are_cleared(place: Place) -> None:
    stray = [place.library.root / name for name in ("vectors-0badcafe.faiss", "vectors.faiss.tmp")]
    for path in stray:
        path.write_bytes(b"of another model")
    place.library.compact()
    assert not any(path.exists() for path in stray)


def test_a_disk_without_room_for_it_keeps_nobody_from_removing(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise NotWritten("no room")

    monkeypatch.setattr(place.library, "compact", refuse)
    assert place.pipeline.remove([place.secret]) == 1
    assert not place.is_found()


READ = textwrap.dedent(
    """
    import sqlite3, sys, time
    db = sqlite3.connect(sys.argv[1], isolation_level=None)
    db.execute("BEGIN")
    db.execute("SELECT COUNT(*) FROM files").fetchall()
    print("reading", flush=True)
    time.sleep(float(sys.argv[2]))
    """
)


def test_a_reader_in_another_process_is_waited_for(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SMALL", 10)
    place.pipeline.remove([place.secret])
    command = [sys.executable, "-c", READ, str(place.library.root / "catalog.sqlite"), "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as reader:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "reading\n"
        place.library.compact()
    assert place.holders() == []
