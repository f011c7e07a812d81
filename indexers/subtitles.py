"""Subtitles and transcripts → what is said when: SubRip, WebVTT, LRC, and the JSON that speech programs write.

People and programs edit these files by hand, so reading is forgiving: numbers may be missing, a comma may be a point,
hours may be left out; a cue that makes no sense is passed over and counted. The kind is told by the content, the
suffix only says that a file is meant to be one. What is no transcript gives None: a ``.json`` beside a recording is
as often its download record.

Captions that roll (each cue repeats the line before and adds one) are unrolled, so that every line is said once.
Pure: it reads text, not files, and knows no recording.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from indexers.errors import Broken
from indexers.parsers.encoding import decode
from indexers.types import Spoken

SUFFIXES = (".srt", ".vtt", ".lrc", ".json")
"""Of the files that ``read_transcript`` reads, the best first."""

_LAST_LINE_S = 5.0  # lyrics say when a line begins, not when it ends
_LONGEST_S = 1000 * 3600.0

_CLOCK = r"(?:(\d{1,3})\s*:\s*)?(\d{1,3})\s*:\s*(\d{1,2})(?:\s*[.,:]\s*(\d{1,9}))?"
_TIMING = re.compile(rf"^\s*{_CLOCK}\s*-{{1,3}}\s*>\s*{_CLOCK}(?=\s|$)")
_NUMBER = re.compile(r"\s*\d+\s*")
_HEADED = re.compile(r"(NOTE|STYLE|REGION)(\s|$)")
_VOICE = re.compile(r"<v(?:\.[^\s>]*)?\s+([^>]{1,200})>")
_TAG = re.compile(r"</?[A-Za-z][^<>]{0,300}>|<\d[\d:.,]{2,20}>|</?>")
_OVERRIDE = re.compile(r"\{\\[^{}]{0,500}\}|\{[yYbBiIuUsScCfF]:[^{}]{0,100}\}")
_BLANKS = re.compile(r"[\s\u200b]+")
_LYRIC = re.compile(rf"\[{_CLOCK}\]\s*")
_LYRIC_TAG = re.compile(r"\[([A-Za-z#]+):([^\]]*)\]\s*")


@dataclass(frozen=True, slots=True)
class Transcript:
    """What is said, in the order of time; ``skipped`` counts damaged cues, ``language`` is "" if it is not told.

    ``speakers`` has a name or "" for each of ``spoken``.
    """

    spoken: tuple[Spoken, ...]
    speakers: tuple[str, ...] = ()
    skipped: int = 0
    language: str = ""


@dataclass(slots=True)
class _Cue:
    start_s: float
    end_s: float
    text: str  # lines as they stand, without markup
    speaker: str = ""


def read_subtitles(data: bytes) -> list[Spoken] | None:
    """What is said when, or None if the bytes are no transcript; see ``read_transcript``."""
    transcript = read_transcript(data)
    return None if transcript is None else list(transcript.spoken)


def read_transcript(data: bytes) -> Transcript | None:
    """The transcript that a file holds; None if it is none, or nothing is said in it.

    >>> read_subtitles(b"1\\n00:00:01,000 --> 00:00:02,500\\n<i>Hello</i>\\n")
    [Spoken(start_s=1.0, end_s=2.5, text='Hello')]
    """
    try:
        text = decode(data).lstrip("\ufeff")
    except Broken:
        return None
    language = ""
    if text.lstrip()[:1] in ("{", "["):
        found = _from_json(text)
        if found is not None:
            cues, skipped, language = found
            return _transcript(cues, skipped, language)
    if "->" in text:
        cues, skipped = _cues(text)
        if cues:
            return _transcript(_unrolled(cues), skipped, _vtt_language(text))
    return _transcript(_lyrics(text), 0, "")


def plain(text: str) -> str:
    """The words of a cue: without tags, override codes and entities, each line's blanks made one.

    >>> plain(r"{\\an8}<b>Tom &amp; Ann</b>\\Nat home")
    'Tom & Ann\\nat home'
    """
    text = _OVERRIDE.sub("", text.replace("\\N", "\n").replace("\\n", "\n").replace("\\h", " "))
    text = html.unescape(_TAG.sub("", text))
    lines = (_BLANKS.sub(" ", line).strip() for line in text.split("\n"))
    return "\n".join(line for line in lines if line)


def _transcript(cues: Sequence[_Cue], skipped: int, language: str) -> Transcript | None:
    cues = [cue for cue in sorted(cues, key=lambda cue: cue.start_s) if cue.text]
    if not cues:
        return None
    spoken = tuple(Spoken(cue.start_s, cue.end_s, cue.text.replace("\n", " ")) for cue in cues)
    return Transcript(spoken, tuple(cue.speaker for cue in cues), skipped, language)


# --- SubRip and WebVTT -------------------------------------------------------------------------


def _cues(text: str) -> tuple[list[_Cue], int]:
    """The cues and how many lines looked like the timing of one and were none."""
    cues: list[_Cue] = []
    skipped = 0
    lines = text.split("\n")
    body: list[str] | None = None  # lines of the cue that goes on
    times = (0.0, 0.0)

    def close() -> None:
        if body is not None:
            cues.append(_cue(times, body))

    for index, line in enumerate(lines):
        timing = _TIMING.match(line)
        if timing is not None:
            if body is not None and body and _NUMBER.fullmatch(body[-1]):
                body.pop()  # the number of this cue, which no empty line parts from the one before
            close()
            times = (_seconds(timing.groups()[:4]), _seconds(timing.groups()[4:]))
            body = []
            if not times[0] <= times[1] <= _LONGEST_S:
                body, skipped = None, skipped + 1
        elif "-->" in line:
            close()
            body, skipped = None, skipped + 1
        elif not line.strip():
            # An empty line ends a cue, unless more text follows that no number or timing begins.
            if body is not None and not _goes_on(lines, index + 1):
                close()
                body = None
        elif body is not None:
            body.append(line)
    close()
    return cues, skipped


def _goes_on(lines: Sequence[str], index: int) -> bool:
    """Whether the text of a cue goes on after an empty line (some programs leave one between two lines)."""
    following = lines[index : index + 2]
    if not following or not following[0].strip() or _HEADED.match(following[0]):
        return False
    return not any("->" in line for line in following) and not _NUMBER.fullmatch(following[0])


def _cue(times: tuple[float, float], body: Sequence[str]) -> _Cue:
    text = "\n".join(body)
    voice = _VOICE.search(text)
    return _Cue(*times, plain(text), html.unescape(voice[1]).strip() if voice else "")


def _seconds(parts: Sequence[str | None]) -> float:
    hours, minutes, seconds, fraction = parts
    return int(hours or 0) * 3600 + int(minutes or 0) * 60 + int(seconds or 0) + float(f"0.{fraction or 0}")


def _vtt_language(text: str) -> str:
    match = re.match(r"WEBVTT[^\n]*\n(?:[^\n]+\n){0,10}?Language:\s*([A-Za-z]{2,3})", text)
    return match[1].lower() if match else ""


def _unrolled(cues: Sequence[_Cue]) -> list[_Cue]:
    """The cues, without the lines that a cue repeats from the end of the one before it."""
    unrolled: list[_Cue] = []
    before: list[str] = []
    before_end = 0.0
    for cue in sorted(cues, key=lambda cue: cue.start_s):
        lines = cue.text.split("\n") if cue.text else []
        repeated = 0
        # Only captions that touch can roll; a refrain that is sung again later is said again.
        if cue.start_s - before_end < 0.5 and cue.start_s > 0:
            longest = min(len(lines), len(before))
            repeated = next((n for n in range(longest, 0, -1) if before[-n:] == lines[:n]), 0)
        new = "\n".join(lines[repeated:])
        if new:
            unrolled.append(_Cue(cue.start_s, cue.end_s, new, cue.speaker))
        elif repeated and unrolled:
            unrolled[-1].end_s = max(unrolled[-1].end_s, cue.end_s)
        if lines:
            before, before_end = lines, cue.end_s
    return unrolled


# --- lyrics, and lines that begin with a time --------------------------------------------------


def _lyrics(text: str) -> list[_Cue]:
    """A cue for each time that stands before a line; none if most lines have no time."""
    begins: list[tuple[float, str]] = []
    other = 0
    offset_s = 0.0
    for line in text.split("\n"):
        times: list[float] = []
        rest = line.strip()
        while (stamp := _LYRIC.match(rest)) is not None:
            times.append(_seconds(stamp.groups()))
            rest = rest[stamp.end() :]
        tag = None if times else _LYRIC_TAG.fullmatch(rest)
        if tag is not None and tag[1].lower() == "offset" and re.fullmatch(r"\s*[+-]?\d{1,7}\s*", tag[2]):
            offset_s = int(tag[2]) / 1000
        other += bool(rest) and not times and tag is None
        begins += [(time, plain(rest)) for time in times]
    if len(begins) <= other:
        return []
    # A positive offset makes the lines come sooner.
    begins = sorted((max(0.0, time - offset_s), words) for time, words in begins)
    ends = [*(time for time, _ in begins[1:]), begins[-1][0] + _LAST_LINE_S]
    return [_Cue(begin, end, words) for (begin, words), end in zip(begins, ends, strict=True)]


# --- JSON of speech programs -------------------------------------------------------------------


def _from_json(text: str) -> tuple[list[_Cue], int, str] | None:
    """Cues, how many entries were damaged, and the language; None if it is no transcript."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return None
    entries = _entries(data)
    cues = [cue for entry in entries if (cue := _entry(entry)) is not None]
    if len(cues) * 2 <= len(entries):
        return None
    language = ""
    if isinstance(data, dict):
        result = data.get("result")
        told = data.get("language") or (result.get("language") if isinstance(result, dict) else None)
        language = told.lower() if isinstance(told, str) and 2 <= len(told) <= 3 else ""
    rolls = isinstance(data, dict) and "events" in data
    return (_unrolled(cues) if rolls else cues), len(entries) - len(cues), language


