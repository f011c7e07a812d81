"""Sound of recordings and films as samples for a speech model: one channel, 16 kHz, a window of time per call.

A window is found by seeking and cut by time stamps, so that windows join without gap or overlap; formats that are a
mere row of frames (and Ogg, whose time can begin anew in the middle) are counted through from their beginning
instead, without decoding what comes before the window. Gaps in the time stamps become silence, so that a sample's
place is always its time; time that jumps back goes on from where it was.

What can not be decoded is passed over and told in a note. This module knows nothing of speech, and it does not
believe durations: they only serve to say that a file was cut off.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

import numpy as np

from indexers.decoders.containers import film_stream, open_recording, origin_s, read_packets, time_of
from indexers.decoders.sound_window import SoundWindow
from indexers.errors import Broken, Empty
from indexers.locators import clock
from indexers.protocols import Source
from indexers.types import Decoded

if TYPE_CHECKING:
    from av import AudioFrame, Packet
    from av.audio.stream import AudioStream
    from av.container import InputContainer

WINDOW_S = 300.0
"""Seconds of sound in one portion: 19 MB of samples, and 400 MB of what a speech model makes of them."""

_PREROLL_S = 1.0  # decoders and the resampler need a run-up
_FAR_BACK_S = 30.0  # for containers whose index is coarse
_BACK_S = 1.0  # a jump back by more than this is time that begins anew
_LONGEST_S = 100 * 3600.0
_ERRORS_IN_A_ROW = 1000

_SAME_DAMAGE_S = 1.0
_DAMAGES_TOLD = 3
_AT_THE_END_S = 0.1
_CUT_S, _CUT_SHARE = 1.5, 0.02  # what may be missing from the end without a word

_COUNTED = {"mp3", "aac", "amr", "ogg"}
"""Containers without an index, or with time stamps that can begin anew."""
_MEASURED = {"aac", "amr", "ogg", "caf", "avi", "mpeg", "mpegts", "mpegvideo"}
"""Containers whose duration FFmpeg takes from the length of the file, so that it says nothing about a missing end."""


def decode_sound(source: Source, start: float) -> Decoded:
    """Up to five minutes of sound from second ``start`` on; no samples if the file has no sound, or ended before.

    Raises:
        Broken: none of its sound can be decoded.
        Empty: it claims to be sound and holds none.
        Unreadable: the operating system refuses it.
    """
    return decode_window(source, start, WINDOW_S)


def decode_window(source: Source, start: float, length_s: float) -> Decoded:
    """As ``decode_sound``, for a window of ``length_s`` seconds."""
    with open_recording(source) as container:
        stream = _sound_stream(container)
        if stream is None:
            return Decoded(samples=np.zeros(0, np.float32))
        if start <= 0 or _sought(container, stream, start):
            return _decode(container, stream, source, start, length_s)
    # No index, or one that leads astray: from the beginning.
    with open_recording(source) as container:
        stream = _sound_stream(container)
        if stream is None:
            return Decoded(samples=np.zeros(0, np.float32))
        return _decode(container, stream, source, start, length_s)


def _sound_stream(container: InputContainer) -> AudioStream | None:
    stream = cast("AudioStream | None", container.streams.best("audio"))
    if stream is None and container.streams.audio:
        stream = container.streams.audio[0]
    if stream is not None and cast(object, stream.codec_context) is None:
        raise Broken("its sound is in an encoding that is not known")
    return stream


def _sought(container: InputContainer, stream: AudioStream, start: float) -> bool:
    """Whether the container now stands a little before second ``start``."""
    import av

    if container.format.name in _COUNTED or not stream.time_base:
        return False
    for back_s in (_PREROLL_S, _FAR_BACK_S):
        target = int((max(0.0, start - back_s) + origin_s(container)) / stream.time_base)
        try:
            container.seek(target, stream=stream)
            first = next(read_packets(container, stream), None)
            stamp = time_of(first) if first is not None else None
            if stamp is not None and stamp - origin_s(container) <= start:
                container.seek(target, stream=stream)
                return True
        except av.FFmpegError:
            return False
    return False


def _decode(container: InputContainer, stream: AudioStream, source: Source, start: float, length_s: float) -> Decoded:
    """The window, from packets that begin before it."""
    import av

    time = _Clock(-origin_s(container))
    window = SoundWindow(start, length_s)
    damage = _Damage()
    for packet in read_packets(container, stream):
        at = time.of_packet(packet)
        if packet.size and time.next is not None and time.next < start - _PREROLL_S:
            continue
        try:
            frames = packet.decode()
        except av.FFmpegError:
            if damage.add(window.position if at is None else at) >= _ERRORS_IN_A_ROW:
                break
            continue
        if frames:
            damage.in_a_row = 0
        for frame in frames:
            window.add(frame, time.of_frame(frame))
        if window.is_passed:
            break
    samples, next_start = window.samples(), window.next_start
    if start <= 0 and next_start is None and not len(samples):
        if damage.spans:
            raise Broken("its sound can not be decoded")
        raise Empty("no sound in it")
    end = None if window.is_passed else window.position
    notes = damage.notes(start, end, _claimed_s(container, stream, source) or 0.0)
    if next_start is not None and next_start > _LONGEST_S:
        return Decoded(samples=samples, notes=(*notes, f"only its first {_LONGEST_S / 3600:.0f} hours are heard"))
    return Decoded(samples=samples, next_start=next_start, notes=notes)


def _claimed_s(container: InputContainer, stream: AudioStream, source: Source) -> float | None:
    """How long the sound is by what the header says; None where the header does not say it."""
    import av

    name = container.format.name
    if name == "wav":
        return _claimed_by_wav(source, container.duration or 0)
    if name in _MEASURED or (name == "mp3" and not _has_frame_count(source)):
        return None
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    # Without a film, what the container says can only be about the sound.
    return (container.duration or 0) / av.time_base if film_stream(container) is None else None


def _claimed_by_wav(source: Source, duration: int) -> float | None:
    import av

    with source.path.open("rb") as file:
        claimed = int.from_bytes(file.read(8)[4:], "little") + 8
    actual = source.path.stat().st_size
    # Programs that write to a pipe put in the greatest number they have.
    return duration / av.time_base * claimed / actual if actual < claimed < 0x7FFF0000 else None


def _has_frame_count(source: Source) -> bool:
    """Whether an MP3 says how many frames it has: a Xing or Info header in its first frame, after the ID3 tag."""
    with source.path.open("rb") as file:
        head = file.read(10)
        if head.startswith(b"ID3"):
            size = 0
            for byte in head[6:10]:
                size = size << 7 | byte & 0x7F
            file.seek(10 + size)
        first = file.read(2048)
    return b"Xing" in first or b"Info" in first


@dataclass(slots=True)
class _Clock:
    """Seconds since the recording's beginning, which never jump back: ``shift`` is added to time stamps."""

    shift: float
    next: float | None = None

    def of_packet(self, packet: Packet[AudioStream]) -> float | None:
        """When the packet begins; ``next`` is then when it ends. None if nothing is known."""
        stamp = time_of(packet)
        at = self.next if stamp is None else stamp + self.shift
        if at is None:
            return None
        if self.next is not None and at < self.next - _BACK_S:
            self.shift += self.next - at
            at = self.next
        self.next = at + float((packet.duration or 0) * packet.time_base)
        return at

    def of_frame(self, frame: AudioFrame) -> float | None:
        """When the frame begins; None if it has no time stamp."""
        if frame.pts is None or not frame.time_base:
            return None
        return float(frame.pts * frame.time_base) + self.shift


