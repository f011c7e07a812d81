"""Bytes → text with one kind of newline: the only place that guesses encodings.

A byte-order mark is believed first, then the pattern of zero bytes that UTF-16 and UTF-32 leave, then
UTF-8 (text that happens to be valid UTF-8 is UTF-8 but for a chance too small to matter), then what the
file or its envelope declares, and only then statistics (charset-normalizer). A declaration comes after
UTF-8 because it is wrong more often than valid UTF-8 is an accident.

Newlines become ``\\n`` for CR, LF and CRLF and for nothing else, so that ``text.split("\\n")`` counts lines
as editors do; ``str.splitlines`` would also split at form feeds and U+2028.
"""

from __future__ import annotations

import codecs
import unicodedata
from pathlib import Path

from indexers.errors import Broken, Unreadable

_SAMPLE_BYTES = 1 << 16
_GUESS_BYTES = 1 << 14  # charset-normalizer tries dozens of codecs: a little evidence is enough

# UTF-32 before UTF-16: the little-endian mark of one begins with that of the other.
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)

# What programs mean by these names (the Encoding Standard of the web says the same of most of them).
_MEANT = {
    "ascii": "cp1252",
    "us-ascii": "cp1252",
    "iso-8859-1": "cp1252",
    "latin-1": "cp1252",
    "latin1": "cp1252",
    "iso-8859-8-i": "iso-8859-8",
    "iso-8859-8-e": "iso-8859-8",
    "iso-8859-9": "cp1254",
    "iso-8859-11": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "shift-jis": "cp932",
    "x-sjis": "cp932",
    "euc-kr": "cp949",
    "ks_c_5601-1987": "cp949",
    "x-gbk": "gb18030",
    "x-mac-roman": "mac-roman",
    "unicode": "utf-16",
    "utf-8-sig": "utf-8",
}
# Seven-bit codecs look like ASCII, so that their declaration must come before UTF-8.
_SEVEN_BIT = ("iso-2022", "iso2022", "hz", "utf-7", "utf7")
# Codecs that are no character sets, or that cost more than linear time.
_REFUSED = ("idna", "punycode", "unicode_escape", "unicode-escape", "raw_unicode", "raw-unicode", "undefined")

# What is guessed: the code pages that programs have written by default. Given all of Python's codecs,
# charset-normalizer takes short Russian for Japanese and German for Icelandic; cp1252 wins a draw.
_GUESSED = [
    *("cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp1258", "cp874"),
    *("iso8859_2", "koi8_r", "koi8_u", "cp932", "euc_jp", "gb18030", "big5", "cp949"),
    *("mac_roman", "cp850", "cp437", "cp866"),
]

_CONTROLS = bytes(byte for byte in range(32) if byte not in b"\t\n\v\f\r\x1b\b")
_MAX_CONTROLS = 0.02  # of the characters; files of test strings stay below, binaries far above


