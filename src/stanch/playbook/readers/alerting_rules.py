"""Alerting rules of Prometheus that stand in fences: each becomes a threshold, armed where Stanch fires as it would."""

from stanch.model.plan import Threshold
from stanch.model.problem import Level, Problem
from stanch.model.signal import Comparison
from stanch.playbook.alerting_rule import AlertingRule
from stanch.playbook.alerting_rules import held_s, rules_of, watch_of
from stanch.playbook.context import Context, Findings
from stanch.playbook.document import Document, Section
from stanch.playbook.mood import Setting, mood_of
from stanch.playbook.severity import only_level, tier_of
from stanch.playbook.topics import Topic


def read(document: Document, context: Context) -> Findings:
    """Every rule with its limit, its persistence and its severity, and a problem for rules that are no YAML."""
    facts: list[Threshold] = []
    problems: list[Problem] = []
    for section, rule, line in rules_of(document):
        if isinstance(rule, AlertingRule):
            facts.append(_threshold(document, context, section, rule))
        else:
            problems.append(
                Problem(
                    code="alerting-rules-not-read",
                    level=Level.WARNING,
                    message=f"The alerting rules of this fence are not armed: {rule}.",
                    hint="Quote what holds {{ }} or a colon, and give each rule its alert, expr and for.",
                    source=document.source_at(line),
                )
            )
    return tuple(facts), tuple(problems)


def _threshold(document: Document, context: Context, section: Section, rule: AlertingRule) -> Threshold:
    watch = watch_of(rule.expression)
    signal = None if isinstance(watch, str) else context.alerts.get(watch.reading)
    comparison = Comparison.GREATER if isinstance(watch, str) else watch.comparison
    held = held_s(rule.held)
    mood = mood_of("alert", _setting(context, section), signal=None, comparison=comparison, past=False)
    because = mood.because or (watch if isinstance(watch, str) else "")
    if not because and held is None:
        because = f"its `for` ({rule.held}) is no duration"
    return Threshold(
        # What is not evaluated is still named, so that its problem is raised.
        signal=signal.name if signal else rule.name,
        statistic=None if isinstance(watch, str) else watch.statistic,
        comparison=comparison,
        value=None if isinstance(watch, str) else watch.value,
        unit=signal.unit if signal else None,
        window_s=None if isinstance(watch, str) else watch.window_s,
        persistence_s=held or None,
        tier=tier_of(rule.severity),
        role=mood.role,
        severity=only_level(rule.severity),
        armed=not because,
        because=because,
        source=document.source_at(rule.line, _column(document.lines[rule.line - 1])),
    )


def _setting(context: Context, section: Section) -> Setting:
    """Rules are meant to act wherever they stand, unless the place says that they are examples or retired."""
    titles = " ".join((section.title, *(above.title for above in context.outline.above(section))))
    topic = context.outline.topic(section)
    return Setting(topic=topic if topic is Topic.EXAMPLES else Topic.THRESHOLDS, title=titles, entry=True)


def _column(text: str) -> int:
    return len(text) - len(text.lstrip()) + 1
