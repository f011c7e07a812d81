"""Where in a found chunk the query's words stand, so that a hit opens at its second or region. Pure.

A chunk of speech joins what is said in a minute or more, one of a picture all of its text: whoever opens the hit would
listen or look for the rest of the way. A text is read at a glance, so its hits stay as they are. A hit that was found
by its meaning alone opens where it begins. (An answer's citations are narrower by themselves: see ``evidence``.)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from assistant.wording import content_stems, stems
from indexers.chunking import cut_chunk
from indexers.types import Chunk, Hit, RegionLocator, TimeLocator


def pointed(hits: Sequence[Hit], query: str) -> list[Hit]:
    """The hits, each with the part of it that is nearest to ``query`` where there is one."""
    return [replace(hit, near=nearest(hit.chunk, query)) for hit in hits]


def nearest(chunk: Chunk, query: str) -> Chunk | None:
    """The stretch of speech, or the line in a picture, that holds most of the query's words.

    A word counts the less, the more parts of the chunk hold it; of equals the first is taken. None if no part holds
    any, or the chunk has no parts.
    """
    if not isinstance(chunk.locator, TimeLocator | RegionLocator):
        return None
    edges = [*dict.fromkeys(place.start for place in chunk.places), len(chunk.body)]
    wanted = frozenset(content_stems(query))
    parts = [(start, end, stems(chunk.body[start:end]) & wanted) for start, end in pairwise(edges)]
    held = Counter(stem for *_, found in parts for stem in found)
    if len(parts) < 2 or not held:
        return None
    start, end, _ = max(parts, key=lambda part: sum(1 / held[stem] for stem in part[2]))
    return cut_chunk(chunk, start, start + len(chunk.body[start:end].rstrip()))
