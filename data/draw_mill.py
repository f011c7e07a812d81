"""Draws the mill in autumn: stone walls, slate roof, the wheel of red larch, trees, and the river that mirrors it all.

The picture is painted from the back to the front; the river is the painted upper half, turned over and rippled.
"""

from __future__ import annotations

from math import cos, pi, sin

import numpy as np
from brush import Array, Canvas, Colour, blurred
from PIL import Image

SHORE = 560.0
"""Where the river begins, from the top."""
WHEEL = (742.0, 462.0, 116.0)
"""Centre and radius."""
LEAVES: tuple[Colour, ...] = ((206, 112, 34), (222, 152, 46), (182, 72, 30), (232, 182, 72), (150, 96, 36))


def draw_mill() -> Image.Image:
    """The picture, 1200 × 800."""
    canvas = Canvas(1200, 800, seed=1827)
    _sky_and_hills(canvas)
    for x, y, size in ((90, 400, 150), (262, 440, 108), (1112, 392, 160), (980, 446, 92)):
        _tree(canvas, x, y, size)
    _bank(canvas)
    _house(canvas)
    _lucam(canvas)
    _wheel(canvas)
    _river(canvas)
    _foreground(canvas)
    glow = np.exp(-(((canvas.x - 120) / 520) ** 2) - ((canvas.y - 60) / 420) ** 2)
    canvas.paint(glow.astype(np.float32), (255, 226, 170), 0.35)
    return canvas.finished()


def _sky_and_hills(canvas: Canvas) -> None:
    canvas.paint(np.ones(canvas.shape, np.float32), canvas.ramp((118, 160, 204), (248, 224, 190), 0, 420))
    clouds = np.clip(canvas.noise(420, 110, 5) * 2.2 - 1.15, 0, 1)
    canvas.paint(clouds * np.clip(1 - canvas.y / 380, 0, 1), (255, 246, 234), 0.85)
    for top, swing, colour in ((352, 46, (146, 166, 176)), (398, 34, (128, 142, 118)), (440, 26, (150, 128, 70))):
        ridge = canvas.noise(360, 800, 4)[0]
        line = top - swing * (ridge - 0.5) * 2
        mask = np.clip((canvas.y - line[None, :]) * 1.0, 0, 1).astype(np.float32)
        canvas.textured(mask, colour, canvas.noise(16, 8, 3), 0.10)


def _tree(canvas: Canvas, x: float, y: float, size: float) -> None:
    """A trunk and a crown of dabs: dark ones below and behind, those in the sun last."""
    trunk = canvas.polygon([(x - 9, SHORE), (x - 5, y), (x + 5, y), (x + 11, SHORE)])
    canvas.textured(trunk, canvas.ramp((110, 84, 62), (54, 40, 34), x - 9, x + 11, along="x"), canvas.noise(4, 30), 0.3)
    chance = canvas.chance
    boughs = [
        (
            x + chance.normal(0, 0.36) * size,
            y - size * 0.4 + chance.normal(0, 0.34) * size,
            chance.uniform(0.3, 0.5) * size,
        )
        for _ in range(11)
    ]
    boughs.sort(key=lambda bough: -bough[1])
    with canvas.pencil() as pencil:
        for bough_x, bough_y, wide in boughs:
            for number in range(int(wide * 11)):
                angle, away = chance.uniform(0, 2 * pi), chance.uniform(0, 1) ** 0.55
                dx, dy = cos(angle) * away, sin(angle) * away * 0.85
                colour = LEAVES[int(chance.integers(len(LEAVES)))]
                # The first dabs of a bough are its shaded inside.
                bright = 0.5 + 0.5 * number / (wide * 11) - 0.2 * (dx + dy) + chance.normal(0, 0.09)
                dab = chance.uniform(1.4, 4.2)
                red, green, blue = (part * bright for part in colour)
                pencil.dab(bough_x + dx * wide, bough_y + dy * wide, dab, dab * 0.75, (red, green, blue), 0.9)


