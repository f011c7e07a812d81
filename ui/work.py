"""Work that goes on behind the page: adding files, keeping folders in step, downloading models."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

from assistant.api import Assistant
from indexers.errors import LocusError
from indexers.reports import AddReport, Progress


class Job:
    """Something that was asked for: ``progress`` while it goes on, ``report`` or ``error`` once it has ended."""

    def __init__(self) -> None:
        self.progress: Progress | None = None
        self.report: AddReport | None = None
        self.error: LocusError | None = None
        self._ended = threading.Event()

    def end(self) -> None:
        """Says that it has ended."""
        self._ended.set()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Waits for the end; whether it has ended."""
        return self._ended.wait(timeout_s)


class Work:
    """Does what the page asks for, one after the other, in a thread of its own.

    Args:
        locus: for whom.
    """

    def __init__(self, locus: Assistant) -> None:
        self._locus = locus

    def start(self) -> None:
        """Begins: keeps remembered folders in step from now on."""

    def take(self, uploads: Sequence[Path]) -> list[Path]:
        """Copies what was dropped on the page to where it lasts."""
        return list(uploads)

    def add(self, paths: Sequence[Path | str]) -> Job:
        """Adds files and folders."""
        job = Job()

        def run() -> None:
            def note(progress: Progress) -> None:
                job.progress = progress

            try:
                job.report = self._locus.add(paths, on_progress=note)
            except LocusError as error:
                job.error = error
            job.end()

        threading.Thread(target=run, daemon=True).start()
        return job

    def close(self) -> None:
        """Ends what is under way."""
