"""A plan as JSON, as text for people, as SARIF and as GitHub annotations."""

import json
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any

from stanch.model.plan import (
    Contact,
    DrillSchedule,
    Fact,
    Metric,
    PastIncident,
    Plan,
    PolicyFact,
    Procedure,
    Role,
    Severity,
    Step,
    Template,
    Threshold,
    Trigger,
    Unread,
)
from stanch.model.problem import Level, Problem, Source
from stanch.model.signal import Unit
from stanch.playbook.words import listing


def as_dict(plan: Plan) -> dict[str, Any]:
    """The stable JSON form: snake_case names, sources with line and column, sets as sorted lists."""
    return {
        "plan_hash": plan.hash,
        "playbooks": [
            {
                "path": playbook.path,
                "title": playbook.title,
                "facts": [_plain(fact) for fact in playbook.facts],
                "problems": [_plain(problem) for problem in playbook.problems],
            }
            for playbook in plan.playbooks
        ],
        "problems": [_plain(problem) for problem in plan.problems],
    }


def as_json(plan: Plan) -> str:
    return json.dumps(as_dict(plan), indent=2, ensure_ascii=False)


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in _ordered(value)}
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, frozenset | set):
        return sorted(_plain(item) for item in value)
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return value


def _ordered(value: Any) -> list[Any]:
    """A fact's fields with `kind` and `source` first."""
    order = {"kind": 0, "source": 1}
    return sorted(fields(value), key=lambda field: order.get(field.name, 2))


# --- words ------------------------------------------------------------------------------------------------------


def seconds(value: float) -> str:
    """`90` -> `1.5 min`, `86400` -> `24 h`."""
    if value == 0:
        return "at once"
    if value < 1:
        return f"{value * 1000:g} ms"
    if value < 120:
        return f"{value:g} s"
    if value < 7200:
        return f"{value / 60:g} min"
    return f"{value / 3600:g} h" if value <= 172800 else f"{value / 86400:g} days"


