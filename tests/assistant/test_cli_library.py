"""``locus reindex``, once with a model that is really loaded (a tiny BERT made here), else with one that is not."""

import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from rich.text import Text

from assistant import Assistant, cli, models, show_progress, text_parts
from indexers import library
from indexers.catalog import Catalog
from indexers.lock import WriterLock
from indexers.testing import UnloadedModel

Told = tuple[int, str, str]
QUESTION = "What is the gasket of the pump made of?"
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789.?›"

SLOW = """
import sys, time
from assistant import text_parts
from assistant.cli import main
from indexers import reembedding
from indexers.testing import UnloadedModel

class Slow(UnloadedModel):
    def embed_passages(self, texts):
        if self.texts:
            time.sleep(3)
        return super().embed_passages(texts)

text_parts.SentenceEmbedder = Slow
reembedding._FIRST_CHUNKS = 2
main()
"""


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., Told]:
    """Runs a command here; gives its exit code, stdout and stderr."""

    def call(*arguments: object) -> Told:
        code = cli.run([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


@pytest.fixture
def files(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "pump.txt").write_text("The gasket of the pump is made of cork.\n")
    for number in range(11):
        (folder / f"{number}.txt").write_text(f"Shed {number} holds the oars of boat {number}.\n")
    return folder


@pytest.fixture
def stub(tmp_path: Path) -> Path:
    """A model's folder, with weights that nothing loads."""
    folder = tmp_path / "stub model"
    folder.mkdir()
    (folder / "config.json").write_text('{"hidden_size": 48}')
    (folder / "tokenizer.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(b"weights")
    return folder


def write_bert(folder: Path) -> Path:
    """A BERT of one layer with random weights that reads letters."""
    import torch
    from tokenizers import Tokenizer, normalizers, pre_tokenizers, processors
    from tokenizers import models as kinds
    from transformers import BertConfig, BertModel

    torch.manual_seed(11)
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *LETTERS, *(f"##{letter}" for letter in LETTERS)]
    BertModel(
        BertConfig(
            vocab_size=len(words), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32,
            max_position_embeddings=64, pad_token_id=0, initializer_range=0.5,
        )
    ).save_pretrained(folder)  # fmt: skip
    tokenizer = Tokenizer(kinds.WordPiece({word: i for i, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    tokenizer.save(str(folder / "tokenizer.json"))
    special = {"unk_token": "[UNK]", "pad_token": "[PAD]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    parts: dict[str, Any] = {
        "tokenizer_config.json": special | {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 64},
        "sentence_bert_config.json": {"max_seq_length": 24, "do_lower_case": False},
        "modules.json": [
            {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
            {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
        ],
        "1_Pooling/config.json": {"word_embedding_dimension": 16, "pooling_mode_mean_tokens": True},
    }
    for name, content in parts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(json.dumps(content))
    return folder


def test_a_model_in_a_folder_takes_over_and_gives_way_again(
    run: Callable[..., Told], tmp_path: Path, files: Path
) -> None:
    at = ("--library", tmp_path / "library")
    folder = write_bert(tmp_path / "tiny bert")
    assert run(*at, "add", files)[0] == 0
    code, out, err = run(*at, "reindex", "--text-model", folder)
    assert (code, err) == (0, "")
    # All passages are longer than this model reads.
    assert out.startswith("12 passages embedded, ")
    assert out.endswith(f"; the library answers with {folder} from now on\n")
    status = json.loads(run(*at, "status", "--json")[1])
    assert (status["text_model"], status["text_model_next"]) == (str(folder), "")
    assert run(*at, "doctor")[:2] == (0, "the library is sound\n")
    hits = json.loads(run(*at, "search", "--json", "-k", 20, "oars")[1])
    assert len(hits) == 12 and all("dense" in hit["signals"] for hit in hits)
    code, out, err = run(*at, "reindex", "--text-model", "all-minilm-l6-v2", "--json")
    report = json.loads(out)
    assert (code, err) == (0, "") and report.pop("seconds") >= 0
    assert report == {
        "changed": True, "before": str(folder), "text_model": "all-MiniLM-L6-v2", "passages": 12, "embedded": 12,
        "dropped": "",
    }  # fmt: skip
    code, out, err = run(*at, "reindex", "--text-model", "all-MiniLM-L6-v2")
    assert (code, out, err) == (0, "the library is bound to all-MiniLM-L6-v2 already\n", "")


@pytest.fixture
def unloaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Models that are not loaded."""
    monkeypatch.setattr(text_parts, "SentenceEmbedder", UnloadedModel)


@pytest.mark.usefixtures("unloaded")
def test_interrupted_it_gives_130_and_goes_on(
    run: Callable[..., Told], tmp_path: Path, files: Path, stub: Path
) -> None:
    at = ("--library", tmp_path / "library")
    arguments = [str(argument) for argument in (*at, "reindex", "--text-model", stub)]
    assert run(*at, "add", files)[0] == 0
    command = [sys.executable, "-c", SLOW, *arguments]
    started = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    with closing(Catalog(tmp_path / "library" / "catalog.sqlite", read_only=True)) as catalog:
        until = time.monotonic() + 60
        while catalog.count_vectors(catalog.binding().next_space) < 2:
            assert time.monotonic() < until and started.poll() is None
            time.sleep(0.05)
    started.send_signal(signal.SIGINT)
    out, err = started.communicate(timeout=60)
    assert (started.returncode, out) == (130, "")
    assert err == (
        "storing what is under way; once more ends it at once\n"
        "interrupted; the library answers as before, what was embedded is kept, "
        "and the same command goes on from there\n"
    )
    code, out, err = run(*at, "status")
    assert code == 0 and "all-MiniLM-L6-v2" in out
    assert f"it goes on with: locus reindex --text-model '{stub}'\n" in err
    code, out, err = run(*at, "ask", "--no-llm", QUESTION)
    assert (code, err) == (0, "") and "made of cork" in out
    code, out, err = run(*arguments)
    assert (code, err) == (0, "") and int(out.partition(" of 12 passages embedded, ")[0]) < 10
    code, out, err = run(*at, "ask", "--no-llm", QUESTION)
    assert (code, err) == (0, "") and "made of cork" in out
    assert run(*at, "doctor")[:2] == (0, "the library is sound\n")


def test_settings_that_still_name_the_old_model_are_told(tmp_path: Path, stub: Path, run: Callable[..., Told]) -> None:
    Assistant(tmp_path / "library").close()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOCUS_TEXT_MODEL", "all-MiniLM-L6-v2")
        code, out, err = run("--library", tmp_path / "library", "reindex", "--text-model", stub)
    assert code == 0 and out.startswith("0 passages embedded, ")
    assert err == "the settings name another text model, all-MiniLM-L6-v2: take it out of them\n"


@pytest.mark.parametrize(
    ("model", "code", "says"),
    [
        ("nonsense", 2, "there are: all-MiniLM-L6-v2, or name a model's folder"),
        ("CLIP-ViT-B-32", 2, "is no text model"),
        ("/no/such/folder", 4, "there is no model at /no/such/folder"),
        ("all-MiniLM-L6-v2", 4, "run: locus models pull all-MiniLM-L6-v2"),
    ],
)
def test_a_model_that_can_not_be_had(
    run: Callable[..., Told], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: str, code: int, says: str
) -> None:
    Assistant(tmp_path / "library").close()
    monkeypatch.setattr(models, "_bundled_folder", lambda _spec: None)
    monkeypatch.setenv("LOCUS_CACHE_DIR", str(tmp_path / "cache"))
    given, out, err = run("--library", tmp_path / "library", "reindex", "--text-model", model)
    assert (given, out) == (code, "") and says in err and err.count("\n") == 1


def test_wrong_calls_give_2(run: Callable[..., Told], tmp_path: Path, stub: Path) -> None:
    assert run("--library", tmp_path / "typo", "reindex", "--text-model", stub)[0] == 2
    assert not (tmp_path / "typo").exists()
    Assistant(tmp_path / "library").close()
    code, out, err = run("--library", tmp_path / "library", "reindex")
    assert (code, out) == (2, "") and "--text-model" in err


def test_another_writer_gives_5(
    run: Callable[..., Told], tmp_path: Path, stub: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Assistant(tmp_path / "library").close()
    monkeypatch.setattr(library, "_PATIENCE_S", 0.0)
    with WriterLock(tmp_path / "library" / "lock").hold():
        code, out, err = run("--library", tmp_path / "library", "reindex", "--text-model", stub)
    assert (code, out) == (5, "") and f"process {os.getpid()}" in err


def test_the_progress_is_of_this_run(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = io.StringIO()
    monkeypatch.setattr(show_progress, "errors", lambda: Console(file=screen, force_terminal=True, width=120))
    with show_progress.passages_progress() as on_progress:
        assert on_progress is not None
        on_progress(600, 1000)
        time.sleep(0.1)
        on_progress(610, 1000)
    last = Text.from_ansi(screen.getvalue()).plain
    assert "610/1000 passages" in last
    # Ten in a tenth of a second or more; with those that were there before, it would be thousands.
    [*_, rate] = re.findall(r"(\d+) a second", last)
    assert int(rate) <= 100
