"""The course of a run on a real store with real commands: verified, put back, branched, side by side, tried again."""

import asyncio
import contextlib
import shutil
import socket
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from response_stage import Build, Crash, CrashPoints, Stage, act, command, manual, message
from stanch.model.incident import EventKind
from stanch.model.plan import StepKind
from stanch.model.problem import Refused, Unusable
from stanch.model.risk import Risk
from stanch.model.run import RunState, StepState
from stanch.response import runs
from stanch.response.action import ActionFailed
from stanch.response.tools import Timing
from stanch.store.engine import Store

CHANGES = {"risk": Risk.MUTATING}


def key_file(folder: Path, mode: int = 0o644) -> Path:
    (folder / "work").mkdir(parents=True, exist_ok=True)
    path = folder / "work" / "key"
    path.write_text("secret")
    path.chmod(mode)
    return path


def mode_of(path: Path) -> str:
    return f"{stat.S_IMODE(path.stat().st_mode):o}"


async def test_a_command_shows_its_undo_is_verified_and_put_back_on_a_stop(store: Store, tmp_path: Path) -> None:
    path = key_file(tmp_path)
    stage = Stage(store, tmp_path, command("close", ("chmod", "600", str(path)), **CHANGES), manual("then"))
    await stage.open()
    async with stage.running():
        step = await stage.until_step("close", StepState.PROPOSED)
        assert step.undo == f"chmod 644 {path}"
        await stage.approve("close")
        await stage.until_step("then", StepState.PROPOSED)
        assert mode_of(path) == "600"
        (verified,) = await stage.events(EventKind.STEP_VERIFIED)
        assert verified.data["because"] == f"`stat -c %a {path}` shows '600'."
        await stage.do(runs.stop, reason="wrong file", undo=True)
        run = await stage.until_over()
    assert mode_of(path) == "644"
    assert [step.state for step in run.steps] == [StepState.UNDONE, StepState.SKIPPED]
    (intent,) = await stage.events(EventKind.STEP_UNDOING)
    (outcome,) = await stage.events(EventKind.STEP_UNDONE)
    assert intent.data["command"] == f"chmod 644 {path}"
    assert intent.seq < outcome.seq


async def test_what_was_done_last_is_put_back_first(sqlite_store: Store, tmp_path: Path) -> None:
    path = key_file(tmp_path)
    modes = ("600", "400")
    steps = [command(f"to-{mode}", ("chmod", mode, str(path)), **CHANGES) for mode in modes]
    stage = Stage(sqlite_store, tmp_path, *steps, manual("then"))
    await stage.open()
    async with stage.running():
        for mode in modes:
            await stage.until_step(f"to-{mode}", StepState.PROPOSED)
            await stage.approve(f"to-{mode}")
        await stage.until_step("then", StepState.PROPOSED)
        await stage.do(runs.stop, reason="enough", undo=True)
        await stage.until_over()
    commands = [event.data["command"] for event in await stage.events(EventKind.STEP_UNDOING)]
    assert commands == [f"chmod 600 {path}", f"chmod 644 {path}"]
    assert mode_of(path) == "644"


async def test_what_has_no_known_undo_says_so_before_it_is_approved(sqlite_store: Store, tmp_path: Path) -> None:
    stage = Stage(sqlite_store, tmp_path, command("make", ("touch", str(tmp_path / "made")), **CHANGES))
    await stage.open()
    async with stage.running():
        step = await stage.until_step("make", StepState.PROPOSED)
    assert step.undo is None
    assert dict(step.facts) == {"No undo": "Stanch knows no way to put this back."}


async def test_a_command_that_changes_what_another_changed_meanwhile_is_not_put_back_blindly(
    sqlite_store: Store, tmp_path: Path
) -> None:
    path = key_file(tmp_path)
    stage = Stage(sqlite_store, tmp_path, command("close", ("chmod", "600", str(path)), **CHANGES), manual("then"))
    await stage.open()
    async with stage.running():
        await stage.until_step("close", StepState.PROPOSED)
        path.chmod(0o640)
        await stage.approve("close")
        step = await stage.until_step("close", StepState.DONE)
    assert step.undo == f"chmod 640 {path}"


