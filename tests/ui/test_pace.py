"""How fast work goes and how long it will still take."""

from indexers.reports import Progress
from ui.pace import Pace


def at(files: int, amount: int, whole: int = 100_000_000, total: int = 1000) -> Progress:
    return Progress(files, total, 0, amount, whole, "a.txt")


def test_nothing_is_said_before_it_is_known() -> None:
    pace = Pace()
    assert (pace.rate(), pace.left(5.0)) == ("", "")
    pace.note(at(0, 0), 0.0)
    pace.note(at(10, 1_000_000), 1.0)
    assert (pace.rate(), pace.left(1.0)) == ("", "")
    pace.note(at(40, 4_000_000), 4.0)
    assert (pace.rate(), pace.left(4.0)) == ("10 files/s, 1.0 MB/s", "about 2 min left")


def test_it_is_the_pace_of_late_not_of_what_is_long_over() -> None:
    pace = Pace()
    pace.note(at(0, 0), 0.0)
    pace.note(at(900, 50_000_000), 4.0)  # what was unchanged costs a look
    for second in range(5, 100):
        pace.note(at(900 + second // 10, 50_000_000 + second * 100_000), float(second))
    assert pace.rate() == "6 files/min, 100.0 kB/s"
    assert pace.left(99.0) == "about 7 min left"


def test_a_file_that_takes_long_counts_by_all_that_was_done() -> None:
    pace = Pace()
    pace.note(at(0, 0), 0.0)
    pace.note(at(50, 50_000_000), 50.0)
    for second in range(60, 120):
        pace.note(at(50, 50_000_000), float(second))
    assert pace.rate() == ""
    assert pace.left(119.0) == "about 2 min left"


def test_the_time_goes_on_between_two_notes_and_ends_with_the_work() -> None:
    pace = Pace()
    pace.note(at(0, 0), 0.0)
    pace.note(at(10, 10_000_000), 20.0)
    assert pace.left(20.0) == "about 3 min left"
    assert pace.left(120.0) == "about 1 min left"
    pace.note(at(1000, 100_000_000), 130.0)
    assert pace.left(130.0) == ""
