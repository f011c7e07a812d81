"""Conversations that are kept in the library, and what is taken out of them when documents go."""

import json
import multiprocessing
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant import Answer, Assistant, Citation, Sentence
from assistant.conversations import Conversation, Conversations, Found, Turn
from assistant.turns import GONE, decoded, encoded, plain, without
from indexers.errors import LibraryBroken, LibraryInUse, NotWritten, UsageError
from indexers.types import (
    LinesLocator,
    Locator,
    PageLocator,
    RegionLocator,
    SectionLocator,
    SheetLocator,
    SlideLocator,
    TimeLocator,
    WholeLocator,
)

LOCATORS: list[Locator] = [
    PageLocator(3, ((0.1, 0.2, 0.9, 0.25), (0.1, 0.25, 0.5, 0.3))),
    LinesLocator(10, 24),
    TimeLocator(724.0, 738.25),
    RegionLocator((0.1, 0.2, 0.3, 0.4)),
    SlideLocator(7),
    SheetLocator("Löhne", 2, 9),
    SectionLocator(("Über", "uns")),
    WholeLocator(),
]


def everything(paths: Sequence[str]) -> Collection[str]:
    return paths


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Conversations]:
    made = Conversations(tmp_path / "conversations.sqlite", everything)
    yield made
    made.close()


def answer(
    *citations: Citation, text: str = "It ends in May.", mode: str = "quotes", abstained: bool = False
) -> Answer:
    numbers = tuple(citation.number for citation in citations)
    said = (Sentence(text, not abstained, () if abstained else numbers),)
    return Answer(
        "When?", text, not abstained, abstained, "llm" if mode == "llm" else "quotes", said, citations, "tiny"
    )


def quoting(path: str, phrase: str, question: str = "When does it end?") -> Turn:
    citation = Citation(1, path, "text", LinesLocator(1, 2), phrase)
    return Turn(question, answer(citation, text=phrase), (Found(path, "text", LinesLocator(1, 9), phrase),))


# --- order, names, deleting --------------------------------------------------------------------


def test_nothing_is_made_before_something_is_kept(kept: Conversations, tmp_path: Path) -> None:
    assert (kept.all(), kept.turns(1), kept.forget(), kept.moved({"/a": "/b"}), kept.problems()) == ([], [], 0, 0, [])
    kept.vacuum()
    assert list(tmp_path.iterdir()) == []


def test_the_last_changed_is_first(kept: Conversations) -> None:
    first, second = kept.begin("Bees?"), kept.begin("Ferries?")
    assert [each.id for each in kept.all()] == [second, first]
    kept.keep(first, quoting("/a", "Of May."))
    assert [(each.id, each.turns) for each in kept.all()] == [(first, 1), (second, 0)]
    assert all(each.changed.tzinfo is UTC for each in kept.all())


def test_turns_come_in_the_order_in_which_they_were_asked(kept: Conversations) -> None:
    conversation = kept.begin("1")
    for number in range(5):
        turn = kept.keep(conversation, quoting("/a", "Of May.", f"{number}?"))
        assert turn.id and (datetime.now(UTC) - turn.asked).total_seconds() < 60
    assert [turn.question for turn in kept.turns(conversation)] == [f"{number}?" for number in range(5)]


@pytest.mark.parametrize(
    ("question", "title"),
    [
        ("When?", "When?"),
        ("  When\n\tdoes it  end? ", "When does it end?"),
        ("", "Untitled"),
        ("x" * 60, "x" * 60),
        ("word " * 20, "word word word word word word word word word word word word…"),
    ],
)
def test_a_conversation_is_named_after_its_first_question(kept: Conversations, question: str, title: str) -> None:
    kept.begin(question)
    assert [each.title for each in kept.all()] == [title]


def test_a_conversation_is_named_otherwise(kept: Conversations) -> None:
    conversation, other = kept.begin("When?"), kept.begin("Where?")
    kept.rename(conversation, " The \n lease ")
    assert {each.id: each.title for each in kept.all()} == {conversation: "The lease", other: "Where?"}
    kept.rename(conversation, " \n ")
    assert {each.id: each.title for each in kept.all()}[conversation] == "The lease"


