"""The work behind the page, on a library of its own with the bundled text model."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from assistant import Assistant, models
from indexers.errors import ModelMissing, UsageError
from indexers.lock import WriterLock
from ui.work import Work


def until(wanted: Callable[[], object]) -> None:
    end = time.monotonic() + 60
    while not wanted():
        assert time.monotonic() < end, "still not so"
        time.sleep(0.05)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "files"
    made.mkdir()
    (made / "pump.txt").write_text("The gasket of the pump is made of cork.\n")
    return made


@pytest.fixture
def locus(tmp_path: Path) -> Iterator[Assistant]:
    with Assistant(tmp_path / "library", llm="none") as opened:
        yield opened


@pytest.fixture
def work(locus: Assistant) -> Iterator[Work]:
    made = Work(locus)
    made.start()
    yield made
    made.close()


def test_files_are_added_read_again_and_removed(locus: Assistant, work: Work, folder: Path) -> None:
    added = work.add([folder])
    assert added.wait(60) and added.error is None
    assert added.report is not None and added.report.count("added") == 1
    assert added.progress is not None and added.progress.files == 1
    again = work.retry([folder / "pump.txt"])
    assert again.wait(60) and again.report is not None and again.report.count("updated") == 1
    gone = work.remove([folder / "pump.txt"])
    assert gone.wait(60) and locus.files() == [] and (folder / "pump.txt").exists()
    assert gone.shown().said == "1 document removed"
    missing = work.add([folder / "nothing.txt"])
    assert missing.wait(60) and isinstance(missing.error, UsageError)
    assert work.compact().wait(60)
    assert [each.state for each in work.doing()] == ["done", "failed", "done", "done"]


def test_what_is_dropped_is_kept_and_added(locus: Assistant, work: Work, folder: Path) -> None:
    kept = work.take([folder / "pump.txt", str(folder / "pump.txt")])
    assert len(set(kept)) == 1 and kept[0].parent.name == "library-files"
    assert work.add(kept, first=True).wait(60)
    assert [document.path for document in locus.files()] == [str(kept[0])]


def test_a_folder_is_watched_from_then_on_and_left_when_told(locus: Assistant, work: Work, folder: Path) -> None:
    assert work.following() is None
    assert work.watch(folder).wait(60) and locus.watched() == [str(folder)]
    (folder / "boat.txt").write_text("The blue boat leaks at the stern.\n")
    until(lambda: len(locus.files()) == 2)
    until(lambda: (told := work.following()) is not None and told.said == "1 added")
    other = folder.with_name("other")
    other.mkdir()
    (other / "lamp.txt").write_text("The lamp is broken.\n")
    assert work.watch(other).wait(60) and len(locus.files()) == 3
    assert work.unwatch(folder).wait(60) and work.unwatch(other).wait(60) and locus.watched() == []
    assert work.following() is None
    (folder / "late.txt").write_text("Nobody looks at this.\n")
    time.sleep(0.5)
    assert len(locus.files()) == 3
    assert [t.name for t in threading.enumerate() if t.name == "locus-watch"] == []


def test_remembered_folders_are_followed_from_the_start(locus: Assistant, folder: Path) -> None:
    locus.watch(folder).stop()
    (folder / "boat.txt").write_text("The blue boat leaks at the stern.\n")
    work = Work(locus)
    work.start()
    until(lambda: len(locus.files()) == 2)
    work.close()
    until(lambda: [t.name for t in threading.enumerate() if t.name == "locus-watch"] == [])


def test_another_process_that_has_the_library_is_waited_for(locus: Assistant, work: Work, folder: Path) -> None:
    with WriterLock(locus.settings.library / "lock").hold():
        job = work.add([folder])
        until(lambda: job.state == "held")
        assert "is being changed by process" in job.shown().said
        assert locus.search("cork") == []  # asking goes on
    assert job.wait(60) and job.error is None and len(locus.files()) == 1


def test_closing_is_quick_and_keeps_what_was_stored(locus: Assistant, folder: Path) -> None:
    work = Work(locus)
    assert work.add([folder]).wait(60)
    for number in range(3000):
        (folder / f"{number}.txt").write_text(f"Note {number} on the boiler.\n")
    job = work.add([folder])
    until(lambda: job.progress is not None and job.progress.files > 0)
    work.close()
    assert job.wait(30) and job.state in ("stopped", "done")
    assert len(locus.search("cork gasket")) >= 1


def test_a_model_is_downloaded_and_what_waits_is_finished(
    locus: Assistant, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    whole = threading.Event()

    def pull(wanted: models.ModelSpec, *, progress: Callable[[int, int], None], **_options: object) -> Path:
        asked.append(wanted.name)
        progress(10, 100)
        while not whole.wait(0.01):
            progress(50, 100)
        return Path("/nowhere")

    monkeypatch.setattr(models, "pull", pull)
    job = work.pull("CLIP-ViT-B-32")
    assert work.pull("clip-vit-b-32") is job
    until(lambda: job.progress is not None and job.progress.bytes == 50)
    assert job.progress is not None and job.progress.bytes_total == 100
    whole.set()
    assert job.wait(60) and job.error is None and asked == ["CLIP-ViT-B-32"]
    until(lambda: any(each.label.startswith("Finishing") and each.state == "done" for each in work.doing()))

    def refuse(wanted: models.ModelSpec, **_options: object) -> Path:
        raise ModelMissing("it can not be reached")

    monkeypatch.setattr(models, "pull", refuse)
    failed = work.pull("CLIP-ViT-B-32")
    assert failed.wait(60) and str(failed.error) == "it can not be reached"
    work.cancel(failed.number)
    whole.clear()
    monkeypatch.setattr(models, "pull", pull)
    stopped = work.pull("CLIP-ViT-B-32")
    until(lambda: stopped.progress is not None and stopped.progress.bytes == 50)
    work.cancel(stopped.number)
    assert stopped.wait(60) and stopped.state == "stopped"
