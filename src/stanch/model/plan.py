"""What playbooks compile to: facts, each with its source, and the problems of what was not understood."""

from dataclasses import field
from enum import StrEnum
from typing import TypeVar

from stanch.model.problem import Problem, Source
from stanch.model.record import record
from stanch.model.risk import Rating, Risk
from stanch.model.signal import Comparison, Signal, Statistic, Unit

F = TypeVar("F")


class ThresholdRole(StrEnum):
    """What a threshold is for. Only the first three act by themselves."""

    ALERT = "alert"
    ROLLBACK_TRIGGER = "rollback_trigger"
    RESTART_TRIGGER = "restart_trigger"
    RECOVERY_TARGET = "recovery_target"
    SEVERITY_CRITERION = "severity_criterion"
    POLICY_LIMIT = "policy_limit"
    EXAMPLE = "example"


class StepKind(StrEnum):
    COMMAND = "command"
    ACTION = "action"
    CHECK = "check"
    MESSAGE = "message"
    MANUAL = "manual"


@record
class ClockPromise:
    """A promise of a severity: `name` is acknowledge, contain, update, resolve or review.

    `seconds` is None where the text is no number ("next business day"); `text` is as written.
    """

    name: str
    seconds: float | None
    text: str


@record
class Regrade:
    """An incident that stays open for `after_s` is treated as `to`; `text` is as written."""

    to: str
    after_s: float
    text: str


@record
class Severity:
    kind: str = "severity"
    level: str
    name: str
    response_s: float | None
    clocks: tuple[ClockPromise, ...]
    criteria: tuple[str, ...]
    regrades: tuple[Regrade, ...] = ()
    source: Source


@record
class Threshold:
    """A condition on a signal. `window_s` is what it is computed over, `persistence_s` how long it must hold.

    `upper` closes a range; `baseline_multiple` replaces `value` where the text compares with what is normal.
    `because` says why it is not armed. `severity` is a level (`P1`) where the document ties one to it.
    """

    kind: str = "threshold"
    signal: str | None
    statistic: Statistic | None
    comparison: Comparison
    value: float | None
    upper: float | None = None
    baseline_multiple: float | None = None
    unit: Unit | None
    window_s: float | None
    persistence_s: float | None
    consecutive: int | None = None
    tier: str | None = None
    role: ThresholdRole
    severity: str | None = None
    labels: tuple[tuple[str, str], ...] = ()
    armed: bool
    because: str = ""
    source: Source


@record
class Metric:
    """What one line asks to measure: `signal` is the first it names, `signals` are all."""

    kind: str = "metric"
    signal: str
    signals: tuple[str, ...] = ()
    statistics: tuple[Statistic, ...]
    source: Source


@record
class Slot:
    """A typed placeholder: `type` is text, integer, tag, host, name, ...; `fill` names where a value comes from."""

    name: str
    placeholder: str
    type: str = "text"
    fill: str | None = None


@record
class Step:
    """One step of a procedure. `key` is stable across edits that do not touch it (procedure slug and text).

    `not_before_s` and `due_s` count from the start of the run, `timebox_s` is how long the step itself may take:
    "(5-15 minutes)" is 300, 900 and 600. `ambiguous` names the actions that its words can mean, where they are several;
    it is a person's then. Neighbouring steps with the same `parallel` are to be done side by side.
    """

    kind: str = "step"
    key: str
    type: StepKind
    text: str
    command: str | None = None
    language: str | None = None
    rating: Rating | None = None
    risk: Risk = Risk.READ_ONLY
    action: str | None = None
    parameters: tuple[tuple[str, str], ...] = ()
    owner: str | None = None
    phase: str | None = None
    timebox_s: float | None = None
    not_before_s: float | None = None
    due_s: float | None = None
    expects: str | None = None
    condition: str | None = None
    parallel: str | None = None
    slots: tuple[Slot, ...] = ()
    ambiguous: tuple[str, ...] = ()
    source: Source


@record
class Procedure:
    """Steps with a name. `signals` are the catalogue's signals its heading and introduction speak of."""

    kind: str = "procedure"
    key: str
    name: str
    applies_to: tuple[str, ...] = ()
    signals: tuple[str, ...] = ()
    phases: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()
    cause: str | None = None
    source: Source


@record
class Scenario(Procedure):
    """A procedure for one named way to break."""

    kind: str = "scenario"


@record
class Trigger:
    kind: str = "trigger"
    condition: str
    threshold: Threshold | None
    action: str | None
    procedure: str | None = None
    source: Source


@record
class Template:
    kind: str = "template"
    name: str
    audience: str
    body: str
    slots: tuple[Slot, ...]
    source: Source


@record
class Role:
    kind: str = "role"
    name: str
    severities: tuple[str, ...] = ()
    source: Source


@record
class Contact:
    kind: str = "contact"
    name: str
    address: str
    placeholder: bool = False
    source: Source


@record
class PolicyFact:
    kind: str = "policy"
    statement: str
    check: str | None
    limit: Threshold | None
    source: Source


@record
class PastIncident:
    kind: str = "past_incident"
    title: str
    date: str | None
    cause: str | None
    actions: tuple[str, ...]
    lessons: tuple[str, ...]
    source: Source


@record
class DrillSchedule:
    kind: str = "drill_schedule"
    what: str
    every: str
    source: Source


@record
class Unread:
    """Text that looks like an instruction and was not understood."""

    kind: str = "unread"
    text: str
    because: str
    source: Source


Fact = (
    Severity
    | Threshold
    | Metric
    | Procedure
    | Step
    | Trigger
    | Template
    | Role
    | Contact
    | PolicyFact
    | PastIncident
    | DrillSchedule
    | Unread
)


@record
class Playbook:
    """One document as read. `text` is what was read, so a pinned plan can always be shown as it was.

    `front` holds the scalar fields of its front matter, keys in lower case.
    """

    path: str
    title: str
    text: str
    facts: tuple[Fact, ...]
    problems: tuple[Problem, ...]
    front: dict[str, str] = field(default_factory=dict)


@record
class Plan:
    """All playbooks together; immutable. `hash` is SHA-256 over the documents' bytes and the reader's version.

    `signals` are those that the playbooks define in tables of their own, beside the catalogue's.
    """

    hash: str
    playbooks: tuple[Playbook, ...]
    problems: tuple[Problem, ...] = ()
    facts: tuple[Fact, ...] = field(default=())
    signals: tuple[Signal, ...] = ()

    def of(self, kind: type[F]) -> tuple[F, ...]:
        """The facts of one class, in document order."""
        return tuple(fact for fact in self.facts if isinstance(fact, kind))
