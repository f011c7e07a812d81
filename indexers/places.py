"""What a path may lead to: regular files are opened, nothing else is; links do not lead out of what was added.

A folder that was added may hold anything: a pipe that blocks whoever opens it, a device, a link to a file that nobody
meant to add. Names can change between two looks, so that it is asked again right before a file is read.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from io import BufferedReader
from pathlib import Path

from indexers.errors import Unsupported

NOT_REGULAR = "not a regular file"
LEADS_OUT = "a link that leads out of the folder that was added"


def below(folder: str) -> str:
    """What the paths of all files below a folder begin with.

    >>> below("/home/anna"), below("/home/anna/"), below("/")
    ('/home/anna/', '/home/anna/', '/')
    """
    return folder.rstrip(os.sep) + os.sep


def open_regular(path: Path) -> BufferedReader:
    """The file at ``path``, open for reading; links are followed.

    Raises:
        Unsupported: it is a folder, a pipe, a socket or a device.
        OSError: the system refuses it.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise Unsupported(NOT_REGULAR)
    # It may have become a pipe since: opened like this, a pipe does not block.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_BINARY", 0)
    file = os.fdopen(os.open(path, flags), "rb")
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise Unsupported(NOT_REGULAR)
    return file


class Bounds:
    """How far links may lead: anywhere if they were named themselves, else nowhere out of the folders that were.

    Args:
        named: absolute paths of files and folders, as they were named.
    """

    def __init__(self, named: Iterable[str]) -> None:
        self._named = frozenset(named)
        self._folders = {below(path): os.path.realpath(path) for path in self._named}

    def hold(self, path: str) -> bool:
        """Whether the file at ``path`` lies, all links followed, where it may.

        What is below no folder that was named (what lies beside a named file) has to stay in its own folder.
        """
        if path in self._named:
            return True
        try:
            real = os.path.realpath(path)
        except OSError:
            return False  # a link whose end may not be looked up, as those of other people's processes
        folders = [folder for start, folder in self._folders.items() if path.startswith(start)]
        folders = folders or [os.path.realpath(os.path.dirname(path))]  # noqa: PTH120 - names may be no valid text
        return any(real.startswith(below(folder)) for folder in folders)
