"""Connections to the page: how long one may take to ask for something, and how many there may be.

Whoever reaches the page without knowing its password can open connections and say nothing, or only half of a request,
until the process has no file descriptors left to read documents with. A connection that waits for nothing but the other
side is ended after a while, and where there are too many, the one that has waited longest makes room. What is being
answered, an upload among it, may take as long as it takes.
"""

from __future__ import annotations

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

PATIENCE_S = 20.0
"""How long the head of a request may take to arrive, or the rest of one that was refused."""
MOST = 256
"""Browsers open six each to one page."""


class Connection(H11Protocol):
    """One that is not held open by silence."""

    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See asyncio."""
        super().connection_made(transport)
        self._watch()
        if len(self.connections) > MOST:
            self._make_room()

    def data_received(self, data: bytes) -> None:
        """See asyncio."""
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        """As the server's own."""
        super().on_response_complete()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio."""
        if self._timer is not None:
            self._timer.cancel()
        super().connection_lost(exc)

    @property
    def waits_since(self) -> float | None:
        """The moment (of the loop's clock) from which on it is the other side's turn; None while it is not."""
        return None if self._timer is None else self._timer.when() - PATIENCE_S

    def _watch(self) -> None:
        # Either no request is there as a whole head, or it was answered and its body does not end.
        is_idle = self.conn.their_state is h11.IDLE
        is_answered = self.conn.our_state is h11.DONE and self.conn.their_state is h11.SEND_BODY
        if not (is_idle or is_answered):
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
        elif self._timer is None:
            self._timer = self.loop.call_later(PATIENCE_S, self.transport.close)

    def _make_room(self) -> None:
        others: list[Any] = [each for each in self.connections if isinstance(each, Connection) and each is not self]
        waiting = [each for each in others if each.waits_since is not None and not each.transport.is_closing()]
        longest = min(waiting, key=lambda each: each.waits_since, default=self)
        longest.transport.abort()