def test_a_deleted_conversation_is_gone_with_its_bytes(kept: Conversations, tmp_path: Path) -> None:
    conversation, other = kept.begin("Zanzibarfirst?"), kept.begin("Where?")
    kept.keep(conversation, quoting("/zanzibarpath", "zanzibarphrase " * 2000, "zanzibarquestion"))
    kept.keep(other, quoting("/a", "Of May."))
    kept.delete(conversation)
    kept.delete(conversation)
    assert [each.id for each in kept.all()] == [other] and kept.turns(conversation) == []
    assert b"zanzibar" not in (tmp_path / "conversations.sqlite").read_bytes().lower()
    assert kept.begin("Again?") > other, "ids are not given twice"


UNKNOWN = [0, -1, 77, 2**63 - 1, 2**63, 10**30, -(2**63) - 1]


@pytest.mark.parametrize("number", UNKNOWN)
def test_an_unknown_conversation(kept: Conversations, number: int) -> None:
    kept.begin("When?")
    kept.delete(number)
    assert kept.turns(number) == []
    calls = (
        lambda: kept.keep(number, quoting("/a", "x")),
        lambda: kept.rename(number, "x"),
        lambda: kept.markdown(number),
    )
    for call in calls:
        with pytest.raises(UsageError, match="was deleted"):
            call()
    assert [(each.title, each.turns) for each in kept.all()] == [("When?", 0)]


# --- what comes back ---------------------------------------------------------------------------


@pytest.mark.parametrize("locator", LOCATORS, ids=[locator.kind for locator in LOCATORS])
def test_every_locator_comes_back(kept: Conversations, locator: Locator) -> None:
    turn = Turn(
        "When?",
        answer(Citation(1, "/a", "video", locator, "Of May.")),
        (Found("/b!/c", "audio", locator, "Text", "Title"),),
        ("/given.png",),
    )
    conversation = kept.begin("When?")
    told = kept.keep(conversation, turn)
    assert kept.turns(conversation) == [told]
    assert replace(told, id=0, asked=turn.asked) == turn


@pytest.mark.parametrize(
    "told",
    [
        answer(),
        answer(abstained=True),
        answer(Citation(1, "/a", "image", WholeLocator(), "A gull"), abstained=True),
        answer(Citation(1, "/a", "text", WholeLocator(), "Of May."), mode="llm"),
        replace(answer(), timings_ms={"search": 12.3, "total": 40.0}, sentences=()),
    ],
)
def test_every_kind_of_answer_comes_back(kept: Conversations, told: Answer) -> None:
    conversation = kept.begin("When?")
    kept.keep(conversation, Turn("When?", told))
    assert kept.turns(conversation)[0].answer == told


@given(st.text(st.characters(exclude_categories=["Cs"])), st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_comes_back(question: str, phrase: str) -> None:
    turn = quoting("/" + phrase, phrase, question)
    assert decoded(0, turn.asked.isoformat(), turn.question, *encoded(turn)) == turn


@pytest.mark.parametrize(
    "text", ["nul \0 in it", "half \ud83d of one", "'; DROP TABLE turns; --", "\u202eright to left", "😀" * 10_000]
)
def test_strange_texts_are_kept(kept: Conversations, text: str) -> None:
    conversation = kept.begin(text)
    kept.rename(conversation, text)
    kept.keep(conversation, quoting("/a", text, text))
    assert kept.turns(conversation)[0].question == text.replace("\ud83d", "\ufffd")
    assert json.dumps(kept.all()[0].title, ensure_ascii=False).encode()
    assert kept.markdown(conversation).encode()


# --- as Markdown -------------------------------------------------------------------------------


def test_a_conversation_as_markdown(kept: Conversations) -> None:
    conversation = kept.begin("When does it end?")
    told = answer(Citation(1, "/lease.pdf", "text", PageLocator(2), "It ends\nin May."))
    sentences = (*told.sentences, Sentence("So it is.", False))
    kept.keep(conversation, Turn("When does it\nend?", replace(told, sentences=sentences), given=("/a.png",)))
    abstained = answer(Citation(1, "/b.txt", "text", LinesLocator(1, 1), "Bees."), abstained=True)
    kept.keep(conversation, Turn("", replace(abstained, sentences=(Sentence("Not held.", False),))))
    text = kept.markdown(conversation)
    lines = [line for line in text.splitlines() if line and not line.startswith("Asked on ")]
    assert lines == [
        "# When does it end?",
        "## When does it end?",
        "With: /a.png",
        "It ends in May. [1]",
        "So it is. (not supported)",
        "1. lease.pdf, p. 2: “It ends in May.”",
        "## Search with a picture",
        "Not held.",
        "The nearest passages:",
        "1. b.txt, line 1: “Bees.”",
    ]
    assert text.count("Asked on 2") == 2 and text.endswith("\n") and not text.endswith("\n\n")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("![x](https://example.org/x.png)", r"!\[x\](https://example.org/x.png)"),
        ("<img src=x onerror=alert(1)>", r"\<img src=x onerror=alert(1)\>"),
        ("# no heading", r"\# no heading"),
        ("- no list\n- at all", r"\- no list - at all"),
        ("12. no list", r"12\. no list"),
        ("a_b *c* `d` ~~e~~ |f|", r"a\_b \*c\* \`d\` \~\~e\~\~ \|f\|"),
        ("", ""),
    ],
)
def test_no_text_is_markup(text: str, shown: str) -> None:
    assert plain(text) == shown


