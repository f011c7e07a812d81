"""The files of a tantivy index: which they are, and whether they are whole."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Iterable
from pathlib import Path

_FOOTER_MAGIC = 1337
_OWN_FILE = re.compile(r"[0-9a-f]{32}\.[\w.]+|meta\.json|\.managed\.json|\.tantivy-[a-z]+\.lock")


def index_files(folder: Path) -> Iterable[Path]:
    """The files of an index, and no other."""
    return [path for path in folder.iterdir() if _OWN_FILE.fullmatch(path.name) and path.is_file()]


def is_damaged(folder: Path) -> bool:
    """Whether a file does not fit the checksum in its footer, which tantivy writes but does not check.

    Each data file ends with JSON that holds the CRC-32 of what is before it, the JSON's length and a magic
    number (4 bytes each, little-endian). What has no such footer is left to tantivy, which refuses it.
    """
    for path in index_files(folder):
        try:
            data = memoryview(path.read_bytes())
        except FileNotFoundError:  # a writer merged it away
            continue
        if len(data) < 8 or int.from_bytes(data[-4:], "little") != _FOOTER_MAGIC:
            continue
        body = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
        try:
            expected = json.loads(bytes(data[max(body, 0) : -8]))["crc"]
        except (ValueError, KeyError, TypeError):
            return True
        if zlib.crc32(data[:body]) != expected:
            return True
    return False
