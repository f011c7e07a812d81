"""A ledger in words: short for a row of a table, and in full, one line for each way of reading. Pure."""

from __future__ import annotations

from indexers.ledger import Ledger, Share, Unit, Way
from indexers.locators import clock

_NAMES: dict[Way, str] = {
    "text": "text layer",
    "subtitles": "subtitles",
    "speech": "speech",
    "ocr": "OCR",
    "tags": "captions and tags",
    "sight": "image model",
    "name": "file name",
}
_ONE: dict[Unit, str] = {
    "pages": "page",
    "slides": "slide",
    "sheets": "sheet",
    "sections": "section",
    "lines": "line",
    "pictures": "picture",
}
_EMPTY: dict[Unit, str] = {"pages": "blank", "slides": "blank", "seconds": "silent", "lines": "blank or markup"}


def amount(number: float, unit: Unit) -> str:
    """So much of a unit.

    >>> amount(1, "pages"), amount(1234, "lines"), amount(724.2, "seconds")
    ('1 page', '1,234 lines', '12:04')
    """
    if unit == "seconds":
        return clock(number)
    return f"{round(number):,} {_ONE[unit] if number == 1 else unit}"


def in_short(ledger: Ledger) -> str:
    """How much of a file was read, for a row of a table; "" where nobody knows.

    >>> in_short(Ledger("pages", 14, (Share("text", 9, 9000), Share("ocr", 2, 800)), 11, 1, 2))
    '12 of 14 pages, 2 by OCR, 1 blank'
    """
    unit = ledger.unit
    if unit is None:
        return ""
    if unit == "pictures":
        ways = [_NAMES[share.way] for share in ledger.read if share.way != "name"]
        return f"by {', '.join(ways)}" if ways else "by its name only" if ledger.read else ""
    if unit == "sections" and ledger.covered <= 1:
        return _characters(ledger.characters)  # mails, letters: one section says nothing
    total = ledger.covered if ledger.total is None else ledger.total
    parts = [amount(total, unit)]
    if ledger.unread:
        parts = [f"{_bare(total - ledger.unread, unit)} of {parts[0]}"]
    for share in ledger.read:
        if share.way in ("subtitles", "speech", "ocr") and share.amount:
            parts.append(f"{_bare(share.amount, unit)} by {_NAMES[share.way]}")
    if ledger.empty and unit in ("pages", "slides"):
        parts.append(f"{_bare(ledger.empty, unit)} {_EMPTY[unit]}")
    return ", ".join(parts)


def in_full(ledger: Ledger) -> list[tuple[str, str]]:
    """Names and values, one line each: what there is, what each way gave, what is empty, what was left out."""
    unit = ledger.unit
    lines: list[tuple[str, str]] = []
    if unit is not None and ledger.total is not None:
        lines.append(("holds", amount(ledger.total, unit)))
    lines += [(f"by {_NAMES[share.way]}", _gave(share, unit)) for share in ledger.read]
    if unit is not None and ledger.empty:
        lines.append((_EMPTY.get(unit, "empty"), amount(ledger.empty, unit)))
    if unit is not None and ledger.unread:
        lines.append(("not read", amount(ledger.unread, unit)))
    if ledger.read:
        lines.append(("kept", _characters(ledger.characters)))
    return lines + [("left out" if not at else "", clause) for at, clause in enumerate(ledger.skipped)]


def _gave(share: Share, unit: Unit | None) -> str:
    parts = [amount(share.amount, unit)] if unit is not None and share.amount else []
    return ", ".join([*parts, _characters(share.characters)] if share.characters else parts)


def _characters(number: int) -> str:
    return f"{number:,} {'character' if number == 1 else 'characters'}"


def _bare(number: float, unit: Unit) -> str:
    return clock(number) if unit == "seconds" else f"{round(number):,}"
