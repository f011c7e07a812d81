"""The pictures, the scan, the recording and the film of the sample library: what they are said to be.

Nothing is spoken again here. What is drawn in moments is drawn again and compared with what is committed; the scripts'
texts are compared with those in the files.
"""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import TypeAlias

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from pypdf import PdfReader

DATA = Path(__file__).resolve().parents[2] / "data"
LIBRARY = DATA / "library"
TALK = LIBRARY / "talk-on-the-wheel.mp3"
FILM = LIBRARY / "sluice-repair.mp4"
LIMITS = {
    "bread-table.jpg": 200_000,
    "insurance-letter.pdf": 300_000,
    "mill-in-autumn.jpg": 200_000,
    "red-bicycle.jpg": 200_000,
    "sluice-repair.mp4": 900_000,
    "talk-on-the-wheel.mp3": 600_000,
    "visitors-2024.png": 120_000,
}
SubtitlesOf: TypeAlias = Callable[[Path], list[tuple[float, float, str]]]


def difference(first: Image.Image, second: Image.Image) -> float:
    """How far two pictures are from each other on average, 0–255."""
    assert first.size == second.size
    grey = [np.asarray(image.convert("L"), np.float32) for image in (first, second)]
    return float(np.abs(grey[0] - grey[1]).mean())


def heard(path: Path) -> tuple[NDArray[np.float32], int]:
    """The sound of a file, one channel in -1…1, and its samples a second."""
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        planes = [frame.to_ndarray() for frame in container.decode(stream)]
        sound = np.concatenate(planes, axis=1)[0].astype(np.float32)
        return sound, stream.rate


@pytest.mark.parametrize("name", LIMITS)
def test_no_file_is_large(name: str) -> None:
    assert 10_000 < (LIBRARY / name).stat().st_size <= LIMITS[name]


