"""Lines of text in a picture → blocks with their places in the file, and where they belong among the others. Pure.

A recogniser gives lines. Lines of running prose are joined to paragraphs, as in a PDF, so that sentences go on over
line ends; the lines of a receipt, a form or a chart stay by themselves, since reading on from one to the next would
make sentences that nobody wrote.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from statistics import median

from indexers.parsers.pdf_layout import paragraphs
from indexers.parsers.pdf_page import Line
from indexers.types import (
    Block,
    Box,
    Locator,
    PageLocator,
    Piece,
    RegionLocator,
    SectionLocator,
    SlideLocator,
    TextLine,
    TimeLocator,
    WholeLocator,
)

_PROSE_WORDS = 5
"""Lines with fewer words on average are no prose."""
_FEWEST_LETTERS = 3
"""A picture with fewer letters and digits has no text: a ring was taken for an O."""
_FULL_LINE = 0.75
"""Lines of prose, but for the last, reach over this share of their paragraph's width."""


def blocks_of(lines: Sequence[TextLine], place: Locator, shape: tuple[int, int]) -> list[Block]:
    """The blocks of a picture's text.

    Args:
        lines: in reading order, boxes as fractions of the picture.
        place: where the picture stands in its file.
        shape: the picture's height and width, in pixels.
    """
    if sum(character.isalnum() for line in lines for character in line.text) < _FEWEST_LETTERS:
        return []
    laid = _laid(lines, shape)
    blocks: list[Block] = []
    for stretch in paragraphs(laid):
        groups = [stretch] if _is_prose([laid[i] for i in stretch]) else [range(i, i + 1) for i in stretch]
        for group in groups:
            pieces = tuple(Piece(lines[i].text, place_in(place, lines[i].box)) for i in group)
            headings = ("on screen",) if isinstance(place, TimeLocator) else _headings(place)
            blocks.append(Block(pieces, headings, way="ocr"))
    return blocks


def place_in(place: Locator, box: Box) -> Locator:
    """The place in the file of a box within the picture that stands at ``place``."""
    match place:
        case WholeLocator():
            return RegionLocator(box)
        case PageLocator(page, (frame,)):
            return PageLocator(page, (_within(frame, box),))
        case PageLocator(page, _):
            return PageLocator(page, (box,))
        case _:
            return place


def merged(blocks: Sequence[Block], seen: Sequence[Block]) -> list[Block]:
    """Blocks of the text and of the pictures in one row: by page, slide or section; otherwise those seen come last."""
    if seen and _number(seen[0]) is not None:
        return sorted([*blocks, *seen], key=lambda block: _number(block) or 0)
    waiting: dict[tuple[str, ...], list[Block]] = defaultdict(list)
    for block in seen:
        waiting[block.headings].append(block)
    result: list[Block] = []
    for block in reversed(blocks):
        # What was seen in a section follows the last block of its text.
        if isinstance(block.pieces[0].locator, SectionLocator):
            result += reversed(waiting.pop(block.headings, []))
        result.append(block)
    return [*reversed(result), *(block for some in waiting.values() for block in some)]


def _number(block: Block) -> int | None:
    match block.pieces[0].locator:
        case PageLocator(number) | SlideLocator(number):
            return number
        case _:
            return None


def _headings(place: Locator) -> tuple[str, ...]:
    return place.headings if isinstance(place, SectionLocator) else ()


def _laid(lines: Sequence[TextLine], shape: tuple[int, int]) -> list[Line]:
    """The lines in pixels. Heights differ with the letters a line happens to hold: near the usual one, they count
    as that."""
    height, width = shape
    heights = [(line.box[3] - line.box[1]) * height for line in lines]
    usual = median(heights) if heights else 1.0
    laid = []
    for line, high in zip(lines, heights, strict=True):
        size = usual if 0.7 * usual < high < 1.4 * usual else max(high, 1.0)
        left, top, right, bottom = line.box
        laid.append(
            Line(line.text, left * width, top * height, right * width, bottom * height, bottom * height, size * 0.8)
        )
    return laid


def _is_prose(lines: Sequence[Line]) -> bool:
    if len(lines) < 2:
        return True
    left, right = min(line.left for line in lines), max(line.right for line in lines)
    words = sum(len(line.text.split()) for line in lines) / len(lines)
    reach = median([line.right for line in lines[:-1]])
    return words >= _PROSE_WORDS and reach >= left + _FULL_LINE * (right - left)


def _within(frame: Box, box: Box) -> Box:
    left, top, right, bottom = frame
    width, height = right - left, bottom - top
    return (left + box[0] * width, top + box[1] * height, left + box[2] * width, top + box[3] * height)
