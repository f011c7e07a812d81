"""The conversations that were had with a library, kept in it: questions as they were typed, answers as they were given.

A file of its own beside the catalog, since a question may be asked, and its answer kept, while another process holds
the library for writing. What an answer quotes from a file that was removed since is taken out of it (``forget``).
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from assistant.answers import Answer
from indexers.errors import LibraryBroken, NotWritten, UsageError
from indexers.locators import locator_from_dict, locator_to_dict
from indexers.types import Hit, Locator, Media

GONE = "(This was taken from a file that is no longer in the library.)"
_TITLE = 60
"""Characters of the first question that name a conversation until it is named otherwise."""
_TEXT = 400
"""Characters kept of a passage that was read and not cited."""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS conversations (
    id INTEGER PRIMARY KEY AUTOINCREMENT, title TEXT NOT NULL, changed TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS turns (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    conversation INTEGER NOT NULL REFERENCES conversations(id) ON DELETE CASCADE,
    asked TEXT NOT NULL, question TEXT NOT NULL, answer TEXT NOT NULL, found TEXT NOT NULL, given TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS turns_conversation ON turns(conversation);
"""


@dataclass(frozen=True, slots=True)
class Conversation:
    """One conversation: ``turns`` is how many questions were asked in it, ``changed`` when the last was (UTC)."""

    id: int
    title: str
    changed: datetime
    turns: int


@dataclass(frozen=True, slots=True)
class Found:
    """A place that was read for an answer: ``text`` is the beginning of the passage there."""

    path: str
    media: Media
    locator: Locator
    text: str
    title: str = ""

    @classmethod
    def of(cls, hit: Hit) -> Found:
        """The place of a hit."""
        return cls(hit.path, hit.media, hit.at, hit.text[:_TEXT], hit.title)


@dataclass(frozen=True, slots=True)
class Turn:
    """A question as it was typed, the files that were given with it, the answer, and what was read for it.

    ``id`` is 0 until it is kept; ``asked`` is in UTC.
    """

    question: str
    answer: Answer
    found: tuple[Found, ...] = ()
    given: tuple[str, ...] = ()
    asked: datetime = datetime.min
    id: int = 0


