"""What the team has decided shall always hold."""

import re
from collections.abc import Iterator

from stanch.model.pattern import Pattern
from stanch.model.plan import Fact, PolicyFact, Threshold, ThresholdRole
from stanch.model.signal import Comparison, Unit
from stanch.playbook.context import Context, Findings
from stanch.playbook.document import Document, Line, Section
from stanch.playbook.fields import items_in, labelled_parts
from stanch.playbook.mood import Setting
from stanch.playbook.quantity import PATTERN, Measure, quantity_of
from stanch.playbook.readers import thresholds
from stanch.playbook.threshold import conditions_of
from stanch.playbook.topics import Topic, topic_of_title

_CHECKS: tuple[tuple[str, str], ...] = (
    ("timeout_limit", r"\btime-?outs?\b"),
    ("query_plan_in_review", r"\b(?:query|execution) (?:execution )?plans?\b"),
    ("dba_review", r"\breviewed by (?:a )?dba\b|\bdba (?:review|approval)"),
    ("indexed_queries", r"\bindex(?:es|ing|ed)?\b"),
    ("degraded_states", r"\bdegraded\b|\bfallback\b|\bgraceful"),
    ("chaos_testing", r"\bchaos\b"),
    ("memory_monitoring", r"\bmemory\b.*\bmonitor|\bmonitor\w*\b.*\bmemory\b"),
    ("memory_restart", r"\brestart\w*\b.*\bmemory\b"),
    ("heap_dump", r"\bheap dumps?\b"),
    ("memory_limits", r"\bmemory\b.*\blimits?\b"),
    ("circuit_breaker", r"\bcircuit breakers?\b"),
    ("rollback_tested", r"\broll-?back\b"),
    ("backup_tested", r"\bbackups?\b"),
    ("load_testing", r"\bload test"),
    ("review_held", r"\b(?:post-?mortem|post-incident review|review)s?\b"),
    ("two_reviewers", r"\btwo\b.*\b(?:review|approv)"),
    ("deploy_window", r"\b(?:no|freeze|never)\b.*\bdeploy"),
)


def read(document: Document, context: Context) -> Findings:
    """Every policy: entries of policy sections, and of mandatory changes and new standards after an incident."""
    facts: list[Fact] = []
    for section in context.outline.sections:
        for line, text in _statements(context, section):
            limit = _limit(document, context, line)
            facts.append(PolicyFact(statement=text, check=check_of(text), limit=limit, source=document.source(line)))
            if limit is not None and limit.armed and context.outline.topic(section) is Topic.INCIDENTS:
                facts.append(limit)
    return tuple(facts), ()


def check_of(text: str) -> str | None:
    """The check that could hold a policy; None where only people can."""
    return next((name for name, pattern in _CHECKS if re.search(pattern, text, re.IGNORECASE)), None)


def _statements(context: Context, section: Section) -> Iterator[tuple[Line, str]]:
    if context.outline.topic(section) is Topic.POLICIES:
        for text, line in items_in(section.blocks):
            yield line, text
        return
    for part in labelled_parts(section.blocks):
        if part.label and topic_of_title(part.label) is Topic.POLICIES:
            for text, line in items_in(part.blocks):
                yield line, text


_LEAST = Pattern(r"\b(?:at least|minimum|min|no less than|or more)\b", re.IGNORECASE)
_UNITS = {
    Measure.DURATION: Unit.SECONDS,
    Measure.RATIO: Unit.RATIO,
    Measure.SIZE: Unit.BYTES,
    Measure.NUMBER: Unit.COUNT,
}


def _limit(document: Document, context: Context, line: Line) -> Threshold | None:
    """The number that a policy sets. A restart or rollback at a limit acts by itself; every other one is kept to."""
    text = line.plain
    setting = Setting(topic=Topic.POLICIES, title="", entry=True)
    for condition in conditions_of(text, context.vocabulary):
        if condition.signal is not None:
            return thresholds.threshold_of(context, condition, text, setting, document.source(line, condition.start))
    for match in PATTERN.finditer(text):
        quantity = quantity_of(match)
        if quantity.measure not in _UNITS or (quantity.measure is Measure.NUMBER and not _LEAST.search(text)):
            continue
        return Threshold(
            signal=None,
            statistic=None,
            comparison=Comparison.GREATER_EQUAL if _LEAST.search(text) else Comparison.LESS_EQUAL,
            value=quantity.value,
            upper=quantity.upper,
            unit=_UNITS[quantity.measure],
            window_s=None,
            persistence_s=None,
            role=ThresholdRole.POLICY_LIMIT,
            armed=False,
            because="it is a target or limit to keep to, not an alert",
            source=document.source(line, match.start()),
        )
    return None
