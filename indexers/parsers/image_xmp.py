"""XMP packets: what Lightroom, digiKam, phones and agencies write about a picture, in the file or beside it.

A packet is RDF in XML. The same property may be an attribute, an element or a list, so that every resource is looked
through for the properties that say something to a person; the rest (histories, settings of raw converters) is left.
Entities and document types are refused, as they serve nothing but attacks here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from indexers.parsers.image_words import CREATED, ORIGINAL, TAKEN, Written

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

MAX_BYTES = 4 << 20
"""Of one packet; those with long editing histories reach hundreds of kilobytes."""

_RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
_DC = "{http://purl.org/dc/elements/1.1/}"
_PHOTOSHOP = "{http://ns.adobe.com/photoshop/1.0/}"
_XMP = "{http://ns.adobe.com/xap/1.0/}"
_EXIF = "{http://ns.adobe.com/exif/1.0/}"
_TIFF = "{http://ns.adobe.com/tiff/1.0/}"
_CORE = "{http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/}"
_EXT = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}"
_REGION = "{http://www.metadataworkinggroup.com/schemas/regions/}"
_FACE = "{http://ns.microsoft.com/photo/1.2/t/Region#}"
_ACDSEE = "{http://ns.acdsee.com/iptc/1.0/}"
_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"

_FIELDS = {
    f"{_DC}title": "titles",
    f"{_PHOTOSHOP}Headline": "titles",
    f"{_DC}description": "captions",
    f"{_TIFF}ImageDescription": "captions",
    f"{_CORE}AltTextAccessibility": "captions",
    f"{_CORE}ExtDescrAccessibility": "captions",
    f"{_EXT}Event": "captions",
    f"{_EXIF}UserComment": "captions",
    f"{_ACDSEE}caption": "captions",
    f"{_DC}creator": "authors",
    f"{_TIFF}Artist": "authors",
    f"{_DC}rights": "rights",
    f"{_EXT}PersonInImage": "people",
    f"{_FACE}PersonDisplayName": "people",
}
_KEYWORDS = {
    f"{_DC}subject": ";",
    "{http://ns.adobe.com/lightroom/1.0/}hierarchicalSubject": "|",
    "{http://www.digikam.org/ns/1.0/}TagsList": "/",
    "{http://ns.microsoft.com/photo/1.0/}LastKeywordXMP": "/",
}
_DATES = {
    f"{_EXIF}DateTimeOriginal": ORIGINAL,
    f"{_PHOTOSHOP}DateCreated": TAKEN,
    f"{_XMP}CreateDate": CREATED,
}
_PLACE = (f"{_CORE}Location", f"{_PHOTOSHOP}City", f"{_PHOTOSHOP}State", f"{_PHOTOSHOP}Country")
_SHOWN = (f"{_EXT}Sublocation", f"{_EXT}City", f"{_EXT}ProvinceState", f"{_EXT}CountryName")
_PEOPLE_TYPES = ("", "face", "pet")
_WIDE = (b"\xff\xfe", b"\xfe\xff", b"<\0", b"\0<")
_DEGREES = re.compile(r"(\d+(?:\.\d+)?)(?:,(\d+(?:\.\d+)?))?(?:,(\d+(?:\.\d+)?))?\s*([NSEW]?)")


def read_xmp(packet: bytes, written: Written) -> bool:
    """Adds what ``packet`` says to ``written``; False if it can not be read."""
    from defusedxml.ElementTree import ParseError, fromstring

    if len(packet) > MAX_BYTES:
        return False
    if packet[:2] in _WIDE:
        # Python's own name of the encoding tells the byte order from the mark; without one from the first bracket.
        codec = {b"<\0": "utf-16-le", b"\0<": "utf-16-be"}.get(packet[:2], "utf-16")
        packet = packet.decode(codec, "replace").encode()
    try:
        # Packets are padded at their end, with blanks or zeros.
        root = fromstring(packet[: packet.rfind(b">") + 1].lstrip(b"\0 \t\r\n"), forbid_dtd=True)
    except (ParseError, ValueError, LookupError):
        return False
    spread: dict[str, str] = {}  # properties of the picture itself, which may be spread over several resources
    for resource in root.iter():
        properties = dict(_properties(resource))
        _add(properties, written)
        written.add_place(*(_first(properties, name) for name in _SHOWN))
        for name in (*_PLACE, f"{_EXIF}GPSLatitude", f"{_EXIF}GPSLongitude"):
            if name in properties:
                spread.setdefault(name, _first(properties, name))
    written.add_place(*(spread.get(name, "") for name in _PLACE))
    latitude = _degrees(spread.get(f"{_EXIF}GPSLatitude", ""))
    longitude = _degrees(spread.get(f"{_EXIF}GPSLongitude", ""))
    if latitude is not None and longitude is not None:
        written.add_coordinates(latitude, longitude)
    return True


def _properties(resource: Element) -> Iterator[tuple[str, list[str]]]:
    """Names and values of a resource's properties."""
    for name, value in resource.items():
        yield name, [value]
    for child in resource:
        yield child.tag, _values(child)


def _values(element: Element) -> list[str]:
    """Texts of a property: its own, or those of its list; of several languages the default first."""
    items = [item for container in element for item in container if item.tag == f"{_RDF}li"]
    if not items:
        return [element.text or ""]
    items.sort(key=lambda item: item.get(_LANGUAGE, "x-default") != "x-default")
    return [item.text or "" for item in items]


def _add(properties: dict[str, list[str]], written: Written) -> None:
    for name, values in properties.items():
        if name in _FIELDS:
            getattr(written, _FIELDS[name]).extend(values)
        elif name in _KEYWORDS:
            for value in values:
                written.add_keywords(value, _KEYWORDS[name])
        elif name in _DATES:
            written.add_date(_DATES[name], values[0])
        elif name == f"{_XMP}Rating" and values[0].strip() in ("1", "2", "3", "4", "5"):
            written.ratings.append(int(values[0]))
    if _first(properties, f"{_REGION}Type").lower() in _PEOPLE_TYPES:
        written.people += properties.get(f"{_REGION}Name", [])


def _first(properties: dict[str, list[str]], name: str) -> str:
    return next(iter(properties.get(name, ())), "")


def _degrees(text: str) -> float | None:
    """Degrees of "47,33.73N" or "47.5622"; south and west are negative.

    >>> _degrees("47,30.0N"), _degrees("13,15,0W"), _degrees("-33.5"), _degrees("north")
    (47.5, -13.25, -33.5, None)
    """
    match = _DEGREES.fullmatch(text.strip().removeprefix("-"))
    if match is None:
        return None
    degrees, minutes, seconds, side = match.groups()
    value = float(degrees) + float(minutes or 0) / 60 + float(seconds or 0) / 3600
    return -value if side in ("S", "W") or text.strip().startswith("-") else value
