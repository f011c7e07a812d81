import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from indexers.errors import UsageError
from indexers.walk import absolute, walk

NAUGHTY = [
    "undefined",
    "1;DROP TABLE files",
    "' OR 1=1 -- 1",
    "%s%n %d {0} $HOME",
    "100%_a*b?[c]",
    "<script>alert(1)<",
    "Ω≈ç√∫˜µ≤≥÷",
    "社會科學院語學研究所",
    "👩🏽‍🚀 🇺🇸",
    "הָיְתָהtest",
    "\u202etxt.exe",
    "\ufeffbom",
    "tab\tnew\nline\x07bell",
    " leading and trailing ",
    "-rf",
    "a!",
    "Z̮̞̠͙͔ͅA̗̞͈̻̗L̺̹̦̀G̵̖̞̹O",
    "n" * 250,
]


def make(folder: Path, *names: str) -> list[str]:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("text")
    return [str(folder / name) for name in names]


def test_hidden_things_version_control_and_litter_are_left_out(tmp_path: Path) -> None:
    wanted = make(tmp_path, "a.txt", "sub/b.txt", "sub/deep/c")
    make(tmp_path, ".hidden", ".git/config", "sub/.venv/x.py", "node_modules/m.js", "__pycache__/a.pyc", "CVS/Root")
    make(tmp_path, "~$report.docx", "Thumbs.db", "desktop.ini", "sub/.DS_Store")
    assert walk([tmp_path]).files == wanted


def test_what_is_named_is_taken_even_if_hidden(tmp_path: Path) -> None:
    hidden, inside = make(tmp_path, ".notes.txt", ".folder/in.txt")
    assert walk([hidden, tmp_path / ".folder"]).files == [hidden, inside]


def test_the_order_is_always_the_same_and_nothing_comes_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = make(tmp_path, "B.txt", "a.txt", "b.txt", "sub/a.txt", "sub/b.txt", "tub/a.txt")
    scandir = os.scandir

    class Backwards:
        def __init__(self, path: str) -> None:
            with scandir(path) as entries:
                self.entries = sorted(entries, key=lambda entry: entry.name, reverse=True)

        def __enter__(self) -> Iterator["os.DirEntry[str]"]:
            return iter(self.entries)

        def __iter__(self) -> Iterator["os.DirEntry[str]"]:
            return iter(self.entries)

        def __next__(self) -> "os.DirEntry[str]":
            if not self.entries:
                raise StopIteration
            return self.entries.pop(0)

        def __exit__(self, *_: object) -> None:
            self.entries = []

        def close(self) -> None:
            self.entries = []

    assert walk([tmp_path]).files == wanted
    monkeypatch.setattr(os, "scandir", Backwards)
    assert walk([tmp_path]).files == wanted
    monkeypatch.undo()
    assert walk([tmp_path, tmp_path / "sub", tmp_path / "a.txt", f"{tmp_path}/sub/../a.txt"]).files == wanted
    # What is named first comes first.
    assert walk([tmp_path / "tub", tmp_path]).files == [wanted[-1], *wanted[:-1]]


def test_links_to_files_are_followed_links_to_folders_not(tmp_path: Path) -> None:
    (real,) = make(tmp_path, "folder/real.txt")
    (tmp_path / "folder" / "loop").symlink_to(tmp_path)
    (tmp_path / "folder" / "self").symlink_to("self")
    (tmp_path / "folder" / "to-file").symlink_to(real)
    (tmp_path / "folder" / "nowhere").symlink_to("absent")
    below = str(tmp_path / "folder")
    # Links that lead nowhere are given, so that they can be reported.
    assert walk([tmp_path]).files == [f"{below}/{name}" for name in ("nowhere", "real.txt", "self", "to-file")]
    (tmp_path / "named").symlink_to(tmp_path / "folder")
    assert f"{tmp_path}/named/real.txt" in walk([tmp_path / "named"]).files


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes on this system")
def test_pipes_and_sockets_are_passed_by_unless_named(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        before = Path.cwd()
        os.chdir(tmp_path)  # a socket's name may be no longer than a hundred bytes
        try:
            server.bind("socket")
        finally:
            os.chdir(before)
        assert walk([tmp_path]).files == []
        assert walk([tmp_path / "pipe"]).files == [str(tmp_path / "pipe")]


def test_a_folder_that_can_not_be_listed_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, "a/x.txt", "closed/y.txt", "z/z.txt")
    scandir = os.scandir

    def refusing(path: str) -> object:
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    walked = walk([tmp_path])
    assert walked.files == [str(tmp_path / "a/x.txt"), str(tmp_path / "z/z.txt")]
    assert walked.refused == {str(tmp_path / "closed"): "the system refuses to list it (permission denied)"}


def test_an_unknown_path_is_an_error_before_anything_else(tmp_path: Path) -> None:
    make(tmp_path, "a.txt")
    with pytest.raises(UsageError, match="absent"):
        walk([tmp_path, tmp_path / "absent.txt"])
    with pytest.raises(UsageError):
        walk([f"{tmp_path}/\udcff"])


def test_naughty_names_are_just_names(tmp_path: Path) -> None:
    make(tmp_path, *NAUGHTY)
    assert walk([tmp_path]).files == sorted(f"{tmp_path}/{name}" for name in NAUGHTY)


def test_names_that_are_no_text_are_given(tmp_path: Path) -> None:
    name = os.fsencode(tmp_path) + b"/caf\xe9.txt"
    try:
        with open(name, "w"):  # noqa: PTH123 - Path takes no bytes
            pass
    except OSError:
        pytest.skip("the file system takes only text")
    assert [os.fsencode(path) for path in walk([tmp_path]).files] == [name]


def test_the_folder_that_is_left_out_is_left_out_under_any_name(tmp_path: Path) -> None:
    own, other = tmp_path / "library", tmp_path / "mine.txt"
    make(tmp_path, "library/catalog.sqlite", "library/words/x", "mine.txt")
    (tmp_path / "link").symlink_to(own)
    assert walk([tmp_path], own).files == [str(other)]
    assert walk([tmp_path], tmp_path / "link").files == [str(other)]
    assert walk([own, own / "words", own / "catalog.sqlite", tmp_path / "link"], own).files == []
    assert len(walk([tmp_path], tmp_path / "not there").files) == 3


def test_absolute_paths_keep_links_and_lose_dots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert absolute("~/a/../b") == str(tmp_path / "b")
    (tmp_path / "link").symlink_to("elsewhere")
    assert absolute(tmp_path / "link" / ".") == str(tmp_path / "link")
