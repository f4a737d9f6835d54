"""Each change of a step: the record after it, and what the timeline is told. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from stanch.model.finding import Proposal
from stanch.model.incident import EventKind
from stanch.model.record import record
from stanch.model.risk import Risk, worst
from stanch.model.run import StepRecord, StepState
from stanch.response.slots import GIVEN_RISK, forgotten, open_slots

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

BEFORE = "before"
"""In a step's progress: what the look before the act printed."""
UNDO = "undo"
"""In a step's progress: the pipeline that puts a command back, stage by stage."""
RAN = "ran"
"""In a step's progress: its command ended well, with this exit status; what is left is to verify it."""
ACTED = "acted"
"""In a step's progress: it was carried out, whatever its verification said; a stop puts it back."""
UNDOING = "undoing"
"""In a step's progress: putting it back was begun, when the look showed this."""
WATCHES = "watches"
"""In a step's progress: the condition on a signal by which the step is done."""
WHEN = "when"
"""In a step's progress: the condition on a signal by which its branch is taken."""
BRANCH = "branch"
"""In a step's progress: its branch is taken, and why."""
CHOICE = "choice"
"""In a step's progress: what is asked is to decide: its `question` and `options` (key, text, keys)."""
TAKEN = "taken"
"""In a step's progress: who took it over by hand."""
LATE = "late"
"""In a step's progress: the phases whose end was missed, and said so."""

RECORD = "record"
"""In a step's progress: where its supervisor writes what became of its command (see `records`)."""

NO_UNDO = "No undo"
"""The name of the fact that says, before people approve, why there is no undo."""

_KEPT = frozenset(
    {
        BY_HAND,
        GIVEN,
        GIVEN_RISK,
        UNDO_FAILED,
        DATA,
        BEFORE,
        UNDO,
        RAN,
        ACTED,
        UNDOING,
        WATCHES,
        WHEN,
        BRANCH,
        CHOICE,
        TAKEN,
        LATE,
        RECORD,
    }
)
LASTING = frozenset({WATCHES, WHEN, BRANCH, LATE})
"""What of a step's progress outlives even being asked for anew."""

OWN_CONNECTIONS = "Stanch, by the connections of its settings"
"""As whom an action acts that does not say so itself."""

Told = tuple[EventKind, dict[str, Any]]
Digest = Callable[[StepRecord], str]


@record
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


def _without(progress: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {key: value for key, value in progress.items() if key not in names}


def resolved(step: StepRecord, *, least: Risk, proposal: Proposal, given: dict[str, Any]) -> StepRecord:
    """The step with what its action proposed. Its risk is the worst that anybody gave it."""
    return replace(
        step,
        risk=worst(step.risk, least, proposal.risk),
        parameters=proposal.parameters,
        statement=proposal.statement,
        acts_as=proposal.acts_as or OWN_CONNECTIONS,
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
        progress={**_without(kept(wanted.progress), RAN, CHOICE), BY_HAND: by_hand},
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
        acts_as=after.acts_as,
        why=after.why,
        because=because,
        owner=after.owner,
        by_hand=by_hand,
        open=[slot.placeholder for slot in open_slots(after)],
    )
    return Transition(after=after, events=(event,))


def started(
    step: StepRecord,
    wanted: StepRecord,
    *,
    now: float,
    due_at: float,
    because: str | None,
    record: str | None = None,
) -> Transition:
    """The intent: from here on it may have happened, whatever happens to us. `record` is where its outcome will be."""
    progress = _without(kept(wanted.progress), RAN, ACTED, RECORD)
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
        not_before=None,
        progress=progress if record is None else {**progress, RECORD: record},
    )
    command = after.statement if after.statement is not None else after.command
    whom = {} if after.acts_as is None else {"acts_as": after.acts_as}
    event = told(EventKind.STEP_STARTED, after, command=command, attempt=after.attempt, because=because, **whom)
    return Transition(after=after, events=(event,))


def said(step: StepRecord, wanted: StepRecord, *, now: float) -> Transition:
    """A message step: begun and done in the transaction that queues what is said."""
    begun = started(step, wanted, now=now, due_at=now, because=None)
    done = replace(begun.after, state=StepState.DONE, ended_at=now, due_at=None)
    return Transition(after=done, events=(*begun.events, told(EventKind.STEP_DONE, done, elapsed_s=0.0, output="")))


