"""The subtitles of a recording: a file beside it, a track inside it, or a transcript without times.

What a person wrote is believed before what a model hears, so the first that reads as a transcript wins: of files the
one in the recording's own language or without a language in its name, then the others in order. Subtitles that are
pictures (of discs and broadcasts) are not read.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, cast

from indexers.decoders.containers import open_recording, origin_s, read_packets, time_of
from indexers.errors import FileError
from indexers.locators import clock
from indexers.parsers.encoding import read_text
from indexers.protocols import Source
from indexers.subtitles import SUFFIXES, Transcript, plain, read_transcript
from indexers.types import Spoken

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.subtitles.stream import SubtitleStream

_TEXT_TRACKS = {"mov_text", "subrip", "srt", "webvtt", "ass", "ssa", "text"}
_FILE_BYTES = 32 << 20
_TRACK_CUES = 200_000
_TRACK_READ_S = 20.0
"""Seconds that reading a track may take: its packets are strewn over a file that may hold many gigabytes."""

_TAG = re.compile(r"[a-z]{2,3}(?=[-_][a-z0-9]{2,8}$|$)")
_DRAWING = re.compile(r"\\p[1-9]")

_TWO_LETTERS = dict(
    pair.split(":")
    for pair in (
        "ara:ar aze:az bel:be ben:bn bos:bs bul:bg cat:ca ces:cs cze:cs cym:cy wel:cy dan:da deu:de ger:de ell:el"
        " gre:el eng:en est:et eus:eu baq:eu fas:fa per:fa fin:fi fra:fr fre:fr gle:ga glg:gl guj:gu heb:he hin:hi"
        " hrv:hr hun:hu hye:hy arm:hy ind:id isl:is ice:is ita:it jpn:ja kat:ka geo:ka kaz:kk khm:km kan:kn kor:ko"
        " lat:la lit:lt lav:lv mkd:mk mac:mk mal:ml mon:mn mar:mr msa:ms may:ms mya:my bur:my nep:ne nld:nl dut:nl"
        " nor:no nob:nb nno:nn pan:pa pol:pl por:pt ron:ro rum:ro rus:ru slk:sk slo:sk slv:sl sqi:sq alb:sq srp:sr"
        " swe:sv swa:sw tam:ta tel:te tha:th tgl:tl tur:tr ukr:uk urd:ur uzb:uz vie:vi zho:zh chi:zh zul:zu"
    ).split()
)


@dataclass(frozen=True, slots=True)
class Subtitles:
    """What was found, and where (``origin``: "talk.srt", "track 2"); ``text`` is a transcript without times."""

    origin: str
    transcript: Transcript | None = None
    text: str = ""
    language: str = ""
    notes: tuple[str, ...] = ()


def find_subtitles(source: Source, language: str) -> Subtitles | None:
    """The subtitles of a recording whose language is ``language`` (ISO 639-1, or "" if it is not told)."""
    return _in_files(source, language) or _in_tracks(source, language) or _without_times(source)


def find_subtitles_beside(source: Source) -> Subtitles | None:
    """The subtitles beside a recording that can not be opened itself."""
    return _in_files(source, "") or _without_times(source)


def iso_language(tag: str) -> str:
    """ISO 639-1 of a language tag; "" if it is none that is known here.

    >>> iso_language("eng"), iso_language("pt-BR"), iso_language("und")
    ('en', 'pt', '')
    """
    match = _TAG.match(tag.strip().lower())
    if match is None:
        return ""
    return match[0] if len(match[0]) == 2 else _TWO_LETTERS.get(match[0], "")


def _in_files(source: Source, language: str) -> Subtitles | None:
    # Forced subtitles are only of what is spoken in another language.
    paths = [path for path in source.beside if path.suffix.lower() in SUFFIXES and not _tags(source.name, path)[1]]
    for path in sorted(paths, key=lambda path: _rank(source.name, path, language)):
        transcript = _read(path)
        if transcript is not None:
            told = transcript.language or _tags(source.name, path)[0]
            return Subtitles(path.name, transcript, language=iso_language(told), notes=_skipped(transcript, path.name))
    return None


def _read(path: Path) -> Transcript | None:
    try:
        return read_transcript(path.read_bytes()) if path.stat().st_size <= _FILE_BYTES else None
    except OSError:
        return None  # gone, or not ours to read: the recording is


def _rank(name: str, path: Path, language: str) -> tuple[bool, int, str]:
    tag, _ = _tags(name, path)
    foreign = bool(tag) and iso_language(tag) != language
    return foreign, SUFFIXES.index(path.suffix.lower()), path.name


def _tags(name: str, path: Path) -> tuple[str, bool]:
    """The language in the name of a subtitle file ("talk.en-US.srt"), or "", and whether it says "forced"."""
    rest = path.stem.removeprefix(name).removeprefix(PurePath(name).stem).lower()
    parts = [part for part in rest.split(".") if part]
    return next((part for part in parts if iso_language(part)), ""), "forced" in parts


def _skipped(transcript: Transcript, origin: str) -> tuple[str, ...]:
    count = transcript.skipped
    return (f"{count} damaged cue{'s' if count > 1 else ''} in {origin}",) if count else ()


# --- tracks ------------------------------------------------------------------------------------


def _in_tracks(source: Source, language: str) -> Subtitles | None:
    with open_recording(source) as container:
        indices = [stream.index for stream in _text_tracks(container, language)]
    for index in indices:
        # Opened anew: a track that was read to its end leaves the container there.
        with open_recording(source) as container:
            stream = cast("SubtitleStream", container.streams[index])
            transcript, complete_s = _read_track(container, stream)
            if transcript is None:
                continue
            notes = () if complete_s is None else (f"subtitles after {clock(complete_s)} are left out",)
            return Subtitles(
                f"track {index + 1}", transcript, language=iso_language(stream.language or ""), notes=notes
            )
    return None


def _text_tracks(container: InputContainer, language: str) -> Sequence[SubtitleStream]:
    from av.stream import Disposition

    def rank(stream: SubtitleStream) -> tuple[bool, bool, int]:
        own = iso_language(stream.language or "")
        return bool(own) and own != language, not stream.disposition & Disposition.default, stream.index

    def is_read(stream: SubtitleStream) -> bool:
        context: object = stream.codec_context  # None if no decoder is known
        forced = bool(stream.disposition & Disposition.forced)
        return context is not None and stream.codec_context.name in _TEXT_TRACKS and not forced

    return sorted(filter(is_read, container.streams.subtitles), key=rank)


def _read_track(container: InputContainer, stream: SubtitleStream) -> tuple[Transcript | None, float | None]:
    """The transcript in a track, and the second after which it was not read on, if it was not."""
    import av

    begin = time.monotonic()
    origin = origin_s(container)
    spoken: list[Spoken] = []
    speakers: list[str] = []
    incomplete: float | None = None
    for packet in read_packets(container, stream):
        stamp = time_of(packet)
        if not packet.size or stamp is None:
            continue
        if len(spoken) >= _TRACK_CUES or time.monotonic() - begin > _TRACK_READ_S:
            incomplete = max(0.0, stamp - origin)
            break
        try:
            events = packet.decode()
        except av.FFmpegError:
            continue
        start_s = max(0.0, stamp - origin)
        end_s = start_s + max(0.0, float((packet.duration or 0) * packet.time_base))
        for words, speaker in _events(events):
            spoken.append(Spoken(start_s, end_s, words))
            speakers.append(speaker)
    if not spoken:
        return None, None
    order = sorted(range(len(spoken)), key=lambda at: spoken[at].start_s)
    return Transcript(tuple(spoken[at] for at in order), tuple(speakers[at] for at in order)), incomplete


def _events(events: Iterable[object]) -> list[tuple[str, str]]:
    """Words and speakers of decoded events, which FFmpeg gives as lines of an ASS script for every kind of track."""
    from av.subtitles.subtitle import AssSubtitle

    found: list[tuple[str, str]] = []
    for event in events:
        if not isinstance(event, AssSubtitle):
            continue
        # Order, layer, style, name, three margins, effect, text.
        fields = event.ass.decode("utf-8", "replace").split(",", 8)
        text = fields[-1]
        words = "" if _DRAWING.search(text) else plain(text).replace("\n", " ")
        if words:
            found.append((words, fields[3].strip() if len(fields) == 9 else ""))
    return found


def _without_times(source: Source) -> Subtitles | None:
    """A text file beside the recording; if its lines begin with times, these are believed."""
    for path in sorted(path for path in source.beside if path.suffix.lower() == ".txt"):
        transcript = _read(path)
        if transcript is not None:
            return Subtitles(path.name, transcript, notes=_skipped(transcript, path.name))
        try:
            text = read_text(path) if path.stat().st_size <= _FILE_BYTES else ""
        except (FileError, OSError):
            continue
        if text.strip():
            return Subtitles(path.name, text=text)
    return None
