"""The library in numbers, as ``locus status`` tells them; the models in use are added by who knows them.

Reads the whole list of files. What is looked at again and again is ``inventory``.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from assistant.inventory import bytes_below
from indexers.library import Library


@dataclass(frozen=True, slots=True)
class InUse:
    """The models in use, each by its name, folder, file or address; "" where there is none.

    ``offline``: whether nothing may be downloaded.
    """

    text: str
    image: str
    speech: str
    llm: str
    offline: bool


def status(library: Library, used: InUse) -> dict[str, Any]:
    """Numbers about the library and the models in use, ready for JSON.

    Args:
        library: what is told of.
        used: the models; of texts the one that is used where the library does not say.
    """
    with library.mutex:
        counts = library.catalog.counts()
        documents = library.catalog.documents()
        bound = library.catalog.binding()
        watched = [folder.path for folder in library.catalog.folders(watched=True)]
        damaged = library.catalog.damaged()
    states = Counter(document.status.value for document in documents)
    waiting = Counter(model for document in documents for model in document.pending)
    return {
        "library": str(library.root),
        "files": counts["files"],
        "chunks": counts["chunks"],
        "statuses": dict(sorted(states.items())),
        "waiting": dict(sorted(waiting.items())),
        "watched": watched,
        "bytes": bytes_below(library.root),
        "damaged": [f"{bad.path}: the vector of its chunk {bad.number + 1}" for bad in damaged],
        "text_space": bound.space,
        "text_model": bound.name or used.text,
        "text_model_next": bound.next_model,
        "image_model": used.image,
        "speech_model": used.speech,
        "llm": used.llm,
        "offline": used.offline,
    }
