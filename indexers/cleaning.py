"""What no database, index or model takes, out of what a parser gave: half surrogates and NULs.

Each becomes one replacement character, so that lengths and places stay as they were. Pure.
"""

from __future__ import annotations

import re
from dataclasses import replace

from indexers.types import Attachment, Block, Locator, Parsed, Piece, SectionLocator, SheetLocator

_UNFIT = re.compile("[\0\ud800-\udfff]")


def clean_text(text: str) -> str:
    r"""The text with U+FFFD for each NUL and half surrogate.

    >>> clean_text("a\0b")
    'a�b'
    """
    return _UNFIT.sub("\ufffd", text)


def clean_parsed(parsed: Parsed) -> Parsed:
    """The same, with every text in it clean."""
    return replace(
        parsed,
        blocks=tuple(_clean_block(block) for block in parsed.blocks),
        title=clean_text(parsed.title),
        metadata={clean_text(key): clean_text(value) for key, value in parsed.metadata.items()},
        attachments=tuple(Attachment(clean_text(inner.name), inner.data) for inner in parsed.attachments),
        notes=tuple(clean_text(note) for note in parsed.notes),
    )


def _clean_block(block: Block) -> Block:
    pieces = tuple(_clean_piece(piece) for piece in block.pieces)
    headings = tuple(clean_text(heading) for heading in block.headings)
    return Block(pieces, headings, clean_text(block.header), block.way)


def _clean_piece(piece: Piece) -> Piece:
    text, joint, locator = clean_text(piece.text), clean_text(piece.joint), _clean_locator(piece.locator)
    if text is piece.text and joint is piece.joint and locator is piece.locator:
        return piece
    return Piece(text, locator, joint)


def _clean_locator(locator: Locator) -> Locator:
    match locator:
        case SheetLocator(sheet) if (name := clean_text(sheet)) != sheet:
            return replace(locator, sheet=name)
        case SectionLocator(headings) if any(map(_UNFIT.search, headings)):
            return SectionLocator(tuple(clean_text(heading) for heading in headings))
        case _:
            return locator
