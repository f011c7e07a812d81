"""Connections that only wait are ended; what is being answered is not."""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from ui import connections
from ui.connections import Connection

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
LAST = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
SLOW = LAST.replace(b"/", b"/slow", 1)


async def at_once(_request: Request) -> Response:
    return PlainTextResponse("told")


async def slow(_request: Request) -> Response:
    await asyncio.sleep(1.5)
    return PlainTextResponse("told late")


async def whole(request: Request) -> Response:
    return PlainTextResponse(f"{len(await request.body())} bytes")


APP = Starlette(
    routes=[
        Route("/", at_once),
        Route("/slow", slow),
        Route("/refused", at_once, methods=["POST"]),
        Route("/whole", whole, methods=["POST"]),
    ]
)


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    monkeypatch.setattr(connections, "PATIENCE_S", 0.5)
    monkeypatch.setattr(connections, "MOST", 4)
    bound = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(
        uvicorn.Config(APP, http=Connection, ws="none", log_config=None, timeout_graceful_shutdown=1)
    )
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]})
    thread.start()
    yield bound.getsockname()[1]
    server.should_exit = True
    thread.join()
    bound.close()


def opened(port: int, sent: bytes = b"") -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=5)
    connection.sendall(sent)
    return connection


def rest(connection: socket.socket) -> bytes:
    """All that comes until the other side ends it."""
    with connection:
        return b"".join(iter(lambda: connection.recv(65536), b""))


@pytest.mark.parametrize(
    ("sent", "answer"),
    [
        (b"", b""),
        (GET[:-3], b""),
        (GET + GET[:-3], b"told"),
        (b"POST /refused HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nabc", b"told"),
    ],
)
def test_silence_is_ended(port: int, sent: bytes, answer: bytes) -> None:
    began = time.monotonic()
    assert rest(opened(port, sent)).endswith(answer)
    assert 0.3 < time.monotonic() - began < 4


def test_drops_do_not_keep_a_head_alive(port: int) -> None:
    connection = opened(port)
    with pytest.raises(OSError):  # broken or reset, as it happens
        for letter in GET[:-3] * 10:
            connection.sendall(bytes([letter]))
            time.sleep(0.05)


def test_what_is_answered_or_sent_slowly_is_not_ended(port: int) -> None:
    waiting = opened(port, SLOW)
    sending = opened(port, b"POST /whole HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 10\r\n\r\n")
    for _ in range(10):
        time.sleep(0.15)
        sending.sendall(b"x")
    assert rest(sending).endswith(b"10 bytes")
    assert rest(waiting).endswith(b"told late")


def test_the_one_that_waited_longest_makes_room_and_none_that_is_answered(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "PATIENCE_S", 60.0)
    answered = opened(port, SLOW)
    time.sleep(0.1)
    silent = []
    for _ in range(3):
        silent.append(opened(port))
        time.sleep(0.05)
    assert rest(opened(port, LAST)).endswith(b"told")
    with pytest.raises(OSError):  # reset, or ended without a word
        if silent[0].recv(1) == b"":
            raise ConnectionResetError
    silent[1].setblocking(False)
    with pytest.raises(BlockingIOError):
        silent[1].recv(1)
    for each in silent:
        each.close()
    assert rest(answered).endswith(b"told late")
