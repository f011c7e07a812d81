"""Blocks to *atoms*, what chunks are made of: sentences of prose, rows of a table. Pure.

Only an atom that does not fit into a chunk alone is cut further: at line ends, then between words, then anywhere. An
atom never crosses from one page, slide or sheet to another. Each is counted once, all of a document in one call.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from indexers.locators import join_locators
from indexers.sentences import split_sentences
from indexers.types import Block, Locator, PageLocator, Place, SheetLocator

CountTokens = Callable[[Sequence[str]], list[int]]

_MAX_TOKEN_CHARACTERS = 16
"""More characters than this are never counted as one token."""


@dataclass(frozen=True, slots=True)
class Laid:
    """A block's pieces in a row: piece ``i`` begins at ``starts[i]`` of ``text``; ``spans`` are to become atoms."""

    text: str
    starts: list[int]
    locators: list[Locator]
    spans: list[tuple[int, int]]
    header: str
    header_tokens: int
    headings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Atom:
    """A sentence or row, with the places of the pieces it stands on; ``joint`` is what follows it in its block."""

    text: str
    places: tuple[Place, ...]
    locator: Locator
    tokens: int
    block: Laid
    joint: str
    ends_block: bool


def weighed(count_tokens: CountTokens, texts: Sequence[str]) -> list[int]:
    """Tokens of each text, at least one for so many characters: some tokenizers take any long word for one token."""
    if not texts:
        return []
    counts = count_tokens(texts)
    return [max(count, len(text) // _MAX_TOKEN_CHARACTERS) for text, count in zip(texts, counts, strict=True)]


def cut_atoms(blocks: Iterable[Block], weigh: CountTokens, room: int) -> list[Atom]:
    """The atoms of a document, in order, none of more than ``room`` tokens with its block's header."""
    headers: dict[str, tuple[str, int]] = {}
    laid = [part for block in blocks if (part := _lay(block, weigh, room // 2, headers)) is not None]
    # One call for the whole document: tokenizers share a large batch among the processor's cores.
    counts = iter(weigh([part.text[start:end] for part in laid for start, end in part.spans]))
    atoms: list[Atom] = []
    for part in laid:
        measured = [(*span, next(counts)) for span in part.spans]
        atoms += _atoms_of(part, measured, room - part.header_tokens, weigh)
    return atoms


def _lay(block: Block, weigh: CountTokens, header_room: int, headers: dict[str, tuple[str, int]]) -> Laid | None:
    """Sentences of a block of prose, rows of a table; None if there is nothing in it."""
    if not any(piece.text.strip() for piece in block.pieces):
        return None
    # Blank lines stay: a chunk over them is to be word for word what the source has.
    pieces = [piece for piece in block.pieces if piece.text or piece.joint]
    starts = list(accumulate((len(piece.text) + len(piece.joint) for piece in pieces[:-1]), initial=0))
    text = "".join(piece.text + piece.joint for piece in pieces[:-1]) + pieces[-1].text + pieces[-1].joint.rstrip("\n")
    if block.header not in headers:
        headers[block.header] = shortened(block.header.strip(), weigh, header_room)
    header, header_tokens = headers[block.header]
    if block.header or isinstance(pieces[0].locator, SheetLocator):
        spans = [strip(text, at, at + len(piece.text)) for at, piece in zip(starts, pieces, strict=True)]
    else:
        spans = split_sentences(text)
    locators = [piece.locator for piece in pieces]
    spans = [part for span in spans if span[0] < span[1] for part in _joinable(text, span, starts, locators)]
    return Laid(text, starts, locators, spans, header, header_tokens, block.headings)


def _atoms_of(laid: Laid, measured: Iterable[tuple[int, int, int]], room: int, weigh: CountTokens) -> list[Atom]:
    text, starts = laid.text, laid.starts
    cut: list[tuple[int, int, int]] = []
    for start, end, count in measured:
        cut += [(start, end, count)] if count <= room else _cut(text, start, end, starts, room, weigh)
    atoms: list[Atom] = []
    for index, (start, end, count) in enumerate(cut):
        first = bisect_right(starts, start) - 1
        last = bisect_right(starts, end - 1, first) - 1
        places = tuple(Place(max(0, starts[i] - start), laid.locators[i]) for i in range(first, last + 1))
        is_last = index + 1 == len(cut)
        joint = text[end : len(text) if is_last else cut[index + 1][0]]
        locator = join_all(laid.locators[first : last + 1])
        atoms.append(Atom(text[start:end], places, locator, count, laid, joint, is_last))
    return atoms


def join_all(locators: Sequence[Locator]) -> Locator:
    """The place of neighbouring pieces together."""
    joined = locators[0]
    if isinstance(joined, PageLocator):
        # One by one, the boxes of a long page would be copied and compared over and over.
        page = joined.page
        boxes = (b for place in locators if isinstance(place, PageLocator) and place.page == page for b in place.boxes)
        return PageLocator(page, tuple(dict.fromkeys(boxes)))
    for locator in locators[1:]:
        joined = join_locators(joined, locator) or joined
    return joined


def can_join(first: Locator, second: Locator) -> bool:
    """Whether one locator can say the place of both: pages, slides, sheets and sections are never crossed."""
    if isinstance(first, PageLocator) and isinstance(second, PageLocator):
        return first.page == second.page
    return join_locators(first, second) is not None


def _joinable(
    text: str, span: tuple[int, int], starts: Sequence[int], locators: Sequence[Locator]
) -> list[tuple[int, int]]:
    """Cuts a span where it crosses from one page, slide or sheet to another."""
    start, end = span
    first, last = bisect_right(starts, start) - 1, bisect_right(starts, end - 1) - 1
    parts: list[tuple[int, int]] = []
    for index in range(first, last):
        if not can_join(locators[index], locators[index + 1]):
            parts.append(strip(text, start, starts[index + 1]))
            start = starts[index + 1]
    parts.append(strip(text, start, end))
    return [part for part in parts if part[0] < part[1]]


def strip(text: str, start: int, end: int) -> tuple[int, int]:
    """The span without the white space at its ends."""
    stretch = text[start:end]
    start += len(stretch) - len(stretch.lstrip())
    return start, start + len(stretch.strip())


def _cut(
    text: str, start: int, end: int, starts: Sequence[int], room: int, weigh: CountTokens
) -> list[tuple[int, int, int]]:
    """Cuts a span that is too long into parts that fit, with their tokens: at line ends, then between words."""
    marks = starts[bisect_right(starts, start) : bisect_right(starts, end - 1)]
    lines = [strip(text, a, b) for a, b in pairwise([start, *marks, end])]
    spans = [part for a, b in lines if a < b for part in _short(text, a, b, room * _MAX_TOKEN_CHARACTERS)]
    counts = weigh([text[a:b] for a, b in spans])
    parts: list[tuple[int, int, int]] = []
    is_open = False
    for (a, b), count in zip(spans, counts, strict=True):
        if count > room:
            parts += _cut_words(text, a, b, room, count, weigh)
            is_open = False
        elif is_open and parts[-1][2] + count <= room:
            parts[-1] = (parts[-1][0], b, parts[-1][2] + count)
        else:
            parts.append((a, b, count))
            is_open = True
    return parts


def _short(text: str, start: int, end: int, most: int) -> Iterator[tuple[int, int]]:
    """Parts of at most so many characters: without this first cut, halving a long line would read it over and over."""
    while start < end:
        at = end if end - start <= most else _gap(text, start, start + most)
        a, b = strip(text, start, at)
        if a < b:
            yield a, b
        start = at


def _cut_words(
    text: str, start: int, end: int, room: int, count: int, weigh: CountTokens
) -> list[tuple[int, int, int]]:
    """Divides a stretch without line ends until each part fits, between words where there is a gap."""
    done: list[tuple[int, int, int]] = []
    stack = [(start, end, count)]
    while stack:
        a, b, tokens = stack.pop()
        if tokens <= room or b - a < 2:
            done.append((a, b, tokens))
            continue
        pieces = math.ceil(tokens / room)
        middle = _gap(text, a, min(max(a + (b - a) * (pieces // 2) // pieces, a + 1), b - 1))
        halves = [half for half in (strip(text, a, middle), strip(text, middle, b)) if half[0] < half[1]]
        counts = weigh([text[x:y] for x, y in halves])
        stack += [(x, y, n) for (x, y), n in zip(reversed(halves), reversed(counts), strict=True)]
    return done


def _gap(text: str, start: int, at: int) -> int:
    """Where to cut at or before ``at``: at a space in the second half of the stretch, else just there."""
    space = text.rfind(" ", start + (at - start) // 2, at + 1)
    return space if space > start else at


def shortened(line: str, weigh: CountTokens, room: int) -> tuple[str, int]:
    """As many of the first words of ``line`` as fit, and their tokens."""
    used = weigh([line])[0]
    while used > room and line:
        line = line[: len(line) * room // used].rpartition(" ")[0]
        used = weigh([line])[0]
    return (line, used) if line else ("", 0)
