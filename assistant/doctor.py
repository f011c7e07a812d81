"""What is wrong with a library, and what can be repaired of it: the catalog, its vectors, the indexes, conversations.

Knows where each of them is checked and mended, and the order in which that makes sense; not how.
"""

from __future__ import annotations

from collections.abc import Callable

from assistant.conversations import Conversations
from indexers.library import Library
from indexers.mending import mend_pictures, mend_texts
from indexers.pipeline import Pipeline
from indexers.protocols import TextEmbedder


def problems(library: Library, conversations: Conversations) -> list[str]:
    """What is wrong, one line each."""
    with library.mutex:
        found = library.catalog.problems()
    found += conversations.problems()
    # Indexes can only be made from a sound catalog.
    return found or library.snapshot_problems()


def repair(
    library: Library,
    embedder: Callable[[], TextEmbedder],
    pipeline: Callable[[], Pipeline],
    on_repair: Callable[[str], None],
) -> None:
    """Makes again what can be: damaged vectors from what is stored or by reading, and the indexes.

    Args:
        library: what is repaired.
        embedder: gives the model of its texts; asked only if one's vector is damaged.
        pipeline: gives what reads files; asked only if a picture's vector is damaged.
        on_repair: told what was repaired, a line at a time.

    Raises:
        LibraryInUse: another process changes the library now.
        ModelMissing: a vector of a text is damaged, and its model is not there.
    """
    for line in mend_texts(library, embedder):
        on_repair(line)
    for line in mend_pictures(library, pipeline):
        on_repair(line)
    library.drop_snapshots()


def compact(library: Library, conversations: Conversations) -> None:
    """Clears what was removed from every file of the library.

    Raises:
        LibraryInUse: another process changes the library now.
        NotWritten: the disk is full, or the library read-only.
    """
    library.compact()
    conversations.vacuum()
