"""Questions of several tabs, one after the other in the order in which they came; and a stream that a thread fills."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import TypeVar

_Each = TypeVar("_Each")


class Line:
    """A queue at a counter that serves one at a time: the two cores of a laptop write one answer quickly, not ten."""

    def __init__(self) -> None:
        self._tickets: list[object] = []
        self._moved = asyncio.Condition()

    async def wait(self, ticket: object) -> AsyncIterator[int]:
        """Joins the line; gives how many are before ``ticket`` whenever that changes, and ends when none is."""
        self._tickets.append(ticket)
        while (before := self._tickets.index(ticket)) > 0:
            yield before
            async with self._moved:
                await self._moved.wait_for(lambda now=before: self._tickets.index(ticket) != now)  # type: ignore[misc]

    async def leave(self, ticket: object) -> None:
        """Makes room for the next, whether or not it was this one's turn."""
        async with self._moved:
            if ticket in self._tickets:
                self._tickets.remove(ticket)
            self._moved.notify_all()


async def in_thread(iterate: Callable[[], Iterator[_Each]]) -> AsyncIterator[_Each]:
    """What ``iterate`` gives (and raises), made by a thread of its own, so that the page goes on meanwhile."""
    loop = asyncio.get_running_loop()
    made: asyncio.Queue[tuple[_Each | None, BaseException | None]] = asyncio.Queue()

    def run() -> None:
        end: BaseException = StopAsyncIteration()
        try:
            for each in iterate():
                loop.call_soon_threadsafe(made.put_nowait, (each, None))
        except BaseException as error:  # noqa: BLE001 - raised again where the stream is read
            end = error
        loop.call_soon_threadsafe(made.put_nowait, (None, end))

    threading.Thread(target=run, name="locus-ask", daemon=True).start()
    while True:
        each, error = await made.get()
        if isinstance(error, StopAsyncIteration):
            return
        if error is not None:
            raise error
        yield each  # type: ignore[misc]