def read_text(path: Path, declared: str | None = None) -> str:
    """The text of a file; see ``decode``.

    Raises:
        Broken: it is not text.
        Unreadable: the operating system refuses it.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise Unreadable(error.strerror or str(error)) from error
    return decode(data, declared)


def decode(data: bytes, declared: str | None = None) -> str:
    r"""Text of ``data`` with ``\n`` for every newline; zero bytes that stand in it become U+FFFD.

    Args:
        data: a whole file, or at least a whole part of one.
        declared: the encoding that the file or its envelope names, if any; unknown names are ignored.

    Raises:
        Broken: it is not text in any encoding known here.

    >>> decode("Straße\r\nnach Süden".encode("utf-16"))
    'Straße\nnach Süden'
    """
    text = _decode_marked(data)
    if text is None:
        text = _decode_unmarked(data, _meant(declared))
    if not is_texty(text):
        raise Broken("not text in any known encoding")
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\ufffd")


def is_texty(text: str) -> bool:
    """Whether ``text`` reads as text: control characters are rare in its first million characters."""
    sample = text[:1_000_000].encode("utf-8", "surrogatepass")
    controls = len(sample) - len(sample.translate(None, _CONTROLS))
    return controls <= _MAX_CONTROLS * len(sample)


def _meant(declared: str | None) -> str | None:
    if declared is None:
        return None
    name = declared.strip().strip("\"'").lower()
    if not name or name.startswith(_REFUSED):
        return None
    return _MEANT.get(name, name)


def _decode_marked(data: bytes) -> str | None:
    for mark, codec in _BOMS:
        if data.startswith(mark):
            body = data[len(mark) :]
            # A file cut off in the middle of a character is still that file.
            text = body.decode(codec, "replace")
            if text.count("\ufffd") <= 1 + _MAX_CONTROLS * len(text):
                return text
    return None


def _decode_unmarked(data: bytes, declared: str | None) -> str:
    wide = _wide_codec(data)
    if wide is not None:
        return data.decode(wide, "replace")
    if declared is not None and declared.startswith(_SEVEN_BIT):
        text = _try(data, declared)
        if text is not None:
            return text
    text = _try(data, "utf-8")
    if text is not None:
        return text
    if declared is not None and declared != "utf-8":
        text = _try(data, declared)
        if text is None and declared == "cp1252":
            text = data.decode("latin-1")  # cp1252 leaves five bytes undefined
        if text is not None:
            return text
    return _decode_damaged_utf8(data) or _decode_by_statistics(data)


def _try(data: bytes, codec: str) -> str | None:
    try:
        return data.decode(codec)
    except (LookupError, UnicodeError):
        return None


def _wide_codec(data: bytes) -> str | None:
    """UTF-16 or UTF-32 without a mark, told by which bytes of each character are zero."""
    sample = data[: min(len(data), _SAMPLE_BYTES) // 4 * 4] or data[: len(data) // 2 * 2]
    if not sample.count(0):
        return None
    zeros = [sample[offset::4].count(0) for offset in range(4)]
    quarter = max(1, len(sample) // 4)
    # UTF-32: the highest byte is always zero and the next nearly always; the lowest never is in text.
    if len(sample) >= 8 and zeros[3] >= quarter and zeros[2] >= 0.9 * quarter and not zeros[0]:
        return _if_texty(sample, "utf-32-le")
    if len(sample) >= 8 and zeros[0] >= quarter and zeros[1] >= 0.9 * quarter and not zeros[3]:
        return _if_texty(sample, "utf-32-be")
    even, odd = zeros[0] + zeros[2], zeros[1] + zeros[3]
    # Even in scripts without Latin letters, spaces, digits and newlines leave zeros, on one side only.
    if odd > 20 * even:
        return _if_texty(sample, "utf-16-le")
    if even > 20 * odd:
        return _if_texty(sample, "utf-16-be")
    return None


def _if_texty(sample: bytes, codec: str) -> str | None:
    """``codec`` if it makes text of ``sample``: binary data comes out as characters that nobody has assigned."""
    text = sample.decode(codec, "replace")
    start = text[:2000]
    strange = start.count("\ufffd") + sum(unicodedata.category(char) in ("Cn", "Co") for char in start)
    return codec if is_texty(text) and strange <= 1 + _MAX_CONTROLS * len(start) else None


def _decode_damaged_utf8(data: bytes) -> str | None:
    """UTF-8 in which a few characters are broken: far likelier than a single-byte text that looks so."""
    text = data.decode("utf-8", "replace")
    damaged = text.count("\ufffd")
    beyond_ascii = len(text) - damaged - len(text.encode("ascii", "ignore"))
    return text if beyond_ascii > 10 * damaged else None


def _decode_by_statistics(data: bytes) -> str:
    from charset_normalizer import from_bytes

    if b"\0" in data[:_SAMPLE_BYTES]:
        raise Broken("not text in any known encoding")
    matches = list(from_bytes(_evidence(data), cp_isolation=_GUESSED))
    if matches:
        best = max(matches, key=lambda match: (-match.chaos, match.coherence))
        drawn = [m for m in matches if (m.chaos, m.coherence) == (best.chaos, best.coherence)]
        codec = "cp1252" if any("cp1252" in m.could_be_from_charset for m in drawn) else best.encoding
        return data.decode(codec, "replace")
    return data.decode("cp1252", "replace")


def _evidence(data: bytes) -> bytes:
    """The lines that hold other than ASCII bytes: only they say anything about the encoding."""
    evidence = bytearray()
    for line in data.split(b"\n"):
        if not line.isascii():
            evidence += line[:1000] + b"\n"
            if len(evidence) >= _GUESS_BYTES:
                break
    return bytes(evidence)
