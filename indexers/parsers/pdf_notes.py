"""How a PDF's notes name pages, and how such a note shrinks when models have read some of them. Pure.

A note is the only record of which pages held no text. It is therefore worded so that every number can be taken from
it again; pages that follow one another are a range, which keeps it short.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence

TEXTLESS = "no text on"
UNREADABLE = "can not read"
UNSHOWN = "can not show"

_RANGE = re.compile(r"(\d+)(?:–(\d+))?")


def page_note(what: str, numbers: Sequence[int]) -> tuple[str, ...]:
    """One note that names the pages (ascending, from 1), or none.

    >>> page_note(TEXTLESS, [2, 4, 5, 7, 8, 9])
    ('no text on pages 2, 4, 5 and 7–9',)
    """
    if not numbers:
        return ()
    named = list(_ranges(numbers))
    pages = named[0] if len(named) == 1 else f"{', '.join(named[:-1])} and {named[-1]}"
    return (f"{what} {'page' if len(numbers) == 1 else 'pages'} {pages}",)


def pages_named(what: str, notes: Iterable[str]) -> list[int]:
    """The pages that ``page_note(what, …)`` named in these notes.

    >>> pages_named(TEXTLESS, ["no text on pages 2, 4 and 7–9", "1 attachment could not be read"])
    [2, 4, 7, 8, 9]
    """
    return [
        number
        for note in notes
        if note.startswith(f"{what} page")
        for first, last in _RANGE.findall(note)
        for number in range(int(first), int(last or first) + 1)
    ]


def after_reading(coverage: float, notes: Iterable[str], read: Collection[int]) -> tuple[float, tuple[str, ...]]:
    """Coverage and notes of a PDF once its pages ``read``, which had no text of their own, have been looked at.

    Args:
        coverage: share (0–1) of the pages that could be read, as the parser gave it.
        notes: as the parser gave them; all but the one on pages without text come back as they are.
        read: pages (from 1) that a model has read since.

    >>> after_reading(0.4, ["no text on pages 2–4", "1 attachment could not be read"], {2, 3})
    (0.8, ('no text on page 4', '1 attachment could not be read'))
    """
    notes = tuple(notes)
    textless = pages_named(TEXTLESS, notes)
    left = [number for number in textless if number not in read]
    unreadable = len(pages_named(UNREADABLE, notes))
    missing = len(textless) + unreadable
    if missing:
        coverage = 1 - (1 - coverage) * (len(left) + unreadable) / missing
    others = tuple(note for note in notes if not note.startswith(f"{TEXTLESS} page"))
    return coverage, (*page_note(TEXTLESS, left), *others)


def _ranges(numbers: Sequence[int]) -> Iterator[str]:
    """The numbers in order, three or more neighbours as "first–last"."""
    start = 0
    for at in range(1, len(numbers) + 1):
        if at == len(numbers) or numbers[at] != numbers[at - 1] + 1:
            run = numbers[start:at]
            if len(run) > 2:
                yield f"{run[0]}–{run[-1]}"
            else:
                yield from map(str, run)
            start = at
