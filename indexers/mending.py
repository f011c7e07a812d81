"""Vectors that do not match their checksums, made again: of texts from the text that is stored, of pictures by reading.

The catalog finds them (``Catalog.damaged``); nothing else in it can be made again.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable

from indexers.library import Library
from indexers.pipeline import Pipeline
from indexers.protocols import TextEmbedder
from indexers.reembedding import embed_chunks

_BATCH = 256


def mend_texts(library: Library, embedder: Callable[[], TextEmbedder]) -> list[str]:
    """Embeds again what is stored of each text whose vector is damaged; gives a line on each. Reads no file.

    Args:
        library: what is mended.
        embedder: gives the model that the library's texts are embedded with; asked only if something is damaged.

    Raises:
        UsageError: it is another model.
        LibraryInUse: another process changes the library now.
    """
    with library.writing() as catalog:
        bound = catalog.binding()
        found = catalog.damaged()
        # What was made for a model to come is made again when the change goes on.
        catalog.drop_vectors([(bad.chunk, bad.space) for bad in found if bad.space == bound.next_space])
        damaged = [bad for bad in found if bad.space == bound.space]
        if not damaged:
            return []
        model = embedder()
        library.check_space(model.space)
        for start in range(0, len(damaged), _BATCH):
            some = damaged[start : start + _BATCH]
            chunks = catalog.chunks([bad.chunk for bad in some])
            vectors = embed_chunks(model, [chunks[bad.chunk] for bad in some])
            with catalog.transaction():
                for bad, vector in zip(some, vectors, strict=True):
                    catalog.replace_vector(bad.chunk, bad.space, vector)
    return [f"{bad.path}: the vector of its chunk {bad.number + 1} was made again" for bad in damaged]


def mend_pictures(library: Library, pipeline: Callable[[], Pipeline]) -> list[str]:
    """Reads again each file of which the vector of a picture is damaged, forgets what is gone; gives a line on each.

    ``pipeline`` is asked only if something is damaged.

    Raises:
        LibraryInUse: another process changes the library now.
    """
    with library.writing() as catalog:
        pictures = catalog.image_spaces()
        damaged = [bad for bad in catalog.damaged() if bad.space in pictures]
        lines = []
        for content in dict.fromkeys(bad.content for bad in damaged):
            paths = list(dict.fromkeys(catalog.outermost(path) for path in catalog.paths_of(content)))
            there = _first_there(paths)
            if there is not None:
                pipeline().add([], again=[there])
                lines.append(f"{there}: was read again, since the vector of a picture in it was damaged")
                continue
            with catalog.transaction():
                for path in paths:
                    catalog.remove_file(path)
            lines += [f"{path}: was forgotten, since it is gone and its vector was damaged" for path in paths]
    return lines


def _first_there(paths: Iterable[str]) -> str | None:
    return next((path for path in paths if os.path.lexists(path)), None)
