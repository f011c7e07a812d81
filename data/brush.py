"""Brushes for the drawings of the sample library: shapes, gradients, textures, light and shadow on a canvas.

A canvas is an array of colours at twice the size of the picture, so that edges are smooth once it is made smaller.
What is painted is a mask (how much of each pixel is covered) and a colour or a texture. Positions are pixels of the
finished picture. Chance comes from a generator with a fixed seed: the same drawing gives the same picture.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont

Array: TypeAlias = NDArray[np.float32]
Colour: TypeAlias = tuple[float, float, float]
Point: TypeAlias = tuple[float, float]

FINE = 2
"""Pixels of the canvas for one of the picture, along each side."""


class Canvas:
    """A picture of ``width`` × ``height`` that is being painted."""

    def __init__(self, width: int, height: int, seed: int) -> None:
        self.width, self.height = width, height
        self.shape = (height * FINE, width * FINE)
        self.pixels: Array = np.zeros((*self.shape, 3), np.float32)  # (height, width, RGB), 0–255
        self.chance = np.random.default_rng(seed)
        rows, columns = np.mgrid[0 : self.shape[0], 0 : self.shape[1]].astype(np.float32)
        self.x: Array = columns / FINE
        self.y: Array = rows / FINE

    # --- masks: (height, width), 0–1 ---------------------------------------------------------------

    def polygon(self, points: Sequence[Point]) -> Array:
        """The inside of a polygon."""
        mask = Image.new("L", self.shape[::-1])
        ImageDraw.Draw(mask).polygon([(x * FINE, y * FINE) for x, y in points], fill=255)
        return _as_mask(mask)

    def box(self, left: float, top: float, right: float, bottom: float) -> Array:
        """The inside of an upright rectangle."""
        return self.polygon([(left, top), (right, top), (right, bottom), (left, bottom)])

    def ellipse(self, x: float, y: float, across: float, down: float) -> Array:
        """The inside of an ellipse with these half-axes."""
        mask = Image.new("L", self.shape[::-1])
        edges = (x - across, y - down, x + across, y + down)
        ImageDraw.Draw(mask).ellipse([edge * FINE for edge in edges], fill=255)
        return _as_mask(mask)

    def ring(self, x: float, y: float, radius: float, thick: float) -> Array:
        """A circle's outline, ``thick`` to the inside."""
        return self.ellipse(x, y, radius, radius) - self.ellipse(x, y, radius - thick, radius - thick)

    def stroke(self, points: Sequence[Point], thick: float) -> Array:
        """A line through these points, with round ends."""
        mask = Image.new("L", self.shape[::-1])
        draw = ImageDraw.Draw(mask)
        radius = thick * FINE / 2
        draw.line([(x * FINE, y * FINE) for x, y in points], fill=255, width=round(thick * FINE), joint="curve")
        for x, y in (points[0], points[-1]):
            draw.ellipse((x * FINE - radius, y * FINE - radius, x * FINE + radius, y * FINE + radius), fill=255)
        return _as_mask(mask)

    def letters(self, at: Point, text: str, size: float) -> Array:
        """A line of text whose top left corner is ``at``."""
        mask = Image.new("L", self.shape[::-1])
        font = ImageFont.load_default(size * FINE)
        ImageDraw.Draw(mask).text((at[0] * FINE, at[1] * FINE), text, fill=255, font=font)
        return _as_mask(mask)

    def noise(self, across: float, down: float | None = None, octaves: int = 3) -> Array:
        """Clouds of chance, 0–1, whose largest shapes are ``across`` wide and ``down`` high."""
        down = across if down is None else down
        total = np.zeros(self.shape, np.float32)
        weight = 1.0
        for octave in range(octaves):
            cells = (
                max(2, round(self.height / down * 2**octave) + 1),
                max(2, round(self.width / across * 2**octave) + 1),
            )
            grain = Image.fromarray(self.chance.random(cells, np.float32))
            total += weight * np.asarray(grain.resize(self.shape[::-1], Image.Resampling.BICUBIC))
            weight /= 2
        low, high = float(total.min()), float(total.max())
        return (total - low) / (high - low)

    # --- colours -----------------------------------------------------------------------------------

    def ramp(self, first: Colour, last: Colour, start: float, end: float, *, along: str = "y") -> Array:
        """Colours from ``first`` at ``start`` to ``last`` at ``end``, downwards or along ``x``."""
        way = self.y if along == "y" else self.x
        share = np.clip((way - start) / (end - start), 0, 1)[..., None]
        colours: Array = np.asarray(first, np.float32) * (1 - share) + np.asarray(last, np.float32) * share
        return colours

    # --- painting ----------------------------------------------------------------------------------

    def paint(self, mask: Array, colour: Colour | Array, opacity: float = 1.0) -> None:
        """Covers what the mask covers."""
        where = _extent(mask)
        paint = np.asarray(colour, np.float32)
        paint = paint[where] if paint.ndim == 3 else paint
        part = self.pixels[where]
        part += (paint - part) * (mask[where] * opacity)[..., None]

    def light(self, mask: Array, factor: float) -> None:
        """Makes what the mask covers darker (below 1) or lighter."""
        where = _extent(mask)
        self.pixels[where] *= 1 + (mask[where] * (factor - 1))[..., None]

    def textured(self, mask: Array, colour: Colour | Array, texture: Array, depth: float) -> None:
        """Covers with a colour that the texture (0–1) makes darker and lighter by the share ``depth``."""
        where = _extent(mask)
        paint = np.broadcast_to(np.asarray(colour, np.float32), (*self.shape, 3))[where]
        paint = paint * (1 + depth * (texture[where] - 0.5) * 2)[..., None]
        part = self.pixels[where]
        part += (paint - part) * mask[where][..., None]

    def shadow(self, mask: Array, shift: Point, soft: float, dark: float) -> None:
        """What the mask's thing throws: its shape, moved, blurred; ``dark`` is the share of light that is taken."""
        right, down = round(shift[0] * FINE), round(shift[1] * FINE)
        padded = np.pad(mask, ((abs(down),) * 2, (abs(right),) * 2))
        rows, columns = self.shape
        moved = padded[abs(down) - down :, abs(right) - right :][:rows, :columns]
        self.light(blurred(moved, soft), 1 - dark)

    @contextmanager
    def pencil(self) -> Iterator[Pencil]:
        """For many small things that need no texture."""
        image = Image.fromarray(np.clip(self.pixels, 0, 255).astype(np.uint8))
        yield Pencil(ImageDraw.Draw(image, "RGBA"))
        self.pixels = np.asarray(image, np.float32).copy()

    def plain(self) -> Image.Image:
        """The picture at its own size, as it was painted."""
        image = Image.fromarray(np.clip(self.pixels, 0, 255).astype(np.uint8))
        return image.resize((self.width, self.height), Image.Resampling.LANCZOS)

    def finished(self, grain: float = 2.5) -> Image.Image:
        """The picture at its own size, darker towards the corners and with the grain of a photograph."""
        away = np.hypot(self.x / self.width - 0.5, self.y / self.height - 0.5)
        pixels = self.pixels * (1 - 0.45 * np.clip(away - 0.25, 0, 1))[..., None]
        image = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
        small = np.asarray(image.resize((self.width, self.height), Image.Resampling.LANCZOS), np.float32)
        small = small + self.chance.normal(0, grain, (self.height, self.width, 1)).astype(np.float32)
        return Image.fromarray(np.clip(small, 0, 255).astype(np.uint8))


