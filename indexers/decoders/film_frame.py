"""One frame of a film: the picture that is on the screen at a given second, for people to look at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from indexers.decoders.containers import open_recording, origin_s, read_packets
from indexers.decoders.film import as_shown, film_in, pixel_ratio_of, sought
from indexers.errors import Broken, Unsupported
from indexers.protocols import Source
from indexers.types import Pixels

if TYPE_CHECKING:
    from av import VideoFrame
    from av.container import InputContainer
    from av.video.stream import VideoStream

_EARLY_SHARE = 0.1
"""Where a film is looked at if nobody says where: behind a black beginning."""
_SAME_S = 0.001
_MOST_PIXELS = 6_000_000_000  # decoded on the way to the frame


def frame_at(source: Source, second: float | None) -> Pixels:
    """``(height, width, 3)`` uint8: the frame shown at ``second`` (None: a little after the beginning).

    The last frame of a film that ends before, and of one in which it would take too long to get there.

    Raises:
        Broken: no frame can be decoded.
        Unsupported: nothing moves in it.
        FileError: as ``open_recording``.
    """
    with open_recording(source) as container:
        stream = _stream(container)
        if second is None:
            second = (container.duration or 0) / 1_000_000 * _EARLY_SHARE
        if second <= 0 or sought(container, stream, second):
            return _frame(container, stream, second)
    with open_recording(source) as container:
        return _frame(container, _stream(container), second)


def _stream(container: InputContainer) -> VideoStream:
    stream = film_in(container)
    if stream is None:
        raise Unsupported("it has no moving pictures")
    return stream


def _frame(container: InputContainer, stream: VideoStream, second: float) -> Pixels:
    import av

    origin = origin_s(container)
    stream.codec_context.thread_count = 1
    shown: VideoFrame | None = None
    room = _MOST_PIXELS
    for packet in read_packets(container, stream):
        try:
            frames = stream.codec_context.decode(packet if packet.size else None)
        except av.FFmpegError:
            continue
        for frame in frames:
            stamp = frame.pts * stream.time_base if frame.pts is not None and stream.time_base else None
            if shown is not None and stamp is not None and float(stamp) - origin > second + _SAME_S:
                return as_shown(shown, pixel_ratio_of(stream))
            shown = frame
            room -= frame.width * frame.height
        if room <= 0 or not packet.size:
            break
    if shown is None:
        raise Broken("its pictures can not be decoded")
    return as_shown(shown, pixel_ratio_of(stream))
