"""What a replica knows of commands that were taken over from it: their outcomes turn up when it is back.

A replica that was cut off or stood still loses its runs, and may write nothing of them any more. Its commands go on
under their supervisors, though, and what became of them is on its own disk (`records`), where no other replica can
look: whoever took the run over has to ask people what happened. When the first one is heard of again, it takes back
the runs in which that question is still open and no other holds, and answers it by what its supervisors saw. A run
that people have gone on with meanwhile is left as it is.
"""

from dataclasses import replace

from sqlalchemy import Connection, select

from stanch.incidents import timeline
from stanch.model.incident import EventKind
from stanch.model.record import record
from stanch.model.run import RunState, StepRecord, StepState
from stanch.response import leases, rows
from stanch.response.leases import Hold
from stanch.response.transitions import RECORD
from stanch.store.tables import run, step


@record
class Open:
    """A step of ours that another replica has taken over. `asked`: people are asked what became of it."""

    run_id: str
    step_key: str
    record: str
    asked: bool


_OPEN_STATES = (StepState.STARTED.value, StepState.UNKNOWN.value)
_IN_QUESTION = (
    select(step.c.run_id, step.c.key, step.c.state, step.c.progress)
    .join(run, run.c.id == step.c.run_id)
    .where(run.c.state == RunState.RUNNING.value, step.c.state.in_(_OPEN_STATES))
)


def open_questions(connection: Connection, *, place: str) -> tuple[Open, ...]:
    """The steps whose commands were begun at `place` and whose outcomes nobody has written."""
    found = []
    for row in connection.execute(_IN_QUESTION):
        record = row.progress.get(RECORD)
        if record is not None and record.startswith(f"{place}-"):
            asked = row.state == StepState.UNKNOWN.value
            found.append(Open(run_id=row.run_id, step_key=row.key, record=record, asked=asked))
    return tuple(found)


def take_back(connection: Connection, question: Open, *, holder: str, now: float, term_s: float) -> Hold | None:
    """Hold the run again, its step as it was while it ran; None where people or another replica were faster."""
    hold = leases.take_rested(connection, question.run_id, holder=holder, now=now, term_s=term_s)
    if hold is None:
        return None
    here = rows.get_run(connection, question.run_id)
    before = next((each for each in here.steps if each.key == question.step_key), None)
    if before is None or not _is_asked(before, question) or not rows.update_step(connection, before, _started(before)):
        leases.release(connection, hold, wake_at=now)
        return None
    text = f"The server that was to run '{before.text}' is back, and knows what became of it."
    timeline.append(connection, here.incident_id, EventKind.NOTE, {"text": text}, now=now)
    return hold


def _started(record: StepRecord) -> StepRecord:
    return replace(record, state=StepState.STARTED, digest=None, because=None)


def _is_asked(record: StepRecord, question: Open) -> bool:
    return record.state is StepState.UNKNOWN and record.progress.get(RECORD) == question.record