# --- what is gone ------------------------------------------------------------------------------


def test_what_was_quoted_from_a_document_that_is_gone_is_taken_out(tmp_path: Path) -> None:
    held = {"/a", "/b"}
    kept = Conversations(tmp_path / "conversations.sqlite", lambda paths: held.intersection(paths))
    conversation = kept.begin("When?")
    kept.keep(conversation, quoting("/a", "Zanzibär lies " * 500))
    stays = kept.keep(conversation, quoting("/b", "Of May."))
    assert kept.forget() == 0
    held.remove("/a")
    assert kept.forget() == 1
    turn, other = kept.turns(conversation)
    assert other == stays
    assert (turn.answer.text, turn.answer.sentences[0].text, turn.answer.citations[0].quote) == (GONE, GONE, "")
    assert turn.answer.citations[0].path == "/a" and turn.found == ()
    data = (tmp_path / "conversations.sqlite").read_bytes()
    assert "Zanzibär".encode() not in data and b"Zanzib" not in data
    assert kept.forget() == 0
    assert [path.name for path in tmp_path.iterdir()] == ["conversations.sqlite"]
    kept.close()


def test_what_went_while_the_answer_was_written_is_not_kept(tmp_path: Path) -> None:
    kept = Conversations(tmp_path / "conversations.sqlite", lambda _paths: ())
    conversation = kept.begin("When?")
    turn = kept.keep(conversation, quoting("/a", "Zanzibar lies."))
    assert turn.answer.text == GONE and kept.turns(conversation) == [turn]
    assert b"Zanzibar" not in (tmp_path / "conversations.sqlite").read_bytes()
    kept.close()


def test_a_sentence_that_joins_two_sources_goes_with_one_of_them() -> None:
    citations = tuple(Citation(n, f"/{n}", "text", WholeLocator(), f"quote {n}") for n in (1, 2))
    sentences = (Sentence("Both.", True, (1, 2)), Sentence("Two.", True, (2,)), Sentence("Nothing.", False))
    told = Answer("When?", "Both. Two. Nothing.", False, False, "llm", sentences, citations)
    left = without(Turn("When?", told), {"/1"}).answer
    assert [sentence.text for sentence in left.sentences] == [GONE, "Two.", GONE]
    assert [citation.quote for citation in left.citations] == ["", "quote 2"]
    assert left.text == f"{GONE} Two. {GONE}"
    abstained = answer(Citation(1, "/1", "text", WholeLocator(), "quote"), abstained=True, text="Not held.")
    assert without(Turn("When?", abstained), {"/1"}).answer.text == "Not held."
    assert without(Turn("When?", told), {"/3"}) == Turn("When?", told)


def test_a_document_that_moved_keeps_its_quotes(tmp_path: Path) -> None:
    held = {"/a", "/b"}
    kept = Conversations(tmp_path / "conversations.sqlite", lambda paths: held.intersection(paths))
    conversation = kept.begin("When?")
    kept.keep(conversation, replace(quoting("/a", "First."), given=("/a",)))
    kept.keep(conversation, quoting("/b", "Second."))
    held = {"/b", "/c"}
    assert kept.moved({"/b": "/c", "/a": "/b"}) == 2, "two moved at once, one to where the other lay"
    assert kept.forget() == 0
    turns = kept.turns(conversation)
    assert [turn.quoted for turn in turns] == [{"/b"}, {"/c"}]
    assert [turn.answer.text for turn in turns] == ["First.", "Second."]
    assert turns[0].given == ("/b",)
    kept.close()


