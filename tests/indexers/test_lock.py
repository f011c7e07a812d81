import os
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

from indexers.errors import LibraryInUse, NotWritten
from indexers.lock import WriterLock

HOLD = textwrap.dedent(
    """
    import sys, time
    from pathlib import Path
    from indexers.lock import WriterLock
    with WriterLock(Path(sys.argv[1])).hold():
        print("held", flush=True)
        time.sleep(60)
    """
)


@pytest.fixture
def holder(tmp_path: Path) -> "subprocess.Popen[str]":
    process = subprocess.Popen([sys.executable, "-c", HOLD, tmp_path / "lock"], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_another_process_is_named_and_its_death_frees_the_lock(tmp_path: Path, holder: "subprocess.Popen[str]") -> None:
    lock = WriterLock(tmp_path / "lock")
    with pytest.raises(LibraryInUse, match=f"process {holder.pid} "), lock.hold():
        pass
    assert not lock.held
    holder.kill()
    holder.wait()
    with lock.hold():
        assert lock.held
        assert f"process {os.getpid()} " in (tmp_path / "lock").read_text()
    assert not lock.held


def test_who_is_patient_gets_the_lock_when_it_is_free(tmp_path: Path, holder: "subprocess.Popen[str]") -> None:
    threading.Timer(0.3, holder.kill).start()
    started = time.monotonic()
    with WriterLock(tmp_path / "lock").hold(patience_s=20):
        assert 0.2 < time.monotonic() - started < 15


def test_patience_ends(tmp_path: Path, holder: "subprocess.Popen[str]") -> None:
    started = time.monotonic()
    with pytest.raises(LibraryInUse), WriterLock(tmp_path / "lock").hold(patience_s=0.2):
        pass
    assert time.monotonic() - started >= 0.2


def test_two_objects_of_one_process_keep_each_other_out(tmp_path: Path) -> None:
    first, second = WriterLock(tmp_path / "lock"), WriterLock(tmp_path / "lock")
    with first.hold(), pytest.raises(LibraryInUse), second.hold():
        pass
    with second.hold():
        pass


def test_a_hold_inside_a_hold_joins_it_also_from_another_thread(tmp_path: Path) -> None:
    lock, other = WriterLock(tmp_path / "lock"), WriterLock(tmp_path / "lock")
    entered, leave = threading.Event(), threading.Event()

    def inside() -> None:
        with lock.hold():
            entered.set()
            leave.wait(10)

    thread = threading.Thread(target=inside)
    with lock.hold(), lock.hold():
        thread.start()
        assert entered.wait(10)
    # The outer hold has ended, that of the thread has not.
    with pytest.raises(LibraryInUse), other.hold():
        pass
    leave.set()
    thread.join()
    with other.hold():
        pass


def test_an_error_inside_frees_the_lock(tmp_path: Path) -> None:
    lock = WriterLock(tmp_path / "lock")
    with pytest.raises(KeyboardInterrupt), lock.hold():
        raise KeyboardInterrupt
    with WriterLock(tmp_path / "lock").hold():
        pass


def test_a_lock_that_can_not_be_written_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(NotWritten, match="can not be written"), WriterLock(tmp_path / "absent" / "lock").hold():
        pass
