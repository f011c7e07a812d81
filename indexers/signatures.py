"""The kind of a binary file from its first bytes, and from the directory of its container if it has one.

Knows signatures only: no suffix, no text. Office files are zip archives or OLE compound files that differ
in what they hold, so for these two the directory is read (never the contents), and an encrypted one is
told apart here, before any parser is started. Whether a file with the right signature can be read is
for its parser to find out.
"""

from __future__ import annotations

import os
import struct
import zipfile
import zlib
from pathlib import Path
from typing import BinaryIO

from indexers.errors import Encrypted

HEAD_BYTES = 1 << 16
_MAX_ZIP_DIRECTORY_BYTES = 16 << 20  # no document has more; an archive of millions of files costs gigabytes

_PREFIXES: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpeg"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"II*\0", "tiff"),
    (b"MM\0*", "tiff"),
    (b"8BPS", "psd"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "jp2"),
    (b"\xff\x0a", "jxl"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "jxl"),
    (b"ID3", "mp3"),
    (b"fLaC", "flac"),
    (b"#!AMR", "amr"),
    (b"caff\0", "caf"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "wmv"),
    (b"FLV\x01", "flv"),
    (b"\0\0\x01\xba", "mpeg"),
    (b"\0\0\x01\xb3", "mpeg"),
    (b"{\\rtf", "rtf"),
    (b"%!PS", "postscript"),
    (b"\x1f\x8b\x08", "gzip"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\0", "xz"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"Rar!\x1a\x07", "rar"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"SQLite format 3\0", "sqlite"),
)
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")

_BMP_HEADERS = tuple(size.to_bytes(4, "little") for size in (12, 40, 52, 56, 64, 108, 124))
_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1")
_MPEG_BITRATES_KBPS = {  # index of the header → rate, for Layer III of MPEG-1 and of MPEG-2
    3: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    2: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_MPEG_RATES_HZ = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}

_ODF = {
    b"application/vnd.oasis.opendocument.text": "odt",
    b"application/vnd.oasis.opendocument.spreadsheet": "ods",
    b"application/vnd.oasis.opendocument.presentation": "odp",
    b"application/vnd.oasis.opendocument.graphics": "odg",
    b"application/epub+zip": "epub",
}
_OOXML = (("word/", "docx"), ("ppt/", "pptx"), ("xl/", "xlsx"))
_OLE_STREAMS = (
    ("WordDocument", "doc"),
    ("Workbook", "xls"),
    ("Book", "xls"),
    ("PowerPoint Document", "ppt"),
    ("__properties_version1.0", "msg"),
)


def binary_format(head: bytes, path: Path) -> str | None:
    """The format of a file with a signature, or None.

    Args:
        head: its first ``HEAD_BYTES`` bytes.
        path: the file itself; opened only for the directories of zip and OLE containers.

    Raises:
        Encrypted: an office document that asks for a password.
        OSError: the file can not be read.
    """
    if head.startswith(_ZIP):
        return _zip_format(path)
    if head.startswith(_OLE):
        return _ole_format(path)
    for prefix, name in _PREFIXES:
        if head.startswith(prefix):
            return name
    return _container_format(head) or _stream_format(head)


def _container_format(head: bytes) -> str | None:
    """Formats whose signature does not stand at the start, or that share one with others."""
    if head.lstrip(b"\xef\xbb\xbf \t\r\n\0").startswith(b"%PDF-"):
        return "pdf"
    if head.startswith((b"RIFF", b"RF64")):
        return {b"WEBP": "webp", b"WAVE": "wav", b"AVI ": "avi"}.get(head[8:12])
    if head.startswith(b"FORM"):
        return "aiff" if head[8:12] in (b"AIFF", b"AIFC") else None
    if head[4:8] == b"ftyp":
        return _iso_format(head)
    if head[4:8] in (b"moov", b"mdat", b"wide", b"free", b"skip") and head[0] == 0:
        return "mov"  # QuickTime before it had brands
    if head.startswith(b"OggS"):
        first_page = head[:256]
        if b"OpusHead" in first_page:
            return "opus"
        return "ogv" if b"theora" in first_page else "ogg"
    if head.startswith(b"\x1aE\xdf\xa3"):
        return "webm" if b"webm" in head[:64] else "mkv"
    if head.startswith(b"BM") and head[6:10] == bytes(4) and head[14:18] in _BMP_HEADERS:
        return "bmp"
    if head.startswith(b"\0\0\x01\0") and 0 < head[4] < 64 and head[9:10] == b"\0":
        return "ico"
    return "tar" if head[257:262] == b"ustar" else None


