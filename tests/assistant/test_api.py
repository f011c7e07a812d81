import json
import os
import threading
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

import assistant
from assistant import Answered, Assistant, ModelMissing, Retrieved, UsageError
from indexers.catalog import Catalog
from indexers.locators import describe
from indexers.types import LinesLocator

DATA = Path(__file__).resolve().parents[2] / "data" / "library"
LOCATORS = {
    "page": {"page", "boxes"},
    "lines": {"first", "last"},
    "slide": {"slide"},
    "sheet": {"sheet", "first_row", "last_row"},
    "section": {"headings"},
    "time": {"start_s", "end_s"},
    "region": {"box"},
    "whole": set(),
}


@pytest.fixture
def locus(tmp_path: Path) -> Iterator[Assistant]:
    with Assistant(tmp_path / "library", llm="none") as made:
        yield made


def wrong_call(call: Any, *arguments: Any, **options: Any) -> str:
    with pytest.raises(UsageError) as caught:
        call(*arguments, **options)
    text = str(caught.value)
    assert text and "\n" not in text
    return text


# --- the public names --------------------------------------------------------------------------


def test_all_public_names_are_there_and_sorted() -> None:
    assert assistant.__all__ == sorted(assistant.__all__)
    for name in assistant.__all__:
        assert getattr(assistant, name).__doc__


# --- the library -------------------------------------------------------------------------------


def test_a_missing_library_is_created(tmp_path: Path) -> None:
    with Assistant(str(tmp_path / "new" / "library")) as locus:
        assert locus.files() == []
    assert (tmp_path / "new" / "library" / "catalog.sqlite").is_file()


def test_a_missing_library_is_not_created_where_only_reading_is_meant(tmp_path: Path) -> None:
    for root in (tmp_path / "no such", tmp_path):  # a folder that is there is no library yet
        with Assistant(root, create=False) as locus:
            for call in (locus.files, locus.status, locus.doctor, lambda: locus.search("x"), lambda: locus.ask("x")):
                assert f"locus --library '{root}'" in wrong_call(call).replace(f"{tmp_path} ", f"'{tmp_path}' ")
            assert locus.models()
    assert list(tmp_path.iterdir()) == []


def test_the_default_library_needs_no_making() -> None:
    with Assistant(create=False) as locus:
        assert locus.files() == []
        assert locus.search("anything") == []


