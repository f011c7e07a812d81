"""Recordings opened with PyAV (FFmpeg's libraries): the one place that knows how their containers behave.

What a container holds is believed, not what it says: durations, packet counts and time stamps of damaged files are
wrong more often than not, so readers go by the packets they get. Opening is narrow on purpose: FFmpeg also reads
playlists and scripts that name other files and hosts, and none of these is a recording of the user's.

Times are seconds from the beginning of the recording as players show them, which is the earliest time stamp in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, TypeVar, cast

from indexers.errors import Broken, Empty, Unreadable
from indexers.protocols import Source

if TYPE_CHECKING:
    from av import Packet
    from av.container import InputContainer
    from av.stream import Stream
    from av.video.stream import VideoStream

_Kind = TypeVar("_Kind", bound="Stream")

# FFmpeg's names of the containers that ``indexers.media`` knows.
_CONTAINERS = "mp3,wav,flac,ogg,mov,aac,aiff,amr,caf,asf,matroska,avi,flv,mpeg,mpegts,mpegvideo"
_ERRORS_IN_A_ROW = 100
"""Failures to read a packet after which the rest of a file is given up."""


def open_recording(source: Source) -> InputContainer:
    """The container of a recording; to be closed by the caller (it is a context manager).

    Raises:
        Empty: the file holds nothing.
        Broken: it is no recording, or its beginning is damaged.
        Unreadable: the operating system refuses it.
    """
    import av

    try:
        if not source.path.stat().st_size:
            raise Empty("the file is empty")
        return av.open(
            str(source.path),
            metadata_errors="replace",
            container_options={"format_whitelist": _CONTAINERS, "protocol_whitelist": "file"},
        )
    except av.FFmpegError as error:
        if isinstance(error, OSError):
            raise Unreadable(error.strerror or str(error)) from error
        raise Broken("damaged or cut off: the recording can not be opened") from error
    except OSError as error:
        raise Unreadable(error.strerror or str(error)) from error


def origin_s(container: InputContainer) -> float:
    """The time stamp at which the recording begins."""
    import av

    return (container.start_time or 0) / av.time_base


def read_packets(container: InputContainer, *streams: _Kind) -> Iterator[Packet[_Kind]]:
    """The packets of streams from where the container stands; unreadable places are passed over.

    The last of each stream is empty: decoded, it gives what the decoder still holds.
    """
    import av

    wanted = {stream.index for stream in streams}
    for stream in container.streams:
        stream.discard = av.stream.Discard.default if stream.index in wanted else av.stream.Discard.all
    failures = 0
    while failures < _ERRORS_IN_A_ROW:
        try:
            for packet in container.demux(*streams) if streams else ():
                failures = 0
                yield cast("Packet[_Kind]", packet)
        except av.FFmpegError:
            failures += 1
        else:
            return


def time_of(packet: Packet[_Kind]) -> float | None:
    """The time stamp of a packet in seconds, not counted from the recording's beginning; None if it has none."""
    stamp = packet.pts if packet.pts is not None else packet.dts
    return None if stamp is None else float(stamp * packet.time_base)


def film_stream(container: InputContainer) -> VideoStream | None:
    """The stream of moving pictures, or None: cover art and thumbnails do not move."""
    from av.stream import Disposition

    still = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image
    moving = [stream for stream in container.streams.video if not stream.disposition & still]
    best = container.streams.best("video")
    if best is not None and any(stream.index == best.index for stream in moving):
        return cast("VideoStream", best)
    return moving[0] if moving else None
