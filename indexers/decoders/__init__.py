"""Decoders make pixels and samples of files, for models to look at and listen to; this is their registry.

A decoder is a function ``(Source, start) -> Decoded`` (see ``indexers.protocols.Decoder``) and runs in the sandbox as
a parser does. It gives a file in portions that fit in memory, so that an hour of sound or a book of scans is read
piece by piece. As in ``indexers.parsers``, the registry imports nothing until it is asked.
"""

from __future__ import annotations

from importlib import import_module
from typing import cast

from indexers.protocols import Decoder
from indexers.types import Unread

PICTURES = ("png", "jpeg", "webp", "gif", "bmp", "tiff", "heic", "avif", "jp2", "ico")
SOUNDS = ("mp3", "wav", "flac", "ogg", "opus", "m4a", "aac", "aiff", "amr", "caf", "wma", "mka")
FILMS = ("mp4", "mov", "mkv", "webm", "avi", "ogv", "wmv", "flv", "mpeg", "mpegts")

DECODERS: dict[tuple[Unread, str], str] = {
    **{("pictures", name): "indexers.decoders.picture:decode_picture" for name in PICTURES},
    ("pictures", "pdf"): "indexers.decoders.pdf_pictures:decode_pdf",
    ("pictures", "docx"): "indexers.decoders.office_pictures:decode_docx",
    ("pictures", "pptx"): "indexers.decoders.office_pictures:decode_pptx",
    **{("sound", name): "indexers.decoders.sound:decode_sound" for name in (*SOUNDS, *FILMS)},
    **{("frames", name): "indexers.decoders.film:decode_frames" for name in FILMS},
}
"""What is to be made of a file, and its format (as ``indexers.media`` gives it) → where its decoder is."""


def decoder_for(what: Unread, format_name: str) -> Decoder | None:
    """The decoder of a format, imported now; None if there is none."""
    target = DECODERS.get((what, format_name))
    if target is None:
        return None
    module, _, function = target.partition(":")
    return cast(Decoder, getattr(import_module(module), function))
