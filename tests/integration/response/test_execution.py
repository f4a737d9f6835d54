"""Real processes: pipelines, time boxes, floods, strays, and what of them is stored."""

import asyncio
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stanch.model.clock import SystemClock
from stanch.response.execution import Executor, Limits, NotStarted
from stanch.response.output import Caps
from stanch.response.processes import leftovers, why_not_supervised
from stanch.response.redaction import Redactor

QUICK = Limits(kill_after_s=0.3, drain_s=0.3, show_every_s=0.05, capture_s=1.5, flood_bytes=5_000_000)


OPEN: list[Executor] = []


@pytest.fixture(autouse=True)
def _closing() -> Iterator[None]:
    yield
    while OPEN:
        OPEN.pop().close()


def executor(tmp_path: Path, *, known: tuple[str, ...] = (), limits: Limits = QUICK, **environment: str) -> Executor:
    made = Executor(
        clock=SystemClock(),
        redactor=Redactor(known),
        directory=tmp_path / "work",
        records=tmp_path / "records",
        environment=environment,
        limits=limits,
    )
    OPEN.append(made)
    return made


STEP = "1.1/a-step"


def marker_of(tmp_path: Path) -> str:
    return f"{tmp_path / 'work'}:{STEP}"


def python(code: str) -> tuple[str, ...]:
    return (sys.executable, "-I", "-S", "-c", code)


async def until(holds: Callable[[], object]) -> None:
    """Wait for what another process does; no clock of ours can be moved for that."""
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 - another process sets no event of ours
            await asyncio.sleep(0.01)


def open_descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


async def test_a_pipeline_is_wired_from_left_to_right(tmp_path: Path) -> None:
    pipeline = (("printf", "b\\na\\nb\\n"), ("sort", "-u"), ("tr", "a-z", "A-Z"))
    done = await executor(tmp_path).run(pipeline, step=STEP, timebox_s=10)
    assert done.output == "A\nB"
    assert done.statuses == (0, 0, 0)
    assert done.fault is None


async def test_no_shell_reads_the_words(tmp_path: Path) -> None:
    done = await executor(tmp_path).run((("echo", "$HOME; touch pwned `id` $(id) *"),), step=STEP, timebox_s=10)
    assert done.output == "$HOME; touch pwned `id` $(id) *"
    assert not (tmp_path / "work" / "pwned").exists()


async def test_standard_error_is_part_of_the_output(tmp_path: Path) -> None:
    done = await executor(tmp_path).run(
        (python("import sys; print('no', file=sys.stderr); sys.exit(3)"),), step=STEP, timebox_s=10
    )
    assert done.output == "no"
    assert done.exit_status == 3
    assert done.fault is not None
    assert "exit status 3" in done.fault


async def test_a_stage_that_fails_early_is_not_hidden_by_the_last(tmp_path: Path) -> None:
    done = await executor(tmp_path).run((python("raise SystemExit(4)"), ("cat",)), step=STEP, timebox_s=10)
    assert done.exit_status == 0
    assert done.fault is not None
    assert "exit status 4" in done.fault


async def test_a_reader_that_has_enough_is_no_failure(tmp_path: Path) -> None:
    done = await executor(tmp_path).run((("yes",), ("head", "-n", "1")), step=STEP, timebox_s=10)
    assert done.output == "y"
    assert done.fault is None


async def test_grep_that_finds_nothing_is_an_answer(tmp_path: Path) -> None:
    done = await executor(tmp_path).run((("echo", "a"), ("grep", "b")), step=STEP, timebox_s=10)
    assert done.exit_status == 1
    assert done.fault is None


async def test_the_environment_is_built_from_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_PASSWORD", "inherited-by-mistake")
    monkeypatch.setenv("LD_PRELOAD_X", "x")
    ours = executor(tmp_path, KUBECONFIG="/etc/read-only.conf")
    done = await ours.run((("env",),), step=STEP, timebox_s=10)
    names = {line.partition("=")[0] for line in done.output.splitlines()}
    assert names == {*ours.environment_names, "STANCH_STEP"}
    assert "KUBECONFIG" in names


async def test_a_program_that_is_not_there_runs_nothing_of_the_pipeline(tmp_path: Path) -> None:
    pipeline = (("touch", "ran"), ("no-such-program-here",))
    with pytest.raises(NotStarted, match="`no-such-program-here` is not installed"):
        await executor(tmp_path).run(pipeline, step=STEP, timebox_s=10)
    assert leftovers(marker_of(tmp_path)) == ()


async def test_a_hung_command_ends_at_its_time_box_with_children_that_ignore_term(tmp_path: Path) -> None:
    code = (
        "import os, signal, time\n"
        "for _ in range(3):\n"
        "    if os.fork() == 0:\n"
        "        signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "        if os.fork() == 0: time.sleep(60)\n"
        "        time.sleep(60)\n"
        "print('started', flush=True)\n"
        "time.sleep(60)\n"
    )
    began = time.monotonic()
    done = await executor(tmp_path).run((python(code),), step=STEP, timebox_s=0.5)
    assert time.monotonic() - began < 20
    assert done.output == "started"
    assert done.exit_status is None
    assert done.fault is not None
    assert "time box of 0.5 s" in done.fault
    assert leftovers(marker_of(tmp_path)) == ()


async def test_a_child_that_left_the_process_group_is_ended_too(tmp_path: Path) -> None:
    code = (
        "import os, signal, time\n"
        "if os.fork() == 0:\n"
        "    os.setsid(); signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "    time.sleep(60)\n"
        "time.sleep(60)\n"
    )
    await executor(tmp_path).run((python(code),), step=STEP, timebox_s=0.5)
    assert leftovers(marker_of(tmp_path)) == ()


