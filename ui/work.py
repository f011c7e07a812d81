"""Work that goes on behind the page: adding and removing files, keeping folders in step, downloading models.

What changes the library is done in one lane, downloads in another, so that neither waits for the other; asking goes on
meanwhile. Watched folders are brought in between: they give way to what a person asked for.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from assistant.api import Assistant
from assistant.watching import Watching
from indexers.errors import LocusError
from indexers.reports import AddReport, Progress
from ui.jobs import Doing, Heed, Job, Lane, outcome
from ui.pace import Pace

__all__ = ["Doing", "Job", "Work"]

_CLOSING_S = 2.0
"""How long closing waits for what is being stored. What is being read then is read again the next time."""


class Work:
    """Does what the page asks for. Safe to use from several threads; all but ``take`` and ``close`` return at once.

    Args:
        locus: for whom. Close the work before it.
    """

    def __init__(self, locus: Assistant) -> None:
        self._locus = locus
        self._changes = Lane("locus-work")
        self._downloads = Lane("locus-download")
        self._followed = _Followed()
        self._watching: Watching | None = None

    def start(self) -> None:
        """Begins: keeps remembered folders in step from now on."""
        if self._locus.watched():
            self._changes.put(Job("Looking after the watched folders", self._begin_watching))

    def close(self) -> bool:
        """Ends what is under way, within seconds; all that was stored stays.

        Returns:
            Whether it has ended. If not, passages are being embedded still: close the assistant without patience.
        """
        self._downloads.close(0.0)
        self._changes.close(_CLOSING_S)
        if self._watching is not None:
            self._watching.stop(_CLOSING_S)
        is_watching = self._watching is not None and self._watching.is_running
        return not (is_watching or any(each.state == "working" for each in self._changes.doing()))

    # --- files ---------------------------------------------------------------------------------

    def take(self, uploads: Sequence[Path | str]) -> list[Path]:
        """Copies files that lie in a temporary place to a lasting one, to be added from there.

        Raises:
            UsageError: one of them is no file.
            NotWritten: there is no room, or the folder for such files can not be written.
        """
        return [self._locus.keep(path) for path in uploads]

    def add(self, paths: Sequence[Path | str], *, first: bool = False) -> Job:
        """Adds files and folders; ``first``: before all else, for somebody waits for them."""
        named = list(paths)
        label = f"Adding {_named(named)}"
        return self._changes.put(Job(label, lambda heed: self._locus.add(named, on_progress=heed)), first=first)

    def retry(self, paths: Sequence[Path | str]) -> Job:
        """Reads files of the library again."""
        named = list(paths)
        label = f"Reading {_named(named)} again"
        key = ("retry", *map(str, named))
        return self._changes.put(Job(label, lambda heed: self._locus.retry(named, on_progress=heed), key))

    def remove(self, paths: Sequence[Path | str]) -> Job:
        """Takes files out of the library; on the disk they stay."""
        named = list(paths)

        def run(_heed: Heed) -> str:
            gone = self._locus.remove(named)
            return f"{gone} {'document' if gone == 1 else 'documents'} removed"

        return self._changes.put(Job(f"Removing {_named(named)}", run, ("remove", *map(str, named))), first=True)

    def finish(self) -> Job:
        """Finishes the files that waited for a model which is there now."""
        label = "Finishing what waited for a model"
        return self._changes.put(Job(label, lambda heed: self._locus.finish(on_progress=heed), "finish"))

    def compact(self) -> Job:
        """Clears what was removed from the library's files."""

        def run(_heed: Heed) -> str:
            problems = self._locus.doctor(compact=True)
            return problems[0] if problems else "what was removed is cleared from the disk"

        return self._changes.put(Job("Clearing what was removed", run, "compact"))

    # --- folders -------------------------------------------------------------------------------

    def watch(self, folder: Path | str) -> Job:
        """Adds a folder, and keeps the library in step with it from then on, also the next time."""
        named = str(folder)

        def run(heed: Heed) -> AddReport:
            report = self._locus.add(named, on_progress=heed)
            self._begin_watching(heed, named)
            return report

        return self._changes.put(Job(f"Adding and watching {_named([named])}", run, ("watch", named)))

    def unwatch(self, folder: Path | str) -> Job:
        """Leaves a folder to itself from now on; what the library holds of it stays."""
        named = str(folder)

        def run(_heed: Heed) -> str:
            self._locus.unwatch(named)
            if not self._locus.watched() and self._watching is not None:
                self._watching.stop()
                self._watching, self._followed = None, _Followed()
            return "it is watched no longer; what the library holds of it stays"

        return self._changes.put(Job(f"No longer watching {_named([named])}", run, ("unwatch", named)), first=True)

    def _begin_watching(self, _heed: Heed, *folders: str) -> str:
        if self._watching is not None:
            self._watching.stop()
        told = self._followed = _Followed()
        self._watching = self._locus.watch(
            folders,
            on_report=told.on_report,
            on_progress=told.on_progress,
            on_note=told.on_note,
            gives_way=self._changes.is_busy,
        )
        return "changes in them are taken in from now on"

    # --- models --------------------------------------------------------------------------------

    def pull(self, name: str) -> Job:
        """Downloads a model; what waits for it is finished afterwards."""

        def run(heed: Heed) -> str:
            heed(Progress(0, 1, 0, 0, 0, name))
            self._locus.pull(name, on_progress=lambda there, whole: heed(Progress(0, 1, 0, there, whole, name)))
            self.finish()
            return "it is there and checked"

        return self._downloads.put(Job(f"Downloading {name}", run, ("pull", name.casefold())))

    def reindex(self, text_model: str) -> Job:
        """Binds the library to another text model: embeds all passages with it."""

        def run(heed: Heed) -> str:
            def on_progress(done: int, whole: int) -> None:
                heed(Progress(0, 0, done, done, whole, text_model))

            report = self._locus.reindex(text_model, on_progress=on_progress)
            return f"{report.embedded:,} passages embedded; answers come with {text_model} now"

        return self._changes.put(Job(f"Changing to the text model {text_model}", run, ("reindex", text_model)))

    # --- what is going on ----------------------------------------------------------------------

    def doing(self) -> list[Doing]:
        """What is being done, lined up and was done lately, downloads last."""
        return self._changes.doing() + self._downloads.doing()

    def following(self) -> Doing | None:
        """What is being done for watched folders; None where nothing is, and nothing is to be said."""
        if self._watching is not None and not self._watching.is_running:
            try:
                self._watching.wait(0)
            except LocusError as error:
                return Doing(0, "watch", "Watching has ended", "failed", said=str(error))
        return self._followed.shown()

    def cancel(self, number: int) -> None:
        """Ends the job of that number, or forgets that it has ended; nothing where there is none."""
        for lane in (self._changes, self._downloads):
            lane.cancel(number)


