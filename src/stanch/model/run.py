"""One execution of a procedure for an incident, step by step, durable."""

from dataclasses import field
from enum import StrEnum
from typing import Any

from stanch.model.plan import Slot, StepKind
from stanch.model.problem import Source
from stanch.model.record import record
from stanch.model.risk import Risk, Trait


class StepState(StrEnum):
    """`proposed` waits for people; `waiting` waits for its turn; `unknown` is an act whose outcome nobody saw.

    `undone` was done and then put back, by a stop with compensation.
    """

    WAITING = "waiting"
    PROPOSED = "proposed"
    APPROVED = "approved"
    STARTED = "started"
    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"
    UNKNOWN = "unknown"
    UNDONE = "undone"

    @property
    def is_over(self) -> bool:
        return self in {StepState.DONE, StepState.FAILED, StepState.SKIPPED, StepState.UNDONE}


class RunState(StrEnum):
    """`stopping`: a person said stop; what was in flight is being ended and, where asked, what was done is undone."""

    RUNNING = "running"
    STOPPING = "stopping"
    FINISHED = "finished"
    STOPPED = "stopped"

    @property
    def is_over(self) -> bool:
        return self in {RunState.FINISHED, RunState.STOPPED}


@record
class StepRecord:
    """A step of a run as stored. `digest` binds approvals to what was resolved (see `response.approvals`).

    `language` is the fence's (`bash`, `sql`); `pipeline`, `target` and `traits` are the rating's. `not_before` is its
    earliest start; `due_s` when the playbook wants it done, in seconds since the run began; `timebox_s` how long it may
    take; `due_at` when the present state runs out: proposed, its escalation; started, its time box's end.
    `asked` counts how often people were asked, so an old yes never answers a new question. `filled` are the values
    of `slots`; `command` stays as the playbook has it, and what would run with them is `pipeline` and `statement`.
    `acts_as` says as whom, in words; None before that is decided, and for what people do by hand.
    """

    run_id: str
    key: str
    ordinal: int
    type: StepKind
    text: str
    risk: Risk
    state: StepState
    command: str | None = None
    language: str | None = None
    pipeline: tuple[tuple[str, ...], ...] | None = None
    target: dict[str, str] = field(default_factory=dict)
    traits: frozenset[Trait] = frozenset()
    action: str | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    owner: str | None = None
    phase: str | None = None
    parallel: str | None = None
    condition: str | None = None
    expects: str | None = None
    slots: tuple[Slot, ...] = ()
    filled: tuple["Filled", ...] = ()
    timebox_s: float | None = None
    not_before: float | None = None
    due_s: float | None = None
    due_at: float | None = None
    statement: str | None = None
    acts_as: str | None = None
    undo: str | None = None
    title: str | None = None
    why: str | None = None
    facts: tuple[tuple[str, str], ...] = ()
    digest: str | None = None
    asked: int = 0
    attempt: int = 0
    started_at: float | None = None
    ended_at: float | None = None
    output: str | None = None
    exit_status: int | None = None
    because: str | None = None
    progress: dict[str, Any] = field(default_factory=dict)
    approvals: tuple["Approval", ...] = ()
    source: Source | None = None


@record
class Filled:
    """A value for the slots of that `name`: who gave it, when, and where it came from (`origin`, for people)."""

    name: str
    value: str
    by: str
    at: float
    origin: str


@record
class Approval:
    """A person's yes to one digest. `alone`: given by one person where more were needed (break-glass)."""

    run_id: str
    step_key: str
    digest: str
    by: str
    at: float
    reason: str = ""
    alone: bool = False


@record
class Run:
    """`epoch` is the fence: every write of a run names it, so a replica that lost its lease changes nothing.

    `holder` holds it until `held_until`. `wake_at` is when there is something to do next; None waits for people, and
    then nobody holds it. `stop_*` say who asked for a stop and whether what was done is to be undone.
    """

    id: str
    incident_id: str
    plan_hash: str
    procedure: str
    name: str
    because: str
    state: RunState
    epoch: int
    holder: str | None = None
    held_until: float | None = None
    wake_at: float | None = None
    stop_by: str | None = None
    stop_because: str | None = None
    stop_undo: bool = False
    started_at: float
    ended_at: float | None = None
    outcome: str | None = None
    steps: tuple[StepRecord, ...] = ()
