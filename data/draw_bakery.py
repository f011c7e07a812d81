"""Draws the bread table: loaves on a linen cloth and on boards, a slate with the prices, light from a window.

A loaf is a height over the table; how much light its crust gets follows from the slope, as on a round thing.
"""

from __future__ import annotations

from math import cos, sin

import numpy as np
from brush import Array, Canvas, Colour, blurred
from PIL import Image

EDGE = 400.0
"""Where the table's far edge stands."""
PRICES = (("BREAD TODAY", 30), ("Rye loaf 3.80", 26), ("Spelt loaf 4.40", 26), ("Plum bun 1.20", 26))


def draw_bakery() -> Image.Image:
    """The picture, 1200 × 800."""
    canvas = Canvas(1200, 800, seed=11)
    _room(canvas)
    _table(canvas)
    _slate(canvas)
    _cloth(canvas)
    for x in (700, 836):
        _loaf(canvas, (x, 452), (78, 48), 0.0, scores=3)
    for x, y, turn in ((184, 452, 0.1), (322, 470, -0.14), (250, 528, 0.05)):
        _loaf(canvas, (x, y), (92, 50), turn, scores=2)
    _board(canvas)
    for x, y, size in ((596, 590, 88), (768, 612, 92), (680, 676, 96)):
        _loaf(canvas, (x, y), (size, size * 0.66), 0.0, scores=-1)
    for x, y in ((980, 506), (1052, 520), (1010, 552), (1086, 566), (948, 560), (1026, 604)):
        _loaf(canvas, (x, y), (42, 30), 0.0, scores=0)
    _loaf(canvas, (212, 656), (172, 46), -0.12, scores=5)
    _flour_and_ears(canvas)
    beam = np.exp(-(((canvas.x - 330 + canvas.y * 0.28) / 300) ** 2)) * np.clip(1.1 - canvas.y / 900, 0, 1)
    canvas.paint(beam.astype(np.float32), (255, 232, 180), 0.2)
    return canvas.finished(grain=1.8)


def _room(canvas: Canvas) -> None:
    """A plastered wall in half shadow and a small deep window."""
    wall = np.ones(canvas.shape, np.float32)
    plaster = 0.7 * canvas.noise(260, 200, 5) + 0.3 * canvas.noise(12, 12, 3)
    canvas.textured(wall, canvas.ramp((206, 178, 140), (104, 78, 62), 120, 1200, along="x"), plaster, 0.14)
    frame = canvas.box(170, 30, 430, 290)
    canvas.shadow(frame, (10, 14), 16, 0.4)
    canvas.paint(frame, (150, 120, 88))
    canvas.paint(canvas.box(188, 46, 412, 268), canvas.ramp((220, 236, 248), (252, 238, 196), 46, 268))
    hills = np.clip(canvas.y - (214 - 26 * canvas.noise(150, 800, 3)[0])[None, :], 0, 1).astype(np.float32)
    canvas.paint(hills * canvas.box(188, 46, 412, 268), (170, 180, 120), 0.8)
    bars = np.maximum(canvas.box(296, 46, 304, 268), canvas.box(188, 148, 412, 156))
    canvas.shadow(bars, (4, 4), 3, 0.3)
    canvas.paint(bars, (224, 206, 176))
    sill = canvas.box(152, 284, 448, 306)
    canvas.shadow(sill, (8, 14), 9, 0.4)
    canvas.textured(sill, canvas.ramp((224, 196, 154), (150, 118, 84), 284, 306), canvas.noise(90, 6), 0.2)
    glow = np.exp(-(((canvas.x - 300) / 300) ** 2) - ((canvas.y - 170) / 220) ** 2).astype(np.float32)
    canvas.paint(glow, (255, 240, 206), 0.28)
    shelf = canvas.box(560, 168, 1200, 186)
    for x, high, colour in ((610, 96, (120, 70, 52)), (706, 74, (92, 108, 96)), (1090, 92, (140, 112, 70))):
        jar = canvas.box(x, 168 - high, x + 62, 168)
        canvas.shadow(jar, (12, 6), 8, 0.4)
        round_: Array = np.clip(1.25 - np.abs((canvas.x - x - 20) / 44) ** 1.6, 0.35, 1.3).astype(np.float32)
        canvas.paint(jar, np.asarray(colour, np.float32) * round_[..., None])
        canvas.paint(canvas.ellipse(x + 31, 168 - high, 31, 7), (206, 190, 160))
    canvas.shadow(shelf, (6, 16), 9, 0.45)
    canvas.textured(shelf, canvas.ramp((150, 112, 76), (82, 58, 42), 168, 186), canvas.noise(160, 5), 0.25)


