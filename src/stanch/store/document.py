"""JSON in a column, spelled one way: what is hashed, what is stored and what is read back are the same bytes."""

import json
import math
from typing import Any

from sqlalchemy import Dialect, Text
from sqlalchemy.types import TypeDecorator


def canonical(value: Any) -> str:
    """JSON with sorted keys and no spaces, in ASCII, so that NUL and lone surrogates are storable everywhere.

    JSON has no word for NaN and the infinities: they become `"NaN"`, `"+Inf"` and `"-Inf"`, as Prometheus spells them.
    Raises `TypeError` for what JSON cannot hold.
    """
    try:
        return _encode(value)
    except ValueError:
        return _encode(_finite(value))


# Made once: `json.dumps` with settings of its own makes an encoder at each call.
_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False).encode


def storable(value: Any) -> Any:
    """`value` with what no database's text holds (NUL, lone surrogates) replaced by U+FFFD, all the way down."""
    match value:
        case str():
            if "\0" not in value and value.isascii():
                return value
            return value.replace("\0", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        case dict():
            return {storable(key): storable(item) for key, item in value.items()}
        case list() | tuple():
            return [storable(item) for item in value]
        case _:
            return value


def _finite(value: Any) -> Any:
    match value:
        case float() if math.isnan(value):
            return "NaN"
        case float() if math.isinf(value):
            return "+Inf" if value > 0 else "-Inf"
        case dict():
            return {key: _finite(item) for key, item in value.items()}
        case list() | tuple():
            return [_finite(item) for item in value]
        case _:
            return value


class Document(TypeDecorator[Any]):
    """A JSON value as canonical text. SQL NULL is Python's None."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        del dialect
        return None if value is None else canonical(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        del dialect
        return None if value is None else json.loads(value)
