"""Rows as text, in columns: how the answer to a query stands in a step's output."""

from collections.abc import Sequence
from typing import Any

from stanch.model.record import record

_WIDEST = 80


@record
class Rows:
    """The answer to a query. `more` says that there were further rows, which were not fetched."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    more: bool = False


def aligned(answer: Rows) -> str:
    """A header, a rule, the rows and their number. Numbers stand right, NULL is empty, long cells are cut."""
    cells = [[_cell(value) for value in row] for row in answer.rows]
    header = [_cell(name) for name in answer.columns]
    widths = [max(map(len, column)) for column in zip(header, *cells, strict=True)]
    right = [
        bool(answer.rows)
        and all(isinstance(row[place], int | float) or row[place] is None for row in answer.rows)
        and any(row[place] is not None for row in answer.rows)
        for place in range(len(header))
    ]
    count = len(answer.rows)
    number = f"({count:,} row{'' if count == 1 else 's'}{', and more' if answer.more else ''})"
    if not header:
        return number
    lines = [_line(header, widths, [False] * len(header)), "-+-".join("-" * width for width in widths)]
    return "\n".join([*lines, *(_line(row, widths, right) for row in cells), number])


def _cell(value: Any) -> str:
    text = "" if value is None else " ".join(str(value).split())
    return text if len(text) <= _WIDEST else text[: _WIDEST - 1] + "…"


def _line(cells: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    placed = (
        cell.rjust(width) if is_right else cell.ljust(width)
        for cell, width, is_right in zip(cells, widths, right, strict=True)
    )
    return " | ".join(placed).rstrip()
