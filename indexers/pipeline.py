"""Files into the library and out of it: what is to be looked at, and what the library is told in the end.

How a file is looked at, read, embedded and stored is ``adding``; this module knows which files a call means, what
has vanished since, and when the search indexes are brought up to date.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from indexers.adding import Adding
from indexers.beside import fold
from indexers.catalog_codec import plain_path
from indexers.library import Library
from indexers.protocols import TextEmbedder
from indexers.reading import FileReader
from indexers.records import forget_folded, forget_vanished, unfinished
from indexers.reports import CHANGES, AddReport, Change, FileReport, Progress
from indexers.types import Status
from indexers.walk import absolute, walk

__all__ = ["CHANGES", "AddReport", "Change", "FileReport", "Pipeline", "Progress"]


class Pipeline:
    """Adds files to and removes them from a library.

    Args:
        library: where to.
        embedder: what makes vectors of texts; its tokens are counted in ``readers`` threads while it embeds in another.
        reader: reads files; used from ``readers`` threads at once. What waits for a model that it has by now is
            finished by the next ``add``.
        readers: how many files are read at the same time.
    """

    def __init__(self, library: Library, embedder: TextEmbedder, reader: FileReader, *, readers: int = 1) -> None:
        self._library = library
        self._embedder = embedder
        self._reader = reader
        self._readers = readers

    def add(
        self,
        paths: Iterable[Path | str],
        on_progress: Callable[[Progress], None] | None = None,
        *,
        again: Iterable[str] = (),
    ) -> AddReport:
        """Indexes files and folders, and finishes what waited for a model that is there now.

        ``again``: absolute paths of files that are read again although they have not changed.

        Raises:
            UsageError: a path does not exist, or the library belongs to another text model; nothing was changed.
            LibraryInUse: another process writes to it.
            ModelFailed: an embedder gave no vectors; what was stored before is safe.
        """
        started = time.perf_counter()
        roots = [absolute(path) for path in paths]
        walked = walk(roots, leave_out=self._library.root)
        with self._library.writing() as catalog:
            self._library.use_space(self._embedder.space)
            # Before anything changes: a snapshot that is ahead of the catalog shows only now.
            self._library.publish()
            due = unfinished(catalog, self._reader.senses) | set(again)
            wanted = dict.fromkeys([*walked.files, *sorted(due)])
            # What speaks of a file that was named by itself lies beside it and was not named.
            alone = [path for path in (*roots, *due) if not os.path.isdir(path)]  # noqa: PTH112
            _, found = fold([*dict.fromkeys([*wanted, *_around(alone)])])
            beside = {path: companions for path, companions in found.items() if path in wanted}
            reports = forget_vanished(catalog, roots, walked)
            reports += forget_folded(catalog, beside)
            reports += [
                FileReport(plain_path(folder), "text", "failed", Status.FAILED, reason)
                for folder, reason in walked.refused.items()
            ]
            folded = {companion for companions in beside.values() for companion in companions}
            files = [path for path in wanted if path not in folded]
            adding = Adding(self._library, catalog, self._embedder, self._reader, beside, due)
            reports += adding.add(files, self._readers, on_progress or (lambda _progress: None))
            self._library.publish()
            self._library.unfinished.tidy(os.path.lexists)
            self._library.compact_if_due(removed=any(report.change == "removed" for report in reports))
        return AddReport(tuple(reports), time.perf_counter() - started)

    def remove(self, paths: Iterable[Path | str]) -> int:
        """Forgets files and all that is below folders; gives how many documents are gone."""
        with self._library.writing() as catalog:
            with catalog.transaction():
                known = dict.fromkeys(known for path in paths for known in catalog.paths_under(absolute(path)))
                removed = sum(catalog.remove_file(path) for path in known)
            self._library.unfinished.forget(list(known))
            if removed:
                self._library.publish()
                self._library.compact_if_due(removed=True)
        return removed


def _around(paths: Iterable[str]) -> Iterator[str]:
    """The files in the folders of these files."""
    for folder in dict.fromkeys(os.path.dirname(path) for path in paths):  # noqa: PTH120
        with suppress(OSError):
            yield from (os.path.join(folder, name) for name in sorted(os.listdir(folder)))  # noqa: PTH118, PTH208
