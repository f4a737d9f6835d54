"""A command whose server dies is seen through by its supervisor, and its outcome is waiting for the next server."""

import asyncio
import contextlib
import fcntl
import json
import os
import resource
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from processes import gone
from response_stage import Stage, command
from stanch.model.clock import SystemClock
from stanch.model.risk import Risk
from stanch.model.run import StepState
from stanch.response import runs
from stanch.response.execution import Execution, Executor, Limits, NotStarted
from stanch.response.records import Elsewhere, Ended, Found, Lost, NeverBegun, Record, Records, Running
from stanch.response.redaction import Redactor
from stanch.store.engine import Store
from waiting import until

TESTS = Path(__file__).parents[2]
STEP = "1.1/a-step"

SERVER = """
import asyncio, sys
from pathlib import Path
from stanch.model.clock import SystemClock
from stanch.response.execution import Executor, Limits
from stanch.response.redaction import Redactor

folder, record, seconds, *argv = sys.argv[1:]
executor = Executor(
    clock=SystemClock(), redactor=Redactor(["the-known-secret"]), directory=Path(folder, "work"),
    records=Path(folder, "records"), limits=Limits(kill_after_s=0.3, drain_s=0.3),
)
print("up", flush=True)
how = {"record": record} if record != "-" else {"harmless": True}
print(asyncio.run(executor.run((tuple(argv),), step="1.1/a-step", timebox_s=float(seconds), **how)), flush=True)
"""


@pytest.fixture
def executor(tmp_path: Path) -> Iterator[Executor]:
    made = Executor(
        clock=SystemClock(),
        redactor=Redactor(["the-known-secret"]),
        directory=tmp_path / "work",
        records=tmp_path / "records",
        limits=Limits(kill_after_s=0.3, drain_s=0.3),
    )
    yield made
    made.close()


@contextlib.contextmanager
def server(folder: Path, record: str, *argv: str, timebox_s: float = 30.0) -> Iterator[subprocess.Popen[str]]:
    """A server that has one command run, and can be killed."""
    with subprocess.Popen(
        [sys.executable, "-c", SERVER, str(folder), record, str(timebox_s), *argv],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(TESTS.parent / "src")},
    ) as started:
        assert started.stdout is not None
        assert started.stdout.readline() == "up\n"
        yield started
        started.kill()


def wait_for(path: Path, within_s: float = 20.0) -> None:
    deadline = time.monotonic() + within_s
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} did not come"
        time.sleep(0.01)


def settled(executor: Executor, record: str, within_s: float = 20.0) -> Found:
    deadline = time.monotonic() + within_s
    while isinstance(found := executor.find(record), Running):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return found


def none_left(executor: Executor, step: str, within_s: float = 20.0) -> bool:
    """Whether nothing of the step is left; what was killed takes a moment to be gone."""
    deadline = time.monotonic() + within_s
    while executor.left_over(step) and time.monotonic() < deadline:
        time.sleep(0.02)
    return executor.left_over(step) == ()


def shell(script: str) -> tuple[str, ...]:
    return ("/bin/sh", "-c", script)


def test_a_killed_server_loses_neither_the_exit_status_nor_the_output(tmp_path: Path, executor: Executor) -> None:
    record = executor.record()
    script = "echo began the-known-secret; touch began; while [ ! -e go ]; do sleep 0.02; done; echo done; exit 7"
    with server(tmp_path, record, *shell(script)) as killed:
        wait_for(tmp_path / "work" / "began")
    assert killed.returncode == -signal.SIGKILL
    assert executor.find(record) == Running()
    (tmp_path / "work" / "go").touch()
    found = settled(executor, record)
    assert isinstance(found, Ended)
    assert isinstance(found.outcome, Execution)
    assert found.outcome.statuses == (7,)
    assert found.outcome.output == "began [redacted: known secret]\ndone"
    assert found.outcome.ended is None


