import io
import json
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from indexers.decoders import DECODERS, FILMS, PICTURES, SOUNDS
from indexers.errors import Empty, Encrypted, FileError, Unreadable
from indexers.media import FileType, media_of, sniff
from indexers.parsers import PARSERS

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"


def archive(**entries: str) -> bytes:
    """A zip archive; "__" in a name stands for "/"."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, text in entries.items():
            file.writestr(name.replace("__", "/"), text)
    return buffer.getvalue()


def office(part: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("[Content_Types].xml", "<Types/>")
        file.writestr(part, "<x/>")
    return buffer.getvalue()


def kind(tmp_path: Path, name: str, data: bytes | str) -> FileType:
    file = tmp_path / "file-without-suffix"
    file.write_bytes(data.encode() if isinstance(data, str) else data)
    return sniff(file, name)


@pytest.mark.parametrize(
    ("data", "format_name", "media"),
    [
        (b"%PDF-1.7\n", "pdf", "text"),
        (PNG, "png", "image"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF", "jpeg", "image"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "webp", "image"),
        (b"RIFF\0\0\0\0WAVEfmt ", "wav", "audio"),
        (b"RIFF\0\0\0\0AVI LIST", "avi", "video"),
        (b"GIF89a\1\0\1\0", "gif", "image"),
        (b"BM" + bytes(12) + b"\x28\0\0\0" + bytes(20), "bmp", "image"),
        (b"II*\0\x08\0\0\0", "tiff", "image"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", "heic", "image"),
        (b"\0\0\0\x1cftypmif1\0\0\0\0mif1avif", "avif", "image"),
        (b"\0\0\0\x18ftypM4A \0\0\0\0", "m4a", "audio"),
        (b"\0\0\0\x18ftypisom\0\0\0\0", "mp4", "video"),
        (b"\0\0\0\x14ftypqt  \0\0\0\0", "mov", "video"),
        (b"ID3\x04\0\0\0\0\0\0", "mp3", "audio"),
        (b"\xff\xfb\x90\x00" + bytes(413) + b"\xff\xfb\x90\x00", "mp3", "audio"),
        (b"\xff\xf1\x50\x80\x02\x1f\xfc" + bytes(9) + b"\xff\xf1", "aac", "audio"),
        (b"fLaC\0\0\0\x22", "flac", "audio"),
        (b"OggS\0\2" + bytes(22) + b"OpusHead", "opus", "audio"),
        (b"OggS\0\2" + bytes(22) + b"\1vorbis", "ogg", "audio"),
        (b"OggS\0\2" + bytes(22) + b"\x80theora", "ogv", "video"),
        (b"\x1aE\xdf\xa3\x9fB\x82\x84webm", "webm", "video"),
        (b"\x1aE\xdf\xa3\x9fB\x82\x88matroska", "mkv", "video"),
        (b"{\\rtf1 text}", "rtf", "text"),
        (b"\x1f\x8b\x08\0", "gzip", "text"),
        (office("word/document.xml"), "docx", "text"),
        (office("ppt/presentation.xml"), "pptx", "text"),
        (office("xl/workbook.xml"), "xlsx", "text"),
        (archive(mimetype="application/vnd.oasis.opendocument.text"), "odt", "text"),
        (archive(mimetype="application/vnd.oasis.opendocument.spreadsheet"), "ods", "text"),
        (archive(mimetype="application/epub+zip"), "epub", "text"),
        (archive(a="b"), "zip", "text"),
        (bytes(range(256)) * 8, "unknown", "text"),
    ],
)
def test_content_alone_tells_the_kind(tmp_path: Path, data: bytes, format_name: str, media: str) -> None:
    assert kind(tmp_path, "nameless", data) == FileType(format_name, media)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "text", "format_name"),
    [
        ("a.txt", "words", "text"),
        ("a.md", "# words", "markdown"),
        ("a.rst", "words", "markdown"),
        ("a.py", "import os", "code"),
        ("Makefile", "all:\n\techo", "code"),
        ("run", "#!/bin/sh\necho", "code"),
        ("README", "words", "text"),
        ("a.csv", "a,b\n1,2", "csv"),
        ("a.tsv", "a\tb", "tsv"),
        ("a.json", '{"a": 1}', "json"),
        ("a.json", '{"a": 1}\n{"a": 2}\n', "jsonl"),
        ("a.json", "[1,\n2]\n", "json"),
        ("a.jsonl", '{"a": 1}\n', "jsonl"),
        ("a.ipynb", '{"cells": []}', "notebook"),
        ("a.yaml", "a: 1", "yaml"),
        ("a.svg", "<svg/>", "xml"),
        ("a.xml", "<?xml version='1.0'?><a/>", "xml"),
        ("a.html", "<p>words", "html"),
        ("a.eml", "From: me\n\nwords", "eml"),
        ("nameless", "From: a@b\nTo: c@d\nSubject: x\n\nwords", "eml"),
        ("nameless", "<!DOCTYPE html><p>words", "html"),
        ("nameless", '{"a": [1, 2]}', "json"),
        ("nameless", "words, and {", "text"),
    ],
)
def test_among_kinds_of_text_the_suffix_decides(tmp_path: Path, name: str, text: str, format_name: str) -> None:
    assert kind(tmp_path, name, text) == FileType(format_name, "text")
    assert kind(tmp_path, name, text.encode("utf-16")).format == format_name


@pytest.mark.parametrize(
    ("name", "data", "format_name", "mismatch"),
    [
        ("a.pdf", PNG, "png", "named .pdf, but is a PNG image"),
        ("a.pdf", b"<html><p>404", "html", "named .pdf, but is a web page"),
        ("a.pdf", b"words", "text", "named .pdf, but is plain text"),
        ("a.jpg", b"%PDF-1.4", "pdf", "named .jpg, but is a PDF document"),
        ("a.doc", b"{\\rtf1 x}", "rtf", "named .doc, but is an RTF document"),
        ("a.xls", b"a\tb\n1\t2", "tsv", "named .xls, but is a table of values"),
        ("a.json", b"words", "text", "named .json, but is plain text"),
        ("a.docx", office("xl/workbook.xml"), "xlsx", "named .docx, but is an Excel workbook (xlsx)"),
        ("a.docx", bytes(1000), "unknown", "named .docx, but is of a kind not known here"),
        # The same container under two names, and text that may well be called text, are no lies.
        ("a.m4a", b"\0\0\0\x18ftypisom\0\0\0\0", "m4a", ""),
        ("a.mov", b"\0\0\0\x18ftypisom\0\0\0\0", "mp4", ""),
        ("a.txt", b"<?xml version='1.0'?><a/>", "text", ""),
        # The parser will say how it is damaged.
        ("a.docx", b"PK\x03\x04 cut off", "docx", ""),
        ("a.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 cut off", "xls", ""),
    ],
)
def test_the_name_is_not_believed(tmp_path: Path, name: str, data: bytes, format_name: str, mismatch: str) -> None:
    found = kind(tmp_path, name, data)
    assert (found.format, found.mismatch) == (format_name, mismatch)


@pytest.mark.parametrize("data", [b"", b" \r\n\t\n", b"\xff\xfe", "\n\n".encode("utf-16")])
def test_nothing_but_white_space_is_empty(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(Empty):
        kind(tmp_path, "a.txt", data)


def test_an_encrypted_open_document_is_told(tmp_path: Path) -> None:
    data = archive(
        mimetype="application/vnd.oasis.opendocument.text",
        **{"META-INF__manifest.xml": "<manifest:encryption-data/>"},
    )
    with pytest.raises(Encrypted):
        kind(tmp_path, "a.odt", data)


def ole(stream: str) -> bytes:
    """The smallest compound file: a header, one sector of allocation table, one of directory."""
    header = bytearray(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504))
    header[24:34] = b"\x3e\0\x03\0\xfe\xff\x09\0\x06\0"
    header[44:48] = (1).to_bytes(4, "little")  # sectors of allocation table
    header[48:52] = (1).to_bytes(4, "little")  # first sector of directory
    header[56:60] = (4096).to_bytes(4, "little")
    header[60:64] = header[68:72] = b"\xfe\xff\xff\xff"
    header[76:512] = b"\0\0\0\0" + b"\xff" * 432
    table = b"\xfd\xff\xff\xff\xfe\xff\xff\xff" + b"\xff" * 504

    def entry(name: str, kind: int, child: int) -> bytes:
        raw = (name + "\0").encode("utf-16-le")
        links = b"\xff\xff\xff\xff" * 2 + child.to_bytes(4, "little", signed=True)
        rest = bytes(36) + b"\xfe\xff\xff\xff" + bytes(8)
        return raw.ljust(64, b"\0") + len(raw).to_bytes(2, "little") + bytes([kind, 1]) + links + rest

    return bytes(header) + table + entry("Root Entry", 5, 1) + entry(stream, 2, -1) + bytes(256)


@pytest.mark.parametrize(
    ("stream", "format_name"),
    [
        ("WordDocument", "doc"),
        ("Workbook", "xls"),
        ("PowerPoint Document", "ppt"),
        ("__properties_version1.0", "msg"),
        ("Other", "ole"),
    ],
)
def test_old_office_files_are_told_by_their_streams(tmp_path: Path, stream: str, format_name: str) -> None:
    assert kind(tmp_path, "nameless", ole(stream)).format == format_name


def test_an_encrypted_office_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(Encrypted):
        kind(tmp_path, "a.xlsx", ole("EncryptedPackage"))


def test_a_long_file_is_judged_by_its_head(tmp_path: Path) -> None:
    text = "ä" * 40_000  # the end of the head falls into a character
    assert kind(tmp_path, "a.txt", text).format == "text"
    assert kind(tmp_path, "a.txt", "x" + text).format == "text"
    assert kind(tmp_path, "a.json", json.dumps(list(range(50_000)))).format == "json"


def test_what_is_not_there_is_unreadable(tmp_path: Path) -> None:
    with pytest.raises(Unreadable):
        sniff(tmp_path / "none")


def test_every_parser_has_a_kind() -> None:
    from indexers.media import label_of

    unknown = label_of("no such format")
    assert [name for name in PARSERS if label_of(name) == unknown] == []
    kinds = {"image": PICTURES, "audio": SOUNDS, "video": FILMS}
    assert {kind: {name for name in PARSERS if media_of(name) == kind} for kind in kinds} == {
        kind: set(names) for kind, names in kinds.items()
    }
    assert {name for what, name in DECODERS if what == "sound"} == {*SOUNDS, *FILMS}
    assert {name for _, name in DECODERS} <= PARSERS.keys()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(
    st.sampled_from([b"", b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"\0\0\0\x18ftyp", b"\xff\xfb"]),
    st.binary(max_size=600),
    st.sampled_from(["a.pdf", "a.docx", "a.txt", "a.json", "a"]),
)
def test_any_bytes_get_an_answer(tmp_path: Path, start: bytes, rest: bytes, name: str) -> None:
    try:
        found = kind(tmp_path, name, start + rest)
    except FileError:
        return
    assert found.format
