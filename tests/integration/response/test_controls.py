"""Controls on a real store and the guard's real state file: in force, expired, undone, put back."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from response_stage import Stage, act, manual
from stanch.incidents import timeline
from stanch.model.clock import ManualClock
from stanch.model.control import Control, ControlState
from stanch.model.incident import EventKind
from stanch.model.problem import NotFound, Refused, Unusable
from stanch.model.run import StepState
from stanch.response import controls, rows, runs
from stanch.response.controls import CHECK_S, RETRY_S
from stanch.response.settling import MOST_ATTEMPTS
from stanch.response.tools import Timing
from stanch.store.engine import Store

CAP = (("path", "/appointments"), ("limit", "2"), ("for", "10 minutes"))
ID = "1.1/cap"


@contextlib.asynccontextmanager
async def kept(stage: Stage) -> AsyncIterator[None]:
    """The keeper at work, having looked once."""
    task = asyncio.create_task(stage.keeper.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def capped(store: Store, folder: Path, **options) -> Stage:
    """An incident whose run has put a cap in force and waits."""
    stage = Stage(store, folder, act("cap", "limit_concurrency", parameters=CAP), manual("hold"), **options)
    await stage.open()
    async with stage.running():
        await stage.until_step("cap", StepState.PROPOSED)
        await stage.approve("cap")
        await stage.until_step("hold", StepState.PROPOSED)
    return stage


async def control_of(stage: Stage) -> Control:
    return await stage.real.read(lambda connection: controls.get(connection, ID))


async def until_state(stage: Stage, state: ControlState) -> Control:
    async with stage.real.listen("timeline", "controls") as listener, asyncio.timeout(20):
        while (found := await control_of(stage)).state is not state:
            waiting = asyncio.ensure_future(listener._woken.wait())
            await asyncio.wait({waiting}, timeout=0.2)
            waiting.cancel()
            listener._woken.clear()
        return found


async def test_a_cap_is_written_then_put_on_the_data_plane_with_its_time_to_live(store: Store, tmp_path: Path) -> None:
    stage = await capped(store, tmp_path)
    control = await control_of(stage)
    assert control.state is ControlState.IN_FORCE
    assert control.text == "/appointments limited to 2 at once"
    assert control.plane == "guard"
    (held,) = await stage.guard.in_force()
    assert (held.id, held.path, held.limit) == (ID, "/appointments", 2)
    assert held.expires_at == control.expires_at == pytest.approx(control.applied_at + 600)
    (event,) = await stage.events(EventKind.CONTROL_APPLIED)
    assert event.data["control"] == ID
    assert (await stage.step("cap")).output == "/appointments limited to 2 at once, for 10 min."


async def test_a_person_takes_it_off_at_once(store: Store, tmp_path: Path) -> None:
    stage = await capped(store, tmp_path)
    async with kept(stage):
        await store.write(
            lambda connection: controls.undo(connection, ID, by="bob", because="it hurts", now=stage.clock.now())
        )
        control = await until_state(stage, ControlState.UNDONE)
    assert control.because == "bob: it hurts"
    assert await stage.guard.in_force() == ()
    (event,) = await stage.events(EventKind.CONTROL_UNDONE)
    assert event.data["because"] == "bob: it hurts"
    with pytest.raises(Refused, match="was undone already"):
        await store.write(lambda connection: controls.undo(connection, ID, by="bob", because="", now=0.0))
    with pytest.raises(NotFound):
        await store.read(lambda connection: controls.get(connection, "9.9/none"))


async def test_it_ends_with_its_incident(sqlite_store: Store, tmp_path: Path) -> None:
    stage = await capped(sqlite_store, tmp_path)
    async with kept(stage):
        await stage.resolve()
        control = await until_state(stage, ControlState.UNDONE)
    assert control.because == "Incident 1 is resolved."
    assert await stage.guard.in_force() == ()


async def test_it_ends_with_its_time(sqlite_url: str, tmp_path: Path) -> None:
    clock = ManualClock()
    async with await Store.open(sqlite_url, clock) as store:
        stage = await capped(store, tmp_path, clock=clock)
        async with kept(stage):
            await settle(store)
            for _ in range(25):
                await clock.advance(25.0)
                await settle(store)
            control = await until_state(stage, ControlState.UNDONE)
        assert control.because == "Its time was over."
        assert control.undone_at == pytest.approx(control.expires_at, abs=CHECK_S)
        (event,) = await stage.events(EventKind.CONTROL_UNDONE)
        assert event.at == control.undone_at


async def settle(store: Store) -> None:
    """Let what is woken go through the store's threads."""
    for _ in range(5):
        await store.read(lambda _: None)
        await store.write(lambda _: None)


