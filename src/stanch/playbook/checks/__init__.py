"""What can be wrong with a playbook that was understood: one file a check, its docstring its page.

A check is `check(plan, surroundings)`; it yields problems and changes nothing.
"""

from collections.abc import Callable, Iterator
from types import ModuleType

from stanch.model.plan import Plan
from stanch.model.problem import Problem
from stanch.playbook.checks import (
    credentials_in_command,
    destructive_command,
    endless_command,
    interactive_command,
    missing_program,
    narrowed_threshold,
    open_placeholder,
    placeholder_contact,
    role_contact,
    secret_in_document,
    severity_clock,
    stale_playbook,
    trigger_steps,
    unarmed_threshold,
    unchecked_step,
    unfilled_slot,
    unknown_action,
    unknown_signal,
    unreached_procedure,
    unread_instruction,
)
from stanch.playbook.surroundings import Surroundings

CHECKS: tuple[ModuleType, ...] = (
    unknown_signal,
    unarmed_threshold,
    unread_instruction,
    narrowed_threshold,
    unknown_action,
    open_placeholder,
    endless_command,
    interactive_command,
    destructive_command,
    unchecked_step,
    severity_clock,
    role_contact,
    placeholder_contact,
    trigger_steps,
    unreached_procedure,
    unfilled_slot,
    missing_program,
    stale_playbook,
    secret_in_document,
    credentials_in_command,
)
"""Every check, in the order in which problems of one line are shown."""

Check = Callable[[Plan, Surroundings], Iterator[Problem]]


def problems_of(plan: Plan, surroundings: Surroundings) -> tuple[Problem, ...]:
    """What all checks find in a plan."""
    found: list[Problem] = []
    for module in CHECKS:
        check: Check = module.check
        found.extend(check(plan, surroundings))
    return tuple(found)
