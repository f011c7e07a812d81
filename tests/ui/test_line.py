import asyncio
import threading

import pytest

from ui.line import Line, in_thread


def test_each_is_served_in_the_order_of_arrival_and_told_who_is_before():
    async def run() -> tuple[list[int], dict[int, list[int]]]:
        line, served, told = Line(), [], {}

        async def one(number: int) -> None:
            ticket = object()
            told[number] = [before async for before in line.wait(ticket)]
            served.append(number)
            await asyncio.sleep(0.01)
            await line.leave(ticket)

        await asyncio.gather(*(one(number) for number in range(10)))
        return served, told

    served, told = asyncio.run(run())
    assert served == list(range(10))
    assert told[0] == []
    assert told[3] == [3, 2, 1]
    assert all(befores == sorted(befores, reverse=True) for befores in told.values())


def test_who_may_want_to_leave_is_told_so_every_so_often():
    async def run() -> list[int]:
        line, first, second = Line(), object(), object()
        assert [before async for before in line.wait(first)] == []
        told = []
        async for before in line.wait(second, 0.01):
            told.append(before)
            if len(told) == 3:
                await line.leave(first)
        return told

    assert asyncio.run(run()) == [1, 1, 1]


def test_who_gives_up_while_waiting_holds_nobody_up():
    async def run() -> list[str]:
        line, log = Line(), []
        first, second, third = object(), object(), object()
        assert [before async for before in line.wait(first)] == []

        async def patient() -> None:
            async for _ in line.wait(third):
                pass
            log.append("third")

        waiting = line.wait(second)
        assert await anext(waiting) == 1
        task = asyncio.create_task(patient())
        await asyncio.sleep(0)
        await line.leave(second)
        await asyncio.sleep(0.01)
        assert log == []
        await line.leave(first)
        await asyncio.wait_for(task, 1)
        await line.leave(second)  # twice does no harm
        return log

    assert asyncio.run(run()) == ["third"]


def test_a_stream_comes_from_another_thread_in_order_and_raises_what_it_raises():
    def numbers():
        yield threading.current_thread().name
        yield 2
        raise KeyError("three")

    async def run() -> list[object]:
        got: list[object] = []
        with pytest.raises(KeyError, match="three"):
            async for each in in_thread(numbers):
                got.append(each)
        return got

    name, number = asyncio.run(run())
    assert name != threading.main_thread().name
    assert number == 2