async def test_an_expectation_that_is_not_met_fails_a_command_that_stands_and_is_still_put_back(
    sqlite_store: Store, tmp_path: Path
) -> None:
    path = key_file(tmp_path)
    step = command("close", ("chmod", "-v", "600", str(path)), expects="`nothing to do`", **CHANGES)
    plain = command("again", ("chmod", "400", str(path)), expects="`what it never prints`", **CHANGES)
    stage = Stage(sqlite_store, tmp_path, step, plain, manual("then"))
    await stage.open()
    async with stage.running():
        for key in ("close", "again"):
            await stage.until_step(key, StepState.PROPOSED)
            await stage.approve(key)
        failed = await stage.until_step("again", StepState.FAILED)
        assert failed.because == "Its output does not hold what is expected: `what it never prints`."
        await stage.do(runs.stop, reason="it did not work", undo=True)
        run = await stage.until_over()
    assert [step.state for step in run.steps] == [StepState.FAILED, StepState.UNDONE, StepState.SKIPPED]
    assert mode_of(path) == "600"


async def test_what_nobody_can_judge_but_a_person_is_put_before_one(sqlite_store: Store, tmp_path: Path) -> None:
    stage = Stage(
        sqlite_store,
        tmp_path,
        command("read", ("echo", "api 3/3"), expects="all pods are ready"),
        command("make", ("touch", str(tmp_path / "made")), expects="the file is there now", **CHANGES),
    )
    await stage.open()
    async with stage.running():
        read = await stage.until_step("read", StepState.DONE)
        assert read.because == "Compare by eye: the playbook expects 'all pods are ready'."
        await stage.until_step("make", StepState.PROPOSED)
        await stage.approve("make")
        asked = await stage.until_step("make", StepState.UNKNOWN)
        assert "the playbook expects 'the file is there now'" in (asked.because or "")
        await stage.do(runs.complete, "make", note="it is")
        run = await stage.until_over()
    assert run.steps[1].state is StepState.DONE


@pytest.fixture
async def redis_port(tmp_path: Path) -> AsyncIterator[int]:
    if shutil.which("redis-server") is None:
        pytest.skip("no redis-server here")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = await asyncio.create_subprocess_exec(
        "redis-server", "--port", str(port), "--save", "", "--dir", str(tmp_path), stdout=asyncio.subprocess.PIPE
    )
    assert server.stdout is not None
    async with asyncio.timeout(20):
        while b"Ready to accept" not in await server.stdout.readline():
            pass
    yield port
    server.terminate()
    await server.wait()


async def redis(port: int, *words: str) -> str:
    client = await asyncio.create_subprocess_exec("redis-cli", "-p", str(port), *words, stdout=asyncio.subprocess.PIPE)
    return (await client.communicate())[0].decode().strip()


async def test_a_setting_of_redis_is_verified_and_put_back(
    sqlite_store: Store, tmp_path: Path, redis_port: int
) -> None:
    tool = ("redis-cli", "-p", str(redis_port), "CONFIG", "SET")
    stage = Stage(
        sqlite_store,
        tmp_path,
        command("idle", (*tool, "timeout", "30"), **CHANGES),
        command("refused", (*tool, "no-such-setting", "1"), **CHANGES),
        manual("then"),
    )
    await redis(redis_port, "CONFIG", "SET", "timeout", "7")
    await stage.open()
    async with stage.running():
        step = await stage.until_step("idle", StepState.PROPOSED)
        assert step.undo == f"redis-cli -p {redis_port} CONFIG SET timeout 7"
        await stage.approve("idle")
        refused = await stage.until_step("refused", StepState.PROPOSED)
        assert refused.undo is None
        await stage.approve("refused")
        await stage.until_step("then", StepState.PROPOSED)
        assert await redis(redis_port, "CONFIG", "GET", "timeout") == "timeout\n30"
        await stage.do(runs.stop, reason="enough", undo=True)
        await stage.until_over()
    assert await redis(redis_port, "CONFIG", "GET", "timeout") == "timeout\n7"


