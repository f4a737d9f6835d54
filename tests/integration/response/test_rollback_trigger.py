"""A rollback trigger, the whole way as it ships: a target that is scraped, rules that fire, and a run after a yes."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from exposing import exposing
from stanch.app import App, build
from stanch.incidents import timeline
from stanch.model.incident import EventKind
from stanch.model.run import Run, RunState, StepState
from stanch.response import runs
from stanch.settings import load

PLAYBOOK = """# Releases of the booking service

## Severity levels

| Level | What it means | Acknowledge | Resolve |
|---|---|---|---|
| P1 (Critical) | Nobody can book | 5 minutes | 1 hour |

## Roles

- **On-call engineer**: acknowledges and runs the procedure

## Alert thresholds

- P1: API response time p95 over 2 seconds > 1 second for 1 second

## Rollback triggers

- P1: Error rate over 2 seconds > 20%

## Scenarios

### Slow after a release

Applies to P1 incidents.

1. Restart the workers.

   ```bash
   leave-a-mark restarted
   ```

## Rollback steps

1. Go back to the release before.

   ```bash
   leave-a-mark "rolled back"
   ```
"""
PROGRAM = """#!/bin/sh
echo "$1" >> marks
"""
SETTINGS = """[server]
data = "data"
[playbooks]
paths = ["release.md"]
service = "booking"
[commands]
directory = "."
path = ["bin", "/usr/bin", "/bin"]
[scrape.booking]
url = "http://127.0.0.1:{port}/metrics"
interval_s = 0.5
"""
REQUESTS_A_SECOND = 40
WITHIN_S = 60.0


class Booking:
    """An application's `/metrics`: its requests are slow, fail, or do neither, from when it is said on."""

    def __init__(self) -> None:
        self._since = time.monotonic()
        self._counted = {"all": 0.0, "slow": 0.0, "failed": 0.0}
        self.slow = self.failing = False

    def becomes(self, *, slow: bool = False, failing: bool = False) -> None:
        self._count()
        self.slow, self.failing = slow, failing

    def _count(self) -> None:
        now = time.monotonic()
        more, self._since = (now - self._since) * REQUESTS_A_SECOND, now
        self._counted["all"] += more
        self._counted["slow"] += more * self.slow
        self._counted["failed"] += more * self.failing

    def metrics(self) -> str:
        self._count()
        total, slow, failed = (int(each) for each in self._counted.values())
        took = "http_request_duration_seconds"
        return (
            f"# TYPE {took} histogram\n"
            f'{took}_bucket{{le="0.1"}} {total - slow}\n{took}_bucket{{le="5"}} {total}\n'
            f'{took}_bucket{{le="+Inf"}} {total}\n{took}_sum {slow * 3}\n{took}_count {total}\n'
            "# TYPE http_requests_total counter\n"
            f'http_requests_total{{status="200"}} {total - failed}\nhttp_requests_total{{status="500"}} {failed}\n'
        )


@pytest.fixture
def booking() -> Iterator[tuple[Booking, int]]:
    application = Booking()

    with exposing(application.metrics) as port:
        yield application, port


@asynccontextmanager
async def watching(folder: Path, port: int) -> AsyncIterator[App]:
    """Stanch as it ships, watching the application."""
    (folder / "release.md").write_text(PLAYBOOK)
    (folder / "bin").mkdir()
    (folder / "bin" / "leave-a-mark").write_text(PROGRAM)
    (folder / "bin" / "leave-a-mark").chmod(0o755)
    (folder / "stanch.toml").write_text(SETTINGS.format(port=port))
    async with build(load(folder / "stanch.toml")) as app:
        yield app


def marks(folder: Path) -> list[str]:
    path = folder / "marks"
    return path.read_text().splitlines() if path.exists() else []


async def run_at(app: App, run_id: str, state: StepState | RunState, ordinal: int = 0) -> Run:
    """The run, as soon as it is there and it, or that step of it, is at `state`."""
    async with asyncio.timeout(WITHIN_S), app.store.listen("runs", "timeline") as changes:
        while True:
            for run in await app.store.read(runs.listing):
                if run.id == run_id and state in {run.state, run.steps[ordinal].state}:
                    return run
            await changes.wait(1.0)


