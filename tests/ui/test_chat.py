"""A question from the text box to the answer, as the states that are shown; with a fake language model."""

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from assistant import Assistant, ModelMissing
from indexers.lock import WriterLock
from ui.chat import Chat, Live
from ui.given import Given
from ui.work import Work

DATA = Path(__file__).parents[2] / "data" / "library"
LEASE = "When does our water lease end?"


def has_ended(state: Live) -> bool:
    """Whether nothing more comes of a question."""
    return state.turn is not None or state.stopped or bool(state.error) or not state.doing


async def states(chat: Chat, given: Given, conversation: int = 0, stop: threading.Event | None = None) -> list[Live]:
    return [state async for state in chat.ask(given, conversation, stop or threading.Event())]


def asked(locus: Assistant, *questions: str) -> list[list[Live]]:
    """All states of each question, one after the other in one conversation."""

    async def run() -> list[list[Live]]:
        chat, conversation = Chat(locus, Work(locus)), locus.conversations.begin(questions[0])
        return [await states(chat, Given(question), conversation) for question in questions]

    return asyncio.run(run())


def test_it_says_what_it_does_streams_the_draft_and_keeps_the_checked_answer(written_by: Any) -> None:
    draft = "The lease ends on 28 September 2046 [1]. It was signed by Napoleon [1]."
    with written_by(lambda _: draft) as locus:
        [shown] = asked(locus, LEASE)
        doing = [state.doing for state in shown]
        assert doing[0] == "Searching"
        assert doing[1].startswith("Reading 8 passages from ")
        assert any(state.draft for state in shown)
        turn = shown[-1].turn
        assert turn is not None and has_ended(shown[-1])
        assert [has_ended(state) for state in shown[:-1]] == [False] * (len(shown) - 1)
        assert "2046" in turn.answer.text and "Napoleon" not in turn.answer.text
        assert turn.answer.mode == "llm"
        assert len(turn.found) == 8
        [conversation] = locus.conversations.all()
        assert locus.conversations.turns(conversation.id) == [turn]


def test_a_follow_up_leans_on_what_was_asked_before_in_the_same_conversation(written_by: Any) -> None:
    with written_by(lambda _: "") as locus:
        first, second = asked(locus, "How much money did the open days bring in in 2024?", "And in 2023?")
        assert first[-1].turn is not None and second[-1].turn is not None
        assert second[-1].turn.answer.question == "How much money did the open days bring in in 2023?"
        assert second[-1].turn.question == "And in 2023?"
        [other] = asked(locus, "And in 2023?")
        assert other[-1].turn is not None
        assert other[-1].turn.answer.question == "And in 2023?"


def test_stopping_ends_the_model_within_a_token_and_keeps_nothing(written_by: Any) -> None:
    with written_by(lambda _: "word " * 5000) as locus:
        locus._parts._settings  # noqa: B018
        stop, chat = threading.Event(), Chat(locus, Work(locus))
        conversation = locus.conversations.begin(LEASE)

        async def run() -> list[Live]:
            shown = []
            async for state in chat.ask(Given(LEASE), conversation, stop):
                shown.append(state)
                if state.draft:
                    stop.set()
            return shown

        shown = asyncio.run(run())
        assert shown[-1].stopped and shown[-1].turn is None
        written = locus._parts.llm.written
        assert len(written) < 5000
        assert locus.conversations.turns(conversation) == []


def test_who_leaves_stops_what_was_asked_and_the_next_is_served(written_by: Any) -> None:
    with written_by(lambda _: "word " * 200) as locus:
        chat, conversation = Chat(locus, Work(locus)), locus.conversations.begin(LEASE)

        async def run() -> tuple[threading.Event, list[Live]]:
            stop = threading.Event()
            leaving: AsyncIterator[Live] = chat.ask(Given(LEASE), conversation, stop)
            async for state in leaving:
                if state.doing.startswith("Reading"):
                    break
            await leaving.aclose()  # type: ignore[attr-defined]
            return stop, await asyncio.wait_for(states(chat, Given("Who freed the hatch?"), conversation), 30)

        stop, shown = asyncio.run(run())
        assert stop.is_set()
        assert shown[-1].turn is not None


def test_ten_questions_at_once_are_answered_one_after_the_other_in_their_order(written_by: Any) -> None:
    with written_by(lambda _: "") as locus:
        chat = Chat(locus, Work(locus))
        questions = [f"What happened in {year}?" for year in range(2015, 2025)]
        ended: list[str] = []

        async def one(question: str) -> list[Live]:
            shown = await states(chat, Given(question), locus.conversations.begin(question))
            ended.append(question)
            return shown

        async def run() -> list[list[Live]]:
            return await asyncio.gather(*map(one, questions))

        told = asyncio.run(run())
        assert ended == questions
        assert all(shown[-1].turn is not None for shown in told)
        assert told[9][0].doing == "Waiting for 9 questions before this"
        assert told[1][0].doing == "Waiting for 1 question before this"


