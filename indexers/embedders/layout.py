"""What a sentence-transformers folder says about itself, read without importing sentence-transformers.

Only facts that are needed before a model is loaded are read here: its hash, its width, how much it reads, what it
wants in front of a query and of a passage. Pooling and normalisation are not interpreted at all: the model's own
modules do them, in torch or in the exported graph, so they can not be understood differently in two places.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from indexers.errors import ModelFailed, ModelMissing

_HASH_BLOCK_BYTES = 1 << 20
_NO_LIMIT = 1_000_000
"""Tokenizer settings say "no limit" with absurdly large numbers; this and above is none."""


@dataclass(frozen=True, slots=True)
class ModelLayout:
    """A text embedding model on disk.

    ``max_seq_tokens`` counts special tokens and prompt. ``weights`` are the files that hold the parameters.
    """

    model_dir: Path
    tokenizer: Path
    weights: tuple[Path, ...]
    dim: int
    max_seq_tokens: int
    pad_id: int
    lower_case: bool
    query_prompt: str
    passage_prompt: str


def read_layout(model_dir: Path) -> ModelLayout:
    """Reads the folder's JSON files.

    Raises:
        ModelMissing: there is no model in the folder.
        ModelFailed: there is one, but not in a form that is loaded here (safetensors, a fast tokenizer).
    """
    modules = _read_list(model_dir / "modules.json")
    first = str(modules[0].get("path", "")) if modules else ""
    transformer = model_dir / first
    config = _read_object(transformer / "config.json")
    if not config:
        raise ModelMissing(f"there is no text embedding model in {model_dir}; run: locus models pull")
    weights = tuple(sorted(transformer.glob("*.safetensors")))
    if not weights:
        raise ModelFailed(f"the model in {model_dir} has no .safetensors file; other weights are not loaded")
    tokenizer = transformer / "tokenizer.json"
    if not tokenizer.is_file():
        raise ModelFailed(f"the model in {model_dir} has no tokenizer.json")
    sentence = _read_object(transformer / "sentence_bert_config.json")
    tokenizing = _read_object(transformer / "tokenizer_config.json")
    prompts = _read_object(model_dir / "config_sentence_transformers.json").get("prompts") or {}
    module_configs = [_read_object(model_dir / str(entry.get("path", "")) / "config.json") for entry in modules[1:]]
    if prompts and any(module.get("include_prompt") is False for module in module_configs):
        raise ModelFailed(f"the model in {model_dir} pools without its prompt, which is not supported")
    return ModelLayout(
        model_dir=model_dir,
        tokenizer=tokenizer,
        weights=weights,
        dim=_width(module_configs, config),
        max_seq_tokens=_longest(sentence, tokenizing, config),
        pad_id=int(config.get("pad_token_id") or 0),
        lower_case=bool(sentence.get("do_lower_case", False)),
        query_prompt=str(prompts.get("query", "")),
        passage_prompt=str(prompts.get("passage") or prompts.get("document") or ""),
    )


def weights_sha256(layout: ModelLayout) -> str:
    """SHA-256 of the weights as hexadecimal; of the concatenation where there are several files.

    Raises:
        ModelFailed: a file can not be read.
    """
    return sha256_of(*layout.weights)


def sha256_of(*paths: Path) -> str:
    """SHA-256 of the files' contents one after the other, read in blocks.

    Raises:
        ModelFailed: a file can not be read.
    """
    digest = hashlib.sha256()
    for path in paths:
        try:
            with path.open("rb") as file:
                while block := file.read(_HASH_BLOCK_BYTES):
                    digest.update(block)
        except OSError as error:
            raise ModelFailed(f"{path} can not be read: {error.strerror or error}") from error
    return digest.hexdigest()


def _width(modules: list[dict[str, Any]], config: Mapping[str, Any]) -> int:
    """Dimensions of a vector: what the last module that says so says, else the transformer's width."""
    keys = ("out_features", "embedding_dimension", "word_embedding_dimension")
    for module in reversed(modules):
        for key in keys:
            if key in module:
                return int(module[key])
    return int(config.get("hidden_size") or config.get("dim") or config.get("d_model") or 0)


def _longest(sentence: Mapping[str, Any], tokenizing: Mapping[str, Any], config: Mapping[str, Any]) -> int:
    """The model's own limit in tokens, special tokens included."""
    if sentence.get("max_seq_length"):
        return int(sentence["max_seq_length"])
    limits = [tokenizing.get("model_max_length"), config.get("max_position_embeddings")]
    return min((int(limit) for limit in limits if limit and limit < _NO_LIMIT), default=512)


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise ModelFailed(f"{path} can not be read: {error}") from error


def _read_object(path: Path) -> dict[str, Any]:
    return _checked(path, dict) or {}


def _read_list(path: Path) -> list[dict[str, Any]]:
    return _checked(path, list) or []


def _checked(path: Path, kind: Callable[[], Any]) -> Any:
    data = _read(path)
    if data is not None and not isinstance(data, type(kind())):
        raise ModelFailed(f"{path} is not what a model's configuration looks like")
    return data
