"""Text in pictures: scans, receipts, screenshots, signs on photographs.

The networks are ``ocr_models``; the order of what they find is ``reading_order``. What is decided here: how far a large
picture is reduced to find text in it, which way up it is, and what is rubbish. A picture is reduced only for finding;
each line is read from the pixels as they were given.

Which way up: text that lies on its side shows in the shape of the boxes; whether it stands on its head only in how sure
the reading network is of the longest lines. rapidocr's own classifier of upside-down lines is not used: it judges line
by line and took more words from upright receipts than it gave.

Not known here: handwriting, and text in columns from top to bottom.
"""

from __future__ import annotations

import threading
from functools import cached_property
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from indexers.ocr_models import FINDER, READER, TextModels, package_version
from indexers.reading_order import reading_order, sides, upended_boxes
from indexers.types import Box, Pixels, TextLine

_READING = 1
"""Counts the changes to this module and its siblings after which the same picture may give another text."""

_SMALLEST = 8
"""Pixels: no writing is less high or wide than this."""

_AREA = 1_000_000
"""Pixels: a larger picture is reduced to this to find the text in it …"""

_SMALL_TEXT = 13.0
"""… and if half of what was found is less high than this then, searched again in strips with …"""

_GOOD_TEXT = 20.0
"""… text as high as this, if the picture is sharp enough for that, and as long as it does not exceed …"""

_STRIPS_AREA = 16_000_000
"""… so many pixels in all."""

_STRIP_OVERLAP = 8.0
"""Heights of a line by which the strips overlap."""

_SAMPLE = 8
"""So many of the longest lines tell which way up the picture is."""

_SURE = 0.9
"""A picture whose longest lines are read as surely as this is not tried the other way up …"""

_SURER = 0.05
"""… and one tried is turned if that makes the reading so much surer."""

_RUBBISH = 0.6
"""Text read less surely than this is not text …"""

_RUBBISH_SHORT = 0.8
"""… and a run of one or two signs must be surer: texture is often taken for a letter."""


class RapidOcr:
    """An ``Ocr`` over the networks in the wheel of ``rapidocr``. Calls from several threads wait for each other."""

    def __init__(self, *, threads: int | None = None) -> None:
        """Loads nothing: the networks are loaded with the first picture.

        Args:
            threads: of the processor that the networks use; None: as many as it has cores.
        """
        self._threads = threads
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        """Changes with the package, the networks in use, and the way they are used.

        Raises:
            ModelMissing: rapidocr is not installed.
        """
        networks = "+".join(file.removesuffix(".onnx") for file in (FINDER, READER))
        return f"rapidocr-{package_version()}/{networks}/{_READING}"

    def read(self, pixels: Pixels) -> list[TextLine]:
        """The lines of text, in the order in which a person reads them; empty when there are none.

        A line is what stands in one row of a column: the name of an article and its price are one line, the lines of
        two columns of prose are two. Boxes are fractions of ``pixels`` as given, also where the text lies on its side.

        Args:
            pixels: ``(height, width, 3)`` uint8, RGB; any of the four ways up.

        Raises:
            ModelMissing: rapidocr or its networks are not installed.
        """
        if min(pixels.shape[:2]) < _SMALLEST:
            return []
        with self._lock:
            return _read(self._models, pixels)

    @cached_property
    def _models(self) -> TextModels:
        return TextModels(self._threads)


def _read(models: TextModels, pixels: Pixels) -> list[TextLine]:
    quads = _find(models, pixels)
    if len(quads) == 0:
        return []
    turns = _lying(models, pixels, quads)
    texts = models.read(_cut_out(pixels, quads)) if turns == 0 else []
    if turns == 0 and _upside_down(models, pixels, quads, texts):
        turns = 2
    if turns:
        # Text is found better when it stands upright: search again, too.
        upright = np.rot90(pixels, turns)
        stood = _find(models, upright)
        if len(stood):
            return _lines(stood, models.read(_cut_out(upright, stood)), upright.shape, turns)
        # What seemed to lie was no text.
        texts = texts or models.read(_cut_out(pixels, quads))
    return _lines(quads, texts, pixels.shape, 0)


# --- which way up ------------------------------------------------------------------------------


def _lying(models: TextModels, pixels: Pixels, quads: NDArray[np.float64]) -> int:
    """Quarter turns counter-clockwise after which text that lies on its side stands upright; 0 if it does not lie."""
    lengths, heights = sides(quads)
    extents = np.maximum(lengths, heights)
    lying = heights > lengths
    if extents[lying].sum() <= extents[~lying].sum():
        return 0
    sample = _longest(quads[lying])
    lines = _cut_out(pixels, sample, upend=False)
    sure = {turns: _sureness(models.read([np.rot90(line, turns) for line in lines])) for turns in (1, 3)}
    turns = max(sure, key=sure.__getitem__)
    # Neither way makes sense: columns of signs from top to bottom, or no text at all.
    return turns if sure[turns] >= _RUBBISH else 0


