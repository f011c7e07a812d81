"""Sources that are text: lines with their numbers, tables with their rows, slides, sections. Pure.

What is shown is the text as it was read, so that it can be shown of files inside files too, and of one that is gone.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby
from typing import TypeVar

from indexers.types import Chunk, LinesLocator, Locator, SectionLocator, SheetLocator, SlideLocator
from ui.markup import attribute
from ui.place import Place
from ui.source_parts import button, paragraphs, quoted, segments

MOST_LINES = 2000
"""Lines or rows that are shown at once; of a longer file, those around the place."""
_BLANK_LINES = 3
"""Between two lines that were read there are often lines without text, rarely more than these."""
_NUMBER = re.compile(r"[-+−]?[£$€]?\d[\d.,'\u202f]*\s?[%€]?")
_SHORT, _LONG = 12, 40  # characters: what is not broken into lines, what is not squeezed
_DELIMITERS = ",;\t|"

_Item = TypeVar("_Item")


# --- lines -------------------------------------------------------------------------------------


def lines(passages: Sequence[Chunk], place: Place, shown: str, at: int | None) -> str:
    """Numbered lines, of which those of the place are marked.

    Args:
        passages: of the document.
        place: what was opened.
        shown: the place as an attribute's text.
        at: number of the line that is to be shown first; None: so that the place is seen.
    """
    numbered = numbered_lines(passages)
    first, last = (place.locator.first, place.locator.last) if isinstance(place.locator, LinesLocator) else (0, 0)
    part, above, below = _window(numbered, [number for number, _ in numbered], first, at)
    rows: list[str] = []
    before = part[0][0] - 1 if part else 0
    for number, text in part:
        rows += [f'<li value="{blank}"></li>' for blank in range(before + 1, number) if number - before <= _BLANK_LINES]
        rows.append(_line(number, text, cited=first <= number <= last))
        before = number
    return _more("lines", f'<ol class="lines">{"".join(rows)}</ol>', above, below, shown)


def numbered_lines(passages: Iterable[Chunk]) -> list[tuple[int, str]]:
    """The lines of a text with their numbers, in order. A line that was cut between two passages is whole again."""
    found: dict[int, str] = {}
    for passage in passages:
        for locator, text in segments(passage):
            if isinstance(locator, LinesLocator):
                for number, line in enumerate(text.rstrip("\n").split("\n"), locator.first):
                    if line.strip() or number == locator.first:
                        found[number] = f"{found[number]} {line}" if found.get(number) else line
    return sorted(found.items())


def _line(number: int, text: str, *, cited: bool) -> str:
    if cited:
        return f'<li value="{number}" class="cited"><mark>{escape(text)}</mark></li>'
    return f'<li value="{number}">{escape(text)}</li>'


# --- tables ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Row:
    sheet: str
    header: str
    number: int
    last: int
    text: str


def tables(passages: Sequence[Chunk], place: Place, shown: str, at: int | None, *, values: bool) -> str:
    """Tables with the numbers of their rows, of which those of the place are marked; as ``lines``.

    ``values``: the rows are lines of a file of values (CSV), not of a sheet.
    """
    rows = [row for passage in passages for row in _rows(passage)]
    match place.locator:
        case SheetLocator(sheet, first, last):
            pass
        case LinesLocator(first, last):
            sheet = ""
        case _:
            sheet, first, last = "", 0, 0
    cited = [row.sheet == sheet and row.number <= last and first <= row.last for row in rows]
    start = next((index for index, is_cited in enumerate(cited) if is_cited), 0)
    part, above, below = _window(list(zip(rows, cited, strict=True)), range(len(rows)), start, at)
    made: list[str] = []
    for name, in_sheet in groupby(part, lambda each: each[0].sheet):
        made.append(f"<h3>{escape(name)}</h3>" if name else "")
        for header, under in groupby(in_sheet, lambda each: each[0].header):
            made.append(_table(header, list(under), name, values=values))
    return _more("rows", "".join(made), above, below, shown)


def _rows(passage: Chunk) -> Iterable[_Row]:
    for locator, text in segments(passage):
        body = text.strip("\n")
        match locator:
            case SheetLocator(sheet, first, last):
                yield _Row(sheet, passage.header, first, last, body)
            case LinesLocator(first, last):
                yield _Row("", passage.header, first, last, body)


def _table(header: str, rows: Sequence[tuple[_Row, bool]], sheet: str, *, values: bool) -> str:
    delimiter = _delimiter(header or (rows[0][0].text if rows else "")) if values else ""
    names = _cells(header, delimiter) if header else []
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in names)
    body = "".join(_table_row(row, _cells(row.text, delimiter), cited=cited) for row, cited in rows)
    label = attribute(f"Rows {rows[0][0].number} to {rows[-1][0].last}{f' of {sheet}' if sheet else ''}")
    top = f'<thead><tr><th scope="col"><span class="unseen">Row</span></th>{head}</tr></thead>' if head else ""
    return _wide(f"<table>{top}<tbody>{body}</tbody></table>", label)


def _table_row(row: _Row, cells: Sequence[str], *, cited: bool) -> str:
    drawn = "".join(
        f'<td class="{_kind(cell)}">{f"<mark>{escape(cell)}</mark>" if cited and cell else escape(cell)}</td>'
        for cell in cells
    )
    return f'<tr{" class=cited" if cited else ""}><th scope="row">{row.number}</th>{drawn}</tr>'


def _kind(cell: str) -> str:
    if _NUMBER.fullmatch(cell.strip()):
        return "number"
    return "short" if len(cell) <= _SHORT else "long" if len(cell) >= _LONG else "text"


def _delimiter(line: str) -> str:
    return max(_DELIMITERS, key=line.count)


def _cells(text: str, delimiter: str) -> list[str]:
    """The cells of a row; a file of values is quoted as such files are, other tables were read with bars."""
    if not delimiter:
        return [cell.strip() for cell in text.split(" | ")]
    try:
        return next(csv.reader([text.replace("\0", "")], delimiter=delimiter), [""])
    except csv.Error:
        return [text]


def _wide(table: str, label: str) -> str:
    """A table that may be wider than the pane: then it is moved to and fro, by the keyboard too."""
    return f'<div class="wide" tabindex="0" role="group" aria-label="{label}">{table}</div>'


# --- slides and sections -----------------------------------------------------------------------


def slides(passages: Sequence[Chunk], place: Place) -> str:
    """A section for each slide."""
    made: list[str] = []
    for number, of_slide in groupby(passages, _slide):
        parts = list(of_slide)
        cited = isinstance(place.locator, SlideLocator) and place.locator.slide == number
        title = parts[0].headings[-1] if parts[0].headings else ""
        label = " · ".join(part for part in (f"Slide {number}" if number else "", title) if part)
        body = "".join(_passage(part, place.quote if cited else "") for part in parts)
        kind = "slide cited-part" if cited else "slide"
        made.append(f'<section class="{kind}">{f"<h3>{escape(label)}</h3>" if label else ""}{body}</section>')
    return "".join(made)


def _slide(passage: Chunk) -> int:
    return passage.locator.slide if isinstance(passage.locator, SlideLocator) else 0


def sections(passages: Sequence[Chunk], place: Place) -> str:
    """Headings and paragraphs, tables where there are some; the quoted sentence is marked, or else its section."""
    here = [passage for passage in passages if _is_at(passage, place.locator)]
    said = next((passage for passage in here if quoted(passage, place.quote)), None)
    said = said or next((passage for passage in passages if quoted(passage, place.quote)), None)
    chosen = [said] if said is not None else here if isinstance(place.locator, SectionLocator) else []
    made: list[str] = []
    before: tuple[str, ...] = ()
    for passage in passages:
        made.append(_headings(passage.headings, before))
        before = passage.headings
        cited = any(passage is each for each in chosen)
        body = _passage(passage, place.quote if cited else "")
        made.append(f'<div class="cited-part">{body}</div>' if cited else body)
    return "".join(made)


def _is_at(passage: Chunk, locator: Locator) -> bool:
    return locator in (passage.locator, *(place.locator for place in passage.places))


def _headings(now: tuple[str, ...], before: tuple[str, ...]) -> str:
    """The headings that begin here."""
    same = 0
    while same < min(len(now), len(before)) and now[same] == before[same]:
        same += 1
    return "".join(
        f"<h{min(3 + depth, 6)}>{escape(now[depth])}</h{min(3 + depth, 6)}>" for depth in range(same, len(now))
    )


def _passage(passage: Chunk, quote: str) -> str:
    span = quoted(passage, quote)
    if not passage.header:
        return paragraphs(passage.body, span)
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in _cells(passage.header, ""))
    rows: list[str] = []
    at = 0
    for line in passage.body.split("\n"):
        cited = span is not None and span[0] < at + len(line) and at < span[1]
        cells = "".join(
            f"<td>{f'<mark>{escape(cell)}</mark>' if cited and cell else escape(cell)}</td>"
            for cell in _cells(line, "")
        )
        rows.append(f"<tr{' class=cited' if cited else ''}>{cells}</tr>")
        at += len(line) + 1
    return _wide(f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>", "Table")


# --- parts of long files -----------------------------------------------------------------------


def _window(
    items: Sequence[_Item], numbers: Sequence[int], cited: int, at: int | None
) -> tuple[Sequence[_Item], int | None, int | None]:
    """The items that are shown, and where those before and after them begin (None where there are none).

    ``numbers`` are those of the items, rising; the window begins at number ``at``, or so that ``cited`` is in it.
    """
    if len(items) <= MOST_LINES:
        return items, None, None
    wanted = at if at is not None else cited - MOST_LINES // 2
    start = next((index for index, number in enumerate(numbers) if number >= wanted), len(items))
    start = max(0, min(start, len(items) - MOST_LINES))
    above = numbers[max(0, start - MOST_LINES)] if start else None
    below = numbers[start + MOST_LINES] if start + MOST_LINES < len(items) else None
    return items[start : start + MOST_LINES], above, below


def _more(what: str, body: str, above: int | None, below: int | None, shown: str) -> str:
    before = button("turn", f"Earlier {what}", turn="previous", at=above, place=shown) if above is not None else ""
    after = button("turn", f"Later {what}", turn="next", at=below, place=shown) if below is not None else ""
    return f"{before}{body}{after}"