@dataclass(slots=True)
class _Damage:
    """Where packets could not be decoded: stretches of time, in seconds."""

    spans: list[tuple[float, float]] = field(default_factory=list)
    in_a_row: int = 0

    def add(self, at: float) -> int:
        """A packet at this time is lost; gives how many were, one after the other."""
        if self.spans and at - self.spans[-1][1] <= _SAME_DAMAGE_S:
            self.spans[-1] = (self.spans[-1][0], at)
        else:
            self.spans.append((at, at))
        self.in_a_row += 1
        return self.in_a_row

    def notes(self, start: float, end: float | None, claimed_s: float) -> tuple[str, ...]:
        """The damage from ``start`` on. ``end``: where the sound ended, if it did."""
        told = [span for span in self.spans if span[1] >= start]
        cut = end is not None and end < claimed_s - max(_CUT_S, _CUT_SHARE * claimed_s)
        if end is not None and told and told[-1][1] >= end - _AT_THE_END_S:
            told.pop()  # what is cut in the middle of a packet ends in damage
            cut = True
        notes = [f"damaged {_between(clock(first), clock(last))}" for first, last in told[:_DAMAGES_TOLD]]
        if len(told) > _DAMAGES_TOLD:
            notes.append(f"damaged in {len(told) - _DAMAGES_TOLD} more places")
        if cut and end is not None:
            notes.append(f"cut off after {clock(round(end))}")
        return tuple(notes)


def _between(first: str, last: str) -> str:
    return f"at {first}" if first == last else f"between {first} and {last}"
