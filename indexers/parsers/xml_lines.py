"""The text of an XML file with the lines it stands on, and whether the file is prose or data. Never expands.

Expat is asked for every run of characters by itself (it would otherwise collect them), because only then
does it know the line of each.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from xml.parsers.expat import XML_PARAM_ENTITY_PARSING_NEVER
from xml.sax import SAXException, SAXParseException
from xml.sax.handler import ContentHandler

from defusedxml.common import DefusedXmlException
from defusedxml.expatreader import DefusedExpatParser

from indexers.errors import Broken
from indexers.protocols import Keep, keep_nothing
from indexers.types import Block, LinesLocator, Piece

_FEED_CHARS = 1 << 20
_DRAWINGS = ("svg",)
_TITLES = ("title", "article-title", "booktitle")


@dataclass(frozen=True, slots=True)
class XmlText:
    """What was found: ``blocks`` of words if ``is_prose``; else the line numbers (from 0) where members begin.

    ``error`` says why the file is not well-formed, or is empty.
    """

    is_prose: bool = False
    blocks: tuple[Block, ...] = ()
    starts: tuple[int, ...] = ()
    title: str = ""
    error: str = ""


def read_xml(text: str, keep: Keep = keep_nothing) -> XmlText:
    """Reads XML whose newlines are ``\\n``; of prose, ``keep`` gets the blocks as they are found.

    Raises:
        Broken: it declares entities.
    """
    reader = _LineParser(forbid_dtd=False, forbid_entities=True, forbid_external=True)
    handler = _Collector(reader.getLineNumber)
    reader.setContentHandler(handler)
    try:
        for start in range(0, len(text), _FEED_CHARS):
            reader.feed(text[start : start + _FEED_CHARS])
            if handler.is_prose and handler.blocks:
                share = min(1.0, (start + _FEED_CHARS) / len(text))
                keep(handler.blocks, share, f"line {reader.getLineNumber()}")
        reader.close()
    except DefusedXmlException as error:
        raise Broken("declares entities of its own, which are not expanded") from error
    except SAXParseException as error:
        return XmlText(error=f"line {error.getLineNumber()}")
    except SAXException as error:
        return XmlText(error=str(error))
    handler.end_block()
    return XmlText(handler.is_prose, tuple(handler.blocks), tuple(handler.starts), " ".join(handler.title.split()))


class _LineParser(DefusedExpatParser):
    """A reader that reports characters line by line, and takes no notice of a document type that lies elsewhere."""

    def reset(self) -> None:
        super().reset()
        self._parser.SetParamEntityParsing(XML_PARAM_ENTITY_PARSING_NEVER)  # type: ignore[attr-defined]
        self._parser.buffer_text = False  # type: ignore[attr-defined]  # typeshed hides it


@dataclass(slots=True)
class _Element:
    has_text: bool = False
    inline: bool = False
    children: bool = False


class _Collector(ContentHandler):
    def __init__(self, line_number: Callable[[], int | None]) -> None:
        super().__init__()
        self._line_number = line_number
        self.is_prose = False
        self.blocks: list[Block] = []
        self.starts: list[int] = []
        self.title = ""
        self._open: list[_Element] = []
        self._lines: dict[int, str] = {}
        self._in_title = False

    def startElement(self, name: str, attrs: Any) -> None:  # noqa: N802
        local = name.rpartition(":")[2].lower()
        if not self._open and local in _DRAWINGS:
            self.is_prose = True  # of a drawing, only the words are worth finding
        if len(self._open) == 1:
            self.starts.append((self._line_number() or 1) - 1)
        parent = self._open[-1] if self._open else _Element()
        parent.children = True
        # Elements between words belong to the sentence; others begin something new.
        inline = parent.has_text
        self.is_prose = self.is_prose or inline
        if not inline:
            self.end_block()
        self._open.append(_Element(inline=inline))
        self._in_title = not self.title and local in _TITLES

    def endElement(self, name: str) -> None:  # noqa: N802
        self._in_title = False
        if not self._open.pop().inline:
            self.end_block()

    def characters(self, content: str) -> None:
        if self._in_title:
            self.title += content
        if content.strip() and self._open:
            element = self._open[-1]
            element.has_text = True
            self.is_prose = self.is_prose or element.children
        if content != "\n":
            line = self._line_number() or 1
            self._lines[line] = self._lines.get(line, "") + content

    def end_block(self) -> None:
        pieces = tuple(
            Piece(words.strip(), LinesLocator(line, line)) for line, words in self._lines.items() if words.strip()
        )
        if pieces:
            self.blocks.append(Block(pieces))
        self._lines = {}
