"""What is done in the settings tab, from what the browser sends to the file and to what is shown."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest

from assistant import Assistant
from indexers.errors import ModelMissing
from indexers.reports import Progress
from ui.pulls import Pulls
from ui.settings_tab import SettingsTab


class Job:
    def __init__(self) -> None:
        self.progress: Progress | None = None
        self.error: Any = None
        self.has_ended = False

    def wait(self, timeout_s: float | None = None) -> bool:
        return self.has_ended


class Work:
    def __init__(self) -> None:
        self.pulled: list[tuple[str, Job]] = []

    def pull(self, name: str) -> Job:
        self.pulled.append((name, Job()))
        return self.pulled[-1][1]


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "settings.toml"
    path.write_text("# mine\n", encoding="utf-8")
    monkeypatch.setenv("LOCUS_SETTINGS", str(path))
    return path


@pytest.fixture
def work() -> Work:
    return Work()


@pytest.fixture
def tab(file: Path, tmp_path: Path, work: Work) -> Iterator[SettingsTab]:
    with Assistant(tmp_path / "library") as locus:
        desk: Any = SimpleNamespace(locus=locus, work=work)
        with gr.Blocks(analytics_enabled=False):
            yield SettingsTab(desk)


def sent(**data: Any) -> gr.EventData:
    return gr.EventData(None, data)


def test_what_is_saved_is_in_the_file_and_in_force(tab: SettingsTab, file: Path) -> None:
    shown = tab._save(sent(act="save", group="answers", answer_words="90", abstain_below="0"))
    assert file.read_text() == "# mine\nanswer_words = 90\nabstain_below = 0.0\n"
    assert "Saved at" in shown[0] and tab._locus.settings.answer_words == 90
    assert len(shown) == len(tab.outputs)


def test_a_theme_is_given_to_the_browser(tab: SettingsTab) -> None:
    assert tab._save(sent(group="appearance", theme="dark"))[-1] == "dark"


def test_what_is_wrong_is_said_beside_its_field_and_nothing_is_saved(tab: SettingsTab, file: Path) -> None:
    shown = tab._save(sent(group="answers", answer_words="many", llm_model="mine", llm_api_key="geheim"))
    assert 'id="error-answer_words">Write a whole number<' in shown[0] and 'value="many"' in shown[0]
    assert "Nothing was saved" in shown[0] and "geheim" not in "".join(shown)
    assert file.read_text() == "# mine\n"
    shown = tab._save(sent(group="answers", answer_words="60", llm_path="/not/there.gguf"))
    assert "There is no model at /not/there.gguf" in shown[0] and file.read_text() == "# mine\n"


def test_a_key_is_written_and_never_shown(tab: SettingsTab, file: Path) -> None:
    shown = tab._save(sent(group="answers", llm_api_key="geheim"))
    assert 'llm_api_key = "geheim"' in file.read_text()
    assert "geheim" not in "".join(shown) and "There is one; write another" in shown[0]
    assert "geheim" not in "".join(tab._default(sent(name="llm_api_key")))
    assert file.read_text() == "# mine\n"


def test_what_waits_for_a_restart_is_said(tab: SettingsTab) -> None:
    shown = tab._save(sent(group="models", ocr="true", threads="1"))
    assert "It takes effect when Locus is started again." in shown[1]
    assert (
        "when Locus is started again" not in tab._save(sent(group="folders", hidden="true"))[2].split('class="end"')[1]
    )


@pytest.mark.parametrize("data", [{}, {"group": "none"}, {"group": 3}, {"group": ["answers"], "answer_words": "70"}])
def test_what_no_form_sends_changes_nothing(tab: SettingsTab, file: Path, data: dict[str, Any]) -> None:
    for act in (tab._save, tab._default, tab._use):
        act(sent(**data))
        act(gr.EventData(None, None))
        act(gr.EventData(None, "text"))
    assert "library" not in file.read_text()
    tab._default(sent(name="library"))
    tab._save(sent(group="answers", library="/elsewhere", ui_password="mine"))
    assert "elsewhere" not in file.read_text() and "ui_password" not in file.read_text()


def test_a_broken_file_is_said_and_what_is_in_force_stays(tab: SettingsTab, file: Path) -> None:
    file.write_text("theme =")
    shown = tab.refresh()
    assert "can not be read" in shown[0]
    assert "can not be read" in tab._save(sent(group="appearance", theme="dark"))[3]
    assert file.read_text() == "theme ="
    file.write_text('theme = "light"\n')
    assert tab.refresh()[-1] == "light"


def test_a_model_is_chosen_by_its_name_and_a_path_gives_way(tab: SettingsTab, file: Path) -> None:
    model = file.with_name("mine.gguf")
    model.write_bytes(b"GGUF")
    tab._save(sent(group="answers", llm_path=str(model)))
    assert tab._locus.settings.llm_path == model
    tab._use(sent(name="SmolLM2-135M-Instruct"))
    assert file.read_text() == '# mine\nllm = "SmolLM2-135M-Instruct"\n'
    assert "None: answers are quotes" in tab._use(sent(name="none"))[1]
    before = file.read_text()
    for name in ("Qwen3-4B", "all-MiniLM-L6-v2", "GPT-9", "../../etc"):
        tab._use(sent(name=name))
    assert file.read_text() == before


def test_a_download_is_shown_until_it_has_ended(tab: SettingsTab, work: Work) -> None:
    assert tab._pull(sent(name="GPT-9"))[0] == "" and work.pulled == []
    going, timer = tab._pull(sent(name="Qwen3-4B"))
    assert "Getting Qwen3-4B …" in going and timer["active"]
    tab._pull(sent(name="Qwen3-4B"))
    [(_, job)] = work.pulled
    job.progress = Progress(0, 1, 0, 1_000_000_000, 2_500_000_000, "Qwen3-4B")
    going, timer, *rest = tab._tick()
    assert "1.0 GB of 2.5 GB" in going and timer["active"] and isinstance(rest[0], dict)
    job.error, job.has_ended = ModelMissing("it can not be reached"), True
    going, timer, *rest = tab._tick()
    assert "it can not be reached" in going and "Try again" in going and not timer["active"]
    assert isinstance(rest[0], str) and len(rest) == len(tab.outputs)
    tab._pull(sent(name="Qwen3-4B"))
    work.pulled[-1][1].has_ended = True
    assert tab._tick()[0] == ""


def test_a_download_that_goes_on_is_not_begun_again(work: Work) -> None:
    pulls = Pulls(work)
    for _ in range(3):
        pulls.begin("a")
    pulls.begin("b")
    assert [name for name, _ in work.pulled] == ["a", "b"] and pulls.is_busy
    for _, job in work.pulled:
        job.has_ended = True
    assert not pulls.is_busy and pulls.going() == {}
