"""Files into the library and out of it: what is to be looked at, and what the library is told in the end.

How a file is looked at, read, embedded and stored is ``adding``; this module knows which files a call means, what
has vanished or was moved since, and when the search indexes are brought up to date.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from collections.abc import Set as AbstractSet
from contextlib import contextmanager, suppress

from indexers.adding import Adding
from indexers.beside import companions, fold, spoken_of
from indexers.catalog import Catalog
from indexers.catalog_codec import plain_path
from indexers.library import Library
from indexers.moving import known_at, relocate
from indexers.places import Bounds
from indexers.protocols import TextEmbedder
from indexers.reading import FileReader
from indexers.records import forget_folded, unfinished, vanished
from indexers.reports import CHANGES, AddReport, Change, FileReport, Progress
from indexers.types import Status
from indexers.walk import absolute, walk

__all__ = ["CHANGES", "AddReport", "Change", "FileReport", "Pipeline", "Progress"]

_OnProgress = Callable[[Progress], None]


class Pipeline:
    """Adds files to and removes them from a library.

    Args:
        library: where to.
        embedder: what makes vectors of texts; its tokens are counted in ``readers`` threads while it embeds in another.
        reader: reads files; used from ``readers`` threads at once. What waits for a model that it has by now is
            finished by the next ``add``.
        readers: how many files are read at the same time.
        hidden: take files below a folder even if their names begin with a dot.
        model: what the text model is found by again, for the library to remember: its name or its folder.
    """

    def __init__(
        self,
        library: Library,
        embedder: TextEmbedder,
        reader: FileReader,
        *,
        readers: int = 1,
        hidden: bool = False,
        model: str = "",
    ) -> None:
        self._library = library
        self._embedder = embedder
        self.reader = reader
        self._readers = readers
        self.hidden = hidden
        self._model = model

    def add(
        self,
        paths: Iterable[str | os.PathLike[str]],
        on_progress: _OnProgress | None = None,
        *,
        again: Iterable[str] = (),
    ) -> AddReport:
        """Indexes files and folders, and finishes what waited for a model that is there now.

        ``again``: absolute paths of files that are read again although they have not changed.

        Raises:
            UsageError: a path does not exist; nothing was changed.
            OtherModel: the library is bound to another text model; nothing was changed.
            LibraryInUse: another process writes to it.
            ModelFailed: an embedder gave no vectors; what was stored before is safe.
        """
        started = time.perf_counter()
        roots = [absolute(os.fspath(path)) for path in paths]
        walked = walk(roots, leave_out=self._library.root, hidden=self.hidden)
        with self._turn() as catalog:
            due = unfinished(catalog, self.reader.senses) | set(again)
            gone = vanished(catalog, roots, walked)
            with catalog.transaction():
                catalog.know_mounts(walked.mounts)
                for root in walked.ignores:
                    catalog.know_folder(root)
            reports = [
                FileReport(plain_path(folder), "text", "failed", Status.FAILED, reason)
                for folder, reason in walked.refused.items()
            ]
            adding = Adding(self._library, catalog, self._embedder, self.reader, due, Bounds(roots))
            wanted = dict.fromkeys([*walked.files, *sorted(due)])
            # What speaks of a file that was named by itself lies beside it and was not named.
            alone = [path for path in (*roots, *due) if not os.path.isdir(path)]  # noqa: PTH112
            reports += self._brought(adding, catalog, wanted, alone, gone, on_progress)
            self._library.unfinished.tidy(os.path.lexists)
            self._library.compact_if_due(removed=any(report.change == "removed" for report in reports))
        return AddReport(tuple(reports), time.perf_counter() - started)

    def sync(
        self,
        paths: Iterable[str],
        *,
        bounds: Bounds,
        ignored: Callable[[str], bool] = lambda _path: False,
        again: AbstractSet[str] = frozenset(),
        left_out: AbstractSet[str] = frozenset(),
        cancelled: Callable[[], bool] = lambda: False,
        enough: Callable[[], bool] = lambda: False,
        on_progress: _OnProgress | None = None,
    ) -> AddReport:
        """Brings the library in step with what happened at single paths: files that came, changed, moved or went.

        Args:
            paths: absolute; folders only where they are gone, for all that was below them.
            bounds: how far links may lead.
            ignored: whether what lies beside these files is nobody's document.
            again: those of ``paths`` that are read again although they have not changed.
            left_out: those of ``paths`` that are forgotten although they are there: rules leave them out by now.
            cancelled: once true, models that look and listen stop at the next picture or sentence.
            enough: asked between files; once true, no other file is begun.
            on_progress: is told how far it is.

        Raises:
            As ``add``.
        """
        started = time.perf_counter()
        with self._turn() as catalog:
            wanted: dict[str, None] = {}
            gone: dict[str, None] = {}
            for path in paths:
                if path in left_out:
                    gone.update(dict.fromkeys(catalog.paths_under(path)))
                elif os.path.lexists(path) and not os.path.isdir(path):  # noqa: PTH112
                    wanted[path] = None
                else:
                    gone.update(dict.fromkeys(known_at(catalog, path)))
            wanted |= dict.fromkeys(path for path in _spoken_of([*wanted, *gone]) if not ignored(path))
            adding = Adding(
                self._library, catalog, self._embedder, self.reader, again, bounds, cancelled=cancelled, enough=enough
            )
            reports = self._brought(adding, catalog, wanted, list(wanted), list(gone), on_progress, ignored)
        return AddReport(tuple(reports), time.perf_counter() - started, adding.left)

    def remove(self, paths: Iterable[str | os.PathLike[str]]) -> int:
        """Forgets files and all that is below folders; gives how many documents are gone."""
        with self._library.writing() as catalog:
            with catalog.transaction():
                known = dict.fromkeys(
                    known for path in paths for known in catalog.paths_under(absolute(os.fspath(path)))
                )
                removed = sum(catalog.remove_file(path) for path in known)
            self._library.unfinished.forget(list(known))
            if removed:
                self._library.publish()
                self._library.compact_if_due(removed=True)
        return removed

    @contextmanager
    def _turn(self) -> Iterator[Catalog]:
        """The catalog for changing; the indexes are up to date before and after."""
        with self._library.writing() as catalog:
            self._library.use_space(self._embedder.space, self._model)
            # Before anything changes: a snapshot that is ahead of the catalog shows only now.
            self._library.publish()
            yield catalog
            self._library.publish()

    def _brought(
        self,
        adding: Adding,
        catalog: Catalog,
        wanted: dict[str, None],
        alone: list[str],
        gone: list[str],
        on_progress: _OnProgress | None,
        ignored: Callable[[str], bool] = lambda _path: False,
    ) -> list[FileReport]:
        """Moves, forgets and adds files; ``alone`` are those whose neighbours are not among ``wanted``."""
        neighbours = (path for path in _around(alone, adding.bounds) if not ignored(path))
        _, found = fold([*dict.fromkeys([*wanted, *neighbours])])
        beside = {path: speaking for path, speaking in found.items() if path in wanted}
        folded = {companion for speaking in beside.values() for companion in speaking}
        files = [path for path in wanted if path not in folded]
        reports, settled = relocate(catalog, self.reader, files, gone, beside, adding.bounds)
        reports += forget_folded(catalog, beside)
        left = [path for path in files if path not in settled]
        return reports + adding.add(left, beside, self._readers, on_progress or (lambda _progress: None))


def _around(paths: Iterable[str], bounds: Bounds) -> Iterator[str]:
    """The files in the folders of these files, without links that lead out of them."""
    for folder, names in _names_around(paths):
        beside = (os.path.join(folder, name) for name in names)  # noqa: PTH118
        yield from (path for path in beside if not os.path.islink(path) or bounds.hold(path))  # noqa: PTH114


def _names_around(paths: Iterable[str]) -> Iterator[tuple[str, list[str]]]:
    for folder in dict.fromkeys(os.path.dirname(path) for path in paths):  # noqa: PTH120
        with suppress(OSError):
            yield folder, sorted(os.listdir(folder))  # noqa: PTH208


def _spoken_of(paths: list[str]) -> Iterator[str]:
    """Files for which something changes with these: a picture with its caption, a caption without its picture."""
    names = dict(_names_around(paths))
    for path in paths:
        folder = os.path.dirname(path)  # noqa: PTH120
        there = names.get(folder, [])
        for name in (*spoken_of(path, there), *(() if os.path.lexists(path) else companions(path, there))):
            yield os.path.join(folder, name)  # noqa: PTH118