def _table(canvas: Canvas) -> None:
    """Boards that run towards the viewer; grain follows them."""
    top = canvas.box(0, EDGE, 1200, 800)
    canvas.shadow(canvas.box(0, EDGE - 6, 1200, EDGE + 4), (0, -4), 8, 0.35)
    away = np.clip((canvas.y - EDGE) / (800 - EDGE), 0, 1)
    across = (canvas.x - 600) / (0.75 + 0.6 * away)
    board = np.floor(across / 118)
    tone = 0.93 + 0.14 * np.modf(np.abs(np.sin(board * 12.9898) * 43758.5))[0]
    warp = canvas.noise(300, 500, 3)
    grain = 0.5 + 0.5 * np.sin(across / 3.1 + warp * 11 + board * 9)
    colour = canvas.ramp((214, 156, 96), (150, 98, 56), EDGE, 800) * tone[..., None].astype(np.float32)
    canvas.textured(top, colour.astype(np.float32), (0.6 * grain + 0.4 * canvas.noise(6, 40)).astype(np.float32), 0.11)
    joint = np.exp(-(((across / 118 - np.round(across / 118)) * 60) ** 2)) * top
    canvas.light(joint.astype(np.float32), 0.55)


def _slate(canvas: Canvas) -> None:
    """A slate in a wooden frame that leans on the wall, with chalk letters."""
    frame = canvas.box(862, 206, 1136, 408)
    canvas.shadow(frame, (14, 12), 12, 0.5)
    canvas.textured(frame, canvas.ramp((190, 146, 98), (112, 80, 54), 206, 408), canvas.noise(90, 7), 0.22)
    slate = canvas.box(876, 220, 1122, 394)
    canvas.textured(slate, (52, 58, 60), canvas.noise(150, 70, 4), 0.16)
    y = 230.0
    for text, size in PRICES:
        canvas.paint(canvas.letters((892, y), text, size), (240, 238, 228), 0.92)
        y += size + 14


def _cloth(canvas: Canvas) -> None:
    """Linen with two blue stripes and soft folds."""
    shape = canvas.polygon([(78, 424), (420, 418), (452, 590), (40, 600)])
    canvas.shadow(shape, (5, 7), 4, 0.4)
    folds = 0.5 + 0.5 * np.sin(canvas.x / 21 + canvas.noise(160, 120, 3) * 9)
    canvas.textured(shape, (236, 228, 210), folds.astype(np.float32), 0.07)
    weave = (np.sin(canvas.x * 2.4) * np.sin(canvas.y * 2.4)).astype(np.float32) * 0.5 + 0.5
    canvas.light(shape * weave * 0.5, 0.95)
    for inset in (14, 22):
        stripe = [(78 - inset * 0.1 + 4, 424 + inset * 6.6), (420 + inset * 1.2, 418 + inset * 6.6)]
        canvas.paint(canvas.stroke(stripe, 3) * shape, (70, 104, 160), 0.75)


def _board(canvas: Canvas) -> None:
    """A round board under the big loaves."""
    below = canvas.ellipse(682, 652, 226, 106)
    canvas.shadow(below, (14, 14), 9, 0.5)
    canvas.textured(below, (120, 80, 48), canvas.noise(120, 6), 0.2)
    canvas.textured(canvas.ellipse(682, 642, 226, 104), (196, 146, 92), canvas.noise(220, 6, 4), 0.2)


