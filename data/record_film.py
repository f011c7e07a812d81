"""Records the film of the new hatch gate: four drawn scenes, a spoken commentary, subtitles and chapters in one MP4."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from math import pi
from pathlib import Path
from struct import pack
from typing import TYPE_CHECKING

import av
import numpy as np
from brush import Array, Canvas, Colour, blurred
from numpy.typing import NDArray
from record_talk import frames_of
from spoken import RATE, Said, read_aloud

if TYPE_CHECKING:
    from av.container.core import Chapter
    from av.stream import Stream

WIDTH, HEIGHT, FRAMES_A_SECOND = 640, 360, 12
MILLISECOND = Fraction(1, 1000)
GREEN: Colour = (47, 79, 63)
CREAM: Colour = (247, 243, 232)
CHAPTERS = ("Title", "The gate goes in", "The gauge board", "Credits")
COMMENTARY = (
    ("On 9 March 2024 we hung a new gate in the wheel hatch.",),
    (
        "Its boards are oak from the old bell frame of the chapel.",
        "The gate weighs 94 kilograms, so we lifted it with the sack hoist.",
        "When Harriet gave the sign, it went up without a sound, and the water came through.",
    ),
    ("All afternoon the gauge board stood at 0.73 metres.",),
    ("Nobody fell in, although two of us tried.",),
)
Pixels = NDArray[np.uint8]


def record_film(target: Path) -> None:
    """Writes ``target``, an MP4 file."""
    sound, told = read_aloud(COMMENTARY, pause_s=1.6, lead_s=1.2)
    length_s = len(sound) / RATE
    starts = [0.0, *(part[0].start_s - 0.8 for part in told[1:]), length_s]
    with av.open(str(target), "w", options={"movflags": "+faststart"}) as container:
        container.metadata.update(
            {"title": "A new gate for the wheel hatch", "artist": "Kit Marsh", "date": "2024-03-09"}
        )
        picture = container.add_stream("libx264", rate=FRAMES_A_SECOND, options={"crf": "25", "preset": "slow"})
        picture.width, picture.height, picture.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        picture.codec_context.thread_count = 1  # more give other bytes on other machines
        voice = container.add_stream("aac", rate=RATE, layout="mono")
        voice.bit_rate = 48_000
        titles = container.add_mux_stream("mov_text")
        titles.time_base = MILLISECOND
        for stream in (voice, titles):
            stream.metadata["language"] = "eng"
        container.set_chapters(_chapters(starts))
        for number, pixels in enumerate(_pictures(starts)):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts = number
            container.mux(picture.encode(frame))
        container.mux(picture.encode(None))
        for sounding in frames_of(sound):
            container.mux(voice.encode(sounding))
        container.mux(voice.encode(None))
        for packet in _subtitles([said for part in told for said in part]):
            packet.stream = titles
            container.mux(packet)


def _chapters(starts: list[float]) -> list[Chapter]:
    """A chapter for each scene; the last of ``starts`` is the end."""
    edges = [round(start * 1000) for start in starts]
    return [
        {"id": n, "start": edges[n - 1], "end": edges[n], "time_base": MILLISECOND, "metadata": {"title": title}}
        for n, title in enumerate(CHAPTERS, 1)
    ]


def _subtitles(told: list[Said]) -> Iterator[av.Packet[Stream]]:
    """Timed text as MP4 has it: the length of the text in two bytes, the text; an empty one clears the screen."""
    last = 0
    for said in told:
        start, end = round(said.start_s * 1000), round(said.end_s * 1000)
        for begin, until, text in ((last, start, ""), (start, end, said.text)):
            data = text.encode()
            packet: av.Packet[Stream] = av.Packet(pack(">H", len(data)) + data)
            packet.pts = packet.dts = begin
            packet.duration, packet.time_base = until - begin, MILLISECOND
            yield packet
        last = end


def _pictures(starts: list[float]) -> Iterator[Pixels]:
    """The frames of the four scenes; each begins at one of ``starts``, the last of which is the end."""
    title = _card(("A new gate for", "the wheel hatch"), "Osier Mill, 9 March 2024")
    board = _gauge_board()
    credits = _card(("Camera: Kit Marsh",), "Sound: the river, mostly")
    hatch = _Hatch()
    for number in range(round(starts[-1] * FRAMES_A_SECOND)):
        now = number / FRAMES_A_SECOND
        if now < starts[1]:
            yield title
        elif now < starts[2]:
            # The gate hangs still for two thirds of the scene, then goes up.
            share = (now - starts[1]) / (starts[2] - starts[1])
            yield hatch.frame(now, float(np.clip((share - 0.68) / 0.22, 0, 1)))
        elif now < starts[3]:
            yield board
        else:
            yield credits


def _small(canvas: Canvas) -> Pixels:
    return np.asarray(canvas.plain())


def _card(lines: tuple[str, ...], below: str) -> Pixels:
    """Large letters on green, a line under them, smaller letters."""
    canvas = Canvas(WIDTH, HEIGHT, seed=9)
    paper = canvas.noise(120, 90, 4)
    canvas.textured(np.ones(canvas.shape, np.float32), canvas.ramp((58, 94, 76), (34, 60, 48), 0, HEIGHT), paper, 0.06)
    y = 176.0 - 54 * len(lines)
    for line in lines:
        canvas.paint(canvas.letters((64, y), line, 46), CREAM)
        y += 56
    canvas.paint(canvas.box(66, y + 10, 266, y + 13), (214, 172, 96))
    canvas.paint(canvas.letters((66, y + 28), below, 27), (226, 220, 200))
    return _small(canvas)


def _gauge_board() -> Pixels:
    """The white board with its marks, the water at 0.73, and what it says in figures."""
    canvas = Canvas(WIDTH, HEIGHT, seed=73)
    everywhere = np.ones(canvas.shape, np.float32)
    canvas.textured(everywhere, canvas.ramp((150, 142, 126), (108, 102, 92), 0, HEIGHT), canvas.noise(46, 22, 4), 0.2)
    board = canvas.box(92, 0, 232, HEIGHT)
    canvas.shadow(board, (8, 6), 6, 0.5)
    canvas.textured(
        board, canvas.ramp((250, 250, 246), (222, 224, 222), 92, 232, along="x"), canvas.noise(80, 60), 0.03
    )

    def height(metres: float) -> float:
        return 248 - (metres - 0.73) * 900

    for centimetres in range(58, 102):
        y = height(centimetres / 100)
        long = 58 if centimetres % 10 == 0 else 36 if centimetres % 5 == 0 else 22
        canvas.paint(canvas.box(100, y - 1.4, 100 + long, y + 1.4), (24, 30, 40))
        if centimetres % 10 == 0:
            canvas.paint(canvas.letters((166, y - 17), f"{centimetres / 100:.1f}", 34), (24, 30, 40))
    surface = height(0.73) + 3 * (canvas.noise(60, 800, 3)[0] - 0.5)
    water = np.clip((canvas.y - surface[None, :]) * 2, 0, 1).astype(np.float32)
    canvas.paint(water, canvas.ramp((96, 138, 146), (30, 62, 76), 246, HEIGHT), 0.86)
    canvas.paint(np.exp(-(((canvas.y - surface[None, :] - 2) / 2.2) ** 2)).astype(np.float32), (226, 240, 244), 0.8)
    sign = canvas.box(330, 84, 588, 196)
    canvas.shadow(sign, (6, 6), 6, 0.5)
    canvas.paint(sign, CREAM)
    canvas.paint(canvas.letters((352, 98), "Gauge board", 26), GREEN)
    canvas.paint(canvas.letters((352, 134), "0.73 m", 46), GREEN)
    return _small(canvas)


class _Hatch:
    """The hatch seen along the race: water stands behind the gate and runs when the gate is up."""

    def __init__(self) -> None:
        canvas = Canvas(WIDTH, HEIGHT, seed=94)
        ripples = canvas.noise(90, 14, 4)[: HEIGHT // 2, : WIDTH // 2]
        # Beside its mirror images a texture can be moved on and on without a seam.
        ripples = np.concatenate([ripples, ripples[::-1]])
        self._water: Array = np.concatenate([ripples, ripples[:, ::-1]], axis=1)
        wall = np.ones(canvas.shape, np.float32)
        stones = 0.6 * canvas.noise(46, 22, 4) + 0.4 * np.sign(np.sin(canvas.y * pi / 24)) * 0.5 + 0.2
        canvas.textured(wall, canvas.ramp((170, 156, 132), (92, 88, 82), 0, HEIGHT), stones.astype(np.float32), 0.16)
        canvas.textured(canvas.box(210, 40, 430, HEIGHT), (38, 44, 48), canvas.noise(60, 60), 0.2)
        wood = canvas.noise(10, 160, 4)
        posts = np.maximum(canvas.box(184, 8, 214, HEIGHT), canvas.box(426, 8, 456, HEIGHT))
        posts = np.maximum(posts, canvas.box(160, 8, 480, 40))
        canvas.shadow(posts, (8, 6), 6, 0.5)
        canvas.textured(posts, (122, 92, 62), wood, 0.3)
        self._scene: Array = np.asarray(canvas.plain(), np.float32)
        gate = canvas.box(214, 0, 426, 250)
        canvas.textured(gate, (184, 142, 92), canvas.noise(8, 200, 4), 0.25)
        for x in range(214, 427, 53):
            canvas.light(blurred(canvas.box(x - 2, 0, x + 2, 250), 1), 0.5)
        for y in (40, 200):
            canvas.textured(canvas.box(214, y, 426, y + 18), (62, 62, 66), canvas.noise(20, 8), 0.2)
        self._gate: Array = np.asarray(canvas.plain(), np.float32)[:250, 214:426]

    def frame(self, now_s: float, lifted: float) -> Pixels:
        """The picture at a second, with the gate ``lifted`` by a share (0–1) of its way."""
        pixels = self._scene.copy()
        foot = round(308 - 168 * lifted)
        top = max(foot - 250, 40)
        if lifted > 0:
            flow = np.roll(self._water, round(now_s * 260), 0)[foot:, 214:426]
            foam = np.clip(flow * 1.9 - 0.6, 0, 1)[..., None]
            pixels[foot:, 214:426] = np.asarray((70, 112, 122)) * (1 - foam) + np.asarray((232, 242, 244)) * foam
        pixels[top:foot, 214:426] = self._gate[250 - (foot - top) :]
        pixels[40:top, 318:322] = 40  # the chain
        level = 300 if lifted == 0 else 288
        ripple = np.roll(self._water, round(now_s * (90 if lifted else 8)), 1)[level:]
        water = np.asarray((58, 92, 100)) + (ripple[..., None] - 0.5) * np.asarray((90, 100, 104)) * (0.5 + lifted)
        pixels[level:] = pixels[level:] * 0.12 + water * 0.88
        return np.clip(pixels, 0, 255).astype(np.uint8)
