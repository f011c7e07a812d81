"""The catalog: one SQLite file that holds everything that matters.

Files lead to *contents* (by hash: the same bytes at two paths are stored and embedded once), contents to chunks,
chunks to vectors (float16, with the space they belong to and a checksum). Each change to the chunks gets a number in
the change log; the FAISS and tantivy snapshots carry the number that they reach and catch up from here. What is
written about one file version is written in one transaction.

Knows no parser, model or index. One ``Catalog`` is used by one thread at a time; readers in other processes go on
while one writes (write-ahead log).
"""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from indexers.errors import LibraryBroken
from indexers.locators import locator_from_dict, locator_to_dict
from indexers.types import Chunk, Document, Locator, Media, PageLocator, Place, Status, Vectors

SCHEMA_VERSION = 1

_SCHEMA = """
CREATE TABLE contents (
    id INTEGER PRIMARY KEY, hash TEXT NOT NULL UNIQUE, format TEXT NOT NULL, media TEXT NOT NULL, status TEXT NOT NULL,
    reason TEXT NOT NULL, title TEXT NOT NULL, metadata TEXT NOT NULL, coverage REAL NOT NULL, pending TEXT NOT NULL
);
CREATE TABLE files (
    path TEXT PRIMARY KEY, content INTEGER NOT NULL REFERENCES contents(id), parent TEXT, size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL
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
CREATE TABLE changes (sequence INTEGER PRIMARY KEY AUTOINCREMENT, chunk INTEGER NOT NULL, added INTEGER NOT NULL);
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class Content:
    """What reading one file version gave, before it is stored."""

    hash: str
    format: str
    media: Media
    status: Status
    reason: str = ""
    title: str = ""
    metadata: tuple[tuple[str, str], ...] = ()
    coverage: float = 0.0
    pending: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FileState:
    """What tells whether a file has changed since it was read."""

    content: int
    size: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class StoredChunk:
    """A live chunk with the content it belongs to."""

    id: int
    content: int
    number: int
    chunk: Chunk
    context: str
    media: Media
    title: str
    path: str


@dataclass(frozen=True, slots=True)
class Change:
    """What happened to chunks after some sequence number: ``added`` that still live, ``removed`` all."""

    sequence: int
    added: tuple[int, ...]
    removed: tuple[int, ...]


class Catalog:
    """Opens (and creates) the catalog at ``path``.

    Args:
        path: the SQLite file.
        read_only: open for reading; the file must exist.

    Raises:
        LibraryBroken: the file is no catalog, or one of a newer version.
    """

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self.path = path
        uri = f"{path.absolute().as_uri()}?mode={'ro' if read_only else 'rwc'}"
        try:
            self._db = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False, timeout=30)
            self._db.execute("PRAGMA foreign_keys = ON")
            self._db.execute("PRAGMA cache_size = -65536")
            version = self._db.execute("PRAGMA user_version").fetchone()[0]
            if not read_only:
                self._db.execute("PRAGMA journal_mode = WAL")
                self._db.execute("PRAGMA synchronous = NORMAL")
                if version == 0:
                    with self.transaction():
                        for statement in _SCHEMA.split(";"):
                            self._db.execute(statement)
                        self._db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
                    version = SCHEMA_VERSION
        except sqlite3.DatabaseError as error:
            raise LibraryBroken(
                f"the catalog {path} can not be read ({error}); restore it from a backup or start a new library"
            ) from error
        if version != SCHEMA_VERSION:
            raise LibraryBroken(f"the catalog {path} was written by another version of Locus (format {version})")

    def close(self) -> None:
        """Closes the file; a closed catalog is not used again."""
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; a nested call joins the outer one."""
        if self._db.in_transaction:
            yield
            return
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    # --- writing -------------------------------------------------------------------------------

    def add_content(self, content: Content) -> int:
        """Stores a content without chunks yet and gives its id; an older one of the same hash is replaced."""
        with self.transaction():
            old = self.content_id(content.hash)
            if old is not None:
                self._drop_chunks(old)
                self._db.execute(
                    "UPDATE contents SET format=?, media=?, status=?, reason=?, title=?, metadata=?, coverage=?, "
                    "pending=? WHERE id=?",
                    (*_content_row(content)[1:], old),
                )
                return old
            cursor = self._db.execute(
                "INSERT INTO contents (hash, format, media, status, reason, title, metadata, coverage, pending) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                _content_row(content),
            )
            return int(cursor.lastrowid or 0)

    def add_chunks(self, content: int, chunks: Sequence[tuple[Chunk, str]], space: str, vectors: Vectors) -> list[int]:
        """Appends chunks (each with its context line) and their vectors in ``space``; gives the chunks' ids."""
        ids: list[int] = []
        with self.transaction():
            number = self._db.execute("SELECT COUNT(*) FROM chunks WHERE content=?", (content,)).fetchone()[0]
            for (chunk, context), vector in zip(chunks, vectors, strict=True):
                cursor = self._db.execute(
                    "INSERT INTO chunks (content, number, body, header, headings, places, context) "
                    "VALUES (?, ?, ?, ?, ?, ?, ?)",
                    (
                        content,
                        number,
                        chunk.body,
                        chunk.header,
                        json.dumps(chunk.headings, ensure_ascii=False),
                        _pack_places(chunk),
                        context,
                    ),
                )
                ids.append(int(cursor.lastrowid or 0))
                number += 1
                data = vector.astype(np.float16).tobytes()
                self._db.execute(
                    "INSERT INTO vectors (chunk, space, data, checksum) VALUES (?, ?, ?, ?)",
                    (ids[-1], space, data, zlib.crc32(data)),
                )
            self._db.executemany("INSERT INTO changes (chunk, added) VALUES (?, 1)", [(i,) for i in ids])
        return ids

    def set_file(self, path: str, content: int, size: int, mtime_ns: int, parent: str | None = None) -> None:
        """Says that ``path`` now holds ``content``; what it held before is forgotten if nothing else holds it."""
        with self.transaction():
            before = self.file_state(path)
            self._db.execute(
                "INSERT INTO files (path, content, parent, size, mtime_ns) VALUES (?, ?, ?, ?, ?) ON CONFLICT(path) "
                "DO UPDATE SET content=excluded.content, parent=excluded.parent, size=excluded.size, "
                "mtime_ns=excluded.mtime_ns",
                (path, content, parent, size, mtime_ns),
            )
            if before is not None and before.content != content:
                self._drop_orphan(before.content)

    def remove_file(self, path: str) -> int:
        """Forgets a file and the documents inside it; gives how many of both."""
        with self.transaction():
            removed = 0
            for (inner,) in self._db.execute("SELECT path FROM files WHERE parent=?", (path,)).fetchall():
                removed += self.remove_file(inner)
            state = self.file_state(path)
            if state is not None:
                self._db.execute("DELETE FROM files WHERE path=?", (path,))
                self._drop_orphan(state.content)
                removed += 1
        return removed

    def set_fact(self, name: str, value: str) -> None:
        """Stores a word about the library as a whole."""
        self._db.execute("INSERT OR REPLACE INTO facts (name, value) VALUES (?, ?)", (name, value))

    def _drop_orphan(self, content: int) -> None:
        held = self._db.execute("SELECT 1 FROM files WHERE content=? LIMIT 1", (content,)).fetchone()
        if held is None:
            self._drop_chunks(content)
            self._db.execute("DELETE FROM contents WHERE id=?", (content,))

    def _drop_chunks(self, content: int) -> None:
        self._db.execute("INSERT INTO changes (chunk, added) SELECT id, 0 FROM chunks WHERE content=?", (content,))
        self._db.execute("DELETE FROM vectors WHERE chunk IN (SELECT id FROM chunks WHERE content=?)", (content,))
        self._db.execute("DELETE FROM chunks WHERE content=?", (content,))

    # --- reading: files ------------------------------------------------------------------------

    def content_id(self, digest: str) -> int | None:
        """The content with this hash, if the library holds it."""
        row = self._db.execute("SELECT id FROM contents WHERE hash=?", (digest,)).fetchone()
        return None if row is None else int(row[0])

    def file_state(self, path: str) -> FileState | None:
        """What is known of the file at ``path``."""
        row = self._db.execute("SELECT content, size, mtime_ns FROM files WHERE path=?", (path,)).fetchone()
        return None if row is None else FileState(*row)

    def children(self, path: str) -> list[str]:
        """Paths of the documents inside the file at ``path``."""
        return [row[0] for row in self._db.execute("SELECT path FROM files WHERE parent=? ORDER BY path", (path,))]

    def paths_of(self, content: int, *, media: Iterable[str] | None = None, under: str | None = None) -> list[str]:
        """All paths that hold this content (of one of ``media``, below ``under``), sorted."""
        where, values = _filter(media, under)
        rows = self._db.execute(
            "SELECT f.path FROM files f JOIN contents c ON c.id = f.content "  # noqa: S608 - no values in it
            f"WHERE f.content = ? AND {where} ORDER BY f.path",
            (content, *values),
        )
        return [row[0] for row in rows]

    def paths_under(self, path: str) -> list[str]:
        """The file at ``path`` or all files below the folder ``path``, documents inside files left out."""
        rows = self._db.execute(
            "SELECT path FROM files WHERE parent IS NULL AND (path=? OR (path >= ? AND path < ?)) ORDER BY path",
            (path, *_range_below(path)),
        )
        return [row[0] for row in rows]

    def documents(self, *, media: Iterable[str] | None = None, under: str | None = None) -> list[Document]:
        """Every file of the library, those inside others included, sorted by path."""
        where, values = _filter(media, under)
        rows = self._db.execute(
            "SELECT f.path, c.media, c.status, c.reason, c.title, c.coverage, c.pending, "  # noqa: S608 - no values in it
            "(SELECT COUNT(*) FROM chunks k WHERE k.content = c.id) "
            f"FROM files f JOIN contents c ON c.id = f.content WHERE {where} ORDER BY f.path",
            values,
        )
        return [
            Document(path, media_, Status(status), reason, title, chunks, coverage, tuple(json.loads(pending)))
            for path, media_, status, reason, title, coverage, pending, chunks in rows
        ]

    def contents_matching(self, *, media: Iterable[str] | None = None, under: str | None = None) -> NDArray[np.int64]:
        """Ids of the contents that have a file of one of ``media`` below ``under``, sorted."""
        where, values = _filter(media, under)
        rows = self._db.execute(
            f"SELECT DISTINCT c.id FROM files f JOIN contents c ON c.id = f.content WHERE {where} ORDER BY c.id",  # noqa: S608
            values,
        )
        return np.array([row[0] for row in rows], dtype=np.int64)

    # --- reading: chunks -----------------------------------------------------------------------

    def chunks(self, ids: Sequence[int]) -> dict[int, StoredChunk]:
        """The chunks of ``ids`` that still live, each with one path that holds it."""
        found: dict[int, StoredChunk] = {}
        for start in range(0, len(ids), 500):
            some = [int(i) for i in ids[start : start + 500]]
            rows = self._db.execute(
                "SELECT k.id, k.content, k.number, k.body, k.header, k.headings, k.places, k.context, "  # noqa: S608
                "c.media, c.title, "
                "(SELECT MIN(f.path) FROM files f WHERE f.content = c.id) "
                f"FROM chunks k JOIN contents c ON c.id = k.content WHERE k.id IN ({','.join('?' * len(some))})",
                some,
            )
            for row in rows:
                if row[10] is not None:
                    found[row[0]] = _stored_chunk(row)
        return found

    def neighbours(self, content: int, number: int, reach: int = 1) -> list[int]:
        """Ids of the chunks up to ``reach`` places before and after chunk ``number`` of a content, in order."""
        rows = self._db.execute(
            "SELECT id FROM chunks WHERE content=? AND number BETWEEN ? AND ? AND number != ? ORDER BY number",
            (content, number - reach, number + reach, number),
        )
        return [row[0] for row in rows]

    def vectors(self, ids: Sequence[int], space: str) -> tuple[NDArray[np.int64], NDArray[np.int64], Vectors]:
        """Chunk ids, their contents' ids and their vectors in ``space``, for those of ``ids`` that have one.

        Raises:
            LibraryBroken: a stored vector does not match its checksum.
        """
        chunk_ids: list[int] = []
        contents: list[int] = []
        blobs: list[bytes] = []
        for start in range(0, len(ids), 500):
            some = [int(i) for i in ids[start : start + 500]]
            rows = self._db.execute(
                "SELECT v.chunk, k.content, v.data, v.checksum FROM vectors v JOIN chunks k ON k.id = v.chunk "  # noqa: S608
                f"WHERE v.space=? AND v.chunk IN ({','.join('?' * len(some))}) ORDER BY v.chunk",
                (space, *some),
            )
            for chunk, content, data, checksum in rows:
                if zlib.crc32(data) != checksum:
                    raise LibraryBroken(f"the vector of chunk {chunk} is damaged; run `locus doctor --mend`")
                chunk_ids.append(chunk)
                contents.append(content)
                blobs.append(data)
        flat = np.frombuffer(b"".join(blobs), dtype=np.float16).astype(np.float32)
        matrix = flat.reshape(len(blobs), -1) if blobs else np.zeros((0, 0), dtype=np.float32)
        return np.array(chunk_ids, dtype=np.int64), np.array(contents, dtype=np.int64), matrix

    def dim(self, space: str) -> int | None:
        """Dimensions of the vectors of ``space``; None if there are none."""
        row = self._db.execute("SELECT LENGTH(data) FROM vectors WHERE space=? LIMIT 1", (space,)).fetchone()
        return None if row is None else int(row[0]) // 2

    # --- reading: the library as a whole -------------------------------------------------------

    @property
    def sequence(self) -> int:
        """Number of the last change."""
        return int(self._db.execute("SELECT COALESCE(MAX(sequence), 0) FROM changes").fetchone()[0])

    def changes_since(self, sequence: int) -> Change:
        """What a snapshot at ``sequence`` must add and remove to be up to date."""
        last = self.sequence
        if sequence == 0:
            added = [row[0] for row in self._db.execute("SELECT id FROM chunks ORDER BY id")]
            return Change(last, tuple(added), ())
        rows = self._db.execute(
            "SELECT chunk, MAX(sequence * 2 + added) % 2 FROM changes WHERE sequence > ? GROUP BY chunk",
            (sequence,),
        ).fetchall()
        added = [chunk for chunk, is_added in rows if is_added]
        return Change(last, tuple(added), tuple(chunk for chunk, is_added in rows if not is_added))

    def counts(self) -> dict[str, int]:
        """Numbers of ``files``, ``contents``, ``chunks`` and ``vectors``."""
        tables = ("files", "contents", "chunks", "vectors")
        return {t: int(self._db.execute(f"SELECT COUNT(*) FROM {t}").fetchone()[0]) for t in tables}  # noqa: S608

    def fact(self, name: str) -> str | None:
        """A word about the library as a whole."""
        row = self._db.execute("SELECT value FROM facts WHERE name=?", (name,)).fetchone()
        return None if row is None else str(row[0])

    def problems(self) -> list[str]:
        """What is wrong inside the catalog, one line each; empty when it is sound."""
        found = [row[0] for row in self._db.execute("PRAGMA integrity_check") if row[0] != "ok"]
        found += [f"{row[0]} row {row[1]} points at nothing" for row in self._db.execute("PRAGMA foreign_key_check")]
        for chunk, data, checksum in self._db.execute("SELECT chunk, data, checksum FROM vectors"):
            if zlib.crc32(data) != checksum:
                found.append(f"the vector of chunk {chunk} is damaged")
        missing = self._db.execute(
            "SELECT COUNT(*) FROM chunks WHERE id NOT IN (SELECT chunk FROM vectors)"
        ).fetchone()[0]
        if missing:
            found.append(f"{missing} chunks have no vector")
        return found


