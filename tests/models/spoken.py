"""The recordings from which the tests' tiny Whisper learned, and the one on which it is tried: ``talk.wav``.

``python tests/models/spoken.py`` makes ``talk.wav`` and ``talk.json`` (what is said, from which second to which)
again. It needs ``espeak-ng``; the tests do not.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

RATE = 16_000

SENTENCES = """
The ferry to Larkholm leaves at half past seven.
Anna keeps the bees behind the orchard.
The lighthouse was built in eighteen ninety four.
Tomas repairs the boats every winter.
Nineteen people live here all year.
The bakery opens only on Tuesday and Friday.
Our well is forty two metres deep.
Doctor Pell visits us once a month.
The mill wheel turns eleven times a minute.
Grandmother painted the blue gate in June.
A storm broke three windows of the school.
Captain is the name of the oldest apple tree.
Rosa teaches music in the old chapel.
We sell honey and candles at the harbour market.
The key to the tower hangs beside the stove.
Last summer somebody found a silver spoon under the bridge.
""".strip().splitlines()
TALK = (0, 4, 1, 13, 8, 6, 12, 15, 2, 7, 10)  # what talk.wav says, in this order
TALK_VOICE = ("en-gb+m3", 148, 44)  # heard nowhere in training

ACCENTS = "en-gb en-us en-gb-scotland en-gb-x-rp en-gb-x-gbclan en-029".split()
VARIANTS = "m1 m2 m4 m5 m6 m7 m8 f1 f2 f3 f4 f5 adam Alex Alicia Andrea belinda david edward linda steph zac".split()


def speak(sentence: str, voice: str, speed: int, pitch: int) -> NDArray[np.float32]:
    """``(n,)`` samples of one sentence, without the silence around it."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "said.wav"
        command = ["espeak-ng", "-v", voice, "-s", str(speed), "-p", str(pitch), "-w", str(target), sentence]
        subprocess.run(command, check=True)
        with wave.open(str(target)) as file:
            rate = file.getframerate()
            samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float32)
    size = len(samples) * RATE // rate
    # Resampled in the frequencies: what lies above half of RATE is left out, the rest stays as it is.
    samples = np.fft.irfft(np.fft.rfft(samples)[: size // 2 + 1], size).astype(np.float32)
    loud = np.flatnonzero(np.abs(samples) > 0.02 * np.abs(samples).max())
    return samples[loud[0] : loud[-1] + 1] / np.abs(samples).max()


@dataclass(slots=True)
class Recording:
    """Sentences with pauses: what a window is cut from."""

    samples: NDArray[np.float32]
    said: list[tuple[int, float, float]]  # sentence, start_s, end_s


def record(voices: list[list[NDArray[np.float32]]], chosen: list[int], chance: np.random.Generator) -> Recording:
    """The ``chosen`` sentences one after the other, mostly in one voice, some with a hiss."""
    parts, said, now = [], [], 0
    voice, one_voice = int(chance.integers(len(voices))), chance.random() < 0.75
    gap = chance.uniform(0.05, 0.6)
    for sentence in chosen:
        utterance = voices[voice if one_voice else int(chance.integers(len(voices)))][sentence]
        silence = np.zeros(int(gap * RATE), np.float32)
        said.append((sentence, (now + len(silence)) / RATE, (now + len(silence) + len(utterance)) / RATE))
        parts += [silence, utterance * np.float32(chance.uniform(0.5, 0.9))]
        now += len(silence) + len(utterance)
        gap = chance.uniform(0.25, 1.15)
    parts.append(np.zeros(int(chance.uniform(0.1, 1.0) * RATE), np.float32))
    samples = np.concatenate(parts)
    if chance.random() < 0.6:
        samples += chance.normal(0, 10 ** chance.uniform(-4, -2), len(samples)).astype(np.float32)
    return Recording(samples, said)


def make_talk(folder: Path) -> None:
    """Writes ``talk.wav`` (16 kHz, mono, 16 bit) and ``talk.json`` with the sentences and their times."""
    chance = np.random.default_rng(1)
    said, parts, now = [], [np.zeros(RATE // 2, np.float32)], RATE // 2
    for sentence in TALK:
        utterance = speak(SENTENCES[sentence], *TALK_VOICE)
        pause = np.zeros(int(chance.uniform(0.5, 1.0) * RATE), np.float32)
        times = {"start_s": round(now / RATE, 2), "end_s": round((now + len(utterance)) / RATE, 2)}
        said.append({**times, "text": SENTENCES[sentence]})
        parts += [0.7 * utterance, pause]
        now += len(utterance) + len(pause)
    with wave.open(str(folder / "talk.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((np.concatenate(parts) * 32767).astype("<i2").tobytes())
    (folder / "talk.json").write_text(json.dumps(said, indent=1) + "\n")


if __name__ == "__main__":
    make_talk(Path(__file__).resolve().parent)