async def test_a_background_child_that_holds_the_pipe_does_not_hang_the_step(tmp_path: Path) -> None:
    code = "import os, time\nif os.fork() == 0: time.sleep(60)\nelse: print('done', flush=True)"
    began = time.monotonic()
    done = await executor(tmp_path).run((python(code),), step=STEP, timebox_s=30)
    assert time.monotonic() - began < 20
    assert done.output == "done"
    assert done.fault is None
    assert leftovers(marker_of(tmp_path)) == ()


async def test_an_endless_command_is_captured_for_a_while(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("first\n")
    done = await executor(tmp_path).run((("tail", "-f", str(log)),), step=STEP, timebox_s=60, endless=True)
    assert done.captured
    assert done.output == "first"
    assert done.fault is None
    assert leftovers(marker_of(tmp_path)) == ()


async def test_a_flood_is_bounded_in_memory_and_ended_where_that_is_harmless(tmp_path: Path) -> None:
    done = await executor(tmp_path).run((("yes", "x" * 200),), step=STEP, timebox_s=60, harmless=True)
    assert done.fault is not None
    assert "after printing" in done.fault
    assert len(done.output) < 80_000


async def test_a_mutating_command_is_not_ended_for_printing_much(tmp_path: Path) -> None:
    code = "import sys\nfor _ in range(200): sys.stdout.write('x' * 50_000 + '\\n')\nprint('finished')"
    done = await executor(tmp_path).run((python(code),), step=STEP, timebox_s=60)
    assert done.fault is None
    assert done.output.endswith("finished")


async def test_output_is_shown_while_it_runs(tmp_path: Path) -> None:
    code = "import time\nfor n in range(4): print('tick', n, flush=True); time.sleep(0.15)"
    shown: list[str] = []

    async def show(text: str) -> None:
        shown.append(text)

    await executor(tmp_path).run((python(code),), step=STEP, timebox_s=10, show=show)
    assert shown
    assert shown[0].startswith("tick 0")
    assert len(shown[0]) < len("tick 0\n" * 4)


async def test_secrets_are_redacted_in_what_is_shown_and_in_what_is_kept(tmp_path: Path) -> None:
    code = "import time\nprint('dsn postgresql://app:hunter2pw@db/x known-one', flush=True); time.sleep(0.3)"
    shown: list[str] = []

    async def show(text: str) -> None:
        shown.append(text)

    run = executor(tmp_path, known=("known-one",)).run((python(code),), step=STEP, timebox_s=10, show=show)
    done = await run
    for text in (*shown, done.output):
        assert "hunter2pw" not in text
        assert "known-one" not in text
    assert shown


async def test_a_secret_that_was_filled_in_does_not_show_in_what_its_command_prints(tmp_path: Path) -> None:
    done = await executor(tmp_path).run((("echo", "it is s3cr3t!"),), step=STEP, timebox_s=10, secrets=("s3cr3t!",))
    assert done.output == "it is [redacted: known secret]"


async def test_a_cancelled_step_leaves_no_process(tmp_path: Path) -> None:
    code = "import os, signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nos.fork()\ntime.sleep(60)"
    task = asyncio.create_task(executor(tmp_path).run((python(code),), step=STEP, timebox_s=60))
    await until(lambda: leftovers(marker_of(tmp_path)))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert leftovers(marker_of(tmp_path)) == ()


async def test_what_outlived_a_crash_is_found_by_its_marker(tmp_path: Path) -> None:
    ours = executor(tmp_path)
    environment = {"STANCH_STEP": marker_of(tmp_path)}
    child = await asyncio.create_subprocess_exec("sleep", "60", env=environment, start_new_session=True)
    await until(lambda: ours.left_over(STEP))
    assert ours.left_over(STEP) == (child.pid,)
    assert ours.left_over("1.1/another") == ()
    assert ours.end_left_over(STEP) == 1
    assert await child.wait() == -signal.SIGKILL


async def test_fifty_short_commands_leave_no_descriptor_open(tmp_path: Path) -> None:
    ours = executor(tmp_path)
    await ours.run((("true",),), step=STEP, timebox_s=10)
    before = open_descriptors()
    for _ in range(50):
        await ours.run((("true",), ("cat",)), step=STEP, timebox_s=10)
    assert open_descriptors() == before


async def test_a_cut_line_says_so(tmp_path: Path) -> None:
    limits = Limits(caps=Caps(line=100, head=1_000, end=100))
    done = await executor(tmp_path, limits=limits).run((("printf", "%s", "ab " * 1000),), step=STEP, timebox_s=10)
    assert done.output.endswith("[... of 3,000 bytes]")


@pytest.mark.parametrize("platform", ["darwin", "win32"])
async def test_where_processes_could_not_be_found_again_nothing_is_run(tmp_path: Path, platform: str) -> None:
    executor = Executor(
        clock=SystemClock(),
        redactor=Redactor(),
        directory=tmp_path,
        records=tmp_path / "records",
        platform=platform,
    )
    with pytest.raises(NotStarted, match="Linux alone"):
        await executor.run((("touch", "made"),), step="1.1/a", timebox_s=5.0)
    executor.close()
    assert not (tmp_path / "made").exists()


def test_linux_without_its_view_of_processes_is_not_enough(tmp_path: Path) -> None:
    assert why_not_supervised("linux") is None
    assert "not mounted" in (why_not_supervised("linux", tmp_path) or "")