def _upside_down(
    models: TextModels, pixels: Pixels, quads: NDArray[np.float64], texts: list[tuple[str, float]]
) -> bool:
    longest = np.argsort(-sides(quads)[0], kind="stable")[:_SAMPLE]
    upright = _sureness([texts[number] for number in longest])
    if upright >= _SURE:
        return False
    turned = [line[::-1, ::-1] for line in _cut_out(pixels, quads[longest])]
    return _sureness(models.read(turned)) > upright + _SURER


def _longest(quads: NDArray[np.float64]) -> NDArray[np.float64]:
    lengths, heights = sides(quads)
    return quads[np.argsort(-np.maximum(lengths, heights), kind="stable")[:_SAMPLE]]


def _sureness(texts: list[tuple[str, float]]) -> float:
    """How sure the network is, over all letters of ``texts``."""
    letters = sum(len(text) for text, _ in texts)
    return sum(len(text) * sure for text, sure in texts) / letters if letters else 0.0


# --- finding and cutting out -------------------------------------------------------------------


def _find(models: TextModels, pixels: Pixels) -> NDArray[np.float64]:
    """Corners ``(n, 4, 2)`` of runs of text in pixels of the picture."""
    height, width = pixels.shape[:2]
    scale = min(1.0, sqrt(_AREA / (height * width)))
    quads = models.find(_scaled(pixels, scale)) / scale
    if len(quads) == 0 or scale == 1.0:
        return quads
    usual = float(np.median(np.minimum(*sides(quads))))
    if usual * scale >= _SMALL_TEXT:
        return quads
    finer = min(1.0, _GOOD_TEXT / usual, sqrt(_STRIPS_AREA / (height * width)))
    return _find_in_strips(models, pixels, finer, _STRIP_OVERLAP * usual, quads)


def _find_in_strips(
    models: TextModels, pixels: Pixels, scale: float, overlap: float, coarse: NDArray[np.float64]
) -> NDArray[np.float64]:
    """As ``_find``, at ``scale``, strip by strip across the whole picture, so that no level line is cut.

    A strip answers for the text whose middle lies in its own part, which ends half an ``overlap`` before
    the strip does. Text too high for that is taken from ``coarse``, which was found in the picture as a whole.
    """
    height, width = pixels.shape[:2]
    large = coarse[np.minimum(*sides(coarse)) > overlap / 2]
    found = [large]
    own = max(overlap, _AREA / (width * scale * scale) - overlap)
    for top in np.arange(0, height, own):
        first, last = int(max(0, top - overlap / 2)), int(min(height, top + own + overlap / 2))
        quads = models.find(_scaled(pixels[first:last], scale)) / scale + [0, first]
        middles = quads.mean(axis=1)  # (n, 2)
        kept = (middles[:, 1] >= top) & (middles[:, 1] < top + own)
        for low, high in zip(large.min(axis=1), large.max(axis=1), strict=True):
            kept &= ~((middles >= low) & (middles <= high)).all(axis=1)
        found.append(quads[kept])
    return np.concatenate(found)


def _scaled(pixels: Pixels, scale: float) -> Pixels:
    import cv2

    if scale == 1.0:
        return pixels
    size = max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _cut_out(pixels: Pixels, quads: NDArray[np.float64], *, upend: bool = True) -> list[Pixels]:
    """Each run of text as an upright rectangle; text that runs up or down the page is laid level if ``upend``."""
    import cv2

    upended = upended_boxes(quads) & upend
    lines: list[Pixels] = []
    for quad, width, height, turn in zip(quads, *sides(quads), upended, strict=True):
        size = max(1, round(width)), max(1, round(height))
        corners = np.array([[0, 0], [size[0], 0], [size[0], size[1]], [0, size[1]]], dtype=np.float32)
        transform = cv2.getPerspectiveTransform(quad.astype(np.float32), corners)
        line = cv2.warpPerspective(pixels, transform, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        lines.append(np.asarray(np.rot90(line, 3) if turn else line, dtype=np.uint8))
    return lines


# --- lines -------------------------------------------------------------------------------------


def _lines(
    quads: NDArray[np.float64], texts: list[tuple[str, float]], shape: tuple[int, ...], turns: int
) -> list[TextLine]:
    kept = [number for number, (text, sure) in enumerate(texts) if _is_text(text, sure)]
    size = np.array([shape[1], shape[0]])
    lines = []
    for members in reading_order(quads[kept]):
        runs = [texts[kept[member]] for member in members]
        corners = np.clip(quads[kept][members].reshape(-1, 2) / size, 0, 1)
        left, top, right, bottom = (float(edge) for edge in (*corners.min(axis=0), *corners.max(axis=0)))
        box = _turned((left, top, right, bottom), turns)
        lines.append(TextLine(" ".join(text for text, _ in runs), box, _sureness(runs)))
    return lines


def _is_text(text: str, sure: float) -> bool:
    letters = sum(sign.isalnum() for sign in text)
    return letters > 0 and sure >= (_RUBBISH_SHORT if letters <= 2 else _RUBBISH)


def _turned(box: Box, turns: int) -> Box:
    """The box in the picture that gave the present one by ``turns`` quarter turns counter-clockwise."""
    for _ in range(turns):
        left, top, right, bottom = box
        box = 1 - bottom, left, 1 - top, right
    return box