async def approve(app: App, run: Run, ordinal: int) -> None:
    step, now = run.steps[ordinal], app.clock.now()
    digest = step.digest
    assert digest is not None
    await app.store.write(
        lambda rows: runs.approve(rows, run.id, step.key, digest, by="ann", reason="it must go", now=now)
    )


async def listed(app: App) -> set[str]:
    return {run.id for run in await app.store.read(runs.listing)}


async def told(app: App, kind: EventKind, number: int = 1) -> None:
    """Until the incident has heard of so many events of that kind about the error rate."""
    async with asyncio.timeout(WITHIN_S), app.store.listen("timeline") as changes:
        while True:
            events = await app.store.read(lambda rows: timeline.read(rows, "1", kinds=(kind,)))
            if sum("error rate" in event.data["title"].casefold() for event in events) >= number:
                return
            await changes.wait(1.0)


async def test_what_fires_while_a_run_goes_on_is_asked_about_once_and_rolled_back_after_a_yes(
    tmp_path: Path, booking: tuple[Booking, int]
) -> None:
    application, port = booking
    async with watching(tmp_path, port) as app:
        application.becomes(slow=True)
        answering = await run_at(app, "1.1", StepState.PROPOSED)
        assert answering.name == "Slow after a release"

        application.becomes(slow=True, failing=True)
        asked = await run_at(app, "1.2", StepState.PROPOSED)
        assert (asked.name, asked.incident_id) == ("Rollback steps", "1")
        assert "while 'Slow after a release' is under way" in asked.because
        gate, step = asked.steps
        assert gate.progress["choice"]["question"].startswith("Roll back with 'Rollback steps'?")
        assert (step.state, step.command) == (StepState.WAITING, 'leave-a-mark "rolled back"')

        # It clears, and fires again while the question stands.
        application.becomes(slow=True)
        await told(app, EventKind.ALERT_CLEARED)
        application.becomes(slow=True, failing=True)
        await told(app, EventKind.ALERT_JOINED, 2)
        assert await listed(app) == {"1.1", "1.2"}

        now = app.clock.now()
        await app.store.write(lambda rows: runs.choose(rows, "1.2", gate.key, by="ann", reason="", now=now))
        proposed = await run_at(app, "1.2", StepState.PROPOSED, 1)
        assert marks(tmp_path) == []
        await approve(app, proposed, 1)
        done = await run_at(app, "1.2", RunState.FINISHED)
        assert [each.state for each in done.steps] == [StepState.DONE, StepState.DONE]
        assert marks(tmp_path) == ["rolled back"]
        # What was under way is still a person's to answer.
        assert (await run_at(app, "1.1", StepState.PROPOSED)).state is RunState.RUNNING


async def test_a_no_rolls_nothing_back(tmp_path: Path, booking: tuple[Booking, int]) -> None:
    application, port = booking
    async with watching(tmp_path, port) as app:
        application.becomes(slow=True)
        await run_at(app, "1.1", StepState.PROPOSED)
        application.becomes(slow=True, failing=True)
        asked = await run_at(app, "1.2", StepState.PROPOSED)
        key, now = asked.steps[0].key, app.clock.now()
        await app.store.write(lambda rows: runs.skip(rows, "1.2", key, by="ann", reason="a look first", now=now))
        over = await run_at(app, "1.2", RunState.FINISHED)
        assert [step.state for step in over.steps] == [StepState.SKIPPED, StepState.SKIPPED]
        assert marks(tmp_path) == []


async def test_a_trigger_that_fires_first_is_an_incident_and_no_rollback(
    tmp_path: Path, booking: tuple[Booking, int]
) -> None:
    application, port = booking
    async with watching(tmp_path, port) as app:
        application.becomes(failing=True)
        await run_at(app, "1.1", StepState.PROPOSED)
        assert await listed(app) == {"1.1"}
        assert marks(tmp_path) == []
