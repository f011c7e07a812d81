"""Files into the library: what is new is read, cut, embedded and stored; what is unchanged costs a look.

Reading and cutting run ahead in threads (each drives a sandboxed child) while this one embeds, so that the model is
what an ``add`` waits for. Texts are pooled across files so that the embedder works on large batches, and a pool is
committed in one transaction when its vectors are there. An interruption loses at most the files of the pool that was
not committed yet; that is why embedding is not moved to a thread, which Ctrl-C would not end.
"""

from __future__ import annotations

import os
import stat
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from indexers.catalog import Catalog, FileState
from indexers.catalog_codec import Content, plain_path
from indexers.chunking import chunk_blocks, embedded_text
from indexers.errors import FileError, ModelFailed, Unreadable, Unsupported
from indexers.library import Library
from indexers.protocols import TextEmbedder
from indexers.reading import Reader, Reading, content_key, digest, is_current, read_file
from indexers.records import forget_vanished, refused, store, stored
from indexers.reports import CHANGES, AddReport, Change, FileReport, Progress
from indexers.types import Chunk, Status, Vectors
from indexers.walk import absolute, walk

__all__ = ["CHANGES", "AddReport", "Change", "FileReport", "Pipeline", "Progress"]

_POOL_CHARACTERS = 240_000
"""Texts are embedded once so much is pooled (some 60,000 tokens): enough to sort by length, little enough to commit
often."""
_FIRST_POOL_CHARACTERS = 30_000
"""The first pool is smaller and each may be twice the one before: the model does not wait for the first large file's
neighbours."""
_POOL_FILES = 500
_READ_AHEAD = 256
_READ_AHEAD_BYTES = 64_000_000
"""Files, and bytes of files, that may be read but not yet embedded."""
_PUBLISH_EVERY_S = 15.0
"""How long what is committed may wait for the word index, so that others find it while a long ``add`` goes on."""


@dataclass(frozen=True, slots=True)
class _Cut:
    """A file as it was read, and the chunks of each content in it, by its key."""

    reading: Reading
    chunks: Mapping[str, list[tuple[Chunk, str]]]


_Outcome = Future[_Cut] | list[FileReport]


@dataclass(slots=True)
class _Pool:
    """Files that wait to be embedded together; full at ``limit`` characters."""

    limit: int
    files: list[_Cut] = field(default_factory=list)
    characters: int = 0

    def put(self, file: _Cut) -> None:
        self.files.append(file)
        self.characters += sum(len(chunk.text) for chunks in file.chunks.values() for chunk, _ in chunks)

    @property
    def is_full(self) -> bool:
        return self.characters >= self.limit or len(self.files) >= _POOL_FILES


