"""Which kind of file this is. The content is believed, not the suffix.

A signature at the start (``indexers.signatures``) decides first. What has none is either text or unknown.
Kinds of text have no signatures, so that among them the suffix decides, as long as the content does not
speak against it: a ``.json`` that does not begin like JSON is plain text, a ``.pdf`` that begins with
``<html>`` is a web page. Only the head of a file is read; whether the rest is as good is its parser's to say.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path, PurePath

from indexers.errors import Broken, Empty, Unreadable
from indexers.parsers.encoding import decode
from indexers.places import open_regular
from indexers.signatures import HEAD_BYTES, binary_format
from indexers.types import Media


@dataclass(frozen=True, slots=True)
class FileType:
    """What a file is.

    ``format`` is a key of ``indexers.parsers.PARSERS``, the name of a kind of picture or recording ("png",
    "mp3", "mp4"), of a kind that is known but not read ("doc", "zip"), or "unknown". ``mismatch`` is empty
    or a clause that says what the name promised ("named .pdf, but is a PNG image").
    """

    format: str
    media: Media
    mismatch: str = ""


@dataclass(frozen=True, slots=True)
class _Kind:
    label: str
    suffixes: str = ""
    media: Media = "text"


_KINDS: dict[str, _Kind] = {
    "text": _Kind("plain text", "txt text log"),
    "markdown": _Kind("Markdown text", "md markdown mdown mkd mdx rst org adoc asciidoc"),
    "code": _Kind(
        "source code",
        "py pyi pyx js mjs cjs jsx ts tsx java kt kts scala groovy c h cc cpp cxx hpp hh hxx cs go rs rb php"
        " pl pm swift m mm lua r jl hs ml mli ex exs erl clj cljs lisp el scm dart zig nim v sv vhd f f90 pas"
        " sql sh bash zsh fish ps1 bat cmd awk css scss sass less vue svelte cmake gradle mk proto thrift"
        " graphql tf sol",
    ),
    "json": _Kind("JSON data", "json geojson webmanifest har jsonld"),
    "jsonl": _Kind("JSON lines", "jsonl ndjson jsonlines"),
    "yaml": _Kind("YAML data", "yaml yml"),
    "xml": _Kind("an XML document", "xml svg xsd xsl xslt rss atom kml gpx opml wsdl plist tei"),
    "notebook": _Kind("a notebook", "ipynb"),
    "csv": _Kind("a table of values", "csv"),
    "tsv": _Kind("a table of values", "tsv tab"),
    "html": _Kind("a web page", "html htm xhtml xht shtml"),
    "eml": _Kind("an e-mail message", "eml mht mhtml"),
    "rtf": _Kind("an RTF document", "rtf"),
    "pdf": _Kind("a PDF document", "pdf"),
    "docx": _Kind("a Word document (docx)", "docx docm dotx dotm"),
    "pptx": _Kind("a PowerPoint presentation (pptx)", "pptx pptm ppsx ppsm potx potm"),
    "xlsx": _Kind("an Excel workbook (xlsx)", "xlsx xlsm xlsb xltx xltm"),
    "xls": _Kind("an old Excel workbook", "xls xlt"),
    "odt": _Kind("an OpenDocument text", "odt ott"),
    "ods": _Kind("an OpenDocument spreadsheet", "ods ots"),
    "epub": _Kind("an e-book", "epub"),
    "msg": _Kind("an Outlook message", "msg"),
    "doc": _Kind("an old Word document", "doc dot"),
    "ppt": _Kind("an old PowerPoint presentation", "ppt pps pot"),
    "odp": _Kind("an OpenDocument presentation", "odp otp"),
    "odg": _Kind("an OpenDocument drawing", "odg"),
    "iwork": _Kind("an iWork document", "pages numbers key"),
    "ole": _Kind("an OLE container"),
    "postscript": _Kind("a PostScript document", "ps eps"),
    "sqlite": _Kind("an SQLite database", "sqlite sqlite3"),
    "zip": _Kind("a zip archive", "zip"),
    "gzip": _Kind("a gzip archive", "gz tgz"),
    "bzip2": _Kind("a bzip2 archive", "bz2"),
    "xz": _Kind("an xz archive", "xz"),
    "zstd": _Kind("a Zstandard archive", "zst"),
    "7z": _Kind("a 7z archive", "7z"),
    "rar": _Kind("a RAR archive", "rar"),
    "tar": _Kind("a tar archive", "tar"),
    "png": _Kind("a PNG image", "png", "image"),
    "jpeg": _Kind("a JPEG image", "jpg jpeg jpe jfif", "image"),
    "webp": _Kind("a WebP image", "webp", "image"),
    "gif": _Kind("a GIF image", "gif", "image"),
    "bmp": _Kind("a BMP image", "bmp dib", "image"),
    "tiff": _Kind("a TIFF image", "tif tiff", "image"),
    "heic": _Kind("a HEIC image", "heic heif", "image"),
    "avif": _Kind("an AVIF image", "avif", "image"),
    "jp2": _Kind("a JPEG 2000 image", "jp2", "image"),
    "jxl": _Kind("a JPEG XL image", "jxl", "image"),
    "psd": _Kind("a Photoshop image", "psd", "image"),
    "ico": _Kind("an icon", "ico", "image"),
    "mp3": _Kind("an MP3 recording", "mp3", "audio"),
    "wav": _Kind("a WAV recording", "wav", "audio"),
    "flac": _Kind("a FLAC recording", "flac", "audio"),
    "ogg": _Kind("an Ogg recording", "ogg oga spx", "audio"),
    "opus": _Kind("an Opus recording", "opus", "audio"),
    "m4a": _Kind("an MPEG-4 recording", "m4a m4b", "audio"),
    "aac": _Kind("an AAC recording", "aac", "audio"),
    "aiff": _Kind("an AIFF recording", "aif aiff aifc", "audio"),
    "amr": _Kind("an AMR recording", "amr", "audio"),
    "caf": _Kind("a CAF recording", "caf", "audio"),
    "wma": _Kind("a Windows Media recording", "wma", "audio"),
    "mka": _Kind("a Matroska recording", "mka", "audio"),
    "mp4": _Kind("an MPEG-4 video", "mp4 m4v 3gp 3g2", "video"),
    "mov": _Kind("a QuickTime video", "mov qt", "video"),
    "mkv": _Kind("a Matroska video", "mkv", "video"),
    "webm": _Kind("a WebM video", "webm", "video"),
    "avi": _Kind("an AVI video", "avi", "video"),
    "ogv": _Kind("an Ogg video", "ogv", "video"),
    "wmv": _Kind("a Windows Media video", "wmv asf", "video"),
    "flv": _Kind("a Flash video", "flv", "video"),
    "mpeg": _Kind("an MPEG video", "mpg mpeg vob", "video"),
    "mpegts": _Kind("an MPEG transport stream", "mts m2ts", "video"),
    "unknown": _Kind("of a kind not known here"),
}
_BY_SUFFIX = {suffix: name for name, kind in _KINDS.items() for suffix in kind.suffixes.split()}

# One container, many names: inside a group the suffix says what the signature can not.
_SIBLINGS = (
    {"mp4", "m4a", "mov"},
    {"mkv", "mka", "webm"},
    {"ogg", "opus", "ogv"},
    {"wmv", "wma"},
    {"heic", "avif"},
    {"json", "jsonl"},
)
_AUDIO_BY_SUFFIX = {"m4a", "mka", "wma"}
_ZIPPED = {"docx", "pptx", "xlsx", "odt", "ods", "odp", "odg", "epub", "iwork"}
_OLE = {"doc", "xls", "ppt", "msg"}
_PLAIN = {"text", "markdown", "code", "yaml", "csv", "tsv"}  # nothing in any text speaks against these

_CODE_NAMES = re.compile(r"(?i)((gnu)?make|docker|container|jenkins|vagrant|rake|gem)file")
_HTML = re.compile(r"(?is)\s*(?:<\?xml[^>]*>\s*)?(?><!--.*?-->\s*)*+(<!doctype\s+html|<html[\s>])")
_XML = re.compile(r"\s*<(\?xml\s|[A-Za-z_][\w:.-]*[\s/>]|!--|!DOCTYPE\s)")
_JSON = re.compile(r'\s*([\[{"]|-?\d|true|false|null)')
_MAIL_HEADER = re.compile(r"(?i)(from|to|subject|date|mime-version|received|message-id|return-path|cc): ?\S")
_HEADER_LINE = re.compile(r"[!-9;-~]+:|[ \t]|From ")


def sniff(path: Path, name: str | None = None) -> FileType:
    """The kind of a file, from its head and, for office documents, the directory of its container.

    Args:
        path: a regular file.
        name: the name that it is known by, if it is not that of ``path``.

    Raises:
        Empty: it holds nothing, or only white space.
        Encrypted: an office document that asks for a password.
        Unreadable: the operating system refuses it.
        Unsupported: it is a folder, a device, a pipe or a socket.
    """
    name = name or path.name
    suffix = PurePath(name).suffix.lower().lstrip(".")
    promised = _BY_SUFFIX.get(suffix, "")
    try:
        with open_regular(path) as file:
            head = file.read(HEAD_BYTES)
        found = binary_format(head, path) if head else None
    except OSError as error:
        raise Unreadable(error.strerror or str(error)) from error
    if found is not None:
        found = _within_container(found, promised)
    elif promised == "pdf" and b"%PDF-" in head[:1024]:
        found = "pdf"
    else:
        found = _text_format(head, name, promised)
    return FileType(found, media_of(found), _mismatch(found, promised, suffix))


def media_of(format_name: str) -> Media:
    """The modality of a format; "text" for what is not known.

    >>> media_of("png"), media_of("mp3"), media_of("docx")
    ('image', 'audio', 'text')
    """
    kind = _KINDS.get(format_name)
    return kind.media if kind else "text"


def label_of(format_name: str) -> str:
    """A format in words, with its article.

    >>> label_of("doc")
    'an old Word document'
    """
    return _KINDS[format_name if format_name in _KINDS else "unknown"].label


def _within_container(found: str, promised: str) -> str:
    """The suffix's word, where the signature only tells the container."""
    # A damaged directory says nothing: the parser of the promised format will name the damage.
    if (found == "zip" and promised in _ZIPPED) or (found == "ole" and promised in _OLE):
        return promised
    if promised in _AUDIO_BY_SUFFIX and any({found, promised} <= group for group in _SIBLINGS):
        return promised
    return found


