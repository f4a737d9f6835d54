"""What an index would bring and cost, from column statistics: honest where no planner can be asked.

Selectivities are PostgreSQL's own for values it does not know (manual, chapter 70.1; selfuncs.c): of an equality
(1 - null_frac) / n_distinct, of a range 0.5%.
"""

import math

from stanch.model.postgres import Column, Table

RANGE = 0.005
_PAGE = 8192
_TUPLE = 8 + 4
"""An index tuple's header and its line pointer, bytes."""
_FILL = 0.9
_BUILD_BYTES_PER_S = 230e6
"""Measured: CREATE INDEX CONCURRENTLY over 974 MB took 4.2 s on an idle server of 2 cores."""
BUSY_FACTOR = 16
"""Measured: the same build took 69.3 s beside 30 clients that scanned the table."""


def distinct(column: Column, table: Table) -> float | None:
    """How many values a column has, None where it was never analysed or may not be seen."""
    if column.distinct is None:
        return None
    return column.distinct if column.distinct > 0 else -column.distinct * max(0.0, table.rows)


def equality(column: Column, table: Table) -> float | None:
    """The share of rows that equal a value nobody knows, 0 to 1."""
    values = distinct(column, table)
    if values is None:
        return None
    return min(1.0, (1 - (column.null_share or 0.0)) / max(1.0, values))


def matched_rows(table: Table, equalities: tuple[str, ...], *, ranged: bool = False) -> float | None:
    """Rows that satisfy equalities on these columns, and a range on one more, taken as independent of each other."""
    rows = max(0.0, table.rows)
    for name in equalities:
        column = table.column(name)
        share = None if column is None else equality(column, table)
        if share is None:
            return None
        rows *= share
    return rows * RANGE if ranged else rows


def index_blocks(table: Table, rows: float) -> float:
    """Blocks that fetching `rows` rows through a B-tree touches: the descent, its leaves, and a heap page a row."""
    descent = max(1.0, math.log(max(2.0, table.rows), 300))
    return descent + rows / 300 + min(rows, float(table.pages))


def index_bytes(table: Table, columns: tuple[str, ...]) -> int:
    """Size of a B-tree, without the deduplication that makes many smaller."""
    widths = [column.width or 8 for name in columns if (column := table.column(name)) is not None]
    key = 8 * math.ceil(sum(widths) / 8)
    return math.ceil(max(0.0, table.rows) * (key + _TUPLE) / _FILL / _PAGE) * _PAGE


def build_seconds(table: Table) -> float:
    """How long CREATE INDEX CONCURRENTLY takes where nothing else runs: it reads the table twice."""
    return max(0.1, table.pages * _PAGE / _BUILD_BYTES_PER_S)


def size_text(size: float) -> str:
    """Bytes for people: 974 MB."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if size >= 10 or unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def duration_text(seconds: float) -> str:
    """Seconds for people: 380 ms, 4.2 s, 70 s, 12 min, 3 h."""
    if seconds < 0.001:
        return "under 1 ms"
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"