def _entries(data: Any) -> list[Any]:
    """The list of what is said, under the names that Whisper, whisper.cpp, YouTube and podcasts give it."""
    if isinstance(data, dict):
        for name in ("segments", "transcription", "events", "chunks", "cues", "transcript", "captions"):
            if isinstance(data.get(name), list):
                data = data[name]
                break
    if not isinstance(data, list):
        return []
    # YouTube: events that only open a window or end a line hold no words.
    return [entry for entry in data if not (isinstance(entry, dict) and "tStartMs" in entry and not _words(entry))]


def _entry(entry: Any) -> _Cue | None:
    if not isinstance(entry, dict):
        return None
    words = _words(entry)
    start_s, end_s = _span(entry)
    if words is None or start_s is None or end_s is None or not 0 <= start_s <= end_s <= _LONGEST_S:
        return None
    speaker = entry.get("speaker")
    return _Cue(start_s, end_s, plain(words), speaker.strip() if isinstance(speaker, str) else "")


def _words(entry: Mapping[str, Any]) -> str | None:
    for name in ("text", "body", "content"):
        if isinstance(entry.get(name), str):
            return str(entry[name])
    parts = entry.get("segs")
    if isinstance(parts, list):
        texts = (part.get("utf8") for part in parts if isinstance(part, dict))
        return "".join(text for text in texts if isinstance(text, str)).strip()
    return None


