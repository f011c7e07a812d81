"""What stands before everything that the page serves: who may ask, for what, how much, and what a browser may load.

Plain ASGI around the whole program, so that every answer passes, those to errors as well, and streams are not held up.
What is refused is said by ``requests`` and ``password``; Gradio never sees it.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ui.addresses import Address
from ui.bodies import NotWhole, announced, limited
from ui.password import Password
from ui.requests import ASSETS, CONFIG, DOCUMENTS, HEARTBEAT, PAGE, UPLOAD, UPLOADED, Refusal, closed, stranger

_MIB = 1024 * 1024
_MOST_SAID_BYTES = 16 * _MIB
"""Of any request but an upload: a long text that was pasted, and what the page remembers of itself."""
_UPLOAD_FRAME_BYTES = _MIB
"""What the form around uploaded files may add to them."""

_LOADED = (
    "default-src 'none'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; media-src 'self' blob:; "
    "font-src 'self'; connect-src 'self'; manifest-src 'self'; "
    "frame-ancestors 'none'; base-uri 'self'; form-action 'self'"
)
"""What a page may load: nothing from elsewhere. Styles in elements are Gradio's way of laying out; "blob:" is what was
recorded or chosen in the browser, "data:" the small pictures in Gradio's styles."""
_RAN = "script-src 'self' 'unsafe-eval'"
"""What it may run. Gradio makes functions of the scripts of components, for which there is no other word than
"unsafe-eval". Scripts within the page run only with the word of this one answer: a text that became markup by mistake
runs nothing."""
_STILL = "default-src 'none'; frame-ancestors 'none'; sandbox"
"""For what people uploaded: it is shown by the page, and opened by itself it can do nothing."""
_HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "microphone=(self), camera=(), geolocation=(), display-capture=(), usb=(), serial=(), "
    "hid=(), midi=(), payment=(), publickey-credentials-get=(), screen-wake-lock=(), accelerometer=(), "
    "gyroscope=(), magnetometer=(), idle-detection=(), browsing-topics=()",
}
_FOR_EVER = "private, max-age=31536000, immutable"
_NOT_HANDED_ON = (b"forwarded", b"x-forwarded-", b"x-gradio-server")
"""What a server that stands before another would say of addresses. There is none before this one."""