def test_no_secret_reaches_the_disk_and_nobody_else_can_read_a_record(tmp_path: Path, executor: Executor) -> None:
    record = executor.record()
    with server(tmp_path, record, *shell("echo the-known-secret; touch began; sleep 0.2")):
        wait_for(tmp_path / "work" / "began")
    settled(executor, record)
    (path,) = (tmp_path / "records").glob("*.jsonl")
    assert "the-known-secret" not in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_the_time_box_holds_without_a_server(tmp_path: Path, executor: Executor) -> None:
    record = executor.record()
    stubborn = "trap '' TERM; touch began; while :; do sleep 1; done"
    with server(tmp_path, record, *shell(stubborn), timebox_s=1.0):
        wait_for(tmp_path / "work" / "began")
    found = settled(executor, record)
    assert isinstance(found, Ended)
    assert isinstance(found.outcome, Execution)
    assert "time box of 1 s" in (found.outcome.ended or "")
    assert none_left(executor, STEP)


def test_what_only_reads_ends_with_its_server(tmp_path: Path, executor: Executor) -> None:
    with server(tmp_path, "-", *shell("echo $$ > pid.new; mv pid.new began; sleep 300")):
        wait_for(tmp_path / "work" / "began")
    assert gone(int((tmp_path / "work" / "began").read_text()))
    assert none_left(executor, STEP)


def test_a_supervisor_that_is_killed_leaves_what_nobody_saw(tmp_path: Path, executor: Executor) -> None:
    record = executor.record()
    with server(tmp_path, record, *shell("touch began; sleep 300")):
        wait_for(tmp_path / "work" / "began")
    (path,) = (tmp_path / "records").glob("*.jsonl")
    begun = json.loads(path.read_text())
    os.kill(begun["supervisor"], signal.SIGKILL)
    assert gone(begun["supervisor"])
    assert settled(executor, record) == Lost()
    assert executor.end_left_over(STEP) >= 1


async def test_a_server_whose_supervisor_is_killed_says_that_nobody_saw_it(tmp_path: Path, executor: Executor) -> None:
    record = executor.record()
    running = asyncio.create_task(
        executor.run((shell("touch began; sleep 300"),), step=STEP, timebox_s=30, record=record)
    )
    await asyncio.to_thread(wait_for, tmp_path / "work" / "began")
    (path,) = (tmp_path / "records").glob("*.jsonl")
    os.kill(json.loads(path.read_text())["supervisor"], signal.SIGKILL)
    done = await running
    assert "nobody saw how it ended" in (done.fault or "")
    assert all(gone(pid) for pid in executor.left_over(STEP))


async def test_a_leaving_server_leaves_what_changes_something_to_its_supervisor(
    tmp_path: Path, executor: Executor
) -> None:
    record = executor.record()
    script = "touch began; while [ ! -e go ]; do sleep 0.02; done; echo finished"
    running = asyncio.create_task(executor.run((shell(script),), step=STEP, timebox_s=30, record=record))
    await asyncio.to_thread(wait_for, tmp_path / "work" / "began")
    executor.leave()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    executor.close()
    assert executor.find(record) == Running()
    (tmp_path / "work" / "go").touch()
    found = await asyncio.to_thread(settled, executor, record)
    assert isinstance(found, Ended)
    assert isinstance(found.outcome, Execution)
    assert found.outcome.output == "finished"


async def test_what_was_never_begun_never_will_be(tmp_path: Path, executor: Executor) -> None:
    record = executor.record()
    assert executor.find(record) == NeverBegun()
    with pytest.raises(NotStarted, match="Nothing was run"):
        await executor.run((("touch", "ran"),), step=STEP, timebox_s=10, record=record)
    assert not (tmp_path / "work" / "ran").exists()
    assert executor.find(record) == NeverBegun()


async def test_what_is_not_begun_in_time_never_is(tmp_path: Path, executor: Executor) -> None:
    """A server that stood still since it wrote its intent may have lost the run to another."""
    touch = (("touch", str(tmp_path / "touched")),)
    record = executor.record()
    with pytest.raises(NotStarted, match="may no longer be the one"):
        await executor.run(touch, step=STEP, timebox_s=5, record=record, begun_before=time.monotonic)
    assert not (tmp_path / "touched").exists()
    assert executor.find(record) == NeverBegun()
    soon = time.monotonic() + 60.0
    await executor.run(touch, step=STEP, timebox_s=5, record=executor.record(), begun_before=lambda: soon)
    assert (tmp_path / "touched").exists()


