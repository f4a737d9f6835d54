"""The store goes away and comes back, and a fault of Stanch's own: nothing done is forgotten or done again."""

import asyncio
import random
from pathlib import Path

import pytest

from response_stage import Cuttable, Stage, act, command
from stanch.model.clock import ManualClock, SystemClock
from stanch.model.incident import EventKind
from stanch.model.problem import Unusable
from stanch.model.run import StepState
from stanch.response import turns
from stanch.response.tools import Timing
from stanch.store.engine import Store


class Full(Cuttable):
    """A store whose disk is full while `whole` is not set: what was read stays readable."""

    async def read(self, unit):
        return await self._store.read(unit)


async def test_what_was_done_while_the_disk_was_full_is_written_when_there_is_room(
    sqlite_store: Store, tmp_path: Path
) -> None:
    disk = Full(sqlite_store)
    disk.refuses = True
    stage = Stage(disk, tmp_path, act("index"), command("after", ("echo", "x")))
    stage.real = sqlite_store
    await stage.open()
    hold = stage.actions["build"].hang = asyncio.Event()
    async with stage.running():
        await stage.until_step("index", StepState.PROPOSED)
        await stage.approve("index")
        await stage.until(lambda run: run.steps[0].progress.get("text") == "building")
        disk.whole.clear()
        hold.set()
        await asyncio.wait_for(stage.actions["build"].built.wait(), 10)
        assert (await stage.step("index")).state is StepState.STARTED
        disk.whole.set()
        run = await stage.until_over()
    assert [step.state for step in run.steps] == [StepState.DONE, StepState.DONE]
    assert [step.attempt for step in run.steps] == [1, 1]
    assert stage.world.count("build-index: built") == 1
    assert len(await stage.events(EventKind.STEP_DONE)) == 2


class Forgetful(Cuttable):
    """A store whose connection breaks after a commit and before its answer, one time of four."""

    def __init__(self, store: Store, seed: int) -> None:
        super().__init__(store)
        self.writes = 0
        self.chance = random.Random(seed)

    async def write(self, unit, *, wake=()):
        value = await self._store.write(unit, wake=wake)
        self.writes += 1
        if self.chance.random() < 0.25:
            raise Unusable("The connection broke.")
        return value


@pytest.mark.parametrize("seed", [1, 2])
async def test_a_commit_whose_answer_was_lost_is_not_written_twice(
    store: Store, store_url: str, tmp_path: Path, seed: int
) -> None:
    broken = Forgetful(store, seed)
    quick = Timing(lease_s=6.0)
    stage = Stage(broken, tmp_path, *(act(f"look-{number}", "look") for number in range(6)), timing=quick)
    stage.real = store
    await stage.open()
    # One process where it knows that it is alone, one of several replicas on PostgreSQL.
    async with stage.running(alone=store_url.startswith("sqlite")):
        run = await stage.until_over(within_s=90.0)
    assert broken.writes >= 9
    assert [step.attempt for step in run.steps] == [1] * 6
    for kind in (EventKind.STEP_STARTED, EventKind.STEP_DONE):
        assert [event.data["step"] for event in await stage.events(kind)] == [f"look-{number}" for number in range(6)]
    assert stage.world.journal() == [f"look-{number}: looked" for number in range(6)]
    assert len(await stage.events(EventKind.RUN_FINISHED)) == 1


async def test_a_fault_of_our_own_holds_up_one_run_and_is_tried_again(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = ManualClock()
    async with await Store.open(sqlite_url, clock) as store:
        stage = Stage(store, tmp_path, command("one", ("echo", "x")), clock=clock)
        await stage.open()
        real, broken = turns.way_of, []

        def breaks_once(step, means):
            if not broken:
                broken.append(step.key)
                raise RuntimeError("a fault of our own")
            return real(step, means)

        monkeypatch.setattr(turns, "way_of", breaks_once)
        async with stage.running():
            run = await stage.until(lambda run: bool(broken) and run.holder is None)
            assert run.steps[0].state is StepState.WAITING
            assert run.wake_at == pytest.approx(clock.now() + 30.0)
            await asyncio.sleep(0.1)
            await clock.advance(31.0)
            run = await stage.until_over()
        assert run.steps[0].state is StepState.DONE


async def test_an_idle_runner_asks_the_store_for_nothing(sqlite_url: str, tmp_path: Path) -> None:
    clock = SystemClock()
    async with await Store.open(sqlite_url, clock) as store:
        stage = Stage(store, tmp_path, act("index"))
        await stage.open()
        asked = []
        read, write = store.read, store.write

        async def counted(unit, **named):
            asked.append(unit)
            return await (write if named else read)(unit, **named)

        async with stage.running(keeper=True):
            await stage.until(lambda run: run.steps[0].state is StepState.PROPOSED and run.holder is None)
            await asyncio.sleep(0.2)
            store.read = counted
            store.write = lambda unit, *, wake=(): counted(unit, wake=wake)
            await asyncio.sleep(1.0)
            store.read, store.write = read, write
        assert asked == []
