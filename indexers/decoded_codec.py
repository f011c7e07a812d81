"""``Decoded`` as bytes and back, for the pipe between the sandbox and its children.

As in ``indexers.parsed_codec``, JSON and raw bytes, never pickle; whatever does not have the expected shape is
refused with ``ValueError``. Samples travel as 16-bit numbers, which is what recordings hold.

Layout: the length of the JSON (8 bytes, big endian), the JSON, the pixels of each picture, the samples.
"""

from __future__ import annotations

import json
import math
import struct
from typing import Any

import numpy as np

from indexers.locators import locator_from_dict, locator_to_dict
from indexers.types import Decoded, Picture, Pixels, Samples

_LENGTH = struct.Struct(">Q")
_FULL = 32767.0


def encode_decoded(decoded: Decoded) -> bytes:
    """The bytes that ``decode_decoded`` reads."""
    samples = None if decoded.samples is None else np.rint(np.clip(decoded.samples, -1, 1) * _FULL).astype("<i2")
    message = {
        "pictures": [[*picture.pixels.shape[:2], locator_to_dict(picture.locator)] for picture in decoded.pictures],
        "samples": None if samples is None else len(samples),
        "next_start": decoded.next_start,
        "notes": decoded.notes,
    }
    body = json.dumps(message, separators=(",", ":")).encode("ascii")
    arrays = [np.ascontiguousarray(picture.pixels).tobytes() for picture in decoded.pictures]
    return b"".join([_LENGTH.pack(len(body)), body, *arrays, b"" if samples is None else samples.tobytes()])


def decode_decoded(data: bytes) -> Decoded:
    """The inverse of ``encode_decoded``, but for the rounding of samples.

    Raises:
        ValueError: ``data`` was not made by ``encode_decoded``.
    """
    try:
        (length,) = _LENGTH.unpack_from(data)
        at = _LENGTH.size + length
        message = json.loads(data[_LENGTH.size : at])
        pictures = []
        for height, width, place in message["pictures"]:
            pictures.append(Picture(_pixels(data, at, height, width), locator_from_dict(place)))
            at += height * width * 3
        samples = None if message["samples"] is None else _samples(data, at, message["samples"])
        at += 0 if samples is None else 2 * len(samples)
        if at != len(data):
            raise ValueError("bytes after the last picture")
        start = _start(message["next_start"])
        return Decoded(tuple(pictures), samples, start, tuple(str(note) for note in message["notes"]))
    except (struct.error, KeyError, TypeError, AttributeError, IndexError, RecursionError, OverflowError) as error:
        raise ValueError("not an encoded Decoded") from error


def _pixels(data: bytes, at: int, height: Any, width: Any) -> Pixels:
    if not (isinstance(height, int) and isinstance(width, int) and height > 0 and width > 0):
        raise ValueError("a picture without a size")
    return np.frombuffer(data, np.uint8, height * width * 3, at).reshape(height, width, 3)


def _samples(data: bytes, at: int, count: Any) -> Samples:
    if not isinstance(count, int) or count < 0:
        raise ValueError("no number of samples")
    return (np.frombuffer(data, "<i2", count, at) / _FULL).astype(np.float32)


def _start(value: Any) -> float | None:
    if value is None:
        return None
    if not isinstance(value, int | float) or not math.isfinite(value) or value <= 0:
        raise ValueError("the next portion begins nowhere")
    return float(value)
