"""The text model of a library: remembered, changed, and never mistaken for another.

The models are folders as sentence-transformers has them, with weights that nothing loads: what embeds in their place
ranks by words, in as many dimensions as the folder says.
"""

import json
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from numpy.typing import NDArray

from assistant import Assistant, ModelMissing, UsageError, models, text_parts
from indexers.catalog import Catalog
from indexers.errors import ModelFailed
from indexers.testing import UnloadedModel

QUESTION = "What is the gasket of pump 3 made of?"


class Hashed(UnloadedModel):
    """Tells which were made, and when one is asked."""

    made: ClassVar[list["Hashed"]] = []
    before_query: ClassVar[Callable[[], None]] = staticmethod(lambda: None)

    def __init__(self, model_dir: Path, **options: Any) -> None:
        super().__init__(model_dir, **options)
        Hashed.made.append(self)

    def embed_query(self, text: str) -> NDArray[np.float32]:
        Hashed.before_query()
        return super().embed_query(text)


def write_model(folder: Path, dim: int) -> Path:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps({"hidden_size": dim}))
    (folder / "tokenizer.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(bytes([dim]) * 8)
    return folder


@pytest.fixture(autouse=True)
def hashed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_parts, "SentenceEmbedder", Hashed)
    monkeypatch.setattr(Hashed, "made", [])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model."""
    return write_model(tmp_path / "models" / "small", 48)


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """Another model."""
    return write_model(tmp_path / "models" / "other", 80)


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files, and a library of them with the default model."""
    made = tmp_path_factory.mktemp("made")
    (made / "files").mkdir()
    for number in range(6):
        material = ("cork", "felt", "tin")[number % 3]
        (made / "files" / f"{number}.txt").write_text(f"The gasket of pump {number} is made of {material}.\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text_parts, "SentenceEmbedder", Hashed)
        with Assistant(made / "library") as locus:
            locus.add(made / "files")
    return made


@pytest.fixture
def files(tmp_path: Path, made_once: Path) -> Path:
    return shutil.copytree(made_once / "files", tmp_path / "files")


@pytest.fixture
def root(tmp_path: Path, made_once: Path, files: Path) -> Path:
    """A library of ``files`` with the default model."""
    root = shutil.copytree(made_once / "library", tmp_path / "library")
    with closing(Catalog(root / "catalog.sqlite")) as catalog:
        catalog._rows("UPDATE files SET path = replace(path, ?, ?)", (str(made_once / "files"), str(files)))
    return root


@pytest.fixture
def opened(root: Path) -> Iterator[Callable[..., Assistant]]:
    """Opens the library as another process would."""
    made: list[Assistant] = []

    def open_(**settings: object) -> Assistant:
        made.append(Assistant(root, llm="none", **settings))
        return made[-1]

    yield open_
    for each in made:
        each.close()


def found(locus: Assistant) -> list[tuple[str, float]]:
    return [(hit.path, round(hit.signals["dense"], 4)) for hit in locus.search("gasket of pump 3", k=6)]


def refused(locus: Assistant, kind: type[Exception] = UsageError) -> str:
    """What is said, in one line, to everything that needs the text model."""
    told = []
    for call in (locus.search, locus.ask, lambda _: locus.finish()):
        with pytest.raises(kind) as caught:
            call("gasket of pump 3")
        told.append(str(caught.value))
    assert len(set(told)) == 1 and "\n" not in told[0]
    return told[0]


# --- the change --------------------------------------------------------------------------------


def test_after_the_change_everyone_uses_the_new_model_without_any_setting(
    opened: Callable[..., Assistant], folder: Path, tmp_path: Path, files: Path
) -> None:
    locus, reader = opened(), opened()
    before = found(reader)
    assert found(locus) == before
    report = locus.reindex(folder)
    assert (report.before, report.text_model, report.embedded) == ("all-MiniLM-L6-v2", str(folder), 6)
    assert report.to_dict() | {"seconds": 0} == {
        "changed": True, "before": "all-MiniLM-L6-v2", "text_model": str(folder), "passages": 6, "embedded": 6,
        "dropped": "", "seconds": 0,
    }  # fmt: skip
    with Assistant(tmp_path / "fresh", text_model_path=folder, llm="none") as fresh:
        fresh.add(files)
        expected = found(fresh)
        answer = fresh.ask(QUESTION)
    assert before != expected
    for each in (locus, reader, opened()):
        assert found(each) == expected
        assert each.ask(QUESTION).to_dict() | {"timings_ms": 0} == answer.to_dict() | {"timings_ms": 0}
        assert each.status()["text_model"] == each.text_model == str(folder)
        assert each.doctor() == []
    # The one that changed it needed no other, nor did the reader load the old one again.
    assert [embedder.dim for embedder in Hashed.made] == [384, 384, 48, 48, 48, 48]
    (files / "new.txt").write_text("The lid is made of oak.\n")
    for each in (reader, opened()):
        each.add(files)
        assert each.search("lid of oak")[0].path == str(files / "new.txt")


def test_an_interrupted_change_is_told_and_goes_on(opened: Callable[..., Assistant], folder: Path) -> None:
    locus = opened()
    before = found(locus)

    def press(_done: int, _total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        locus.reindex(folder, on_progress=press)
    for each in (locus, opened()):
        assert found(each) == before
        assert each.status()["text_model_next"] == str(folder)
        assert each.text_model == "all-MiniLM-L6-v2"
    report = locus.reindex("all-minilm-l6-v2")
    assert (report.changed, report.dropped) == (False, str(folder))
    assert locus.status()["text_model_next"] == ""


def test_a_question_under_way_when_the_model_changes_is_answered_with_the_new_one(
    opened: Callable[..., Assistant], folder: Path, other: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    locus, changing = opened(), opened()

    def change_once(to: Path) -> Callable[[], None]:
        def change() -> None:
            monkeypatch.setattr(Hashed, "before_query", staticmethod(lambda: None))
            changing.reindex(to)

        return change

    monkeypatch.setattr(Hashed, "before_query", staticmethod(change_once(folder)))
    assert found(locus) == found(opened())
    assert locus.text_model == str(folder)
    monkeypatch.setattr(Hashed, "before_query", staticmethod(change_once(other)))
    answer = locus.ask(QUESTION)
    assert answer.grounded and "tin" not in answer.text and "cork" in answer.text
    assert locus.text_model == str(other)


def test_threads_that_ask_during_the_change_get_one_model_or_the_other(
    opened: Callable[..., Assistant], folder: Path
) -> None:
    locus, reader = opened(), opened()
    seen: list[set[str]] = []
    is_over = threading.Event()

    def ask(asked: Assistant) -> None:
        mine: list[str] = []
        while not (is_over.is_set() and mine[-1:] == [after]):
            mine.append(json.dumps(found(asked)))
            if len(mine) > 2000:
                break
        seen.append(set(mine))

    before = json.dumps(found(locus))
    with Assistant(locus.settings.library.parent / "expected", text_model_path=folder, llm="none") as fresh:
        fresh.add(Path(found(locus)[0][0]).parent)
        after = json.dumps(found(fresh))
    threads = [threading.Thread(target=ask, args=[each], daemon=True) for each in (locus, locus, reader)]
    for thread in threads:
        thread.start()
    locus.reindex(folder)
    is_over.set()
    for thread in threads:
        thread.join(30)
    assert len(seen) == 3 and all(after in some and some <= {before, after} for some in seen)


def test_a_long_add_that_waited_for_the_change_uses_the_new_model(
    opened: Callable[..., Assistant], folder: Path, files: Path
) -> None:
    locus = opened()
    (files / "new.txt").write_text("The lid is made of oak.\n")
    began = threading.Event()
    adding = threading.Thread(target=lambda: (began.wait(), locus.add(files)), daemon=True)
    adding.start()
    locus.reindex(folder, on_progress=lambda _done, _total: began.set())
    adding.join(30)
    assert locus.search("lid of oak")[0].path == str(files / "new.txt")
    assert locus.doctor() == []


# --- what the settings say ---------------------------------------------------------------------


def test_settings_that_name_another_model_are_refused_with_the_command(
    opened: Callable[..., Assistant], folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = (
        f"this library is bound to the text model all-MiniLM-L6-v2, the settings name {folder}; "
        f"to change it run: locus reindex --text-model {folder} (or take it out of the settings)"
    )
    assert refused(opened(text_model_path=folder)) == expected
    with monkeypatch.context() as patch:
        patch.setenv("LOCUS_TEXT_MODEL_PATH", str(folder))
        assert refused(opened()) == expected
    with monkeypatch.context() as patch:
        (tmp_path / "settings.toml").write_text(f"text_model_path = '{folder}'\n")
        patch.setenv("LOCUS_SETTINGS", str(tmp_path / "settings.toml"))
        assert refused(opened()) == expected
    locus = opened(text_model_path=folder)
    assert locus.files() and locus.status()["text_model"] == "all-MiniLM-L6-v2"
    locus.reindex(folder)
    assert "the settings name all-MiniLM-L6-v2;" in refused(opened(text_model="all-minilm-l6-v2"))
    assert found(opened(text_model_path=folder)) == found(opened()) == found(locus)


def test_the_settings_may_name_the_model_in_force(opened: Callable[..., Assistant], root: Path) -> None:
    assert found(opened(text_model="ALL-minilm-l6-v2")) == found(opened())
    # The object that changed the model uses it, whatever its settings named.
    locus = opened(text_model="all-MiniLM-L6-v2")
    locus.reindex(write_model(root.parent / "new", 32))
    assert found(locus) == found(opened())
    assert locus.named_text_model == "all-MiniLM-L6-v2" != locus.text_model


def test_another_model_that_is_not_even_there_is_told_with_both_ways(
    opened: Callable[..., Assistant], tmp_path: Path
) -> None:
    gone = tmp_path / "nowhere"
    told = refused(opened(text_model_path=gone), ModelMissing)
    assert "bound to the text model all-MiniLM-L6-v2" in told and f"no model at {gone}" in told
    assert told.endswith(f"locus reindex --text-model {gone}")


def test_what_is_no_text_model_is_told(opened: Callable[..., Assistant], tmp_path: Path) -> None:
    locus = opened()
    for wrong in ("CLIP-ViT-B-32", "nonsense"):
        with pytest.raises(UsageError, match=f"'{wrong}' is no text model; there are: all-MiniLM-L6-v2, or name"):
            locus.reindex(wrong)
    for missing in (tmp_path / "nowhere", str(tmp_path / "nowhere"), "./nowhere", tmp_path):
        with pytest.raises(ModelMissing):
            locus.reindex(missing)
    assert locus.search("gasket")


def test_a_model_that_is_not_installed_is_told_with_the_way_to_get_it(
    opened: Callable[..., Assistant], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened().reindex(folder)
    monkeypatch.setattr(models, "_bundled_folder", lambda _spec: None)
    with pytest.raises(ModelMissing, match="locus models pull all-MiniLM-L6-v2"):
        opened().reindex("all-MiniLM-L6-v2")
    assert found(opened())


def test_a_new_library_remembers_the_model_that_it_was_made_with(tmp_path: Path, folder: Path, files: Path) -> None:
    with Assistant(tmp_path / "new", text_model_path=folder, llm="none") as locus:
        locus.add(files)
    with Assistant(tmp_path / "new", llm="none") as locus:
        assert (locus.text_model, len(found(locus))) == (str(folder), 6)
        assert locus.remove(files) == 6
        # Emptied, it may be bound to another one by what is added next, or by a command.
        locus.reindex("all-MiniLM-L6-v2")
    with Assistant(tmp_path / "new", llm="none") as locus:
        assert locus.text_model == "all-MiniLM-L6-v2"
        locus.add(files)
        assert locus.status()["text_space"].startswith("text:all-MiniLM-L6-v2@")
        locus.remove(files)
    with Assistant(tmp_path / "new", text_model_path=folder, llm="none") as locus:
        locus.add(files)
    with Assistant(tmp_path / "new", llm="none") as locus:
        assert (locus.text_model, len(found(locus))) == (str(folder), 6)


# --- a folder that is not what it was ----------------------------------------------------------


def test_a_folder_that_is_gone_is_told_and_may_be_named_anew(
    opened: Callable[..., Assistant], folder: Path, tmp_path: Path
) -> None:
    opened().reindex(folder)
    expected = found(opened())
    moved = tmp_path / "elsewhere" / folder.name
    moved.parent.mkdir()
    folder.rename(moved)
    told = refused(opened(), ModelMissing)
    assert f"there is no model at {folder}" in told and "locus reindex --text-model FOLDER" in told
    assert opened().files()
    assert found(opened(text_model_path=moved)) == expected
    report = opened().reindex(moved)
    assert (report.changed, report.embedded) == (False, 0)
    assert found(opened()) == expected


def test_a_folder_that_holds_another_model_is_refused(opened: Callable[..., Assistant], folder: Path) -> None:
    opened().reindex(folder)
    shutil.rmtree(folder)
    write_model(folder, 64)
    told = refused(opened())
    assert told.startswith(
        f"the text model {folder} is not the one that this library is bound to any more (text:small@"
    )
    assert told.endswith(f"put that one back, or embed anew with: locus reindex --text-model {folder}")
    assert opened().reindex(folder).embedded == 6
    assert len(found(opened())) == 6


def test_a_folder_without_weights_is_told(opened: Callable[..., Assistant], folder: Path) -> None:
    opened().reindex(folder)
    (folder / "model.safetensors").unlink()
    assert "locus reindex --text-model FOLDER" in refused(opened(), ModelFailed)
    (folder / "config.json").unlink()
    assert "locus reindex --text-model FOLDER" in refused(opened(), ModelMissing)


def forget_the_model(root: Path) -> None:
    """Makes a library as it was before libraries remembered their model."""
    with closing(Catalog(root / "catalog.sqlite")) as catalog:
        catalog._rows("DELETE FROM facts WHERE name='text_model'")


def test_older_libraries_remember_no_model(opened: Callable[..., Assistant], root: Path, files: Path) -> None:
    forget_the_model(root)
    assert opened().text_model == "all-MiniLM-L6-v2"
    assert len(found(opened())) == 6
    opened().add(files)
    assert opened().status()["text_model"] == "all-MiniLM-L6-v2"


def test_in_older_libraries_models_in_folders_went_by_a_name_of_the_catalogue(
    root: Path, opened: Callable[..., Assistant], folder: Path, files: Path
) -> None:
    opened().reindex(folder)
    expected = found(opened())
    old_name = opened().status()["text_space"].replace("small", "all-MiniLM-L6-v2")
    with closing(Catalog(root / "catalog.sqlite")) as catalog:
        catalog._rows("UPDATE vectors SET space=?", (old_name,))
        catalog.set_fact("text_space", old_name)
    forget_the_model(root)
    assert "locus reindex --text-model all-MiniLM-L6-v2" in refused(opened())
    assert found(opened(text_model_path=folder)) == expected
    opened(text_model_path=folder).add(files)
    assert found(opened()) == expected
