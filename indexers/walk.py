"""Which files a set of paths means: folders are walked, what ``ignore`` tells apart is left out."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from indexers.errors import UsageError
from indexers.ignore import Ignore, is_arriving
from indexers.places import Bounds, below


@dataclass(frozen=True, slots=True)
class Walked:
    """What was found.

    Attributes:
        files: in order.
        refused: folders that the system refused to list, each with the reason.
        mounts: folders at, above and below those that were named where a file system other than the root's begins.
        ignores: what was left out below each named folder.
    """

    files: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    mounts: list[str] = field(default_factory=list)
    ignores: dict[str, Ignore] = field(default_factory=dict)

    def is_ignored(self, path: str) -> bool:
        """Whether the file at ``path`` lies below a named folder that leaves it out."""
        return any(path.startswith(below(root)) and ignore.file(path) for root, ignore in self.ignores.items())


def absolute(path: Path | str) -> str:
    """The path as the catalog knows it: absolute, ``~`` expanded, without ``..``; links are not followed."""
    return os.path.abspath(Path(path).expanduser())  # noqa: PTH100 - Path.absolute keeps "..", resolve follows links


def walk(
    paths: Iterable[Path | str], leave_out: Path | None = None, *, hidden: bool = False, rules_from: str | None = None
) -> Walked:
    """Absolute paths of the files that ``paths`` name, sorted within each folder, without repetition.

    A file that is named itself is taken even if it is hidden. Links to files are followed if they stay within the
    folder that was named, links to folders are not (they may form loops); a link that is named itself may lead
    anywhere. A link that leads nowhere is given, so that it can be reported; what is neither file nor folder is given
    only if it is named.

    Args:
        paths: files and folders.
        leave_out: a folder that is never entered (the library's own).
        hidden: take what lies below a folder even if its name begins with a dot.
        rules_from: a folder above all of ``paths``, whose rules of what to ignore hold for them.

    Raises:
        UsageError: a path does not exist.
    """
    roots = [absolute(path) for path in paths]
    for root in roots:
        if not os.path.lexists(root):
            raise UsageError(f"there is no file or folder {os.fsencode(root).decode('utf-8', 'backslashreplace')}")
    own = None if leave_out is None else identity(os.fspath(leave_out))
    walked = Walked()
    found: dict[str, None] = {}
    for root in roots:
        if own is not None and any(identity(os.fspath(folder)) == own for folder in Path(root).parents):
            continue
        if os.path.isdir(root):  # noqa: PTH112 - Path.is_dir may raise
            if (mount := _mount_of(root)) != os.sep:
                walked.mounts.append(mount)
            walked.ignores[root] = Ignore(rules_from or root, hidden=hidden)
            found.update(dict.fromkeys(_below(root, own, walked, rules_from)))
        else:
            found[root] = None
    walked.files.extend(found)
    return walked


def _below(root: str, own: tuple[int, int] | None, walked: Walked, rules_from: str | None) -> Iterator[str]:
    def refuse(error: OSError) -> None:
        walked.refused[error.filename or root] = (
            f"the system refuses to list it ({(error.strerror or 'error').lower()})"
        )

    ignore, devices, bounds = walked.ignores[root], dict[str, int](), Bounds([rules_from or root])
    for folder, names, files in os.walk(root, onerror=refuse):
        here = identity(folder)
        if here is None or here == own:
            names.clear()
            continue
        devices[folder] = here[0]
        if devices.get(os.path.dirname(folder), here[0]) != here[0]:  # noqa: PTH120 - once for each folder
            walked.mounts.append(folder)
        start = below(folder)
        names[:] = sorted(name for name in names if not ignore.folder(start + name))
        there = frozenset(files)
        for name in sorted(files):
            path = start + name
            if not ignore.file(path) and not is_arriving(name, there) and is_file(path, bounds):
                yield path


def _mount_of(folder: str) -> str:
    """Where the file system begins on which a folder lies."""
    while not os.path.ismount(folder) and folder != os.sep:
        folder = os.path.dirname(folder)  # noqa: PTH120 - names that are no valid text stay as they are
    return folder


def is_file(path: str, bounds: Bounds) -> bool:
    """Whether it is a file, or a link that leads nowhere and is told of; links that lead out of bounds are not."""
    # pathlib's may raise
    if not os.path.isfile(path) and os.path.exists(path):  # noqa: PTH110, PTH113
        return False
    return not os.path.islink(path) or bounds.hold(path)  # noqa: PTH114


def identity(folder: str) -> tuple[int, int] | None:
    """Device and inode of a folder, which tell it apart under any name; None if it is not there."""
    try:
        info = os.stat(folder)  # noqa: PTH116 - once for each folder of a large tree
    except OSError:
        return None
    return info.st_dev, info.st_ino
