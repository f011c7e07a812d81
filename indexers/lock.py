"""One writer at a time: a kernel lock on a file, which names its holder.

The kernel releases the lock when its holder dies, so nothing is ever left locked. Knows nothing of what it guards.
The lock is the process's: threads that share a ``WriterLock`` hold it together and keep apart by other means.
"""

from __future__ import annotations

import errno
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from indexers.errors import LibraryInUse, NotWritten

_TRY_AGAIN_S = 0.02


class WriterLock:
    """A lock on ``path``."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[str] | None = None
        self._holders = 0
        self._counting = threading.Lock()

    @property
    def held(self) -> bool:
        """Whether this object holds the lock."""
        return self._holders > 0

    def is_taken(self) -> bool:
        """Whether somebody holds the lock at this moment; takes it for an instant where nobody does."""
        try:
            with self._path.open("a+", encoding="utf-8") as file:
                return not _try_lock(file)
        except OSError:
            return False

    @contextmanager
    def hold(self, patience_s: float = 0.0) -> Iterator[None]:
        """Holds the lock within ``with``; a second ``hold`` of this object joins the first.

        Args:
            patience_s: how long to wait for another holder.

        Raises:
            LibraryInUse: another process (or another object of this one) holds it; the message names it.
            NotWritten: the lock file can not be written.
        """
        with self._counting:
            if self._holders == 0:
                self._file = self._taken(time.monotonic() + patience_s)
            self._holders += 1
        try:
            yield
        finally:
            with self._counting:
                self._holders -= 1
                if self._holders == 0 and self._file is not None:
                    self._file.close()
                    self._file = None

    def _taken(self, until: float) -> IO[str]:
        # A descriptor of its own each time: the kernel ties the lock to it, and closing it gives the lock back.
        try:
            file = self._path.open("a+", encoding="utf-8")
        except OSError as error:
            raise NotWritten.told(self._path.parent, error) from error
        try:
            while not _try_lock(file):
                if time.monotonic() >= until:
                    raise LibraryInUse(
                        f"the library {self._path.parent} is being changed by {_name_in(file)}; "
                        "try again when it is done"
                    )
                time.sleep(_TRY_AGAIN_S)
        except BaseException:
            file.close()
            raise
        # The name only helps people; a full disk must not keep a library from shrinking. Written at once: what waits in
        # a buffer is tried again when the file is closed, and would fail there.
        with suppress(OSError):
            os.ftruncate(file.fileno(), 0)
            os.write(file.fileno(), f"process {os.getpid()} ({Path(sys.argv[0]).name or 'python'})".encode())
        return file


def _name_in(file: IO[str]) -> str:
    file.seek(0)
    return file.read().strip() or "another process"


if sys.platform == "win32":
    import msvcrt

    def _try_lock(file: IO[str]) -> bool:
        # Far behind the text, so that others can read who holds it.
        file.seek(1 << 20)
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError as error:
            if error.errno not in (errno.EACCES, errno.EDEADLK):
                raise
            return False
        return True

else:
    import fcntl

    def _try_lock(file: IO[str]) -> bool:
        try:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
