"""Speech becomes text with its seconds; silence becomes nothing.

The model is the tests' own tiny one, which knows the sentences of ``talk.wav`` (see ``tests/models``).
"""

import json
import threading
import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from indexers.listening import listen
from indexers.speech import WhisperTranscriber, stretches_of
from indexers.types import SAMPLE_RATE, Decoded, Samples, Spoken

MODELS = Path(__file__).resolve().parents[1] / "models"
MODEL = MODELS / "whisper"


@pytest.fixture(scope="module")
def transcriber() -> WhisperTranscriber:
    return WhisperTranscriber(MODEL, name="tiny", threads=1, device="cpu")


@pytest.fixture(scope="module")
def talk() -> Samples:
    with wave.open(str(MODELS / "talk.wav")) as file:
        assert (file.getframerate(), file.getnchannels()) == (SAMPLE_RATE, 1)
        data = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    samples: Samples = data.astype(np.float32) / 32768
    return samples


@pytest.fixture(scope="module")
def truth() -> list[Spoken]:
    return [Spoken(**said) for said in json.loads((MODELS / "talk.json").read_text())]


@pytest.fixture(scope="module")
def heard(transcriber: WhisperTranscriber, talk: Samples) -> list[Spoken]:
    language, stretches = transcriber.transcribe(talk, None)
    assert language == "en"
    return list(stretches)


def words(stretches: list[Spoken]) -> list[str]:
    return " ".join(part.text for part in stretches).lower().replace(".", "").split()


def word_error_rate(said: list[str], heard: list[str]) -> float:
    """Substituted, missing and added words (Levenshtein's distance) per word that was said."""
    row = list(range(len(heard) + 1))
    for i, word in enumerate(said, 1):
        above, row = row, [i]
        for j, other in enumerate(heard, 1):
            row.append(min(above[j] + 1, row[-1] + 1, above[j - 1] + (word != other)))
    return row[-1] / len(said)


# --- what is said, and when --------------------------------------------------------------------


def test_a_talk_is_heard(heard: list[Spoken], truth: list[Spoken]) -> None:
    assert word_error_rate(words(truth), words(heard)) <= 0.10


def test_stretches_stand_where_they_are_spoken(heard: list[Spoken], truth: list[Spoken]) -> None:
    placed = {part.text: part for part in heard}
    found = [(part, placed[part.text]) for part in truth if part.text in placed]
    assert len(found) >= 0.9 * len(truth)
    for said, part in found:
        assert part.start_s == pytest.approx(said.start_s, abs=0.5), said.text
        assert part.end_s == pytest.approx(said.end_s, abs=0.5), said.text


def test_places_hold_behind_a_long_pause(transcriber: WhisperTranscriber, talk: Samples, truth: list[Spoken]) -> None:
    """Silence is cut out before the model listens, and is counted all the same."""
    end = int((truth[0].end_s + 0.3) * SAMPLE_RATE)
    pause = np.zeros(20 * SAMPLE_RATE, np.float32)
    heard = list(transcriber.transcribe(np.concatenate([pause, talk[:end], pause, talk]), "en")[1])
    assert heard[0].text == heard[1].text == truth[0].text
    assert heard[0].start_s == pytest.approx(20 + truth[0].start_s, abs=0.5)
    assert heard[0].end_s == pytest.approx(20 + truth[0].end_s, abs=0.5)
    assert heard[1].start_s == pytest.approx(40 + end / SAMPLE_RATE + truth[0].start_s, abs=0.5)
    assert heard[-1].end_s == pytest.approx(40 + end / SAMPLE_RATE + truth[-1].end_s, abs=0.5)


def test_stretches_come_while_the_model_works(transcriber: WhisperTranscriber, talk: Samples) -> None:
    """A caller that stops after the first holds up nobody."""
    start = talk[: 12 * SAMPLE_RATE]
    _, stretches = transcriber.transcribe(start, None)
    first = next(stretches)
    again = list(transcriber.transcribe(start, None)[1])
    assert again[0] == first
    assert [first, *stretches] == again
    assert len(again) >= 3


