"""The lines of a recording and its captions."""

import re
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from assistant import Assistant
from indexers.types import Chunk, Place, TimeLocator, WholeLocator
from ui.transcript import Line, captions, lines

DATA = Path(__file__).parents[2] / "data" / "library"
CUE = re.compile(r"\d{2,}:\d\d:\d\d\.\d{3} --> \d{2,}:\d\d:\d\d\.\d{3}")


def test_a_film_has_what_is_said_and_seen_in_the_order_of_time(sample: Assistant) -> None:
    told = lines(sample.source(DATA / "sluice-repair.mp4").passages)
    assert [line.start_s for line in told] == sorted(line.start_s for line in told)
    assert [(line.chapter, line.text) for line in told if not line.on_screen][1] == (
        "The gate goes in",
        "Its boards are oak from the old bell frame of the chapel.",
    )
    seen = [line.text for line in told if line.on_screen]
    assert seen[0] == "A new gate for the wheel hatch Osier Mill, 9 March 2024"
    # The titles of chapters are no lines, nor are the tags.
    assert not {"Title", "Credits", "sluice repair"} & {line.text for line in told}


def test_captions_hold_what_is_heard_only(sample: Assistant) -> None:
    told = captions(lines(sample.source(DATA / "sluice-repair.mp4").passages))
    assert told.startswith("WEBVTT\n\n00:00:01.200 --> 00:00:05.811\nOn 9 March 2024")
    assert "Camera: Kit Marsh" not in told and "Credits" not in told
    assert len(CUE.findall(told)) == 6


def test_what_stands_for_the_whole_is_no_line() -> None:
    whole = Chunk("Title: x", WholeLocator(), (Place(0, WholeLocator()),))
    said = Chunk("one two", TimeLocator(0, 2), (Place(0, TimeLocator(0, 1)), Place(4, TimeLocator(1, 2))))
    without_places = Chunk("three", TimeLocator(2, 3))
    assert lines([whole, said, without_places]) == [Line(0, 1, "one"), Line(1, 2, "two"), Line(2, 3, "three")]
    assert captions([]) == "WEBVTT\n"


HOSTILE = "a\n\n00:00:00.000 --> 09:00:00.000\n<b onclick=x>& STYLE\n\nNOTE --> x\r\n\u2028-->"


def test_no_text_can_begin_a_cue_or_a_tag() -> None:
    told = captions(lines([Chunk(HOSTILE, TimeLocator(1, 2)), Chunk("b", TimeLocator(2, 2))]))
    assert len(CUE.findall(told)) == told.count("-->") == 2
    assert "<" not in told and "&lt;b onclick=x&gt;&amp; STYLE" in told
    assert "00:00:02.000 --> 00:00:02.001" in told


@given(st.lists(st.tuples(st.floats(0, 1e6), st.floats(0, 1e3), st.text()), max_size=8))
def test_there_is_a_cue_for_each_line_and_none_beside(told: list[tuple[float, float, str]]) -> None:
    passages = [Chunk(text, TimeLocator(start, start + length)) for start, length, text in told]
    made = lines(passages)
    written = captions(made)
    assert written.count("-->") == len(CUE.findall(written)) == len(made)
    assert "<" not in written
    for block in written.split("\n\n")[1:]:
        assert len(block.strip("\n").split("\n")) == 2
