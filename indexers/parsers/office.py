"""Word documents (docx): text, headings, lists and tables in the order in which they are read.

The XML is walked directly rather than through python-docx: text boxes, tracked changes, content controls,
notes and comments are not in that library's model, and it refuses whole files for a broken link to a
picture. Elements are matched by their local name, so that the strict and the transitional dialect read alike.

Word pages exist only once Word has laid them out, so places are sections: the headings that lead to the
text. Automatic numbers and bullets are no text of the file and are not made up. Deleted (tracked) and
hidden text is left out, inserted text is kept, and so is the alternative text of pictures. Headers and
footers, notes and comments follow the body, each once; the table of contents,
which repeats the headings, is left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from zipfile import ZipFile

from indexers.errors import Broken, Empty
from indexers.parsers.archive import attribute, local, open_archive, read_xml
from indexers.parsers.flow import Flow
from indexers.parsers.keeping import Steps
from indexers.parsers.office_drawing import Drawn, drawn_picture
from indexers.parsers.office_parts import core_properties, linked, related
from indexers.protocols import Source
from indexers.types import Block, Parsed, Unread

_TITLE_LEVEL = 0
_BODY_LEVEL = 10  # outline level of text that is no heading
_MAX_HEADING_CHARS = 300  # a longer "heading" is a paragraph in a misused style
_MAX_CELL_CHARS = 1500  # a table with a longer cell is layout, not data
_MAX_SPAN = 100
_GONE = frozenset({"del", "moveFrom", "instrText", "delText", "pPr", "rPr", "sdtPr", "rt", "annotationRef"})
_FLOATING = frozenset({"drawing", "pict", "object"})
_BREAKS = {"tab": "\t", "ptab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "\u2011"}


def parse_docx(source: Source) -> Parsed:
    """Reads a Word document.

    Raises:
        FileError: it is damaged, needs a password or holds no text.
    """
    with open_archive(source.path) as archive:
        word = _read_body(archive, source)
        blocks = list(word.flow.finish())
        source.keep(blocks, 1.0, "the end of its text")
        for kind in ("header", "footer", "footnotes", "endnotes", "comments"):
            blocks += _appendix(archive, kind, word.styles)
        properties = core_properties(archive)
    if not blocks and not word.pictures:
        raise Empty("holds no text")
    title = properties.pop("title", "") or word.title
    unread: tuple[Unread, ...] = ("pictures",) if word.pictures else ()
    return Parsed(tuple(blocks), title=title, metadata=properties, unread=unread)


def docx_pictures(archive: ZipFile) -> list[tuple[Drawn, tuple[str, ...]]]:
    """The raster pictures in the body of a Word document, each with the headings that lead to it.

    Raises:
        Broken: it is no Word document.
    """
    return _read_body(archive).pictures


def _read_body(archive: ZipFile, source: Source | None = None) -> _Word:
    main = _main_part(archive)
    document = read_xml(archive, main)
    body = _child(document, "body")
    if body is None:
        raise Broken("damaged: it is no Word document inside")
    word = _Word(_read_styles(archive, main), linked(archive, main))
    if source is not None:
        word.steps = Steps(source.keep, word.flow.blocks, sum(1 for _ in body.iter("{*}p")))
    word.walk(body)
    return word


def _main_part(archive: ZipFile) -> str:
    return next(iter(related(archive, "", "officeDocument")), "word/document.xml")


def _children(element: Any, name: str) -> Iterator[Any]:
    return (child for child in element if local(child) == name)


def _child(element: Any | None, name: str) -> Any | None:
    return None if element is None else next(_children(element, name), None)


def _is_on(element: Any | None) -> bool:
    return element is not None and attribute(element, "val") not in ("0", "false", "off")


@dataclass(frozen=True, slots=True)
class _Style:
    """What counts of a paragraph style; None is inherited from the style it is based on."""

    name: str = ""
    based_on: str = ""
    level: int | None = None
    listed: bool | None = None


def _read_styles(archive: ZipFile, main: str) -> dict[str, _Style]:
    """Style id → style. Built-in names are English in every language of Word; the ids are not."""
    styles: dict[str, _Style] = {}
    for name in related(archive, main, "styles"):
        root = read_xml(archive, name)
        for style in () if root is None else _children(root, "style"):
            called = _value(style, "name").lower()
            level, listed = _paragraph_traits(_child(style, "pPr"))
            if called == "title":
                level = _TITLE_LEVEL
            elif called.startswith("heading ") and called[8:].isdecimal():
                level = min(int(called[8:]), _BODY_LEVEL)
            styles[attribute(style, "styleId")] = _Style(called, _value(style, "basedOn"), level, listed)
    return styles


def _value(element: Any, name: str) -> str:
    child = _child(element, name)
    return "" if child is None else attribute(child, "val")


def _paragraph_traits(properties: Any | None) -> tuple[int | None, bool | None]:
    """Heading level (1 is the outermost) and whether it is a list item, None where nothing is said."""
    outline, numbering = _child(properties, "outlineLvl"), _child(properties, "numPr")
    level = None
    if outline is not None and attribute(outline, "val").isdecimal():
        level = min(int(attribute(outline, "val")) + 1, _BODY_LEVEL)
    listed = None if numbering is None else _value(numbering, "numId") != "0"
    return level, listed


def _appendix(archive: ZipFile, kind: str, styles: dict[str, _Style]) -> list[Block]:
    """Text that stands beside the body; what several sections repeat is kept once."""
    word = _Word(styles, {}, headings=False)
    for name in related(archive, _main_part(archive), kind):
        root = read_xml(archive, name)
        if root is None:
            continue
        notes = [note for note in root if local(note) in ("footnote", "endnote", "comment")]
        for part in notes or [root]:
            word.walk(part)
    blocks = word.flow.finish()
    if kind in ("header", "footer"):  # page numbers alone say nothing
        blocks = tuple(b for b in blocks if any(c.isalpha() for piece in b.pieces for c in piece.text))
    return list({tuple(piece.text for piece in block.pieces): block for block in blocks}.values())


class _Word:
    """Walks WordprocessingML. Depth is bounded by the XML parser, which refuses more than 256 levels."""

    def __init__(self, styles: dict[str, _Style], parts: dict[str, str], headings: bool = True) -> None:
        self.flow = Flow()
        self.title = ""
        self.pictures: list[tuple[Drawn, tuple[str, ...]]] = []
        self.styles = styles
        self.steps: Steps | None = None  # a paragraph is one
        self._parts = parts
        self._headings = headings
        self._in_list = False

    def walk(self, element: Any) -> None:
        """Adds everything that stands in a body, cell, note or text box."""
        for child in element:
            name = local(child)
            if name == "p":
                self._paragraph(child)
            elif name == "tbl":
                self._table(child)
            elif name == "AlternateContent":
                self.walk(child[0] if len(child) else child)
            elif name not in _GONE:
                self.walk(child)
        self.flow.end()
        self._in_list = False

    def _paragraph(self, paragraph: Any) -> None:
        floating: list[Any] = []
        text = "".join(_inline(paragraph, floating)).strip()
        level, listed, style = self._traits(paragraph)
        if style.startswith("toc ") and style[4:].isdecimal():
            text = ""
        if not listed or not self._in_list:
            self.flow.end()
        self._in_list = listed
        if not text:
            pass
        elif self._headings and level < _BODY_LEVEL and len(text) <= _MAX_HEADING_CHARS:
            self.flow.heading(text, level)
            if level == _TITLE_LEVEL:
                self.title = self.title or " ".join(text.split())
        else:
            self.flow.add(text)
        for thing in floating:
            self._float(thing)
        if self.steps is not None:
            self.steps.step()

    def _traits(self, paragraph: Any) -> tuple[int, bool, str]:
        """Heading level, whether it is a list item, and the style's name."""
        properties = _child(paragraph, "pPr")
        level, listed = _paragraph_traits(properties)
        style_id = "" if properties is None else _value(properties, "pStyle")
        name = self.styles[style_id].name if style_id in self.styles else ""
        for _ in range(20):  # styles can be based on each other in a circle
            style = self.styles.get(style_id)
            if style is None:
                break
            level = style.level if level is None else level
            listed = style.listed if listed is None else listed
            style_id = style.based_on
        return _BODY_LEVEL if level is None else level, bool(listed), name

    def _float(self, element: Any) -> None:
        """A drawing: the text of its boxes, its pictures and what is said of them."""
        name = local(element)
        if name == "txbxContent":
            self.walk(element)
            return
        if name == "AlternateContent":
            self._float(element[0] if len(element) else element)
            return
        if name == "p":  # DrawingML text: a locked canvas
            self.flow.paragraph("".join(run.text or "" for run in element.iter() if local(run) == "t"))
            return
        if name == "docPr":
            self.flow.picture(attribute(element, "descr"), attribute(element, "title"))
        elif name in ("shape", "rect", "oval"):
            self.flow.picture(attribute(element, "alt"))
        picture = drawn_picture(element, self._parts)
        if picture is not None:
            self.pictures.append((picture, self.flow.headings))
        for child in element:
            self._float(child)

    def _table(self, table: Any) -> None:
        self.flow.end()
        self._in_list = False
        found_before = len(self.pictures)
        rows = [row for row in _unwrapped(table, "tr") if _child(_child(row, "trPr"), "del") is None]
        cells = [list(_unwrapped(row, "tc")) for row in rows]
        texts = [[text for cell in row for text in self._cell(cell)] for row in cells]
        nested = any(local(child) == "tbl" for row in cells for cell in row for child in cell)
        longest = max((len(text) for row in texts for text in row), default=0)
        if nested or longest > _MAX_CELL_CHARS or all(len(row) <= 1 for row in cells):
            del self.pictures[found_before:]  # they are found anew
            for row in cells:
                for cell in row:
                    self.walk(cell)
            return
        marked = [_is_on(_child(_child(row, "trPr"), "tblHeader")) for row in rows]
        self.flow.table(texts, header_rows=[*marked, False].index(False) or None)

    def _cell(self, cell: Any) -> list[str]:
        """A cell's text and an empty text for each further column that it covers."""
        properties = _child(cell, "tcPr")
        span, merge = _child(properties, "gridSpan"), _child(properties, "vMerge")
        width = attribute(span, "val") if span is not None else ""
        rest = [""] * (min(int(width), _MAX_SPAN) - 1) if width.isdecimal() else []
        if merge is not None and attribute(merge, "val") != "restart":
            return ["", *rest]
        inner = _Word(self.styles, self._parts, headings=False)
        inner.walk(cell)
        self.pictures += [(picture, self.flow.headings) for picture, _ in inner.pictures]
        text = " ".join(piece.text for block in inner.flow.finish() for piece in block.pieces)
        return [text, *rest]


def _unwrapped(element: Any, name: str) -> Iterator[Any]:
    """Rows or cells, also those inside content controls and tracked insertions."""
    for child in element:
        if local(child) == name:
            yield child
        elif local(child) in ("sdt", "sdtContent", "ins", "customXml", "moveTo"):
            yield from _unwrapped(child, name)


def _inline(element: Any, floating: list[Any]) -> Iterator[str]:
    """The text of a paragraph; drawings are put aside for after it."""
    for child in element:
        name = local(child)
        if name == "t":
            yield child.text or ""
        elif name in _BREAKS:
            yield _BREAKS[name]
        elif name in _FLOATING:
            floating.append(child)
        elif name == "AlternateContent":
            if len(child):
                yield from _inline(child[0], floating)
        elif name == "r" and _is_on(_child(_child(child, "rPr"), "vanish")):
            continue
        elif name not in _GONE:
            yield from _inline(child, floating)
