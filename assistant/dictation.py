"""A recording that a person made to ask with → what they say. Nothing of it is stored.

It is decoded in the sandbox and heard as the library's recordings are, a window at a time. Knows neither the library
nor how the model is found.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from indexers.decoders import FILMS, SOUNDS
from indexers.errors import FileError, UsageError
from indexers.listening import listen
from indexers.media import sniff
from indexers.protocols import Source, Transcriber
from indexers.types import SAMPLE_RATE, Decoded, Unread
from indexers.unfinished import FORGETFUL

MOST_S = 300.0
"""Nobody asks for longer: what is said after these seconds is not heard."""


class Reader(Protocol):
    """What runs decoders: the sandbox."""

    def decode(self, source: Source, what: Unread, start: float) -> Decoded:
        """A portion of the file; raises ``FileError``."""


def recording(path: Path) -> Source:
    """The recording at ``path``.

    Raises:
        UsageError: there is none, or it is no sound.
    """
    try:
        kind = sniff(path).format
    except FileError as error:
        raise _unheard(path, str(error)) from error
    if kind not in SOUNDS and kind not in FILMS:
        raise _unheard(path, "it is no sound")
    return Source(path, path.name, kind)


def dictated(
    source: Source, reader: Reader, transcriber: Transcriber, cancelled: Callable[[], bool] = lambda: False
) -> str:
    """What is said in the first ``MOST_S`` seconds of a recording, on one line; "" if nothing is.

    Raises:
        UsageError: it can not be decoded.
        ModelFailed: the speech model failed.
        Cancelled: ``cancelled`` said so.
    """

    def decode(start_s: float) -> Decoded:
        portion = reader.decode(source, "sound", start_s)
        if portion.samples is not None:
            portion = replace(portion, samples=portion.samples[: round((MOST_S - start_s) * SAMPLE_RATE)])
        is_last = portion.next_start is not None and portion.next_start >= MOST_S
        return replace(portion, next_start=None) if is_last else portion

    try:
        heard = listen(decode, transcriber, FORGETFUL, cancelled)
    except FileError as error:
        raise _unheard(source.path, str(error)) from error
    return " ".join(" ".join(part.text.split()) for part in heard.spoken)


def _unheard(path: Path, reason: str) -> UsageError:
    return UsageError(f"{path.name} can not be listened to: {reason}")
