"""PDF: lines of text with their boxes, the outline as headings, metadata and attachments.

pdfium reads everything; it is 30 times faster than pypdf on text and gave as many outline entries and attachments
on every file it was compared on. pypdf is the rescue for files that pdfium can not open; its text
comes without boxes. How characters become lines is in ``pdf_page``, how lines become paragraphs in ``pdf_layout``.

It does not know OCR: pages without text are named (``pdf_notes``), and ``unread`` says whether they or pictures beside
the text are left to be looked at.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import PurePath, PureWindowsPath
from typing import Any

from indexers.errors import Empty
from indexers.parsers.pdf_figures import is_backdrop, is_textless, large_figures, may_hold_figures
from indexers.parsers.pdf_file import open_document, open_page
from indexers.parsers.pdf_layout import join_rows, paragraphs, running_lines
from indexers.parsers.pdf_notes import TEXTLESS, UNREADABLE, page_note
from indexers.parsers.pdf_outline import Heading, heading_lines, read_outline
from indexers.parsers.pdf_page import Line, Page, clean, read_page
from indexers.parsers.pdf_rescue import rescue_pdf
from indexers.protocols import Keep, Source
from indexers.types import Attachment, Block, PageLocator, Parsed, Piece

_ATTACHED_BYTES = 100 * 2**20
_ATTACHED_FILES = 200
_OUTLINE_ENTRIES = 10_000
_HEADING_CHARS = 120
_HEADING_DEPTH = 6
_METADATA_CHARS = 300
_PAGES_NAMED = 10

_NO_TITLE = re.compile(
    r"untitled|microsoft (word|powerpoint|excel)|powerpoint presentation|document\d*$|slide \d|[\W\d_]*$"
    r"|.*\.(docx?|od[tps]|rtf|txt|tex|dvi|e?ps|pdf|indd|qxd|fm|pmd|wpd|html?|xlsx?|pptx?|jpe?g|png|tiff?)$",
    re.IGNORECASE,
)
_FILLERS = {"anonymous", "unspecified", "unknown"}
_DATE = re.compile(r"D?:?(\d{4})(\d\d)?(\d\d)?(?:(\d\d)(\d\d)(\d\d)?)?(?:(Z)|([+-])(\d\d)'?(\d\d)?)?")


def parse_pdf(source: Source) -> Parsed:
    """The text of a PDF, one piece a line, each with its box on the visible page.

    Raises:
        Encrypted: it does not open with the empty password.
        Empty: its pages are blank and nothing is attached.
        Broken: neither pdfium nor pypdf can read it.
    """
    import pypdfium2

    try:
        with open_document(source.path) as document:
            parsed = _parse(document, source)
    except pypdfium2.PdfiumError as error:
        return rescue_pdf(source, error)
    return parsed or rescue_pdf(source, None)


def _parse(document: Any, source: Source) -> Parsed | None:
    """What pdfium can read; None if that is no page at all."""
    read = _read_pages(document, source.keep, look=may_hold_figures(source.path))
    pages = read.pages
    headings = tuple(read_outline(document))
    attachments, notes = _attachments(document)
    missing = len(read.textless) + len(read.unreadable)
    if not any(page.lines for page in pages) and not attachments and not read.textless:
        if read.unreadable:
            return None
        raise Empty("no text: only blank pages")
    notes = (*page_note(TEXTLESS, read.textless), *page_note(UNREADABLE, read.unreadable), *notes)
    information = _information(document)
    return Parsed(
        blocks=tuple(_blocks(pages, headings)),
        title=_title(information.get("Title", ""), source.name),
        metadata=_metadata(information),
        attachments=attachments,
        coverage=1.0 - missing / max(len(pages) + len(read.unreadable), 1),
        notes=notes,
        unread=("pictures",) if read.textless or read.has_figures else (),
        extent=("pages", len(document)),
    )


# --- pages -------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Pages:
    """Every page that can be read, the numbers of those that can not and of those without text."""

    pages: list[Page] = field(default_factory=list)
    unreadable: list[int] = field(default_factory=list)
    textless: list[int] = field(default_factory=list)
    has_figures: bool = False


def _read_pages(document: Any, keep: Keep, *, look: bool) -> _Pages:
    """Reads all pages and, if asked to ``look``, finds out whether there is a picture beside their text.

    What is kept of a page meanwhile is one block: paragraphs, headings and running lines are made out at the end.
    """
    import pypdfium2

    found = _Pages()
    kept: list[Block] = []
    count = len(document)
    for index in range(count):
        try:
            with open_page(document, index) as handle:
                page = read_page(handle, index + 1)
                if is_textless(handle, page):
                    found.textless.append(index + 1)
                elif look and not found.has_figures:  # one is enough to know
                    large = large_figures(handle, page.view)
                    found.has_figures = not all(is_backdrop(figure, page) for figure in large)
        except pypdfium2.PdfiumError:
            found.unreadable.append(index + 1)
            continue
        # Glyphs without a meaning known make lines in which nothing can be found.
        lines = page.lines if any(c.isalnum() for line in page.lines for c in line.text) else ()
        page = replace(page, lines=tuple(join_rows(lines)))
        found.pages.append(page)
        if page.lines:
            kept.append(Block(tuple(_piece(page, line) for line in page.lines)))
        good = index + 1 - len(found.unreadable) - len(found.textless)
        keep(kept, good / count, f"page {index + 1} of {count}")
    return found


def _piece(page: Page, line: Line) -> Piece:
    return Piece(line.text, PageLocator(page.number, (page.box(line),)))


def _blocks(pages: Sequence[Page], headings: Sequence[Heading]) -> Iterator[Block]:
    running = running_lines(pages)
    by_page: dict[int, list[Heading]] = defaultdict(list)
    for heading in headings:
        by_page[heading.page].append(heading)
    path: tuple[str, ...] = ()
    for at, page in enumerate(pages):
        dropped = running.get(at, set())
        kept = tuple(line for index, line in enumerate(page.lines) if index not in dropped)
        page = replace(page, lines=kept)
        # An outline may jump over pages without text; its last entry there still leads to what follows.
        starts = heading_lines(page, by_page[page.number])
        for stretch in paragraphs(kept, starts.keys()):
            path = starts.get(stretch.start, path)
            yield Block(tuple(_piece(page, kept[index]) for index in stretch), path)
        path = starts.get(len(kept), path)


# --- metadata, attachments ------------------------------------------------------------


def _attachments(document: Any) -> tuple[tuple[Attachment, ...], tuple[str, ...]]:
    """The embedded files, within bounds, and notes on those that were left out."""
    import pypdfium2

    found: list[Attachment] = []
    count = document.count_attachments()
    room = _ATTACHED_BYTES
    for index in range(min(count, _ATTACHED_FILES)):
        try:
            attachment = document.get_attachment(index)
            name, data = clean(attachment.get_name()), bytes(attachment.get_data())
        except (pypdfium2.PdfiumError, UnicodeDecodeError):
            continue
        if len(data) <= room:
            room -= len(data)
            # A name may hold a path of the machine that it comes from.
            found.append(Attachment(PureWindowsPath(name).name or f"attachment {index + 1}", data))
    left_out = count - len(found)
    return tuple(found), ((f"{_count(left_out, 'attachment')} could not be read",) if left_out > 0 else ())


def _information(document: Any) -> dict[str, str]:
    try:
        return dict(document.get_metadata_dict(skip_empty=True))
    except UnicodeDecodeError:
        return {}


def _title(text: str, file_name: str) -> str:
    """The document's title, or "" where it is the writing program's or the file's name."""
    title = " ".join(clean(text).split())[:_METADATA_CHARS]
    return "" if _NO_TITLE.match(title) or title.casefold() == PurePath(file_name).stem.casefold() else title


