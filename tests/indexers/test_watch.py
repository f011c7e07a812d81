"""Watching real folders, with a stand-in for the embedder and parsers in this process. Outcomes count, not times."""

import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from indexers import reading, watch
from indexers.catalog_folders import Folder
from indexers.errors import Broken, LibraryBroken, ModelFailed, NotWritten, OtherModel
from indexers.library import Library
from indexers.parsers import parser_for
from indexers.pipeline import Pipeline
from indexers.protocols import Source
from indexers.reading import FileReader
from indexers.reports import AddReport, Change
from indexers.senses import Senses
from indexers.testing import HashingEmbedder
from indexers.types import Decoded, Parsed, Unread, Vectors
from indexers.watch import Watcher


class Counting(HashingEmbedder):
    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        self.texts += texts
        return super().embed_passages(texts)


class InProcess:
    """Runs parsers here; ``before`` may raise in their place."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.before: Callable[[Source], None] = lambda source: None

    def parse(self, source: Source) -> Parsed:
        self.names.append(source.name)
        self.before(source)
        parser = parser_for(source.format)
        assert parser is not None
        return parser(source)

    def decode(self, source: Source, what: Unread, start: float) -> Decoded:
        raise AssertionError("nothing looks or listens here")


class Place:
    """A library that watches the folder ``files``."""

    def __init__(self, root: Path) -> None:
        self.files = root / "files"
        self.files.mkdir()
        self.embedder, self.parsers = Counting(), InProcess()
        self.library = Library(root / "library")
        reader = FileReader(self.parsers, Senses(), self.library.unfinished, max_bytes=100_000)
        self.pipeline = Pipeline(self.library, self.embedder, reader)
        self.reports: list[AddReport] = []
        self.notes: list[str] = []
        self.watcher: Watcher | None = None
        self.error: BaseException | None = None
        self.thread: threading.Thread | None = None
        self.watch(self.files)

    def watch(self, folder: Path, *, poll: bool = False) -> None:
        with self.library.writing() as catalog:
            catalog.watch_folder(str(folder), poll=poll)

    def made(self, **options: Any) -> Watcher:
        told = {"on_report": self.reports.append, "on_note": self.notes.append}
        return Watcher(self.library, lambda: self.pipeline, **told, **options)

    def start(self, **options: Any) -> None:
        self.watcher = self.made(**options)
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self) -> None:
        assert self.watcher is not None
        try:
            self.watcher.run()
        except BaseException as error:
            self.error = error
            raise

    def stop(self) -> None:
        if self.watcher is not None and self.thread is not None:
            self.watcher.stop()
            self.thread.join()
            self.watcher = self.thread = None

    def once(self) -> None:
        self.made().run(until_still=True)

    def write(self, name: str, text: str) -> Path:
        path = self.files / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def texts(self) -> dict[str, str]:
        """What the library holds: text by path below ``files``."""
        with self.library.mutex:
            catalog = self.library.catalog
            stored = catalog.chunks(catalog.changes_since(0).added).values()
            contents = {chunk.content: chunk.chunk.body for chunk in stored}
            return {
                os.path.relpath(path, self.files): body
                for content, body in contents.items()
                for path in catalog.paths_of(content)
            }

    def until(self, wanted: Callable[[], object]) -> None:
        """Waits for something to become true; half a minute is for machines that are very busy."""
        end = time.monotonic() + 30
        while not wanted():
            assert self.error is None, self.error
            assert time.monotonic() < end, f"still not so: {self.texts()}"
            time.sleep(0.05)

    def holds(self, **texts: str) -> None:
        """Waits until the library holds just this; file names without ``.txt``."""
        self.until(lambda: self.texts() == {f"{name}.txt": text for name, text in texts.items()})


@pytest.fixture
def p(tmp_path: Path) -> Iterator[Place]:
    place = Place(tmp_path)
    yield place
    place.stop()
    place.library.close()


def test_files_that_come_change_and_go_are_followed(p: Place) -> None:
    p.write("a.txt", "a red bicycle")
    p.start()
    p.holds(a="a red bicycle")
    p.write("b.txt", "a blue boat")
    p.holds(a="a red bicycle", b="a blue boat")
    p.write("a.txt", "a green bicycle")
    p.holds(a="a green bicycle", b="a blue boat")
    (p.files / "b.txt").unlink()
    p.holds(a="a green bicycle")
    (p.files / "a.txt").unlink()  # the last one: the folder is empty, and the same
    p.holds()


def test_what_was_moved_is_embedded_once(p: Place) -> None:
    for number in range(20):
        p.write(f"old/{number}.txt", f"text number {number}")
    p.write("a.txt", "a red bicycle")
    p.start()
    p.until(lambda: len(p.texts()) == 21)
    p.embedder.texts.clear()
    (p.files / "old").rename(p.files / "new")
    (p.files / "a.txt").rename(p.files / "new" / "b.txt")
    p.until(lambda: set(p.texts()) == {f"new/{number}.txt" for number in range(20)} | {"new/b.txt"})
    assert p.embedder.texts == []
    assert {file.change for report in p.reports[1:] for file in report.files} == {"moved"}


def test_a_renamed_file_is_found_by_its_new_name(p: Place) -> None:
    p.write("scan001.txt", "a red bicycle")
    p.once()
    (p.files / "scan001.txt").rename(p.files / "lease.txt")
    p.once()
    assert len(p.library.words().search("lease", 5)[0]) == 1
    assert len(p.library.words().search("scan001", 5)[0]) == 0
    assert [d.title for d in p.library.catalog.documents()] == ["lease"]
    assert p.library.catalog.problems() == []


def test_files_saved_the_ways_of_editors_are_read_once_they_are_whole(p: Place) -> None:
    path = p.write("a.txt", "one")
    p.start()
    p.holds(a="one")
    # vi: a swap file, the old version kept aside, a new file in its place
    swap = p.write(".a.txt.swp", "swap")
    path.rename(p.files / "a.txt~")
    path.write_text("two")
    p.holds(a="two")
    (p.files / "a.txt~").unlink()
    swap.unlink()
    # written aside, renamed over
    p.write("a.txt.tmp", "three").rename(path)
    p.holds(a="three")
    # a download
    p.write("b.txt", "")
    partly = p.write("b.txt.part", "half")
    p.write("c.txt", "meanwhile")
    p.until(lambda: "c.txt" in p.texts())
    partly.write_text("half and half")
    partly.rename(p.files / "b.txt")
    p.holds(a="three", b="half and half", c="meanwhile")
    assert not [name for name in p.parsers.names if name not in ("a.txt", "b.txt", "c.txt")]


def test_a_file_that_changes_while_it_is_read_is_read_once_more(p: Place) -> None:
    changes = iter(["two", "three"])

    def change(source: Source) -> None:
        for text in changes:
            source.path.write_text(text)
            os.utime(source.path, ns=(len(text), len(text)))
            break

    p.parsers.before = change
    p.write("a.txt", "one")
    p.once()
    assert p.texts() == {"a.txt": "three"}


def test_rules_are_heeded_as_they_come_and_go(p: Place) -> None:
    p.write("a.txt", "a red bicycle")
    p.write("b.txt", "a blue boat")
    p.write("deep/c.txt", "a lamp")
    p.start()
    p.until(lambda: len(p.texts()) == 3)
    rules = p.write(".locusignore", "b*\ndeep/\n")
    p.holds(a="a red bicycle")
    p.until(lambda: sum(report.count("removed") for report in p.reports) == 2)
    gone = {Path(f.path).name: f.reason for report in p.reports for f in report.files if f.change == "removed"}
    assert gone == {"b.txt": "left out by now", "c.txt": "left out by now"}
    p.write("b2.txt", "another boat")
    p.write("z.txt", "the end")
    p.holds(a="a red bicycle", z="the end")
    rules.unlink()
    p.until(lambda: set(p.texts()) == {"a.txt", "b.txt", "b2.txt", "z.txt", "deep/c.txt"})


def test_hidden_files_pipes_and_the_library_itself_are_left_alone(p: Place, tmp_path: Path) -> None:
    p.watch(tmp_path)
    p.write(".hidden.txt", "hidden")
    os.mkfifo(p.files / "pipe.txt")
    p.start()
    p.write(".folder/a.txt", "hidden")
    os.mkfifo(p.files / "pipe2.txt")
    p.write("a.txt", "a red bicycle")
    p.holds(a="a red bicycle")
    assert len(p.library.catalog.documents()) == 1


def test_captions_are_followed_as_they_come_and_go(p: Place) -> None:
    from PIL import Image

    Image.new("RGB", (40, 30), "red").save(p.files / "photo.png")
    p.start()
    p.until(lambda: "photo.png" in p.texts())
    caption = p.write("photo.txt", "Anna on the pier")
    p.until(lambda: "Anna" in p.texts()["photo.png"])
    assert "photo.txt" not in p.texts()
    caption.write_text("Berta on the pier")
    p.until(lambda: "Berta" in p.texts()["photo.png"])
    (p.files / "photo.png").unlink()
    p.until(lambda: p.texts() == {"photo.txt": "Berta on the pier"})


def test_a_folder_that_is_gone_or_replaced_by_an_empty_one_forgets_nothing(p: Place) -> None:
    p.write("a.txt", "a red bicycle")
    p.start(rescan_s=0.2)
    p.holds(a="a red bicycle")
    p.files.rename(p.files.with_name("away"))
    p.until(lambda: any("out of reach" in note for note in p.notes))
    p.files.mkdir()
    p.until(lambda: any("drive not mounted" in note for note in p.notes))
    assert p.texts() == {"a.txt": "a red bicycle"}
    p.files.rmdir()
    p.files.with_name("away").rename(p.files)
    p.write("b.txt", "a blue boat")
    p.holds(a="a red bicycle", b="a blue boat")
    (p.files / "a.txt").unlink()
    p.holds(b="a blue boat")

    def changes(change: Change) -> int:
        return sum(report.count(change) for report in p.reports)

    p.until(lambda: changes("removed"))
    assert (changes("removed"), changes("added"), changes("failed")) == (1, 2, 0)


def test_what_was_on_a_drive_stays_while_it_is_away(p: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    p.write("drive/a.txt", "a red bicycle")
    p.write("b.txt", "a blue boat")
    p.once()
    with p.library.writing() as catalog:
        catalog.know_mounts([str(p.files / "drive")])
    shutil.rmtree(p.files / "drive")
    (p.files / "drive").mkdir()
    p.once()
    assert set(p.texts()) == {"drive/a.txt", "b.txt"}
    ismount = os.path.ismount
    monkeypatch.setattr(os.path, "ismount", lambda path: str(path).endswith("/drive") or ismount(path))
    p.once()
    assert set(p.texts()) == {"b.txt"}


def test_events_that_were_lost_are_caught_by_looking_through(p: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch.Feed, "run", lambda self: None)
    p.start(rescan_s=0.2)
    p.write("a.txt", "a red bicycle")
    p.holds(a="a red bicycle")
    p.write("a.txt", "a green bicycle")
    p.holds(a="a green bicycle")
    (p.files / "a.txt").unlink()
    p.holds()


def test_a_folder_may_be_polled(p: Place) -> None:
    p.watch(p.files, poll=True)
    p.start()
    p.until(lambda: p.watcher is not None and all(feed.poll for feed in p.watcher._feeds.values()))
    p.write("a.txt", "a red bicycle")
    p.holds(a="a red bicycle")


def test_failures_are_tried_again_a_few_times_and_at_once_when_the_file_changes(p: Place) -> None:
    def fail(source: Source) -> None:
        if source.path.read_text() == "bad":
            raise Broken("damaged")

    p.parsers.before = fail
    p.write("a.txt", "bad")
    p.start(first_retry_s=0.0)
    p.until(lambda: len(p.parsers.names) == 1 + watch.RETRIES)
    p.write("b.txt", "a blue boat")
    p.holds(b="a blue boat")
    state = p.library.catalog.file_state(str(p.files / "a.txt"))
    assert state is not None and (state.status, state.attempts) == ("failed", 1 + watch.RETRIES)
    assert p.parsers.names.count("a.txt") == 1 + watch.RETRIES
    p.write("a.txt", "good")
    p.holds(a="good", b="a blue boat")
    state = p.library.catalog.file_state(str(p.files / "a.txt"))
    assert state is not None and state.attempts == 1


def test_retries_come_later_and_later(p: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_source: Source) -> None:
        raise Broken("damaged")

    p.parsers.before = fail
    p.write("a.txt", "bad")
    p.once()
    now = time.time()
    for attempt, later in enumerate([60, 240, 960], 1):
        monkeypatch.setattr(time, "time", lambda at=now + later - 5: at)
        p.once()
        assert len(p.parsers.names) == attempt
        now += later
        monkeypatch.setattr(time, "time", lambda at=now + 5: at)
        p.once()
        assert len(p.parsers.names) == attempt + 1
        now += 5


def test_folders_inside_one_another_are_followed_once_and_may_be_left(p: Place) -> None:
    p.watch(p.files / "inner")
    p.write("inner/a.txt", "a red bicycle")
    p.start()
    p.until(lambda: p.watcher is not None and set(p.texts()) == {"inner/a.txt"})
    assert p.watcher is not None and list(p.watcher._feeds) == [str(p.files)]
    with p.library.writing() as catalog:
        assert catalog.unwatch_folder(str(p.files))
    p.until(lambda: p.watcher is not None and not p.watcher._feeds)
    assert set(p.texts()) == {"inner/a.txt"}


def test_another_writer_is_waited_for(p: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("indexers.library._PATIENCE_S", 0.05)
    monkeypatch.setattr(watch, "_TRY_AGAIN_S", 0.05)
    other = Library(p.library.root)
    p.start()
    with other.writing():
        p.write("a.txt", "a red bicycle")
        p.until(lambda: any("waiting" in note for note in p.notes))
        assert p.texts() == {}
    p.holds(a="a red bicycle")
    assert sum("waiting" in note for note in p.notes) == 1
    other.close()


def test_trouble_is_told_and_waited_out_and_nothing_is_missed(p: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "_AFTER_TROUBLE_S", 0.1)
    monkeypatch.setattr(watch, "_TRY_AGAIN_S", 0.1)
    troubles = [OtherModel("another"), ModelFailed("no vectors"), NotWritten("the disk is full")]

    def refresh() -> None:
        if troubles:
            raise troubles.pop()

    failing = [ModelFailed("no vectors this time")]
    embed = p.embedder.embed_passages

    def embed_passages(texts: Sequence[str]) -> Vectors:
        if failing:
            raise failing.pop()
        return embed(texts)

    monkeypatch.setattr(p.embedder, "embed_passages", embed_passages)
    p.write("a.txt", "a red bicycle")
    p.made(rescan_s=1000, refresh=refresh).run(until_still=True)
    assert p.texts() == {"a.txt": "a red bicycle"} and not troubles
    assert [note.rpartition(": ")[2] for note in p.notes[:3]] == [
        "the disk is full",
        "no vectors",
        "the library was given another text model",
    ]
    assert "no vectors this time" in p.notes[3]


def test_what_can_not_be_mended_ends_watching(p: Place) -> None:
    def refresh() -> None:
        raise LibraryBroken("the catalog is damaged")

    with pytest.raises(LibraryBroken):
        p.made(refresh=refresh).run()


def test_stopping_leaves_the_rest_to_the_next_time(p: Place) -> None:
    begun = threading.Event()

    def slow(_source: Source) -> None:
        begun.set()
        time.sleep(0.02)

    p.parsers.before = slow
    for number in range(100):
        p.write(f"{number}.txt", f"text number {number}")
    p.start()
    begun.wait(30)
    p.stop()
    half = len(p.texts())
    assert 0 < half < 100
    p.parsers.before = lambda _source: None
    p.once()
    assert len(p.texts()) == 100
    assert len(p.embedder.texts) == 100  # nothing twice


def test_a_burst_gives_way_to_a_file_that_is_known(p: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "_STALE_S", 0.1)
    p.write("known.txt", "one")
    p.once()
    for number in range(300):
        p.write(f"{number}.txt", f"text number {number}")
    p.parsers.before = lambda _source: time.sleep(0.02)
    p.start()
    p.until(lambda: len(p.parsers.names) > 20)
    p.write("known.txt", "two")
    p.until(lambda: p.texts().get("known.txt") == "two")
    assert len(p.texts()) < 301
    p.parsers.before = lambda _source: None
    p.until(lambda: len(p.texts()) == 301)


def test_what_was_deleted_is_cleared_from_the_files_of_the_library_too(p: Place) -> None:
    p.write("a.txt", "the xylophone is in the attic")
    p.write("b.txt", "a blue boat")
    p.start(tidy_s=0.2)
    p.until(lambda: len(p.texts()) == 2)

    def is_on_the_disk() -> bool:
        return any(b"xylophone" in path.read_bytes() for path in p.library.root.rglob("*") if path.is_file())

    assert is_on_the_disk()
    (p.files / "a.txt").unlink()
    p.until(lambda: p.texts() == {"b.txt": "a blue boat"} and not is_on_the_disk())


def test_a_change_of_the_parsers_reads_files_again(p: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    p.write("a.txt", "a red bicycle")
    p.once()
    p.once()
    assert p.parsers.names == ["a.txt"]
    monkeypatch.setattr(reading, "PARSER_VERSION", reading.PARSER_VERSION + 1)
    p.once()
    assert p.parsers.names == ["a.txt", "a.txt"]


def test_a_folder_tells_why_it_is_away(tmp_path: Path) -> None:
    here = tmp_path.stat()
    assert "out of reach" in Folder(str(tmp_path / "absent"), True, False, 1, 1).absence()
    assert "not mounted" in Folder(str(tmp_path), True, False, here.st_dev, here.st_ino + 1).absence()
    assert Folder(str(tmp_path), True, False, here.st_dev, here.st_ino).absence() == ""
    (tmp_path / "a").touch()
    assert Folder(str(tmp_path), True, False, here.st_dev, here.st_ino + 1).absence() == ""


def test_what_a_person_asks_for_comes_first(p: Place) -> None:
    for number in range(30):
        p.write(f"{number}.txt", f"text number {number}")
    asked, busy = threading.Event(), threading.Event()

    def read(source: Source) -> None:
        if len(p.parsers.names) == 3:
            asked.set()
            busy.set()

    p.parsers.before = read
    p.start(gives_way=busy.is_set)
    assert asked.wait(30)
    with p.library.writing():  # it is free while the rest of the folder waits
        held = len(p.texts())
    assert held < 30
    time.sleep(0.5)
    assert len(p.texts()) < 30
    busy.clear()
    p.until(lambda: len(p.texts()) == 30)
    assert sorted(p.parsers.names) == sorted(f"{number}.txt" for number in range(30))
