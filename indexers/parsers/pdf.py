"""PDF: lines of text with their boxes, the outline as headings, metadata and attachments.

pdfium reads everything; it is 30 times faster than pypdf on text and gave as many outline entries and attachments
on every file it was compared on. pypdf is the rescue for files that pdfium can not open; its text
comes without boxes. How characters become lines is in ``pdf_page``, how lines become paragraphs in ``pdf_layout``.

It does not know OCR: pages without text are counted and named, so that a later stage can read their pictures.
"""

from __future__ import annotations

import ctypes
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import islice
from pathlib import PurePath, PureWindowsPath
from typing import Any

from indexers.errors import Empty, Encrypted
from indexers.parsers.pdf_layout import join_rows, paragraphs, running_lines
from indexers.parsers.pdf_page import Page, clean, read_page
from indexers.parsers.pdf_rescue import rescue_pdf
from indexers.protocols import Source
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


@dataclass(frozen=True, slots=True)
class _Heading:
    """An entry of the outline: the titles that lead to it, its page (from 1) and the place there, if it names one.

    The place is in PDF user space (points), as the page's view is not known before the page is read.
    """

    path: tuple[str, ...]
    page: int
    place: tuple[float, float] | None


def parse_pdf(source: Source) -> Parsed:
    """The text of a PDF, one piece a line, each with its box on the visible page.

    Raises:
        Encrypted: it does not open with the empty password.
        Empty: no page holds text and nothing is attached.
        Broken: neither pdfium nor pypdf can read it.
    """
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(source.path)
    except pypdfium2.PdfiumError as error:
        if error.err_code == pypdfium2.raw.FPDF_ERR_PASSWORD:
            raise Encrypted("needs a password") from error
        return rescue_pdf(source, error)
    try:
        return _parse(document, source)
    finally:
        # Closed by hand: pdfium is not thread-safe, and a finalizer may run in any thread.
        document.close()


def _parse(document: Any, source: Source) -> Parsed:
    pages, unreadable = _read_pages(document)
    headings = tuple(_outline(document))
    attachments, notes = _attachments(document)
    scanned = [page.number for page in pages if not page.lines and not page.blank]
    missing = len(scanned) + len(unreadable)
    if not any(page.lines for page in pages) and not attachments:
        if unreadable and not scanned:
            return rescue_pdf(source, None)
        raise Empty(f"no text: {_count(missing, 'scanned page')}" if missing else "no text: only blank pages")
    notes = (*_page_notes("no text on", scanned), *_page_notes("can not read", unreadable), *notes)
    information = _information(document)
    return Parsed(
        blocks=tuple(_blocks(pages, headings)),
        title=_title(information.get("Title", ""), source.name),
        metadata=_metadata(information),
        attachments=attachments,
        coverage=1.0 - missing / max(len(pages) + len(unreadable), 1),
        notes=notes,
    )


# --- pages -------------------------------------------------------------------------------------


def _read_pages(document: Any) -> tuple[list[Page], list[int]]:
    """Every page that can be read, and the numbers of those that can not."""
    import pypdfium2

    # What is typed into a form stands in annotations; flattening makes it text of the page.
    has_forms = document.get_formtype() != pypdfium2.raw.FORMTYPE_NONE
    if has_forms:
        document.init_forms()
    pages: list[Page] = []
    unreadable: list[int] = []
    for index in range(len(document)):
        try:
            with _page(document, index, flatten=has_forms) as page:
                read = read_page(page, index + 1)
        except pypdfium2.PdfiumError:
            unreadable.append(index + 1)
            continue
        pages.append(replace(read, lines=tuple(join_rows(read.lines))))
    return pages, unreadable


@contextmanager
def _page(document: Any, index: int, *, flatten: bool = False) -> Iterator[Any]:
    page = document[index]
    try:
        if flatten:
            page.flatten()
            # A flattened page shows its new content only when it is loaded anew.
            page.close()
            page = document[index]
        yield page
    finally:
        page.close()


