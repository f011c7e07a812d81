"""A recording is heard window by window: every stretch once, nothing twice, one window in memory."""

import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexers.errors import Broken
from indexers.listening import Cancelled, Heard, listen
from indexers.types import SAMPLE_RATE, Decoded, Samples, Spoken


@dataclass
class Recording:
    """Speech by script. Every sample holds the second at which its window begins, so that the fake knows its place."""

    length_s: float
    window_s: float
    started: list[float] = field(default_factory=list)

    def __call__(self, start_s: float) -> Decoded:
        self.started.append(start_s)
        end_s = min(self.length_s, start_s + self.window_s)
        samples = np.broadcast_to(np.float32(start_s), round((end_s - start_s) * SAMPLE_RATE))
        return Decoded(samples=samples, next_start=end_s if end_s < self.length_s else None)


@dataclass
class Scripted:
    """A transcriber that hears what of its script lies in the window; cut stretches lose their text, or are not heard.

    ``mute``: what the window's end cuts is not heard at all.
    """

    script: list[Spoken]
    mute: bool = False
    language: str = "de"
    name: str = "scripted"
    asked: list[str | None] = field(default_factory=list)

    def transcribe(self, samples: Samples, language: str | None) -> tuple[str, Iterator[Spoken]]:
        self.asked.append(language)
        start_s = round(float(samples[0]), 2)
        end_s = start_s + len(samples) / SAMPLE_RATE
        heard = [part for part in self.script if part.start_s < end_s - 1e-3 and part.end_s > start_s + 1e-3]
        if self.mute:
            heard = [part for part in heard if part.end_s <= end_s + 1e-3]
        said = [
            Spoken(
                max(0.0, part.start_s - start_s),
                min(end_s, part.end_s) - start_s,
                part.text if part.start_s >= start_s - 1e-3 and part.end_s <= end_s + 1e-3 else f"part of {part.text}",
            )
            for part in heard
        ]
        return (language or self.language, iter(said)) if said else ("", iter(()))


class Kept(dict[str, bytes]):
    """A memo."""

    def put(self, key: str, data: bytes) -> None:
        assert key not in self, "a window was heard twice"
        self[key] = data


def never() -> bool:
    return False


def said(heard: Heard) -> list[tuple[float, float, str]]:
    return [(round(part.start_s, 2), round(part.end_s, 2), part.text) for part in heard.spoken]


def scripted(*times: tuple[float, float]) -> list[Spoken]:
    return [Spoken(start_s, end_s, f"sentence {i}") for i, (start_s, end_s) in enumerate(times)]


def expected(script: list[Spoken]) -> list[tuple[float, float, str]]:
    return [(part.start_s, part.end_s, part.text) for part in script]


@st.composite
def scripts(draw: st.DrawFn) -> list[Spoken]:
    """Up to forty stretches of half a second to six, with pauses from none to half a minute, in hundredths."""
    now, times = 0, []
    for pause, length in draw(
        st.lists(st.tuples(st.integers(0, 200) | st.integers(0, 3000), st.integers(50, 600)), max_size=40)
    ):
        times.append((round((now + pause) / 100, 2), round((now + pause + length) / 100, 2)))
        now += pause + length
    return scripted(*times)


@given(script=scripts(), window=st.integers(800, 7000), rest=st.integers(1, 1000))
def test_every_stretch_is_heard_once_whatever_the_windows(script: list[Spoken], window: int, rest: int) -> None:
    length_s = (script[-1].end_s if script else 0.0) + rest / 100
    recording = Recording(length_s, window / 100)
    heard = listen(recording, Scripted(script), Kept(), never)
    assert said(heard) == expected(script)
    assert len(recording.started) <= 2 + 20 * length_s / recording.window_s


@given(script=scripts(), window=st.integers(1300, 7000))
def test_a_model_that_says_nothing_of_cut_sentences_misses_none(script: list[Spoken], window: int) -> None:
    length_s = (script[-1].end_s if script else 0.0) + 1.0
    heard = listen(Recording(length_s, window / 100), Scripted(script, mute=True), Kept(), never)
    assert said(heard) == expected(script)


def test_a_cut_sentence_begins_the_next_window() -> None:
    script = scripted((1.0, 4.0), (18.5, 22.0), (30.0, 31.0))
    recording = Recording(50.0, 20.0)
    heard = listen(recording, Scripted(script), Kept(), never)
    assert said(heard) == expected(script)
    assert recording.started == [0.0, 18.5, 31.0]


def test_silence_before_the_end_of_a_window_is_not_heard_for_minutes_again() -> None:
    recording = Recording(1500.0, 600.0)
    assert listen(recording, Scripted([]), Kept(), never) == Heard("", ())
    assert recording.started == [0.0, 590.0, 1180.0]


def test_a_stretch_longer_than_the_window_is_kept_in_parts() -> None:
    recording = Recording(55.0, 20.0)
    heard = listen(recording, Scripted(scripted((0.5, 54.0))), Kept(), never)
    assert said(heard) == [
        (0.5, 20.0, "part of sentence 0"),
        (20.0, 40.0, "part of sentence 0"),
        (40.0, 54.0, "part of sentence 0"),
    ]
    assert recording.started == [0.0, 20.0, 40.0]


