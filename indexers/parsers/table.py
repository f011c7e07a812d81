"""Tables: comma-separated files and workbooks. A piece is a row; a header row goes with every chunk of its table.

Which row is a header, and where a table of a sheet begins, is not written anywhere: ``_lead`` tells it from
how the first rows differ from those that follow. Records of a csv file stay verbatim, with the lines they
stand on; cells of a workbook are written as a person sees them, as far as the file says it without its
number formats (percentages come as fractions).
"""

from __future__ import annotations

import csv
import datetime
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from indexers.errors import Broken, Empty, Encrypted, Unreadable
from indexers.ledger import Unit
from indexers.parsers.encoding import read_text
from indexers.parsers.keeping import keep_lines
from indexers.parsers.markup import file_line, line_extent, paragraphs, span_block
from indexers.protocols import Source
from indexers.types import Block, LinesLocator, Parsed, Piece, SheetLocator

if TYPE_CHECKING:
    from python_calamine import CalamineWorkbook

_SAMPLE = 100  # records that are looked at to tell delimiter and header
_MAX_RECORD_LINES = 200  # a quote that is still open after these was none
_SEGMENT_ROWS = 2000  # rows of a sheet that are held as cells at a time; records in a block
_NUMBER = re.compile(r"[-+(]?\s?[$€£¥]?\s?[-+]?(?:\d[\d.,' \u00a0]*)(?:[eE][-+]?\d+)?\s?[%€$£¥]?\)?")
_DATE = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}(?:[ T]\d{1,2}:\d{2}.*)?")
_YEAR = re.compile(r"(?:19|20)\d\d")


# --- comma-separated files ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Record:
    """Lines ``first`` to ``last`` (from 1, both included) of a file, as they stand."""

    text: str
    first: int
    last: int


def parse_csv(source: Source) -> Parsed:
    """Records of a file with delimiters; a file without any is read as plain text.

    Raises:
        Empty: it holds no text.
    """
    lines = read_text(source.path).split("\n")
    if not any(line.strip() for line in lines):
        raise Empty("the file is empty")
    delimiter = _delimiter(lines, source.format)
    if not delimiter:
        spans = (span_block(lines, span, file_line) for span in paragraphs(lines))
        return Parsed(keep_lines(source, spans, len(lines)), extent=line_extent(lines))
    records = (record for record in _records(lines, delimiter) if record.text.strip(delimiter + " \t\n\"'"))
    first = list(islice(records, _SAMPLE))
    if not first:
        raise Empty("no field holds anything")
    titles, has_header = _lead([_fields(record.text, delimiter) for record in first])
    blocks = []
    if titles:
        blocks.append(Block(_record_pieces(first[:titles])))
    header = first[titles].text if has_header else ""
    body = chain(first[titles + has_header :], records)
    while segment := list(islice(body, _SEGMENT_ROWS)):
        blocks.append(Block(_record_pieces(segment), header=header))
        if len(segment) == _SEGMENT_ROWS:
            source.keep(blocks, segment[-1].last / len(lines), f"line {segment[-1].last} of {len(lines)}")
    return Parsed(tuple(blocks), extent=line_extent(lines))


def _record_pieces(records: Sequence[_Record]) -> tuple[Piece, ...]:
    return tuple(
        Piece(record.text, LinesLocator(record.first, record.last), "\n" * max(1, after - record.last))
        for record, after in zip(records, [*(r.first for r in records[1:]), 0], strict=True)
    )


def _records(lines: Sequence[str], delimiter: str) -> Iterator[_Record]:
    """Lines, joined where a quoted field goes on in the next."""
    opens = re.compile(rf'(?:^|{re.escape(delimiter)})\s*"')
    at = 0
    while at < len(lines):
        end = at + 1
        if lines[at].count('"') % 2 and opens.search(lines[at]):
            limit = min(len(lines), at + _MAX_RECORD_LINES)
            closing = next((i for i in range(end, limit) if lines[i].count('"') % 2), None)
            end = end if closing is None else closing + 1
        yield _Record("\n".join(lines[at:end]).rstrip(), at + 1, end)
        at = end


def _fields(record: str, delimiter: str) -> list[str]:
    try:
        return [field.strip() for row in csv.reader([record.replace("\n", " ")], delimiter=delimiter) for field in row]
    except csv.Error:  # a field of more than 131,072 characters
        return [record]


