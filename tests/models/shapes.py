"""Pictures of one coloured shape, drawn here, and what can be said of them: the world of the tests' tiny CLIP.

A ``Scene`` says what a picture shows. ``draw`` makes the same picture of the same scene and generator every time, so
a test needs no picture files. The pairs in ``HELD_OUT`` were never shown in training: a model that finds them has
learned colours and shapes, not pictures.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

COLOURS = {
    "red": (215, 25, 30),
    "orange": (250, 135, 15),
    "yellow": (250, 225, 30),
    "lime": (160, 235, 60),
    "green": (15, 140, 55),
    "cyan": (60, 215, 230),
    "blue": (30, 60, 210),
    "purple": (135, 45, 170),
    "pink": (250, 140, 190),
    "brown": (135, 80, 40),
}
SHAPES = ("circle", "square", "triangle", "star", "cross", "ring", "heart", "moon")
POSITIONS = {"centre": (0.5, 0.5), "left": (0.27, 0.5), "right": (0.73, 0.5), "top": (0.5, 0.27), "bottom": (0.5, 0.73)}
BACKGROUNDS = ("white", "black", "striped", "dotted")

HELD_OUT = (
    ("red", "star"), ("orange", "moon"), ("yellow", "square"), ("lime", "cross"), ("green", "heart"),
    ("cyan", "triangle"), ("blue", "ring"), ("purple", "circle"), ("pink", "cross"), ("brown", "star"),
)  # fmt: skip
PAIRS = tuple(product(COLOURS, SHAPES))
TRAINED = tuple(pair for pair in PAIRS if pair not in HELD_OUT)


@dataclass(frozen=True, slots=True)
class Scene:
    """What a picture shows: names of ``COLOURS``, ``SHAPES``, ``POSITIONS``, ``BACKGROUNDS``."""

    colour: str
    shape: str
    position: str = "centre"
    background: str = "white"


def draw(scene: Scene, chance: np.random.Generator | None = None, *, size: int = 128) -> NDArray[np.uint8]:
    """``(size, size, 3)`` uint8, RGB; with ``chance`` the size, place, tilt, colour and grain vary a little."""
    chance = chance or np.random.default_rng(0)
    canvas = Image.fromarray(_background(scene.background, 2 * size))
    radius = size * 2 * chance.uniform(0.19, 0.26)
    x, y = (2 * size * (part + chance.uniform(-0.03, 0.03)) for part in POSITIONS[scene.position])
    colour = np.array(COLOURS[scene.colour]) + chance.uniform(-12, 12, 3)
    ink = (int(colour[0].clip(0, 255)), int(colour[1].clip(0, 255)), int(colour[2].clip(0, 255)))
    # Drawn at twice the size and made smaller: smooth edges.
    mask = Image.new("L", canvas.size)
    _stamp(ImageDraw.Draw(mask), scene.shape, x, y, radius, chance.uniform(-0.25, 0.25))
    canvas.paste(ink, mask=mask)
    pixels = np.asarray(canvas.resize((size, size), Image.Resampling.BOX), np.float32)
    return (pixels + chance.normal(0, 3, pixels.shape)).clip(0, 255).astype(np.uint8)


def gallery(
    pairs: Sequence[tuple[str, str]], chance: np.random.Generator, *, size: int = 128
) -> list[NDArray[np.uint8]]:
    """A picture of every pair of colour and shape, at a place and on a background that ``chance`` picks."""
    positions, grounds = tuple(POSITIONS), BACKGROUNDS
    return [
        draw(Scene(colour, shape, str(chance.choice(positions)), str(chance.choice(grounds))), chance, size=size)
        for colour, shape in pairs
    ]


@lru_cache
def _background(name: str, size: int) -> NDArray[np.uint8]:
    rows, columns = np.mgrid[:size, :size]
    if name == "striped":
        light = (rows // (size // 12)) % 2 == 0
        grey = np.where(light, 235, 170)
    elif name == "dotted":
        step = size // 10
        dots = (rows % step - step / 2) ** 2 + (columns % step - step / 2) ** 2 < (step / 3.5) ** 2
        grey = np.where(dots, 140, 205)
    else:
        grey = np.full((size, size), {"white": 250, "black": 8}[name])
    return np.repeat(grey[..., None], 3, axis=2).astype(np.uint8)


def _stamp(pen: ImageDraw.ImageDraw, shape: str, x: float, y: float, radius: float, tilt: float) -> None:
    """Draws the shape white on a mask; ``tilt`` in radians."""

    def disc(x: float, y: float, radius: float, fill: int = 255) -> None:
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=fill)

    if shape == "circle":
        disc(x, y, radius * 0.95)
    elif shape == "ring":
        disc(x, y, radius)
        disc(x, y, radius * 0.55, fill=0)
    elif shape == "moon":
        disc(x, y, radius)
        disc(x + 0.55 * radius * math.cos(tilt), y + 0.55 * radius * math.sin(tilt), radius * 0.85, fill=0)
    else:
        sine, cosine = math.sin(tilt), math.cos(tilt)
        pen.polygon(
            [(x + radius * (a * cosine - b * sine), y + radius * (a * sine + b * cosine)) for a, b in _outline(shape)],
            fill=255,
        )


def _outline(shape: str) -> list[tuple[float, float]]:
    """Corners around the origin within about 1; the second axis points down."""
    if shape == "square":
        return [(-0.8, -0.8), (0.8, -0.8), (0.8, 0.8), (-0.8, 0.8)]
    if shape == "triangle":
        return [(0, -1), (0.95, 0.75), (-0.95, 0.75)]
    if shape == "star":
        turns = [(-0.5 + step / 5) * math.pi for step in range(10)]
        reach = [1.1 if step % 2 == 0 else 0.45 for step in range(10)]
        return [(far * math.cos(turn), far * math.sin(turn)) for turn, far in zip(turns, reach, strict=True)]
    if shape == "cross":
        a, b = 0.33, 1.0
        return [
            (-a, -b),
            (a, -b),
            (a, -a),
            (b, -a),
            (b, a),
            (a, a),
            (a, b),
            (-a, b),
            (-a, a),
            (-b, a),
            (-b, -a),
            (-a, -a),
        ]
    if shape == "heart":
        turns = np.linspace(0, 2 * math.pi, 48, endpoint=False)
        across = 16 * np.sin(turns) ** 3
        down = -(13 * np.cos(turns) - 5 * np.cos(2 * turns) - 2 * np.cos(3 * turns) - np.cos(4 * turns))
        return [(float(a), float(b)) for a, b in zip(across / 16, down / 16, strict=True)]
    raise ValueError(f"no shape {shape!r}")
