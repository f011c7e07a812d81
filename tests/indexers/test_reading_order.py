"""The order of boxes of text: rows, columns, tables, skew; and what must hold for any boxes."""

from __future__ import annotations

from math import cos, radians, sin

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from indexers.reading_order import reading_order, skew, upended_boxes

Quads = NDArray[np.float64]


def boxes(*rectangles: tuple[float, float, float, float]) -> Quads:
    """Corners of rectangles given as left, top, width, height."""
    return np.array([[(x, y), (x + w, y), (x + w, y + h), (x, y + h)] for x, y, w, h in rectangles], dtype=np.float64)


def turned(quads: Quads, degrees: float) -> Quads:
    """The boxes on a sheet that was turned clockwise by ``degrees`` around a point far below."""
    angle = radians(degrees)
    turn = np.array([[cos(angle), sin(angle)], [-sin(angle), cos(angle)]])
    return (quads - [300, 900]) @ turn + [300, 900]


def prose(x: float, lines: int, *, top: float = 100.0, width: float = 300.0) -> list[tuple[float, float, float, float]]:
    return [(x, top + 30 * k, width - (90 if k == lines - 1 else 7 * (k % 3)), 20) for k in range(lines)]


def prices(lines: int) -> list[tuple[float, float, float, float]]:
    """Names to the left, prices to the right, row by row."""
    return [cell for k in range(lines) for cell in ((20, 30 * k, 150 + 40 * (k % 3), 20), (420, 30 * k, 60, 20))]


def test_no_boxes_no_lines() -> None:
    assert reading_order(np.zeros((0, 4, 2))) == []


def test_a_row_is_read_from_left_to_right() -> None:
    assert reading_order(boxes((200, 2, 80, 20), (0, 0, 80, 20), (100, -2, 80, 20))) == [[1, 2, 0]]


def test_rows_are_read_from_top_to_bottom() -> None:
    assert reading_order(boxes((0, 60, 200, 20), (40, 0, 200, 20), (10, 30, 200, 20))) == [[1], [2], [0]]


def test_a_name_and_its_price_are_one_line() -> None:
    assert reading_order(boxes(*prices(12))) == [[2 * k, 2 * k + 1] for k in range(12)]


def test_columns_of_prose_are_read_one_after_the_other() -> None:
    left, right = prose(0, 8), prose(340, 8)
    mixed = [line for pair in zip(left, right, strict=True) for line in pair]
    assert reading_order(boxes(*mixed)) == [[k] for k in (*range(0, 16, 2), *range(1, 16, 2))]


def test_three_columns_under_a_heading_and_above_a_foot() -> None:
    heading, foot = (0, 0, 1000, 40), (0, 400, 1000, 20)
    columns = [*prose(0, 8), *prose(340, 8, top=110), *prose(680, 8, top=95)]
    assert reading_order(boxes(foot, *columns, heading)) == [[25], *([k] for k in range(1, 25)), [0]]


def test_columns_above_and_below_a_line_across_both_are_taken_apart_there() -> None:
    upper, lower = [*prose(0, 5), *prose(340, 5)], [*prose(0, 4, top=400), *prose(340, 4, top=400)]
    order = reading_order(boxes(*lower, (50, 330, 500, 30), *upper))
    assert order == [[k] for k in (*range(9, 19), 8, *range(8))]


@pytest.mark.parametrize("degrees", [-15, -7, -3, 3, 7, 15])
def test_rows_of_a_crooked_sheet_are_rows(degrees: float) -> None:
    crooked = turned(boxes(*prices(12)), degrees)
    assert skew(crooked) == pytest.approx(radians(degrees))
    assert reading_order(crooked) == [[2 * k, 2 * k + 1] for k in range(12)]


def test_a_row_that_bends_stays_one_row() -> None:
    bent = [(110 * k, 30 * row + 4 * k, 100, 20) for row in range(3) for k in range(5)]
    assert reading_order(boxes(*bent)) == [[5 * row + k for k in range(5)] for row in range(3)]


def test_large_letters_beside_small_ones_are_a_line_of_their_own() -> None:
    assert reading_order(boxes((0, 0, 300, 60), (320, 20, 100, 20))) == [[0], [1]]


def test_text_up_the_margin_does_not_tie_the_rows_together() -> None:
    quads = boxes((0, 0, 20, 400), (50, 0, 300, 20), (50, 200, 300, 20), (50, 370, 300, 20))
    assert upended_boxes(quads).tolist() == [True, False, False, False]
    assert reading_order(quads) == [[1], [2], [3], [0]]


def test_a_lone_narrow_figure_is_not_upended() -> None:
    assert not upended_boxes(boxes((0, 0, 9, 20), (50, 0, 300, 20))).any()


whole = st.integers(0, 400).map(float)
rectangles = st.lists(
    st.tuples(whole, whole, st.integers(1, 300).map(float), st.integers(1, 60).map(float)), max_size=40
)


@given(rectangles)
def test_every_box_stands_in_one_line(drawn: list[tuple[float, float, float, float]]) -> None:
    order = reading_order(boxes(*drawn) if drawn else np.zeros((0, 4, 2)))
    assert sorted(box for line in order for box in line) == list(range(len(drawn)))
    assert all(order)


@given(rectangles.filter(bool), st.integers(-3, 6), st.integers(-500, 500), st.integers(-500, 500))
def test_the_order_is_the_same_elsewhere_and_in_another_size(
    drawn: list[tuple[float, float, float, float]], doublings: int, right: int, down: int
) -> None:
    quads = boxes(*drawn)
    assert reading_order(quads * 2.0**doublings) == reading_order(quads)
    assert reading_order(quads + np.array([right, down])) == reading_order(quads)
