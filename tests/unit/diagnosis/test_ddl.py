"""A name is never more than a name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stanch.diagnosis import ddl
from stanch.diagnosis.lexer import Kind, tokens
from stanch.model.postgres import IndexShape

EVIL = [
    'x"; DROP TABLE patients; --',
    "x'); --",
    'a" ON b',
    "--",
    "/*",
    "naïve name",
    "Select",
    "select",
    "1st",
    "a.b",
    "$$",
    '"""',
    "\t",
    "users\nWHERE",
    "😀",
]
ANY_NAME = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1)
NAMES = st.one_of(st.sampled_from(EVIL), ANY_NAME)


@given(NAMES)
def test_a_quoted_name_is_one_token_that_says_the_name(name: str) -> None:
    (token,) = tokens(ddl.identifier(name))
    assert token.kind in {Kind.QUOTED, Kind.WORD}
    assert (token.text[1:-1].replace('""', '"') if token.kind is Kind.QUOTED else token.text) == name


@pytest.mark.parametrize("name", ["", "a\0b"])
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="not a name"):
        ddl.identifier(name)


def test_plain_names_are_left_readable() -> None:
    shape = IndexShape(schema="public", table="appointments", columns=("doctor_id", "appointment_date"))
    assert ddl.create_index(shape, "by_day") == (
        "CREATE INDEX CONCURRENTLY by_day ON public.appointments (doctor_id, appointment_date)"
    )
    assert ddl.drop_index("public", "by_day") == "DROP INDEX CONCURRENTLY IF EXISTS public.by_day"


@given(NAMES, st.lists(NAMES, min_size=1, max_size=4), st.integers(0, 3))
def test_an_index_name_fits_and_is_not_taken(table: str, columns: list[str], taken: int) -> None:
    shape = IndexShape(schema="public", table=table, columns=tuple(columns))
    names: set[str] = set()
    for _ in range(taken + 1):
        name = ddl.index_name(shape, names)
        assert name not in names
        assert 0 < len(name.encode()) <= 63
        names.add(name)


def test_long_names_that_differ_late_stay_apart() -> None:
    names = {
        ddl.index_name(IndexShape(schema="s", table="t" * 50, columns=("c" * 40 + end,)), ()) for end in ("a", "b")
    }
    assert len(names) == 2