def _loaf(canvas: Canvas, at: tuple[float, float], size: tuple[float, float], turn: float, *, scores: int) -> None:
    """A loaf that lies on the table.

    Args:
        at: its middle.
        size: half its length and half its height, as seen.
        turn: how far it is turned, in radians.
        scores: cuts across it; -1: a cross.
    """
    (x, y), (long, high) = at, size
    dx, dy = canvas.x - x, canvas.y - y
    u = (dx * cos(turn) + dy * sin(turn)) / long
    v = (-dx * sin(turn) + dy * cos(turn)) / high
    bumps = canvas.noise(46, 40, 3)
    away = np.abs(u) ** 2.3 + np.abs(v) ** 2.3 + (bumps - 0.5) * 0.1
    mask = blurred((away < 1).astype(np.float32), 0.6)
    canvas.shadow(canvas.ellipse(x + 6, y + high * 0.62, long * 1.02, high * 0.55), (9, 6), 9, 0.62)
    # The height of a cushion, and how its slope stands to the light from the upper left.
    height = np.sqrt(np.clip(1 - away, 0.0, 1))
    lit = np.clip(0.5 * height + 0.38 - (0.42 * u + 0.58 * v) * np.clip(1.3 - height, 0, 1), 0, 1.25)
    crust = _crust(lit.astype(np.float32), bumps)
    canvas.textured(mask, crust, canvas.noise(9, 7, 3), 0.12)
    flour = np.clip(canvas.noise(30, 22, 4) * 2.4 - 1.25, 0, 1) * np.clip(lit - 0.35, 0, 1) * mask * (scores != 0)
    canvas.paint(flour.astype(np.float32), (250, 240, 222), 0.6)
    cuts = np.zeros(canvas.shape, np.float32)
    for middle, slant in _cuts(scores):
        far = np.abs((u - middle) * cos(slant) - v * sin(slant) * high / long)
        width = 0.075 if scores > 0 else 0.06
        cuts = np.maximum(cuts, np.exp(-((far / width) ** 2)) * np.clip(2.0 - away * 2.4, 0, 1))
    canvas.paint((np.roll(cuts, 8, 0) * mask).astype(np.float32), (78, 38, 16), 0.85)
    canvas.paint((cuts * mask).astype(np.float32), (250, 222, 168), 0.95)
    if scores == 0:
        canvas.paint(blurred(canvas.ellipse(x - 12, y - 11, 11, 5), 3), (255, 238, 200), 0.6)


def _crust(lit: Array, bumps: Array) -> Array:
    """From the dark underside over brown to the golden top."""
    level = np.clip(lit + (bumps - 0.5) * 0.2, 0, 1)
    stops = np.asarray([0.0, 0.35, 0.65, 0.9, 1.0], np.float32)
    shades = np.asarray([(46, 24, 14), (116, 62, 28), (178, 108, 48), (224, 164, 90), (246, 204, 138)], np.float32)
    parts = [np.interp(level, stops, shades[:, part]) for part in range(3)]
    return np.stack(parts, -1).astype(np.float32)


def _cuts(scores: int) -> list[tuple[float, float]]:
    """Where cuts lie along a loaf (-1…1) and how they slant."""
    if scores < 0:
        return [(0.0, 0.7), (0.0, -0.7)]
    return [((number - (scores - 1) / 2) * 1.3 / max(scores, 1), 0.5) for number in range(scores)]


def _flour_and_ears(canvas: Canvas) -> None:
    """Dust on the boards and three ears of rye at the front."""
    dust = np.clip(canvas.noise(200, 90, 5) * 2.2 - 1.3, 0, 1) * np.clip((canvas.y - 660) / 110, 0, 1).astype(
        np.float32
    )
    canvas.paint(dust, (248, 238, 220), 0.4)
    straw: Colour = (214, 176, 96)
    for start, angle in (((900, 770), -0.5), ((926, 786), -0.36), ((966, 790), -0.62)):
        stalk = [
            (start[0] + step * 22 * cos(angle), start[1] + step * 22 * sin(angle) + step * step * 0.4)
            for step in range(9)
        ]
        line = canvas.stroke(stalk, 2.4)
        canvas.shadow(line, (3, 5), 2, 0.4)
        canvas.paint(line, straw)
        with canvas.pencil() as pencil:
            for step in range(14):
                share = 5 + step * 0.3
                x = start[0] + share * 22 * cos(angle)
                y = start[1] + share * 22 * sin(angle) + share * share * 0.4
                for side in (-1, 1):
                    tip = angle + side * 0.6
                    pencil.dab(x + cos(tip) * 5, y + sin(tip) * 5, 5, 3, (206, 158, 74))
                    pencil.line([(x, y), (x + cos(tip * 0.8) * 30, y + sin(tip * 0.8) * 30)], (232, 198, 122), 0.7, 0.8)
