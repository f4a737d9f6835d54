"""Has what was rated run: argv without a shell, pipelines wired here, under a supervisor that outlives the server.

The environment is built from nothing plus the settings, so nothing of the server's own (passwords, tokens) is
inherited. What is printed is redacted before it reaches the server.
"""

import asyncio
import contextlib
import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import structlog

import stanch
from stanch.model.clock import Clock
from stanch.response.processes import (
    MARKER,
    Execution,
    Job,
    Limits,
    NotStarted,
    Pipeline,
    Show,
    end_leftovers,
    leftovers,
    why_not_supervised,
)
from stanch.response.records import Found, Records, of_entry
from stanch.response.redaction import Redactor
from stanch.response.supervisor import END, LARGEST_BYTES, Order

__all__ = ["MARKER", "Execution", "Executor", "Limits", "NotStarted", "Pipeline", "Show"]

ENVIRONMENT: Mapping[str, str] = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C.UTF-8",
    "TERM": "dumb",
    "NO_COLOR": "1",
    "PAGER": "cat",
    "GIT_TERMINAL_PROMPT": "0",
}

log = structlog.get_logger(__name__)

_UNSEEN = "The process that watched over it was ended, so nobody saw how it ended."


class Executor:
    """Runs pipelines. `environment` is added to the little that every command gets; `directory` is where they run.

    `records` is where outcomes are kept until they are stored: a directory of this server's own.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        redactor: Redactor,
        directory: Path,
        records: Path,
        environment: Mapping[str, str] | None = None,
        limits: Limits | None = None,
        platform: str = sys.platform,
    ) -> None:
        self._platform = platform
        self._clock = clock
        self._redactor = redactor
        self._directory = directory
        self._records = Records(records)
        self._environment = {**ENVIRONMENT, "HOME": str(directory), **(environment or {})}
        self._limits = limits or Limits()
        self._forks: _Forks | None = None
        self._leaving = False

    @property
    def environment_names(self) -> tuple[str, ...]:
        """The names of the variables that commands get, sorted; part of what an approval binds to."""
        return tuple(sorted(self._environment))

    def place(self) -> str:
        """The name of the directory of records, which no other has: what this server is called over its restarts.

        Raises OSError.
        """
        return self._records.place()

    def record(self) -> str:
        """A name for the record of a command that is about to be run. Raises OSError."""
        return self._records.name()

    def find(self, record: str | None) -> Found:
        """What became of a command that an earlier server had run; one that was never begun never will be."""
        return self._records.find(record)

    def forget(self, record: str | None) -> None:
        """Its outcome is stored."""
        if record is not None:
            self._records.forget(record)

    def left_over(self, step: str) -> tuple[int, ...]:
        """Processes of that step which outlived the Stanch that started them, by id."""
        return leftovers(self._marker(step))

    def end_left_over(self, step: str) -> int:
        """Kill them; how many there were."""
        return end_leftovers(self._marker(step))

    def warm(self) -> None:
        """Start the process that forks, so that the first command finds it there: it takes a tenth of a second.

        Where it cannot be started now, the first command tries again, and says why not.
        """
        if why_not_supervised(self._platform) is not None:
            return
        try:
            self._at_work()
        except OSError as fault:
            log.warning("commands.not_warm", because=str(fault))

    def leave(self) -> None:
        """The server is about to end: what changes something is left to its supervisor from here on, not ended."""
        self._leaving = True

    def close(self) -> None:
        """End the process that forks, which a next command starts anew. Supervisors that are at work go on."""
        self._leaving = False
        self._records.sweep(self._clock.now())
        self._end_forks()

    def _end_forks(self) -> None:
        if self._forks is not None:
            self._forks.close()
            self._forks = None

    def _marker(self, step: str) -> str:
        # Other installations on this machine number their incidents and runs from 1 as well.
        return f"{self._directory}:{step}"

    async def run(
        self,
        pipeline: Pipeline,
        *,
        step: str,
        timebox_s: float,
        endless: bool = False,
        harmless: bool = False,
        record: str | None = None,
        variables: Mapping[str, str] | None = None,
        secrets: tuple[str, ...] = (),
        begun_before: Callable[[], float | None] | None = None,
        show: Show | None = None,
    ) -> Execution:
        """Run the stages to their end, to `timebox_s` or, where `endless`, for as long as is captured.

        `step` names whose processes these are; `variables` are added to what every command gets, `secrets` are
        values that its output must not show, beside those that are known anyway. `harmless`
        commands may also be ended for printing without end. With a `record` the outcome outlives this server; a
        harmless command without one ends with it. What is not begun before `begun_before()` (of this executor's
        monotonic clock; None is for good), asked at the last moment, never is: a server that
        stood still may have lost the right to. Raises NotStarted. When cancelled, the processes are ended before the
        cancellation goes on, unless the server is leaving.
        """
        if (because := why_not_supervised(self._platform)) is not None:
            raise NotStarted(because)
        job = Job(
            pipeline=pipeline,
            marker=self._marker(step),
            directory=str(self._directory),
            environment={**self._environment, **(variables or {})},
            timebox_s=timebox_s,
            endless=endless,
            harmless=harmless,
            limits=self._limits,
        )
        before = None if begun_before is None else begun_before()
        path = None if record is None else str(self._records.path(record))
        order = Order(
            job=job,
            secrets=(*self._redactor.known, *secrets),
            record=path,
            not_after=None if before is None else time.monotonic() + before - self._clock.monotonic(),
        )
        began = self._clock.monotonic()
        reader, writer = await self._connect()
        try:
            writer.write(order.line())
            told = await _hear(reader, show)
        except asyncio.CancelledError:
            if not (self._leaving and order.outlives_the_server):
                await asyncio.shield(_end(reader, writer))
            raise
        finally:
            writer.close()
        if told is None:
            end_leftovers(job.marker)
            programs = tuple(Path(stage[0]).name for stage in pipeline)
            elapsed_s = self._clock.monotonic() - began
            return Execution(programs=programs, statuses=(), output="", elapsed_s=elapsed_s, ended=_UNSEEN)
        return told

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A socket with a fresh supervisor at its other end. Raises NotStarted."""
        try:
            return await asyncio.open_connection(sock=self._at_work().fork(), limit=LARGEST_BYTES)
        except OSError as error:
            raise NotStarted(
                f"Stanch could not start the process that watches over a command: {error.strerror}. Nothing was run."
            ) from error

    def _at_work(self) -> "_Forks":
        if self._forks is None or not self._forks.alive:  # it may have been ended between two commands
            self._end_forks()
            self._forks = _Forks()
        return self._forks


