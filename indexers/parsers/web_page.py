"""HTML → blocks: shared by web pages, book chapters and mails.

BeautifulSoup builds the tree from lxml's events: lxml's own trees end at 2,048 levels and drop what is
deeper. Every pass over the tree is a loop with a stack, so that 100,000 nested tags cost time in
proportion and no recursion.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence

from bs4 import BeautifulSoup, XMLParsedAsHTMLWarning
from bs4.element import NavigableString, PageElement, PreformattedString, Tag

from indexers.parsers.alt_text import alt_texts
from indexers.parsers.flow import Flow
from indexers.parsers.keeping import Steps

_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_BLOCKS = frozenset(
    "address article aside blockquote body caption center dd details dialog dir div dl dt fieldset figcaption "
    "figure footer form header hgroup hr html legend li main menu nav ol p pre section summary table tbody td "
    "tfoot th thead tr ul".split()
)
_ENDS_HEADING = frozenset({"p", "ul", "ol", "dl", "table", "pre", "blockquote", "article", "section"})
LISTS = frozenset({"ul", "ol", "dl", "menu", "dir"})
NEVER_SHOWN = frozenset(
    "script style noscript template head meta link title svg iframe object embed canvas map audio video "
    "button input select textarea datalist noframes rp rt".split()
)
_HOLDS_ROWS = frozenset({"table", "thead", "tbody", "tfoot"})
_MAX_CELL_CHARS = 1500  # a table with a longer cell is layout, not data
_MAX_HEADING_CHARS = 300
_MAX_SPAN = 100
_LONG_PRE_LINES = 60  # a longer preformatted text is cut into blocks at its blank lines


def parse_markup(text: str) -> BeautifulSoup:
    """The tree of an HTML or XHTML document; any text gives one."""
    data = text.replace("\0", "\ufffd").encode("utf-8", "replace")  # lxml stops at a zero
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", XMLParsedAsHTMLWarning)
        return BeautifulSoup(data, "lxml", from_encoding="utf-8")


def add_markup(flow: Flow, root: Tag, skipped: Iterable[Tag] = (), steps: Steps | None = None) -> None:
    """Adds everything below ``root`` to ``flow`` but ``skipped`` parts and what browsers never show.

    ``steps`` are the tags that are left again.
    """
    _Walker(flow, {id(tag) for tag in skipped}, steps).walk(root)


def count_tags(root: Tag) -> int:
    """How many tags there are below ``root``."""
    return sum(1 for node in root.descendants if isinstance(node, Tag))


class _Walker:
    """Turns the events of one walk into paragraphs, lists, tables and headings."""

    def __init__(self, flow: Flow, skipped: set[int], steps: Steps | None) -> None:
        self._flow = flow
        self._steps = steps
        self._skipped = skipped
        self._words: list[str] = []
        self._alts: list[tuple[str, str]] = []
        self._lists = 0
        self._breaks = 0
        self._outer_tables: set[int] = set()
        self._heading: Tag | None = None  # the heading whose words are being collected

    def walk(self, root: Tag) -> None:
        """Adds everything below ``root``; whitespace collapses as a browser shows it."""
        self._outer_tables = _outer_tables(root)
        stack: list[tuple[Tag, Iterator[PageElement]]] = [(root, iter(root.contents))]
        while stack:
            tag, children = stack[-1]
            node = next(children, None)
            if node is None:
                stack.pop()
                self._leave(tag)
                if self._steps is not None:
                    self._steps.step()
            elif isinstance(node, Tag):
                if self._enter(node):
                    stack.append((node, iter(node.contents)))
            elif isinstance(node, NavigableString) and not isinstance(node, PreformattedString):
                self._words.append(str(node))
                self._breaks = 0 if node.strip() else self._breaks
        self._flush(ends=True)

    def _enter(self, tag: Tag) -> bool:
        """Whether the walk goes on below ``tag``."""
        name = tag.name
        if name in NEVER_SHOWN or id(tag) in self._skipped:
            return False
        if self._heading is not None and (name in _ENDS_HEADING or _heading_level(tag)):
            self._end_heading()  # it was never closed
        if name == "img":
            self._alts.append(_said_of(tag))
        elif self._heading is not None:
            self._words.append(" " if name in _BLOCKS or name == "br" else "")
        elif name == "br":
            self._break_line()
        elif _heading_level(tag):
            self._flush(ends=True)
            self._heading = tag
        elif name == "pre":
            self._flush(ends=True)
            self._preformatted(tag)
            return False
        elif name == "table":
            self._flush(ends=True)
            return not self._table(tag)
        elif name in _BLOCKS:
            self._flush(ends=not self._lists)
            self._lists += name in LISTS
        return name not in ("br", "img")

    def _leave(self, tag: Tag) -> None:
        if tag is self._heading:
            self._end_heading()
        elif self._heading is None and tag.name in _BLOCKS:
            self._lists -= tag.name in LISTS
            self._flush(ends=not self._lists)

    def _end_heading(self) -> None:
        said = [text for alts in self._alts for text in alt_texts(*alts)]
        text = _collapsed(" ".join(["".join(self._words), *said]))
        level = _heading_level(self._heading) if self._heading is not None else 1
        self._heading, self._words, self._alts = None, [], []
        if len(text) > _MAX_HEADING_CHARS:
            self._flow.paragraph(text)
        else:
            self._flow.heading(text, level)

    def _break_line(self) -> None:
        """A line break ends a piece; two in a row end the paragraph."""
        self._breaks += 1
        if self._words and "".join(self._words).strip():
            self._flush(ends=False)
        elif self._breaks > 1 and not self._lists:
            self._flow.end()

    def _flush(self, ends: bool) -> None:
        text = _collapsed("".join(self._words))
        self._words = []
        self._flow.add(text)
        alts, self._alts = self._alts, []
        if ends:
            self._breaks = 0
            self._flow.end()
        for said in alts:
            self._flow.picture(*said, apart=ends)

    def _preformatted(self, tag: Tag) -> None:
        lines = self._text(tag, str).strip("\n").split("\n")
        for line in lines:
            self._flow.add_line(line)
            if not line.strip() and len(lines) > _LONG_PRE_LINES:
                self._flow.end()
        self._flow.end()

    def _text(self, root: Tag, form: Callable[[str], str]) -> str:
        """The text below one tag, pictures' included."""
        words: list[str] = []
        stack: list[Iterator[PageElement]] = [iter(root.contents)]
        while stack:
            node = next(stack[-1], None)
            if node is None:
                stack.pop()
            elif isinstance(node, Tag):
                if node.name == "br":
                    words.append("\n")
                elif node.name == "img":
                    words.append(f" {' '.join(alt_texts(*_said_of(node)))} ")
                elif node.name not in NEVER_SHOWN and id(node) not in self._skipped:
                    words.append("\n" if node.name in _BLOCKS else "")
                    stack.append(iter(node.contents))
            elif isinstance(node, NavigableString) and not isinstance(node, PreformattedString):
                words.append(str(node))
        return form("".join(words))

    def _table(self, table: Tag) -> bool:
        """Adds a table of data; False if it only lays out the page."""
        if table.get("role") == "presentation" or id(table) in self._outer_tables:
            return False
        rows = [row for row in table.find_all("tr") if id(row) not in self._skipped]
        if any(row.parent is None or row.parent.name not in _HOLDS_ROWS for row in rows):
            return False  # not nested as tables are
        cells: list[Sequence[Tag]] = [row.find_all(["td", "th"], recursive=False) for row in rows]
        if all(len(row) <= 1 for row in cells):
            return False
        grid = _grid([[(cell, self._text(cell, _collapsed)) for cell in row] for row in cells])
        if any(len(text) > _MAX_CELL_CHARS for row in grid for text in row):
            return False
        caption = table.find("caption")
        if isinstance(caption, Tag):
            self._flow.paragraph(self._text(caption, _collapsed))
        self._flow.table(grid, _header_rows(rows, cells))
        return True


