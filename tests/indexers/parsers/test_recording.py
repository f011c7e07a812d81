"""What containers say of recordings and films, their chapters, and the subtitles that are believed."""

import json
import shutil
import wave
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from indexers.errors import Broken, Empty, FileError
from indexers.parsers.recording import parse_recording
from indexers.protocols import Source
from indexers.types import Parsed, TimeLocator, WholeLocator

SAMPLES = Path(__file__).parents[3] / "data" / "library"
TALK, FILM = SAMPLES / "talk-on-the-wheel.mp3", SAMPLES / "sluice-repair.mp4"


def parse(path: Path, *beside: Path, format: str = "") -> Parsed:
    return parse_recording(Source(path, path.name, format or path.suffix[1:], beside))


def said(parsed: Parsed) -> list[tuple[str, float, float]]:
    """What has a time, with it; chapters left out."""
    return [
        (piece.text, piece.locator.start_s, piece.locator.end_s)
        for block in parsed.blocks
        for piece in block.pieces
        if isinstance(piece.locator, TimeLocator) and piece.joint == " "
    ]


def whole(parsed: Parsed) -> list[str]:
    pieces = (piece for block in parsed.blocks for piece in block.pieces)
    return [piece.text for piece in pieces if piece.locator == WholeLocator()]


@pytest.fixture
def tone(tmp_path: Path) -> Path:
    path = tmp_path / "Morning talk_2.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes((np.sin(np.arange(16_000) / 8) * 9000).astype("<i2").tobytes())
    return path


def beside(path: Path, suffix: str, text: str) -> Path:
    file = path.with_suffix(suffix)
    file.write_text(text, encoding="utf-8")
    return file


def test_name_and_tags_are_blocks_of_their_own_and_sound_is_left_to_be_heard() -> None:
    parsed = parse(TALK)
    assert whole(parsed)[0] == "talk on the wheel"
    assert {"Title: A talk on the wheel", "Artist: Rupert Vane", "Date: 2025-05-10"} <= set(whole(parsed))
    assert all(len(block.pieces) == 1 for block in parsed.blocks)
    assert (parsed.title, parsed.unread, parsed.metadata["author"]) == (
        "A talk on the wheel",
        ("sound",),
        "Rupert Vane",
    )
    assert float(parsed.metadata["duration_s"]) == pytest.approx(75, abs=0.1)


def test_subtitles_beside_it_are_believed() -> None:
    parsed = parse(TALK, TALK.with_suffix(".srt"))
    assert parsed.unread == ()
    assert parsed.metadata["subtitles"] == "talk-on-the-wheel.srt"
    heard = {text: (start, end) for text, start, end in said(parsed)}
    freed = next(text for text in heard if text.startswith("The seized spill hatch was freed"))
    assert heard[freed] == (29.411, 35.934)
    # A pause of more than two seconds begins a paragraph.
    assert sum(block.pieces[0].joint == " " for block in parsed.blocks) == 5


def test_a_track_and_chapters_inside_a_film() -> None:
    parsed = parse(FILM)
    assert parsed.unread == ("frames",)
    assert (parsed.metadata["subtitles"], parsed.metadata["language"]) == ("track 3", "en")
    [chapters] = [block for block in parsed.blocks if block.pieces[0].text == "Title"]
    assert [piece.text for piece in chapters.pieces] == ["Title", "The gate goes in", "The gauge board", "Credits"]
    gauge = next(block for block in parsed.blocks if "0.73 metres" in block.pieces[0].text)
    assert gauge.headings == ("The gauge board",)
    assert gauge.pieces[0].locator == TimeLocator(22.818, 27.015)


def test_a_file_beside_it_comes_before_the_track_inside(tmp_path: Path) -> None:
    film = Path(shutil.copy(FILM, tmp_path / "film.mp4"))
    own = beside(film, ".srt", "1\n00:00:01,000 --> 00:00:02,000\nMy own words\n")
    assert said(parse(film, own)) == [("My own words", 1.0, 2.0)]


@pytest.mark.parametrize(
    ("suffix", "text"),
    [
        (".srt", "1\n00:00:00,500 --> 00:00:01,500\nhello there\n"),
        (".vtt", "WEBVTT\n\n00:00.500 --> 00:01.500 align:start\n<v Anna>hello <i>there</i>\n"),
        (".json", json.dumps({"segments": [{"start": 0.5, "end": 1.5, "text": " hello there"}]})),
    ],
)
def test_every_kind_of_transcript_with_times(tone: Path, suffix: str, text: str) -> None:
    parsed = parse(tone, beside(tone, suffix, text))
    [(words, start, end)] = said(parsed)
    assert words.endswith("hello there") and (start, end) == (0.5, 1.5)
    assert parsed.unread == ()


def test_a_transcript_without_times_is_of_the_whole(tone: Path) -> None:
    parsed = parse(tone, beside(tone, ".txt", "Nineteen people live here.\n\nAnd a goat.\n"))
    assert parsed.unread == () and said(parsed) == []
    assert {"Nineteen people live here.", "And a goat."} <= set(whole(parsed))


def test_what_is_no_transcript_leaves_the_sound_to_be_heard(tone: Path) -> None:
    assert parse(tone, beside(tone, ".json", '{"price": 3}')).unread == ("sound",)
    assert parse(tone, beside(tone, ".srt", "no cue in it")).unread == ("sound",)


def test_the_name_is_all_that_a_bare_recording_has(tone: Path) -> None:
    parsed = parse(tone)
    assert whole(parsed) == ["Morning talk 2"]
    assert (parsed.unread, parsed.coverage) == (("sound",), 1.0)


def test_no_sound_in_it_and_no_recording_at_all(tmp_path: Path) -> None:
    silent = tmp_path / "nothing.wav"
    with wave.open(str(silent), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
    with pytest.raises((Empty, Broken)) as caught:
        parse(silent)
    assert "\n" not in str(caught.value)
    nonsense = tmp_path / "nonsense.mp3"
    nonsense.write_bytes(b"ID3" + bytes(400))
    with pytest.raises(Broken, match="can not be opened"):
        parse(nonsense)


def test_a_recording_that_can_not_be_opened_keeps_the_subtitles_beside_it(tmp_path: Path) -> None:
    broken = tmp_path / "Evening talk.mp3"
    broken.write_bytes(b"ID3" + bytes(400))
    parsed = parse(broken, beside(broken, ".srt", "1\n00:00:02,000 --> 00:00:04,000\nThe barn is sold.\n"))
    assert said(parsed) == [("The barn is sold.", 2.0, 4.0)]
    assert whole(parsed) == ["Evening talk"]
    assert (parsed.unread, parsed.coverage, parsed.metadata["subtitles"]) == ((), 0.0, "Evening talk.srt")
    [note] = parsed.notes
    assert "can not be opened" in note
    with pytest.raises(Broken):
        parse(broken, beside(broken, ".json", '{"price": 3}'))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(st.sampled_from([TALK, FILM]), st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 255)), max_size=30))
def test_damage_is_a_file_error_or_passed_over(tmp_path: Path, path: Path, changes: Sequence[tuple[int, int]]) -> None:
    data = bytearray(path.read_bytes()[:60_000])
    for at, value in changes:
        data[at] = value
    damaged = tmp_path / path.name
    damaged.write_bytes(data)
    try:
        parsed = parse(damaged)
    except FileError:
        return
    assert parsed.blocks
