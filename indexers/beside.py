"""Which files speak of which: captions beside pictures, subtitles and transcripts beside recordings and films.

Names alone decide, by the habits of the programs that write such files: ``talk.mp4`` has ``talk.srt``, ``talk.en.vtt``
or ``talk.mp4.json``; ``photo.jpg`` has ``photo.txt`` or ``photo.jpg.xmp``; an export of Google Photos has
``photo.jpg.supplemental-metadata.json``, often cut short. Contents are not looked at. All that is pure; only ``fold``
asks the system, for sizes.
"""

from __future__ import annotations

import os
import re
import stat
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from typing import Literal

_PICTURES = frozenset(
    "png jpg jpeg jpe jfif webp gif bmp dib tif tiff heic heif avif jp2 ico".split(),
)
_RECORDINGS = frozenset(
    "mp3 wav flac ogg oga spx opus m4a m4b aac aif aiff aifc amr caf wma mka"
    " mp4 m4v 3gp 3g2 mov qt mkv webm avi ogv wmv asf flv mpg mpeg vob mts m2ts".split()
)
_Kind = Literal["picture", "recording"]
_MAX_BYTES: dict[tuple[_Kind, str], int] = {
    **dict.fromkeys((("picture", suffix) for suffix in ("txt", "md", "caption")), 20_000),
    **dict.fromkeys((("picture", suffix) for suffix in ("json", "xmp")), 5_000_000),
    **dict.fromkeys((("recording", suffix) for suffix in ("srt", "vtt", "lrc", "json", "txt")), 5_000_000),
}
"""What accompanies what, and how large it may be: a longer file is a document of its own."""
_SUFFIXES = frozenset(suffix for _, suffix in _MAX_BYTES)

_TIMED = ("srt", "vtt", "lrc")
_LANGUAGE = re.compile(r"\.(?:[a-z]{2,3}(?:[-_][a-z0-9]{2,8})*|forced|default|auto|orig)$", re.IGNORECASE)
_EXPORTED = ".supplemental-metadata"
_EXPORT_CHARS = 46
"""Google Photos cuts the names of its JSON files to this length, their suffix not counted."""
_COUNTED = re.compile(r"(.*?)(\.[^.]*)?(\.s[a-z-]*)?(\(\d+\))$")  # "a.jpg(1)" speaks of "a(1).jpg"


def companions(path: str, names: Collection[str]) -> list[str]:
    """The files that accompany the one at ``path``, in order; sizes are not looked at.

    Args:
        path: a picture, recording or film; anything else has no companions.
        names: the names of the files in its folder.

    >>> companions("/a/talk.mp4", ["talk.en.srt", "talk.mp4", "talk.txt", "walk.srt"])
    ['talk.en.srt', 'talk.txt']
    """
    own = os.path.basename(path)  # noqa: PTH119 - names that are no valid text stay as they are
    if _kind(own) is None:
        return []
    media = _Media([own])
    return sorted(name for name in names if name != own and media.of(name))


def spoken_of(path: str, names: Collection[str]) -> list[str]:
    """The inverse of ``companions``: the pictures and recordings in its folder that the file at ``path`` accompanies.

    >>> spoken_of("/a/talk.en.srt", ["talk.mp4", "walk.mp4"])
    ['talk.mp4']
    """
    media = _Media([name for name in names if _kind(name)])
    return sorted(media.of(os.path.basename(path)))  # noqa: PTH119 - as above


def fold(paths: Sequence[str]) -> tuple[list[str], dict[str, tuple[str, ...]]]:
    """Parts a walked list of files into documents and what accompanies them.

    A companion is folded away only if its medium is in the list and it is small enough; what several media share
    belongs to each of them.

    Returns:
        The paths that stay documents of their own, in order; and for each medium that has any, its companions' paths.
    """
    folders: dict[str, list[str]] = defaultdict(list)
    for path in paths:
        folder, name = os.path.split(path)
        folders[folder].append(name)
    found: dict[str, list[str]] = defaultdict(list)
    folded: set[str] = set()
    for folder, names in folders.items():
        media = _Media(name for name in names if _kind(name))
        for name in sorted(set(names)):
            path = os.path.join(folder, name)  # noqa: PTH118
            fitting = [medium for medium in media.of(name) if _is_small(path, medium)]
            for medium in fitting:
                found[os.path.join(folder, medium)].append(path)  # noqa: PTH118
            if fitting:
                folded.add(path)
    return [path for path in paths if path not in folded], {path: tuple(found[path]) for path in paths if path in found}


class _Media:
    """The media of one folder, under every name by which a companion may mean them."""

    def __init__(self, names: Iterator[str] | list[str]) -> None:
        self._named: dict[str, list[str]] = defaultdict(list)  # whole name, or name without suffix → media
        self._cut: dict[str, list[str]] = defaultdict(list)
        for name in names:
            self._named[_key(name)].append(name)
            self._named[_key(_parts(name)[0])].append(name)
            exported = name + _EXPORTED
            if len(exported) > _EXPORT_CHARS:
                self._cut[exported[:_EXPORT_CHARS]].append(name)

    def of(self, name: str) -> list[str]:
        """The media that the file called ``name`` accompanies."""
        stem, suffix = _parts(name)
        if suffix not in _SUFFIXES:
            return []
        found = dict.fromkeys(medium for meant in _meant(stem, suffix) for medium in self._named.get(_key(meant), ()))
        if suffix == "json":
            found |= dict.fromkeys(self._cut.get(stem, ()))
        return [medium for medium in found if medium != name and (_kind(medium), suffix) in _MAX_BYTES]


def _meant(stem: str, suffix: str) -> Iterator[str]:
    """Names, with or without suffix, of the media that a companion called ``stem`` may mean."""
    yield stem
    if suffix in _TIMED:
        for _ in range(2):  # "talk.en.forced.srt"
            shorter = _LANGUAGE.sub("", stem)
            if shorter == stem:
                return
            stem = shorter
            yield stem
    if suffix == "json":
        yield stem.removesuffix(".info")
        head, dot, tail = stem.rpartition(".")
        if dot and _EXPORTED.startswith(f".{tail}"):
            yield head
        counted = _COUNTED.fullmatch(stem) if stem.endswith(")") else None
        if counted:
            name, ending, _, number = counted.groups()
            yield f"{name}{number}{ending or ''}"


def _parts(name: str) -> tuple[str, str]:
    """Stem and suffix, the suffix in small letters and without its dot."""
    stem, suffix = os.path.splitext(name)  # noqa: PTH122
    return stem, suffix[1:].lower()


def _key(name: str) -> str:
    """The name with its suffix in small letters: "a.JPG.xmp" speaks of "a.jpg"."""
    stem, suffix = os.path.splitext(name)  # noqa: PTH122
    return stem + suffix.lower()


def _kind(name: str) -> _Kind | None:
    suffix = _parts(name)[1]
    if suffix in _PICTURES:
        return "picture"
    return "recording" if suffix in _RECORDINGS else None


def _is_small(path: str, medium: str) -> bool:
    kind = _kind(medium)
    try:
        info = os.stat(path)  # noqa: PTH116 - once for each companion of a large tree
    except OSError:
        return False
    if not stat.S_ISREG(info.st_mode):
        return False
    return kind is not None and info.st_size <= _MAX_BYTES[kind, _parts(path)[1]]
