"""Why something can not be written: asked of the disk itself, in words that tell the way out.

SQLite and tantivy do not pass on what the system told them ("disk I/O error"), so a small file is tried in the same
folder.
"""

from __future__ import annotations

import errno
import os
import sys
import tempfile
from pathlib import Path

_TRIED_BYTES = 64 * 1024
_FULL = {errno.ENOSPC, errno.EDQUOT}
_READ_ONLY = {errno.EROFS, errno.EACCES, errno.EPERM}


def is_read_only(folder: Path, *names: str) -> bool:
    """Whether nothing can be made in ``folder``, or one of its files ``names`` can not be written."""
    there = [folder / name for name in names if (folder / name).exists()]
    return not all(os.access(path, os.W_OK) for path in (folder, *there))


def trouble(folder: Path) -> str:
    """Why a file in ``folder`` can not be written, and what helps, for the end of a sentence; "" if it can."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(_TRIED_BYTES))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return because(error)
    limit = _size_limit()
    return "" if limit is None else _limited(limit)


def because(error: OSError) -> str:
    """The same of an error that the system has given."""
    if error.errno in _FULL:
        return "the disk is full; make room and try again"
    if error.errno in _READ_ONLY:
        return "it is read-only; make it writable, or copy the library to where it can be written"
    if error.errno == errno.EFBIG and (limit := _size_limit()) is not None:
        return _limited(limit)
    return f"the system says {(error.strerror or str(error)).lower()}; see that the disk is sound, and try again"


def _limited(limit: int) -> str:
    return f"files may not grow beyond {limit:,} bytes here; raise the limit (ulimit -f) and try again"


def _size_limit() -> int | None:
    """The most bytes that a file of this process may have; None: as many as the disk holds."""
    if sys.platform == "win32":
        return None
    import resource

    limit = resource.getrlimit(resource.RLIMIT_FSIZE)[0]
    return None if limit == resource.RLIM_INFINITY else limit