@record
class Result:
    """What came of a step. `output` None leaves what was shown while it ran; `verified` says what proved it.

    `acted` says that it was carried out though it is not done; `late` that its time box ran out.
    """

    state: StepState
    because: str | None = None
    output: str | None = None
    exit_status: int | None = None
    verified: str | None = None
    data: Mapping[str, Any] | None = None
    acted: bool = False
    late: bool = False


def ended(step: StepRecord, result: Result, *, now: float, elapsed_s: float, digest: Digest) -> Transition:
    """The outcome. One that is not known is put before people, as a question of its own."""
    progress = _without(kept(step.progress), RAN)
    if result.acted:
        progress[ACTED] = True
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
    late: tuple[Told, ...] = ()
    if result.late:
        over = max(0.0, now - step.due_at) if step.due_at is not None else 0.0
        late = (told(EventKind.STEP_ESCALATED, step, owner=step.owner, late_s=over, because="Its time box ran out."),)
    if after.state.is_over:
        after = forgotten(after)
    return Transition(after=after, events=(*proof, event, *late))


def escalated(step: StepRecord, *, now: float) -> Transition:
    """Nobody answered in time; it goes on waiting."""
    late = 0.0 if step.due_at is None else max(0.0, now - step.due_at)
    because = "Nobody has answered in time." if step.owner is None else f"{step.owner} has not answered in time."
    event = told(EventKind.STEP_ESCALATED, step, owner=step.owner, late_s=late, because=because)
    return Transition(after=replace(step, due_at=None), events=(event,))


def phase_late(step: StepRecord, phase: str, *, late_s: float, left: int) -> Transition:
    """The time box of a phase ran out with `left` steps of it not over; `step` is the first of them."""
    steps = "1 step" if left == 1 else f"{left} steps"
    because = f"The time box of '{phase}' has run out with {steps} left."
    event = told(EventKind.STEP_ESCALATED, step, owner=step.owner, late_s=late_s, because=because, phase=phase)
    late = [*step.progress.get(LATE, []), phase]
    return Transition(after=replace(step, progress={**step.progress, LATE: late}), events=(event,))


def asked_to_choose(
    step: StepRecord, choice: Mapping[str, Any], *, digest: Digest, because: str | None, due_at: float
) -> Transition:
    """What is put before people is a decision: which way the run goes on from here."""
    after = replace(
        step,
        state=StepState.PROPOSED,
        asked=step.asked + 1,
        because=because,
        due_at=due_at,
        progress={**kept(step.progress), CHOICE: dict(choice), BY_HAND: False},
        approvals=(),
    )
    after = replace(after, digest=digest(after))
    event = told(
        EventKind.STEP_PROPOSED,
        after,
        digest=after.digest,
        risk=Risk.READ_ONLY,
        statement=None,
        undo=None,
        why=choice["question"],
        because=because,
        owner=after.owner,
        by_hand=False,
        choice=choice["question"],
    )
    return Transition(after=after, events=(event,))


def decided(step: StepRecord, because: str) -> Transition:
    """What is measured says that the step's branch is taken."""
    after = replace(step, progress={**step.progress, BRANCH: because})
    return Transition(after=after, events=(told(EventKind.STEP_DECIDED, step, taken=True, because=because),))


def retried(step: StepRecord, because: str, *, at: float) -> Transition:
    """It failed, and its action says that doing it again is safe: its turn comes again, under the same approval."""
    state = StepState.APPROVED if step.approvals else StepState.WAITING
    after = replace(step, state=state, due_at=None, not_before=at, because=because)
    return Transition(
        after=after, events=(told(EventKind.STEP_RETRIED, step, because=because, attempt=step.attempt, at=at),)
    )


def undoing(step: StepRecord, seen: str | None) -> Transition:
    """The intent to put it back."""
    after = replace(step, progress={**step.progress, UNDOING: seen})
    return Transition(after=after, events=(told(EventKind.STEP_UNDOING, step, command=step.undo),))


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