def test_many_documents_are_looked_up_at_once(kept: Conversations) -> None:
    conversation = kept.begin("When?")
    found = tuple(Found(f"/{number}", "text", WholeLocator(), "x") for number in range(1200))
    kept.keep(conversation, Turn("When?", answer(), found))
    assert kept.moved({f"/{number}": f"/new/{number}" for number in range(1200)}) == 1
    assert all(path.startswith("/new/") for path in kept.turns(conversation)[0].quoted)


# --- several at once ---------------------------------------------------------------------------


def keep_some(path: Path, conversation: int, count: int) -> None:
    kept = Conversations(path, everything)
    for number in range(count):
        kept.begin(f"{os.getpid()} {number}")
        kept.keep(conversation, quoting("/a", f"{os.getpid()} {number}"))
    kept.close()


def test_two_processes_keep_at_once(kept: Conversations, tmp_path: Path) -> None:
    conversation = kept.begin("When?")
    context = multiprocessing.get_context("spawn")
    arguments = (tmp_path / "conversations.sqlite", conversation, 15)
    others = [context.Process(target=keep_some, args=arguments) for _ in range(2)]
    for each in others:
        each.start()
    while any(each.is_alive() for each in others):
        kept.turns(conversation)
        kept.forget()
    for each in others:
        each.join()
        assert each.exitcode == 0
    assert len(kept.turns(conversation)) == 30 and len(kept.all()) == 31


def test_two_begin_the_file_at_once(tmp_path: Path) -> None:
    several = [Conversations(tmp_path / "conversations.sqlite", everything) for _ in range(8)]
    threads = [threading.Thread(target=each.begin, args=("When?",)) for each in several]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(several[0].all()) == 8
    for each in several:
        each.close()