async def test_what_a_reload_of_the_data_plane_lost_is_put_back(sqlite_store: Store, tmp_path: Path) -> None:
    stage = await capped(sqlite_store, tmp_path)
    (tmp_path / "guard.json").unlink()
    assert await stage.guard.in_force() == ()
    async with kept(stage), asyncio.timeout(10):
        while not await stage.guard.in_force():
            await settle(sqlite_store)
    assert len(await stage.events(EventKind.CONTROL_APPLIED)) == 1


async def test_what_no_row_knows_is_taken_off(sqlite_store: Store, tmp_path: Path) -> None:
    stage = await capped(sqlite_store, tmp_path)
    control = await control_of(stage)
    stranger = controls.replace(control, id="old/stranger")
    await stage.guard.apply(stranger)
    async with kept(stage), asyncio.timeout(10):
        while len(await stage.guard.in_force()) > 1:
            await settle(sqlite_store)
    (held,) = await stage.guard.in_force()
    assert held.id == ID


@pytest.mark.parametrize("state", [ControlState.APPLYING, ControlState.UNDOING])
async def test_an_intent_that_a_crash_left_is_carried_out(
    sqlite_store: Store, tmp_path: Path, state: ControlState
) -> None:
    stage = await capped(sqlite_store, tmp_path)
    control = await control_of(stage)
    left = controls.replace(
        control, state=state, because="Its time was over." if state is ControlState.UNDOING else None
    )
    await sqlite_store.write(lambda connection: rows.update_control(connection, control, left))
    if state is ControlState.APPLYING:
        await stage.guard.withdraw(ID)
    async with kept(stage):
        wanted = ControlState.IN_FORCE if state is ControlState.APPLYING else ControlState.UNDONE
        await until_state(stage, wanted)
    assert bool(await stage.guard.in_force()) == (state is ControlState.APPLYING)
    assert await sqlite_store.read(timeline.verify) == ()


async def test_a_data_plane_that_refuses_fails_the_step_and_leaves_no_control(
    sqlite_store: Store, tmp_path: Path
) -> None:
    (tmp_path / "guard.json").mkdir()
    step = act("cap", "limit_concurrency", parameters=CAP)
    stage = Stage(sqlite_store, tmp_path, step, timing=Timing(retry_s=0.01))
    await stage.open()
    async with stage.running():
        await stage.until_step("cap", StepState.PROPOSED)
        await stage.approve("cap")
        run = await stage.until_over()
    assert (run.steps[0].state, run.steps[0].attempt) == (StepState.FAILED, MOST_ATTEMPTS)
    assert "guard" in (run.steps[0].because or "")
    assert (await control_of(stage)).state is ControlState.UNDONE
    assert await stage.events(EventKind.CONTROL_APPLIED) == []


async def test_a_data_plane_that_was_away_is_asked_again_under_the_same_yes(
    sqlite_store: Store, tmp_path: Path
) -> None:
    step = act("cap", "limit_concurrency", parameters=CAP)
    stage = Stage(sqlite_store, tmp_path, step, timing=Timing(retry_s=0.01))
    away = Broken(stage.guard)
    stage.keeper._planes = {"guard": away}
    real = stage.guard.apply
    asked: list[str] = []

    async def apply(control):
        asked.append(control.id)
        away.whole = len(asked) > 1
        away._check()
        await real(control)

    away.apply = apply
    await stage.open()
    async with stage.running():
        await stage.until_step("cap", StepState.PROPOSED)
        await stage.approve("cap")
        run = await stage.until_over()
    assert (run.steps[0].state, run.steps[0].attempt, asked) == (StepState.DONE, 2, [ID, ID])
    assert [held.id for held in await stage.guard.in_force()] == [ID]
    for kind in (EventKind.STEP_APPROVED, EventKind.STEP_RETRIED, EventKind.CONTROL_APPLIED):
        assert len(await stage.events(kind)) == 1
    assert (await control_of(stage)).state is ControlState.IN_FORCE
    assert await sqlite_store.read(timeline.verify) == ()


