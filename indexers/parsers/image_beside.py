"""Files beside a picture that speak of it: plain captions, JSON as photo services and data sets write it, XMP.

Which files these are is decided elsewhere (``indexers.beside``). What can not be read becomes a note, never an error:
the picture itself is still there.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from indexers.errors import FileError
from indexers.parsers.encoding import decode
from indexers.parsers.image_words import MAX_CHARS, TAKEN, Written
from indexers.parsers.image_xmp import read_xmp

_MAX_BYTES = 5 << 20
_MAX_VALUES = 1000

_CAPTION_KEYS = ("caption", "captions", "description", "alt", "alt_text", "text", "comment", "comments", "notes")
_FIELDS = {
    **dict.fromkeys(("title", "headline"), "titles"),
    **dict.fromkeys(_CAPTION_KEYS, "captions"),
    **dict.fromkeys(("people", "persons", "person", "peopletags"), "people"),
    **dict.fromkeys(("author", "authors", "creator", "photographer", "artist", "credit"), "authors"),
    **dict.fromkeys(("copyright", "rights"), "rights"),
}
_KEYWORD_KEYS = ("keywords", "keyword", "tags", "labels")
_PLACE_KEYS = ("sublocation", "city", "state", "country")
_DATE_KEYS = ("phototakentime", "date", "datetime", "taken", "date_taken", "timestamp", "created", "created_at")
_POSITION_KEYS = ("geodata", "geodataexif", "gps", "geo", "coordinates", "location", "place")
_NAME_KEYS = ("name", "text", "title", "tag", "label", "formatted")


def read_beside(path: Path, written: Written) -> tuple[str, ...]:
    """Adds what the file at ``path`` says to ``written``; notes of what could not be read."""
    suffix = path.suffix.lower()
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
    except OSError as error:
        return (f"{path.name} beside it can not be read ({error.strerror or error})",)
    if len(data) > _MAX_BYTES:
        return (f"{path.name} beside it is too large for a caption",)
    if suffix == ".xmp":
        return () if read_xmp(data, written) else (f"{path.name} beside it is damaged",)
    try:
        text = decode(data)
    except FileError as error:
        return (f"{path.name} beside it: {error}",)
    if suffix == ".json":
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            return (*_add_text(path, text, written), f"{path.name} beside it is no valid JSON: read as plain text")
        if _read_json(value, written):
            return ()
    return _add_text(path, text, written)


def _add_text(path: Path, text: str, written: Written) -> tuple[str, ...]:
    written.texts.append(text[:MAX_CHARS].strip())
    if len(text) <= MAX_CHARS:
        return ()
    return (f"only the first {MAX_CHARS:,} characters of {path.name} beside it were read",)


def _read_json(value: Any, written: Written) -> bool:
    """Adds what the known keys say; False if there are none, so that it is not about a picture as far as we know."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if not isinstance(value, dict):
        return False
    fields = {key.lower().replace(" ", "_"): inner for key, inner in value.items()}
    found = False
    for key, inner in fields.items():
        if key in _FIELDS:
            texts = list(_texts(inner))
            getattr(written, _FIELDS[key]).extend(texts)
            found = found or bool(texts)
        elif key in _KEYWORD_KEYS:
            for text in _texts(inner):
                written.add_keywords(text)
                found = True
    for key in _DATE_KEYS:
        if key in fields:
            written.add_date(TAKEN, _date(fields[key]))
    for key in _POSITION_KEYS:
        inner = fields.get(key)
        _add_position(inner, written)
        if key in ("location", "place"):
            for text in _texts(inner):
                written.add_place(text)
    _add_position(fields, written)
    written.add_place(*(next(_texts(fields.get(key)), "") for key in _PLACE_KEYS))
    return found or "phototakentime" in fields


def _texts(value: Any, depth: int = 3) -> Iterator[str]:
    """Texts of a value: itself, those in a list, the name of an object."""
    if isinstance(value, str):
        yield value
    elif depth and isinstance(value, list):
        for inner in value[:_MAX_VALUES]:
            yield from _texts(inner, depth - 1)
    elif depth and isinstance(value, dict):
        for key in _NAME_KEYS:
            if isinstance(value.get(key), str):
                yield value[key]
                return


def _date(value: Any) -> str:
    """A date of any kind as text: seconds or milliseconds since 1970 (as number or digits), or as it stands."""
    if isinstance(value, dict):
        value = value.get("timestamp", value.get("formatted"))
    if isinstance(value, str) and len(value) in (10, 13) and value.isdigit():
        value = int(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            return datetime.fromtimestamp(value / 1000 if value > 10**11 else value, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        except (OverflowError, OSError, ValueError):
            return ""
    return value if isinstance(value, str) else ""


def _add_position(value: Any, written: Written) -> None:
    """Adds the degrees of a place."""
    if not isinstance(value, dict):
        return
    latitude = _number(value, ("latitude", "lat"))
    longitude = _number(value, ("longitude", "lng", "lon"))
    if latitude is not None and longitude is not None:
        written.add_coordinates(latitude, longitude)


def _number(value: dict[str, Any], keys: Iterable[str]) -> float | None:
    for key in keys:
        if isinstance(value.get(key), int | float):
            return float(value[key])
    return None