async def test_a_program_that_is_not_there_is_known_after_a_crash_too(executor: Executor) -> None:
    record = executor.record()
    with pytest.raises(NotStarted, match="not installed"):
        await executor.run((("no-such-program",),), step=STEP, timebox_s=10, record=record)
    found = await asyncio.to_thread(settled, executor, record)
    assert isinstance(found, Ended)
    assert isinstance(found.outcome, NotStarted)


async def test_a_process_that_forks_and_was_killed_is_started_anew(executor: Executor) -> None:
    for _ in range(2):
        done = await executor.run((("echo", "x"),), step=STEP, timebox_s=10)
        assert done.output == "x"
        assert executor._forks is not None
        executor._forks._process.kill()
        executor._forks._process.wait()


def forks_of(executor: Executor) -> list[int]:
    """The process that forks, and those that it has forked."""
    assert executor._forks is not None
    leader = executor._forks._process.pid
    children = Path(f"/proc/{leader}/task/{leader}/children")
    return [leader, *map(int, children.read_text().split())]


async def test_a_supervisor_waits_for_the_next_command(executor: Executor) -> None:
    executor.warm()
    await until(lambda: len(forks_of(executor)) == 2)
    leader, waiting = forks_of(executor)
    argv = (sys.executable, "-c", "import os; print(os.getppid())")
    done = await executor.run((argv,), step=STEP, timebox_s=10)
    assert done.output.split() == [str(waiting)]
    await until(lambda: len(forks_of(executor)) == 2)
    assert forks_of(executor)[0] == leader
    assert waiting not in forks_of(executor)


async def test_commands_that_come_at_once_have_a_supervisor_each(executor: Executor) -> None:
    executor.warm()
    argv = (sys.executable, "-c", "import os, time; print(os.getppid()); time.sleep(0.3)")
    done = await asyncio.gather(*(executor.run((argv,), step=f"1.1/{at}", timebox_s=20) for at in range(6)))
    assert len({each.output for each in done}) == 6


async def test_a_waiting_supervisor_that_was_killed_is_replaced(executor: Executor) -> None:
    executor.warm()
    await until(lambda: len(forks_of(executor)) == 2)
    leader, waiting = forks_of(executor)
    os.kill(waiting, signal.SIGKILL)
    await until(lambda: len(forks_of(executor)) == 2 and waiting not in forks_of(executor))
    done = await executor.run((("echo", "x"),), step=STEP, timebox_s=10)
    assert (done.output, forks_of(executor)[0]) == ("x", leader)


async def test_a_supervisor_that_waits_ends_with_the_server(executor: Executor) -> None:
    executor.warm()
    await until(lambda: len(forks_of(executor)) == 2)
    processes = forks_of(executor)
    executor.close()
    await until(lambda: not any(Path(f"/proc/{each}").exists() for each in processes))


@contextlib.contextmanager
def no_descriptor_left() -> Iterator[None]:
    lowest = os.dup(0)
    os.close(lowest)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_a_server_that_can_start_no_supervisor_runs_nothing_and_goes_on(executor: Executor) -> None:
    with no_descriptor_left():
        executor.warm()
        with pytest.raises(NotStarted, match=r"could not start .*: Too many open files. Nothing was run."):
            await executor.run((("echo", "x"),), step=STEP, timebox_s=10)
    assert (await executor.run((("echo", "x"),), step=STEP, timebox_s=10)).output == "x"


def test_of_another_directory_nothing_is_known(tmp_path: Path) -> None:
    theirs = Records(tmp_path / "theirs")
    assert Records(tmp_path / "ours").find(theirs.name()) == Elsewhere()
    assert Records(tmp_path / "ours").find(None) == Elsewhere()


