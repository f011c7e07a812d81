import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.rows import labelled


@pytest.mark.parametrize(
    ("header", "row", "told"),
    [
        ("Year | Open days | Total", "2024 | 2968 | 25840", "Year: 2024 · Open days: 2968 · Total: 25840"),
        ("Year | Open days | Total", "2024 |  | 25840", "Year: 2024 · Total: 25840"),
        ("name;age", "Ada;36", "name: Ada · age: 36"),
        ("name\tage", "Ada\t36", "name: Ada · age: 36"),
        ("a,b", '1,"x, y"', "a: 1 · b: x, y"),
        ("a,b", "1,2,3", "1,2,3"),
        ("one column", "its  value", "its value"),
        (" | Sum", "Flour | 12", "Flour · Sum: 12"),
    ],
)
def test_cells_stand_under_the_names_of_their_columns(header: str, row: str, told: str) -> None:
    assert labelled(header, row) == told


@given(st.text(max_size=60), st.text(max_size=60))
def test_no_row_is_refused(header: str, row: str) -> None:
    assert isinstance(labelled(header, row), str)