def _delimiter(lines: Sequence[str], format_name: str) -> str:
    """The character that divides most records into the same number of fields, or "" if none does."""
    sample = [line for line in lines[: 2 * _SAMPLE] if line.strip()][:_SAMPLE]
    best, best_score = "", 0.5
    for delimiter in "\t,;|" if format_name == "tsv" else ",;\t|":
        widths = Counter(
            len(_fields(record.text, delimiter)) for record in _records(sample, delimiter) if record.text.strip()
        )
        width, count = max(widths.items(), key=lambda item: (item[1] * (item[0] > 1), item[0]))
        # Agreement decides; among those that agree alike, the one that makes more of the line.
        score = count / widths.total() + min(width, 50) / 1000 if width > 1 else 0.0
        if score > best_score:
            best, best_score = delimiter, score
    return best


# --- what the first rows are -------------------------------------------------------------------


def _lead(rows: Sequence[Sequence[str]]) -> tuple[int, bool]:
    """How many title rows a table begins with, and whether a header row follows them.

    A title stands alone in its row, over rows of several cells. A header is text over other things, or text
    that is short, all different, and does not come again below.
    """
    filled = [[cell for cell in row if cell] for row in rows]
    titles = 0
    while titles < min(5, len(rows) - 2) and len(filled[titles]) == 1:
        titles += 1
    if titles and (len(filled[titles]) < 2 or len(filled[titles + 1]) < 2):
        titles = 0
    head, body = rows[titles], rows[titles + 1 :]
    cells = filled[titles]
    if len(cells) < 2 or not body:
        return titles, False
    values = [cell for cell in cells if _is_value(cell) and not _YEAR.fullmatch(cell)]
    if len(values) > 0.2 * len(cells) or len(set(cells)) < 0.8 * len(cells):
        return titles, False
    for column, name in enumerate(head):
        below = [row[column] for row in body if column < len(row) and row[column]]
        years = _YEAR.fullmatch(name) and any(_YEAR.fullmatch(cell) for cell in below)
        if name and below and not years and (not _is_value(name) or _YEAR.fullmatch(name)):
            if sum(map(_is_value, below)) > 0.6 * len(below):
                return titles, True
            if name in below:
                return titles, False
    typical = sorted(map(len, filled[titles + 1 :]))[len(body) // 2]
    short = max(map(len, cells)) <= 60
    return titles, not values and short and len(cells) >= typical


def _is_value(cell: str) -> bool:
    """Whether a cell holds a number or a date."""
    text = cell[:60]
    return _NUMBER.fullmatch(text) is not None or _DATE.fullmatch(text) is not None


# --- workbooks ---------------------------------------------------------------------------------


def parse_workbook(source: Source) -> Parsed:
    """All sheets of a workbook, the hidden ones included; a table ends at a blank row.

    Raises:
        Broken: it is damaged.
        Empty: no cell holds anything.
        Encrypted: it asks for a password.
    """
    from python_calamine import CalamineError, SheetTypeEnum, WorksheetNotFound

    blocks: list[Block] = []
    failed: list[str] = []
    with _open(source.path) as book:
        # What is drawn on a chart sheet has no cells.
        names = [sheet.name for sheet in book.sheets_metadata if sheet.typ == SheetTypeEnum.WorkSheet]
        for number, name in enumerate(names, 1):
            try:
                rows = book.get_sheet_by_name(name).iter_rows()
            except (CalamineError, WorksheetNotFound):
                failed.append(name)
                continue
            for segment in _segments(rows):
                blocks += segment.blocks(name)
                if segment.is_long:
                    row = segment.first_row + len(segment.rows) - 1
                    source.keep(blocks, (number - 1) / len(names), f"row {row} of sheet {number} of {len(names)}")
            source.keep(blocks, (number - len(failed)) / len(names), f"sheet {number} of {len(names)}")
    if failed and not blocks:
        raise Broken("no sheet of it can be read")
    if not blocks:
        raise Empty("no cell holds anything")
    notes = (f"sheets that can not be read: {', '.join(failed)}",) if failed else ()
    extent: tuple[Unit, float] = ("sheets", len(names))
    return Parsed(tuple(blocks), coverage=1 - len(failed) / len(names), notes=notes, extent=extent)


def _open(path: Path) -> CalamineWorkbook:
    from python_calamine import CalamineError, CalamineWorkbook, PasswordError

    try:
        # By content: a path would be judged by its suffix, which a temporary file does not have.
        with path.open("rb") as file:
            return CalamineWorkbook.from_filelike(file)
    except PasswordError as error:
        raise Encrypted("needs a password") from error
    except CalamineError as error:
        raise Broken(f"damaged workbook ({error})") from error
    except OSError as error:
        raise Unreadable(error.strerror or str(error)) from error


@dataclass(frozen=True, slots=True)
class _Segment:
    """Neighbouring rows of a table, with the number of the first; ``header`` is that of the whole table."""

    first_row: int
    rows: list[list[str]]
    header: list[str]
    titles: int = 0

    @property
    def is_long(self) -> bool:
        """Whether it is one of several of a long table."""
        return len(self.rows) >= _SEGMENT_ROWS - 1

    def blocks(self, sheet: str) -> Iterator[Block]:
        """Title rows, then the others under their header; columns that are blank throughout are left out."""
        used = [any(cells) for cells in zip(*self._padded(), strict=True)]
        pieces = [
            Piece(text, SheetLocator(sheet, row, row))
            for row, cells in enumerate(self.rows, self.first_row)
            if (text := _row_text(cells, used))
        ]
        if pieces[: self.titles]:
            yield Block(tuple(pieces[: self.titles]), (sheet,))
        if pieces[self.titles :]:
            yield Block(tuple(pieces[self.titles :]), (sheet,), _row_text(self.header, used))

    def _padded(self) -> Iterator[list[str]]:
        rows = [*self.rows, self.header]
        width = max(map(len, rows))
        return (row + [""] * (width - len(row)) for row in rows)


def _segments(rows: Iterable[Sequence[Any]]) -> Iterator[_Segment]:
    """Tables of a sheet, the long ones in segments, so that cells of few rows are held at once."""
    table: list[list[str]] = []
    first, header, begun = 1, list[str](), False
    above: list[str] = []  # the header row of a table that ended at a blank row below it

    def flush() -> Iterator[_Segment]:
        nonlocal header, above
        titles, skip = 0, 0
        if not begun:
            titles, has_header = _lead(table[:_SAMPLE])
            has_values = any(_is_value(cell) for row in table[:_SAMPLE] for cell in row)
            header = table[titles] if has_header else above if has_values else []
            skip = int(has_header)
            above = table[-1] if len(table) <= 3 and not has_values and sum(map(bool, table[-1])) > 1 else []
        if skip and titles:
            yield _Segment(first, table[:titles], [], titles)
            yield _Segment(first + titles + 1, table[titles + 1 :], header)
        else:
            yield _Segment(first + skip, table[skip:], header, titles)

    for number, row in enumerate(rows, 1):
        cells = [_cell_text(cell) for cell in row]
        if not any(cells):
            if table:
                yield from flush()
            table, header, begun = [], [], False
            continue
        if len(table) == _SEGMENT_ROWS:
            yield from flush()
            table, begun = [], True
        if not table:
            first = number
        table.append(cells)
    if table:
        yield from flush()


def _row_text(cells: Sequence[str], used: Sequence[bool]) -> str:
    kept = [cell for cell, is_used in zip(cells, used, strict=False) if is_used]
    while kept and not kept[-1]:
        kept.pop()
    return " | ".join(kept)


def _cell_text(value: Any) -> str:
    """A cell as a person reads it: no ".0" behind whole numbers, ISO dates, one line."""
    match value:
        case str():
            return " ".join(value.split()).replace("\0", "\ufffd")
        case bool():
            return "TRUE" if value else "FALSE"
        case float() | int():
            is_whole = isinstance(value, int) or (value.is_integer() and abs(value) < 1e15)
            return str(int(value)) if is_whole else format(value, ".15g")
        case datetime.datetime():
            is_date = value.time() == datetime.time.min
            return value.date().isoformat() if is_date else value.isoformat(" ", "seconds")
        case datetime.date():
            return value.isoformat()
        case datetime.time():
            return value.isoformat("seconds")
        case datetime.timedelta():
            minutes, seconds = divmod(round(value.total_seconds()), 60)
            return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"
        case _:
            return str(value)
