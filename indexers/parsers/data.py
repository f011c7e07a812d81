"""Text that is written for programs: JSON, JSON lines, YAML, XML, notebooks.

The source is kept as it stands, keys and tags included, because they say what a value is; only the cuts
follow the structure. What has no lines worth the name (minified files) is cut between values. Two kinds
are read for their text alone: XML that marks up prose, and notebooks, whose JSON nobody looks at.

A file that is not valid is still text: it is read as such, with a note.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from indexers.errors import Broken, Empty
from indexers.parsers.encoding import read_text
from indexers.parsers.keeping import keep_lines
from indexers.parsers.markup import Span, file_line, line_extent, line_pieces, outline, paragraphs, span_block
from indexers.protocols import Source
from indexers.types import Block, Parsed, Piece, SectionLocator

_LONG_LINE = 2000  # characters; nobody wrote such a line by hand
_CUT = 400  # characters after which a long line is cut at the next value

# Strings are matched so that a comma in one is no cut; possessive, so that time stays linear.
_JSON_CUTS = re.compile(r'"(?>[^"\\]++|\\.)*+"?|[,}\]]', re.DOTALL)
_JSON_KEY = re.compile(r'\s*"([^"\\]{1,200})"\s*:')
_YAML_KEY = re.compile(r"([^\s#\-'\"{\[][^:#]{0,200}|'[^']{1,200}'|\"[^\"]{1,200}\"):(?:\s|$)")
_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_MAX_OUTPUT_CHARS = 4000


def parse_json(source: Source) -> Parsed:
    """JSON as it stands, cut between the members of its outermost value."""
    text = _text(source)
    lines = text.split("\n")
    try:
        json.loads(text)
    except ValueError as error:
        where = f" (line {error.lineno})" if isinstance(error, json.JSONDecodeError) else ""
        return _as_text(source, lines, f"not valid JSON{where}: read as plain text")
    except RecursionError:
        return _as_text(source, lines, "too deeply nested for JSON: read as plain text")
    filled = [line for line in lines if line.strip()]
    inner = min((_indent(line) for line in filled[1:-1]), default=0)
    starts = (
        index
        for index, line in enumerate(lines)
        if line.strip() and (_indent(line) < inner or (_indent(line) == inner and line.strip()[0] not in "]}"))
    )
    cut = (block for block in _cut_at(lines, starts, _JSON_KEY) if not _is_bare(block))
    blocks = keep_lines(source, cut, len(lines))
    if not blocks:
        raise Empty("no values in it")
    return Parsed(blocks, extent=line_extent(lines))


def parse_jsonl(source: Source) -> Parsed:
    """A block for each line of JSON."""
    lines = _text(source).split("\n")
    invalid = sum(1 for line in lines if line.strip() and not _is_json(line))
    notes = (f"{invalid} lines are not valid JSON",) if invalid else ()
    blocks = keep_lines(source, _cut_at(lines, range(len(lines)), None), len(lines))
    return Parsed(blocks, notes=notes, extent=line_extent(lines))


def parse_yaml(source: Source) -> Parsed:
    """YAML as it stands, cut at the members of its outermost value."""
    lines = _text(source).split("\n")
    starts: list[int] = []
    attached: int | None = None  # the first of the comment lines that stand over the next member
    for index, line in enumerate(lines):
        if line.startswith("#"):
            attached = index if attached is None else attached
        elif line.strip() and (not line[0].isspace() or not starts):
            starts.append(index if attached is None else attached)
            attached = None
        else:
            attached = None
    return Parsed(keep_lines(source, _cut_at(lines, starts, _YAML_KEY), len(lines)), extent=line_extent(lines))


def parse_xml(source: Source) -> Parsed:
    """XML: the words alone where it marks up prose (or draws, as SVG), else its lines as they stand.

    Raises:
        Broken: it declares entities, which can grow without bound and are never expanded.
        Empty: it holds no text.
    """
    from indexers.parsers.xml_lines import read_xml

    text = _text(source)
    lines = text.split("\n")
    found = read_xml(text, source.keep)
    if found.error:
        return _as_text(source, lines, f"not well-formed XML ({found.error}): read as plain text")
    if found.is_prose:
        if not found.blocks:
            raise Empty("no text between the markup")
        return Parsed(found.blocks, found.title)
    blocks = keep_lines(source, _cut_at(lines, found.starts, None), len(lines))
    return Parsed(blocks, found.title, extent=line_extent(lines))


def parse_notebook(source: Source) -> Parsed:
    """Cells of a Jupyter notebook: prose, code and the text of their outputs.

    A place is the headings that lead to the cell and, innermost, "cell N", counted from 1 over all cells as
    notebook programs show them; it stays the same while cells before it are edited, not when some are added.

    Raises:
        Broken: it is not a notebook.
        Empty: no cell holds text.
    """
    try:
        book = json.loads(_text(source))
    except (ValueError, RecursionError) as error:
        raise Broken(f"damaged notebook ({error})") from error
    cells = _cells(book)
    blocks: list[Block] = []
    stack: tuple[tuple[int, str], ...] = ()
    title = ""
    for number, cell in enumerate(cells, 1):
        kind = cell.get("cell_type")
        lines = _joined(cell.get("source", cell.get("input"))).split("\n")
        if kind in ("markdown", "heading"):
            if kind == "heading":  # of notebooks before 2015
                lines[0] = "#" * int(cell.get("level", 1)) + " " + lines[0]
            found = outline(lines, stack=stack)
            stack, title = found.stack, title or found.title
            made = [_cell_block(lines, span, number) for span in found.spans]
        else:
            headings = tuple(text for _, text in stack)
            output = _output(cell.get("outputs")).split("\n")
            made = [_cell_block(said, Span(0, len(said), headings), number) for said in (lines, output)]
        blocks += [block for block in made if block.pieces]
        source.keep(blocks, number / len(cells), f"cell {number} of {len(cells)}")
    if not blocks:
        raise Empty("no cell holds text")
    return Parsed(tuple(blocks), title, _book_metadata(book))


def _text(source: Source) -> str:
    declared = None
    if source.format == "xml":
        with source.path.open("rb") as file:
            match = re.search(rb"""encoding=["']([\w.:-]{1,40})["']""", file.read(200))
        declared = match[1].decode("ascii", "ignore") if match else None
    text = read_text(source.path, declared)
    if not text.strip():
        raise Empty("the file is empty")
    return text


def _as_text(source: Source, lines: Sequence[str], note: str) -> Parsed:
    blocks = (span_block(lines, span, file_line) for span in paragraphs(lines))
    return Parsed(keep_lines(source, blocks, len(lines)), notes=(note,), extent=line_extent(lines))


def _is_json(line: str) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def _is_bare(block: Block) -> bool:
    """Whether a block is brackets alone."""
    return not any(piece.text.strip("[]{}, \t") for piece in block.pieces)


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _cut_at(lines: Sequence[str], starts: Iterable[int], key: re.Pattern[str] | None) -> Iterator[Block]:
    """Blocks that begin at ``starts``; a member of several lines has its key as heading."""
    begin = 0
    for start in [*starts, len(lines)]:
        pieces = _pieces(lines, begin, start)
        own = (piece.text for piece in pieces if not piece.text.startswith("#"))  # not the comments above
        match = key.match(next(own, "")[:500]) if key is not None and len(pieces) > 1 else None
        if pieces:
            yield Block(pieces, (match[1].strip("'\" "),) if match else ())
        begin = start


def _pieces(lines: Sequence[str], start: int, end: int) -> tuple[Piece, ...]:
    """A piece for each line; lines that are too long are cut between values."""
    pieces: list[Piece] = []
    for piece in line_pieces(lines, start, end):
        if len(piece.text) <= _LONG_LINE:
            pieces.append(piece)
            continue
        parts = list(_parts(piece.text))
        pieces += [Piece(part, piece.locator, "") for part in parts[:-1]]
        pieces.append(Piece(parts[-1], piece.locator, piece.joint))
    return tuple(pieces)


def _parts(line: str) -> Iterator[str]:
    """Cuts a long line after a comma or bracket (JSON) or before a tag (XML), never inside a string."""
    begin = 0
    if line.lstrip().startswith("<"):
        cut = line.find("<", _CUT)
        while cut >= 0:
            yield line[begin:cut]
            begin, cut = cut, line.find("<", cut + _CUT)
    else:
        for match in _JSON_CUTS.finditer(line):
            if match.end() - begin >= _CUT and match[0][0] != '"':
                yield line[begin : match.end()]
                begin = match.end()
    if begin < len(line):
        yield line[begin:]


def _cells(book: Any) -> list[Mapping[str, Any]]:
    """The cells of a notebook, of today's layout or that of before 2015."""
    if not isinstance(book, dict):
        raise Broken("not a notebook")
    cells = book.get("cells")
    if cells is None:
        sheets = book.get("worksheets")
        if not isinstance(sheets, list):
            raise Broken("not a notebook")
        cells = [cell for sheet in sheets if isinstance(sheet, dict) for cell in sheet.get("cells") or ()]
    if not isinstance(cells, list):
        raise Broken("not a notebook")
    return [cell for cell in cells if isinstance(cell, dict)]


def _cell_block(lines: Sequence[str], span: Span, number: int) -> Block:
    place = SectionLocator((*span.headings, f"cell {number}"))
    return span_block(lines, span, lambda _: place)


def _joined(source: Any) -> str:
    """Text that a notebook keeps as one string or as a list of lines."""
    if isinstance(source, list):
        source = "".join(part for part in source if isinstance(part, str))
    return source.replace("\r\n", "\n").replace("\0", "\ufffd") if isinstance(source, str) else ""


def _output(outputs: Any) -> str:
    """What a cell printed or returned as text, within bounds; pictures and HTML are left out."""
    texts: list[str] = []
    for output in outputs if isinstance(outputs, list) else ():
        if not isinstance(output, dict):
            continue
        data = output.get("data")
        plain = data.get("text/plain") if isinstance(data, dict) else None
        texts.append(_joined(output.get("text") or plain or output.get("evalue")))
    return _ANSI.sub("", "\n".join(text.strip("\n") for text in texts if text))[:_MAX_OUTPUT_CHARS]


def _book_metadata(book: Mapping[str, Any]) -> dict[str, str]:
    metadata = book.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    found: dict[str, str] = {}
    kernel = metadata.get("language_info") or metadata.get("kernelspec")
    language = (kernel.get("name") or kernel.get("language")) if isinstance(kernel, dict) else None
    if isinstance(language, str):
        found["keywords"] = language
    authors = metadata.get("authors")
    names = [author.get("name") for author in authors if isinstance(author, dict)] if isinstance(authors, list) else []
    if any(isinstance(name, str) for name in names):
        found["author"] = ", ".join(name for name in names if isinstance(name, str))
    return found
