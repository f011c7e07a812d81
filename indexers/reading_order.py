"""The order in which a person reads boxes of text: which stand on one line, and which line comes next.

Pure geometry on the corners of the boxes: it knows neither what they say nor the picture. First the boxes are turned so
that their lines lie level (a scan is rarely straight). Then a recursive XY-cut (Nagy and Seth, "Hierarchical
representation of optically scanned documents", 1984) takes columns apart: down along a *gutter*, across where
something spans it. A gutter is the tallest empty strip, as in Breuel's whitespace analysis ("Two geometric algorithms
for layout analysis", 2002), not any gap in a projection, and it counts only with prose on both sides: the gap between
the names and the prices of a receipt is as tall and as empty, but there one reads across it. What is left are blocks
without columns, read row by row.

Not known here: writing from right to left or in columns from top to bottom.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import atan2, cos, sin

import numpy as np
from numpy.typing import NDArray

_ELONGATED = 2.0
"""A box this many times as long as it is high has a direction that can be trusted."""

_UPENDED = (2.0, 2.5)
"""A box is text that runs up or down the page if it is so much higher than wide, and than the other boxes."""

_GUTTER = 0.5
"""The narrowest gutter, in heights of a line. Detected boxes are wider than the text by about as much."""

_COLUMN_BOXES = 3
_COLUMN_WIDTH = 9.0
_COLUMN_EVEN = 0.6
"""Prose: so many boxes or more; most text in boxes this many times as wide as high, and this much of the widest."""

_SAME_ROW = 0.5
"""Boxes stand in one row when this share of the lower one's height lies beside the other …"""

_BESIDE = 0.3
"""… and they overlap sideways by no more than this share of the narrower one's width."""

_SAME_LINE = 2.0
"""A row is broken where the height of the letters changes by this factor."""


@dataclass(frozen=True, slots=True)
class _Level:
    """The boxes in the frame in which their lines are level; each field is ``(n,)`` float64."""

    left: NDArray[np.float64]
    top: NDArray[np.float64]
    right: NDArray[np.float64]
    bottom: NDArray[np.float64]

    @property
    def middle(self) -> NDArray[np.float64]:
        return (self.top + self.bottom) / 2

    @property
    def width(self) -> NDArray[np.float64]:
        return self.right - self.left

    @property
    def height(self) -> NDArray[np.float64]:
        return self.bottom - self.top


def reading_order(quads: NDArray[np.float64]) -> list[list[int]]:
    """Lines in the order of reading, each the indices of its boxes from left to right.

    Args:
        quads: ``(n, 4, 2)`` corners x, y in any unit, y growing downwards, clockwise from the upper left of the text.

    Returns:
        Every index exactly once. Text that runs up or down the page comes last, a line for each box.
    """
    if len(quads) == 0:
        return []
    level = _levelled(quads, skew(quads))
    upended = upended_boxes(quads)
    lines: list[list[int]] = []
    for block in _blocks(level, np.flatnonzero(~upended)):
        for row in _rows(level, block):
            lines.extend(_lines(level, row))
    sidelong = np.flatnonzero(upended)
    lines.extend([int(box)] for box in sidelong[np.lexsort((level.top[sidelong], level.left[sidelong]))])
    return lines


def skew(quads: NDArray[np.float64]) -> float:
    """The angle in radians by which the lines fall to the right: the median over the boxes, weighed by length.

    Short boxes say little about direction and are left out; with none but short boxes it is 0.
    """
    along = (quads[:, 1] - quads[:, 0] + quads[:, 2] - quads[:, 3]) / 2  # (n, 2)
    lengths, heights = sides(quads)
    long = lengths >= _ELONGATED * heights
    if not long.any():
        return 0.0
    angles = np.array([atan2(y, x) for x, y in along[long].tolist()])
    return _weighted_median(angles, lengths[long])


