"""One picture for each scene, at its time: cuts found in every container, portions that join, nothing black."""

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexers.decoders import film as film_module
from indexers.decoders.film import decode_frames, decode_portion
from indexers.errors import Broken, Empty, FileError
from indexers.protocols import Source
from indexers.types import Picture, TimeLocator

RED, GREEN, BLUE, GREY = (200, 30, 30), (30, 160, 40), (30, 40, 200), (120, 120, 120)
BLACK, WHITE = (0, 0, 0), (255, 255, 255)
FPS = 10

Colour = tuple[int, int, int]


def source(path: Path) -> Source:
    return Source(path, path.name, path.suffix[1:])


def flat(colour: Colour, width: int = 64, height: int = 48) -> np.ndarray:
    return np.full((height, width, 3), colour, np.uint8)


def write(
    path: Path,
    scenes: Sequence[tuple[float, np.ndarray]],
    *,
    codec: str = "libx264",
    fps: int = FPS,
    keys: int = FPS,
    container: str | None = None,
    turned: int = 0,
    pixel_ratio: Fraction | None = None,
) -> Path:
    """A film that shows each picture for some seconds, with a key frame every ``keys`` frames and at no cut."""
    height, width, _ = scenes[0][1].shape
    options = {"preset": "ultrafast", "sc_threshold": "0"} if codec == "libx264" else {}
    with av.open(str(path), "w", format=container) as file:
        stream = file.add_stream(codec, rate=fps, options={**options, "g": str(keys)})
        stream.width, stream.height = width, height
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        if turned:
            stream.set_display_rotation(turned)
        if pixel_ratio:
            stream.codec_context.sample_aspect_ratio = pixel_ratio
        shown = 0
        for seconds, pixels in scenes:
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(format=stream.pix_fmt)
            for _ in range(round(seconds * fps)):
                frame.pts, frame.time_base = shown, Fraction(1, fps)
                file.mux(stream.encode(frame))
                shown += 1
        file.mux(stream.encode(None))
    return path


def all_of(path: Path, length_s: float) -> list[Picture]:
    """The pictures of all portions, which go forward and join."""
    pictures: list[Picture] = []
    start: float | None = 0.0
    while start is not None:
        decoded = decode_portion(source(path), start, length_s)
        assert decoded.samples is None
        pictures += decoded.pictures
        assert decoded.next_start is None or decoded.next_start > start
        start = decoded.next_start
    for before, after in pairwise(pictures):
        assert place(before).end_s == place(after).start_s
    return pictures


def place(picture: Picture) -> TimeLocator:
    assert isinstance(picture.locator, TimeLocator)
    return picture.locator


def starts(pictures: Sequence[Picture]) -> list[float]:
    return [place(picture).start_s for picture in pictures]


def shows(picture: Picture, colour: Colour) -> bool:
    return bool(np.abs(picture.pixels.reshape(-1, 3).mean(axis=0) - colour).max() < 12)


@pytest.mark.parametrize(
    ("suffix", "codec", "container"),
    [
        ("mp4", "libx264", None),
        ("mov", "mpeg4", None),
        ("mkv", "libx264", None),
        ("webm", "libvpx", None),
        ("avi", "mjpeg", None),
        ("flv", "flv", None),
        ("mpg", "mpeg2video", "mpeg"),
        ("ts", "libx264", "mpegts"),
        ("wmv", "wmv2", "asf"),
    ],
)
def test_cuts_are_found_in_every_container(tmp_path: Path, suffix: str, codec: str, container: str | None) -> None:
    fps = 25 if suffix == "mpg" else FPS
    scenes = [(3, flat(RED)), (4, flat(GREEN)), (2, flat(BLUE))]
    path = write(tmp_path / f"a.{suffix}", scenes, codec=codec, container=container, fps=fps, keys=5)
    decoded = decode_frames(source(path), 0)
    assert decoded.next_start is None
    assert starts(decoded.pictures) == pytest.approx([0, 3, 7], abs=0.55)
    assert place(decoded.pictures[-1]).end_s == pytest.approx(9, abs=0.3)
    assert [place(p).end_s for p in decoded.pictures[:-1]] == starts(decoded.pictures[1:])
    for picture, colour in zip(decoded.pictures, (RED, GREEN, BLUE), strict=True):
        assert shows(picture, colour)
        assert picture.pixels.shape == (48, 64, 3)
        assert picture.pixels.dtype == np.uint8


