"""Ways of running the two towers of a CLIP model: through torch, and as graphs in onnxruntime.

A way turns numbers into vectors, pictures in the one tower and token ids in the other, and knows nothing of files or
texts. All ways run the model as open_clip makes it (in fp32, bf16 or on a GPU, or as the graph that torch traced of
it), so none of them interprets a configuration.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from indexers.embedders.backends import _onnxruntime_errors
from indexers.embedders.clip_layout import ClipLayout
from indexers.errors import ModelFailed
from indexers.types import Vectors

Tower: TypeAlias = Literal["image", "text"]
TOWERS: tuple[Tower, ...] = ("image", "text")

WAYS = ("torch-fp32", "onnx", "onnx-pool", "torch-bf16", "torch-cuda")
"""As open_clip runs it; the graph with all cores on one batch; a batch per core; bf16; fp16 on the GPU."""
PLAIN = "torch-fp32"

_RUN = 16
"""Inputs of one run: more needs more memory and is no faster on a CPU."""
_CUDA_RUN = 256
_OPSET = 17
_MAX_GRAPH_BYTES = 1_900_000_000
"""An ONNX file holds less than 2 GiB: larger models run through torch."""


class Backend(Protocol):
    """One way of running a model. Calls from several threads are allowed."""

    def run(self, tower: Tower, inputs: NDArray[Any]) -> Vectors:
        """``(n, dim)`` float32, L2-normalised, of ``(n, 3, size, size)`` float32 or ``(n, tokens)`` int64; n > 0."""


class TorchBackend:
    """The model as open_clip makes it."""

    def __init__(self, layout: ClipLayout, way: str, threads: int) -> None:
        """Loads the model.

        Args:
            layout: where it is.
            way: ``torch-fp32``, ``torch-bf16`` or ``torch-cuda``.
            threads: cores to use.

        Raises:
            ModelFailed: it can not be loaded, or there is no GPU.
        """
        import torch

        torch.set_num_threads(threads)
        if way == "torch-cuda" and not torch.cuda.is_available():
            raise ModelFailed("there is no GPU")
        self._device = "cuda" if way == "torch-cuda" else "cpu"
        precision = {PLAIN: "fp32", "torch-bf16": "bf16", "torch-cuda": "fp16"}[way]
        self._dtype = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[precision]
        self._run_inputs = _CUDA_RUN if way == "torch-cuda" else _RUN
        self.model = load_model(layout, precision=precision, device=self._device)

    def run(self, tower: Tower, inputs: NDArray[Any]) -> Vectors:
        """See ``Backend``."""
        import torch

        encode = self.model.encode_image if tower == "image" else self.model.encode_text
        parts = []
        try:
            with torch.inference_mode():
                for batch in _batches(inputs, self._run_inputs):
                    tensor = torch.from_numpy(batch).to(self._device)
                    tensor = tensor.to(self._dtype) if tower == "image" else tensor
                    parts.append(encode(tensor).float().cpu().numpy())
        except (RuntimeError, TypeError, ValueError, IndexError) as error:
            raise ModelFailed(f"the CLIP model failed: {_line(error)}") from error
        return unit(np.concatenate(parts))


class OnnxBackend:
    """The exported graphs in onnxruntime; a graph is loaded when its tower is first run. Imports no torch."""

    def __init__(self, graph: Callable[[Tower], Path], threads: int, *, pooled: bool) -> None:
        """``graph`` gives the file of a tower; ``pooled`` runs ``threads`` batches side by side, a core for each."""
        self._graph = graph
        self._threads = threads
        self._workers = threads if pooled else 1
        self._sessions: dict[Tower, Any] = {}

    def load(self, tower: Tower) -> None:
        """Loads the graph of a tower, which the first run does too.

        Raises:
            ModelFailed: there is no graph, or onnxruntime can not load it.
        """
        import onnxruntime

        if tower in self._sessions:
            return
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1 if self._workers > 1 else self._threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        graph = self._graph(tower)
        try:
            session = onnxruntime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])
        except _onnxruntime_errors() as error:
            raise ModelFailed(f"onnxruntime can not load {graph}: {_line(error)}") from error
        self._sessions[tower] = session

    def run(self, tower: Tower, inputs: NDArray[Any]) -> Vectors:
        """See ``Backend``."""
        self.load(tower)
        session = self._sessions[tower]
        share = -(-len(inputs) // self._workers)
        batches = list(_batches(inputs, min(_RUN, share)))

        def one(batch: NDArray[Any]) -> NDArray[Any]:
            result: NDArray[Any] = session.run(None, {"inputs": batch})[0]
            return result

        try:
            if self._workers == 1 or len(batches) == 1:
                return unit(np.concatenate([one(batch) for batch in batches]))
            with ThreadPoolExecutor(self._workers) as pool:
                return unit(np.concatenate(list(pool.map(one, batches))))
        except _onnxruntime_errors() as error:
            raise ModelFailed(f"onnxruntime failed: {_line(error)}") from error


def load_model(layout: ClipLayout, *, precision: str, device: str) -> Any:
    """The model as open_clip makes it, from the layout's file alone: no network, no pickles.

    Raises:
        ModelFailed: open_clip can not make it, or the weights are another model's.
    """
    import open_clip

    local = layout.architecture.startswith("local-dir:")
    try:
        with _quiet():
            model = open_clip.create_model(
                layout.architecture,
                # For a folder open_clip picks the file itself; ``clip_layout`` has seen to it that it is this one.
                pretrained=None if local else str(layout.weights),
                precision=precision,
                device=device,
                pretrained_image=False,
                pretrained_text=False,
                require_pretrained=True,
            )
    except (OSError, RuntimeError, ValueError, TypeError, KeyError, AttributeError, AssertionError) as error:
        raise ModelFailed(f"open_clip can not load {layout.weights}: {_line(error)}") from error
    return model.eval()


def export_tower(model: Any, layout: ClipLayout, tower: Tower, target: Path) -> None:
    """Writes one tower as an ONNX graph with a free number of inputs.

    Args:
        model: what ``load_model`` made, in fp32 on the CPU.
        layout: the model's.
        tower: which one.
        target: the file to be written.

    Raises:
        ModelFailed: this architecture can not be exported, or the file can not be written.
    """
    import torch

    visual = sum(weights.numel() for weights in model.visual.parameters())
    count = visual if tower == "image" else sum(weights.numel() for weights in model.parameters()) - visual
    if count * 4 > _MAX_GRAPH_BYTES:
        raise ModelFailed("the model is too large for an ONNX file")

    class Traced(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.inner = model

        def forward(self, inputs: Any) -> Any:
            return self.inner.encode_image(inputs) if tower == "image" else self.inner.encode_text(inputs)

    size = layout.preprocessing.size
    example = (
        torch.zeros((2, 3, size, size))
        if tower == "image"
        else torch.ones((2, layout.context_tokens), dtype=torch.int64)
    )
    fast_path = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)  # a fused operator that has no ONNX counterpart
    try:
        with _quiet(), torch.inference_mode():
            torch.onnx.export(
                Traced().eval(),
                (example,),
                str(target),
                dynamo=False,
                opset_version=_OPSET,
                input_names=["inputs"],
                output_names=["vectors"],
                dynamic_axes={"inputs": {0: "batch"}, "vectors": {0: "batch"}},
            )
    except (OSError, RuntimeError, TypeError, ValueError, AttributeError, LookupError, ImportError) as error:
        raise ModelFailed(f"{layout.folder} can not be exported to ONNX: {_line(error)}") from error
    finally:
        torch.backends.mha.set_fastpath_enabled(fast_path)


def unit(vectors: NDArray[Any]) -> Vectors:
    """The rows as float32 of length 1; a row of zeros stays.

    Raises:
        ModelFailed: a value is not a number, or infinite.
    """
    rows = np.asarray(vectors, np.float32)
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    if not np.isfinite(norms).all():
        raise ModelFailed("the CLIP model gave values that are not finite numbers")
    result: Vectors = rows / np.maximum(norms, np.finfo(np.float32).tiny)
    return result


def _batches(inputs: NDArray[Any], size: int) -> Iterator[NDArray[Any]]:
    for start in range(0, len(inputs), size):
        yield inputs[start : start + size]


def _line(error: Exception) -> str:
    """The first line of what a library says: torch lists every weight that does not fit."""
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keeps warnings about tracing off the user's terminal."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
