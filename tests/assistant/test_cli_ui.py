"""``locus ui``: how it begins, what it refuses, and that it ends as it is asked to."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from assistant import Assistant, cli, page
from indexers.errors import UsageError
from indexers.lock import WriterLock

LOCUS = [sys.executable, "-c", "from assistant.cli import main; main()"]
Refused = Callable[..., str]


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


@pytest.fixture
def refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Refused:
    """Calls ``locus ui``, which is to be a wrong use of it; gives the line that says so."""

    def call(*arguments: object) -> str:
        code = cli.run(["--library", str(tmp_path / "library"), "ui", "--no-browser", *map(str, arguments)])
        told = capsys.readouterr()
        assert (code, told.out) == (2, "")
        assert told.err.startswith("locus: ")
        assert told.err.count("\n") == 1
        return told.err

    return call


def served(library: Path, *options: str, **environment: str) -> tuple[subprocess.Popen[str], str]:
    """The command in a process, and the address that it says."""
    command = [*LOCUS, "--library", str(library), "ui", "--no-browser", "--port", "0", *options]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env={**os.environ, **environment})
    assert process.stderr is not None
    line = process.stderr.readline()
    found = re.fullmatch(r"Locus is at (http://\S+/) \(Ctrl-C ends it\)\n", line)
    assert found is not None, line + process.stderr.read()
    return process, found[1]


@pytest.mark.skipif(os.name == "nt", reason="signals are POSIX")
@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
def test_it_ends_when_it_is_asked_to_with_streams_open(tmp_path: Path, sent: signal.Signals, code: int) -> None:
    temp = tmp_path / "temp"
    temp.mkdir()
    process, url = served(tmp_path / "library", TMPDIR=str(temp))
    opened = threading.Event()

    def listen() -> None:
        with httpx.stream("GET", f"{url}gradio_api/heartbeat/x", timeout=60) as stream:
            for _ in stream.iter_raw():
                opened.set()

    listening = [threading.Thread(target=listen) for _ in range(3)]
    for each in listening:
        each.start()
    assert opened.wait(20)
    assert len(list(temp.glob("locus-page-*"))) == 1
    process.send_signal(sent)
    assert process.wait(30) == code
    for each in listening:
        each.join(10)
    assert process.stderr is not None
    # On a slow machine, whoever pressed Ctrl-C is told that it is not done yet.
    slow = "storing what is under way; once more ends it at once\n"
    assert process.stderr.read() in (("", slow) if sent == signal.SIGINT else ("",))
    assert list(temp.glob("locus-page-*")) == []
    # Made at the first visit, and free again.
    assert (tmp_path / "library" / "catalog.sqlite").is_file()
    with Assistant(tmp_path / "library") as locus:
        assert locus.files() == []
    assert not WriterLock(tmp_path / "library" / "lock").is_taken()


def test_a_password_from_a_file_is_asked_for(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("Gänse im Nebel\nanything\n", encoding="utf-8-sig")
    process, url = served(tmp_path / "library", "--password-file", str(file), "--host", "0.0.0.0")
    try:
        here = re.sub(r"//[^:]+:", "//127.0.0.1:", url)
        assert httpx.get(here).status_code == 401
        assert httpx.get(here, auth=httpx.BasicAuth("", "Gänse im Nebel".encode())).status_code == 200
    finally:
        process.terminate()
        process.wait(30)


def test_other_machines_are_served_only_with_a_password(refused: Refused) -> None:
    assert "without a password; give one (--password, --password-file" in refused("--host", "0.0.0.0")


def test_what_can_not_be_served_is_told_in_a_line(refused: Refused, taken: int) -> None:
    assert f"port {taken} of 127.0.0.1 is taken" in refused("--port", taken)
    assert "no host" in refused("--host", "no such host")
    assert "no port 70000" in refused("--port", 70000)


def test_what_is_no_password_is_told_in_a_line(refused: Refused, tmp_path: Path) -> None:
    file = tmp_path / "password"
    assert "can not be read" in refused("--password-file", file)
    for content, told in (
        (b"", "empty line"),
        (b"\nlater\n", "empty line"),
        (b"\xff\n", "can not be read"),
        (b"short\n", "too short"),
    ):
        file.write_bytes(content)
        assert told in refused("--password-file", file)
    assert "not both" in refused("--password-file", file, "--password")


def test_the_setting_is_the_password_unless_another_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def start(_locus: Assistant, *, password: str, **_options: object) -> None:
        asked.append(password)

    monkeypatch.setattr(page, "start", start)
    with Assistant(tmp_path / "library", ui_password="from the setting") as locus:
        for password in (None, "said", ""):
            locus.ui(password=password, block=False)
    assert asked == ["from the setting", "said", ""]


def test_from_python_it_is_open_until_it_is_closed(tmp_path: Path) -> None:
    with Assistant(tmp_path / "library") as locus:
        with locus.ui(port=0, open_browser=False, block=False) as served:
            assert httpx.get(served.url).status_code == 200
            assert not served.wait(0)
        assert served.wait(0)
        with pytest.raises(UsageError, match="without a password"):
            locus.ui(host="0.0.0.0", open_browser=False)