class Conversations:
    """The file at ``path``, created when something is first kept. Safe to use from several threads and processes.

    Every method raises ``NotWritten`` where the disk refuses, and ``LibraryBroken`` where the file is no database.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.RLock()
        self._db: sqlite3.Connection | None = None

    def close(self) -> None:
        """Closes the file."""
        with self._lock:
            if self._db is not None:
                self._db.close()
                self._db = None

    def all(self) -> list[Conversation]:
        """All conversations, the last changed first."""
        rows = self._rows(
            "SELECT c.id, c.title, c.changed, (SELECT COUNT(*) FROM turns t WHERE t.conversation = c.id) "
            "FROM conversations c ORDER BY c.changed DESC, c.id DESC"
        )
        return [Conversation(number, title, datetime.fromisoformat(at), turns) for number, title, at, turns in rows]

    def begin(self, question: str) -> int:
        """Begins a conversation, named after its first question; gives its id."""
        with self._writing() as db:
            title = _shortened(" ".join(question.split()) or "Untitled")
            cursor = db.execute("INSERT INTO conversations (title, changed) VALUES (?, ?)", (title, _now()))
            return int(cursor.lastrowid or 0)

    def keep(self, conversation: int, turn: Turn) -> Turn:
        """Keeps a turn at the end of a conversation; gives it with its id and time.

        Raises:
            UsageError: there is no such conversation (it was deleted in another tab, say).
        """
        with self._writing() as db:
            now = _now()
            if not db.execute("UPDATE conversations SET changed=? WHERE id=?", (now, conversation)).rowcount:
                raise UsageError("this conversation was deleted; ask in a new one")
            stored = _encoded(turn)
            cursor = db.execute(
                "INSERT INTO turns (conversation, asked, question, answer, found, given) VALUES (?, ?, ?, ?, ?, ?)",
                (conversation, now, turn.question, *stored),
            )
        return _decoded(int(cursor.lastrowid or 0), now, turn.question, *stored)

    def turns(self, conversation: int) -> list[Turn]:
        """The turns of a conversation in order; empty if there is none of that id."""
        rows = self._rows(
            "SELECT id, asked, question, answer, found, given FROM turns WHERE conversation=? ORDER BY id",
            (conversation,),
        )
        return [_decoded(*row) for row in rows]

    def rename(self, conversation: int, title: str) -> None:
        """Names a conversation; of nothing but blanks, nothing is changed."""
        if title.strip():
            with self._writing() as db:
                db.execute(
                    "UPDATE conversations SET title=? WHERE id=?", (_shortened(" ".join(title.split())), conversation)
                )

    def delete(self, conversation: int) -> None:
        """Deletes a conversation and everything in it."""
        with self._writing() as db:
            db.execute("DELETE FROM conversations WHERE id=?", (conversation,))

    def markdown(self, conversation: int) -> str:
        """A conversation as a text to be kept elsewhere: each answer with its sources.

        Raises:
            UsageError: there is no such conversation.
        """
        title = next((each.title for each in self.all() if each.id == conversation), None)
        if title is None:
            raise UsageError("this conversation was deleted")
        return "\n".join([f"# {title}", *(line for turn in self.turns(conversation) for line in _lines(turn))]) + "\n"

    def forget(self, is_held: Callable[[str], bool]) -> int:
        """Takes out of all answers what comes from documents that are not held any more; gives in how many turns."""
        changed: list[tuple[str, str, str, int]] = []
        for number, asked, question, answer, found, given in self._rows(
            "SELECT id, asked, question, answer, found, given FROM turns"
        ):
            turn = _decoded(number, asked, question, answer, found, given)
            paths = {citation.path for citation in turn.answer.citations} | {place.path for place in turn.found}
            gone = {path for path in paths if not is_held(path)}
            kept = _without(turn, gone)
            if kept != turn:
                changed.append((*_encoded(kept), number))
        if changed:
            with self._writing() as db:
                db.executemany("UPDATE turns SET answer=?, found=?, given=? WHERE id=?", changed)
        return len(changed)

    def _rows(self, statement: str, values: Sequence[object] = ()) -> list[Any]:
        with self._lock:
            if self._db is None and not self._path.exists():
                return []
            with self._told():
                return self._opened().execute(statement, values).fetchall()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._lock, self._told():
            db = self._opened()
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                db.execute("COMMIT")
            except BaseException:
                if db.in_transaction:
                    db.execute("ROLLBACK")
                raise

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            raise NotWritten(f"{self._path} can not be written ({error})") from error
        except sqlite3.DatabaseError as error:
            raise LibraryBroken(f"{self._path} is damaged ({error}); move it away to begin anew") from error

    def _opened(self) -> sqlite3.Connection:
        if self._db is None:
            db = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False, timeout=10)
            try:
                db.execute("PRAGMA foreign_keys = ON")
                # What is deleted is overwritten.
                db.execute("PRAGMA secure_delete = ON")
                db.executescript(_SCHEMA)
            except sqlite3.Error:
                db.close()
                raise
            self._db = db
        return self._db


def _without(turn: Turn, gone: set[str]) -> Turn:
    """A turn without what comes from the documents ``gone``. Pure."""
    if not gone:
        return turn
    lost = {citation.number for citation in turn.answer.citations if citation.path in gone}
    sentences = tuple(
        replace(sentence, text=GONE) if sentence.citations and lost.issuperset(sentence.citations) else sentence
        for sentence in turn.answer.sentences
    )
    answer = replace(
        turn.answer,
        text=" ".join(sentence.text for sentence in sentences),
        sentences=sentences,
        citations=tuple(
            replace(citation, quote="") if citation.path in gone else citation for citation in turn.answer.citations
        ),
    )
    found = tuple(place for place in turn.found if place.path not in gone)
    return replace(turn, answer=answer, found=found)


def _lines(turn: Turn) -> Iterator[str]:
    yield f"\n## {turn.question or 'Search with a picture'}\n"
    if turn.given:
        yield f"With: {', '.join(turn.given)}\n"
    for sentence in turn.answer.sentences:
        numbers = "".join(f" [{number}]" for number in sentence.citations)
        yield f"{sentence.text}{numbers}{'' if sentence.supported else ' (not supported)'}"
    if turn.answer.citations:
        yield ""
    for citation in turn.answer.citations:
        quote = " ".join(citation.quote.split())
        yield f"{citation.number}. {citation}" + (f": “{quote}”" if quote else "")


def _encoded(turn: Turn) -> tuple[str, str, str]:
    found = [
        {
            "path": place.path,
            "media": place.media,
            "locator": locator_to_dict(place.locator),
            "text": place.text,
            "title": place.title,
        }
        for place in turn.found
    ]
    return json.dumps(turn.answer.to_dict()), json.dumps(found), json.dumps(turn.given)


def _decoded(number: int, asked: str, question: str, answer: str, found: str, given: str) -> Turn:
    places = tuple(
        Found(place["path"], place["media"], locator_from_dict(place["locator"]), place["text"], place["title"])
        for place in json.loads(found)
    )
    return Turn(
        question,
        Answer.from_dict(json.loads(answer)),
        places,
        tuple(json.loads(given)),
        datetime.fromisoformat(asked),
        number,
    )


def _shortened(title: str) -> str:
    return title if len(title) <= _TITLE else title[: _TITLE - 1].rstrip() + "…"


def _now() -> str:
    return datetime.now(UTC).isoformat()
