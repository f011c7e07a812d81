"""The outline of light markup (Markdown, reStructuredText, Org, AsciiDoc): which lines belong together. Pure.

Works on lines alone and gives back ranges of line numbers, so that whoever calls it decides how a line is
located (a file's lines, a notebook's cell). It recognises what bears on finding and citing (headings,
fences, tables, the document's title and dates) and leaves everything else as it stands: a chunk must be
found verbatim in the source, so markup is not rendered.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from indexers.ledger import Unit
from indexers.types import Block, LinesLocator, Locator, Piece

_MAX_HEADING_CHARS = 300
_ATX = {
    "markdown": re.compile(r" {0,3}(#{1,6})(?:[ \t]+(.*))?$"),
    "org": re.compile(r"(\*+)[ \t]+(.*)$"),
    "asciidoc": re.compile(r"(={1,6})[ \t]+(.*)$"),
    "rst": None,
}
_UNDERLINES = {"markdown": "=-", "rst": "=-~^\"'`#*+.:_", "org": "", "asciidoc": ""}
_FENCE = re.compile(r"\s*(`{3,}|~{3,})")
_ORG_BEGIN = re.compile(r"(?i)\s*#\+begin_(\w+)")
_FIELD = re.compile(r"(?i)(?:#\+|:)(title|author|date|keywords|subtitle):\s+(.+)$")
_FRONT = re.compile(r"(?i)(title|author|authors|date|keywords|tags|subject|description):\s*(.+)$")
_LINK = re.compile(r"!?\[([^\[\]]*)\]\([^()]*\)")
_METADATA = {"authors": "author", "tags": "keywords", "description": "subject"}


@dataclass(frozen=True, slots=True)
class Span:
    """Lines ``start`` to ``end`` (counted from 0, end excluded) that form a block.

    ``header`` is the line of a table's header row, which is not among them.
    """

    start: int
    end: int
    headings: tuple[str, ...]
    header: int | None = None


@dataclass(slots=True)
class Outline:
    """What ``outline`` found: the spans in order, the title or "", and what the head of the document says.

    ``stack`` holds level and text of the headings that are open at the end.
    """

    spans: list[Span] = field(default_factory=list)
    title: str = ""
    metadata: dict[str, str] = field(default_factory=dict)
    stack: tuple[tuple[int, str], ...] = ()


def dialect_of(name: str) -> str:
    """The markup that a file's name stands for.

    >>> dialect_of("README.rst"), dialect_of("notes.md")
    ('rst', 'markdown')
    """
    suffix = name.rpartition(".")[2].lower()
    return {"rst": "rst", "org": "org", "adoc": "asciidoc", "asciidoc": "asciidoc"}.get(suffix, "markdown")


def outline(lines: Sequence[str], dialect: str = "markdown", stack: Sequence[tuple[int, str]] = ()) -> Outline:
    """Blocks, headings, title and metadata of ``lines``, in one pass.

    Args:
        lines: without their newlines.
        dialect: "markdown", "rst", "org" or "asciidoc".
        stack: level and text of the headings that are open before the first line.
    """
    reader = _Reader(lines, dialect)
    reader.stack = list(stack)
    return reader.read()


def span_block(lines: Sequence[str], span: Span, locate: Callable[[int], Locator]) -> Block:
    """The block of a span; ``locate`` gives the place of a line from its number, counted from 0."""
    header = lines[span.header].strip() if span.header is not None else ""
    return Block(line_pieces(lines, span.start, span.end, locate), span.headings, header)


def line_extent(lines: Sequence[str]) -> tuple[Unit, float]:
    """How many lines a file has; what follows the last newline is none if nothing does."""
    return "lines", len(lines) - (not lines[-1])


def file_line(index: int) -> LinesLocator:
    """The place of line ``index`` (counted from 0) of a file."""
    return LinesLocator(index + 1, index + 1)


def line_pieces(
    lines: Sequence[str], start: int, end: int, locate: Callable[[int], Locator] = file_line
) -> tuple[Piece, ...]:
    """A piece for each line with text from ``start`` up to ``end``; blank lines live on in the joints."""
    filled = [index for index in range(start, end) if lines[index].strip()]
    following = [*filled[1:], filled[-1] + 1] if filled else []
    pieces: list[Piece] = []
    for index, after in zip(filled, following, strict=True):
        text = lines[index].rstrip()
        # White space at a line's end is no text, but without it the next line would not stand where it does.
        between = "\n".join([lines[index][len(text) :], *lines[index + 1 : after], ""])
        pieces.append(Piece(text, locate(index), between))
    return tuple(pieces)


def paragraphs(lines: Sequence[str]) -> Iterator[Span]:
    """Runs of lines between blank lines."""
    start = None
    for index, line in enumerate(lines):
        if line.strip():
            start = index if start is None else start
        elif start is not None:
            yield Span(start, index, ())
            start = None
    if start is not None:
        yield Span(start, len(lines), ())


class _Reader:
    """One pass over the lines. ``held`` are headings that wait for the text they stand over."""

    def __init__(self, lines: Sequence[str], dialect: str) -> None:
        self.lines = lines
        self.dialect = dialect
        self.found = Outline()
        self.stack: list[tuple[int, str]] = []
        self.held: int | None = None
        self._heading_end = 0
        self.levels: list[str] = []  # of reStructuredText, in the order of their first use
        self.first_title: tuple[int, str] | None = None

    def read(self) -> Outline:
        at = self._front_matter()
        while at < len(self.lines):
            at = self._step(at)
        if self.held is not None:
            self._emit(len(self.lines), len(self.lines))
        if "title" in self.found.metadata:
            self.found.title = self.found.metadata.pop("title")
        elif self.first_title is not None:
            self.found.title = self.first_title[1]
        self.found.stack = tuple(self.stack)
        return self.found

    def _step(self, at: int) -> int:
        """Reads what begins at line ``at`` and returns the line after it."""
        line = self.lines[at]
        if not line.strip():
            return at + 1
        heading = self._heading(at)
        if heading is not None:
            level, text, after = heading
            self._enter(level, text, at)
            self._heading_end = after
            return after
        closing = self._fence(line)
        if closing is not None:
            end = at + 1
            while end < len(self.lines) and not closing(self.lines[end]):
                end += 1
            self._emit(at + 1, end)
            return end + 1
        if self._is_table(at):
            return self._table(at)
        end = at + 1
        while end < len(self.lines) and not self._interrupts(end):
            end += 1
        self._emit(at, end)
        return end

    def _interrupts(self, at: int) -> bool:
        """Whether something other than the paragraph before it begins at line ``at``."""
        line = self.lines[at]
        if not line.strip():
            return True
        if line[:1] not in " #*=`~|" and "|" not in line:
            return False
        return self._atx(line) is not None or self._fence(line) is not None or self._is_table(at)

    def _enter(self, level: int, text: str, at: int) -> None:
        known = self.first_title
        if (known is None and not self.found.spans) or (level == 1 and (known is None or known[0] > 1)):
            self.first_title = (level, text)
        parents = [entry for entry in self.stack if entry[0] < level]
        if self.held is not None and len(parents) < len(self.stack):
            self._emit(at, at)  # the headings before have no text of their own
        self.stack = [*parents, (level, text)]
        self.held = at if self.held is None else self.held

    def _emit(self, start: int, end: int, header: int | None = None) -> None:
        """Adds a block; headings that wait are its first lines, if nothing but blank lines is between."""
        headings = tuple(text for _, text in self.stack if text)
        if self.held is not None:
            if header is None and not self._is_fenced(start):
                start = self.held
            else:
                self.found.spans.append(Span(self.held, self._heading_end, headings))
        self.held = None
        if start < end:
            self.found.spans.append(Span(start, end, headings, header))

    def _is_fenced(self, start: int) -> bool:
        return start > self._heading_end and bool(self.lines[start - 1].strip())

    def _atx(self, line: str) -> tuple[int, str] | None:
        pattern = _ATX[self.dialect]
        match = pattern.match(line) if pattern is not None and len(line) <= _MAX_HEADING_CHARS else None
        return (len(match[1]), _plain(match[2] or "")) if match else None

    def _heading(self, at: int) -> tuple[int, str, int] | None:
        """Level, text and the line after the heading at line ``at``."""
        atx = self._atx(self.lines[at])
        if atx is not None:
            return (*atx, at + 1)
        marks = _UNDERLINES[self.dialect]
        if not marks or len(self.lines[at]) > _MAX_HEADING_CHARS:
            return None
        if self.dialect == "rst" and at + 2 < len(self.lines) and _is_rule(self.lines[at], marks):
            over, under = self.lines[at].rstrip(), self.lines[at + 2].rstrip()
            if over == under and self.lines[at + 1].strip():
                return self._level("over" + over[0]), self.lines[at + 1].strip(), at + 3
        text = self.lines[at].strip()
        if at + 1 >= len(self.lines) or not _is_rule(self.lines[at + 1], marks) or text[0] in marks + "|>":
            return None
        rule = self.lines[at + 1].strip()
        if self.dialect == "markdown":
            return (1 if rule[0] == "=" else 2), _plain(text), at + 2
        if self.lines[at][0] == " " or len(rule) < len(text) // 2:
            return None
        return self._level(rule[0]), text, at + 2

    def _level(self, style: str) -> int:
        if style not in self.levels:
            self.levels.append(style)
        return self.levels.index(style) + 1

    def _fence(self, line: str) -> Callable[[str], bool] | None:
        """How a fence that ``line`` opens is closed."""
        if self.dialect == "org":
            begin = _ORG_BEGIN.match(line)
            if begin is None:
                return None
            end = f"#+end_{begin[1]}".lower()
            return lambda other: other.strip().lower() == end
        fence = _FENCE.match(line) if self.dialect == "markdown" else None
        if fence is None or (fence[1][0] == "`" and "`" in line[fence.end() :]):
            return None
        mark = fence[1]
        return lambda other: other.strip().startswith(mark) and not other.strip().strip(mark[0])

    def _is_table(self, at: int) -> bool:
        if "|" not in self.lines[at] or at + 1 >= len(self.lines):
            return False
        return _is_table_rule(self.lines[at + 1])

    def _table(self, at: int) -> int:
        end = at + 2
        while end < len(self.lines) and "|" in self.lines[end]:
            end += 1
        if end == at + 2:
            self._emit(at, at + 1)
        else:
            self._emit(at + 2, end, header=at)
        return end

    def _front_matter(self) -> int:
        """Takes title, author and date from the head of the document; returns where its text begins."""
        if self.lines and self.lines[0].rstrip() == "---" and self.dialect == "markdown":
            for end in range(1, min(len(self.lines), 200)):
                if self.lines[end].rstrip() in ("---", "..."):
                    self._fields(_FRONT, 1, end)
                    self._emit(1, end)
                    return end + 1
        self._fields(_FIELD, 0, min(len(self.lines), 30))
        return 0

    def _fields(self, pattern: re.Pattern[str], start: int, end: int) -> None:
        for line in self.lines[start:end]:
            match = pattern.match(line[:1000])
            if match:
                key = match[1].lower()
                value = match[2].strip().strip("\"'[]")
                self.found.metadata.setdefault(_METADATA.get(key, key), value)


def _is_rule(line: str, marks: str) -> bool:
    """Whether a line is one mark repeated, as underlines of headings are."""
    text = line.strip()
    return len(text) >= 2 and text[0] in marks and not text.strip(text[0]) and not line.startswith("    ")


def _is_table_rule(line: str) -> bool:
    """Whether a line divides a table's header from its rows."""
    marks = set(line.strip())
    return "-" in marks and bool(marks & {"|", "+"}) and marks <= set(" :|+-\t")


def _plain(text: str) -> str:
    """A heading without the marks of emphasis and links."""
    text = _LINK.sub(r"\1", text.strip())
    return text.rstrip("#").replace("*", "").replace("`", "").strip().strip("_").strip()


def to_metadata(found: Mapping[str, str]) -> dict[str, str]:
    """The keys that ``Parsed.metadata`` uses."""
    return {key: value for key, value in found.items() if key in ("author", "date", "subject", "keywords")}
