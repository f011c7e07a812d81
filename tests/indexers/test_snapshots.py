import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from indexers.snapshots import read_snapshot, replace_file, write_snapshot

HEADER = {"kind": "test", "größe": 3}


def written(path: Path, payload: bytes = b"one two three") -> bytes:
    write_snapshot(path, HEADER, [memoryview(payload)])
    return path.read_bytes()


def test_what_was_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "s"
    write_snapshot(path, HEADER, [memoryview(b"one "), memoryview(b""), memoryview(b"two")])
    found = read_snapshot(path)
    assert found is not None
    header, payload = found
    assert header == HEADER
    assert bytes(payload) == b"one two"
    assert list(tmp_path.iterdir()) == [path]


def test_a_flipped_bit_anywhere_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "s"
    data = written(path)
    for position in range(len(data)):
        broken = bytearray(data)
        broken[position] ^= 1 << position % 8
        path.write_bytes(broken)
        assert read_snapshot(path) is None, position


def test_every_cut_and_any_addition_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "s"
    data = written(path)
    for length in range(len(data)):
        path.write_bytes(data[:length])
        assert read_snapshot(path) is None, length
    path.write_bytes(data + b"\0")
    assert read_snapshot(path) is None


def test_what_is_not_there_is_none(tmp_path: Path) -> None:
    assert read_snapshot(tmp_path / "absent") is None
    assert read_snapshot(tmp_path) is None


@pytest.mark.skipif(os.name == "nt", reason="file size limits are POSIX")
def test_a_full_disk_is_an_error_and_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "s"
    data = written(path)
    # A limit on the size of files fails a write as a full disk does, after part of the bytes.
    program = """
        import resource, signal, sys
        from pathlib import Path
        from indexers.snapshots import write_snapshot
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        try:
            write_snapshot(Path(sys.argv[1]), {}, [memoryview(bytes(1_000_000))])
        except OSError:
            sys.exit(7)
    """
    assert run(program, path).wait() == 7
    assert path.read_bytes() == data
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL is POSIX")
def test_a_killed_writer_leaves_a_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "s"
    program = """
        import sys
        from pathlib import Path
        from indexers.snapshots import write_snapshot
        for number in range(10**9):
            write_snapshot(Path(sys.argv[1]), {"n": number}, [memoryview(bytes([number % 256]) * 3_000_000)])
            print(number, flush=True)
    """
    for rounds in (1, 3, 4):
        child = run(program, path)
        assert child.stdout is not None
        for _ in range(rounds):
            child.stdout.readline()
        child.send_signal(signal.SIGKILL)  # somewhere within the next write
        child.wait()
        child.stdout.close()
        found = read_snapshot(path)
        assert found is not None
        assert bytes(found[1][:1]) == bytes([found[0]["n"] % 256])
    written(path)
    assert list(tmp_path.iterdir()) == [path], "a stray file is cleared by the next write"


def test_a_failed_write_raises_and_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "s"
    replace_file(path, [memoryview(b"old")])

    def fail(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space"):
        replace_file(path, [memoryview(b"new")])
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def run(program: str, path: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program), str(path)],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