@pytest.mark.parametrize("torn", ["", '{"begun": 1', "\x00\x00\x00"])
def test_a_record_that_never_reached_the_disk_was_never_begun(tmp_path: Path, torn: str) -> None:
    records = Records(tmp_path)
    name = records.name()
    records.path(name).write_text(torn)
    assert records.find(name) == NeverBegun()


def test_a_torn_last_line_is_no_outcome(tmp_path: Path) -> None:
    records = Records(tmp_path)
    name = records.name()
    record = Record.begin(records.path(name))
    assert record is not None
    os.close(record._descriptor)
    whole = records.path(name).read_text()
    records.path(name).write_text(whole + '{"programs": ["ls"], "statuses": [0], "out')
    assert records.find(name) == Lost()


def test_a_record_is_seen_only_when_it_is_locked_and_says_that_it_is_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever looks at any moment before makes sure that nothing is begun."""
    for moment in ("flock", "fsync", "link"):
        records = Records(tmp_path / moment)
        name = records.name()
        seen: list[Found] = []
        module = fcntl if moment == "flock" else os
        original = getattr(module, moment)

        def looking(*arguments: object, _original=original, _records=records, _name=name, _seen=seen) -> object:
            if not _seen:
                _seen.append(NeverBegun())
                _seen[0] = _records.find(_name)
            return _original(*arguments)

        with monkeypatch.context() as patched:
            patched.setattr(module, moment, looking)
            record = Record.begin(records.path(name))
        assert seen == [NeverBegun()]
        assert record is None, f"looked at before its {moment}, it must not begin"
    records = Records(tmp_path / "after")
    name = records.name()
    assert Record.begin(records.path(name)) is not None
    assert records.find(name) == Running()
    assert list(records.directory.glob("*.new")) == []


def test_what_nobody_collected_is_swept_after_a_week(tmp_path: Path) -> None:
    records = Records(tmp_path)
    old, new = records.name(), records.name()
    for name in (old, new):
        records.path(name).touch()
    now = time.time()
    os.utime(records.path(old), (now - 8 * 86_400, now - 8 * 86_400))
    assert records.sweep(now) == 1
    assert records.path(new).exists()
    assert not records.path(old).exists()


SLOW = "echo ran >> count; touch began; while [ ! -e go ]; do sleep 0.02; done; echo scaled"


async def begun(stage: Stage) -> None:
    await stage.open()
    await stage.until_step("scale", StepState.PROPOSED)
    await stage.approve("scale")
    await asyncio.to_thread(wait_for, stage.tools.executor._directory / "began")


async def test_the_next_server_takes_up_a_command_that_went_on_and_asks_nobody(
    sqlite_store: Store, tmp_path: Path
) -> None:
    stage = Stage(sqlite_store, tmp_path, command("scale", shell(SLOW), risk=Risk.MUTATING))
    async with stage.running():
        await begun(stage)
    assert (await stage.step("scale")).state is StepState.STARTED
    async with stage.running():
        await stage.until(lambda run: "still runs" in run.steps[0].progress.get("text", ""))
        (tmp_path / "work" / "go").touch()
        run = await stage.until_over()
    (step,) = run.steps
    assert (step.state, step.output, step.exit_status, step.attempt) == (StepState.DONE, "scaled", 0, 1)
    assert (tmp_path / "work" / "count").read_text() == "ran\n"
    assert list((tmp_path / "records").glob("*.jsonl")) == [], "its outcome is stored, so its record is gone"


async def test_a_stop_ends_a_command_that_went_on_and_says_that_its_effect_is_not_known(
    sqlite_store: Store, tmp_path: Path
) -> None:
    stage = Stage(sqlite_store, tmp_path, command("scale", shell(SLOW), risk=Risk.MUTATING))
    async with stage.running():
        await begun(stage)
    async with stage.running():
        await stage.until(lambda run: "still runs" in run.steps[0].progress.get("text", ""))
        await stage.do(runs.stop, reason="enough")
        step = await stage.until_step("scale", StepState.UNKNOWN)
    assert "The run was stopped." in (step.because or "")
    assert "Whether it took effect is not known." in (step.because or "")
    assert none_left(stage.tools.executor, f"{stage.run_id}/scale")
