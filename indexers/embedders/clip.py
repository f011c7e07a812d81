"""Pictures and texts to vectors of one space with any CLIP model that open_clip can make.

The embedder owns what is common to all ways of running a model: making pictures ready, tokenising, batches, and which
way is used. How a way runs is ``clip_backends``, which is fastest is ``clip_choice``, what the model's folder says is
``clip_layout``.

Nothing is loaded before the first vector, and making a picture ready never loads anything. With a remembered choice
of onnxruntime neither torch nor open_clip is imported, which alone takes seconds. Weights are safetensors from a local
folder; nothing is ever fetched.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Callable, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from indexers.embedders.choice import Memory, machine_key
from indexers.embedders.clip_backends import PLAIN, WAYS, Backend, OnnxBackend, TorchBackend, Tower
from indexers.embedders.clip_choice import (
    SAMPLE_TEXTS,
    Choice,
    choice_from_json,
    choice_to_json,
    choose,
    sample_pictures,
)
from indexers.embedders.clip_graphs import GraphCache, open_clip_version
from indexers.embedders.clip_layout import prepare, read_clip_layout
from indexers.embedders.clip_tokens import StockTokenizer
from indexers.embedders.layout import sha256_of
from indexers.embedders.text import _usable_cores, without_surrogates
from indexers.errors import ModelFailed, UsageError
from indexers.types import Pixels, Vectors

logger = logging.getLogger(__name__)

_PORTION = 256
"""Pictures that are made into floating point at once: 150 MB at 224 pixels."""


class ClipEmbedder:
    """An ``ImageEmbedder`` over a model folder. Calls from several threads are allowed."""

    def __init__(
        self, folder: Path, *, name: str, cache_dir: Path, threads: int | None = None, backend: str = "auto"
    ) -> None:
        """Reads the model's configuration; the model itself is loaded when the first vector is asked for.

        Args:
            folder: holds the weights as .safetensors and ``open_clip_config.json``.
            name: what the model is called, part of the space's name; without a configuration in the folder it is
                open_clip's name of the architecture ("ViT-B-32").
            cache_dir: for the exported graphs and what was timed. It may be missing or read-only.
            threads: cores to use; all that the process may use by default.
            backend: ``auto``, or one of ``WAYS``; plain fp32 takes the place of one that does not work or is not
                faithful.

        Raises:
            UsageError: ``backend`` or ``threads`` is out of range.
            ModelMissing: there is no model in the folder.
            ModelFailed: the model is damaged or not in a form that is loaded here.
        """
        if backend != "auto" and backend not in WAYS:
            raise UsageError(f"unknown embedding backend {backend!r}; choose auto, {', '.join(WAYS)}")
        if threads is not None and threads < 1:
            raise UsageError("threads must be at least 1")
        self._layout = read_clip_layout(folder, name)
        self._name = name
        self._cache_dir = cache_dir
        self._backend = backend
        self._threads = threads or _usable_cores()
        self._memory = Memory(cache_dir / "embedding-choices.json")
        self._lock = threading.RLock()
        self._loaded: dict[str, Backend] = {}
        self._chosen: Choice | None = None
        self._decided = False

    @cached_property
    def space(self) -> str:
        """``clip:NAME@`` and the start of the SHA-256 of weights and configuration; all ways of running share it."""
        return f"clip:{self._name}@{self._sha256[:12]}"

    @property
    def dim(self) -> int:
        """Dimensions of a vector."""
        return self._layout.dim

    @property
    def scale(self) -> float:
        """The model's inverted temperature, at most 100."""
        return self._layout.scale

    @property
    def choice(self) -> Choice:
        """Which ways are used and what was timed; chooses now if that has not happened.

        Raises:
            ModelFailed: the model can not be run.
        """
        with self._lock:
            if self._chosen is None:
                self._chosen = choice_from_json(self._memory.get(self._key)) or self._decide()
            return self._chosen

    def prepare(self, pixels: Pixels) -> Pixels:
        """The picture as the model sees it: ``(size, size, 3)`` uint8. Needs no weights."""
        return prepare(pixels, self._layout.preprocessing)

    def embed_images(self, prepared: Sequence[Pixels]) -> Vectors:
        """``(len(prepared), dim)`` float32, L2-normalised, of pictures as ``prepare`` gives them.

        Give many at once: they are run in batches that fill all cores.

        Raises:
            ModelFailed: the model can not be run.
        """
        if not prepared:
            return np.empty((0, self.dim), np.float32)
        starts = range(0, len(prepared), _PORTION)
        return np.concatenate([self._run("image", self._normal(prepared[at : at + _PORTION])) for at in starts])

    def embed_texts(self, texts: Sequence[str]) -> Vectors:
        """``(len(texts), dim)`` float32, L2-normalised. What is longer than the model reads is cut there.

        Raises:
            ModelFailed: the model can not be run.
        """
        if not texts:
            return np.empty((0, self.dim), np.float32)
        return self._run("text", self._tokens(texts))

    # --- pictures and texts to numbers ---

    def _normal(self, prepared: Sequence[Pixels]) -> NDArray[np.float32]:
        """``(n, 3, size, size)`` float32, every channel with the model's mean and deviation."""
        how = self._layout.preprocessing
        mean, std = np.array(how.mean, np.float32), np.array(how.std, np.float32)
        pictures = np.stack(list(prepared)).astype(np.float32)
        pictures *= 1 / (255 * std)
        pictures -= mean / std
        return np.ascontiguousarray(pictures.transpose(0, 3, 1, 2))

    @cached_property
    def _tokenizer(self) -> Callable[[list[str]], Any]:
        if self._layout.stock_tokenizer:
            return StockTokenizer(self._layout.context_tokens)
        import open_clip

        try:
            tokenizer: Callable[[list[str]], Any] = open_clip.get_tokenizer(self._layout.architecture)
        except (OSError, ValueError, TypeError, KeyError, AssertionError) as error:
            raise ModelFailed(f"the tokenizer in {self._layout.folder} can not be loaded: {error}") from error
        return tokenizer

    def _tokens(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """``(n, tokens)`` int64."""
        return np.asarray(self._tokenizer([without_surrogates(text) for text in texts]), np.int64)

    # --- ways of running ---

    @cached_property
    def _sha256(self) -> str:
        """Of weights and configuration. Hashing a gigabyte takes a second, so it is remembered for the same path,
        size and time."""
        stamps = []
        for path in self._layout.files:
            stat = path.stat()
            stamps.append(f"{path}:{stat.st_size}:{stat.st_mtime_ns}")
        key = "sha256 " + hashlib.sha256("\n".join(stamps).encode("utf-8", "surrogatepass")).hexdigest()
        remembered = self._memory.get(key)
        if isinstance(remembered, str) and len(remembered) == hashlib.sha256().digest_size * 2:
            return remembered
        digest = sha256_of(*self._layout.files)
        self._memory.put(key, digest)
        return digest

    def _run(self, tower: Tower, inputs: NDArray[Any]) -> Vectors:
        return self._way_of(tower).run(tower, inputs)

    def _way_of(self, tower: Tower) -> Backend:
        """The way that is chosen for a tower; chooses again if a remembered one does not work any more."""
        with self._lock:
            try:
                return self._way(self.choice.way(tower))
            except ModelFailed as error:
                if self._decided:
                    raise
                logger.info("the remembered way of running %s does not work any more: %s", self._name, error)
                self._chosen = self._decide()
                return self._way(self._chosen.way(tower))

    def _way(self, name: str) -> Backend:
        if name not in self._loaded:
            self._loaded[name] = self._make(name)
        return self._loaded[name]

    def _make(self, name: str) -> Backend:
        if name.startswith("torch"):
            return TorchBackend(self._layout, name, self._threads)
        return OnnxBackend(self._graphs.path, self._threads, pooled=name == "onnx-pool")

    @cached_property
    def _graphs(self) -> GraphCache:
        return GraphCache(self._layout, self._cache_dir, self._memory, self._sha256)

    @property
    def _key(self) -> str:
        return machine_key(self._sha256, self._threads, f"clip {self._backend} {open_clip_version()}")

    def _decide(self) -> Choice:
        """Loads every way, times them, and remembers the winners."""
        logger.info("timing the ways of running %s; this happens once", self._name)
        self._loaded = {}
        wanted = WAYS if self._backend == "auto" else dict.fromkeys((PLAIN, self._backend))
        samples: dict[Tower, NDArray[Any]] = {
            "image": self._normal(sample_pictures(self._layout.preprocessing.size)),
            "text": self._tokens(SAMPLE_TEXTS),
        }
        choice = choose({name: partial(self._make, name) for name in wanted}, samples)
        if self._backend != "auto":
            choice = choice.preferring(self._backend)
        self._memory.put(self._key, choice_to_json(choice))
        self._decided = True
        return choice
