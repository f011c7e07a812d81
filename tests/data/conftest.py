"""What the tests of the sample library share: the scripts that made it, and a plain look at subtitles."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import av
import pytest

DATA = Path(__file__).resolve().parents[2] / "data"
Cue: TypeAlias = tuple[float, float, str]


@pytest.fixture(scope="module", autouse=True)
def makers() -> Iterator[None]:
    """The scripts that made the library can be imported, also by each other."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(DATA))
        yield


def in_file(path: Path) -> list[Cue]:
    def seconds(clock: str) -> float:
        hours, minutes, rest = clock.split(":")
        return round(int(hours) * 3600 + int(minutes) * 60 + float(rest.replace(",", ".")), 3)

    found = []
    for cue in path.read_text(encoding="utf-8").strip().split("\n\n"):
        _, times, *lines = cue.splitlines()
        start, end = map(seconds, times.split(" --> "))
        found.append((start, end, " ".join(lines)))
    return found


def in_track(path: Path) -> list[Cue]:
    """Packets of the subtitle track hold the length of the text in two bytes, then the text."""
    found = []
    with av.open(str(path)) as container:
        for packet in container.demux(container.streams.subtitles[0]):
            if packet.pts is not None and packet.size > 2:
                start, length = packet.pts * packet.time_base, packet.duration * packet.time_base
                found.append((float(start), float(start + length), bytes(packet)[2:].decode()))
    return found


@pytest.fixture(scope="session")
def subtitles_of() -> Callable[[Path], list[Cue]]:
    """Start and end in seconds and text of each subtitle: beside a recording, or in the track of a film."""
    return lambda path: in_track(path) if path.suffix == ".mp4" else in_file(path.with_suffix(".srt"))
