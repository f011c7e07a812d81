"""Settings that are changed while Locus runs: what takes effect at once, what waits, and what a question sees of it."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from assistant import Assistant, Retrieved, Token, build_models
from assistant.renewal import AT_ONCE
from assistant.settings import Settings
from indexers.errors import ModelMissing, UsageError

QUESTION = "When does our water lease end?"


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The settings file in force."""
    path = tmp_path / "settings.toml"
    path.write_text("# mine\nllm = 'none'\n", encoding="utf-8")
    monkeypatch.setenv("LOCUS_SETTINGS", str(path))
    return path


@pytest.fixture
def locus(sample_library: Path, file: Path) -> Iterator[Assistant]:
    with Assistant(sample_library) as opened:
        yield opened


class Writer:
    """Says after a word that it is at work, and goes on when it is told to."""

    context_tokens = 2048

    def __init__(self, path: Path, *, name: str, threads: int | None = None) -> None:
        self.name = name
        self.path = path
        self.go_on = threading.Event()
        self.is_closed = False

    def count_tokens(self, text: str) -> int:
        return len(text.split())

    def stream(self, messages: Any, **options: Any) -> Iterator[str]:
        assert not self.is_closed
        yield "The "
        assert self.go_on.wait(10)
        assert not self.is_closed
        yield "lease ends [1]."

    def close(self) -> None:
        self.is_closed = True


@pytest.fixture
def writers(monkeypatch: pytest.MonkeyPatch) -> list[Writer]:
    """The language models that were made."""
    made: list[Writer] = []

    def make(*given: Any, **named: Any) -> Writer:
        made.append(Writer(*given, **named))
        return made[-1]

    monkeypatch.setattr(build_models, "LlamaCpp", make)
    return made


def row(locus: Assistant, name: str) -> Any:
    return next(each for each in locus.settings_in_force() if each.name == name)


# --- at once -----------------------------------------------------------------------------------


def test_strictness_and_length_are_those_of_the_next_question(locus: Assistant, file: Path) -> None:
    assert not locus.ask(QUESTION).abstained
    assert locus.change_settings({"abstain_below": "99"}) == []
    assert locus.ask(QUESTION).abstained
    locus.change_settings({"abstain_below": "-99", "answer_words": 400})
    long = locus.ask(QUESTION)
    locus.change_settings({"answer_words": 10})
    short = locus.ask(QUESTION)
    assert len(short.sentences) == 1 < 3 < len(long.sentences)
    assert file.read_text() == "# mine\nllm = 'none'\nabstain_below = -99.0\nanswer_words = 10\n"


def test_the_usual_length_is_what_it_always_was(locus: Assistant) -> None:
    usual = locus.ask(QUESTION)
    locus.change_settings({"answer_words": 60})
    assert locus.ask(QUESTION).to_dict() | {"timings_ms": {}} == usual.to_dict() | {"timings_ms": {}}


def test_the_text_model_is_loaded_once_however_often_settings_change(locus: Assistant) -> None:
    embedder = locus._parts.embedder
    for words in (20, 30, 40):
        locus.change_settings({"answer_words": words, "max_file_mb": words, "hidden": words == 30})
    assert locus._parts.embedder is embedder
    assert locus._parts.pipeline.hidden is False


def test_limits_of_files_hold_for_the_next_file(locus: Assistant, tmp_path: Path) -> None:
    large = tmp_path / "large.txt"
    large.write_text("A word and another one.\n" * 60_000)
    assert locus._parts.pipeline
    assert locus._parts.reader.refusal(large, large.stat().st_size) is None
    locus.change_settings({"max_file_mb": 1})
    assert "1 MB" in str(locus._parts.reader.refusal(large, large.stat().st_size))


def test_watched_folders_are_looked_through_as_often_as_is_said(locus: Assistant) -> None:
    watcher = locus._parts.watcher(lambda _report: None)
    locus.change_settings({"rescan_minutes": 9})
    assert watcher.rescan_s == 540
    assert locus._parts.watcher(lambda _report: None).rescan_s == 540


def test_every_setting_that_is_said_to_take_effect_at_once_exists() -> None:
    assert set(Settings.__dataclass_fields__) >= AT_ONCE
    assert {"library", "cache_dir", "threads", "text_model", "read_seconds", "ui_password"}.isdisjoint(AT_ONCE)


# --- at the next start -------------------------------------------------------------------------


def test_what_waits_for_a_restart_is_said_and_not_in_force(locus: Assistant, file: Path) -> None:
    assert locus.change_settings({"threads": 1, "theme": "dark"}) == ["threads"]
    threads = row(locus, "threads")
    assert (threads.value, threads.later, threads.waits, threads.source) == (0, 1, True, "default")
    assert threads.is_in_file and not threads.at_once
    assert locus.settings.threads == 0 and locus.settings.theme == "dark"
    with Assistant(locus.settings.library) as again:
        assert again.settings.threads == 1 and not row(again, "threads").waits
    assert locus.change_settings({"threads": None}) == []
    assert not row(locus, "threads").waits