def test_another_process_that_keeps_the_file_locked_is_told(
    kept: Conversations, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assistant.conversations._WAIT_S", 0.05)
    kept.begin("When?")
    kept.close()
    other = sqlite3.connect(tmp_path / "conversations.sqlite", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    for call in (lambda: kept.begin("Where?"), kept.all):
        with pytest.raises(LibraryInUse, match="try again"):
            call()
    other.execute("ROLLBACK")
    other.close()
    assert [each.title for each in kept.all()] == ["When?"]


# --- disks and files that refuse ---------------------------------------------------------------


STOPS = Path(__file__).parents[1] / "stops"
linux = pytest.mark.skipif(sys.platform != "linux", reason="LD_PRELOAD as Linux has it")
REFUSED = """
import errno, json, sys
from pathlib import Path
from tries import FAIL, READ_ONLY, Shim
from assistant.conversations import Conversations
from indexers.errors import LocusError

folder, mode = Path(sys.argv[1]), {"full": FAIL, "read-only": READ_ONLY}[sys.argv[2]]
shim = Shim()
shim.arm(folder, mode, 0, folder.parent, {FAIL: errno.ENOSPC, READ_ONLY: errno.EROFS}[mode])
kept = Conversations(folder / "conversations.sqlite", lambda paths: paths)
told = [[each.title for each in kept.all()], [turn.question for turn in kept.turns(1)], kept.forget(), kept.problems()]
gone = Conversations(folder / "conversations.sqlite", lambda paths: ())
turn = kept.turns(1)[0]
for change in (
    lambda: kept.begin("x"),
    lambda: kept.rename(1, "x"),
    lambda: kept.delete(1),
    lambda: kept.keep(1, turn),
    gone.forget,
):
    try:
        change()
        told.append("done")
    except LocusError as error:
        told.append(f"{type(error).__name__}: {error}")
shim.disarm()
print(json.dumps(told))
"""


@linux
@pytest.mark.parametrize(("disk", "reason"), [("read-only", "it is read-only; make it"), ("full", "the disk is full;")])
def test_a_disk_that_refuses_is_told_and_what_was_kept_stays(
    kept: Conversations, tmp_path: Path, shim: dict[str, str], disk: str, reason: str
) -> None:
    turn = kept.keep(kept.begin("When?"), quoting("/a", "Of May."))
    kept.close()
    done = subprocess.run(
        [sys.executable, "-c", REFUSED, str(tmp_path), disk],
        capture_output=True,
        text=True,
        check=True,
        env={**shim, "PYTHONPATH": os.pathsep.join([str(STOPS), str(STOPS.parents[1])])},
    )
    titles, questions, forgotten, problems, *refused = json.loads(done.stdout)
    assert (titles, questions, forgotten, problems) == (["When?"], ["When does it end?"], 0, [])
    assert len(refused) == 5
    for line in refused:
        assert line.startswith("NotWritten: ") and reason in line and "\n" not in line
    assert kept.turns(1) == [turn] and [each.title for each in kept.all()] == ["When?"]


def test_a_disk_that_becomes_full_is_told_and_goes_on_when_there_is_room(kept: Conversations, tmp_path: Path) -> None:
    conversation = kept.begin("When?")
    kept.keep(conversation, quoting("/a", "Of May."))
    db = kept._opened()
    pages = db.execute("PRAGMA page_count").fetchone()[0]
    db.execute(f"PRAGMA max_page_count = {pages}")  # what SQLite says then is what it says of a full disk
    with pytest.raises(NotWritten, match="the disk is full; make room and try again"):
        kept.keep(conversation, quoting("/a", "x" * 100_000))
    assert len(kept.turns(conversation)) == 1
    db.execute("PRAGMA max_page_count = 1000000")
    kept.keep(conversation, quoting("/a", "x" * 100_000))
    assert len(kept.turns(conversation)) == 2 and kept.problems() == []


DAMAGED = {
    "text": b"A text, and no database at all.\n" * 100,
    "cut": None,
    "zeros": b"\0" * 8192,
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_a_damaged_file_is_told_in_one_line_with_the_way_out(kept: Conversations, tmp_path: Path, kind: str) -> None:
    conversation = kept.begin("When?")
    for number in range(40):
        kept.keep(conversation, quoting("/a", f"{number} " * 1000))
    kept.close()
    path = tmp_path / "conversations.sqlite"
    whole = path.read_bytes()
    path.write_bytes(DAMAGED[kind] or whole[: len(whole) // 3])
    calls = (kept.all, lambda: kept.turns(conversation), lambda: kept.begin("Where?"), kept.forget)
    told: list[str] = []
    for call in calls:
        try:
            call()
        except LibraryBroken as error:
            told.append(str(error))
    assert told and all("move this file away" in line and str(path) in line and "\n" not in line for line in told)
    assert kept.problems()
    path.rename(tmp_path / "away")
    assert kept.all() == [] and kept.begin("Anew?") and [each.title for each in kept.all()] == ["Anew?"]


@pytest.mark.parametrize("answer_", ["{", "{}", '{"sentences": 3}', "[]", "null"])
def test_a_damaged_turn_is_told(kept: Conversations, tmp_path: Path, answer_: str) -> None:
    conversation = kept.begin("When?")
    kept.keep(conversation, quoting("/a", "Of May."))
    kept.close()
    with sqlite3.connect(tmp_path / "conversations.sqlite") as db:
        db.execute("UPDATE turns SET answer=?", (answer_,))
    db.close()
    with pytest.raises(LibraryBroken, match="are damaged; move this file away"):
        kept.turns(conversation)
    assert kept.problems() and len(kept.all()) == 1


def test_a_file_of_a_later_version_is_left_alone(kept: Conversations, tmp_path: Path) -> None:
    kept.begin("When?")
    kept.close()
    with sqlite3.connect(tmp_path / "conversations.sqlite") as db:
        db.execute("PRAGMA user_version = 9")
    db.close()
    with pytest.raises(LibraryBroken, match="a later version of Locus"):
        kept.all()


def test_a_file_that_was_moved_away_is_begun_anew(kept: Conversations, tmp_path: Path) -> None:
    kept.begin("When?")
    (tmp_path / "conversations.sqlite").rename(tmp_path / "away")
    assert kept.all() == []
    kept.begin("Where?")
    assert [each.title for each in kept.all()] == ["Where?"]


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    kept = Conversations(tmp_path / "no such" / "conversations.sqlite", everything)
    assert kept.all() == []
    with pytest.raises((NotWritten, LibraryBroken)):
        kept.begin("When?")


# --- with a library ----------------------------------------------------------------------------

PHRASE = "zanzibarphrase"


@pytest.fixture
def files(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "gone.txt").write_text(f"The {PHRASE} of Anna is a ferry ticket.")
    (folder / "stays.txt").write_text("The lease of the mill ends in May.")
    return folder


@pytest.fixture
def locus(tmp_path: Path, files: Path) -> Iterator[Assistant]:
    with Assistant(tmp_path / "library", llm="none") as made:
        made.add(files)
        ask(made, "What is a ferry ticket of Anna?", files / "gone.txt")
        yield made


def ask(locus: Assistant, question: str, path: Path) -> int:
    conversation = locus.conversations.begin(question)
    told = locus.ask(question)
    assert [citation.path for citation in told.citations] == [str(path)]
    hits = locus.search(question, k=1)
    locus.conversations.keep(conversation, Turn(question, told, tuple(map(Found.of, hits))))
    assert PHRASE in locus.conversations.markdown(conversation)
    return conversation


def held(root: Path) -> list[str]:
    """Files of the library in whose bytes the phrase is."""
    return [path.name for path in sorted(root.rglob("*")) if path.is_file() and PHRASE.encode() in path.read_bytes()]


def one(locus: Assistant) -> Conversation:
    (each,) = locus.conversations.all()
    return each


def test_removing_a_document_takes_its_words_out_of_conversations(locus: Assistant, files: Path) -> None:
    assert "conversations.sqlite" in held(files.parent / "library")
    locus.remove(files / "gone.txt")
    assert GONE in locus.conversations.markdown(one(locus).id).replace("\\", "")
    assert held(files.parent / "library") == []


def test_adding_a_folder_from_which_a_document_is_gone_does_so_too(locus: Assistant, files: Path) -> None:
    (files / "gone.txt").unlink()
    locus.add(files)
    assert held(files.parent / "library") == []


def test_watching_does_so_too(locus: Assistant, files: Path) -> None:
    told = threading.Event()
    with locus.watch(files, on_report=lambda _report: told.set()):
        (files / "gone.txt").unlink()
        assert told.wait(30)
        assert PHRASE not in locus.conversations.markdown(one(locus).id)


def test_a_moved_document_keeps_its_words(locus: Assistant, files: Path) -> None:
    (files / "gone.txt").rename(files / "moved.txt")
    report = locus.add(files)
    assert [file.was for file in report.files if file.change == "moved"] == [str(files / "gone.txt")]
    (turn,) = locus.conversations.turns(one(locus).id)
    assert turn.quoted == {str(files / "moved.txt")} and PHRASE in turn.answer.text


def test_compacting_clears_what_an_interrupted_removal_has_left(locus: Assistant, files: Path) -> None:
    locus._parts.pipeline.remove([files / "gone.txt"])
    assert "conversations.sqlite" in held(files.parent / "library")
    assert locus.doctor(compact=True) == []
    assert held(files.parent / "library") == []


def test_damaged_conversations_do_not_keep_files_from_being_added(locus: Assistant, files: Path) -> None:
    path = files.parent / "library" / "conversations.sqlite"
    locus.conversations.close()
    path.write_bytes(b"No database. " * 1000)
    (files / "new.txt").write_text("The bees live behind the barn.")
    assert locus.add(files).count("added") == 1
    assert [line for line in locus.doctor() if "move this file away" in line]
    with pytest.raises(LibraryBroken, match="move this file away"):
        locus.remove(files / "new.txt")


def test_a_library_without_conversations_stays_without(tmp_path: Path, files: Path) -> None:
    with Assistant(tmp_path / "library", llm="none") as locus:
        locus.add(files)
        locus.remove(files / "gone.txt")
        assert locus.doctor(repair=True, compact=True) == [] and locus.conversations.all() == []
    assert not (tmp_path / "library" / "conversations.sqlite").exists()


def test_nothing_is_read_where_nothing_is_gone(kept: Conversations, monkeypatch: pytest.MonkeyPatch) -> None:
    kept.keep(kept.begin("When?"), quoting("/a", "Of May."))
    monkeypatch.setattr("assistant.conversations.decoded", None)
    assert kept.forget() == 0
