import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from indexers.beside import companions, fold
from indexers.media import _BY_SUFFIX, media_of
from indexers.parsers import PARSERS


@pytest.mark.parametrize(
    ("medium", "companion"),
    [
        ("photo.jpg", "photo.txt"),
        ("photo.jpg", "photo.md"),
        ("photo.jpg", "photo.caption"),
        ("photo.jpg", "photo.json"),
        ("photo.JPG", "photo.XMP"),
        ("photo.jpg", "photo.jpg.txt"),
        ("photo.jpg", "photo.JPG.xmp"),
        ("photo.v2.png", "photo.v2.txt"),
        ("IMG_1234.jpg", "IMG_1234.jpg.json"),
        ("IMG_1234.jpg", "IMG_1234.jpg.supplemental-metadata.json"),
        ("IMG_1234.jpg", "IMG_1234.jpg.suppl.json"),
        ("IMG_1234.jpg", "IMG_1234.jpg.s.json"),
        ("IMG_1234(1).jpg", "IMG_1234.jpg(1).json"),
        ("IMG_1234(1).jpg", "IMG_1234.jpg.supplemental-metadata(1).json"),
        ("a_very_long_name_of_a_picture_from_the_holiday.jpg", "a_very_long_name_of_a_picture_from_the_holiday.json"),
        ("Screenshot_20190919-053857_Snapchat.jpg", "Screenshot_20190919-053857_Snapchat.jpg.supple.json"),
        ("talk.mp3", "talk.srt"),
        ("talk.mp3", "talk.lrc"),
        ("talk.mp3", "talk.txt"),
        ("talk.mp4", "talk.en.vtt"),
        ("talk.mp4", "talk.de-DE.srt"),
        ("talk.mp4", "talk.zh-Hans.srt"),
        ("talk.mp4", "talk.en.forced.srt"),
        ("talk.mkv", "talk.mkv.en.srt"),
        ("talk.webm", "talk.info.json"),
        ("talk.webm", "talk.webm.json"),
    ],
)
def test_a_companion_is_known_by_its_name(medium: str, companion: str) -> None:
    assert companions(f"/somewhere/{medium}", [medium, companion, "other.txt"]) == [companion]


@pytest.mark.parametrize(
    ("medium", "stranger"),
    [
        ("photo.jpg", "photo.srt"),
        ("photo.jpg", "photo.en.txt"),
        ("photo.jpg", "photo"),
        ("photo.jpg", "photo2.txt"),
        ("photo.jpg", "Photo.txt"),
        ("photo.jpg", "photo.pdf"),
        ("photo.jpg", "photo.png"),
        ("photo.jpg", "photo.jpg"),
        ("IMG_1.jpg", "IMG_1.jpg(1).json"),
        ("IMG_1.jpg", "IMG_1.jpg.supplemental-other.json"),
        ("talk.mp3", "talk.md"),
        ("talk.mp3", "talk.xmp"),
        ("talk.mp3", "talk.chapter1.srt"),
        ("report.pdf", "report.txt"),
    ],
)
def test_a_stranger_is_none(medium: str, stranger: str) -> None:
    assert companions(medium, [medium, stranger]) == []


def test_suffixes_are_those_that_are_read() -> None:
    for suffix, name in _BY_SUFFIX.items():
        is_medium = media_of(name) != "text" and name in PARSERS
        own = f"a.{suffix}"
        assert (companions(own, [own, "a.json"]) == ["a.json"]) == is_medium, suffix


def make(folder: Path, **sizes: int) -> list[str]:
    for name, size in sizes.items():
        (folder / name.replace("__", ".")).write_bytes(b"x" * size)
    return sorted(str(path) for path in folder.iterdir())


def test_companions_are_folded_away(tmp_path: Path) -> None:
    paths = make(tmp_path, photo__jpg=9, photo__txt=9, talk__mp3=9, talk__en__srt=9, talk__srt=9, notes__md=9)
    own, beside = fold(paths)
    assert [Path(path).name for path in own] == ["notes.md", "photo.jpg", "talk.mp3"]
    assert {Path(path).name: [Path(one).name for one in found] for path, found in beside.items()} == {
        "photo.jpg": ["photo.txt"],
        "talk.mp3": ["talk.en.srt", "talk.srt"],
    }


def test_a_companion_belongs_to_all_of_its_name(tmp_path: Path) -> None:
    own, beside = fold(make(tmp_path, a__jpg=9, a__png=9, a__mp4=9, a__txt=9, a__srt=9))
    assert len(own) == 3
    assert {Path(path).name: len(found) for path, found in beside.items()} == {"a.jpg": 1, "a.png": 1, "a.mp4": 2}


def test_what_is_long_stays_a_document(tmp_path: Path) -> None:
    paths = make(tmp_path, a__jpg=9, a__txt=20_001, b__jpg=9, b__txt=20_000, c__jpg=9, c__json=5_000_001)
    own, beside = fold(paths)
    assert [Path(path).name for path in own] == ["a.jpg", "a.txt", "b.jpg", "c.jpg", "c.json"]
    assert list(beside) == [str(tmp_path / "b.jpg")]


def test_a_transcript_may_be_longer_than_a_caption(tmp_path: Path) -> None:
    own, beside = fold(make(tmp_path, a__jpg=9, a__mp3=9, a__txt=60_000))
    assert [Path(path).name for path in own] == ["a.jpg", "a.mp3"]
    assert list(beside) == [str(tmp_path / "a.mp3")]


def test_without_its_medium_it_is_a_document(tmp_path: Path) -> None:
    paths = [path for path in make(tmp_path, a__jpg=9, a__txt=9) if path.endswith("txt")]
    assert fold(paths) == (paths, {})
    other = tmp_path / "other"
    other.mkdir()
    (other / "a.jpg").write_bytes(b"x")
    paths = [str(tmp_path / "a.txt"), str(other / "a.jpg")]
    assert fold(paths) == (paths, {})


def test_what_is_gone_is_no_companion(tmp_path: Path) -> None:
    paths = [str(tmp_path / "a.jpg"), str(tmp_path / "a.txt")]
    assert fold(paths) == (paths, {})


def test_the_two_agree(tmp_path: Path) -> None:
    paths = make(tmp_path, a__jpg=9, a__txt=9, a__png__json=9, a__png=9, b__mp3=9, b__de__vtt=9, c__wav=9, a__xmp=9)
    names = [path.name for path in tmp_path.iterdir()]
    _, beside = fold(paths)
    for path in paths:
        assert [Path(one).name for one in beside.get(path, ())] == companions(path, names)


def test_names_that_are_no_text_are_kept(tmp_path: Path) -> None:
    for name in (b"caf\xe9.jpg", b"caf\xe9.txt"):
        (tmp_path / os.fsdecode(name)).write_bytes(b"x")
    own, beside = fold(sorted(str(path) for path in tmp_path.iterdir()))
    assert [os.fsencode(Path(path).name) for path in own] == [b"caf\xe9.jpg"]
    assert len(beside[own[0]]) == 1


def test_many_files_take_linear_time(ends: Callable[[], AbstractContextManager[None]]) -> None:
    paths = [f"/nowhere/{number}.jpg" for number in range(50_000)]
    paths += [f"/nowhere/{number}.en.json" for number in range(50_000)]
    with ends():
        assert fold(paths) == (paths, {})
