"""The page as it is served: what an attacker could send to it is refused, and nothing of it is left when it has ended.

The guard's own tests are in ``test_security``; here Gradio is behind it.
"""

import gc
import json
import os
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from assistant import Assistant
from indexers.errors import UsageError
from ui.scratch import SCRATCH
from ui.server import Page, start

# Gradio calls what pandas will drop.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:gradio.queueing")

ROOT = Path(__file__).parents[2]
SECRET = "the combination is 4-8-15"


@pytest.fixture(scope="module")
def locus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Assistant]:
    with Assistant(tmp_path_factory.mktemp("ui") / "library", llm="none") as locus:
        yield locus


@pytest.fixture(scope="module")
def page(locus: Assistant) -> Iterator[Page]:
    with start(locus, port=0, max_upload_mb=2) as page:
        yield page


@pytest.fixture(scope="module")
def browser(page: Page) -> Iterator[httpx.Client]:
    """Somebody who asks as the page itself does."""
    with httpx.Client(base_url=page.url, headers={"origin": page.url.rstrip("/")}, timeout=30) as client:
        yield client


@pytest.fixture
def secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that nobody uploaded, in the folder in which the program runs."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "secret.txt"
    path.write_text(SECRET)
    return path


def uploads() -> Path:
    return Path(os.environ["GRADIO_TEMP_DIR"])


def eventually(is_so: Callable[[], bool]) -> bool:
    """Whether something becomes so within some seconds."""
    for _ in range(100):
        if is_so():
            return True
        time.sleep(0.05)
    return False


def upload(browser: httpx.Client, name: str, content: bytes) -> str:
    answer = browser.post("/gradio_api/upload", files={"files": (name, content)})
    assert answer.status_code == 200, answer.text
    (path,) = answer.json()
    return str(path)


def submitted(browser: httpx.Client, files: list[dict[str, Any]], text: str = "What?") -> list[dict[str, Any]]:
    """What the page is told after a question with files was put to the chat."""
    config = browser.get("/config").json()
    (asking,) = [each for each in config["dependencies"] if any(event == "submit" for _, event in each["targets"])]
    session = uuid.uuid4().hex
    inputs = [{"text": text, "files": files}, *[None] * (len(asking["inputs"]) - 1)]
    body = {"data": inputs, "fn_index": asking["id"], "session_hash": session}
    # As browsers write it: half a character too.
    said = {"content": json.dumps(body), "headers": {"content-type": "application/json"}}
    assert browser.post("/gradio_api/queue/join", **said).status_code == 200  # type: ignore[arg-type]
    told = []
    with browser.stream("GET", "/gradio_api/queue/data", params={"session_hash": session}) as stream:
        for line in stream.iter_lines():
            if line.startswith("data:"):
                told.append(json.loads(line.removeprefix("data:")))
    return told


def test_the_page_and_what_it_is_made_of_are_there(browser: httpx.Client) -> None:
    told = browser.get("/")
    assert "window.gradio_config" in told.text
    assert told.text.count("<script") == told.text.count("<script nonce=")
    for path in ("/theme.css", "/static/locus.css", "/favicon.ico", "/manifest.json", "/gradio_api/app_id"):
        assert browser.get(path).status_code == 200, path
    assert browser.get("/favicon.ico").headers["content-type"] == "image/svg+xml"
    assert "server" not in told.headers


@pytest.mark.parametrize("query", ["page=x", "page=../x", "deep_link=../../x", "deep_link=deadbeef", "x=<script>"])
def test_no_query_leads_to_another_page(browser: httpx.Client, query: str) -> None:
    for path in ("/", "/config"):
        answer = browser.get(f"{path}?{query}")
        assert answer.status_code == 200
        assert '"valid"' not in answer.text and '"invalid"' not in answer.text
        assert "<script>" not in answer.text


@pytest.mark.parametrize("path", ["/gradio_api/queue/join", "/gradio_api/upload", "/gradio_api/run/predict"])
@pytest.mark.parametrize("headers", [{"origin": "http://evil.example"}, {"origin": "null"}, {"host": "evil.example"}])
def test_other_pages_can_send_nothing(page: Page, path: str, headers: dict[str, str]) -> None:
    before = sorted(uploads().rglob("*"))
    answer = httpx.post(page.url.rstrip("/") + path, headers=headers, files={"files": ("a.txt", b"x")})
    assert answer.status_code == (421 if "host" in headers else 403)
    assert sorted(uploads().rglob("*")) == before


