"""The guard before the page: headers on every answer, the word for scripts, lengths, and ends."""

import asyncio
import base64
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from ui.addresses import Address
from ui.password import Password
from ui.security import Guard

ADDRESS = Address("127.0.0.1", 7860, frozenset({"127.0.0.1", "localhost", "[::1]"}))
JOIN = "/gradio_api/queue/join"
UPLOAD = "/gradio_api/upload"
MIB = 1 << 20


async def page(_request: Request) -> Response:
    return HTMLResponse("<script>one()</script><script data-x>two()</script>")


async def script(_request: Request) -> Response:
    return HTMLResponse("<script>one()</script>")


async def broken(_request: Request) -> Response:
    raise ValueError("secret")


async def said(request: Request) -> Response:
    return JSONResponse({"bytes": len(await request.body()), "headers": dict(request.headers)})


async def swallowing(request: Request) -> Response:
    try:
        await request.body()
    except Exception:  # noqa: BLE001 - as web frameworks do that make an error of their own of it
        return PlainTextResponse("could not be read", 400)
    return PlainTextResponse("read")


async def original(_request: Request) -> Response:
    return PlainTextResponse("x", headers={"content-security-policy": "default-src 'none'; sandbox"})


async def posing(_request: Request) -> Response:
    return PlainTextResponse("x", headers={"content-security-policy": "default-src *", "x-frame-options": "ALLOW"})


APP = Starlette(
    routes=[
        Route("/", page),
        Route("/theme.css", broken),
        Route("/config", posing),
        Route("/static/{name}", script),
        Route("/assets/{name}", original),
        Route("/gradio_api/heartbeat/{session}", original),
        Route("/documents/{id}/original", original),
        Route(JOIN, said, methods=["POST"]),
        Route(UPLOAD, swallowing, methods=["POST"]),
    ]
)


def asked(
    method: str,
    path: str,
    *,
    password: Password | None = None,
    content: bytes | AsyncIterator[bytes] = b"",
    address: Address = ADDRESS,
    on_visit: Callable[[], None] = lambda: None,
    **headers: str,
) -> httpx.Response:
    guard = Guard(
        APP,
        address=address,
        uploads=Path("/nowhere"),
        password=password,
        max_upload_bytes=20 * MIB,
        on_visit=on_visit,
    )

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(guard, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:7860") as client:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            return await client.request(method, path, content=content, headers=named)

    return asyncio.run(ask())


async def portions(count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield bytes(MIB)


@pytest.mark.parametrize(
    ("method", "path", "status", "headers"),
    [
        ("GET", "/", 200, {}),
        ("HEAD", "/", 200, {}),
        ("GET", "/static/x", 200, {}),
        ("GET", "/static/x/y", 404, {}),
        ("GET", "/nowhere", 404, {}),
        ("POST", "/", 405, {}),
        ("GET", "/theme.css", 500, {}),
        ("GET", "/config", 200, {}),
        ("GET", "/", 421, {"host": "evil.example"}),
        ("POST", JOIN, 403, {"origin": "http://evil.example"}),
        ("POST", JOIN, 413, {"content_length": str(17 * MIB)}),
        ("GET", "/documents/1/original", 200, {}),
    ],
)
def test_every_answer_has_the_headers(method: str, path: str, status: int, headers: dict[str, str]) -> None:
    answer = asked(method, path, **headers)
    assert answer.status_code == status
    policy = answer.headers.get_list("content-security-policy")
    assert len(policy) == 1
    assert "default-src 'none'" in policy[0]
    assert "script-src" not in policy[0] or "unsafe-inline" not in policy[0].split("script-src")[1].split(";")[0]
    assert "*" not in policy[0]
    assert "http:" not in policy[0]
    expected = {
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "x-frame-options": "DENY",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
    }
    assert {name: answer.headers.get_list(name) for name in expected} == {n: [v] for n, v in expected.items()}
    assert answer.headers["permissions-policy"].startswith("microphone=(self), camera=()")
    assert "secret" not in answer.text


def test_refusals_are_plain_lines() -> None:
    for answer in (asked("GET", "/x"), asked("GET", "/", host="evil"), asked("POST", JOIN, origin="null")):
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        assert answer.text.count("\n") == 1


def test_only_the_scripts_of_this_answer_run() -> None:
    first, second = asked("GET", "/"), asked("GET", "/")
    words = []
    for answer in (first, second):
        (word,) = re.findall(r"'nonce-([^']+)'", answer.headers["content-security-policy"])
        assert answer.text == f'<script nonce="{word}">one()</script><script nonce="{word}" data-x>two()</script>'
        assert answer.headers["content-length"] == str(len(answer.content))
        words.append(word)
    assert words[0] != words[1]
    other = asked("GET", "/static/x")
    assert "nonce" not in other.text + other.headers["content-security-policy"]


def test_a_stricter_policy_of_a_document_is_kept_and_of_nothing_else() -> None:
    assert asked("GET", "/documents/1/original").headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert "default-src *" not in asked("GET", "/config").headers["content-security-policy"]


def test_nothing_of_another_server_is_believed() -> None:
    said_of_it = {
        "x_forwarded_host": "evil",
        "x_forwarded_proto": "evil",
        "forwarded": "evil",
        "x_gradio_server": "evil",
    }
    answer = asked("POST", JOIN, **said_of_it, x_y="z")
    assert "evil" not in answer.text
    assert "forwarded" not in answer.text
    assert answer.json()["headers"]["x-y"] == "z"


def test_what_is_named_by_its_content_is_kept_by_the_browser() -> None:
    assert "immutable" in asked("GET", "/assets/a.js").headers["cache-control"]
    assert "cache-control" not in asked("GET", "/static/x").headers
    assert asked("GET", "/assets/a/b").headers.get("cache-control") is None


def test_nothing_is_packed_for_this_machine() -> None:
    assert "accept-encoding" not in asked("POST", JOIN, accept_encoding="br").json()["headers"]
    elsewhere = Address("10.0.0.2", 7860, ADDRESS.names, is_loopback=False)
    assert asked("POST", JOIN, address=elsewhere, accept_encoding="br").json()["headers"]["accept-encoding"] == "br"


def test_a_visit_is_told() -> None:
    visits: list[int] = []
    for path in ("/", "/static/x", "/gradio_api/heartbeat/x"):
        assert asked("GET", path, on_visit=lambda: visits.append(1)).status_code == 200
    assert visits == [1]
    assert asked("GET", "/gradio_api/heartbeat/x", origin="http://evil", on_visit=visits.clear).status_code == 403
    assert visits == [1]


def test_what_is_too_long_is_refused_by_what_it_says_and_by_what_arrives() -> None:
    assert asked("POST", JOIN, content=bytes(16 * MIB)).json()["bytes"] == 16 * MIB
    assert asked("POST", JOIN, content=bytes(16 * MIB + 1)).status_code == 413
    assert asked("POST", JOIN, content=portions(16)).json()["bytes"] == 16 * MIB
    assert asked("POST", JOIN, content=portions(17)).status_code == 413
    assert asked("POST", UPLOAD, content=portions(21)).text == "read"
    answer = asked("POST", UPLOAD, content=portions(22))
    assert (answer.status_code, answer.text) == (413, "This is more than the 21 MB that can be sent here.\n")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/static/x"),
        ("GET", "/documents/1/original"),
        ("POST", JOIN),
        ("POST", UPLOAD),
        ("GET", "/x"),
    ],
)
def test_every_path_is_behind_the_password(method: str, path: str) -> None:
    async def no_sleep(_seconds: float) -> None:
        pass

    password = Password("Gänse im Nebel", sleep=no_sleep)
    right = "Basic " + base64.b64encode("me:Gänse im Nebel".encode()).decode()
    missing = asked(method, path, password=password)
    assert missing.status_code == 401
    assert missing.headers["www-authenticate"] == 'Basic realm="Locus", charset="UTF-8"'
    assert asked(method, path, password=password, authorization=right + "x").status_code == 401
    assert asked(method, path, password=password, authorization=right).status_code == (404 if path == "/x" else 200)
    # Who is a stranger is not even asked.
    assert asked(method, path, password=password, host="evil").status_code == 421
    for _ in range(10):
        asked(method, path, password=password, authorization="Basic eDp5")
    assert asked(method, path, password=password, authorization=right).status_code == 429


