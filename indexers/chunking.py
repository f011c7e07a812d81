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
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial

from indexers.atoms import Atom, CountTokens, can_join, cut_atoms, join_all, shortened, strip, weighed
from indexers.types import Block, Chunk, LinesLocator, Locator, Place

HEADING_JOINT = " › "
"""What stands between title and headings in a chunk's context line."""
_CONTEXT_TOKENS = 48
"""The most that title and headings may take from a chunk's tokens."""
_SMALL = 0.2
"""A run shorter than this share of the limit may be joined with the next section."""


def context_line(title: str, headings: Sequence[str]) -> str:
    """What a chunk's text is prefixed with before it is embedded: the title, then the heading path."""
    parts = [title] if title else []
    parts += [heading for heading in headings if heading and heading != title]
    return HEADING_JOINT.join(parts)


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
    weigh = partial(weighed, count_tokens)
    context_room = min(_CONTEXT_TOKENS, limit // 3)
    chunks: list[tuple[Chunk, str]] = []
    contexts: dict[tuple[str, ...], tuple[str, int]] = {}
    for run in _runs(cut_atoms(blocks, weigh, limit - context_room), limit):
        headings = _common(atom.block.headings for atom in run)
        if headings not in contexts:
            contexts[headings] = _fit_context(title, headings, weigh, context_room)
        context, used = contexts[headings]
        for atoms in _fill(run, limit - used):
            chunks.append((_chunk(atoms, headings), context))
    return _split_overlong(chunks, weigh, limit) if chunks else []


# --- runs of atoms -----------------------------------------------------------------------------


def _runs(atoms: Sequence[Atom], limit: int) -> list[list[Atom]]:
    """Maximal runs whose atoms may share a chunk: same section and table, places that one locator can say."""
    runs: list[list[Atom]] = []
    for atom in atoms:
        run = runs[-1] if runs else None
        if run is not None and _may_follow(run, atom, limit):
            run.append(atom)
        else:
            runs.append([atom])
    return runs


def _may_follow(run: list[Atom], atom: Atom, limit: int) -> bool:
    last = run[-1]
    if not can_join(last.locator, atom.locator) or last.block.header != atom.block.header:
        return False
    before, after = last.block.headings, atom.block.headings
    if before == after:
        return True
    # A heading with a line or two under it is too little to be found by: it goes with what follows it.
    return before[:1] == after[:1] and sum(part.tokens for part in run) < limit * _SMALL


def _fill(run: list[Atom], room: int) -> list[list[Atom]]:
    """Cuts a run into groups of at most ``room`` tokens, of about equal size, at ends of paragraphs where possible."""
    room -= run[0].block.header_tokens
    left = sum(atom.tokens for atom in run)
    groups: list[list[Atom]] = [[]]
    filled, target = 0, _even(left, room)
    for atom in run:
        group = groups[-1]
        enough = filled >= 0.95 * target or (filled >= 0.7 * target and bool(group) and group[-1].ends_block)
        if group and (filled + atom.tokens > room or (enough and left > room)):
            groups.append([atom])
            # What is left is shared out anew, so that small differences do not add up to a last small group.
            left -= filled
            filled, target = atom.tokens, _even(left, room)
        else:
            group.append(atom)
            filled += atom.tokens
    return groups


def _even(tokens: int, room: int) -> float:
    return tokens / max(1, math.ceil(tokens / max(room, 1)))


def _chunk(atoms: Sequence[Atom], headings: tuple[str, ...]) -> Chunk:
    parts: list[str] = []
    length = 0
    places: list[Place] = []
    for index, atom in enumerate(atoms):
        for place in atom.places:
            if not places or places[-1].locator != place.locator:
                places.append(Place(length + place.start, place.locator))
        joint = ""
        if index + 1 < len(atoms):
            joint = _between(atom, atoms[index + 1]) if atom.ends_block else atom.joint
        parts += [atom.text, joint]
        length += len(atom.text) + len(joint)
    locator = join_all([atom.locator for atom in atoms])
    return Chunk("".join(parts), locator, tuple(places), headings, atoms[0].block.header)


def _between(atom: Atom, following: Atom) -> str:
    """What stands between two blocks: in a file that has lines, their ends and indentation and the blank lines."""
    first, second = atom.places[-1].locator, following.places[0].locator
    if not (isinstance(first, LinesLocator) and isinstance(second, LinesLocator)):
        return "\n\n"
    lead = following.block.text[: following.block.spans[0][0]]
    known = atom.joint.count("\n") + lead.count("\n")
    return atom.joint + "\n" * max(0 if known else 1, second.first - first.last - known) + lead


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


def _fit_context(title: str, headings: tuple[str, ...], weigh: CountTokens, room: int) -> tuple[str, int]:
    """The context line and its tokens; the outermost headings go first if it is too long, then words of the rest."""
    lines = [context_line(title, headings[start:]) for start in range(len(headings) + 1)]
    for line, used in zip(lines, weigh(lines), strict=True):
        if used <= room:
            return line, used
    return shortened(lines[-1], weigh, room)


def _split_overlong(chunks: list[tuple[Chunk, str]], weigh: CountTokens, limit: int) -> list[tuple[Chunk, str]]:
    """Holds the promise where the parts' tokens do not add up to the whole's: halves what is still too long."""
    counts = weigh([embedded_text(chunk, context) for chunk, context in chunks])
    result: list[tuple[Chunk, str]] = []
    for (chunk, context), count in zip(chunks, counts, strict=True):
        if count <= limit or (len(chunk.body) < 2 and not chunk.header and not context):
            result.append((chunk, context))
        elif len(chunk.body) >= 2:
            result += _split_overlong([(half, context) for half in _halves(chunk)], weigh, limit)
        else:
            # What is around one character takes more than there is: first the header goes, then the context.
            bare = (replace(chunk, header=""), context if chunk.header else "")
            result += _split_overlong([bare], weigh, limit)
    return result


def windows(chunk: Chunk, context: str, count_tokens: CountTokens, limit: int) -> list[str]:
    """What is embedded of a chunk that was cut for a model that reads more: its text in pieces of ``limit`` tokens.

    Each piece has the context line and the table's header before it, shortened so that most of the room is the text's.
    """
    weigh = partial(weighed, count_tokens)
    line, _ = shortened(context, weigh, min(_CONTEXT_TOKENS, limit // 3))
    header, _ = shortened(chunk.header, weigh, limit // 3)
    pieces = _split_overlong([(replace(chunk, header=header), line)], weigh, limit)
    return [embedded_text(piece, before) for piece, before in pieces]


def _halves(chunk: Chunk) -> list[Chunk]:
    """A chunk in two, at a line end or space near its middle."""
    middle = len(chunk.body) // 2
    for mark in ("\n", " "):
        at = chunk.body.rfind(mark, len(chunk.body) // 4, middle + 1)
        if at > 0:
            middle = at
            break
    spans = [strip(chunk.body, 0, middle), strip(chunk.body, middle, len(chunk.body))]
    return [cut_chunk(chunk, start, end) for start, end in spans if start < end]


def locate(chunk: Chunk, start: int, end: int) -> Locator:
    """The place of characters ``start`` to ``end`` of a chunk's body."""
    marks = [place.start for place in chunk.places]
    if not marks:
        return chunk.locator
    first = max(0, bisect_right(marks, start) - 1)
    last = max(first, bisect_right(marks, max(start, end - 1)) - 1)
    return join_all([place.locator for place in chunk.places[first : last + 1]])


def cut_chunk(chunk: Chunk, start: int, end: int) -> Chunk:
    """Characters ``start`` to ``end`` of a chunk's body as a chunk of their own."""
    marks = [place.start for place in chunk.places]
    first = max(0, bisect_right(marks, start) - 1)
    places = tuple(
        Place(max(0, place.start - start), place.locator) for place in chunk.places[first:] if place.start < end
    )
    return replace(chunk, body=chunk.body[start:end], places=places, locator=locate(chunk, start, end))
