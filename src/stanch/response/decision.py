"""What a run does next, from its rows alone. Pure: the runner only carries it out."""

import itertools
from collections.abc import Collection

from stanch.model.record import record
from stanch.model.run import Run, RunState, StepRecord, StepState
from stanch.response.branches import Branch, branch_of, is_decided, must_be_chosen
from stanch.response.phases import PhaseEnd, phase_ends
from stanch.response.transitions import ACTED, UNDO, UNDO_FAILED, WHEN
from stanch.response.ways import Means, goes_by_itself, way_of


@record
class Begin:
    """The step's turn has come and nobody needs to be asked any more."""

    step: StepRecord


@record
class Ask:
    """The step's turn has come and people must be asked."""

    step: StepRecord


@record
class Recover:
    """The step was started by somebody who is gone."""

    step: StepRecord


@record
class Escalate:
    """Nobody answered in the step's time."""

    step: StepRecord


@record
class EscalatePhase:
    """The time box of a phase ran out, and steps of it are not over."""

    end: PhaseEnd


@record
class Choose:
    """A branch begins, and people must say whether it is taken, or which one is."""

    step: StepRecord
    branch: Branch


@record
class Decide:
    """A branch begins, and what is measured says whether it is taken."""

    step: StepRecord
    branch: Branch


@record
class Drop:
    """The step waits for people, and there is nothing left to wait for."""

    step: StepRecord
    because: str


@record
class Compensate:
    """A stop asked for what was done to be put back; this is the last of it that still stands."""

    step: StepRecord


@record
class Rest:
    """Nothing to do until `until` (epoch seconds); None waits for people."""

    until: float | None


@record
class Finish:
    state: RunState
    outcome: str


Move = Begin | Ask | Recover | Escalate | EscalatePhase | Choose | Decide | Drop | Compensate | Rest | Finish


def next_move(
    run: Run, *, means: Means, resolved: str | None, undo: bool, now: float, busy: Collection[str] = ()
) -> Move:
    """The one thing to do now. Steps go in order; the first that is not over holds up those behind it.

    Steps that the playbook puts side by side hold up none of each other. `resolved` says why nothing needs to wait for
    people any more (the incident is resolved); `undo` whether a stop asked for compensation; `busy` are the keys of
    steps that are being carried out at this moment.
    """
    assert not run.state.is_over
    started = next((step for step in run.steps if step.state is StepState.STARTED and step.key not in busy), None)
    if started is not None:
        return Recover(step=started)
    if run.state is RunState.STOPPING:
        return _stop(run, undo=undo, busy=busy)
    ends = phase_ends(run)
    if ends and ends[0].due_at <= now and resolved is None:
        return EscalatePhase(end=ends[0])
    turn = frontier(run)
    if not turn:
        return Finish(state=RunState.FINISHED, outcome=_outcome(run))
    until = [ends[0].due_at] if ends and resolved is None else []
    for step in turn:
        if step.key in busy:
            continue
        move = _of(run, step, means=means, resolved=resolved, now=now)
        if not isinstance(move, Rest):
            return move
        if move.until is not None:
            until.append(move.until)
    return Rest(until=min(until, default=None))


def frontier(run: Run) -> tuple[StepRecord, ...]:
    """The steps whose turn it is: the first that is not over, with those that the playbook puts beside it."""
    first = next((index for index, step in enumerate(run.steps) if not step.state.is_over), None)
    if first is None:
        return ()
    group = run.steps[first].parallel
    if group is None:
        return (run.steps[first],)
    beside = itertools.takewhile(lambda step: step.parallel == group, run.steps[first:])
    return tuple(step for step in beside if not step.state.is_over)


def _of(run: Run, step: StepRecord, *, means: Means, resolved: str | None, now: float) -> Move:
    """The move for one step whose turn it is."""
    match step.state:
        case StepState.WAITING:
            return _first(run, step, means=means, resolved=resolved, now=now)
        case StepState.APPROVED if step.not_before is not None and step.not_before > now:
            return Rest(until=step.not_before)
        case StepState.APPROVED:
            return Begin(step=step)
        case StepState.PROPOSED:
            if resolved is not None:
                return Drop(step=step, because=resolved)
            if step.due_at is not None and step.due_at <= now:
                return Escalate(step=step)
            return Rest(until=step.due_at)
        case StepState.UNKNOWN:
            # Held open even when the incident is over: somebody has to look at what the act left behind.
            return Rest(until=None)
        case _:
            raise AssertionError(step.state)


def _first(run: Run, step: StepRecord, *, means: Means, resolved: str | None, now: float) -> Move:
    """For the step whose turn has come."""
    if step.not_before is not None and step.not_before > now:
        return Rest(until=step.not_before)
    way = way_of(step, means)
    branch = None if is_decided(step) else branch_of(run.steps, step)
    if branch is not None and resolved is None:
        if WHEN in step.progress and means.can_measure and not branch.options:
            return Decide(step=step, branch=branch)
        by_itself = frozenset(each.key for each in run.steps if goes_by_itself(each, way_of(each, means), means))
        if must_be_chosen(run.steps, branch, by_itself=by_itself):
            return Choose(step=step, branch=branch)
    if goes_by_itself(step, way, means):
        return Begin(step=step)
    if resolved is not None:
        return Drop(step=step, because=resolved)
    return Ask(step=step)


def _stop(run: Run, *, undo: bool, busy: Collection[str]) -> Move:
    still = (step for step in run.steps if not step.state.is_over and step.key not in busy)
    waiting = next((step for step in still if step.state is not StepState.UNKNOWN), None)
    if waiting is not None:
        return Drop(step=waiting, because="The run was stopped.")
    if busy:
        return Rest(until=None)
    if undo:
        standing = [step for step in run.steps if _stands(step) and not step.progress.get(UNDO_FAILED)]
        if standing:
            # What was done last is put back first, also where steps went side by side.
            return Compensate(step=max(standing, key=lambda step: (step.ended_at or 0.0, step.ordinal)))
    return Finish(state=RunState.STOPPED, outcome=_outcome(run))


def _stands(step: StepRecord) -> bool:
    """Whether it was carried out, and can be put back."""
    if not step.undo or not (step.action or step.progress.get(UNDO)):
        return False
    return step.state is StepState.DONE or (step.state is StepState.FAILED and bool(step.progress.get(ACTED)))


def _outcome(run: Run) -> str:
    """One sentence: how many steps came to what, naming what did not succeed."""
    counts = [
        (StepState.DONE, "done"),
        (StepState.UNDONE, "undone"),
        (StepState.SKIPPED, "skipped"),
        (StepState.FAILED, "failed"),
        (StepState.UNKNOWN, "of unknown outcome"),
    ]
    parts = [f"{number} {word}" for state, word in counts if (number := sum(step.state is state for step in run.steps))]
    text = ", ".join(parts) or "no steps"
    not_undone = [step.text for step in run.steps if step.progress.get(UNDO_FAILED)]
    failed = [step.text for step in run.steps if step.state is StepState.FAILED]
    if failed:
        text += f"; failed: {'; '.join(failed)}"
    if not_undone:
        text += f"; could not be undone: {'; '.join(not_undone)}"
    return text
