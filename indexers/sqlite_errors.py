"""SQLite's errors in our words: what is busy, what the disk refuses, what is damaged.

Knows no tables: whoever opens a file says what it is called and what helps where it is damaged.
"""

from __future__ import annotations

import errno
import sqlite3
from pathlib import Path

from indexers.disk import trouble
from indexers.errors import LibraryBroken, LibraryInUse, LocusError, NotWritten

_UNWRITTEN = {
    sqlite3.SQLITE_IOERR_WRITE,
    sqlite3.SQLITE_IOERR_FSYNC,
    sqlite3.SQLITE_IOERR_DIR_FSYNC,
    sqlite3.SQLITE_IOERR_TRUNCATE,
    sqlite3.SQLITE_IOERR_DELETE,
    sqlite3.SQLITE_IOERR_SHMOPEN,
    sqlite3.SQLITE_IOERR_SHMSIZE,
    sqlite3.SQLITE_IOERR_SHMMAP,
}
"""What SQLite says when the system has refused to write: a full disk mostly, and no damage."""


def in_our_words(error: sqlite3.Error, path: Path, name: str, remedy: str) -> LocusError:
    """The error that is raised in place of SQLite's.

    Args:
        error: what SQLite said.
        path: the file it was about, which lies in the library's folder.
        name: what the file is ("the catalog").
        remedy: what helps where it is damaged.
    """
    code = code_of(error)
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return LibraryInUse(f"{name} {path} is being changed by another process; try again")
    if code == sqlite3.SQLITE_FULL:
        return NotWritten.told(path.parent, OSError(errno.ENOSPC, "disk full"))
    if code == sqlite3.SQLITE_READONLY or _whole_code(error) in _UNWRITTEN:
        return NotWritten.told(path.parent)
    if code == sqlite3.SQLITE_CANTOPEN and trouble(path.parent):
        return NotWritten.told(path.parent)
    return LibraryBroken(f"{name} {path} can not be used ({error}); {remedy}")


def code_of(error: sqlite3.Error) -> int:
    """SQLite's primary code of an error; 0 if it has none."""
    return _whole_code(error) & 0xFF


def _whole_code(error: sqlite3.Error) -> int:
    return int(getattr(error, "sqlite_errorcode", 0))
