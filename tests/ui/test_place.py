"""A place that comes back from the browser: whatever is in it, it is a place or none."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexers.locators import locator_to_dict, where
from indexers.types import (
    LinesLocator,
    Locator,
    PageLocator,
    RegionLocator,
    SectionLocator,
    SheetLocator,
    SlideLocator,
    TimeLocator,
    WholeLocator,
)
from ui.place import Place, read_number, read_place
from ui.render import place_attribute

JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
FIELDS = (
    "page",
    "boxes",
    "first",
    "last",
    "start_s",
    "end_s",
    "box",
    "slide",
    "sheet",
    "first_row",
    "last_row",
    "headings",
)


@pytest.mark.parametrize(
    "locator",
    [
        PageLocator(3, ((0.1, 0.2, 0.3, 0.4), (0, 0, 1, 1))),
        LinesLocator(1, 9),
        TimeLocator(0.0, 12.5),
        RegionLocator((0.1, 0.2, 0.3, 0.4)),
        SlideLocator(4),
        SheetLocator("Spending & <b>", 1, 9),
        SectionLocator(("One", "Zwei „x“")),
        WholeLocator(),
    ],
)
def test_what_the_page_gave_out_comes_back(locator: Locator) -> None:
    data = {"path": "/home/anna/a.pdf", "locator": locator_to_dict(locator), "quote": "so <i>it</i> is"}
    assert read_place(json.dumps(data)) == Place("/home/anna/a.pdf", locator, "so <i>it</i> is")
    # As it stands in the attribute, unescaped by the browser.
    from html import unescape

    assert read_place(unescape(place_attribute("/a", locator, "x"))) == Place("/a", locator, "x")


@pytest.mark.parametrize(
    "text",
    [
        *(None, 5, "", "x", "[]", "{}", "null", '{"path": 3}', '{"path": ""}', '{"path": "a.pdf"}', '{"path": "~x/a"}'),
        *('{"path": "/a\\u0000b"}', '{"path": "/\\ud800"}', json.dumps({"path": "/" + "a" * 9000}), "[" * 100_000),
        '"' + "x" * 600_000 + '"',
    ],
)
def test_what_names_no_document_is_refused(text: object) -> None:
    with pytest.raises(ValueError):
        read_place(text)


@pytest.mark.parametrize(
    "locator",
    [
        None,
        {"kind": "page", "page": 0, "boxes": []},
        {"kind": "page", "page": True, "boxes": []},
        {"kind": "page", "page": 1, "boxes": [[0, 0, 1]]},
        {"kind": "page", "page": 1, "boxes": [["<", 0, 1, 1]]},
        {"kind": "page", "page": 1, "boxes": [[0, 0, 1, float("nan")]]},
        {"kind": "lines", "first": "1", "last": 2},
        {"kind": "time", "start_s": float("inf"), "end_s": 2},
        {"kind": "time", "start_s": -1, "end_s": 2},
        {"kind": "region", "box": [1e300, 0, 1, 1]},
        {"kind": "sheet", "sheet": None, "first_row": 1, "last_row": 2},
        {"kind": "section", "headings": [1]},
        {"kind": "section", "headings": ["\ud800"]},
        {"kind": "elsewhere"},
    ],
)
def test_a_place_without_sense_is_the_whole_document(locator: Any) -> None:
    assert read_place(json.dumps({"path": "/a", "locator": locator})) == Place("/a")


@given(
    st.sampled_from(("page", "lines", "time", "region", "slide", "sheet", "section")),
    st.dictionaries(st.sampled_from(FIELDS), JUNK),
    JUNK,
)
def test_whatever_comes_back_can_be_told(kind: str, fields: dict[str, Any], quote: Any) -> None:
    place = read_place(json.dumps({"path": "/a", "locator": {**fields, "kind": kind}, "quote": quote}))
    assert isinstance(place.quote, str)
    place.quote.encode()
    where(place.locator).encode()
    place_attribute(place.path, place.locator, place.quote)


@pytest.mark.parametrize(
    ("text", "number"), [("0", 0), ("17", 17), ("-1", None), ("1.5", None), ("²", None), ("", None)]
)
def test_numbers(text: str, number: int | None) -> None:
    assert read_number(text) == number
    assert read_number(3) is read_number(None) is read_number("9" * 12) is None
