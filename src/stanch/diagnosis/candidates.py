"""Indexes worth trying for one scan of a table, in an order that depends on nothing but the evidence.

Columns that are compared with one value come first, then those sorted by or ranged over. Among the first, columns of
date and time go last, since the same index then also serves their ranges; the rest in order of how many values they
have, the most first, then by name.
"""

from collections.abc import Iterable, Iterator

from stanch.diagnosis import estimate
from stanch.diagnosis.reading import Scan
from stanch.model.postgres import Index, IndexShape, Table
from stanch.model.record import record

MOST_COLUMNS = 4
MOST_CANDIDATES = 8


@record
class Candidate:
    """Indexes to try together: one, or one for each side of an OR. `equalities` counts the leading columns that are
    compared with one value; `ranged` and `sorted` tell what the column after them is for.
    """

    indexes: tuple[IndexShape, ...]
    equalities: int
    ranged: bool = False
    sorted: bool = False

    @property
    def width(self) -> int:
        return sum(len(index.columns) for index in self.indexes)


def candidates(scan: Scan, table: Table, avoided: frozenset[str]) -> tuple[Candidate, ...]:
    """At most 8 candidates without the `avoided` columns, none of which is served by an index that is there."""
    return tuple(dict.fromkeys(_unserved(_all(scan, table, avoided), table)))[:MOST_CANDIDATES]


def ordered(names: Iterable[str], table: Table) -> tuple[str, ...]:
    """Equality columns in the order that an index should have them; names that are no columns are left out."""

    def rank(name: str) -> tuple[bool, float, str]:
        column = table.column(name)
        values = None if column is None else estimate.distinct(column, table)
        return (column is not None and column.category == "D", -(values or 0.0), name)

    return tuple(sorted((name for name in dict.fromkeys(names) if table.column(name) is not None), key=rank))


def _all(scan: Scan, table: Table, avoided: frozenset[str]) -> Iterator[Candidate]:
    equal = ordered((name for name in scan.equalities if name not in avoided), table)
    joined = ordered((name for name in scan.joins if name not in avoided), table)
    ranged = tuple(name for name in scan.ranges if name not in avoided and table.column(name) is not None)
    sort = scan.sort if not avoided & set(scan.sort) and all(table.column(name) for name in scan.sort) else ()
    for fixed in _fixed(equal, joined, table):
        yield from _with_tail(fixed, ranged, sort, table)
    if not equal and not joined:
        yield from _with_tail((), ranged, sort if scan.limited else (), table)
    if scan.branches:
        branches = tuple(ordered((name for name in branch if name not in avoided), table) for branch in scan.branches)
        if all(branches):
            yield Candidate(
                indexes=tuple(dict.fromkeys(_shape(table, branch[:MOST_COLUMNS]) for branch in branches)),
                equalities=1,
            )


def _fixed(equal: tuple[str, ...], joined: tuple[str, ...], table: Table) -> Iterator[tuple[str, ...]]:
    """The columns with one value, the widest choice first: all, then each shorter beginning."""
    for length in range(min(len(equal), MOST_COLUMNS), 0, -1):
        yield equal[:length]
    if joined:
        # The inner side of a nested loop compares the joined column with one value at a time.
        both = ordered((*equal, *joined), table)
        for length in range(min(len(both), MOST_COLUMNS), 0, -1):
            yield both[:length]
        yield joined[:MOST_COLUMNS]


def _with_tail(
    fixed: tuple[str, ...], ranged: tuple[str, ...], sort: tuple[str, ...], table: Table
) -> Iterator[Candidate]:
    room = MOST_COLUMNS - len(fixed)
    tail = tuple(name for name in sort if name not in fixed)
    if fixed:
        yield Candidate(indexes=(_shape(table, fixed),), equalities=len(fixed))
    if tail and len(tail) <= room:
        yield Candidate(indexes=(_shape(table, fixed + tail),), equalities=len(fixed), sorted=True)
    for name in ranged:
        if room and name not in fixed:
            yield Candidate(indexes=(_shape(table, (*fixed, name)),), equalities=len(fixed), ranged=True)
        if tail and name not in tail and name not in fixed and len(tail) < room:
            yield Candidate(indexes=(_shape(table, (*fixed, *tail, name)),), equalities=len(fixed), sorted=True)


def _shape(table: Table, columns: tuple[str, ...]) -> IndexShape:
    return IndexShape(schema=table.schema, table=table.name, columns=columns)


def _unserved(found: Iterable[Candidate], table: Table) -> Iterator[Candidate]:
    for candidate in found:
        missing = tuple(
            shape
            for shape in candidate.indexes
            if serving(table, shape.columns, min(candidate.equalities, len(shape.columns))) is None
        )
        if missing:
            yield Candidate(
                indexes=missing,
                equalities=candidate.equalities,
                ranged=candidate.ranged,
                sorted=candidate.sorted,
            )


def serving(table: Table, columns: tuple[str, ...], equalities: int) -> Index | None:
    """A usable index that begins with these columns; the first `equalities` of them may be in any order."""
    return next(
        (index for index in table.indexes or () if _is_usable(index) and _begins(index, columns, equalities)), None
    )


def broken(table: Table, columns: tuple[str, ...], equalities: int) -> Index | None:
    """An index of this shape that is there and invalid: what an interrupted build leaves."""
    invalid = (index for index in table.indexes or () if not index.valid and not index.partial)
    return next((index for index in invalid if _begins(index, columns, equalities)), None)


def unique_lookup(table: Table, equalities: Iterable[str]) -> Index | None:
    """A unique index all of whose columns are compared with one value: the statement finds one row by it."""
    compared = set(equalities)
    unique = (index for index in table.indexes or () if index.unique and index.columns and _is_usable(index))
    return next((index for index in unique if compared.issuperset(index.columns)), None)


def _is_usable(index: Index) -> bool:
    return index.valid and index.ready and not index.partial and index.method == "btree"


def _begins(index: Index, columns: tuple[str, ...], equalities: int) -> bool:
    fixed = index.columns[:equalities]
    return set(fixed) == set(columns[:equalities]) and index.columns[equalities : len(columns)] == columns[equalities:]
