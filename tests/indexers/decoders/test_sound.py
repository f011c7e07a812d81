"""Sound in every container: the right samples at the right second, windows that join, damage that is told."""

import struct
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexers.decoders.sound import WINDOW_S, decode_sound, decode_window
from indexers.errors import Broken, Empty, FileError
from indexers.protocols import Source
from indexers.types import SAMPLE_RATE

SECONDS = 12
MARKED_S = 8.25
"""A soft tone all along, and a loud one of 50 ms at this second."""


def source(path: Path) -> Source:
    return Source(path, path.name, path.suffix[1:])


def tone(rate: int, seconds: float = SECONDS, marked_s: float = MARKED_S) -> np.ndarray:
    time = np.arange(round(seconds * rate)) / rate
    samples = 0.05 * np.sin(2 * np.pi * 200 * time)
    begin = round(marked_s * rate)
    samples[begin : begin + rate // 20] = 0.9 * np.sin(2 * np.pi * 600 * time[: rate // 20])
    return samples.astype(np.float32)


def write(path: Path, container: str, codec: str, samples: np.ndarray, rate: int, channels: int = 2) -> Path:
    layout = {1: "mono", 2: "stereo", 6: "5.1"}[channels]
    with av.open(str(path), "w", format=container) as file:
        stream = file.add_stream(codec, rate=rate, layout=layout)
        convert = av.AudioResampler(
            format=stream.codec_context.format, layout=layout, rate=rate, frame_size=stream.frame_size or 1024
        )
        frame = av.AudioFrame.from_ndarray(np.tile(samples, (channels, 1)), format="fltp", layout=layout)
        frame.rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
        for part in [*convert.resample(frame), *convert.resample(None)]:
            file.mux(stream.encode(part))
        file.mux(stream.encode(None))
    return path


def wav(path: Path, data: bytes, *, channels: int = 1, rate: int = 16_000, bits: int = 16, tag: int = 1) -> Path:
    width = channels * bits // 8
    form = struct.pack("<HHIIHH", tag, channels, rate, rate * width, width, bits)
    body = b"WAVEfmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", len(data)) + data
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    return path


def marked_at(samples: np.ndarray) -> float:
    return float(np.argmax(np.abs(samples) > 0.35)) / SAMPLE_RATE


CONTAINERS = {
    "mp3": ("mp3", "libmp3lame", 44_100),
    "aac": ("adts", "aac", 44_100),
    "m4a": ("ipod", "aac", 44_100),
    "opus": ("ogg", "libopus", 48_000),
    "flac": ("flac", "flac", 44_100),
    "wav": ("wav", "pcm_s16le", 44_100),
    "aiff": ("aiff", "pcm_s16be", 22_050),
    "caf": ("caf", "pcm_s16be", 44_100),
    "mka": ("matroska", "aac", 44_100),
    "webm": ("webm", "libopus", 48_000),
    "avi": ("avi", "libmp3lame", 44_100),
    "ts": ("mpegts", "aac", 44_100),
    "mpg": ("mpeg", "mp2", 44_100),
    "flv": ("flv", "libmp3lame", 44_100),
}


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    folder = tmp_path_factory.mktemp("sound")
    made: dict[str, Path] = {}

    def record(suffix: str) -> Path:
        if suffix not in made:
            container, codec, rate = CONTAINERS[suffix]
            made[suffix] = write(folder / f"talk.{suffix}", container, codec, tone(rate), rate)
        return made[suffix]

    return record


@pytest.mark.parametrize("suffix", CONTAINERS)
def test_every_container_gives_its_sound_at_its_time(recorded: Callable[[str], Path], suffix: str) -> None:
    decoded = decode_sound(source(recorded(suffix)), 0)
    assert decoded.samples is not None
    assert decoded.samples.dtype == np.float32
    assert len(decoded.samples) / SAMPLE_RATE == pytest.approx(SECONDS, abs=0.1)
    # Raw AAC and MPEG streams keep the encoder's run-up, which no player takes away.
    assert marked_at(decoded.samples) == pytest.approx(MARKED_S, abs=0.06)
    assert decoded.next_start is None
    assert decoded.notes == ()