def _bank(canvas: Canvas) -> None:
    edge = 520 + 10 * canvas.noise(200, 800, 3)[0]
    mask = np.clip(canvas.y - edge[None, :], 0, 1).astype(np.float32)
    canvas.textured(mask, canvas.ramp((136, 140, 62), (70, 78, 38), 515, SHORE), canvas.noise(7, 22, 3), 0.28)


def _masonry(canvas: Canvas, left: float, top: float, right: float, bottom: float) -> Array:
    """Courses of stones of uneven length: 0 in the joints, and how light each stone is elsewhere."""
    chance = canvas.chance
    tone = np.zeros(canvas.shape, np.float32)
    image = Image.fromarray(tone)
    y = top
    while y < bottom:
        high = chance.uniform(9, 15)
        x = left - chance.uniform(0, 20)
        while x < right:
            wide = chance.uniform(15, 38)
            box = [round(value * 2) for value in (x + 0.8, y + 0.8, x + wide - 0.8, y + high - 0.8)]
            image.paste(float(chance.uniform(0.45, 0.95)), (box[0], box[1], box[2], box[3]))
            x += wide
        y += high
    return blurred(np.asarray(image, np.float32), 0.5)


def _house(canvas: Canvas) -> None:
    left, right, eaves = 372.0, 742.0, 288.0
    wall = canvas.box(left, eaves, right, SHORE + 6)
    stones = _masonry(canvas, left, eaves, right, SHORE + 6)
    canvas.textured(wall, canvas.ramp((222, 196, 150), (168, 142, 108), left, right, along="x"), stones, 0.26)
    canvas.textured(wall * 0.35, (196, 172, 132), canvas.noise(120, 120, 4), 0.35)
    canvas.light(wall * np.clip((canvas.y - 500) / 70, 0, 1).astype(np.float32), 0.62)
    roof = canvas.polygon([(left - 20, eaves + 6), (left + 52, 176), (right - 44, 176), (right + 22, eaves + 6)])
    rows = (0.5 + 0.5 * np.sign(np.sin(canvas.y * 2 * pi / 9))).astype(np.float32)
    slates = 0.6 * canvas.noise(14, 5, 2) + 0.4 * rows
    canvas.shadow(canvas.box(left, eaves, right, eaves + 10), (6, 8), 5, 0.55)
    canvas.textured(roof, canvas.ramp((132, 136, 150), (84, 88, 104), left, right, along="x"), slates, 0.17)
    canvas.light(canvas.polygon([(left + 50, 178), (left + 52, 172), (right - 44, 172), (right - 42, 178)]), 0.7)
    chimney = canvas.box(632, 128, 664, 196)
    canvas.textured(chimney, canvas.ramp((190, 116, 86), (116, 66, 52), 632, 664, along="x"), canvas.noise(9, 5), 0.25)
    smoke = np.exp(-(((canvas.x - 652 - (128 - canvas.y) * 0.7) / (8 + (128 - canvas.y) * 0.22)) ** 2))
    rising = np.where((canvas.y < 130) & (canvas.y > 0), smoke * np.clip(canvas.y / 130, 0, 1), 0).astype(np.float32)
    canvas.paint(rising * canvas.noise(40, 30, 3), (238, 236, 236), 0.75)
    for x, y in ((404, 324), (404, 416), (606, 324)):
        _window(canvas, x, y, 40, 56)
    door = canvas.box(522, 462, 580, SHORE + 2)
    canvas.shadow(door, (0, 0), 4, 0.6)
    canvas.textured(door, (70, 88, 66), canvas.noise(5, 60, 3), 0.35)
    canvas.paint(canvas.box(520, 454, 582, 463), (206, 190, 156))


