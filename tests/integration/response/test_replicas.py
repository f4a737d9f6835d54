"""Several runners on one database: one cut off, one stalled, one gone; clocks that jump."""

import asyncio
import time
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import update

from response_stage import Cuttable, Stage, act, command, manual
from stanch.incidents import timeline
from stanch.model.clock import SystemClock
from stanch.model.incident import EventKind
from stanch.model.risk import Risk
from stanch.model.run import RunState, StepState
from stanch.response import leases, rows, runs
from stanch.response.runner import Runner
from stanch.response.tools import Timing
from stanch.response.transitions import RECORD
from stanch.store import tables
from stanch.store.engine import Store

SHORT = Timing(lease_s=3.0)
LONG = Timing(lease_s=60.0)


class JumpingClock(SystemClock):
    """A wall clock that somebody sets; durations go on as they were, but for the time that the process stood still."""

    def __init__(self) -> None:
        self.offset = 0.0
        self.stood_still_s = 0.0

    def now(self) -> float:
        return super().now() + self.offset

    def monotonic(self) -> float:
        return super().monotonic() + self.stood_still_s


def twin(stage: Stage, folder: Path, store) -> Stage:
    """A second replica: its own runner and actions on the same database and the same world."""
    other = Stage(store, folder, timing=SHORT)
    other.plan = stage.plan
    return other


@pytest.mark.parametrize("silence", ["hangs", "refuses"])
async def test_a_replica_that_is_cut_off_stops_acting_before_another_takes_over(
    postgres_url: str, tmp_path: Path, silence: str
) -> None:
    async with (
        await Store.open(postgres_url, SystemClock()) as near,
        await Store.open(postgres_url, SystemClock()) as far,
    ):
        network = Cuttable(near)
        network.refuses = silence == "refuses"
        stage = Stage(near, tmp_path, act("index"), timing=SHORT)
        await stage.open()
        cut = Stage(network, tmp_path, timing=SHORT)
        cut.plan = stage.plan
        cut.actions["build"].hang = asyncio.Event()
        cut_off = asyncio.create_task(Runner(cut.tools, holder="cut", alone=False).run())
        await stage.until_step("index", StepState.PROPOSED)
        await stage.approve("index")
        await stage.until(lambda run: run.steps[0].progress.get("text") == "building")
        acting = [task for task in asyncio.all_tasks() if task.get_name() == "stanch-run-1.1"]
        stopped_at: list[float] = []
        acting[0].add_done_callback(lambda _: stopped_at.append(time.monotonic()))
        network.whole.clear()

        other = twin(stage, tmp_path, far)
        async with other.running("other", alone=False):
            taken = await other.until(lambda run: run.holder == "other" or run.epoch > 2, within_s=30.0)
            taken_at = time.monotonic()
            assert taken.epoch > 1
            asked = await other.until(lambda run: run.steps[0].asked == 2)
            assert asked.steps[0].state is StepState.PROPOSED
            assert stopped_at, "the replica that was cut off was still acting"
            assert stopped_at[0] < taken_at
            network.whole.set()  # it comes back, and may write nothing of what it did; new work is another matter
            cut.actions["build"].hang.set()
            await other.approve("index")
            run = await other.until_over()
            cut_off.cancel()
            await asyncio.gather(cut_off, return_exceptions=True)
        assert run.steps[0].state is StepState.DONE
        assert stage.world.journal() == [
            "build-index: begun",
            "build-index: undone",
            "build-index: begun",
            "build-index: built",
        ]
        assert await far.read(timeline.verify) == ()
        assert len(await other.events(EventKind.RUN_FINISHED)) == 1


async def test_the_fence_holds_where_a_replica_slept_through_its_lease(postgres_url: str, tmp_path: Path) -> None:
    """Its lease is over before it has noticed: not even its watch over the lease says so."""
    async with (
        await Store.open(postgres_url, SystemClock()) as near,
        await Store.open(postgres_url, SystemClock()) as far,
    ):
        stage = Stage(near, tmp_path, act("index"), timing=LONG)  # it renews every ten seconds
        await stage.open()
        asleep = stage.runner("asleep", alone=False)
        stage.actions["build"].hang = asyncio.Event()
        sleeping = asyncio.create_task(asleep.run())
        await stage.until_step("index", StepState.PROPOSED)
        await stage.approve("index")
        await stage.until(lambda run: run.steps[0].progress.get("text") == "building")

        await lose(far)
        other = apart(stage, tmp_path, far, LONG)
        async with other.running("other", alone=False):
            await other.until(lambda run: run.steps[0].asked == 2, within_s=5.0)
            before = await other.events()
            stage.actions["build"].hang.set()  # it wakes, goes on as if nothing was, and wants to write its outcome
            await asyncio.sleep(0.3)
            assert await other.events() == before
            assert (await other.step("index")).state is StepState.PROPOSED
            await other.approve("index")
            run = await other.until_over()
        sleeping.cancel()
        await asyncio.gather(sleeping, return_exceptions=True)
        assert run.steps[0].state is StepState.DONE
        assert [event.data["attempt"] for event in await other.events(EventKind.STEP_STARTED)] == [1, 2]
        assert await far.read(timeline.verify) == ()


