"""Downloading for real, from a server on this machine that behaves as a hub of models does."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assistant import catalogue, cli, hub, models
from assistant.catalogue import ModelFile, ModelSpec
from indexers.errors import ModelFailed, ModelMissing

COMMIT = "0123456789abcdef0123456789abcdef01234567"
GGUF = b"GGUF" + bytes(range(256)) * 1200  # more than one piece of the network
CONFIG = b'{"layers": 2}'


def spec(data: bytes = GGUF) -> ModelSpec:
    files = (ModelFile("sub/tiny.gguf", hashlib.sha256(data).hexdigest()), ModelFile("config.json"))
    return ModelSpec("tiny", "llm", "someone/tiny", "MIT", len(data) + len(CONFIG), files, COMMIT)


class Hub(ThreadingHTTPServer):
    """Files at ``/someone/tiny/resolve/COMMIT/…``, which redirect to ``/bytes/…`` as large files of a hub do.

    Attributes:
        asked: each path that was asked for, with the range.
        sent: bytes of files that were sent.
        breaks_after: the connection is dropped when so many bytes of a file were sent.
        ranges: whether ranges are answered.
        status: given instead of any file.
        redirect: where a file is said to be.
        commit: what the server says it gives.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files = {"sub/tiny.gguf": GGUF, "config.json": CONFIG}
        self.asked: list[tuple[str, str | None]] = []
        self.sent = 0
        self.breaks_after: int | None = None
        self.ranges = True
        self.status = 200
        self.redirect = "/bytes/"
        self.commit = COMMIT
        self.url = f"http://127.0.0.1:{self.server_port}"
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()


class Handler(BaseHTTPRequestHandler):
    server: Hub

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        wanted = self.headers["Range"]
        self.server.asked.append((self.path, wanted))
        name = self.path.removeprefix(f"/someone/tiny/resolve/{COMMIT}/").removeprefix("/bytes/")
        if self.server.status != 200 or name not in self.server.files:
            self.answer(404 if self.server.status == 200 else self.server.status)
        elif name == self.path.removeprefix("/bytes/"):
            self.send_file(self.server.files[name], wanted)
        else:
            self.answer(302, {"Location": self.server.redirect + name, "X-Repo-Commit": self.server.commit})

    def send_file(self, data: bytes, wanted: str | None) -> None:
        first, headers = 0, {"ETag": f'"{hashlib.sha256(data).hexdigest()}"', "Accept-Ranges": "bytes"}
        if wanted and self.server.ranges:
            first = int(wanted.removeprefix("bytes=").removesuffix("-"))
            if first >= len(data):
                self.answer(416, {"Content-Range": f"bytes */{len(data)}"})
                return
            headers["Content-Range"] = f"bytes {first}-{len(data) - 1}/{len(data)}"
        self.answer(206 if "Content-Range" in headers else 200, headers, data[first:])

    def answer(self, status: int, headers: dict[str, str] | None = None, body: bytes = b"") -> None:
        self.send_response(status)
        for key, value in ((headers or {}) | {"Content-Length": str(len(body))}).items():
            self.send_header(key, value)
        self.end_headers()
        sending = body if self.command == "GET" else b""
        # Counted first: who has received them looks at once.
        self.server.sent += len(sending[: self.server.breaks_after])
        self.wfile.write(sending[: self.server.breaks_after])

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    server = Hub()
    monkeypatch.setenv("HF_ENDPOINT", server.url)
    yield server
    server.shutdown()
    server.server_close()


def one_clear_line(error: pytest.ExceptionInfo[Exception]) -> str:
    told = str(error.value)
    assert "\n" not in told and "Errno" not in told and "Traceback" not in told and len(told) < 300
    return told


def test_a_model_arrives_by_way_of_a_redirect(served: Hub, tmp_path: Path) -> None:
    place = models.pull(spec(), cache_dir=tmp_path)
    assert (place / "sub" / "tiny.gguf").read_bytes() == GGUF
    assert (place / "config.json").read_bytes() == CONFIG
    assert [path for path, _ in served.asked] == [
        f"/someone/tiny/resolve/{COMMIT}/sub/tiny.gguf",
        "/bytes/sub/tiny.gguf",
        f"/someone/tiny/resolve/{COMMIT}/config.json",
        "/bytes/config.json",
    ]


