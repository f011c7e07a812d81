"""A question that is spoken: what is said in a recording, with the tests' tiny Whisper."""

import json
import re
import wave
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from assistant import Assistant, ModelMissing, UsageError
from assistant.dictation import MOST_S, dictated, recording
from indexers.errors import Broken
from indexers.protocols import Source
from indexers.types import SAMPLE_RATE, Decoded, Samples, Spoken, Unread

MODELS = Path(__file__).parents[1] / "models"
TALK = MODELS / "talk.wav"
WINDOW_S = 120


def wav(path: Path, samples: Samples) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, SAMPLE_RATE, 0, "NONE", ""))
        file.writeframes((samples * 32767).astype("<i2").tobytes())
    return path


@pytest.fixture(scope="module")
def locus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Assistant]:
    root = tmp_path_factory.mktemp("library")
    with Assistant(root, llm="none", speech_model_path=MODELS / "whisper") as made:
        yield made


def wrong(call: Callable[[], object]) -> str:
    with pytest.raises(UsageError) as caught:
        call()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_what_is_said_is_heard_and_nothing_is_stored(locus: Assistant) -> None:
    said = " ".join(part["text"] for part in json.loads((MODELS / "talk.json").read_text()))
    assert locus.has_model("speech")
    assert locus.transcribe(TALK) == locus.transcribe(str(TALK)) == said
    assert locus.files() == [] and locus.conversations.all() == []


def test_silence_says_nothing(locus: Assistant, tmp_path: Path) -> None:
    assert locus.transcribe(wav(tmp_path / "silence.wav", np.zeros(SAMPLE_RATE, np.float32))) == ""


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"A text, and no sound at all.", "it is no sound"),
        (b"", "nothing|empty"),
        (b"%PDF-1.7 and so on", "it is no sound"),
        (TALK.read_bytes()[:40], "damaged or cut off"),
        (b"OggS" + b"\0\1\2" * 500, "can not be"),
    ],
    ids=["text", "empty", "pdf", "cut", "noise"],
)
def test_what_is_no_sound_is_told(locus: Assistant, tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "talk.wav").write_bytes(content)
    told = wrong(lambda: locus.transcribe(tmp_path / "talk.wav"))
    assert told.startswith("talk.wav can not be listened to: ") and re.search(reason, told)


def test_what_is_not_there_is_told(locus: Assistant, tmp_path: Path) -> None:
    assert "there is no recording" in wrong(lambda: locus.transcribe(tmp_path / "none.wav"))
    assert "there is no recording" in wrong(lambda: locus.transcribe(tmp_path))


def test_without_a_model_the_way_to_get_one_is_told(tmp_path: Path) -> None:
    with Assistant(tmp_path / "library", llm="none", offline=True, speech_model_path=None) as locus:
        assert not locus.has_model("speech") and not locus.has_model("image")
        with pytest.raises(ModelMissing, match="run: locus models pull "):
            locus.transcribe(TALK)
        assert "it is no sound" in wrong(lambda: locus.transcribe(__file__)), "what no model would help"


# --- how much is heard -------------------------------------------------------------------------


class Tape:
    """Decodes an endless recording in windows; the value of a sample is its second."""

    def __init__(self, broken_from: float = 1e9) -> None:
        self.broken_from = broken_from

    def decode(self, source: Source, what: Unread, start: float) -> Decoded:
        if start >= self.broken_from:
            raise Broken("its sound can not be decoded")
        seconds = np.arange(start, start + WINDOW_S, 1 / SAMPLE_RATE, dtype=np.float32)
        return Decoded(samples=seconds, next_start=start + WINDOW_S)


class Counter:
    """Hears a word each ten seconds: the second at which it stands."""

    name = "counter"

    def transcribe(self, samples: Samples, language: str | None) -> tuple[str, Iterator[Spoken]]:
        tens = [n for n in range(0, len(samples), SAMPLE_RATE) if round(float(samples[n])) % 10 == 0]
        return "en", (Spoken(n / SAMPLE_RATE, n / SAMPLE_RATE + 1, f" {round(float(samples[n]))}\n") for n in tens)


SOURCE = Source(Path("talk.wav"), "talk.wav", "wav")


def test_five_minutes_are_heard_and_no_more() -> None:
    assert dictated(SOURCE, Tape(), Counter()).split() == [str(second) for second in range(0, int(MOST_S), 10)]


def test_what_can_be_decoded_is_heard() -> None:
    assert dictated(SOURCE, Tape(broken_from=100), Counter()).split()[-1] == "110"
    assert "can not be decoded" in wrong(lambda: dictated(SOURCE, Tape(broken_from=0), Counter()))


def test_a_film_is_a_recording(tmp_path: Path) -> None:
    assert recording(TALK).format == "wav"
    (tmp_path / "note.webm").write_bytes(bytes.fromhex("1a45dfa39f4286810142f7810142f2810442f381084282847765626d"))
    assert recording(tmp_path / "note.webm").format == "webm", "what a browser's microphone gives"
