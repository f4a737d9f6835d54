"""Runs, steps, approvals and controls as rows, and back."""

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection, Row, Update, bindparam, delete, insert, select, update

from stanch.model.control import Control, ControlState
from stanch.model.problem import NotFound
from stanch.model.run import Approval, Run, RunState, StepRecord
from stanch.store.rows import from_row, to_values
from stanch.store.tables import approval, control, run, step

_AT_ONCE = 500
"""Well under the limit of parameters of one statement."""

_STEP_COLUMNS = tuple(column.name for column in step.columns)

# Built once: what every look at a run asks.
_RUN = select(run).where(run.c.id == bindparam("wanted"))
_STEPS = select(step).where(step.c.run_id == bindparam("wanted")).order_by(step.c.ordinal)
_APPROVALS = select(approval).where(approval.c.run_id == bindparam("wanted")).order_by(approval.c.at, approval.c.by)


def insert_run(connection: Connection, record: Run) -> None:
    """Write a new run with its steps."""
    values = to_values(record)
    del values["steps"]
    connection.execute(insert(run).values(values))
    if record.steps:
        connection.execute(insert(step), [_step_values(each) for each in record.steps])


def get_run(connection: Connection, run_id: str) -> Run:
    """The run with its steps and their approvals. Raises NotFound."""
    wanted = {"wanted": run_id}
    row = connection.execute(_RUN, wanted).one_or_none()
    if row is None:
        raise NotFound(f"There is no run {run_id}.", hint="`stanch run list` shows those there are.")
    yes = _by_step(connection.execute(_APPROVALS, wanted))
    steps = [
        from_row(StepRecord, each, approvals=yes.get((run_id, each.key), ()))
        for each in connection.execute(_STEPS, wanted)
    ]
    return from_row(Run, row, steps=steps)


def get_runs(connection: Connection, run_ids: Sequence[str]) -> tuple[Run, ...]:
    """Those of the runs that there are, with their steps, in a few statements for all."""
    found: list[Row[Any]] = []
    for start in range(0, len(run_ids), _AT_ONCE):
        found += connection.execute(select(run).where(run.c.id.in_(run_ids[start : start + _AT_ONCE])))
    return _runs(connection, found)


def list_runs(
    connection: Connection, *, incident_id: str | None = None, only_open: bool = False, limit: int = 1000
) -> tuple[Run, ...]:
    """Runs with their steps, the newest first."""
    query = select(run).order_by(run.c.started_at.desc(), run.c.id.desc()).limit(limit)
    if incident_id is not None:
        query = query.where(run.c.incident_id == incident_id)
    if only_open:
        query = query.where(run.c.state.in_((RunState.RUNNING.value, RunState.STOPPING.value)))
    return _runs(connection, list(connection.execute(query)))


def update_step(connection: Connection, before: StepRecord, after: StepRecord) -> bool:
    """Write what differs, where the step still stands as `before` says; False where somebody was faster."""
    changed = {name: new for name in _STEP_COLUMNS if (new := getattr(after, name)) != getattr(before, name)}
    if not changed:
        return True
    guard: dict[str, Any] = {"was_run": before.run_id, "was_key": before.key, "was_state": before.state.value}
    guard |= {"was_attempt": before.attempt, "was_asked": before.asked}
    return connection.execute(_step_update(tuple(changed)), {**to_values(changed), **guard}).rowcount == 1


@cache
def _step_update(names: tuple[str, ...]) -> Update:
    """The statement that changes those columns; there are few such sets, and building one costs more than running."""
    still = (
        (step.c.run_id == bindparam("was_run"))
        & (step.c.key == bindparam("was_key"))
        & (step.c.state == bindparam("was_state"))
        & (step.c.attempt == bindparam("was_attempt"))
        & (step.c.asked == bindparam("was_asked"))
    )
    return update(step).where(still).values({name: bindparam(name) for name in names})


def insert_approval(connection: Connection, given: Approval) -> None:
    connection.execute(insert(approval).values(to_values(given)))


def forget_approvals(connection: Connection, run_id: str, step_key: str, *, by: str | None = None) -> None:
    """Take back every yes to a step, or one person's: what is asked from now on is another question.

    The timeline keeps them.
    """
    mine = (approval.c.run_id == run_id) & (approval.c.step_key == step_key)
    connection.execute(delete(approval).where(mine if by is None else mine & (approval.c.by == by)))


def insert_control(connection: Connection, record: Control) -> None:
    connection.execute(insert(control).values(to_values(record)))


def update_control(connection: Connection, before: Control, after: Control) -> bool:
    """Write `after` where the control still stands as `before` says; False where somebody was faster."""
    mine = (control.c.id == before.id) & (control.c.state == before.state.value)
    return connection.execute(update(control).where(mine).values(to_values(after))).rowcount == 1


def get_control(connection: Connection, control_id: str) -> Control | None:
    row = connection.execute(select(control).where(control.c.id == control_id)).one_or_none()
    return None if row is None else from_row(Control, row)


def list_controls(
    connection: Connection, *, incident_id: str | None = None, only_live: bool = False, limit: int = 1000
) -> tuple[Control, ...]:
    """Controls, the newest first; `only_live` leaves out those undone."""
    query = select(control).order_by(control.c.applied_at.desc(), control.c.id.desc()).limit(limit)
    if incident_id is not None:
        query = query.where(control.c.incident_id == incident_id)
    if only_live:
        query = query.where(control.c.state != ControlState.UNDONE.value)
    return tuple(from_row(Control, row) for row in connection.execute(query))


def _step_values(record: StepRecord) -> dict[str, Any]:
    values: dict[str, Any] = to_values(record)
    del values["approvals"]
    return values


def _by_step(given: Iterable[Row[Any]]) -> dict[tuple[str, str], list[Approval]]:
    approvals: dict[tuple[str, str], list[Approval]] = {}
    for row in given:
        approvals.setdefault((row.run_id, row.step_key), []).append(from_row(Approval, row))
    return approvals


def _runs(connection: Connection, rows: list[Row[Any]]) -> tuple[Run, ...]:
    ids = [row.id for row in rows]
    steps: dict[str, list[StepRecord]] = {each: [] for each in ids}
    for start in range(0, len(ids), _AT_ONCE):
        some = ids[start : start + _AT_ONCE]
        said = select(approval).where(approval.c.run_id.in_(some)).order_by(approval.c.at, approval.c.by)
        approvals = _by_step(connection.execute(said))
        in_order = select(step).where(step.c.run_id.in_(some)).order_by(step.c.run_id, step.c.ordinal)
        for row in connection.execute(in_order):
            yes = approvals.get((row.run_id, row.key), ())
            steps[row.run_id].append(from_row(StepRecord, row, approvals=yes))
    return tuple(from_row(Run, row, steps=steps[row.id]) for row in rows)
