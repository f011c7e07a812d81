"""Jobs of the page, and lanes of threads that do them: one after the other, each to be cancelled at any time.

A job is a function that is told how to report how far it is. It is stopped by raising where it reports, which ends an
``add`` between two pools of files: what was stored stays, and what was not is read again another time. Knows nothing
of what jobs do.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Hashable
from dataclasses import dataclass
from itertools import count
from typing import Literal, TypeAlias

from indexers.errors import LibraryInUse, LocusError
from indexers.reports import AddReport, Change, Progress
from ui.pace import Pace

State: TypeAlias = Literal["waiting", "working", "held", "done", "failed", "stopped"]
ENDED: tuple[State, ...] = ("done", "failed", "stopped")
Heed: TypeAlias = Callable[[Progress], None]
Task: TypeAlias = Callable[[Heed], AddReport | str | None]
"""What a job does; gives a report, or says in words what came of it."""

_AGAIN_S = 1.0
"""How often it is tried whether another process is done with the library."""
_LOOK_EVERY_S = 0.2
"""How often it is told how far a job is."""
_REMEMBERED = 4
_NUMBERS = count(1)


class _StoppedError(Exception):
    """The job is to end here."""


@dataclass(frozen=True, slots=True)
class Doing:
    """A job as it is shown: ``said`` is why it does not go on, or what came of it; ``left`` and ``rate`` may be ""."""

    number: int
    key: Hashable
    label: str
    state: State
    progress: Progress | None = None
    rate: str = ""
    left: str = ""
    said: str = ""


class Job:
    """Something that was asked for: ``progress`` while it goes on, ``report`` or ``error`` once it has ended.

    One that was stopped has ended with an error too, so that nobody takes it for done.

    Args:
        label: what it is, for people.
        task: what it does.
        key: two jobs of one key are one: what is already asked for is not asked for again.
    """

    def __init__(self, label: str, task: Task, key: Hashable = None) -> None:
        self.number = next(_NUMBERS)
        self.label = label
        self.key = key
        self.state: State = "waiting"
        self.progress: Progress | None = None
        self.report: AddReport | None = None
        self.error: LocusError | None = None
        self._said = ""
        self._task = task
        self._pace = Pace()
        self._cancelled = threading.Event()
        self._gives_way = False
        self._ended = threading.Event()

    @property
    def has_ended(self) -> bool:
        """Whether it has come to an end, whichever."""
        return self._ended.is_set()

    @property
    def is_cancelled(self) -> bool:
        """Whether it was told to end."""
        return self._cancelled.is_set()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Waits for the end; whether it has ended."""
        return self._ended.wait(timeout_s)

    def cancel(self) -> None:
        """Ends it soon; what it has stored stays."""
        self._cancelled.set()

    def give_way(self) -> None:
        """Interrupts it, to be gone on with later."""
        self._gives_way = True

    def shown(self) -> Doing:
        """It as it is now."""
        pace = self._pace
        is_moving = self.state == "working"
        return Doing(
            self.number,
            self.key,
            self.label,
            self.state,
            self.progress,
            pace.rate() if is_moving else "",
            pace.left(time.monotonic()) if is_moving else "",
            self._said,
        )

    def run(self) -> None:
        """Does it, as far as it gets: it has ended then, or is to be run again."""
        self.state, self._said, self._gives_way = "working", "", False
        try:
            result = self._task(self._heed)
        except _StoppedError:
            self._pause()
        except LibraryInUse as error:
            self.state, self._said = "held", str(error)
        except LocusError as error:
            self.end("failed", str(error), error)
        except RuntimeError:
            # The processes that read files were ended beneath it.
            if not self.is_cancelled:
                raise
            self._pause()
        else:
            self.report = result if isinstance(result, AddReport) else None
            self.end("done", outcome(result) if isinstance(result, AddReport) else result or "")

    def _pause(self) -> None:
        if self.is_cancelled:
            self.end("stopped", "stopped; what was done is kept")
        else:
            self.state, self.progress, self._pace = "waiting", None, Pace()

    def end(self, state: State, said: str = "", error: LocusError | None = None) -> None:
        """Says how it has ended."""
        self.state, self._said = state, said
        self.error = LocusError(said) if state == "stopped" else error
        self._ended.set()

    def _heed(self, progress: Progress) -> None:
        if self.is_cancelled or self._gives_way:
            raise _StoppedError
        self.progress = progress
        self._pace.note(progress, time.monotonic())


