"""Documents that are zip archives (docx, pptx, odt, epub): opened with limits, their XML parsed safely.

The sizes that an archive declares are checked before anything is unpacked. Declared sizes can lie, but
``zipfile`` never returns more than the declared bytes of a member, so the limits hold all the same. XML is
parsed without entities, DTDs or network. Nothing here knows what the members mean.
"""

from __future__ import annotations

import mmap
import zlib
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

from lxml import etree

from indexers.errors import Broken, Encrypted, Unreadable

MAX_UNPACKED_MB = 1024
MAX_MEMBER_MB = 200  # of XML or HTML, which grows about tenfold in memory
MAX_MEMBERS = 50_000
# Repetitive tables really do shrink two hundredfold; only a large archive that shrinks so far is a bomb.
_MAX_RATIO = 200
_RATIO_COUNTS_FROM_MB = 100

_MB = 1 << 20
# RuntimeError: a member that is encrypted; NotImplementedError: an unknown compression.
_DAMAGED = (BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, ValueError, RuntimeError)
_OLE_MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def open_archive(path: Path) -> ZipFile:
    """Opens a document that is a zip archive; the caller closes it.

    Raises:
        Broken: it is damaged, or would unpack to more than a file may take.
        Encrypted: it asks for a password.
        Unreadable: the operating system refuses it.
    """
    try:
        _refuse_ole(path)
        archive = ZipFile(path)
    except (BadZipFile, ValueError, NotImplementedError) as error:
        raise Broken(f"damaged: not a whole zip archive ({error})") from error
    except OSError as error:
        raise Unreadable(error.strerror or str(error)) from error
    try:
        _check_limits(archive, path.stat().st_size)
    except (Broken, Encrypted):
        archive.close()
        raise
    return archive


def read_member(archive: ZipFile, name: str) -> bytes | None:
    """The bytes of one member, or None if there is no such member.

    Raises:
        Broken: it is damaged or larger than 200 MB.
    """
    try:
        info = archive.getinfo(name)
    except KeyError:
        return None
    if info.file_size > MAX_MEMBER_MB * _MB:
        raise Broken(f"its part {name} unpacks to more than {MAX_MEMBER_MB} MB")
    try:
        return archive.read(info)
    except (
        BadZipFile,
        zlib.error,
        EOFError,
        OSError,
        NotImplementedError,
        ValueError,
        RuntimeError,
    ) as error:
        raise Broken(f"damaged: its part {name} can not be unpacked") from error


def parse_xml(data: bytes, name: str) -> Any:
    """The root element of an XML document (an ``lxml`` element).

    Raises:
        Broken: it is not well-formed.
    """
    parser = etree.XMLParser(
        resolve_entities=False, load_dtd=False, no_network=True, remove_comments=True, remove_pis=True
    )
    try:
        return etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise Broken(f"damaged: its part {name} is not well-formed XML") from error


def read_xml(archive: ZipFile, name: str) -> Any | None:
    """``parse_xml`` of one member, or None if there is no such member.

    Raises:
        Broken: it is damaged, too large or not well-formed.
    """
    data = read_member(archive, name)
    return None if data is None else parse_xml(data, name)


def local(element: Any) -> str:
    """Name of an element without its namespace."""
    return str(element.tag).rpartition("}")[2]


def attribute(element: Any, name: str) -> str:
    """Value of an attribute whatever its namespace, or nothing."""
    for key, value in element.items():
        if key.rpartition("}")[2] == name:
            return str(value)
    return ""


def _check_limits(archive: ZipFile, packed: int) -> None:
    infos = archive.infolist()
    if len(infos) > MAX_MEMBERS:
        raise Broken(f"holds more than {MAX_MEMBERS} parts")
    unpacked = sum(info.file_size for info in infos)
    if unpacked > MAX_UNPACKED_MB * _MB:
        raise Broken(f"unpacks to more than {MAX_UNPACKED_MB} MB")
    if unpacked > _RATIO_COUNTS_FROM_MB * _MB and unpacked > _MAX_RATIO * max(packed, 1):
        raise Broken(f"unpacks to more than {_RATIO_COUNTS_FROM_MB} MB, over {_MAX_RATIO} times its size")
    if any(info.flag_bits & 1 for info in infos):
        raise Encrypted("needs a password")


def _refuse_ole(path: Path) -> None:
    """Password-protected Office files are no zip archives but OLE files that hold an encrypted one."""
    with path.open("rb") as file:
        if file.read(len(_OLE_MAGIC)) != _OLE_MAGIC:
            return
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            encrypted = data.find("EncryptedPackage".encode("utf-16-le")) >= 0
    if encrypted:
        raise Encrypted("needs a password")
    raise Broken("is an Office file of the old binary kind under a new name")
