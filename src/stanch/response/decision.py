"""What a run does next, from its rows alone. Pure: the runner only carries it out."""

from dataclasses import dataclass

from stanch.model.run import Run, RunState, StepRecord, StepState
from stanch.response.transitions import UNDO_FAILED
from stanch.response.ways import Means, goes_by_itself, way_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Begin:
    """The step's turn has come and nobody needs to be asked any more."""

    step: StepRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """The step's turn has come and people must be asked."""

    step: StepRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Recover:
    """The step was started by somebody who is gone."""

    step: StepRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Escalate:
    """Nobody answered in the step's time."""

    step: StepRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop:
    """The step waits for people, and there is nothing left to wait for."""

    step: StepRecord
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Compensate:
    """A stop asked for what was done to be put back; this is the last of it that still stands."""

    step: StepRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Rest:
    """Nothing to do until `until` (epoch seconds); None waits for people."""

    until: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finish:
    state: RunState
    outcome: str


Move = Begin | Ask | Recover | Escalate | Drop | Compensate | Rest | Finish


def next_move(run: Run, *, means: Means, resolved: str | None, undo: bool, now: float) -> Move:
    """The one thing to do now. Steps go in order; the first that is not over holds up those behind it.

    `resolved` says why nothing needs to wait for people any more (the incident is resolved); `undo` whether a stop
    asked for compensation.
    """
    assert not run.state.is_over
    started = next((step for step in run.steps if step.state is StepState.STARTED), None)
    if started is not None:
        return Recover(step=started)
    if run.state is RunState.STOPPING:
        return _stop(run, undo=undo)
    step = next((step for step in run.steps if not step.state.is_over), None)
    if step is None:
        return Finish(state=RunState.FINISHED, outcome=_outcome(run))
    match step.state:
        case StepState.WAITING:
            return _first(step, means=means, resolved=resolved, now=now)
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


def _first(step: StepRecord, *, means: Means, resolved: str | None, now: float) -> Move:
    """For the step whose turn has come."""
    if step.not_before is not None and step.not_before > now:
        return Rest(until=step.not_before)
    way = way_of(step, means)
    if goes_by_itself(step, way):
        return Begin(step=step)
    if resolved is not None:
        return Drop(step=step, because=resolved)
    return Ask(step=step)


def _stop(run: Run, *, undo: bool) -> Move:
    waiting = next((step for step in run.steps if not step.state.is_over and step.state is not StepState.UNKNOWN), None)
    if waiting is not None:
        return Drop(step=waiting, because="The run was stopped.")
    if undo:
        done = [step for step in run.steps if step.state is StepState.DONE and step.undo and step.action]
        standing = [step for step in done if not step.progress.get(UNDO_FAILED)]
        if standing:
            return Compensate(step=standing[-1])
    return Finish(state=RunState.STOPPED, outcome=_outcome(run))


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
