"""The codec: what goes in comes out, and what was tampered with is refused."""

import json
import struct
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexers.ledger import WAYS, Unit
from indexers.parsed_codec import decode_parsed, encode_parsed
from indexers.types import (
    Attachment,
    Block,
    LinesLocator,
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

words = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
numbers = st.integers(1, 10**6)
fractions = st.floats(0, 1)
boxes = st.tuples(fractions, fractions, fractions, fractions)
locators = st.one_of(
    st.builds(PageLocator, numbers, st.lists(boxes, max_size=3).map(tuple)),
    st.builds(LinesLocator, numbers, numbers),
    st.builds(TimeLocator, st.floats(0, 1e6), st.floats(0, 1e6)),
    st.builds(RegionLocator, boxes),
    st.builds(SlideLocator, numbers),
    st.builds(SheetLocator, words, numbers, numbers),
    st.builds(SectionLocator, st.lists(words, max_size=3).map(tuple)),
    st.just(WholeLocator()),
)
pieces = st.builds(Piece, words, locators, st.sampled_from(["\n", " ", ""]))
blocks = st.builds(
    Block,
    st.lists(pieces, max_size=4).map(tuple),
    st.lists(words, max_size=2).map(tuple),
    words,
    st.sampled_from(WAYS),
)
extents = st.none() | st.tuples(st.sampled_from(get_args(Unit)), st.integers(0, 10**6) | st.floats(0, 1e6))
parsed_documents = st.builds(
    Parsed,
    st.lists(blocks, max_size=4).map(tuple),
    words,
    st.dictionaries(words, words, max_size=3),
    st.lists(st.builds(Attachment, words, st.binary(max_size=20)), max_size=3).map(tuple),
    fractions,
    st.lists(words, max_size=2).map(tuple),
    extent=extents,
)


@given(parsed_documents)
def test_round_trip(parsed: Parsed):
    assert decode_parsed(encode_parsed(parsed)) == parsed


def test_lone_surrogates_do_not_get_through():
    parsed = Parsed((Block((Piece("a\ud800b😀", WholeLocator()),)),))
    text = decode_parsed(encode_parsed(parsed)).blocks[0].pieces[0].text
    assert text == "a\ufffdb😀"


@given(st.binary(max_size=60))
def test_noise_is_refused(data: bytes):
    with pytest.raises(ValueError):
        decode_parsed(data)


GOOD = Parsed((Block((Piece("text", PageLocator(1, ((0, 0, 1, 1),))),)),), attachments=(Attachment("a", b"12"),))


@pytest.mark.parametrize(
    "change",
    [
        {"texts": [7]},
        {"texts": []},
        {"joints": "ab"},
        {"places": [["1"]]},
        {"places": [[1, 0, 0, 1]]},
        {"places": [{"kind": "nowhere"}]},
        {"places": [None]},
        {"blocks": [[2, [], "", "text"]]},
        {"blocks": [[0, [], "", "text"]]},
        {"blocks": [[1, [3], "", "text"]]},
        {"blocks": [[1, [], "", "guess"]]},
        {"blocks": [[1, [], "", ["text"]]]},
        {"extent": ["pages"]},
        {"extent": ["acres", 3]},
        {"extent": ["pages", "3"]},
        {"extent": ["pages", -1]},
        {"extent": ["seconds", float("inf")]},
        {"attachments": [["a", 3]]},
        {"attachments": [["a", 1]]},
        {"attachments": [["a", -2]]},
        {"metadata": {"author": 1}},
        {"coverage": "most"},
        {"title": None},
    ],
)
def test_a_message_that_does_not_add_up_is_refused(change):
    data = encode_parsed(GOOD)
    (length,) = struct.unpack_from(">Q", data)
    message = json.loads(data[8 : 8 + length]) | change
    body = json.dumps(message).encode()
    assert decode_parsed(data) == GOOD
    with pytest.raises(ValueError):
        decode_parsed(struct.pack(">Q", len(body)) + body + b"12")


def test_a_cut_message_is_refused():
    data = encode_parsed(GOOD)
    for end in range(len(data)):
        with pytest.raises(ValueError):
            decode_parsed(data[:end])
