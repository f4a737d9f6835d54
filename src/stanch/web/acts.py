"""What people may do to an incident, a run and a step: one table for the pages and the API, which both only translate.

An act is a verb: what it takes beside its target, and the unit of work that does it.
"""

from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

from litestar import Request
from pydantic import BaseModel
from sqlalchemy import Connection

from stanch.incidents import lifecycle
from stanch.model.incident import Incident
from stanch.model.plan import Plan
from stanch.model.problem import NotFound
from stanch.model.record import record
from stanch.response import runs
from stanch.response.preview import named
from stanch.web import bodies, filling
from stanch.web.auth import Caller
from stanch.web.errors import Unauthenticated
from stanch.web.served import Served, served_by

B = TypeVar("B", bound=BaseModel)


@record
class Doing:
    """Who does it, when, and to what: `id` is the incident's or the run's, `step` a step's key within the run."""

    served: Served
    by: str
    now: float
    id: str
    step: str = ""

    def plan(self, rows: Connection) -> Plan:
        """The plan that the incident started with."""
        return self.served.plan_of(lifecycle.get(rows, self.id))


@record
class Act(Generic[B]):
    """`body` is what it takes; `unit` does it in a transaction. Raises NotFound, Refused."""

    body: type[B]
    unit: Callable[[Connection, Doing, B], Any]


def doing(request: Request[Any, Any, Any], target: str, step: str = "") -> Doing:
    """By whoever asks, now. Raises Unauthenticated."""
    caller: Caller | None = request.scope.get("user")
    if caller is None:
        raise Unauthenticated("You are not logged in.")
    served = served_by(request)
    return Doing(served=served, by=caller.person, now=served.clock.now(), id=target, step=step)


def find(table: Mapping[str, Act[Any]], verb: str) -> Act[Any]:
    """The act of that name. Raises NotFound, which names those there are."""
    if verb not in table:
        raise NotFound(f"There is no {verb!r} here; there is {', '.join(table)}.", hint="See docs/api.md.")
    return table[verb]


# --- an incident -----------------------------------------------------------------------------------------------------


def _acknowledge(rows: Connection, do: Doing, _: bodies.Nothing) -> Incident:
    return lifecycle.acknowledge(rows, do.id, by=do.by, now=do.now)


def _assign(rows: Connection, do: Doing, body: bodies.Assign) -> Incident:
    return lifecycle.assign(rows, do.id, to=body.to, by=do.by, now=do.now)


def _note(rows: Connection, do: Doing, body: bodies.Text) -> Incident:
    return lifecycle.note(rows, do.id, text=body.text, by=do.by, now=do.now, plan=do.plan(rows))


def _resolve(rows: Connection, do: Doing, body: bodies.Text) -> Incident:
    return lifecycle.resolve(rows, do.id, because=body.text, by=do.by, now=do.now, plan=do.plan(rows))


def _reopen(rows: Connection, do: Doing, body: bodies.Text) -> Incident:
    return lifecycle.reopen(
        rows, do.id, because=body.text, by=do.by, now=do.now, plan=do.plan(rows), hooks=do.served.hooks
    )


INCIDENT: Mapping[str, Act[Any]] = {
    "acknowledge": Act(body=bodies.Nothing, unit=_acknowledge),
    "assign": Act(body=bodies.Assign, unit=_assign),
    "note": Act(body=bodies.Text, unit=_note),
    "resolve": Act(body=bodies.Text, unit=_resolve),
    "reopen": Act(body=bodies.Text, unit=_reopen),
}


def start(rows: Connection, do: Doing, body: bodies.StartRun) -> Any:
    """Begin a procedure of the incident's plan, by its name or key."""
    plan = do.plan(rows)
    procedure = named(plan, body.procedure)
    return runs.start_named(rows, do.id, procedure, plan, by=do.by, reason=body.reason, now=do.now)


# --- a run -----------------------------------------------------------------------------------------------------------


def _stop(rows: Connection, do: Doing, body: bodies.Stop) -> Any:
    return runs.stop(rows, do.id, by=do.by, reason=body.reason, now=do.now, undo=body.undo)


RUN: Mapping[str, Act[Any]] = {"stop": Act(body=bodies.Stop, unit=_stop)}


# --- a step of a run -------------------------------------------------------------------------------------------------


def _approve(rows: Connection, do: Doing, body: bodies.Approve) -> Any:
    approvers = do.served.approvers
    return runs.approve(
        rows, do.id, do.step, body.digest, by=do.by, reason=body.reason, now=do.now, approvers=approvers
    )


def _break_glass(rows: Connection, do: Doing, body: bodies.BreakGlass) -> Any:
    return runs.break_glass(
        rows,
        do.id,
        do.step,
        body.digest,
        by=do.by,
        reason=body.reason,
        typed=body.confirm,
        now=do.now,
        alarm=do.served.alarm,
    )


def _fill(rows: Connection, do: Doing, body: bodies.FillStep) -> Any:
    return filling.fill(rows, do.served, do.id, do.step, body.values, by=do.by)


def _complete(rows: Connection, do: Doing, body: bodies.OptionalReason) -> Any:
    return runs.complete(rows, do.id, do.step, by=do.by, note=body.reason, now=do.now)


def _choose(rows: Connection, do: Doing, body: bodies.OptionalReason) -> Any:
    return runs.choose(rows, do.id, do.step, by=do.by, reason=body.reason, now=do.now)


def _take(rows: Connection, do: Doing, body: bodies.OptionalReason) -> Any:
    return runs.take_over(rows, do.id, do.step, by=do.by, reason=body.reason, now=do.now)


def _again(rows: Connection, do: Doing, body: bodies.OptionalReason) -> Any:
    return runs.again(rows, do.id, do.step, by=do.by, reason=body.reason, now=do.now)


def _skip(rows: Connection, do: Doing, body: bodies.Reason) -> Any:
    return runs.skip(rows, do.id, do.step, by=do.by, reason=body.reason, now=do.now)


STEP: Mapping[str, Act[Any]] = {
    "approve": Act(body=bodies.Approve, unit=_approve),
    "break-glass": Act(body=bodies.BreakGlass, unit=_break_glass),
    "fill": Act(body=bodies.FillStep, unit=_fill),
    "complete": Act(body=bodies.OptionalReason, unit=_complete),
    "choose": Act(body=bodies.OptionalReason, unit=_choose),
    "take": Act(body=bodies.OptionalReason, unit=_take),
    "again": Act(body=bodies.OptionalReason, unit=_again),
    "skip": Act(body=bodies.Reason, unit=_skip),
}
