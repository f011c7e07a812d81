"""The downloads that were asked for on the page, as far as the work behind it tells of them."""

from __future__ import annotations

import threading
from typing import Protocol

from indexers.errors import LocusError
from indexers.reports import Progress
from ui.models_view import Pulling


class Download(Protocol):
    """A download that was asked for: ``progress`` in bytes while it goes on, ``error`` where it broke off."""

    progress: Progress | None
    error: LocusError | None

    def wait(self, timeout_s: float | None = None) -> bool:
        """Waits for the end; whether it has ended."""


class Downloader(Protocol):
    """What downloads in the background: ``ui.work.Work``."""

    def pull(self, name: str) -> Download:
        """Begins to get a model of the catalogue, or goes on with that."""


class Pulls:
    """Downloads by the name of their model. Safe to use from several threads.

    Args:
        work: what downloads, in the background.
    """

    def __init__(self, work: Downloader) -> None:
        self._work = work
        self._jobs: dict[str, Download] = {}
        self._lock = threading.Lock()

    def begin(self, name: str) -> None:
        """Begins a download, unless it goes on already."""
        with self._lock:
            if name not in self._jobs or self._jobs[name].wait(0):
                self._jobs[name] = self._work.pull(name)

    @property
    def is_busy(self) -> bool:
        """Whether one goes on."""
        with self._lock:
            return any(not job.wait(0) for job in self._jobs.values())

    def going(self) -> dict[str, Pulling]:
        """Those that go on, and those that broke off; one that is done is forgotten."""
        with self._lock:
            self._jobs = {name: job for name, job in self._jobs.items() if not job.wait(0) or job.error is not None}
            return {name: _pulling(job) for name, job in self._jobs.items()}


def _pulling(job: Download) -> Pulling:
    if job.error is not None:
        return Pulling(error=str(job.error))
    progress = job.progress
    return Pulling() if progress is None else Pulling(progress.bytes, progress.bytes_total)
