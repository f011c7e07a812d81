"""Text that is written for people or compilers: plain text, light markup, source code, RTF.

Every piece is a line of the file with its number, so that a quotation opens at its line. RTF has no lines
that a reader could see: its paragraphs are placed in the document as a whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from indexers.errors import Broken, Empty
from indexers.parsers.encoding import read_text
from indexers.parsers.keeping import keep_lines
from indexers.parsers.markup import (
    Span,
    dialect_of,
    file_line,
    line_extent,
    outline,
    paragraphs,
    span_block,
    to_metadata,
)
from indexers.protocols import Source
from indexers.types import Block, Parsed, Piece, SectionLocator

_DEFINITION = re.compile(
    r"\s*(?:(?:export|default|public|private|protected|internal|static|abstract|final|async|pub(?:\([a-z]+\))?"
    r"|unsafe|inline|virtual|override|sealed|partial|open|data)\s+)*"
    r"(?:(?:def|fn|func|function|fun|sub)\s+(?:\([^()]*\)\s*)?(?P<function>[\w.:$]+)\s*[(<\[{]"
    r"|(?:class|struct|interface|trait|impl|enum|module|namespace|object|record|protocol)\s+(?:<[^<>]*>\s*)?"
    r"(?P<type>[\w.:$]+)\s*(?:[(<:{]|$|extends\b|implements\b|where\b|for\b)"
    r"|(?i:create)\s+(?i:or\s+replace\s+)?(?i:table|view|function|procedure)\s+(?i:if\s+not\s+exists\s+)?"
    r"(?P<table>[\w.\"`]+))"
)
_ATTACHED = re.compile(r"\s*(@|#|//|/\*|\*|--|;;|template\b)")  # decorators and comments above a definition
_CLOSING = re.compile(r"\s*([)\]}]|end\b)")

_PICTURE_DATA_MARK = ";base64,"
_PICTURE_DATA = re.compile(r"\bdata:image/[\w.+-]{1,50};base64,[A-Za-z0-9+/=]*")

_RTF_HEX = re.compile(r"(?>[0-9a-fA-F]{64,}+\s*+)++")  # pictures: nothing of them is text
_RTF_FIELD = re.compile(r"(?<!\\)\{\\field\b")
_RTF_INFO = re.compile(r"\{\\(title|author|subject|keywords) ([^{}]{1,1000})\}")


def parse_text(source: Source) -> Parsed:
    """Paragraphs of plain text, a piece for each line."""
    lines = _lines(source)
    blocks = keep_lines(source, (span_block(lines, span, file_line) for span in paragraphs(lines)), len(lines))
    return Parsed(blocks, extent=line_extent(lines))


def parse_markdown(source: Source) -> Parsed:
    """Markdown, reStructuredText, Org or AsciiDoc: headings, tables, title and front matter are understood."""
    lines = _lines(source)
    found = outline(lines, dialect_of(source.name))
    spans = (_without_picture_data(span_block(lines, span, file_line)) for span in found.spans)
    blocks = keep_lines(source, (block for block in spans if block.pieces), len(lines))
    if not blocks:
        raise Empty("no text between the markup")
    return Parsed(blocks, found.title, to_metadata(found.metadata), extent=line_extent(lines))


def parse_code(source: Source) -> Parsed:
    """Source code, cut at definitions; the names of enclosing classes and functions are the headings."""
    lines = _lines(source)
    blocks = keep_lines(source, (span_block(lines, span, file_line) for span in _definitions(lines)), len(lines))
    return Parsed(blocks, extent=line_extent(lines))


def parse_rtf(source: Source) -> Parsed:
    """Paragraphs and table rows of an RTF document, without footnotes, headers and footers.

    Raises:
        Broken: the markup makes no sense.
        Empty: it holds no text, only pictures perhaps.
    """
    from striprtf.striprtf import rtf_to_text

    # Newlines mean nothing in RTF, but striprtf's search for links takes quadratic time without them.
    markup = _RTF_FIELD.sub("\n{\\\\field", _RTF_HEX.sub("", read_text(source.path)))
    try:
        text = rtf_to_text(markup, errors="replace")
    except (ValueError, TypeError, LookupError, IndexError, OverflowError) as error:
        raise Broken(f"damaged RTF ({error})") from error
    # RTF writes what lies beyond 16 bits as two halves; soft hyphens only matter to a printer.
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace("\xad", "")
    blocks = tuple(_rtf_blocks(text.replace("\r", "\n").replace("\0", "").split("\n")))
    if not blocks:
        raise Empty("no text in it")
    info = {key: _rtf_value(value) for key, value in _RTF_INFO.findall(markup[:100_000])}
    notes = () if markup.rstrip().rstrip("\ufffd").endswith("}") else ("the file is cut off at its end",)
    return Parsed(blocks, info.get("title", ""), to_metadata(info), notes=notes)


def _lines(source: Source) -> list[str]:
    lines = read_text(source.path).split("\n")
    if not any(line.strip() for line in lines):
        raise Empty("the file is empty")
    return lines


def _without_picture_data(block: Block) -> Block:
    """The block without pictures that are written out in it as megabytes of letters; what is said of them stays."""
    if _PICTURE_DATA_MARK not in block.header and all(_PICTURE_DATA_MARK not in p.text for p in block.pieces):
        return block
    pieces: list[Piece] = []
    for piece in block.pieces:
        parts = [part for part in _PICTURE_DATA.split(piece.text) if any(map(str.isalnum, part))]
        pieces += [Piece(part, piece.locator, "") for part in parts]
        if parts:
            pieces[-1] = replace(pieces[-1], joint=piece.joint)
    return replace(block, pieces=tuple(pieces), header=_PICTURE_DATA.sub("", block.header))


def _definitions(lines: Sequence[str]) -> Iterator[Span]:
    """Blocks of code: each definition begins one, and so does top-level code after a blank line."""
    scope: list[tuple[int, str]] = []  # indentation and name of the definitions that enclose the line
    start, after_blank = 0, False
    headings: tuple[str, ...] = ()
    for index, line in enumerate(lines):
        if not line.strip():
            after_blank = True
            continue
        head = line[:500]
        indent = len(head) - len(head.lstrip())
        match = _DEFINITION.match(head)
        inner = [entry for entry in scope if entry[0] < indent]
        if match is None and (not after_blank or _CLOSING.match(head) or (inner == scope and indent)):
            after_blank = False
            continue
        begin = _with_attached(lines, start, index) if match else index
        if begin > start and _filled(lines, start, begin):
            yield Span(start, begin, headings)
        start, scope, after_blank = begin, inner, False
        if match:
            name = match["function"] or match["type"] or match["table"]
            scope.append((indent, name.strip('"`:.')))
        headings = tuple(name for _, name in scope)
    if _filled(lines, start, len(lines)):
        yield Span(start, len(lines), headings)


def _with_attached(lines: Sequence[str], start: int, index: int) -> int:
    """The first of the comment and decorator lines that stand directly above line ``index``."""
    while index > start and _ATTACHED.match(lines[index - 1][:100]):
        index -= 1
    return index


def _filled(lines: Sequence[str], start: int, end: int) -> bool:
    return any(lines[index].strip() for index in range(start, end))


def _rtf_blocks(lines: Sequence[str]) -> Iterator[Block]:
    rows: list[str] = []
    for line in [*lines, ""]:
        text = line.strip()
        if text.endswith("|") and text.strip("| "):
            rows.append(" | ".join(cell.strip() for cell in text[:-1].split("|")))
            continue
        if rows:
            header = rows[0] if len(rows) > 1 else ""
            yield Block(tuple(Piece(row, SectionLocator()) for row in rows[bool(header) :]), header=header)
            rows = []
        if text:
            yield Block((Piece(text, SectionLocator()),))


def _rtf_value(markup: str) -> str:
    from striprtf.striprtf import rtf_to_text

    return str(rtf_to_text("{" + markup + "}", errors="replace")).strip()
