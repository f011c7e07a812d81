"""Draws a red bicycle that leans on the blue door of a barn, in the light of a late morning.

Everything on the wall throws its shadow to the lower right, the bicycle the longest.
"""

from __future__ import annotations

from math import cos, hypot, pi, sin

import numpy as np
from brush import Array, Canvas, Colour, Point, blurred
from PIL import Image

FLOOR = 640.0
REAR: Point = (432.0, 586.0)
FRONT: Point = (764.0, 586.0)
RADIUS = 112.0
CRANK: Point = (566.0, 592.0)
SEAT: Point = (512.0, 402.0)
HEAD: Point = (704.0, 408.0)
RED: Colour = (204.0, 36.0, 34.0)
DARK: Colour = (38.0, 38.0, 42.0)
STEEL: Colour = (196.0, 198.0, 204.0)


def draw_bicycle() -> Image.Image:
    """The picture, 1200 × 800."""
    canvas = Canvas(1200, 800, seed=35)
    _wall(canvas)
    _door(canvas)
    _ground(canvas)
    parts = _parts(canvas)
    everything = np.maximum.reduce([mask for mask, _ in parts])
    on_wall = everything * (canvas.y < FLOOR + 8)
    canvas.shadow(on_wall, (34, 20), 5, 0.5)
    foot = canvas.ellipse(598, 702, 330, 15)
    canvas.shadow(foot, (46, 0), 9, 0.55)
    for mask, colour in parts:
        _tube(canvas, mask, colour)
    _spokes(canvas, REAR)
    _spokes(canvas, FRONT)
    _basket(canvas)
    _churn(canvas)
    sun = np.clip(1.34 - canvas.x / 3000 - canvas.y / 4000, 0, 2).astype(np.float32)
    canvas.pixels *= sun[..., None] * np.asarray((1.04, 1.0, 0.93), np.float32)
    return canvas.finished(grain=1.8)


def _wall(canvas: Canvas) -> None:
    """Whitewashed stone on both sides of the door."""
    everywhere = np.ones(canvas.shape, np.float32)
    rough = 0.6 * canvas.noise(80, 46, 4) + 0.4 * canvas.noise(9, 7, 3)
    canvas.textured(everywhere, canvas.ramp((228, 220, 204), (196, 186, 168), 0, FLOOR), rough, 0.13)
    chance = canvas.chance
    y = 0.0
    with canvas.pencil() as pencil:
        while y < FLOOR:
            high, x = chance.uniform(34, 58), -chance.uniform(0, 80)
            pencil.line([(0, y), (1200, y + chance.normal(0, 3))], (158, 148, 132), 1.6, 0.6)
            while x < 1200:
                x += chance.uniform(60, 130)
                pencil.line([(x, y), (x + chance.normal(0, 4), y + high)], (158, 148, 132), 1.6, 0.5)
            y += high


def _door(canvas: Canvas) -> None:
    """Upright boards in faded blue, two iron bands with nails, a latch, a lintel of oak."""
    left, top, right = 258.0, 74.0, 926.0
    opening = canvas.box(left - 12, top - 10, right + 12, FLOOR + 10)
    canvas.shadow(opening, (0, 0), 12, 0.5)
    canvas.paint(opening, (58, 52, 48))
    lintel = canvas.box(left - 46, top - 54, right + 46, top - 6)
    canvas.shadow(lintel, (10, 14), 8, 0.5)
    canvas.textured(lintel, canvas.ramp((146, 112, 78), (92, 68, 48), top - 54, top - 6), canvas.noise(190, 5, 4), 0.32)
    board = (right - left) / 9
    for number in range(9):
        start = left + number * board
        plank = canvas.box(start + 1.5, top, start + board - 1.5, FLOOR + 4)
        tone = canvas.chance.uniform(0.88, 1.1)
        blue: Colour = (58 * tone, 110 * tone, 166 * tone)
        worn: Colour = (84 * tone, 128 * tone, 168 * tone)
        canvas.textured(plank, canvas.ramp(blue, worn, top, FLOOR), canvas.noise(7, 260, 4), 0.2)
        edge = canvas.box(start + board - 5, top, start + board - 1.5, FLOOR + 4)
        canvas.light(blurred(edge, 1.2), 0.7)
    peeled = np.clip(canvas.noise(26, 120, 4) * 4 - 2.95, 0, 1) * canvas.box(left, 470, right, FLOOR + 4)
    canvas.paint(peeled, (150, 132, 108), 0.6)
    for y in (168.0, 470.0):
        band = canvas.polygon(
            [(left - 4, y), (right - 150, y + 6), (right - 124, y + 14), (right - 150, y + 22), (left - 4, y + 30)]
        )
        canvas.shadow(band, (4, 6), 3, 0.45)
        canvas.textured(band, canvas.ramp((74, 74, 80), (36, 36, 40), y, y + 30), canvas.noise(8, 8, 3), 0.25)
        for number in range(7):
            nail = left + 34 + number * board
            canvas.paint(canvas.ellipse(nail, y + 14, 5, 5), canvas.ramp((128, 128, 134), (34, 34, 38), y + 8, y + 20))
    latch = np.maximum(canvas.ring(872, 352, 20, 5), canvas.ellipse(872, 332, 8, 8))
    canvas.shadow(latch, (5, 7), 3, 0.5)
    canvas.paint(latch, (44, 44, 48))


