"""Keeps a library in step with folders: what is noticed, when it is taken, and what is never concluded.

Each watched folder has a feed that tells of changes, and is looked through as a whole at the start and every few
minutes, since feeds lose events. Either way only differences from the catalog count; they are taken once they are
still (``settling``) and brought in by ``Pipeline.sync``, the same way as an ``add``. A folder that is out of reach is
no reason to forget anything. What could not be read is tried again, later and later, a few times.
"""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress

from indexers.beside import fold
from indexers.catalog import Catalog, FileState
from indexers.catalog_codec import plain_path
from indexers.catalog_folders import Folder
from indexers.errors import LibraryBroken, LibraryInUse, LocusError, OtherModel, UsageError
from indexers.feeds import Feed, is_remote
from indexers.ignore import RULES, Ignore, is_transient
from indexers.library import Library
from indexers.pipeline import Pipeline
from indexers.places import Bounds, below
from indexers.records import unfinished, vanished
from indexers.reports import AddReport, Progress
from indexers.settling import Settling, sight
from indexers.walk import Walked, identity, is_file, walk

RETRIES = 5
"""How often a file that could not be read is tried again without having changed."""
FIRST_RETRY_S = 60.0
"""… the first time after so long; each time after four times as long as before."""
RESCAN_S = 300.0
TIDY_S = 10.0
_TICK_S = 0.1
_TRY_AGAIN_S = 1.0
"""How often it is tried whether another process is done with the library."""
_LOOK_S = 2.0
"""How often it is looked up which folders are to be watched, and what is to be tried again."""
_STALE_S, _NEW_S = 3.0, 30.0
"""After so long other files wait when one that is known has changed, or a new one has come."""
_FEW = 50
"""So few files are brought in one go, whatever they are."""
_AFTER_TROUBLE_S = 30.0


