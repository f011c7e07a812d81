"""Questions of several tabs, one after the other in the order in which they came; and a stream that a thread fills."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import suppress
from typing import TypeVar

_Each = TypeVar("_Each")


class Line:
    """A queue at a counter that serves one at a time: the two cores of a laptop write one answer quickly, not ten."""

    def __init__(self) -> None:
        self._tickets: list[object] = []
        self._moved = asyncio.Condition()

    async def wait(self, ticket: object, look_s: float | None = None) -> AsyncIterator[int]:
        """Joins the line; gives how many are before ``ticket`` whenever that changes, and ends when none is.

        Args:
            ticket: whose place it is.
            look_s: gives the number so often even if it has not changed, for one who may want to leave meanwhile.
        """
        self._tickets.append(ticket)
        while (before := self._tickets.index(ticket)) > 0:
            yield before
            async with self._moved:
                moved = self._moved.wait_for(lambda now=before: self._tickets.index(ticket) != now)  # type: ignore[misc]
                with suppress(TimeoutError):
                    await asyncio.wait_for(moved, look_s)

    async def leave(self, ticket: object) -> None:
        """Makes room for the next, whether or not it was this one's turn."""
        async with self._moved:
            if ticket in self._tickets:
                self._tickets.remove(ticket)
            self._moved.notify_all()


async def in_thread(iterate: Callable[[], Iterator[_Each]]) -> AsyncGenerator[_Each]:
    """What ``iterate`` gives (and raises), made by a thread of its own, so that the page goes on meanwhile.

    Closed early, the thread ends with what it is making.
    """
    loop = asyncio.get_running_loop()
    made: asyncio.Queue[tuple[_Each | None, BaseException | None]] = asyncio.Queue()
    has_left = threading.Event()

    def tell(each: _Each | None, error: BaseException | None) -> None:
        # The page may be closed at this moment, and its loop with it.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(made.put_nowait, (each, error))

    def run() -> None:
        end: BaseException = StopAsyncIteration()
        try:
            for each in iterate():
                tell(each, None)
                if has_left.is_set():
                    break
        except BaseException as error:  # noqa: BLE001 - raised again where the stream is read
            end = error
        tell(None, end)

    threading.Thread(target=run, name="locus-ask", daemon=True).start()
    try:
        while True:
            each, error = await made.get()
            if isinstance(error, StopAsyncIteration):
                return
            if error is not None:
                raise error
            yield each  # type: ignore[misc]
    finally:
        has_left.set()