async def test_a_system_setting_of_postgresql_is_verified_and_put_back(
    sqlite_store: Store, tmp_path: Path, postgres_url: str
) -> None:
    psql = ("psql", postgres_url.replace("postgresql+psycopg://", "postgresql://"), "-c")
    stage = Stage(
        sqlite_store,
        tmp_path,
        command("memory", (*psql, "ALTER SYSTEM SET work_mem = '8MB'"), **CHANGES),
        manual("then"),
    )
    await stage.open()
    async with stage.running():
        step = await stage.until_step("memory", StepState.PROPOSED)
        assert "ALTER SYSTEM RESET work_mem" in (step.undo or "")
        await stage.approve("memory")
        await stage.until_step("then", StepState.PROPOSED)
        (verified,) = await stage.events(EventKind.STEP_VERIFIED)
        assert verified.data["because"].endswith("shows '8MB'.")
        await stage.do(runs.stop, reason="enough", undo=True)
        run = await stage.until_over()
    assert run.steps[0].state is StepState.UNDONE


# --- crashes ---------------------------------------------------------------------------------------------------------


async def answer(stage: Stage, *, stop: bool) -> None:
    """People who say yes, report what is theirs done, or stop the run at that point."""
    while True:
        run = await stage.run()
        if run.state.is_over:
            return
        close, then = run.steps
        # What was read may have changed since: then it is looked at again.
        with contextlib.suppress(Refused):
            if close.state in {StepState.UNKNOWN, StepState.PROPOSED}:
                await stage.approve("close", by=f"person {close.asked}")
            if then.state is StepState.PROPOSED and run.state is RunState.RUNNING:
                if stop:
                    await stage.do(runs.stop, reason="enough", undo=True)
                else:
                    await stage.do(runs.complete, "then", note="seen")
        await asyncio.sleep(0.01)


async def lives(store: Store, folder: Path, path: Path, points: CrashPoints, *, stop: bool) -> Stage:
    """One process's life: the step is approved, and with `stop` the run is stopped to be put back."""
    stage = Stage(
        store, folder, command("close", ("chmod", "600", str(path)), expects="no output", **CHANGES), manual("then"),
        points=points,
    )  # fmt: skip
    runner = asyncio.create_task(stage.runner().run())

    answering = asyncio.create_task(answer(stage, stop=stop))
    async with asyncio.timeout(60):
        while not points.dead and not answering.done() and not runner.done():
            await asyncio.wait({runner, answering}, timeout=0.02, return_when=asyncio.FIRST_COMPLETED)
    for task in (runner, answering):
        task.cancel()
    for ended in await asyncio.gather(runner, answering, return_exceptions=True):
        if isinstance(ended, Exception) and not isinstance(ended, asyncio.CancelledError | Crash):
            raise ended
    return stage


@pytest.mark.parametrize("stop", [False, True], ids=["to its end", "put back"])
async def test_a_crash_at_every_transition_of_a_verified_command_is_survived(tmp_path: Path, stop: object) -> None:
    """After every one it is as it should be, and no command is run twice without a look that says it must be."""
    from stanch.model.clock import SystemClock

    at, states = 0, set()
    while True:
        at += 1
        folder = tmp_path / str(at)
        path = key_file(folder)
        async with await Store.open(f"sqlite:///{folder}/stanch.db", SystemClock()) as store:
            await Stage(store, folder, command("close", ("chmod", "600", str(path)), expects="no output", **CHANGES), manual("then")).open()  # fmt: skip  # noqa: E501
            points = CrashPoints(at)
            await lives(store, folder, path, points, stop=bool(stop))
            stage = await lives(store, folder, path, CrashPoints(), stop=bool(stop)) if points.dead else None
            if stage is None:
                break
            run = await stage.run()
            assert run.state.is_over, at
            states.add(run.steps[0].state)
            assert mode_of(path) == ("644" if stop else "600"), at
            started = await stage.events(EventKind.STEP_STARTED)
            verified = await stage.events(EventKind.STEP_VERIFIED)
            assert len(started) <= 2, at
            assert len(verified) == 1, at
    assert at > 10
    assert states == {StepState.UNDONE if stop else StepState.DONE}


