"""What models see and hear in a file, put beside what its parser read.

A decoder gives the file's pictures and sound a portion at a time (``indexers.decoders``, in the sandbox); here the
portions meet the models: text in pictures becomes blocks with their places, speech becomes blocks with their seconds,
and each picture is made ready for the image model, which embeds many at once later on. A model that is not there
fails nothing: what waits for it is said. What slow models gave is kept in a memo as it comes, so that an interrupted
file goes on where it was.

Knows neither the catalog nor how models are found.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from indexers.decoders import FILMS, PICTURES, SOUNDS
from indexers.errors import FileError
from indexers.listening import Cancelled, listen
from indexers.locators import clock, where
from indexers.parsers.pdf_notes import TEXTLESS, UNSHOWN, after_reading, pages_named
from indexers.protocols import ImageEmbedder, Ocr, Source, Transcriber
from indexers.seen import blocks_of, merged
from indexers.types import (
    Block,
    Decoded,
    Locator,
    PageLocator,
    Parsed,
    Picture,
    Piece,
    Spoken,
    TextLine,
    TimeLocator,
    Unread,
    WholeLocator,
)
from indexers.unfinished import Memo

Decode = Callable[[Source, Unread, float], Decoded]

_PAUSE_S = 2.0
"""A pause that ends a paragraph of speech."""
_PAGE_WORDS = 25
_WITHOUT = {
    "image": "found by its words and name only until there is an image model",
    "speech": "found by its name and tags only until there is a speech model",
}
_LEFT = {"image": "what it shows: there is no image model", "speech": "what is said in it: there is no speech model"}


@dataclass(frozen=True, slots=True)
class Senses:
    """The models that look and listen, each made when it is first needed; None where there is none."""

    ocr: Callable[[], Ocr] | None = None
    images: Callable[[], ImageEmbedder] | None = None
    speech: Callable[[], Transcriber] | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be perceived, and what is needed for it.

    Args:
        source: the file.
        decode: what decodes it.
        senses: the models.
        memo: what they gave in an earlier, interrupted attempt.
        cancelled: asked between portions; once true, ``Cancelled`` is raised.
        tell: is told where in the file the models are ("p. 12", "12:04").
    """

    source: Source
    decode: Decode
    senses: Senses
    memo: Memo
    cancelled: Callable[[], bool]
    tell: Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Perceived:
    """A file as its parser read it and models perceived it.

    ``pictures`` are as the image model's ``prepare`` gives them. ``pending`` names the models that are missing.
    ``shown`` is where the pictures stand that the image model looks at, or would if it were there.
    """

    parsed: Parsed
    pictures: tuple[Picture, ...] = ()
    pending: tuple[str, ...] = ()
    shown: tuple[Locator, ...] = ()


@dataclass(slots=True)
class _Seen:
    blocks: list[Block] = field(default_factory=list)
    pictures: list[Picture] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    pages: set[int] = field(default_factory=set)
    count: int = 0
    shown: list[Locator] = field(default_factory=list)
    failure: FileError | None = None


def perceive(task: Task, parsed: Parsed) -> Perceived:
    """Everything that can be had of a file now.

    Raises:
        FileError: it can not be decoded, and its parser found nothing in it either.
        Cancelled: ``task.cancelled`` said so.
    """
    known, pending, failures = parsed, list[str](), list[FileError]()
    pictures, shown = list[Picture](), list[Locator]()
    for what in parsed.unread:
        if what == "sound" and task.senses.speech is None:
            pending.append("speech")
        elif what == "sound":
            try:
                parsed = _with_speech(task, parsed)
            except FileError as error:
                failures.append(error)
                parsed = replace(parsed, notes=(*parsed.notes, str(error)), coverage=0.0)
        else:
            seen = (
                _look(task, what) if task.senses.ocr or task.senses.images else _Seen(count=1, shown=[WholeLocator()])
            )
            failures += [] if seen.failure is None or seen.count else [seen.failure]
            pictures += seen.pictures
            shown += seen.shown
            if seen.shown and task.senses.images is None:
                pending.append("image")
            parsed = _with_sight(task, parsed, seen)
    if failures and len(failures) == len(known.unread) and _is_all(task.source, known):
        raise failures[0]
    return Perceived(parsed, tuple(pictures), tuple(dict.fromkeys(pending)), tuple(shown))


def _is_all(source: Source, parsed: Parsed) -> bool:
    """Whether nothing else is known of a file than what can not be decoded (its name and tags apart)."""
    return not parsed.blocks or ((source.format in (*PICTURES, *SOUNDS, *FILMS)) and not source.beside)


def waiting(pending: tuple[str, ...]) -> list[str]:
    """What the missing of these models means for the file, a clause each."""
    return [_WITHOUT[name] for name in pending]


def left_to(pending: tuple[str, ...]) -> list[str]:
    """What is left to the missing of these models, a clause each."""
    return [_LEFT[name] for name in pending]