def test_a_window_that_ends_in_a_long_gap_is_believed() -> None:
    """The decoder skipped a gap: nothing goes on behind the window's last sample."""
    starts = []

    def decode(start_s: float) -> Decoded:
        starts.append(start_s)
        length_s, next_start = (10.0, 300.0) if start_s == 0 else (5.0, None)
        samples = np.broadcast_to(np.float32(start_s), round(length_s * SAMPLE_RATE))
        return Decoded(samples=samples, next_start=next_start)

    script = scripted((7.0, 10.0), (301.0, 304.0))
    assert said(listen(decode, Scripted(script), Kept(), never)) == expected(script)
    assert starts == [0.0, 300.0]


SCRIPT = scripted(*((7.0 * i + 1, 7.0 * i + 5) for i in range(12)))


@pytest.mark.parametrize("answers", range(1, 16))
def test_an_interrupted_recording_goes_on_where_it_was(answers: int) -> None:
    """Stopped at any moment: finished windows are not decoded again, and the result is the same."""
    whole = listen(Recording(90.0, 20.0), Scripted(SCRIPT), Kept(), never)
    memo, asked = Kept(), iter(range(answers))
    first, second = Recording(90.0, 20.0), Recording(90.0, 20.0)
    with pytest.raises(Cancelled):
        listen(first, Scripted(SCRIPT), memo, lambda: next(asked, None) is None)
    finished = set(memo)
    assert listen(second, Scripted(SCRIPT), memo, never) == whole
    assert {f"speech:scripted:{start_s:.2f}" for start_s in second.started} == set(memo) - finished
    assert len(finished) >= len(first.started) - 1


def test_a_finished_recording_is_not_decoded_at_all() -> None:
    memo = Kept()
    whole = listen(Recording(90.0, 20.0), Scripted(SCRIPT), memo, never)
    recording = Recording(90.0, 20.0)
    assert listen(recording, Scripted(SCRIPT), memo, never) == whole
    assert recording.started == []


def test_another_model_takes_nothing_of_the_first() -> None:
    memo = Kept()
    listen(Recording(90.0, 20.0), Scripted(SCRIPT), memo, never)
    other = Scripted(scripted((3.0, 4.0)), name="other", language="fr")
    assert listen(Recording(90.0, 20.0), other, memo, never) == Heard("fr", (Spoken(3.0, 4.0, "sentence 0"),))


def test_the_language_that_was_found_first_is_passed_on() -> None:
    transcriber = Scripted(scripted((25.0, 28.0), (45.0, 48.0), (63.0, 64.0)))
    heard = listen(Recording(80.0, 20.0), transcriber, Kept(), never)
    assert heard.language == "de"
    assert transcriber.asked == [None, None, "de", "de", "de"]


def test_the_language_is_passed_on_from_the_memo() -> None:
    memo, transcriber = Kept(), Scripted(SCRIPT, language="")
    script = Scripted(SCRIPT)
    asked = iter(range(6))
    with pytest.raises(Cancelled):
        listen(Recording(90.0, 20.0), script, memo, lambda: next(asked, None) is None)
    assert memo
    heard = listen(Recording(90.0, 20.0), transcriber, memo, never)
    assert heard.language == "de"
    assert set(transcriber.asked) == {"de"}


def test_cancelled_is_asked_after_every_stretch() -> None:
    told: list[float] = []
    with pytest.raises(Cancelled):
        listen(Recording(90.0, 80.0), Scripted(SCRIPT), Kept(), lambda: len(told) == 3, told.append)
    assert told == [5.0, 12.0, 19.0]


def test_one_window_is_in_memory_at_a_time() -> None:
    alive: list[weakref.ref[Samples]] = []

    def decode(start_s: float) -> Decoded:
        assert all(window() is None for window in alive)
        samples = np.full(20 * SAMPLE_RATE, start_s, np.float32)
        alive.append(weakref.ref(samples))
        return Decoded(samples=samples, next_start=start_s + 20 if start_s < 60 else None)

    assert len(listen(decode, Scripted(SCRIPT), Kept(), never).spoken) == 12
    assert len(alive) >= 4


def failing(after_s: float) -> Callable[[float], Decoded]:
    recording = Recording(90.0, 20.0)

    def decode(start_s: float) -> Decoded:
        if start_s >= after_s:
            raise Broken("its sound can not be decoded")
        return recording(start_s)

    return decode


def test_what_can_not_be_decoded_at_all_is_an_error() -> None:
    with pytest.raises(Broken, match="can not be decoded"):
        listen(failing(0.0), Scripted(SCRIPT), Kept(), never)


def test_what_can_not_be_decoded_later_on_is_told_and_tried_again_next_time() -> None:
    memo = Kept()
    heard = listen(failing(30.0), Scripted(SCRIPT), memo, never)
    assert said(heard) == expected(SCRIPT[:5])
    assert heard.notes == ("nothing after 0:36 could be heard: its sound can not be decoded",)
    assert said(listen(Recording(90.0, 20.0), Scripted(SCRIPT), memo, never)) == expected(SCRIPT)


def test_notes_are_told_once_also_from_the_memo() -> None:
    def decode(start_s: float) -> Decoded:
        samples = np.full(20 * SAMPLE_RATE, start_s, np.float32)
        notes = ("damaged at 0:15", "dürr") if start_s else ("damaged at 0:15",)
        return Decoded(samples=samples, next_start=start_s + 20 if start_s < 20 else None, notes=notes)

    memo = Kept()
    for _ in range(2):
        assert listen(decode, Scripted([]), memo, never).notes == ("damaged at 0:15", "dürr")


@pytest.mark.parametrize("samples", [None, np.zeros(0, np.float32)])
def test_a_recording_without_samples_says_nothing(samples: Samples | None) -> None:
    assert listen(lambda _start_s: Decoded(samples=samples), Scripted(SCRIPT), Kept(), never) == Heard("", ())
