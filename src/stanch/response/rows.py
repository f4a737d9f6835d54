"""Runs, steps, approvals and controls as rows, and back."""

from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from stanch.model.control import Control, ControlState
from stanch.model.problem import NotFound
from stanch.model.run import Approval, Run, RunState, StepRecord
from stanch.store.rows import from_row, to_values
from stanch.store.tables import approval, control, run, step


def insert_run(connection: Connection, record: Run) -> None:
    """Write a new run with its steps."""
    values = to_values(record)
    del values["steps"]
    connection.execute(insert(run).values(values))
    if record.steps:
        connection.execute(insert(step), [_step_values(each) for each in record.steps])


def get_run(connection: Connection, run_id: str) -> Run:
    """The run with its steps and their approvals. Raises NotFound."""
    row = connection.execute(select(run).where(run.c.id == run_id)).one_or_none()
    if row is None:
        raise NotFound(f"There is no run {run_id}.", hint="`stanch run list` shows those there are.")
    return _runs(connection, [row])[0]


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
    old, new = _step_values(before), _step_values(after)
    changed = {name: value for name, value in new.items() if value != old[name]}
    if not changed:
        return True
    result = connection.execute(
        update(step)
        .where(step.c.run_id == before.run_id, step.c.key == before.key)
        .where(step.c.state == before.state.value, step.c.attempt == before.attempt, step.c.asked == before.asked)
        .values(changed)
    )
    return result.rowcount == 1


def insert_approval(connection: Connection, given: Approval) -> None:
    connection.execute(insert(approval).values(to_values(given)))


def forget_approvals(connection: Connection, run_id: str, step_key: str) -> None:
    """Take back every yes to a step: what is asked from now on is another question. The timeline keeps them."""
    connection.execute(delete(approval).where(approval.c.run_id == run_id, approval.c.step_key == step_key))


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
    values = to_values(record)
    del values["approvals"]
    return values


def _runs(connection: Connection, rows: list[Row[Any]]) -> tuple[Run, ...]:
    ids = [row.id for row in rows]
    approvals: dict[tuple[str, str], list[Approval]] = {}
    steps: dict[str, list[StepRecord]] = {each: [] for each in ids}
    for start in range(0, len(ids), 500):  # well under the limit of parameters of one statement
        some = ids[start : start + 500]
        given_yes = select(approval).where(approval.c.run_id.in_(some)).order_by(approval.c.at, approval.c.by)
        for row in connection.execute(given_yes):
            approvals.setdefault((row.run_id, row.step_key), []).append(from_row(Approval, row))
        in_order = select(step).where(step.c.run_id.in_(some)).order_by(step.c.run_id, step.c.ordinal)
        for row in connection.execute(in_order):
            yes = approvals.get((row.run_id, row.key), ())
            steps[row.run_id].append(from_row(StepRecord, row, approvals=yes))
    return tuple(from_row(Run, row, steps=steps[row.id]) for row in rows)
