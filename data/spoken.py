"""Spoken sentences: a voice reads them, and when each one is said is known, since each is spoken by itself.

The voice is that of ``espeak-ng``, a program that has to be installed to make the recordings again.
"""

from __future__ import annotations

import io
import subprocess
import wave
from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Sound: TypeAlias = NDArray[np.int16]

RATE = 22_050
"""Samples a second, as the voice gives them."""
AFTER_SENTENCE_S = 0.45
_QUIET = 200
"""Below this a sample counts as silence at the ends of a sentence."""


@dataclass(frozen=True, slots=True)
class Said:
    """A sentence, and from when until when it is spoken."""

    text: str
    start_s: float
    end_s: float


def say(text: str, voice: str = "en-gb", words_a_minute: int = 150) -> Sound:
    """One sentence, without the silence around it.

    Raises:
        FileNotFoundError: espeak-ng is not installed.
    """
    command = ["espeak-ng", "-v", voice, "-s", str(words_a_minute), "--stdout", text]
    spoken = subprocess.run(command, capture_output=True, check=True).stdout  # noqa: S603 - texts from this folder
    with wave.open(io.BytesIO(spoken)) as sound:
        assert (sound.getframerate(), sound.getnchannels(), sound.getsampwidth()) == (RATE, 1, 2)
        samples = np.frombuffer(sound.readframes(RATE * 60), np.int16)
    loud = np.flatnonzero(np.abs(samples.astype(np.int32)) > _QUIET)
    return samples[loud[0] : loud[-1] + 1]


def read_aloud(
    parts: Sequence[Sequence[str]], pause_s: float, lead_s: float = 0.6, voice: str = "en-gb"
) -> tuple[Sound, list[list[Said]]]:
    """Speaks parts of sentences one after the other.

    Args:
        parts: the sentences of each part.
        pause_s: the silence after a part, in seconds.
        lead_s: the silence before the first word.
        voice: as espeak-ng names it.

    Returns:
        The sound, and when each sentence of each part is said, to the millisecond.
    """
    sounds = [np.zeros(round(lead_s * RATE), np.int16)]
    length = len(sounds[0])
    told: list[list[Said]] = []
    for part in parts:
        told.append([])
        for number, sentence in enumerate(part):
            sound = say(sentence, voice)
            told[-1].append(Said(sentence, round(length / RATE, 3), round((length + len(sound)) / RATE, 3)))
            last = number == len(part) - 1
            silence = np.zeros(round((pause_s if last else AFTER_SENTENCE_S) * RATE), np.int16)
            sounds += [sound, silence]
            length += len(sound) + len(silence)
    return np.concatenate(sounds), told


def as_srt(told: Sequence[Said]) -> str:
    """Subtitles, one for each sentence, in lines that fit a screen."""
    cues = []
    for number, said in enumerate(told, 1):
        lines = "\n".join(wrap(said.text, 48))
        cues.append(f"{number}\n{_clock(said.start_s)} --> {_clock(said.end_s)}\n{lines}\n")
    return "\n".join(cues)


def _clock(seconds: float) -> str:
    whole, thousandths = divmod(round(seconds * 1000), 1000)
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d},{thousandths:03d}"
