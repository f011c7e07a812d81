"""What stands in a picture file about the picture: EXIF, IPTC, text chunks of PNG, comments; XMP is passed on.

Metadata are damaged far more often than pixels: each field is read by itself, and one that makes no sense is left
out without a word. No pixels are decoded; of a PNG the chunks are walked here, because what its writer says may stand
behind the pixels.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, BinaryIO

from indexers.decoders.picture_file import DAMAGE
from indexers.errors import Broken
from indexers.parsers.encoding import decode
from indexers.parsers.image_words import CHANGED, CREATED, ORIGINAL, TAKEN, Written
from indexers.parsers.image_xmp import MAX_BYTES, read_xmp

if TYPE_CHECKING:
    from PIL.Image import Exif
    from PIL.ImageFile import ImageFile

ORIENTATION = 0x0112
_EXIF_IFD, _GPS_IFD = 0x8769, 0x8825
_USER_COMMENT = 0x9286
_TEXT_TAGS = {
    0x010E: "captions",  # ImageDescription
    0x013B: "authors",  # Artist
    0x8298: "rights",  # Copyright
    0x010F: "machines",  # Make
    0x0110: "machines",  # Model
    0x0131: "machines",  # Software
}
_WIDE_TAGS = {  # UTF-16 of Windows
    0x9C9B: "titles",
    0x9C9C: "captions",
    0x9C9D: "authors",
    0x9C9F: "subjects",
}
_WIDE_KEYWORDS = 0x9C9E
_DATE_TAGS = {0x9003: ORIGINAL, 0x9004: CREATED, 0x0132: CHANGED}
_XMP_TAG, _IPTC_TAG, _IPTC_RESOURCE = 700, 33723, 0x0404

_IPTC_FIELDS = {5: "titles", 105: "titles", 120: "captions", 80: "authors", 116: "rights"}
_IPTC_KEYWORDS, _IPTC_DATE = 25, 55
_IPTC_PLACE = (92, 90, 95, 101)  # sublocation, city, province, country
_UTF8_MARK = b"\x1b%G"

_PNG_FIELDS = {
    "title": "titles",
    "description": "captions",
    "caption": "captions",
    "comment": "captions",
    "parameters": "captions",  # the words that a picture was generated from
    "subject": "subjects",
    "author": "authors",
    "artist": "authors",
    "copyright": "rights",
}
_MAX_CHUNKS = 10_000
_PROFILE = re.compile(rb"\s*\w+\s+\d+\s+([0-9A-Fa-f\s]+)")  # ImageMagick: name, length, hexadecimal digits


def read_tags(image: ImageFile, file: BinaryIO, written: Written) -> int:
    """Adds what the file says to ``written``.

    Args:
        image: opened, not loaded.
        file: the same file; its position is kept.
        written: is added to.

    Returns:
        EXIF's orientation, 1–8; 1 where it does not say.
    """
    if image.format == "PNG":
        position = file.tell()
        exif = _read_png(file, written)
        file.seek(position)
    else:
        exif = _exif_of(image)
        _read_packets(image, written)
    if exif is None:
        return 1
    _read_exif(exif, written)
    orientation = _field(exif, ORIENTATION)
    return orientation if isinstance(orientation, int) and 1 <= orientation <= 8 else 1


def _exif_of(image: ImageFile) -> Exif | None:
    try:
        return image.getexif()
    except DAMAGE:
        return None


def _read_packets(image: ImageFile, written: Written) -> None:
    """IPTC, XMP and comments, as Pillow finds them in JPEG, TIFF, WebP, AVIF, HEIC and GIF."""
    from PIL.TiffImagePlugin import TiffImageFile

    comment = image.info.get("comment", b"")
    written.captions.append(_text(comment))
    resources = image.info.get("photoshop")
    if isinstance(resources, Mapping):
        read_iptc(_bytes(resources.get(_IPTC_RESOURCE)), written)
    xmp = image.info.get("xmp")
    if isinstance(image, TiffImageFile):
        # As it is stored: IPTC is often declared to be numbers of 32 bits.
        read_iptc(image.tag.tagdata.get(_IPTC_TAG, b""), written)
        try:
            blocks = image.get_photoshop_blocks()
        except (*DAMAGE, AttributeError):  # the tag may hold numbers instead of bytes
            blocks = {}
        read_iptc(blocks.get(_IPTC_RESOURCE, {}).get("data", b""), written)
        xmp = xmp or _field(image.tag_v2, _XMP_TAG)
    if xmp:
        read_xmp(xmp.encode() if isinstance(xmp, str) else _bytes(xmp), written)


# --- EXIF --------------------------------------------------------------------------------------


def _read_exif(exif: Exif, written: Written) -> None:
    try:
        inner: Mapping[int, Any] = exif.get_ifd(_EXIF_IFD)
        gps: Mapping[int, Any] = exif.get_ifd(_GPS_IFD)
    except DAMAGE:
        inner, gps = {}, {}
    for tag, where in _TEXT_TAGS.items():
        getattr(written, where).append(_text(_field(exif, tag)))
    for tag, where in _WIDE_TAGS.items():
        getattr(written, where).append(_wide(_field(exif, tag)))
    written.add_keywords(_wide(_field(exif, _WIDE_KEYWORDS)))
    written.captions.append(_user_comment(_bytes(_field(inner, _USER_COMMENT)), exif.endian))
    for tag, rank in _DATE_TAGS.items():
        written.add_date(rank, _text(_field(inner, tag)) or _text(_field(exif, tag)))
    latitude, longitude = _degrees(_field(gps, 2), _field(gps, 1)), _degrees(_field(gps, 4), _field(gps, 3))
    if latitude is not None and longitude is not None:
        written.add_coordinates(latitude, longitude)


def _field(tags: Any, number: int) -> Any:
    """The value of a tag, None if it is absent or damaged: Pillow reads a value when it is asked for it."""
    try:
        return tags.get(number)
    except DAMAGE:
        return None


def _bytes(value: Any) -> bytes:
    """A tag's value as the bytes it was written with, as far as that can be told."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode("latin-1", "replace")
    if isinstance(value, tuple) and all(isinstance(item, int) and 0 <= item < 256 for item in value):
        return bytes(value)
    return b""


