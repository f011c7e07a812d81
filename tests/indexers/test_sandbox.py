"""The sandbox against parsers that hang, eat memory, crash, print and lie."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

from indexers.errors import Broken, Encrypted, FileError, LocusError, Unsupported
from indexers.protocols import Source
from indexers.sandbox import Sandbox
from indexers.types import Attachment, Status

HOSTILE = """
import ctypes, os, re, signal, socket, subprocess, sys, time
from indexers.errors import Broken, Encrypted
from indexers.types import Attachment, Block, Parsed, Piece, WholeLocator


def said(text, **more):
    return Parsed((Block((Piece(text, WholeLocator()),)),), **more)


def parse(source):
    way, _, then = source.name.partition(" ")
    return globals()["do_" + way](*[then] * bool(then), source)


def do_keep(then, source):
    blocks = []
    for page in (1, 2, 3):
        blocks += said(f"page {page}").blocks
        source.keep(blocks, page / 9, f"page {page} of 9")
    return globals()["do_" + then](source)

def do_keep_all(source):
    blocks = []
    for page in range(1, 1001):
        blocks += said(f"page {page} " + "word " * 200).blocks
        source.keep(blocks, page / 1000, f"page {page} of 1000")
    return Parsed(tuple(blocks), "Title")


def do_pid(source):
    return said(str(os.getpid()))

def do_echo(source):
    return said(source.path.read_text(), attachments=(Attachment("a.bin", bytes(range(256))),))

def do_slow_pid(source):
    time.sleep(0.3)
    return do_pid(source)

def do_sleep(source):
    time.sleep(60)

def do_spin(source):
    while True:
        pass

def do_hoard(source):
    held = []
    while True:
        held.append(b"x" * 2**20)
        time.sleep(0.0005)

def do_gulp(source):
    return said(str(len(bytearray(2**40))))

def do_segfault(source):
    os.kill(os.getpid(), signal.SIGSEGV)

def do_null(source):
    ctypes.string_at(0)

def do_hang_in_c(source):
    # The interpreter's lock is held all the time.
    re.match("(a+)+$", "a" * 100 + "b")

def do_abort(source):
    os.abort()

def do_broken(source):
    raise Broken("is damaged")

def do_garble(source):
    for descriptor in range(3, 20):
        try:
            os.write(descriptor, b"X" + bytes(9) + b"Y" * 1000)
        except OSError:
            pass
    return said("garbled")

def do_exit(source):
    os._exit(0)

def do_raise(source):
    raise LookupError("first line\\nsecond line")

def do_refuse(source):
    raise Encrypted("needs a password")

def do_print(source):
    print("to stdout"); sys.stdout.flush(); os.write(1, b"raw"); sys.stderr.write("noise" * 100000)
    sys.stdin.read()
    return said("printed")

def do_network(source):
    socket.create_connection(("127.0.0.1", 9), timeout=1)

def do_program(source):
    subprocess.run(["true"])

def do_modules(source):
    return said(" ".join(sys.modules))

def do_write(source):
    with open(source.path, "wb") as file:
        file.write(b"x" * 2**22)
    return said("written")
