"""When a parser says how far it is: often enough that little is lost, seldom enough that it costs nothing.

For parsers that have no pages, slides or chapters at which they would do so by themselves (see ``Source.keep``).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from indexers.protocols import Keep, Source
from indexers.types import Block, LinesLocator

_BLOCKS = 500
_STEPS = 50


def keep_lines(source: Source, blocks: Iterable[Block], lines: int) -> tuple[Block, ...]:
    """All of ``blocks``, which stand on the lines of a file of so many ``lines``; kept while they are made."""
    made: list[Block] = []
    for block in blocks:
        made.append(block)
        if len(made) % _BLOCKS == 0 and block.pieces and isinstance(block.pieces[-1].locator, LinesLocator):
            last = block.pieces[-1].locator.last
            source.keep(made, last / max(lines, last), f"line {last} of {lines}")
    return tuple(made)


class Steps:
    """Counts the steps (paragraphs, elements) of a document without pages, and keeps its blocks every so many.

    Args:
        keep: of the document's source.
        blocks: where its parser puts them; what is in there is not changed any more.
        total: how many steps there will be.
    """

    def __init__(self, keep: Keep, blocks: Sequence[Block], total: int) -> None:
        self._keep = keep
        self._blocks = blocks
        self._total = max(total, 1)
        self._done = 0

    def step(self) -> None:
        """One more is done."""
        self._done += 1
        if self._done % _STEPS == 0 and self._blocks:
            share = min(self._done / self._total, 1.0)
            self._keep(self._blocks, share, f"{share:.0%} of it")
