"""The process ends at every transition, on both stores; the next one finishes the run, and nothing is done twice.

Here a crash is a store that answers nobody any more, which is exhaustive and fast; `test_kill.py` does it to real
processes with SIGKILL.
"""

import asyncio
import contextlib
import random
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import response_invariants
from response_stage import Crash, CrashPoints, Stage, act, command, message
from stanch.model.clock import SystemClock
from stanch.model.risk import Risk
from stanch.response.action import Remedy
from stanch.store.engine import Store

CAP = (("path", "/appointments"), ("limit", "2"), ("for", "10 minutes"))


SHARDS = 4


def steps(folder: Path):
    journal = str(folder / "world" / "journal")
    return (
        command("see", ("echo", "see: ran"), ("tee", "-a", journal)),
        act("first-look", "look"),
        act("cap", "limit_concurrency", parameters=CAP),
        act("index"),
        message("patients"),
        command("scale", ("echo", "scale: ran"), ("tee", "-a", journal), risk=Risk.MUTATING),
        act("tables", "wipe"),
        act("last-look", "look"),
    )


async def live_once(store: Store, folder: Path, points: CrashPoints, *, remedy: Remedy) -> Stage:
    """One process's life: from its start to the run's end, or to its crash."""
    stage = Stage(store, folder, *steps(folder), points=points)
    stage.actions["build"].remedy = remedy
    people = asyncio.create_task(stage.answer_everything())
    runner = asyncio.create_task(stage.runner().run())
    keeper = asyncio.create_task(stage.keeper.run())
    try:
        async with asyncio.timeout(60):
            while not points.dead and not (people.done() or runner.done() or keeper.done()):
                await asyncio.wait({people, runner, keeper}, timeout=0.02, return_when=asyncio.FIRST_COMPLETED)
    except TimeoutError:
        raise AssertionError(f"it hangs: {await stage.run()}") from None
    finally:
        for task in (people, runner, keeper):
            task.cancel()
        for ended in await asyncio.gather(people, runner, keeper, return_exceptions=True):
            if isinstance(ended, Exception) and not isinstance(ended, asyncio.CancelledError):
                raise ended
    return stage


async def campaign(
    store: Store, folder: Path, crashes: list[int], *, remedy: Remedy = Remedy.UNDO_AND_ASK
) -> CrashPoints:
    """Open the incident, crash at the given points of one life after the other, and live to the end."""
    await Stage(store, folder, *steps(folder)).open()
    for at in crashes:
        points = CrashPoints(at)
        stage = await live_once(store, folder, points, remedy=remedy)
        if not points.dead:
            break
    else:
        points = CrashPoints()
        stage = await live_once(store, folder, points, remedy=remedy)
    await response_invariants.hold(stage)
    return points


@pytest.fixture
def in_memory() -> Iterator[Path]:
    """A folder where an fsync costs nothing: a crash here ends a process, not the machine."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None, prefix="stanch-test-") as folder:
        yield Path(folder)


async def test_a_life_without_a_crash_reaches_the_points_that_the_campaigns_crash_at(
    sqlite_store: Store, tmp_path: Path
) -> None:
    points = await campaign(sqlite_store, tmp_path, [])
    assert {"build-index: within the act", "wipe-tables: after the act", "first-look: before the look"} <= set(
        points.names
    )
    assert points.names.count("after a write") >= 16


@pytest.mark.parametrize("shard", range(SHARDS))
async def test_a_crash_at_every_transition_is_survived_on_sqlite(in_memory: Path, shard: int) -> None:
    at = shard + 1
    while await dies_at(in_memory / f"{at}", CrashPoints(at), Remedy.UNDO_AND_ASK):
        at += SHARDS
    assert at > 60


@pytest.mark.parametrize("where", ["before the act", "within the act", "after the act"])
async def test_what_may_be_done_again_over_its_own_half_is_done_again(in_memory: Path, where: str) -> None:
    assert await dies_at(in_memory, Named(f"build-index: {where}"), Remedy.DO_AGAIN)


async def dies_at(folder: Path, points: CrashPoints, remedy: Remedy) -> bool:
    """Live to the point and then to the end; False where the point lies beyond the end."""
    async with await Store.open(f"sqlite:///{folder}/stanch.db", SystemClock()) as store:
        await Stage(store, folder, *steps(folder)).open()
        await live_once(store, folder, points, remedy=remedy)
        if not points.dead:
            return False
        stage = await live_once(store, folder, CrashPoints(), remedy=remedy)
        try:
            await response_invariants.hold(stage)
        except AssertionError as broken:
            raise AssertionError(f"after a crash at point {points.count}, {points.names[-1:]}") from broken
    return True


async def test_random_crashes_one_after_the_other_are_survived(store_url: str, tmp_path: Path) -> None:
    chance = random.Random(4)
    async with await Store.open(store_url, SystemClock()) as store:
        await campaign(store, tmp_path, [chance.randint(1, 18) for _ in range(12)])


async def test_a_crash_in_every_mutating_step_is_survived_on_postgresql(postgres_url: str, tmp_path: Path) -> None:
    async with await Store.open(postgres_url, SystemClock()) as store:
        await Stage(store, tmp_path, *steps(tmp_path)).open()
        for where in ("build-index: within the act", "wipe-tables: within the act"):
            points = Named(where)
            await live_once(store, tmp_path, points, remedy=Remedy.UNDO_AND_ASK)
            assert points.dead
        stage = await live_once(store, tmp_path, CrashPoints(), remedy=Remedy.UNDO_AND_ASK)
        await response_invariants.hold(stage)


class Named(CrashPoints):
    """Crashes at the first point of a name."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name

    def reach(self, name: str) -> None:
        if name == self._name and not self.dead:
            self.dead = True
        if self.dead:
            raise Crash
        super().reach(name)


def test_crash_is_no_exception_that_code_may_catch() -> None:
    with pytest.raises(Crash), contextlib.suppress(Exception):
        raise Crash