def _window(canvas: Canvas, x: float, y: float, wide: float, high: float) -> None:
    canvas.paint(canvas.box(x - 5, y - 5, x + wide + 5, y + high + 5), (216, 206, 184))
    canvas.paint(canvas.box(x, y, x + wide, y + high), canvas.ramp((62, 70, 84), (238, 184, 96), y - 10, y + high + 30))
    canvas.paint(canvas.polygon([(x, y), (x + wide * 0.7, y), (x, y + high * 0.55)]), (190, 210, 226), 0.35)
    bars = canvas.box(x + wide / 2 - 1.5, y, x + wide / 2 + 1.5, y + high)
    for row in (1, 2):
        bars = np.maximum(bars, canvas.box(x, y + row * high / 3 - 1.2, x + wide, y + row * high / 3 + 1.2))
    canvas.paint(bars, (232, 226, 208))
    canvas.shadow(canvas.box(x - 6, y + high + 5, x + wide + 6, y + high + 7), (2, 4), 2, 0.4)
    canvas.paint(canvas.box(x - 8, y + high + 2, x + wide + 8, y + high + 8), (190, 178, 152))


def _lucam(canvas: Canvas) -> None:
    """The weatherboarded gable over the door, from which sacks are hoisted."""
    front = canvas.polygon([(508, 300), (508, 206), (552, 160), (596, 206), (596, 300)])
    canvas.shadow(front, (14, 10), 8, 0.45)
    boards = ((canvas.y % 11) / 11).astype(np.float32)
    canvas.textured(front, canvas.ramp((176, 140, 98), (128, 96, 66), 508, 596, along="x"), boards, 0.2)
    roof = np.maximum(canvas.stroke([(498, 214), (552, 156)], 8), canvas.stroke([(552, 156), (606, 214)], 8))
    canvas.paint(roof, canvas.ramp((150, 152, 164), (74, 78, 92), 498, 606, along="x"))
    hatch = canvas.box(534, 226, 570, 292)
    canvas.paint(hatch, canvas.ramp((30, 26, 26), (62, 48, 38), 226, 292))
    canvas.paint(canvas.stroke([(552, 198), (552, 372)], 2), (66, 56, 48))
    sack = canvas.polygon([(538, 376), (552, 366), (566, 376), (571, 414), (533, 414)])
    canvas.shadow(sack, (9, 6), 4, 0.4)
    canvas.textured(
        sack, canvas.ramp((236, 220, 184), (176, 152, 112), 533, 571, along="x"), canvas.noise(4, 4, 2), 0.1
    )


def _wheel(canvas: Canvas) -> None:
    """Red larch floats between two rims, eight arms, a shaft; the trough above brings the water."""
    x, y, radius = WHEEL
    pit = canvas.box(x - 8, y - 70, x + radius + 34, SHORE + 8)
    canvas.textured(pit, canvas.ramp((116, 104, 90), (40, 40, 42), y - 70, SHORE), canvas.noise(22, 14, 3), 0.3)
    canvas.shadow(canvas.ellipse(x, y, radius, radius), (18, 12), 14, 0.5)
    with canvas.pencil() as pencil:
        for number in range(40):
            angle = number * 2 * pi / 40 + 0.05
            inner, outer = radius - 24, radius + 6
            sun = 0.78 - 0.34 * cos(angle) - 0.2 * sin(angle)
            points = [
                (x + cos(angle + turn) * far, y + sin(angle + turn) * far)
                for far, turn in ((inner, -0.012), (outer, 0.028), (outer, 0.085), (inner, 0.045))
            ]
            pencil.shape(points, (208 * sun, 78 * sun, 52 * sun))
    wood = canvas.noise(9, 9, 3)
    light = canvas.ramp((206, 84, 54), (122, 42, 34), x - radius, x + radius, along="x")
    arms = np.zeros(canvas.shape, np.float32)
    for number in range(8):
        angle = number * pi / 4 + 0.2
        end = (x + cos(angle) * (radius - 12), y + sin(angle) * (radius - 12))
        arms = np.maximum(arms, canvas.stroke([(x, y), end], 8))
    rims = np.maximum(canvas.ring(x, y, radius - 4, 9), canvas.ring(x, y, radius - 22, 6))
    for part in (arms, rims):
        canvas.shadow(part, (4, 4), 2, 0.4)
        canvas.textured(part, light, wood, 0.2)
    canvas.textured(canvas.ellipse(x, y, 19, 19), canvas.ramp((150, 112, 78), (78, 54, 40), y - 19, y + 19), wood, 0.2)
    canvas.paint(canvas.ellipse(x, y, 8, 8), (58, 58, 64))
    trough = canvas.box(x + radius - 8, y - 44, 1010, y - 22)
    canvas.shadow(trough, (4, 14), 6, 0.4)
    canvas.textured(trough, canvas.ramp((156, 124, 88), (90, 68, 50), y - 44, y - 22), canvas.noise(60, 4, 3), 0.3)
    for post in (906, 992):
        canvas.textured(canvas.box(post, y - 22, post + 9, SHORE), (104, 80, 58), canvas.noise(5, 40), 0.3)
    fall = canvas.polygon([(x + 100, y - 32), (x + 122, y - 34), (x + 134, y + 30), (x + 128, SHORE), (x + 88, SHORE)])
    canvas.paint(blurred(fall, 4) * (0.45 + 0.55 * canvas.noise(6, 90, 3)), (236, 244, 250), 0.85)


