"""Draws up the ledger of a file from what its parser, its decoders and the models gave. Pure.

Nothing is counted along the way: every block says how it was read and where its text stands, so that amounts are
the pages, sheets or seconds that the blocks stand on, each counted once. Only how much there is in all comes from the
parser (``Parsed.extent``), and how much of it can not be read from its ``coverage``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from indexers.ledger import WAYS, Ledger, Share, Unit
from indexers.types import (
    Block,
    LinesLocator,
    Locator,
    PageLocator,
    Parsed,
    RegionLocator,
    SectionLocator,
    SheetLocator,
    SlideLocator,
    TimeLocator,
)

_COUNTED_IN: dict[type[Locator], Unit] = {
    PageLocator: "pages",
    SlideLocator: "slides",
    SheetLocator: "sheets",
    SectionLocator: "sections",
    LinesLocator: "lines",
    TimeLocator: "seconds",
    RegionLocator: "pictures",
}


def drawn_up(parsed: Parsed, shown: Sequence[Locator], pending: Sequence[str], skipped: Iterable[str]) -> Ledger:
    """The ledger of a file.

    Args:
        parsed: the file as its parser read it and models perceived it.
        shown: where the pictures stand that the image model has looked at, or waits for it.
        pending: the models that it waits for.
        skipped: what was left out and why, each one clause.
    """
    blocks = [block for block in parsed.blocks if _has_text(block)]
    unit, total = parsed.extent or (_unit(blocks, shown), None)
    told = tuple(dict.fromkeys(skipped))
    shares = _shares(blocks, () if "image" in pending else shown, unit, total)
    if unit is None:
        return Ledger(read=shares, skipped=told)
    # A scene of a film is looked at, and yet what is said in it may not be heard.
    looked = () if unit == "seconds" else shown
    covered = _amount(_texts(blocks, unit), unit, () if "image" in pending else looked)
    if total is None:
        return Ledger(unit, None, shares, _rounded(covered, unit), skipped=told)
    covered = min(covered, total)
    waiting = _amount(_texts(blocks, unit), unit, looked) - covered
    missing = max(waiting, total * (1 - parsed.coverage), total if unit == "seconds" and "speech" in pending else 0)
    unread = min(total - covered, missing)
    # Between subtitles nobody has listened.
    is_told = unit == "seconds" and "sound" not in parsed.unread
    empty = 0 if is_told else total - covered - unread
    covered, empty, unread = (_rounded(amount, unit) for amount in (covered, empty, unread))
    return Ledger(unit, _rounded(total, unit), shares, covered, empty, unread, told)


def union(spans: Iterable[tuple[float, float]]) -> float:
    """How long the spans (start, end) are together, where they overlap counted once.

    >>> union([(0, 2), (1, 3), (5, 6)])
    4
    """
    length, reached = 0.0, float("-inf")
    for start, end in sorted(spans):
        length += max(0.0, end - max(start, reached))
        reached = max(reached, end)
    return int(length) if length.is_integer() else length


def _unit(blocks: Sequence[Block], shown: Sequence[Locator]) -> Unit | None:
    """What the places of most texts are counted in."""
    places = [piece.locator for block in blocks for piece in block.pieces]
    kinds = Counter(_COUNTED_IN.get(type(place)) for place in [*places, *shown])
    del kinds[None]
    return max(kinds, key=lambda unit: kinds[unit], default=None)


def _shares(
    blocks: Sequence[Block], seen: Sequence[Locator], unit: Unit | None, total: float | None
) -> tuple[Share, ...]:
    shares: list[Share] = []
    for way in WAYS:
        own = [block for block in blocks if block.way == way]
        places = seen if way == "sight" else ()
        if own or places:
            amount = 0.0 if unit is None else _amount(own, unit, places)
            amount = amount if total is None else min(amount, total)
            shares.append(Share(way, _rounded(amount, unit), _characters(own)))
    return tuple(shares)


def _texts(blocks: Sequence[Block], unit: Unit) -> list[Block]:
    """The blocks that are text of the file. What is written about a recording or picture covers nothing of it."""
    return [block for block in blocks if unit not in ("seconds", "pictures") or block.way not in ("tags", "name")]


def _amount(blocks: Iterable[Block], unit: Unit, shown: Iterable[Locator]) -> float:
    """How much of a file these blocks and these places of pictures stand on."""
    blocks = list(blocks)
    places = [*(piece.locator for block in blocks for piece in block.pieces if piece.text.strip()), *shown]
    match unit:
        case "pictures":
            return min(1, len(places))
        case "seconds":
            return union((place.start_s, place.end_s) for place in places if isinstance(place, TimeLocator))
        case "lines":
            spans = union((place.first, place.last + 1) for place in places if isinstance(place, LinesLocator))
            # A header row stands once in the file and in no piece.
            headers = dict.fromkeys(block.header for block in blocks if block.header)
            return spans + sum(header.count("\n") + 1 for header in headers)
        case _:
            return len({_part(place) for place in places} - {None})


def _part(place: Locator) -> object:
    """What tells one page, slide, sheet or section from another."""
    match place:
        case PageLocator(number) | SlideLocator(number):
            return number
        case SheetLocator(name):
            return name
        case SectionLocator(headings):
            return headings
        case _:
            return None


def _characters(blocks: Sequence[Block]) -> int:
    """Characters of the pieces, and of each header once."""
    headers = dict.fromkeys(block.header for block in blocks)
    return sum(len(piece.text) for block in blocks for piece in block.pieces) + sum(map(len, headers))


def _has_text(block: Block) -> bool:
    return any(piece.text.strip() for piece in block.pieces)


def _rounded(amount: float, unit: Unit | None) -> float:
    return round(float(amount), 1) if unit == "seconds" else round(amount)
