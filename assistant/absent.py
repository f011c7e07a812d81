"""Why the library does not hold a file: there is none, it would be left out or refused, or nobody has added it.

The file is looked at only as far as that takes: its name, its size, its first bytes. It is not read.
"""

from __future__ import annotations

import os
import shlex
import stat
from collections.abc import Callable
from pathlib import Path

from indexers.beside import fold
from indexers.errors import FileError
from indexers.media import sniff
from indexers.reading import why_not

Refusal = Callable[[Path, int], FileError | None]


def why_absent(path: str, library: Path, refusal: Refusal, is_left_out: Callable[[str], bool]) -> str:
    """Why the library does not hold what is at ``path``, as one clause that begins with the path.

    Args:
        path: absolute; "mail.eml!/report.pdf" is a document inside a file.
        library: the library's folder, which is never part of it.
        refusal: says why a file of a size is not read, as ``FileReader.refusal``.
        is_left_out: says whether a file is passed over where its folder is read.
    """
    holder = _holder(path)
    if holder is not None:
        return f"{path} is not in the library: {holder} holds no such document, or was not added"
    # os.path and not pathlib: what the system refuses to tell is not there for us.
    if not os.path.lexists(path):
        return f"{path} is not in the library, and there is no such file"
    if os.path.isdir(path):  # noqa: PTH112
        return f"the library holds nothing below {path}; read it with: locus add {shlex.quote(path)}"
    obstacle = _obstacle(path, library, refusal)
    if obstacle:
        return f"{path} is not in the library: {obstacle}"
    left_out = ": it is passed over where its folder is read, but not when it is named" if is_left_out(path) else ""
    return f"{path} is not in the library{left_out}; read it with: locus add {shlex.quote(path)}"


def _holder(path: str) -> str | None:
    """The file that ``path`` would be a document inside of; None if it is a path of its own."""
    holder, mark, _ = path.partition("!/")
    return holder if mark and not os.path.lexists(path) and os.path.isfile(holder) else None  # noqa: PTH113


def _obstacle(path: str, library: Path, refusal: Refusal) -> str:
    """What keeps a file that exists out of the library; "" if nothing does."""
    if any(_same(folder, library) for folder in Path(path).parents):
        return "it belongs to the library itself"
    try:
        info = os.stat(path)  # noqa: PTH116
        if not stat.S_ISREG(info.st_mode):
            return "it is no regular file"
        refused = refusal(Path(path), info.st_size)
        refused = refused or why_not(sniff(Path(path)).format)
    except FileNotFoundError:
        return "the link leads nowhere"
    except OSError as error:
        return f"the system refuses to read it ({(error.strerror or str(error)).lower()})"
    except FileError as error:
        refused = error
    if refused is not None:
        return f"it would be {refused.status.value} ({refused})"
    media = _speaks_of(path)
    return f"it is read together with {os.path.basename(media)}, which it speaks of" if media else ""  # noqa: PTH119


def _speaks_of(path: str) -> str | None:
    """The picture or recording that a file is read together with."""
    folder = os.path.dirname(path)  # noqa: PTH120
    try:
        names = os.listdir(folder)  # noqa: PTH208
    except OSError:
        return None
    _, found = fold([os.path.join(folder, name) for name in names])  # noqa: PTH118
    return next((medium for medium, companions in sorted(found.items()) if path in companions), None)


def _same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False
