"""A team's own words: `| Signal | Query |` and `| Action | Command |` tables widen the vocabulary.

They are read from every document before anything else, since every reader looks phrases up.
"""

import re
from collections.abc import Iterator, Mapping, Sequence

from stanch.catalogue.action import ActionEntry
from stanch.commands.rating import rate
from stanch.model.problem import Level, Problem
from stanch.model.record import record
from stanch.model.signal import CounterRate, CounterRatio, GaugeRatio, Histogram, Signal, Unit
from stanch.playbook.document import Document, Line, Table
from stanch.playbook.phrases import Phrases
from stanch.playbook.query import Query, read_query
from stanch.playbook.topics import tables
from stanch.playbook.vocabulary import Vocabulary
from stanch.playbook.words import slug

_QUERY = Phrases(r"quer|promql|metric|expression", whole=False)
_COMMAND = Phrases(r"command", whole=False)
_PHRASES = Phrases(r"phrase|also|alias|called|synonym", whole=False)
_UNIT = Phrases(r"^unit", whole=False)
_UNDO = Phrases(r"undo|back out|revert", whole=False)
_UNITS: tuple[tuple[Unit, Phrases], ...] = (
    (Unit.RATIO, Phrases(r"%|percent|ratio|share|utili[sz]ation", whole=False)),
    (Unit.PER_SECOND, Phrases(r"per second|/ ?s\b|\brate\b", whole=False)),
    (Unit.SECONDS, Phrases(r"seconds?|milliseconds?|\bm?s\b|duration|latency|\btime\b|\bage\b|\blag\b", whole=False)),
    (Unit.BYTES, Phrases(r"bytes?|\b[kmgt]i?b\b", whole=False)),
)


@record
class Definitions:
    """What the tables of a document define, and what in them was not understood."""

    signals: tuple[Signal, ...]
    actions: tuple[ActionEntry, ...]
    problems: tuple[Problem, ...]

    def widen(self, vocabulary: Vocabulary) -> Vocabulary:
        if not self.signals and not self.actions:
            return vocabulary
        return vocabulary.with_signals(self.signals).with_actions(self.actions)


def definitions(document: Document) -> Definitions:
    """The signals and actions that a document's tables define."""
    signals: list[Signal] = []
    problems: list[Problem] = []
    for row in _rows(document, "signal", _QUERY):
        query = read_query(row[_QUERY])
        if query is None:
            problems.append(_unread(document, row))
        else:
            signals.append(_signal(document, row, query))
    actions = tuple(_action(document, row) for row in _rows(document, "action", _COMMAND))
    return Definitions(signals=tuple(signals), actions=actions, problems=tuple(problems))


@record
class _Row:
    """The cells of a row by their columns' titles; `name` and `line` are those of the first."""

    name: str
    line: Line
    cells: Mapping[str, str]

    def __getitem__(self, title: Phrases) -> str:
        return next((text for name, text in self.cells.items() if title.inside(name)), "")


def _rows(document: Document, first: str, second: Phrases) -> Iterator[_Row]:
    for section in document.root.walk():
        for table in tables(section):
            titles = [cell.plain.strip().lower() for cell in table.header]
            if titles and titles[0] == first and any(map(second.inside, titles[1:])):
                yield from _named(titles, table)


def _named(titles: Sequence[str], table: Table) -> Iterator[_Row]:
    for row in table.rows:
        texts = [cell.plain.strip() for cell in row]
        if texts and texts[0]:
            yield _Row(name=texts[0], line=row[0], cells=dict(zip(titles, texts, strict=False)))


def _signal(document: Document, row: _Row, query: Query) -> Signal:
    return Signal(
        name=row.name if re.fullmatch(r"[a-z][\w.]*", row.name) else slug(row.name).replace("-", "_"),
        unit=_unit(row[_UNIT] or row.name, query),
        description=f"Defined on line {row.line.number} of {document.path}: {row[_QUERY]}",
        phrases=tuple(phrase.lower() for phrase in (row.name, *_listed(row[_PHRASES]))),
        reading=query.reading,
        default_statistic=query.statistic,
        default_window_s=query.window_s or 60.0,
    )


def _unit(text: str, query: Query) -> Unit:
    """The unit as written, else as the form of the query gives it."""
    named = next((unit for unit, phrases in _UNITS if phrases.inside(text)), None)
    match query.reading:
        case CounterRatio() | GaugeRatio():
            return named or Unit.RATIO
        case CounterRate():
            return named or Unit.PER_SECOND
        case Histogram():
            return named or Unit.SECONDS
        case _:
            return named or Unit.COUNT


def _action(document: Document, row: _Row) -> ActionEntry:
    command = row[_COMMAND]
    return ActionEntry(
        name=slug(row.name).replace("-", "_"),
        risk=rate(command).risk,
        description=f"Defined on line {row.line.number} of {document.path}: {command}",
        phrases=(row.name, *_listed(row[_PHRASES])),
        undo=row[_UNDO],
        command=command,
    )


def _listed(text: str) -> tuple[str, ...]:
    return tuple(filter(None, re.split(r"\s*[,;]\s*", text)))


def _unread(document: Document, row: _Row) -> Problem:
    return Problem(
        code="query-not-read",
        level=Level.WARNING,
        message=f"{row.name} is not defined: its query is of no form that Stanch evaluates.",
        hint="Give a metric, a rate, an increase, a quotient of two of them, or a histogram_quantile.",
        source=document.source(row.line),
    )
