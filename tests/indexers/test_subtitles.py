"""Subtitles of every kind, as people and programs write them: words at their time, markup gone, damage counted."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexers.subtitles import plain, read_subtitles, read_transcript
from indexers.types import Spoken

SRT = """1
00:00:01,000 --> 00:00:02,500
Good morning.

2
00:01:00,250 --> 00:01:04,000
<i>We begin</i>
with the minutes.

3
01:00:00,000 --> 01:00:01,000
Goodbye &amp; thanks.
"""
READ = [
    Spoken(1.0, 2.5, "Good morning."),
    Spoken(60.25, 64.0, "We begin with the minutes."),
    Spoken(3600.0, 3601.0, "Goodbye & thanks."),
]


@pytest.mark.parametrize(
    "data",
    [
        SRT.encode(),
        SRT.encode("utf-8-sig"),
        SRT.encode("utf-16"),
        SRT.replace("\n", "\r\n").encode(),
        SRT.replace("\n", "\r").encode(),
        SRT.replace(",", ".").encode(),
        SRT.replace("1\n00", "00").replace("2\n00", "00").replace("3\n01", "01").encode(),  # no numbers
        SRT.replace("\n\n", "\n").encode(),  # no empty lines
        SRT.replace("\n\n", "\n\n\n\n").encode(),
        SRT.replace(" --> ", "-->").encode(),
        SRT.replace(" --> ", "  ->   ").encode(),
        SRT.replace("00:00:01", "00:01").replace("00:00:02", "0:02").encode(),  # no hours
        SRT.strip().encode(),
        SRT.replace("2,500", "2,500 X1:100 X2:200 Y1:10 Y2:20").encode(),
    ],
)
def test_subrip_as_it_is_found(data: bytes) -> None:
    assert read_subtitles(data) == READ


def test_encodings_are_told() -> None:
    text = "1\n00:00:01,000 --> 00:00:02,000\nZürich, naïve Größe: schöne Grüße aus Köln\n"
    for encoding in ("utf-8", "cp1252", "utf-16-le"):
        assert read_subtitles(text.encode(encoding)) == [Spoken(1, 2, "Zürich, naïve Größe: schöne Grüße aus Köln")]


def test_webvtt() -> None:
    text = """WEBVTT - A talk
Kind: captions
Language: en-GB

STYLE
::cue { color: papayawhip }

NOTE this
is not said

intro
00:01.000 --> 00:03.000 align:start position:0%
<v Anna Meyer>Where is the <b>key</b>?</v>

00:03.500 --> 00:05.000
<v.loud Tom>Under the <c.yellow>mat</c> &lt;there&gt;&nbsp;!

NOTE nor this

00:06.000 --> 00:07.000
- one
- two
"""
    transcript = read_transcript(text.encode())
    assert transcript is not None
    assert transcript.spoken == (
        Spoken(1.0, 3.0, "Where is the key?"),
        Spoken(3.5, 5.0, "Under the mat <there> !"),
        Spoken(6.0, 7.0, "- one - two"),
    )
    assert transcript.speakers == ("Anna Meyer", "Tom", "")
    assert transcript.language == "en"
    assert transcript.skipped == 0


def test_captions_that_roll_are_said_once() -> None:
    text = """WEBVTT

00:00:00.000 --> 00:00:02.000 align:start position:0%

so<00:00:00.500><c> today</c><00:00:01.000><c> we</c>

00:00:02.000 --> 00:00:02.010 align:start position:0%
so today we


00:00:02.010 --> 00:00:04.000 align:start position:0%
so today we
talk<00:00:02.500><c> of</c><00:00:03.000><c> bread</c>

00:00:04.000 --> 00:00:04.010 align:start position:0%
talk of bread


00:00:04.010 --> 00:00:06.000 align:start position:0%
talk of bread
and water
"""
    found = read_subtitles(text.encode())
    assert found is not None
    assert [part.text for part in found] == ["so today we", "talk of bread", "and water"]
    assert [part.start_s for part in found] == [0.0, 2.01, 4.01]


def test_a_refrain_is_said_again() -> None:
    text = "00:01.000 --> 00:02.000\nla la\n\n00:05.000 --> 00:06.000\nla la\n"
    assert read_subtitles(text.encode()) == [Spoken(1, 2, "la la"), Spoken(5, 6, "la la")]


def test_damaged_cues_are_passed_over_and_counted() -> None:
    text = """1
