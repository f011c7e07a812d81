"""Blocks to chunks that fit the embedder, cut at the best ends there are. Pure.

A chunk is a run of neighbouring *atoms*: sentences of prose, rows of a table. Only an atom that does not fit
alone is cut further (at line ends, then between words, then anywhere). Runs are filled evenly rather than to the
brim, so that no chunk is left with the last half sentence, and ends of paragraphs are preferred.

Knows no model: tokens are counted by the function it is given. Chunks do not overlap; a reader of hits can ask
the catalog for a chunk's neighbours instead.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from indexers.locators import join_locators
from indexers.sentences import split_sentences
from indexers.types import Block, Chunk, LinesLocator, Locator, Place, SheetLocator

CountTokens = Callable[[Sequence[str]], list[int]]

_CONTEXT_TOKENS = 48
"""The most that title and headings may take from a chunk's tokens."""
_SMALL = 0.2
"""A run shorter than this share of the limit may be joined with the next section."""


@dataclass(frozen=True, slots=True)
class _Atom:
    text: str
    places: tuple[Place, ...]
    locator: Locator
    tokens: int
    headings: tuple[str, ...]
    header: str
    joint: str
    ends_block: bool


def context_line(title: str, headings: Sequence[str]) -> str:
    """What a chunk's text is prefixed with before it is embedded: the title, then the heading path."""
    parts = [title] if title else []
    parts += [heading for heading in headings if heading and heading != title]
    return " › ".join(parts)


def embedded_text(chunk: Chunk, context: str) -> str:
    """The text that is embedded for ``chunk``."""
    return f"{context}\n{chunk.text}" if context else chunk.text


