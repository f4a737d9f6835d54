"""What the variables of a script can hold, where its own text decides that.

A variable is known for certain where every assignment to it, anywhere in the script, has a text known beforehand, and
one of them has run before the place of use: it stands at the script's top, or the place is inside its own `for` loop.
Elsewhere what it may hold is still worth a look: a command is rated by the worst of everything that it can become.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import field
from itertools import product
from typing import assert_never

from stanch.commands import constant
from stanch.commands.parse import Assignment, Compound, Pipeline, Script, Simple, Statement, parse
from stanch.commands.placeholders import STAND_INS
from stanch.commands.words import Literal, Unknown, Word
from stanch.model.pattern import Pattern
from stanch.model.record import record

_MOST = 16
_NAME = Pattern(r"[A-Za-z_][A-Za-z0-9_]*")
_INTEGER = Pattern(r"-?\d{1,18}")
_SETS = frozenset("read mapfile readarray getopts printf unset let declare typeset local wait coproc select".split())
_OBSCURES = frozenset("eval source . trap alias exec enable bind shopt".split())
_ASSIGNS_INSIDE = Pattern(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?:\[[^]]*\])?:?=")
_COMPUTES = Pattern(r"\$\(\((.*)\)\)\Z", re.DOTALL)
_ARITHMETIC = Pattern(r"[A-Za-z0-9_\s+*/%()<>=!&|?:,^~-]*\Z")
_NUMBERS = ("0", "7")
_NEGATIVE = ("-7",)
_DEFAULT = Pattern(r"\$\{[A-Za-z_@*#?0-9][A-Za-z0-9_]*:?[-=+](.*)\}\Z", re.DOTALL)
_COMPUTED = Pattern(
    r"([A-Za-z_][A-Za-z0-9_]*)\s*(?:\+\+|--|(?:[-+*/%&|^]|<<|>>)?=(?!=))|(?:\+\+|--)\s*([A-Za-z_][A-Za-z0-9_]*)"
)
_SPECIAL = frozenset("?#$")


@record
class Variables:
    """`values` lists all that a variable can hold, `regions` the bytes of the script where it certainly holds it.

    `is_certain` is false where a part of the script may change variables in a way that is not followed here.
    """

    values: dict[str, tuple[str, ...]] = field(default_factory=dict)
    regions: dict[str, tuple[tuple[int, int], ...]] = field(default_factory=dict)
    numeric: frozenset[str] = frozenset()
    is_certain: bool = False
    numbers: tuple[str, ...] = _NUMBERS

    @classmethod
    def of(cls, script: Script) -> "Variables":
        """Read a script's assignments."""
        statements = [entry for statement in script.statements for entry in walk(statement)]
        assigned, loops = _assignments(statements), _loops(statements)
        poisoned: set[str] = set()
        computed: set[str] = set()
        for statement in statements:
            poisoned |= _poisons(statement)
            computed |= _computes(statement)
        numeric = _numeric(assigned, _initialised(statements), loops, poisoned)
        values = _values(assigned, loops, poisoned | computed)
        numbers: tuple[str, ...] = _NUMBERS
        if any("-" in expression for statement in statements for expression in _expressions(statement)):
            numbers = (*numbers, *_NEGATIVE)
        for name in numeric:
            values.setdefault(name, numbers)
        return cls(
            values=values,
            regions=_regions(script, statements, loops),
            numeric=frozenset(numeric),
            is_certain=script.is_readable and not any(_obscures(statement, values) for statement in statements),
            numbers=numbers,
        )

    def possible(self, unknown: Unknown, at: int) -> tuple[tuple[str, ...], bool]:
        """All that an unknown part of a word can be at a byte of the script, and whether that is certain.

        What is not certain may be anything else as well; an unset variable is nothing at all.
        """
        name = unknown.variable
        if name is None:
            if computes := _COMPUTES.match(unknown.text):
                return self.numbers, self.computes_safely(computes.group(1))
            printed = printed_by(unknown.text)
            if printed is not None:
                return (printed,), True
            default = _DEFAULT.match(unknown.text)
            return ("", default.group(1).strip("\"'")) if default else ("",), False
        if name in _SPECIAL:
            return self.numbers, True
        known = self.values.get(name)
        if known is None:
            return ("",), False
        return known, self.is_certain and any(start <= at < end for start, end in self.regions.get(name, ()))

    def computes_safely(self, expression: str) -> bool:
        """Whether arithmetic is only over numbers; a variable that holds other text could run commands in it."""
        if not _ARITHMETIC.match(expression.replace("$", "")):
            return False
        return self.is_certain and all(name in self.numeric for name in _NAME.findall(expression))