class Watcher:
    """Keeps one library in step with the folders that its catalog says are watched.

    Args:
        library: which.
        pipeline: what brings files in.
        rescan_s: how often each folder is looked through as a whole.
        first_retry_s: how long after a failure a file is tried again.
        tidy_s: how long after a deletion what is left of it in the library's files is cleared.
        on_report: is told what was done.
        on_progress: is told how far a long piece of work is.
        on_note: is told, in a line, what a person should know.
        refresh: called before folders are looked through; a chance to find models that are there by now.
        gives_way: asked between files and while models look and listen; while true, the library is left to others:
            to what a person asked for, which would wait for all that has changed in the folders.
    """

    def __init__(
        self,
        library: Library,
        pipeline: Callable[[], Pipeline],
        *,
        rescan_s: float = RESCAN_S,
        first_retry_s: float = FIRST_RETRY_S,
        tidy_s: float = TIDY_S,
        on_report: Callable[[AddReport], None] = lambda _report: None,
        on_progress: Callable[[Progress], None] | None = None,
        on_note: Callable[[str], None] = lambda _line: None,
        refresh: Callable[[], None] = lambda: None,
        gives_way: Callable[[], bool] = lambda: False,
    ) -> None:
        self._library = library
        self._pipeline = pipeline
        self.rescan_s = rescan_s  # may be changed while it runs
        self._first_retry_s = first_retry_s
        self._tidy_s = tidy_s
        self._on_report = on_report
        self._on_progress = on_progress
        self._on_note = on_note
        self._refresh = refresh
        self._gives_way = gives_way
        self._inbox: queue.SimpleQueue[list[str]] = queue.SimpleQueue()
        self._settling = Settling()
        self._again: set[str] = set()
        self._left_out: set[str] = set()
        self._feeds: dict[str, Feed] = {}
        self._folders: list[Folder] = []
        self._bounds = Bounds(())
        self._noted: set[str] = set()
        # What an earlier run did not get to is cleared too.
        self._removed_at: float | None = time.monotonic()
        self._is_stale = False
        self._urgent: set[str] = set()
        self._next_look = self._next_scan = self._paused_until = 0.0
        self._in_trouble = False
        """Whether not everything was looked through since something went wrong."""
        self._stopped = threading.Event()

    def stop(self) -> None:
        """Ends ``run`` soon; what is being read is left to the next time. From any thread."""
        self._stopped.set()

    def run(self, *, until_still: bool = False) -> None:
        """Watches until ``stop`` is called; ``until_still``: until everything is in step once.

        Raises:
            LibraryBroken: the catalog can not be used.
            UsageError: the library belongs to another text model.
        """
        catalog = Catalog(self._library.root / "catalog.sqlite", read_only=True)
        try:
            while not self._stopped.is_set():
                try:
                    self._step(catalog, listening=not until_still)
                except (LibraryBroken, UsageError) as error:
                    if not isinstance(error, OtherModel):
                        raise
                    self._look_anew("the library was given another text model", _TRY_AGAIN_S)
                except LibraryInUse as error:
                    self._look_anew(f"waiting: {error}", _TRY_AGAIN_S)
                except LocusError as error:
                    self._look_anew(f"trying again in {_AFTER_TROUBLE_S:.0f} s: {error}", _AFTER_TROUBLE_S)
                if until_still and not (self._in_trouble or len(self._settling)):
                    return
        finally:
            self._end_feeds(list(self._feeds))
            catalog.close()

    def _step(self, catalog: Catalog, *, listening: bool) -> None:
        """One turn: what is due is looked at, what was told is heard, what is still is brought in."""
        now = time.monotonic()
        if now >= self._next_look:
            self._next_look = now + _LOOK_S
            self._follow_folders(catalog, listening=listening)
            self._try_again(catalog)
        if now >= self._next_scan:
            self._next_scan = now + self.rescan_s
            self._refresh()
            for folder in self._folders:
                self._scan(catalog, folder, folder.path)
            self._put_again(unfinished(catalog, self._pipeline().reader.senses))
            self._in_trouble = False
        self._hear(catalog, _TICK_S)
        if self._gives_way():
            return
        if time.monotonic() >= self._paused_until and (paths := self._settling.take()):
            self._bring(catalog, self._urgent_first(paths))
        self._tidy()

    def _look_anew(self, why: str, seconds: float) -> None:
        """After trouble: waits, then looks through everything, since what was told meanwhile may be lost."""
        self._note_once(why)
        self._in_trouble = True
        self._paused_until = self._next_scan = time.monotonic() + seconds

    # --- what is watched ---------------------------------------------------------------------

    def _follow_folders(self, catalog: Catalog, *, listening: bool) -> None:
        """Starts and ends feeds as folders come to be watched or no longer are; one inside another needs none."""
        named = catalog.folders(watched=True)
        self._folders = [
            folder for folder in named if not any(folder.path.startswith(below(other.path)) for other in named)
        ]
        self._bounds = Bounds(folder.path for folder in self._folders)
        wanted = {folder.path: folder.poll or is_remote(folder.path) for folder in self._folders} if listening else {}
        self._end_feeds([path for path in self._feeds if path not in wanted])
        for path, poll in wanted.items():
            if path not in self._feeds:
                feed = Feed(path, poll=poll, inbox=self._inbox, skips=self._skips(path), note=self._note_once)
                self._feeds[path] = feed
                feed.start()

    def _end_feeds(self, paths: list[str]) -> None:
        ending = [self._feeds.pop(path) for path in paths]
        for feed in ending:
            feed.end()
        for feed in ending:
            feed.join()

    def _skips(self, root: str) -> Callable[[str], bool]:
        """What is not worth a look, by its name alone."""
        own = os.path.realpath(self._library.root)
        hidden = self._pipeline().hidden

        def skip(path: str) -> bool:
            name = os.path.basename(path)  # noqa: PTH119
            if name == RULES:
                return False
            is_hidden = not hidden and os.sep + "." in path[len(root) :]
            return is_hidden or is_transient(name) or os.path.realpath(path).startswith(own + os.sep)

        return skip

    def _folder_of(self, path: str) -> Folder | None:
        inside = (f for f in self._folders if path == f.path or path.startswith(below(f.path)))
        return next(inside, None)

    # --- what has changed --------------------------------------------------------------------

    def _hear(self, catalog: Catalog, wait_s: float) -> None:
        """Takes in what the feeds have told, waiting a moment for the first."""
        told: dict[str, None] = {}
        with suppress(queue.Empty):
            if wait_s:
                told.update(dict.fromkeys(self._inbox.get(timeout=wait_s)))
            while True:
                told.update(dict.fromkeys(self._inbox.get_nowait()))
        ignores = self._ignores()
        for path in told:
            folder = self._folder_of(path)
            if folder is not None:
                self._heard(catalog, folder, path, ignores[folder.path])

    def _heard(self, catalog: Catalog, folder: Folder, path: str, ignore: Ignore) -> None:
        if os.path.basename(path) == RULES:  # noqa: PTH119
            path = os.path.dirname(path)  # noqa: PTH120
        if identity(path) is not None and os.path.isdir(path):  # noqa: PTH112
            if path == folder.path or not (os.path.islink(path) or ignore.folder(path)):  # noqa: PTH114
                self._scan(catalog, folder, path)
            return
        known = catalog.paths_under(path)
        self._is_stale = self._is_stale or bool(known)
        if not os.path.lexists(path):
            # What spoke of another file is not known by itself.
            self._settling.put([path, *known])
        elif not ignore.file(path) and is_file(path, self._bounds):
            self._settling.put([path])
            self._urgent.update([path] if known else ())

    def _scan(self, catalog: Catalog, folder: Folder, top: str) -> None:
        """Looks through ``folder``, or what lies at ``top`` in it, for what differs from the catalog."""
        if absence := folder.absence():
            self._note_once(absence)
            return
        pipeline = self._pipeline()
        try:
            walked = walk([top], leave_out=self._library.root, hidden=pipeline.hidden, rules_from=folder.path)
        except UsageError:
            return  # it has gone this moment, and a feed will tell
        if top not in walked.ignores:
            return  # it is no folder any more
        known = catalog.file_states(top)
        _, beside = fold(walked.files)
        folded = {companion for companions in beside.values() for companion in companions}
        changed = [
            path
            for path in walked.files
            if path not in folded
            and not _is_refused_still(state := known.get(plain_path(path)), path)
            and not pipeline.reader.is_unchanged(state, path, beside.get(path, ()))
        ]
        gone = vanished(catalog, [top], walked)
        self._left_out.update(path for path in gone if os.path.lexists(path))
        self._settling.put([*changed, *gone])
        if top == folder.path:
            self._remember(catalog, folder, walked)

    def _remember(self, catalog: Catalog, folder: Folder, walked: Walked) -> None:
        """Notes by what the folder will be known again."""
        new_mounts = set(map(plain_path, walked.mounts)) - set(catalog.mounts())
        if new_mounts or identity(folder.path) != (folder.device, folder.inode):
            # Another process that is writing only postpones it.
            with suppress(LibraryInUse), self._library.writing() as writer:
                writer.know_mounts(sorted(new_mounts))
                writer.know_folder(folder.path)

    def _try_again(self, catalog: Catalog) -> None:
        """What could not be read is tried again when its time has come."""
        now = time.time()
        due = [
            path
            for path, attempts, tried_at in catalog.failures(RETRIES)
            if tried_at + self._first_retry_s * 4 ** (attempts - 1) <= now and self._folder_of(path) is not None
        ]
        self._put_again(due)

    def _put_again(self, paths: Iterable[str]) -> None:
        wanted = [path for path in paths if os.path.lexists(path) and self._folder_of(path) is not None]
        self._again.update(wanted)
        self._settling.put(wanted)

    # --- what is done ------------------------------------------------------------------------

    def _urgent_first(self, paths: list[str]) -> list[str]:
        """Of many, only those that are answered from in an older version; the others come next."""
        urgent = [path for path in paths if path in self._urgent]
        self._urgent.difference_update(urgent)
        if not urgent or len(paths) <= _FEW:
            return paths
        self._settling.put(set(paths).difference(urgent), still=True)
        return urgent

    def _bring(self, catalog: Catalog, paths: list[str]) -> None:
        """Brings what is still into the library; puts back what was not done or has changed meanwhile."""
        paths = self._within_reach(catalog, paths)
        again, left_out = self._again.intersection(paths), self._left_out.intersection(paths)
        sights = {path: sight(path) for path in paths}
        started, self._is_stale = time.monotonic(), False
        ignores = self._ignores()

        def ignored(path: str) -> bool:
            folder = self._folder_of(path)
            return folder is not None and ignores[folder.path].file(path)

        try:
            report = self._pipeline().sync(
                paths,
                again=again,
                bounds=self._bounds,
                ignored=ignored,
                left_out=left_out,
                cancelled=lambda: self._stopped.is_set() or self._gives_way(),
                enough=lambda: self._is_enough(catalog, started),
                on_progress=self._on_progress,
            )
        except LocusError:
            self._settling.put(paths, still=True)
            raise
        self._noted.clear()
        self._again -= again.difference(report.left)
        self._left_out -= left_out
        self._settling.put(report.left, still=True)
        self._settling.put(path for path in paths if sight(path) != sights[path])
        if any(file.change == "removed" for file in report.files):
            self._removed_at = time.monotonic()
        if any(file.change != "unchanged" for file in report.files):
            self._on_report(report)

    def _tidy(self) -> None:
        """Clears what was removed from the library's files, once nothing else is to be done and if that is worth it."""
        if self._removed_at is None or len(self._settling) or time.monotonic() - self._removed_at < self._tidy_s:
            return
        self._removed_at = time.monotonic()  # tried again, should another process be writing
        with suppress(LibraryInUse):
            self._library.compact_if_due(removed=True)
            self._removed_at = None

    def _ignores(self) -> dict[str, Ignore]:
        """The rules of each watched folder, as they are now."""
        hidden = self._pipeline().hidden
        return {folder.path: Ignore(folder.path, hidden=hidden) for folder in self._folders}

    def _within_reach(self, catalog: Catalog, paths: list[str]) -> list[str]:
        """Without what only seems to be gone, since the folder or drive it lay on is."""
        away = [below(folder.path) for folder in self._folders if folder.absence()]
        out_of_reach = (*away, *catalog.unmounted())
        return [path for path in paths if os.path.lexists(path) or not path.startswith(out_of_reach)]

    def _is_enough(self, catalog: Catalog, started: float) -> bool:
        """Whether what is being done should give way to what has happened meanwhile."""
        if self._stopped.is_set() or self._gives_way():
            return True
        waited = time.monotonic() - started
        if waited < _STALE_S:
            return False
        self._hear(catalog, 0.0)
        return bool(len(self._settling)) and (self._is_stale or waited > _NEW_S)

    def _note_once(self, line: str) -> None:
        if line not in self._noted:
            self._noted.add(line)
            self._on_note(line)


def _is_refused_still(known: FileState | None, path: str) -> bool:
    """Whether a file could not be had and still can not: no news until its next attempt."""
    return known is not None and known.size < 0 and not (os.access(path, os.R_OK) and plain_path(path) == path)