def test_cuts_are_found_between_distant_key_frames(tmp_path: Path) -> None:
    scenes = [(9, flat(RED)), (6, flat(GREEN)), (7, flat(BLUE))]
    path = write(tmp_path / "a.mp4", scenes, keys=1000)
    decoded = decode_frames(source(path), 0)
    assert starts(decoded.pictures) == pytest.approx([0, 9, 15], abs=1.01)
    assert [shows(p, c) for p, c in zip(decoded.pictures, (RED, GREEN, BLUE), strict=True)] == [True] * 3


@pytest.mark.parametrize("keys", [5, 80, 1000])
@pytest.mark.parametrize("length_s", [4.0, 11.0])
def test_portions_join_and_lose_nothing(tmp_path: Path, keys: int, length_s: float) -> None:
    scenes = [(3, flat(RED)), (9, flat(GREEN)), (2, flat(BLUE)), (12, flat(GREY)), (4, flat(RED))]
    path = write(tmp_path / "a.mp4", scenes, keys=keys)
    whole = decode_frames(source(path), 0).pictures
    assert len(whole) == 5
    pictures = all_of(path, length_s)
    assert starts(pictures) == pytest.approx(starts(whole), abs=1.01)
    assert place(pictures[0]).start_s == 0
    assert place(pictures[-1]).end_s == pytest.approx(30, abs=0.2)
    for picture, (_, pixels) in zip(pictures, scenes, strict=True):
        assert shows(picture, tuple(pixels[0, 0]))


