from pathlib import Path

import pytest

from ui.given import sorted_out

DATA = Path(__file__).parents[2] / "data" / "library"


def test_one_picture_is_searched_with_and_documents_are_added():
    picture, lease = DATA / "red-bicycle.jpg", DATA / "water-lease.pdf"
    given = sorted_out("  like this  ", [picture])
    assert (given.text, given.picture, given.documents) == ("like this", picture, ())
    assert given.names == ("red-bicycle.jpg",)
    assert sorted_out("what is it?", [lease]).documents == (lease,)
    # Of several files none is the query.
    assert sorted_out("compare", [picture, lease]).documents == (picture, lease)
    assert sorted_out("both", [picture, picture]).picture is None


@pytest.mark.parametrize("name", ["audio.wav", "sample.webm", "recording-2.ogg"])
def test_what_the_microphone_recorded_is_the_question_unless_something_is_typed(tmp_path: Path, name: str):
    recorded = tmp_path / name
    recorded.write_bytes(b"RIFF....WAVE")
    assert sorted_out("", [recorded]).recording == recorded
    assert sorted_out("what is said?", [recorded]).recording is None
    assert sorted_out("", [tmp_path / "talk.mp3"]).recording is None


def test_what_can_not_be_read_is_left_to_its_report(tmp_path: Path):
    (tmp_path / "empty.png").touch()
    given = sorted_out("", [tmp_path / "empty.png", tmp_path / "gone.jpg"])
    assert given.documents == (tmp_path / "empty.png", tmp_path / "gone.jpg")
    assert not given.is_empty
    assert sorted_out("  ", []).is_empty
