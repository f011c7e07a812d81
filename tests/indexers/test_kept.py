"""What is kept of a file: both ends of it, without a process between them."""

import pytest

from indexers.kept import KEPT, KEPT_ANEW, PARSED, REST, Keeper, Kept
from indexers.parsed_codec import decode_parsed
from indexers.types import Block, PageLocator, Parsed, Piece


def page(number: int) -> Block:
    return Block((Piece(f"page {number}", PageLocator(number, ((0.0, 0.1, 1.0, 0.2),))),), ("Part",), "head")


class Pipe:
    """A keeper whose messages go straight to the other end."""

    def __init__(self) -> None:
        self.kept = Kept()
        self.messages: list[tuple[bytes, bytes]] = []
        self.keep = Keeper(self.send)

    def send(self, kind: bytes, body: bytes) -> None:
        self.messages.append((kind, body))
        self.kept.take(kind, body)

    def answered(self, parsed: Parsed) -> tuple[bytes, Parsed]:
        kind, body = self.keep.answer(parsed)
        return kind, self.kept.with_rest(body) if kind == REST else decode_parsed(body)


def test_each_block_is_sent_once_and_the_answer_is_whole() -> None:
    pipe, blocks = Pipe(), list[Block]()
    for number in (1, 2, 3):
        blocks.append(page(number))
        pipe.keep(blocks, number / 4, f"page {number} of 4")
    whole = Parsed((*blocks, page(4)), "Title", {"author": "A"}, coverage=0.9, notes=("a note",), unread=("pictures",))
    kind, body = pipe.keep.answer(whole)
    assert kind == REST
    assert decode_parsed(body).blocks == (page(4),)
    assert pipe.answered(whole) == (REST, whole)
    sent = [decode_parsed(body).blocks for _, body in pipe.messages]
    assert sent == [(page(1),), (page(2),), (page(3),)]


def test_blocks_that_come_out_otherwise_in_the_end_replace_those_that_were_kept() -> None:
    pipe, blocks = Pipe(), [page(1), page(2)]
    pipe.keep(blocks, 0.5)
    for final in (Parsed((page(1), page(2))), Parsed((blocks[0],)), Parsed((blocks[1], blocks[0])), Parsed(())):
        assert pipe.answered(final) == (PARSED, final)


def test_a_parser_that_begins_again_takes_back_what_it_gave() -> None:
    pipe, again = Pipe(), [page(7)]
    pipe.keep([page(1), page(2)], 0.9, "page 2")
    pipe.keep(again, 0.1, "page 7")
    assert [kind for kind, _ in pipe.messages] == [KEPT, KEPT_ANEW]
    partial = pipe.kept.partial("it broke", "text")
    assert partial is not None
    assert (partial.blocks, partial.coverage) == ((page(7),), 0.1)
    assert pipe.answered(Parsed((*again, page(8)))) == (REST, Parsed((page(7), page(8))))


def test_what_is_kept_says_how_far_it_goes_and_what_is_left_out() -> None:
    pipe = Pipe()
    pipe.keep([page(1)], 0.25, "page 1 of 4")
    assert pipe.kept.partial("it took too long", "pdf") == Parsed(
        (page(1),),
        coverage=0.25,
        notes=("it took too long", "what was read up to page 1 of 4 is kept", "its pictures were not looked at"),
    )
    pipe.keep([page(1)], 7.0)
    partial = pipe.kept.partial("it took too long", "mkv")
    assert partial is not None
    assert partial.coverage == 1.0
    assert partial.notes[1:] == ("what was read before is kept", "it was not listened to", *partial.notes[3:])


def test_nothing_is_kept_of_nothing() -> None:
    pipe = Pipe()
    assert pipe.kept.partial("it broke", "pdf") is None
    pipe.keep([], 0.5, "page 1 of 2")
    pipe.keep([Block(())], 0.5, "page 1 of 2")
    assert pipe.kept.partial("it broke", "pdf") is None
    assert pipe.answered(Parsed((page(1),))) == (PARSED, Parsed((page(1),)))


def test_only_so_much_is_kept_and_the_answer_is_whole_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("indexers.kept._MOST_BYTES", 500)
    pipe, blocks = Pipe(), list[Block]()
    for number in range(1, 101):
        blocks.append(page(number))
        pipe.keep(blocks, number / 100)
    assert sum(len(body) for _, body in pipe.messages) < 1000
    assert pipe.answered(Parsed(tuple(blocks))) == (REST, Parsed(tuple(blocks)))


def test_what_makes_no_sense_ends_what_is_believed() -> None:
    pipe, first, second = Pipe(), page(1), page(2)
    pipe.keep([first], 0.25, "page 1 of 4")
    pipe.kept.take(KEPT, b"\x80\x04cos\nsystem\n")
    pipe.keep([first, second], 0.5, "page 2 of 4")
    partial = pipe.kept.partial("it broke", "text")
    assert partial is not None
    assert partial.blocks == (page(1),)
    assert partial.notes[1] == "what was read up to page 1 of 4 is kept"
    with pytest.raises(ValueError, match="not an encoded Parsed"):
        pipe.kept.with_rest(b"")
