"""Lanes of jobs: order, interruption, trouble. Outcomes count, not times."""

import threading
import time
from collections.abc import Callable

import pytest

from indexers.errors import LibraryInUse, UsageError
from indexers.reports import AddReport, FileReport, Progress
from indexers.types import Status
from ui.jobs import Heed, Job, Lane, Task, outcome


def until(wanted: Callable[[], object]) -> None:
    end = time.monotonic() + 30
    while not wanted():
        assert time.monotonic() < end, "still not so"
        time.sleep(0.01)


class Long:
    """A job that reports until it is let go, and counts how often it was begun."""

    def __init__(self) -> None:
        self.begun = 0
        self.under_way, self.go = threading.Event(), threading.Event()

    def __call__(self, heed: Heed) -> str:
        self.begun += 1
        while True:
            heed(Progress(1, 2, 0, 10, 20, "a.txt"))
            self.under_way.set()
            if self.go.wait(0.01):
                return "done with it"


def says(line: str, into: list[str]) -> Task:
    def run(_heed: Heed) -> None:
        into.append(line)

    return run


def test_jobs_are_done_in_order_and_what_came_of_them_is_told() -> None:
    lane, order, long = Lane("test"), list[str](), Long()
    first = lane.put(Job("long", long))
    jobs = [lane.put(Job(name, says(name, order))) for name in ("a", "b")]
    assert long.under_way.wait(30)
    assert [(each.label, each.state) for each in lane.doing()] == [
        ("long", "working"),
        ("a", "waiting"),
        ("b", "waiting"),
    ]
    assert lane.doing()[0].progress == Progress(1, 2, 0, 10, 20, "a.txt")
    assert lane.is_busy() and not first.wait(0)
    long.go.set()
    assert all(job.wait(30) for job in [first, *jobs])
    until(lambda: not lane.is_busy())
    assert order == ["a", "b"]
    assert [(each.label, each.state, each.said) for each in lane.doing()] == [
        ("b", "done", ""),
        ("a", "done", ""),
        ("long", "done", "done with it"),
    ]
    assert lane.put(Job("c", says("c", order))).wait(30) and order == ["a", "b", "c"]


def test_what_somebody_waits_for_comes_first_and_the_rest_goes_on_after_it() -> None:
    lane, order, long = Lane("test"), list[str](), Long()
    slow = lane.put(Job("long", long))
    lane.put(Job("later", says("later", order)))
    assert long.under_way.wait(30)
    urgent = [lane.put(Job(name, says(name, order)), first=True) for name in ("a", "b")]
    assert all(job.wait(30) for job in urgent)
    assert not slow.has_ended and order == ["a", "b"]
    long.go.set()
    until(lambda: not lane.is_busy())
    assert long.begun == 2 and order == ["a", "b", "later"] and slow.state == "done"


def test_jobs_are_stopped_whether_begun_or_not() -> None:
    lane, order, long = Lane("test"), list[str](), Long()
    slow, later = lane.put(Job("long", long)), lane.put(Job("later", says("later", order)))
    assert long.under_way.wait(30)
    for job in (later, slow):
        lane.cancel(job.number)
        assert job.wait(30)
    until(lambda: not lane.is_busy())
    assert (slow.state, later.state, order) == ("stopped", "stopped", [])
    assert "what was done is kept" in str(slow.error) and "before it was done" in str(later.error)
    assert [each.label for each in lane.doing()] == ["long"]
    lane.cancel(slow.number)  # what has ended is forgotten
    assert lane.doing() == []
    lane.cancel(10**9)


def test_a_library_that_is_in_use_is_waited_for() -> None:
    lane, tries = Lane("test"), list[int]()

    def run(_heed: Heed) -> str:
        tries.append(1)
        if len(tries) < 2:
            raise LibraryInUse("the library is being changed by process 7")
        return "got it"

    job = lane.put(Job("add", run))
    until(lambda: job.state == "held")
    assert lane.doing()[0].said == "the library is being changed by process 7" and not lane.is_busy()
    assert job.wait(30) and job.shown().said == "got it" and job.error is None

    tries.clear()
    held = lane.put(Job("add", run))
    until(lambda: held.state == "held")
    lane.cancel(held.number)
    assert held.wait(30) and held.state == "stopped"


def test_an_error_ends_only_its_job() -> None:
    lane, order = Lane("test"), list[str]()

    def run(_heed: Heed) -> None:
        raise UsageError("there is no file /x")

    job, other = lane.put(Job("add", run)), lane.put(Job("other", says("other", order)))
    assert job.wait(30) and other.wait(30)
    assert isinstance(job.error, UsageError) and job.state == "failed"
    until(lambda: not lane.is_busy())
    assert lane.doing()[-1].said == "there is no file /x" and order == ["other"]


def test_a_fault_of_the_program_holds_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    lane, order, logged = Lane("test"), list[str](), list[threading.ExceptHookArgs]()
    monkeypatch.setattr(threading, "excepthook", logged.append)

    def run(_heed: Heed) -> None:
        raise ZeroDivisionError

    job, other = lane.put(Job("add", run)), lane.put(Job("other", says("other", order)))
    assert job.wait(30) and other.wait(30)
    assert job.state == "failed" and "fault of the program" in str(job.error) and order == ["other"]
    until(lambda: logged)
    assert logged[0].exc_type is ZeroDivisionError


def test_what_is_asked_for_twice_is_done_once() -> None:
    lane, long = Lane("test"), Long()
    job = lane.put(Job("long", long, "key"))
    assert lane.put(Job("long", long, "key")) is job
    assert lane.put(Job("long", long)) is not job
    assert long.under_way.wait(30)
    job.cancel()
    assert lane.put(Job("long", long, "key")) is not job
    lane.close(30)


def test_closing_ends_all_and_takes_nothing_more() -> None:
    lane, long = Lane("test"), Long()
    jobs = [lane.put(Job("long", long)) for _ in range(3)]
    assert long.under_way.wait(30)
    lane.close(30)
    assert all(job.wait(30) for job in jobs) and {job.state for job in jobs} == {"stopped"}
    assert lane.put(Job("late", long)).state == "stopped" and long.begun == 1


def test_an_outcome_names_what_failed() -> None:
    def file(name: str, change: str, reason: str = "") -> FileReport:
        return FileReport(f"/d/{name}", "text", change, Status.INDEXED, reason)  # type: ignore[arg-type]

    files = (file("a", "added"), file("b", "unchanged"), file("c.pdf", "failed", "needs a password"))
    assert outcome(AddReport(files, 1.0)) == "1 added; 1 could not be read (c.pdf: needs a password)"
    both = (files[2], file("d", "failed", "is damaged"))
    assert outcome(AddReport(both, 1.0)) == "2 could not be read (c.pdf: needs a password, and others)"