def amount(value: float, unit: Unit | None) -> str:
    match unit:
        case Unit.RATIO:
            return f"{value * 100:g}%"
        case Unit.SECONDS:
            return seconds(value) if value else "0 s"
        case Unit.BYTES:
            power, name = next(((p, n) for p, n in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")) if value >= p), (1, "B"))
            return f"{value / power:g} {name}"
        case Unit.PER_SECOND:
            return f"{value:g}/s"
        case Unit.COUNT | None:
            return f"{value:g}"


def condition(fact: Threshold) -> str:
    """`http.error_rate > 5% over 2 min, held for 5 min`."""
    name = fact.signal or "?"
    if fact.statistic:
        name = f"{name} {fact.statistic.value}"
    if fact.baseline_multiple is not None:
        limit = f"{fact.comparison.value} {fact.baseline_multiple:g} \u00d7 normal"
    elif fact.upper is not None and fact.value is not None:
        limit = f"between {amount(fact.value, fact.unit)} and {amount(fact.upper, fact.unit)}"
    else:
        limit = f"{fact.comparison.value} {amount(fact.value, fact.unit) if fact.value is not None else '?'}"
    parts = [f"{name} {limit}"]
    if fact.window_s is not None:
        parts.append(f"over {seconds(fact.window_s)}")
    if fact.persistence_s is not None:
        parts.append(f"held for {seconds(fact.persistence_s)}")
    if fact.consecutive is not None:
        parts.append(f"{fact.consecutive} times in a row")
    parts.extend(f"only {value}" for _, value in fact.labels)
    return ", ".join(parts)


def became(fact: Fact) -> str:
    """What a fact is, in one line for people."""
    match fact:
        case Threshold():
            grade = f" \u2192 {fact.severity}" if fact.severity else ""
            role = fact.role.value.replace("_", " ")
            if fact.armed:
                return f"armed {role}: {condition(fact)}{grade}"
            return f"not armed ({role}): {condition(fact)}; {fact.because}"
        case Severity():
            clocks = listing([f"{clock.name} {clock.text}" for clock in fact.clocks])
            return f"severity {fact.level}{f' ({fact.name})' if fact.name else ''}: {clocks or 'no clock'}"
        case Metric():
            return (
                f"metric {listing(fact.signals)} {listing([statistic.value for statistic in fact.statistics])}".rstrip()
            )
        case Procedure():
            signals = f", for {listing(fact.signals)}" if fact.signals else ""
            return f"{fact.kind} \u201c{fact.name}\u201d: {len(fact.steps)} steps{signals}"
        case Step():
            what = fact.action or ("command" if fact.command else fact.type.value)
            box = f", by {seconds(fact.timebox_s)}" if fact.timebox_s is not None else ""
            return f"step, {fact.risk.value}: {what}{box}"
        case Trigger():
            return f"trigger: {fact.action or 'no action'} when {fact.condition}"
        case Template():
            return f"template for {fact.audience}, {len(fact.slots)} slots"
        case Role():
            return f"role {fact.name}{f', only {listing(fact.severities)}' if fact.severities else ''}"
        case Contact():
            return f"contact {fact.name}: {'nobody yet' if fact.placeholder else fact.address}"
        case PolicyFact():
            return f"policy{f', check {fact.check}' if fact.check else ''}"
        case PastIncident():
            return f"past incident of {fact.date or 'unknown date'}: {fact.cause or 'no cause given'}"
        case DrillSchedule():
            return f"drill {fact.every}: {fact.what}"
        case Unread():
            return f"not understood: {fact.because}"


# --- text -------------------------------------------------------------------------------------------------------


def as_text(plan: Plan) -> str:
    """For people: each line with a caret and what it became, then what is wrong."""
    return "\n".join(_text(plan))


def _text(plan: Plan) -> Iterator[str]:
    for playbook in plan.playbooks:
        yield f"{playbook.path}: {playbook.title}"
        for fact in playbook.facts:
            yield from _pointed(fact.source, became(fact), "=")
        yield ""
        for problem in playbook.problems:
            yield from _problem(problem)
    for problem in plan.problems:
        yield from _problem(problem)
    yield summary(plan)


def _pointed(source: Source, words: str, mark: str) -> Iterator[str]:
    number = f"{source.line:>5}"
    yield f"{number} | {source.text}"
    yield f"      | {' ' * (source.column - 1)}^ {mark} {words}"


def _problem(problem: Problem) -> Iterator[str]:
    place = f"{problem.source}: " if problem.source else ""
    yield f"{place}{problem.level.value}: {problem.message} [{problem.code}]"
    if problem.source and problem.source.text:
        yield f"    {problem.source.text}"
        yield f"    {' ' * (problem.source.column - 1)}^"
    if problem.hint:
        yield f"    {problem.hint}"


def problems_of(plan: Plan) -> tuple[Problem, ...]:
    """Every problem of a plan, playbook by playbook, then those between playbooks."""
    return (*(problem for playbook in plan.playbooks for problem in playbook.problems), *plan.problems)


def summary(plan: Plan) -> str:
    armed = sum(fact.armed for fact in plan.of(Threshold))
    steps = len(plan.of(Step))
    problems = problems_of(plan)
    errors = sum(problem.level is Level.ERROR for problem in problems)
    warnings = sum(problem.level is Level.WARNING for problem in problems)
    return (
        f"{len(plan.facts)} facts: {armed} armed rules, {len(plan.of(Procedure))} procedures with {steps} steps; "
        f"{errors} errors, {warnings} warnings, {len(problems) - errors - warnings} notes"
    )


# --- sarif, github ----------------------------------------------------------------------------------------------

_SARIF_LEVELS = {Level.NOTE: "note", Level.WARNING: "warning", Level.ERROR: "error"}
_GITHUB_LEVELS = {Level.NOTE: "notice", Level.WARNING: "warning", Level.ERROR: "error"}


def as_sarif(plan: Plan) -> str:
    """SARIF 2.1.0, as code scanning reads it."""
    problems = problems_of(plan)
    rules = sorted({problem.code for problem in problems})
    document = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": {"name": "stanch", "rules": [{"id": code} for code in rules]}},
                "results": [_sarif(problem) for problem in problems],
            }
        ],
    }
    return json.dumps(document, indent=2, ensure_ascii=False)


def _sarif(problem: Problem) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": problem.code,
        "level": _SARIF_LEVELS[problem.level],
        "message": {"text": f"{problem.message} {problem.hint}".strip()},
    }
    if problem.source:
        result["locations"] = [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": problem.source.path},
                    "region": {"startLine": problem.source.line, "startColumn": problem.source.column},
                }
            }
        ]
    return result


def as_github(plan: Plan) -> str:
    """Workflow commands that GitHub shows beside the lines of a pull request."""
    return "\n".join(_annotation(problem) for problem in problems_of(plan))


def _annotation(problem: Problem) -> str:
    place = ""
    if problem.source:
        path = _escaped(problem.source.path, ",:")
        place = f" file={path},line={problem.source.line},col={problem.source.column},title={problem.code}"
    text = _escaped(f"{problem.message} {problem.hint}".strip())
    return f"::{_GITHUB_LEVELS[problem.level]}{place}::{text}"


def _escaped(text: str, more: str = "") -> str:
    for character in ("%", "\r", "\n", *more):
        text = text.replace(character, f"%{ord(character):02X}")
    return text
