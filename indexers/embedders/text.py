"""Texts to vectors with a sentence-transformers model, run in the fastest faithful way this CPU has.

The embedder owns what is common to all ways: cleaning and tokenising (in bulk, with the Rust tokenizer), prompts,
the limit on length, and which way is used. How a way runs is ``backends``, which one is fastest is ``choice``, what
the model's folder says is ``layout``.

Nothing is loaded before the first vector. With a remembered choice of onnxruntime, a query needs neither torch nor
transformers, whose import alone takes seconds.
"""

from __future__ import annotations

import hashlib
import logging
import os
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cached_property, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from indexers.embedders.backends import Backend, OnnxBackend, TorchBackend, export_onnx, normalised
from indexers.embedders.choice import (
    Choice,
    Memory,
    choice_from_json,
    choice_to_json,
    choose,
    library_versions,
    machine_key,
    sample_texts,
)
from indexers.embedders.layout import read_layout, sha256_of, weights_sha256
from indexers.errors import ModelFailed, UsageError
from indexers.types import Vectors

logger = logging.getLogger(__name__)

WAYS = ("onnx", "onnx-pool", "torch-bf16", "torch-fp32")
"""One batch on all cores; a batch per core; sentence-transformers in bf16; and as it comes."""

_PLAIN = "torch-fp32"