def _mismatch(found: str, promised: str, suffix: str) -> str:
    if not promised or promised == found or any({found, promised} <= group for group in _SIBLINGS):
        return ""
    if promised == "text" and media_of(found) == "text" and found in _PLAIN | {"json", "jsonl", "xml"}:
        return ""
    return f"named .{suffix}, but is {label_of(found)}"


def _text_format(head: bytes, name: str, promised: str) -> str:
    try:
        text = decode(_whole_characters(head))
    except Broken:
        return "unknown"
    if not text.strip():
        if len(head) < HEAD_BYTES:
            raise Empty("the file is empty")
        return promised if promised in _PLAIN else "text"
    if promised in ("xml", "html") and _XML.match(text):
        return "html" if _HTML.match(text) else promised
    if promised in ("json", "jsonl", "notebook"):
        return _json_format(text, promised)
    if promised in _PLAIN - {"text"} or promised in ("html", "eml"):
        return promised
    return _guess(text, name, promised, whole=len(head) < HEAD_BYTES)


def _whole_characters(head: bytes) -> bytes:
    """``head`` without the UTF-8 character that its end may have cut."""
    if len(head) < HEAD_BYTES:
        return head
    at = len(head)
    while at > len(head) - 4 and head[at - 1] & 0xC0 == 0x80:
        at -= 1
    return head[: at - 1] if head[at - 1] & 0xC0 == 0xC0 else head


