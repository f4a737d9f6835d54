"""A plan as JSON, as text for people, as SARIF and as GitHub annotations."""

import json
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any

from stanch.model.plan import Plan, Procedure, Step, Threshold
from stanch.model.problem import Level, Problem, Source
from stanch.playbook.telling import became


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


# --- text -------------------------------------------------------------------------------------------------------


def as_text(plan: Plan) -> str:
    """For people: each line with a caret and what it became, then what is wrong."""
    return "\n".join(_text(plan))


def _text(plan: Plan) -> Iterator[str]:
    for playbook in plan.playbooks:
        yield f"{playbook.path}: {playbook.title}"
        shown = 0
        for fact in playbook.facts:
            if fact.source.line != shown:
                yield f"{fact.source.line:>5} | {_around(fact.source)[0]}"
                shown = fact.source.line
            yield f"      | {' ' * _around(fact.source)[1]}^ {became(fact)}"
        yield ""
        for problem in playbook.problems:
            yield from _problem(problem)
    for problem in plan.problems:
        yield from _problem(problem)
    yield summary(plan)


_WIDTH = 110


def _around(source: Source) -> tuple[str, int]:
    """The source line, cut to what a terminal shows, and how far in its column then stands."""
    at = source.column - 1
    if len(source.text) <= _WIDTH:
        return source.text, at
    start = 0 if at < _WIDTH - 30 else at - 30
    cut = source.text[start : start + _WIDTH]
    lead = "\u2026" if start else ""
    tail = "\u2026" if start + _WIDTH < len(source.text) else ""
    return f"{lead}{cut}{tail}", at - start + len(lead)


def _problem(problem: Problem) -> Iterator[str]:
    place = f"{problem.source}: " if problem.source else ""
    yield f"{place}{problem.level.value}: {problem.message} [{problem.code}]"
    if problem.source and problem.source.text:
        text, at = _around(problem.source)
        yield f"    {text}"
        yield f"    {' ' * at}^"
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
