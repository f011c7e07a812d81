"""Decoded frames of sound → the samples of a window of time, each at its own time.

Frames that follow each other are a run, which is resampled as one; what lies between runs is silence. Any sample
format, rate and number of channels goes in, one channel of 16 kHz comes out. It knows no containers and no packets.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from indexers.errors import Broken
from indexers.types import SAMPLE_RATE, Samples

if TYPE_CHECKING:
    from av import AudioFrame, AudioResampler

_JITTER_S = 0.1  # time stamps of some containers are rounded to milliseconds, of others to whole frames
_OVERHANG_S = 0.05  # less than this after a window is no reason for another
_PAUSE_S = 1.0
_RATES_HZ = (1_000, 768_000)

# How much of a channel goes into the mix: speech sits in the middle of a surround recording.
_WEIGHTS = {"FC": 1.0, "FL": 0.7, "FR": 0.7, "LFE": 0.0, "LFE2": 0.0}
_OTHER_WEIGHT = 0.5


class SoundWindow:
    """Collects the samples of ``length_s`` seconds from second ``start`` on; what lies outside is dropped."""

    def __init__(self, start: float, length_s: float) -> None:
        self._start = start
        self._end = start + length_s
        self._samples: Samples = np.zeros(round(length_s * SAMPLE_RATE), np.float32)
        self._filled = 0  # samples of the window that are done
        self._kind: tuple[str, str, int] | None = None  # sample format, channel layout and rate of the run
        self._resampler: AudioResampler | None = None
        self._weights: Samples = np.ones(1, np.float32)
        self._index = 0  # place in the window of the run's next sample; negative before the window
        self._run_s = 0.0  # where the run began
        self._taken = 0  # samples that went into the run, at its own rate

    @property
    def position(self) -> float:
        """The second up to which sound was seen."""
        return self._run_s + (self._taken / self._kind[2] if self._kind else 0.0)

    @property
    def is_passed(self) -> bool:
        """Whether there is sound after the window."""
        return self.position > self._end + _OVERHANG_S

    @property
    def next_start(self) -> float | None:
        """Where the next window begins: at the end of this one, or where the sound goes on after a long pause."""
        if not self.is_passed:
            return None
        return self._run_s if self._run_s > self._end + _PAUSE_S else self._end

    def add(self, frame: AudioFrame, at: float | None) -> None:
        """Takes a frame that begins at second ``at``; None: right after the last.

        Raises:
            Broken: its rate or its channels make no sense.
        """
        if not frame.samples:
            return
        at = self.position if at is None else at
        if _kind(frame) != self._kind or abs(at - self.position) > _JITTER_S:
            self._end_run()
            self._begin_run(frame, at)
        frame.pts = None  # samples are counted from here on
        self._taken += frame.samples
        self._resample(frame)

    def samples(self) -> Samples:
        """What the window holds, up to the last sound in it."""
        self._end_run()
        samples = np.nan_to_num(self._samples[: self._filled], copy=False, nan=0.0, posinf=0.0, neginf=0.0)
        return np.clip(samples, -1.0, 1.0, out=samples)

    def _begin_run(self, frame: AudioFrame, at: float) -> None:
        import av

        low, high = _RATES_HZ
        if not low <= frame.sample_rate <= high:
            raise Broken(f"claims {frame.sample_rate:,} samples a second")
        self._kind = _kind(frame)
        # All channels are kept, packed: FFmpeg's own mix refuses layouts that it has no matrix for.
        self._resampler = av.AudioResampler(format="flt", layout=frame.layout, rate=SAMPLE_RATE)
        self._weights = _mix([channel.name for channel in frame.layout.channels])
        self._index = round((at - self._start) * SAMPLE_RATE)
        self._run_s = at
        self._taken = 0

    def _end_run(self) -> None:
        self._resample(None)
        self._resampler = None

    def _resample(self, frame: AudioFrame | None) -> None:
        import av

        if self._resampler is None:
            return
        try:
            resampled = self._resampler.resample(frame)
        except av.FFmpegError as error:
            raise Broken(f"its sound of {len(self._weights)} channels can not be converted") from error
        for part in resampled:
            # A frame that needs no conversion is passed through, also the None at the end.
            if part is not None:
                channels = np.asarray(part.to_ndarray(), np.float32).reshape(-1, len(self._weights))
                self._put(channels @ self._weights)

    def _put(self, samples: NDArray[np.float32]) -> None:
        skipped = max(0, self._filled - self._index)
        begin = self._index + skipped
        self._index += len(samples)
        end = min(self._index, len(self._samples))
        if begin < end:
            self._samples[begin:end] = samples[skipped : skipped + end - begin]
            self._filled = end


def _kind(frame: AudioFrame) -> tuple[str, str, int]:
    return frame.format.name, frame.layout.name, frame.sample_rate


def _mix(channels: Sequence[str]) -> Samples:
    """How much of each channel goes into the mix; the sum is 1."""
    weights = np.array([_WEIGHTS.get(name, _OTHER_WEIGHT) for name in channels], np.float32)
    return weights / weights.sum() if weights.sum() else np.full(len(channels), 1 / len(channels), np.float32)
