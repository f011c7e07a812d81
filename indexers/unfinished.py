"""What slow models have given for files that are not in the catalog yet, so that nothing is done twice.

An hour of speech or a book of scans takes long, and a file is stored only when it is whole. Each window that was
listened to and each picture that was read is kept here until then, by the file's hash. It is no part of the truth:
a file of its own beside the catalog, which may be deleted at any time and is emptied as files are stored. Knows
neither models nor what the bytes mean.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_KEPT_S = 30 * 24 * 3600.0
"""What nobody came back for is forgotten after a month."""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS work (
    file TEXT NOT NULL, step TEXT NOT NULL, data BLOB NOT NULL, path TEXT NOT NULL, at REAL NOT NULL,
    PRIMARY KEY (file, step)
) WITHOUT ROWID
"""


@dataclass(frozen=True, slots=True)
class Memo:
    """What is kept of one file: bytes by step."""

    get: Callable[[str], bytes | None]
    put: Callable[[str, bytes], None]


FORGETFUL = Memo(lambda _step: None, lambda _step, _data: None)
"""Keeps nothing: of a file that is only looked at."""


class Unfinished:
    """The file at ``path``, created when something is first kept. Safe to use from several threads.

    Where it can not be written (a full disk), nothing is kept and nothing fails.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._db: sqlite3.Connection | None = None

    def close(self) -> None:
        """Closes the file."""
        with self._lock:
            self._close()

    def memo(self, file: str, path: str) -> Memo:
        """The memo of the file with this hash, found at ``path``."""
        return Memo(lambda step: self._get(file, step), lambda step, data: self._put(file, step, data, path))

    def drop(self, files: list[str]) -> None:
        """Forgets what was kept of these files: they are stored."""
        self._change("DELETE FROM work WHERE file=?", [(file,) for file in files])

    def forget(self, paths: list[str]) -> None:
        """Forgets what was kept of the files at ``paths``."""
        self._change("DELETE FROM work WHERE path=?", [(path,) for path in paths])

    def tidy(self, is_there: Callable[[str], bool]) -> None:
        """Forgets what was kept of files that are gone, and what is old."""
        with self._lock, suppress(sqlite3.Error):
            if (db := self._open()) is None:
                return
            gone = [row for row in db.execute("SELECT DISTINCT path FROM work") if not is_there(row[0])]
            db.executemany("DELETE FROM work WHERE path=?", gone)
            db.execute("DELETE FROM work WHERE at < ?", (time.time() - _KEPT_S,))

    def vacuum(self) -> None:
        """Writes the file anew without what was deleted."""
        with self._lock, suppress(sqlite3.Error):
            if (db := self._open()) is not None:
                db.execute("VACUUM")

    def _get(self, file: str, step: str) -> bytes | None:
        with self._lock, suppress(sqlite3.Error):
            if (db := self._open()) is not None:
                row = db.execute("SELECT data FROM work WHERE file=? AND step=?", (file, step)).fetchone()
                return None if row is None else bytes(row[0])
        return None

    def _put(self, file: str, step: str, data: bytes, path: str) -> None:
        with self._lock, suppress(sqlite3.Error):
            db = self._open(create=True)
            assert db is not None, "it was to be created"
            db.execute("INSERT OR REPLACE INTO work VALUES (?, ?, ?, ?, ?)", (file, step, data, path, time.time()))

    def _change(self, statement: str, rows: list[tuple[str, ...]]) -> None:
        with self._lock, suppress(sqlite3.Error):
            if (db := self._open()) is not None:
                db.executemany(statement, rows)

    def _open(self, *, create: bool = False) -> sqlite3.Connection | None:
        if self._db is None and (create or self._path.exists()):
            try:
                self._db = self._connected()
            except sqlite3.DatabaseError as error:
                if getattr(error, "sqlite_errorcode", 0) & 0xFF not in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
                    raise
                # Damaged: what it held can be made again.
                self._close()
                self._path.unlink(missing_ok=True)
                self._db = self._connected() if create else None
        return self._db

    def _connected(self) -> sqlite3.Connection:
        db = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False, timeout=10)
        try:
            # What is forgotten is overwritten: a deleted file's words are to be gone.
            db.execute("PRAGMA secure_delete = ON")
            db.execute(_SCHEMA)
        except sqlite3.Error:
            db.close()
            raise
        return db

    def _close(self) -> None:
        if self._db is not None:
            self._db.close()
            self._db = None
