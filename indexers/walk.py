"""Which files a set of paths means: folders are walked, hidden things and version control left out."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from indexers.errors import UsageError

_SKIPPED_FOLDERS = frozenset({"__pycache__", "node_modules", "CVS", "__MACOSX", "$RECYCLE.BIN", "lost+found"})
_SKIPPED_FILES = frozenset({"Thumbs.db", "desktop.ini", "Icon\r"})


@dataclass(frozen=True, slots=True)
class Walked:
    """What was found: ``files`` in order, and the folders that the system ``refused`` to list, each with the reason."""

    files: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)


def absolute(path: Path | str) -> str:
    """The path as the catalog knows it: absolute, ``~`` expanded, without ``..``; links are not followed."""
    return os.path.abspath(Path(path).expanduser())  # noqa: PTH100 - Path.absolute keeps "..", resolve follows links


def walk(paths: Iterable[Path | str], leave_out: Path | None = None) -> Walked:
    """Absolute paths of the files that ``paths`` name, sorted within each folder, without repetition.

    A file that is named itself is taken even if it is hidden. Links to files are followed, links to folders are not
    (they may form loops). A link that leads nowhere is given, so that it can be reported; what is neither file nor
    folder is given only if it is named.

    Args:
        paths: files and folders.
        leave_out: a folder that is never entered (the library's own).

    Raises:
        UsageError: a path does not exist.
    """
    roots = [absolute(path) for path in paths]
    for root in roots:
        if not os.path.lexists(root):
            raise UsageError(f"there is no file or folder {os.fsencode(root).decode('utf-8', 'backslashreplace')}")
    own = None if leave_out is None else _identity(os.fspath(leave_out))
    found: dict[str, None] = {}
    refused: dict[str, str] = {}
    for root in roots:
        if os.path.isdir(root):  # noqa: PTH112 - Path.is_dir may raise
            _add_folder(root, own, found, refused)
        elif own is None or all(_identity(os.fspath(folder)) != own for folder in Path(root).parents):
            found[root] = None
    return Walked(list(found), refused)


def is_left_out(path: str) -> bool:
    """Whether a walk over a folder high above does not find the file at ``path``, which is taken if it is named itself.

    >>> is_left_out("/a/notes/todo.md"), is_left_out("/a/.git/config")
    (False, True)
    """
    *folders, name = Path(path).parts
    skipped = _is_skipped(name, _SKIPPED_FILES) or name.startswith("~$")
    return skipped or any(_is_skipped(folder, _SKIPPED_FOLDERS) for folder in folders)


def _add_folder(root: str, own: tuple[int, int] | None, found: dict[str, None], refused: dict[str, str]) -> None:
    def refuse(error: OSError) -> None:
        refused[error.filename or root] = f"the system refuses to list it ({(error.strerror or 'error').lower()})"

    if own is not None and any(_identity(os.fspath(folder)) == own for folder in Path(root).parents):
        return
    for folder, names, files in os.walk(root, onerror=refuse):
        if own is not None and _identity(folder) == own:
            names.clear()
            continue
        names[:] = sorted(name for name in names if not _is_skipped(name, _SKIPPED_FOLDERS))
        for name in sorted(files):
            # "~$report.docx" is the lock file that an open office program leaves.
            if not _is_skipped(name, _SKIPPED_FILES) and not name.startswith("~$"):
                path = f"{folder.rstrip(os.sep)}{os.sep}{name}"
                if os.path.isfile(path) or not os.path.exists(path):  # noqa: PTH110, PTH113 - Path's may raise
                    found[path] = None


def _identity(folder: str) -> tuple[int, int] | None:
    """Device and number of a folder, which tell it apart under any name; None if it is not there."""
    try:
        info = os.stat(folder)  # noqa: PTH116 - once for each folder of a large tree
    except OSError:
        return None
    return info.st_dev, info.st_ino


def _is_skipped(name: str, skipped: frozenset[str]) -> bool:
    return name.startswith(".") or name in skipped