def streaming(head: Callable[[], Awaitable[None]]) -> Starlette:
    async def forever() -> AsyncIterator[bytes]:
        while True:
            yield b"x"
            await head()
            await asyncio.sleep(3600)

    async def stream(_request: Request) -> Response:
        return StreamingResponse(forever())

    async def waiting(_request: Request) -> Response:
        await head()
        await asyncio.sleep(3600)
        return PlainTextResponse("never")

    return Starlette(routes=[Route("/config", stream), Route("/theme.css", waiting)])


@pytest.mark.parametrize(
    ("path", "status", "body"), [("/config", 200, b"x"), ("/theme.css", 503, b"Locus has ended.\n")]
)
def test_what_would_go_on_for_ever_is_ended(path: str, status: int, body: bytes) -> None:
    sent: list[Message] = []

    async def run() -> None:
        begun = asyncio.Event()

        async def head() -> None:
            begun.set()

        guard = Guard(streaming(head), address=ADDRESS, uploads=Path("/nowhere"), password=None, max_upload_bytes=MIB)
        task = asyncio.create_task(guard(scope(path), never, send))
        await begun.wait()
        guard.end()
        await asyncio.wait_for(task, 5)

    async def never() -> Message:
        return await asyncio.Event().wait()  # type: ignore[return-value]

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(run())
    assert sent[0]["status"] == status
    assert b"".join(message.get("body", b"") for message in sent) == body
    assert not sent[-1].get("more_body")


def test_a_request_that_is_given_up_is_not_answered() -> None:
    async def run() -> None:
        begun = asyncio.Event()

        async def head() -> None:
            begun.set()

        guard = Guard(streaming(head), address=ADDRESS, uploads=Path("/nowhere"), password=None, max_upload_bytes=MIB)
        task = asyncio.create_task(guard(scope("/theme.css"), nothing, nowhere))
        await begun.wait()
        task.cancel()
        await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(run())


def test_websockets_are_refused() -> None:
    sent: list[Message] = []

    async def unreachable(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise AssertionError

    async def send(message: Message) -> None:
        sent.append(message)

    guard = Guard(unreachable, address=ADDRESS, uploads=Path("/nowhere"), password=None, max_upload_bytes=MIB)
    asyncio.run(guard({"type": "websocket", "path": "/", "headers": []}, nothing, send))
    assert [message["type"] for message in sent] == ["websocket.close"]


def scope(path: str) -> Scope:
    return {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "path": path,
        "query_string": b"",
        "headers": [(b"host", b"127.0.0.1:7860")],
        "asgi": {"spec_version": "2.4"},
    }


async def nothing() -> Message:
    return {"type": "http.disconnect"}


async def nowhere(_message: Message) -> None:
    pass
