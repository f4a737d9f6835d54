"""Branches of a run: steps under a condition, alternatives among which one is chosen, and who decides. Pure.

Neighbouring steps of a phase with the same condition are one branch. Neighbouring branches that are called *Option A*,
*Option B* are alternatives. A branch is decided by what is measured where its condition speaks of one signal; where a
person must be asked for its only step anyway, their yes to the step is the decision; else they are asked once for all.
"""

import itertools
import re
from collections.abc import Sequence
from typing import Any

from stanch.model.plan import StepKind
from stanch.model.record import record
from stanch.model.run import StepRecord
from stanch.response.transitions import BRANCH

_OPTION = re.compile(r"^(?:option|alternative|alternatively|or|plan)\b", re.IGNORECASE)
_AFTERTHOUGHT = re.compile(
    r"^(?:if|when|where|as) (?:needed|necessary|required|possible|available|appropriate|applicable|feasible|safe)$",
    re.IGNORECASE,
)


@record
class Branch:
    """`keys` are its steps in order. `options` are the alternatives it is one of, itself among them; else empty."""

    condition: str
    keys: tuple[str, ...]
    options: tuple["Branch", ...] = ()


def branch_of(steps: Sequence[StepRecord], step: StepRecord) -> Branch | None:
    """The branch that a step stands in; None for one without a condition."""
    if not step.condition:
        return None
    groups = _groups(steps)
    at = next(index for index, group in enumerate(groups) if any(each.key == step.key for each in group))
    mine = groups[at]
    condition, keys = step.condition, tuple(each.key for each in mine)
    if not _OPTION.match(condition):
        return Branch(condition=condition, keys=keys)
    first, last = at, at
    while first > 0 and _is_option(groups[first - 1]):
        first -= 1
    while last + 1 < len(groups) and _is_option(groups[last + 1]):
        last += 1
    options = tuple(
        Branch(condition=group[0].condition or "", keys=tuple(each.key for each in group))
        for group in groups[first : last + 1]
    )
    return Branch(condition=condition, keys=keys, options=options)


def _groups(steps: Sequence[StepRecord]) -> list[list[StepRecord]]:
    """Steps in runs of the same condition; "if needed" said twice is two conditions."""
    groups: list[list[StepRecord]] = []
    for step in steps:
        last = groups[-1][-1] if groups else None
        same = last is not None and last.condition == step.condition
        inside = same and (not step.condition or (last is not None and last.phase == step.phase))
        if inside and not (step.condition and _AFTERTHOUGHT.match(step.condition)):
            groups[-1].append(step)
        else:
            groups.append([step])
    return groups


def _is_option(group: Sequence[StepRecord]) -> bool:
    return bool(group[0].condition and _OPTION.match(group[0].condition))


@record
class Choice:
    """Ways of which at most one is taken: each is its condition and what goes on in it."""

    ways: tuple[tuple[str, tuple["Stretch", ...]], ...]


@record
class Beside:
    """Steps, by key, that go side by side; `name` is how the playbook calls them together."""

    name: str
    keys: tuple[str, ...]


Stretch = str | Choice | Beside
"""A part of a procedure as it goes on: the key of a step, a choice, or steps side by side."""


def shape_of(steps: Sequence[StepRecord]) -> tuple[Stretch, ...]:
    """How a procedure branches, in its order."""
    found: list[Stretch] = []
    at = 0
    while at < len(steps):
        branch = branch_of(steps, steps[at])
        if branch is None:
            end = next((place for place in range(at, len(steps)) if steps[place].condition), len(steps))
            found += _straight(steps[at:end])
        else:
            ways = branch.options or (branch,)
            known = {step.key: step for step in steps}
            inside = [(way.condition, _straight([known[key] for key in way.keys])) for way in ways]
            found.append(Choice(ways=tuple(inside)))
            end = at + sum(len(way.keys) for way in ways)
        at = end
    return tuple(found)


def _straight(steps: Sequence[StepRecord]) -> tuple[Stretch, ...]:
    """Steps of which none is chosen: one after the other, and side by side where the playbook says so."""
    found: list[Stretch] = []
    for name, group in itertools.groupby(steps, key=lambda step: step.parallel):
        keys = tuple(step.key for step in group)
        if name is None or len(keys) == 1:
            found += keys
        else:
            found.append(Beside(name=name, keys=keys))
    return tuple(found)


def is_decided(step: StepRecord) -> bool:
    """Whether its branch was taken already."""
    return BRANCH in step.progress


def must_be_chosen(steps: Sequence[StepRecord], branch: Branch, *, by_itself: frozenset[str]) -> bool:
    """Whether people must be asked which way it goes, before its first step. `by_itself` are steps nobody is asked for.

    A branch that only reads may as well be read; a single step that is asked for carries its condition with it.
    """
    if branch.options:
        return True
    mine = [step for step in steps if step.key in branch.keys]
    if any(step.type is StepKind.MESSAGE and step.key in by_itself for step in mine):
        return True
    return len(mine) > 1 and any(step.key not in by_itself for step in mine)


def choice_of(steps: Sequence[StepRecord], branch: Branch) -> dict[str, Any]:
    """The question as it stands with the step that asks it: the options that are still open, each with its steps."""
    still_open = {step.key for step in steps if not step.state.is_over}
    options = [each for each in branch.options or (branch,) if any(key in still_open for key in each.keys)]
    question = (
        f"Which of these: {'; '.join(each.condition for each in options)}?"
        if len(options) > 1
        else f"Does this hold: {branch.condition}?"
    )
    return {
        "question": question,
        "options": [
            {
                "key": next(key for key in each.keys if key in still_open),
                "text": each.condition,
                "keys": [key for key in each.keys if key in still_open],
            }
            for each in options
        ],
    }
