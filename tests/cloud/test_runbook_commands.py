"""Every aws command of the runbook reference document: the real command line against a server that speaks its API."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

import runbook_runs
from cloud.conftest import Cloud
from stanch.app import App, build
from stanch.model.problem import Refused
from stanch.model.run import Run, StepRecord, StepState
from stanch.settings import load

pytestmark = pytest.mark.cloud

DATABASE = "database-connection-issues/check-rds-status"
REDIS = "redis-cache-issues/check-redis-status"
RESTORE = "database-recovery/restore-from-backup"
RESTORED = "healthcare-prod-restored"


@asynccontextmanager
async def running(cloud: Cloud, directory: Path) -> AsyncIterator[App]:
    environment = {name: value for name, value in cloud.environment.items() if name.startswith("AWS_")}
    config = runbook_runs.write_settings(directory, runbook_runs.runbook(), [cloud.programs], environment)
    async with build(load(config)) as app:
        yield app


def databases(cloud: Cloud) -> dict[str, Any]:
    return {each["DBInstanceIdentifier"]: each for each in cloud.aws("rds", "describe-db-instances")["DBInstances"]}


async def run_to_end(app: App, name: str) -> Run:
    """A run in which people leave out all that waits for them."""
    run = await runbook_runs.start(app, name)
    while (step := await runbook_runs.turn(app, run)) is not None:
        await runbook_runs.skip(app, step, "maria", "It is not what this test looks at.")
    return await runbook_runs.get(app, run)


def step_of(run: Run, key: str) -> StepRecord:
    return next(step for step in run.steps if step.key == key)


def test_no_command_of_the_document_is_left_out():
    assert set(runbook_runs.steps_of(runbook_runs.runbook(), "aws")) == {DATABASE, REDIS, RESTORE}


@pytest.mark.parametrize(
    ("key", "shows"),
    [(DATABASE, '"DBInstanceStatus": "available"'), (REDIS, '"CacheClusterStatus": "available"')],
)
async def test_what_only_looks_goes_by_itself(cloud: Cloud, tmp_path: Path, key: str, shows: str):
    async with running(cloud, tmp_path) as app:
        step = step_of(await run_to_end(app, key.split("/", maxsplit=1)[0]), key)
    assert step.state is StepState.DONE, (step.because, step.output)
    assert step.approvals == ()
    assert shows in (step.output or "")


async def test_a_restore_needs_two_people_and_then_happens(cloud: Cloud, tmp_path: Path):
    async with running(cloud, tmp_path) as app:
        run = await runbook_runs.start(app, "database-recovery")
        step = await runbook_runs.turn(app, run)
        assert step is not None
        assert step.key == RESTORE
        await runbook_runs.approve(app, step, "maria")
        with pytest.raises(Refused, match="needs 2 different people"):
            await runbook_runs.approve(app, step, "maria")
        assert RESTORED not in databases(cloud)

        await runbook_runs.approve(app, step, "tom")
        while (waiting := await runbook_runs.turn(app, run)) is not None:
            await runbook_runs.skip(app, waiting, "maria", "There is no cluster in this test.")
        step = step_of(await runbook_runs.get(app, run), RESTORE)
    assert step.state is StepState.DONE, (step.because, step.output)
    assert {given.by for given in step.approvals} == {"maria", "tom"}
    assert databases(cloud)[RESTORED]["Engine"] == "postgres"


async def test_a_restore_that_the_cloud_refuses_fails_with_its_reason(cloud: Cloud, tmp_path: Path):
    cloud.aws("rds", "delete-db-snapshot", "--db-snapshot-identifier", "healthcare-prod-snapshot-latest")
    async with running(cloud, tmp_path) as app:
        run = await runbook_runs.start(app, "database-recovery")
        step = await runbook_runs.turn(app, run)
        assert step is not None
        for person in ("maria", "tom"):
            await runbook_runs.approve(app, step, person)
        while (waiting := await runbook_runs.turn(app, run)) is not None:
            await runbook_runs.skip(app, waiting, "maria", "There is no cluster in this test.")
        step = step_of(await runbook_runs.get(app, run), RESTORE)
    assert step.state is StepState.FAILED
    assert "DBSnapshotNotFound" in (step.output or "")
    assert RESTORED not in databases(cloud)