def test_what_an_argument_says_stays_in_force(
    sample_library: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOCUS_THEME", "light")
    with Assistant(sample_library, answer_words=30) as locus:
        assert locus.change_settings({"answer_words": 90, "theme": "dark"}) == []
        assert (locus.settings.answer_words, locus.settings.theme) == (30, "light")
        assert row(locus, "answer_words").source == "argument" and row(locus, "theme").source == "LOCUS_THEME"
    assert "answer_words = 90" in file.read_text()


def test_a_file_that_was_edited_by_hand_is_taken_on(locus: Assistant, file: Path) -> None:
    file.write_text('theme = "dark"\nllm = "none"\n')
    assert locus.change_settings({}) == []
    assert locus.settings.theme == "dark" and file.read_text() == 'theme = "dark"\nllm = "none"\n'
    file.write_text("theme = \n")
    with pytest.raises(UsageError, match=r"settings\.toml can not be read"):
        locus.change_settings({})
    assert locus.settings.theme == "dark"


# --- the language model ------------------------------------------------------------------------


def test_a_model_is_closed_when_it_has_written_and_the_next_question_loads_the_new_one(
    locus: Assistant, writers: list[Writer], tmp_path: Path
) -> None:
    for name in ("one.gguf", "two.gguf"):
        (tmp_path / name).write_bytes(b"GGUF")
    locus.change_settings({"llm": None, "llm_path": str(tmp_path / "one.gguf"), "llm_small": "false"})
    assert writers == []
    events = locus.stream(QUESTION)
    while not isinstance(next(events), Token):
        pass
    (first,) = writers
    locus.change_settings({"llm_path": str(tmp_path / "two.gguf")})
    assert not first.is_closed and len(writers) == 1
    first.go_on.set()
    list(events)
    assert first.is_closed
    second = locus.stream(QUESTION)
    while not isinstance(next(second), Token):
        pass
    assert [writer.path.name for writer in writers] == ["one.gguf", "two.gguf"] and not writers[1].is_closed
    writers[1].go_on.set()
    list(second)
    locus.change_settings({"llm_path": None, "llm": "none"})
    assert writers[1].is_closed and locus.ask(QUESTION).mode == "quotes"


def test_a_question_that_was_left_gives_its_model_back(locus: Assistant, writers: list[Writer], tmp_path: Path) -> None:
    (tmp_path / "one.gguf").write_bytes(b"GGUF")
    locus.change_settings({"llm": None, "llm_path": str(tmp_path / "one.gguf"), "llm_small": "false"})
    events = locus.stream(QUESTION)
    assert isinstance(next(events), Retrieved)
    locus.change_settings({"llm_path": None, "llm": "none"})
    assert not writers[0].is_closed
    events.close()  # type: ignore[attr-defined]
    assert writers[0].is_closed


def test_other_settings_leave_the_model_loaded(locus: Assistant, writers: list[Writer], tmp_path: Path) -> None:
    (tmp_path / "one.gguf").write_bytes(b"GGUF")
    locus.change_settings({"llm": None, "llm_path": str(tmp_path / "one.gguf"), "llm_small": "false"})
    list(locus.stream("Which colour has the moon's cheese?"))
    before = vars(locus._parts).get("llm")
    locus.change_settings({"answer_words": 100, "theme": "dark", "hidden": True, "llm_small": "true"})
    assert vars(locus._parts).get("llm") is before and not any(writer.is_closed for writer in writers)


@pytest.mark.parametrize(
    ("values", "error", "said"),
    [
        ({"llm": "GPT-9"}, UsageError, "unknown model 'GPT-9'"),
        ({"image_model": "nothing"}, UsageError, "unknown model"),
        ({"llm_path": "/not/there.gguf", "llm": "SmolLM2-135M-Instruct"}, ModelMissing, "no model at /not/there.gguf"),
        ({"speech_model_path": "/not/there"}, ModelMissing, "no model at /not/there"),
        ({"llm_url": "http://models.example/v1"}, UsageError, "not this machine"),
        ({"llm_url": "gopher"}, UsageError, "not the address of a server"),
    ],
)
def test_what_can_not_be_had_is_refused_before_anything_is_written(
    locus: Assistant, file: Path, values: dict[str, Any], error: type[Exception], said: str
) -> None:
    before, running = file.read_text(), locus.settings
    with pytest.raises(error, match=said):
        locus.change_settings(values)
    assert file.read_text() == before and locus.settings == running
    assert locus.ask(QUESTION).mode == "quotes"


def test_what_was_wrong_before_is_no_reason_to_refuse_another_change(sample_library: Path, file: Path) -> None:
    file.write_text('llm = "GPT-9"\n')
    with Assistant(sample_library) as locus:
        locus.change_settings({"theme": "dark"})
        assert locus.settings.theme == "dark"
        locus.change_settings({"llm": "none"})
        assert locus.ask(QUESTION).mode == "quotes"


def test_a_picture_model_that_is_named_now_is_used_now(locus: Assistant, tmp_path: Path) -> None:
    assert locus._parts.senses.images is None
    (tmp_path / "clip").mkdir()
    reader = locus._parts.reader
    locus.change_settings({"image_model_path": str(tmp_path / "clip")})
    assert locus._parts.senses.images is not None
    assert reader.senses is locus._parts.senses and locus._parts.sights.can_see
    locus.change_settings({"image_model_path": None, "ocr": False})
    assert locus._parts.senses.images is None and locus._parts.senses.ocr is None


def test_changes_from_several_threads_are_all_in_force(locus: Assistant) -> None:
    values = {"theme": "dark", "hidden": True, "max_file_mb": 7, "answer_words": 90, "rescan_minutes": 9}
    threads = [threading.Thread(target=locus.change_settings, args=({name: values[name]},)) for name in values]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {name: getattr(locus.settings, name) for name in values} == values


def test_files_that_are_dropped_on_the_page_go_where_the_settings_say_now(locus: Assistant, tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("A note.")
    assert locus.change_settings({"inbox": str(tmp_path / "dropped")}) == []
    assert locus.keep(tmp_path / "note.txt") == tmp_path / "dropped" / "note.txt"
