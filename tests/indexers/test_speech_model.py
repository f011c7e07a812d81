"""What is no speech model is said in one line, before anything is listened to; nothing is loaded before that."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from indexers.errors import ModelFailed
from indexers.speech import WhisperTranscriber
from indexers.types import SAMPLE_RATE

MODELS = Path(__file__).resolve().parents[1] / "models"
MODEL = MODELS / "whisper"
SILENCE = np.zeros(SAMPLE_RATE, np.float32)


# --- what is no model --------------------------------------------------------------------------


def no_model_file(folder: Path) -> None:
    (folder / "model.bin").unlink()


def no_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()


def text_as_model(folder: Path) -> None:
    (folder / "model.bin").write_text("A text, and no model at all.\n" * 100)


def cut_model(folder: Path) -> None:
    (folder / "model.bin").write_bytes((folder / "model.bin").read_bytes()[:100_000])


def text_as_settings(folder: Path) -> None:
    (folder / "config.json").write_text("A text.")


def text_as_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").write_text("A text.")


def tokenizer_of_a_text_model(folder: Path) -> None:
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    tokenizer["added_tokens"] = [token for token in tokenizer["added_tokens"] if "nospeech" not in token["content"]]
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))


def other_bands(folder: Path) -> None:
    (folder / "preprocessor_config.json").write_text('{"feature_size": 128}')


def languages_without_names(folder: Path) -> None:
    """CTranslate2 takes a model for one of many languages if its vocabulary holds the empty string."""
    vocabulary = json.loads((folder / "vocabulary.json").read_text())
    (folder / "vocabulary.json").write_text(json.dumps(["", *vocabulary[1:]]))
    (folder / "config.json").write_text('{"lang_ids": []}')


def no_object(folder: Path) -> None:
    (folder / "preprocessor_config.json").write_text("[1]")


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (no_model_file, "no model.bin in it"),
        (no_tokenizer, "no tokenizer.json in it"),
        (text_as_model, "can not be loaded"),
        (cut_model, "can not be loaded"),
        (text_as_settings, "can not be loaded"),
        (text_as_tokenizer, "tokenizer"),
        (tokenizer_of_a_text_model, "does not know <|nospeech|>"),
        (other_bands, "preprocessor_config.json"),
        (languages_without_names, "no lang_ids in config.json"),
        (no_object, "can not be loaded"),
    ],
)
def test_what_is_no_model_is_said_in_one_line(spoil: Callable[[Path], Any], reason: str, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(MODEL, folder)
    spoil(folder)
    with pytest.raises(ModelFailed) as caught:
        WhisperTranscriber(folder, name="spoilt", threads=1, device="cpu").transcribe(SILENCE, None)
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_text("A text.")
    with pytest.raises(ModelFailed, match="no speech model"):
        WhisperTranscriber(tmp_path / "model.bin", name="file").transcribe(SILENCE, None)


# --- loading -----------------------------------------------------------------------------------


def test_nothing_is_loaded_before_it_is_used(tmp_path: Path) -> None:
    assert WhisperTranscriber(tmp_path / "nowhere", name="large").name == "large"
    code = (
        "import sys, indexers.speech, indexers.listening; "
        "assert not {'faster_whisper', 'ctranslate2', 'tokenizers', 'torch', 'av'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=MODELS.parents[1])


@pytest.mark.parametrize("device", ["auto", "cuda"])
def test_a_graphics_card_that_does_not_work_is_passed_over_only_by_itself(
    device: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is a card, and its libraries can not be loaded."""
    import faster_whisper

    class Broken(faster_whisper.WhisperModel):
        def __init__(self, folder: str, *, device: str, **options: Any) -> None:
            if device == "cuda":
                raise RuntimeError("Library libcublas.so.12 is not found")
            super().__init__(folder, device=device, **options)

    monkeypatch.setattr("indexers.speech._has_cuda", lambda: True)
    monkeypatch.setattr(faster_whisper, "WhisperModel", Broken)
    transcriber = WhisperTranscriber(MODEL, name="tiny", threads=1, device=device)
    if device == "auto":
        assert transcriber.transcribe(SILENCE, None)[0] == ""
    else:
        with pytest.raises(ModelFailed, match=r"libcublas\.so\.12 is not found"):
            transcriber.transcribe(SILENCE, None)
