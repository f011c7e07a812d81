"""The work of slow models on files that are not whole yet."""

import time
from pathlib import Path

import pytest

from indexers import unfinished as module
from indexers.unfinished import FORGETFUL, Unfinished


def test_what_was_put_is_there_for_the_same_file_also_later(tmp_path: Path) -> None:
    kept = Unfinished(tmp_path / "unfinished.sqlite")
    memo = kept.memo("abc", "/talk.mp3")
    assert memo.get("speech:1") is None
    memo.put("speech:1", b"said")
    assert memo.get("speech:1") == b"said"
    assert memo.get("speech:2") is None
    assert kept.memo("other", "/talk.mp3").get("speech:1") is None
    kept.close()
    assert Unfinished(tmp_path / "unfinished.sqlite").memo("abc", "/moved.mp3").get("speech:1") == b"said"


def test_looking_makes_no_file(tmp_path: Path) -> None:
    kept = Unfinished(tmp_path / "unfinished.sqlite")
    assert kept.memo("abc", "/a").get("x") is None
    kept.drop(["abc"])
    kept.forget(["/a"])
    kept.tidy(lambda _path: False)
    assert list(tmp_path.iterdir()) == []


def test_what_is_stored_removed_or_gone_is_forgotten_and_leaves_no_bytes(tmp_path: Path) -> None:
    kept = Unfinished(tmp_path / "unfinished.sqlite")
    for name in ("stored", "removed", "gone", "there"):
        kept.memo(name, f"/{name}").put("step", f"phrase-of-{name}".encode())
    kept.drop(["stored"])
    kept.forget(["/removed"])
    kept.tidy(lambda path: path == "/there")
    assert [kept.memo(name, "").get("step") for name in ("stored", "removed", "gone")] == [None] * 3
    assert kept.memo("there", "").get("step") == b"phrase-of-there"
    kept.close()
    data = (tmp_path / "unfinished.sqlite").read_bytes()
    assert b"phrase-of-there" in data
    assert not any(f"phrase-of-{name}".encode() in data for name in ("stored", "removed", "gone"))


def test_what_nobody_came_back_for_is_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Unfinished(tmp_path / "unfinished.sqlite")
    kept.memo("abc", "/a").put("step", b"x")
    late = time.time() + module._KEPT_S + 60
    monkeypatch.setattr(time, "time", lambda: late)
    kept.tidy(lambda _path: True)
    assert kept.memo("abc", "/a").get("step") is None


def test_a_damaged_file_is_made_anew_and_one_that_can_not_be_written_keeps_nothing(tmp_path: Path) -> None:
    path = tmp_path / "unfinished.sqlite"
    path.write_bytes(b"this is no database" * 100)
    memo = Unfinished(path).memo("abc", "/a")
    assert memo.get("step") is None
    memo.put("step", b"x")
    assert memo.get("step") == b"x"
    nowhere = Unfinished(tmp_path / "no" / "such" / "folder.sqlite").memo("abc", "/a")
    nowhere.put("step", b"x")
    assert nowhere.get("step") is None


def test_the_forgetful_memo_keeps_nothing() -> None:
    FORGETFUL.put("step", b"x")
    assert FORGETFUL.get("step") is None
