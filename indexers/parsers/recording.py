"""Recordings and films: what their containers say of them, their chapters, and their subtitles if there are any.

What is said and shown beyond that is left to models; only when there are subtitles or a transcript, nobody has to
listen. Whether a file is sound or film is told by its streams here, not by its suffix: cover art is no film.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from indexers.decoders.containers import film_stream, open_recording, origin_s, read_packets
from indexers.errors import Broken, Empty
from indexers.ledger import Way
from indexers.parsers.image_words import iso_date, name_words
from indexers.parsers.recording_subtitles import Subtitles, find_subtitles, find_subtitles_beside, iso_language
from indexers.protocols import Source
from indexers.subtitles import Transcript
from indexers.types import Block, Locator, Parsed, Piece, Spoken, TimeLocator, Unread, WholeLocator

if TYPE_CHECKING:
    from av.container import InputContainer

_PAUSE_S = 2.0
_PARAGRAPH_CHARS = 800  # a paragraph this long ends with the next sentence
_LONGEST_PARAGRAPH_CHARS = 1600
_TAG_CHARS = 20_000
_CHAPTERS = 5000
_SENTENCE_END = re.compile(r"[.!?…。！？][\"'”’»)]*$")

# What is shown of a container's tags, and the names under which containers keep it.
_SHOWN = (
    ("Title", ("title",)),
    ("Artist", ("artist", "author", "performer", "album_artist", "composer")),
    ("Album", ("album", "show")),
    ("Date", ("date", "year", "originaldate", "creation_time")),
    ("Genre", ("genre",)),
    ("Comment", ("comment",)),
    ("Description", ("description", "synopsis", "summary")),
)


@dataclass(frozen=True, slots=True)
class _Chapter:
    start_s: float
    end_s: float
    title: str


def parse_recording(source: Source) -> Parsed:
    """Name, tags, chapters and subtitles of a recording or a film.

    ``metadata`` has ``subtitles`` too: where they come from ("talk.srt", "track 2"). Of a recording that can not be
    opened, its name and the subtitles beside it are kept.

    Raises:
        Broken: it can not be opened, and there are no subtitles beside it.
        Empty: it holds neither sound nor moving pictures.
        Unreadable: the operating system refuses it.
    """
    try:
        return _parsed(source)
    except Broken as error:
        subtitles = find_subtitles_beside(source)
        if subtitles is None:
            raise
        blocks = (_whole([name_words(source.name)], "name"), *_said(subtitles, ()))
        metadata = {"language": subtitles.language, "subtitles": subtitles.origin}
        return Parsed(
            tuple(block for block in blocks if block.pieces),
            metadata={key: value for key, value in metadata.items() if value},
            coverage=0.0,
            notes=(str(error), *subtitles.notes),
        )


def _parsed(source: Source) -> Parsed:
    with open_recording(source) as container:
        has_sound, has_film = _holds(container)
        tags = _tags(container)
        chapters = _chapters(container)
        language = _language(container, tags)
        duration_s = (container.duration or 0) / 1_000_000
    if not has_sound and not has_film:
        raise Empty("no sound in it")
    # Each tag is a block of its own, so that one can be quoted without the others.
    blocks = [_whole([name_words(source.name)], "name"), *(_whole([line], "tags") for line in _shown(tags))]
    blocks = [block for block in (*blocks, _contents(chapters), _whole(_lyrics(tags), "tags")) if block.pieces]
    # Subtitles inside a film lie all over it: to find them it is read to its end.
    source.keep(blocks, 0.0, "the end of its tags")
    subtitles = find_subtitles(source, language)
    unread: list[Unread] = []
    if has_sound and subtitles is None:
        unread.append("sound")
    if has_film:
        unread.append("frames")
    metadata = {
        "author": _first(tags, ("artist", "author", "performer", "album_artist")),
        "date": iso_date(_first(tags, ("date", "year", "creation_time"))),
        "language": (subtitles.language if subtitles else "") or language,
        "duration_s": f"{duration_s:.3f}" if duration_s > 0 else "",
        "subtitles": subtitles.origin if subtitles else "",
    }
    return Parsed(
        (*blocks, *(block for block in _said(subtitles, chapters) if block.pieces)),
        _first(tags, ("title",)),
        {key: value for key, value in metadata.items() if value},
        notes=subtitles.notes if subtitles else (),
        unread=tuple(unread),
        extent=("seconds", round(duration_s, 3)) if duration_s > 0 else None,
    )


def _holds(container: InputContainer) -> tuple[bool, bool]:
    """Whether there is sound and whether there is a film."""
    film = film_stream(container)
    streams = [*container.streams.audio, *([film] if film is not None else [])]
    # One packet of any is enough to believe in all: looking for each would read files to their end.
    filled = any(packet.size for packet in read_packets(container, *streams))
    return bool(filled and container.streams.audio), bool(filled and film is not None)


def _language(container: InputContainer, tags: Mapping[str, str]) -> str:
    """ISO 639-1 of what is spoken, as far as the container says it."""
    told = [stream.language or "" for stream in container.streams.audio[:1]]
    return next(filter(None, map(iso_language, [*told, tags.get("language", "")])), "")


def _tags(container: InputContainer) -> dict[str, str]:
    """Tags of the container and, where it has none (Ogg), of its first streams; names in small letters."""
    found: dict[str, str] = {}
    streams = [*container.streams.audio[:1], *container.streams.video[:1]]
    for tags in (container.metadata, *(stream.metadata for stream in streams)):
        for name, value in tags.items():
            found.setdefault(name.lower(), value[:_TAG_CHARS].replace("\0", " ").replace("\r", "\n").strip())
    return found


def _first(tags: Mapping[str, str], names: Iterable[str]) -> str:
    value = next((tags[name] for name in names if tags.get(name)), "")
    return " ".join(value.split())


def _shown(tags: Mapping[str, str]) -> list[str]:
    lines: list[str] = []
    for label, names in _SHOWN:
        values = dict.fromkeys(tags[name] for name in names if tags.get(name))
        if label == "Date":
            values = dict.fromkeys(list(values)[:1])
        lines += [f"{label}: {value}" for value in values]
    return lines


def _lyrics(tags: Mapping[str, str]) -> list[str]:
    """Lyrics without times, which MP3 files name with their language."""
    return next(
        (value.split("\n") for name, value in tags.items() if name.startswith(("lyrics", "unsyncedlyrics"))), []
    )


def _whole(lines: Iterable[str], way: Way) -> Block:
    return Block(tuple(Piece(line.strip(), WholeLocator()) for line in lines if line.strip()), way=way)


def _chapters(container: InputContainer) -> list[_Chapter]:
    origin = origin_s(container)
    found: list[_Chapter] = []
    for chapter in container.chapters()[:_CHAPTERS]:
        title = " ".join(chapter["metadata"].get("title", "").split())
        base = chapter["time_base"]
        if not title or not base:
            continue
        start_s = max(0.0, float(chapter["start"] * base) - origin)
        found.append(_Chapter(start_s, max(start_s, float(chapter["end"] * base) - origin), title))
    return sorted(found, key=lambda chapter: chapter.start_s)


def _contents(chapters: Sequence[_Chapter]) -> Block:
    pieces = (Piece(chapter.title, TimeLocator(chapter.start_s, chapter.end_s)) for chapter in chapters)
    return Block(tuple(pieces), way="tags")


# --- what is said ------------------------------------------------------------------------------


def _said(subtitles: Subtitles | None, chapters: Sequence[_Chapter]) -> Iterator[Block]:
    if subtitles is None:
        return
    if subtitles.transcript is None:
        for paragraph in re.split(r"\n\s*\n", subtitles.text):
            yield _whole(paragraph.split("\n"), "subtitles")
        return
    yield from _paragraphs(subtitles.transcript, chapters)


def _paragraphs(transcript: Transcript, chapters: Sequence[_Chapter]) -> Iterator[Block]:
    """Blocks of what is said: a pause, another speaker, another chapter or enough text begins a new one."""
    speakers = transcript.speakers or ("",) * len(transcript.spoken)
    pieces: list[Piece] = []
    headings: tuple[str, ...] = ()
    end_s = length = 0.0
    for spoken, speaker in zip(transcript.spoken, speakers, strict=True):
        leading = tuple(filter(None, (_chapter_at(chapters, spoken), speaker)))
        full = length > _PARAGRAPH_CHARS and _SENTENCE_END.search(pieces[-1].text) if pieces else False
        if pieces and (
            leading != headings or spoken.start_s - end_s > _PAUSE_S or full or length > _LONGEST_PARAGRAPH_CHARS
        ):
            yield Block(tuple(pieces), headings, way="subtitles")
            pieces, length = [], 0
        headings = leading
        place: Locator = TimeLocator(round(spoken.start_s, 3), round(spoken.end_s, 3))
        pieces.append(Piece(spoken.text, place, " "))
        end_s = spoken.end_s
        length += len(spoken.text) + 1
    if pieces:
        yield Block(tuple(pieces), headings, way="subtitles")


def _chapter_at(chapters: Sequence[_Chapter], spoken: Spoken) -> str:
    begun = bisect_right(chapters, spoken.start_s + 0.01, key=lambda chapter: chapter.start_s)
    return chapters[begun - 1].title if begun else ""