def test_what_goes_wrong_is_told_in_a_line(own_copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object, **__: object) -> Any:
        raise ModelMissing("there is no language model; run: locus models pull X")

    with Assistant(own_copy, llm="none") as locus:
        monkeypatch.setattr(locus, "stream", missing)
        [shown] = asked(locus, LEASE)
        assert shown[-1].error.startswith("there is no language model; run: locus models pull X")
        assert has_ended(shown[-1])
        deleted = locus.conversations.all()[0].id
        locus.conversations.delete(deleted)
        monkeypatch.undo()
        shown = asyncio.run(states(Chat(locus, Work(locus)), Given(LEASE), deleted))
        assert "deleted" in shown[-1].error


def test_a_file_that_comes_with_a_question_is_added_and_the_question_is_about_it(
    written_by: Any, tmp_path: Path
) -> None:
    note = tmp_path / "lease of the shed.txt"
    note.write_text("The lease of the shed ends on 3 March 2031.\n")
    with written_by(lambda _: "") as locus:
        chat, conversation = Chat(locus, Work(locus)), locus.conversations.begin("q")
        shown = asyncio.run(states(chat, Given("When does the lease end?", (note,)), conversation))
        turn = shown[-1].turn
        assert shown[0].doing == "Taking files in"
        assert shown[-1].added == ("lease of the shed.txt is in the library now, 1 passage",)
        assert turn is not None and turn.given == ("lease of the shed.txt",)
        assert "3 March 2031" in turn.answer.text
        assert {Path(citation.path).name for citation in turn.answer.citations} == {note.name}
        # Without a question, it is only added.
        other = tmp_path / "other.txt"
        other.write_text("Another note.")
        shown = asyncio.run(states(chat, Given("", (other,)), conversation))
        assert shown[-1].added and shown[-1].turn is None and has_ended(shown[-1])
        bad = tmp_path / "bad.pdf"
        bad.write_bytes(b"%PDF-1.4 no more")
        shown = asyncio.run(states(chat, Given("", (bad,)), conversation))
        assert "could not be read" in shown[-1].added[0]
        assert shown[-1].added[0].endswith("have it read again in the Library tab.")


def test_files_that_can_not_be_taken_in_now_say_so_and_stopping_stops_that(written_by: Any, tmp_path: Path) -> None:
    note = tmp_path / "note.txt"
    note.write_text("A note.")
    with written_by(lambda _: "") as locus, WriterLock(locus.settings.library / "lock").hold():
        chat, conversation = Chat(locus, Work(locus)), locus.conversations.begin("q")

        async def run() -> list[Live]:
            shown, stop = [], threading.Event()
            async for state in chat.ask(Given("What is noted?", (note,)), conversation, stop):
                shown.append(state)
                if state.doing.startswith("Waiting until another program"):
                    stop.set()
            return shown

        shown = asyncio.run(asyncio.wait_for(run(), 30))
        assert shown[-1].stopped and shown[-1].turn is None
        assert locus.conversations.turns(conversation) == []


def test_who_stops_while_others_are_before_does_not_wait_for_them(written_by: Any) -> None:
    with written_by(lambda _: "word " * 5000) as locus:
        chat = Chat(locus, Work(locus))
        first, second = threading.Event(), threading.Event()

        async def run() -> list[Live]:
            before = asyncio.create_task(states(chat, Given(LEASE), locus.conversations.begin("a"), first))
            await asyncio.sleep(0.1)
            shown = []
            async for state in chat.ask(Given("Who?"), locus.conversations.begin("b"), second):
                shown.append(state)
                second.set()
            assert not before.done()
            first.set()
            await before
            return shown

        shown = asyncio.run(asyncio.wait_for(run(), 30))
        assert [state.stopped for state in shown][-1] and shown[0].doing == "Waiting for 1 question before this"


def test_a_picture_finds_places_and_claims_nothing(own_copy: Path) -> None:
    with Assistant(own_copy, llm="none") as locus:
        chat, conversation = Chat(locus, Work(locus)), locus.conversations.begin("q")
        # Without an image model what is written in the picture leads on.
        shown = asyncio.run(states(chat, Given("", picture=DATA / "visitors-2024.png"), conversation))
        turn = shown[-1].turn
        assert turn is not None and turn.answer.sentences == ()
        assert turn.answer.citations[0].path.endswith("visitors-2024.png")
        assert locus.conversations.turns(conversation)[0].answer.citations == turn.answer.citations
        shown = asyncio.run(states(chat, Given("", picture=DATA / "water-lease.pdf"), conversation))
        assert "is no picture" in shown[-1].error