def _ground(canvas: Canvas) -> None:
    """Cobbles, smaller and paler towards the wall."""
    floor = canvas.box(0, FLOOR, 1200, 800)
    canvas.textured(floor, canvas.ramp((128, 118, 104), (98, 90, 82), FLOOR, 800), canvas.noise(10, 5), 0.25)
    chance = canvas.chance
    y = FLOOR + 4
    with canvas.pencil() as pencil:
        while y < 812:
            size = 8 + (y - FLOOR) / 8
            x = -chance.uniform(0, size)
            while x < 1210:
                wide = size * chance.uniform(1.0, 1.5)
                tone, down = chance.uniform(0.8, 1.12), size * 0.42
                pencil.dab(x + 2, y + 2, wide * 0.92, down * 1.05, (52, 46, 42), 0.8)
                pencil.dab(x, y, wide * 0.9, down, (152 * tone, 142 * tone, 128 * tone))
                pencil.dab(
                    x - wide * 0.16, y - down * 0.3, wide * 0.5, down * 0.4, (190 * tone, 180 * tone, 162 * tone), 0.5
                )
                x += wide * 1.9
            y += size * 0.82
        for _ in range(36):
            x, y = chance.uniform(0, 1200), chance.uniform(FLOOR + 6, 790)
            pencil.dab(
                x,
                y,
                chance.uniform(3, 7),
                chance.uniform(2, 4),
                (196, 128, 48) if chance.random() < 0.6 else (160, 66, 34),
            )
    canvas.light(np.exp(-(((canvas.y - FLOOR) / 20) ** 2)).astype(np.float32) * floor, 0.55)


def _parts(canvas: Canvas) -> list[tuple[Array, Colour]]:
    """The bicycle from the back to the front."""

    def tyre(at: Point) -> Array:
        return canvas.ring(*at, RADIUS, 10)

    def guard(at: Point) -> Array:
        above = (canvas.y < at[1] - 10).astype(np.float32)
        return canvas.ring(*at, RADIUS + 13, 7) * above

    bars = [(696, 352), (726, 344), (752, 350), (760, 366)]
    saddle = [
        (462, 372),
        (470, 360),
        (500, 362),
        (540, 366),
        (566, 370),
        (562, 377),
        (520, 384),
        (488, 394),
        (468, 390),
    ]
    frame = [
        [SEAT, HEAD],
        [(518, 424), (556, 560), CRANK],
        [(706, 426), CRANK],
        [CRANK, REAR],
        [(516, 420), REAR],
    ]
    fork = [(700, 392), (716, 440), (740, 520), FRONT]
    return [
        (tyre(REAR), DARK),
        (tyre(FRONT), DARK),
        (canvas.ring(*REAR, RADIUS - 10, 6), STEEL),
        (canvas.ring(*FRONT, RADIUS - 10, 6), STEEL),
        (guard(REAR), RED),
        (guard(FRONT), RED),
        (np.maximum(canvas.stroke([CRANK, REAR], 2), canvas.stroke([(566, 566), (432, 576)], 3)), DARK),
        (
            np.maximum.reduce([canvas.stroke(points, 12 if number < 3 else 8) for number, points in enumerate(frame)]),
            RED,
        ),
        (canvas.stroke(fork, 9), RED),
        (canvas.stroke([(700, 396), (696, 352)], 8), STEEL),
        (canvas.stroke(bars, 7), STEEL),
        (canvas.stroke([(740, 347), (754, 352), (762, 372)], 12), (92, 58, 40)),
        (canvas.stroke([SEAT, (506, 384)], 7), STEEL),
        (canvas.polygon(saddle), (112, 68, 42)),
        (canvas.ring(*CRANK, 29, 6), STEEL),
        (canvas.stroke([CRANK, (598, 626)], 7), STEEL),
        (canvas.stroke([(584, 630), (614, 628)], 9), DARK),
        (canvas.ellipse(*CRANK, 9, 9), STEEL),
        (np.maximum(canvas.ellipse(*REAR, 10, 10), canvas.ellipse(*FRONT, 8, 8)), STEEL),
        (canvas.ellipse(772, 404, 13, 15), STEEL),
    ]


