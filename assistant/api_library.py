"""The methods of the facade that change the library: they add and remove files, and keep it in step with folders."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from assistant.api_base import AssistantBase, PathLike, listed, settled
from assistant.inbox import keep
from assistant.watching import Watching
from indexers.errors import UsageError
from indexers.pipeline import AddReport, Progress
from indexers.reembedding import ReindexReport
from indexers.walk import absolute


class AssistantLibrary(AssistantBase):
    """What changes a library."""

    _watching: list[Watching]

    def add(
        self, paths: Iterable[PathLike] | PathLike, *, on_progress: Callable[[Progress], None] | None = None
    ) -> AddReport:
        """Indexes files and folders; what is unchanged costs a look, what is gone from a folder is forgotten.

        Raises:
            UsageError: a path does not exist; nothing was changed.
            LibraryInUse: another process writes to the library.
            ModelMissing: there is no text model.
        """
        return self._added(listed(paths), on_progress)

    def finish(self, *, on_progress: Callable[[Progress], None] | None = None) -> AddReport:
        """Looks at and listens to what waited for a model that is there now; ``add`` does so too.

        Models that came since the library was opened are found.

        Raises:
            LibraryInUse: another process writes to the library.
        """
        self._parts.find_models()
        return self._added([], on_progress)

    def _added(
        self, paths: list[PathLike], on_progress: Callable[[Progress], None] | None, again: Sequence[str] = ()
    ) -> AddReport:
        report = settled(lambda: self._parts.pipeline.add(paths, on_progress, again=again))
        self._parts.follow(report)
        return report

    def retry(
        self, paths: Iterable[PathLike] | PathLike, *, on_progress: Callable[[Progress], None] | None = None
    ) -> AddReport:
        """Reads files of the library again although they have not changed, or could not be read.

        Args:
            paths: files; folders for all that the library holds below them. Of a document inside a file, that file.
            on_progress: as in ``add``.

        Raises:
            UsageError: the library holds nothing at one of the paths, or the file is gone; nothing was changed.
            LibraryInUse: another process writes to the library.
        """
        known = self._known(paths)
        for path in known:
            if not os.path.lexists(path):
                raise UsageError(f"{path} is no longer on the disk; bring it back, or remove it from the library")
        return self._added([*known], on_progress, known)

    def _known(self, paths: Iterable[PathLike] | PathLike) -> list[str]:
        """The files of the library at and below ``paths``."""
        catalog, found = self._parts.library.catalog, dict[str, None]()
        with self._parts.library.mutex:
            for path in map(absolute, listed(paths)):
                below = catalog.paths_under(path)
                if not below and (holder := catalog.outermost(path)) != path:
                    below = [holder]
                if not below:
                    raise UsageError(f"the library holds nothing at {path}; see `locus files`")
                found.update(dict.fromkeys(below))
        return list(found)

    def keep(self, path: PathLike, name: str = "") -> Path:
        """Copies a file that has no lasting place into the folder for such files (the setting ``inbox``).

        Nothing there is overwritten: the same file is kept once, another of the same name gets a number behind it.

        Args:
            path: the file.
            name: what it is to be called; "" as it is called.

        Returns:
            Where it lies from now on, to be given to ``add``.

        Raises:
            UsageError: it is no file.
            NotWritten: there is no room, or the folder can not be written.
        """
        return keep(Path(absolute(path)), self._parts.inbox, name)

    def reindex(self, text_model: PathLike, *, on_progress: Callable[[int, int], None] | None = None) -> ReindexReport:
        """Binds the library to another text model: embeds all passages with it, then answers with it.

        Questions are answered with the old model until then, here and in other processes. An interruption leaves the
        library with the old one; the same call goes on from there. The model in force gives up what was begun.

        Args:
            text_model: a name of the catalogue, or a folder with a sentence-transformers model.
            on_progress: called with the passages that are embedded and those that are to be.

        Raises:
            UsageError: there is no such model.
            ModelMissing: it is not on this machine.
            LibraryInUse: another process writes to the library.
        """
        return self._parts.reindex(text_model, on_progress)

    def remove(self, paths: Iterable[PathLike] | PathLike) -> int:
        """Forgets files and everything below folders; gives how many documents are gone. The files stay on disk.

        What was quoted from them in conversations is forgotten too.

        Raises:
            UsageError: the library holds nothing at one of the paths; nothing was changed.
            LibraryInUse: another process writes to the library, or keeps a conversation just now.
            LibraryBroken: the conversations are damaged.
        """
        given = listed(paths)
        for path in given:
            with self._parts.library.mutex:
                if not self._parts.library.catalog.paths_under(absolute(path)):
                    raise UsageError(f"the library holds nothing at {absolute(path)}; see `locus files`")
        removed = self._parts.pipeline.remove(given)
        self._parts.conversations.forget()
        return removed

    def doctor(
        self, *, repair: bool = False, compact: bool = False, on_repair: Callable[[str], None] | None = None
    ) -> list[str]:
        """What is wrong with the library, one line each.

        Args:
            repair: first embed again what was damaged, from the text that is stored, and make the indexes anew.
            compact: clear what was removed from every file of the library; done now and then without being asked.
            on_repair: told what was repaired, a line at a time.

        Raises:
            LibraryInUse: another process changes the library now.
            NotWritten: the disk is full, or the library read-only.
            ModelMissing: a vector of a text is damaged, and its model is not there.
        """
        return self._parts.doctor(repair=repair, compact=compact, on_repair=on_repair or (lambda _line: None))

    # --- keeping in step -----------------------------------------------------------------------

    def watch(
        self,
        paths: Iterable[PathLike] | PathLike = (),
        *,
        poll: bool | None = None,
        on_report: Callable[[AddReport], None] = lambda _report: None,
        on_progress: Callable[[Progress], None] | None = None,
        on_note: Callable[[str], None] = lambda _line: None,
        gives_way: Callable[[], bool] = lambda: False,
    ) -> Watching:
        """Keeps the library in step with folders, in the background, until what it gives is stopped.

        The folders are remembered: without ``paths``, those named before are watched. Asking goes on meanwhile.

        Args:
            paths: folders to be watched from now on, beside those that are already.
            poll: look through these folders again and again rather than being told by the system; None: where the
                system is not told (network drives).
            on_report: is told what was done; from another thread, as the others.
            on_progress: is told how far a long piece of work is.
            on_note: is told, in a line, what a person should know: a folder that is out of reach.
            gives_way: asked between files; while true, the library is left to what else is asked of this assistant.

        Raises:
            UsageError: a path is no folder, or no folder was ever named.
            ModelMissing: there is no text model.
        """
        folders = [absolute(path) for path in listed(paths)]
        for folder in folders:
            if not Path(folder).is_dir():
                raise UsageError(f"{folder} is no folder; name one to be watched")
        if folders:
            with self._parts.library.writing() as catalog:
                for folder in folders:
                    catalog.watch_folder(folder, poll=bool(poll))
        if not self.watched():
            raise UsageError("no folder is watched yet; name one: locus watch DIR")
        self._parts.pipeline  # noqa: B018 - a model that is missing is told at once
        watcher = self._parts.watcher(
            on_report=on_report, on_progress=on_progress, on_note=on_note, gives_way=gives_way
        )
        self._watching = [each for each in self._watching if each.is_running]
        self._watching.append(Watching(watcher))
        return self._watching[-1]

    def watched(self) -> list[str]:
        """The folders that the library is kept in step with, sorted."""
        with self._parts.library.mutex:
            return [folder.path for folder in self._parts.library.catalog.folders(watched=True)]

    def unwatch(self, paths: Iterable[PathLike] | PathLike) -> int:
        """Leaves folders to themselves from now on; what the library holds of them stays. Gives how many were watched.

        Raises:
            LibraryInUse: another process writes to the library.
        """
        with self._parts.library.writing() as catalog:
            return sum(catalog.unwatch_folder(absolute(path)) for path in listed(paths))