def sides(quads: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Lengths along and across the text, each ``(n,)``, as means of the two opposite sides."""
    top, right, bottom, left = (np.linalg.norm(quads[:, (k + 1) % 4] - quads[:, k], axis=1) for k in range(4))
    return (top + bottom) / 2, (left + right) / 2


def upended_boxes(quads: NDArray[np.float64]) -> NDArray[np.bool_]:
    """``(n,)``: which boxes hold text that runs up or down the page. A lone narrow letter is not such."""
    lengths, heights = sides(quads)
    than_wide, than_others = _UPENDED
    high = heights >= than_wide * lengths
    lying = heights[~high] if not high.all() else lengths
    upended: NDArray[np.bool_] = high & (heights >= than_others * np.median(lying))
    return upended


def _levelled(quads: NDArray[np.float64], angle: float) -> _Level:
    across = quads @ np.array([cos(angle), sin(angle)])  # (n, 4): x of the corners after turning by -angle
    down = quads @ np.array([-sin(angle), cos(angle)])
    # Opposite sides at their means: a box that is a little more tilted than the rest does not grow by it.
    x = np.stack([across[:, [0, 3]].mean(axis=1), across[:, [1, 2]].mean(axis=1)])
    y = np.stack([down[:, [0, 1]].mean(axis=1), down[:, [2, 3]].mean(axis=1)])
    return _Level(x.min(axis=0), y.min(axis=0), x.max(axis=0), y.max(axis=0))


def _blocks(level: _Level, boxes: NDArray[np.intp]) -> list[NDArray[np.intp]]:
    """The boxes in blocks without columns, in the order of reading."""
    blocks: list[NDArray[np.intp]] = []
    waiting = [boxes]
    while waiting:
        block = waiting.pop()
        parts = _split_at_gutter(level, block)
        if parts:
            waiting.extend(part for part in reversed(parts) if len(part))
        elif len(block):
            blocks.append(block)
    return blocks


def _split_at_gutter(level: _Level, boxes: NDArray[np.intp]) -> list[NDArray[np.intp]]:
    """What stands above the tallest gutter, left of it, right of it and below it; nothing if there is no gutter."""
    if len(boxes) < 2 * _COLUMN_BOXES:
        return []
    boxes = boxes[np.argsort(level.middle[boxes], kind="stable")]
    left, right = level.left[boxes], level.right[boxes]
    narrowest = _GUTTER * float(np.median(level.height[boxes]))
    best, parts = _COLUMN_BOXES - 1, []
    for x in np.unique(right):
        before = right <= x
        after = ~before & (left >= x + narrowest)
        # Boxes that stand in the way divide the rest, which is sorted from top to bottom, into stretches.
        stretch = np.cumsum(~before & ~after)
        tallness = np.minimum(np.bincount(stretch, before), np.bincount(stretch, after))
        tallest = int(np.argmax(tallness))
        if tallness[tallest] <= best:
            continue
        here = stretch == tallest
        beside = boxes[here & before], boxes[here & after]
        if all(_is_prose(level, side) for side in beside):
            best = int(tallness[tallest])
            # The box that stands in the way opens its stretch: it belongs to what is above.
            above = boxes[(stretch < tallest) | (here & ~before & ~after)]
            parts = [above, *beside, boxes[stretch > tallest]]
    return parts


def _is_prose(level: _Level, boxes: NDArray[np.intp]) -> bool:
    """Whether the boxes look like the lines of a column of text, not like the cells of a table or a price list."""
    widths = level.width[boxes]
    usual = _weighted_median(widths, widths)
    # Compared with the widest box, not with the width of all together, which may be several columns.
    even = usual >= _COLUMN_EVEN * float(widths.max())
    return even and usual >= _COLUMN_WIDTH * float(np.median(level.height[boxes]))


def _rows(level: _Level, boxes: NDArray[np.intp]) -> list[list[int]]:
    """Rows from top to bottom, each from left to right.

    A box is compared with its nearest neighbour in the row, not with the row as a whole, so that a row may bend, as
    on crumpled paper.
    """
    rows: list[list[int]] = []
    bottoms: list[float] = []  # of each row, to pass over those that are far above
    for box in (int(b) for b in boxes[np.argsort(level.middle[boxes], kind="stable")]):
        fits = [
            (_beside(level, row, box), number) for number, row in enumerate(rows) if bottoms[number] > level.top[box]
        ]
        share, number = max(fits, default=(0.0, 0))
        if share >= _SAME_ROW:
            rows[number].append(box)
            bottoms[number] = max(bottoms[number], float(level.bottom[box]))
        else:
            rows.append([box])
            bottoms.append(float(level.bottom[box]))
    rows.sort(key=lambda row: float(np.mean(level.middle[row])))
    return [sorted(row, key=lambda box: float(level.left[box])) for row in rows]


def _beside(level: _Level, row: list[int], box: int) -> float:
    """The share of the lower box's height by which ``box`` stands beside its neighbour; 0 if it covers one sideways."""
    gaps = np.maximum(level.left[row] - level.right[box], level.left[box] - level.right[row])  # below 0: they overlap
    if (-gaps > _BESIDE * np.minimum(level.width[row], level.width[box])).any():
        return 0.0
    neighbour = row[int(np.argmin(gaps))]
    shared = min(level.bottom[neighbour], level.bottom[box]) - max(level.top[neighbour], level.top[box])
    return float(shared / max(min(level.height[neighbour], level.height[box]), np.finfo(np.float64).tiny))


def _lines(level: _Level, row: list[int]) -> list[list[int]]:
    """The row, broken where large letters stand beside small ones: a heading beside a note is not one line."""
    lines = [[row[0]]]
    for box in row[1:]:
        small, large = sorted((float(level.height[lines[-1][-1]]), float(level.height[box])))
        if large > _SAME_LINE * small:
            lines.append([box])
        else:
            lines[-1].append(box)
    return lines


def _weighted_median(values: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(reached, reached[-1] / 2)])