async def test_a_plane_that_is_not_configured_is_named(sqlite_store: Store, tmp_path: Path) -> None:
    step = act("cap", "limit_concurrency", parameters=(*CAP, ("plane", "haproxy")))
    stage = Stage(sqlite_store, tmp_path, step)
    await stage.open()
    async with stage.running():
        await stage.until_step("cap", StepState.PROPOSED)
        await stage.approve("cap")
        run = await stage.until_over()
    assert run.steps[0].because is not None
    assert run.steps[0].because.startswith("No data plane 'haproxy' is configured (there is: guard).")
    assert run.steps[0].attempt == 1


class Broken:
    """A data plane whose file system is gone until `whole`."""

    def __init__(self, plane) -> None:
        self._plane = plane
        self.whole = False

    def _check(self) -> None:
        if not self.whole:
            raise Unusable("The guard's state cannot be written.")

    async def apply(self, control):
        self._check()
        await self._plane.apply(control)

    async def withdraw(self, control_id):
        self._check()
        return await self._plane.withdraw(control_id)

    async def in_force(self):
        return await self._plane.in_force()


async def test_what_cannot_be_taken_off_now_is_tried_on(sqlite_url: str, tmp_path: Path) -> None:
    clock = ManualClock()
    async with await Store.open(sqlite_url, clock) as store:
        stage = await capped(store, tmp_path, clock=clock)
        broken = Broken(stage.guard)
        stage.keeper._planes = {"guard": broken}
        async with kept(stage):
            await stage.resolve()
            await until_state(stage, ControlState.UNDOING)
            for _ in range(3):
                await clock.advance(RETRY_S)
                await settle(store)
            assert (await control_of(stage)).state is ControlState.UNDOING
            broken.whole = True
            for _ in range(3):
                await clock.advance(RETRY_S)
                await settle(store)
            await until_state(stage, ControlState.UNDONE)
        assert await stage.guard.in_force() == ()


async def test_stopping_the_run_with_undo_lifts_the_cap(sqlite_store: Store, tmp_path: Path) -> None:
    stage = await capped(sqlite_store, tmp_path)
    async with stage.running(keeper=True):
        await stage.do(runs.stop, reason="wrong path", undo=True)
        run = await stage.until_over()
    assert run.steps[0].state is StepState.UNDONE
    assert await stage.guard.in_force() == ()


@pytest.mark.parametrize(
    ("parameters", "because"),
    [
        ((("limit", "2"),), "does not name the path"),
        ((("path", "/x"),), "how many requests"),
        ((("path", "/x"), ("limit", "none")), "how many requests"),
        ((("path", "/x"), ("limit", "0")), "how many requests"),
        ((("path", "/x"), ("limit", "2"), ("for", "a while")), "is no duration"),
        ((("path", "/x"), ("limit", "2"), ("for", "9 days")), "is no duration"),
    ],
)
async def test_a_cap_that_is_not_said_in_full_is_not_guessed(
    sqlite_store: Store, tmp_path: Path, parameters: tuple[tuple[str, str], ...], because: str
) -> None:
    stage = Stage(sqlite_store, tmp_path, act("cap", "limit_concurrency", parameters=parameters))
    await stage.open()
    async with stage.running():
        run = await stage.until_over()
    assert run.steps[0].state is StepState.FAILED
    assert because in (run.steps[0].because or "")
    assert not (tmp_path / "guard.json").exists()


def test_the_state_file_is_what_a_guard_reads(tmp_path: Path) -> None:
    async def write() -> None:
        from stanch.model.clock import SystemClock

        async with await Store.open(f"sqlite:///{tmp_path}/stanch.db", SystemClock()) as store:
            await capped(store, tmp_path)

    asyncio.run(write())
    document = json.loads((tmp_path / "guard.json").read_text())
    assert [control["kind"] for control in document["controls"]] == ["limit_concurrency"]