# --- branches --------------------------------------------------------------------------------------------------------


async def test_one_option_is_chosen_and_the_others_are_skipped_with_the_reason(store: Store, tmp_path: Path) -> None:
    stage = Stage(
        store,
        tmp_path,
        command("a1", ("echo", "a1"), condition="Option A: roll back"),
        command("a2", ("echo", "a2"), condition="Option A: roll back"),
        command("b1", ("echo", "b1"), condition="Option B: fix forward"),
        command("after", ("echo", "after")),
    )
    await stage.open()
    async with stage.running():
        asked = await stage.until_step("a1", StepState.PROPOSED)
        assert [option["key"] for option in asked.progress["choice"]["options"]] == ["a1", "b1"]
        with pytest.raises(Refused):
            await stage.do(runs.choose, "a2", reason="")
        await stage.do(runs.choose, "b1", reason="the release before is broken too")
        run = await stage.until_over()
    assert [step.state for step in run.steps] == [
        StepState.SKIPPED, StepState.SKIPPED, StepState.DONE, StepState.DONE,
    ]  # fmt: skip
    because = "Not taken. Option B: fix forward: chosen by alice: the release before is broken too"
    assert [step.because for step in run.steps[:2]] == [because, because]
    (decided,) = await stage.events(EventKind.STEP_DECIDED)
    assert decided.data["taken"] is True


async def test_a_condition_of_several_steps_is_asked_once_and_skipped_as_a_whole(
    sqlite_store: Store, tmp_path: Path
) -> None:
    stage = Stage(
        sqlite_store,
        tmp_path,
        command("look", ("echo", "look"), condition="If traffic spike"),
        act("grow", condition="If traffic spike", **CHANGES),
        command("after", ("echo", "after")),
    )
    await stage.open()
    async with stage.running():
        asked = await stage.until_step("look", StepState.PROPOSED)
        assert asked.progress["choice"]["question"] == "Does this hold: If traffic spike?"
        await stage.do(runs.skip, "look", reason="traffic is as ever")
        run = await stage.until_over()
    assert [step.state for step in run.steps] == [StepState.SKIPPED, StepState.SKIPPED, StepState.DONE]
    assert stage.world.journal() == []


async def test_a_yes_to_a_condition_is_no_yes_to_its_steps(sqlite_store: Store, tmp_path: Path) -> None:
    stage = Stage(
        sqlite_store,
        tmp_path,
        act("grow", condition="If traffic spike", **CHANGES),
        act("shed", condition="If traffic spike", **CHANGES),
    )
    await stage.open()
    async with stage.running():
        await stage.until_step("grow", StepState.PROPOSED)
        await stage.approve("grow")
        step = await stage.until(lambda run: run.steps[0].statement is not None)
        assert step.steps[0].state is StepState.PROPOSED
        assert stage.world.journal() == []


async def test_a_message_under_a_condition_is_not_sent_before_somebody_says_that_it_holds(
    sqlite_store: Store, tmp_path: Path
) -> None:
    stage = Stage(sqlite_store, tmp_path, message("patients", condition="If patients are affected"))
    await stage.open()
    async with stage.running():
        await stage.until_step("patients", StepState.PROPOSED)
        assert await stage.events(EventKind.STEP_STARTED) == []
        await stage.do(runs.choose, "patients", reason="they are")
        run = await stage.until_over()
    assert run.steps[0].output == "queued: tell patients"


@pytest.mark.parametrize(
    ("measured", "states"),
    [
        (0.09, [StepState.DONE, StepState.DONE]),
        (0.01, [StepState.SKIPPED, StepState.SKIPPED]),
    ],
)
async def test_a_condition_on_a_signal_is_decided_by_what_is_measured(
    sqlite_store: Store, tmp_path: Path, measured: float, states: list[StepState]
) -> None:
    condition = "If error rate > 5%"
    stage = Stage(
        sqlite_store,
        tmp_path,
        command("look", ("echo", "look"), condition=condition),
        command("more", ("echo", "more"), condition=condition),
        measure=lambda _: measured,
    )
    await stage.open()
    async with stage.running():
        run = await stage.until_over()
    assert [step.state for step in run.steps] == states
    (decided, *_) = (await stage.events(EventKind.STEP_DECIDED)) or (await stage.events(EventKind.STEP_SKIPPED))
    assert "error rate > 5%" in decided.data["because"]


