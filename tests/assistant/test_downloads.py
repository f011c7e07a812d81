"""What is kept of a download, what is refused, and where it ends up; the hub is replaced at the boundary."""

from __future__ import annotations

import hashlib
import shutil
import threading
from collections import namedtuple
from collections.abc import Callable
from pathlib import Path

import pytest

from assistant import models
from assistant.catalogue import ModelFile, ModelSpec
from indexers.errors import ModelFailed, ModelMissing, UsageError

COMMIT = "0123456789abcdef0123456789abcdef01234567"
GGUF = b"GGUF\x03\x00\x00\x00" + bytes(64)
WEIGHTS = b"\x02\x00\x00\x00\x00\x00\x00\x00{}" + bytes(range(200))
CONFIG = b'{"layers": 2}'
PARTIAL = f".tiny.{COMMIT}.partial"


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def gguf_spec(**changes: object) -> ModelSpec:
    fields: dict = {
        "name": "tiny",
        "role": "llm",
        "source": "someone/tiny",
        "licence": "MIT",
        "size_bytes": len(GGUF),
        "files": (ModelFile("tiny.gguf", sha(GGUF)),),
        "revision": COMMIT,
    }
    return ModelSpec(**(fields | changes))


def folder_spec(**changes: object) -> ModelSpec:
    files = (ModelFile("sub/weights.safetensors", sha(WEIGHTS)), ModelFile("config.json"))
    return gguf_spec(role="image", size_bytes=len(WEIGHTS) + len(CONFIG), files=files, **changes)


class FakeHub:
    """Serves bytes by file name, going on where ``part`` ends, and remembers what it was asked for."""

    def __init__(self, files: dict[str, bytes], *, breaks_after: int | None = None) -> None:
        self.files = files
        self.breaks_after = breaks_after
        self.asked: list[tuple[str, str, str]] = []
        self.sent = 0

    def __call__(self, source: str, revision: str, name: str, part: Path, report: Callable[[int], None]) -> None:
        self.asked.append((source, revision, name))
        data = self.files[name]
        start = part.stat().st_size if part.exists() else 0
        report(start)
        for at in range(start, len(data), 16):
            piece = data[at : at + 16]
            if self.breaks_after is not None and self.sent + len(piece) > self.breaks_after:
                raise ModelMissing("the connection broke")
            with part.open("ab") as file:
                file.write(piece)
            self.sent += len(piece)
            report(len(piece))

    @property
    def names(self) -> list[str]:
        return [name for _, _, name in self.asked]


def seen_in(cache: Path) -> list[str]:
    """What lies in the models folder, without lock files."""
    return sorted(path.name for path in (cache / "models").iterdir() if path.suffix != ".lock")


def pull(entry: ModelSpec, cache: Path, hub: models.Download, **options: object) -> Path:
    return models.pull(entry, cache_dir=cache, download=hub, **options)


# --- what is put in place ----------------------------------------------------------------------


def test_pull_puts_a_checked_model_where_it_is_found(tmp_path: Path) -> None:
    hub = FakeHub({"tiny.gguf": GGUF})
    seen: list[tuple[int, int]] = []
    place = pull(gguf_spec(), tmp_path, hub, progress=lambda done, total: seen.append((done, total)))
    assert hub.asked == [("someone/tiny", COMMIT, "tiny.gguf")]
    assert place == models.find(gguf_spec(), path=None, cache_dir=tmp_path)
    assert place.read_bytes() == GGUF
    assert seen == [(done, 72) for done in (16, 32, 48, 64, 72)]
    assert seen_in(tmp_path) == ["tiny"]


def test_pull_of_an_altered_file_keeps_the_old_model_and_the_whole_files(tmp_path: Path) -> None:
    entry = folder_spec()
    old = tmp_path / "models" / "tiny" / "config.json"
    old.parent.mkdir(parents=True)
    old.write_bytes(b'{"old": 1}')
    hub = FakeHub({"sub/weights.safetensors": WEIGHTS[:-1] + b"!", "config.json": CONFIG})
    with pytest.raises(ModelFailed, match="not the file of the catalogue"):
        pull(entry, tmp_path, hub)
    assert hub.names == ["sub/weights.safetensors"], "asked for once, and not for what comes after it"
    assert old.read_bytes() == b'{"old": 1}'
    assert not [path for path in tmp_path.rglob("*") if "weights" in path.name], "the wrong file is gone"
    right = FakeHub({"sub/weights.safetensors": WEIGHTS, "config.json": CONFIG})
    assert (pull(entry, tmp_path, right) / "config.json").read_bytes() == CONFIG
    assert seen_in(tmp_path) == ["tiny"]