def _text(value: Any) -> str:
    """Text of a tag that is declared to be ASCII; most programs write UTF-8, the older ones what they had."""
    data = _bytes(value).split(b"\0")[0].strip()
    try:
        return decode(data, "latin-1") if data else ""
    except Broken:
        return ""


def _wide(value: Any) -> str:
    return _bytes(value).decode("utf-16-le", "ignore").split("\0")[0]


def _user_comment(data: bytes, endian: str | None) -> str:
    """EXIF's UserComment: eight bytes that name the encoding, then the text."""
    mark, body = data[:8], data[8:]
    if mark.startswith(b"UNICODE"):
        # Its byte order is that of the file, but many programs do not care.
        little, big = body[1::2].count(0), body[::2].count(0)
        codec = "utf-16-le" if little > big or (little == big and endian == "<") else "utf-16-be"
        return body.decode(codec, "ignore").strip("\0 \ufeff")
    if mark.startswith(b"JIS"):
        return body.decode("iso2022_jp", "ignore").strip("\0 ")
    # The mark is often forgotten, or left as zeros.
    return _text(body.strip(b"\0 ") if mark.startswith(b"ASCII") or not mark.strip(b"\0 ") else data)


def _degrees(parts: Any, side: Any) -> float | None:
    try:
        degrees, minutes, seconds = (float(part) for part in (*parts, 0, 0)[:3])
        value = degrees + minutes / 60 + seconds / 3600
    except (TypeError, ValueError, ArithmeticError):
        return None
    return -value if str(side)[:1].upper() in ("S", "W") else value


