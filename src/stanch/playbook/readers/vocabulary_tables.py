"""A team's own words: `| Signal | Query |` and `| Action | Command |` tables widen the vocabulary.

They are read before everything else, since every other reader looks phrases up.
"""

import re
from collections.abc import Iterator

from stanch.catalogue.action import ActionEntry
from stanch.commands.rating import rate
from stanch.model.signal import Gauge, Selector, Signal, Unit
from stanch.playbook.document import Document, Table
from stanch.playbook.vocabulary import Vocabulary
from stanch.playbook.words import slug

_UNIT_WORDS: tuple[tuple[Unit, str], ...] = (
    (Unit.RATIO, r"%|percent|ratio|share|utili[sz]ation"),
    (Unit.SECONDS, r"second|millisecond|\bm?s\b|duration|latency|time"),
    (Unit.BYTES, r"byte|\b[kmgt]i?b\b"),
    (Unit.PER_SECOND, r"per second|/s\b|rate"),
    (Unit.COUNT, r"count|number|total"),
)
_SCALES = {"%": 0.01, "percent": 0.01, "ms": 0.001, "milliseconds": 0.001, "kb": 1e3, "mb": 1e6, "gb": 1e9}


def widened(document: Document, vocabulary: Vocabulary) -> Vocabulary:
    """The vocabulary with the signals and actions that a document's tables define."""
    signals = tuple(_signals(document))
    actions = tuple(_actions(document))
    if not signals and not actions:
        return vocabulary
    return vocabulary.with_signals(signals).with_actions(actions)


def _tables(document: Document, first: str, second: str) -> Iterator[tuple[Table, dict[str, int]]]:
    for section in document.root.walk():
        for block in section.blocks:
            if isinstance(block, Table):
                columns = {cell.plain.strip().lower(): index for index, cell in enumerate(block.header)}
                if first in columns and re.search(second, " ".join(columns)):
                    yield block, columns


def _cell(row: tuple[object, ...], texts: list[str], columns: dict[str, int], pattern: str) -> str:
    del row
    return next(
        (texts[index] for title, index in columns.items() if re.search(pattern, title) and index < len(texts)), ""
    )


def _signals(document: Document) -> Iterator[Signal]:
    for table, columns in _tables(document, "signal", r"query|promql|metric|expression"):
        for row in table.rows:
            texts = [cell.plain.strip() for cell in row]
            name = _cell(row, texts, columns, r"^signal$")
            query = _cell(row, texts, columns, r"query|promql|metric|expression")
            unit_text = _cell(row, texts, columns, r"^unit")
            if not name or not query:
                continue
            phrases = [
                name,
                *filter(None, re.split(r"\s*[,;]\s*", _cell(row, texts, columns, r"phrase|also|alias|called"))),
            ]
            unit = next(
                (unit for unit, pattern in _UNIT_WORDS if re.search(pattern, unit_text or name, re.IGNORECASE)),
                Unit.COUNT,
            )
            yield Signal(
                name=slug(name).replace("-", "_") if " " in name else name,
                unit=unit,
                description=f"Defined by {document.path}: {query}",
                phrases=tuple(phrase.lower() for phrase in phrases),
                reading=Gauge(selector=Selector(metric=query), scale=_SCALES.get(unit_text.lower(), 1.0)),
            )


def _actions(document: Document) -> Iterator[ActionEntry]:
    for table, columns in _tables(document, "action", r"command"):
        for row in table.rows:
            texts = [cell.plain.strip() for cell in row]
            name = _cell(row, texts, columns, r"^action$")
            command = _cell(row, texts, columns, r"command")
            if not name or not command:
                continue
            phrases = [
                name,
                *filter(None, re.split(r"\s*[,;]\s*", _cell(row, texts, columns, r"phrase|also|alias|called"))),
            ]
            yield ActionEntry(
                name=slug(name).replace("-", "_"),
                risk=rate(command).risk,
                description=f"Defined by {document.path}: {command}",
                phrases=tuple(phrases),
                undo=_cell(row, texts, columns, r"undo"),
            )