class _Forks:
    """The process that forks a supervisor for each command."""

    def __init__(self) -> None:
        self._control, theirs = socket.socketpair()
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "stanch.response.supervisor"],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                env={"PYTHONPATH": str(Path(stanch.__file__).parents[1]), "LANG": "C.UTF-8"},
                start_new_session=True,  # Ctrl-C on the terminal is for the server, which ends or leaves its commands
            )
        finally:
            theirs.close()

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def fork(self) -> socket.socket:
        """Our end of a socket to a new supervisor. Raises OSError."""
        ours, theirs = socket.socketpair()
        try:
            socket.send_fds(self._control, [b"f"], [theirs.fileno()])
        except OSError:
            ours.close()
            raise
        finally:
            theirs.close()
        return ours

    def close(self) -> None:
        """It ends by itself when its socket does."""
        self._control.close()
        self._process.wait()


async def _hear(reader: asyncio.StreamReader, show: Show | None) -> Execution | None:
    """What the supervisor says, to the end; None where it is gone before it said how it ended. Raises NotStarted."""
    while True:
        try:
            line = await reader.readline()
        except ConnectionError:
            return None
        if not line.endswith(b"\n"):
            return None
        message: dict[str, Any] = json.loads(line)
        if "show" in message:
            if show is not None:
                await show(message["show"])
        elif "not_started" in message:
            raise NotStarted(message["not_started"])
        else:
            return of_entry(message)


async def _end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Have it ended, and wait until it is."""
    with contextlib.suppress(ConnectionError, NotStarted):
        writer.write(END)
        await writer.drain()
        await _hear(reader, None)
