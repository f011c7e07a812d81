from pathlib import Path

import pytest

from indexers.ignore import Ignore, is_arriving, is_transient
from indexers.walk import walk


def rules(folder: Path, text: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ".locusignore").write_text(text)


def ignored(root: Path, *names: str, **options: bool) -> dict[str, bool]:
    ignore = Ignore(str(root), **options)
    return {name: ignore.file(str(root / name)) for name in names}


def test_rules_are_those_of_gitignore(tmp_path: Path) -> None:
    rules(tmp_path, "# logs\n*.log\n!keep.log\n/build/\ndrafts/\nnotes/**/old\n\\#odd\n")
    assert ignored(
        tmp_path,
        *("a.log", "deep/er/b.log", "keep.log", "build/x", "deep/build/x", "drafts/y", "deep/drafts/z"),
        *("notes/1/2/old", "old", "#odd", "plain.txt"),
    ) == {
        **{"a.log": True, "deep/er/b.log": True, "keep.log": False, "build/x": True, "deep/build/x": False},
        **{"drafts/y": True, "deep/drafts/z": True, "notes/1/2/old": True, "old": False, "#odd": True},
        "plain.txt": False,
    }


def test_the_deepest_rules_that_speak_of_a_file_count_but_nothing_below_what_is_left_out(tmp_path: Path) -> None:
    rules(tmp_path, "*.log\nsecret/\n")
    rules(tmp_path / "a", "!b.log\nlocal.txt\n")
    rules(tmp_path / "secret", "!c.txt\n")
    assert ignored(tmp_path, "a/b.log", "a/c.log", "a/local.txt", "local.txt", "secret/c.txt") == {
        **{"a/b.log": False, "a/c.log": True, "a/local.txt": True, "local.txt": False},
        "secret/c.txt": True,
    }


def test_the_folder_itself_and_what_lies_outside_are_nobody_s_matter(tmp_path: Path) -> None:
    ignore = Ignore(str(tmp_path / ".files"))
    for path in (tmp_path / ".files", tmp_path / ".other" / "a.txt", Path("/"), tmp_path / ".files.txt"):
        assert not ignore.file(str(path)) and not ignore.folder(str(path))
    assert Ignore("/").file("/home/.cache/a.txt") and not Ignore("/").file("/home/a.txt")


def test_what_is_no_rule_makes_no_other_void(tmp_path: Path) -> None:
    (tmp_path / ".locusignore").write_bytes(b"\xef\xbb\xbf*.log\n!\n\xff\xfe\n/\n*.bak\n")
    assert ignored(tmp_path, "a.log", "a.bak", "a.txt") == {"a.log": True, "a.bak": True, "a.txt": False}


def test_hidden_files_are_left_out_unless_wanted_but_never_taken_from_version_control(tmp_path: Path) -> None:
    names = (".notes", ".folder/a.txt", ".git/config", ".x.txt.swp", ".DS_Store", "a.txt")
    assert list(ignored(tmp_path, *names).values()) == [True, True, True, True, True, False]
    assert list(ignored(tmp_path, *names, hidden=True).values()) == [False, False, True, True, True, False]


@pytest.mark.parametrize(
    "name",
    [
        *("~$report.docx", ".~lock.report.odt#", "notes.md~", "#notes.md#", ".#notes.md", ".notes.md.swp", "a.tmp"),
        *("film.mp4.part", "Unconfirmed 1234.crdownload", "a.partial", "a.py___jb_tmp___", ".goutputstream-X1"),
    ],
)
def test_what_programs_write_for_a_while_is_known(name: str) -> None:
    assert is_transient(name)


@pytest.mark.parametrize("name", ["report.docx", "part", "a.part.txt", "~a.txt", "temp", "a.swf", "C#.md", "tmp.md"])
def test_what_only_looks_like_it_is_not(name: str) -> None:
    assert not is_transient(name)


def test_a_name_that_a_download_has_reserved_is_not_taken_before_it_is_done(tmp_path: Path) -> None:
    (tmp_path / "film.mp4").touch()
    (tmp_path / "film.mp4.part").write_text("half")
    assert is_arriving("film.mp4", ["film.mp4", "film.mp4.part"])
    assert walk([tmp_path]).files == []
    (tmp_path / "film.mp4.part").rename(tmp_path / "film.mp4")
    assert walk([tmp_path]).files == [str(tmp_path / "film.mp4")]


def test_walking_keeps_to_the_rules_and_a_file_that_is_named_is_taken(tmp_path: Path) -> None:
    rules(tmp_path, "*.log\nout/\n")
    for name in ("a.txt", "a.log", "out/b.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("text")
    walked = walk([tmp_path])
    assert walked.files == [str(tmp_path / "a.txt")]
    assert walked.is_ignored(str(tmp_path / "out" / "b.txt"))
    assert walk([tmp_path / "a.log"]).files == [str(tmp_path / "a.log")]
    inside = walk([tmp_path / "out"], rules_from=str(tmp_path))
    assert inside.files == []
