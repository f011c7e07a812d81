"""The folder of what is uploaded: private, one for a process, gone at the end, and cleared after a crash."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from ui.scratch import Scratch

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def own_temp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    for name in ("GRADIO_TEMP_DIR", "GRADIO_EXAMPLES_CACHE"):
        monkeypatch.setenv(name, "before")
    return tmp_path


def test_it_is_private_and_goes_with_the_last_who_used_it(own_temp: Path) -> None:
    scratch = Scratch()
    first, second = scratch.take(), scratch.take()
    assert first == second
    assert os.environ["GRADIO_TEMP_DIR"] == str(first)
    if os.name == "posix":
        assert (first.parent.stat().st_mode & 0o777, first.stat().st_mode & 0o777) == (0o700, 0o700)
    (first / "upload.txt").write_text("x")
    scratch.give_back()
    assert first.is_dir()
    scratch.give_back()
    assert list(own_temp.iterdir()) == []
    assert "GRADIO_TEMP_DIR" not in os.environ


def test_it_is_made_again_where_it_was_unless_somebody_else_took_the_place(own_temp: Path) -> None:
    scratch = Scratch()
    first = scratch.take()
    scratch.give_back()
    assert scratch.take() == first
    assert (first.parent.stat().st_mode & 0o777) == 0o700
    scratch.give_back()
    first.parent.mkdir()
    second = scratch.take()
    assert second != first
    scratch.give_back()
    assert list(own_temp.iterdir()) == [first.parent]


def test_what_a_run_that_was_killed_left_is_cleared_and_nothing_else(own_temp: Path) -> None:
    code = "import os; from ui.scratch import SCRATCH; (SCRATCH.take() / 'secret.txt').write_text('x'); os._exit(9)"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(own_temp)}
    subprocess.run([sys.executable, "-c", code], env=environment, check=False)
    (left,) = own_temp.glob("locus-page-*")
    assert (left / "files" / "secret.txt").is_file()
    other = own_temp / "locus-page-other"
    other.mkdir()
    (own_temp / "locus-page-link").symlink_to(own_temp.parent)
    in_use = Scratch()
    kept = in_use.take()
    assert not left.exists()
    scratch = Scratch()
    scratch.take()
    assert kept.is_dir()
    assert other.is_dir()
    assert own_temp.parent.is_dir()
    scratch.give_back()
    in_use.give_back()


def test_without_room_it_is_told(own_temp: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from indexers.errors import NotWritten

    monkeypatch.setattr(tempfile, "tempdir", str(own_temp / "gone"))
    with pytest.raises(NotWritten, match="no folder for uploads"):
        Scratch().take()