def test_a_file_can_not_be_a_library(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    assert "name another folder" in wrong_call(Assistant, tmp_path / "file")


def test_an_empty_library_answers_without_any_model(tmp_path: Path) -> None:
    with Assistant(tmp_path / "library", text_model="CLIP-ViT-B-32", llm="Qwen3-4B") as locus:
        assert locus.search("anything") == []
        answer = locus.ask("Who?")
        assert answer.abstained and not answer.grounded and not answer.citations and "empty" in answer.text
        kinds = [type(event) for event in locus.stream("Who?")]
        assert kinds == [Retrieved, Answered]


def test_a_missing_model_is_told_with_the_way_to_get_it(sample_library: Path) -> None:
    with Assistant(sample_library, llm="Qwen3-4B") as locus:
        with pytest.raises(ModelMissing, match="locus models pull Qwen3-4B"):
            locus.ask("Who is Tilda?")
        assert locus.search("Tilda")


def test_removing_what_is_not_there_changes_nothing(locus: Assistant, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("The gasket is made of cork.")
    locus.add(tmp_path / "a.txt")
    assert "locus files" in wrong_call(locus.remove, [tmp_path / "a.txt", tmp_path / "b.txt"])
    assert [document.path for document in locus.files()] == [str(tmp_path / "a.txt")]
    assert locus.remove(str(tmp_path / "a.txt")) == 1
    assert locus.files() == [] and (tmp_path / "a.txt").exists()


def test_deleted_files_are_neither_found_nor_cited(locus: Assistant, tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "a.txt").write_text("The gasket of the pump is made of cork.\n")
    (folder / "b.txt").write_text("The pump stands in the cellar.\n")
    locus.add(folder)
    question = "What is the gasket of the pump made of?"
    assert locus.ask(question).citations[0].path == str(folder / "a.txt")
    (folder / "a.txt").unlink()
    assert {hit.path for hit in locus.search(question)} == {str(folder / "b.txt")}
    assert str(folder / "a.txt") not in {citation.path for citation in locus.ask(question).citations}


def test_parts_are_made_once_for_all_threads(sample_library: Path) -> None:
    with Assistant(sample_library, llm="none") as locus:
        together = threading.Barrier(4)
        found: list[Any] = []

        def search() -> None:
            together.wait()
            found.append((id(locus._parts.embedder), locus.search("bats", k=1)[0].path))

        threads = [threading.Thread(target=search) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(found) == 4 and len(set(found)) == 1


# --- doctor ------------------------------------------------------------------------------------


def _damage_a_vector(root: Path, path: Path) -> None:
    catalog = Catalog(root / "catalog.sqlite")
    state = catalog.file_state(str(path))
    assert state is not None
    with catalog.transaction():
        catalog._rows(
            "UPDATE vectors SET checksum = checksum + 1 WHERE chunk IN (SELECT id FROM chunks WHERE content = ?)",
            (state.content,),
        )
    catalog.close()


def test_the_doctor_names_a_damaged_vector_and_makes_it_again(locus: Assistant, tmp_path: Path) -> None:
    bad, good = tmp_path / "a file.txt", tmp_path / "good.txt"
    bad.write_text("The gasket is made of cork.")
    good.write_text("The choir rehearses on Thursdays.")
    locus.add([bad, good])
    assert locus.doctor() == []
    _damage_a_vector(tmp_path / "library", bad)
    named = f"{bad}: the vector of its chunk 1"
    assert [problem.partition(" in ")[0] for problem in locus.doctor()] == [named]
    assert locus.status()["damaged"] == [named]
    # The index that was made before has it; one that is made anew goes on without it.
    (tmp_path / "library" / "vectors.faiss").unlink(missing_ok=True)
    with Assistant(tmp_path / "library") as again:
        assert again.search("choir")[0].path == str(good)
        assert {hit.path: set(hit.signals) for hit in again.search("cork gasket")} == {
            str(bad): {"words"},
            str(good): {"dense"},
        }
    bad.unlink()
    repaired: list[str] = []
    assert locus.doctor(repair=True, on_repair=repaired.append) == []
    assert repaired == [f"{named} was made again"]
    assert locus.status()["damaged"] == []
    bad.touch()
    assert locus.search("cork gasket")[0].path == str(bad)
    assert locus.search("cork gasket")[0].signals.keys() == {"dense", "words"}


def test_the_doctor_makes_lost_indexes_again(locus: Assistant, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("The gasket is made of cork.")
    locus.add(tmp_path / "a.txt")
    locus.close()
    (tmp_path / "library" / "vectors.faiss").write_bytes(b"nonsense")
    with Assistant(tmp_path / "library") as again:
        assert again.doctor(repair=True) == []
        assert again.search("cork")


# --- filters -----------------------------------------------------------------------------------


def test_under_takes_paths_as_people_write_them(
    locus: Assistant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = tmp_path / "files"
    (files / "sub").mkdir(parents=True)
    (files / "a.txt").write_text("A gasket of rubber.")
    (files / "sub" / "b.txt").write_text("A gasket of cork.")
    (files / "subway.txt").write_text("A gasket of felt.")
    locus.add(files)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(files)
    everything = {"a.txt", "b.txt", "subway.txt"}
    expected = {".": everything, "./": everything, str(files): everything, "/nowhere": set[str]()}
    for under in [*expected, "sub", "sub/", "../files/sub", "~/files/sub", "sub/b.txt", str(files / "sub")]:
        names = {Path(hit.path).name for hit in locus.search("gasket", under=under)}
        assert names == expected.get(under, {"b.txt"}), under
        assert {Path(document.path).name for document in locus.files(under=Path(under))} == names, under


def test_filters_that_can_not_be_are_refused(sample: Assistant) -> None:
    assert "text, image, audio, video" in wrong_call(sample.search, "mill", media={"film"})
    assert "media" in wrong_call(sample.search, "mill", media=[])
    assert "media" in wrong_call(sample.ask, "mill?", media=["text", "pictures"])
    assert "empty" in wrong_call(sample.search, "  ")
    assert "empty" in wrong_call(sample.ask, " \n")
    wrong_call(sample.search, "mill", k=0)


def test_days_narrow_what_is_found_and_answered(locus: Assistant, tmp_path: Path) -> None:
    files = tmp_path / "files"
    files.mkdir()
    (files / "old.txt").write_text("The gasket of the pump is made of cork.")
    (files / "new.txt").write_text("The gasket of the mill is made of felt.")
    (files / "dated.md").write_text("---\ndate: 2019-07-14\n---\n\nThe gasket of the boat is made of rubber.\n")
    for name, day in (("old.txt", datetime(2020, 2, 3, 12)), ("new.txt", datetime(2024, 5, 17, 23))):
        os.utime(files / name, (day.timestamp(), day.timestamp()))
    locus.add(files)

    def found(**days: date) -> set[str]:
        return {Path(hit.path).name for hit in locus.search("gasket", **days)}  # type: ignore[arg-type]

    assert found() == {"old.txt", "new.txt", "dated.md"}
    assert found(since=date(2020, 2, 3)) == {"old.txt", "new.txt"}
    assert found(until=date(2020, 2, 3)) == {"old.txt", "dated.md"}
    assert found(since=date(2024, 5, 17), until=date(2024, 5, 17)) == {"new.txt"}
    assert found(since=datetime(2024, 5, 17, 15), until=datetime(2024, 5, 17, 1)) == {"new.txt"}
    assert found(since=date(2025, 1, 1)) == set()
    answer = locus.ask("What is the gasket made of?", until=date(2019, 12, 31))
    assert [Path(citation.path).name for citation in answer.citations] == ["dated.md"]
    assert "since 2024-05-18 and until 2024-05-17" in wrong_call(
        locus.search, "gasket", since=date(2024, 5, 18), until=date(2024, 5, 17)
    )
    why = locus.why("gasket", files / "dated.md", since=date(2020, 1, 1))
    assert why.verdict == "filtered" and "it is dated 2019-07-14" in why.sentence
    why = locus.why("gasket", files / "old.txt", until=date(2020, 1, 1))
    assert why.verdict == "filtered" and "it was changed on 2020-02-03" in why.sentence


def test_media_and_under_narrow_answers_too(sample: Assistant) -> None:
    assert sample.ask("When does our water lease end?", media="image").abstained
    answer = sample.ask("How many bats were counted?", under=DATA / "mill-diary.md")
    assert {citation.path for citation in answer.citations} == {str(DATA / "mill-diary.md")}


# --- JSON --------------------------------------------------------------------------------------


def check_locator(data: dict[str, Any]) -> None:
    assert set(data) == {"kind"} | LOCATORS[data["kind"]]


def test_hits_as_json(sample: Assistant) -> None:
    hits = sample.search("the wheel and its floats", k=40)
    data = json.loads(json.dumps([hit.to_dict() for hit in hits]))
    assert [item["rank"] for item in data] == list(range(1, len(data) + 1))
    assert [item["score"] for item in data] == sorted((item["score"] for item in data), reverse=True)
    for item in data:
        assert set(item) == {"rank", "path", "media", "locator", "text", "score", "signals"}
        assert item["signals"] and set(item["signals"]) <= {"dense", "words", "image"}
        assert item["media"] in ("text", "image", "audio", "video") and Path(item["path"]).is_absolute()
        assert item["text"] or item["media"] == "video"
        check_locator(item["locator"])
    assert {"page", "lines", "slide", "time"} <= {item["locator"]["kind"] for item in data}


def test_answers_as_json(sample: Assistant) -> None:
    data = json.loads(json.dumps(sample.ask("How many bats were counted?").to_dict()))
    assert set(data) == {
        *("question", "text", "grounded", "abstained", "mode", "sentences", "citations", "model", "timings_ms")
    }
    assert data["mode"] == "quotes" and data["grounded"] is True and data["abstained"] is False and data["model"] == ""
    assert data["question"] == "How many bats were counted?"
    assert data["text"] == " ".join(sentence["text"] for sentence in data["sentences"])
    numbers = [citation["number"] for citation in data["citations"]]
    assert numbers == list(range(1, len(numbers) + 1))
    for sentence in data["sentences"]:
        assert set(sentence) == {"text", "supported", "citations"}
        assert sentence["supported"] is True and sentence["citations"] and set(sentence["citations"]) <= set(numbers)
    for citation in data["citations"]:
        assert set(citation) == {"number", "path", "media", "locator", "quote"}
        check_locator(citation["locator"])
    assert {"search", "evidence", "total"} <= set(data["timings_ms"])


def test_files_and_reports_as_json(locus: Assistant, tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "a.txt").write_text("The gasket is made of cork.")
    (tmp_path / "files" / "b.pdf").write_bytes(b"%PDF-1.7 nothing")
    report = json.loads(json.dumps(locus.add([tmp_path / "files"]).to_dict()))
    assert {"added", "updated", "unchanged", "moved", "removed", "failed", "seconds", "files"} == set(report)
    assert report["added"] == 1 and report["failed"] == 1
    for file in report["files"]:
        assert set(file) == {"path", "media", "change", "status", "reason", "chunks"}
    good, bad = [document.to_dict() for document in locus.files()]
    assert set(good) == {"path", "media", "status", "reason", "chunks", "coverage", "pending"}
    assert (good["status"], good["coverage"], good["chunks"], good["pending"]) == ("indexed", 1.0, 1, [])
    assert bad["status"] == "failed" and bad["reason"] and bad["chunks"] == 0


def test_status_counts_without_loading_a_model(tmp_path: Path) -> None:
    with Assistant(tmp_path / "library", text_model="CLIP-ViT-B-32") as locus:
        status = json.loads(json.dumps(locus.status()))
    assert status["files"] == status["chunks"] == 0 and status["library"] == str(tmp_path / "library")


def test_a_place_in_a_folder_that_looks_like_a_mail_is_named_by_the_file(tmp_path: Path) -> None:
    path = tmp_path / "urgent!" / "a.txt"
    path.parent.mkdir()
    path.write_text("x")
    assert describe(str(path), LinesLocator(1, 1)) == "a.txt, line 1"
    assert describe(f"{tmp_path}/mail.eml!/a.txt", LinesLocator(1, 1)) == "mail.eml › a.txt, line 1"
