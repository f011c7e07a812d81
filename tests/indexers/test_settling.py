import os
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from indexers.settling import PATIENCE_S, STILL_S, Settling


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def written(path: Path, text: str, tick: int) -> str:
    path.write_text(text)
    os.utime(path, ns=(tick, tick))
    return str(path)


def test_a_file_is_taken_when_it_has_been_still_for_a_second(tmp_path: Path) -> None:
    clock = Clock()
    settling = Settling(clock)
    path = written(tmp_path / "a", "one", 1)
    settling.put([path])
    clock.now += STILL_S - 0.1
    assert settling.take() == []
    written(tmp_path / "a", "one two", 2)
    clock.now += 0.2
    assert settling.take() == []  # it has grown: the second begins anew
    clock.now += STILL_S
    assert settling.take() == [path]
    assert (settling.take(), len(settling)) == ([], 0)


def test_hearing_of_a_file_again_does_not_put_it_off_but_a_change_does(tmp_path: Path) -> None:
    clock = Clock()
    settling = Settling(clock)
    path = written(tmp_path / "a", "one", 1)
    settling.put([path])
    clock.now += STILL_S
    settling.put([path])
    assert settling.take() == [path]
    settling.put([path])
    clock.now += STILL_S
    written(tmp_path / "a", "two", 2)
    settling.put([path])
    assert settling.take() == []


def test_what_is_gone_is_taken_too_and_both_halves_of_a_move_together(tmp_path: Path) -> None:
    clock = Clock()
    settling = Settling(clock)
    old, new = str(tmp_path / "old"), written(tmp_path / "new", "text", 1)
    settling.put([old])
    clock.now += 0.5
    settling.put([new])
    clock.now += STILL_S - 0.5
    assert settling.take() == []  # the one that is still waits for the other
    clock.now += 0.5
    assert settling.take() == [new, old]  # the last that changed first


def test_one_that_never_is_still_holds_up_the_others_for_a_moment_only(tmp_path: Path) -> None:
    clock = Clock()
    settling = Settling(clock)
    log, path = str(tmp_path / "log"), written(tmp_path / "a", "text", 1)
    settling.put([log, path])
    taken: list[str] = []
    for tick in range(int(10 * (STILL_S + PATIENCE_S)) + 2):
        written(tmp_path / "log", "x" * tick, tick)
        clock.now += 0.1
        taken += settling.take()
    assert (taken, len(settling)) == ([path], 1)


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.floats(0, 2)), max_size=30))
def test_everything_that_was_put_is_taken_once_in_the_end(events: list[tuple[str, float]]) -> None:
    clock = Clock()
    settling = Settling(clock)
    pending: set[str] = set()
    for name, pause in events:
        settling.put([f"/absent/{name}"])
        pending.add(f"/absent/{name}")
        clock.now += pause
        pending.difference_update(settling.take())
        assert len(settling) == len(pending)
    clock.now += STILL_S
    assert set(settling.take()) == pending