def _tube(canvas: Canvas, mask: Array, colour: Colour) -> None:
    """Paints a part as if it were round: lit along its upper left edge, dark along the lower right."""
    canvas.paint(mask, colour)
    soft = blurred(mask, 2.2)
    step = 3
    slope = np.roll(soft, (step, step), (0, 1)) - np.roll(soft, (-step, -step), (0, 1))
    canvas.light(mask * np.clip(slope, 0, 1), 0.35)
    canvas.paint(mask * np.clip(-slope, 0, 1), (255, 240, 222), 0.75)


def _spokes(canvas: Canvas, hub: Point) -> None:
    with canvas.pencil() as pencil:
        for number in range(28):
            angle = number * 2 * pi / 28
            skew = 0.5 if number % 2 else -0.5
            start = (hub[0] + cos(angle + skew) * 8, hub[1] + sin(angle + skew) * 8)
            end = (hub[0] + cos(angle) * (RADIUS - 14), hub[1] + sin(angle) * (RADIUS - 14))
            pencil.line([start, end], (226, 228, 232), 0.9, 0.85)


def _basket(canvas: Canvas) -> None:
    """Wickerwork on the handlebar, with two loaves that look over its edge."""
    for x, lean in ((756, -6), (794, 8)):
        loaf = canvas.stroke([(x, 420), (x + lean, 326)], 30)
        canvas.textured(
            loaf, canvas.ramp((222, 164, 92), (146, 88, 40), x - 18, x + 20, along="x"), canvas.noise(8, 8), 0.2
        )
        for y in (340, 362, 384):
            canvas.paint(blurred(canvas.stroke([(x - 9, y + 6), (x + 10, y - 4)], 4), 0.8), (246, 220, 168), 0.8)
    shape = canvas.polygon([(722, 388), (834, 388), (818, 474), (740, 474)])
    canvas.shadow(shape, (14, 12), 7, 0.4)
    weave = (np.sin(canvas.x * pi / 7) * np.sin(canvas.y * pi / 5) * 0.5 + 0.5).astype(np.float32)
    canvas.textured(shape, canvas.ramp((204, 158, 96), (120, 82, 46), 722, 834, along="x"), weave, 0.36)
    for y, left, right in ((390, 718, 838), (472, 738, 820)):
        rim = canvas.stroke([(left, y), (right, y)], 9)
        canvas.shadow(rim, (2, 4), 2, 0.4)
        canvas.textured(rim, canvas.ramp((216, 172, 110), (130, 90, 52), y - 5, y + 5), weave, 0.25)


def _churn(canvas: Canvas) -> None:
    """A milk churn beside the door, for the size of things."""
    x, top, bottom = 1046.0, 452.0, 690.0
    outline = [
        (x - 34, top), (x + 34, top), (x + 34, top + 34), (x + 62, top + 84), (x + 66, bottom - 8),
        (x + 50, bottom + 6), (x - 50, bottom + 6), (x - 66, bottom - 8), (x - 62, top + 84), (x - 34, top + 34),
    ]  # fmt: skip
    body = canvas.polygon(outline)
    canvas.shadow(body, (38, 14), 10, 0.45)
    canvas.shadow(canvas.ellipse(x + 20, bottom + 4, 86, 12), (0, 0), 7, 0.5)
    across = np.clip((canvas.x - x) / 68, -1, 1)
    shine = 0.62 + 0.5 * np.exp(-(((across + 0.42) / 0.2) ** 2)) - 0.34 * np.clip(across, 0, 1) ** 2
    tin = np.asarray((188, 192, 198), np.float32) * shine[..., None].astype(np.float32)
    canvas.textured(body, tin.astype(np.float32), canvas.noise(26, 60, 4), 0.1)
    for y in (top + 34, top + 86, bottom - 26):
        wide = 34 if y < top + 40 else 64
        canvas.light(canvas.stroke([(x - wide, y), (x + wide, y)], 4), 0.6)
        canvas.paint(canvas.stroke([(x - wide, y - 3), (x + wide - 30, y - 3)], 2), (236, 238, 242), 0.5)
    lid = canvas.ellipse(x, top, 42, 13)
    canvas.shadow(lid, (2, 6), 3, 0.4)
    canvas.paint(lid, canvas.ramp((226, 228, 232), (128, 132, 140), x - 42, x + 42, along="x"))
    for side in (-1, 1):
        handle = canvas.stroke([(x + side * 36, top + 30), (x + side * 62, top + 40), (x + side * 62, top + 74)], 7)
        _tube(canvas, handle, (150, 154, 160))
    assert hypot(FRONT[0] - x, FRONT[1] - bottom) > RADIUS, "the churn stands clear of the wheel"
