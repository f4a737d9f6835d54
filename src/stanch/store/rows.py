"""Records to rows and back: a table's columns are named as the record's fields are."""

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Row, RowMapping

T = TypeVar("T")


def to_values(record: Any) -> Any:
    """A record, or a part of one, as plain values: a dictionary for `insert`, enums as their text, tuples as lists."""
    return msgspec.to_builtins(record)


def from_row(kind: type[T], row: Row[Any] | RowMapping | Mapping[str, Any], **further: Any) -> T:
    """The record of class `kind` in a row; `further` gives fields that live in other tables.

    Columns that the record does not have are left out. Raises `msgspec.ValidationError` where a value does not fit.
    """
    values = row._mapping if isinstance(row, Row) else row  # noqa: SLF001 - SQLAlchemy's public name
    # SQLAlchemy names some columns by a subclass of str, which msgspec does not take for a key.
    return msgspec.convert({**{str(name): value for name, value in values.items()}, **further}, kind)
