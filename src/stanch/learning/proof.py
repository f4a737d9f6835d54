"""When each playbook was last proven: a procedure of it was run to its end, and nothing in the run went wrong."""

from sqlalchemy import ColumnElement, Connection, and_, exists, func, select

from stanch.model.run import RunState, StepState
from stanch.store.tables import run, step


def proven_at(connection: Connection) -> dict[str, float]:
    """The end of the latest such run by the playbook's path, in Unix seconds; those never proven are left out.

    A run counts that finished with a step done and none failed or of unknown outcome.
    """

    def has(*states: StepState) -> ColumnElement[bool]:
        mine = and_(step.c.run_id == run.c.id, step.c.state.in_([state.value for state in states]))
        return exists().where(mine)

    well = and_(
        run.c.state == RunState.FINISHED.value,
        run.c.ended_at.is_not(None),
        has(StepState.DONE),
        ~has(StepState.FAILED, StepState.UNKNOWN),
    )
    latest = select(run.c.procedure, func.max(run.c.ended_at).label("at")).where(well).group_by(run.c.procedure)
    newest = latest.subquery()
    places = (
        select(newest.c.at, step.c.source)
        .join(run, and_(run.c.procedure == newest.c.procedure, run.c.ended_at == newest.c.at))
        .join(step, step.c.run_id == run.c.id)
        .where(step.c.source.is_not(None), step.c.state == StepState.DONE.value)
    )
    found: dict[str, float] = {}
    for row in connection.execute(places):
        path = row.source["path"]
        found[path] = max(row.at, found.get(path, row.at))
    return found