# --- signals ---------------------------------------------------------------------------------------------------------


def check(key: str, text: str, **more: object):
    step = manual(key, **more)
    return type(step)(key=key, type=StepKind.CHECK, text=text, source=step.source, **more)


async def test_a_check_of_a_signal_waits_until_it_is_back_in_its_range(sqlite_store: Store, tmp_path: Path) -> None:
    values = [0.2, None, 0.1, 0.004]
    asked = []

    def measure(rule: object) -> float | None:
        asked.append(rule)
        return values[min(len(asked), len(values)) - 1]

    stage = Stage(
        sqlite_store, tmp_path, check("calm", "Verify error rate < 1%"), measure=measure,
        timing=Timing(look_every_s=0.01),
    )  # fmt: skip
    await stage.open()
    async with stage.running():
        run = await stage.until_over()
    assert run.steps[0].state is StepState.DONE
    assert run.steps[0].output == "error rate < 1%: it is 0.4%."
    assert len(asked) == 4


async def test_a_signal_that_does_not_come_back_fails_the_step_and_is_paged(
    sqlite_store: Store, tmp_path: Path
) -> None:
    paged = []
    stage = Stage(
        sqlite_store,
        tmp_path,
        check("calm", "Verify error rate < 1%"),
        measure=lambda _: 0.2,
        timing=Timing(look_every_s=0.01, watch_s=0.05),
        escalate=lambda _connection, _incident, step, _now: paged.append(step.key),
    )
    await stage.open()
    async with stage.running():
        run = await stage.until_over()
    assert run.steps[0].state is StepState.FAILED
    assert paged == ["calm"]


async def test_a_signal_without_data_is_never_in_range_and_becomes_a_persons(
    sqlite_store: Store, tmp_path: Path
) -> None:
    stage = Stage(
        sqlite_store, tmp_path, check("calm", "Verify error rate < 1%"), measure=lambda _: None,
        timing=Timing(look_every_s=0.01, watch_s=0.05),
    )  # fmt: skip
    await stage.open()
    async with stage.running():
        step = await stage.until_step("calm", StepState.PROPOSED)
    assert step.because == "There is no data for error rate < 1%. Look yourself."
    assert runs.is_by_hand(step)


# --- side by side ----------------------------------------------------------------------------------------------------


async def test_steps_that_the_playbook_puts_side_by_side_go_side_by_side(store: Store, tmp_path: Path) -> None:
    """Each waits for what the other does: one after the other, neither would end."""
    (tmp_path / "work").mkdir()
    here, there = tmp_path / "work" / "here", tmp_path / "work" / "there"
    for pipe in (here, there):
        await (await asyncio.create_subprocess_exec("mkfifo", str(pipe))).wait()
    stage = Stage(
        store,
        tmp_path,
        command("cat", ("cat", str(here)), parallel="both", timebox_s=20.0),
        command("tee", ("echo", "met"), ("tee", str(here)), parallel="both", timebox_s=20.0),
        command("after", ("echo", "after")),
    )
    await stage.open()
    async with stage.running():
        run = await stage.until_over()
    assert [step.state for step in run.steps] == [StepState.DONE] * 3
    assert run.steps[0].output == "met"
    started = {event.data["step"]: event.seq for event in await stage.events(EventKind.STEP_STARTED)}
    ended = {event.data["step"]: event.seq for event in await stage.events(EventKind.STEP_DONE)}
    assert started["after"] > max(ended["cat"], ended["tee"])