class SentenceEmbedder:
    """A ``TextEmbedder`` over a model folder. Calls from several threads are allowed."""

    def __init__(
        self, model_dir: Path, *, name: str, cache_dir: Path, backend: str = "auto", threads: int | None = None
    ) -> None:
        """Reads the model's configuration; the model itself is loaded when the first vector is asked for.

        Args:
            model_dir: a sentence-transformers folder with safetensors.
            name: what the model is called; part of the space's name.
            cache_dir: for the exported graph and what was timed. It may be missing or read-only.
            backend: ``auto``, or one of ``WAYS``; plain fp32 takes the place of one that is not faithful.
            threads: cores to use; all that the process may use by default.

        Raises:
            UsageError: ``backend`` or ``threads`` is out of range.
            ModelMissing: there is no model in the folder.
            ModelFailed: the model is not in a form that is loaded here.
        """
        if backend != "auto" and backend not in WAYS:
            raise UsageError(f"unknown embedding backend {backend!r}; choose auto, {', '.join(WAYS)}")
        if threads is not None and threads < 1:
            raise UsageError("threads must be at least 1")
        self._layout = read_layout(model_dir)
        self._name = name
        self._cache_dir = cache_dir
        self._backend = backend
        self._threads = threads or _usable_cores()
        self._memory = Memory(cache_dir / "embedding-choices.json")
        self._lock = threading.RLock()
        self._loaded: dict[str, Backend] = {}
        self._scratch: TemporaryDirectory[str] | None = None
        self._chosen: Choice | None = None

    @cached_property
    def space(self) -> str:
        """``text:NAME@`` and the start of the weights' SHA-256: all ways of running one model share a space."""
        return f"text:{self._name}@{self._sha256[:12]}"

    @property
    def dim(self) -> int:
        """Dimensions of a vector."""
        return self._layout.dim

    @cached_property
    def max_tokens(self) -> int:
        """The most tokens of a passage that are read, special tokens and the passage prompt not counted."""
        tokenizer = self._tokenizers[0]
        prompt = len(tokenizer.encode(self._layout.passage_prompt, add_special_tokens=False).ids)
        return self._layout.max_seq_tokens - int(tokenizer.num_special_tokens_to_add(False)) - prompt

    @property
    def choice(self) -> Choice:
        """Which ways are used and what was timed; chooses now if that has not happened.

        Raises:
            ModelFailed: the model can not be run.
        """
        with self._lock:
            if self._chosen is None:
                self._chosen = self._recall() or self._decide()
            return self._chosen

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, special tokens not counted and nothing cut off."""
        encoded = self._tokenizers[0].encode_batch_fast(self._cleaned(texts, ""), add_special_tokens=False)
        return [len(text.ids) for text in encoded]

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """``(len(texts), dim)`` float32, L2-normalised, in the order of ``texts``.

        Give many texts at once: they are sorted by length over the whole call. What is longer than ``max_tokens``
        is cut there.

        Raises:
            ModelFailed: the model can not be run.
        """
        if not texts:
            return np.empty((0, self.dim), np.float32)
        ids = self._tokenize(texts, self._layout.passage_prompt)
        return self._way(self.choice.passages).embed(ids)

    def embed_query(self, text: str) -> NDArray[np.float32]:
        """``(dim,)`` float32, L2-normalised.

        Raises:
            ModelFailed: the model can not be run.
        """
        ids = self._tokenize([text], self._layout.query_prompt)
        vector: NDArray[np.float32] = self._way(self.choice.query).embed(ids)[0]
        return vector

    # --- texts to tokens ---

    @cached_property
    def _tokenizers(self) -> tuple[Any, Any]:
        """One tokenizer that cuts nothing and one that cuts; switching a single one is not safe among threads."""
        from tokenizers import Tokenizer

        # Set by the process that forks after tokenising; ours does not, and a warning would reach the user.
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
        try:
            whole = Tokenizer.from_file(str(self._layout.tokenizer))
            cutting = Tokenizer.from_file(str(self._layout.tokenizer))
        except Exception as error:  # the Rust library raises nothing narrower
            raise ModelFailed(f"{self._layout.tokenizer} can not be loaded: {error}") from error
        for tokenizer in (whole, cutting):
            tokenizer.no_padding()
            tokenizer.no_truncation()
        cutting.enable_truncation(self._layout.max_seq_tokens)
        return whole, cutting

    def _tokenize(self, texts: Sequence[str], prompt: str) -> list[list[int]]:
        encoded = self._tokenizers[1].encode_batch_fast(self._cleaned(texts, prompt))
        # A tokenizer without special tokens gives nothing for an empty text, and a model needs something.
        return [text.ids or [self._layout.pad_id] for text in encoded]

    def _cleaned(self, texts: Sequence[str], prompt: str) -> list[str]:
        cleaned = [prompt + without_surrogates(text) for text in texts]
        return [text.lower() for text in cleaned] if self._layout.lower_case else cleaned

    # --- ways of running ---

    @cached_property
    def _sha256(self) -> str:
        """Hashing a gigabyte takes a second, so the hash is remembered for the same path, size and time."""
        stamps = []
        for path in self._layout.weights:
            stat = path.stat()
            stamps.append(f"{path}:{stat.st_size}:{stat.st_mtime_ns}")
        key = "sha256 " + hashlib.sha256("\n".join(stamps).encode("utf-8", "surrogatepass")).hexdigest()
        remembered = self._memory.get(key)
        if isinstance(remembered, str) and len(remembered) == hashlib.sha256().digest_size * 2:
            return remembered
        digest = weights_sha256(self._layout)
        self._memory.put(key, digest)
        return digest

    @property
    def _graph(self) -> Path:
        """Where the exported graph is kept: a name per model and versions."""
        versions = hashlib.sha256(library_versions().encode()).hexdigest()[:8]
        return self._cache_dir / f"{self._sha256[:16]}-{versions}.onnx"

    @property
    def _key(self) -> str:
        return machine_key(self._sha256, self._threads, self._backend)

    def _way(self, name: str) -> Backend:
        with self._lock:
            if name not in self._loaded:
                self._loaded[name] = self._make(name)
            return self._loaded[name]

    def _make(self, name: str) -> Backend:
        if name.startswith("torch"):
            return TorchBackend(self._layout, threads=self._threads, bf16=name == "torch-bf16")
        pooled = name == "onnx-pool"
        return OnnxBackend(self._exported(), pad_id=self._layout.pad_id, threads=self._threads, pooled=pooled)

    def _recall(self) -> Choice | None:
        """The remembered choice, if what it needs is there and sound."""
        choice = choice_from_json(self._memory.get(self._key))
        if choice is None or not {choice.passages, choice.query} <= set(WAYS):
            return None
        needs_graph = any(name.startswith("onnx") for name in (choice.passages, choice.query))
        if needs_graph and not self._graph_is_sound():
            return None
        try:
            self._way(choice.query)
        except ModelFailed as error:
            logger.info("the remembered way %s does not work any more: %s", choice.query, error)
            return None
        return choice

    def _decide(self) -> Choice:
        """Loads every way, times them, and keeps the winners."""
        logger.info("timing the ways of running %s; this happens once", self._name)
        samples = sample_texts()
        plain = TorchBackend(self._layout, threads=self._threads, bf16=False)
        wanted = WAYS if self._backend == "auto" else (self._backend, _PLAIN)
        ways: dict[str, Callable[[], Backend]] = {name: partial(self._way, name) for name in wanted}
        self._loaded = {_PLAIN: plain}
        if not self._graph_is_sound():
            with suppress(OSError):
                self._graph.unlink(missing_ok=True)
        prompted = self._cleaned(samples, self._layout.passage_prompt)
        reference = normalised(plain.model.encode(prompted, prompt="", convert_to_numpy=True, show_progress_bar=False))
        choice = choose(ways, reference, self._tokenize(samples, self._layout.passage_prompt))
        if self._backend in choice.texts_per_s:
            # Asked for by name: used even where plain fp32 happened to be faster.
            choice = Choice(self._backend, self._backend, choice.texts_per_s, choice.min_cosine)
        self._loaded = {name: way for name, way in self._loaded.items() if name in (choice.passages, choice.query)}
        self._memory.put(self._key, choice_to_json(choice))
        return choice

    def _graph_is_sound(self) -> bool:
        """Weights with a flipped bit load without complaint, so the file is hashed: a tenth of a second."""
        return self._graph.is_file() and self._memory.get(self._graph.name) == sha256_of(self._graph)

    def _exported(self) -> Path:
        """The graph's file, exported now if it is not in the cache."""
        graph = self._graph
        if graph.is_file():
            return graph
        if self._scratch is not None:
            return Path(self._scratch.name) / graph.name
        try:
            graph.parent.mkdir(parents=True, exist_ok=True)
            temporary = graph.with_name(f"{graph.name}.{os.getpid()}.tmp")
            temporary.touch()
        except OSError as error:
            logger.info("the exported model can not be kept in %s: %s", graph.parent, error)
            self._scratch = TemporaryDirectory(prefix="locus-")
            graph = Path(self._scratch.name) / graph.name
            temporary = graph.with_suffix(".tmp")
        try:
            export_onnx(self._layout, temporary)
            digest = sha256_of(temporary)
            temporary.replace(graph)
        finally:
            temporary.unlink(missing_ok=True)
        self._memory.put(graph.name, digest)
        return graph


def without_surrogates(text: str) -> str:
    """The text with lone surrogates replaced by U+FFFD, which can be encoded; others are left as they are."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def _usable_cores() -> int:
    """Cores that this process may run on, where the system tells."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