class Pipeline:
    """Adds files to and removes them from a library.

    Args:
        library: where to.
        embedder: what makes vectors of texts; its tokens are counted in ``readers`` threads while it embeds in another.
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
        self._embedder = embedder
        self._reader = reader
        self._max_file_bytes = max_file_bytes
        self._readers = readers

    def add(self, paths: Iterable[Path | str], on_progress: Callable[[Progress], None] | None = None) -> AddReport:
        """Indexes files and folders.

        Raises:
            UsageError: a path does not exist, or the library belongs to another text model; nothing was changed.
            LibraryInUse: another process writes to it.
            ModelFailed: the embedder gave no vectors; what was stored before is safe.
        """
        started = time.perf_counter()
        roots = [absolute(path) for path in paths]
        walked = walk(roots, leave_out=self._library.root)
        with self._library.writing() as catalog:
            self._library.use_space(self._embedder.space)
            # Before anything changes: a snapshot that is ahead of the catalog shows only now.
            self._publish()
            reports = forget_vanished(catalog, roots, walked)
            reports += [
                FileReport(plain_path(folder), "text", "failed", Status.UNREADABLE, reason)
                for folder, reason in walked.refused.items()
            ]
            reports += self._add_files(catalog, walked.files, on_progress or (lambda _progress: None))
            self._publish()
        return AddReport(tuple(reports), time.perf_counter() - started)

    def remove(self, paths: Iterable[Path | str]) -> int:
        """Forgets files and all that is below folders; gives how many documents are gone."""
        with self._library.writing() as catalog:
            with catalog.transaction():
                known = dict.fromkeys(known for path in paths for known in catalog.paths_under(absolute(path)))
                removed = sum(catalog.remove_file(path) for path in known)
            if removed:
                self._publish()
        return removed

    def _publish(self) -> None:
        self._library.publish(self._embedder.space, self._embedder.dim)

    def _add_files(
        self, catalog: Catalog, files: Sequence[str], on_progress: Callable[[Progress], None]
    ) -> list[FileReport]:
        sizes = [_size(path) for path in files]
        total, done_bytes, done_chunks = sum(sizes), 0, 0
        reports: dict[str, list[FileReport]] = {}
        pool, published = _Pool(min(_FIRST_POOL_CHARACTERS, _POOL_CHARACTERS)), time.monotonic()
        with closing(self._read_ahead(catalog, files, sizes)) as outcomes:
            for number, (path, size, outcome) in enumerate(outcomes, 1):
                if isinstance(outcome, _Cut):
                    pool.put(outcome)
                else:
                    reports[path] = outcome
                if pool.is_full or number == len(files):
                    committed = self._commit(catalog, pool.files)
                    reports.update(committed)
                    done_chunks += sum(report.chunks for some in committed.values() for report in some)
                    pool = _Pool(min(2 * pool.limit, _POOL_CHARACTERS))
                    if time.monotonic() - published > _PUBLISH_EVERY_S:
                        self._publish()
                        published = time.monotonic()
                done_bytes += size
                on_progress(Progress(number, len(files), done_chunks, done_bytes, total, plain_path(path)))
        return [report for path in files for report in reports[path]]

    # --- what is new -------------------------------------------------------------------------

    def _read_ahead(
        self, catalog: Catalog, files: Sequence[str], sizes: Sequence[int]
    ) -> Generator[tuple[str, int, _Cut | list[FileReport]], None, None]:
        """Each file with what reading it gave, or with its reports where there is nothing to store."""
        waiting: deque[tuple[str, int, _Outcome]] = deque()
        waiting_bytes = 0
        with ThreadPoolExecutor(self._readers, "locus-read") as threads:
            try:
                for path, size in zip(files, sizes, strict=True):
                    while len(waiting) >= _READ_AHEAD or (waiting and waiting_bytes + size > _READ_AHEAD_BYTES):
                        waiting_bytes -= waiting[0][1]
                        yield self._settled(catalog, *waiting.popleft())
                    waiting.append((path, size, self._look(catalog, path, threads)))
                    waiting_bytes += size
                while waiting:
                    yield self._settled(catalog, *waiting.popleft())
            finally:
                for _, _, outcome in waiting:
                    if isinstance(outcome, Future):
                        outcome.cancel()

    @staticmethod
    def _settled(catalog: Catalog, path: str, size: int, outcome: _Outcome) -> tuple[str, int, _Cut | list[FileReport]]:
        if not isinstance(outcome, Future):
            return path, size, outcome
        try:
            return path, size, outcome.result()
        except FileError as error:
            return path, size, refused(catalog, path, error)

    def _look(self, catalog: Catalog, path: str, threads: ThreadPoolExecutor) -> _Outcome:
        """What is to be done with a file: nothing, since it is known or can not be had, or reading it."""
        try:
            info = _regular(path)
            known = catalog.file_state(path)
            if known is not None and self._is_unchanged(known, info):
                return stored(catalog, path, "unchanged")
            if info.st_size > self._max_file_bytes:
                # Not worth a hash: its size and date tell it apart well enough.
                sha256 = f"size-{info.st_size}-{info.st_mtime_ns}"
            else:
                sha256 = digest(Path(path))
        except FileError as error:
            return refused(catalog, path, error)
        content = catalog.content_id(content_key(sha256, path))
        if content is not None:
            if known is not None and known.content == content:
                catalog.set_file(path, content, info.st_size, info.st_mtime_ns)
                return stored(catalog, path, "unchanged")
            if not any(catalog.children(other) for other in catalog.paths_of(content)):
                with catalog.transaction():
                    for inner in catalog.children(path):
                        catalog.remove_file(inner)
                    catalog.set_file(path, content, info.st_size, info.st_mtime_ns)
                return stored(catalog, path, "added" if known is None else "updated")
            # The documents inside it must be found below this path too: read again, embedded only where new.
        return threads.submit(self._read_and_cut, path, info, sha256)

    def _read_and_cut(self, path: str, info: os.stat_result, sha256: str) -> _Cut:
        """In a thread: all that can be done of a file without the catalog and without its vectors."""
        reading = read_file(path, info.st_size, info.st_mtime_ns, sha256, self._reader, self._max_file_bytes)
        count, limit = self._embedder.count_tokens, self._embedder.max_tokens
        chunks = {
            part.content.hash: chunk_blocks(part.blocks, part.content.title, count, limit) for part in reading.flat()
        }
        return _Cut(reading, chunks)

    def _is_unchanged(self, known: FileState, info: os.stat_result) -> bool:
        same = (known.size, known.mtime_ns) == (info.st_size, info.st_mtime_ns) and is_current(known.hash)
        fits_now = known.status is Status.TOO_LARGE and info.st_size <= self._max_file_bytes
        return same and not fits_now

    # --- embedding, storing ------------------------------------------------------------------

    def _commit(self, catalog: Catalog, files: Sequence[_Cut]) -> dict[str, list[FileReport]]:
        """Embeds what waits and stores it in one transaction; gives the reports of each file."""
        if not files:
            return {}
        # Only now is it certain what the catalog holds: it changes between pools, not below.
        fresh: dict[str, tuple[list[tuple[Chunk, str]], Content]] = {}
        for file in files:
            for part in file.reading.flat():
                key = part.content.hash
                if key not in fresh and catalog.content_id(key) is None:
                    fresh[key] = (file.chunks[key], part.content)
        vectors = self._embedded([embedded_text(*chunk) for chunks, _ in fresh.values() for chunk in chunks])
        changes: dict[str, Change] = {}
        with catalog.transaction():
            at = 0
            ids: dict[str, int] = {}
            for key, (chunks, content) in fresh.items():
                ids[key] = catalog.add_content(content)
                catalog.add_chunks(ids[key], chunks, self._embedder.space, vectors[at : at + len(chunks)])
                at += len(chunks)
            for file in files:
                path = file.reading.path
                changes[path] = "added" if catalog.file_state(path) is None else "updated"
                store(catalog, file.reading, ids)
        return {path: stored(catalog, path, change) for path, change in changes.items()}

    def _embedded(self, texts: Sequence[str]) -> Vectors:
        if not texts:
            return np.zeros((0, self._embedder.dim), np.float32)
        vectors = self._embedder.embed_passages(texts)
        # One such vector in the catalog would keep the index from ever being made.
        if vectors.shape != (len(texts), self._embedder.dim) or not (
            np.isfinite(vectors).all() and vectors.any(1).all()
        ):
            raise ModelFailed(f"the text model {self._embedder.space} gave vectors that are no directions")
        return vectors


def _regular(path: str) -> os.stat_result:
    """What the system says of a file.

    Raises:
        Unreadable: the system refuses it, or its name can not be stored.
        Unsupported: it is a device, a pipe or a socket.
    """
    if plain_path(path) != path:
        raise Unreadable("its name is not valid text")
    try:
        info = Path(path).stat()
    except FileNotFoundError as error:
        raise Unreadable("the link leads nowhere" if os.path.lexists(path) else "it is no longer there") from error
    except OSError as error:
        raise Unreadable(f"the system refuses it ({(error.strerror or 'error').lower()})") from error
    if not stat.S_ISREG(info.st_mode):
        raise Unsupported("not a regular file")
    return info


def _size(path: str) -> int:
    try:
        return Path(path).stat().st_size
    except OSError:
        return 0