"""


@pytest.fixture
def parser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "hostile_parser.py").write_text(HOSTILE)
    monkeypatch.syspath_prepend(str(tmp_path))
    return "hostile_parser:parse"


@pytest.fixture
def source(tmp_path: Path):
    path = tmp_path / "file"
    path.write_text("grüße")
    return lambda name: Source(path, name, "text")


def text(parsed) -> str:
    return parsed.blocks[0].pieces[0].text


def test_result_comes_back_whole_and_the_child_stays_warm(parser, source):
    with Sandbox(parser=parser) as sandbox:
        parsed = sandbox.parse(source("echo"))
        assert text(parsed) == "grüße"
        assert parsed.attachments == (Attachment("a.bin", bytes(range(256))),)
        assert text(sandbox.parse(source("pid"))) == text(sandbox.parse(source("pid")))


def test_errors_of_a_parser_become_the_reason(parser, source):
    with Sandbox(parser=parser) as sandbox:
        pid = text(sandbox.parse(source("pid")))
        with pytest.raises(Encrypted, match=r"^needs a password$"):
            sandbox.parse(source("refuse"))
        with pytest.raises(Broken, match=r"^LookupError: first line$"):
            sandbox.parse(source("raise"))
        assert text(sandbox.parse(source("pid"))) == pid


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("crash", ["segfault", "null", "abort", "exit"])
def test_a_crash_is_the_files_and_the_next_file_is_read(parser, source, crash):
    with Sandbox(parser=parser) as sandbox:
        pid = text(sandbox.parse(source("pid")))
        with pytest.raises(Broken, match=r"^the reader crashed on it$"):
            sandbox.parse(source(crash))
        assert text(sandbox.parse(source("pid"))) != pid


@pytest.mark.parametrize("way", ["sleep", "spin", "hang_in_c"])
def test_time_is_limited(parser, source, way):
    with Sandbox(parser=parser, timeout_s=0.5) as sandbox:
        start = time.monotonic()
        with pytest.raises(Broken, match=r"^took longer than 0.5 s to read$"):
            sandbox.parse(source(way))
        assert time.monotonic() - start < 10
        assert text(sandbox.parse(source("echo"))) == "grüße"


@pytest.mark.skipif(sys.platform == "win32", reason="no limit there")
def test_processor_time_has_a_limit_of_its_own(parser, source):
    with Sandbox(parser=parser, timeout_s=60, cpu_s=0.2) as sandbox:
        with pytest.raises(Broken, match=r"^took more than 0.2 s of processor time to read$"):
            sandbox.parse(source("spin"))
        # Waiting costs no processor time, and each file has its own.
        assert all(text(sandbox.parse(source("slow_pid"))) for _ in range(3))


@pytest.mark.skipif(sys.platform == "win32", reason="no limit there")
@pytest.mark.parametrize("way", ["hoard", "gulp"])
def test_memory_is_limited(parser, source, way):
    with Sandbox(parser=parser, memory_bytes=200 * 2**20) as sandbox:
        with pytest.raises(Broken, match=r"^needs more than 200 MB of memory to read$"):
            sandbox.parse(source(way))
        assert text(sandbox.parse(source("echo"))) == "grüße"


LIMITED = {"timeout_s": 60.0, "cpu_s": 60.0, "memory_bytes": 200 * 2**20}


@pytest.mark.skipif(sys.platform == "win32", reason="signals, limits")
@pytest.mark.parametrize(
    ("end", "limits", "reason"),
    [
        ("sleep", {"timeout_s": 1.0}, "took longer than 1 s to read"),
        ("hang_in_c", {"timeout_s": 1.0}, "took longer than 1 s to read"),
        ("spin", {"cpu_s": 0.2}, "took more than 0.2 s of processor time to read"),
        ("hoard", {}, "needs more than 200 MB of memory to read"),
        ("gulp", {}, "needs more than 200 MB of memory to read"),
        ("null", {}, "the reader crashed on it"),
        ("abort", {}, "the reader crashed on it"),
        ("exit", {}, "the reader crashed on it"),
        ("raise", {}, "LookupError: first line"),
        ("broken", {}, "is damaged"),
    ],
)
def test_what_was_read_before_the_end_is_kept(parser, source, end, limits, reason):
    with Sandbox(parser=parser, **{**LIMITED, **limits}) as sandbox:
        parsed = sandbox.parse(source(f"keep {end}"))
        assert [piece.text for block in parsed.blocks for piece in block.pieces] == ["page 1", "page 2", "page 3"]
        assert parsed.coverage == 3 / 9
        assert parsed.notes == (reason, "what was read up to page 3 of 9 is kept")
        assert not parsed.unread
        # The next file is read as if nothing had been, and nothing of this one is with it.
        assert text(sandbox.parse(source("echo"))) == "grüße"
        with pytest.raises(Broken):
            sandbox.parse(source("broken"))


def test_what_is_refused_is_not_kept(parser, source):
    with Sandbox(parser=parser) as sandbox, pytest.raises(Encrypted):
        sandbox.parse(source("keep refuse"))


def test_an_answer_is_whole_however_much_of_it_came_before(parser, source):
    with Sandbox(parser=parser) as sandbox:
        parsed = sandbox.parse(source("keep_all"))
        assert [text.split()[:2] for text in (block.pieces[0].text for block in parsed.blocks)] == [
            ["page", str(page)] for page in range(1, 1001)
        ]
        assert (parsed.title, parsed.coverage, parsed.notes) == ("Title", 1.0, ())


@pytest.mark.skipif(sys.platform == "win32", reason="writes to the descriptors of its process")
def test_a_child_that_talks_nonsense_is_replaced(parser, source):
    with Sandbox(parser=parser, timeout_s=5.0) as sandbox:
        pid = text(sandbox.parse(source("pid")))
        with pytest.raises(Broken, match=r"^the reader gave no sensible answer$"):
            sandbox.parse(source("garble"))
        assert text(sandbox.parse(source("pid"))) != pid


@pytest.mark.skipif(sys.platform == "win32", reason="no limit there")
def test_output_files_are_limited(parser, source):
    with Sandbox(parser=parser, file_bytes=2**20) as sandbox, pytest.raises(Broken, match="OSError"):
        sandbox.parse(source("write"))


def test_what_a_library_prints_does_not_garble_the_answer(parser, source):
    with Sandbox(parser=parser) as sandbox:
        assert text(sandbox.parse(source("print"))) == "printed"
        assert text(sandbox.parse(source("echo"))) == "grüße"


@pytest.mark.parametrize("way", ["network", "program"])
def test_network_and_programs_are_refused(parser, source, way):
    with Sandbox(parser=parser) as sandbox, pytest.raises(Broken, match="PermissionError"):
        sandbox.parse(source(way))


def test_child_is_light(parser, source):
    with Sandbox(parser=parser) as sandbox:
        modules = set(text(sandbox.parse(source("modules"))).split())
    assert not modules & {"torch", "faiss", "transformers", "gradio", "pypdfium2"}


def test_child_is_replaced_after_its_share_of_files(parser, source):
    with Sandbox(parser=parser, files_per_child=2) as sandbox:
        pids = [text(sandbox.parse(source("pid"))) for _ in range(5)]
    assert pids[0] == pids[1] != pids[2] == pids[3] != pids[4]


def test_threads_have_a_child_each_and_no_more_than_workers(parser, source):
    with Sandbox(parser=parser, workers=2) as sandbox:
        pids: list[str] = []
        threads = [
            threading.Thread(target=lambda: pids.append(text(sandbox.parse(source("slow_pid"))))) for _ in range(5)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(pids) == 5
    assert len(set(pids)) == 2


def test_close_ends_a_child_at_work(parser, source):
    sandbox = Sandbox(parser=parser)
    failures: list[BaseException] = []

    def work() -> None:
        try:
            sandbox.parse(source("sleep"))
        except RuntimeError as error:
            failures.append(error)

    pid = int(text(sandbox.parse(source("pid"))))
    thread = threading.Thread(target=work)
    thread.start()
    time.sleep(0.2)
    sandbox.close()
    sandbox.close()
    thread.join(10)
    assert not thread.is_alive()
    assert [str(failure) for failure in failures] == ["the sandbox was closed"]
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    with pytest.raises(RuntimeError):
        sandbox.parse(source("pid"))


def test_the_registry_decides_without_an_override(tmp_path):
    path = tmp_path / "broken.pdf"
    path.write_bytes(b"%PDF-1.4\nnothing more")
    with Sandbox() as sandbox:
        with pytest.raises(Unsupported, match="no reader for nonsense files"):
            sandbox.parse(Source(path, path.name, "nonsense"))
        with pytest.raises(FileError) as caught:
            sandbox.parse(Source(path, path.name, "pdf"))
    assert caught.value.status is Status.FAILED


def test_a_child_that_can_not_start_is_no_fault_of_the_file(source):
    with Sandbox(parser="no_such_module:parse") as sandbox, pytest.raises(LocusError, match="no_such_module") as caught:
        sandbox.parse(source("pid"))
    assert not isinstance(caught.value, FileError)


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_child_outlives_ctrl_c_but_not_its_parent(parser, source, tmp_path):
    # A plain script without a __main__ guard, whose process is killed while its child works.
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent(
            f"""
            import os, signal, sys, threading, time
            from pathlib import Path
            from indexers.protocols import Source
            from indexers.sandbox import Sandbox
            sandbox = Sandbox(parser={parser!r})
            ask = lambda name: sandbox.parse(Source(Path(__file__), name, "text")).blocks[0].pieces[0].text
            pid = ask("pid")
            os.kill(int(pid), signal.SIGINT)
            assert ask("pid") == pid
            threading.Thread(target=ask, args=("sleep",)).start()
            time.sleep(0.2)
            print(pid, flush=True)
            time.sleep(60)
            """
        )
    )
    root = str(Path(__file__).resolve().parents[2])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([root, str(tmp_path)])}
    with subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        os.kill(pid, 0)
        process.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        # A zombie waiting for init is as gone as a process can be.
        state = Path(f"/proc/{pid}/stat")
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        if state.exists() and state.read_text().rsplit(")", 1)[1].split()[0] == "Z":
            return
        time.sleep(0.05)
    pytest.fail("the child lives on without its parent")