def test_a_call_decodes_only_so_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A film of large frames and few key frames goes on in the next call, wherever the last one had to stop."""
    path = write(tmp_path / "a.mp4", [(9, flat(RED)), (8, flat(GREEN)), (8, flat(BLUE))], keys=60)
    monkeypatch.setattr(film_module, "_PIXELS_A_CALL", 64 * 48 * 45)
    assert decode_frames(source(path), 0).next_start is not None
    pictures = all_of(path, 120.0)
    assert place(pictures[0]).start_s == 0
    assert place(pictures[-1]).end_s == pytest.approx(25, abs=0.2)
    for colour in (RED, GREEN, BLUE):
        assert any(shows(picture, colour) for picture in pictures)
    monkeypatch.setattr(film_module, "_PIXELS_ON_THE_WAY", 64 * 48 * 5)
    far = decode_frames(source(path), 5.5)
    assert far.pictures == ()
    assert far.next_start is None
    assert "0:05" in far.notes[0]


def test_at_most_six_pictures_a_minute_the_most_different(tmp_path: Path) -> None:
    """Forty scenes in a minute: five are all different, in the others something small has moved."""
    striking = {4: GREEN, 11: BLUE, 18: WHITE, 25: (240, 230, 20), 32: (20, 220, 230)}
    scenes = []
    for i in range(40):
        pixels = flat(striking.get(i, RED))
        pixels[16:32, 8 + 24 * (i % 2) : 32 + 24 * (i % 2)] = GREY
        scenes.append((1.5, pixels))
    path = write(tmp_path / "a.mp4", scenes, keys=5)
    pictures = decode_frames(source(path), 0).pictures
    assert len(pictures) == 6
    first, *others = [round(start / 1.5) for start in starts(pictures)]
    assert first == 0
    # What follows a striking scene is as different from it as that was from the one before.
    assert set(others) <= {*striking, *(i + 1 for i in striking)}


def test_a_long_take_is_shown_every_two_minutes(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp4", [(300, flat(RED))], fps=2, keys=4)
    assert starts(all_of(path, 120.0)) == pytest.approx([0, 120, 240], abs=2.1)


def test_a_still_picture_in_motion_is_one_scene(tmp_path: Path) -> None:
    """Somebody speaks in a corner of the picture."""
    frames = []
    for i in range(60):
        pixels = flat(GREY)
        pixels[30:44, 44 + i % 3 : 58 + i % 3] = RED
        frames.append((0.5, pixels))
    path = write(tmp_path / "a.mp4", frames, keys=5)
    assert len(decode_frames(source(path), 0).pictures) == 1


def test_a_scene_that_begins_in_black_is_shown_by_what_comes(tmp_path: Path) -> None:
    scenes = [(2, flat(BLACK)), (4, flat(RED)), (2, flat(BLACK)), (4, flat(GREEN)), (2, flat(WHITE))]
    pictures = decode_frames(source(write(tmp_path / "a.mp4", scenes, keys=5)), 0).pictures
    assert starts(pictures) == pytest.approx([0, 8], abs=0.55)
    assert shows(pictures[0], RED)
    assert shows(pictures[1], GREEN)
    assert place(pictures[1]).end_s == pytest.approx(14, abs=0.2)


def test_a_black_film_gives_its_first_frame(tmp_path: Path) -> None:
    pictures = all_of(write(tmp_path / "a.mp4", [(20, flat(BLACK))]), 120.0)
    assert len(pictures) == 1
    assert place(pictures[0]).start_s == 0
    assert place(pictures[0]).end_s == pytest.approx(20, abs=0.2)


@pytest.mark.parametrize("turned", [90, 180, -90])
def test_pictures_are_upright(tmp_path: Path, turned: int) -> None:
    pixels = flat(BLUE)
    pixels[:24] = RED
    path = write(tmp_path / "a.mp4", [(1, pixels)], turned=turned)
    picture = decode_frames(source(path), 0).pictures[0].pixels
    # The angle is counted against the clock, as np.rot90 counts.
    expected = np.rot90(pixels, turned // 90)
    assert picture.shape == expected.shape
    assert np.abs(picture.astype(int) - expected).mean() < 12


def test_oblong_pixels_are_made_square(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp4", [(1, flat(RED))], pixel_ratio=Fraction(3, 2))
    assert decode_frames(source(path), 0).pictures[0].pixels.shape == (48, 96, 3)


def test_large_frames_are_made_smaller(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp4", [(0.2, flat(RED, 2560, 160))], codec="mpeg4")
    assert decode_frames(source(path), 0).pictures[0].pixels.shape == (80, 1280, 3)


def test_senselessly_large_frames_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a.mp4", [(0.2, flat(RED))])
    monkeypatch.setattr(film_module, "_LARGEST_FRAME", 64 * 48 - 1)
    with pytest.raises(Broken, match="64 × 48"):
        decode_frames(source(path), 0)


def test_sound_alone_has_no_pictures(tmp_path: Path) -> None:
    path = tmp_path / "a.m4a"
    with av.open(str(path), "w", format="ipod") as file:
        stream = file.add_stream("aac", rate=16_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.rate, frame.pts = 16_000, 0
        file.mux([*stream.encode(frame), *stream.encode(None)])
    decoded = decode_frames(source(path), 0)
    assert (decoded.pictures, decoded.next_start) == ((), None)


def test_after_the_end_there_is_nothing(tmp_path: Path) -> None:
    decoded = decode_frames(source(write(tmp_path / "a.mp4", [(2, flat(RED))])), 500.0)
    assert (decoded.pictures, decoded.next_start) == ((), None)


@pytest.mark.parametrize("suffix", ["mkv", "ts", "flv"])
def test_what_is_cut_off_keeps_its_beginning(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / f"a.{suffix}", [(5, flat(RED)), (5, flat(GREEN)), (5, flat(BLUE))], keys=5)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    pictures = decode_frames(source(path), 0).pictures
    assert starts(pictures) == pytest.approx([0, 5], abs=0.55)


def test_an_empty_file_is_empty(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").touch()
    with pytest.raises(Empty):
        decode_frames(source(tmp_path / "a.mp4"), 0)


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("films")
    noise = np.random.default_rng(7).integers(0, 255, (48, 64, 3), np.uint8)
    scenes = [(2, flat(RED)), (2, noise), (8, flat(BLUE))]
    codecs = {"mp4": "libx264", "mkv": "libx264", "webm": "libvpx", "avi": "mpeg4", "ts": "libx264"}
    return {
        suffix: write(
            folder / f"a.{suffix}", scenes, codec=codec, keys=60, container="mpegts" if suffix == "ts" else None
        ).read_bytes()
        for suffix, codec in codecs.items()
    }


@given(data=st.data(), suffix=st.sampled_from(["mp4", "mkv", "webm", "avi", "ts"]))
def test_only_file_errors_come_out_of_damaged_films(
    data: Any, suffix: str, films: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory
) -> None:
    content = bytearray(films[suffix])
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        junk = data.draw(st.binary(min_size=1, max_size=40))
        content[at : at + len(junk)] = junk
    path = tmp_path_factory.mktemp("damaged") / f"a.{suffix}"
    path.write_bytes(content)
    start = data.draw(st.sampled_from([0.0, 3.0, 60.0]))
    try:
        decoded = decode_portion(source(path), start, 5.0)
    except FileError as error:
        assert str(error)
        return
    assert decoded.next_start is None or decoded.next_start > start
    for picture in decoded.pictures:
        assert place(picture).end_s >= place(picture).start_s >= 0
        assert max(picture.pixels.shape) <= 1280
