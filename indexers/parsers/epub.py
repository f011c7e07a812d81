"""Electronic books (epub): the chapters in the order of the spine, each read as a web page.

A chapter's title comes from the book's table of contents where it has one, and leads to the chapter's own
headings. The page that only holds the table of contents is left out. Font obfuscation is no protection;
anything else that ``encryption.xml`` lists is.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote
from zipfile import ZipFile

from indexers.errors import Broken, Empty, Encrypted
from indexers.parsers.archive import attribute, local, open_archive, read_member, read_xml
from indexers.parsers.flow import Flow, iso_date, known
from indexers.parsers.web import decode_html
from indexers.parsers.web_main import hidden_parts
from indexers.parsers.web_page import add_markup, parse_markup
from indexers.protocols import Source
from indexers.types import Block, Parsed

_FONT_OBFUSCATION = frozenset({"http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC"})
_YEAR = 4


@dataclass(frozen=True, slots=True)
class _Item:
    """A file of the book: its name in the archive and what the package says of it."""

    name: str
    kind: str
    properties: str


def parse_epub(source: Source) -> Parsed:
    """Reads a book.

    Raises:
        FileError: it is damaged, protected or holds no text.
    """
    with open_archive(source.path) as archive:
        _refuse_protection(archive)
        package_name = _package_name(archive)
        package = read_xml(archive, package_name)
        if package is None:
            raise Broken("damaged: it is no book inside")
        items = _manifest(package, package_name)
        order = [attribute(entry, "idref") for entry in package.iter("{*}itemref")]
        chapters = [items[name] for name in order if name in items]
        chapters = [item for item in chapters if "nav" not in item.properties.split()]
        titles = _chapter_titles(archive, list(items.values()))
        blocks: list[Block] = []
        notes: list[str] = []
        for number, item in enumerate(chapters, start=1):
            try:
                blocks += _chapter(archive, item.name, titles.get(item.name, ""))
            except Broken:
                notes.append(f"chapter {number} of {len(chapters)} could not be read")
            source.keep(blocks, (number - len(notes)) / len(chapters), f"chapter {number} of {len(chapters)}")
    if not blocks:
        raise Broken("damaged: none of its chapters can be read") if notes else Empty("holds no text")
    metadata = _metadata(package)
    title = metadata.pop("title", "")
    coverage = 1 - len(notes) / len(chapters)
    return Parsed(tuple(blocks), title=title, metadata=metadata, coverage=coverage, notes=tuple(notes))


def _refuse_protection(archive: ZipFile) -> None:
    root = read_xml(archive, "META-INF/encryption.xml")
    methods = () if root is None else root.iter("{*}EncryptionMethod")
    if any(attribute(method, "Algorithm") not in _FONT_OBFUSCATION for method in methods):
        raise Encrypted("protected by digital rights management (DRM)")


def _package_name(archive: ZipFile) -> str:
    container = read_xml(archive, "META-INF/container.xml")
    if container is not None:
        for root in container.iter("{*}rootfile"):
            return attribute(root, "full-path")
    return next((name for name in archive.namelist() if name.endswith(".opf")), "content.opf")


def _manifest(package: Any, package_name: str) -> dict[str, _Item]:
    items = {}
    for entry in package.iter("{*}item"):
        name = _target(package_name, attribute(entry, "href"))
        kind = attribute(entry, "media-type")
        items[attribute(entry, "id")] = _Item(name, kind, attribute(entry, "properties"))
    return items


def _target(base: str, link: str) -> str:
    """The member that a link in the member ``base`` points to."""
    path = unquote(link.partition("#")[0])
    return posixpath.normpath(posixpath.join("/", posixpath.dirname(base), path))[1:]


def _chapter(archive: ZipFile, name: str, title: str) -> tuple[Block, ...]:
    data = read_member(archive, name)
    if data is None:
        raise Broken(f"damaged: its part {name} is missing")
    soup = parse_markup(decode_html(data))
    body = soup.body or soup
    flow = Flow(root=(title,))
    add_markup(flow, body, hidden_parts(body))
    return flow.finish()


def _chapter_titles(archive: ZipFile, items: list[_Item]) -> dict[str, str]:
    """Member → title. An entry that points into the middle of a member titles it only if no other does."""
    entries: dict[str, list[tuple[bool, str]]] = {}
    for base, link, title in _contents_entries(archive, items):
        entries.setdefault(_target(base, link), []).append(("#" in link, " ".join(title.split())))
    titles = {}
    for name, found in entries.items():
        whole = [title for is_inside, title in found if not is_inside]
        if whole or len(found) == 1:
            titles[name] = whole[0] if whole else found[0][1]
    return titles


def _contents_entries(archive: ZipFile, items: list[_Item]) -> Iterator[tuple[str, str, str]]:
    """Entries of the navigation page or, in older books, of the NCX: where it stands, its link, its title."""
    pages = [item.name for item in items if "nav" in item.properties.split()]
    for name in pages:
        soup = parse_markup(decode_html(read_member(archive, name) or b""))
        for link in soup.select("nav a[href]"):
            yield name, str(link["href"]), link.get_text(" ")
    for item in [] if pages else items:
        root = read_xml(archive, item.name) if item.kind == "application/x-dtbncx+xml" else None
        for point in () if root is None else root.iter("{*}navPoint"):
            label, content = next(point.iter("{*}text"), None), next(point.iter("{*}content"), None)
            if label is not None and content is not None:
                yield item.name, attribute(content, "src"), label.text or ""


def _metadata(package: Any) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    for element in package.iter("{http://purl.org/dc/elements/1.1/}*"):
        found.setdefault(local(element), []).append(" ".join((element.text or "").split()))
    date = next(iter(found.get("date", [])), "")
    return known(
        title=next(filter(None, found.get("title", [])), ""),
        author=", ".join(found.get("creator", [])),
        date=iso_date(date) or (date[:_YEAR] if date[:_YEAR].isdecimal() else ""),
        subject=", ".join(found.get("subject", [])),
    )
