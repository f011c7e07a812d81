"""What the catalog knows of files: changed as readings come in, and told as reports.

Each function is one step inside the pipeline's turn as writer; none reads a file's content or knows a model.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from indexers.catalog import Catalog
from indexers.catalog_codec import plain_path
from indexers.errors import FileError
from indexers.places import below
from indexers.reading import Reading, failed
from indexers.reports import Change, FileReport
from indexers.senses import Senses
from indexers.walk import Walked, identity


def store(catalog: Catalog, reading: Reading, ids: Mapping[str, int]) -> None:
    """Stores a file and the documents inside it, and forgets those that are not inside it any more.

    ``ids``: of the contents that were new, by their keys.
    """
    stale = set(_inside(catalog, reading.path))
    for part in reading.flat():
        content = ids.get(part.content.hash) or catalog.content_id(part.content.hash)
        assert content is not None, "what was not there is among the new"
        version = part.version
        catalog.set_file(part.path, content, version.size, version.mtime_ns, part.parent, version.beside_stamp)
        stale.discard(part.path)
    for path in sorted(stale):
        catalog.remove_file(path)


def forget(catalog: Catalog, path: str, reason: str) -> list[FileReport]:
    """Forgets a file and the documents inside it."""
    gone = stored(catalog, path, "removed")
    catalog.remove_file(path)
    return [replace(report, change="removed", reason=reason) for report in gone]


def _inside(catalog: Catalog, path: str) -> Iterator[str]:
    for inner in catalog.children(path):
        yield inner
        yield from _inside(catalog, inner)


def stored(catalog: Catalog, path: str, change: Change) -> list[FileReport]:
    """Reports of a file that is in the catalog, and of the documents inside it."""
    return [
        FileReport(d.path, d.media, change if d.status.is_found else "failed", d.status, d.reason, d.chunks)
        for d in catalog.documents(under=path)
    ]


def refused(catalog: Catalog, path: str, error: FileError) -> list[FileReport]:
    """Reports a file that can not be had now. What is known of it stays, since it may be back soon."""
    path = plain_path(path)
    known = catalog.file_state(path)
    if known is None or known.size < 0:
        reading = failed(path, error)
        with catalog.transaction():
            catalog.set_file(path, catalog.add_content(reading.content), -1, 0)
    return [FileReport(path, "text", "failed", error.status, str(error))]


def vanished(catalog: Catalog, roots: Sequence[str], walked: Walked) -> list[str]:
    """Paths of files that the library knows below a folder and the folder no longer holds, or leaves out by now.

    Nothing is concluded from a folder that holds no file at all, unless it is the very folder that was looked at
    last: it may be the place of a drive that is not there. Nor of what lies below a folder that can not be listed or
    that was the place of a drive.
    """
    found = {plain_path(path) for path in walked.files}
    out_of_reach = (*(plain_path(folder) + os.sep for folder in walked.refused), *catalog.unmounted())
    known_as = {folder.path: folder for folder in catalog.folders()}
    gone: dict[str, None] = {}
    for root in roots:
        start = below(plain_path(root))
        if not os.path.isdir(root):  # noqa: PTH112
            continue
        if not any(path.startswith(start) for path in found):
            folder = known_as.get(plain_path(root))
            if folder is None or folder.absence() or (folder.device, folder.inode) != identity(root):
                continue
        for path in catalog.paths_under(root):
            if path in found or path.startswith(out_of_reach):
                continue
            # Not pathlib's, which raises where the system refuses to tell.
            is_there = os.path.lexists(path) and not os.path.isdir(path)  # noqa: PTH112
            if not is_there or walked.is_ignored(path):
                gone[path] = None
    return list(gone)


def forget_folded(catalog: Catalog, beside: Mapping[str, tuple[str, ...]]) -> list[FileReport]:
    """Forgets documents that by now only speak of another file: a caption whose picture has come."""
    reports: list[FileReport] = []
    for path in sorted({companion for companions in beside.values() for companion in companions}):
        if catalog.file_state(path) is not None:
            reports += forget(catalog, path, "read with the file it speaks of")
    return reports


def unfinished(catalog: Catalog, senses: Senses) -> set[str]:
    """Files on the disk of which something waits for a model that is there now, or has vectors of another one.

    A document inside a file is finished with the file around it.
    """
    there = {name for name, model in (("image", senses.images), ("speech", senses.speech)) if model is not None}
    waiting = [path for path, pending in catalog.waiting() if there.intersection(pending)]
    strange = catalog.image_spaces().keys()
    if strange and senses.images is not None:
        waiting += [path for space in strange - {senses.images().space} for path in catalog.paths_with(space)]
    return {path for path in map(catalog.outermost, set(waiting)) if os.path.lexists(path)}
