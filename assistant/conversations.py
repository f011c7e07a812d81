"""The conversations that were had with a library, kept in it: questions as they were typed, answers as they were given.

A file of its own beside the catalog, since a question may be asked, and its answer kept, while another process holds
the library for writing. What an answer quotes from a document that was removed since is taken out of it (``forget``),
and is overwritten in the file. It knows neither the catalog, of which it is told what is held, nor what a turn means.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from assistant.turns import GONE, Found, Turn, decoded, encoded, markdown, relocated, storable, without
from indexers.errors import LibraryBroken, LocusError, UsageError
from indexers.sqlite_errors import in_our_words

__all__ = ["GONE", "Conversation", "Conversations", "Found", "Turn"]

_TITLE = 60
"""Characters of the first question that name a conversation until it is named otherwise."""
_WAIT_S = 10.0
_MANY = 500
"""Values bound to one statement."""
_REMEDY = "move this file away to begin anew"
_LARGEST_ID = 2**63 - 1
_VERSION = 1
_SCHEMA = """
CREATE TABLE conversations (id INTEGER PRIMARY KEY AUTOINCREMENT, title TEXT NOT NULL, changed TEXT NOT NULL);
CREATE TABLE turns (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    conversation INTEGER NOT NULL REFERENCES conversations(id) ON DELETE CASCADE,
    asked TEXT NOT NULL, question TEXT NOT NULL, answer TEXT NOT NULL, found TEXT NOT NULL, given TEXT NOT NULL
);
CREATE INDEX turns_conversation ON turns(conversation);
CREATE TABLE quoted (
    path TEXT NOT NULL, turn INTEGER NOT NULL REFERENCES turns(id) ON DELETE CASCADE, PRIMARY KEY (path, turn)
) WITHOUT ROWID;
CREATE INDEX quoted_turn ON quoted(turn);
"""
_TURN = "id, asked, question, answer, found, given"


@dataclass(frozen=True, slots=True)
class Conversation:
    """One conversation: ``turns`` is how many questions were asked in it, ``changed`` when the last was (UTC)."""

    id: int
    title: str
    changed: datetime
    turns: int


class Conversations:
    """The file at ``path``, created when something is first kept. Safe to use from several threads and processes.

    Args:
        path: the file, in the library's folder.
        held: of these paths of documents, those that the library holds; asked while the file is locked.

    Every method raises ``LibraryBroken`` where the file is damaged or of another version, ``LibraryInUse`` where
    another process keeps it locked, and each that changes something ``NotWritten`` where the disk refuses.
    """

    def __init__(self, path: Path, held: Callable[[Sequence[str]], Collection[str]]) -> None:
        self._path = path
        self._held = held
        self._lock = threading.RLock()
        self._db: sqlite3.Connection | None = None
        self._opened_file: tuple[int, int] | None = None

    def close(self) -> None:
        """Closes the file."""
        with self._lock:
            if self._db is not None:
                self._db.close()
                self._db = None

    # --- conversations -------------------------------------------------------------------------

    def all(self) -> list[Conversation]:
        """All conversations, the last changed first."""
        rows = self._rows(
            "SELECT c.id, c.title, c.changed, (SELECT COUNT(*) FROM turns t WHERE t.conversation = c.id) "
            "FROM conversations c ORDER BY c.changed DESC, c.id DESC"
        )
        with self._understood():
            return [Conversation(number, title, datetime.fromisoformat(at), turns) for number, title, at, turns in rows]

    def begin(self, question: str) -> int:
        """Begins a conversation, named after its first question; gives its id."""
        with self._writing() as db:
            cursor = db.execute(
                "INSERT INTO conversations (title, changed) VALUES (?, ?)", (_title(question) or "Untitled", _now())
            )
            return int(cursor.lastrowid or 0)

    def rename(self, conversation: int, title: str) -> None:
        """Names a conversation; of nothing but blanks, nothing is changed.

        Raises:
            UsageError: there is no such conversation.
        """
        if name := _title(title):
            with self._writing() as db:
                _one(db, "UPDATE conversations SET title=? WHERE id=?", name, conversation)

    def delete(self, conversation: int) -> None:
        """Deletes a conversation and everything in it; one that is not there is deleted already."""
        with self._writing() as db:
            db.execute("DELETE FROM conversations WHERE id=?", (_id(conversation),))

    def markdown(self, conversation: int) -> str:
        """A conversation as a text to be kept elsewhere: each answer with its sources.

        Raises:
            UsageError: there is no such conversation.
        """
        rows = self._rows("SELECT title FROM conversations WHERE id=?", (_id(conversation),))
        if not rows:
            raise UsageError("this conversation was deleted")
        return markdown(rows[0][0], self.turns(conversation))

    # --- turns ---------------------------------------------------------------------------------

    def keep(self, conversation: int, turn: Turn) -> Turn:
        """Keeps a turn at the end of a conversation; gives it as it was kept, with its id and time.

        What it quotes from a document that was removed while the answer was written is not kept.

        Raises:
            UsageError: there is no such conversation (it was deleted in another tab, say).
        """
        with self._writing() as db:
            now = _now()
            _one(db, "UPDATE conversations SET changed=? WHERE id=?", now, conversation)
            turn = without(turn, turn.quoted.difference(self._held(sorted(turn.quoted))))
            question, stored = storable(turn.question), encoded(turn)
            cursor = db.execute(
                "INSERT INTO turns (conversation, asked, question, answer, found, given) VALUES (?, ?, ?, ?, ?, ?)",
                (conversation, now, question, *stored),
            )
            turn = decoded(int(cursor.lastrowid or 0), now, question, *stored)
            _quote(db, turn)
        return turn

    def turns(self, conversation: int) -> list[Turn]:
        """The turns of a conversation in order; empty if there is none of that id."""
        rows = self._rows(
            f"SELECT {_TURN} FROM turns WHERE conversation=? ORDER BY id",  # noqa: S608 - a constant
            (_id(conversation),),
        )
        with self._understood():
            return [decoded(*row) for row in rows]

    # --- documents that are gone, or elsewhere -------------------------------------------------

    def forget(self) -> int:
        """Takes out of all answers what comes from documents that are not held any more; gives out of how many."""
        paths = [row[0] for row in self._rows("SELECT DISTINCT path FROM quoted ORDER BY path")]
        gone = set(paths).difference(self._held(paths)) if paths else set[str]()
        return self._changed(gone, lambda turn: without(turn, gone))

    def moved(self, moves: Mapping[str, str]) -> int:
        """Lets answers follow documents that were moved: new paths by old ones; gives how many answers did."""
        return self._changed(moves.keys(), lambda turn: relocated(turn, moves))

    def vacuum(self) -> None:
        """Writes the file anew without what was deleted, and gives its room back."""
        if self._rows("SELECT 1 FROM sqlite_master LIMIT 1"):
            self._rows("VACUUM")

    def problems(self) -> list[str]:
        """What is wrong with the file, one line each; empty when it is sound, or not there."""
        try:
            found = [row[0] for row in self._rows("PRAGMA integrity_check") if row[0] != "ok"]
            with self._understood():
                for row in self._rows(f"SELECT {_TURN} FROM turns"):  # noqa: S608 - a constant
                    decoded(*row)
        except LibraryBroken as error:
            return [str(error)]
        return [f"the conversations {self._path}: {line}" for line in found]

    def _changed(self, paths: Iterable[str], change: Callable[[Turn], Turn]) -> int:
        """Changes the turns that quote the documents at ``paths``; gives how many."""
        turns = self._quoting(paths)
        if not turns:
            return 0
        with self._writing() as db, self._understood():
            for number in turns:
                for row in db.execute(f"SELECT {_TURN} FROM turns WHERE id=?", (number,)).fetchall():  # noqa: S608
                    turn = change(decoded(*row))
                    db.execute("UPDATE turns SET answer=?, found=?, given=? WHERE id=?", (*encoded(turn), number))
                    _quote(db, turn)
        return len(turns)

    def _quoting(self, paths: Iterable[str]) -> list[int]:
        wanted = sorted(paths)
        found: set[int] = set()
        for start in range(0, len(wanted), _MANY):
            some = wanted[start : start + _MANY]
            marks = ",".join("?" * len(some))
            found.update(row[0] for row in self._rows(f"SELECT turn FROM quoted WHERE path IN ({marks})", some))  # noqa: S608
        return sorted(found)

    # --- the file ------------------------------------------------------------------------------

    def _rows(self, statement: str, values: Sequence[object] = ()) -> list[Any]:
        """All rows that a statement gives; none where there is no file, or nothing in it yet."""
        with self._lock, self._told():
            if not self._path.exists():
                return []
            db = self._opened()
            return db.execute(statement, values).fetchall() if _version(db) else []

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._lock, self._told():
            db = self._opened()
            db.execute("BEGIN IMMEDIATE")
            try:
                if not _version(db):
                    for statement in _SCHEMA.split(";"):
                        db.execute(statement)
                    db.execute(f"PRAGMA user_version = {_VERSION}")
                yield db
                db.execute("COMMIT")
            except BaseException:
                # SQLite has rolled back by itself after some errors (a full disk).
                if db.in_transaction:
                    db.execute("ROLLBACK")
                raise

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise self._in_our_words(error) from error

    @contextmanager
    def _understood(self) -> Iterator[None]:
        """Within it, rows are read that may be damaged."""
        try:
            yield
        except (ValueError, KeyError, TypeError) as error:
            raise LibraryBroken(f"the conversations {self._path} are damaged; {_REMEDY}") from error

    def _in_our_words(self, error: sqlite3.Error) -> LocusError:
        return in_our_words(error, self._path, "the file of conversations", _REMEDY)

    def _opened(self) -> sqlite3.Connection:
        if self._db is not None and self._opened_file != _identity(self._path):
            # It was moved away, to begin anew.
            self.close()
        if self._db is None:
            db = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False, timeout=_WAIT_S)
            try:
                db.execute("PRAGMA foreign_keys = ON")
                # What is deleted is overwritten: a removed file's words are to be gone.
                db.execute("PRAGMA secure_delete = ON")
                if _version(db) > _VERSION:
                    raise LibraryBroken(f"the conversations {self._path} were kept by a later version of Locus")
            except (sqlite3.Error, LibraryBroken):
                db.close()
                raise
            self._db, self._opened_file = db, _identity(self._path)
        return self._db


def _one(db: sqlite3.Connection, statement: str, value: str, conversation: int) -> None:
    if not db.execute(statement, (value, _id(conversation))).rowcount:
        raise UsageError("this conversation was deleted; ask in a new one")


def _quote(db: sqlite3.Connection, turn: Turn) -> None:
    """Notes which documents a turn quotes."""
    db.execute("DELETE FROM quoted WHERE turn=?", (turn.id,))
    rows = [(path, turn.id) for path in sorted(map(storable, turn.quoted))]
    db.executemany("INSERT INTO quoted (path, turn) VALUES (?, ?)", rows)


def _version(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        info = path.stat()
    except OSError:
        return None
    return info.st_dev, info.st_ino


def _id(number: int) -> int:
    """A number as an id; one that is larger than any id stands for none."""
    return number if 0 < number <= _LARGEST_ID else 0


def _title(text: str) -> str:
    title = storable(" ".join(text.split()))
    return title if len(title) <= _TITLE else title[: _TITLE - 1].rstrip() + "…"


def _now() -> str:
    return datetime.now(UTC).isoformat()
