"""Which pictures the drawings of an Office document show, and how: the file in the package, its crop, its turn.

Word and PowerPoint share DrawingML for this (ECMA-376-1, 20.1.8 and 20.2); old Word files have VML. Nothing is
decoded here, so that a parser can tell in no time whether there is anything to look at. Metafiles (EMF, WMF) and SVG
are drawings made of lines and are not given.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from indexers.parsers.archive import attribute, local
from indexers.parsers.office_parts import link_of
from indexers.types import Box

_RASTER = frozenset({".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".gif", ".bmp", ".dib", ".tif", ".tiff", ".webp"})
_BEHIND = frozenset({"bg", "buBlip"})  # a slide's background; a picture used as a bullet
_QUARTER = 90 * 60_000  # DrawingML counts angles in 60,000ths of a degree
_WHOLE: Box = (0.0, 0.0, 1.0, 1.0)


@dataclass(frozen=True, slots=True)
class Drawn:
    """A picture as a document shows it.

    ``part`` is the file in the package, ``crop`` what is shown of it, and ``quarters`` how often it is then turned by
    90 degrees, clockwise.
    """

    part: str
    crop: Box = _WHOLE
    quarters: int = 0


def drawn_pictures(element: Any, parts: Mapping[str, str]) -> Iterator[Drawn]:
    """The raster pictures that an element shows, itself included, backgrounds and bullets left out.

    Args:
        element: of DrawingML, or of anything that holds some.
        parts: the parts that the element's own part links to, by the names of the links.
    """
    if local(element) in _BEHIND:
        return
    picture = drawn_picture(element, parts)
    if picture is not None:
        yield picture
    for child in element:
        yield from drawn_pictures(child, parts)


def drawn_picture(element: Any, parts: Mapping[str, str]) -> Drawn | None:
    """The raster picture that this very element (``blip``, or VML's ``imagedata``) names; None if it names none."""
    name = local(element)
    if name not in ("blip", "imagedata"):
        return None
    part = parts.get(attribute(element, "embed") if name == "blip" else link_of(element), "")
    if PurePosixPath(part).suffix.lower() not in _RASTER:
        return None
    return Drawn(part) if name == "imagedata" else Drawn(part, _crop(element), _quarters(element))


def _crop(blip: Any) -> Box:
    """What is left of the picture once its margins are cut off; margins that widen it are ignored."""
    edges = next((child for child in blip.itersiblings() if local(child) == "srcRect"), None)
    if edges is None:
        return _WHOLE
    left, top, right, bottom = (_share(attribute(edges, side)) for side in "ltrb")
    return (left, top, 1 - right, 1 - bottom) if left + right < 1 and top + bottom < 1 else _WHOLE


def _share(text: str) -> float:
    """A margin as a share (0–1): thousandths of a percent, or with a percent sign in the strict dialect."""
    scale = 100 if text.endswith("%") else 100_000
    try:
        return min(max(float(text.removesuffix("%") or 0) / scale, 0.0), 1.0)
    except ValueError:
        return 0.0


def _quarters(blip: Any) -> int:
    """How the frame around the picture is turned, to the nearest quarter."""
    fill = blip.getparent()
    picture = None if fill is None else fill.getparent()
    for properties in () if picture is None else picture:
        if local(properties) == "spPr":
            for frame in properties:
                angle = attribute(frame, "rot") if local(frame) == "xfrm" else ""
                if angle.removeprefix("-").isdecimal() and len(angle) < 12:
                    return round(int(angle) / _QUARTER) % 4
    return 0