def _metadata(information: Mapping[str, str]) -> dict[str, str]:
    metadata = {
        key: " ".join(clean(information.get(name, "")).split())[:_METADATA_CHARS]
        for key, name in (("author", "Author"), ("subject", "Subject"), ("keywords", "Keywords"))
    }
    metadata = {key: "" if value.casefold() in _FILLERS else value for key, value in metadata.items()}
    metadata["date"] = _iso_date(information.get("CreationDate", "")) or _iso_date(information.get("ModDate", ""))
    return {key: value for key, value in metadata.items() if value}


def _iso_date(text: str) -> str:
    """A PDF date as ISO 8601, "" if it is none.

    >>> _iso_date("D:20230505060216-04'00'")
    '2023-05-05T06:02:16-04:00'
    """
    found = _DATE.match(text.strip())
    if found is None:
        return ""
    year, month, day, hour, minute, second, utc, sign, zone_hours, zone_minutes = found.groups()
    iso = f"{year}-{month or '01'}-{day or '01'}"
    if hour:
        iso += f"T{hour}:{minute}:{second or '00'}"
        iso += "+00:00" if utc else f"{sign}{zone_hours}:{zone_minutes or '00'}" if sign else ""
    try:
        return datetime.fromisoformat(iso).isoformat() if hour else date.fromisoformat(iso).isoformat()
    except ValueError:
        return ""


# --- words for people --------------------------------------------------------------------------


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