def test_pull_mends_a_damaged_model_and_fetches_only_what_is_not_right(tmp_path: Path) -> None:
    hub = FakeHub({"sub/weights.safetensors": WEIGHTS, "config.json": CONFIG})
    place = pull(folder_spec(), tmp_path, hub)
    (place / "config.json").write_bytes(b"{")
    pull(folder_spec(), tmp_path, hub)
    assert hub.names[2:] == ["config.json"], "the weights have their hash; of the text there is no telling"
    (place / "sub" / "weights.safetensors").write_bytes(b"broken")
    pull(folder_spec(), tmp_path, hub)
    assert hub.names[3:] == ["sub/weights.safetensors", "config.json"]
    assert models.verify(place, folder_spec()).state == "ok"
    assert (place / "config.json").read_bytes() == CONFIG


def test_pull_of_what_is_there_and_right_asks_for_nothing(tmp_path: Path) -> None:
    pull(gguf_spec(), tmp_path, FakeHub({"tiny.gguf": GGUF}))
    hub, seen = FakeHub({}), []
    place = pull(gguf_spec(), tmp_path, hub, progress=lambda done, _: seen.append(done))
    assert (hub.asked, seen, place.read_bytes()) == ([], [len(GGUF)], GGUF)
    assert seen_in(tmp_path) == ["tiny"]


# --- what broke off ----------------------------------------------------------------------------


@pytest.mark.parametrize("breaks_after", [0, 50, 208, 210, 222])
def test_a_download_goes_on_where_it_broke_off(tmp_path: Path, breaks_after: int) -> None:
    files = {"sub/weights.safetensors": WEIGHTS, "config.json": CONFIG}
    first, second = FakeHub(files, breaks_after=breaks_after), FakeHub(files)
    with pytest.raises(ModelMissing):
        pull(folder_spec(), tmp_path, first)
    assert seen_in(tmp_path) == [PARTIAL]
    assert models.find(folder_spec(), path=None, cache_dir=tmp_path) is None
    seen: list[int] = []
    place = pull(folder_spec(), tmp_path, second, progress=lambda done, _: seen.append(done))
    of_weights = min(first.sent, len(WEIGHTS))
    assert second.sent == len(WEIGHTS) - of_weights + len(CONFIG)
    assert seen[0] >= of_weights and seen == sorted(seen) and seen[-1] == len(WEIGHTS) + len(CONFIG)
    assert (place / "sub" / "weights.safetensors").read_bytes() == WEIGHTS
    assert seen_in(tmp_path) == ["tiny"]


def test_what_was_begun_is_kept_on_an_interrupt(tmp_path: Path) -> None:
    def interrupt(done: int, _total: int) -> None:
        if done > 40:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pull(gguf_spec(), tmp_path, FakeHub({"tiny.gguf": GGUF}), progress=interrupt)
    hub = FakeHub({"tiny.gguf": GGUF})
    pull(gguf_spec(), tmp_path, hub)
    assert hub.sent == len(GGUF) - 48


def test_begun_files_of_another_commit_are_not_used_and_not_left(tmp_path: Path) -> None:
    unpinned = gguf_spec(revision=None)
    with pytest.raises(ModelMissing):
        pull(unpinned, tmp_path, FakeHub({"tiny.gguf": b"GGUF" + bytes(96)}, breaks_after=64), revision="e" * 40)
    other = tmp_path / "models" / f".tiny.bigger.{COMMIT}.partial"
    other.mkdir()
    hub = FakeHub({"tiny.gguf": GGUF})
    pull(unpinned, tmp_path, hub, revision="f" * 40)
    assert hub.sent == len(GGUF)
    assert seen_in(tmp_path) == [other.name, "tiny"]


def test_a_wrong_beginning_is_deleted_and_the_next_pull_begins_anew(tmp_path: Path) -> None:
    begun = tmp_path / "models" / PARTIAL / "tiny.gguf.part"
    begun.parent.mkdir(parents=True)
    begun.write_bytes(b"<html>please log in</html>")
    with pytest.raises(ModelFailed, match="deleted"):
        pull(gguf_spec(), tmp_path, FakeHub({"tiny.gguf": GGUF}))
    assert not begun.exists()
    assert pull(gguf_spec(), tmp_path, FakeHub({"tiny.gguf": GGUF})).read_bytes() == GGUF


def test_a_second_download_of_the_model_says_so(tmp_path: Path) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow(*arguments: object) -> None:
        begun.set()
        assert go_on.wait(30)
        FakeHub({"tiny.gguf": GGUF})(*arguments)

    first = threading.Thread(target=pull, args=(gguf_spec(), tmp_path, slow))
    first.start()
    try:
        assert begun.wait(30)
        hub = FakeHub({"tiny.gguf": GGUF})
        with pytest.raises(ModelFailed, match="tiny is being downloaded already"):
            pull(gguf_spec(), tmp_path, hub)
        assert hub.asked == []
        pull(gguf_spec(name="other"), tmp_path, hub)
    finally:
        go_on.set()
        first.join()
    assert seen_in(tmp_path) == ["other", "tiny"]


