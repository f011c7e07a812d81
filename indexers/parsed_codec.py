"""``Parsed`` as bytes and back, for the pipe between the sandbox and its children.

JSON and raw bytes, never pickle: what a child sends has been near a hostile file, and unpickling it would run
code here. Columns of plain values are used instead of an object a piece, which is what makes a thousand pages
cheap. Whatever does not have the expected shape is refused with ``ValueError``.

Layout: the length of the JSON (8 bytes, big endian), the JSON, the attachments' bytes one after the other.
"""

from __future__ import annotations

import json
import math
import struct
from itertools import islice
from typing import Any, cast, get_args

from indexers.ledger import WAYS, Unit, Way
from indexers.locators import locator_from_dict, locator_to_dict
from indexers.types import Attachment, Block, Locator, PageLocator, Parsed, Piece, Unread

_LENGTH = struct.Struct(">Q")


def encode_parsed(parsed: Parsed) -> bytes:
    """The bytes that ``decode_parsed`` reads."""
    pieces = [piece for block in parsed.blocks for piece in block.pieces]
    message = {
        "blocks": [[len(block.pieces), block.headings, block.header, block.way] for block in parsed.blocks],
        "texts": [piece.text for piece in pieces],
        "joints": [piece.joint for piece in pieces],
        "places": [_encode_place(piece.locator) for piece in pieces],
        "title": parsed.title,
        "metadata": dict(parsed.metadata),
        "attachments": [[attachment.name, len(attachment.data)] for attachment in parsed.attachments],
        "coverage": parsed.coverage,
        "notes": parsed.notes,
        "unread": parsed.unread,
        "extent": parsed.extent,
    }
    # ASCII escapes let lone surrogates through, which no parser should give but some file may provoke.
    body = json.dumps(message, separators=(",", ":")).encode("ascii")
    return b"".join([_LENGTH.pack(len(body)), body, *(attachment.data for attachment in parsed.attachments)])


def decode_parsed(data: bytes) -> Parsed:
    """The inverse of ``encode_parsed``.

    Raises:
        ValueError: ``data`` was not made by ``encode_parsed``.
    """
    try:
        (length,) = _LENGTH.unpack_from(data)
        start = _LENGTH.size + length
        message = json.loads(data[_LENGTH.size : start])
        return Parsed(
            blocks=tuple(_decode_blocks(message)),
            title=_text(message["title"]),
            metadata={_text(key): _text(value) for key, value in message["metadata"].items()},
            attachments=tuple(_decode_attachments(message["attachments"], data, start)),
            coverage=float(message["coverage"]),
            notes=tuple(map(_text, message["notes"])),
            unread=tuple(what for what in get_args(Unread) if what in message["unread"]),
            extent=_decode_extent(message["extent"]),
        )
    except (struct.error, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        raise ValueError("not an encoded Parsed") from error


def _encode_place(locator: Locator) -> list[Any] | dict[str, Any]:
    """Pages, by far the most, as a flat list; every other kind as its usual JSON."""
    if isinstance(locator, PageLocator):
        return [locator.page, *(value for box in locator.boxes for value in box)]
    return locator_to_dict(locator)


def _decode_place(place: Any) -> Locator:
    if isinstance(place, list):
        page, *values = place
        if not isinstance(page, int) or not all(isinstance(value, int | float) for value in values):
            raise ValueError("a page or a box is no number")
        return PageLocator(page, tuple(zip(*[iter(values)] * 4, strict=True)))
    return locator_from_dict(place)


def _decode_blocks(message: dict[str, Any]) -> list[Block]:
    columns = (message["texts"], message["joints"], message["places"])
    pieces = (
        Piece(_text(text), _decode_place(place), _text(joint)) for text, joint, place in zip(*columns, strict=True)
    )
    blocks = [
        Block(tuple(islice(pieces, count)), tuple(map(_text, headings)), _text(header), _way(way))
        for count, headings, header, way in message["blocks"]
    ]
    if next(pieces, None) is not None or sum(count for count, *_ in message["blocks"]) != len(columns[0]):
        raise ValueError("blocks and pieces do not add up")
    return blocks


def _decode_extent(extent: Any) -> tuple[Unit, float] | None:
    if extent is None:
        return None
    unit, amount = extent
    if unit not in get_args(Unit) or not isinstance(amount, int | float) or not 0 <= amount < math.inf:
        raise ValueError("an extent that is no amount")
    return unit, amount


def _way(name: Any) -> Way:
    if name not in WAYS:
        raise ValueError("a way of reading that is not known")
    return cast(Way, name)


def _decode_attachments(names: list[list[Any]], data: bytes, start: int) -> list[Attachment]:
    attachments = []
    for name, size in names:
        if not isinstance(size, int) or size < 0 or start + size > len(data):
            raise ValueError("an attachment is cut off")
        attachments.append(Attachment(_text(name), data[start : start + size]))
        start += size
    if start != len(data):
        raise ValueError("bytes after the last attachment")
    return attachments


def _text(value: Any) -> str:
    """``value`` if it is text that can be stored; a lone surrogate becomes U+FFFD."""
    if not isinstance(value, str):
        raise ValueError("not a string where text belongs")
    return value if value.isascii() else value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