def chunk_blocks(blocks: Iterable[Block], title: str, count_tokens: CountTokens, limit: int) -> list[tuple[Chunk, str]]:
    """Cuts a document into chunks.

    Args:
        blocks: the document, in reading order.
        title: its title, part of every chunk's context.
        count_tokens: the embedder's own count, without special tokens.
        limit: the most tokens that may be embedded at once, context included.

    Returns:
        Each chunk with its context line; ``embedded_text`` of the two never exceeds ``limit`` tokens.
    """
    chunks: list[tuple[Chunk, str]] = []
    contexts: dict[tuple[str, ...], tuple[str, int]] = {}
    for run in _runs(_atoms(blocks, count_tokens, limit - _CONTEXT_TOKENS), limit):
        headings = _common(atom.headings for atom in run)
        if headings not in contexts:
            contexts[headings] = _fit_context(title, headings, count_tokens, min(_CONTEXT_TOKENS, limit // 3))
        context, used = contexts[headings]
        for atoms in _fill(run, limit - used, count_tokens):
            chunks.append((_chunk(atoms, headings), context))
    return _split_overlong(chunks, count_tokens, limit)


# --- atoms -------------------------------------------------------------------------------------


def _atoms(blocks: Iterable[Block], count_tokens: CountTokens, room: int) -> list[_Atom]:
    atoms: list[_Atom] = []
    for block in blocks:
        atoms += _block_atoms(block, room, count_tokens)
    counts = count_tokens([atom.text for atom in atoms])
    return [replace(atom, tokens=count) for atom, count in zip(atoms, counts, strict=True)]


def _block_atoms(block: Block, room: int, count_tokens: CountTokens) -> list[_Atom]:
    """Sentences of a block of prose, rows of a table, with the places of the pieces they stand on."""
    pieces = [piece for piece in block.pieces if piece.text.strip()]
    if not pieces:
        return []
    starts, text = [], ""
    for index, piece in enumerate(pieces):
        starts.append(len(text))
        text += piece.text + (piece.joint if index + 1 < len(pieces) else "")
    is_table = bool(block.header) or isinstance(pieces[0].locator, SheetLocator)
    rows = [(at, at + len(piece.text)) for at, piece in zip(starts, pieces, strict=True)]
    spans = rows if is_table else split_sentences(text)
    header_room = room
    if block.header:
        header_room = max(room // 2, room - count_tokens([block.header])[0])
    counts = count_tokens([text[start:end] for start, end in spans])
    cut: list[tuple[int, int]] = []
    for (start, end), count in zip(spans, counts, strict=True):
        cut += [(start, end)] if count <= header_room else _cut(text, start, end, starts, header_room, count_tokens)
    locators = [piece.locator for piece in pieces]
    cut = [part for span in cut for part in _joinable(text, span, starts, locators)]
    atoms: list[_Atom] = []
    for index, (start, end) in enumerate(cut):
        first = bisect_right(starts, start) - 1
        last = bisect_right(starts, end - 1) - 1
        places = tuple(Place(max(0, starts[i] - start), locators[i]) for i in range(first, last + 1))
        is_last = index + 1 == len(cut)
        joint = "" if is_last else text[end : cut[index + 1][0]]
        atoms.append(
            _Atom(
                text[start:end],
                places,
                _join(locators[first : last + 1]),
                0,
                block.headings,
                block.header,
                joint,
                is_last,
            )
        )
    return atoms


def _join(locators: Sequence[Locator]) -> Locator:
    joined = locators[0]
    for locator in locators[1:]:
        joined = join_locators(joined, locator) or joined
    return joined


def _joinable(
    text: str, span: tuple[int, int], starts: Sequence[int], locators: Sequence[Locator]
) -> list[tuple[int, int]]:
    """Cuts a span where it crosses from one page, slide or sheet to another."""
    start, end = span
    first, last = bisect_right(starts, start) - 1, bisect_right(starts, end - 1) - 1
    parts: list[tuple[int, int]] = []
    for index in range(first, last):
        if join_locators(locators[index], locators[index + 1]) is None:
            parts.append(_strip(text, start, starts[index + 1]))
            start = starts[index + 1]
    parts.append(_strip(text, start, end))
    return [part for part in parts if part[0] < part[1]]


def _strip(text: str, start: int, end: int) -> tuple[int, int]:
    stretch = text[start:end]
    start += len(stretch) - len(stretch.lstrip())
    return start, start + len(stretch.strip())


def _cut(
    text: str, start: int, end: int, starts: Sequence[int], room: int, count_tokens: CountTokens
) -> list[tuple[int, int]]:
    """Cuts a span that is too long into parts that fit: at line ends, then between words, then anywhere."""
    marks = [at for at in starts if start < at < end]
    edges = [start, *marks, end]
    spans = [_strip(text, a, b) for a, b in pairwise(edges)]
    spans = [span for span in spans if span[0] < span[1]]
    counts = count_tokens([text[a:b] for a, b in spans])
    parts: list[tuple[int, int]] = []
    filled = 0
    for (a, b), count in zip(spans, counts, strict=True):
        if count > room:
            parts += _cut_words(text, a, b, room, count, count_tokens)
            filled = room
        elif parts and filled + count <= room:
            parts[-1] = (parts[-1][0], b)
            filled += count
        else:
            parts.append((a, b))
            filled = count
    return parts


def _cut_words(
    text: str, start: int, end: int, room: int, count: int, count_tokens: CountTokens
) -> list[tuple[int, int]]:
    """Halves a stretch without line ends until each part fits, between words where there is one near the middle."""
    done: list[tuple[int, int]] = []
    stack = [(start, end, count)]
    while stack:
        a, b, tokens = stack.pop()
        if tokens <= room or b - a < 2:
            done.append((a, b))
            continue
        pieces = math.ceil(tokens / room)
        middle = a + (b - a) * (pieces // 2) // pieces if pieces > 1 else (a + b) // 2
        middle = min(max(middle, a + 1), b - 1)
        space = text.rfind(" ", a + (middle - a) // 2, middle + 1)
        middle = space if space > a else middle
        halves = [half for half in (_strip(text, a, middle), _strip(text, middle, b)) if half[0] < half[1]]
        counts = count_tokens([text[x:y] for x, y in halves])
        stack += [(x, y, n) for (x, y), n in zip(reversed(halves), reversed(counts), strict=True)]
    return done


# --- runs of atoms -----------------------------------------------------------------------------


def _runs(atoms: Sequence[_Atom], limit: int) -> list[list[_Atom]]:
    """Maximal runs whose atoms may share a chunk: same section and table, places that one locator can say."""
    runs: list[list[_Atom]] = []
    for atom in atoms:
        run = runs[-1] if runs else None
        if run is not None and _may_follow(run, atom, limit):
            run.append(atom)
        else:
            runs.append([atom])
    return runs


def _may_follow(run: list[_Atom], atom: _Atom, limit: int) -> bool:
    last = run[-1]
    if join_locators(last.locator, atom.locator) is None or last.header != atom.header:
        return False
    if last.headings == atom.headings:
        return True
    # A heading with a line or two under it is too little to be found by: it goes with what follows it.
    related = last.headings[:1] == atom.headings[:1]
    return related and sum(part.tokens for part in run) < limit * _SMALL


def _fill(run: list[_Atom], room: int, count_tokens: CountTokens) -> list[list[_Atom]]:
    """Cuts a run into groups of at most ``room`` tokens, of about equal size, at ends of paragraphs where possible."""
    header = run[0].header
    if header:
        room = max(room // 2, room - count_tokens([header])[0])
    total = sum(atom.tokens for atom in run)
    target = total / max(1, math.ceil(total / room))
    groups: list[list[_Atom]] = [[]]
    filled = 0
    for atom in run:
        group = groups[-1]
        full = filled + atom.tokens > room
        enough = filled >= 0.95 * target or (filled >= 0.7 * target and group[-1].ends_block)
        if group and (full or enough):
            groups.append([atom])
            filled = atom.tokens
        else:
            group.append(atom)
            filled += atom.tokens
    if len(groups) > 1:
        tail, before = groups[-1], groups[-2]
        if sum(atom.tokens for atom in before) + sum(atom.tokens for atom in tail) <= room:
            groups[-2:] = [before + tail]
    return groups


def _chunk(atoms: Sequence[_Atom], headings: tuple[str, ...]) -> Chunk:
    body = ""
    places: list[Place] = []
    for index, atom in enumerate(atoms):
        places += [
            Place(len(body) + place.start, place.locator)
            for place in atom.places
            if not places or places[-1].locator != place.locator
        ]
        body += atom.text
        if index + 1 < len(atoms):
            body += _between(atom, atoms[index + 1]) if atom.ends_block else atom.joint
    return Chunk(body, _join([atom.locator for atom in atoms]), tuple(places), headings, atoms[0].header)


def _between(atom: _Atom, following: _Atom) -> str:
    """What stands between two blocks: the blank lines of a file that has lines, else one blank line."""
    first, second = atom.places[-1].locator, following.places[0].locator
    if isinstance(first, LinesLocator) and isinstance(second, LinesLocator):
        return "\n" * max(1, second.first - first.last)
    return "\n\n"


def _common(paths: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    """The longest path that all of ``paths`` begin with."""
    iterator = iter(paths)
    common = next(iterator)
    for path in iterator:
        length = 0
        while length < min(len(common), len(path)) and common[length] == path[length]:
            length += 1
        common = common[:length]
    return common


def _fit_context(title: str, headings: tuple[str, ...], count_tokens: CountTokens, room: int) -> tuple[str, int]:
    """The context line and its tokens; the outermost headings go first if it is too long, then words of the rest."""
    kept = list(headings)
    line = context_line(title, kept)
    used = count_tokens([line])[0]
    while used > room and kept:
        kept.pop(0)
        line = context_line(title, kept)
        used = count_tokens([line])[0]
    while used > room and line:
        line = line[: len(line) * room // used].rpartition(" ")[0]
        used = count_tokens([line])[0]
    return line, used


def _split_overlong(chunks: list[tuple[Chunk, str]], count_tokens: CountTokens, limit: int) -> list[tuple[Chunk, str]]:
    """Holds the promise where the parts' tokens do not add up to the whole's: halves what is still too long."""
    counts = count_tokens([embedded_text(chunk, context) for chunk, context in chunks])
    result: list[tuple[Chunk, str]] = []
    for (chunk, context), count in zip(chunks, counts, strict=True):
        if count <= limit:
            result.append((chunk, context))
        elif len(chunk.body) < 2:
            result.append((replace(chunk, header=""), ""))
        else:
            result += _split_overlong([(half, context) for half in _halves(chunk)], count_tokens, limit)
    return result


def _halves(chunk: Chunk) -> list[Chunk]:
    """A chunk in two, at a line end or space near its middle; a header that crowds the body out is dropped."""
    if len(chunk.header) > len(chunk.body):
        return [replace(chunk, header="")]
    middle = len(chunk.body) // 2
    for mark in ("\n", " "):
        at = chunk.body.rfind(mark, len(chunk.body) // 4, middle + 1)
        if at > 0:
            middle = at
            break
    spans = [_strip(chunk.body, 0, middle), _strip(chunk.body, middle, len(chunk.body))]
    return [cut_chunk(chunk, start, end) for start, end in spans if start < end]


def locate(chunk: Chunk, start: int, end: int) -> Locator:
    """The place of characters ``start`` to ``end`` of a chunk's body."""
    marks = [place.start for place in chunk.places]
    if not marks:
        return chunk.locator
    first = max(0, bisect_right(marks, start) - 1)
    last = max(first, bisect_right(marks, max(start, end - 1)) - 1)
    return _join([place.locator for place in chunk.places[first : last + 1]])


def cut_chunk(chunk: Chunk, start: int, end: int) -> Chunk:
    """Characters ``start`` to ``end`` of a chunk's body as a chunk of their own."""
    marks = [place.start for place in chunk.places]
    first = max(0, bisect_right(marks, start) - 1)
    places = tuple(
        Place(max(0, place.start - start), place.locator) for place in chunk.places[first:] if place.start < end
    )
    return replace(chunk, body=chunk.body[start:end], places=places, locator=locate(chunk, start, end))