# --- what is refused ---------------------------------------------------------------------------


def test_pull_refuses_offline_before_asking_anyone(tmp_path: Path) -> None:
    hub = FakeHub({"tiny.gguf": GGUF})
    with pytest.raises(ModelMissing, match="offline"):
        pull(gguf_spec(), tmp_path, hub, offline=True)
    assert hub.asked == []


def test_pull_wants_a_commit(tmp_path: Path) -> None:
    hub = FakeHub({"tiny.gguf": GGUF})
    unpinned = gguf_spec(revision=None)
    with pytest.raises(ModelMissing, match="--revision"):
        pull(unpinned, tmp_path, hub)
    with pytest.raises(UsageError, match="commit"):
        pull(unpinned, tmp_path, hub, revision="main")
    with pytest.raises(UsageError, match="pinned"):
        pull(gguf_spec(), tmp_path, hub, revision="f" * 40)
    assert hub.asked == []
    pull(unpinned, tmp_path, hub, revision="f" * 40)
    assert hub.asked == [("someone/tiny", "f" * 40, "tiny.gguf")]


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "model.pkl", "model.bin", "../x.gguf", "/x.gguf"])
def test_pull_refuses_files_that_can_run_code_or_leave_the_folder(name: str, tmp_path: Path) -> None:
    hub = FakeHub({name: GGUF})
    with pytest.raises(ModelFailed):
        pull(gguf_spec(files=(ModelFile(name, sha(GGUF)),)), tmp_path, hub)
    assert hub.asked == []


@pytest.mark.parametrize(
    ("role", "name"), [("llm", "a.gguf"), ("image", "a.safetensors"), ("ocr", "a.onnx"), ("speech", "model.bin")]
)
def test_pull_refuses_weights_without_a_hash(role: str, name: str, tmp_path: Path) -> None:
    hub = FakeHub({name: GGUF})
    with pytest.raises(ModelFailed, match="no hash is known"):
        pull(gguf_spec(role=role, files=(ModelFile(name),)), tmp_path, hub)
    assert hub.asked == []


@pytest.mark.parametrize(
    ("role", "name", "good", "bad"),
    [
        ("speech", "model.bin", b"\x06\x00\x00\x00\x0c\x00WhisperSpec", b"\x80\x04\x95"),
        ("speech", "model.bin", b"\x06\x00\x00\x00\x0c\x00WhisperSpec", b"PK\x03\x04torch"),
        ("image", "a.safetensors", b"\x80\x02\x00\x00\x00\x00\x00\x00{}", b"\x80\x02}q\x00."),
        ("llm", "a.gguf", GGUF, b"\x80\x04\x95"),
        ("image", "a.json", b' [{"a": 1}]', b"<html>"),
    ],
)
def test_pull_refuses_what_does_not_begin_as_it_must(
    role: str, name: str, good: bytes, bad: bytes, tmp_path: Path
) -> None:
    bad_entry, good_entry = (gguf_spec(role=role, files=(ModelFile(name, sha(data)),)) for data in (bad, good))
    with pytest.raises(ModelFailed, match="does not begin as"):
        pull(bad_entry, tmp_path, FakeHub({name: bad}))
    assert models.find(bad_entry, path=None, cache_dir=tmp_path) is None
    assert models.verify(pull(good_entry, tmp_path, FakeHub({name: good})), good_entry).state == "ok"


def test_a_file_that_never_arrives_is_told(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match="did not arrive"):
        pull(gguf_spec(), tmp_path, lambda *_: None)
    assert models.find(gguf_spec(), path=None, cache_dir=tmp_path) is None


def test_a_download_that_does_not_end_is_stopped_and_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assistant.downloads._SLACK_BYTES", 1000)
    hub = FakeHub({"config.json": b"{" + bytes(10_000)})
    with pytest.raises(ModelFailed, match="larger than the catalogue says"):
        pull(gguf_spec(files=(ModelFile("config.json"),)), tmp_path, hub)
    assert hub.sent < 1100
    assert not [path for path in tmp_path.rglob("*") if path.name.startswith("config")]


def test_room_on_the_disk_is_looked_for_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage(10**12, 10**12, 2 * 10**9))
    hub = FakeHub({"tiny.gguf": GGUF})
    with pytest.raises(ModelFailed, match=r"no room for tiny: 2,500 MB are to come, 2,000 MB are free"):
        pull(gguf_spec(size_bytes=2_500_000_000), tmp_path, hub)
    assert hub.asked == []
    pull(gguf_spec(), tmp_path, hub)


def test_a_folder_that_can_not_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "models").write_text("in the way")
    with pytest.raises(ModelFailed, match="can not be written"):
        pull(gguf_spec(), tmp_path, FakeHub({"tiny.gguf": GGUF}))