def test_threads_take_turns(transcriber: WhisperTranscriber, talk: Samples, heard: list[Spoken]) -> None:
    given: list[list[Spoken]] = []
    start = talk[: int((heard[2].end_s + 0.3) * SAMPLE_RATE)]
    threads = [
        threading.Thread(target=lambda: given.append(list(transcriber.transcribe(start, None)[1]))) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [[part.text for part in parts] for parts in given] == [[part.text for part in heard[:3]]] * 3


def test_an_english_model_hears_english_whatever_it_is_told(transcriber: WhisperTranscriber, talk: Samples) -> None:
    for language in ("de", "en", "nonsense"):
        assert transcriber.transcribe(talk[: 5 * SAMPLE_RATE], language)[0] == "en"


def test_a_talk_in_windows_is_heard_as_a_whole(
    transcriber: WhisperTranscriber, talk: Samples, truth: list[Spoken]
) -> None:
    """Windows that end amid sentences; ``listen`` begins each where a sentence begins."""

    def decode(start_s: float) -> Decoded:
        first, last = int(start_s * SAMPLE_RATE), int((start_s + 12.0) * SAMPLE_RATE)
        return Decoded(samples=talk[first:last], next_start=start_s + 12.0 if last < len(talk) else None)

    memo: dict[str, bytes] = {}

    class Kept:
        get = staticmethod(memo.get)
        put = staticmethod(memo.__setitem__)

    whole = listen(decode, transcriber, Kept, lambda: False)
    assert whole.language == "en"
    assert len(memo) >= 4
    assert word_error_rate(words(truth), words(list(whole.spoken))) <= 0.10
    assert abs(whole.spoken[-1].end_s - truth[-1].end_s) <= 0.5


# --- where nothing is said ---------------------------------------------------------------------


@pytest.mark.parametrize("length_s", [0.0, 0.001, 0.5, 30.0, 65.0])
def test_silence_says_nothing(transcriber: WhisperTranscriber, length_s: float) -> None:
    language, stretches = transcriber.transcribe(np.zeros(int(length_s * SAMPLE_RATE), np.float32), None)
    assert (language, list(stretches)) == ("", [])


@pytest.mark.parametrize("loudness", [0.001, 0.05, 0.5])
def test_noise_says_nothing(transcriber: WhisperTranscriber, loudness: float) -> None:
    noise = np.random.default_rng(0).normal(0, loudness, 20 * SAMPLE_RATE).clip(-1, 1).astype(np.float32)
    language, stretches = transcriber.transcribe(noise, None)
    assert (language, list(stretches)) == ("", [])


def test_noise_that_the_voice_detector_takes_for_speech_has_no_language(
    transcriber: WhisperTranscriber, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("indexers.speech._voiced", lambda _samples: [(0.0, 8.0)])
    noise = np.random.default_rng(0).normal(0, 0.001, 8 * SAMPLE_RATE).astype(np.float32)
    language, stretches = transcriber.transcribe(noise, None)
    assert (language, list(stretches)) == ("", [])


def test_a_tone_says_nothing(transcriber: WhisperTranscriber) -> None:
    seconds = np.arange(10 * SAMPLE_RATE) / SAMPLE_RATE
    tone = (0.5 * np.sin(2 * np.pi * 440 * seconds)).astype(np.float32)
    assert list(transcriber.transcribe(tone, None)[1]) == []


# --- segments as they are cited ----------------------------------------------------------------


STAMP = 1000


@dataclass
class Segment:
    """Of a model whose timestamps begin at token ``STAMP``."""

    start: float
    end: float
    text: str
    compression_ratio: float = 1.0
    seek: int = 0

    @property
    def tokens(self) -> list[int]:
        return [STAMP + round(50 * (self.start - self.seek / 100)), 7, 8, STAMP + 1]


def cited(*segments: Segment, voiced: tuple[tuple[float, float], ...] = ((0.0, 10.0),)) -> list[Spoken]:
    return list(stretches_of(segments, voiced, STAMP))


def test_segments_are_stripped_and_empty_ones_dropped() -> None:
    segments = [Segment(0, 1, "  Good evening. "), Segment(1, 2, " "), Segment(2, 3, " ♪ … "), Segment(3, 4, "Окна.")]
    assert cited(*segments) == [Spoken(0, 1, "Good evening."), Spoken(3, 4, "Окна.")]


def test_segments_stay_within_the_samples_and_in_order() -> None:
    segments = [Segment(0, 2, "a"), Segment(1.5, 1.2, "b"), Segment(2.5, 9, "c"), Segment(5.0, 6.0, "d")]
    assert cited(*segments, voiced=((0.0, 5.0),)) == [Spoken(0, 2, "a"), Spoken(2, 2, "b"), Spoken(2.5, 5, "c")]


def test_only_loops_lose_their_repetitions() -> None:
    said = [Segment(i, i + 1, "No.", 1.1) for i in range(3)]
    loop = [Segment(i, i + 1, " Thank you. ", 3.0) for i in range(3, 9)]
    assert [part.text for part in cited(*said, *loop)] == ["No.", "No.", "No.", "Thank you."]


def test_a_segment_alone_in_its_window_begins_at_its_timestamp() -> None:
    segment = Segment(31.2, 33.0, "Alone.", seek=3000)
    assert cited(segment, voiced=((0.0, 60.0),)) == [Spoken(31.2, 33.0, "Alone.")]


@pytest.mark.parametrize(
    ("heard", "placed"),
    [
        ((0.4, 4.6), (10.4, 14.6)),
        ((0.4, 5.2), (10.4, 15.0)),  # ends a little behind the cut: not twenty seconds later
        ((4.8, 7.0), (35.0, 37.0)),  # begins a little before the cut: not twenty seconds earlier
        ((5.4, 7.6), (35.4, 37.6)),
        ((2.0, 7.0), (12.0, 37.0)),  # goes on over the pause
        ((12.0, 13.0), (90.0, 91.0)),
        ((12.4, 99.0), (90.4, 95.0)),
    ],
)
def test_what_was_cut_out_is_put_back(heard: tuple[float, float], placed: tuple[float, float]) -> None:
    voiced = ((10.0, 15.0), (35.0, 42.0), (90.0, 95.0))
    assert cited(Segment(*heard, "Here."), voiced=voiced) == [Spoken(*placed, "Here.")]
