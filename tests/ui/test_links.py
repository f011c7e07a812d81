"""Which places have a small picture, and where it is."""

import pytest

from indexers.types import (
    LinesLocator,
    Locator,
    Media,
    PageLocator,
    RegionLocator,
    SlideLocator,
    TimeLocator,
    WholeLocator,
)
from ui.links import thumbnail


@pytest.mark.parametrize(
    ("media", "locator", "address"),
    [
        ("text", PageLocator(3), "documents/7/page/3?width=240"),
        ("image", PageLocator(2), "documents/7/page/2?width=240"),
        ("image", RegionLocator((0, 0, 1, 1)), "documents/7/thumbnail?width=240"),
        ("image", WholeLocator(), "documents/7/thumbnail?width=240"),
        ("image", TimeLocator(1, 2), "documents/7/thumbnail?width=240"),
        ("video", TimeLocator(12.34, 20), "documents/7/thumbnail?second=12.3&width=240"),
        ("video", WholeLocator(), "documents/7/thumbnail?width=240"),
        ("audio", TimeLocator(12, 20), ""),
        ("text", LinesLocator(1, 2), ""),
        ("text", SlideLocator(1), ""),
        ("text", WholeLocator(), ""),
    ],
)
def test_thumbnails(media: Media, locator: Locator, address: str) -> None:
    assert thumbnail(7, media, locator) == address
