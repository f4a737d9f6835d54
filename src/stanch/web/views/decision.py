"""The one thing to do next in an incident: what waits for a person, or what is going on without one."""

from collections.abc import Sequence
from dataclasses import dataclass

from stanch.charts.quantity import prose
from stanch.model.incident import Incident, IncidentStatus
from stanch.model.plan import StepKind
from stanch.model.risk import Risk
from stanch.model.run import Run, RunState, StepRecord, StepState
from stanch.response import approvals
from stanch.response.runs import is_by_hand


@dataclass(frozen=True, slots=True, kw_only=True)
class Decide:
    """A step that waits for a yes. `unknown` says that it was begun before and nobody saw how it ended."""

    run_id: str
    key: str
    title: str
    why: str
    statement: str
    undo: str
    facts: tuple[tuple[str, str], ...]
    digest: str
    risk: Risk
    asks: str
    yes: str
    by_hand: bool
    unknown: bool
    given_by: tuple[str, ...]
    source: str
    also: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Working:
    """A step that goes on by itself; `share` is how far it is, where that is known."""

    run_id: str
    title: str
    detail: str
    since: float
    share: float | None
    until: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Watching:
    """Signals are being watched: clean since `since`, or not all of them yet."""

    since: float | None
    needed_s: float | None
    out: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Over:
    """Nothing is left to do but to learn."""

    resolved_at: float
    took_s: float
    because: str
    reviewed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Quiet:
    """Nothing waits and nothing goes on, and why that is so."""

    because: str


Next = Decide | Working | Watching | Over | Quiet


def next_of(
    incident: Incident, runs: Sequence[Run], *, needed_s: float | None, because: str, out: Sequence[str]
) -> Next:
    """What this person should see first. `because` is why the incident was resolved; `out` what is out of range."""
    if incident.status is IncidentStatus.RESOLVED and incident.resolved_at is not None:
        return Over(
            resolved_at=incident.resolved_at,
            took_s=incident.resolved_at - incident.opened_at,
            because=because,
            reviewed=incident.review_path is not None,
        )
    steps = [step for run in runs if run.state is RunState.RUNNING for step in run.steps]
    waiting = [step for step in steps if step.state in {StepState.PROPOSED, StepState.UNKNOWN} and step.digest]
    if waiting:
        # What production changes comes before what a person only notes down; the oldest of them first.
        first, *rest = sorted(waiting, key=lambda step: (is_by_hand(step), step.ordinal))
        return _decide(first, rest)
    started = next((step for step in steps if step.state in {StepState.STARTED, StepState.APPROVED}), None)
    if started is not None and not (started.type is StepKind.CHECK and incident.status is IncidentStatus.MITIGATED):
        return _working(started)
    if incident.recovering_since is not None or incident.status is IncidentStatus.MITIGATED:
        return Watching(since=incident.recovering_since, needed_s=needed_s, out=tuple(out))
    if started is not None:
        return _working(started)
    if not runs:
        return Quiet(because="No procedure of the playbooks matches this incident. Write down what you do.")
    return Quiet(because="Every step of the procedure has ended, and not all signals are back within their limits.")


def _decide(step: StepRecord, rest: Sequence[StepRecord]) -> Decide:
    needed = approvals.people_needed(step)
    given = tuple(each.by for each in step.approvals if each.digest == step.digest)
    by_hand = is_by_hand(step)
    people = "one approval" if needed == 1 else f"{needed} people"
    return Decide(
        run_id=step.run_id,
        key=step.key,
        title=step.title or step.text,
        why=step.because or step.why or "" if step.state is StepState.UNKNOWN else step.why or "",
        statement=step.statement or step.command or "",
        undo=step.undo or "",
        facts=step.facts,
        digest=step.digest or "",
        risk=step.risk,
        asks="yours to do" if by_hand else people,
        yes="Done" if by_hand else "Approve",
        by_hand=by_hand,
        unknown=step.state is StepState.UNKNOWN,
        given_by=given,
        source="" if step.source is None else str(step.source),
        also=tuple(other.title or other.text for other in rest),
    )


def _working(step: StepRecord) -> Working:
    done, total = step.progress.get("done"), step.progress.get("total")
    share = float(done) / float(total) if done is not None and total else None
    return Working(
        run_id=step.run_id,
        title=step.title or step.text,
        detail=str(step.progress.get("text") or (step.why or "")),
        since=step.started_at or 0.0,
        share=share,
        until=step.due_at,
    )


def sentence(watching: Watching, now: float) -> str:
    """How far the recovery is."""
    if watching.since is None:
        return "Not all signals are back within their limits yet."
    clean = prose(max(0.0, now - watching.since))
    return f"Clean for {clean}" + (f" of {prose(watching.needed_s)}." if watching.needed_s else ".")