def _span(entry: Mapping[str, Any]) -> tuple[float | None, float | None]:
    """Begin and end in seconds, None where they make no sense."""
    offsets = entry.get("offsets")
    if isinstance(offsets, dict):
        return _number(offsets.get("from"), 1000), _number(offsets.get("to"), 1000)
    if "tStartMs" in entry:
        start_s = _number(entry["tStartMs"], 1000)
        return start_s, _plus(start_s, _number(entry.get("dDurationMs", 0), 1000))
    stamp = entry.get("timestamp")
    if isinstance(stamp, list) and len(stamp) == 2:
        start_s = _number(stamp[0])
        return start_s, start_s if stamp[1] is None else _number(stamp[1])
    start_s = next((_number(entry[name]) for name in ("start", "startTime", "start_time") if name in entry), None)
    end_s = next((_number(entry[name]) for name in ("end", "endTime", "end_time") if name in entry), None)
    if end_s is None:
        lasts_s = next((_number(entry[name]) for name in ("duration", "dur") if name in entry), None)
        end_s = _plus(start_s, lasts_s)
    return start_s, end_s


def _number(value: Any, per_second: float = 1.0) -> float | None:
    """Seconds of a number, or of a string that is a number or a time of the clock."""
    if isinstance(value, str):
        match = re.fullmatch(rf"\s*{_CLOCK}\s*", value)
        if match is not None:
            return _seconds(match.groups())
        value = float(value) if re.fullmatch(r"\d{1,12}(\.\d{1,12})?", value.strip()) else None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _LONGEST_S * 1000:
        return None
    return float(value) / per_second


def _plus(start_s: float | None, lasts_s: float | None) -> float | None:
    return None if start_s is None or lasts_s is None else start_s + lasts_s
