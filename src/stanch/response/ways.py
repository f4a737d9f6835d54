"""How a step is carried out: by us, and then by which way, or by hand, and then why."""

from collections.abc import Container
from dataclasses import field, replace
from enum import StrEnum
from typing import assert_never

from stanch.model.plan import Slot, StepKind
from stanch.model.problem import Refused
from stanch.model.record import record
from stanch.model.risk import Risk, Trait
from stanch.model.run import StepRecord
from stanch.response.identities import Identity
from stanch.response.slots import is_secret, open_slots, resolved, template_of
from stanch.response.transitions import GIVEN, WATCHES


class Way(StrEnum):
    ARGV = "argv"
    SHELL = "shell"
    QUERY = "query"
    ACTION = "action"
    MESSAGE = "message"
    WATCH = "watch"
    """Look at a signal until it is as the step says."""


@record
class ByHand:
    """A person does it and says so. `because` tells them why it is theirs."""

    because: str


@record
class FillIn:
    """It waits for values. `by_hand` says why a person runs it even then, where that is so."""

    slots: tuple[Slot, ...]
    by_hand: str | None = None

    @property
    def because(self) -> str:
        """What people are told."""
        names = ", ".join(slot.placeholder for slot in self.slots)
        return " ".join(filter(None, (f"It has places to fill in ({names}).", self.by_hand)))


@record
class Means:
    """What this installation can do: its actions, whether there is a database to ask, a way to tell people, and
    signals that are measured. `identity` is whom steps act as that nobody is asked about.
    """

    actions: Container[str] = frozenset()
    can_query: bool = False
    can_tell: bool = False
    can_measure: bool = False
    identity: Identity = field(default_factory=Identity)


_TERMINAL = "It needs a terminal. Run it yourself."


def way_of(step: StepRecord, means: Means) -> Way | ByHand | FillIn:
    """Decide from the step as recorded. What cannot be carried out safely is a person's."""
    if step.command is not None and step.type is not StepKind.MANUAL:
        return _way_of_command(step, means)
    if step.action is not None and step.type is not StepKind.MANUAL:
        if step.action in means.actions:
            return _way_of_action(step)
        return ByHand(because=f"No action `{step.action}` is configured here.")
    match step.type:
        case StepKind.CHECK if WATCHES in step.progress and means.can_measure:
            return Way.WATCH
        case StepKind.MESSAGE if means.can_tell:
            return Way.MESSAGE
        case StepKind.MESSAGE:
            return ByHand(because="No channel is configured for what is to be said.")
        case StepKind.MANUAL if Trait.INTERACTIVE in step.traits:
            return ByHand(because=_TERMINAL)
        case StepKind.MANUAL:
            return ByHand(because="The playbook leaves it to a person.")
        case StepKind.COMMAND | StepKind.ACTION | StepKind.CHECK:
            return ByHand(because="The playbook does not say in a form that can be carried out how it is done.")
        case _:
            assert_never(step.type)


def _way_of_action(step: StepRecord) -> Way | ByHand | FillIn:
    """By its action, once the places for its parameters are filled in."""
    given = step.progress.get(GIVEN, step.parameters).values()
    for slot in step.slots:
        if is_secret(slot):
            return ByHand(because=f"{slot.placeholder} asks for a secret, which no parameter of an action holds.")
        if slot.placeholder not in given:
            return ByHand(because=f"`{step.action}` takes nothing for {slot.placeholder}. Do it yourself.")
    still_open = open_slots(step)
    return FillIn(slots=still_open) if still_open else Way.ACTION


def _way_of_command(step: StepRecord, means: Means) -> Way | ByHand | FillIn:
    if not step.slots:
        return _way_of_resolved(step, means)
    still_open = open_slots(step)
    template = template_of(step)
    if still_open:
        shape = replace(step, traits=template.rating.traits, pipeline=template.pipeline)
        way = _way_of_resolved(shape, means)
        hand = template.because or (way.because if isinstance(way, ByHand) else None)
        return FillIn(slots=still_open, by_hand=hand)
    if template.because is not None:
        return ByHand(because=f"{template.because} Run it yourself.")
    try:
        return _way_of_resolved(resolved(step), means)
    except Refused as refused:
        return ByHand(because=refused.message)


def _way_of_resolved(step: StepRecord, means: Means) -> Way | ByHand:
    if step.language == "sql":
        if step.risk is not Risk.READ_ONLY:
            return ByHand(because="Stanch's database connection is read-only. Run it yourself.")
        if not means.can_query:
            return ByHand(because="No database is configured to ask.")
        return Way.QUERY
    if Trait.INTERACTIVE in step.traits:
        return ByHand(because=_TERMINAL)
    if Trait.UNREADABLE in step.traits:
        return ByHand(because="Stanch cannot read what it does, so it does not run it.")
    return Way.SHELL if step.pipeline is None else Way.ARGV


_ASKED_FOR = {Trait.HEAVY, Trait.EXPOSES_SECRETS, Trait.DYNAMIC, Trait.UNREADABLE}


def goes_by_itself(step: StepRecord, way: Way | ByHand | FillIn, means: Means) -> bool:
    """Whether nobody needs to be asked: it only reads, needs no shell, weighs little and shows no secrets.

    Nor does it name whom it acts as, where the settings say whom it is to act as then.
    """
    if isinstance(way, ByHand | FillIn) or way is Way.SHELL:
        return False
    step = resolved(step)
    if step.pipeline is not None and means.identity.cannot_take(step.pipeline) is not None:
        return False
    return step.risk is Risk.READ_ONLY and not step.traits & _ASKED_FOR
