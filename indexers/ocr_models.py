"""The two networks that read text in pictures: one finds where text stands, the other reads a cut-out line.

Both lie in the wheel of ``rapidocr`` (PP-OCRv6, for onnxruntime); their files are named to it, so that nothing is
looked up or downloaded. Its finding is used as it comes. Its reading is replaced, since it joins words ("TOTALAMOUNT"):
the network gives most columns to "nothing here", and a space that is less likely than that, but not unlikely, is still
a space. Nor are short lines padded to a least width. On scanned receipts the two bring the share of words that are
found from .90 to .95, in half the time.

Not known here: sizes that are too large or too small, which way up the picture is, what stands beside what.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from indexers.errors import ModelMissing
from indexers.types import Pixels

FINDER = "PP-OCRv6_det_small.onnx"
READER = "PP-OCRv6_rec_small.onnx"

_LINE_HEIGHT = 48
"""Pixels; what the reading network was trained on."""

_WIDEST = 80 * _LINE_HEIGHT
"""A line that is longer is squeezed: the network's memory grows with its width."""

_STRIDE = 8
"""Pixels that become a column of the reading network's output."""

_BATCH_WIDTH = 2048
"""Lines are read together up to this width in all, the padding counted."""

_SPACE = 0.1
"""From this probability on, a column without another sign is a space."""

_BLANK = 0
"""The network's sign for "nothing here"."""


class TextModels:
    """Finds and reads text; not to be called from two threads at once."""

    def __init__(self, threads: int | None) -> None:
        """Loads both networks.

        Args:
            threads: of the processor; None: as many as it has cores.

        Raises:
            ModelMissing: the package or its models are not installed.
        """
        folder = _models_folder()
        # rapidocr gives its logger a handler of its own; what it would say at each model is of no use to anyone.
        logging.getLogger("RapidOCR").setLevel(logging.ERROR)
        from rapidocr import RapidOCR
        from rapidocr.ch_ppocr_det import TextDetector
        from rapidocr.inference_engine.onnxruntime import OrtInferSession

        parameters: dict[str, Any] = {
            "Global.log_level": "error",
            "Det.model_path": str(folder / FINDER),
            # Pictures come in the size in which text is to be found; the sides are only rounded to multiples of 32.
            "Det.limit_side_len": 32,
            "Det.limit_type": "min",
            "Rec.model_path": str(folder / READER),
            "EngineConfig.onnxruntime.intra_op_num_threads": -1 if threads is None else threads,
        }
        settings = RapidOCR(params=parameters).cfg
        for part in (settings.Det, settings.Rec):
            part.engine_cfg = settings.EngineConfig.onnxruntime
        self._finder = TextDetector(settings.Det)
        self._reader = OrtInferSession(settings.Rec)
        self._signs = ["", *self._reader.get_character_list(), " "]
        self._spaces = [number for number, sign in enumerate(self._signs) if sign.isspace()]

    def find(self, pixels: Pixels) -> NDArray[np.float64]:
        """``(n, 4, 2)`` corners x, y in pixels of each run of text, clockwise from the upper left; in no order."""
        found = self._finder(np.ascontiguousarray(pixels[..., ::-1])).boxes  # trained on BGR
        return np.zeros((0, 4, 2)) if found is None else np.asarray(found, dtype=np.float64)

    def read(self, lines: Sequence[Pixels]) -> list[tuple[str, float]]:
        """The text of each cut-out line and how sure the network is of its letters, 0–1 on the mean."""
        widths = [min(_WIDEST, max(1, ceil(_LINE_HEIGHT * line.shape[1] / line.shape[0]))) for line in lines]
        texts = [("", 0.0)] * len(lines)
        batch: list[int] = []
        for number in sorted(range(len(lines)), key=widths.__getitem__):
            if batch and widths[number] * (len(batch) + 1) > _BATCH_WIDTH:
                self._read_batch(batch, lines, widths, texts)
                batch = []
            batch.append(number)
        if batch:
            self._read_batch(batch, lines, widths, texts)
        return texts

    def _read_batch(
        self, batch: list[int], lines: Sequence[Pixels], widths: list[int], texts: list[tuple[str, float]]
    ) -> None:
        import cv2

        widest = ceil(widths[batch[-1]] / _STRIDE) * _STRIDE
        tensor = np.zeros((len(batch), 3, _LINE_HEIGHT, widest), dtype=np.float32)
        for row, number in enumerate(batch):
            line, width = lines[number], widths[number]
            way = cv2.INTER_AREA if line.shape[0] > _LINE_HEIGHT else cv2.INTER_LINEAR
            scaled = cv2.resize(line, (width, _LINE_HEIGHT), interpolation=way)[..., ::-1]
            tensor[row, :, :, :width] = scaled.transpose(2, 0, 1).astype(np.float32) / 127.5 - 1
        for number, columns in zip(batch, self._reader(tensor), strict=True):
            texts[number] = self._decode(columns)

    def _decode(self, columns: NDArray[np.float32]) -> tuple[str, float]:
        """The text that the network's columns spell, ``(columns, signs)`` probabilities (CTC, the likeliest path)."""
        best = columns.argmax(axis=1)
        best[(best == _BLANK) & (columns[:, self._spaces].max(axis=1) >= _SPACE)] = self._spaces[-1]
        new = np.append(True, best[1:] != best[:-1]) & (best != _BLANK)
        text = "".join(self._signs[sign] for sign in best[new])
        letters = new & ~np.isin(best, self._spaces)
        sure = float(columns.max(axis=1)[letters].mean()) if letters.any() else 0.0
        return " ".join(text.split()), sure


def package_version() -> str:
    """The version of ``rapidocr``.

    Raises:
        ModelMissing: it is not installed.
    """
    try:
        return version("rapidocr")
    except PackageNotFoundError as error:
        raise ModelMissing("text in pictures can not be read: the package rapidocr is not installed") from error


def _models_folder() -> Path:
    spec = find_spec("rapidocr")  # does not import it
    if spec is None or spec.origin is None:
        raise ModelMissing("text in pictures can not be read: the package rapidocr is not installed")
    folder = Path(spec.origin).parent / "models"
    missing = [name for name in (FINDER, READER) if not (folder / name).is_file()]
    if missing:
        raise ModelMissing(f"text in pictures can not be read: rapidocr comes without {' and '.join(missing)}")
    return folder
