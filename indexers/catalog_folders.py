"""Which folders the catalog keeps in step with the disk, and how to tell that one is only out of reach.

A drive that is not mounted leaves an empty folder, or none. Neither may be taken for a mass deletion: a folder is known
by its device and inode, and the places where other file systems begin are remembered.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass

from indexers.catalog_codec import plain_path
from indexers.catalog_file import CatalogFile
from indexers.walk import identity


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder that was added as a whole, as it was when it was looked at last.

    ``watched``: it is kept in step by itself; ``poll``: by looking again and again, where the system tells no changes.
    """

    path: str
    watched: bool
    poll: bool
    device: int
    inode: int

    def absence(self) -> str:
        """Why nothing can be concluded from what is missing in it; "" if it is there, or has been emptied."""
        try:
            is_empty = not os.listdir(self.path)  # noqa: PTH208 - names are enough
        except OSError as error:
            return f"the folder {self.path} is out of reach ({(error.strerror or 'error').lower()})"
        if is_empty and identity(self.path) != (self.device, self.inode):
            return f"the folder {self.path} is empty and not the one that it was: is a drive not mounted?"
        return ""


class CatalogFolders(CatalogFile):
    """The folders of a catalog."""

    def folders(self, *, watched: bool | None = None) -> list[Folder]:
        """Folders that were added, sorted by path; only those that are watched, or are not."""
        rows = self._rows("SELECT path, watched, poll, device, inode FROM folders ORDER BY path")
        found = [Folder(path, bool(seen), bool(poll), device, inode) for path, seen, poll, device, inode in rows]
        return [folder for folder in found if watched is None or folder.watched is watched]

    def know_folder(self, path: str) -> None:
        """Remembers which folder lies at ``path`` now; nothing if there is none."""
        if (found := identity(path)) is not None:
            self._rows(
                "INSERT INTO folders (path, watched, poll, device, inode) VALUES (?, 0, 0, ?, ?) "
                "ON CONFLICT(path) DO UPDATE SET device=excluded.device, inode=excluded.inode",
                (plain_path(path), *found),
            )

    def watch_folder(self, path: str, *, poll: bool) -> None:
        """Remembers to keep the folder at ``path`` in step."""
        with self.transaction():
            self.know_folder(path)
            self._rows("UPDATE folders SET watched=1, poll=? WHERE path=?", (poll, plain_path(path)))

    def unwatch_folder(self, path: str) -> bool:
        """Leaves a folder to itself from now on; whether it was watched."""
        rows = self._rows("UPDATE folders SET watched=0 WHERE path=? AND watched=1 RETURNING path", (plain_path(path),))
        return bool(rows)

    def know_mounts(self, paths: Iterable[str]) -> None:
        """Remembers folders on which another file system begins."""
        self._many("INSERT OR IGNORE INTO mounts (path) VALUES (?)", ((plain_path(path),) for path in paths))

    def mounts(self) -> list[str]:
        """Folders on which another file system began at some time, sorted."""
        return [row[0] for row in self._rows("SELECT path FROM mounts ORDER BY path")]

    def unmounted(self) -> tuple[str, ...]:
        """Folders that were mount points once and are none now, each with a separator at its end."""
        return tuple(path + os.sep for path in self.mounts() if not os.path.ismount(path))
