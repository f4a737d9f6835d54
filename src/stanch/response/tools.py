"""All that runs act through, as `app.py` wires it: the outside world, the hooks of higher floors, and how long is long.

Each part of the drive takes from here the few things that it needs.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import field

from sqlalchemy import Connection

from stanch.model.clock import Clock
from stanch.model.incident import Incident
from stanch.model.plan import Plan
from stanch.model.record import record
from stanch.model.run import StepRecord
from stanch.response.action import Action
from stanch.response.controls import ControlKeeper
from stanch.response.execution import Executor
from stanch.response.identities import Identity
from stanch.response.principals import Principals
from stanch.response.redaction import Redactor
from stanch.response.text_table import Rows
from stanch.response.watching import Measure
from stanch.response.ways import Means
from stanch.store.engine import Store

Query = Callable[[str], Awaitable[Rows]]
"""Asks the database, read-only. Raises StanchError."""
Plans = Callable[[str], Awaitable[Plan]]
"""The plan of a hash. Raises StanchError where it cannot be had."""
Tell = Callable[[Connection, Incident, StepRecord, float], str]
"""Writes what a message step says to the outbox, in the step's own transaction; returns what was queued for whom."""
AskHook = Callable[[Connection, Incident, StepRecord, float], None]
"""Tells those who may approve it that a step waits for a yes, in the transaction that proposes it."""
EscalateHook = Callable[[Connection, Incident, StepRecord, float], None]
"""Pages further, in the transaction that says that a step waited too long."""


@record
class Timing:
    """Seconds. The time boxes hold where the playbook gives none; `answer_s` is how long people may take.

    `watch_s` is how long a signal may take to come back into its range; `retry_s` the first pause before an idempotent
    action is tried again, four times as long each time.
    """

    lease_s: float = 15.0
    command_s: float = 120.0
    query_s: float = 30.0
    action_s: float = 3600.0
    propose_s: float = 120.0
    undo_s: float = 600.0
    answer_s: float = 300.0
    watch_s: float = 300.0
    look_every_s: float = 1.0
    retry_s: float = 2.0

    def limit_s(self, step: StepRecord) -> float:
        """How long carrying the step out may take, in seconds."""
        if step.timebox_s is not None:
            return step.timebox_s
        if step.command is not None:
            return self.query_s if step.language == "sql" else self.command_s
        return self.action_s


@record
class Tools:
    """What an installation has. Without `query`, `tell` or `measure` the steps that need them are people's."""

    store: Store
    clock: Clock
    plans: Plans
    executor: Executor
    keeper: ControlKeeper
    redactor: Redactor
    actions: Mapping[str, Action] = field(default_factory=dict)
    query: Query | None = None
    tell: Tell | None = None
    ask: AskHook | None = None
    escalate: EscalateHook | None = None
    measure: Measure | None = None
    timing: Timing = field(default_factory=Timing)
    principals: Principals = field(default_factory=Principals)

    @property
    def identity(self) -> Identity:
        """Whom steps act as that nobody is asked about."""
        return self.principals.reading

    @property
    def means(self) -> Means:
        return Means(
            actions=self.actions,
            can_query=self.query is not None,
            can_tell=self.tell is not None,
            can_measure=self.measure is not None,
            identity=self.identity,
        )
