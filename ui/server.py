"""Serves the page: ``start`` gives a ``Page``, which a thread of its own serves until it is closed.

Imports Gradio only once it is known that the page can be served, and where.
"""

from __future__ import annotations

import socket
import threading
from types import TracebackType
from typing import Self

import uvicorn

from assistant.api import Assistant
from ui.addresses import Address, listen
from ui.connections import Connection
from ui.gradio_import import import_gradio
from ui.password import Password
from ui.scratch import SCRATCH
from ui.security import Guard
from ui.warmup import Warmup
from ui.work import Work

_END_S = 1
"""How long what is being answered may take to end."""


class Page:
    """A page that is being served. Closed by ``close``, or by the end of a ``with``.

    Args:
        server: what serves it.
        bound: the socket on which it does.
        address: where that is.
        work: what is done behind it.
        warmup: the models that are loaded behind it.
    """

    def __init__(
        self, server: uvicorn.Server, bound: socket.socket, address: Address, work: Work, warmup: Warmup
    ) -> None:
        self.url = address.url
        self.is_loopback = address.is_loopback
        self._server = server
        self._bound = bound
        self._work = work
        self._warmup = warmup
        self._closing = threading.Lock()
        self._is_closed = False
        self._thread = threading.Thread(target=self._serve, name="locus-page", daemon=True)
        self._thread.start()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Waits until the page is served no longer; whether that is so."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def close(self) -> None:
        """Ends it: streams, the work behind it, and the folder of what was uploaded. The assistant stays open."""
        with self._closing:
            if self._is_closed:
                return
            self._is_closed = True
            self._server.should_exit = True
            self._warmup.stop()
            self._thread.join()
            self._work.close()
            self._warmup.wait(_END_S)
            SCRATCH.give_back()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _serve(self) -> None:
        self._server.run(sockets=[self._bound])


class _Server(uvicorn.Server):
    """One that ends streams when it ends: those of an open page would go on for ever."""

    def __init__(self, guard: Guard) -> None:
        super().__init__(
            uvicorn.Config(
                guard,
                http=Connection,
                log_config=None,
                log_level="warning",
                access_log=False,
                server_header=False,
                proxy_headers=False,
                ws="none",
                timeout_graceful_shutdown=_END_S,
            )
        )
        self._guard = guard

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Ends what is being answered, then the server."""
        self._guard.end()
        await super().shutdown(sockets)


def start(
    locus: Assistant, *, host: str = "127.0.0.1", port: int | None = None, password: str = "", max_upload_mb: int = 2000
) -> Page:
    """Serves the page of an assistant; it can be opened once this returns.

    Args:
        locus: whose page.
        host: where it is served; other than this machine alone only with a password.
        port: None: 7860, or the next free one.
        password: what everybody must say who opens it; "" for nothing.
        max_upload_mb: the most megabytes that can be uploaded at once.

    Raises:
        UsageError: it can not be served so.
        NotWritten: there is no room for what is uploaded.
    """
    wanted = Password(password) if password else None
    bound, address = listen(host, port, has_password=wanted is not None)
    try:
        uploads = SCRATCH.take()
    except BaseException:
        bound.close()
        raise
    import_gradio()
    from ui.mounting import mounted

    work, warmup = Work(locus), Warmup(locus)
    most = max_upload_mb * 1_000_000
    web = mounted(locus, work, warmup, max_upload_bytes=most)
    guard = Guard(web, address=address, uploads=uploads, password=wanted, max_upload_bytes=most, on_visit=warmup.hasten)
    page = Page(_Server(guard), bound, address, work, warmup)
    work.start()
    warmup.start()
    return page
