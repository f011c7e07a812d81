"""What is said about pictures by people is kept, what programs put in its place is not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexers.parsers.alt_text import alt_texts


@pytest.mark.parametrize(
    "text",
    [
        "IMG_2034.jpg",
        "image1",
        "Picture 3",
        "Grafik 12",
        "DSC_0001",
        "P1010023",
        "20240501_120000",
        "Screenshot 2024-05-01 at 10.00.00.png",
        "photo",
        "2f9a-b.webp?width=300",
        "https://example.org/a/b.png",
        "C:\\My Pictures\\a b.png",
        "A picture containing text\n\nDescription automatically generated",
        "A screenshot of a computer\n\nAI-generated content may be incorrect.",
        "Ein Bild, das Text enthält.\n\nAutomatisch generierte Beschreibung",
        "Une image contenant texte. Description générée automatiquement avec une confiance moyenne",
        "Image may contain: 2 people",
        "***",
        " ",
    ],
)
def test_what_programs_put_there_is_left_out(text):
    assert alt_texts(text) == []


@pytest.mark.parametrize(
    "text",
    ["A red bicycle", "Logo of the Red Cross", "Image of a dog", "Figure 3: Sales", "2019 sales", "π", "See a.png"],
)
def test_what_people_wrote_is_kept(text):
    assert alt_texts(text) == [text]


def test_nothing_is_said_twice():
    assert alt_texts("A red bicycle", "a red  bicycle") == ["A red bicycle"]
    assert alt_texts("bicycle", "A red bicycle") == ["A red bicycle"]
    assert alt_texts("A red bicycle", "In front of the shop") == ["A red bicycle", "In front of the shop"]


@given(st.lists(st.text(max_size=60), max_size=3))
def test_lines_are_single_and_clean(texts):
    for line in alt_texts(*texts):
        assert line == " ".join(line.split()) != ""
