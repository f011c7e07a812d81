"""What is read from the catalog: its files, contents, chunks, vectors, and the library as a whole.

As ``indexers.catalog``, it knows no parser, model or index.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from indexers.catalog_codec import (
    Binding,
    Change,
    Damaged,
    FileState,
    StoredChunk,
    StoredFile,
    document_of,
    plain_path,
    range_below,
    stored_chunk,
)
from indexers.catalog_contents import CatalogContents
from indexers.catalog_lists import CatalogLists
from indexers.filters import OWN_DAY, Days, Filter
from indexers.types import Document, Status, Vectors

_MANY = 500
"""Values bound to one statement."""


_STATE = "f.content, f.size, f.mtime_ns, c.hash, c.status, f.beside, c.pending, f.attempts, f.tried_at"


class CatalogReader(CatalogContents, CatalogLists):
    """The questions that a catalog answers."""

    # --- reading: files ------------------------------------------------------------------------

    def content_id(self, digest: str) -> int | None:
        """The content with this hash, if the library holds it."""
        rows = self._rows("SELECT id FROM contents WHERE hash=?", (digest,))
        return int(rows[0][0]) if rows else None

    def file_state(self, path: str) -> FileState | None:
        """What is known of the file at ``path``."""
        rows = self._rows(
            f"SELECT {_STATE} FROM files f JOIN contents c ON c.id = f.content WHERE f.path=?",  # noqa: S608 - a constant
            (plain_path(path),),
        )
        return _state(rows[0]) if rows else None

    def file_states(self, under: str) -> dict[str, FileState]:
        """What is known of the files at and below ``under``, by path; documents inside files left out."""
        rows = self._rows(
            f"SELECT {_STATE}, f.path FROM files f JOIN contents c ON c.id = f.content "  # noqa: S608 - a constant
            "WHERE f.parent IS NULL AND (f.path=? OR (f.path >= ? AND f.path < ?))",
            (plain_path(under), *range_below(under)),
        )
        return {row[-1]: _state(row) for row in rows}

    def stamps(self, paths: Sequence[str]) -> dict[str, tuple[int, int]]:
        """Size and time (ns) of those of ``paths`` that are known, as they were when they were read."""
        found: dict[str, tuple[int, int]] = {}
        for start in range(0, len(paths), _MANY):
            some = [plain_path(path) for path in paths[start : start + _MANY]]
            rows = self._rows(
                f"SELECT path, size, mtime_ns FROM files WHERE path IN ({','.join('?' * len(some))})",  # noqa: S608
                some,
            )
            found.update({path: (size, mtime_ns) for path, size, mtime_ns in rows})
        return found

    def waiting(self) -> list[tuple[str, tuple[str, ...]]]:
        """Paths of the documents that wait for models, each with these, sorted."""
        rows = self._rows(
            "SELECT f.path, c.pending FROM contents c JOIN files f ON f.content = c.id "
            "WHERE c.pending != '[]' ORDER BY f.path"
        )
        return [(path, tuple(json.loads(pending))) for path, pending in rows]

    def failures(self, most_attempts: int) -> list[tuple[str, int, float]]:
        """Files that at most so many attempts could not read: path, attempts, time of the last (Unix, seconds)."""
        return self._rows(
            "SELECT f.path, f.attempts, f.tried_at FROM contents c JOIN files f ON f.content = c.id "
            "WHERE c.status='failed' AND c.hash NOT LIKE 'size-%' AND f.parent IS NULL AND f.attempts <= ? "
            "ORDER BY f.path",
            (most_attempts,),
        )

    def children(self, path: str) -> list[str]:
        """Paths of the documents inside the file at ``path``."""
        rows = self._rows("SELECT path FROM files WHERE parent=? ORDER BY path", (plain_path(path),))
        return [row[0] for row in rows]

    def paths_of(
        self,
        content: int,
        *,
        media: Iterable[str] | None = None,
        under: str | None = None,
        days: Days | None = None,
    ) -> list[str]:
        """All paths that hold this content (of one of ``media``, below ``under``, of these ``days``), sorted."""
        where, values = _filter(media, under, days).clause()
        rows = self._rows(
            "SELECT f.path FROM files f JOIN contents c ON c.id = f.content "  # noqa: S608 - no values in it
            f"WHERE f.content = ? AND {where} ORDER BY f.path",
            (content, *values),
        )
        return [row[0] for row in rows]

    def outermost(self, path: str) -> str:
        """The file that the document at ``path`` is inside of, or ``path`` itself."""
        while (rows := self._rows("SELECT parent FROM files WHERE path=?", (path,))) and rows[0][0]:
            path = rows[0][0]
        return path

    def paths_with(self, space: str) -> list[str]:
        """Paths of the documents that have a vector in ``space``, sorted."""
        rows = self._rows(
            "SELECT DISTINCT f.path FROM vectors v JOIN chunks k ON k.id = v.chunk JOIN files f "
            "ON f.content = k.content WHERE v.space = ? ORDER BY f.path",
            (space,),
        )
        return [row[0] for row in rows]

    def paths_under(self, path: str) -> list[str]:
        """The file at ``path`` or all files below the folder ``path``, documents inside files left out."""
        rows = self._rows(
            "SELECT path FROM files WHERE parent IS NULL AND (path=? OR (path >= ? AND path < ?)) ORDER BY path",
            (plain_path(path), *range_below(path)),
        )
        return [row[0] for row in rows]

    def documents(self, *, media: Iterable[str] | None = None, under: str | None = None) -> list[Document]:
        """Every file of the library, those inside others included, sorted by path."""
        where, values = _filter(media, under).clause()
        rows = self._rows(
            "SELECT f.path, c.media, c.status, c.reason, c.title, c.coverage, c.pending, c.ledger, "  # noqa: S608
            "(SELECT COUNT(*) FROM chunks k WHERE k.content = c.id) "
            f"FROM files f JOIN contents c ON c.id = f.content WHERE {where} ORDER BY f.path",
            values,
        )
        return [document_of(row) for row in rows]

    def stored_file(self, path: str) -> StoredFile | None:
        """Everything that is known of the file at ``path``, or of the document inside a file."""
        path = plain_path(path)
        rows = self._rows(
            "SELECT f.parent, f.size, f.mtime_ns, f.beside, f.attempts, f.tried_at, c.id, c.format, c.metadata "
            "FROM files f JOIN contents c ON c.id = f.content WHERE f.path=?",
            (path,),
        )
        if not rows:
            return None
        parent, size, mtime_ns, beside, attempts, tried_at, content, kind, metadata = rows[0]
        spaces = self._rows(
            "SELECT v.space, COUNT(*) FROM vectors v JOIN chunks k ON k.id = v.chunk WHERE k.content=? "
            "GROUP BY v.space",
            (content,),
        )
        document = next(document for document in self.documents(under=path) if document.path == path)
        return StoredFile(
            document,
            content,
            kind,
            json.loads(metadata),
            parent,
            size,
            mtime_ns,
            beside,
            attempts,
            tried_at,
            dict(spaces),
        )

    def metadata(self, path: str) -> dict[str, str]:
        """What is known about the document at ``path``: author, date, language …; empty if it is not there."""
        rows = self._rows(
            "SELECT c.metadata FROM files f JOIN contents c ON c.id = f.content WHERE f.path=?", (plain_path(path),)
        )
        return dict(json.loads(rows[0][0])) if rows else {}

    def days_of(self, paths: Sequence[str]) -> dict[str, tuple[str, int]]:
        """Of the documents at ``paths``: the day that each bears (or "") and when its file was changed (ns)."""
        found: dict[str, tuple[str, int]] = {}
        for start in range(0, len(paths), _MANY):
            some = [plain_path(path) for path in paths[start : start + _MANY]]
            rows = self._rows(
                f"SELECT f.path, {OWN_DAY}, f.mtime_ns FROM files f JOIN contents c ON c.id = f.content "  # noqa: S608
                f"WHERE f.path IN ({','.join('?' * len(some))})",
                some,
            )
            found.update({path: (day or "", mtime_ns) for path, day, mtime_ns in rows})
        return found

    def contents_matching(
        self, *, media: Iterable[str] | None = None, under: str | None = None, days: Days | None = None
    ) -> NDArray[np.int64]:
        """Ids of the contents that have a file of one of ``media`` below ``under``, of these ``days``, sorted."""
        where, values = _filter(media, under, days).clause()
        rows = self._rows(
            f"SELECT DISTINCT c.id FROM files f JOIN contents c ON c.id = f.content WHERE {where} ORDER BY c.id",  # noqa: S608
            values,
        )
        return np.array([row[0] for row in rows], dtype=np.int64)

    # --- reading: chunks -----------------------------------------------------------------------

    def chunks(self, ids: Sequence[int]) -> dict[int, StoredChunk]:
        """The chunks of ``ids`` that still live, each with one path that holds it."""
        found: dict[int, StoredChunk] = {}
        for start in range(0, len(ids), _MANY):
            some = [int(i) for i in ids[start : start + _MANY]]
            rows = self._rows(
                "SELECT k.id, k.content, k.number, k.body, k.header, k.headings, k.places, k.context, "  # noqa: S608
                "c.media, c.title, "
                "(SELECT MIN(f.path) FROM files f WHERE f.content = c.id) "
                f"FROM chunks k JOIN contents c ON c.id = k.content WHERE k.id IN ({','.join('?' * len(some))})",
                some,
            )
            for row in rows:
                if row[10] is not None:
                    found[row[0]] = stored_chunk(row)
        return found

    def contents_of(self, ids: Sequence[int]) -> dict[int, int]:
        """The content of each of these chunks that still lives."""
        found: dict[int, int] = {}
        for start in range(0, len(ids), _MANY):
            some = [int(i) for i in ids[start : start + _MANY]]
            rows = self._rows(f"SELECT id, content FROM chunks WHERE id IN ({','.join('?' * len(some))})", some)  # noqa: S608
            found.update(rows)
        return found

    def texts_of(self, content: int) -> dict[int, tuple[str, str]]:
        """The chunks of a content in order: each one's text as words are looked for in it, and its context line."""
        rows = self._rows("SELECT id, header, body, context FROM chunks WHERE content=? ORDER BY number", (content,))
        return {chunk: (f"{header}\n{body}" if header else body, context) for chunk, header, body, context in rows}

    def longer_than(self, contents: Iterable[int], chunks: int) -> set[int]:
        """Those of ``contents`` that have more than so many chunks."""
        found: set[int] = set()
        wanted = list(contents)
        for start in range(0, len(wanted), _MANY):
            some = wanted[start : start + _MANY]
            marks = ",".join("?" * len(some))
            rows = self._rows(f"SELECT content FROM chunks WHERE number=? AND content IN ({marks})", (chunks, *some))  # noqa: S608
            found.update(row[0] for row in rows)
        return found

    def neighbours(self, content: int, number: int, reach: int = 1) -> list[int]:
        """Ids of the chunks up to ``reach`` places before and after chunk ``number`` of a content, in order."""
        rows = self._rows(
            "SELECT id FROM chunks WHERE content=? AND number BETWEEN ? AND ? AND number != ? ORDER BY number",
            (content, number - reach, number + reach, number),
        )
        return [row[0] for row in rows]

    def vectors(self, ids: Sequence[int], space: str) -> tuple[NDArray[np.int64], NDArray[np.int64], Vectors]:
        """Chunk ids, their contents' ids and their vectors in ``space``, for those of ``ids`` that have one.

        A vector that does not match its checksum is left out: one bad vector keeps nobody from searching, and
        ``damaged`` names it.
        """
        chunk_ids: list[int] = []
        contents: list[int] = []
        blobs: list[bytes] = []
        for start in range(0, len(ids), _MANY):
            some = [int(i) for i in ids[start : start + _MANY]]
            rows = self._rows(
                "SELECT v.chunk, k.content, v.data, v.checksum FROM vectors v JOIN chunks k ON k.id = v.chunk "  # noqa: S608
                f"WHERE v.space=? AND v.chunk IN ({','.join('?' * len(some))}) ORDER BY v.chunk",
                (space, *some),
            )
            for chunk, content, data, checksum in rows:
                if zlib.crc32(data) != checksum:
                    continue
                chunk_ids.append(chunk)
                contents.append(content)
                blobs.append(data)
        flat = np.frombuffer(b"".join(blobs), dtype=np.float16).astype(np.float32)
        matrix = flat.reshape(len(blobs), -1) if blobs else np.zeros((0, 0), dtype=np.float32)
        return np.array(chunk_ids, dtype=np.int64), np.array(contents, dtype=np.int64), matrix

    def spaces(self) -> dict[str, int]:
        """The spaces that chunks have vectors in, with their dimensions."""
        found: dict[str, int] = {}
        # Each step looks up the next space in the index: a DISTINCT would read all of it.
        while rows := self._rows(
            "SELECT space, LENGTH(data) FROM vectors WHERE space > ? ORDER BY space LIMIT 1", (max(found, default=""),)
        ):
            found[rows[0][0]] = int(rows[0][1]) // 2
        return found

    def indexed_spaces(self) -> dict[str, int]:
        """The spaces that are searched, with their dimensions: without the one that is only being made."""
        coming = self.binding().next_space
        return {space: dim for space, dim in self.spaces().items() if space != coming}

    def image_spaces(self) -> dict[str, int]:
        """The spaces that pictures have vectors in, with their dimensions."""
        bound = self.binding()
        return {space: dim for space, dim in self.spaces().items() if space not in (bound.space, bound.next_space)}

    def lacking(self, space: str, coming: str, after: int, limit: int) -> list[int]:
        """The first ``limit`` chunks behind chunk ``after`` with a vector in ``space`` and none in ``coming``."""
        rows = self._rows(
            "SELECT chunk FROM vectors v WHERE space = ? AND chunk > ? AND NOT EXISTS "
            "(SELECT 1 FROM vectors n WHERE n.chunk = v.chunk AND n.space = ?) ORDER BY chunk LIMIT ?",
            (space, after, coming, limit),
        )
        return [row[0] for row in rows]

    # --- reading: the library as a whole -------------------------------------------------------

    @property
    def sequence(self) -> int:
        """Number of the last change."""
        # Not the largest in the log, of which the past may have been forgotten.
        rows = self._rows("SELECT seq FROM sqlite_sequence WHERE name='changes'")
        return int(rows[0][0]) if rows else 0

    def changes_since(self, sequence: int) -> Change:
        """What a snapshot at ``sequence`` must add and remove to be up to date."""
        with self.reading():
            last, forgotten = self.sequence, int(self.fact("forgotten_changes") or 0)
            if sequence == 0 or sequence < forgotten:
                added = [row[0] for row in self._rows("SELECT id FROM chunks ORDER BY id")]
                return Change(last, tuple(added), (), anew=sequence > 0)
            rows = self._rows(
                "SELECT chunk, MAX(sequence * 2 + added) % 2 FROM changes WHERE sequence > ? GROUP BY chunk",
                (sequence,),
            )
        added = [chunk for chunk, is_added in rows if is_added]
        return Change(last, tuple(added), tuple(chunk for chunk, is_added in rows if not is_added))

    def removed_lately(self) -> int:
        """How many chunks were removed that may still take room, and be read, in the library's files."""
        return int(self._rows("SELECT COUNT(*) FROM changes WHERE added = 0")[0][0])

    def damaged(self) -> list[Damaged]:
        """The vectors that do not match their checksums."""
        found: list[Damaged] = []
        last: tuple[int, str] = (-1, "")
        while rows := self._rows(
            "SELECT chunk, space, data, checksum FROM vectors WHERE (chunk, space) > (?, ?) "
            "ORDER BY chunk, space LIMIT 5000",
            last,
        ):
            for chunk, space in [(c, s) for c, s, data, checksum in rows if zlib.crc32(data) != checksum]:
                found += [
                    Damaged(chunk, space, *row)
                    for row in self._rows(
                        "SELECT k.content, k.number, MIN(f.path) FROM chunks k JOIN files f ON f.content = k.content "
                        "WHERE k.id=? GROUP BY k.id",
                        (chunk,),
                    )
                ]
            last = rows[-1][:2]
        return found

    def counts(self) -> dict[str, int]:
        """Numbers of ``files``, ``contents``, ``chunks`` and ``vectors``."""
        tables = ("files", "contents", "chunks", "vectors")
        return {t: int(self._rows(f"SELECT COUNT(*) FROM {t}")[0][0]) for t in tables}  # noqa: S608

    def count_texts(self) -> int:
        """How many chunks have words: those of pictures may have none."""
        return int(self._rows("SELECT COUNT(*) FROM chunks WHERE body != ''")[0][0])

    def count_vectors(self, space: str) -> int:
        """How many chunks have a vector in ``space``."""
        return int(self._rows("SELECT COUNT(*) FROM vectors WHERE space=?", (space,))[0][0])

    def binding(self) -> Binding:
        """The text model that the library is bound to."""
        names = ("text_space", "text_model", "text_space_next", "text_model_next")
        facts = dict(self._rows("SELECT name, value FROM facts WHERE name IN (?, ?, ?, ?)", names))
        return Binding(*(facts.get(name, "") for name in names))

    def fact(self, name: str) -> str | None:
        """A word about the library as a whole."""
        rows = self._rows("SELECT value FROM facts WHERE name=?", (name,))
        return str(rows[0][0]) if rows else None


def _filter(media: Iterable[str] | None, under: str | None, days: Days | None = None) -> Filter:
    return Filter(None if media is None else frozenset(media), under, days)


def _state(row: Sequence[Any]) -> FileState:
    content, size, mtime_ns, digest, status, beside, pending, attempts, tried_at = row[:9]
    waits = tuple(json.loads(pending))
    return FileState(content, size, mtime_ns, digest, Status(status), beside, waits, attempts, tried_at)
