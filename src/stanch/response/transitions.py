"""Each change of a step: the record after it, and what the timeline is told. Pure."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from stanch.model.finding import Proposal
from stanch.model.incident import EventKind
from stanch.model.risk import Risk, worst
from stanch.model.run import StepRecord, StepState
from stanch.response.slots import GIVEN_RISK

SHOWN = 2_000
"""So many characters of an output stand on the timeline; all that is kept of it stands with the step."""

BY_HAND = "by_hand"
"""In a step's progress: what is asked is to do it, not to allow it."""
GIVEN = "given"
"""In a step's progress: the playbook's own parameters, from which it is proposed anew."""
UNDO_FAILED = "undo failed"
"""In a step's progress: putting it back did not succeed, so a stop goes on to the next one."""
DATA = "data"
"""In a step's progress: what its action left for the steps after it."""

_KEPT = frozenset({BY_HAND, GIVEN, GIVEN_RISK, UNDO_FAILED, DATA})
_LITERAL = re.compile(r"`([^`]+)`")

Told = tuple[EventKind, dict[str, Any]]
Digest = Callable[[StepRecord], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """What is written in one transaction."""

    after: StepRecord
    events: tuple[Told, ...]


def told(kind: EventKind, step: StepRecord, **data: Any) -> Told:
    """An event of a step."""
    title = {} if step.title is None else {"title": step.title}
    return kind, {"run": step.run_id, "step": step.key, "text": step.text, **title, **data}


def kept(progress: Mapping[str, Any]) -> dict[str, Any]:
    """A step's progress without how far it is: what outlives an attempt."""
    return {key: value for key, value in progress.items() if key in _KEPT}


def resolved(step: StepRecord, *, least: Risk, proposal: Proposal, given: dict[str, Any]) -> StepRecord:
    """The step with what its action proposed. Its risk is the worst that anybody gave it."""
    return replace(
        step,
        risk=worst(step.risk, least, proposal.risk),
        parameters=proposal.parameters,
        statement=proposal.statement,
        undo=proposal.undo or None,
        title=proposal.title,
        why=proposal.why,
        facts=proposal.facts,
        progress={**kept(step.progress), GIVEN: given},
    )


def proposed(
    step: StepRecord,
    wanted: StepRecord,
    *,
    digest: Digest,
    because: str | None,
    by_hand: bool,
    due_at: float,
) -> Transition:
    """The step before people: a new question, which no earlier yes answers."""
    after = replace(
        wanted,
        state=StepState.PROPOSED,
        asked=step.asked + 1,
        because=because,
        why=" ".join(filter(None, (because, step.why))) if by_hand else wanted.why,
        due_at=due_at,
        progress={**kept(wanted.progress), BY_HAND: by_hand},
        approvals=(),
    )
    after = replace(after, digest=digest(after))
    event = told(
        EventKind.STEP_PROPOSED,
        after,
        digest=after.digest,
        risk=after.risk,
        statement=after.statement if after.statement is not None else after.command,
        undo=after.undo,
        why=after.why,
        because=because,
        owner=after.owner,
        by_hand=by_hand,
    )
    return Transition(after=after, events=(event,))


def started(step: StepRecord, wanted: StepRecord, *, now: float, due_at: float, because: str | None) -> Transition:
    """The intent: from here on it may have happened, whatever happens to us."""
    after = replace(
        wanted,
        state=StepState.STARTED,
        attempt=step.attempt + 1,
        started_at=now,
        ended_at=None,
        due_at=due_at,
        output=None,
        exit_status=None,
        because=because,
        progress=kept(wanted.progress),
    )
    command = after.statement if after.statement is not None else after.command
    event = told(EventKind.STEP_STARTED, after, command=command, attempt=after.attempt, because=because)
    return Transition(after=after, events=(event,))


def said(step: StepRecord, wanted: StepRecord, *, now: float) -> Transition:
    """A message step: begun and done in the transaction that queues what is said."""
    begun = started(step, wanted, now=now, due_at=now, because=None)
    done = replace(begun.after, state=StepState.DONE, ended_at=now, due_at=None)
    return Transition(after=done, events=(*begun.events, told(EventKind.STEP_DONE, done, elapsed_s=0.0, output="")))


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came of a step. `output` None leaves what was shown while it ran; `verified` says what proved it."""

    state: StepState
    because: str | None = None
    output: str | None = None
    exit_status: int | None = None
    verified: str | None = None
    data: Mapping[str, Any] | None = None


def ended(step: StepRecord, result: Result, *, now: float, elapsed_s: float, digest: Digest) -> Transition:
    """The outcome. One that is not known is put before people, as a question of its own."""
    progress = kept(step.progress)
    after = replace(
        step,
        state=result.state,
        ended_at=now if result.state.is_over else None,
        due_at=None,
        output=result.output if result.output is not None else step.output,
        exit_status=result.exit_status,
        because=result.because,
        progress={**progress, DATA: dict(result.data)} if result.data else progress,
    )
    shown = result.output or ""
    proof = () if result.verified is None else (told(EventKind.STEP_VERIFIED, step, because=result.verified),)
    because = {"because": result.because}
    match result.state:
        case StepState.DONE:
            event = told(EventKind.STEP_DONE, step, **because, elapsed_s=elapsed_s, output=shown[:SHOWN])
        case StepState.FAILED:
            event = told(EventKind.STEP_FAILED, step, **because, output=shown[-SHOWN:])
        case StepState.SKIPPED:
            event = told(EventKind.STEP_SKIPPED, step, **because)
        case StepState.UNKNOWN:
            after = replace(after, asked=step.asked + 1, approvals=())
            after = replace(after, digest=digest(after))
            event = told(EventKind.STEP_UNKNOWN, step, **because, digest=after.digest)
        case _:
            raise AssertionError(result.state)
    return Transition(after=after, events=(*proof, event))


def escalated(step: StepRecord, *, now: float) -> Transition:
    """Nobody answered in time; it goes on waiting."""
    late = 0.0 if step.due_at is None else max(0.0, now - step.due_at)
    because = "Nobody has answered in time." if step.owner is None else f"{step.owner} has not answered in time."
    event = told(EventKind.STEP_ESCALATED, step, owner=step.owner, late_s=late, because=because)
    return Transition(after=replace(step, due_at=None), events=(event,))


def put_back(step: StepRecord, because: str) -> Transition:
    """Half of it was done, and is undone: its turn comes anew."""
    after = replace(step, state=StepState.WAITING, due_at=None, because=because, digest=None)
    return Transition(after=after, events=(told(EventKind.STEP_UNDONE, step, because=because),))


def undone(step: StepRecord, because: str) -> Transition:
    """It was done, and is undone for good."""
    after = replace(step, state=StepState.UNDONE, because=because)
    return Transition(after=after, events=(told(EventKind.STEP_UNDONE, step, because=because),))


def not_undone(step: StepRecord, because: str) -> Transition:
    """It was done, and could not be undone: people must hear of it."""
    after = replace(step, because=because, progress={**step.progress, UNDO_FAILED: True})
    event = told(EventKind.STEP_ESCALATED, step, owner=step.owner, late_s=0.0, because=because)
    return Transition(after=after, events=(event,))


def unexpected(step: StepRecord, output: str) -> str | None:
    """What the playbook expects literally (in backticks) and `output` does not hold."""
    missing = [literal for literal in _LITERAL.findall(step.expects or "") if literal not in output]
    return (
        f"Its output does not hold what is expected: {', '.join(f'`{one}`' for one in missing)}." if missing else None
    )
