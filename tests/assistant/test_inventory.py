"""The library in numbers and pages, and reading files again, with the bundled text model."""

from pathlib import Path

import pytest

from assistant import Assistant, UsageError
from assistant.listing import Choice
from indexers.types import Status


def test_the_numbers_are_those_of_status_and_the_list_that_of_files(sample: Assistant) -> None:
    told, overview = sample.status(), sample.inventory.overview()
    assert {state.value: number for state, number in overview.states.items()} == told["statuses"]
    assert (overview.files, overview.passages) == (told["files"], told["chunks"])
    assert (dict(overview.waiting), list(overview.watched)) == (told["waiting"], told["watched"])
    assert overview.reading == ()
    page = sample.inventory.page(Choice(order="folder"))
    assert sorted((row.document for row in page.rows), key=lambda each: each.path) == sample.files()
    assert (page.first, page.total, page.pages) == (1, told["files"], 1)
    inner = next(row for row in page.rows if row.holder)
    assert (inner.name, inner.holder) == ("flour-tests.csv", "flour-test-results.eml")
    sizes = sample.inventory.sizes()
    assert sizes.library == told["bytes"] and sizes.memory > 0


def test_missing_models_are_those_of_the_settings_that_are_not_there(tmp_path: Path) -> None:
    with Assistant(tmp_path / "a", cache_dir=str(tmp_path / "cache"), speech_model="none") as locus:
        missing = {model.name: model for model in locus.inventory.missing_models()}
        assert set(missing) == {"CLIP-ViT-B-32"}
        assert missing["CLIP-ViT-B-32"].can_be_pulled and missing["CLIP-ViT-B-32"].begun_bytes == 0
        partial = tmp_path / "cache" / "models" / ".CLIP-ViT-B-32.1a25a446712ba5ee05982a381eed697ef9b435cf.partial"
        partial.mkdir(parents=True)
        (partial / "open_clip_model.safetensors.part").write_bytes(bytes(1234))
        assert locus.inventory.missing_models()[0].begun_bytes == 1234
    with Assistant(tmp_path / "a", cache_dir=str(tmp_path / "cache"), image_model_path=str(tmp_path)) as locus:
        assert [model.role for model in locus.inventory.missing_models()] == ["speech"]


def test_the_version_changes_with_the_library_and_only_with_it(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("The gasket is made of cork.")
    with Assistant(tmp_path / "library", llm="none") as locus:
        before = locus.inventory.version()
        assert locus.inventory.version() == before
        locus.add(tmp_path / "a.txt")
        after = locus.inventory.version()
        assert after != before
        locus.search("cork")
        assert locus.inventory.version() == after
        seen: list[Status] = []
        (tmp_path / "b.txt").write_text("The lamp is red.")
        locus.add(tmp_path, on_progress=lambda _: seen.extend(locus.inventory.overview().states))
        assert Status.QUEUED in seen or Status.READING in seen


def test_a_file_is_read_again_though_it_has_not_changed(tmp_path: Path) -> None:
    path = tmp_path / "files" / "a.txt"
    path.parent.mkdir()
    path.write_text("The gasket is made of cork.")
    with Assistant(tmp_path / "library", llm="none") as locus:
        locus.add(path)
        assert [file.change for file in locus.add(path).files] == ["unchanged"]
        assert [file.change for file in locus.retry(path).files] == ["updated"]
        assert [file.change for file in locus.retry(path.parent).files] == ["updated"]
        assert len(locus.search("cork")) == 1
        with pytest.raises(UsageError, match="holds nothing at"):
            locus.retry(tmp_path / "b.txt")
        path.unlink()
        with pytest.raises(UsageError, match="no longer on the disk"):
            locus.retry(path)
        assert len(locus.files()) == 1
