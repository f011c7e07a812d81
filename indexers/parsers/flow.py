"""Text in reading order → blocks: what every parser of flowing documents (Word, web, mail, books) shares.

A ``Flow`` is told headings, paragraphs, list items and tables one after the other and keeps the heading
path, so that a parser only has to walk its own format. It knows nothing of any format.

Two decisions are made here, once. A heading with text below it lives in the heading path of that text and
is no piece; a heading with nothing below it becomes a piece, so that no text is lost. The first row of a
table is its header when the file says so, or when it looks like labels: short, and no cell a number.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import groupby

from indexers.parsers.alt_text import alt_texts
from indexers.types import Block, Locator, Piece, SectionLocator

CELL_JOINT = " | "
_MAX_HEADER_CHARS = 300  # a longer "header" is prose in a layout table, too much to repeat
_NUMBER = re.compile(r"[\s\d.,:/%()+\-–—$€£¥]*")
_ISO_DATE = re.compile(r"\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?")


class Flow:
    """Collects blocks under the headings seen so far.

    Args:
        root: headings that lead to everything in this flow (a chapter's title, a forwarded mail's subject).
        locator: where all of it is (a slide); None means the section that the headings name.
    """

    def __init__(self, root: Sequence[str] = (), locator: Locator | None = None) -> None:
        self.blocks: list[Block] = []
        self._root = tuple(heading for heading in root if heading)
        self._locator = locator
        self._path: list[tuple[int, str]] = []
        self._pieces: list[Piece] = []
        self._bare: str | None = None  # a heading that nothing stands under yet

    @property
    def headings(self) -> tuple[str, ...]:
        """The headings that lead to what is added next, outermost first."""
        return (*self._root, *(text for _, text in self._path))

    def heading(self, text: str, level: int) -> None:
        """Ends the open block and opens a section; smaller levels stand further out."""
        text = " ".join(text.split())
        if not text:
            return
        self.end()
        if self._bare is not None and self._path and self._path[-1][0] >= level:
            self._keep_bare()
        while self._path and self._path[-1][0] >= level:
            self._path.pop()
        self._bare = text
        if not self._path and self._root and self._root[-1].casefold() == text.casefold():
            return  # a chapter that repeats its own title
        self._path.append((level, text))

    def add(self, text: str, joint: str = "\n") -> None:
        """Adds a piece to the open block; blank text adds nothing."""
        text = text.strip()
        if text:
            self._append(text, joint)

    def add_line(self, line: str) -> None:
        """Adds a line whose indentation counts; a blank line widens the gap before the next one."""
        line = line.rstrip()
        if line:
            self._append(line, "\n")
        elif self._pieces:
            last = self._pieces[-1]
            self._pieces[-1] = Piece(last.text, last.locator, "\n\n")

    def picture(self, *texts: str, apart: bool = True) -> None:
        """Adds what people wrote about a picture (alternative text, title), as a block if ``apart``."""
        said = alt_texts(*texts)
        if said and apart:
            self.end()
        for text in said:
            self.add(text)
        if said and apart:
            self.end()

    def paragraph(self, text: str) -> None:
        """Adds a block of one piece."""
        self.end()
        self.add(text)
        self.end()

    def table(self, rows: Sequence[Sequence[str]], header_rows: int | None = None) -> None:
        """Adds a table as a block with a piece per row; empty rows and columns are left out.

        Args:
            rows: the text of each cell; cells hidden by a merged neighbour are empty.
            header_rows: how many rows on top are header; None if the file does not say.
        """
        self.end()
        if header_rows is None:
            header_rows = 1 if _looks_like_labels(rows) else 0
        width = max((len(row) for row in rows), default=0)
        filled = [any(at < len(row) and row[at].strip() for row in rows) for at in range(width)]
        texts = [_row_text([cell for at, cell in enumerate(row) if filled[at]]) for row in rows]
        top = [text for text in texts[:header_rows] if text]
        body = [text for text in texts[header_rows:] if text]
        header = "\n".join(top)
        if not body or len(header) > _MAX_HEADER_CHARS:
            header, body = "", top + body
        for text in body:
            self.add(text)
        self.end(header)

    def end(self, header: str = "") -> None:
        """Closes the open block, if there is one."""
        if self._pieces:
            self.blocks.append(Block(tuple(self._pieces), self.headings, header))
            self._pieces = []

    def finish(self) -> tuple[Block, ...]:
        """All blocks; nothing can be added afterwards."""
        self.end()
        if self._bare is not None:
            self._keep_bare()
        return tuple(self.blocks)

    def _append(self, text: str, joint: str) -> None:
        self._bare = None
        self._pieces.append(Piece(text, self._where(), joint))

    def _where(self) -> Locator:
        return SectionLocator(self.headings) if self._locator is None else self._locator

    def _keep_bare(self) -> None:
        text, self._bare = self._bare or "", None
        self.blocks.append(Block((Piece(text, self._where()),), self.headings))


def add_lines(flow: Flow, text: str) -> None:
    """Adds plain text: a block per paragraph, a piece per line; quoted (``>``) lines stand apart."""
    for (blank, _), lines in groupby(text.split("\n"), key=lambda line: (not line.strip(), line[:1] == ">")):
        if not blank:
            for line in lines:
                flow.add_line(line)
        flow.end()


def iso_date(text: str) -> str:
    """The ISO 8601 date (or date and time) that ``text`` begins with, or nothing.

    >>> iso_date("2024-05-01T10:00:00Z"), iso_date("yesterday")
    ('2024-05-01T10:00:00Z', '')
    """
    match = _ISO_DATE.match(text.strip())
    return match.group() if match else ""


def known(**values: str) -> dict[str, str]:
    """Metadata without the entries that are empty."""
    return {key: " ".join(value.split()) for key, value in values.items() if value.strip()}


def _row_text(cells: Sequence[str]) -> str:
    return CELL_JOINT.join(" ".join(cell.split()) for cell in cells).strip(" |")


def _looks_like_labels(rows: Sequence[Sequence[str]]) -> bool:
    if len(rows) < 2:
        return False
    labels = [cell for cell in rows[0] if cell.strip()]
    return len(labels) >= 2 and not any(_NUMBER.fullmatch(label) for label in labels)
