"""A hit in a long recording or a full picture opens where the words of the query stand."""

import pytest

from assistant import Assistant
from assistant.nearest import nearest, pointed
from indexers.locators import describe
from indexers.types import Box, Chunk, Hit, LinesLocator, Place, RegionLocator, TimeLocator

SAID = (
    ("The mill turns again.", 0.0, 2.0),
    ("The mill was built in 1731.", 3.0, 6.0),
    ("The mill has a red door, and a bell.", 61.0, 65.5),
)


def speech(*said: tuple[str, float, float]) -> Chunk:
    places, body = [], ""
    for text, start_s, end_s in said:
        body += " " if body else ""
        places.append(Place(len(body), TimeLocator(start_s, end_s)))
        body += text
    return Chunk(body, TimeLocator(said[0][1], said[-1][2]), tuple(places))


def hit(chunk: Chunk) -> Hit:
    return Hit(1, "/a/talk.mp3", "audio", chunk, 1.0, {"words": 1.0}, 1)


@pytest.mark.parametrize(
    ("query", "text", "start_s"),
    [
        ("when was the mill built?", SAID[1][0], 3.0),
        ("bells of the mill", SAID[2][0], 61.0),
        ("mills", SAID[0][0], 0.0),
    ],
)
def test_speech_opens_where_the_rarest_words_are_said(query: str, text: str, start_s: float) -> None:
    near = nearest(speech(*SAID), query)
    assert near is not None and near.body == text
    assert isinstance(near.locator, TimeLocator) and near.locator.start_s == start_s


@pytest.mark.parametrize("query", ["", "a lighthouse"])
def test_without_its_words_a_hit_opens_where_it_begins(query: str) -> None:
    [found] = pointed([hit(speech(*SAID))], query)
    assert found.near is None and found.at == found.locator == TimeLocator(0.0, 65.5)


def test_a_single_stretch_is_its_own_place() -> None:
    assert nearest(speech(SAID[0]), "mill") is None
    assert nearest(Chunk("", TimeLocator(3.0, 4.0)), "mill") is None


def test_a_picture_opens_at_the_line() -> None:
    first: Box = (0.1, 0.1, 0.9, 0.2)
    second: Box = (0.1, 0.5, 0.4, 0.6)
    places = (Place(0, RegionLocator(first)), Place(12, RegionLocator(second)))
    chunk = Chunk("Rye loaf 4\n\nPlum bun 1.20", RegionLocator((0.1, 0.1, 0.9, 0.6)), places)
    near = nearest(chunk, "price of a plum bun")
    assert near is not None and near.locator == RegionLocator(second) and near.body == "Plum bun 1.20"


def test_texts_are_read_at_a_glance() -> None:
    chunk = Chunk("a mill\na bell", LinesLocator(1, 2), (Place(0, LinesLocator(1, 1)), Place(7, LinesLocator(2, 2))))
    assert nearest(chunk, "bell") is None


def test_a_search_opens_the_talk_at_its_second(sample: Assistant, capsys: pytest.CaptureFixture[str]) -> None:
    found = sample.search("the seized spill hatch was freed", k=1, media={"audio"})[0]
    assert isinstance(found.at, TimeLocator) and found.at.start_s == pytest.approx(29.411, abs=0.5)
    assert isinstance(found.locator, TimeLocator) and found.locator.start_s < 29
    from assistant import show

    show.hits([found])
    first, second = capsys.readouterr().out.splitlines()
    assert describe(found.path, found.at) in first and "0:29" in first
    assert second.strip().startswith("… The seized spill hatch")