async def test_what_stood_still_between_its_intent_and_its_act_does_not_act(postgres_url: str, tmp_path: Path) -> None:
    clock = JumpingClock()
    async with await Store.open(postgres_url, clock) as store:
        stage = Stage(store, tmp_path, act("index"), clock=clock, timing=SHORT)
        await stage.open()
        propose = stage.actions["build"].propose

        async def propose_and_stand_still(context):
            if context.step.state is StepState.APPROVED:
                clock.stood_still_s += 100.0
            return await propose(context)

        stage.actions["build"].propose = propose_and_stand_still
        async with stage.running("one", alone=False):
            await stage.until_step("index", StepState.PROPOSED)
            await stage.approve("index")
            run = await stage.until_over()
        assert [event.data["attempt"] for event in await stage.events(EventKind.STEP_STARTED)] == [1, 2]
        # Its lease ran out, it took the run anew, saw that nothing had been done, and did it: once.
        assert stage.world.journal() == ["build-index: begun", "build-index: built"]
        assert run.epoch >= 2


async def test_two_runners_share_many_runs_and_do_each_step_once(postgres_url: str, tmp_path: Path) -> None:
    async with (
        await Store.open(postgres_url, SystemClock()) as near,
        await Store.open(postgres_url, SystemClock()) as far,
    ):
        stages = []
        for number in range(8):
            stage = Stage(near, tmp_path, act(f"look-{number}", "look"), act(f"then-{number}", "look"))
            await stage.open()
            stages.append(stage)
        other = Stage(far, tmp_path)
        async with stages[0].running("one", alone=False), other.running("two", alone=False):
            ended = [await stage.until_over() for stage in stages]
        assert {run.state for run in ended} == {RunState.FINISHED}
        journal = stages[0].world.journal()
        assert len(journal) == len(set(journal)) == 16


async def test_a_runner_that_ends_in_order_lets_go_at_once(postgres_url: str, tmp_path: Path) -> None:
    long = Timing(lease_s=3600.0)
    async with await Store.open(postgres_url, SystemClock()) as store:
        stage = Stage(store, tmp_path, command("hang", ("sleep", "300")), timing=long)
        await stage.open()
        async with stage.running("one", alone=False):
            await stage.until_step("hang", StepState.STARTED)
        assert (await stage.run()).holder is None
        async with stage.running("two", alone=False):
            await stage.until(lambda run: run.steps[0].attempt == 2, within_s=5.0)
            await stage.do(runs.stop, reason="seen")
            await stage.until_over()


def apart(stage: Stage, folder: Path, store: Store, timing: Timing) -> Stage:
    """Another replica. In a folder of its own its records and processes are its own, as on another machine."""
    other = Stage(store, folder, timing=timing)
    other.plan = stage.plan
    return other


async def lose(store: Store) -> None:
    """Every lease is over, though nobody who holds one knows."""
    await store.write(lambda rows: rows.execute(update(tables.run).values(held_until=0.0)))


async def test_a_replica_does_not_take_anew_what_it_is_driving(postgres_url: str, tmp_path: Path) -> None:
    """Its lease is over and nobody else has taken the run: driven a second time beside itself, it would act twice."""
    async with await Store.open(postgres_url, SystemClock()) as store:
        gate = tmp_path / "gate"
        waits = ("sh", "-c", f"while [ ! -e {gate} ]; do sleep 0.05; done")
        stage = Stage(store, tmp_path, command("run", waits), timing=LONG)
        await stage.open()
        async with stage.running("one", alone=False):
            await stage.until_step("run", StepState.STARTED)
            await lose(store)
            other = Stage(store, tmp_path, command("beside", ("true",)), timing=LONG)
            await other.open()  # it looks, and finds this one
            await other.until_over()
            gate.touch()
            run = await stage.until_over()
        assert run.epoch == 1
        assert run.steps[0].attempt == 1


