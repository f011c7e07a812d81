"""The folder in which Gradio keeps what is uploaded: private, made for one run, gone at its end.

Gradio reads where it is from the environment, so a process has one, which its pages share. What a run left behind that
was killed is cleared by the next.
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
import threading
from contextlib import ExitStack, suppress
from pathlib import Path

from indexers.errors import NotWritten
from indexers.lock import WriterLock

_PREFIX = "locus-page-"
_LOCK = "lock"
_FILES = "files"
_VARIABLES = {"GRADIO_TEMP_DIR": _FILES, "GRADIO_EXAMPLES_CACHE": "examples"}


class Scratch:
    """The folder of a process. Safe to use from several threads."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._users = 0
        self._held = ExitStack()
        self._root: Path | None = None
        self._last: Path | None = None

    def take(self) -> Path:
        """The folder for uploads; to be given back by every one who took it.

        Raises:
            NotWritten: there is no room for it.
        """
        with self._mutex:
            if self._root is None:
                _clear_left()
                try:
                    root = _made(self._last)
                    for folder in _VARIABLES.values():
                        (root / folder).mkdir(mode=0o700)
                except OSError as error:
                    raise NotWritten(f"no folder for uploads can be made: {error.strerror or error}") from error
                self._held.enter_context(WriterLock(root / _LOCK).hold())
                os.environ.update({name: str(root / folder) for name, folder in _VARIABLES.items()})
                self._root = self._last = root
            self._users += 1
            return self._root / _FILES

    def give_back(self) -> None:
        """Deletes the folder once nobody uses it any more."""
        with self._mutex:
            self._users -= 1
            if self._users == 0 and self._root is not None:
                self._held.close()
                shutil.rmtree(self._root, ignore_errors=True)
                for name in _VARIABLES:
                    os.environ.pop(name, None)
                self._root = None


def _made(last: Path | None) -> Path:
    """A folder, where the one before was if that is free: Gradio keeps its name, and would make it again."""
    if last is not None:
        with suppress(FileExistsError):
            last.mkdir(mode=0o700)
            return last
    return Path(tempfile.mkdtemp(prefix=_PREFIX)).resolve()


def _clear_left() -> None:
    """Deletes what earlier runs left: folders of this user alone, whose lock nobody holds."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        if _is_ours(folder) and (folder / _LOCK).is_file() and not WriterLock(folder / _LOCK).is_taken():
            shutil.rmtree(folder, ignore_errors=True)


def _is_ours(folder: Path) -> bool:
    """Whether a folder, not a link to one, belongs to whoever runs this."""
    try:
        state = folder.lstat()
    except OSError:
        return False
    owner = os.getuid() if hasattr(os, "getuid") else state.st_uid
    return stat.S_ISDIR(state.st_mode) and state.st_uid == owner


SCRATCH = Scratch()
"""The one of this process."""
