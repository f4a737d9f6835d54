"""Rows as text."""

from hypothesis import given
from hypothesis import strategies as st

from stanch.response.text_table import Rows, aligned


def test_numbers_stand_right_and_null_is_empty() -> None:
    answer = Rows(columns=("relname", "seq_scan"), rows=(("appointments", 124590), ("doctors", None)))
    assert aligned(answer) == (
        "relname      | seq_scan\n-------------+---------\nappointments |   124590\ndoctors      |\n(2 rows)"
    )


def test_no_rows_and_more_rows_are_said() -> None:
    assert aligned(Rows(columns=("a",), rows=())) == "a\n-\n(0 rows)"
    assert aligned(Rows(columns=("a",), rows=((1,),), more=True)).endswith("(1 row, and more)")
    assert aligned(Rows(columns=(), rows=())) == "(0 rows)"


def test_a_long_cell_is_cut_and_line_breaks_are_spaces() -> None:
    text = aligned(Rows(columns=("query",), rows=(("SELECT\n  1 " + "x" * 200,),)))
    assert len(text.splitlines()) == 4
    assert text.splitlines()[2].startswith("SELECT 1 x")
    assert text.splitlines()[2].endswith("…")


@given(st.lists(st.tuples(st.text(), st.none() | st.integers() | st.floats() | st.text()), max_size=6))
def test_any_values_give_a_table_of_as_many_lines(rows: list[tuple[object, ...]]) -> None:
    text = aligned(Rows(columns=("a", "b"), rows=tuple(rows)))
    assert len(text.split("\n")) == len(rows) + 3
