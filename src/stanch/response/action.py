"""What an action is: propose, do, verify, undo. One file an action in `response/actions/`.

An action is a plain object whose connectors were given to its constructor; `app.py` registers it by name. The runner
calls it, and the runner alone decides about approvals, time boxes, records and recovery. The contract:

- `propose` resolves everything (the exact statement, target and parameters) and changes nothing outside. What it
  returns is what people approve; `do` gets its `parameters` and must do that and nothing else.
- `do` may be cut at any moment, by a time box, a stop or a kill. It must leave a state that `verify` can tell apart.
- `verify` changes nothing. After a crash it decides what happens to a mutating act whose outcome nobody saw.
- `undo` puts back what `do` changed. It is safe to call when `do` never ran, ran half, or was undone already.
"""

from collections.abc import Mapping
from dataclasses import field
from enum import StrEnum
from typing import Any, Protocol

from stanch.model.clock import Clock
from stanch.model.control import Control
from stanch.model.finding import Diagnosis, Finding, Proposal
from stanch.model.incident import Incident
from stanch.model.plan import Plan
from stanch.model.record import record
from stanch.model.risk import Risk
from stanch.model.run import StepRecord


class ActionFailed(Exception):
    """The act did not succeed. `because` is shown to people: what happened, what is safe, what to do.

    `for_good` says that the same again would fail again, so that it is not tried.
    """

    def __init__(self, because: str, *, for_good: bool = False) -> None:
        super().__init__(because)
        self.because = because
        self.for_good = for_good


@record
class NotApplicable:
    """There is nothing to do here, and why; the step is skipped with this reason."""

    because: str


@record
class Outcome:
    """What was done, as a sentence or a table for people, and as `data` (JSON values) for later steps."""

    text: str
    data: dict[str, Any] = field(default_factory=dict)


class Effect(StrEnum):
    """What the outside world says about an act."""

    TOOK_EFFECT = "took effect"
    NO_EFFECT = "no effect"
    IN_PROGRESS = "in progress"
    PARTIAL = "partial"
    CANNOT_TELL = "cannot tell"


class Remedy(StrEnum):
    """What to do about a partial effect: undo it and ask people again, or do it again under the same approval."""

    UNDO_AND_ASK = "undo and ask"
    DO_AGAIN = "do again"


@record
class Verified:
    """The answer of `verify`. `because` says what was looked at and seen.

    `done` of `total` is the progress of an act still going on; it is looked at again after `again_s` seconds.
    """

    effect: Effect
    because: str
    remedy: Remedy = Remedy.UNDO_AND_ASK
    done: float | None = None
    total: float | None = None
    again_s: float = 1.0


class Report(Protocol):
    """Tell people how far the act is. Durable when it returns; `done` of `total` in any one unit."""

    async def __call__(self, text: str, done: float | None = None, total: float | None = None) -> None: ...


class RecordFinding(Protocol):
    """Write a diagnosis to the timeline: one FINDING event a finding, or one that says what was ruled out.

    A finding that this step has recorded already (before a crash) is not recorded again.
    """

    async def __call__(self, diagnosis: Diagnosis) -> None: ...


class Controls(Protocol):
    """The controls of one step. A control's id comes from its run, step and `name`, so applying it twice is once."""

    async def apply(
        self, *, plane: str, text: str, parameters: Mapping[str, Any], seconds: float, name: str = ""
    ) -> Control:
        """Put a control in force on the data plane of that name for at most `seconds`; durable before it acts.

        Raises ActionFailed where no such data plane is configured or it refuses.
        """
        ...

    async def undo(self, *, because: str, name: str = "") -> Control | None:
        """Withdraw it; None where it was never applied."""
        ...

    async def find(self, name: str = "") -> Control | None:
        """The control as stored."""
        ...

    async def holds(self, name: str = "") -> bool:
        """Whether the data plane itself says that it is in force."""
        ...


@record
class ActionContext:
    """Everything an action may know. `parameters` are the playbook's; after `propose`, the proposal's.

    `findings` are those of the incident so far, oldest first.
    """

    incident: Incident
    plan: Plan
    run_id: str
    step: StepRecord
    parameters: dict[str, Any]
    clock: Clock
    findings: tuple[Finding, ...]
    report: Report
    record_finding: RecordFinding
    controls: Controls


def is_idempotent(action: "Action") -> bool:
    """Whether an action says of itself, with `idempotent = True`, that doing it twice is doing it once.

    Only then is one that failed tried again by itself, a few times.
    """
    return getattr(action, "idempotent", False) is True


class Action(Protocol):
    """A verb of the vocabulary. `risk` is the least it carries; a proposal may raise it, never lower it."""

    @property
    def name(self) -> str: ...

    @property
    def risk(self) -> Risk: ...

    async def propose(self, context: ActionContext) -> Proposal | NotApplicable:
        """Resolve what would be done. Reads only. Raises ActionFailed where it cannot be found out."""
        ...

    async def do(self, context: ActionContext) -> Outcome:
        """Do what was proposed. Raises ActionFailed."""
        ...

    async def verify(self, context: ActionContext) -> Verified:
        """Say what the act has done so far. Reads only. Raises ActionFailed where it cannot be looked at now."""
        ...

    async def undo(self, context: ActionContext) -> Outcome:
        """Put it back. Raises ActionFailed."""
        ...
