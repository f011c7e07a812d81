"""Goes through a recording of any length, window by window, and puts together what was said in it.

A decoder gives a window of samples (``indexers.decoders``), a ``Transcriber`` what is spoken in it. Windows end
anywhere, in the middle of a sentence too: a last stretch that touches the end of its window is not believed, and the
next window begins where that stretch began. What follows the last stretch is heard again as well, up to ``_TAIL_S``,
since a model may say nothing at all of a sentence whose end it does not hear. Every finished window is kept in a
memo, so that an interrupted recording goes on where it was.

Only one window is in memory at a time. Knows no model, no file format, no catalog.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Protocol

from indexers.errors import FileError
from indexers.locators import clock
from indexers.protocols import Transcriber
from indexers.types import SAMPLE_RATE, Decoded, Spoken

_TOUCH_S = 0.3
"""A stretch that ends so close to the end of its window may go on behind it: models round times, and pad them."""
_TAIL_S = 10.0
"""So much of what follows the last stretch of a window is heard again in the next one (half a window at most)."""
_LEAST_ADVANCE = 0.05
"""The share of a window by which the next one begins later, at least: no stretch holds up the whole."""


class Cancelled(Exception):  # no LocusError: nothing went wrong
    """Listening was stopped from outside. What was finished is in the memo."""


class Memo(Protocol):
    """What is kept of windows between attempts: bytes by key."""

    def get(self, key: str, /) -> bytes | None:
        """What was put there, or None."""

    def put(self, key: str, data: bytes, /) -> None:
        """Keeps ``data``; need not succeed."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What was said in a recording, in seconds from its start. ``language`` is ISO 639-1, or "" without speech.

    ``until_s`` is the second up to which there was sound to hear.
    """

    language: str
    spoken: tuple[Spoken, ...]
    notes: tuple[str, ...] = ()
    until_s: float = field(default=0.0, compare=False)


@dataclass(frozen=True, slots=True)
class _Window:
    """One window's share of ``Heard``; ``next_start`` is where the next begins, None after the last.

    ``end_s`` is where its sound ends.
    """

    language: str
    spoken: tuple[Spoken, ...]
    next_start: float | None
    notes: tuple[str, ...]
    end_s: float = 0.0

    def to_bytes(self) -> bytes:
        spoken = [[part.start_s, part.end_s, part.text] for part in self.spoken]
        data = {
            "language": self.language,
            "spoken": spoken,
            "next": self.next_start,
            "notes": self.notes,
            "end": self.end_s,
        }
        return json.dumps(data, ensure_ascii=False).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> _Window:
        kept = json.loads(data)
        spoken = tuple(Spoken(start_s, end_s, text) for start_s, end_s, text in kept["spoken"])
        # Windows that an earlier version kept do not say where they end.
        end_s = kept.get("end", kept["next"] or (spoken[-1].end_s if spoken else 0.0))
        return cls(kept["language"], spoken, kept["next"], tuple(kept["notes"]), end_s)


def listen(
    decode: Callable[[float], Decoded],
    transcriber: Transcriber,
    memo: Memo,
    cancelled: Callable[[], bool],
    on_second: Callable[[float], None] | None = None,
) -> Heard:
    """Everything that is said in a recording, each stretch once, in order.

    The language of the first window with speech is taken for the whole recording.

    Args:
        decode: gives the samples from a second on.
        transcriber: hears what is said in them.
        memo: keeps each window under ``speech:{transcriber.name}:{start_s:.2f}``; what is there already is not
            listened to again.
        cancelled: asked before each window and after each stretch.
        on_second: told the second up to which the recording was heard; steps back where the end of a window is heard
            again.

    Raises:
        Cancelled: ``cancelled`` said so.
        FileError: the recording can not be decoded at all. What can not be decoded later on is told in the notes.
    """
    language, spoken, notes = "", list[Spoken](), list[str]()
    until_s = 0.0
    start_s: float | None = 0.0
    while start_s is not None:
        _stop_if(cancelled)
        key = f"speech:{transcriber.name}:{start_s:.2f}"
        kept = memo.get(key)
        if kept is not None:
            window = _Window.from_bytes(kept)
        else:
            try:
                decoded = decode(start_s)
            except FileError as error:
                if start_s == 0:
                    raise
                notes.append(f"nothing after {clock(start_s)} could be heard: {error}")
                break
            window = _hear(decoded, start_s, transcriber, language, cancelled, on_second)
            del decoded  # or two windows would be in memory while the next is decoded
            memo.put(key, window.to_bytes())
        language = language or window.language
        spoken += window.spoken
        until_s = max(until_s, window.end_s)
        notes += [note for note in window.notes if note not in notes]
        start_s = window.next_start
        if on_second is not None and start_s is not None:
            on_second(start_s)
    return Heard(language, tuple(spoken), tuple(notes), until_s)


def _stop_if(cancelled: Callable[[], bool]) -> None:
    if cancelled():
        raise Cancelled


def _hear(
    decoded: Decoded,
    start_s: float,
    transcriber: Transcriber,
    language: str,
    cancelled: Callable[[], bool],
    on_second: Callable[[float], None] | None,
) -> _Window:
    """One window, without what is left to the next."""
    found, spoken = "", list[Spoken]()
    end_s = start_s
    if decoded.samples is not None and len(decoded.samples):
        end_s = start_s + len(decoded.samples) / SAMPLE_RATE
        found, stretches = transcriber.transcribe(decoded.samples, language or None)
        for stretch in stretches:
            spoken.append(
                replace(stretch, start_s=start_s + stretch.start_s, end_s=min(end_s, start_s + stretch.end_s))
            )
            _stop_if(cancelled)
            if on_second is not None:
                on_second(spoken[-1].end_s)
    next_start = decoded.next_start
    if next_start is not None and next_start <= end_s + _TOUCH_S:
        spoken, next_start = _handed_over(spoken, start_s, end_s, next_start)
    return _Window(found if spoken else "", tuple(spoken), next_start, decoded.notes, end_s)


def _handed_over(spoken: list[Spoken], start_s: float, end_s: float, next_start: float) -> tuple[list[Spoken], float]:
    """The stretches that are believed, and where the next window begins, in a window that ends amid the sound."""
    length_s = end_s - start_s
    if spoken and spoken[-1].end_s >= end_s - _TOUCH_S:
        again = round(spoken[-1].start_s, 2)  # as exact as the memo's keys
        # One that is as long as its window would never end: what there is of it is kept.
        return (spoken[:-1], again) if again > start_s + _LEAST_ADVANCE * length_s else (spoken, next_start)
    tail = end_s - min(_TAIL_S, length_s / 2)
    return spoken, round(max(tail, spoken[-1].end_s) if spoken else tail, 2)
