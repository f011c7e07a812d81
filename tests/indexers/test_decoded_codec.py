"""Pictures and samples on their way out of the sandbox."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexers.decoded_codec import decode_decoded, encode_decoded
from indexers.types import Decoded, PageLocator, Picture, SlideLocator, TimeLocator, WholeLocator

places = st.sampled_from(
    [WholeLocator(), PageLocator(3, ((0.1, 0.2, 0.3, 0.4),)), SlideLocator(2), TimeLocator(1.5, 4.0)]
)


@st.composite
def decoded(draw: st.DrawFn) -> Decoded:
    random = np.random.default_rng(draw(st.integers(0, 1000)))
    pictures = tuple(
        Picture(random.integers(0, 256, (draw(st.integers(1, 5)), draw(st.integers(1, 5)), 3), np.uint8), draw(places))
        for _ in range(draw(st.integers(0, 3)))
    )
    samples = draw(st.none() | st.integers(0, 9).map(lambda n: random.uniform(-1, 1, n).astype(np.float32)))
    following = draw(st.none() | st.floats(0.5, 1e6))
    return Decoded(pictures, samples, following, tuple(draw(st.lists(st.text(), max_size=2))))


@given(decoded())
def test_what_goes_in_comes_out(before: Decoded) -> None:
    after = decode_decoded(encode_decoded(before))
    assert [picture.locator for picture in after.pictures] == [picture.locator for picture in before.pictures]
    for old, new in zip(before.pictures, after.pictures, strict=True):
        assert np.array_equal(old.pixels, new.pixels)
    assert (after.next_start, after.notes) == (before.next_start, before.notes)
    if before.samples is None:
        assert after.samples is None
    else:
        assert after.samples is not None and after.samples.dtype == np.float32
        assert np.allclose(after.samples, before.samples, atol=1e-4)


@given(decoded(), st.data())
def test_what_is_cut_off_is_refused(before: Decoded, data: st.DataObject) -> None:
    encoded = encode_decoded(before)
    cut = data.draw(st.integers(0, len(encoded) - 1))
    with pytest.raises(ValueError):
        decode_decoded(encoded[:cut])


@given(st.binary(max_size=200))
def test_bytes_of_another_kind_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError):
        decode_decoded(data)


@pytest.mark.parametrize("message", [b'{"pictures": [[-1, 4, {"kind": "whole"}]]}', b"[]", b"{}", b'{"pictures": 1}'])
def test_a_message_of_another_shape_is_refused(message: bytes) -> None:
    with pytest.raises(ValueError):
        decode_decoded(len(message).to_bytes(8, "big") + message)
