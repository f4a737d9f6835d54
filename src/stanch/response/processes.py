"""A pipeline of real processes: wired without a shell, in groups that end with their time box, read within bounds."""

import asyncio
import contextlib
import os
import signal
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import field
from pathlib import Path

from stanch.model.clock import Clock
from stanch.model.record import record
from stanch.response.output import Caps, Output
from stanch.response.redaction import Redactor

Pipeline = tuple[tuple[str, ...], ...]
Show = Callable[[str], Awaitable[None]]
"""Hears the redacted output so far, now and then while a command runs."""

MARKER = "STANCH_STEP"
"""Environment variable that every process of a step carries, children too: how what outlived a crash is found."""

_CHUNK = 65_536
_ANSWERS_WITH_ONE = frozenset({"grep", "egrep", "fgrep", "zgrep", "pgrep", "diff", "cmp", "test", "["})
"""Programs whose exit status 1 is an answer (nothing matched, the files differ), not a failure."""


class NotStarted(Exception):
    """A program of the pipeline could not be started; nothing of it ran. The argument says why."""


@record
class Limits:
    """Times in seconds. `kill_after_s` lies between TERM and KILL; `drain_s` is how long output may trail the exit.

    `capture_s` bounds endless commands; one that prints more than `flood_bytes` is ended where that is harmless.
    """

    kill_after_s: float = 5.0
    drain_s: float = 1.0
    show_every_s: float = 0.5
    capture_s: float = 10.0
    flood_bytes: int = 256_000_000
    caps: Caps = field(default_factory=Caps)


@record
class Job:
    """What is to be run. `endless` commands are captured for a while; `harmless` ones may be ended for a flood.

    `marker` is whose processes these are; `environment` is all that they get beside it.
    """

    pipeline: Pipeline
    marker: str
    directory: str
    environment: Mapping[str, str]
    timebox_s: float
    endless: bool = False
    harmless: bool = False
    limits: Limits = field(default_factory=Limits)


@record
class Execution:
    """What a pipeline did. `statuses` are the stages' exit statuses, negative for a signal.

    `ended` says why it was ended before it was done by itself; `captured` is the ending that was meant.
    """

    programs: tuple[str, ...]
    statuses: tuple[int, ...]
    output: str
    elapsed_s: float
    ended: str | None = None
    captured: bool = False

    @property
    def exit_status(self) -> int | None:
        """The last stage's, as a shell gives it; None where it was ended from here."""
        return None if self.ended or self.captured else self.statuses[-1]

    @property
    def fault(self) -> str | None:
        """Why it counts as failed, as a sentence; None where it did not.

        Every stage counts, as with `pipefail`; a stage that died of a reader that had enough (SIGPIPE) does not.
        """
        if self.captured:
            return None
        if self.ended:
            return self.ended
        for program, status in zip(self.programs, self.statuses, strict=True):
            if status in {0, -signal.SIGPIPE, 128 + signal.SIGPIPE}:
                continue
            if status == 1 and program in _ANSWERS_WITH_ONE:
                continue
            if status < 0:
                return f"`{program}` was ended by {signal.Signals(-status).name}."
            return f"`{program}` ended with exit status {status}."
        return None


async def carry_out(job: Job, *, redactor: Redactor, clock: Clock, stop: asyncio.Event, show: Show) -> Execution:
    """Run the stages to their end, to the time box, to `stop` or, where `endless`, for as long as is captured.

    Raises NotStarted. When cancelled, the processes are ended before the cancellation goes on.
    """
    limits = job.limits
    began = clock.monotonic()
    output = Output(redactor, limits.caps)
    bound = min(job.timebox_s, limits.capture_s) if job.endless else job.timebox_s
    async with _started(job, limits) as (processes, reader):
        reading = asyncio.ensure_future(_read(reader, output, job))
        exits = asyncio.ensure_future(_all_exited(processes))
        bounding = asyncio.ensure_future(clock.sleep(bound))
        stopping = asyncio.ensure_future(_set(stop))
        showing = asyncio.ensure_future(_show(output, show, clock, limits.show_every_s))
        try:
            flooded = await _until_done(reading, exits, bounding, stopping)
            ended = not exits.done()
            if ended:
                await _end(processes, job.marker, limits)
                await exits
            await _drain(reading, processes, job.marker, limits)
        except asyncio.CancelledError:
            await asyncio.shield(_end(processes, job.marker, limits))
            raise
        finally:
            await _cancel(reading, exits, bounding, stopping, showing)
    because = None
    if ended and stop.is_set():
        because = "It was ended because it was to stop."
    elif ended and not job.endless:
        because = (
            f"It was ended after printing {output.size:,} bytes."
            if flooded
            else f"It did not finish in its time box of {job.timebox_s:g} s and was ended, with all it had started."
        )
    return Execution(
        programs=tuple(Path(stage[0]).name for stage in job.pipeline),
        statuses=tuple(process.returncode if process.returncode is not None else 0 for process in processes),
        output=output.finish(),
        elapsed_s=clock.monotonic() - began,
        ended=because,
        captured=ended and because is None,
    )


@contextlib.asynccontextmanager
async def _started(job: Job, limits: Limits) -> AsyncIterator[tuple[list[Process], asyncio.StreamReader]]:
    """The stages, started, and one reader for all they print."""
    os.makedirs(job.directory, exist_ok=True)  # noqa: PTH103 - the pathlib form is taken for blocking, as this is
    ours, theirs = os.pipe()
    reader = asyncio.StreamReader(limit=_CHUNK)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(ours, "rb", 0)
    )
    try:
        try:
            processes = await _start(job, theirs, limits)
        finally:
            os.close(theirs)
        yield processes, reader
    finally:
        transport.close()


