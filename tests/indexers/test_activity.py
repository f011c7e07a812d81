from pathlib import Path

from indexers.activity import Activity, overlaid
from indexers.library import Library
from indexers.types import Document, Status


def test_what_is_queued_and_read_is_seen_from_another_connection(tmp_path: Path) -> None:
    writer, reader = Activity(tmp_path / "a.sqlite"), Activity(tmp_path / "a.sqlite")
    assert reader.states() == {}
    writer.begin(["/a", "/b"])
    writer.reading("/a")
    assert reader.states() == {"/a": Status.READING, "/b": Status.QUEUED}
    writer.done(["/a"])
    assert reader.states() == {"/b": Status.QUEUED}
    writer.begin(())
    assert reader.states() == {}
    writer.close()
    reader.close()


def test_a_file_that_was_cut_off_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    path.write_bytes(b"SQLite format 3\0" + b"\xff" * 5000)
    activity = Activity(path)
    assert activity.states() == {}
    activity.begin(["/a"])
    assert activity.states() == {"/a": Status.QUEUED}
    activity.close()


def test_where_nothing_can_be_written_nothing_fails(tmp_path: Path) -> None:
    activity = Activity(tmp_path / "absent" / "a.sqlite")
    activity.begin(["/a"])
    assert activity.states() == {}


def test_what_a_dead_writer_left_behind_does_not_count(tmp_path: Path) -> None:
    library = Library(tmp_path / "library")
    library.activity.begin(["/a"])
    assert library.at_work() == {}
    other = Library(tmp_path / "library")
    with library.writing():
        assert library.at_work() == other.at_work() == {"/a": Status.QUEUED}
    library.close()
    other.close()


def test_documents_show_what_is_done_for_them_now() -> None:
    known = [Document("/d/a", "image", Status.PARTIAL), Document("/d/c", "text", Status.INDEXED)]
    work = {"/d/a": Status.READING, "/d/b.txt": Status.QUEUED, "/e/f": Status.QUEUED}
    assert overlaid(known, {}) == known
    assert [(d.path, d.status.value) for d in overlaid(known, work, "/d")] == [
        ("/d/a", "reading"),
        ("/d/b.txt", "queued"),
        ("/d/c", "indexed"),
    ]
    assert [d.path for d in overlaid(known, work, new=False)] == ["/d/a", "/d/c"]
