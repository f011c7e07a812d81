"""One ``add``: what is new is read, cut, embedded and stored; what is unchanged costs a look.

Reading, looking, listening and cutting run ahead in threads (each drives a sandboxed child) while this one embeds, so
that the models are what an ``add`` waits for. Texts and pictures are pooled across files so that the embedders work
on large batches, and a pool is committed in one transaction when its vectors are there. An interruption loses at most
the pool that was not committed yet (of what slow models read and heard, nothing: see ``unfinished``); that is why
embedding is not moved to a thread, which Ctrl-C would not end.
"""

from __future__ import annotations

import os
import stat
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from contextlib import closing
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np

from indexers.catalog import Catalog, FileState
from indexers.catalog_codec import plain_path
from indexers.chunking import chunk_blocks, embedded_text
from indexers.errors import FileError, ModelFailed, Unreadable, Unsupported
from indexers.library import Library
from indexers.pool import Cut, Part, Pool, cut
from indexers.protocols import TextEmbedder
from indexers.reading import FileReader, Reading, Version, digest, digest_of, is_current, is_unhashed, stamp, unhashed
from indexers.records import refused, store, stored
from indexers.reports import Change, FileReport, Progress
from indexers.types import Pixels, Vectors

_READ_AHEAD = 256
_READ_AHEAD_BYTES = 64_000_000
"""Files, and bytes of files, that may be read but not yet embedded."""
_LOOK_UP_S = 1.0
"""How often one looks up from a file that takes long: to commit what is there, to say how far it is."""
_PUBLISH_EVERY_S = 15.0
"""How long what is committed may wait for the word index, so that others find it while a long ``add`` goes on."""


_Outcome = Future[Cut] | list[FileReport]