def test_no_other_page_is_allowed_to_read(page: Page) -> None:
    answer = httpx.options(
        f"{page.url}gradio_api/queue/join",
        headers={"origin": "http://localhost:3000", "access-control-request-method": "POST"},
    )
    assert answer.status_code == 403
    assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize(
    "path",
    [
        "/static/../server.py",
        "/static/%2e%2e/server.py",
        "/static/..%2fserver.py",
        "/static/%2e%2e%2f%2e%2e%2fpyproject.toml",
        "/assets/%2e%2e/index.html",
        "/gradio_api/file=%2fetc%2fpasswd",
        "/gradio_api/file=../../etc/passwd",
    ],
)
def test_no_path_leads_out(page: Page, path: str) -> None:
    # Sent as it is: a client would tidy it up.
    host, port = page.url.removeprefix("http://").rstrip("/").split(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 404 ")
    assert b"root:" not in answer


def test_files_that_nobody_uploaded_are_not_given(browser: httpx.Client, locus: Assistant, secret: Path) -> None:
    catalog = locus.settings.library / "catalog.sqlite"
    cache = Path.cwd() / ".gradio" / "cached_examples"
    cache.mkdir(parents=True)
    (cache / "old.txt").write_text(SECRET)
    for path in (catalog, secret, "secret.txt", "./secret.txt", cache / "old.txt", f"{uploads()}/../lock"):
        answer = browser.get(f"/gradio_api/file={path}")
        assert answer.status_code == 404
        assert SECRET not in answer.text


def test_what_was_uploaded_is_given_and_can_do_nothing(browser: httpx.Client) -> None:
    picture = upload(browser, "dot.png", b"\x89PNG")
    assert browser.get(f"/gradio_api/file={picture}").content == b"\x89PNG"
    page = upload(browser, "page.html", b"<script>alert(1)</script>")
    answer = browser.get(f"/gradio_api/file={page}", headers={"range": "bytes=0-3", "x-echo": "x"})
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'; sandbox"
    assert "x-echo" not in answer.headers
    strange = upload(browser, "../../../etc/<img src=x>.txt", b"x")
    assert Path(strange).is_relative_to(uploads())


@pytest.mark.parametrize("named", ["absolute", "relative", "catalog", "password", "above", "address", "own"])
def test_a_message_can_not_name_a_file_in_place_of_an_upload(
    browser: httpx.Client, locus: Assistant, secret: Path, named: str
) -> None:
    path = {
        "absolute": str(secret),
        "relative": "secret.txt",
        "catalog": str(locus.settings.library / "catalog.sqlite"),
        "password": "/etc/passwd",
        "above": f"{uploads()}/../lock",
        "address": "https://example.com/secret.txt",
        "own": f"{browser.base_url}static/locus.css",
    }[named]
    before = sorted(each for each in uploads().rglob("*") if each.is_file())
    told = submitted(browser, [{"path": path, "meta": {"_type": "gradio.FileData"}, "orig_name": "secret.txt"}])
    assert [each["success"] for each in told if each["msg"] == "process_completed"] == [False]
    assert SECRET not in json.dumps(told)
    assert ("fetches nothing from other machines" in json.dumps(told)) == (named in ("address", "own"))
    assert sorted(each for each in uploads().rglob("*") if each.is_file()) == before


def test_a_message_may_name_what_was_uploaded(browser: httpx.Client) -> None:
    path = upload(browser, "note.txt", b"x")
    told = submitted(browser, [{"path": path, "meta": {"_type": "gradio.FileData"}, "orig_name": "note.txt"}], text="")
    assert [each["success"] for each in told if each["msg"] == "process_completed"] == [True]


def test_errors_are_told_as_text(browser: httpx.Client) -> None:
    # Gradio takes what an event calls "path" for a file, and its refusal names it.
    config = browser.get("/config").json()
    (open_, *_) = [each for each in config["dependencies"] if any(event == "open" for _, event in each["targets"])]
    event = {"path": "<a href=//evil.example>here</a><style>*{}</style>"}
    body = {"data": [], "fn_index": open_["id"], "session_hash": "x", "event_data": event}
    answer = browser.post("/gradio_api/run/predict", json=body)
    assert answer.status_code == 500
    assert "&lt;a href=" in answer.json()["error"]
    assert "<" not in answer.json()["error"]
    told = submitted(browser, [{"path": event["path"], "meta": {"_type": "gradio.FileData"}}])
    assert "&lt;a href=" in json.dumps(told)
    assert "<a" not in json.dumps(told)


def test_half_a_character_breaks_no_answer(browser: httpx.Client) -> None:
    told = submitted(browser, [], text="What\ud83d?")
    assert [each["success"] for each in told if each["msg"] == "process_completed"] == [True]
    assert "What\ufffd?" in json.dumps(told, ensure_ascii=False)


def test_windows_that_were_closed_fill_no_memory(locus: Assistant, monkeypatch: pytest.MonkeyPatch) -> None:
    from gradio.state_holder import SessionState

    from ui import mounting

    def held() -> list[int]:
        return [id(each) for each in gc.get_objects() if isinstance(each, SessionState)]

    monkeypatch.setattr(mounting, "_SESSIONS", 3)
    with start(locus, port=0) as page, httpx.Client(base_url=page.url, timeout=30) as browser:
        before = held()
        config = browser.get("/config").json()
        (tick, *_) = [each for each in config["dependencies"] if each["inputs"] and each["targets"][0][1] == "tick"]
        for number in range(8):
            body = {"data": [None], "fn_index": tick["id"], "session_hash": f"window {number}"}
            assert browser.post("/gradio_api/run/predict", json=body).status_code == 200
        gc.collect()
        assert 0 < len(set(held()) - set(before)) <= 3


def test_uploads_are_bounded_and_what_was_too_long_does_not_stay(browser: httpx.Client) -> None:
    before = sum(each.stat().st_size for each in uploads().rglob("*"))

    def portions() -> Iterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.bin"\r\n\r\n'
        for _ in range(8):
            yield bytes(1 << 20)

    multipart = {"content-type": "multipart/form-data; boundary=x"}
    for answer in (
        browser.post("/gradio_api/upload", files={"files": ("a.bin", bytes(8 << 20))}),
        browser.post("/gradio_api/upload", files={"files": ("a.bin", bytes(2_500_000))}),
        browser.post("/gradio_api/upload", content=portions(), headers=multipart),
    ):
        assert answer.status_code == 413
    assert sum(each.stat().st_size for each in uploads().rglob("*")) == before


def test_an_upload_that_is_given_up_does_not_stay(page: Page) -> None:
    host, port = page.url.removeprefix("http://").rstrip("/").split(":")
    before = sorted(uploads().iterdir())
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(
            f"POST /gradio_api/upload HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Length: 1500000\r\n"
            "Content-Type: multipart/form-data; boundary=x\r\n\r\n--x\r\n"
            'Content-Disposition: form-data; name="files"; filename="a.bin"\r\n\r\n'.encode()
            + bytes(1_000_000)
        )
        assert eventually(lambda: len(list(uploads().iterdir())) > len(before))
    assert eventually(lambda: sorted(uploads().iterdir()) == before)


def test_nothing_is_left_when_it_has_ended(locus: Assistant) -> None:
    page = start(locus, port=0)
    answered, ended = threading.Event(), threading.Event()

    def listen() -> None:
        with httpx.stream("GET", f"{page.url}gradio_api/heartbeat/x", timeout=30) as stream:
            for _ in stream.iter_raw():
                answered.set()
        ended.set()

    listening = threading.Thread(target=listen)
    listening.start()
    assert answered.wait(10)
    folder = SCRATCH.take()
    page.close()
    page.close()
    assert ended.wait(1)
    assert page.wait(0)
    with pytest.raises(httpx.ConnectError):
        httpx.get(page.url)
    assert folder.is_dir()
    SCRATCH.give_back()


def test_a_process_that_serves_again_leaves_no_folder(tmp_path: Path) -> None:
    code = (
        "from assistant import Assistant\n"
        "with Assistant('library', llm='none') as locus:\n"
        "    for _ in range(2):\n"
        "        locus.ui(port=0, open_browser=False, block=False).close()\n"
    )
    temp = tmp_path / "temp"
    temp.mkdir()
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(temp)}
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, check=True)
    assert list(temp.iterdir()) == []


def test_two_pages_of_one_process_stand_beside_each_other(locus: Assistant, page: Page, browser: httpx.Client) -> None:
    with start(locus, port=0) as other:
        assert other.url != page.url
        assert httpx.get(other.url).status_code == 200
    upload(browser, "after.txt", b"x")


def test_what_can_not_be_served_leaves_nothing(locus: Assistant, page: Page) -> None:
    port = int(page.url.rstrip("/").rpartition(":")[2])
    threads = threading.active_count()
    for options in ({"port": port}, {"host": "0.0.0.0"}, {"host": "no such host"}, {"password": "short"}):
        with pytest.raises(UsageError):
            start(locus, **options)  # type: ignore[arg-type]
    assert threading.active_count() == threads
