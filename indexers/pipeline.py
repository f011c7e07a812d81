"""Files into the library: what is new is read, cut, embedded and stored; what is unchanged costs a look.

Reading runs ahead in threads (each drives a sandboxed child), texts are pooled across files so that the embedder
works on large batches, and each file version is committed in one transaction when its vectors are there. An
interruption loses at most the files of the pool that was not committed yet.
"""

from __future__ import annotations

import os
import stat
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from indexers.chunking import chunk_blocks, embedded_text
from indexers.errors import FileError, Unreadable, Unsupported
from indexers.library import Library
from indexers.protocols import TextEmbedder
from indexers.reading import Reader, Reading, content_key, digest, failed, read_file
from indexers.types import Chunk, Media, Status, Vectors
from indexers.walk import absolute, walk

_POOL_TOKENS = 60_000
"""Texts are embedded once so many tokens are pooled: large enough to sort by length, small enough to commit often."""
_READ_AHEAD = 16
"""Files that may be read but not yet embedded."""

Change = Literal["added", "updated", "unchanged", "removed", "failed"]
CHANGES: tuple[Change, ...] = get_args(Change)


@dataclass(frozen=True, slots=True)
class FileReport:
    """What ``add`` did with one file, or with one document inside a file."""

    path: str
    media: Media
    change: Change
    status: Status
    reason: str = ""
    chunks: int = 0

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "path": self.path,
            "media": self.media,
            "change": self.change,
            "status": self.status.value,
            "reason": self.reason,
            "chunks": self.chunks,
        }