@pytest.mark.parametrize("suffix", CONTAINERS)
def test_windows_join_without_gap_or_overlap(recorded: Callable[[str], Path], suffix: str) -> None:
    file = source(recorded(suffix))
    whole = decode_sound(file, 0).samples
    assert whole is not None
    parts, start = [], 0.0
    while True:
        decoded = decode_window(file, start, 2.5)
        assert decoded.samples is not None
        parts.append(decoded.samples)
        if decoded.next_start is None:
            break
        assert decoded.next_start == start + 2.5
        assert len(decoded.samples) == 2.5 * SAMPLE_RATE
        start = decoded.next_start
    joined = np.concatenate(parts)
    assert len(joined) == pytest.approx(len(whole), abs=0.06 * SAMPLE_RATE)
    assert marked_at(joined) == pytest.approx(marked_at(whole), abs=0.002)
    # No window begins or ends in silence: the soft tone goes on over every joint.
    for joint in np.cumsum([len(part) for part in parts[:-1]]):
        before, after = joined[joint - 800 : joint], joined[joint : joint + 800]
        assert np.abs(before).max() > 0.03
        assert np.abs(after).max() > 0.03


def test_a_seek_lands_on_the_sample(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", "wav", "pcm_s16le", tone(44_100), 44_100)
    decoded = decode_window(source(path), 8.0, 1.0)
    assert decoded.samples is not None
    assert marked_at(decoded.samples) == pytest.approx(MARKED_S - 8.0, abs=0.001)
    assert decoded.next_start == 9.0


def test_after_the_end_there_is_nothing(recorded: Callable[[str], Path]) -> None:
    for suffix in ("mp3", "wav", "m4a"):
        decoded = decode_window(source(recorded(suffix)), 500.0, 2.5)
        assert decoded.samples is not None
        assert len(decoded.samples) == 0
        assert decoded.next_start is None


@pytest.mark.parametrize(
    ("rate", "codec"),
    [(8_000, "pcm_u8"), (11_025, "pcm_mulaw"), (96_000, "pcm_s24le"), (192_000, "pcm_f32le"), (48_000, "pcm_f64le")],
)
def test_rates_and_depths(tmp_path: Path, rate: int, codec: str) -> None:
    samples = decode_sound(source(write(tmp_path / "a.wav", "wav", codec, tone(rate), rate)), 0).samples
    assert samples is not None
    assert len(samples) == pytest.approx(SECONDS * SAMPLE_RATE, abs=2)
    assert marked_at(samples) == pytest.approx(MARKED_S, abs=0.002)
    assert np.abs(samples).max() == pytest.approx(0.9, abs=0.05)


@pytest.mark.parametrize("channels", [1, 2, 3, 8, 10, 40])
def test_any_number_of_channels_becomes_one(tmp_path: Path, channels: int) -> None:
    data = np.repeat((tone(16_000, 2, 1.5) * 32_000).astype("<i2"), channels)
    samples = decode_sound(source(wav(tmp_path / "a.wav", data.tobytes(), channels=channels)), 0).samples
    assert samples is not None
    assert len(samples) == 2 * SAMPLE_RATE
    assert marked_at(samples) == pytest.approx(1.5, abs=0.001)
    assert np.abs(samples).max() == pytest.approx(0.88, abs=0.02)


def test_the_middle_of_a_surround_recording_is_heard_best(tmp_path: Path) -> None:
    loud: list[float] = []
    for channel in (2, 0, 3):  # middle, left, and the one for the lowest sounds
        planes = np.zeros((6, 16_000), np.float32)
        planes[channel] = tone(16_000, 1, 0.1)
        path = tmp_path / f"{channel}.flac"
        with av.open(str(path), "w") as file:
            stream = file.add_stream("flac", rate=16_000, layout="5.1")
            frame = av.AudioFrame.from_ndarray(
                (planes.T.reshape(1, -1) * 32_000).astype(np.int16), format="s16", layout="5.1"
            )
            frame.rate, frame.pts, frame.time_base = 16_000, 0, Fraction(1, 16_000)
            convert = av.AudioResampler(format="s16", layout="5.1", rate=16_000, frame_size=1024)
            for part in [*convert.resample(frame), *convert.resample(None)]:
                file.mux(stream.encode(part))
            file.mux(stream.encode(None))
        samples = decode_sound(source(path), 0).samples
        assert samples is not None
        loud.append(float(np.abs(samples).max()))
    assert loud[0] > loud[1] > loud[2]


def test_what_is_no_number_is_silence(tmp_path: Path) -> None:
    data = np.full(16_000, 0.25, "<f4")
    data[4000:4100] = np.nan
    data[8000:8100] = np.inf
    data[12_000] = 1e30
    samples = decode_sound(source(wav(tmp_path / "a.wav", data.tobytes(), bits=32, tag=3)), 0).samples
    assert samples is not None
    assert np.isfinite(samples).all()
    assert not samples[4000:4100].any()
    assert not samples[8000:8100].any()
    assert samples[12_000] == 1.0
    assert samples[100] == pytest.approx(0.25)


def test_silence_is_sound(tmp_path: Path) -> None:
    samples = decode_sound(source(wav(tmp_path / "a.wav", bytes(32_000))), 0).samples
    assert samples is not None
    assert len(samples) == 16_000
    assert not samples.any()


def test_a_pause_in_the_time_stamps_is_silence(tmp_path: Path) -> None:
    path = with_pause(tmp_path / "a.mka", pause_s=3)
    samples = decode_sound(source(path), 0).samples
    assert samples is not None
    assert len(samples) == pytest.approx(7 * SAMPLE_RATE, abs=200)
    assert np.abs(samples[: round(1.9 * SAMPLE_RATE)]).max() > 0.4
    assert not samples[round(2.1 * SAMPLE_RATE) : round(4.9 * SAMPLE_RATE)].any()
    assert np.abs(samples[round(5.1 * SAMPLE_RATE) :]).max() > 0.4


def test_a_pause_longer_than_a_window_is_jumped(tmp_path: Path) -> None:
    path = with_pause(tmp_path / "a.mka", pause_s=5000)
    first = decode_sound(source(path), 0)
    assert first.samples is not None
    assert len(first.samples) == pytest.approx(2 * SAMPLE_RATE, abs=200)
    assert first.next_start == pytest.approx(5002, abs=0.1)
    second = decode_sound(source(path), 5002.0)
    assert second.samples is not None
    assert len(second.samples) == pytest.approx(2 * SAMPLE_RATE, abs=2000)
    assert second.next_start is None


def with_pause(path: Path, pause_s: int) -> Path:
    """Two seconds of tone, a pause in which the file holds nothing, two seconds of tone."""
    samples = (0.5 * np.sin(np.arange(16_000) / 5) * 32_000).astype(np.int16).reshape(1, -1)
    with av.open(str(path), "w", format="matroska") as file:
        stream = file.add_stream("pcm_s16le", rate=16_000, layout="mono")
        for second in (0, 1, 2 + pause_s, 3 + pause_s):
            frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
            frame.rate, frame.pts, frame.time_base = 16_000, second * 16_000, Fraction(1, 16_000)
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return path


def test_time_that_begins_anew_goes_on(tmp_path: Path) -> None:
    """Radio stations' recordings are Ogg streams one after the other, each with its own time."""
    rate = 48_000
    first = write(tmp_path / "1.ogg", "ogg", "libopus", tone(rate, 4, 1.0), rate).read_bytes()
    second = write(tmp_path / "2.ogg", "ogg", "libopus", tone(rate, 4, 3.0), rate).read_bytes()
    path = tmp_path / "chain.opus"
    path.write_bytes(first + second)
    samples = decode_sound(source(path), 0).samples
    assert samples is not None
    assert len(samples) == pytest.approx(8 * SAMPLE_RATE, abs=0.1 * SAMPLE_RATE)
    late = decode_window(source(path), 6.0, 2.0).samples
    assert late is not None
    assert marked_at(late) == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize("suffix", ["mp3", "flac", "wav", "mka", "aac", "aiff", "webm"])
@pytest.mark.parametrize("share", [0.3, 0.75])
def test_what_is_cut_off_keeps_its_beginning(
    recorded: Callable[[str], Path], tmp_path: Path, suffix: str, share: float
) -> None:
    data = recorded(suffix).read_bytes()
    path = tmp_path / f"cut.{suffix}"
    path.write_bytes(data[: int(len(data) * share)])
    decoded = decode_sound(source(path), 0)
    assert decoded.samples is not None
    found_s = len(decoded.samples) / SAMPLE_RATE
    assert found_s == pytest.approx(SECONDS * share, abs=1.0)
    assert decoded.notes == (f"cut off after 0:{round(found_s):02}",)
    assert decoded.next_start is None


@pytest.mark.parametrize("suffix", ["m4a", "mka", "ts"])
def test_damage_in_the_middle_is_passed_over(recorded: Callable[[str], Path], tmp_path: Path, suffix: str) -> None:
    data = bytearray(recorded(suffix).read_bytes())
    begin = len(data) // 3
    data[begin : begin + 3000] = b"\xff" * 3000
    path = tmp_path / f"damaged.{suffix}"
    path.write_bytes(data)
    decoded = decode_sound(source(path), 0)
    assert decoded.samples is not None
    # What comes after the damage stays at its time.
    assert marked_at(decoded.samples) == pytest.approx(MARKED_S, abs=0.06)
    assert len(decoded.samples) == pytest.approx(SECONDS * SAMPLE_RATE, abs=0.1 * SAMPLE_RATE)
    assert len(decoded.notes) == 1
    assert decoded.notes[0].startswith("damaged ")


def test_a_header_that_lies_about_the_length(tmp_path: Path) -> None:
    path = wav(tmp_path / "a.wav", bytes(32_000))
    data = bytearray(path.read_bytes())
    data[4:8] = data[40:44] = struct.pack("<I", 16_000 * 2 * 3600 * 5)
    path.write_bytes(data)
    decoded = decode_sound(source(path), 0)
    assert decoded.samples is not None
    assert len(decoded.samples) == 16_000
    assert decoded.next_start is None
    assert decoded.notes == ("cut off after 0:01",)
    data[4:8] = data[40:44] = b"\xff\xff\xff\xff"  # what a program writes that does not know yet
    path.write_bytes(data)
    assert decode_sound(source(path), 0).notes == ()


def test_what_holds_no_sound_is_empty(tmp_path: Path) -> None:
    with pytest.raises(Empty, match="no sound"):
        decode_sound(source(wav(tmp_path / "a.wav", b"")), 0)
    (tmp_path / "b.mp3").touch()
    with pytest.raises(Empty, match="empty"):
        decode_sound(source(tmp_path / "b.mp3"), 0)


def test_a_film_without_sound_gives_no_samples(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as file:
        stream = file.add_stream("mpeg4", rate=10)
        stream.width = stream.height = 64
        for _ in range(10):
            file.mux(stream.encode(av.VideoFrame(64, 64, "yuv420p")))
        file.mux(stream.encode(None))
    decoded = decode_sound(source(path), 0)
    assert decoded.samples is not None
    assert len(decoded.samples) == 0
    assert decoded.next_start is None


@pytest.mark.parametrize("rate", [1, 1_092_676])
def test_a_senseless_rate_is_refused(tmp_path: Path, rate: int) -> None:
    with pytest.raises(Broken, match="samples a second"):
        decode_sound(source(wav(tmp_path / "a.wav", bytes(900), rate=rate)), 0)


@pytest.mark.parametrize("data", [b"not a recording", b"#EXTM3U\n#EXTINF:10,\nother.wav\n", b"ffconcat version 1.0\n"])
def test_what_is_no_recording_is_broken(tmp_path: Path, data: bytes) -> None:
    wav(tmp_path / "other.wav", bytes(32_000))
    path = tmp_path / "a.wav"
    path.write_bytes(data)
    with pytest.raises(Broken):
        decode_sound(source(path), 0)


def test_any_name_opens(tmp_path: Path) -> None:
    for name in ("100%d.wav", "a:b?.wav", "ü\n.wav", "http:x.wav"):
        assert decode_sound(source(wav(tmp_path / name, bytes(32_000))), 0).samples is not None


@given(data=st.data(), suffix=st.sampled_from(["mp3", "m4a", "wav", "flac", "opus", "mka", "avi", "ts"]))
def test_only_file_errors_come_out_of_damaged_files(
    data: Any, suffix: str, recorded: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> None:
    content = bytearray(recorded(suffix).read_bytes()[:60_000])
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        junk = data.draw(st.binary(min_size=1, max_size=40))
        content[at : at + len(junk)] = junk
    path = tmp_path_factory.mktemp("damaged") / f"a.{suffix}"
    path.write_bytes(content)
    try:
        decoded = decode_window(source(path), data.draw(st.sampled_from([0.0, 1.0, 30.0])), 2.0)
    except FileError as error:
        assert str(error)
        return
    assert decoded.samples is not None
    assert np.isfinite(decoded.samples).all()
    assert len(decoded.samples) <= 2 * SAMPLE_RATE
    assert decoded.next_start is None or decoded.next_start > 0


def test_a_window_is_ten_minutes_at_most() -> None:
    assert WINDOW_S <= 600