@pytest.mark.parametrize("people", ["wait", "answer"])
async def test_what_a_replica_saw_of_a_command_that_was_taken_over_is_written_when_it_is_back(
    postgres_url: str, tmp_path: Path, people: str
) -> None:
    async with (
        await Store.open(postgres_url, SystemClock()) as near,
        await Store.open(postgres_url, SystemClock()) as far,
    ):
        gate = tmp_path / "gate"
        waits = f"while [ ! -e {gate} ]; do sleep 0.05; done; echo restarted"
        stage = Stage(near, tmp_path / "near", command("restart", ("sh", "-c", waits), risk=Risk.MUTATING), timing=LONG)
        await stage.open()
        async with stage.running("near", alone=False):
            await stage.until_step("restart", StepState.PROPOSED)
            await stage.approve("restart")
            await stage.until_step("restart", StepState.STARTED)
            await lose(far)
            other = apart(stage, tmp_path / "far", far, LONG)
            async with other.running("far", alone=False):
                asked = await other.until_step("restart", StepState.UNKNOWN)
                assert "Another server ran it" in (asked.because or "")
                if people == "answer":
                    await other.do(runs.complete, "restart", note="seen by hand")
                gate.touch()
                step = await other.until_step("restart", StepState.DONE)
                run = await other.until_over()
        assert run.steps[0].attempt == 1
        by_hand = people == "answer"
        assert (step.output == "seen by hand") is by_hand
        assert ("restarted" in (step.output or "")) is not by_hand
        done = await other.events(EventKind.STEP_DONE)
        assert len(done) == 1
        assert await far.read(timeline.verify) == ()


async def test_what_was_never_begun_is_asked_for_again_when_that_is_known(postgres_url: str, tmp_path: Path) -> None:
    """The intent was written, and its server stood still before the act: the order comes too late and is not heeded."""
    async with (
        await Store.open(postgres_url, SystemClock()) as near,
        await Store.open(postgres_url, SystemClock()) as far,
    ):
        stage = Stage(near, tmp_path / "near", command("restart", ("touch", "made"), risk=Risk.MUTATING), timing=LONG)
        await stage.open()
        async with stage.running("near", alone=False):
            await stage.until_step("restart", StepState.PROPOSED)
        await stage.approve("restart")
        step = await stage.step("restart")
        record = stage.tools.executor.record()
        started = replace(step, state=StepState.STARTED, attempt=1, progress={**step.progress, RECORD: record})
        assert await near.write(lambda connection: rows.update_step(connection, step, started))
        other = apart(stage, tmp_path / "far", far, LONG)
        async with other.running("far", alone=False):
            await other.until_step("restart", StepState.UNKNOWN)
            async with stage.running("near", alone=False):
                asked = await other.until_step("restart", StepState.PROPOSED)
                assert "took the earlier yes back" in (asked.because or "")
                await other.approve("restart")
                run = await other.until_over()
        assert run.steps[0].state is StepState.DONE
        assert [event.data["attempt"] for event in await other.events(EventKind.STEP_STARTED)] == [2]


async def test_a_replica_that_is_started_again_takes_up_at_once_what_it_held(postgres_url: str, tmp_path: Path) -> None:
    """It was killed, so nothing was let go; another leaves it alone for as long as its lease lasts."""
    long = Timing(lease_s=3600.0)
    async with await Store.open(postgres_url, SystemClock()) as store:
        stage = Stage(store, tmp_path, act("look", "look"), timing=long)
        await stage.open()
        now = stage.clock.now()
        (hold,) = await store.write(
            lambda rows: leases.take(rows, holder="one", now=now, term_s=3600.0, lease_s=3600.0, room=9)
        )
        async with stage.running("two", alone=False):
            with pytest.raises(TimeoutError):
                await stage.until(lambda run: run.epoch != hold.epoch, within_s=1.0)
        async with stage.running("one", alone=False):
            run = await stage.until_over(within_s=10.0)
        assert run.state is RunState.FINISHED
        assert run.epoch == hold.epoch + 1


@pytest.mark.parametrize("jump", [-7200.0, 7200.0])
async def test_a_clock_that_is_set_does_not_cut_what_runs(store_url: str, tmp_path: Path, jump: float) -> None:
    clock = JumpingClock()
    async with await Store.open(store_url, clock) as store:
        stage = Stage(store, tmp_path, command("run", ("sleep", "0.5"), timebox_s=30.0), manual("call"), clock=clock)
        await stage.open()
        async with stage.running(alone=False):
            await stage.until_step("run", StepState.STARTED)
            clock.offset = jump
            step = await stage.until_step("run", StepState.DONE)
            assert step.attempt == 1
            await stage.until_step("call", StepState.PROPOSED)
            await stage.do(runs.complete, "call", note="")
            run = await stage.until_over()
        (done, _) = await stage.events(EventKind.STEP_DONE)
        assert run.state is RunState.FINISHED
        assert 0.5 <= done.data["elapsed_s"] < 60.0


async def test_replicas_whose_clocks_disagree_leave_each_other_their_runs(postgres_url: str, tmp_path: Path) -> None:
    ahead = JumpingClock()
    ahead.offset = 86_400.0
    async with await Store.open(postgres_url, SystemClock()) as near, await Store.open(postgres_url, ahead) as far:
        stage = Stage(near, tmp_path, command("run", ("sleep", "1.5")), timing=SHORT)
        await stage.open()
        other = Stage(far, tmp_path, clock=ahead, timing=SHORT)
        async with stage.running("one", alone=False):
            await stage.until_step("run", StepState.STARTED)
            async with other.running("two", alone=False):
                run = await stage.until_over()
        assert run.epoch == 1
        assert run.steps[0].attempt == 1
