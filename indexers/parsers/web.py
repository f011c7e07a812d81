"""Web pages (html): the page's text, without its navigation, and what its head says of it.

A line of the source is no place for a reader, so places are sections: the headings that lead to the text.
"""

from __future__ import annotations

import re

from bs4 import BeautifulSoup

from indexers.errors import Empty, Unreadable
from indexers.parsers.encoding import decode
from indexers.parsers.flow import Flow, iso_date, known
from indexers.parsers.keeping import Steps
from indexers.parsers.web_main import main_text
from indexers.parsers.web_page import add_markup, count_tags, parse_markup
from indexers.protocols import Keep, Source, keep_nothing
from indexers.types import Block, Parsed

_HEAD_BYTES = 4096
_CHARSET = re.compile(rb"""<(?:meta|\?xml)[^>]*?(?:charset|encoding)\s*=\s*["']?\s*([\w.:-]+)""", re.IGNORECASE)
_AUTHOR = ("author", "article:author", "dc.creator", "dcterms.creator", "citation_author")
_DATE = (
    "article:published_time",
    "date",
    "dc.date",
    "dcterms.created",
    "dcterms.date",
    "datepublished",
    "citation_publication_date",
    "article:modified_time",
)
_SUBJECT = ("description", "og:description", "dc.description", "twitter:description")


def parse_html(source: Source) -> Parsed:
    """Reads a web page.

    Raises:
        FileError: it can not be read or holds no text.
    """
    try:
        data = source.path.read_bytes()
    except OSError as error:
        raise Unreadable(error.strerror or str(error)) from error
    soup = parse_markup(decode_html(data))
    blocks = page_blocks(soup, source.keep)
    if not blocks:
        raise Empty("holds no text")
    named = _meta(soup)
    heading = soup.find("h1")
    titles = (soup.title, named.get("og:title"), heading)
    title = next((found for found in map(_plain, titles) if found), "")
    metadata = known(
        author=_first(named, _AUTHOR),
        date=next(filter(None, (iso_date(named.get(name, "")) for name in _DATE)), ""),
        subject=_first(named, _SUBJECT),
        keywords=named.get("keywords", ""),
    )
    return Parsed(blocks, title=title, metadata=metadata)


def decode_html(data: bytes) -> str:
    """Text of an HTML file by the encoding that it declares.

    Raises:
        Broken: it is not text.
    """
    declared = _CHARSET.search(data[:_HEAD_BYTES])
    return decode(data, declared.group(1).decode("ascii") if declared else None)


def page_blocks(soup: BeautifulSoup, keep: Keep = keep_nothing) -> tuple[Block, ...]:
    """Blocks of a page's main text; all of the page if nothing else is left."""
    root, skipped = main_text(soup)
    flow = Flow()
    add_markup(flow, root, skipped, Steps(keep, flow.blocks, count_tags(root)))
    blocks = flow.finish()
    if not blocks:
        flow = Flow()
        add_markup(flow, soup, (), Steps(keep, flow.blocks, count_tags(soup)))
        blocks = flow.finish()
    return blocks


def _meta(soup: BeautifulSoup) -> dict[str, str]:
    """The ``meta`` elements by lower-case name; the first of each name counts."""
    named: dict[str, str] = {}
    for tag in soup.find_all("meta"):
        name = str(tag.get("name") or tag.get("property") or tag.get("itemprop") or "").lower()
        named.setdefault(name, str(tag.get("content", "")))
    return named


def _first(named: dict[str, str], names: tuple[str, ...]) -> str:
    return next((named[name] for name in names if named.get(name, "").strip()), "")


def _plain(found: object) -> str:
    text = found.get_text(" ") if hasattr(found, "get_text") else str(found or "")
    return " ".join(text.split())