@pytest.mark.parametrize("name", ["bread-table.jpg", "mill-in-autumn.jpg", "red-bicycle.jpg"])
def test_the_drawings_are_pictures_of_something(name: str) -> None:
    with Image.open(LIBRARY / name) as image:
        pixels = np.asarray(image.convert("RGB"), np.float32)
    assert pixels.shape == (800, 1200, 3)
    assert pixels.std() > 35 and len(np.unique(pixels.astype(np.uint8).reshape(-1, 3) // 16, axis=0)) > 300


@pytest.mark.parametrize(
    ("name", "box", "colour"),
    [
        ("mill-in-autumn.jpg", (626, 340, 860, 560), "red"),
        ("red-bicycle.jpg", (300, 390, 890, 600), "red"),
        ("red-bicycle.jpg", (260, 200, 920, 340), "blue"),
    ],
)
def test_the_colours_that_are_told_are_seen(name: str, box: tuple[int, int, int, int], colour: str) -> None:
    with Image.open(LIBRARY / name) as image:
        red, green, blue = np.moveaxis(np.asarray(image.convert("RGB").crop(box), np.float32), -1, 0)
    clear = {"red": red > 1.6 * np.maximum(green, blue), "blue": blue > 1.3 * red}[colour] & (red + green + blue > 90)
    assert clear.mean() > (0.06 if colour == "red" else 0.6)


def test_the_mill_carries_its_own_words() -> None:
    with Image.open(LIBRARY / "mill-in-autumn.jpg") as image:
        exif, xmp = image.getexif(), image.info["xmp"].decode()
    position = exif.get_ifd(0x8825)
    assert "450 were printed" in exif[0x010E] and exif[0x013B] == "Jonas Feld"
    assert exif.get_ifd(0x8769)[0x9003] == "2024:10:19 08:05:00"
    assert (position[1], position[3]) == ("N", "E") and 54 < float(position[2][0]) + float(position[2][1]) / 60 < 55
    assert "Osier Mill in autumn" in xmp and "450 were printed" in xmp
    assert re.findall(r"<rdf:li>(.*?)</rdf:li>", xmp) == ["autumn", "waterwheel", "River Tamble", "postcard"]


def test_the_other_drawings_have_their_words_beside_them() -> None:
    for name in ("bread-table.jpg", "red-bicycle.jpg"):
        with Image.open(LIBRARY / name) as image:
            assert not image.getexif() and "xmp" not in image.info
    assert "Edith Marlow" in (LIBRARY / "red-bicycle.txt").read_text(encoding="utf-8")
    told = json.loads((LIBRARY / "bread-table.jpg.json").read_text(encoding="utf-8"))
    assert told["title"] == "bread-table.jpg" and "Bertha" in told["description"]
    assert int(told["photoTakenTime"]["timestamp"]) == 1746866100
    assert told["geoData"]["latitude"] > 0


def test_the_letter_is_a_scan(tmp_path: Path) -> None:
    (page,) = PdfReader(LIBRARY / "insurance-letter.pdf").pages
    (picture,) = page.images
    assert page.extract_text().strip() == ""
    assert picture.image is not None
    scan = picture.image.convert("L")
    inches = float(page.mediabox.width) / 72
    assert 145 < scan.width / inches < 205
    # Of the scan turned back, some rows hold a line of letters from end to end and others none.
    ink = [
        np.asarray(scan.rotate(angle, fillcolor=240), np.float32)[100:1500, 100:-100].mean(1).std()
        for angle in (-2.4, -1.2, 0.0, 1.2)
    ]
    assert np.argmax(ink) == 1
    importlib.import_module("draw_papers").scan_letter(tmp_path / "again.pdf")
    again = PdfReader(tmp_path / "again.pdf").pages[0].images[0].image
    assert again is not None and difference(scan, again) < 3


def test_the_chart_shows_what_its_numbers_say() -> None:
    papers = importlib.import_module("draw_papers")
    with Image.open(LIBRARY / "visitors-2024.png") as committed:
        assert difference(committed, papers.draw_chart()) < 1
        pixels = np.asarray(committed.convert("RGB"), np.float32)
    blue, red = np.abs(pixels - (96, 146, 160)).sum(-1) < 30, np.abs(pixels - (176, 74, 48)).sum(-1) < 30
    bars = blue | red
    columns = np.flatnonzero(np.diff(np.pad((bars.sum(0) > 5).astype(int), 1)))
    heights = [bars[:, (left + right) // 2].sum() for left, right in columns.reshape(-1, 2)]
    counts = list(papers.VISITORS.values())
    assert len(heights) == 12
    assert np.abs(np.asarray(heights) / max(heights) - np.asarray(counts) / max(counts)).max() < 0.01


def test_the_talk_has_tags_and_a_sound(subtitles_of: SubtitlesOf) -> None:
    with av.open(str(TALK)) as container:
        told = container.metadata
        assert container.duration is not None and 60 < container.duration / 1_000_000 < 90
        assert container.streams.audio[0].rate == 22_050 and container.streams.audio[0].channels == 1
    assert (told["title"], told["artist"], told["date"]) == ("A talk on the wheel", "Rupert Vane", "2025-05-10")
    spoken = [sentence for part in importlib.import_module("record_talk").TALK for sentence in part]
    assert [text for _, _, text in subtitles_of(TALK)] == spoken


def test_every_subtitle_stands_where_its_sentence_is_heard(subtitles_of: SubtitlesOf) -> None:
    sound, rate = heard(TALK)
    told = subtitles_of(TALK)
    assert 0 < len(sound) / rate - told[-1][1] < 4

    def loudness(start_s: float, end_s: float) -> float:
        return float(np.sqrt(np.mean(sound[round(start_s * rate) : round(end_s * rate)] ** 2)))

    usual = loudness(*told[0][:2])
    for start, end, _ in told:
        assert loudness(start, end) > 0.5 * usual
        # Each sentence begins and ends on the edge of silence.
        assert loudness(start, start + 0.25) > 0.1 * usual and loudness(end - 0.25, end) > 0.02 * usual
    for (_, end, _), (start, _, _) in pairwise(told):
        assert start - end > 0.4
        assert loudness(end + 0.06, start - 0.06) < 0.02 * usual


def test_the_film_has_its_scenes_and_says_when() -> None:
    with av.open(str(FILM)) as container:
        assert [stream.type for stream in container.streams][:3] == ["video", "audio", "subtitle"]
        chapters = [(float(c["start"] * c["time_base"]), c["metadata"]["title"]) for c in container.chapters()]
        assert container.metadata["title"] == "A new gate for the wheel hatch"
        frames = [(frame.time, frame.to_image()) for frame in container.decode(video=0)]
    assert [title for _, title in chapters] == list(importlib.import_module("record_film").CHAPTERS)
    assert frames[0][1].size == (640, 360) and 20 < frames[-1][0] < 40
    cuts = [later for (_, before), (later, after) in pairwise(frames) if difference(before, after) > 12]
    assert cuts == pytest.approx([start for start, _ in chapters[1:]], abs=0.1)


def test_the_film_speaks_and_its_subtitles_say_the_same(subtitles_of: SubtitlesOf) -> None:
    sound, rate = heard(FILM)
    commentary = importlib.import_module("record_film").COMMENTARY
    told = subtitles_of(FILM)
    assert [text for _, _, text in told] == [sentence for part in commentary for sentence in part]
    assert told[-1][1] < len(sound) / rate
    quiet = np.concatenate(
        [
            sound[round((end + 0.1) * rate) : round((start - 0.1) * rate)]
            for (_, end, _), (start, _, _) in pairwise(told)
        ]
    )
    for start, end, _ in told:
        assert np.std(sound[round(start * rate) : round(end * rate)]) > 20 * np.std(quiet)


def test_subtitles_are_written_as_players_read_them() -> None:
    spoken = importlib.import_module("spoken")
    said = [spoken.Said("One short line.", 0.6, 2.25), spoken.Said("A line " + "that goes on " * 5, 3661.0, 3662.9995)]
    first, second = spoken.as_srt(said).split("\n\n")
    assert first == "1\n00:00:00,600 --> 00:00:02,250\nOne short line."
    assert (
        second.startswith("2\n01:01:01,000 --> 01:01:03,000\nA line that") and max(map(len, second.splitlines())) <= 48
    )
