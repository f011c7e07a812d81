"""What is said in a recording, line by line with its times, and as captions for a player. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from indexers.types import Chunk, TimeLocator
from ui.source_parts import segments

_ON_SCREEN = ("on screen",)
_LINE_ENDS = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Line:
    """Words of a recording, and the seconds from which to which they are heard, or seen (``on_screen``)."""

    start_s: float
    end_s: float
    text: str
    chapter: str = ""
    on_screen: bool = False


def lines(passages: Sequence[Chunk]) -> list[Line]:
    """The lines of a recording in the order of time; its chapters' titles are in the lines, and none themselves."""
    titles = {passage.headings[-1] for passage in passages if passage.headings}
    found = [line for passage in passages for line in _lines_of(passage)]
    return sorted((line for line in found if line.text not in titles), key=lambda line: (line.start_s, line.on_screen))


def _lines_of(passage: Chunk) -> Iterable[Line]:
    on_screen = passage.headings == _ON_SCREEN
    chapter = passage.headings[-1] if passage.headings and not on_screen else ""
    for locator, part in segments(passage):
        text = _LINE_ENDS.sub(" ", part).strip()
        if isinstance(locator, TimeLocator) and text:
            yield Line(locator.start_s, locator.end_s, text, chapter, on_screen)


def captions(spoken: Iterable[Line]) -> str:
    """What is heard as WebVTT; no text in it can begin a cue, a style or a tag."""
    cues = [
        f"{_stamp(line.start_s)} --> {_stamp(max(line.end_s, line.start_s + 0.001))}\n{_escaped(line.text)}\n"
        for line in spoken
        if not line.on_screen
    ]
    return "\n".join(["WEBVTT\n", *cues])


def _escaped(text: str) -> str:
    # "-->" would be read as the times of a cue. There are no line ends in it.
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _stamp(seconds: float) -> str:
    """Seconds as WebVTT writes them.

    >>> _stamp(3723.5)
    '01:02:03.500'
    """
    ms = max(0, round(seconds * 1000))
    return f"{ms // 3_600_000:02}:{ms // 60_000 % 60:02}:{ms // 1000 % 60:02}.{ms % 1000:03}"
