"""What is to be measured, without a limit."""

import re
from collections.abc import Iterator

from stanch.model.plan import Metric
from stanch.model.signal import Signal, Statistic
from stanch.playbook.context import Context, Findings
from stanch.playbook.document import Document, Items, Line, lines_of
from stanch.playbook.threshold import conditions_of, statistic_of
from stanch.playbook.topics import Topic

_STATISTIC = re.compile(
    r"\bp(?:50|90|95|99)\b|\b\d{2}th\b|\bmedian\b|\baverage\b|\bmean\b|\bmax(?:imum)?\b", re.IGNORECASE
)


def read(document: Document, context: Context) -> Findings:
    """Every signal that a list of metrics names, with the statistics asked for, the same signal once a line."""
    facts: list[Metric] = []
    for section in context.outline.of(Topic.METRICS):
        for block in section.blocks:
            if isinstance(block, Items):
                for line in lines_of(block):
                    facts.extend(_of_line(document, context, line))
    return tuple(facts), ()


def _of_line(document: Document, context: Context, line: Line) -> Iterator[Metric]:
    text = line.plain
    if conditions_of(text, context.vocabulary):
        return
    statistics = tuple(
        dict.fromkeys(found for match in _STATISTIC.finditer(text) if (found := statistic_of(match[0])) is not None)
    )
    seen: set[str] = set()
    for start, signal in _signals(context, text):
        if signal.name not in seen:
            seen.add(signal.name)
            yield Metric(
                signal=signal.name, statistics=_fitting(signal, statistics), source=document.source(line, start)
            )


def _fitting(signal: Signal, statistics: tuple[Statistic, ...]) -> tuple[Statistic, ...]:
    return statistics or ((signal.default_statistic,) if signal.default_statistic else ())


def _signals(context: Context, text: str) -> Iterator[tuple[int, Signal]]:
    """Signals named in a text, shared last words given to each: "CPU, memory, and disk I/O utilization"."""
    for match in context.vocabulary.signals_of(text):
        if len(match.signals) == 1:
            yield match.start, match.signals[0]
