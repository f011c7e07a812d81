"""One writer at a time: a kernel lock on a file, which names its holder.

The kernel releases the lock when its holder dies, so nothing is ever left locked. Knows nothing of what it guards.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import TracebackType
from typing import IO

from indexers.errors import LibraryInUse


class WriterLock:
    """A lock on ``path``, taken by ``with`` and held until its end; taking it again inside joins the outer one."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[str] | None = None
        self._depth = 0

    @property
    def held(self) -> bool:
        """Whether this object holds the lock."""
        return self._depth > 0

    def __enter__(self) -> WriterLock:
        """Takes the lock.

        Raises:
            LibraryInUse: another process (or another object of this one) holds it; the message names it.
        """
        if self._depth == 0:
            self._take()
        self._depth += 1
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Gives the lock back when the outermost ``with`` ends."""
        self._depth -= 1
        if self._depth == 0 and self._file is not None:
            self._file.close()
            self._file = None

    def _take(self) -> None:
        # A descriptor of its own each time: the kernel ties the lock to it, and closing it gives the lock back.
        file = self._path.open("a+", encoding="utf-8")
        try:
            _lock(file)
        except OSError as error:
            file.seek(0)
            holder = file.read().strip() or "another process"
            file.close()
            raise LibraryInUse(
                f"the library {self._path.parent} is being changed by {holder}; try again when it is done"
            ) from error
        file.seek(0)
        file.truncate()
        file.write(f"process {os.getpid()} ({Path(sys.argv[0]).name or 'python'})")
        file.flush()
        self._file = file


if sys.platform == "win32":
    import msvcrt

    def _lock(file: IO[str]) -> None:
        # Far behind the text, so that others can read who holds it.
        file.seek(1 << 20)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(file: IO[str]) -> None:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