async def test_one_that_waits_for_a_person_holds_up_none_beside_it_and_is_held_up_by_none(
    sqlite_store: Store, tmp_path: Path
) -> None:
    (tmp_path / "work").mkdir()
    pipe = tmp_path / "work" / "pipe"
    await (await asyncio.create_subprocess_exec("mkfifo", str(pipe))).wait()
    stage = Stage(
        sqlite_store,
        tmp_path,
        act("index", parallel="both"),
        command("wait", ("cat", str(pipe)), parallel="both", timebox_s=30.0),
        manual("after"),
    )
    await stage.open()
    async with stage.running():
        await stage.until_step("wait", StepState.STARTED)
        await stage.until_step("index", StepState.PROPOSED)
        await stage.approve("index")
        await stage.until_step("index", StepState.DONE)
        assert (await stage.step("wait")).state is StepState.STARTED
        assert (await stage.step("after")).state is StepState.WAITING
        await (await asyncio.create_subprocess_exec("sh", "-c", f"echo done > {pipe}")).wait()
        await stage.until_step("after", StepState.PROPOSED)


async def test_a_stop_ends_everything_that_goes_side_by_side(sqlite_store: Store, tmp_path: Path) -> None:
    stage = Stage(
        sqlite_store,
        tmp_path,
        *(command(key, ("sleep", "60"), parallel="both") for key in ("a", "b")),
    )
    await stage.open()
    async with stage.running():
        await stage.until(lambda run: all(step.state is StepState.STARTED for step in run.steps))
        await stage.do(runs.stop, reason="enough")
        run = await stage.until_over()
    assert [step.state for step in run.steps] == [StepState.FAILED] * 2


# --- retries, time boxes, by hand ------------------------------------------------------------------------------------


class Flaky(Build):
    """Fails as often as it is told to before it does it."""

    def __init__(self, world: object, failures: int, *, idempotent: bool) -> None:
        super().__init__(world, "flaky")
        self.idempotent = idempotent
        self.left = failures

    async def do(self, context):
        self.world.note(f"try {context.step.attempt}")
        if self.left:
            self.left -= 1
            self.fail_with = "the connection was reset"
        else:
            self.fail_with = None
        return await super().do(context)


@pytest.mark.parametrize(
    ("idempotent", "failures", "comes_to"),
    [
        (True, 1, (StepState.DONE, 2)),
        (True, 9, (StepState.FAILED, 3)),
        (False, 1, (StepState.FAILED, 1)),
    ],
)
async def test_only_what_calls_itself_idempotent_is_tried_again_and_not_for_ever(
    sqlite_store: Store, tmp_path: Path, idempotent: object, failures: int, comes_to: tuple[StepState, int]
) -> None:
    state, tries = comes_to
    stage = Stage(sqlite_store, tmp_path, act("try", "flaky"), timing=Timing(retry_s=0.01))
    stage.actions["flaky"] = Flaky(stage.world, failures, idempotent=bool(idempotent))
    await stage.open()
    async with stage.running():
        await stage.until_step("try", StepState.PROPOSED)
        await stage.approve("try")
        run = await stage.until_over()
    assert run.steps[0].state is state
    assert [line for line in stage.world.journal() if line.startswith("try")] == [
        f"try {number}" for number in range(1, tries + 1)
    ]
    assert len(await stage.events(EventKind.STEP_RETRIED)) == tries - 1
    assert len(await stage.events(EventKind.STEP_APPROVED)) == 1


@pytest.mark.parametrize(
    ("fault", "tries"),
    [
        (ActionFailed("The connection was reset."), 2),
        (Unusable("It does not answer."), 2),
        (ActionFailed("There is no such thing.", for_good=True), 1),
        (Refused("It may not."), 1),
    ],
)
async def test_what_would_fail_again_for_the_same_reason_is_not_tried_again(
    sqlite_store: Store, tmp_path: Path, fault: Exception, tries: int
) -> None:
    stage = Stage(sqlite_store, tmp_path, act("try", "flaky"), timing=Timing(retry_s=0.01))
    flaky = stage.actions["flaky"] = Flaky(stage.world, 0, idempotent=True)
    done, faults = flaky.do, [fault]

    async def do(context):
        if faults:
            raise faults.pop()
        return await done(context)

    flaky.do = do
    await stage.open()
    async with stage.running():
        await stage.until_step("try", StepState.PROPOSED)
        await stage.approve("try")
        run = await stage.until_over()
    assert (run.steps[0].state, run.steps[0].attempt) == (StepState.DONE if tries == 2 else StepState.FAILED, tries)