class Pencil:
    """Draws small plain shapes."""

    def __init__(self, draw: ImageDraw.ImageDraw) -> None:
        self._draw = draw

    def dab(self, x: float, y: float, across: float, down: float, colour: Colour, opacity: float = 1.0) -> None:
        """A filled ellipse."""
        edges = (x - across, y - down, x + across, y + down)
        self._draw.ellipse([edge * FINE for edge in edges], fill=_ink(colour, opacity))

    def shape(self, points: Sequence[Point], colour: Colour, opacity: float = 1.0) -> None:
        """A filled polygon."""
        self._draw.polygon([(x * FINE, y * FINE) for x, y in points], fill=_ink(colour, opacity))

    def line(self, points: Sequence[Point], colour: Colour, thick: float, opacity: float = 1.0) -> None:
        """A line through points."""
        width = max(1, round(thick * FINE))
        self._draw.line([(x * FINE, y * FINE) for x, y in points], fill=_ink(colour, opacity), width=width)


def blurred(mask: Array, radius: float) -> Array:
    """The mask with soft edges; ``radius`` in pixels of the picture."""
    image = Image.fromarray((np.clip(mask, 0, 1) * 255).astype(np.uint8))
    return _as_mask(image.filter(ImageFilter.GaussianBlur(radius * FINE)))


def _extent(mask: Array) -> tuple[slice, slice]:
    """The rows and columns outside of which a mask covers nothing."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(rows):
        return slice(0, 0), slice(0, 0)
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


def _as_mask(image: Image.Image) -> Array:
    grey: Array = np.asarray(image, np.float32)
    return grey / np.float32(255)


def _ink(colour: Colour, opacity: float) -> tuple[int, int, int, int]:
    red, green, blue = (min(255, max(0, round(part))) for part in colour)
    return (red, green, blue, round(255 * opacity))
