"""The folders by which a search can be narrowed."""

from pathlib import Path

from assistant import Assistant
from assistant.folders import folders


def test_what_lies_right_below_an_added_folder_is_told_apart() -> None:
    paths = ["/a/1", "/a/x/2", "/a/x/deep/er/3", "/a/y/4", "/b/c/5", "/b/c/6"]
    assert folders(paths, ["/a"]) == [("/a", 4), ("/a/x", 2), ("/a/y", 1), ("/b/c", 2)]


def test_a_folder_that_holds_all_of_the_one_around_it_is_no_choice() -> None:
    assert folders(["/a/x/1", "/a/x/2"], ["/a"]) == [("/a", 2)]


def test_folders_within_each_other_count_each() -> None:
    assert folders(["/a/x/y/1", "/a/x/2", "/a/3"], ["/a", "/a/x"]) == [("/a", 3), ("/a/x", 2), ("/a/x/y", 1)]


def test_names_that_begin_alike_are_told_apart() -> None:
    assert folders(["/a/1", "/ab/2", "/a b/3"], ["/a"]) == [("/a", 1), ("/a b", 1), ("/ab", 1)]


def test_the_whole_disk_may_be_added() -> None:
    assert folders(["/1", "/a/2", "/a/3"], ["/"]) == [("/", 3), ("/a", 2)]


def test_the_fullest_are_given_where_there_are_many() -> None:
    paths = [f"/a/{n:04}/x" for n in range(500)] + ["/a/0499/y", "/b/z"]
    found = folders(paths, ["/a"])
    assert len(found) == 200 and ("/a", 501) in found and ("/a/0499", 2) in found
    assert folders([], ["/a"]) == []


def test_the_folders_and_days_of_a_library(tmp_path: Path) -> None:
    (tmp_path / "files" / "sub").mkdir(parents=True)
    (tmp_path / "files" / "a.md").write_text("---\ndate: 2019-07-14\n---\n\nBees.\n")
    (tmp_path / "files" / "sub" / "b.txt").write_text("Ferries.")
    with Assistant(tmp_path / "library", llm="none") as locus:
        assert locus.folders() == []
        locus.add(tmp_path / "files")
        assert locus.folders() == [(str(tmp_path / "files"), 2), (str(tmp_path / "files" / "sub"), 1)]
        days = locus.days([str(tmp_path / "files" / "a.md"), str(tmp_path / "files" / "sub" / "b.txt"), "/none"])
        assert list(days) == [str(tmp_path / "files" / "a.md"), str(tmp_path / "files" / "sub" / "b.txt")]
        own, changed = days.values()
        assert own == "2019-07-14" and changed > "2024"
