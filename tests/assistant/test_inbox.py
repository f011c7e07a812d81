"""Files that are kept: names that lead nowhere, nothing overwritten, nothing half there."""

import errno
import os
import shutil
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant import Assistant
from assistant.inbox import keep, safe_name
from indexers.errors import NotWritten, UsageError


def made(folder: Path, name: str, text: str = "words") -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(text)
    return path


def test_the_same_file_is_kept_once_and_another_of_its_name_beside_it(tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    first = keep(made(tmp_path / "a", "note.tar.gz", "one"), inbox)
    assert (first, first.read_text()) == (inbox / "note.tar.gz", "one")
    assert keep(made(tmp_path / "b", "note.tar.gz", "one"), inbox) == first
    other = keep(made(tmp_path / "c", "note.tar.gz", "two"), inbox)
    assert (other.name, other.read_text()) == ("note.tar (2).gz", "two")
    assert keep(made(tmp_path / "c", "note.tar.gz", "two"), inbox) == other
    assert keep(made(tmp_path / "d", "note.tar.gz", "six"), inbox).name == "note.tar (3).gz"
    assert first.read_text() == "one"
    assert sorted(path.name for path in inbox.iterdir()) == ["note.tar (2).gz", "note.tar (3).gz", "note.tar.gz"]
    assert stat.S_IMODE(inbox.stat().st_mode) == 0o700
    assert stat.S_IMODE(first.stat().st_mode) == 0o600


def test_a_link_that_lies_there_is_neither_followed_nor_replaced(tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    secret = made(tmp_path / "a", "secret", "words")
    (inbox / "note.txt").symlink_to(secret)
    (inbox / "note (2).txt").symlink_to(tmp_path / "nowhere")
    kept = keep(made(tmp_path / "b", "note.txt", "words"), inbox)
    assert kept.name == "note (3).txt" and not kept.is_symlink()
    assert secret.read_text() == "words" and (inbox / "note.txt").is_symlink()


def test_a_full_disk_is_told_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inbox = tmp_path / "inbox"
    source = made(tmp_path / "a", "note.txt")

    def full(opened: object, target: object, length: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "copyfileobj", full)
        with pytest.raises(NotWritten, match=r"note.txt can not be kept in .*: the disk is full; make room"):
            keep(source, inbox)
    assert list(inbox.iterdir()) == []
    assert keep(source, inbox).read_text() == "words"


def test_a_file_system_without_second_names_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def link(source: object, target: object) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", link)
    inbox = tmp_path / "inbox"
    assert keep(made(tmp_path / "a", "note.txt", "one"), inbox).name == "note.txt"
    assert keep(made(tmp_path / "b", "note.txt", "two"), inbox).name == "note (2).txt"
    assert sorted(path.read_text() for path in inbox.iterdir()) == ["one", "two"]


def test_what_can_not_be_kept_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no file"):
        keep(tmp_path, tmp_path / "inbox")
    blocked = made(tmp_path, "inbox")
    with pytest.raises(NotWritten, match="can not be kept"):
        keep(made(tmp_path / "a", "note.txt"), blocked)


@given(st.text(max_size=300))
def test_every_name_becomes_a_plain_one(name: str) -> None:
    safe = safe_name(name)
    assert safe and safe not in (".", "..") and len(safe.encode()) <= 210
    assert Path(safe).name == safe and not safe.startswith(".")
    assert not any(character < " " or character in '<>:"/\\|?*' for character in safe)
    assert safe_name(safe) == safe


def test_the_facade_keeps_beside_the_library_or_where_it_is_told(tmp_path: Path) -> None:
    source = made(tmp_path / "a", "upload", "words")
    with Assistant(tmp_path / "library") as locus:
        assert locus.keep(source, "../note.txt") == tmp_path / "library-files" / "note.txt"
    with Assistant(tmp_path / "library", inbox=str(tmp_path / "elsewhere")) as locus:
        assert locus.keep(source) == tmp_path / "elsewhere" / "upload"
