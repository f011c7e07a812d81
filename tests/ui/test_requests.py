"""Which requests the page answers: who may ask, and for what."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ui.addresses import Address
from ui.requests import closed, stranger

ADDRESS = Address("127.0.0.1", 7860, frozenset({"127.0.0.1", "localhost", "[::1]"}))
HERE = "127.0.0.1:7860"
JOIN = "/gradio_api/queue/join"
NAVIGATION = {"sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}


def status(method: str = "GET", path: str = "/", hosts: tuple[str, ...] = (HERE,), **headers: str) -> int:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    refusal = stranger(method, path, named, list(hosts), ADDRESS)
    return refusal.status if refusal else 200


@pytest.mark.parametrize("hosts", [(), ("evil.example:7860",), ("127.0.0.1",), (HERE, HERE), (HERE, "evil.example")])
def test_what_names_another_host_is_refused(hosts: tuple[str, ...]) -> None:
    assert status(hosts=hosts) == 421


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "null",
        "https://127.0.0.1:7860",
        "http://127.0.0.1",
        "http://127.0.0.1:8000",
        "",
        "http://localhost:7860",
        "http://127.0.0.1:7860.evil.example",
        "file://",
    ],
)
@pytest.mark.parametrize(("method", "path"), [("POST", JOIN), ("GET", "/"), ("GET", "/documents/1/original")])
def test_what_another_page_sends_is_refused(origin: str, method: str, path: str) -> None:
    assert status(method, path, origin=origin) == 403
    assert status(method, path, origin=origin, sec_fetch_site="same-origin") == 403


def test_what_the_page_itself_sends_is_answered() -> None:
    assert status("POST", JOIN, origin=f"http://{HERE}", sec_fetch_site="same-origin") == 200
    assert status("POST", JOIN, hosts=("LocalHost:7860",), origin="http://localhost:7860") == 200
    assert status("GET", "/assets/index.js", sec_fetch_site="same-origin") == 200


def test_a_program_that_is_no_browser_is_answered() -> None:
    assert status("POST", JOIN) == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site", "anything"])
def test_another_page_may_open_this_one_and_nothing_else(site: str) -> None:
    assert status("GET", "/", sec_fetch_site=site, **{n.replace("-", "_"): v for n, v in NAVIGATION.items()}) == 200
    for method, path, more in (
        ("GET", "/", {}),
        ("GET", "/", {"sec-fetch-mode": "no-cors", "sec-fetch-dest": "image"}),
        ("GET", "/", {"sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe"}),
        ("POST", "/", NAVIGATION),
        ("GET", "/documents/1/original", NAVIGATION),
        ("POST", JOIN, NAVIGATION),
        ("GET", "/documents/1/thumbnail", {"sec-fetch-mode": "no-cors", "sec-fetch-dest": "image"}),
    ):
        assert status(method, path, sec_fetch_site=site, **{n.replace("-", "_"): v for n, v in more.items()}) == 403


def test_a_person_may_open_any_address() -> None:
    assert status("GET", "/documents/1/original", sec_fetch_site="none", sec_fetch_mode="navigate") == 200


@pytest.fixture
def uploads(tmp_path: Path) -> Path:
    folder = tmp_path / "uploads"
    (folder / "hash").mkdir(parents=True)
    (folder / "hash" / "a.png").write_bytes(b"x")
    (tmp_path / "uploads-not").mkdir()
    (tmp_path / "uploads-not" / "secret").write_text("x")
    (folder / "link").symlink_to(tmp_path / "uploads-not" / "secret")
    return folder


def test_what_the_page_needs_is_open(uploads: Path) -> None:
    for path in (
        "/",
        "/theme.css",
        "/assets/a.js",
        "/conversations/1.md",
        "/static/locus.css",
        "/documents/7/original",
        "/favicon.ico",
        "/gradio_api/queue/data",
        "/gradio_api/heartbeat/abc",
        "/gradio_api/app_id",
    ):
        assert closed("GET", path, uploads) is None
        assert closed("HEAD", path, uploads) is None
        assert closed("POST", path, uploads) is not None
    for path in (JOIN, "/gradio_api/upload", "/gradio_api/run/predict", "/gradio_api/cancel"):
        assert closed("POST", path, uploads) is None
        for method in ("GET", "PUT", "DELETE", "OPTIONS", "PATCH", "CONNECT"):
            refusal = closed(method, path, uploads)
            assert refusal is not None
            assert refusal.status == 405
    assert closed("GET", f"/gradio_api/file={uploads}/hash/a.png", uploads) is None


CLOSED = """
    /gradio_api/proxy=http://example.com/ /gradio_api/file=http://example.com/x.png
    /gradio_api/file=https:/example.com /gradio_api/file/etc/passwd /file=/etc/passwd /gradio_api/info
    /gradio_api/openapi.json /gradio_api/api/predict /gradio_api/call/ask /gradio_api/run/ask /login /logout
    /monitoring /monitoring/summary /gradio_api/mcp /gradio_api/mcp/sse /pwa_icon /gradio_api/vibe-edit
    /gradio_api/vibe-code /gradio_api/runs /gradio_api/process_recording /gradio_api/component_server
    /gradio_api/deep_link /gradio_api/stream/a/b/1/playlist.m3u8 /docs /gradio_api/custom_component/x/client/y/z.js
    /gradio_api/dev/reload /gradio_api/token /svelte/x.js /openapi.json /redoc /robots.txt /assets/../config
    /static/../../etc/passwd /static/./x // /documents /gradio_api/file= /gradio_api/file=/
    /gradio_api/file=/etc/passwd /gradio_api/file=etc/passwd /gradio_api/file=../../etc/passwd
    /gradio_api/file=//etc/passwd /gradio_api/file=.env /gradio_api/file=~/.ssh/id_rsa *
"""


@pytest.mark.parametrize("path", [*CLOSED.split(), "", "/static/..\\x", "/static/\0"])
def test_everything_else_is_closed(path: str, uploads: Path) -> None:
    for method in ("GET", "HEAD", "POST"):
        refusal = closed(method, path, uploads)
        assert refusal is not None
        assert refusal.status in (404, 405)


def test_only_files_that_were_uploaded_are_given(uploads: Path) -> None:
    elsewhere = uploads.with_name("uploads-not") / "secret"
    inside = [uploads / name for name in ("", "hash", "none", "link", "hash/../link", "hash/%2e%2e/link")]
    for path in (*inside, elsewhere, f"{uploads}/hash/../link"):
        assert closed("GET", f"/gradio_api/file={path}", uploads) is not None
    assert closed("GET", f"/gradio_api/file={str(uploads / 'hash' / 'a.png').lstrip('/')}", uploads) is not None


@given(st.text(max_size=40), st.sampled_from(["GET", "POST", "HEAD", "PUT"]))
def test_no_path_is_open_by_chance(path: str, method: str) -> None:
    if not path.startswith("/"):
        assert closed(method, path, Path("/nowhere")) is not None