class Guard:
    """Asks ``app`` only what may be asked.

    Args:
        app: what serves the page.
        address: where.
        uploads: the folder of what is uploaded.
        password: what must be said; None where only this machine is served.
        max_upload_bytes: the most that one upload may have.
        on_visit: called when a browser has the page, by each one.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        address: Address,
        uploads: Path,
        password: Password | None,
        max_upload_bytes: int,
        on_visit: Callable[[], None] = lambda: None,
    ) -> None:
        self._app = app
        self._address = address
        self._uploads = uploads
        self._password = password
        self._max_upload_bytes = max_upload_bytes
        self._on_visit = on_visit
        self._open: set[asyncio.Task[None]] = set()
        self._ending = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await self._answered(scope, receive, send)
        else:
            # The page needs no websockets.
            await send({"type": "websocket.close", "code": 1008})

    def end(self) -> None:
        """Ends what is being answered, streams that would never end by themselves among it. For the server's loop."""
        self._ending = True
        for task in self._open:
            task.cancel()

    async def _answered(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        answer = _Answer(scope, send)
        is_upload = scope["path"] == UPLOAD
        most = self._max_upload_bytes + _UPLOAD_FRAME_BYTES if is_upload else _MOST_SAID_BYTES
        too_long = Refusal(413, f"This is more than the {most // _MIB} MB that can be sent here.")
        refusal = await self._refusal(scope, headers)
        if refusal is None and announced(headers) > most:
            refusal = too_long
        if refusal is not None:
            await answer.instead(_told(refusal))
            return
        if scope["path"].startswith(HEARTBEAT):
            self._on_visit()
        task = asyncio.current_task()
        assert task is not None, "a server answers each request in a task"
        self._open.add(task)
        try:
            arriving = limited(receive, most, answer.hold, is_upload=is_upload)
            await self._app(_handed_on(scope, self._address), arriving, answer)
        except NotWhole:
            # Either nobody is there any more, or what is held back is told.
            pass
        except asyncio.CancelledError:
            if not self._ending:
                raise
            task.uncancel()
            await answer.finish()
        finally:
            self._open.discard(task)
        if answer.is_held:
            await answer.instead(_told(too_long))

    async def _refusal(self, scope: Scope, headers: Headers) -> Refusal | None:
        method, path = scope["method"], scope["path"]
        if (refusal := stranger(method, path, headers, headers.getlist("host"), self._address)) is not None:
            return refusal
        if self._password is not None:
            client = scope.get("client") or ("",)
            status = await self._password.status(headers.get("authorization"), client[0])
            if status == 401:
                return Refusal(401, "The password of this page is needed.")
            if status == 429:
                return Refusal(429, "Too many wrong passwords. Wait a minute.")
        return closed(method, path, self._uploads)


class _Answer:
    """An answer on its way out: with the headers, and with the word that lets the page's own scripts run.

    Args:
        scope: of the request.
        send: where it goes.
    """

    def __init__(self, scope: Scope, send: Send) -> None:
        self._path = scope["path"]
        self._send = send
        self._word = secrets.token_urlsafe(16)
        self._start: Message | None = None
        self._page = bytearray()
        self._status = 0
        self._started = self._ended = False
        self.is_held = False

    async def __call__(self, message: Message) -> None:
        if self.is_held:
            return
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            self._status = message["status"]
            for name, value in self._headers(headers).items():
                headers[name] = value
            if self._path == PAGE and headers.get("content-type", "").startswith("text/html"):
                self._start = message
                return
            self._started = True
        elif message["type"] == "http.response.body":
            if self._start is not None:
                self._page += message.get("body", b"")
                if not message.get("more_body"):
                    await self._send_page(self._start, bytes(self._page))
                return
            self._ended = not message.get("more_body")
        await self._send(message)

    def hold(self) -> None:
        """Lets nothing more of the program behind through."""
        self.is_held = True

    async def instead(self, response: PlainTextResponse) -> None:
        """Answers with ``response``, unless an answer was begun already; that is ended."""
        self.is_held = False
        if self._started:
            await self.finish()
        else:
            self._start = None
            await response({"type": "http"}, _nothing, self)

    async def finish(self) -> None:
        """Ends what was begun."""
        if not self._started:
            await self.instead(_told(Refusal(503, "Locus has ended.")))
        elif not self._ended:
            self._ended = True
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _send_page(self, start: Message, page: bytes) -> None:
        # What the page holds as data has its "<" written otherwise, so these are its own.
        page = page.replace(b"<script", f'<script nonce="{self._word}"'.encode())
        MutableHeaders(scope=start)["content-length"] = str(len(page))
        self._started = self._ended = True
        await self._send(start)
        await self._send({"type": "http.response.body", "body": page})

    def _headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        policy = f"{_LOADED}; {_RAN}"
        if self._path == PAGE:
            policy += f" 'nonce-{self._word}'"
        elif self._path.startswith(UPLOADED):
            policy = _STILL
        elif self._path.startswith(DOCUMENTS):
            # Originals are someone else's: they are given with a stricter one.
            policy = headers.get("content-security-policy", policy)
        # What Gradio's build made is named by what is in it.
        kept = {"cache-control": _FOR_EVER} if self._path.startswith(ASSETS) and self._status == 200 else {}
        return {**_HEADERS, **kept, "content-security-policy": policy}


def _handed_on(scope: Scope, address: Address) -> Scope:
    """The request as the program behind sees it."""
    left_out = list(_NOT_HANDED_ON)
    if scope["path"] == PAGE or address.is_loopback:
        # The page is written over, and so must come as it is. To this machine, packing takes longer than sending.
        left_out.append(b"accept-encoding")
    if scope["path"].startswith(UPLOADED):
        # Gradio answers a range with the headers of the request.
        left_out.append(b"range")
    headers = [each for each in scope["headers"] if not each[0].startswith(tuple(left_out))]
    # A link elsewhere may open the page with any query. Gradio would look for the state of the page, or for another
    # page, where that says; of the page's own queries, all are read in the browser.
    query = b"" if scope["path"] in (PAGE, CONFIG) else scope["query_string"]
    return {**scope, "headers": headers, "query_string": query}


def _told(refusal: Refusal) -> PlainTextResponse:
    headers = {"cache-control": "no-store"}
    if refusal.status == 401:
        headers["www-authenticate"] = 'Basic realm="Locus", charset="UTF-8"'
    return PlainTextResponse(refusal.line + "\n", refusal.status, headers)


async def _nothing() -> Message:
    return {"type": "http.disconnect"}
