"""Pipes, sockets, devices and links, by themselves and in the way of an ``add``."""

import io
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from indexers import adding, reading
from indexers.errors import Unreadable, Unsupported
from indexers.library import Library
from indexers.parsers import parser_for
from indexers.pipeline import Pipeline
from indexers.places import LEADS_OUT, Bounds, open_regular
from indexers.protocols import Source
from indexers.reading import FileReader
from indexers.reports import AddReport
from indexers.senses import Senses
from indexers.testing import HashingEmbedder
from indexers.types import Decoded, Parsed, Unread

Ends = Callable[[], AbstractContextManager[None]]
needs_pipes = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes on this system")


class InProcess:
    """Runs parsers here."""

    def parse(self, source: Source) -> Parsed:
        parser = parser_for(source.format)
        assert parser is not None
        return parser(source)

    def decode(self, source: Source, what: Unread, start: float) -> Decoded:
        raise AssertionError("there are no models")


class Setting:
    """A library and a folder to add, with a secret beside it."""

    def __init__(self, root: Path) -> None:
        self.files, self.secret = root / "files", root / "secret.txt"
        self.files.mkdir()
        self.secret.write_text("topsecret")
        self.library = Library(root / "library")
        self.reader = FileReader(InProcess(), Senses(), self.library.unfinished, max_bytes=10**6)
        self.pipeline = Pipeline(self.library, HashingEmbedder(), self.reader)

    def add(self, *paths: Path) -> dict[str, tuple[str, str]]:
        """Status and reason of each file."""
        return self.told(self.pipeline.add(paths or [self.files]))

    @staticmethod
    def told(report: AddReport) -> dict[str, tuple[str, str]]:
        return {Path(file.path).name: (file.status.value, file.reason) for file in report.files}

    def finds(self, word: str) -> bool:
        return len(self.library.words().search(word, 10)[0]) > 0


@pytest.fixture
def s(tmp_path: Path) -> Iterator[Setting]:
    setting = Setting(tmp_path)
    yield setting
    setting.library.close()


INDEXED = ("indexed", "")
NOT_REGULAR = ("unsupported", "not a regular file")


@needs_pipes
def test_only_regular_files_are_opened(tmp_path: Path, ends: Ends) -> None:
    (tmp_path / "file").write_bytes(b"text")
    (tmp_path / "link").symlink_to("file")
    os.mkfifo(tmp_path / "pipe")
    for name in ("file", "link"):
        with open_regular(tmp_path / name) as file:
            assert file.read() == b"text"
    with ends():
        for path in (tmp_path / "pipe", tmp_path, Path(os.devnull)):
            with pytest.raises(Unsupported):
                open_regular(path)
    with pytest.raises(FileNotFoundError):
        open_regular(tmp_path / "absent")


@needs_pipes
def test_a_file_that_becomes_a_pipe_at_the_last_moment_blocks_nobody(
    tmp_path: Path, ends: Ends, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"text")
    opened = os.open

    def swapped(name: Path, flags: int) -> int:
        path.unlink()
        os.mkfifo(path)
        return opened(name, flags)

    monkeypatch.setattr(os, "open", swapped)
    with ends(), pytest.raises(Unsupported, match="not a regular file"):
        open_regular(path)