async def test_a_phase_that_is_late_is_said_once_and_paged(sqlite_store: Store, tmp_path: Path) -> None:
    paged = []
    stage = Stage(
        sqlite_store,
        tmp_path,
        *(manual(key, phase="Immediate Actions", due_s=0.1) for key in ("a", "b")),
        manual("c", phase="Later"),
        timing=Timing(answer_s=60.0),
        escalate=lambda _connection, _incident, step, now: paged.append((step.key, now)),
    )
    await stage.open()
    async with stage.running():
        await stage.until(lambda run: run.steps[0].progress.get("late") == ["Immediate Actions"] and run.holder is None)
        late = [each for each in await stage.events(EventKind.STEP_ESCALATED) if each.data.get("phase")]
        assert [each.data["because"] for each in late] == [
            "The time box of 'Immediate Actions' has run out with 2 steps left."
        ]
        await stage.do(runs.complete, "a", note="")
        await stage.until_step("b", StepState.PROPOSED)
    assert len([each for each in await stage.events(EventKind.STEP_ESCALATED) if each.data.get("phase")]) == 1
    assert paged


async def test_a_command_that_overruns_its_time_box_is_paged(sqlite_store: Store, tmp_path: Path) -> None:
    paged = []
    stage = Stage(
        sqlite_store,
        tmp_path,
        command("slow", ("sleep", "60"), timebox_s=0.1),
        escalate=lambda _connection, _incident, step, _now: paged.append(step.key),
    )
    await stage.open()
    async with stage.running():
        run = await stage.until_over()
    assert run.steps[0].state is StepState.FAILED
    assert paged == ["slow"]


async def test_a_person_takes_over_a_step_that_would_go_by_itself_and_reports_it(
    sqlite_store: Store, tmp_path: Path
) -> None:
    stage = Stage(sqlite_store, tmp_path, manual("first"), command("look", ("touch", str(tmp_path / "ran"))))
    await stage.open()
    async with stage.running():
        await stage.until_step("first", StepState.PROPOSED)
        taken = await stage.do(runs.take_over, "look", by="bob", reason="I am on the host")
        assert taken.state is StepState.PROPOSED
        assert taken.owner == "bob"
        await stage.do(runs.complete, "first", note="")
        await stage.until(lambda run: run.steps[0].state is StepState.DONE and run.holder is None)
        assert not (tmp_path / "ran").exists()
        await stage.do(runs.complete, "look", by="bob", note="load is 3")
        run = await stage.until_over()
    assert run.steps[1].output == "load is 3"
    assert run.steps[1].because == "Reported done by bob."
    (event,) = await stage.events(EventKind.STEP_TAKEN)
    assert event.actor == "bob"
    with pytest.raises(Refused):
        await stage.do(runs.take_over, "look", reason="")


# --- the question before a run ---------------------------------------------------------------------------------------


async def test_nothing_of_a_gated_run_begins_before_a_yes_and_a_no_skips_it_all(
    sqlite_store: Store, tmp_path: Path
) -> None:
    for answer, state in ((runs.choose, StepState.DONE), (runs.skip, StepState.SKIPPED)):
        folder = tmp_path / answer.__name__
        stage = Stage(sqlite_store, folder, command("look", ("echo", "look")), manual("do"))
        stage.gate = "Roll back?"
        await stage.open()
        async with stage.running():
            run = await stage.until(lambda run: run.holder is None)
            begin = run.steps[0]
            assert begin.state is StepState.PROPOSED
            assert run.steps[1].state is StepState.WAITING
            await stage.do(answer, begin.key, reason="it helps")
            run = await stage.until(lambda run: run.steps[1].state.is_over)
        assert run.steps[0].state is state
        assert run.steps[1].state is state