async def _start(job: Job, printed: int, limits: Limits) -> list[Process]:
    """Start every stage, each leading a process group of its own, wired from left to right; or none of them."""
    environment = {**job.environment, MARKER: job.marker}
    processes: list[Process] = []
    source = DEVNULL
    try:
        for stage in job.pipeline:
            is_last = len(processes) == len(job.pipeline) - 1
            onward, sink = (DEVNULL, printed) if is_last else os.pipe()
            try:
                process = await asyncio.create_subprocess_exec(
                    *stage,
                    stdin=source,
                    stdout=sink,
                    stderr=printed,
                    env=environment,
                    cwd=job.directory,
                    process_group=0,
                )
            finally:
                _close(source)
                source = onward
                if not is_last:
                    os.close(sink)
            processes.append(process)
    except (OSError, ValueError) as error:
        _close(source)
        await _end(processes, job.marker, limits)
        program = job.pipeline[len(processes)][0]
        raise NotStarted(_why_not_started(program, error, environment.get("PATH", ""))) from error
    except BaseException:
        _close(source)
        await asyncio.shield(_end(processes, job.marker, limits))
        raise
    return processes


async def _read(reader: asyncio.StreamReader, output: Output, job: Job) -> bool:
    """Feed the output until its end; True when it was too much."""
    while chunk := await reader.read(_CHUNK):
        output.feed(chunk)
        if job.harmless and output.size > job.limits.flood_bytes:
            return True
    return False


async def _show(output: Output, show: Show, clock: Clock, every_s: float) -> None:
    shown = 0
    while True:
        await clock.sleep(every_s)
        if output.size > shown:
            shown = output.size
            await show(output.text())


async def _set(stop: asyncio.Event) -> None:
    await stop.wait()


async def _until_done(
    reading: asyncio.Future[bool],
    exits: asyncio.Future[None],
    bounding: asyncio.Future[None],
    stopping: asyncio.Future[None],
) -> bool:
    """Wait for the exits, the bound, a stop or a flood; True for a flood."""
    awaited: set[asyncio.Future[bool] | asyncio.Future[None]] = {reading, exits, bounding, stopping}
    await asyncio.wait(awaited, return_when=asyncio.FIRST_COMPLETED)
    cut = exits.done() or bounding.done() or stopping.done()
    if reading.done() and not cut and not reading.result():
        await asyncio.wait({exits, bounding, stopping}, return_when=asyncio.FIRST_COMPLETED)
    return reading.done() and reading.result()


async def _drain(reading: asyncio.Future[bool], processes: list[Process], marker: str, limits: Limits) -> None:
    """Read what is still in the pipe. Whoever still holds it open then was left behind, and is ended."""
    await asyncio.wait({reading}, timeout=limits.drain_s)
    if not reading.done():
        await _end(processes, marker, limits)
        await asyncio.wait({reading}, timeout=limits.drain_s)


async def _end(processes: list[Process], marker: str, limits: Limits) -> None:
    """TERM to every group and everything that carries the marker; KILL to what is left after a while."""
    _signal(processes, marker, signal.SIGTERM)
    patience = asyncio.ensure_future(asyncio.sleep(limits.kill_after_s))
    pause = 0.02
    while not patience.done() and _alive(processes, marker):
        await asyncio.wait({patience}, timeout=pause)
        pause = min(2 * pause, 0.5)
    await _cancel(patience)
    _signal(processes, marker, signal.SIGKILL)
    await _all_exited(processes)


def why_not_supervised(platform: str, proc: Path = Path("/proc")) -> str | None:
    """Why no command may be run here: what outlives a crash could not be found again. None where it can be."""
    if platform != "linux":
        return (
            f"Commands are run on Linux alone, and this is {platform}. Nothing was run. Do it by hand, and report it."
        )
    if not (proc / "self" / "environ").exists():
        return f"{proc} is not mounted, so processes could not be found again. Nothing was run. Mount it first."
    return None


def leftovers(marker: str) -> tuple[int, ...]:
    """Processes of this user that carry `marker`, by id: what a step started and nobody ended.

    Linux only; elsewhere nothing is found.
    """
    wanted = f"{MARKER}={marker}".encode()
    found: list[int] = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if wanted in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
    return tuple(found)


def end_leftovers(marker: str) -> int:
    """Kill what carries `marker`; how many there were."""
    found = leftovers(marker)
    for process in found:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    return len(found)


def _signal(processes: list[Process], marker: str, number: signal.Signals) -> None:
    for process in processes:
        # The kernel gives a number out again only when its group is empty: a process that bears the number of a leader
        # that is gone is a stranger.
        if process.returncode is not None and Path(f"/proc/{process.pid}").exists():
            continue
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)
    for stray in leftovers(marker):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(stray, number)


def _alive(processes: list[Process], marker: str) -> bool:
    return any(process.returncode is None for process in processes) or bool(leftovers(marker))


async def _all_exited(processes: list[Process]) -> None:
    for process in processes:
        await process.wait()


async def _cancel(*tasks: asyncio.Future[None] | asyncio.Future[bool]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _close(descriptor: int) -> None:
    if descriptor >= 0:
        os.close(descriptor)


def _why_not_started(program: str, error: Exception, path: str) -> str:
    match error:
        case FileNotFoundError():
            return f"`{program}` is not installed where Stanch runs (looked in {path}). Nothing was run."
        case PermissionError():
            return f"`{program}` may not be run by the user that Stanch runs as. Nothing was run."
        case _:
            return f"`{program}` could not be started: {error}. Nothing was run."