def _outer_tables(root: Tag) -> set[int]:
    """The tables, by ``id``, that hold other tables. One pass: ``Tag.find`` costs the depth of the tree."""
    outer: set[int] = set()
    holder: dict[int, int] = {}  # tag → the innermost table that it stands in
    for node in root.descendants:
        if isinstance(node, Tag):
            table = holder.get(id(node.parent))
            if node.name == "table":
                if table is not None:
                    outer.add(table)
                table = id(node)
            if table is not None:
                holder[id(node)] = table
    return outer


def _said_of(picture: Tag) -> tuple[str, str]:
    """Alternative text and title of a picture; an empty alternative text declares it an ornament."""
    alt, title = str(picture.get("alt", "")), str(picture.get("title", ""))
    return ("", "") if picture.has_attr("alt") and not alt.strip() else (alt, title)


def _heading_level(tag: Tag) -> int:
    if tag.get("role") == "heading":
        level = str(tag.get("aria-level", "2"))
        return int(level) if level in "123456789" else 2
    return _HEADINGS.get(tag.name, 0)


def _header_rows(rows: Sequence[Tag], cells: Sequence[Sequence[Tag]]) -> int | None:
    """How many rows on top are header, by ``thead`` or by rows of ``th`` alone; None if neither is there."""
    marked = [
        (row.parent is not None and row.parent.name == "thead") or all(cell.name == "th" for cell in line)
        for row, line in zip(rows, cells, strict=True)
    ]
    return [*marked, False].index(False) or None


def _grid(rows: list[list[tuple[Tag, str]]]) -> list[list[str]]:
    """Texts by row and column; what a merged cell covers beyond its first place is empty."""
    covered: dict[int, int] = {}  # column → how many rows below are still covered
    grid: list[list[str]] = []
    for row in rows:
        line: list[str] = []
        for cell, text in row:
            while covered.get(len(line), 0):
                covered[len(line)] -= 1
                line.append("")
            width, height = _span(cell, "colspan"), _span(cell, "rowspan")
            for column in range(len(line), len(line) + width):
                covered[column] = height - 1
            line += [text, *[""] * (width - 1)]
        for column, left in covered.items():
            if column >= len(line) and left:
                covered[column] = left - 1
        grid.append(line)
    return grid


def _span(cell: Tag, name: str) -> int:
    value = str(cell.get(name, "1")).strip()
    return min(max(int(value), 1), _MAX_SPAN) if value.isascii() and value.isdecimal() else 1


def _collapsed(text: str) -> str:
    return " ".join(text.replace("\xad", "").split())  # browsers show no soft hyphens within a line
