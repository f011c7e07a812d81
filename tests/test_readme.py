"""The Python in the README runs as it stands, on the sample library, and what the README names is there."""

import re
import tomllib
from pathlib import Path

import pytest

from assistant import models
from assistant.settings import load

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def test_python_examples_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "library").symlink_to(ROOT / "data" / "library")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LOCUS_LLM", "none")
    examples = blocks("python")
    assert len(examples) == 2
    shown = []
    for example in examples:
        exec(compile(example, "README.md", "exec"), {})
        shown.append(capsys.readouterr().out)
    added, answered = shown
    assert "20 documents" in added
    assert "28 September 2046" in added
    assert "water-lease.pdf, p. 2" in added
    assert "quotes" in answered
    assert "2023" in answered.split("searched for:")[1]


def test_settings_of_the_example_are_there(tmp_path: Path) -> None:
    [example] = blocks("toml")
    file = tmp_path / "settings.toml"
    file.write_text(example.replace("# llm", "llm"), encoding="utf-8")
    settings = load({}, environment={}, file=file)
    assert models.spec(settings.llm).role == "llm"
    assert settings.llm_url.startswith("http://127.0.0.1")


def test_named_files_are_there() -> None:
    named = set(re.findall(r"\b(?:tests|data|assistant|indexers|ui)/[\w./]*\.\w+", README))
    assert len(named) > 10
    assert [name for name in sorted(named) if not (ROOT / name).is_file()] == []


def test_every_dependency_is_explained() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    listed = [*project["dependencies"], *project["optional-dependencies"]["bundled"]]
    table = README.partition("## Dependencies")[2]
    names = [re.split(r"[\[<>=]", entry)[0] for entry in listed]
    assert [name for name in names if not re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", table)] == []
