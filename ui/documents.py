"""Files of the library for the browser, by document id: the file itself, pictures of it, captions. Nothing else.

Only documents that the library holds can be asked for, and only as long as their file is what was read. What is sent
can do nothing in the browser: its kind is taken from a fixed table by what the file was found to be, never from its
name; whatever could hold a script is sent as plain text or to be saved.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import wraps
from io import BufferedReader
from typing import ParamSpec
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse, Response, StreamingResponse

from assistant.api import Assistant
from assistant.sources import NotAsRead, NotHeld, Original
from indexers.errors import FileError
from ui import transcript

_Given = ParamSpec("_Given")

PLAIN = "text/plain; charset=utf-8"
SAVED = "application/octet-stream"
TYPES = {
    **dict.fromkeys(("text", "markdown", "code", "json", "jsonl", "yaml", "xml", "html", "csv", "tsv", "eml"), PLAIN),
    "notebook": PLAIN,
    "pdf": "application/pdf",
    **{name: f"image/{name}" for name in ("png", "jpeg", "webp", "gif", "bmp", "avif")},
    "ico": "image/x-icon",
    "mp3": "audio/mpeg",
    "wav": "audio/wav",
    "flac": "audio/flac",
    "ogg": "audio/ogg",
    "opus": "audio/ogg",
    "m4a": "audio/mp4",
    "aac": "audio/aac",
    "mp4": "video/mp4",
    "mov": "video/quicktime",
    "webm": "video/webm",
    "mkv": "video/x-matroska",
    "ogv": "video/ogg",
}
"""Format → how a browser is told to show it. What is not in it is saved."""

_PORTION = 1 << 18
_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")
_INERT = {
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "private, no-store",
}
_SHUT = "default-src 'none'; sandbox"
_PLAYED = "default-src 'none'; media-src 'self'; style-src 'unsafe-inline'"
"""For a recording in a tab of its own: the browser's player loads it from here, and has styles in itself."""


def routes(locus: Assistant) -> APIRouter:
    """The routes; to be included below ``/documents``."""
    router = APIRouter()

    def serve(path: str, answer: Callable[..., Response]) -> None:
        router.add_api_route(path, _told(answer), methods=["GET", "HEAD"], include_in_schema=False, response_model=None)

    def original(id: str, request: Request) -> Response:
        return _original(locus.original(_number(id)), _number(id), request)

    def page(id: str, number: str, request: Request) -> Response:
        return _picture(locus.preview(_number(id), page=_number(number), width=_width(request, 1000)))

    def thumbnail(id: str, request: Request) -> Response:
        second = _second(request.query_params.get("second", ""))
        return _picture(locus.preview(_number(id), second=second, width=_width(request, 240)))

    def captions(id: str) -> Response:
        told = transcript.captions(transcript.lines(locus.source(_number(id)).passages))
        return Response(
            told, media_type="text/vtt; charset=utf-8", headers={**_INERT, "Content-Security-Policy": _SHUT}
        )

    serve("/{id}/original", original)
    serve("/{id}/page/{number}", page)
    serve("/{id}/thumbnail", thumbnail)
    serve("/{id}/captions.vtt", captions)
    return router


def byte_range(header: str, size: int) -> tuple[int, int] | None:
    """First and last byte that a ``Range`` header asks for; None if it is to be ignored: no single range of bytes.

    Raises:
        ValueError: there is nothing at that place.

    >>> byte_range("bytes=0-", 10), byte_range("bytes=-3", 10), byte_range("bytes=4-99", 10), byte_range("", 10)
    ((0, 9), (7, 9), (4, 9), None)
    """
    asked = _RANGE.fullmatch(header.strip())
    if asked is None or asked[1] == asked[2] == "":
        return None
    if asked[1] == "":
        first, last = max(0, size - int(asked[2])), size - 1
    else:
        first, last = int(asked[1]), int(asked[2]) if asked[2] else size - 1
        if last < first and asked[2]:
            return None  # no range at all, says RFC 9110
    if first >= size:
        raise ValueError("nothing there")
    return first, min(last, size - 1)


def disposition(name: str, *, save: bool) -> str:
    """The ``Content-Disposition`` of a file: its name in ASCII for old programs, and whole.

    >>> disposition('Wühl "1".txt', save=False)
    'inline; filename="W_hl _1_.txt"; filename*=UTF-8\\'\\'W%C3%BChl%20%221%22.txt'
    """
    plain = "".join(c if c.isascii() and c.isprintable() and c not in '"\\%;' else "_" for c in name)
    whole = quote(name.encode("utf-8", "replace"), safe="")
    return f"{'attachment' if save else 'inline'}; filename=\"{plain}\"; filename*=UTF-8''{whole}"


def _told(answer: Callable[_Given, Response]) -> Callable[_Given, Response]:
    """Errors as one plain line."""

    @wraps(answer)
    def told(*args: _Given.args, **kwargs: _Given.kwargs) -> Response:
        try:
            return answer(*args, **kwargs)
        except (NotHeld, FileError) as error:
            return _refused(404, str(error))
        except NotAsRead as error:
            return _refused(409, str(error))

    return told


def _refused(code: int, reason: str, **headers: str) -> Response:
    told = {**_INERT, "Content-Security-Policy": _SHUT, **headers}
    return PlainTextResponse(" ".join(reason.split()) + "\n", code, headers=told)


def _picture(data: bytes) -> Response:
    return Response(data, media_type="image/jpeg", headers={**_INERT, "Content-Security-Policy": _SHUT})


def _original(original: Original, id: int, request: Request) -> Response:
    kind = TYPES.get(original.format, SAVED)
    mark = f'"{id}-{original.mark}"'
    headers = {
        **_INERT,
        "Accept-Ranges": "bytes",
        "ETag": mark,
        "Content-Disposition": disposition(original.path.name, save=kind == SAVED),
        "Content-Security-Policy": _PLAYED if kind.startswith(("audio/", "video/")) else _SHUT,
    }
    size, code, part = original.size, 200, None
    if request.headers.get("if-range", mark) == mark:
        try:
            part = byte_range(request.headers.get("range", ""), size)
        except ValueError:
            return _refused(416, f"the file has {size} bytes", **{"Content-Range": f"bytes */{size}"})
    first, last = part or (0, size - 1)
    if part is not None:
        code = 206
        headers["Content-Range"] = f"bytes {first}-{last}/{size}"
    headers["Content-Length"] = str(last - first + 1)
    file = original.open()
    if request.method == "HEAD":
        file.close()
        return Response(None, code, headers, kind)
    return StreamingResponse(_portions(file, first, last), code, headers, kind)


def _portions(file: BufferedReader, first: int, last: int) -> Iterator[bytes]:
    """Bytes ``first`` to ``last`` of a file, which is closed then; fewer if it was cut short meanwhile."""
    with file:
        file.seek(first)
        left = last - first + 1
        while left > 0 and (portion := file.read(min(left, _PORTION))):
            left -= len(portion)
            yield portion


def _number(text: str) -> int:
    """An id or a page number out of an address; NotHeld for what is none."""
    if not (text.isascii() and text.isdecimal() and len(text) <= 18):
        raise NotHeld("there is nothing at this address")
    return int(text)


def _width(request: Request, usual: int) -> int:
    text = request.query_params.get("width", "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 6 else usual


def _second(text: str) -> float | None:
    return float(text) if re.fullmatch(r"\d{1,7}(\.\d{1,6})?", text, re.ASCII) else None