class Adding:
    """One call of ``Pipeline.add``, inside its turn as writer.

    Args:
        library: where to.
        catalog: of the library, for changing.
        embedder: what makes vectors of texts.
        reader: what reads files, and has the image model.
        beside: the files that speak of another, by the path of that one.
        again: files that are read again although they have not changed.
    """

    def __init__(
        self,
        library: Library,
        catalog: Catalog,
        embedder: TextEmbedder,
        reader: FileReader,
        beside: Mapping[str, tuple[str, ...]],
        again: AbstractSet[str],
    ) -> None:
        self._library = library
        self._catalog = catalog
        self._embedder = embedder
        self._reader = reader
        self._beside = beside
        self._again = again
        self._stopped = threading.Event()
        self._doing = "", ""

    def add(self, files: Sequence[str], readers: int, on_progress: Callable[[Progress], None]) -> list[FileReport]:
        """Reads, embeds and stores ``files``; gives their reports in that order."""
        sizes = [_size(path) for path in files]
        total, done, done_bytes, done_chunks = sum(sizes), 0, 0, 0
        reports: dict[str, list[FileReport]] = {}
        pool, published = Pool(), time.monotonic()
        path = part = ""
        # Whoever ends an ``add`` by raising in here does so between two pools, and nothing is embedded twice.
        on_progress(Progress(0, len(files), 0, 0, total, path))
        with closing(self._read_ahead(files, sizes, readers)) as outcomes:
            for settled in outcomes:
                if settled is not None:
                    path, size, outcome = settled
                    done, done_bytes = done + 1, done_bytes + size
                    if isinstance(outcome, Cut):
                        pool.put(outcome)
                    else:
                        reports[path] = outcome
                if pool.is_due or done == len(files):
                    committed = self._commit(pool.files)
                    reports.update(committed)
                    done_chunks += sum(report.chunks for some in committed.values() for report in some)
                    pool = pool.next()
                    if time.monotonic() - published > _PUBLISH_EVERY_S:
                        self._library.publish()
                        published = time.monotonic()
                if settled is None:
                    path, part = self._doing
                else:
                    part = ""
                on_progress(Progress(done, len(files), done_chunks, done_bytes, total, plain_path(path), part))
        return [report for path in files for report in reports[path]]

    # --- what is new -------------------------------------------------------------------------

    def _read_ahead(
        self, files: Sequence[str], sizes: Sequence[int], readers: int
    ) -> Generator[tuple[str, int, Cut | list[FileReport]] | None, None, None]:
        """Each file with what reading it gave, or with its reports where there is nothing to store.

        None now and then while a file takes long: time to commit what is there.
        """
        waiting: deque[tuple[str, int, _Outcome]] = deque()
        waiting_bytes = 0
        with ThreadPoolExecutor(readers, "locus-read") as threads:
            try:
                for path, size in zip(files, sizes, strict=True):
                    while len(waiting) >= _READ_AHEAD or (waiting and waiting_bytes + size > _READ_AHEAD_BYTES):
                        waiting_bytes -= waiting[0][1]
                        yield from self._settled(*waiting.popleft())
                    waiting.append((path, size, self._look(path, threads)))
                    waiting_bytes += size
                while waiting:
                    yield from self._settled(*waiting.popleft())
            finally:
                # Models that look and listen stop at the next picture or sentence.
                self._stopped.set()
                for _, _, outcome in waiting:
                    if isinstance(outcome, Future):
                        outcome.cancel()

    def _settled(
        self, path: str, size: int, outcome: _Outcome
    ) -> Generator[tuple[str, int, Cut | list[FileReport]] | None, None, None]:
        if not isinstance(outcome, Future):
            yield path, size, outcome
            return
        while not wait_for([outcome], timeout=_LOOK_UP_S).done:
            yield None
        try:
            yield path, size, outcome.result()
        except FileError as error:
            yield path, size, refused(self._catalog, path, error)

    def _look(self, path: str, threads: ThreadPoolExecutor) -> _Outcome:
        """What is to be done with a file: nothing, since it is known or can not be had, or reading it."""
        catalog = self._catalog
        try:
            info = _regular(path)
            known = catalog.file_state(path)
            beside = self._beside.get(path, ())
            again = plain_path(path) in self._again
            if known is not None and not again and self._is_unchanged(known, path, info, beside):
                return stored(catalog, path, "unchanged")
            version = self._version(path, info, beside)
        except FileError as error:
            return refused(catalog, path, error)
        content = catalog.content_id(version.key)
        if content is not None and not again:
            if known is not None and known.content == content:
                self._set_file(version, content)
                return stored(catalog, path, "unchanged")
            if not any(catalog.children(other) for other in catalog.paths_of(content)):
                with catalog.transaction():
                    for inner in catalog.children(path):
                        catalog.remove_file(inner)
                    self._set_file(version, content)
                return stored(catalog, path, "added" if known is None else "updated")
            # The documents inside it must be found below this path too: read again, embedded only where new.
        return threads.submit(self._read_and_cut, version)

    def _version(self, path: str, info: os.stat_result, beside: tuple[str, ...]) -> Version:
        if self._reader.refusal(Path(path), info.st_size) is not None:
            # Not worth a hash: its size and date tell it apart well enough.
            return Version(path, info.st_size, info.st_mtime_ns, unhashed(info))
        # The stamp first: what changes from here on is noticed when the file has been read.
        mark = stamp(beside)
        return Version(path, info.st_size, info.st_mtime_ns, digest(Path(path)), beside, mark, digest_of(beside))

    def _set_file(self, version: Version, content: int) -> None:
        self._catalog.set_file(version.path, content, version.size, version.mtime_ns, beside=version.beside_stamp)

    def _read_and_cut(self, version: Version) -> Cut:
        """In a thread: all that can be done of a file without the catalog and without its vectors."""
        reading = self._reader.read(version, self._stopped.is_set, partial(self._tell, version.path))
        count, limit = self._embedder.count_tokens, self._embedder.max_tokens
        parts = {}
        for part in reading.flat():
            chunks = chunk_blocks(part.blocks, part.content.title, count, limit)
            parts[part.content.hash] = cut(part, chunks)
        return Cut(reading, parts)

    def _tell(self, path: str, part: str) -> None:
        self._doing = path, part

    def _is_unchanged(self, known: FileState, path: str, info: os.stat_result, beside: tuple[str, ...]) -> bool:
        same = (known.size, known.mtime_ns) == (info.st_size, info.st_mtime_ns) and is_current(known.hash)
        if not same or known.beside != stamp(beside):
            return False
        # The limit may have been raised since a file was too large.
        return not is_unhashed(known.hash) or self._reader.refusal(Path(path), info.st_size) is not None

    # --- embedding, storing ------------------------------------------------------------------

    def _commit(self, files: Sequence[Cut]) -> dict[str, list[FileReport]]:
        """Embeds what waits and stores it in one transaction; gives the reports of each file."""
        if not files:
            return {}
        catalog, fresh = self._catalog, self._fresh(files)
        texts = [embedded_text(*part.chunks[index]) for _, part in fresh.values() for index in part.worded]
        vectors = iter(self._embedded(texts))
        image_space, seen = self._seen([pixels for _, part in fresh.values() for pixels in part.pictures.values()])
        sights = iter(seen)
        changes: dict[str, Change] = {}
        with catalog.transaction():
            ids: dict[str, int] = {}
            for key, (reading, part) in fresh.items():
                ids[key] = catalog.add_content(reading.content)
                chunks = catalog.add_chunks(ids[key], part.chunks)
                worded = [chunks[index] for index in part.worded]
                catalog.add_vectors(worded, self._embedder.space, list(islice(vectors, len(worded))))
                shown = [chunks[index] for index in part.pictures]
                catalog.add_vectors(shown, image_space, list(islice(sights, len(shown))))
            for file in files:
                path = file.reading.path
                changes[path] = "added" if catalog.file_state(path) is None else "updated"
                store(catalog, file.reading, ids)
        whole = [part.version.sha256 for f in files for part in f.reading.flat() if not part.content.pending]
        self._library.unfinished.drop(whole)
        return {path: stored(catalog, path, change) for path, change in changes.items()}

    def _fresh(self, files: Sequence[Cut]) -> dict[str, tuple[Reading, Part]]:
        """The contents of ``files`` that are to be stored, by their keys."""
        # Only now is it certain what the catalog holds: it changes between pools, not below.
        fresh: dict[str, tuple[Reading, Part]] = {}
        for file in files:
            again = plain_path(file.reading.path) in self._again
            for reading in file.reading.flat():
                key = reading.content.hash
                if key not in fresh and (again or self._catalog.content_id(key) is None):
                    fresh[key] = (reading, file.parts[key])
        return fresh

    def _embedded(self, texts: Sequence[str]) -> Vectors:
        if not texts:
            return np.zeros((0, self._embedder.dim), np.float32)
        vectors = self._embedder.embed_passages(texts)
        _check_vectors(vectors, len(texts), self._embedder.dim, self._embedder.space)
        return vectors

    def _seen(self, pictures: Sequence[Pixels]) -> tuple[str, Vectors]:
        """The space of pictures and their vectors in it."""
        if not pictures:
            return "", np.zeros((0, 0), np.float32)
        assert self._reader.senses.images is not None, "pictures are prepared by it"
        model = self._reader.senses.images()
        vectors = model.embed_images(pictures)
        _check_vectors(vectors, len(pictures), model.dim, model.space)
        return model.space, vectors


def _check_vectors(vectors: Vectors, count: int, dim: int, space: str) -> None:
    # One such vector in the catalog would keep the index from ever being made.
    if vectors.shape != (count, dim) or not (np.isfinite(vectors).all() and vectors.any(1).all()):
        raise ModelFailed(f"the model {space} gave vectors that are no directions")


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
