"""What the parts of an Office package (docx, pptx) say of one another and of the package."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from typing import Any
from zipfile import ZipFile

from indexers.parsers.archive import attribute, local, read_xml
from indexers.parsers.flow import iso_date, known


def related(archive: ZipFile, part: str, kind: str) -> list[str]:
    """Names of the parts that an Office part ("" for the package) links to as ``kind`` ("styles")."""
    return [target for link, target in _links(archive, part) if attribute(link, "Type").rpartition("/")[2] == kind]


def linked(archive: ZipFile, part: str) -> dict[str, str]:
    """The parts that an Office part links to, by the names ("rId7") that it uses for them."""
    return {attribute(link, "Id"): target for link, target in _links(archive, part)}


def link_of(element: Any) -> str:
    """The name of the link that an element follows (``r:id``, which is not its own ``id``)."""
    return next((str(value) for key, value in element.items() if key.endswith("}id")), "")


def _links(archive: ZipFile, part: str) -> Iterator[tuple[Any, str]]:
    """The links of a part to others of the package, each with the name of the part that it leads to."""
    folder, name = posixpath.split(part)
    links = read_xml(archive, posixpath.join(folder, "_rels", f"{name}.rels"))
    for link in () if links is None else links:
        if attribute(link, "TargetMode") != "External":
            yield link, posixpath.normpath(posixpath.join("/", folder, attribute(link, "Target")))[1:]


def core_properties(archive: ZipFile) -> dict[str, str]:
    """Title, author, date, subject and keywords of an Office package, as far as they are set."""
    names = [*related(archive, "", "core-properties"), "docProps/core.xml"]
    root = read_xml(archive, names[0])
    if root is None:
        return {}
    found = {local(element): (element.text or "") for element in root}
    return known(
        title=found.get("title", ""),
        author=found.get("creator", ""),
        date=iso_date(found.get("modified", "")) or iso_date(found.get("created", "")),
        subject=found.get("subject", ""),
        keywords=found.get("keywords", ""),
    )
