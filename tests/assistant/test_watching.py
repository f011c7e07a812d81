"""Watching through the facade and the command line, with the bundled text model."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from assistant import Assistant, UsageError, cli

LOCUS = [sys.executable, "-c", "from assistant.cli import main; main()"]


def until(wanted: Callable[[], object]) -> None:
    """Waits for something to become true; a minute is for machines that are very busy."""
    end = time.monotonic() + 60
    while not wanted():
        assert time.monotonic() < end, "still not so"
        time.sleep(0.1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "inbox"
    made.mkdir()
    (made / "pump.txt").write_text("The gasket of the pump is made of cork.\n")
    return made


def test_a_library_is_kept_in_step_while_it_is_asked_and_remembers_its_folders(tmp_path: Path, folder: Path) -> None:
    reports = []
    with Assistant(tmp_path / "library", llm="none") as locus:
        assert locus.watched() == []
        watching = locus.watch([folder], on_report=reports.append)
        until(lambda: locus.search("cork gasket"))
        (folder / "boat.txt").write_text("The blue boat leaks at the stern.\n")
        until(lambda: len(locus.search("where does the boat leak")) == 2)
        assert "stern" in locus.ask("Where does the blue boat leak?").text
        (folder / "pump.txt").unlink()
        assert [Path(hit.path).name for hit in locus.search("cork gasket")] == ["boat.txt"]  # at once
        until(lambda: len(locus.files()) == 1)
        watching.stop()
        assert not watching.is_running and watching.wait(0)
        (folder / "lamp.txt").write_text("The lamp is broken.\n")
    assert {file.change for report in reports for file in report.files} == {"added", "removed"}
    with Assistant(tmp_path / "library", llm="none") as locus:
        assert locus.watched() == [str(folder)]
        with locus.watch():
            until(lambda: len(locus.files()) == 2)
        assert locus.unwatch(folder) == 1
        assert locus.watched() == []
        assert len(locus.files()) == 2


def test_closing_ends_watching(tmp_path: Path, folder: Path) -> None:
    with Assistant(tmp_path / "library", llm="none") as locus:
        watching = locus.watch(folder)
    assert not watching.is_running


def test_wrong_calls_are_told(tmp_path: Path, folder: Path) -> None:
    with Assistant(tmp_path / "library", llm="none") as locus:
        with pytest.raises(UsageError, match="no folder is watched yet"):
            locus.watch()
        with pytest.raises(UsageError, match="is no folder"):
            locus.watch([folder / "pump.txt"])
        assert locus.watched() == []


def test_the_command_tells_what_it_does_until_it_is_interrupted(tmp_path: Path, folder: Path) -> None:
    at = ["--library", str(tmp_path / "library")]
    with subprocess.Popen(
        [*LOCUS, *at, "watch", str(folder), "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        try:
            first = json.loads(process.stdout.readline())
            assert (first["change"], first["path"], first["chunks"]) == ("added", str(folder / "pump.txt"), 1)
            (folder / "pump.txt").rename(folder / "gasket.txt")
            second = json.loads(process.stdout.readline())
            assert (second["change"], second["path"]) == ("moved", str(folder / "gasket.txt"))
            assert second["reason"] == f"was {folder / 'pump.txt'}"
        finally:
            process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
        assert process.stderr.read() == f"watching {folder}; Ctrl-C ends it\n"


def test_the_command_lists_and_forgets_folders(
    tmp_path: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    library = tmp_path / "library"
    with Assistant(library, llm="none") as locus:
        locus.watch(folder).stop()
    at = ["--library", str(library), "watch"]
    assert cli.run([*at, "--list"]) == 0
    assert capsys.readouterr().out == f"{folder}\n"
    assert cli.run([*at, "--list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == [str(folder)]
    assert cli.run([*at, "--forget", str(folder)]) == 0
    assert cli.run([*at, "--forget", str(folder)]) == 2
    assert cli.run(at) == 2
    assert "name one: locus watch DIR" in capsys.readouterr().err
