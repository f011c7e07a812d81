"""OpenDocument text (odt): text, headings, lists and tables in the order in which they are read.

``content.xml`` is walked directly: no library with a free licence and a model of ODF text is needed for it.
Pages exist only once a program has laid them out, so places are sections. Deleted (tracked) text and indexes
generated from the text are left out; footnotes, comments, headers and footers follow the body.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from zipfile import ZipFile

from indexers.errors import Broken, Empty, Encrypted
from indexers.parsers.alt_text import alt_texts
from indexers.parsers.archive import attribute, local, open_archive, read_member, read_xml
from indexers.parsers.flow import Flow, iso_date, known
from indexers.parsers.keeping import Steps
from indexers.protocols import Source
from indexers.types import Parsed

_MAX_CELL_CHARS = 1500  # a table with a longer cell is layout, not data
_MAX_REPEAT = 100  # spreadsheets say "repeat this empty cell 16,000 times"
_SPACES = re.compile(r"[ \t\r\n]+")
_SAID = ("title", "desc")  # of a picture or drawing
_SKIPPED = frozenset(
    {
        "tracked-changes",
        "table-of-content",
        "alphabetical-index",
        "illustration-index",
        "table-index",
        "user-index",
        "forms",
        "sequence-decls",
        "variable-decls",
        "user-field-decls",
        "ruby-text",  # the pronunciation of its base
    }
)


def parse_odt(source: Source) -> Parsed:
    """Reads an OpenDocument text.

    Raises:
        FileError: it is damaged, needs a password or holds no text.
    """
    with open_archive(source.path) as archive:
        if b"encryption-data" in (read_member(archive, "META-INF/manifest.xml") or b""):
            raise Encrypted("needs a password")
        content = read_xml(archive, "content.xml")
        text = None if content is None else next(_found(content, "text", inside=("body",)), None)
        if content is None or text is None:
            raise Broken("damaged: it is no OpenDocument text inside")
        walker = _Odt(_title_styles(content))
        walker.steps = Steps(source.keep, walker.flow.blocks, sum(1 for _ in text.iter("{*}p", "{*}h")))
        walker.walk(text)
        blocks = list(walker.flow.finish())
        source.keep(blocks, 1.0, "the end of its text")
        beside = Flow()
        for line in dict.fromkeys([*_page_frame(archive), *walker.notes]):
            beside.paragraph(line)
        blocks += beside.finish()
        metadata = _metadata(archive)
    if not blocks:
        raise Empty("holds no text")
    title = metadata.pop("title", "") or walker.title
    return Parsed(tuple(blocks), title=title, metadata=metadata)


class _Odt:
    """Walks the elements of an ODF text. Depth is bounded by the XML parser (256 levels)."""

    def __init__(self, title_styles: frozenset[str]) -> None:
        self.flow = Flow()
        self.title = ""
        self.notes: list[str] = []
        self.steps: Steps | None = None  # a paragraph is one
        self._title_styles = title_styles
        self._lists = 0

    def walk(self, element: Any) -> None:
        """Adds everything inside an element that holds paragraphs."""
        for child in element:
            name = local(child)
            if name in ("p", "h"):
                self._paragraph(child, name)
            elif name == "list":
                self._lists += 1
                self.walk(child)
                self._lists -= 1
                if not self._lists:
                    self.flow.end()
            elif name == "table":
                self._table(child)
            elif name in _SAID:
                self.flow.picture(*_said_of(child))
            elif name not in _SKIPPED:
                self.walk(child)

    def _paragraph(self, element: Any, name: str) -> None:
        floating: list[Any] = []
        text = "".join(_inline(element, floating))
        level = attribute(element, "outline-level")
        is_title = attribute(element, "style-name") in self._title_styles
        if is_title or name == "h":
            self.flow.heading(text, 0 if is_title else int(level) if level.isdecimal() else 1)
            if is_title:
                self.title = self.title or " ".join(text.split())
        elif self._lists:
            self.flow.add(text)
        else:
            self.flow.paragraph(text)
        for thing in floating:
            if local(thing) in ("note", "annotation"):
                self.notes += _paragraphs(thing)
            else:
                self.walk(thing)
        if self.steps is not None:
            self.steps.step()

    def _table(self, table: Any) -> None:
        rows = list(_found(table, "table-row", inside=("table-rows", "table-row-group", "table-header-rows")))
        header = _found(table, "table-row", inside=("table-header-rows",))
        header_rows = sum(1 for row in header if local(row.getparent()) == "table-header-rows")
        texts = [[text for cell in row for text in self._cell(cell)] for row in rows]
        longest = max((len(text) for row in texts for text in row), default=0)
        nested = sum(1 for _ in table.iter("{*}table")) > 1
        if nested or longest > _MAX_CELL_CHARS or all(len(row) <= 1 for row in texts):
            self.flow.end()
            for row in rows:
                self.walk(row)
            self.flow.end()
        else:
            self.flow.table(texts, header_rows or None)

    def _cell(self, cell: Any) -> list[str]:
        repeat = attribute(cell, "number-columns-repeated")
        times = min(int(repeat), _MAX_REPEAT) if repeat.isdecimal() else 1
        if local(cell) != "table-cell":
            return [""] * times
        return [" ".join(_paragraphs(cell, self.notes))] * times


def _found(element: Any, name: str, inside: tuple[str, ...]) -> Iterator[Any]:
    """Elements called ``name``, reached only through elements called as in ``inside``."""
    for child in element:
        if local(child) == name:
            yield child
        elif local(child) in inside:
            yield from _found(child, name, inside)


def _paragraphs(element: Any, notes: list[str] | None = None) -> list[str]:
    """Texts of the paragraphs inside an element; notes within them are put into ``notes``."""
    texts = []
    for child in element:
        name = local(child)
        if name in ("p", "h"):
            floating: list[Any] = []
            texts.append("".join(_inline(child, floating)).strip())
            for thing in floating:
                inner = _paragraphs(thing)
                if notes is not None and local(thing) in ("note", "annotation"):
                    notes += inner
                else:
                    texts += inner
        elif name in _SAID:
            texts += alt_texts(*_said_of(child))
        elif name not in _SKIPPED and name != "note-citation":
            texts += _paragraphs(child, notes)
    return [text for text in texts if text]


def _said_of(element: Any) -> list[str]:
    """Title and description of the picture that ``element``, one of the two, stands in; nothing at the second."""
    texts = [(sibling, sibling.text or "") for sibling in element.getparent() if local(sibling) in _SAID]
    return [text for _, text in texts] if texts[0][0] is element else []


def _inline(element: Any, floating: list[Any]) -> Iterator[str]:
    """The text of a paragraph; frames, notes and comments are put aside for after it."""
    yield _collapsed(element.text)
    for child in element:
        name = local(child)
        if name == "s":
            count = attribute(child, "c")
            yield " " * (min(int(count), _MAX_REPEAT) if count.isdecimal() else 1)
        elif name == "tab":
            yield "\t"
        elif name == "line-break":
            yield "\n"
        elif name in ("note", "annotation", "frame", "custom-shape", "g", "rect"):
            floating.append(child)
        elif name not in _SKIPPED:
            yield from _inline(child, floating)
        yield _collapsed(child.tail)


def _collapsed(text: str | None) -> str:
    """ODF reads runs of white space as one space, so that files may be indented."""
    return _SPACES.sub(" ", text) if text else ""


def _title_styles(content: Any) -> frozenset[str]:
    """Paragraph styles that mark the title; direct formatting derives automatic styles from "Title"."""
    derived = {
        attribute(style, "name")
        for style in content.iter("{*}style")
        if attribute(style, "parent-style-name") == "Title"
    }
    return frozenset({"Title", *derived})


def _page_frame(archive: ZipFile) -> list[str]:
    """Lines of the headers and footers, which stand in the page styles."""
    styles = read_xml(archive, "styles.xml")
    if styles is None:
        return []
    frames = (frame for page in styles.iter("{*}master-page") for frame in page)
    lines = [line for frame in frames for line in _paragraphs(frame)]
    return [line for line in lines if any(map(str.isalpha, line))]


def _metadata(archive: ZipFile) -> dict[str, str]:
    root = read_xml(archive, "meta.xml")
    if root is None:
        return {}
    found: dict[str, str] = {}
    keywords = [element.text or "" for element in root.iter("{*}keyword")]
    for element in root.iter("{*}*"):
        found.setdefault(local(element), element.text or "")
    return known(
        title=found.get("title", ""),
        author=found.get("initial-creator", "") or found.get("creator", ""),
        date=iso_date(found.get("date", "")) or iso_date(found.get("creation-date", "")),
        subject=found.get("subject", ""),
        keywords=", ".join(word for word in keywords if word),
    )