def _river(canvas: Canvas) -> None:
    """What stands above the shore, upside down, moved sideways by the ripples, darker and bluer below."""
    rows, columns = canvas.shape
    shore = round(SHORE * rows / canvas.height)
    depth = np.arange(rows - shore, dtype=np.float32)
    ripple = canvas.noise(70, 6, 4)[shore:] - 0.5
    source_row = np.clip(shore - 1 - depth[:, None] * 1.25 + ripple * 26, 0, shore - 1).astype(int)
    moved = np.arange(columns)[None, :] + ripple * (10 + depth[:, None] * 0.09)
    mirror = canvas.pixels[source_row, np.clip(moved, 0, columns - 1).astype(int)]
    deep = np.clip(depth / (rows - shore), 0, 1)[:, None, None]
    water = mirror * (0.78 - 0.22 * deep) * np.asarray((0.9, 0.98, 1.06), np.float32)
    canvas.pixels[shore:] = water + (np.asarray((34, 58, 74), np.float32) - water) * (0.16 + 0.34 * deep)
    glint = np.clip(canvas.noise(90, 5, 4) * 3 - 2.05, 0, 1) * np.clip((canvas.y - SHORE) / 30, 0, 1)
    canvas.paint(glint.astype(np.float32), (255, 240, 214), 0.55)
    x, _, radius = WHEEL
    foam = np.exp(-(((canvas.x - x - 60) / (radius * 1.2)) ** 2) - ((canvas.y - SHORE - 9) / 13) ** 2)
    canvas.paint((foam * np.clip(canvas.noise(14, 6, 3) * 2 - 0.35, 0, 1)).astype(np.float32), (246, 250, 252), 0.95)


def _foreground(canvas: Canvas) -> None:
    """Fallen leaves on the water, reeds and grass at the near bank."""
    chance = canvas.chance
    with canvas.pencil() as pencil:
        for _ in range(130):
            x, y = chance.uniform(0, 1200), 580 + 200 * chance.uniform(0, 1) ** 1.3
            size = 1.2 + (y - 560) / 75
            pencil.dab(x + 1, y + size * 0.5, size * 1.3, size * 0.4, (24, 34, 42), 0.5)
            pencil.dab(x, y, size * 1.3, size * 0.5, LEAVES[int(chance.integers(len(LEAVES)))])
        for _ in range(900):
            x = chance.beta(0.5, 0.7) * 1200
            tall = chance.uniform(24, 96) * (0.35 + abs(x - 620) / 620)
            lean, tone = chance.normal(0, 14), chance.uniform(0.5, 1.15)
            colour = (
                (136 * tone, 128 * tone, 52 * tone) if chance.random() < 0.7 else (188 * tone, 146 * tone, 70 * tone)
            )
            base = 806.0
            blade = [(x - 1.6, base), (x + lean * 0.4, base - tall * 0.6), (x + lean, base - tall), (x + 1.8, base)]
            pencil.shape(blade, colour)
