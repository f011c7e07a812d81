"""The catalog: one SQLite file that holds everything that matters.

Files lead to *contents* (by hash: the same bytes at two paths are stored and embedded once), contents to chunks,
chunks to vectors (float16, with the space they belong to and a checksum). Each change to the chunks gets a number in
the change log; the FAISS and tantivy snapshots carry the number that they reach and catch up from here. What is
written about one file version is written in one transaction; a content that no file holds any more is dropped at the
transaction's end, so that files may change places within it.

Knows no parser, model or index. One ``Catalog`` is used by one thread at a time; readers in other processes (and other
``Catalog`` objects of this one) go on while one writes (write-ahead log).
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from indexers.catalog_codec import (
    Binding,
    Change,
    Content,
    Damaged,
    FileState,
    StoredChunk,
    chunk_row,
    content_row,
    plain_path,
    stands_for_whole,
)
from indexers.catalog_reader import CatalogReader
from indexers.chunking import HEADING_JOINT as _JOINT
from indexers.errors import LibraryBroken
from indexers.types import Chunk, Vectors

__all__ = ["Binding", "Catalog", "Change", "Content", "Damaged", "FileState", "StoredChunk"]

_LAST_CONTENT = "last content"


class Catalog(CatalogReader):
    """What is known of the files of one library.

    Args:
        path: the SQLite file, created if missing.
        read_only: open for reading; the file must exist.

    Raises:
        LibraryBroken: the file is no catalog, or one of another version; also any call, when the file is damaged.
        LibraryInUse: another connection wrote for longer than a call waits.
    """

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self._loose: set[int] = set()
        super().__init__(path, read_only=read_only)

    # --- writing -------------------------------------------------------------------------------

    def add_content(self, content: Content) -> int:
        """Stores a content without chunks yet and gives its id; an older one of the same hash is replaced."""
        with self.transaction():
            old = self.content_id(content.hash)
            if old is not None:
                self._drop_chunks([old])
                self._rows(
                    "UPDATE contents SET format=?, media=?, status=?, reason=?, title=?, metadata=?, coverage=?, "
                    "pending=?, ledger=? WHERE id=?",
                    (*content_row(content)[1:], old),
                )
                return old
            new = self._new_content()
            self._rows(
                "INSERT INTO contents (hash, format, media, status, reason, title, metadata, coverage, pending, "
                "ledger, id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (*content_row(content), new),
            )
            return new

    def _new_content(self) -> int:
        """An id that no content ever had: an address that names one that is gone must not lead to another."""
        highest = self._rows("SELECT COALESCE(MAX(id), 0) FROM contents")[0][0]
        new = max(int(highest), int(self.fact(_LAST_CONTENT) or 0)) + 1
        self.set_fact(_LAST_CONTENT, str(new))
        return new

    def add_chunks(self, content: int, chunks: Sequence[tuple[Chunk, str]]) -> list[int]:
        """Appends chunks, each with its context line; gives their ids."""
        with self.transaction():
            number = self._rows("SELECT COUNT(*) FROM chunks WHERE content=?", (content,))[0][0]
            last = self._rows("SELECT COALESCE(MAX(seq), 0) FROM sqlite_sequence WHERE name='chunks'")[0][0]
            ids = list(range(last + 1, last + 1 + len(chunks)))
            self._many(
                "INSERT INTO chunks (id, content, number, body, header, headings, places, context) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                ((i, content, number + n, *chunk_row(*chunks[n])) for n, i in enumerate(ids)),
            )
            self._many("INSERT INTO changes (chunk, added) VALUES (?, 1)", ((i,) for i in ids))
        return ids

    def add_vectors(self, ids: Sequence[int], space: str, vectors: Vectors | Sequence[NDArray[np.float32]]) -> None:
        """Stores the vectors of chunks ``ids`` in ``space``; a chunk may have one in each space.

        Raises:
            ValueError: there are not as many vectors as chunks, or one can not be stored as float16.
        """
        with np.errstate(over="ignore"):  # told by the check below
            halves = np.asarray(vectors, np.float32).astype(np.float16)
        if len(halves) != len(ids) or not np.isfinite(halves).all():
            raise ValueError(f"{len(ids)} chunks, vectors of shape {halves.shape}, or not finite")
        data = [half.tobytes() for half in halves]
        with self.transaction():
            self._many(
                "INSERT INTO vectors (chunk, space, data, checksum) VALUES (?, ?, ?, ?)",
                ((i, space, half, zlib.crc32(half)) for i, half in zip(ids, data, strict=True)),
            )

    def set_file(
        self, path: str, content: int, size: int, mtime_ns: int, parent: str | None = None, beside: str = ""
    ) -> None:
        """Says that ``path`` now holds ``content``; what it held before is forgotten if nothing else holds it."""
        with self.transaction():
            before = self.file_state(path)
            is_same = before is not None and (before.size, before.mtime_ns) == (size, mtime_ns)
            attempts = before.attempts + 1 if before is not None and is_same else 1
            self._rows(
                "INSERT INTO files (path, content, parent, size, mtime_ns, beside, attempts, tried_at) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT(path) DO UPDATE SET content=excluded.content, "
                "parent=excluded.parent, size=excluded.size, mtime_ns=excluded.mtime_ns, beside=excluded.beside, "
                "attempts=excluded.attempts, tried_at=excluded.tried_at",
                (path, content, parent, size, mtime_ns, beside, attempts, time.time()),
            )
            if before is not None:
                self._loose.add(before.content)

    def retitle(self, content: int, titles: tuple[str, str], names: tuple[str, str]) -> None:
        """Lets a content whose file was renamed be found by its new name; its vectors stay as they are.

        Args:
            content: which.
            titles: what it was called where a file's name is its title, and what it is called now.
            names: what the old and the new name say in words, as they stand at the head of a picture's text.
        """
        with self.transaction():
            self._rows("UPDATE contents SET title=? WHERE id=? AND title=?", (titles[1], content, titles[0]))
            rows = self._rows("SELECT id, body, context, places FROM chunks WHERE content=?", (content,))
            for chunk, body, context, places in rows:
                renamed = body, context
                if (context + _JOINT).startswith(titles[0] + _JOINT):
                    renamed = body, titles[1] + context[len(titles[0]) :]
                if (body + "\n").startswith(names[0] + "\n") and stands_for_whole(places):
                    renamed = names[1] + body[len(names[0]) :], renamed[1]
                if renamed != (body, context):
                    self._rows("UPDATE chunks SET body=?, context=? WHERE id=?", (*renamed, chunk))
                    self._rows("INSERT INTO changes (chunk, added) VALUES (?, 1)", (chunk,))

    def remove_file(self, path: str) -> int:
        """Forgets a file and the documents inside it; gives how many of both."""
        with self.transaction():
            removed = sum(self.remove_file(inner) for inner in self.children(path))
            state = self.file_state(path)
            if state is not None:
                self._rows("DELETE FROM files WHERE path=?", (plain_path(path),))
                self._loose.add(state.content)
                removed += 1
        return removed

    def set_fact(self, name: str, value: str) -> None:
        """Stores a word about the library as a whole."""
        self._rows("INSERT OR REPLACE INTO facts (name, value) VALUES (?, ?)", (name, value))

    def bind(self, space: str, model: str) -> None:
        """Says which text model the library is bound to from now on (see ``Binding``).

        The vectors of the one before and of a change that was under way are dropped.
        """
        with self.transaction():
            before = self.binding()
            for stale in {before.space, before.next_space} - {space}:
                self._rows("DELETE FROM vectors WHERE space=?", (stale,))
            self._rows("DELETE FROM facts WHERE name IN ('text_space_next', 'text_model_next')")
            self.set_fact("text_space", space)
            self.set_fact("text_model", model)

    def prepare(self, space: str, model: str) -> None:
        """Says which text model is to take the place of the bound one; what was made for another is dropped."""
        with self.transaction():
            before = self.binding()
            if before.next_space != space:
                self._rows("DELETE FROM vectors WHERE space=?", (before.next_space,))
            self.set_fact("text_space_next", space)
            self.set_fact("text_model_next", model)

    def drop_vectors(self, vectors: Sequence[tuple[int, str]]) -> None:
        """Forgets the vectors of chunks, each with its space, which no index holds."""
        with self.transaction():
            self._many("DELETE FROM vectors WHERE chunk=? AND space=?", vectors)

    def replace_vector(self, chunk: int, space: str, vector: NDArray[np.float32]) -> None:
        """Stores the vector of a chunk in the place of one that is damaged, and has the indexes take it up."""
        with self.transaction():
            self._rows("DELETE FROM vectors WHERE chunk=? AND space=?", (chunk, space))
            self.add_vectors([chunk], space, [vector])
            self._rows("INSERT INTO changes (chunk, added) VALUES (?, 1)", (chunk,))

    def forget_changes(self) -> None:
        """Empties the change log. Snapshots that are behind are made anew from then on."""
        with self.transaction():
            self.set_fact("forgotten_changes", str(self.sequence))
            self._rows("DELETE FROM changes")

    def _before_commit(self) -> None:
        orphans = [
            content
            for content in sorted(self._loose)
            if not self._rows("SELECT 1 FROM files WHERE content=? LIMIT 1", (content,))
        ]
        self._drop_chunks(orphans)
        self._many("DELETE FROM contents WHERE id=?", ((content,) for content in orphans))
        self._loose.clear()

    def _after_rollback(self) -> None:
        self._loose.clear()

    def _drop_chunks(self, contents: Sequence[int]) -> None:
        values = [(content,) for content in contents]
        self._many("INSERT INTO changes (chunk, added) SELECT id, 0 FROM chunks WHERE content=?", values)
        self._many("DELETE FROM vectors WHERE chunk IN (SELECT id FROM chunks WHERE content=?)", values)
        self._many("DELETE FROM chunks WHERE content=?", values)

    # --- what is wrong ------------------------------------------------------------------------

    def problems(self) -> list[str]:
        """What is wrong inside the catalog, one line each; empty when it is sound."""
        try:
            found = [row[0] for row in self._rows("PRAGMA integrity_check") if row[0] != "ok"]
            found += [f"{row[0]} row {row[1]} points at nothing" for row in self._rows("PRAGMA foreign_key_check")]
            found += [
                f"{bad.path}: the vector of its chunk {bad.number + 1} in {bad.space} is damaged; "
                "run: locus doctor --repair"
                for bad in self.damaged()
            ]
            questions = {
                # A picture or recording may have a name that is not worth a vector, and wait for its model.
                "chunks have no vector": "SELECT COUNT(*) FROM chunks k JOIN contents c ON c.id = k.content "
                "WHERE c.media = 'text' AND k.id NOT IN (SELECT chunk FROM vectors)",
                "contents have no file": "SELECT COUNT(*) FROM contents WHERE id NOT IN (SELECT content FROM files)",
            }
            counted = {what: self._rows(question)[0][0] for what, question in questions.items()}
        except LibraryBroken as error:
            return [str(error)]
        return found + [f"{number} {what}" for what, number in counted.items() if number]