def walk(statement: Statement) -> Iterator[Statement]:
    """A statement and everything inside it."""
    yield statement
    inside: Sequence[Statement]
    match statement:
        case Simple():
            inside = statement.inner
        case Pipeline():
            inside = statement.stages
        case Compound():
            inside = (*statement.inner, *statement.condition, *statement.body)
        case _:
            assert_never(statement)
    for inner in inside:
        yield from walk(inner)


def printed_by(text: str) -> str | None:
    """What a command substitution prints, without its last newlines, where its text decides that."""
    if text.startswith("$(") and text.endswith(")"):
        inside = text[2:-1]
    elif text.startswith("`") and text.endswith("`") and "\\" not in text:
        inside = text[1:-1]
    else:
        return None
    script = parse(inside, stand_ins=STAND_INS)
    if not script.is_readable or len(script.statements) != 1:
        return None
    statement = script.statements[0]
    printed: str | None = None
    for stage in statement.stages if isinstance(statement, Pipeline) else (statement,):
        if not isinstance(stage, Simple) or stage.assignments or stage.redirects:
            return None
        if any(word.needs_shell for word in stage.words):
            return None
        printed = constant.output(tuple(word.value for word in stage.words), printed)
        if printed is None:
            return None
    return printed.rstrip("\n") if printed is not None else None


def _obscures(statement: Statement, values: dict[str, tuple[str, ...]]) -> bool:
    """Whether a statement runs text as code, or may do so."""
    if not isinstance(statement, Simple):
        return False
    if any(assignment.name == "IFS" for assignment in statement.assignments):
        return True
    if not statement.words:
        return False
    name = statement.words[0]
    if not name.is_dynamic:
        return name.value in _OBSCURES
    readings = _readings(name, values)
    return not readings or any(set(reading.split()) & (_OBSCURES | _SETS) for reading in readings)


def _expressions(statement: Statement) -> Iterator[str]:
    """The arithmetic of a statement."""
    words: tuple[Word, ...] = ()
    match statement:
        case Simple():
            words = (*statement.words, *(a.value for a in statement.assignments if a.value is not None))
        case Compound():
            words = statement.words
            if statement.kind in {"arithmetic", "c_style_for_statement"}:
                yield from (word.text for word in words)
        case Pipeline():
            pass
    for word in words:
        for segment in word.segments:
            if isinstance(segment, Unknown) and (computes := _COMPUTES.match(segment.text)):
                yield computes.group(1)


def _computes(statement: Statement) -> set[str]:
    """The variables that arithmetic sets: to numbers, whatever it computes."""
    return {
        name
        for expression in _expressions(statement)
        for match in _COMPUTED.finditer(expression)
        for name in match.groups()
        if name
    }


def _assignments(statements: Sequence[Statement]) -> dict[str, list[Assignment]]:
    found: dict[str, list[Assignment]] = {}
    for statement in statements:
        if isinstance(statement, Simple) and (
            not statement.words or statement.words[0].value in {"export", "readonly"}
        ):
            for assignment in statement.assignments:
                found.setdefault(assignment.name, []).append(assignment)
    return found


def _loops(statements: Sequence[Statement]) -> dict[str, list[Compound]]:
    found: dict[str, list[Compound]] = {}
    for statement in statements:
        if isinstance(statement, Compound) and statement.kind == "for_statement":
            found.setdefault(statement.name, []).append(statement)
    return found


def _initialised(statements: Sequence[Statement]) -> set[str]:
    """The variables that `for ((i=0; ...))` gives a number to begin with."""
    return {
        name
        for statement in statements
        if isinstance(statement, Compound) and statement.kind == "c_style_for_statement"
        for word in statement.words[:1]
        for name in re.findall(r"([A-Za-z_][A-Za-z0-9_]*)\s*=(?!=)", word.text)
    }


