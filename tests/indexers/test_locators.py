import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexers.catalog_codec import pack_places, unpack_places
from indexers.locators import clock, describe, join_locators, locator_from_dict, locator_to_dict
from indexers.types import (
    Chunk,
    LinesLocator,
    Locator,
    PageLocator,
    Place,
    RegionLocator,
    SectionLocator,
    SheetLocator,
    SlideLocator,
    TimeLocator,
    WholeLocator,
)

SHARE = st.floats(0, 1)
BOX = st.tuples(SHARE, SHARE, SHARE, SHARE)
COUNT = st.integers(1, 10**6)
PAGES = st.builds(PageLocator, st.integers(1, 3), st.lists(BOX, max_size=4).map(tuple))
LOCATORS: st.SearchStrategy[Locator] = st.one_of(
    PAGES,
    st.builds(LinesLocator, COUNT, COUNT),
    st.builds(TimeLocator, st.floats(0, 1e6), st.floats(0, 1e6)),
    st.builds(RegionLocator, BOX),
    st.builds(SlideLocator, COUNT),
    st.builds(SheetLocator, st.text(), COUNT, COUNT),
    st.builds(SectionLocator, st.lists(st.text(), max_size=3).map(tuple)),
    st.just(WholeLocator()),
)


@given(LOCATORS)
def test_json_gives_the_same_locator_back(locator: Locator) -> None:
    assert locator_from_dict(json.loads(json.dumps(locator_to_dict(locator)))) == locator


def test_the_json_is_what_other_programs_rely_on() -> None:
    assert locator_to_dict(PageLocator(3, ((0, 0.1, 0.2, 1),))) == {
        "kind": "page",
        "page": 3,
        "boxes": [[0, 0.1, 0.2, 1]],
    }
    assert locator_to_dict(TimeLocator(1.5, 2)) == {"kind": "time", "start_s": 1.5, "end_s": 2}
    assert locator_to_dict(SheetLocator("S", 1, 2)) == {"kind": "sheet", "sheet": "S", "first_row": 1, "last_row": 2}
    assert locator_to_dict(SectionLocator(("a", "b"))) == {"kind": "section", "headings": ["a", "b"]}
    with pytest.raises(ValueError, match="galaxy"):
        locator_from_dict({"kind": "galaxy"})


@given(st.one_of(LOCATORS, PAGES), st.lists(st.tuples(st.integers(1, 50), st.one_of(PAGES, LOCATORS)), max_size=5))
def test_places_come_back_from_the_catalog_as_they_went(locator: Locator, steps: list[tuple[int, Locator]]) -> None:
    places, start = [], 0
    for step, place in steps:
        places.append(Place(start, place))
        start += step
    chunk = Chunk("body", locator, tuple(places))
    assert unpack_places(pack_places(chunk)) == (chunk.locator, chunk.places)


def test_the_boxes_of_a_page_are_stored_once() -> None:
    boxes = tuple((n / 7919, n / 7907, n / 7901, n / 7883) for n in range(1, 200))
    places = tuple(Place(n, PageLocator(1, (box,))) for n, box in enumerate(boxes))
    chunk = Chunk("b", PageLocator(1, boxes), places)
    assert unpack_places(pack_places(chunk)) == (chunk.locator, places)
    apart = Chunk("b", PageLocator(1, boxes[:-1]), places)
    assert len(pack_places(apart)) > 1.5 * len(pack_places(chunk))


@given(LOCATORS, LOCATORS)
def test_joined_places_hold_both(first: Locator, second: Locator) -> None:
    joined = join_locators(first, second)
    if first.kind != second.kind:
        assert joined is None
    match first, second, joined:
        case LinesLocator(), LinesLocator(), LinesLocator(low, high):
            assert low == min(first.first, second.first) and high == max(first.last, second.last)
        case PageLocator(), PageLocator(), PageLocator(page, boxes):
            assert page == first.page == second.page
            assert set(boxes) == {*first.boxes, *second.boxes}
        case RegionLocator(a), RegionLocator(b), RegionLocator(box):
            assert box == (*map(min, a[:2], b[:2]), *map(max, a[2:], b[2:]))
        case SlideLocator() | SectionLocator(), _, _:
            assert joined == (first if first == second else None)
        case PageLocator() | SheetLocator(), _, None:
            assert first != second


def test_a_place_in_words() -> None:
    assert describe("/a/report.pdf", PageLocator(3)) == "report.pdf, p. 3"
    assert describe("/a/mail.eml!/b.pdf", PageLocator(1)) == "mail.eml › b.pdf, p. 1"
    assert describe("t.csv", SheetLocator("t", 5, 5)) == "t.csv, t, row 5"
    assert describe("t.csv", SheetLocator("t", 5, 9)) == "t.csv, t, rows 5–9"
    assert describe("a.txt", LinesLocator(2, 2)) == "a.txt, line 2"
    assert describe("a.docx", SectionLocator(("One", "Two"))) == "a.docx, “Two”"
    assert describe("a.docx", SectionLocator()) == describe("a.docx", WholeLocator()) == "a.docx"
    assert describe("s.pptx", SlideLocator(4)) == "s.pptx, slide 4"
    assert describe("p.png", RegionLocator((0, 0, 1, 1))) == "p.png, marked region"
    assert (clock(59.9), clock(60), clock(3600)) == ("0:59", "1:00", "1:00:00")
