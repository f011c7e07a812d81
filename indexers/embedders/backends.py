"""Ways of running one sentence-transformers model: through torch, and as a graph in onnxruntime.

A backend turns token ids into vectors and knows nothing of texts. All ways run the model's own modules (transformer,
pooling, whatever follows), so none of them interprets a configuration. The graph is the trace of those modules with
plain ("eager") attention, which onnxruntime fuses by itself; the separate BERT optimiser of the onnxruntime wheel was
tried and was no faster (25.3 against 24.6 chunks a second and core).

Work is bounded by tokens, not texts: a run gets texts of about the same length, and its activations stay in the cache.
"""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from indexers.embedders.layout import ModelLayout
from indexers.errors import ModelFailed
from indexers.types import Vectors

logger = logging.getLogger(__name__)

_ONNX_RUN_TOKENS = 1024
"""Tokens of one onnxruntime run per two cores: 512–2048 measured alike, 4096 a fifth slower (out of the cache)."""
_TORCH_RUN_TOKENS = 4096
_OPSET = 17

TokenIds = Sequence[Sequence[int]]


class Backend(Protocol):
    """One way of running a model. Calls from several threads are allowed."""

    def embed(self, ids: TokenIds) -> Vectors:
        """``(len(ids), dim)`` float32 in the order given, L2-normalised. No text may be without tokens."""