@dataclass(frozen=True, slots=True)
class AddReport:
    """A status per file, in the order in which the files were given."""

    files: tuple[FileReport, ...]
    seconds: float

    @property
    def failed(self) -> tuple[FileReport, ...]:
        """The files of which nothing can be found."""
        return tuple(file for file in self.files if file.change == "failed")

    def count(self, change: Change) -> int:
        """How many files ended that way."""
        return sum(file.change == change for file in self.files)

    def to_dict(self) -> dict[str, Any]:
        """The JSON of ``locus add --json``."""
        return {
            **{kind: self.count(kind) for kind in CHANGES},
            "seconds": round(self.seconds, 3),
            "files": [file.to_dict() for file in self.files],
        }


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an ``add`` is."""

    files: int
    files_total: int
    chunks: int
    bytes: int
    bytes_total: int
    path: str


@dataclass(slots=True)
class _Pool:
    """Files whose chunks wait to be embedded together."""

    readings: list[Reading] = field(default_factory=list)
    chunks: dict[str, list[tuple[Chunk, str]]] = field(default_factory=dict)
    tokens: int = 0


class Pipeline:
    """Adds files to and removes them from a library.

    Args:
        library: where to.
        embedder: what makes vectors of texts.
        reader: what runs parsers; used from ``readers`` threads at once.
        max_file_bytes: larger files get the status ``too_large``.
        readers: how many files are read at the same time.
    """

    def __init__(
        self,
        library: Library,
        embedder: TextEmbedder,
        reader: Reader,
        *,
        max_file_bytes: int,
        readers: int = 1,
    ) -> None:
        self._library = library
        self._catalog = library.catalog
        self._embedder = embedder
        self._reader = reader
        self._max_file_bytes = max_file_bytes
        self._readers = readers

    def add(self, paths: Iterable[Path | str], on_progress: Callable[[Progress], None] | None = None) -> AddReport:
        """Indexes files and folders.

        Raises:
            UsageError: a path does not exist, or the library belongs to another text model; nothing was changed.
            LibraryInUse: another process writes to it.
        """
        started = time.perf_counter()
        roots = [absolute(path) for path in paths]
        files = walk(roots)
        with self._library.writing():
            self._library.use_space(self._embedder.space)
            reports = self._forget_vanished(roots, files)
            reports += self._add_files(files, on_progress or (lambda _progress: None))
            self._library.publish(self._embedder.space, self._embedder.dim)
        return AddReport(tuple(reports), time.perf_counter() - started)

    def remove(self, paths: Iterable[Path | str]) -> int:
        """Forgets files and all that is below folders; gives how many documents are gone."""
        with self._library.writing():
            removed = 0
            with self._catalog.transaction():
                for path in paths:
                    for known in self._catalog.paths_under(absolute(path)):
                        removed += self._catalog.remove_file(known)
            if removed:
                self._library.publish(self._embedder.space, self._embedder.dim)
        return removed

    def _forget_vanished(self, roots: Sequence[str], files: Sequence[str]) -> list[FileReport]:
        """Forgets what the library knows below a folder and the folder no longer holds.

        A folder without any file is left alone: it may be the mount point of a drive that is not there.
        """
        found = set(files)
        reports: list[FileReport] = []
        for root in roots:
            known = self._catalog.paths_under(root) if Path(root).is_dir() else []
            if not any(path in found for path in known):
                continue
            for path in known:
                if path not in found and not os.path.lexists(path):
                    stored = self._stored(path, "removed")
                    self._catalog.remove_file(path)
                    reports += [replace(report, change="removed", reason="no longer there") for report in stored]
        return reports

    def _add_files(self, files: Sequence[str], on_progress: Callable[[Progress], None]) -> list[FileReport]:
        sizes = [_size(path) for path in files]
        total, done_bytes, done_chunks = sum(sizes), 0, 0
        reports: dict[str, list[FileReport]] = {path: [] for path in files}
        pool = _Pool()

        def flush() -> None:
            nonlocal pool, done_chunks
            for report, owner in self._commit(pool):
                reports[owner].append(report)
                done_chunks += report.chunks
            pool = _Pool()

        for number, (path, size, outcome) in enumerate(self._read_ahead(files, sizes), 1):
            if isinstance(outcome, list):
                reports[path] = outcome
            else:
                self._pool(outcome, pool)
                if pool.tokens >= _POOL_TOKENS or len(pool.readings) >= 500:
                    flush()
            done_bytes += size
            on_progress(Progress(number, len(files), done_chunks, done_bytes, total, path))
        flush()
        if files:
            on_progress(Progress(len(files), len(files), done_chunks, total, total, files[-1]))
        return [report for path in files for report in reports[path]]

    # --- what is new -------------------------------------------------------------------------

    def _read_ahead(
        self, files: Sequence[str], sizes: Sequence[int]
    ) -> Iterator[tuple[str, int, Reading | list[FileReport]]]:
        """Each file with what reading it gave, or with its reports where the library knows it already."""
        waiting: deque[tuple[str, int, Future[Reading] | Reading | list[FileReport]]] = deque()
        with ThreadPoolExecutor(self._readers, "locus-read") as threads:
            try:
                for path, size in zip(files, sizes, strict=True):
                    waiting.append((path, size, self._look(path, threads)))
                    if len(waiting) >= _READ_AHEAD:
                        yield self._settled(*waiting.popleft())
                while waiting:
                    yield self._settled(*waiting.popleft())
            finally:
                for _, _, outcome in waiting:
                    if isinstance(outcome, Future):
                        outcome.cancel()

    @staticmethod
    def _settled(
        path: str, size: int, outcome: Future[Reading] | Reading | list[FileReport]
    ) -> tuple[str, int, Reading | list[FileReport]]:
        return path, size, outcome.result() if isinstance(outcome, Future) else outcome

    def _look(self, path: str, threads: ThreadPoolExecutor) -> Future[Reading] | Reading | list[FileReport]:
        """What is to be done with a file: nothing, since it is unchanged, or reading it."""
        size = mtime_ns = 0
        try:
            path.encode()
            info = Path(path).stat()
            size, mtime_ns = info.st_size, info.st_mtime_ns
            if not stat.S_ISREG(info.st_mode):
                raise Unsupported("not a regular file")
            known = self._catalog.file_state(path)
            if known is not None and (known.size, known.mtime_ns) == (size, mtime_ns):
                return self._unchanged(path)
            if size > self._max_file_bytes:
                # Not worth a hash: its size and date tell it apart well enough.
                return threads.submit(
                    read_file,
                    path,
                    size,
                    mtime_ns,
                    f"size-{size}-{mtime_ns}",
                    self._reader,
                    self._max_file_bytes,
                )
            sha256 = digest(Path(path))
        except UnicodeEncodeError:
            shown = os.fsencode(path).decode("utf-8", "backslashreplace")
            return [_report_of(failed(shown, 0, 0, "", Unreadable("its name is not valid text")), "failed", 0)]
        except OSError as error:
            return self._refused(path, Unreadable(f"the system refuses it ({(error.strerror or 'error').lower()})"))
        except FileError as error:
            return self._refused(path, error)
        content = self._catalog.content_id(content_key(sha256, path))
        if content is None:
            return threads.submit(read_file, path, size, mtime_ns, sha256, self._reader, self._max_file_bytes)
        if known is not None and known.content == content:
            self._catalog.set_file(path, content, size, mtime_ns)
            return self._unchanged(path)
        if any(self._catalog.children(other) for other in self._catalog.paths_of(content)):
            # The documents inside it must be found below this path too: read again, embedded only where new.
            return threads.submit(read_file, path, size, mtime_ns, sha256, self._reader, self._max_file_bytes)
        with self._catalog.transaction():
            self._forget_inner(path)
            self._catalog.set_file(path, content, size, mtime_ns)
        return self._stored(path, "added" if known is None else "updated")

    def _refused(self, path: str, error: FileError) -> list[FileReport]:
        """A file that the system does not give is reported; what is known of it stays, since it may be back soon."""
        return [_report_of(failed(path, 0, 0, "", error), "failed", 0)]

    def _unchanged(self, path: str) -> list[FileReport]:
        return self._stored(path, "unchanged")

    def _stored(self, path: str, change: Change) -> list[FileReport]:
        """Reports of a file that is in the catalog, and of the documents inside it."""
        documents = self._catalog.documents(under=path)
        return [
            FileReport(d.path, d.media, change if _found(d.status) else "failed", d.status, d.reason, d.chunks)
            for d in documents
        ]

    # --- cutting, embedding, storing ---------------------------------------------------------

    def _pool(self, reading: Reading, pool: _Pool) -> None:
        """Cuts a file that was read and lets it wait for the embedder."""
        pool.readings.append(reading)
        for part in reading.flat():
            key = part.content.hash
            if not part.blocks or key in pool.chunks or self._catalog.content_id(key) is not None:
                continue
            chunks = chunk_blocks(
                part.blocks, part.content.title, self._embedder.count_tokens, self._embedder.max_tokens
            )
            pool.chunks[key] = chunks
            # Four characters a token is near enough to say when the pool is full.
            pool.tokens += sum(len(chunk.body) for chunk, _ in chunks) // 4

    def _commit(self, pool: _Pool) -> list[tuple[FileReport, str]]:
        """Embeds what waits and stores it, one transaction a file; gives its reports with the file's own path."""
        texts = [embedded_text(*chunk) for chunks in pool.chunks.values() for chunk in chunks]
        vectors = self._embedder.embed_passages(texts) if texts else np.zeros((0, self._embedder.dim), np.float32)
        ready: dict[str, tuple[list[tuple[Chunk, str]], Vectors]] = {}
        at = 0
        for key, chunks in pool.chunks.items():
            ready[key] = (chunks, vectors[at : at + len(chunks)])
            at += len(chunks)
        reports: list[tuple[FileReport, str]] = []
        for reading in pool.readings:
            known = self._catalog.file_state(reading.path)
            with self._catalog.transaction():
                self._forget_inner(reading.path)
                for part in reading.flat():
                    chunks_count = self._store(part, ready)
                    change: Change = "added" if known is None else "updated"
                    if not _found(part.content.status):
                        change = "failed"
                    reports.append((_report_of(part, change, chunks_count), reading.path))
        return reports

    def _store(self, part: Reading, ready: dict[str, tuple[list[tuple[Chunk, str]], Vectors]]) -> int:
        content = self._catalog.content_id(part.content.hash)
        chunks, vectors = ready.get(part.content.hash, ([], np.zeros((0, self._embedder.dim), np.float32)))
        if content is None:
            content = self._catalog.add_content(part.content)
            self._catalog.add_chunks(content, chunks, self._embedder.space, vectors)
        self._catalog.set_file(part.path, content, part.size, part.mtime_ns, part.parent)
        return len(chunks)

    def _forget_inner(self, path: str) -> None:
        for inner in self._catalog.children(path):
            self._catalog.remove_file(inner)


def _found(status: Status) -> bool:
    return status in (Status.INDEXED, Status.PARTIAL)


def _report_of(reading: Reading, change: Change, chunks: int) -> FileReport:
    content = reading.content
    return FileReport(reading.path, content.media, change, content.status, content.reason, chunks)


def _size(path: str) -> int:
    try:
        return Path(path).stat().st_size
    except OSError:
        return 0
