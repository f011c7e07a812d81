"""Lines of a page → rows → paragraphs, and which lines are running headers or footers. Pure; knows no PDF library.

The content order of a PDF is mostly the reading order, columns included, so lines are never sorted: neighbours in
that order are only joined (cells of one row) or kept together (lines of one paragraph). Sorting by position would
interleave columns, the worst that can happen to prose.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence, Set
from itertools import pairwise
from statistics import median

from indexers.parsers.pdf_page import Line, Page

_CELL_CHARS = 60
"""A fragment longer than this is prose, not a cell that may be joined over other fragments."""
_ROWS_BACK = 3
"""How many rows back a cell may find its row: cells of two or three lines are given one cell after another."""
_MARGIN = 0.15
"""Running headers and footers stand in this share of the page, at its top and its bottom."""
_HEIGHT_STEPS = 200
"""Two lines are at the same height of the page if they fall in the same or a neighbouring one of so many steps."""
_NUMBER = re.compile(r"\d+")
_NUMERIC_CELLS = re.compile(r"(?:\s[-–—$€£(]*\s?(?:\d(?:[\d.,]*\d)?|[—–-])\s?[)%]*){2,}$")
_SENTENCE_END = (".", "!", "?", ":", ".”", '."', ";")


def join_rows(lines: Sequence[Line]) -> list[Line]:
    """Fragments that share a baseline joined into one line, left to right, with a single space between them.

    Only neighbours in content order are joined, or short fragments a few rows apart: lines of two columns
    share baselines too, but are far apart in content order.
    """
    rows: list[Line] = []
    for line in lines:
        for back in range(1, min(_ROWS_BACK, len(rows)) + 1):
            row = rows[-back]
            if _is_next_cell(row, line, neighbours=back == 1):
                rows[-back] = _joined(row, line)
                break
        else:
            rows.append(line)
    return rows


def _is_next_cell(row: Line, line: Line, *, neighbours: bool) -> bool:
    if not (row.upright and line.upright) or line.left < row.right - 0.1 * row.size:
        return False
    if abs(row.baseline - line.baseline) > 0.3 * min(row.size, line.size):
        return False
    return neighbours or (len(line.text) <= _CELL_CHARS and len(row.text) <= 2 * _CELL_CHARS)


def _joined(row: Line, line: Line) -> Line:
    return Line(
        f"{row.text} {line.text}",
        min(row.left, line.left),
        min(row.top, line.top),
        max(row.right, line.right),
        max(row.bottom, line.bottom),
        row.baseline,
        max(row.size, line.size),
    )


def is_tabular(line: Line) -> bool:
    """Whether the line ends in two or more columns of numbers.

    >>> is_tabular(Line("Total net sales 94,836 97,278", 0, 0, 1, 1, 1, 9))
    True
    """
    return _NUMERIC_CELLS.search(line.text) is not None


# --- running headers and footers ---------------------------------------------------------------


def running_lines(pages: Sequence[Page]) -> dict[int, set[int]]:
    """Lines that repeat at the same height on most pages: page index → line indices, first appearances excepted.

    Numbers in them must stay the same or grow with the page, so that rows of a table of figures, which are alike
    but for their digits, are never taken for a footer.
    """
    groups: dict[tuple[str, int], list[tuple[int, int]]] = defaultdict(list)
    for at, page in enumerate(pages):
        for index, line in enumerate(page.lines):
            height = line.baseline / page.view.size[1]
            if not _MARGIN < height < 1 - _MARGIN:
                groups[_NUMBER.sub("#", line.text), round(height * _HEIGHT_STEPS)].append((at, index))
    with_text = sum(bool(page.lines) for page in pages)
    repeated: dict[int, set[int]] = defaultdict(set)
    for text, step in list(groups):
        # A group takes in its lower neighbour: heights that differ by a hair may be rounded apart.
        places = sorted({*groups[text, step], *groups.get((text, step + 1), ())})
        on_pages = {at for at, _ in places}
        if len(on_pages) >= 4 and 2 * len(on_pages) > with_text and _counts_pages(pages, places):
            for at, index in places[1:]:
                repeated[at].add(index)
    return repeated


def _counts_pages(pages: Sequence[Page], places: Sequence[tuple[int, int]]) -> bool:
    """Whether each number in these alike lines is constant or runs with the page number (mostly)."""
    numbers = [_NUMBER.findall(pages[at].lines[index].text) for at, index in places]
    for column in zip(*numbers, strict=True):
        constant = Counter(column).most_common(1)[0][1]
        # Longer numbers are no page numbers, and int() refuses thousands of digits.
        offsets = Counter(int(n) - at for n, (at, _) in zip(column, places, strict=True) if len(n) < 8)
        in_step = offsets.most_common(1)[0][1] if offsets else 0
        if max(constant, in_step) < 0.8 * len(places):
            return False
    return True


# --- paragraphs --------------------------------------------------------------------------------


def paragraphs(lines: Sequence[Line], starts: Set[int] = frozenset()) -> list[range]:
    """Stretches of ``lines`` that belong together: paragraphs, lists, tables.

    ``starts`` are indices of lines known to begin something (headings of the outline).
    """
    pitch = _usual_pitch(lines)
    found: list[range] = []
    first = 0
    for index in range(1, len(lines)):
        if index in starts or _parts(lines, first, index, pitch):
            found.append(range(first, index))
            first = index
    if lines:
        found.append(range(first, len(lines)))
    return found


def _usual_pitch(lines: Sequence[Line]) -> float:
    """The page's distance between baselines as a multiple of the font's height (1.2 where nothing tells)."""
    pitches = [
        (below.baseline - above.baseline) / above.size
        for above, below in pairwise(lines)
        if 0.5 < (below.baseline - above.baseline) / above.size < 2.5 and _same_size(above, below)
    ]
    return min(max(median(pitches), 1.0), 2.2) if pitches else 1.2


def _same_size(above: Line, below: Line) -> bool:
    return max(above.size, below.size) <= 1.12 * min(above.size, below.size)


def _parts(lines: Sequence[Line], first: int, index: int, pitch: float) -> bool:
    """Whether a new stretch begins at ``index``, the present one having begun at ``first``."""
    above, below = lines[index - 1], lines[index]
    if above.upright != below.upright:
        return True
    if not above.upright:
        return False
    gap = below.baseline - above.baseline
    if gap <= 0 or below.left > above.right or above.left > below.right:
        # The next column, or a label that stands by itself; cells of a table's head may step up.
        return gap < -2 * above.size or gap > pitch * 1.3 * above.size
    if is_tabular(above) and is_tabular(below):
        return gap > 3 * above.size
    if not _same_size(above, below) or gap > 1.3 * pitch * above.size:
        return True
    indented = 0.7 * below.size < below.left - above.left < 5 * below.size
    # An indented line begins a paragraph only after a sentence: lists hang their second lines.
    return indented and above.text.endswith(_SENTENCE_END) and above.left - lines[first].left < below.size
