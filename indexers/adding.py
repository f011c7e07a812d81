"""One ``add``: what is new is read, cut, embedded and stored; what is unchanged costs a look.

Reading, looking, listening and cutting run ahead in threads (each drives a sandboxed child) while this one embeds, so
that the models are what an ``add`` waits for. Texts and pictures are pooled across files so that the embedders work
on large batches, and a pool is committed in one transaction when its vectors are there. An interruption loses at most
the pool that was not committed yet (of what slow models read and heard, nothing: see ``unfinished``); that is why
embedding is not moved to a thread, which Ctrl-C would not end.
"""

from __future__ import annotations

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

from indexers.catalog import Catalog
from indexers.catalog_codec import plain_path
from indexers.chunking import chunk_blocks, embedded_text
from indexers.errors import Changed, FileError, ModelFailed, Unsupported
from indexers.library import Library
from indexers.listening import Cancelled
from indexers.places import LEADS_OUT, Bounds
from indexers.pool import Cut, Part, Pool, cut
from indexers.protocols import TextEmbedder
from indexers.reading import FileReader, Reading, Version, regular
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
        again: files that are read again although they have not changed.
        bounds: how far links may lead.
        cancelled: once true, models that look and listen stop at the next picture or sentence.
        enough: asked between files; once true, no other file is begun.
    """

    def __init__(
        self,
        library: Library,
        catalog: Catalog,
        embedder: TextEmbedder,
        reader: FileReader,
        again: AbstractSet[str],
        bounds: Bounds,
        *,
        cancelled: Callable[[], bool] = lambda: False,
        enough: Callable[[], bool] = lambda: False,
    ) -> None:
        self._library = library
        self._catalog = catalog
        self._embedder = embedder
        self._reader = reader
        self._beside: Mapping[str, tuple[str, ...]] = {}
        self._again = again
        self.bounds = bounds
        self._stopped = threading.Event()
        self._cancelled = lambda: self._stopped.is_set() or cancelled()
        self._enough = enough
        self._changing: set[str] = set()
        self._queued: set[str] = set()
        self.left: tuple[str, ...] = ()
        """The files that were not begun."""
        self._doing = "", ""

    def add(
        self,
        files: Sequence[str],
        beside: Mapping[str, tuple[str, ...]],
        readers: int,
        on_progress: Callable[[Progress], None],
    ) -> list[FileReport]:
        """Reads, embeds and stores ``files``; gives the reports of those that were done, in that order.

        ``beside``: the files that speak of another, by the path of that one.
        """
        self._beside = beside
        stamps = [_stamp(path) for path in files]
        activity = self._library.activity
        self._queued = self._news(files, stamps)
        activity.begin(self._queued)
        try:
            return self._add(files, [size for size, _ in stamps], readers, on_progress)
        finally:
            activity.begin(())

    def _add(
        self, files: Sequence[str], sizes: Sequence[int], readers: int, on_progress: Callable[[Progress], None]
    ) -> list[FileReport]:
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
                        if plain_path(path) in self._queued:
                            self._library.activity.done([plain_path(path)])
                if pool.is_due or done == len(files):
                    done_chunks += self._commit(pool.files, reports)
                    pool = pool.next()
                    if time.monotonic() - published > _PUBLISH_EVERY_S:
                        self._library.publish()
                        published = time.monotonic()
                if settled is None:
                    path, part = self._doing
                else:
                    part = ""
                on_progress(Progress(done, len(files), done_chunks, done_bytes, total, plain_path(path), part))
        self._commit(pool.files, reports)
        self.left = tuple(path for path in files if path not in reports)
        return [report for path in files for report in reports.get(path, ())]

    def _news(self, files: Sequence[str], stamps: Sequence[tuple[int, int]]) -> set[str]:
        """The files that have changed, as far as a glance tells."""
        known = self._catalog.stamps(files)
        return {
            path
            for path, stamp in zip(map(plain_path, files), stamps, strict=True)
            if known.get(path) != stamp or path in self._again
        }

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
                        yield from self._settled(*waiting.popleft(), threads)
                    if self._enough():
                        break
                    waiting.append((path, size, self._look(path, threads)))
                    waiting_bytes += size
                while waiting:
                    if self._enough():
                        # The last first: else the next one would be begun while one waits for the one before.
                        begun = [each for each in reversed(waiting) if not _is_cancelled(each[2])]
                        waiting = deque(reversed(begun))
                    if waiting:
                        yield from self._settled(*waiting.popleft(), threads)
            finally:
                # Models that look and listen stop at the next picture or sentence.
                self._stopped.set()
                for _, _, outcome in waiting:
                    if isinstance(outcome, Future):
                        outcome.cancel()

    def _settled(
        self, path: str, size: int, outcome: _Outcome, threads: ThreadPoolExecutor
    ) -> Generator[tuple[str, int, Cut | list[FileReport]] | None, None, None]:
        if not isinstance(outcome, Future):
            yield path, size, outcome
            return
        while not wait_for([outcome], timeout=_LOOK_UP_S).done:
            yield None
        try:
            yield path, size, outcome.result()
        except Cancelled:
            # What was seen and heard so far is kept; the rest is left to another time.
            return
        except Changed as error:
            if path in self._changing:
                yield path, size, refused(self._catalog, path, error)
            else:
                self._changing.add(path)
                yield from self._settled(path, size, self._look(path, threads), threads)
        except FileError as error:
            yield path, size, refused(self._catalog, path, error)

    def _look(self, path: str, threads: ThreadPoolExecutor) -> _Outcome:
        """What is to be done with a file: nothing, since it is known or can not be had, or reading it."""
        catalog = self._catalog
        try:
            info = regular(path)
            known = catalog.file_state(path)
            beside = self._beside.get(path, ())
            again = plain_path(path) in self._again
            unchanged = self._reader.is_unchanged(known, path, beside, info)
            if unchanged and not again:
                return stored(catalog, path, "unchanged")
            if not unchanged:
                self._check_place(path, beside)
            version = self._reader.version(path, info, beside)
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

    def _set_file(self, version: Version, content: int) -> None:
        self._catalog.set_file(version.path, content, version.size, version.mtime_ns, beside=version.beside_stamp)

    def _check_place(self, path: str, beside: Sequence[str]) -> None:
        if not all(map(self.bounds.hold, (path, *beside))):
            raise Unsupported(LEADS_OUT)

    def _read_and_cut(self, version: Version) -> Cut:
        """In a thread: all that can be done of a file without the catalog and without its vectors."""
        self._library.activity.reading(plain_path(version.path))
        if plain_path(version.path) not in self._again:
            self._check_place(version.path, version.beside)
        reading = self._reader.read(version, self._cancelled, partial(self._tell, version.path))
        count, limit = self._embedder.count_tokens, self._embedder.max_tokens
        parts = {}
        for part in reading.flat():
            chunks = chunk_blocks(part.blocks, part.content.title, count, limit)
            parts[part.content.hash] = cut(part, chunks)
        return Cut(reading, parts)

    def _tell(self, path: str, part: str) -> None:
        self._doing = path, part

    # --- embedding, storing ------------------------------------------------------------------

    def _commit(self, files: Sequence[Cut], reports: dict[str, list[FileReport]]) -> int:
        """Embeds what waits and stores it in one transaction; adds to the reports, gives the number of chunks."""
        if not files:
            return 0
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
        self._library.activity.done(map(plain_path, changes))
        told = {path: stored(catalog, path, change) for path, change in changes.items()}
        reports.update(told)
        return sum(report.chunks for some in told.values() for report in some)

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
        check_vectors(vectors, len(texts), self._embedder.dim, self._embedder.space)
        return vectors

    def _seen(self, pictures: Sequence[Pixels]) -> tuple[str, Vectors]:
        """The space of pictures and their vectors in it."""
        if not pictures:
            return "", np.zeros((0, 0), np.float32)
        assert self._reader.senses.images is not None, "pictures are prepared by it"
        model = self._reader.senses.images()
        vectors = model.embed_images(pictures)
        check_vectors(vectors, len(pictures), model.dim, model.space)
        return model.space, vectors


def _is_cancelled(outcome: _Outcome) -> bool:
    return isinstance(outcome, Future) and outcome.cancel()


def check_vectors(vectors: Vectors, count: int, dim: int, space: str) -> None:
    """Refuses what is no ``(count, dim)`` matrix of directions.

    Raises:
        ModelFailed: the model gave something else.
    """
    # One such vector in the catalog would keep the index from ever being made.
    if vectors.shape != (count, dim) or not (np.isfinite(vectors).all() and vectors.any(1).all()):
        raise ModelFailed(f"the model {space} gave vectors that are no directions")


def _stamp(path: str) -> tuple[int, int]:
    """Size and time of a file; zeros where there is none."""
    try:
        info = Path(path).stat()
    except OSError:
        return 0, 0
    return info.st_size, info.st_mtime_ns
