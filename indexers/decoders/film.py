"""Pictures of a film for models to look at: one frame for each scene, with the time that the scene takes.

Encoders begin a group of frames with a key frame, most of them at every cut: where key frames are dense they alone
are decoded. Only groups that last longer are decoded in full, and looked at once a second.

A portion ends where a scene begins, and the next portion begins with that scene: so the end of every scene is the
beginning of the next, across portions too. What a scene is decides ``film_scenes``. Time stamps that jump back are
not followed: such frames are not looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from indexers.decoders.containers import film_stream, open_recording, origin_s, read_packets, time_of
from indexers.decoders.film_scenes import THUMBNAIL, Scenes
from indexers.errors import Broken
from indexers.locators import clock
from indexers.protocols import Source
from indexers.types import Decoded, Picture, Pixels, TimeLocator

if TYPE_CHECKING:
    from av import Packet, VideoFrame
    from av.container import InputContainer
    from av.video.stream import VideoStream

PORTION_S = 120.0
"""A portion takes the scenes that begin in so many seconds: at most a dozen pictures."""
LONGEST_SIDE = 1280

_DENSE_S = 5.0  # key frames at most so far apart are enough
_STEP_S = 1.0  # between looks where they are not
_KEY_STEP_S = 0.4  # between key frames: some codecs have nothing else
_SAME_S = 0.001
_GROUP_PACKETS, _GROUP_BYTES = 2000, 64 << 20  # kept until it is known whether a group is long
_OBLONG = 4.0  # no pixels are more so
_LARGEST_FRAME = 1 << 26  # pixels
_PIXELS_A_CALL = 3_000_000_000  # decoded for the portion: ten to twenty seconds of one processor
_PIXELS_ON_THE_WAY = 9_000_000_000  # decoded before it, where no key frame is near


def decode_frames(source: Source, start: float) -> Decoded:
    """The pictures of scenes that begin in the two minutes from second ``start`` on; none if nothing moves in it.

    Raises:
        Broken: none of its pictures can be decoded.
        Empty: the file holds nothing.
        Unreadable: the operating system refuses it.
    """
    return decode_portion(source, start, PORTION_S)


def decode_portion(source: Source, start: float, length_s: float) -> Decoded:
    """As ``decode_frames``, for scenes that begin in ``length_s`` seconds."""
    with open_recording(source) as container:
        stream = film_in(container)
        if stream is None:
            return Decoded()
        if start <= 0 or sought(container, stream, start):
            return _decode(_Film(container, stream, start), start, length_s)
    with open_recording(source) as container:
        stream = film_in(container)
        return Decoded() if stream is None else _decode(_Film(container, stream, start), start, length_s)


def film_in(container: InputContainer) -> VideoStream | None:
    """The moving pictures of a recording, None if nothing moves in it.

    Raises:
        Broken: they can not be decoded here.
    """
    stream = film_stream(container)
    if stream is None:
        return None
    context: object = stream.codec_context
    if context is None:
        raise Broken("its pictures are in an encoding that is not known")
    if stream.width * stream.height > _LARGEST_FRAME:
        raise Broken(f"claims pictures of {stream.width} × {stream.height} pixels")
    return stream


def sought(container: InputContainer, stream: VideoStream, start: float) -> bool:
    """Whether the container now stands at a key frame not after second ``start``; if not, it is to be opened anew."""
    import av

    if not stream.time_base:
        return False
    target = int((start + _SAME_S + origin_s(container)) / stream.time_base)
    try:
        container.seek(target, stream=stream)
        first = next(read_packets(container, stream), None)
        stamp = time_of(first) if first is not None else None
        if stamp is None or stamp - origin_s(container) > start + _SAME_S:
            return False
        container.seek(target, stream=stream)
    except av.FFmpegError:
        return False
    return True


def _decode(film: _Film, start: float, length_s: float) -> Decoded:
    """Looks at the film until the first scene after the portion, its end, or until enough was decoded."""
    scenes: Scenes[Pixels] = Scenes()
    next_start: float | None = None
    last_s = start
    for at, frame in film.looks():
        thumbnail = _thumbnail(frame)
        last_s = at
        if not scenes.begins(at, thumbnail):
            continue
        if at >= start + length_s and scenes.found:
            next_start = at
            break
        scenes.keep(at, thumbnail, as_shown(frame, film.pixel_ratio))
    found = scenes.found
    notes: tuple[str, ...] = ()
    if next_start is None and film.exhausted:
        if len(found) > 1:
            next_start = found.pop().start_s
        elif last_s > start + _SAME_S:
            next_start = last_s
        else:
            notes = (f"no pictures after {clock(start)}: too few of its frames can be reached",)
    if not found and start <= 0 and film.errors:
        raise Broken("its pictures can not be decoded")
    last_end = max(film.end_s, last_s) if next_start is None else next_start
    ends = [*(scene.start_s for scene in found[1:]), last_end]
    pictures = (Picture(scene.look, TimeLocator(scene.start_s, end)) for scene, end in zip(found, ends, strict=False))
    return Decoded(pictures=tuple(pictures), next_start=next_start, notes=notes)


class _Film:
    """Reads frames that are worth a look, from where the container stands.

    ``end_s`` is the end of what was read, ``pixel_ratio`` the width of a pixel by its height; ``exhausted`` says that
    as much was decoded as one call may.
    """

    def __init__(self, container: InputContainer, stream: VideoStream, start: float) -> None:
        self._container = container
        self._stream = stream
        self._start = start - _SAME_S
        self._origin_s = origin_s(container)
        self._taken_s: float | None = None
        self._pixels_left = _PIXELS_A_CALL
        self._pixels_on_the_way = _PIXELS_ON_THE_WAY
        self.pixel_ratio = pixel_ratio_of(stream)
        self.end_s = 0.0
        self.errors = 0
        # One thread: the limits are on processor time, and frames come out in the same order everywhere.
        stream.codec_context.thread_count = 1

    @property
    def exhausted(self) -> bool:
        return self._pixels_left <= 0 or self._pixels_on_the_way <= 0

    def looks(self) -> Iterator[tuple[float, VideoFrame]]:
        """Frames and their seconds, from the start asked for on."""
        group: list[Packet[VideoStream]] = []
        size = 0
        in_full = False
        for packet in read_packets(self._container, self._stream):
            at = self._time(packet)
            if not packet.size or packet.is_keyframe:
                # What ends before the start asked for is not looked at.
                if in_full:
                    yield from self._take(self._drained(), _STEP_S)
                elif group and (not packet.size or at is None or at > self._start):
                    yield from self._key_frame(group[0])
                group, size, in_full = [], 0, False
            if self.exhausted:
                return
            if not packet.size:
                break
            if at is not None:
                self.end_s = max(self.end_s, at + float((packet.duration or 0) * packet.time_base))
            if in_full:
                yield from self._take(self._decoded(packet), _STEP_S)
                continue
            group.append(packet)
            size += packet.size
            begin = self._time(group[0])
            if len(group) > _GROUP_PACKETS or size > _GROUP_BYTES or _is_long(begin, at):
                in_full = True
                for earlier in group:
                    yield from self._take(self._decoded(earlier), _STEP_S)
                group = []

    def _key_frame(self, packet: Packet[VideoStream]) -> Iterator[tuple[float, VideoFrame]]:
        at = self._time(packet)
        if not packet.is_keyframe or (at is not None and not self._is_wanted(at, _KEY_STEP_S)):
            return
        frames = [*self._decoded(packet), *self._drained()]
        yield from self._take(frames[:1], _KEY_STEP_S)

    def _decoded(self, packet: Packet[VideoStream]) -> list[VideoFrame]:
        import av

        at = self._time(packet)
        pixels = self._stream.width * self._stream.height
        if at is not None and at < self._start:
            self._pixels_on_the_way -= pixels
        else:
            self._pixels_left -= pixels
        if self.exhausted:
            return []
        try:
            return self._stream.codec_context.decode(packet)
        except av.FFmpegError:
            self.errors += 1
            return []

    def _drained(self) -> list[VideoFrame]:
        """The frames that the decoder still holds; it is ready for the next key frame then."""
        import av

        try:
            return self._stream.codec_context.decode(None)
        except av.FFmpegError:
            self.errors += 1
            return []
        finally:
            self._stream.codec_context.flush_buffers()

    def _take(self, frames: list[VideoFrame], step_s: float) -> Iterator[tuple[float, VideoFrame]]:
        for frame in frames:
            at = self._seconds(frame.pts)
            at = self.end_s if at is None else at
            if self._is_wanted(at, step_s):
                self._taken_s = at
                yield max(0.0, at), frame

    def _is_wanted(self, at: float, step_s: float) -> bool:
        return at >= self._start and (self._taken_s is None or at >= self._taken_s + step_s - _SAME_S)

    def _time(self, packet: Packet[VideoStream]) -> float | None:
        return self._seconds(packet.pts if packet.pts is not None else packet.dts)

    def _seconds(self, stamp: int | None) -> float | None:
        # Not ``frame.time``: a frame that was held back by the decoder does not know its time base.
        if stamp is None or not self._stream.time_base:
            return None
        return float(stamp * self._stream.time_base) - self._origin_s


def _is_long(begin: float | None, at: float | None) -> bool:
    return begin is not None and at is not None and at - begin > _DENSE_S


def _thumbnail(frame: VideoFrame) -> Pixels:
    width, height = THUMBNAIL
    small = frame.reformat(width=width, height=height, format="rgb24", interpolation="AREA")
    return np.asarray(small.to_ndarray(), np.uint8)


def pixel_ratio_of(stream: VideoStream) -> float:
    """The width of a pixel by its height; 1 where what the film says of it makes no sense."""
    ratio = float(stream.sample_aspect_ratio or 1)
    return ratio if 1 / _OBLONG <= ratio <= _OBLONG else 1.0


def as_shown(frame: VideoFrame, pixel_ratio: float) -> Pixels:
    """The frame as it is shown: with square pixels, upright, and no larger than needed."""
    width, height = frame.width * pixel_ratio, float(frame.height)
    scale = min(1.0, LONGEST_SIDE / max(width, height))
    shown = frame.reformat(
        width=max(1, round(width * scale)),
        height=max(1, round(height * scale)),
        format="rgb24",
        interpolation="AREA",
    )
    return np.ascontiguousarray(np.rot90(np.asarray(shown.to_ndarray(), np.uint8), round(frame.rotation / 90)))
