"""Files that were moved or renamed: found again by their content, so that nothing is read or embedded twice.

A file that is gone and one that is new are the same where their bytes are, and what speaks of them (captions,
subtitles). Only new files that are as long as one that is gone are looked into.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePath

from indexers.catalog import Catalog, FileState
from indexers.catalog_codec import plain_path
from indexers.errors import FileError
from indexers.parsers.image_words import name_words
from indexers.places import Bounds
from indexers.reading import FileReader, Version, regular
from indexers.records import forget, stored
from indexers.reports import FileReport


def relocate(
    catalog: Catalog,
    reader: FileReader,
    files: Iterable[str],
    gone: Sequence[str],
    beside: Mapping[str, tuple[str, ...]],
    bounds: Bounds,
) -> tuple[list[FileReport], set[str]]:
    """Forgets the files at ``gone``, in one step with finding them again among ``files``.

    Args:
        catalog: where they are known, for changing.
        reader: tells the versions of files.
        files: paths of files that are there.
        gone: paths of files that are not, as the catalog knows them.
        beside: the files that speak of another, by the path of that one.
        bounds: how far links may lead.

    Returns:
        What became of ``gone``, and the paths among ``files`` that are settled.
    """
    if not gone:
        return [], set()
    reports: list[FileReport] = []
    settled: set[str] = set()
    with catalog.transaction():
        left = _by_length(catalog, gone)
        for path in files if left else ():
            found = _same(catalog, reader, path, left, beside.get(path, ()))
            if found is not None and all(map(bounds.hold, (path, *beside.get(path, ())))):
                old, version, state = found
                left[state.size].remove((old, state))
                reports += _moved(catalog, old, version, state)
                settled.add(path)
        for path in gone:
            reports += forget(catalog, path, "left out by now" if os.path.isfile(path) else "no longer there")  # noqa: PTH113
    return reports, settled


def _by_length(catalog: Catalog, gone: Sequence[str]) -> dict[int, list[tuple[str, FileState]]]:
    found: dict[int, list[tuple[str, FileState]]] = defaultdict(list)
    for path in gone:
        state = catalog.file_state(path)
        if state is not None and state.size > 0:
            found[state.size].append((path, state))
    return found


def _same(
    catalog: Catalog,
    reader: FileReader,
    path: str,
    left: Mapping[int, list[tuple[str, FileState]]],
    beside: tuple[str, ...],
) -> tuple[str, Version, FileState] | None:
    """The file that now lies at ``path``: where it lay, what it is now, and what is known of it."""
    try:
        info = regular(path)
        known = catalog.file_state(path)
        if not left.get(info.st_size) or (known is not None and known.mtime_ns == info.st_mtime_ns):
            return None
        version = reader.version(path, info, beside)
    except FileError:
        return None
    content = catalog.content_id(version.key)
    same = [(old, state) for old, state in left[info.st_size] if state.content == content]
    # Of several, the one of the same name: it was moved, not renamed.
    same.sort(key=lambda each: PurePath(each[0]).name != PurePath(path).name)
    return (same[0][0], version, same[0][1]) if same else None


def _moved(catalog: Catalog, old: str, version: Version, state: FileState) -> list[FileReport]:
    new = plain_path(version.path)
    for inner in catalog.children(new):
        catalog.remove_file(inner)
    _move_inside(catalog, old, new)
    catalog.set_file(new, state.content, version.size, version.mtime_ns, beside=version.beside_stamp)
    catalog.remove_file(old)
    names = PurePath(old).name, PurePath(new).name
    if names[0] != names[1] and catalog.paths_of(state.content) == [new]:
        titles = PurePath(old).stem, PurePath(new).stem
        catalog.retitle(state.content, titles, (name_words(names[0]), name_words(names[1])))
    return [
        replace(report, reason=report.reason or f"was {old}", was=old + report.path[len(new) :])
        for report in stored(catalog, new, "moved")
    ]


def _move_inside(catalog: Catalog, old: str, new: str) -> None:
    """Moves the documents inside a file with it."""
    for inner in catalog.children(old):
        state = catalog.file_state(inner)
        assert state is not None, "children are files"
        moved = new + inner[len(old) :]
        catalog.set_file(moved, state.content, state.size, state.mtime_ns, new)
        _move_inside(catalog, inner, moved)


def known_at(catalog: Catalog, path: str) -> list[str]:
    """The file at ``path``, or the files below it, that the catalog knows and the disk does not hold any more."""
    return [known for known in catalog.paths_under(path) if not os.path.lexists(known) or Path(known).is_dir()]
