"""What a library is doing at this moment, for whoever looks on: files that are queued and being read.

No part of the truth: a small file of its own, written without waiting for the disk, which may be lost at any time. What
stands in it counts only while somebody holds the writer lock (``Library.activity`` asks); a killed writer's is wiped by
the next. Knows neither the catalog nor the pipeline.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path, PurePath

from indexers.places import below
from indexers.types import Document, Status

_SCHEMA = "CREATE TABLE IF NOT EXISTS activity (path TEXT PRIMARY KEY, status TEXT NOT NULL) WITHOUT ROWID"
_SAY = "INSERT OR REPLACE INTO activity VALUES (?, ?)"


class Activity:
    """The file at ``path``, made when something is first told. Safe to use from several threads.

    Where it can not be written (a full disk), nothing is told and nothing fails.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._db: sqlite3.Connection | None = None

    def begin(self, paths: Iterable[str]) -> None:
        """These files are queued, and nothing else is."""
        rows = [(path, Status.QUEUED.value) for path in paths]
        if rows or self._path.exists():
            self._write([("DELETE FROM activity", [()]), (_SAY, rows)])

    def reading(self, path: str) -> None:
        """The file at ``path`` is being read."""
        self._write([(_SAY, [(path, Status.READING.value)])])

    def done(self, paths: Iterable[str]) -> None:
        """Nothing is left to do for these files."""
        self._write([("DELETE FROM activity WHERE path=?", [(path,) for path in paths])])

    def states(self) -> Mapping[str, Status]:
        """Files that are queued or in reading, by path; what a dead writer left behind included."""
        with self._lock, suppress(sqlite3.Error):
            if self._path.exists():
                rows = self._opened().execute("SELECT path, status FROM activity").fetchall()
                return {path: Status(status) for path, status in rows}
        return {}

    def close(self) -> None:
        """Closes the file."""
        with self._lock:
            self._close()

    def _write(self, steps: Sequence[tuple[str, Sequence[tuple[str, ...]]]]) -> None:
        with self._lock, suppress(sqlite3.Error, OSError):
            try:
                db = self._opened()
            except sqlite3.DatabaseError:
                # Cut off in the middle of a write: it held nothing of worth.
                self._path.unlink(missing_ok=True)
                db = self._opened()
            try:
                db.execute("BEGIN")
                for statement, rows in steps:
                    db.executemany(statement, rows)
                db.execute("COMMIT")
            except sqlite3.Error:
                self._close()
                raise

    def _opened(self) -> sqlite3.Connection:
        if self._db is None:
            self._db = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False, timeout=1)
            try:
                self._db.execute("PRAGMA synchronous = OFF")
                self._db.execute("PRAGMA journal_mode = MEMORY")
                # Names of files that are gone are to be gone.
                self._db.execute("PRAGMA secure_delete = ON")
                self._db.execute(_SCHEMA)
            except sqlite3.Error:
                self._close()
                raise
        return self._db

    def _close(self) -> None:
        if self._db is not None:
            self._db.close()
            self._db = None


def overlaid(
    known: Sequence[Document], at_work: Mapping[str, Status], under: str | None = None, *, new: bool = True
) -> list[Document]:
    """Documents with what is being done for them now, and those that are ``new``, sorted by path. Pure.

    ``under``: of the new ones, only this file or those below this folder.
    """
    if not at_work:
        return list(known)
    found = [replace(document, status=at_work.get(document.path, document.status)) for document in known]
    if new:
        paths = at_work.keys() - {document.path for document in known}
        found += [
            Document(path, "text", at_work[path], title=PurePath(path).stem) for path in paths if _is_at(path, under)
        ]
    return sorted(found, key=lambda document: document.path)


def _is_at(path: str, under: str | None) -> bool:
    return under is None or path == under or path.startswith(below(under))
