"""Speech to text: a Whisper model in CTranslate2's format, run by faster-whisper, on the graphics card if that works.

Whisper invents text where nobody speaks and falls into loops. Against that: a voice detector cuts out silence first;
no window of 30 s is conditioned on the text of the one before; nothing is sampled at a higher temperature, which gives
another text each time and the boldest inventions; and a repetition is dropped. Stretches stay as the model gives them,
mostly a sentence or two: their times are the model's own, and finer ones would cost a second pass. The silence is put
back here and not by faster-whisper, which places a sentence that stands alone in its window, or that follows a long
pause, where the one before it ended.

Knows no files and no windows longer than its caller gives (see ``indexers.listening``). The model is a folder that is
on this machine already; nothing is ever downloaded here.
"""

from __future__ import annotations

import json
import logging
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any, Literal, Protocol, TypeAlias, TypeVar

import numpy as np

from indexers.errors import ModelFailed
from indexers.types import SAMPLE_RATE, Samples, Spoken

logger = logging.getLogger(__name__)

Device: TypeAlias = Literal["auto", "cpu", "cuda"]
"""``auto``: ``cuda`` where it works, else ``cpu``."""

_T = TypeVar("_T")

_FILES = ("model.bin", "config.json", "tokenizer.json")
"""What a folder must hold; without the tokenizer, faster-whisper would look for one on the network."""
_TOKENS = (
    ("<|startoftranscript|>",),
    ("<|endoftext|>",),
    ("<|transcribe|>",),
    ("<|translate|>",),
    ("<|startofprev|>",),
    ("<|startoflm|>",),
    ("<|nospeech|>", "<|nocaptions|>"),
    ("<|notimestamps|>",),
)
_COMPUTE_TYPES = {"cpu": "int8", "cuda": "auto"}
"""Every processor does 8 bits, if not always fast; of graphics cards, CTranslate2 knows what is fastest."""

_REPEATED = 2.4
"""Text that zlib makes smaller than by this factor was not repeated by a person."""
_DECODING: dict[str, Any] = {
    "beam_size": 5,
    "temperature": 0.0,
    "condition_on_previous_text": False,
    "compression_ratio_threshold": _REPEATED,
    "log_prob_threshold": -1.0,
    "no_speech_threshold": 0.6,
}
_PAUSE_MS, _PAD_MS = 1000, 400
"""Longer pauses are cut out, but for so much before and after speech: a second or two of silence invites invention."""
_SLACK_S = 0.3
"""What a time may be off at a cut; less than the silence that is left on either side of it."""
_FRAME_S, _STAMP_S = 0.01, 0.02  # Whisper's

Voiced: TypeAlias = Sequence[tuple[float, float]]
"""Where somebody speaks, in seconds of the samples, in order. One behind the other, they are what the model hears."""


class Segment(Protocol):
    """What faster-whisper gives of one stretch of speech; times are those of what the model hears."""

    seek: int
    end: float
    text: str
    tokens: list[int]
    compression_ratio: float