# --- seeing ------------------------------------------------------------------------------------


def _look(task: Task, what: Unread) -> _Seen:
    seen = _Seen()
    images = None if task.senses.images is None else task.senses.images()
    before: list[str] = []
    for picture in _portions(task, what, seen):
        if task.cancelled():
            raise Cancelled
        task.tell(where(picture.locator))
        if task.senses.ocr is not None:
            lines = _read(task, task.senses.ocr(), what, seen.count, picture)
            said = [line.text for line in lines]
            # A slide that stays on the screen is read once.
            if said != before or what != "frames":
                height, width = picture.pixels.shape[:2]
                seen.blocks += blocks_of(lines, picture.locator, (height, width))
            before = said
            if isinstance(picture.locator, PageLocator):
                seen.pages.add(picture.locator.page)
        seen.count += 1
        if _is_page_of_text(picture.locator, before):
            continue
        seen.shown.append(picture.locator)
        if images is not None:
            seen.pictures.append(Picture(images.prepare(picture.pixels), picture.locator))
    return seen


def _is_page_of_text(place: Locator, lines: list[str]) -> bool:
    """Whether a page is a scanned letter or book: what it says is all that it shows."""
    return isinstance(place, PageLocator) and not place.boxes and len(" ".join(lines).split()) >= _PAGE_WORDS


def _portions(task: Task, what: Unread, seen: _Seen) -> Iterator[Picture]:
    start: float | None = 0.0
    while start is not None:
        try:
            decoded = task.decode(task.source, what, start)
        except FileError as error:
            seen.failure = error
            seen.notes.append(str(error))
            return
        seen.notes += decoded.notes
        yield from decoded.pictures
        start = decoded.next_start


def _read(task: Task, ocr: Ocr, what: Unread, number: int, picture: Picture) -> list[TextLine]:
    step = f"ocr:{ocr.name}:{what}:{number}"
    known = task.memo.get(step)
    if known is not None:
        return [TextLine(text, tuple(box), confidence) for text, box, confidence in json.loads(known)]
    lines = ocr.read(picture.pixels)
    task.memo.put(step, json.dumps([[line.text, line.box, line.confidence] for line in lines]).encode("ascii"))
    return lines


def _with_sight(task: Task, parsed: Parsed, seen: _Seen) -> Parsed:
    coverage, notes = parsed.coverage, parsed.notes
    if task.senses.ocr is not None:
        # A page without text of which nothing was shown is blank: there is nothing left to read on it.
        whole = seen.failure is None
        shown = set(pages_named(TEXTLESS, notes)) - set(pages_named(UNSHOWN, seen.notes))
        read = shown if whole else seen.pages
        coverage, notes = after_reading(coverage, notes, read)
        if whole and task.source.format in PICTURES:
            unit, pages = parsed.extent or ("pictures", 1)
            coverage = min(1.0, seen.count / pages) if unit == "pages" else 1.0
    blocks = merged(parsed.blocks, seen.blocks)
    return replace(parsed, blocks=tuple(blocks), notes=tuple(dict.fromkeys([*notes, *seen.notes])), coverage=coverage)


# --- hearing -----------------------------------------------------------------------------------


def _with_speech(task: Task, parsed: Parsed) -> Parsed:
    def decode(start_s: float) -> Decoded:
        return task.decode(task.source, "sound", start_s)

    assert task.senses.speech is not None, "asked before"
    heard = listen(decode, task.senses.speech(), task.memo, task.cancelled, lambda second: task.tell(clock(second)))
    notes = heard.notes if heard.spoken else (*heard.notes, "nothing is said in it")
    total_s = max(heard.until_s, parsed.extent[1] if parsed.extent else 0.0)
    metadata = dict(parsed.metadata)
    if heard.language:
        metadata.setdefault("language", heard.language)
    return replace(
        parsed,
        blocks=(*parsed.blocks, *spoken_blocks(heard.spoken)),
        metadata=metadata,
        notes=(*parsed.notes, *notes),
        # What is missing at the end was told; without a word, the sound is only shorter than the film.
        coverage=heard.until_s / total_s if heard.notes and total_s else parsed.coverage,
        extent=("seconds", total_s) if total_s else None,
    )


def spoken_blocks(spoken: tuple[Spoken, ...]) -> list[Block]:
    """Paragraphs of speech: a pause begins a new one."""
    blocks: list[list[Piece]] = []
    last_s = 0.0
    for part in spoken:
        piece = Piece(part.text, TimeLocator(round(part.start_s, 3), round(part.end_s, 3)), " ")
        if blocks and part.start_s - last_s <= _PAUSE_S:
            blocks[-1].append(piece)
        else:
            blocks.append([piece])
        last_s = part.end_s
    return [Block(tuple(pieces), way="speech") for pieces in blocks]
