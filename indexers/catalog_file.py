"""The SQLite file under the catalog: its tables, opening it, and transactions.

Knows nothing of what the rows mean. Commits are synced to the disk (``synchronous = FULL``): the search snapshots
are synced too, and a catalog that lost its last commits to a power cut would be behind them.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from indexers.errors import LibraryBroken, LibraryInUse, LocusError
from indexers.sqlite_errors import code_of, in_our_words

SCHEMA_VERSION = 3
WAIT_S = 30.0
"""How long a statement waits for a transaction of another connection."""

_SCHEMA = """
CREATE TABLE contents (
    id INTEGER PRIMARY KEY, hash TEXT NOT NULL UNIQUE, format TEXT NOT NULL, media TEXT NOT NULL, status TEXT NOT NULL,
    reason TEXT NOT NULL, title TEXT NOT NULL, metadata TEXT NOT NULL, coverage REAL NOT NULL, pending TEXT NOT NULL,
    ledger TEXT NOT NULL DEFAULT '{}'
);
CREATE TABLE files (
    path TEXT PRIMARY KEY, content INTEGER NOT NULL REFERENCES contents(id), parent TEXT, size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL, beside TEXT NOT NULL DEFAULT '', attempts INTEGER NOT NULL DEFAULT 0,
    tried_at REAL NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE INDEX files_content ON files(content);
CREATE INDEX files_parent ON files(parent);
CREATE TABLE chunks (
    id INTEGER PRIMARY KEY AUTOINCREMENT, content INTEGER NOT NULL REFERENCES contents(id), number INTEGER NOT NULL,
    body TEXT NOT NULL, header TEXT NOT NULL, headings TEXT NOT NULL, places BLOB NOT NULL, context TEXT NOT NULL
);
CREATE INDEX chunks_content ON chunks(content, number);
CREATE TABLE vectors (
    chunk INTEGER NOT NULL REFERENCES chunks(id), space TEXT NOT NULL, data BLOB NOT NULL, checksum INTEGER NOT NULL,
    PRIMARY KEY (chunk, space)
) WITHOUT ROWID;
CREATE INDEX vectors_space ON vectors(space);
CREATE TABLE changes (sequence INTEGER PRIMARY KEY AUTOINCREMENT, chunk INTEGER NOT NULL, added INTEGER NOT NULL);
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE folders (
    path TEXT PRIMARY KEY, watched INTEGER NOT NULL, poll INTEGER NOT NULL, device INTEGER NOT NULL,
    inode INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE mounts (path TEXT PRIMARY KEY) WITHOUT ROWID;
"""
_MIGRATIONS = {
    1: """
ALTER TABLE files ADD COLUMN beside TEXT NOT NULL DEFAULT '';
CREATE INDEX vectors_space ON vectors(space);
""",
    2: """
ALTER TABLE contents ADD COLUMN ledger TEXT NOT NULL DEFAULT '{}';
ALTER TABLE files ADD COLUMN attempts INTEGER NOT NULL DEFAULT 0;
ALTER TABLE files ADD COLUMN tried_at REAL NOT NULL DEFAULT 0;
CREATE TABLE folders (
    path TEXT PRIMARY KEY, watched INTEGER NOT NULL, poll INTEGER NOT NULL, device INTEGER NOT NULL,
    inode INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE mounts (path TEXT PRIMARY KEY) WITHOUT ROWID;
UPDATE contents SET status = 'failed' WHERE status IN ('broken', 'unreadable', 'too_large');
""",
}
"""What turns a catalog of a version into one of the next."""


class CatalogFile:
    """Opens (and creates) the file at ``path``.

    Args:
        path: the SQLite file.
        read_only: open for reading; the file must exist.

    Raises:
        LibraryBroken: the file is no catalog, or one of another version.
    """

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self.path = path
        try:
            self._db = self._connected("ro" if read_only else "rwc")
        except sqlite3.Error as error:
            raise self._in_our_words(error) from error
        try:
            self._prepare(read_only)
        except BaseException:
            self._db.close()
            raise

    def close(self) -> None:
        """Closes the file; a closed catalog is not used again."""
        self._db.close()

    @property
    def version(self) -> int:
        """A number that changes when another connection has changed the file: a cheap look at whether to look."""
        return int(self._rows("PRAGMA data_version")[0][0])

    @contextmanager
    def reading(self) -> Iterator[None]:
        """All that is read within is of one moment, whatever other connections commit meanwhile."""
        if self._db.in_transaction:
            yield
            return
        self._rows("BEGIN")
        try:
            yield
        finally:
            self._rows("COMMIT")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; a nested call joins the outer one."""
        if self._db.in_transaction:
            yield
            return
        try:
            self._rows("BEGIN IMMEDIATE")
            yield
            self._before_commit()
            self._rows("COMMIT")
        except BaseException:
            # SQLite has rolled back by itself after some errors (a full disk).
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            self._after_rollback()
            raise

    def vacuum(self) -> None:
        """Writes the file anew without what was deleted, and empties the write-ahead log.

        Raises:
            LibraryInUse: another process reads all the time, so that the log could not be emptied.
        """
        self._rows("VACUUM")
        if self._rows("PRAGMA wal_checkpoint(TRUNCATE)")[0][0]:
            raise LibraryInUse(f"the catalog {self.path} is being read by another process; try again")

    def _before_commit(self) -> None:
        """The last thing that a transaction does."""

    def _after_rollback(self) -> None:
        """Forgets what a transaction meant to do."""

    def _rows(self, sql: str, values: Sequence[object] = ()) -> list[Any]:
        """All rows that a statement gives; none for one that only writes."""
        try:
            return self._db.execute(sql, values).fetchall()
        except sqlite3.Error as error:
            raise self._in_our_words(error) from error

    def _many(self, sql: str, rows: Iterable[Sequence[object]]) -> None:
        try:
            self._db.executemany(sql, rows)
        except sqlite3.Error as error:
            raise self._in_our_words(error) from error

    def _connected(self, mode: str) -> sqlite3.Connection:
        uri = f"{self.path.absolute().as_uri()}?mode={mode}"
        return sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False, timeout=WAIT_S)

    def _prepare(self, read_only: bool) -> None:
        if read_only:
            self._open_for_reading()
        self._rows("PRAGMA foreign_keys = ON")
        self._rows("PRAGMA cache_size = -65536")
        version = self._version()
        if not read_only:
            self._use_write_ahead_log()
            self._rows("PRAGMA synchronous = FULL")
            if version == 0:
                version = self._create()
            if version in _MIGRATIONS:
                version = self._migrate()
        if version != SCHEMA_VERSION:
            raise LibraryBroken(f"the catalog {self.path} was written by another version of Locus (format {version})")

    def _open_for_reading(self) -> None:
        """On a disk that can not be written, SQLite can not make the file by which readers and writers agree.

        It needs none where nobody writes; what a killed writer has left in the log must not be overlooked.
        """
        log = self.path.with_name(self.path.name + "-wal")
        try:
            self._db.execute("PRAGMA user_version").fetchall()
        except sqlite3.OperationalError as error:
            if code_of(error) not in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY) or not self.path.is_file():
                raise self._in_our_words(error) from error
            if log.is_file() and log.stat().st_size:
                raise LibraryBroken(
                    f"the catalog {self.path} was not closed, and can not be put in order where it is read-only; "
                    "copy the library to where it can be written"
                ) from error
            self._db.close()
            self._db = self._connected("ro&immutable=1")

    def _use_write_ahead_log(self) -> None:
        """Switches the file to it, once for good. SQLite does not wait for the lock that this takes: we do."""
        until = time.monotonic() + WAIT_S
        while self._rows("PRAGMA journal_mode")[0][0] != "wal":
            try:
                self._rows("PRAGMA journal_mode = WAL")
            except LibraryInUse:
                # Another process makes or switches the same file at this moment.
                if time.monotonic() > until:
                    raise
                time.sleep(0.01)

    def _create(self) -> int:
        """Makes the tables, unless another process has made them by now; gives their version."""
        with self.transaction():
            version = self._version()
            if version == 0:
                if self._rows("SELECT 1 FROM sqlite_master LIMIT 1"):
                    raise LibraryBroken(f"{self.path} is a database of another program; name another folder")
                for statement in _SCHEMA.split(";"):
                    self._rows(statement)
                version = SCHEMA_VERSION
                self._rows(f"PRAGMA user_version = {version}")
        return version

    def _migrate(self) -> int:
        """Brings the tables of an older version up to date, all or nothing; gives their version."""
        with self.transaction():
            # Another process may have done it while this one waited.
            version = self._version()
            while version in _MIGRATIONS:
                for statement in _MIGRATIONS[version].split(";"):
                    self._rows(statement)
                version += 1
                self._rows(f"PRAGMA user_version = {version}")
        return version

    def _version(self) -> int:
        return int(self._rows("PRAGMA user_version")[0][0])

    def _in_our_words(self, error: sqlite3.Error) -> LocusError:
        return in_our_words(error, self.path, "the catalog", "restore it from a backup or start a new library")
