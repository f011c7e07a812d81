import threading

import pytest

from assistant.lending import Lending


class Thing:
    def __init__(self) -> None:
        self.closed = 0

    def close(self) -> None:
        self.closed += 1


def test_what_nobody_uses_is_closed_at_once() -> None:
    lending, thing = Lending(), Thing()
    with lending.use(thing):
        pass
    assert thing.closed == 0
    lending.give_up(thing)
    assert thing.closed == 1


def test_what_is_used_is_closed_after_the_last_use() -> None:
    lending, thing, other = Lending(), Thing(), Thing()
    with lending.use(other), lending.use(thing):
        with lending.use(thing):
            lending.give_up(thing)
            assert thing.closed == 0
        assert thing.closed == 0
    assert (thing.closed, other.closed) == (1, 0)


def test_an_error_ends_a_use_too() -> None:
    lending, thing = Lending(), Thing()
    with pytest.raises(ZeroDivisionError), lending.use(thing):
        lending.give_up(thing)
        raise ZeroDivisionError
    assert thing.closed == 1


def test_closing_closes_what_was_given_up_and_nothing_else() -> None:
    lending, thing, other = Lending(), Thing(), Thing()
    with lending.use(thing), lending.use(other):
        lending.give_up(thing)
        lending.close()
        assert (thing.closed, other.closed) == (1, 0)
    assert (thing.closed, other.closed) == (1, 0)


def test_there_may_be_nothing_to_use() -> None:
    with Lending().use(None) as is_there:
        assert is_there


def test_what_was_given_up_can_not_be_used_again() -> None:
    lending, thing = Lending(), Thing()
    with lending.use(thing) as is_there:
        assert is_there
        lending.give_up(thing)
        with lending.use(thing) as is_there:
            assert not is_there
        assert thing.closed == 0
    assert thing.closed == 1


def test_many_uses_at_once_are_counted() -> None:
    lending, thing = Lending(), Thing()
    inside, leave = threading.Barrier(9), threading.Event()

    def use() -> None:
        with lending.use(thing):
            inside.wait(10)
            leave.wait(10)

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    inside.wait(10)
    lending.give_up(thing)
    assert thing.closed == 0
    leave.set()
    for thread in threads:
        thread.join()
    assert thing.closed == 1
