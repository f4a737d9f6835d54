"""The grammar of thresholds as a machine reads it: an LALR parser over the kinds of tokens.

`threshold.lark` is what people write; `threshold.json` is its parse table, written by `make tables`, so that a check
does not build the same table anew on every start (a test holds the two equal).
"""

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from stanch.model.record import record

END = "$END"
"""The kind after the last token."""


@record
class Part:
    """A piece of a parsed segment: the grammar's name for it, and the indices of its tokens."""

    name: str
    at: tuple[int, ...]


@record
class Rule:
    """One production: what it makes, of how many symbols, and its name among the parts.

    A rule without a name either lists parts (`lists`) or stands for its only child.
    """

    makes: str
    length: int
    name: str
    lists: bool


@record
class Table:
    """`actions` of each state by kind: a state to go to, or minus the number (from 1) of a rule that is complete.

    `left_out` are kinds that a part does not keep.
    """

    start: int
    accepting: int
    actions: tuple[Mapping[str, int], ...]
    gotos: tuple[Mapping[str, int], ...]
    rules: tuple[Rule, ...]
    left_out: frozenset[str]


@lru_cache(maxsize=1)
def table() -> Table:
    """The table that ships with the package."""
    written = json.loads(Path(__file__).with_name("threshold.json").read_text(encoding="utf-8"))
    return Table(
        start=written["start"],
        accepting=written["accepting"],
        actions=tuple(written["actions"]),
        gotos=tuple(written["gotos"]),
        rules=tuple(
            Rule(makes=makes, length=length, name=name, lists=lists) for makes, length, name, lists in written["rules"]
        ),
        left_out=frozenset(written["left_out"]),
    )


_Value = int | Part | list[Part] | None
"""What stands on the stack: a token's index, a part, parts, or a token that is not kept."""


@lru_cache(maxsize=8192)
def parse(kinds: tuple[str, ...]) -> tuple[Part, ...] | None:
    """The parts of a segment of this shape, in order; None where the grammar has no such segment."""
    machine = table()
    states = [machine.start]
    values: list[_Value] = []
    at = 0
    while True:
        kind = kinds[at] if at < len(kinds) else END
        action = machine.actions[states[-1]].get(kind)
        if action is None:
            return None
        if action >= 0:
            states.append(action)
            values.append(None if kind in machine.left_out else at)
            at += 1
            continue
        rule = machine.rules[-action - 1]
        children = values[len(values) - rule.length :]
        del values[len(values) - rule.length :], states[len(states) - rule.length :]
        values.append(_made(rule, children))
        states.append(machine.gotos[states[-1]][rule.makes])
        if kind == END and states[-1] == machine.accepting:
            return tuple(_parts(values))


def _made(rule: Rule, children: Sequence[_Value]) -> _Value:
    if rule.lists:
        return _parts(children)
    if not rule.name:
        return children[0]
    return Part(name=rule.name, at=tuple(_indices(children)))


def _parts(children: Sequence[_Value]) -> list[Part]:
    out: list[Part] = []
    for child in children:
        if isinstance(child, Part):
            out.append(child)
        elif isinstance(child, list):
            out.extend(child)
    return out


def _indices(children: Sequence[_Value]) -> list[int]:
    out: list[int] = []
    for child in children:
        if isinstance(child, int):
            out.append(child)
        elif isinstance(child, Part):
            out.extend(child.at)
    return out