def _iso_format(head: bytes) -> str:
    brand = head[8:12]
    if brand in _HEIF_BRANDS:
        # "mif1" only says that it is a picture; the brands that follow say how it is packed.
        return "avif" if b"avif" in head[16 : int.from_bytes(head[:4], "big")] else "heic"
    if brand in (b"avif", b"avis"):
        return "avif"
    if brand in (b"M4A ", b"M4B ", b"M4P "):
        return "m4a"
    return "mov" if brand == b"qt  " else "mp4"


def _stream_format(head: bytes) -> str | None:
    """Streams without a header, told by frames that follow each other at the right distance."""
    if head[:1] == b"G" and all(head[at : at + 1] == b"G" for at in (188, 376, 564)):
        return "mpegts"
    start = len(head) - len(head.lstrip(b"\0"))  # some encoders pad the beginning with zeros
    frame = head[start : start + 7]
    if len(frame) < 7 or frame[0] != 0xFF:
        return None
    if frame[1] & 0xF6 == 0xF0:
        length = (frame[3] & 3) << 11 | frame[4] << 3 | frame[5] >> 5
        return "aac" if _repeats(head, start, length) else None
    if frame[1] & 0xE6 == 0xE2:
        return "mp3" if _repeats(head, start, _layer3_bytes(frame)) else None
    return None


def _layer3_bytes(frame: bytes) -> int:
    """Length of an MPEG Layer III frame, 0 if its header is none."""
    version, bitrate, rate = frame[1] >> 3 & 3, frame[2] >> 4, frame[2] >> 2 & 3
    if version == 1 or bitrate in (0, 15) or rate == 3:
        return 0
    kbps = _MPEG_BITRATES_KBPS[3 if version == 3 else 2][bitrate]
    samples_per_8 = 144 if version == 3 else 72
    return samples_per_8 * kbps * 1000 // _MPEG_RATES_HZ[version][rate] + (frame[2] >> 1 & 1)


def _repeats(head: bytes, start: int, length: int) -> bool:
    """Whether a frame of the same kind follows ``length`` bytes after ``start``, or the file ends there."""
    after = start + length
    if length < 8 or after > len(head):
        return False
    return head[after : after + 2] in (b"", head[start : start + 2])


def _zip_format(path: Path) -> str:
    """What a zip archive is; "zip" if it is nothing else, also when its directory is damaged."""
    try:
        with path.open("rb") as file:
            if _zip_directory_bytes(file) > _MAX_ZIP_DIRECTORY_BYTES:
                return "zip"
            with zipfile.ZipFile(file) as archive:
                return _archive_format(archive)
    except (zipfile.BadZipFile, NotImplementedError, ValueError, EOFError, struct.error, zlib.error):
        return "zip"


def _zip_directory_bytes(file: BinaryIO) -> int:
    """Size of the archive's directory as its end record states it, 0 if there is none."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - 65_557))  # the end record and the longest comment behind it
    tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    return int.from_bytes(tail[at + 12 : at + 16], "little") if at >= 0 else 0


def _archive_format(archive: zipfile.ZipFile) -> str:
    names = set(archive.namelist())
    if "mimetype" in names:
        with archive.open("mimetype") as file:
            mimetype = file.read(200).strip()
        name = _ODF.get(mimetype.removesuffix(b"-template"))
        if name is not None and name != "epub":
            _refuse_encrypted_odf(archive, names)
        if name is not None:
            return name
    if "[Content_Types].xml" in names:
        for folder, name in _OOXML:
            if any(entry.startswith(folder) for entry in names):
                return name
    if any(entry.endswith(".iwa") or entry == "Index.zip" for entry in names):
        return "iwork"
    return "zip"


def _refuse_encrypted_odf(archive: zipfile.ZipFile, names: set[str]) -> None:
    manifest = "META-INF/manifest.xml"
    if manifest in names:
        with archive.open(manifest) as file:
            if b"encryption-data" in file.read(1 << 20):
                raise Encrypted("needs a password")


def _ole_format(path: Path) -> str:
    """What an OLE compound file is; "ole" if it is nothing known, also when its directory is damaged."""
    from olefile.olefile import OleFileError, OleFileIO

    try:
        with OleFileIO(path) as container:
            names = {entry[0] for entry in container.listdir(streams=True, storages=True)}
    except (OleFileError, struct.error, ValueError, IndexError, RecursionError):
        return "ole"
    if names & {"EncryptedPackage", "\tDRMContent"}:
        raise Encrypted("needs a password")
    return next((name for stream, name in _OLE_STREAMS if stream in names), "ole")
