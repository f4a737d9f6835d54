"""Runs of the runbook reference document's procedures, one after the other, with people who answer what they ask."""

import json
from functools import cache
from pathlib import Path

import pytest
from sqlalchemy import Connection

from stanch.app import App
from stanch.connectors.files import documents
from stanch.incidents import lifecycle
from stanch.model.plan import Plan, Procedure, Step
from stanch.model.run import Run, StepRecord, StepState
from stanch.playbook.compile import compile_playbooks
from stanch.response import runs
from waiting import until

_SEEDS = Path(__file__).parents[2] / "shared/seeds"
_LATER_S = 1200.0
"""So long ago the runs began: all that the document has wait for a minute is due."""


def runbook() -> Path:
    """The document, which a fresh clone has not beside it: there the test is skipped."""
    found = sorted(_SEEDS.glob("003_*.txt"))
    if not found:
        pytest.skip("the reference documents are not here")
    return found[0]


@cache
def plan_of(document: Path) -> Plan:
    return compile_playbooks(documents([document]))


def steps_of(document: Path, *programs: str) -> dict[str, Step]:
    """The steps of all its procedures whose command is one of those programs, by their keys."""
    steps = (step for procedure in plan_of(document).of(Procedure) for step in procedure.steps)
    return {step.key: step for step in steps if runs_one_of(step, *programs)}


def runs_one_of(step: Step | StepRecord, *programs: str) -> bool:
    return step.command is not None and step.command.split()[0] in programs


def write_settings(
    directory: Path,
    document: Path,
    path: list[Path],
    environment: dict[str, str],
    reading: dict[str, str] | None = None,
) -> Path:
    """The settings of an installation in `directory`, whose commands run there and find programs in `path`.

    `reading` says whom those act as that go by themselves.
    """
    config = directory / "stanch.toml"
    config.write_text(f"""[server]
port = 0
data = "data"

[playbooks]
paths = [{json.dumps(str(document))}]
service = "healthcare"

[commands]
directory = "."
path = {json.dumps([*map(str, path), "/usr/bin", "/bin"])}

[commands.environment]
{_variables(environment)}

[commands.reading]
{_variables(reading or {})}
""")
    return config


def _variables(values: dict[str, str]) -> str:
    return "\n".join(f"{name} = {json.dumps(value)}" for name, value in values.items())


async def start(app: App, name: str) -> Run:
    """A run of the procedure with that key."""
    procedure = next(each for each in app.plan.of(Procedure) if each.key == name)

    def unit(rows: Connection) -> Run:
        now = app.clock.now()
        incident = lifecycle.open_by_hand(
            rows, title="Nobody can book", severity="P1", service="healthcare", plan=app.plan, now=now, by="maria"
        )
        return runs.start(rows, incident, procedure, app.plan, now=now - _LATER_S, because="The test asks for it.")

    return await app.store.write(unit, wake=(runs.TOPIC,))


async def turn(app: App, run: Run, *, within_s: float = 90.0) -> StepRecord | None:
    """The step that waits for people; None once the run is over."""
    found: list[StepRecord] = []

    async def look() -> bool:
        now = await get(app, run)
        found[:] = [step for step in now.steps if step.state in {StepState.PROPOSED, StepState.UNKNOWN}]
        return bool(found) or now.state.is_over

    await until(look, within_s)
    return found[0] if found else None


async def get(app: App, run: Run) -> Run:
    return await app.store.read(lambda rows: runs.get(rows, run.id))


async def approve(app: App, step: StepRecord, by: str) -> None:
    """A yes to exactly what the step shows."""
    digest, now = step.digest or "", app.clock.now()
    await app.store.write(lambda rows: runs.approve(rows, step.run_id, step.key, digest, by=by, reason="seen", now=now))


async def complete(app: App, step: StepRecord, by: str) -> None:
    now = app.clock.now()
    await app.store.write(lambda rows: runs.complete(rows, step.run_id, step.key, by=by, note="seen", now=now))


async def skip(app: App, step: StepRecord, by: str, reason: str) -> None:
    now = app.clock.now()
    await app.store.write(lambda rows: runs.skip(rows, step.run_id, step.key, by=by, reason=reason, now=now))


async def fill(app: App, step: StepRecord, values: dict[str, str], by: str) -> None:
    now = app.clock.now()
    await app.store.write(lambda rows: runs.fill(rows, step.run_id, step.key, values, by=by, now=now))