def _poisons(statement: Statement) -> set[str]:
    """The variables that a statement changes in a way that is not followed here."""
    poisoned: set[str] = set()
    words: tuple[Word, ...] = ()
    match statement:
        case Simple():
            words = statement.words
            first = words[0].value if words else ""
            if first in _SETS:
                poisoned |= {name for word in words[1:] for name in _NAME.findall(word.value)}
            poisoned |= {
                a.name for a in statement.assignments if a.value is None or a.appends or "[" in a.text.split("=")[0]
            }
            words = (*words, *(a.value for a in statement.assignments if a.value is not None))
        case Compound():
            words = statement.words
            if statement.text.startswith("select"):
                poisoned.add(statement.name)
        case Pipeline():
            pass
    for word in words:
        poisoned |= set(_ASSIGNS_INSIDE.findall(word.text))
    return poisoned


def _numeric(
    assigned: dict[str, list[Assignment]], initialised: set[str], loops: dict[str, list[Compound]], poisoned: set[str]
) -> set[str]:
    """Variables that can only hold whole numbers, those that are computed from each other included."""
    candidates = (assigned.keys() | initialised) - poisoned - loops.keys()
    while True:
        dropped = {
            name
            for name in candidates
            if not all(_is_number(assignment.value, candidates) for assignment in assigned.get(name, []))
        }
        if not dropped:
            return candidates
        candidates -= dropped


def _is_number(value: Word | None, numeric: set[str]) -> bool:
    if value is None or len(value.segments) != 1:
        return False
    segment = value.segments[0]
    if isinstance(segment, Literal):
        return bool(_INTEGER.fullmatch(segment.text))
    computes = _COMPUTES.match(segment.text)
    if computes is None or not _ARITHMETIC.match(computes.group(1).replace("$", "")):
        return False
    return all(name in numeric for name in _NAME.findall(computes.group(1)))


def _values(
    assigned: dict[str, list[Assignment]], loops: dict[str, list[Compound]], poisoned: set[str]
) -> dict[str, tuple[str, ...]]:
    values: dict[str, tuple[str, ...]] = {}
    for _ in range(3):
        # A value may be made of other variables; each round knows those of the rounds before.
        for name in (assigned.keys() | loops.keys()) - poisoned - values.keys():
            words = [assignment.value for assignment in assigned.get(name, [])]
            known = [_readings(word, values) for word in words if word is not None]
            for loop in loops.get(name, []):
                known.extend(_readings(word, values) if not word.has_glob else () for word in loop.words)
            if known and all(known):
                everything = tuple(dict.fromkeys(value for readings in known for value in readings))
                if len(everything) <= _MOST:
                    values[name] = everything
    return values


def _readings(word: Word, values: dict[str, tuple[str, ...]]) -> tuple[str, ...]:
    """All texts that an assigned word can be; splitting does not happen in an assignment."""
    choices: list[tuple[str, ...]] = []
    for segment in word.segments:
        if isinstance(segment, Literal):
            choices.append((segment.text,))
        elif segment.variable is not None and segment.variable in values:
            choices.append(values[segment.variable])
        else:
            printed = printed_by(segment.text)
            choices.append(() if printed is None else (printed,))
    if word.has_tilde or not all(choices):
        return ()
    readings = ["".join(parts) for parts in product(*choices)] if choices else [""]
    return tuple(dict.fromkeys(readings)) if len(readings) <= _MOST else ()


def _regions(
    script: Script, statements: Sequence[Statement], loops: dict[str, list[Compound]]
) -> dict[str, tuple[tuple[int, int], ...]]:
    regions: dict[str, list[tuple[int, int]]] = {}
    for statement in statements:
        if isinstance(statement, Compound) and statement.kind == "c_style_for_statement":
            for name in _computes(statement):
                regions.setdefault(name, []).append((statement.start, statement.start + len(statement.text.encode())))
    for name, compounds in loops.items():
        for loop in compounds:
            regions.setdefault(name, []).append((loop.start, loop.start + len(loop.text.encode())))
    for statement in script.statements:
        first = (
            statement.body[0]
            if isinstance(statement, Compound) and statement.kind == "list" and statement.body
            else statement
        )
        if isinstance(first, Simple) and (not first.words or first.words[0].value in {"export", "readonly"}):
            for assignment in first.assignments:
                regions.setdefault(assignment.name, []).append((first.start + len(first.text.encode()), 1 << 62))
    return {name: tuple(spans) for name, spans in regions.items()}
