"""Lines of text in pictures as blocks with their places."""

from indexers.seen import blocks_of, merged, place_in
from indexers.types import (
    Block,
    PageLocator,
    Piece,
    RegionLocator,
    SectionLocator,
    SlideLocator,
    TextLine,
    TimeLocator,
    WholeLocator,
)

A4 = (1000, 700)


def lines(*rows: tuple[str, float, float]) -> list[TextLine]:
    """Lines of text from (text, top, right edge), 2 % of the page high, all beginning at a tenth."""
    return [TextLine(text, (0.1, top, right, top + 0.02), 0.9) for text, top, right in rows]


def texts(blocks: list[Block]) -> list[list[str]]:
    return [[piece.text for piece in block.pieces] for block in blocks]


def test_prose_is_joined_over_its_lines_and_parted_at_gaps() -> None:
    page = lines(
        ("The insurer pays for damage by water up to", 0.10, 0.9),
        ("the sum that was agreed, but not for any", 0.125, 0.88),
        ("damage by frost.", 0.15, 0.4),
        ("The deductible is two hundred euros for every", 0.25, 0.9),
        ("case of damage.", 0.275, 0.35),
    )
    blocks = blocks_of(page, PageLocator(2), A4)
    assert texts(blocks) == [[line.text for line in page[:3]], [line.text for line in page[3:]]]
    assert blocks[0].pieces[1].locator == PageLocator(2, (page[1].box,))


def test_lines_of_a_receipt_stay_by_themselves() -> None:
    receipt = lines(("BREAD 2.40", 0.10, 0.5), ("MILK 1.20", 0.125, 0.5), ("TOTAL 3.60", 0.15, 0.5))
    blocks = blocks_of(receipt, WholeLocator(), A4)
    assert texts(blocks) == [["BREAD 2.40"], ["MILK 1.20"], ["TOTAL 3.60"]]
    assert blocks[2].pieces[0].locator == RegionLocator(receipt[2].box)


def test_a_box_in_a_figure_of_a_page_is_a_box_of_the_page() -> None:
    figure = PageLocator(4, ((0.5, 0.2, 0.9, 0.6),))
    assert place_in(figure, (0.0, 0.5, 1.0, 1.0)) == PageLocator(4, ((0.5, 0.4, 0.9, 0.6),))
    assert place_in(SlideLocator(3), (0, 0, 1, 1)) == SlideLocator(3)
    assert place_in(TimeLocator(1, 2), (0, 0, 1, 1)) == TimeLocator(1, 2)


def test_text_on_the_screen_of_a_film_is_kept_apart_from_what_is_said() -> None:
    [block] = blocks_of(lines(("Sluice repair", 0.1, 0.4)), TimeLocator(0, 5), A4)
    assert block.headings == ("on screen",)


def block(text: str, place: PageLocator | SlideLocator | SectionLocator, *headings: str) -> Block:
    return Block((Piece(text, place),), headings)


def test_pages_seen_stand_among_the_pages_read() -> None:
    read = [block("one", PageLocator(1)), block("three", PageLocator(3)), block("three b", PageLocator(3))]
    seen = [block("two", PageLocator(2)), block("figure on three", PageLocator(3))]
    assert texts(merged(read, seen)) == [["one"], ["two"], ["three"], ["three b"], ["figure on three"]]


def test_pictures_of_a_section_follow_its_text_and_others_come_last() -> None:
    first, second = SectionLocator(("A",)), SectionLocator(("B",))
    read = [block("a1", first, "A"), block("a2", first, "A"), block("b", second, "B")]
    seen = [block("in a", first, "A"), block("also a", first, "A"), block("of c", SectionLocator(("C",)), "C")]
    assert texts(merged(read, seen)) == [["a1"], ["a2"], ["in a"], ["also a"], ["b"], ["of c"]]
    assert merged(read, []) == read


def test_no_lines_give_no_blocks() -> None:
    assert blocks_of([], WholeLocator(), A4) == []


def test_a_ring_that_was_taken_for_a_letter_is_no_text() -> None:
    assert blocks_of(lines(("O", 0.1, 0.2)), WholeLocator(), A4) == []
    assert blocks_of(lines(("EXIT", 0.1, 0.2)), WholeLocator(), A4) != []
