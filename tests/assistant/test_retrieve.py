import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.retrieve import WORDS_PER_SCORE, Retriever, fuse
from indexers.library import Library
from indexers.parsers import parser_for
from indexers.pipeline import Pipeline
from indexers.protocols import Source
from indexers.reading import FileReader
from indexers.senses import Senses
from indexers.testing import HashingEmbedder
from indexers.types import Attachment, Parsed


class InProcess:
    """Runs parsers here; what is named .eml has its own text as an attachment."""

    def parse(self, source: Source) -> Parsed:
        parser = parser_for("text" if source.format == "eml" else source.format)
        assert parser is not None
        parsed = parser(source)
        if source.name.endswith(".eml"):
            return Parsed(parsed.blocks, attachments=(Attachment("inner.txt", b"the gasket is made of cork\n"),))
        return parsed


class Shelf:
    """A folder of files, a library of it, and a retriever."""

    def __init__(self, root: Path) -> None:
        self.files = root / "files"
        self.files.mkdir()
        self.embedder = HashingEmbedder(dim=128)
        self.library = Library(root / "library")
        self.pipeline = Pipeline(
            self.library,
            self.embedder,
            FileReader(InProcess(), Senses(), self.library.unfinished, max_bytes=10**6),
        )
        self.retriever = Retriever(self.library, self.embedder)

    def write(self, name: str, text: str) -> Path:
        path = self.files / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def add(self) -> None:
        self.pipeline.add([self.files])

    def found(self, query: str, k: int = 10, **filters: object) -> list[str]:
        hits = self.retriever.search(query, k, **filters)  # type: ignore[arg-type]
        assert [hit.rank for hit in hits] == list(range(1, len(hits) + 1))
        return [os.path.relpath(hit.path, self.files) for hit in hits]


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    made = Shelf(tmp_path)
    yield made
    made.library.close()


# --- fusing ------------------------------------------------------------------------------------

SCORES = st.dictionaries(st.integers(0, 30), st.floats(0, 1), max_size=12)


def test_the_vectors_decide_where_no_word_is_known() -> None:
    fused = fuse({1: 0.2, 2: 0.9}, {}, 0.0, {})
    assert [item.chunk_id for item in fused] == [2, 1]
    assert fused[0].score == pytest.approx(0.9)


def test_words_weigh_by_the_share_of_what_they_could_give() -> None:
    weight = WORDS_PER_SCORE * 9.0
    rare = fuse({1: 0.5, 2: 0.5}, {2: 9.0}, 10.0, {})
    common = fuse({1: 0.5, 2: 0.5}, {2: 9.0}, 100.0, {})
    assert rare[0].score - rare[1].score == pytest.approx(weight * 0.9 / (1 + weight))
    assert common[0].score - common[1].score == pytest.approx(weight * 0.09 / (1 + weight))


def test_words_decide_where_they_answer_much_of_the_query_and_meaning_where_they_do_not() -> None:
    close, worded = {1: 0.7, 2: 0.5}, 2
    assert fuse(close, {worded: 30.0}, 60.0, {})[0].chunk_id == worded
    assert fuse(close, {worded: 3.0}, 60.0, {})[0].chunk_id == 1


def test_what_only_words_found_keeps_its_cosine_but_does_not_claim_it() -> None:
    (item,) = fuse({}, {7: 5.0}, 10.0, {7: 0.4})
    weight = WORDS_PER_SCORE * 5.0
    assert item.score == pytest.approx((0.4 + weight * 0.5) / (1 + weight))
    assert item.signals == {"words": 5.0}


@given(dense=SCORES, words=SCORES, ceiling=st.floats(0, 2))
def test_fusing_keeps_every_chunk_once_in_a_fixed_order(
    dense: dict[int, float], words: dict[int, float], ceiling: float
) -> None:
    fused = fuse(dense, words, ceiling, {})
    assert {item.chunk_id for item in fused} == dense.keys() | words.keys()
    assert len(fused) == len({item.chunk_id for item in fused})
    keys = [(-item.score, item.chunk_id) for item in fused]
    assert keys == sorted(keys)
    backwards = fuse(dict(reversed(dense.items())), dict(reversed(words.items())), ceiling, {})
    assert backwards == fused
    for item in fused:
        assert item.signals.get("dense") == dense.get(item.chunk_id)
        assert item.signals.get("words") == words.get(item.chunk_id)


# --- searching ---------------------------------------------------------------------------------


def test_the_passage_with_the_words_is_first(shelf: Shelf) -> None:
    shelf.write("a.txt", "income tax rates of the year\n")
    shelf.write("b.txt", "a red bicycle stands by the gate\n")
    shelf.write("c.txt", "the choir rehearses on thursdays\n")
    shelf.add()
    assert shelf.found("red bicycle")[0] == "b.txt"
    assert shelf.found("choir", k=1) == ["c.txt"]


def test_more_than_there_is_gives_all_there_is(shelf: Shelf) -> None:
    for number in range(5):
        shelf.write(f"{number}.txt", f"gasket number {number}\n")
    shelf.add()
    assert sorted(shelf.found("gasket", k=1000)) == [f"{n}.txt" for n in range(5)]