class Lane:
    """Does jobs one after the other, in a thread that lives while there are any. Safe to use from several threads.

    Args:
        name: of the thread.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._jobs: list[Job] = []
        self._urgent: set[int] = set()
        self._past: deque[Doing] = deque(maxlen=_REMEMBERED)
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False

    def put(self, job: Job, *, first: bool = False) -> Job:
        """Lines a job up; ``first``: before all that are not, also before one that is being done.

        Gives the job, or the one of the same key that was there before.
        """
        with self._changed:
            same = (other for other in self._jobs if job.key is not None and other.key == job.key)
            if (other := next(same, None)) is not None and not other.is_cancelled:
                return other
            if self._closed:
                job.end("stopped", "the page is being closed")
                return job
            place = len(self._jobs)
            if first:
                self._urgent.add(job.number)
                place = sum(each.number in self._urgent for each in self._jobs)
                if self._jobs and place == 0:
                    self._jobs[0].give_way()
            self._jobs.insert(place, job)
            self._begin()
            self._changed.notify_all()
        return job

    def is_busy(self) -> bool:
        """Whether there is anything to do that nobody else holds up."""
        return any(job.state != "held" for job in self._jobs)

    def doing(self) -> list[Doing]:
        """What is being done and lined up, in order; then what has ended lately, the last first."""
        with self._changed:
            return [job.shown() for job in self._jobs] + [*reversed(self._past)]

    def cancel(self, number: int) -> None:
        """Ends the job of that number, and says nothing more of one that has ended, or was not even begun."""
        with self._changed:
            self._end([job for job in self._jobs if job.number == number])
            self._past = deque((each for each in self._past if each.number != number), maxlen=_REMEMBERED)

    def close(self, patience_s: float) -> None:
        """Ends all jobs, and waits so long for the one that is being done."""
        with self._changed:
            self._closed = True
            self._end(list(self._jobs))
            thread = self._thread
        if thread is not None:
            thread.join(patience_s)

    def _end(self, jobs: list[Job]) -> None:
        """Ends jobs: at once, or, where one is being done, when it next says how far it is."""
        for job in jobs:
            job.cancel()
            if job.state != "working":
                job.end("stopped", "stopped before it was done")
                self._forget(job)
        self._changed.notify_all()

    def _begin(self) -> None:
        if self._jobs and self._thread is None:
            self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while (job := self._next()) is not None:
            try:
                if job.is_cancelled:
                    job.end("stopped", "stopped before it was done")
                else:
                    job.run()
            finally:
                if job.state == "working":
                    # Nobody foresaw what is being raised: whoever waits is told, and the others have their turn.
                    fault = LocusError("this was ended by a fault of the program; its log says more")
                    job.end("failed", str(fault), fault)
                    self._over(job, begin_anew=True)
            self._over(job)

    def _next(self) -> Job | None:
        """The job that is to be done now, as one that is being done; None where there is none, and the thread ends."""
        with self._changed:
            if self._jobs and self._jobs[0].state == "held":
                self._changed.wait(_AGAIN_S)
            if not self._jobs:
                self._thread = None
                return None
            self._jobs[0].state = "working"
            return self._jobs[0]

    def _over(self, job: Job, *, begin_anew: bool = False) -> None:
        """Takes a job that has ended out of the line."""
        with self._changed:
            if job.has_ended and job in self._jobs:
                self._forget(job)
            if begin_anew:
                self._thread = None
                self._begin()

    def _forget(self, job: Job) -> None:
        self._jobs.remove(job)
        self._urgent.discard(job.number)
        self._past.append(job.shown())


async def progress_of(job: Job) -> AsyncIterator[Progress | None]:
    """How far ``job`` is, a few times a second, until it has ended."""
    while not await asyncio.to_thread(job.wait, _LOOK_EVERY_S):
        yield job.progress


def outcome(report: AddReport) -> str:
    """What was done, in words; of what could not be read, the first with its reason.

    >>> outcome(AddReport((), 0.1))
    'nothing had changed'
    """
    changes: tuple[Change, ...] = ("added", "updated", "moved", "removed")
    told = ", ".join(f"{report.count(change)} {change}" for change in changes if report.count(change))
    if not (failed := report.failed):
        return told or "nothing had changed"
    name = failed[0].path.rpartition("/")[2]
    why = f"{name}: {failed[0].reason}" if len(failed) == 1 else f"{name}: {failed[0].reason}, and others"
    return f"{told}{'; ' if told else ''}{len(failed)} could not be read ({why})"
