"""Which files a set of paths means: folders are walked, hidden things and version control left out."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from indexers.errors import UsageError

_SKIPPED_FOLDERS = frozenset({"__pycache__", "node_modules", "CVS", "__MACOSX", "$RECYCLE.BIN", "lost+found"})
_SKIPPED_FILES = frozenset({"Thumbs.db", "desktop.ini", "Icon\r"})


def absolute(path: Path | str) -> str:
    """The path as the catalog knows it: absolute, ``~`` expanded, without ``..``; links are not followed."""
    return os.path.abspath(Path(path).expanduser())  # noqa: PTH100 - Path.absolute keeps "..", resolve follows links


def walk(paths: Iterable[Path | str]) -> list[str]:
    """Absolute paths of the files that ``paths`` name, sorted within each folder, without repetition.

    A file that is named itself is taken even if it is hidden. Links to files are followed, links to folders are not
    (they may form loops).

    Raises:
        UsageError: a path does not exist.
    """
    roots = [absolute(path) for path in paths]
    for root in roots:
        if not os.path.lexists(root):
            raise UsageError(f"there is no file or folder {root}")
    found: dict[str, None] = {}
    for root in roots:
        if Path(root).is_dir():
            found.update(dict.fromkeys(_files_below(root)))
        else:
            found[root] = None
    return list(found)


def _files_below(root: str) -> Iterator[str]:
    for folder, names, files in os.walk(root):
        names[:] = sorted(name for name in names if not _is_skipped(name, _SKIPPED_FOLDERS))
        for name in sorted(files):
            # "~$report.docx" is the lock file that an open office program leaves.
            if not _is_skipped(name, _SKIPPED_FILES) and not name.startswith("~$"):
                path = f"{folder.rstrip(os.sep)}{os.sep}{name}"
                if Path(path).is_file() or not Path(path).exists():
                    yield path


def _is_skipped(name: str, skipped: frozenset[str]) -> bool:
    return name.startswith(".") or name in skipped