def test_the_same_content_at_two_paths_is_found_at_both(shelf: Shelf) -> None:
    shelf.write("one/manual.txt", "the gasket is made of cork\n")
    shelf.write("two/copy.txt", "the gasket is made of cork\n")
    shelf.write("other.txt", "the choir rehearses on thursdays\n")
    shelf.add()
    hits = shelf.retriever.search("cork gasket", 10)
    assert [os.path.relpath(hit.path, shelf.files) for hit in hits[:2]] == ["one/manual.txt", "two/copy.txt"]
    assert hits[0].chunk_id == hits[1].chunk_id
    assert shelf.found("cork gasket", k=1) == ["one/manual.txt"]
    assert shelf.found("cork gasket", under=str(shelf.files / "two")) == ["two/copy.txt"]


def test_searching_twice_gives_the_same(shelf: Shelf) -> None:
    for number in range(30):
        shelf.write(f"{number}.txt", f"gasket and valve, drawing {number % 3}\n")
    shelf.add()
    first = shelf.retriever.search("valve drawing", 20)
    assert shelf.retriever.search("valve drawing", 20) == first
    again = Library(shelf.library.root)
    assert Retriever(again, shelf.embedder).search("valve drawing", 20) == first
    again.close()


def test_filters_apply_inside_the_search(shelf: Shelf) -> None:
    for number in range(150):
        shelf.write(f"many/{number}.txt", f"the gasket of engine {number} is made of cork\n")
    shelf.write("few/x.txt", "somewhere a gasket\n")
    shelf.add()
    assert shelf.found("the gasket is made of cork", k=3, under=str(shelf.files / "few")) == ["few/x.txt"]
    assert shelf.found("gasket", media={"image"}) == []
    assert len(shelf.found("gasket", k=200, media={"text", "image"})) == 151


# --- what is on the disk -----------------------------------------------------------------------


def test_a_deleted_file_is_not_found_before_the_library_is_told(shelf: Shelf) -> None:
    gone = shelf.write("gone.txt", "the gasket is made of cork\n")
    shelf.write("here.txt", "a gasket of rubber\n")
    shelf.add()
    assert shelf.found("cork gasket")[0] == "gone.txt"
    gone.unlink()
    assert shelf.found("cork gasket") == ["here.txt"]


def test_many_deleted_files_do_not_hide_one_that_is_left(shelf: Shelf) -> None:
    for number in range(150):
        shelf.write(f"old/{number}.txt", f"the gasket of engine {number} is made of cork\n")
    shelf.write("here.txt", "somewhere a gasket, says the choir, which rehearses on thursdays in the hall\n")
    shelf.add()
    shutil.rmtree(shelf.files / "old")
    assert shelf.found("the gasket is made of cork", k=5) == ["here.txt"]


def test_a_link_whose_file_is_gone_is_not_found(shelf: Shelf, tmp_path: Path) -> None:
    target = tmp_path / "target.txt"
    target.write_text("the gasket is made of cork\n")
    (shelf.files / "link.txt").symlink_to(target)
    # Named itself: below a folder, a link that leads out of it is not followed.
    shelf.pipeline.add([shelf.files / "link.txt"])
    assert shelf.found("cork gasket") == ["link.txt"]
    target.unlink()
    assert shelf.found("cork gasket") == []


def _in_a_folder(shelf: Shelf) -> Path:
    return shelf.write("important!/note.txt", "the gasket is made of cork\n")


def _in_a_mail(shelf: Shelf) -> Path:
    return shelf.write("mail.eml", "Subject: hello\n\nsee below\n")


def _in_a_mail_in_a_folder(shelf: Shelf) -> Path:
    return shelf.write("urgent!/mail.eml", "Subject: hello\n\nsee below\n")


@pytest.mark.parametrize(
    ("make", "found"),
    [
        (_in_a_folder, "important!/note.txt"),
        (_in_a_mail, "mail.eml!/inner.txt"),
        (_in_a_mail_in_a_folder, "urgent!/mail.eml!/inner.txt"),
    ],
)
def test_marks_in_names_are_told_from_documents_inside_files(
    shelf: Shelf, make: Callable[[Shelf], Path], found: str
) -> None:
    path = make(shelf)
    shelf.add()
    assert shelf.found("cork gasket", k=1) == [found]
    path.unlink()
    assert shelf.found("cork gasket") == []


def test_a_document_whose_words_stand_in_different_chunks_is_found_by_both(shelf: Shelf) -> None:
    filler = "\n\n".join(
        f"Article {number} of the list of goods, sold by weight and packed in paper." for number in range(60)
    )
    for name, total in (("first", "68.41"), ("second", "20.21"), ("third", "41.87")):
        text = f"# Gardenia Bakeries\n\nBread and buns since 1969.\n\n{filler}\n\nTotal {total}\n"
        (shelf.files / f"{name}.md").write_text(text)
    shelf.pipeline.add([shelf.files])
    for name, total in (("first", "68.41"), ("second", "20.21"), ("third", "41.87")):
        assert shelf.found(f"Bread and buns of Gardenia Bakeries {total}")[0] == f"{name}.md"