class WhisperTranscriber:
    """A ``Transcriber`` from a Whisper model's folder. Loads on first use; safe to use from several threads.

    Threads take turns at each stretch, so that one that stops in the middle holds up nobody.

    Args:
        folder: a model in CTranslate2's format, with its tokenizer.
        name: what the model is called; changes whenever the model does.
        threads: processor threads; None: one for each core that this process may use.
        device: where the model runs.
    """

    def __init__(self, folder: Path, *, name: str, threads: int | None = None, device: Device = "auto") -> None:
        self._folder = folder
        self._name = name
        self._threads = threads
        self._device = device
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        """Changes whenever the same speech may give another text."""
        return self._name

    def transcribe(self, samples: Samples, language: str | None) -> tuple[str, Iterator[Spoken]]:
        """The language and what is said, stretch by stretch while the model works; ``("", …nothing)`` for silence.

        Args:
            samples: ``(n,)`` float32, one channel, ``SAMPLE_RATE``; ten minutes at most, or memory grows.
            language: ISO 639-1; None, or one that the model does not know: it is found out.

        Raises:
            ModelFailed: the folder holds no such model, or the model failed; also while stretches are taken.
        """
        with self._lock:
            model = self._model
            voiced = _voiced(samples)
            if not voiced:
                return "", iter(())
            heard = np.concatenate([samples[_sample(start_s) : _sample(end_s)] for start_s, end_s in voiced])
            known = language if language in model.supported_languages else None
            segments, info = self._guarded(lambda: model.transcribe(heard, language=known, **_DECODING))
        first_stamp = model.hf_tokenizer.token_to_id("<|notimestamps|>") + 1
        stretches = stretches_of(self._in_turn(segments), voiced, first_stamp)
        # A language is found in noise, too: it counts once something is said in it.
        first = next(stretches, None)
        return ("", iter(())) if first is None else (info.language, chain((first,), stretches))

    def _in_turn(self, segments: Iterable[Segment]) -> Iterator[Segment]:
        """The segments, each made while no other thread uses the model."""
        made = iter(segments)
        while True:
            with self._lock:
                segment = self._guarded(lambda: next(made, None))
            if segment is None:
                return
            yield segment

    def _guarded(self, work: Callable[[], _T]) -> _T:
        try:
            return work()
        except (RuntimeError, ValueError) as error:  # what CTranslate2 raises: out of memory, sizes that do not fit
            raise ModelFailed(f"the speech model {self._name} failed: {_line(error)}") from error

    # --- loading ---

    @cached_property
    def _model(self) -> Any:
        """The ``faster_whisper.WhisperModel``; asked for under the lock."""
        self._check_folder()
        if self._device == "auto" and _has_cuda():
            try:
                return self._load("cuda")
            except ModelFailed as error:  # a driver or a library is missing; the processor does as well
                logger.warning("the graphics card is not used: %s", error)
        return self._load("cpu" if self._device == "auto" else self._device)

    def _check_folder(self) -> None:
        """Tells apart what would load as something else, or only fail later on.

        Raises:
            ModelFailed: this is no Whisper model in CTranslate2's format.
        """
        from tokenizers import Tokenizer

        missing = [name for name in _FILES if not (self._folder / name).is_file()]
        if missing:
            raise ModelFailed(f"{self._folder} is no speech model of CTranslate2: no {' and no '.join(missing)} in it")
        try:
            tokenizer = Tokenizer.from_file(str(self._folder / "tokenizer.json"))
        except Exception as error:  # the Rust library raises nothing narrower
            raise ModelFailed(f"the tokenizer of {self._folder} can not be loaded: {_line(error)}") from error
        for names in _TOKENS:
            if all(tokenizer.token_to_id(name) is None for name in names):
                raise ModelFailed(f"{self._folder} is no speech model: its tokenizer does not know {names[0]}")

    def _load(self, device: Literal["cpu", "cuda"]) -> Any:
        from faster_whisper import WhisperModel

        threads = self._threads or _cores()
        compute = _COMPUTE_TYPES[device]
        try:
            settings = json.loads((self._folder / "config.json").read_bytes())
            model = WhisperModel(
                str(self._folder), device=device, compute_type=compute, cpu_threads=threads, local_files_only=True
            )
            bands = len(model.feature_extractor.mel_filters)
            if bands != model.model.n_mels:
                raise ModelFailed(
                    f"{self._folder} needs a preprocessor_config.json: the model hears {model.model.n_mels} bands of "
                    f"sound, and is given {bands}"
                )
            if model.model.is_multilingual and not settings.get("lang_ids"):
                raise ModelFailed(f"{self._folder} does not say which languages it knows: no lang_ids in config.json")
            if device == "cuda":  # libraries of the graphics card are loaded only now, and may be missing
                model.encode(np.zeros((bands, 3000), np.float32))
        except (RuntimeError, ValueError, OSError, AttributeError) as error:
            raise ModelFailed(f"the speech model {self._folder} can not be loaded: {_line(error)}") from error
        return model


def stretches_of(segments: Iterable[Segment], voiced: Voiced, first_stamp: int) -> Iterator[Spoken]:
    """Segments as they are cited: stripped, in order, at their place in the samples, without loops and empty ones.

    A segment that says the same as the one before it is dropped if the model's window is full of repetitions.

    Args:
        segments: as faster-whisper gives them.
        voiced: what the model heard.
        first_stamp: the token that stands for the beginning of the model's window.
    """
    before, end_s = "", 0.0
    heard_s = sum(last - first for first, last in voiced)
    for segment in segments:
        text = segment.text.strip()
        start_s = segment.seek * _FRAME_S
        if segment.tokens and segment.tokens[0] >= first_stamp:
            start_s += (segment.tokens[0] - first_stamp) * _STAMP_S
        if not any(character.isalnum() for character in text) or start_s >= heard_s:
            continue
        if text == before and segment.compression_ratio > _REPEATED:
            continue
        start_s = max(_place(start_s, voiced, is_end=False), end_s)
        end_s = max(_place(segment.end, voiced, is_end=True), start_s)
        before = text
        yield Spoken(round(start_s, 3), round(end_s, 3), text)


def _place(heard_s: float, voiced: Voiced, *, is_end: bool) -> float:
    """Where in the samples a stretch of speech begins or ends that does so at ``heard_s`` of what the model hears.

    At a cut, a beginning belongs to what follows and an end to what is before.
    """
    for first_s, last_s in voiced[:-1]:
        length_s = last_s - first_s
        if heard_s < length_s + (_SLACK_S if is_end else -_SLACK_S):
            return min(max(first_s, first_s + heard_s), last_s)
        heard_s -= length_s
    first_s, last_s = voiced[-1]
    return min(max(first_s, first_s + heard_s), last_s)


def _voiced(samples: Samples) -> Voiced:
    from faster_whisper.vad import VadOptions, get_speech_timestamps

    options = VadOptions(min_silence_duration_ms=_PAUSE_MS, speech_pad_ms=_PAD_MS)
    found = get_speech_timestamps(samples, options)
    return [(part["start"] / SAMPLE_RATE, part["end"] / SAMPLE_RATE) for part in found]


def _sample(at_s: float) -> int:
    return round(at_s * SAMPLE_RATE)


def _line(error: Exception) -> str:
    """The first line of what a library says."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _has_cuda() -> bool:
    import ctranslate2

    return bool(ctranslate2.get_cuda_device_count())


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
