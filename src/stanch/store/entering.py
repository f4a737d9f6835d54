"""What text is on its way into the store: secrets are taken out before it is there.

Two nets. `text` is for what people and other systems say (notes, reasons, what is pasted, messages): everything that
looks like a secret goes. `known` is for everything else that is written, commands and their outputs included: only the
values that are known to be secret go, so names and numbers stay what they are. The store holds the second net under
every statement by itself; what is hashed before it is written asks for it beforehand.
"""

import json
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, Engine, event

from stanch.model.record import record
from stanch.store.document import canonical

_KEY = "stanch.entry"

Clean = Callable[[str], str]


def _as_it_is(text: str) -> str:
    return text


@record
class Entry:
    """The two nets of a store, each idempotent. Without one, text enters as it is."""

    text: Clean = _as_it_is
    known: Clean = _as_it_is


OPEN = Entry()


def attach(engine: Engine, entry: Entry) -> None:
    """Hold the nets on every connection of `engine`."""

    @event.listens_for(engine, "connect")
    def _connected(_: Any, record: Any) -> None:
        record.info[_KEY] = entry

    if entry.known is _as_it_is:
        return

    @event.listens_for(engine, "before_cursor_execute", retval=True)
    def _bound(*arguments: Any) -> tuple[str, Any]:
        _, _, statement, parameters, *_ = arguments
        return statement, _without(parameters, entry.known)


def text(connection: Connection, value: str) -> str:
    """What somebody says, as it may be kept."""
    return _of(connection).text(value)


def known(connection: Connection) -> Callable[[Any], Any]:
    """Takes the known secrets out of a value, through dictionaries and lists."""
    clean = _of(connection).known
    return lambda value: _deep(value, clean)


def holds_secret(connection: Connection, value: str) -> bool:
    """Whether a known secret stands in the text."""
    return _of(connection).known(value) != value


def _of(connection: Connection) -> Entry:
    found: Entry = connection.info.get(_KEY, OPEN)
    return found


def _without(parameters: Any, clean: Clean) -> Any:
    """The parameters of a statement, or of many, without known secrets."""
    match parameters:
        case dict():
            return {name: _without(value, clean) for name, value in parameters.items()}
        case list():
            return [_without(value, clean) for value in parameters]
        case tuple():
            return tuple(_without(value, clean) for value in parameters)
        case str():
            return _column(parameters, clean)
        case _:
            return parameters


def _column(value: str, clean: Clean) -> str:
    """One text of a row. Of JSON the strings are looked at, so that it stays JSON."""
    cleaned = clean(value)
    if cleaned == value or value[:1] not in "[{":
        return cleaned
    try:
        document = json.loads(value)
    except ValueError:
        return cleaned
    return canonical(_deep(document, clean))


def _deep(value: Any, clean: Clean) -> Any:
    match value:
        case str():
            return clean(value)
        case dict():
            return {name: _deep(item, clean) for name, item in value.items()}
        case list() | tuple():
            return [_deep(item, clean) for item in value]
        case _:
            return value
