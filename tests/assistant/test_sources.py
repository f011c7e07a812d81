"""Documents as they can be shown: by path and by id, while their file is what was read, and afterwards."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from assistant import Assistant
from assistant.previews import Previews
from assistant.sources import NotAsRead, NotHeld, Sources
from indexers.errors import FileError, UsageError
from indexers.previews import Look
from indexers.protocols import Source as File
from indexers.types import LinesLocator, PageLocator

DATA = Path(__file__).parents[2] / "data" / "library"
LEASE = DATA / "water-lease.pdf"
MAIL = DATA / "flour-test-results.eml"
INNER = f"{MAIL}!/flour-tests.csv"


@pytest.fixture
def changing(tmp_path: Path) -> Iterator[tuple[Assistant, Path]]:
    """A library of a few files that may be changed, and their folder."""
    files = tmp_path / "files"
    files.mkdir()
    for name in ("red-bicycle.jpg", "mill-diary.md", "flour-test-results.eml"):
        shutil.copy(DATA / name, files)
    (files / "copy.md").write_bytes((files / "mill-diary.md").read_bytes())
    with Assistant(tmp_path / "library", llm="none") as locus:
        locus.add(files)
        yield locus, files


def test_the_text_is_given_in_order_as_it_was_read(sample: Assistant) -> None:
    lease = sample.source(LEASE)
    assert (lease.path, lease.format, lease.document.title) == (str(LEASE), "pdf", "Lease of Water Rights")
    assert (lease.inside, lease.obstacle, lease.holds) == ("", "", ())
    pages = [passage.locator.page for passage in lease.passages if isinstance(passage.locator, PageLocator)]
    assert pages == sorted(pages) and len(pages) == len(lease.passages) == lease.document.chunks
    assert "28 September 2046" in " ".join(passage.body for passage in lease.passages)
    table = sample.source(DATA / "river-levels-2024.csv")
    assert table.passages[0].header == "date,gauge_m,flow_m3s,wheel_hatch,remark"
    assert table.passages[0].locator == LinesLocator(2, 9)


def test_ids_are_given_for_what_is_held_and_lead_back(sample: Assistant) -> None:
    ids = sample.ids([str(LEASE), INNER, "/etc/passwd", str(DATA)])
    assert set(ids) == {str(LEASE), INNER}
    assert sample.source(ids[INNER]).path == INNER
    assert sample.source(ids[str(LEASE)]) == sample.source(LEASE)
    assert sample.original(ids[str(LEASE)]).path == LEASE


def test_many_ids_are_one_call(sample: Assistant) -> None:
    assert sample.ids([str(LEASE), *(f"/nowhere/{number}" for number in range(2000))]) == sample.ids([LEASE])


def test_a_document_inside_another_names_that_one(sample: Assistant) -> None:
    mail, inner = sample.source(MAIL), sample.source(INNER)
    assert mail.holds == (INNER,)
    assert inner.inside == str(MAIL) and inner.passages
    assert inner.obstacle == "flour-tests.csv is inside flour-test-results.eml: open that file."
    with pytest.raises(NotAsRead, match=r"inside flour-test-results\.eml"):
        sample.original(inner.id)


def test_what_is_not_held_can_not_be_opened(sample: Assistant) -> None:
    with pytest.raises(NotHeld, match="not in the library"):
        sample.source("/etc/passwd")
    for id in (0, -1, 10**12):
        for call in (sample.original, sample.source, sample.preview):
            with pytest.raises(NotHeld, match="no such document"):
                call(id)
    assert issubclass(NotHeld, UsageError) and issubclass(NotAsRead, UsageError)


def test_a_file_that_was_changed_keeps_its_text_and_is_not_opened(changing: tuple[Assistant, Path]) -> None:
    locus, files = changing
    picture = files / "red-bicycle.jpg"
    id = locus.ids([picture])[str(picture)]
    original = locus.original(id)
    assert locus.preview(id)
    with original.open() as file:
        assert file.read() == picture.read_bytes()
    picture.write_bytes(b"something else")
    for call in (original.open, lambda: locus.original(id), lambda: locus.preview(id)):
        with pytest.raises(NotAsRead, match="has changed since it was read; read it again with: locus add"):
            call()
    source = locus.source(picture)
    assert "has changed" in source.obstacle and source.passages


def test_a_file_that_only_has_another_time_was_changed(changing: tuple[Assistant, Path]) -> None:
    locus, files = changing
    picture = files / "red-bicycle.jpg"
    os.utime(picture, (1, 1))
    assert "has changed" in locus.source(picture).obstacle


def test_a_file_that_is_gone_keeps_its_text(changing: tuple[Assistant, Path]) -> None:
    locus, files = changing
    picture = files / "red-bicycle.jpg"
    id = locus.ids([picture])[str(picture)]
    original = locus.original(id)
    picture.unlink()
    with pytest.raises(NotAsRead, match="no longer at"):
        original.open()
    assert "no longer at" in locus.source(picture).obstacle and locus.source(picture).passages
    picture.mkdir()
    with pytest.raises(NotAsRead):
        locus.original(id)


def test_of_two_files_with_the_same_text_the_one_that_is_there_is_opened(changing: tuple[Assistant, Path]) -> None:
    locus, files = changing
    ids = locus.ids([files / "copy.md", files / "mill-diary.md"])
    [id] = set(ids.values())
    assert locus.original(id).path == files / "copy.md"
    (files / "copy.md").unlink()
    assert locus.original(id).path == files / "mill-diary.md"
    assert locus.source(id).path == str(files / "mill-diary.md")
    assert locus.source(files / "copy.md").obstacle


def test_what_was_removed_can_not_be_opened(changing: tuple[Assistant, Path]) -> None:
    locus, files = changing
    id = locus.ids([files / "red-bicycle.jpg"])[str(files / "red-bicycle.jpg")]
    locus.remove([files / "red-bicycle.jpg"])
    with pytest.raises(NotHeld):
        locus.original(id)


class Eyes:
    """In place of the sandbox: counts what is asked of it."""

    def __init__(self) -> None:
        self.asked: list[Look] = []

    def preview(self, source: File, look: Look) -> bytes:
        self.asked.append(look)
        return b"x" * 400


def test_pictures_that_were_made_are_kept_as_far_as_there_is_room(sample: Assistant) -> None:
    eyes = Eyes()
    previews = Previews(sample._parts.sources, eyes, kept_bytes=1000)  # type: ignore[arg-type]
    id = sample.ids([LEASE])[str(LEASE)]
    for width in (300, 290, 300):  # of one step
        previews.preview(id, Look(width, 1))
    assert eyes.asked == [Look(300, 1)]
    previews.preview(id, Look(300, 2))
    previews.preview(id, Look(300, 1))
    previews.preview(id, Look(300, 3))  # takes the room of page 2, which was looked at longest ago
    assert len(eyes.asked) == 3
    previews.preview(id, Look(300, 1))
    assert len(eyes.asked) == 3
    previews.preview(id, Look(300, 2))
    assert len(eyes.asked) == 4
    previews.preview(id, Look(10**9, 1))
    previews.preview(id, Look(-5, 1))
    assert [look.width for look in eyes.asked[-2:]] == [2000, 64]


def test_a_file_that_changes_while_it_is_looked_at_is_not_shown(changing: tuple[Assistant, Path]) -> None:
    locus, files = changing
    picture = files / "red-bicycle.jpg"

    class Meddler(Eyes):
        def preview(self, source: File, look: Look) -> bytes:
            picture.write_bytes(b"another file")
            return super().preview(source, look)

    sources: Sources = locus._parts.sources
    with pytest.raises(NotAsRead):
        Previews(sources, Meddler()).preview(locus.ids([picture])[str(picture)], Look(100))  # type: ignore[arg-type]


def test_previews_of_the_sample(sample: Assistant) -> None:
    ids = sample.ids(DATA.iterdir())
    for name in (
        "water-lease.pdf",
        "insurance-letter.pdf",
        "red-bicycle.jpg",
        "visitors-2024.png",
        "sluice-repair.mp4",
    ):
        assert sample.preview(ids[str(DATA / name)], width=100).startswith(b"\xff\xd8\xff")
    for name in ("mill-diary.md", "talk-on-the-wheel.mp3", "mill-money.xlsx"):
        with pytest.raises(FileError, match="not shown as pictures"):
            sample.preview(ids[str(DATA / name)])