class _Followed:
    """What the watcher tells: how far it is, what came of it, what is in its way."""

    def __init__(self) -> None:
        self._progress: Progress | None = None
        self._pace = Pace()
        self._said = ""
        self._is_held = False

    def on_progress(self, progress: Progress) -> None:
        if progress.files == 0 and not progress.part:
            self._pace = Pace()
        self._pace.note(progress, time.monotonic())
        # The last file is followed by its report, but not where nothing had changed.
        self._progress = None if progress.files >= progress.files_total else progress
        self._is_held = False

    def on_report(self, report: AddReport) -> None:
        self._progress, self._said, self._is_held = None, outcome(report), False

    def on_note(self, line: str) -> None:
        self._progress, self._said, self._is_held = None, line, True

    def shown(self) -> Doing | None:
        label = "Changes in watched folders"
        if (progress := self._progress) is not None:
            return Doing(0, "watch", label, "working", progress, self._pace.rate(), self._pace.left(time.monotonic()))
        if not self._said:
            return None
        return Doing(0, "watch", label, "held" if self._is_held else "done", said=self._said)


def _named(paths: Sequence[Path | str]) -> str:
    """One path by its name, several by their number."""
    if len(paths) != 1:
        return f"{len(paths)} files"
    return Path(paths[0]).name or str(paths[0])