# --- IPTC --------------------------------------------------------------------------------------


def read_iptc(data: bytes, written: Written) -> None:
    """Adds the fields of an IPTC-IIM record: marks of 0x1C, record, field, length, then the value."""
    utf8 = False
    place = dict.fromkeys(_IPTC_PLACE, "")
    for record, number, value in _iptc_fields(data):
        if (record, number) == (1, 90):
            utf8 = value.startswith(_UTF8_MARK)
        if record != 2:
            continue
        text = value.decode("utf-8", "replace") if utf8 else _text(value)
        if number in _IPTC_FIELDS:
            getattr(written, _IPTC_FIELDS[number]).append(text)
        elif number == _IPTC_KEYWORDS:
            written.add_keywords(text, ";")
        elif number == _IPTC_DATE:
            written.add_date(TAKEN, text)
        elif number in place:
            place[number] = text
    written.add_place(*place.values())


def _iptc_fields(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    at = 0
    while data[at : at + 1] == b"\x1c" and at + 5 <= len(data):
        record, number, length = struct.unpack_from(">BBH", data, at + 1)
        if length & 0x8000:  # longer values than anybody writes here
            return
        yield record, number, data[at + 5 : at + 5 + length]
        at += 5 + length


# --- PNG ---------------------------------------------------------------------------------------


def _read_png(file: BinaryIO, written: Written) -> Exif | None:
    from PIL.Image import Exif

    packet = b""
    for kind, data in _png_chunks(file):
        if kind == b"eXIf":
            packet = b"Exif\0\0" + data
            continue
        key, text = _png_text(kind, data)
        name = key.lower()
        if name in _PNG_FIELDS:
            getattr(written, _PNG_FIELDS[name]).append(_text(text))
        elif name == "keywords":
            written.add_keywords(_text(text))
        elif name == "creation time":
            written.add_date(TAKEN, _text(text))
        elif name == "xml:com.adobe.xmp":
            read_xmp(text, written)
        elif name.startswith("raw profile type "):
            profile = _profile(text)
            if name.endswith("iptc"):
                read_iptc(profile[profile.find(b"\x1c\x02") :] if b"\x1c\x02" in profile else b"", written)
            elif name.endswith("xmp"):
                read_xmp(profile, written)
            elif name.endswith(("exif", "app1")) and not packet:
                packet = profile
    exif = Exif()
    try:
        exif.load(packet)
    except DAMAGE:
        return None
    return exif


def _png_chunks(file: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
    """Kind and data of the chunks that may hold text; those of pixels are stepped over."""
    file.seek(8)
    for _ in range(_MAX_CHUNKS):
        head = file.read(8)
        if len(head) < 8 or head[4:] == b"IEND":
            return
        length = int.from_bytes(head[:4], "big")
        if head[4:] in (b"tEXt", b"zTXt", b"iTXt", b"eXIf") and length <= MAX_BYTES:
            yield head[4:], file.read(length)
            file.seek(4, 1)
        else:
            file.seek(length + 4, 1)


def _png_text(kind: bytes, data: bytes) -> tuple[str, bytes]:
    key, _, rest = data.partition(b"\0")
    if kind == b"iTXt":
        packed, rest = rest[:1] == b"\1", rest[2:]
        rest = rest.split(b"\0", 2)[-1]  # after the language and the key in that language
    else:
        packed, rest = kind == b"zTXt", rest[1:] if kind == b"zTXt" else rest
    return key.decode("latin-1"), _inflated(rest) if packed else rest


def _inflated(data: bytes) -> bytes:
    try:
        return zlib.decompressobj().decompress(data, MAX_BYTES)
    except zlib.error:
        return b""


def _profile(text: bytes) -> bytes:
    match = _PROFILE.match(text)
    digits = re.sub(rb"\s", b"", match[1]) if match else b""
    return bytes.fromhex(digits[: len(digits) // 2 * 2].decode("ascii"))
