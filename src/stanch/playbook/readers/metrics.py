"""What is to be measured, without a limit."""

import re
from collections.abc import Iterator

from stanch.model.pattern import Pattern
from stanch.model.plan import Metric
from stanch.model.signal import Signal
from stanch.playbook.context import Context, Findings
from stanch.playbook.document import Document, Items, Line, lines_of
from stanch.playbook.threshold import conditions_of
from stanch.playbook.tokens import statistic_of
from stanch.playbook.topics import Topic
from stanch.playbook.vocabulary import Vocabulary

_STATISTIC = Pattern(
    r"\bp(?:50|90|95|99)\b|\b\d{2}th\b|\bmedian\b|\baverage\b|\bmean\b|\bmax(?:imum)?\b", re.IGNORECASE
)


def read(document: Document, context: Context) -> Findings:
    """One fact for each entry of a list of metrics that names a signal, with the statistics asked for."""
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
        dict.fromkeys(named for match in _STATISTIC.finditer(text) if (named := statistic_of(match[0])) is not None)
    )
    found = list(_signals(context.vocabulary, text))
    if found:
        start, first = found[0]
        default = (first.default_statistic,) if first.default_statistic else ()
        yield Metric(
            signal=first.name,
            signals=tuple(dict.fromkeys(signal.name for _, signal in found)),
            statistics=statistics or default,
            source=document.source(line, start),
        )


def _signals(vocabulary: Vocabulary, text: str) -> Iterator[tuple[int, Signal]]:
    """The signals of a line; a later one shares the words that lead the first, where that is a phrase too.

    "Connection pool utilization and queue length" asks for the connection pool's queue length.
    """
    matches = [match for match in vocabulary.signals_of(text) if len(match.signals) == 1]
    lead = text[matches[0].start : matches[0].end].split() if matches else []
    for match in matches:
        own = text[match.start : match.end]
        shared = (
            _whole(vocabulary, f"{' '.join(lead[:count])} {own}")
            for count in range(len(lead) - 1, 0, -1)
            if match is not matches[0]
        )
        yield match.start, next((signal for signal in shared if signal), match.signals[0])


def _whole(vocabulary: Vocabulary, phrase: str) -> Signal | None:
    """The one signal that a text is a phrase of, from its first letter to its last."""
    return next(
        (
            match.signals[0]
            for match in vocabulary.signals_of(phrase)
            if match.start == 0 and match.end == len(phrase) and len(match.signals) == 1
        ),
        None,
    )