class Endless(io.RawIOBase):
    """A file that tells that it is empty and does not end, as some of the system's own."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        self.read_bytes = 0

    def fileno(self) -> int:
        return self._file.fileno()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self.read_bytes += len(buffer)
        assert self.read_bytes < 100 << 20, "it is read for ever"
        return len(buffer)


def test_what_holds_more_than_it_tells_is_not_read_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.txt").touch()
    endless = Endless(tmp_path / "a.txt")
    monkeypatch.setattr(reading, "open_regular", lambda _path: io.BufferedReader(endless))
    with pytest.raises(Unreadable, match="more than it tells"):
        reading.digest(tmp_path / "a.txt")


@needs_pipes
def test_pipes_sockets_and_devices_are_passed_by_and_their_neighbours_indexed(s: Setting, ends: Ends) -> None:
    (s.files / "a.txt").write_text("a red bicycle")
    os.mkfifo(s.files / "pipe.txt")
    (s.files / "zero.txt").symlink_to("/dev/zero")
    before = Path.cwd()
    os.chdir(s.files)  # a socket's name may be no longer than a hundred bytes
    try:
        with socket.socket(socket.AF_UNIX) as server, ends():
            server.bind("socket.txt")
            assert s.add() == {"a.txt": INDEXED}
            named = [s.files / name for name in ("a.txt", "pipe.txt", "socket.txt", "zero.txt")]
            assert s.add(*named, Path("/dev/zero")) == {
                "a.txt": INDEXED,
                **dict.fromkeys(("pipe.txt", "socket.txt", "zero.txt", "zero"), NOT_REGULAR),
            }
    finally:
        os.chdir(before)


@needs_pipes
def test_a_pipe_beside_a_picture_is_no_caption(s: Setting, ends: Ends) -> None:
    from PIL import Image

    Image.new("RGB", (40, 30), "red").save(s.files / "photo.png")
    os.mkfifo(s.files / "photo.txt")
    with ends():
        assert list(s.add(s.files / "photo.png")) == ["photo.png"]
        assert s.reader.read_query(s.files / "photo.png").version.beside == ()
        assert s.reader.read_query(s.files / "photo.txt").content.reason == "not a regular file"


def test_links_are_followed_as_far_as_the_folder_that_was_named(s: Setting) -> None:
    (s.files / "sub").mkdir()
    (s.files / "sub" / "real.txt").write_text("a red bicycle")
    (s.files / "inside.txt").symlink_to("sub/real.txt")
    (s.files / "out.txt").symlink_to(s.secret)
    (s.files / "up.txt").symlink_to("../secret.txt")
    (s.files / "chain.txt").symlink_to("out.txt")
    (s.files / "folder").symlink_to(s.secret.parent)
    assert s.add() == {"inside.txt": INDEXED, "real.txt": INDEXED}
    # From below "sub", "../inside.txt" is outside.
    (s.files / "sub" / "above.txt").symlink_to("../inside2.txt")
    (s.files / "inside2.txt").write_text("a blue boat")
    assert set(s.add(s.files / "sub")) == {"real.txt"}
    assert set(s.add()) == {"inside.txt", "inside2.txt", "real.txt", "above.txt"}
    assert not s.finds("topsecret")
    # A link that is named itself is meant, and so is a folder behind one.
    assert s.add(s.files / "out.txt") == {"out.txt": INDEXED}
    assert s.finds("topsecret")
    (s.secret.parent / "door").symlink_to(s.files / "sub")
    assert set(s.add(s.secret.parent / "door")) == {"real.txt"}


def test_a_caption_that_is_a_link_out_of_the_folder_is_none(s: Setting) -> None:
    from PIL import Image

    Image.new("RGB", (40, 30), "red").save(s.files / "photo.png")
    (s.files / "photo.txt").symlink_to(s.secret)
    assert set(s.add()) == {"photo.png"}
    assert set(s.add(s.files / "photo.png")) == {"photo.png"}
    assert s.reader.read_query(s.files / "photo.png").version.beside == ()
    assert not s.finds("topsecret")
    (s.files / "photo.txt").unlink()
    (s.files / "words.md").write_text("a red bicycle")
    (s.files / "photo.txt").symlink_to("words.md")
    s.add(s.files / "photo.png")
    assert s.finds("bicycle")


@pytest.mark.parametrize("moment", ["found", "looked at"])
def test_a_file_that_becomes_a_link_before_it_is_read_is_not_read(
    s: Setting, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    path = s.files / "a.txt"
    path.write_text("a red bicycle")
    (s.files / "b.txt").write_text("a blue boat")

    def swap() -> None:
        if not path.is_symlink():
            path.unlink()
            path.symlink_to(s.secret)

    if moment == "found":
        regular = adding.regular
        monkeypatch.setattr(adding, "regular", lambda name: (swap(), regular(name))[1])
    else:
        read = adding.Adding._read_and_cut
        monkeypatch.setattr(adding.Adding, "_read_and_cut", lambda self, version: (swap(), read(self, version))[1])
    assert s.add() == {"a.txt": ("unsupported", LEADS_OUT), "b.txt": INDEXED}
    assert not s.finds("topsecret")


def test_a_link_out_of_the_folder_is_not_taken_for_a_file_that_was_moved(s: Setting) -> None:
    moved = s.files / "a.txt"
    moved.write_text("topsecret")
    s.add()
    moved.unlink()
    (s.files / "b.txt").symlink_to(s.secret)  # the same bytes, elsewhere
    report = s.pipeline.sync([str(moved), str(s.files / "b.txt")], bounds=Bounds([str(s.files)]))
    assert [(Path(file.path).name, file.change) for file in report.files] == [("a.txt", "removed"), ("b.txt", "failed")]
    assert not s.finds("topsecret")


def test_a_folder_that_becomes_a_link_before_its_files_are_read_leads_nowhere(
    s: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, elsewhere = s.files / "sub", s.secret.parent / "elsewhere"
    for place, word in ((folder, "bicycle"), (elsewhere, "topsecret")):
        place.mkdir()
        (place / "a.txt").write_text(word)
    regular = adding.regular

    def swapped(name: str) -> os.stat_result:
        if not folder.is_symlink():
            folder.rename(s.secret.parent / "away")
            folder.symlink_to(elsewhere)
        return regular(name)

    monkeypatch.setattr(adding, "regular", swapped)
    assert s.add() == {"a.txt": ("unsupported", LEADS_OUT)}
    assert not s.finds("topsecret")


def test_bounds(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "inner").mkdir()
    for name in ("in/a", "inner/a", "b"):
        (tmp_path / name).write_text("text")
    (tmp_path / "in" / "near").symlink_to("../inner/a")
    bounds = Bounds([str(tmp_path / "in"), str(tmp_path / "b")])
    assert bounds.hold(f"{tmp_path}/in/a")
    # A name that begins alike is another folder.
    assert not bounds.hold(f"{tmp_path}/in/near")
    # Two folders that were named are open to each other only for those below both.
    assert not Bounds([f"{tmp_path}/in", f"{tmp_path}/inner"]).hold(f"{tmp_path}/in/near")
    assert Bounds([f"{tmp_path}/in", str(tmp_path)]).hold(f"{tmp_path}/in/near")
    assert Bounds([f"{tmp_path}/in/near"]).hold(f"{tmp_path}/in/near")
    assert Bounds([os.sep]).hold(f"{tmp_path}/in/near")
    assert Bounds([]).hold(f"{tmp_path}/b")
    assert not Bounds([]).hold(f"{tmp_path}/in/near")


def test_a_link_whose_end_may_not_be_looked_up_is_out_of_bounds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bounds = Bounds([str(tmp_path)])

    def refused(_path: str) -> str:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("indexers.places.os.path.realpath", refused)
    assert not bounds.hold(f"{tmp_path}/cwd")


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.zip", b"PK\x05\x06" + bytes(18)),
        ("a.tar", bytes(257) + b"ustar" + bytes(250)),
        ("a.tar.gz", b"\x1f\x8b\x08" + bytes(30)),
        ("a.7z", b"7z\xbc\xaf\x27\x1c" + bytes(30)),
        ("a.rar", b"Rar!\x1a\x07" + bytes(30)),
    ],
)
def test_archives_say_that_they_are_not_unpacked(s: Setting, name: str, data: bytes) -> None:
    (s.files / name).write_bytes(data)
    assert s.add() == {name: ("unsupported", "archives are not unpacked: add what is in it")}
