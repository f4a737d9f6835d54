"""Has the tools try a step themselves: `kubectl --dry-run=server`, `helm --dry-run`, `terraform plan`, `EXPLAIN`.

They only read. They are run with what approved steps are run with, since the outside world judges the real command by
the rights of whoever sends it; `acts_as` says as whom that was.
"""

from collections.abc import Awaitable, Callable

from stanch.model.problem import StanchError
from stanch.model.record import record
from stanch.response.execution import Executor, NotStarted
from stanch.response.preview import StepPreview
from stanch.response.text_table import Rows, aligned

NATIVE_S = 60.0
"""The longest that one may take."""

Query = Callable[[str], Awaitable[Rows]]

_INSUFFICIENT_PRIVILEGE = "42501"
_HIDDEN = "(it may hold secrets, and is not shown)"
_ALLOWED = "DryRunOperation"
"""How AWS says that the real request would have been taken."""


@record
class Tried:
    """What a native dry run came to: whether the real command would work as far as can be told, why, and its output.

    `well` is None where it cannot be told: whoever asked may not what whoever runs it may.
    """

    well: bool | None
    because: str
    output: str


TryNatively = Callable[[StepPreview], Awaitable[Tried]]
"""`tried`, with what an installation runs it with."""


async def tried(step: StepPreview, *, executor: Executor, query: Query | None, redact: Callable[[str], str]) -> Tried:
    """Try one step that has a `dry_run`. Nothing is changed, whatever comes of it."""
    dry_run = step.dry_run
    assert dry_run is not None
    if dry_run.statement is not None:
        return await _planned(dry_run.statement, query, redact)
    assert dry_run.pipeline is not None
    try:
        done = await executor.run(dry_run.pipeline, step=f"preview/{step.key}", timebox_s=NATIVE_S, harmless=True)
    except NotStarted as not_started:
        return Tried(well=False, because=str(not_started), output="")
    output = _HIDDEN if dry_run.shows_secrets else done.output
    well = done.fault is None or _ALLOWED in done.output
    return Tried(well=well, because="It ended well." if well else done.fault or "", output=output)


def _is_a_matter_of_rights(refused: BaseException) -> bool:
    """Whether the server would plan it for another role; it plans nothing that the role may not do."""
    cause: BaseException | None = refused
    while cause is not None:
        if getattr(cause, "sqlstate", None) == _INSUFFICIENT_PRIVILEGE:
            return True
        cause = cause.__cause__
    return False


async def _planned(statement: str, query: Query | None, redact: Callable[[str], str]) -> Tried:
    if query is None:
        return Tried(well=None, because="It cannot be told: no database is configured to ask.", output="")
    try:
        answer = await query(statement)
    except StanchError as refused:
        if _is_a_matter_of_rights(refused):
            because = f"It cannot be told: the role that asks may only read. {refused.message}"
            return Tried(well=None, because=redact(because), output="")
        return Tried(well=False, because=redact(refused.message), output="")
    return Tried(well=True, because="It was planned.", output=redact(aligned(answer)))