def _blocks(pages: Sequence[Page], headings: Sequence[_Heading]) -> Iterator[Block]:
    running = running_lines(pages)
    by_page: dict[int, list[_Heading]] = defaultdict(list)
    for heading in headings:
        by_page[heading.page].append(heading)
    path: tuple[str, ...] = ()
    for at, page in enumerate(pages):
        dropped = running.get(at, set())
        kept = tuple(line for index, line in enumerate(page.lines) if index not in dropped)
        page = replace(page, lines=kept)
        # An outline may jump over pages without text; its last entry there still leads to what follows.
        starts = _heading_lines(page, by_page[page.number])
        for stretch in paragraphs(kept, starts.keys()):
            path = starts.get(stretch.start, path)
            pieces = tuple(
                Piece(kept[index].text, PageLocator(page.number, (page.box(kept[index]),))) for index in stretch
            )
            yield Block(pieces, path)
        path = starts.get(len(kept), path)


def _heading_lines(page: Page, headings: Sequence[_Heading]) -> dict[int, tuple[str, ...]]:
    """Line index → the heading path from there on, for the entries of the outline that lead to this page.

    A heading is the first line that holds its title, else the first line at its height, else the page's first
    line; an entry below all lines begins after the last one.
    """
    words = [_words(line.text) for line in page.lines] if headings else []
    starts: dict[int, tuple[str, ...]] = {}
    at = 0
    for heading in headings:
        at = _heading_line(page, words, heading, at)
        starts[at] = heading.path
    return starts


def _heading_line(page: Page, words: Sequence[str], heading: _Heading, at: int) -> int:
    """Index of the line that ``heading`` leads to, at or after ``at``; ``len(words)`` if it is below all lines."""
    title = _words(heading.path[-1])
    for index in range(at, len(words)):
        if title and title in words[index] and len(words[index]) < len(title) + 20:
            return index
    if heading.place is None:
        return at
    _, top = page.view.point(*heading.place)
    return next((i for i in range(at, len(words)) if page.lines[i].bottom >= top), len(words))


def _words(text: str) -> str:
    return " ".join(text.casefold().split())


# --- outline, metadata, attachments ------------------------------------------------------------


def _outline(document: Any) -> Iterator[_Heading]:
    """The outline in its own order. Entries without a title or a page lend their titles only to those below them."""
    path: list[str] = []
    for entry in islice(document.get_toc(max_depth=_HEADING_DEPTH), _OUTLINE_ENTRIES):
        try:
            title = " ".join(clean(entry.get_title()).split())[:_HEADING_CHARS]
        except UnicodeDecodeError:
            title = ""
        path[entry.level :] = [title]
        target = entry.get_dest()
        index = target.get_index() if target is not None else None
        if title and index is not None:
            yield _Heading(tuple(filter(None, path)), index + 1, _target_place(target))


def _target_place(target: Any) -> tuple[float, float] | None:
    """The point (user space) that an outline entry leads to; None if it only names the page."""
    import pypdfium2.raw as pdfium

    has_x, has_y, has_zoom = (ctypes.c_int() for _ in range(3))
    x, y, zoom = (ctypes.c_float() for _ in range(3))
    located = pdfium.FPDFDest_GetLocationInPage(target.raw, has_x, has_y, has_zoom, x, y, zoom)
    return (x.value, y.value) if located and has_y.value else None


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


def _page_notes(what: str, numbers: Sequence[int]) -> tuple[str, ...]:
    """One note that names the pages, or none.

    >>> _page_notes("no text on", [3, 4, 7])
    ('no text on pages 3, 4 and 7',)
    """
    if not numbers:
        return ()
    named = [str(number) for number in numbers[:_PAGES_NAMED]]
    if len(numbers) > _PAGES_NAMED:
        named.append(f"{len(numbers) - _PAGES_NAMED} more")
    pages = named[0] if len(named) == 1 else f"{', '.join(named[:-1])} and {named[-1]}"
    return (f"{what} {'page' if len(numbers) == 1 else 'pages'} {pages}",)
