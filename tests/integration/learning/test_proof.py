"""A playbook is proven by a run of it that went well to its end, and by no other."""

from pathlib import Path

import httpx
import pytest
from sqlalchemy import update

import server_house
from response_stage import SOURCE, Stage, command
from server_house import House
from stanch.learning.proof import proven_at
from stanch.model.clock import SystemClock
from stanch.model.run import RunState, StepState
from stanch.store import tables
from stanch.store.engine import Store
from waiting import until

PLAYBOOK = """\
---
reviewed: 2020-01-31
---
# Builds

## Severity levels

| Level | What it means | Acknowledge | Resolve |
|---|---|---|---|
| P1 (Critical) | Nobody can book | 5 minutes | 1 hour |

## Scenarios

### Look at it

Applies to P1.

1. Look at what is there.

   ```bash
   ls {what}
   ```
"""


@pytest.fixture
async def store(store_url: str):
    async with await Store.open(store_url, SystemClock()) as opened:
        yield opened


async def test_the_latest_run_that_went_well_proves_the_playbook(store: Store, tmp_path: Path):
    stage = Stage(store, tmp_path, command("look", ("true",)), command("look-again", ("true",)))
    (tmp_path / "work").mkdir()
    assert await store.read(proven_at) == {}
    await stage.open()
    async with stage.running():
        over = await stage.until_over()
    assert await store.read(proven_at) == {SOURCE.path: over.ended_at}


@pytest.mark.parametrize("state", [StepState.FAILED, StepState.UNKNOWN])
async def test_a_run_in_which_something_went_wrong_proves_nothing(store: Store, tmp_path: Path, state: StepState):
    stage = Stage(store, tmp_path, command("look", ("true",)), command("other", ("true",)))
    (tmp_path / "work").mkdir()
    await stage.open()
    async with stage.running():
        await stage.until_over()
    changed = update(tables.step).where(tables.step.c.key == "other").values(state=state.value)
    await store.write(lambda rows: rows.execute(changed))
    assert await store.read(proven_at) == {}


async def test_a_run_that_was_stopped_or_in_which_nothing_was_done_proves_nothing(store: Store, tmp_path: Path):
    stage = Stage(store, tmp_path, command("look", ("true",)))
    (tmp_path / "work").mkdir()
    await stage.open()
    async with stage.running():
        await stage.until_over()
    await store.write(lambda rows: rows.execute(update(tables.run).values(state=RunState.STOPPED.value)))
    assert await store.read(proven_at) == {}
    await store.write(lambda rows: rows.execute(update(tables.run).values(state=RunState.FINISHED.value)))
    await store.write(lambda rows: rows.execute(update(tables.step).values(state=StepState.SKIPPED.value)))
    assert await store.read(proven_at) == {}


async def stale(house: House) -> bool:
    token = (house.directory / "data" / "token").read_text().strip()
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(headers=headers, trust_env=False) as client:
        (playbook,) = (await client.get(f"http://127.0.0.1:{house.port}/api/plan")).json()["playbooks"]
    return "stale-playbook" in {problem["code"] for problem in playbook["problems"]}


@pytest.mark.parametrize(("what", "remains"), [(".", False), ("nothing-of-that-name", True)])
async def test_a_server_calls_a_playbook_stale_until_a_run_of_it_went_well(tmp_path: Path, what: str, remains: bool):  # noqa: FBT001 - a parameter of the cases
    async with server_house.house(tmp_path, PLAYBOOK.format(what=what)) as house:
        server = await house.serve()
        assert await stale(house)
        await house.types("incident", "open", "Look", "-s", "P1")

        async def over() -> bool:
            return (await house.run())["state"] in {"finished", "stopped"}

        await until(over, within_s=60.0)
        server.terminate()
        await server.wait()
        await house.serve()
        assert await stale(house) is remains
