"""A plan as JSON, as text for people, as SARIF and as GitHub annotations."""

import json
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any
from urllib.parse import quote

from stanch import __version__
from stanch.model.pattern import Pattern
from stanch.model.plan import Fact, Plan, Procedure, Step, Threshold, Unread
from stanch.model.problem import Level, Problem, Source
from stanch.model.record import record
from stanch.playbook.checks import credentials_in_command, secret_in_document
from stanch.playbook.explain import explain
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


@record
class _Paint:
    """Terminal colours, or none."""

    on: bool

    def __call__(self, style: str, text: str) -> str:
        return f"\x1b[{_STYLES[style]}m{text}\x1b[0m" if self.on and text else text


_STYLES = {"dim": "2", "bold": "1", "acts": "36", "inert": "33", "error": "1;31", "warning": "33", "note": "34"}


def as_text(plan: Plan, *, colour: bool = False) -> str:
    """For people: each line with a caret and what it became, then what is wrong."""
    return "\n".join(_text(plan, _Paint(on=colour)))


def problems_text(problems: Sequence[Problem], *, colour: bool = False) -> str:
    """For people: each problem with its line, a caret and what to do; a line feed ends each line."""
    return "".join(f"{line}\n" for problem in problems for line in _problem(problem, _Paint(on=colour)))


def _text(plan: Plan, paint: _Paint) -> Iterator[str]:
    for playbook in plan.playbooks:
        yield paint("bold", f"{playbook.path}: {playbook.title}")
        shown = 0
        for fact in playbook.facts:
            line, lead = _around(fact.source)
            if fact.source.line != shown:
                yield f"{paint('dim', f'{fact.source.line:>5} | ')}{line}"
                shown = fact.source.line
            told = paint("inert" if _inert(fact) else "acts", f"^ {became(fact)}")
            yield f"{paint('dim', '      | ')}{lead}{told}"
        yield ""
        for problem in playbook.problems:
            yield from _problem(problem, paint)
    for problem in plan.problems:
        yield from _problem(problem, paint)
    yield paint("bold", summary(plan))


def _inert(fact: Fact) -> bool:
    return isinstance(fact, Unread) or (isinstance(fact, Threshold) and not fact.armed)


_WIDTH = 110


def _around(source: Source) -> tuple[str, str]:
    """The source line, cut to what a terminal shows, and the blanks that bring a caret below its column."""
    at = source.column - 1
    text = _shown(source.text)
    start = 0 if len(text) <= _WIDTH or at < _WIDTH - 30 else at - 30
    cut = text[start : start + _WIDTH] if len(text) > _WIDTH else text
    before = "\u2026" if start else ""
    after = "\u2026" if start + len(cut) < len(text) else ""
    return f"{before}{printable(cut)}{after}", " " * len(before) + _blank(cut[: at - start])


def _shown(text: str) -> str:
    """A source line without its secrets: a report stands in logs that more people read than the document."""
    return credentials_in_command.concealed(secret_in_document.concealed(text))


def _blank(text: str) -> str:
    """As much room as a text takes on a terminal: tabs stay tabs, wide characters take two places."""
    return "".join("\t" if character == "\t" else " " * _places(character) for character in text)


def _places(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in {"Mn", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1


def printable(text: str) -> str:
    """A text whose control characters are shown and do nothing: a document must not drive the terminal."""
    return _CONTROL.sub(lambda match: f"\\x{ord(match[0]):02x}", text)


_CONTROL = Pattern(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def _problem(problem: Problem, paint: _Paint) -> Iterator[str]:
    place = f"{problem.source}: " if problem.source else ""
    level = paint(problem.level.value, f"{problem.level.value}:")
    yield f"{place}{level} {printable(problem.message)} {paint('dim', f'[{problem.code}]')}"
    if problem.source and problem.source.text:
        text, lead = _around(problem.source)
        yield f"    {text}"
        yield f"    {lead}{paint(problem.level.value, '^')}"
    if problem.hint:
        yield f"    {printable(problem.hint)}"


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
        f"{_counted(len(plan.facts), 'fact')}: {_counted(armed, 'armed rule')}, "
        f"{_counted(len(plan.of(Procedure)), 'procedure')} with {_counted(steps, 'step')}; "
        f"{_counted(errors, 'error')}, {_counted(warnings, 'warning')}, "
        f"{_counted(len(problems) - errors - warnings, 'note')}"
    )


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


# --- sarif, github ----------------------------------------------------------------------------------------------

_SARIF_LEVELS = {Level.NOTE: "note", Level.WARNING: "warning", Level.ERROR: "error"}
_GITHUB_LEVELS = {Level.NOTE: "notice", Level.WARNING: "warning", Level.ERROR: "error"}


def as_sarif(plan: Plan) -> str:
    """SARIF 2.1.0, as code scanning reads it: each code with its page, each problem with its place."""
    return problems_as_sarif(problems_of(plan))


def problems_as_sarif(problems: Sequence[Problem]) -> str:
    """SARIF 2.1.0 of any problems whose codes have a page."""
    codes = sorted({problem.code for problem in problems})
    document = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "stanch",
                        "semanticVersion": __version__,
                        "rules": [_rule(code) for code in codes],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "results": [_result(problem, codes.index(problem.code)) for problem in problems],
            }
        ],
    }
    return json.dumps(document, indent=2, ensure_ascii=False)


def _rule(code: str) -> dict[str, Any]:
    page = explain(code) or code
    summary_, _, rest = page.partition("\n\n")
    return {
        "id": code,
        "shortDescription": {"text": " ".join(summary_.split())},
        "help": {"text": rest or summary_},
    }


def _result(problem: Problem, index: int) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": problem.code,
        "ruleIndex": index,
        "level": _SARIF_LEVELS[problem.level],
        "message": {"text": f"{problem.message} {problem.hint}".strip()},
    }
    if problem.source:
        region: dict[str, Any] = {"startLine": problem.source.line, "startColumn": problem.source.column}
        if problem.source.text:
            region["snippet"] = {"text": _shown(problem.source.text)}
        result["locations"] = [
            {"physicalLocation": {"artifactLocation": {"uri": quote(problem.source.path)}, "region": region}}
        ]
    return result


def as_github(plan: Plan) -> str:
    """Workflow commands that GitHub shows beside the lines of a pull request."""
    return problems_as_github(problems_of(plan))


def problems_as_github(problems: Sequence[Problem]) -> str:
    """The same of any problems."""
    return "\n".join(_annotation(problem) for problem in problems)


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
