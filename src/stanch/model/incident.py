"""An incident is a fold over its timeline; these are the events and what they fold to."""

from dataclasses import field
from enum import StrEnum
from typing import Any

from stanch.model.problem import Source
from stanch.model.record import record


class EventKind(StrEnum):
    """Every kind of timeline event. `data` keys are given beside each."""

    OPENED = "opened"  # title, severity, service, rule, source, signal, value, plan_hash, role
    ALERT_JOINED = "alert joined"  # title, rule, severity, value
    ALERT_CLEARED = "alert cleared"  # title, rule
    SEVERITY_CHANGED = "severity changed"  # before, after, because
    PAGED = "paged"  # role, channel, delivery, address
    PAGE_FAILED = "page failed"  # role, channel, because, retry_at
    ACKNOWLEDGED = "acknowledged"  # by
    ASSIGNED = "assigned"  # to
    NOTE = "note"  # text
    CLOCK_STARTED = "clock started"  # name, due_at, text
    CLOCK_KEPT = "clock kept"  # name, elapsed_s
    CLOCK_MISSED = "clock missed"  # name, late_s
    RUN_STARTED = "run started"  # run, procedure, because
    STEP_STARTED = "step started"  # run, step, text, command, attempt, acts_as
    STEP_DONE = "step done"  # run, step, text, elapsed_s, output
    STEP_FAILED = "step failed"  # run, step, text, because
    STEP_SKIPPED = "step skipped"  # run, step, text, because
    STEP_UNKNOWN = "step unknown"  # run, step, text, because
    STEP_PROPOSED = "step proposed"  # run, step, digest, risk, statement, acts_as, undo, open (placeholders)
    STEP_FILLED = (
        "step filled"  # run, step, text, by, values (name, placeholder, value, origin), statement, risk, raised
    )
    STEP_APPROVED = "step approved"  # run, step, digest, by, reason
    GLASS_BROKEN = "glass broken"  # run, step, text, digest, by, reason, missing (how many others should have said yes)
    STEP_VERIFIED = "step verified"  # run, step, text
    STEP_PROGRESS = "step progress"  # run, step, text, done, total
    STEP_ESCALATED = "step escalated"  # run, step, text, owner, late_s
    STEP_UNDOING = "step undoing"  # run, step, text, command (the intent to put it back)
    STEP_UNDONE = "step undone"  # run, step, text, because
    STEP_TAKEN = "step taken"  # run, step, text, by, because (a person does it themselves)
    STEP_RETRIED = "step retried"  # run, step, text, because, attempt, at (when its turn comes again)
    STEP_DECIDED = "step decided"  # run, step, text, taken, because (which way a branch went, and by whom or what)
    RUN_STOPPED = "run stopped"  # run, by, because, undo (what follows still ends what was in flight)
    RUN_FINISHED = "run finished"  # run, outcome
    FINDING = "finding"  # cause, summary, confidence, evidence, later, ruled_out, statements, elapsed_s
    CONTROL_APPLIED = "control applied"  # control, action, text, expires_at
    CONTROL_UNDONE = "control undone"  # control, because
    MITIGATED = "mitigated"  # because, at (where it was earlier than the event)
    RECOVERING = "recovering"  # since, needed_s; since is None, with because, where a signal left its limits again
    RESOLVED = "resolved"  # because, clean_s
    REOPENED = "reopened"  # because
    REVIEW_DRAFTED = "review drafted"  # path
    REVIEWED = "reviewed"  # by (people have read and agreed the review)
    MARK = "mark"  # text, service, version, previous, at (deploy or other change of the outside world), ago


@record
class Event:
    """One link of an incident's chain: `digest` covers everything before it and `previous`.

    `seq` counts from 1 within the incident; `actor` is `stanch`, or a person's name.
    """

    incident_id: str
    seq: int
    at: float
    kind: EventKind
    actor: str
    data: dict[str, Any]
    previous: str
    digest: str


class IncidentStatus(StrEnum):
    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    MITIGATED = "mitigated"
    RESOLVED = "resolved"

    @property
    def is_over(self) -> bool:
        return self is IncidentStatus.RESOLVED


class ClockState(StrEnum):
    RUNNING = "running"
    KEPT = "kept"
    MISSED = "missed"


@record
class IncidentClock:
    """A promise with a deadline. `due_at` is None where the playbook's text is no number."""

    name: str
    text: str
    started_at: float
    due_at: float | None
    state: ClockState
    ended_at: float | None = None


@record
class Incident:
    """What people respond to. `id` is a short, increasing, human number as text (`42`).

    `rules` are all that fired in it, `firing` those that do now. `acknowledged_at` is the first acknowledgement,
    `mitigated_at` and `resolved_at` those that still hold. `last` is the latest event's `seq`, `at`, `kind`, `actor`.
    """

    id: str
    title: str
    severity: str
    status: IncidentStatus
    service: str
    opened_at: float
    plan_hash: str
    source: Source | None
    rules: tuple[str, ...] = ()
    firing: tuple[str, ...] = ()
    acknowledged_at: float | None = None
    acknowledged_by: str | None = None
    assignee: str | None = None
    mitigated_at: float | None = None
    resolved_at: float | None = None
    reopened: int = 0
    recovering_since: float | None = None
    clocks: tuple[IncidentClock, ...] = ()
    findings: tuple[dict[str, Any], ...] = ()
    runs: tuple[str, ...] = ()
    review_path: str | None = None
    last: dict[str, Any] = field(default_factory=dict)
    seq: int = 0
