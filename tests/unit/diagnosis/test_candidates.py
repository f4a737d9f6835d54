"""Candidates depend on nothing but the evidence, and none is served already."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from stanch.diagnosis.candidates import MOST_COLUMNS, candidates, ordered, serving
from stanch.diagnosis.reading import Named, Scan
from stanch.model.postgres import Column, Index, Table

NAMES = ["a", "b", "c", "d", "e", "day"]


def column(name: str, distinct: float | None) -> Column:
    category = "D" if name == "day" else "N"
    return Column(name=name, type="integer", category=category, not_null=True, distinct=distinct, null_share=0.0)


def table(distinct: list[float | None], indexes: tuple[Index, ...] = ()) -> Table:
    columns = tuple(column(name, values) for name, values in zip(NAMES, distinct, strict=True))
    return Table(oid=1, schema="public", name="t", pages=50_000, rows=1e6, columns=columns, indexes=indexes)


DISTINCT = st.lists(st.one_of(st.none(), st.floats(1, 1e6), st.floats(-1, -0.001)), min_size=6, max_size=6)
USED = st.lists(st.sampled_from(NAMES), unique=True)
KEYS = st.lists(st.sampled_from(NAMES), min_size=1, max_size=3, unique=True).map(tuple)
INDEXES = st.lists(st.builds(Index, name=st.just("i"), columns=KEYS), max_size=3).map(tuple)
SCANS = st.builds(
    Scan,
    table=st.just(Named(schema=None, name="t")),
    equalities=USED.map(tuple),
    joins=USED.map(tuple),
    ranges=USED.map(tuple),
    sort=USED.map(tuple),
)


def test_days_go_last_then_the_most_values_then_the_name() -> None:
    known = table([10.0, 500.0, 500.0, -0.5, None, 1e5])
    assert ordered(["day", "a", "c", "b", "e", "d"], known) == ("d", "b", "c", "a", "e", "day")
    assert ordered(["day", "nowhere"], known) == ("day",)


@given(DISTINCT, INDEXES, SCANS, st.randoms())
def test_the_order_of_writing_changes_nothing(distinct, indexes, scan, random) -> None:
    known = table(distinct, indexes)
    first = candidates(scan, known, frozenset())
    equalities, joins = list(scan.equalities), list(scan.joins)
    random.shuffle(equalities)
    random.shuffle(joins)
    written_otherwise = replace(scan, equalities=tuple(equalities), joins=tuple(joins))
    assert candidates(written_otherwise, known, frozenset()) == first
    assert len(set(first)) == len(first)
    for candidate in first:
        for shape in candidate.indexes:
            assert 1 <= len(shape.columns) <= MOST_COLUMNS
            assert len(set(shape.columns)) == len(shape.columns)
            assert set(shape.columns) <= {*scan.equalities, *scan.joins, *scan.ranges, *scan.sort}
            assert serving(known, shape.columns, min(candidate.equalities, len(shape.columns))) is None


@given(DISTINCT, USED, st.sampled_from(NAMES))
def test_an_avoided_column_is_in_no_candidate(distinct, equal, avoided) -> None:
    scan = Scan(table=Named(schema=None, name="t"), equalities=tuple(equal), ranges=(avoided,))
    found = candidates(scan, table(distinct), frozenset({avoided}))
    assert all(avoided not in shape.columns for candidate in found for shape in candidate.indexes)


def test_an_index_serves_its_beginnings_in_any_order_of_equalities() -> None:
    known = table([1.0] * 6, (Index(name="i", columns=("b", "a", "day")),))
    assert serving(known, ("a", "b"), 2) is not None
    assert serving(known, ("a", "b", "day"), 2) is not None
    assert serving(known, ("a",), 1) is None
    assert serving(known, ("b", "day"), 1) is None
    for useless in (
        Index(name="i", columns=("a",), valid=False),
        Index(name="i", columns=("a",), partial=True),
        Index(name="i", columns=("a",), method="hash"),
        Index(name="i", columns=(None, "a")),
    ):
        assert serving(table([1.0] * 6, (useless,)), ("a",), 1) is None