def _content_row(content: Content) -> tuple[object, ...]:
    return (
        content.hash,
        content.format,
        content.media,
        content.status.value,
        content.reason,
        content.title,
        json.dumps(dict(content.metadata), ensure_ascii=False),
        content.coverage,
        json.dumps(content.pending),
    )


def _stored_chunk(row: tuple[object, ...]) -> StoredChunk:
    id_, content, number, body, header, headings, places, context, media, title, path = row
    locator, parts = _unpack_places(places)  # type: ignore[arg-type]
    chunk = Chunk(body, locator, parts, tuple(json.loads(headings)), header)  # type: ignore[arg-type]
    return StoredChunk(id_, content, number, chunk, context, media, title, path)  # type: ignore[arg-type]


def _pack_places(chunk: Chunk) -> bytes:
    data = [
        locator_to_dict(
            chunk.locator if not isinstance(chunk.locator, PageLocator) else PageLocator(chunk.locator.page)
        ),
        [[place.start, locator_to_dict(place.locator)] for place in chunk.places],
    ]
    return zlib.compress(json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode(), 1)


def _unpack_places(packed: bytes) -> tuple[Locator, tuple[Place, ...]]:
    whole, parts = json.loads(zlib.decompress(packed))
    places = tuple(Place(start, locator_from_dict(data)) for start, data in parts)
    locator = locator_from_dict(whole)
    if isinstance(locator, PageLocator):
        # A page's boxes are those of its lines: stored once.
        boxes = [box for place in places if isinstance(place.locator, PageLocator) for box in place.locator.boxes]
        locator = PageLocator(locator.page, tuple(dict.fromkeys(boxes)))
    return locator, places


def _range_below(path: str) -> tuple[str, str]:
    """Bounds of the paths below a folder: "/a/b/" ≤ path < "/a/b0", as "0" follows "/"."""
    folder = path.rstrip("/")
    return folder + "/", folder + "0"


def _filter(media: Iterable[str] | None, under: str | None) -> tuple[str, list[str]]:
    """A WHERE clause over files ``f`` and contents ``c``, and its values."""
    clauses, values = ["1"], list[str]()
    if media is not None:
        kinds = sorted(media)
        clauses.append(f"c.media IN ({','.join('?' * len(kinds))})")
        values += kinds
    if under is not None:
        low, high = _range_below(under)
        # A document inside a file is below that file: "mail.eml!/report.pdf".
        clauses.append("(f.path = ? OR (f.path >= ? AND f.path < ?) OR (f.path >= ? AND f.path < ?))")
        values += [under, low, high, under + "!/", under + "!0"]
    return " AND ".join(clauses), values