def _json_format(text: str, promised: str) -> str:
    if not _JSON.match(text):
        return "text"
    if promised == "notebook":
        return "notebook" if text.lstrip().startswith("{") else "json"
    # Lines of JSON are often named .json: two lines that are each a whole value tell them.
    lines = [line for line in text.split("\n", 3)[:3] if line.strip()]
    if promised == "json" and len(lines) > 1 and all(line[:1] in "[{" and _is_json(line) for line in lines[:2]):
        return "jsonl"
    return promised


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _guess(text: str, name: str, promised: str, *, whole: bool) -> str:
    """The kind of a text whose suffix says nothing, or promised something that it is not."""
    if _HTML.match(text):
        return "html"
    if _is_mail(text):
        return "eml"
    if promised == "text":
        return "text"
    if promised in ("xls", "xlsx", "ods") and "\t" in text.split("\n", 1)[0]:
        return "tsv"  # what many programs export as "Excel"
    if text.startswith("<?xml"):
        return "xml"
    if text.lstrip()[:1] in ("{", "[") and whole and _is_json(text):
        return "json"
    if text.startswith("#!/") or _CODE_NAMES.fullmatch(name):
        return "code"
    return "text"


def _is_mail(text: str) -> bool:
    """Whether ``text`` begins with the headers of a message: at least three known ones, and nothing else."""
    known = set()
    for line in text.split("\n")[:200]:
        if not line:
            break
        if not _HEADER_LINE.match(line):
            return False
        header = _MAIL_HEADER.match(line)
        if header:
            known.add(header[1].lower())
    return len(known) >= 3