def test_after_a_drop_only_the_rest_is_asked_for(served: Hub, tmp_path: Path) -> None:
    served.breaks_after = 100_000
    with pytest.raises(ModelMissing, match="the connection broke; what arrived is kept") as error:
        models.pull(spec(), cache_dir=tmp_path)
    one_clear_line(error)
    served.breaks_after = None
    served.asked.clear()
    seen: list[int] = []
    place = models.pull(spec(), cache_dir=tmp_path, progress=lambda done, _: seen.append(done))
    assert served.asked[:2] == [
        (f"/someone/tiny/resolve/{COMMIT}/sub/tiny.gguf", "bytes=100000-"),
        ("/bytes/sub/tiny.gguf", "bytes=100000-"),
    ]
    assert served.sent == len(GGUF) + len(CONFIG)
    assert seen[0] == 100_000 and seen[-1] == len(GGUF) + len(CONFIG)
    assert (place / "sub" / "tiny.gguf").read_bytes() == GGUF


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(size=st.integers(5, 400_000), drops=st.lists(st.integers(0, 100_000), max_size=5))
def test_however_often_it_breaks_no_byte_comes_twice(
    served: Hub, tmp_path_factory: pytest.TempPathFactory, size: int, drops: list[int]
) -> None:
    data = (GGUF * 2)[:size]
    cache = tmp_path_factory.mktemp("cache")
    served.files["sub/tiny.gguf"], served.sent = data, 0
    for drop in drops:
        served.breaks_after = drop
        begun = sum(path.stat().st_size for path in cache.rglob("*.part"))
        if begun + drop < size:
            with pytest.raises(ModelMissing):
                models.pull(spec(data), cache_dir=cache)
    served.breaks_after = None
    place = models.pull(spec(data), cache_dir=cache)
    assert (place / "sub" / "tiny.gguf").read_bytes() == data
    assert served.sent == size + len(CONFIG)


def begin(cache: Path, data: bytes) -> None:
    part = cache / "models" / f".tiny.{COMMIT}.partial" / "sub" / "tiny.gguf.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(data)


def test_a_hub_without_ranges_begins_anew(served: Hub, tmp_path: Path) -> None:
    begin(tmp_path, GGUF[:1000])
    served.ranges = False
    place = models.pull(spec(), cache_dir=tmp_path)
    assert (place / "sub" / "tiny.gguf").read_bytes() == GGUF


def test_what_was_whole_but_not_checked_is_not_fetched_again(served: Hub, tmp_path: Path) -> None:
    begin(tmp_path, GGUF)
    place = models.pull(spec(), cache_dir=tmp_path)
    assert (place / "sub" / "tiny.gguf").read_bytes() == GGUF
    assert served.sent == len(CONFIG)


def test_altered_bytes_are_refused_and_asked_for_once(served: Hub, tmp_path: Path) -> None:
    served.files["sub/tiny.gguf"] = GGUF[:-1] + b"!"
    with pytest.raises(ModelFailed, match="not the file of the catalogue") as error:
        models.pull(spec(), cache_dir=tmp_path)
    one_clear_line(error)
    assert len(served.asked) == 2
    assert not [path for path in tmp_path.rglob("*") if "gguf" in path.name]


@pytest.mark.parametrize(("status", "told"), [(404, "it is not there"), (401, "not open to all"), (500, "not work")])
def test_what_the_hub_refuses_is_told_in_a_line(served: Hub, tmp_path: Path, status: int, told: str) -> None:
    served.status = status
    with pytest.raises(ModelMissing, match=told) as error:
        models.pull(spec(), cache_dir=tmp_path)
    assert str(status) in one_clear_line(error) and "sub/tiny.gguf of someone/tiny" in str(error.value)
    assert len(served.asked) == 1


def test_another_commit_is_refused(served: Hub, tmp_path: Path) -> None:
    served.commit = "f" * 40
    with pytest.raises(ModelMissing, match="another commit"):
        models.pull(spec(), cache_dir=tmp_path)


def test_a_host_that_is_not_asked_is_told(served: Hub, tmp_path: Path) -> None:
    served.redirect = "http://elsewhere.invalid/"
    with pytest.raises(ModelMissing, match=r"elsewhere\.invalid, which is not asked") as error:
        models.pull(spec(), cache_dir=tmp_path)
    one_clear_line(error)