00:00:01,000 --> 00:00:02,000
good

2
00:00:xx,000 --> 00:00:04,000
bad

3
00:00:09,000 --> 00:00:05,000
backwards

4
00:00:10,000 --> 00:00:11,000

5
00:00:12,000 --> 00:00:13,000
good again
"""
    transcript = read_transcript(text.encode())
    assert transcript is not None
    assert [part.text for part in transcript.spoken] == ["good", "good again"]
    assert transcript.skipped == 2


def test_an_empty_line_within_a_cue_does_not_end_it() -> None:
    text = "1\n00:00:01,000 --> 00:00:02,000\nfirst\n\nsecond\n\n2\n00:00:03,000 --> 00:00:04,000\nthird\n"
    assert read_subtitles(text.encode()) == [Spoken(1, 2, "first second"), Spoken(3, 4, "third")]


def test_a_number_that_is_said_stays() -> None:
    text = "1\n00:00:01,000 --> 00:00:02,000\n1984\n\n2\n00:00:03,000 --> 00:00:04,000\nOrwell\n"
    assert read_subtitles(text.encode()) == [Spoken(1, 2, "1984"), Spoken(3, 4, "Orwell")]


def test_lyrics() -> None:
    text = "[ti:Song]\n[ar:Choir]\n[offset:+500]\n[00:10.50]First line\n[00:20.00][00:40.00] Again\n"
    text += "[00:30]<00:30.10>Third <00:31.00>line\n"
    assert read_subtitles(text.encode()) == [
        Spoken(10.0, 19.5, "First line"),
        Spoken(19.5, 29.5, "Again"),
        Spoken(29.5, 39.5, "Third line"),
        Spoken(39.5, 44.5, "Again"),
    ]


def test_a_transcript_whose_lines_begin_with_times() -> None:
    text = "[00:00:05] Anna: Hello.\n[01:00:07] Tom: Goodbye.\n"
    assert read_subtitles(text.encode()) == [Spoken(5, 3607, "Anna: Hello."), Spoken(3607, 3612, "Tom: Goodbye.")]


TWO = [Spoken(0.5, 2.0, "Good morning."), Spoken(2.0, 4.25, "Sit down.")]


@pytest.mark.parametrize(
    "data",
    [
        {
            "text": " Good morning. Sit down.",
            "segments": [
                {"id": 0, "start": 0.5, "end": 2.0, "text": " Good morning."},
                {"id": 1, "start": 2.0, "end": 4.25, "text": " Sit down."},
            ],
            "language": "en",
        },
        {
            "result": {"language": "en"},
            "transcription": [
                {"timestamps": {}, "offsets": {"from": 500, "to": 2000}, "text": " Good morning."},
                {"timestamps": {}, "offsets": {"from": 2000, "to": 4250}, "text": " Sit down."},
            ],
        },
        [{"start": 0.5, "end": 2, "text": "Good morning."}, {"start": 2, "end": 4.25, "text": "Sit down."}],
        [{"text": "Good morning.", "start": 0.5, "duration": 1.5}, {"text": "Sit down.", "start": 2, "duration": 2.25}],
        [
            {"text": "Good morning.", "start": "00:00:00,500", "end": "00:00:02,000"},
            {"text": "Sit down.", "start": "2.0", "end": "00:04.250"},
        ],
        {
            "wireMagic": "pb3",
            "events": [
                {"tStartMs": 0, "dDurationMs": 9000, "id": 1, "wpWinPosId": 1},
                {
                    "tStartMs": 500,
                    "dDurationMs": 1500,
                    "segs": [{"utf8": "Good"}, {"utf8": " morning.", "tOffsetMs": 9}],
                },
                {"tStartMs": 1990, "dDurationMs": 10, "aAppend": 1, "segs": [{"utf8": "\n"}]},
                {"tStartMs": 2000, "dDurationMs": 2250, "segs": [{"utf8": "Sit down."}]},
            ],
        },
        {
            "version": "1.0.0",
            "segments": [
                {"speaker": "Anna", "startTime": 0.5, "endTime": 2.0, "body": "Good morning."},
                {"speaker": "Tom", "startTime": 2.0, "endTime": 4.25, "body": "Sit down."},
            ],
        },
        {
            "text": "…",
            "chunks": [
                {"timestamp": [0.5, 2.0], "text": " Good morning."},
                {"timestamp": [2.0, 4.25], "text": " Sit down."},
            ],
        },
    ],
)
def test_transcripts_in_json(data: Any) -> None:
    assert read_subtitles(json.dumps(data).encode()) == TWO
    assert read_subtitles(b"\xef\xbb\xbf" + json.dumps(data, indent=2).encode()) == TWO


def test_speakers_and_language_of_json() -> None:
    data = {
        "segments": [
            {"speaker": "Anna", "start": 1, "end": 2, "text": "Yes?"},
            {"start": 2, "end": None, "text": "lost"},
            {"start": 3, "end": 4, "text": "No."},
        ],
        "language": "de",
    }
    transcript = read_transcript(json.dumps(data).encode())
    assert transcript is not None
    assert transcript.speakers == ("Anna", "")
    assert transcript.language == "de"
    assert transcript.skipped == 1


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"   \n",
        b"A plain text.\n\nWith paragraphs -> and arrows --> too.\n",
        b"[1] A footnote.\n[2] Another.\n",
        b"[10:30] <anna> hello\nand a long letter\nof many lines\nthat have no times\n",
        b"{}",
        b"[]",
        b"[1, 2, 3]",
        b'{"title": "A talk", "duration": 12, "start": 0, "chapters": [{"start_time": 0, "title": "One"}]}',
        b'{"segments": "none"}',
        b'{"segments": [{"start": "soon", "end": "later", "text": "x"}]}',
        b'{"segments": [{"start": 1e400, "end": NaN, "text": "x"}]}',
        b'{"segments": [',
        b"[" * 100_000,
        bytes(range(256)) * 20,
        b"WEBVTT\n\nNOTE nothing is said\n",
        b"00:00:05,000 --> 00:00:01,000\nbackwards\n",
    ],
)
def test_what_is_no_transcript_gives_none(data: bytes) -> None:
    assert read_subtitles(data) is None


def test_plain_takes_markup_away_and_leaves_words() -> None:
    assert plain(r"{\an8\pos(10,20)}{y:i}Well,\Nwell") == "Well,\nwell"
    assert plain('<font color="#ffffff">a</font> < b > c') == "a < b > c"
    assert plain("<ruby>漢<rt>kan</rt></ruby>") == "漢kan"
    assert plain("x <3 y, 2<5 and 7>6") == "x <3 y, 2<5 and 7>6"


def test_a_long_file_is_read_in_linear_time(ends: Any) -> None:
    with ends():
        assert len(read_subtitles(("00:01.000 --> 00:02.000\n" + "<" * 50 + "\n\n").encode() * 40_000) or ()) > 0
        read_subtitles(b"00:01.000 --> 00:02.000\n" + b"<" * 2_000_000)
        read_subtitles(b"00:01.000 --> 00:02.000\n" + b"{\\" * 1_000_000)
        read_subtitles(b"[" + b"0" * 2_000_000)
        read_subtitles(b"00:01 " + b" " * 2_000_000 + b"-->")


@given(st.binary(max_size=400) | st.text(alphabet='0123:,.-> <i>{\\}[]\n"ab', max_size=300).map(str.encode))
def test_anything_is_read_or_left(data: bytes) -> None:
    found = read_subtitles(data)
    assert found is None or all(part.text and 0 <= part.start_s <= part.end_s for part in found)


@given(
    st.lists(
        st.tuples(st.integers(0, 10**7), st.integers(0, 10_000), st.text("abcäé漢 ", min_size=1).filter(str.strip)),
        min_size=1,
        max_size=8,
        unique_by=(lambda cue: cue[0], lambda cue: tuple(cue[2].split())),
    )
)
def test_what_is_written_is_read(cues: list[tuple[int, int, str]]) -> None:
    def stamp(ms: int) -> str:
        return f"{ms // 3600000:02}:{ms // 60000 % 60:02}:{ms // 1000 % 60:02},{ms % 1000:03}"

    cues = sorted(cues)
    text = "\n".join(f"{n}\n{stamp(a)} --> {stamp(a + d)}\n{words}\n" for n, (a, d, words) in enumerate(cues, 1))
    found = read_subtitles(text.encode())
    assert found is not None
    assert [(round(part.start_s * 1000), part.text) for part in found] == [
        (start, " ".join(words.split())) for start, _, words in cues
    ]