class OnnxBackend:
    """The exported graph in onnxruntime. Imports neither torch nor transformers."""

    def __init__(self, graph: Path, *, pad_id: int, threads: int, pooled: bool) -> None:
        """Loads the graph.

        Args:
            graph: the file that ``export_onnx`` wrote.
            pad_id: the token that fills up shorter texts.
            threads: cores to use.
            pooled: run ``threads`` batches side by side, one core each, rather than one batch on all cores.

        Raises:
            ModelFailed: onnxruntime can not load the file.
        """
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1 if pooled else threads
        options.inter_op_num_threads = 1
        # Every batch has another shape: a remembered allocation pattern per shape only grows.
        options.enable_mem_pattern = False
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])
        except _onnxruntime_errors() as error:
            raise ModelFailed(f"onnxruntime can not load {graph}: {error}") from error
        self._pad_id = pad_id
        self._workers = threads if pooled else 1
        self._run_tokens = _ONNX_RUN_TOKENS * (1 if pooled else max(1, threads // 2))

    def embed(self, ids: TokenIds) -> Vectors:
        """See ``Backend``."""
        batches = list(by_length(ids, self._run_tokens))
        if self._workers == 1 or len(batches) == 1:
            return _collect(len(ids), batches, [self._run(ids, batch) for batch in batches])
        with ThreadPoolExecutor(self._workers) as pool:
            parts = pool.map(lambda batch: self._run(ids, batch), batches)
            return _collect(len(ids), batches, list(parts))

    def _run(self, ids: TokenIds, batch: Sequence[int]) -> Vectors:
        tokens, mask = pad([ids[index] for index in batch], self._pad_id)
        try:
            (vectors,) = self._session.run(None, {"input_ids": tokens, "attention_mask": mask})
        except _onnxruntime_errors() as error:
            raise ModelFailed(f"onnxruntime failed: {error}") from error
        return normalised(vectors)


class TorchBackend:
    """The model as sentence-transformers loads it, in fp32 or bf16, on our own batches."""

    def __init__(self, layout: ModelLayout, *, threads: int, bf16: bool) -> None:
        """Loads the model.

        Raises:
            ModelFailed: sentence-transformers can not load it.
        """
        import torch

        torch.set_num_threads(threads)
        self._model = load_sentence_transformer(layout, {"dtype": torch.bfloat16} if bf16 else {})
        self._pad_id = layout.pad_id

    @property
    def model(self) -> Any:
        """The ``SentenceTransformer`` itself, for the reference that ways are compared with."""
        return self._model

    def embed(self, ids: TokenIds) -> Vectors:
        """See ``Backend``."""
        batches = list(by_length(ids, _TORCH_RUN_TOKENS))
        return _collect(len(ids), batches, [self._run(ids, batch) for batch in batches])

    def _run(self, ids: TokenIds, batch: Sequence[int]) -> Vectors:
        import torch

        tokens, mask = pad([ids[index] for index in batch], self._pad_id)
        features = {"input_ids": torch.from_numpy(tokens), "attention_mask": torch.from_numpy(mask)}
        try:
            with torch.inference_mode():
                vectors = self._model.forward(features)["sentence_embedding"]
        except (RuntimeError, TypeError, ValueError) as error:
            raise ModelFailed(f"the text embedding model failed: {error}") from error
        return normalised(vectors.float().numpy())


def load_sentence_transformer(layout: ModelLayout, model_kwargs: dict[str, Any]) -> Any:
    """The model on the CPU, from local files alone and never from pickles.

    Raises:
        ModelFailed: sentence-transformers can not load it.
    """
    # Read by the libraries when they are imported. ``local_files_only`` keeps a local folder off the network.
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
    from sentence_transformers import SentenceTransformer

    try:
        with _quiet():
            model = SentenceTransformer(
                str(layout.model_dir),
                device="cpu",
                local_files_only=True,
                trust_remote_code=False,
                model_kwargs={"use_safetensors": True, **model_kwargs},
            )
    except (OSError, RuntimeError, ValueError, TypeError, KeyError, AttributeError, ImportError) as error:
        raise ModelFailed(f"sentence-transformers can not load {layout.model_dir}: {error}") from error
    return model.eval()


def export_onnx(layout: ModelLayout, target: Path) -> None:
    """Writes the whole model, pooling included, as one ONNX graph with free batch and sequence axes.

    Raises:
        ModelFailed: this architecture can not be exported, or the file can not be written.
    """
    import torch

    model = load_sentence_transformer(layout, {"attn_implementation": "eager"})

    class Traced(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.inner = model

        def forward(self, input_ids: Any, attention_mask: Any) -> Any:
            features = {"input_ids": input_ids, "attention_mask": attention_mask}
            return self.inner(features)["sentence_embedding"]

    tokens = torch.ones((2, 16), dtype=torch.int64)
    mask = torch.ones_like(tokens)
    mask[1, 8:] = 0
    axes = {0: "batch", 1: "sequence"}
    try:
        with _quiet(), torch.inference_mode():
            # The tracing exporter: the newer one takes eight times as long for a graph that is no faster.
            torch.onnx.export(
                Traced().eval(),
                (tokens, mask),
                str(target),
                dynamo=False,
                opset_version=_OPSET,
                input_names=["input_ids", "attention_mask"],
                output_names=["embedding"],
                dynamic_axes={"input_ids": axes, "attention_mask": axes, "embedding": {0: "batch"}},
            )
    except (OSError, RuntimeError, TypeError, ValueError, AttributeError, LookupError, ImportError) as error:
        raise ModelFailed(f"{layout.model_dir} can not be exported to ONNX: {error}") from error


def by_length(ids: TokenIds, run_tokens: int) -> Iterator[list[int]]:
    """Positions of texts in batches of similar length, longest first, of at most ``run_tokens`` padded tokens.

    A text that is longer than that is a batch of its own.
    """
    batch: list[int] = []
    longest = 0
    for index in sorted(range(len(ids)), key=lambda index: -len(ids[index])):
        if batch and (len(batch) + 1) * longest > run_tokens:
            yield batch
            batch = []
        if not batch:
            longest = len(ids[index])
        batch.append(index)
    if batch:
        yield batch


def pad(ids: TokenIds, pad_id: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Token ids and attention mask, each ``(len(ids), longest)``, filled up at the right."""
    shape = (len(ids), max(map(len, ids)))
    tokens = np.full(shape, pad_id, np.int64)
    mask = np.zeros(shape, np.int64)
    for row, text in enumerate(ids):
        tokens[row, : len(text)] = text
        mask[row, : len(text)] = 1
    return tokens, mask


def normalised(vectors: NDArray[Any]) -> Vectors:
    """The rows as float32 of length 1; a row of zeros stays.

    Raises:
        ModelFailed: a value is not a number, or infinite.
    """
    rows = np.asarray(vectors, np.float32)
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    if not np.isfinite(norms).all():
        raise ModelFailed("the text embedding model gave values that are not finite numbers")
    result: Vectors = rows / np.maximum(norms, np.finfo(np.float32).tiny)
    return result


def _collect(count: int, batches: Sequence[Sequence[int]], parts: Sequence[Vectors]) -> Vectors:
    vectors = np.empty((count, parts[0].shape[1]), np.float32)
    for batch, part in zip(batches, parts, strict=True):
        vectors[list(batch)] = part
    return vectors


def _onnxruntime_errors() -> tuple[type[Exception], ...]:
    """onnxruntime raises a class per status code, without a common root of its own."""
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    found = (value for value in vars(state).values() if isinstance(value, type))
    return tuple(kind for kind in found if issubclass(kind, Exception))


@contextmanager
def _quiet() -> Iterator[None]:
    """Keeps progress bars and tracing warnings of loading and exporting off the user's terminal."""
    from transformers.utils import logging as transformers_logging

    shown = transformers_logging.is_progress_bar_enabled()
    transformers_logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        if shown:
            transformers_logging.enable_progress_bar()
