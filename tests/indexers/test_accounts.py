"""Ledgers as they are drawn up from blocks and places alone."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexers.accounts import drawn_up, union
from indexers.ledger import UNKNOWN, WAYS, Ledger, Share
from indexers.types import (
    Block,
    LinesLocator,
    Locator,
    PageLocator,
    Parsed,
    Piece,
    RegionLocator,
    SectionLocator,
    SheetLocator,
    SlideLocator,
    TimeLocator,
    WholeLocator,
)

spans = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 12)).map(lambda span: (span[0], sum(span))), max_size=12)


@given(spans)
def test_the_union_of_spans_is_what_lies_in_any(spans: list[tuple[int, int]]) -> None:
    assert union(spans) == len({point for start, end in spans for point in range(start, end)})


@given(spans, spans)
def test_the_union_does_not_shrink_and_does_not_count_twice(one: Any, other: Any) -> None:
    assert max(union(one), union(other)) <= union([*one, *other]) <= union(one) + union(other)
    assert union([*one, *one]) == union(one)


def block(way: str, *places: Locator, header: str = "", text: str = "abcde") -> Block:
    return Block(tuple(Piece(text, place) for place in places), header=header, way=way)  # type: ignore[arg-type]


def pages(way: str, *numbers: int) -> Block:
    return block(way, *map(PageLocator, numbers))


def amounts(ledger: Ledger) -> dict[str, float]:
    return {share.way: share.amount for share in ledger.read}


# --- pages -------------------------------------------------------------------------------------


def test_pages_are_counted_once_by_each_way_and_once_in_all() -> None:
    blocks = (pages("text", 1, 1, 2), pages("text", 2), pages("ocr", 2, 3), pages("ocr", 3))
    ledger = drawn_up(Parsed(blocks, extent=("pages", 5), coverage=0.8), (), (), ["can not read page 4"])
    assert (ledger.unit, ledger.total, ledger.covered, ledger.empty, ledger.unread) == ("pages", 5, 3, 1, 1)
    assert ledger.read == (Share("text", 2, 20), Share("ocr", 2, 15))
    assert (ledger.characters, ledger.skipped) == (35, ("can not read page 4",))


def test_a_page_that_waits_to_be_looked_at_is_not_blank() -> None:
    parsed = Parsed((pages("text", 1),), extent=("pages", 3))
    shown = [PageLocator(2), PageLocator(1, ((0, 0, 1, 1),))]
    waits = drawn_up(parsed, shown, ["image"], ())
    assert (waits.covered, waits.empty, waits.unread, amounts(waits)) == (1, 1, 1, {"text": 1})
    seen = drawn_up(parsed, shown, (), ())
    assert (seen.covered, seen.empty, seen.unread, amounts(seen)) == (2, 1, 0, {"text": 1, "sight": 2})


def test_without_an_extent_the_total_is_not_known() -> None:
    ledger = drawn_up(Parsed((pages("text", 1, 7),)), (), (), ())
    assert (ledger.unit, ledger.total, ledger.covered, ledger.unread) == ("pages", None, 2, 0)


# --- other units -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("places", "unit", "covered"),
    [
        ((SlideLocator(1), SlideLocator(3), SlideLocator(3)), "slides", 2),
        ((SheetLocator("a", 1, 9), SheetLocator("a", 12, 14), SheetLocator("b", 1, 1)), "sheets", 2),
        ((SectionLocator(("x",)), SectionLocator(("x", "y")), SectionLocator(("x",))), "sections", 2),
        ((LinesLocator(1, 3), LinesLocator(3, 4), LinesLocator(8, 8)), "lines", 5),
        ((TimeLocator(0, 2.25), TimeLocator(1, 3.5), TimeLocator(60, 61)), "seconds", 4.5),
        ((RegionLocator((0, 0, 1, 1)), RegionLocator((0, 0, 0.5, 1))), "pictures", 1),
        ((WholeLocator(), WholeLocator(), PageLocator(2)), "pages", 1),
    ],
)
def test_what_a_file_is_counted_in_follows_from_its_places(places: tuple[Locator, ...], unit: str, covered: float):
    ledger = drawn_up(Parsed((block("text", *places),)), (), (), ())
    assert (ledger.unit, ledger.covered) == (unit, covered)


def test_a_header_row_is_a_line_that_was_read_once() -> None:
    rows = block("text", LinesLocator(2, 2), LinesLocator(3, 3), header="name,sum")
    ledger = drawn_up(Parsed((rows, replace(rows)), extent=("lines", 4)), (), (), ())
    assert (ledger.covered, ledger.empty, ledger.characters) == (3, 1, 28)


def test_blank_text_covers_nothing() -> None:
    ledger = drawn_up(Parsed((block("text", PageLocator(1), text=" "),), extent=("pages", 1)), (), (), ())
    assert (ledger.read, ledger.covered, ledger.empty) == ((), 0, 1)


def test_what_has_no_place_of_its_own_has_no_unit() -> None:
    ledger = drawn_up(Parsed((block("name", WholeLocator()),)), (), (), ["why"])
    assert (ledger.unit, ledger.read, ledger.skipped) == (None, (Share("name", 0, 5),), ("why",))


# --- recordings and pictures -------------------------------------------------------------------

SPOKEN = block("speech", TimeLocator(1, 3), TimeLocator(5.5, 6))
NAMED = block("name", WholeLocator())


def recording(*blocks: Block, unread: tuple[str, ...] = ("sound",), **told: Any) -> Parsed:
    return Parsed((NAMED, *blocks), unread=unread, extent=("seconds", 10.0), **told)  # type: ignore[arg-type]


def test_where_nobody_speaks_there_is_silence() -> None:
    ledger = drawn_up(recording(SPOKEN), (), (), ())
    assert (ledger.covered, ledger.empty, ledger.unread) == (2.5, 7.5, 0)
    assert amounts(ledger) == {"speech": 2.5, "name": 0}


def test_what_was_not_heard_is_no_silence() -> None:
    waits = drawn_up(recording(), (), ["speech"], ())
    assert (waits.covered, waits.empty, waits.unread) == (0, 0, 10)
    broken_off = drawn_up(recording(SPOKEN, coverage=0.6), (), (), ())
    assert (broken_off.covered, broken_off.empty, broken_off.unread) == (2.5, 3.5, 4)


def test_between_subtitles_nobody_listened() -> None:
    subtitles = block("subtitles", TimeLocator(0, 4), TimeLocator(3, 5))
    ledger = drawn_up(recording(subtitles, unread=()), (), (), ())
    assert (ledger.covered, ledger.empty, ledger.unread, amounts(ledger)["subtitles"]) == (5, 0, 0, 5)


def test_chapters_and_scenes_that_were_seen_are_not_heard() -> None:
    chapters = block("tags", TimeLocator(0, 10))
    ledger = drawn_up(recording(chapters, SPOKEN, unread=("sound", "frames")), [TimeLocator(0, 10)], (), ())
    assert (ledger.covered, ledger.empty) == (2.5, 7.5)
    assert amounts(ledger) == {"speech": 2.5, "tags": 10, "sight": 10, "name": 0}


def test_a_picture_is_read_by_what_stands_on_it_or_shows() -> None:
    parsed = Parsed((NAMED, block("tags", WholeLocator())), unread=("pictures",), extent=("pictures", 1))
    waits = drawn_up(parsed, [WholeLocator()], ["image"], ())
    assert (waits.covered, waits.unread, amounts(waits)) == (0, 1, {"tags": 1, "name": 1})
    seen = drawn_up(parsed, [WholeLocator()], (), ())
    assert (seen.covered, seen.unread, amounts(seen)) == (1, 0, {"tags": 1, "sight": 1, "name": 1})


# --- always ------------------------------------------------------------------------------------

places = st.one_of(
    st.builds(PageLocator, st.integers(1, 9)),
    st.builds(SlideLocator, st.integers(1, 9)),
    st.builds(LinesLocator, st.integers(1, 9), st.integers(9, 20)),
    st.builds(TimeLocator, st.floats(0, 50), st.floats(50, 100)),
    st.just(WholeLocator()),
)
blocks = st.builds(block, st.sampled_from(WAYS), places, places, header=st.sampled_from(["", "a,b"]))
extents = (
    st.none()
    | st.tuples(st.sampled_from(["pages", "slides", "lines", "sections"]), st.integers(0, 30))
    | st.tuples(st.just("seconds"), st.floats(0, 100).map(lambda second: round(second, 3)))
)


@given(
    blocks=st.lists(blocks, max_size=6).map(tuple),
    extent=extents,
    coverage=st.floats(0, 1),
    shown=st.lists(places, max_size=4),
    pending=st.sets(st.sampled_from(["image", "speech"])),
    unread=st.sets(st.sampled_from(["pictures", "sound", "frames"])).map(tuple),
)
def test_no_ledger_claims_more_than_there_is(
    blocks: Any, extent: Any, coverage: float, shown: Any, pending: Any, unread: Any
) -> None:
    parsed = Parsed(blocks, extent=extent, coverage=coverage, unread=unread)
    ledger = drawn_up(parsed, shown, sorted(pending), ["left out", "left out"])
    assert min(ledger.covered, ledger.empty, ledger.unread) >= 0
    if ledger.total is not None:
        # Each amount is rounded by itself.
        assert ledger.covered + ledger.empty + ledger.unread <= ledger.total + 1.5
        assert all(0 <= share.amount <= ledger.total for share in ledger.read)
    assert ledger.skipped == ("left out",)
    assert len({share.way for share in ledger.read}) == len(ledger.read)
    assert Ledger.from_json(ledger.to_json()) == ledger
    assert json.loads(ledger.to_json())["characters"] == ledger.characters


def test_files_that_were_read_before_there_were_ledgers_have_an_empty_one() -> None:
    assert Ledger.from_json("{}") == UNKNOWN == Ledger()
