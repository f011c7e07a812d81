"""The client of OpenAI-compatible servers, against a real HTTP server in this process."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from assistant.llm_chat import Message
from assistant.llm_server import OpenAIServer
from indexers.errors import ModelFailed, UsageError

ASK = [Message("system", "Be brief."), Message("user", "Where?")]
Handle = Callable[[BaseHTTPRequestHandler, dict[str, Any]], None]


class Served:
    """A server on a free port: ``on[path]`` answers, ``seen`` holds path, headers and body of each request."""

    def __init__(self) -> None:
        self.on: dict[str, Handle] = {}
        self.seen: list[tuple[str, dict[str, str], dict[str, Any]]] = []
        served = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                served.seen.append((self.path, dict(self.headers), body))
                handle = served.on.get(self.path)
                if handle is None:
                    reply(self, 404, {"error": {"message": "unknown"}})
                else:
                    handle(self, body)

            def log_message(self, *args: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True).start()


def reply(handler: BaseHTTPRequestHandler, status: int, data: object, **headers: str) -> None:
    body = json.dumps(data).encode()
    handler.send_response(status)
    for key, value in headers.items():
        handler.send_header(key, value)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def begin(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", "text/event-stream")
    handler.end_headers()


def delta(text: str, finish: str | None = None) -> bytes:
    event = {"choices": [{"delta": {"content": text}, "finish_reason": finish}]}
    return b"data: " + json.dumps(event, ensure_ascii=False).encode() + b"\n\n"


def sends(*parts: bytes) -> Handle:
    def handle(handler: BaseHTTPRequestHandler, _body: dict[str, Any]) -> None:
        begin(handler)
        for part in parts:
            handler.wfile.write(part)
            handler.wfile.flush()

    return handle


def answers(status: int, data: object, **headers: str) -> Handle:
    return lambda handler, _body: reply(handler, status, data, **headers)


@pytest.fixture
def served() -> Iterator[Served]:
    server = Served()
    yield server
    server.http.shutdown()
    server.http.server_close()


def ask(url: str, **options: Any) -> str:
    model = OpenAIServer(url, model="tiny", **{"timeout_s": 5.0, **options})
    return "".join(model.stream(ASK, max_tokens=9))


def failure(served: Served, handle: Handle, **options: Any) -> str:
    served.on["/v1/chat/completions"] = handle
    with pytest.raises(ModelFailed) as caught:
        ask(served.url, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_streams_the_answer_and_asks_as_the_protocol_wants(served: Served) -> None:
    served.on["/v1/chat/completions"] = sends(
        delta(""), b": a comment\n\n", delta("In "), delta("Rome.", "stop"), b"data: [DONE]\n\n"
    )
    model = OpenAIServer(served.url, model="tiny", api_key="secret", timeout_s=5)
    assert list(model.stream(ASK, max_tokens=9, stop=["\n"])) == ["In ", "Rome."]
    path, headers, body = served.seen[0]
    assert path == "/v1/chat/completions"
    assert headers["Authorization"] == "Bearer secret"
    assert body == {
        "model": "tiny",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Where?"}],
        "max_tokens": 9,
        "temperature": 0,
        "stream": True,
        "stop": ["\n"],
    }


@pytest.mark.parametrize("suffix", ["", "/", "/v1", "/v1/"])
def test_the_path_v1_may_be_left_out(served: Served, suffix: str) -> None:
    served.on["/v1/chat/completions"] = sends(delta("yes", "stop"))
    assert ask(served.url + suffix) == "yes"


def test_another_path_is_kept(served: Served) -> None:
    served.on["/api/openai/chat/completions"] = sends(delta("yes"), b"data: [DONE]\n\n")
    assert ask(served.url + "/api/openai") == "yes"


def test_characters_cut_between_packets_come_whole(served: Served) -> None:
    event = delta("größer 東京", "stop")
    served.on["/v1/chat/completions"] = sends(*(event[i : i + 1] for i in range(len(event))))
    assert ask(served.url) == "größer 東京"


@pytest.mark.parametrize("url", ["http://example.org/v1", "https://10.0.0.7:8080", "http://127.0.0.1.example.org"])
def test_another_machine_needs_permission(url: str) -> None:
    with pytest.raises(UsageError, match="not this machine"):
        OpenAIServer(url, model="tiny")
    OpenAIServer(url, model="tiny", allow_remote=True)


@pytest.mark.parametrize("url", ["http://localhost:1", "http://127.3.2.1:1", "http://[::1]:1/v1"])
def test_this_machine_needs_none(url: str) -> None:
    OpenAIServer(url, model="tiny")


@pytest.mark.parametrize("url", ["", "127.0.0.1:8080", "ftp://127.0.0.1", "http://", "http://[::1"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="not the address"):
        OpenAIServer(url, model="tiny", allow_remote=True)


def test_no_proxy_stands_before_a_local_server(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    served.on["/v1/chat/completions"] = sends(delta("direct", "stop"))
    assert ask(served.url) == "direct"


def test_redirects_are_not_followed(served: Served) -> None:
    served.on["/elsewhere"] = sends(delta("stolen", "stop"))
    said = failure(served, answers(307, {}, Location=f"{served.url}/elsewhere"))
    assert "redirects" in said
    assert [path for path, _, _ in served.seen] == ["/v1/chat/completions"]


def test_nobody_listens() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(ModelFailed, match=r"no server answers at .*is it running"):
        ask(f"http://127.0.0.1:{port}")


@pytest.mark.parametrize(
    ("handle", "words"),
    [
        (answers(401, {"error": {"message": "bad key"}}), "refuses the API key"),
        (answers(404, {"error": {"message": "no model\n'tiny'"}}), "no model 'tiny'"),
        (answers(500, {"error": "out of\nmemory"}), "status 500: out of memory"),
        (answers(500, ["?"]), "status 500"),
        (sends(b"data: {not json\n\n"), "does not answer as"),
        (sends(b'data: {"choices": 7}\n\n'), "does not answer as"),
        (sends(b'data: {"choices": [{"delta": {"content": 7}}]}\n\n'), "does not answer as"),
        (sends(b"x" * 1_100_000), "does not answer as"),
        (sends(delta("In "), b'data: {"error": {"message": "CUDA is gone"}}\n\n'), "CUDA is gone"),
        (sends(delta("In ")), "broke off"),
        (sends(), "broke off"),
    ],
)
def test_refusals_and_broken_streams_are_one_clear_line(served: Served, handle: Handle, words: str) -> None:
    assert words in failure(served, handle)


def test_silence_ends_in_a_timeout(served: Served) -> None:
    def handle(handler: BaseHTTPRequestHandler, _body: dict[str, Any]) -> None:
        begin(handler)
        handler.wfile.write(delta("In "))
        handler.wfile.flush()
        time.sleep(1.5)

    assert "silent for 0.3 s" in failure(served, handle, timeout_s=0.3)


def silent_until_gone(gone: threading.Event) -> Handle:
    def handle(handler: BaseHTTPRequestHandler, _body: dict[str, Any]) -> None:
        handler.connection.settimeout(5)
        if handler.connection.recv(1) == b"":
            gone.set()

    return handle


def endless(gone: threading.Event) -> Handle:
    def handle(handler: BaseHTTPRequestHandler, _body: dict[str, Any]) -> None:
        begin(handler)
        try:
            while True:
                handler.wfile.write(delta("on "))
                time.sleep(0.01)
        except OSError:
            gone.set()

    return handle


def test_cancelling_closes_a_connection_that_has_not_answered(served: Served) -> None:
    gone = threading.Event()
    served.on["/v1/chat/completions"] = silent_until_gone(gone)
    model = OpenAIServer(served.url, model="tiny", timeout_s=30)
    assert list(model.stream(ASK, max_tokens=9, cancelled=lambda: bool(served.seen))) == []
    assert gone.wait(3)


def test_cancelling_closes_a_running_stream(served: Served) -> None:
    gone = threading.Event()
    served.on["/v1/chat/completions"] = endless(gone)
    model = OpenAIServer(served.url, model="tiny", timeout_s=30)
    got: list[str] = []
    got.extend(model.stream(ASK, max_tokens=9, cancelled=lambda: len(got) >= 3))
    assert got == ["on "] * 3
    assert gone.wait(3)


def test_leaving_the_iteration_closes_the_connection(served: Served) -> None:
    gone = threading.Event()
    served.on["/v1/chat/completions"] = endless(gone)
    stream = OpenAIServer(served.url, model="tiny", timeout_s=30).stream(ASK, max_tokens=9)
    assert next(stream) == "on "
    stream.close()  # type: ignore[attr-defined]
    assert gone.wait(3)


def test_tokens_are_counted_by_the_server_where_it_can(served: Served) -> None:
    served.on["/tokenize"] = lambda handler, body: reply(handler, 200, {"tokens": body["content"].split()})
    assert OpenAIServer(served.url, model="tiny").count_tokens("one two three four") == 4


def test_tokens_are_estimated_generously_where_it_can_not(served: Served) -> None:
    model = OpenAIServer(served.url, model="tiny")
    assert model.count_tokens("abcdefg") == 3
    assert model.count_tokens("東京都") == 3
    assert model.count_tokens("") == 0
    assert len(served.seen) == 1  # asked once, not for every text


def test_a_tokenizer_with_another_meaning_is_not_believed(served: Served) -> None:
    served.on["/tokenize"] = answers(200, {"tokens": 12})
    assert OpenAIServer(served.url, model="tiny").count_tokens("abcdefg") == 3


def test_what_can_not_be_asked(served: Served) -> None:
    model = OpenAIServer(served.url, model="tiny")
    with pytest.raises(UsageError, match="at least one message"):
        list(model.stream([], max_tokens=9))
    model.close()
    with pytest.raises(UsageError, match="closed"):
        list(model.stream(ASK, max_tokens=9))
    with pytest.raises(UsageError, match="API key"):
        OpenAIServer(served.url, model="tiny", api_key="schlüssel")
