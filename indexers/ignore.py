"""Which files of a folder are nobody's documents: what users say in ``.locusignore``, and what programs leave behind.

``.locusignore`` is written as a ``.gitignore`` is and may lie in any folder; the deepest one that speaks of a file
counts, and nothing below a folder that is left out is taken. Looks at names only, never at contents.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection
from pathlib import Path

import pathspec

from indexers.places import below

RULES = ".locusignore"

_FOLDERS = frozenset(
    {"__pycache__", "node_modules", "CVS", "__MACOSX", "$RECYCLE.BIN", "lost+found"}
    | {".git", ".hg", ".svn", ".venv", ".cache", ".Trash"}  # even where hidden files are wanted
)
_FILES = frozenset({"Thumbs.db", "desktop.ini", "Icon\r", ".DS_Store", "4913", RULES})
_DOWNLOADING = (".part", ".crdownload", ".partial", ".download", ".opdownload", ".!ut", ".aria2", ".filepart")
_TRANSIENT = re.compile(
    r"~\$.*"  # lock files of Microsoft Office
    r"|\.~lock\..*#"  # … of LibreOffice
    r"|.*~|\#.*\#|\.\#.*"  # Emacs, vi and others: backups, autosaves, locks
    r"|\..*\.sw[a-p]|.*\.tmp|.*\.temp"
    r"|.*___jb_(?:tmp|old)___"  # JetBrains
    r"|\.goutputstream-.*|\.~.*|\.fuse_hidden.*|\.nfs[0-9a-f]{8,}",
    re.IGNORECASE | re.DOTALL,
)
_MAX_RULES_BYTES = 1_000_000


def is_transient(name: str) -> bool:
    """Whether a program writes such a file for a while only: a swap file, a lock, a download that is not done."""
    return name.lower().endswith(_DOWNLOADING) or _TRANSIENT.fullmatch(name) is not None


def is_arriving(name: str, names: Collection[str]) -> bool:
    """Whether a browser has only reserved this name: what is downloaded lies beside it, in ``names``."""
    return any(name + suffix in names for suffix in _DOWNLOADING)


class Ignore:
    """What is left out below one folder that the user named; the folder itself is always taken.

    Rules are read when a folder is first asked about: make a new object for each walk.

    Args:
        root: the folder, absolute.
        hidden: take files and folders whose names begin with a dot.
    """

    def __init__(self, root: str, *, hidden: bool = False) -> None:
        self._root = root.rstrip(os.sep) or os.sep
        self._below = below(root)
        self._hidden = hidden
        self._rules: dict[str, pathspec.GitIgnoreSpec | None] = {}
        self._folders: dict[str, bool] = {}

    def folder(self, path: str) -> bool:
        """Whether the folder at ``path``, or one above it and below the root, is left out."""
        if not path.startswith(self._below) or path == self._below:
            return False
        known = self._folders.get(path)
        if known is None:
            above, name = os.path.split(path)
            known = self._folders[path] = self.folder(above) or self._is_out(above, name, is_folder=True)
        return known

    def file(self, path: str) -> bool:
        """Whether the file at ``path``, or a folder above it and below the root, is left out."""
        folder, name = os.path.split(path)
        return path.startswith(self._below) and (self.folder(folder) or self._is_out(folder, name, is_folder=False))

    def _is_out(self, folder: str, name: str, *, is_folder: bool) -> bool:
        if name in (_FOLDERS if is_folder else _FILES) or (name.startswith(".") and not self._hidden):
            return True
        if not is_folder and is_transient(name):
            return True
        return self._said(folder, f"{name}/" if is_folder else name)

    def _said(self, folder: str, name: str) -> bool:
        """What the rules say, the deepest folder's first."""
        while True:
            rules = self._rules_in(folder)
            if rules is not None:
                said = rules.check_file(name).include
                if said is not None:
                    return said
            if folder == self._root or os.path.dirname(folder) == folder:  # noqa: PTH120 - once for each file
                return False
            folder, above = os.path.split(folder)
            name = f"{above}/{name}"

    def _rules_in(self, folder: str) -> pathspec.GitIgnoreSpec | None:
        if folder not in self._rules:
            self._rules[folder] = _read(Path(folder) / RULES)
        return self._rules[folder]


def _read(path: Path) -> pathspec.GitIgnoreSpec | None:
    try:
        if not path.is_file():  # a pipe of that name would keep us waiting
            return None
        with path.open("rb") as file:
            lines = file.read(_MAX_RULES_BYTES).decode("utf-8-sig", "replace").splitlines()
    except OSError:
        return None
    return pathspec.GitIgnoreSpec.from_lines(_understood(lines))


def _understood(lines: list[str]) -> list[str]:
    """The lines that are patterns: one that is none (a lone "!") would make all others void."""
    found = []
    for line in lines:
        try:
            pathspec.GitIgnoreSpec.from_lines([line])
        except ValueError:
            continue
        found.append(line)
    return found
