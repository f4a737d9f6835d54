"""The incident room: everything that one page shows of one incident, built from its rows."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field, replace
from typing import Any

from sqlalchemy import Connection

from stanch.charts.quantity import clock as reading
from stanch.charts.quantity import prose
from stanch.comms import outbox
from stanch.incidents import lifecycle, timeline
from stanch.incidents.wording import wording
from stanch.model.control import Control, ControlState
from stanch.model.incident import Event, EventKind, Incident, IncidentStatus
from stanch.model.message import DeliveryState
from stanch.model.plan import Plan, StepKind
from stanch.model.record import record
from stanch.model.risk import Risk
from stanch.model.run import Run, RunState, StepRecord, StepState
from stanch.response import controls, runs
from stanch.response.evidence import Offer
from stanch.web.views import clocks, decision, severity
from stanch.web.views.clocks import ClockView
from stanch.web.views.severity import Badge

MOST_ROWS = 200
"""How many timeline rows a page carries; the older ones are asked for."""

_STEP_ENDS = frozenset({EventKind.STEP_DONE, EventKind.STEP_FAILED})
_PROMISES = frozenset({EventKind.CLOCK_STARTED, EventKind.CLOCK_KEPT})
_AT_ONCE_S = 2.0

_SIGNS = {
    StepState.WAITING: "○",
    StepState.PROPOSED: "▸",
    StepState.APPROVED: "▸",
    StepState.STARTED: "◐",
    StepState.DONE: "✓",
    StepState.FAILED: "✕",
    StepState.SKIPPED: "–",  # noqa: RUF001 - a dash, as it is drawn
    StepState.UNKNOWN: "?",
    StepState.UNDONE: "↶",
}


@record
class Place:
    """A line of a playbook, and where the console shows it."""

    text: str
    address: str


@record
class StepView:
    """A step as listed. `note` says its state where a sign cannot; `took` how long it was at it."""

    key: str
    sign: str
    state: str
    text: str
    command: str
    risk: Risk | None
    note: str
    took: str
    output: str
    because: str
    given_by: tuple[str, ...]
    phase: str
    current: bool


@record
class RunView:
    id: str
    name: str
    because: str
    address: str
    state: str
    summary: str
    steps: tuple[StepView, ...]
    stoppable: bool


@record
class FindingView:
    """Why: the evidence as sentences. `code` says that a text is a statement of some language."""

    title: str
    summary: str
    cost: str
    evidence: tuple[tuple[str, str, bool], ...]
    later: tuple[str, ...]


@record
class ControlView:
    id: str
    text: str
    in_force: bool
    expires_at: float
    note: str


@record
class TimelineRow:
    """One event as read. `day` is set on the first row of another day than the row above it, newest first."""

    seq: int
    at: float
    text: str
    detail: str
    key: bool
    note: bool
    actor: str
    after: str


@record
class Room:
    id: str
    title: str
    badge: Badge
    status: str
    is_over: bool
    service: str
    opened_at: float
    opened_by: Place | None
    opener: str
    assignee: str | None
    acknowledged_by: str | None
    reopened: int
    clocks: tuple[ClockView, ...]
    next: decision.Next
    findings: tuple[FindingView, ...]
    ruled_out: tuple[tuple[str, str], ...]
    runs: tuple[RunView, ...]
    controls: tuple[ControlView, ...]
    pages: tuple[outbox.Delivery, ...]
    pages_summary: str
    rows: tuple[TimelineRow, ...]
    earlier: int
    intact: bool
    events: int
    review: bool
    reviewed_by: str | None


@record
class Material:
    """The rows of one incident, read in one transaction, and the values that evidence offers (by `run/key`)."""

    incident: Incident
    events: tuple[Event, ...]
    runs: tuple[Run, ...]
    controls: tuple[Control, ...]
    pages: tuple[outbox.Delivery, ...]
    offers: Mapping[str, Sequence[Offer]] = field(default_factory=dict)


def read(connection: Connection, incident_id: str) -> Material:
    """What the page needs of the store. Raises NotFound."""
    return Material(
        incident=lifecycle.get(connection, incident_id),
        events=timeline.read(connection, incident_id),
        runs=runs.listing(connection, incident_id=incident_id),
        controls=controls.listing(connection, incident_id=incident_id),
        pages=tuple(reversed(outbox.listing(connection, incident_id))),
    )


def build(material: Material, plan: Plan, now: float, *, most: int = MOST_ROWS) -> Room:
    """The page's records from the incident's rows. Pure."""
    incident, events = material.incident, material.events
    opening = next((event for event in events if event.kind is EventKind.OPENED), None)
    last = {event.kind: event for event in events}
    recovering = last.get(EventKind.RECOVERING)
    resolved = last.get(EventKind.RESOLVED)
    reviewed = last.get(EventKind.REVIEWED)
    out = tuple(_title_of(rule, events) for rule in incident.firing)
    return Room(
        id=incident.id,
        title=incident.title,
        badge=severity.badge(incident.severity, plan),
        status=_status(incident),
        is_over=incident.status is IncidentStatus.RESOLVED,
        service=incident.service,
        opened_at=incident.opened_at,
        opened_by=place(incident.source, plan),
        opener="" if opening is None else opening.actor,
        assignee=incident.assignee,
        acknowledged_by=incident.acknowledged_by,
        reopened=incident.reopened,
        clocks=clocks.views(incident, now),
        next=decision.next_of(
            incident,
            material.runs,
            needed_s=_number(recovering, "needed_s"),
            because="" if resolved is None else str(resolved.data.get("because") or ""),
            out=out,
            offers=material.offers,
        ),
        findings=tuple(_finding(data) for data in reversed(incident.findings)),
        ruled_out=_ruled_out(events),
        runs=tuple(_run(run, now) for run in material.runs),
        controls=tuple(_control(control, now) for control in material.controls),
        pages=material.pages,
        pages_summary=_reached(material.pages),
        rows=rows(events[-most:], incident.opened_at),
        earlier=max(0, len(events) - most),
        intact=intact(events),
        events=len(events),
        review=incident.review_path is not None,
        reviewed_by=None if reviewed is None else str(reviewed.data.get("by") or reviewed.actor),
    )


def rows(events: Sequence[Event], opened_at: float) -> tuple[TimelineRow, ...]:
    """The timeline as read, newest first.

    Progress is shown where it happens, not in the record of the night. What an event does to the promises stands with
    it, and the beginning of what took no time with its end.
    """
    out: list[TimelineRow] = []
    ended = {(event.data.get("run"), event.data.get("step")): event.at for event in events if event.kind in _STEP_ENDS}
    for event in events:
        if event.kind is EventKind.STEP_PROGRESS or _ended_at_once(event, ended):
            continue
        row = _row(event, opened_at)
        above = out[-1] if out else None
        if event.kind in _PROMISES and above is not None and above.at == event.at and above.seq == event.seq - 1:
            detail = "; ".join(part for part in (above.detail, _promise(event)) if part)
            out[-1] = replace(above, detail=detail, seq=event.seq)
        else:
            out.append(row)
    return tuple(reversed(out))


def _ended_at_once(event: Event, ended: Mapping[tuple[Any, Any], float]) -> bool:
    end = ended.get((event.data.get("run"), event.data.get("step")))
    return event.kind is EventKind.STEP_STARTED and end is not None and end - event.at < _AT_ONCE_S


def _promise(event: Event) -> str:
    """A promise begun or kept, as it stands below what began or kept it."""
    name = str(event.data.get("name") or "")
    if event.kind is EventKind.CLOCK_STARTED:
        return f"{'next update' if name == 'update' else name}: {event.data.get('text') or ''}"
    return f"{name} kept after {prose(float(event.data.get('elapsed_s') or 0))}"


def intact(events: Sequence[Event]) -> bool:
    """Whether the chain of these events holds, from the first to the last."""
    previous = ""
    for number, event in enumerate(events, 1):
        again = timeline.linked(
            incident_id=event.incident_id, seq=event.seq, at=event.at, kind=event.kind, actor=event.actor,
            data=event.data, previous=event.previous,
        )  # fmt: skip
        if event.seq != number or event.previous != previous or event.digest != again.digest:
            return False
        previous = event.digest
    return True


def place(source: Any, plan: Plan) -> Place | None:
    """Where a line of a playbook is shown; without a link if the plan no longer has that document."""
    if source is None:
        return None
    path, line = str(source.path), int(source.line)
    number = next((number for number, playbook in enumerate(plan.playbooks, 1) if playbook.path == path), None)
    name = path.rsplit("/", 1)[-1]
    return Place(text=f"{name}, line {line}", address="" if number is None else f"/playbooks/{number}#L{line}")


def _status(incident: Incident) -> str:
    if incident.status is IncidentStatus.RESOLVED:
        return "resolved"
    if incident.recovering_since is not None:
        return "recovering"
    return incident.status.value


def _row(event: Event, opened_at: float) -> TimelineRow:
    words = wording(event)
    actor = "" if event.actor in {"stanch", ""} or event.actor in f"{words.text} {words.detail}" else event.actor
    return TimelineRow(
        seq=event.seq,
        at=event.at,
        text=words.text,
        detail=words.detail,
        key=words.key,
        note=event.kind is EventKind.NOTE,
        actor=actor,
        after=reading(max(0.0, event.at - opened_at)),
    )


def _finding(data: Mapping[str, Any]) -> FindingView:
    statements, elapsed = data.get("statements"), data.get("elapsed_s")
    cost = f"found in {prose(float(elapsed))}, {statements} statements" if elapsed is not None else ""
    evidence = tuple(
        (str(item.get("name") or ""), str(item.get("text") or ""), _is_code(item))
        for item in data.get("evidence") or ()
    )
    return FindingView(
        title=str(data.get("cause") or "").replace("_", " "),
        summary=str(data.get("summary") or ""),
        cost=cost,
        evidence=evidence,
        later=tuple(str(item.get("text") or "") for item in data.get("later") or ()),
    )


def _is_code(item: Mapping[str, Any]) -> bool:
    return (
        str(item.get("text") or "").lstrip().upper().startswith(("SELECT ", "UPDATE ", "INSERT ", "DELETE ", "WITH "))
    )


def _ruled_out(events: Sequence[Event]) -> tuple[tuple[str, str], ...]:
    """What the latest search ruled out, and why."""
    found = next((event for event in reversed(events) if event.kind is EventKind.FINDING), None)
    items = [] if found is None else found.data.get("ruled_out") or []
    return tuple((str(item.get("cause") or "").replace("_", " "), str(item.get("because") or "")) for item in items)


def _run(run: Run, now: float) -> RunView:
    over = sum(step.state.is_over for step in run.steps)
    if run.state is RunState.RUNNING:
        summary = f"step {min(over + 1, len(run.steps))} of {len(run.steps)}"
    else:
        summary = run.outcome or run.state.value
    return RunView(
        id=run.id,
        name=run.name,
        because=run.because,
        address=f"/incidents/{run.incident_id}/procedures/{run.procedure}" if not run.state.is_over else "",
        state=run.state.value,
        summary=summary,
        steps=tuple(_steps(run, now)),
        stoppable=run.state is RunState.RUNNING,
    )


def _steps(run: Run, now: float) -> Iterator[StepView]:
    phase: str | None = None
    for step in run.steps:
        current = step.state in {StepState.PROPOSED, StepState.APPROVED, StepState.STARTED, StepState.UNKNOWN}
        yield StepView(
            key=step.key,
            sign=_SIGNS[step.state],
            state=step.state.value,
            text=step.title or step.text,
            command=_command(step),
            risk=None if step.risk is Risk.READ_ONLY else step.risk,
            note=_note(step),
            took=_took(step, now),
            output=step.output or "",
            because=step.because or "",
            given_by=tuple(f"{given.by} (alone)" if given.alone else given.by for given in step.approvals),
            phase=step.phase or "" if step.phase != phase else "",
            current=current,
        )
        phase = step.phase


def _command(step: StepRecord) -> str:
    """What would run, where its text does not say it already."""
    text = ((step.statement if step.filled else None) or step.command or step.statement or "").strip()
    return "" if text == (step.title or step.text) and not step.output else text


def _note(step: StepRecord) -> str:
    match step.state:
        case StepState.PROPOSED if step.type is StepKind.MANUAL:
            return "yours to do"
        case StepState.PROPOSED:
            return "waits for you"
        case StepState.UNKNOWN:
            return "outcome unknown"
        case StepState.WAITING:
            return step.condition or "" if step.condition != step.phase else ""
        case StepState.SKIPPED | StepState.UNDONE | StepState.FAILED:
            return step.state.value
        case _:
            return ""


def _took(step: StepRecord, now: float) -> str:
    if step.started_at is None:
        return ""
    end = step.ended_at if step.ended_at is not None else now
    return prose(max(0.0, end - step.started_at)) if step.ended_at is not None or step.state.is_over else ""


def _control(control: Control, now: float) -> ControlView:
    in_force = control.state is not ControlState.UNDONE
    if control.state is ControlState.UNDOING:
        note = "being undone"
    elif in_force:
        note = "" if control.expires_at > now else "its time is over"
    else:
        ended = control.undone_at or now
        note = f"undone after {prose(max(0.0, ended - control.applied_at))}" + (
            f": {control.because}" if control.because else ""
        )
    return ControlView(id=control.id, text=control.text, in_force=in_force, expires_at=control.expires_at, note=note)


def _reached(pages: Sequence[outbox.Delivery]) -> str:
    failed = sum(page.state is DeliveryState.FAILED for page in pages)
    pending = sum(page.state is DeliveryState.PENDING for page in pages)
    if failed:
        return f"{failed} not reached"
    if pending:
        return f"{pending} on the way"
    return "all reached" if pages else "nobody paged"


def _title_of(rule: str, events: Sequence[Event]) -> str:
    named = (
        str(event.data.get("title"))
        for event in reversed(events)
        if event.kind in {EventKind.OPENED, EventKind.ALERT_JOINED} and event.data.get("rule") == rule
    )
    return next(named, rule)


def _number(event: Event | None, name: str) -> float | None:
    value = None if event is None else event.data.get(name)
    return None if value is None else float(value)