@pytest.mark.parametrize(
    ("url", "base", "may"),
    [
        ("https://huggingface.co/a/b", "https://huggingface.co", True),
        ("https://cdn-lfs.huggingface.co/a", "https://huggingface.co", True),
        ("https://us.aws.cdn.hf.co/a", "https://huggingface.co", True),
        ("http://huggingface.co/a/b", "https://huggingface.co", False),
        ("https://example.org/a", "https://huggingface.co", False),
        ("https://huggingface.co.example.org/a", "https://huggingface.co", False),
        ("https://xhf.co/a", "https://huggingface.co", False),
        ("https://example.org/a", "https://mirror.example", True),
        ("http://example.org/a", "https://mirror.example", False),
        ("http://mirror.example/a", "https://mirror.example", False),
        ("http://mirror.example:8080/a", "http://mirror.example:8080", True),
    ],
)
def test_which_hosts_are_asked(url: str, base: str, may: bool) -> None:
    assert hub._may_be_asked(hub.httpx.URL(url), base) is may


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:9", "nonsense", "http://[broken", "ftp://127.0.0.1"])
def test_a_hub_that_can_not_be_reached_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, endpoint: str) -> None:
    monkeypatch.setenv("HF_ENDPOINT", endpoint)
    with pytest.raises(ModelMissing, match="can not be downloaded") as error:
        models.pull(spec(), cache_dir=tmp_path)
    assert "kept" not in one_clear_line(error)


def test_a_proxy_that_can_not_be_used_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "nonsense://127.0.0.1:9")
    with pytest.raises(ModelMissing, match="nonsense"):
        models.pull(spec(), cache_dir=tmp_path)


def test_offline_nobody_is_asked(served: Hub, tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match="offline is set"):
        models.pull(spec(), cache_dir=tmp_path, offline=True)
    assert served.asked == []


# --- the command -------------------------------------------------------------------------------


@pytest.fixture
def command(
    served: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Runs ``locus models …`` where the catalogue holds one small model."""
    for module in (catalogue, models):
        monkeypatch.setattr(module, "CATALOGUE", (spec(),))
    monkeypatch.setenv("LOCUS_CACHE_DIR", str(tmp_path / "cache"))

    def run(*arguments: str) -> tuple[int, str, str]:
        code = cli.run(["models", *arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def test_the_command_tells_each_tenth_and_goes_on_after_a_drop(
    served: Hub, command: Callable[..., tuple[int, str, str]]
) -> None:
    served.breaks_after = 100_000
    code, out, err = command("pull", "tiny")
    assert (code, out) == (4, "") and "what arrived is kept" in err.splitlines()[-1]
    tenths = [int(tenth) for tenth in re.findall(r"^tiny: (\d+) % of 0 MB$", err, re.MULTILINE)]
    assert tenths[-1] == 30 and tenths == sorted(set(tenths))
    assert "locus models pull tiny" in command()[1]
    served.breaks_after = None
    code, out, err = command("pull", "TINY")
    assert (code, out) == (0, "") and "TINY is in " in err.splitlines()[-1]
    tenths = [int(tenth) for tenth in re.findall(r"(\d+) %", err)]
    assert tenths[0] == 30 and tenths[-1] == 100 and tenths == sorted(set(tenths))
    assert "installed" in command("list")[1] and "pull" not in command("list")[1]


def test_verify_gives_1_for_an_altered_model(
    served: Hub, tmp_path: Path, command: Callable[..., tuple[int, str, str]]
) -> None:
    assert command("verify")[:2] == (0, "no model is installed\n")
    assert command("pull", "tiny")[0] == 0
    code, out, _ = command("verify")
    assert code == 0 and out.startswith("ok ")
    (tmp_path / "cache" / "models" / "tiny" / "sub" / "tiny.gguf").write_bytes(b"GGUF altered")
    code, out, _ = command("verify")
    assert code == 1 and out.startswith("altered ") and "tiny.gguf" in out
    assert command("pull", "tiny")[0] == 0
    assert command("verify")[0] == 0


def test_pull_without_a_name_lists_the_names(command: Callable[..., tuple[int, str, str]]) -> None:
    assert command("pull") == (2, "", "locus: which model? there are: tiny\n")


def test_an_interrupted_pull_gives_130_and_says_that_nothing_is_lost(
    command: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("assistant.hub.fetch", interrupted)
    code, out, err = command("pull", "tiny")
    assert (code, out) == (130, "") and "the same command goes on" in err


@pytest.mark.parametrize(
    ("environment", "state"),
    [
        ({"LOCUS_LLM": "tiny"}, "in use, but missing: locus models pull tiny"),
        ({"LOCUS_LLM": "tiny", "LOCUS_LLM_URL": "http://127.0.0.1:9/v1"}, "MIT         locus models pull tiny"),
        ({}, "MIT         locus models pull tiny"),
    ],
)
def test_the_list_says_what_the_settings_use(
    command: Callable[..., tuple[int, str, str]],
    monkeypatch: pytest.MonkeyPatch,
    environment: dict[str, str],
    state: str,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    code, out, _ = command("list")
    assert code == 0 and state in out and out.startswith("tiny  llm")
