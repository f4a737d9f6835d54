"""The supervisor of commands: a process of its own that outlives the server, and says how each command ended.

The server starts one small process (`python -m stanch.response.supervisor`), which forks once for each command, where
a fresh interpreter takes a hundred milliseconds; and one ahead of the next command, which so finds its supervisor
waiting. The fork leads a session of its own, holds the command to its time box, redacts what it prints, and tells the
server over a socket. Where the server is gone it goes on by itself, unless the command only reads: that is begun again
by the next server anyway. What a command that changes something came to is on disk (`records`) before anybody is told.
"""

import asyncio
import contextlib
import json
import os
import select
import signal
import socket
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from stanch.model.clock import SystemClock
from stanch.model.record import record
from stanch.response.output import Caps
from stanch.response.processes import Execution, Job, Limits, NotStarted, carry_out
from stanch.response.records import Record, as_entry
from stanch.response.redaction import Redactor

END = b"end\n"
"""What the server says to have a command ended."""
LARGEST_BYTES = 16 * 1024 * 1024
"""Of one line between the two."""

_TAKEN = b"t"
_NO_MORE = b"e"
"""What a fork says to the process that forked it: that it has a command, or that there will be none."""
_HEADSTART_S = 0.005
"""The processor is left to a command that begins; the next fork waits so long, unless a command waits for it."""
_AFTER_A_LOSS_S = 0.1
"""A fork that ends before it had a command was killed, or cannot live here: the next one is not forked at once."""

_TOO_LATE = "The server that wanted it run may no longer be the one to run it. Nothing was run."
_WITHDRAWN = "It was given up before it was begun. Nothing was run."


@record
class Order:
    """A job, the values that must not show in what it prints, and where its record goes: None without one."""

    job: Job
    secrets: tuple[str, ...]
    record: str | None
    not_after: float | None = None
    """The last moment at which it may be begun, on the clock that processes of a machine share (CLOCK_MONOTONIC)."""

    @property
    def outlives_the_server(self) -> bool:
        """What only reads, and whose outcome nobody will look for, ends with the server."""
        return self.record is not None or not self.job.harmless

    def line(self) -> bytes:
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def of(cls, line: bytes) -> "Order":
        told: dict[str, Any] = json.loads(line)
        job: dict[str, Any] = told["job"]
        limits: dict[str, Any] = job["limits"]
        return cls(
            job=Job(
                **{
                    **job,
                    "pipeline": tuple(tuple(stage) for stage in job["pipeline"]),
                    "limits": Limits(**{**limits, "caps": Caps(**limits["caps"])}),
                }
            ),
            secrets=tuple(told["secrets"]),
            record=told["record"],
            not_after=told["not_after"],
        )


def main() -> None:
    """A fork for every socket that comes over the one on standard input, until that ends."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the forks
    server = socket.socket(fileno=os.dup(0))
    Redactor()("")  # what is loaded and compiled now, no fork has to
    while (said := _fork(server)) != _NO_MORE:
        if said == _TAKEN:
            select.select([server], [], [], _HEADSTART_S)
        else:
            time.sleep(_AFTER_A_LOSS_S)


def _fork(server: socket.socket) -> bytes:
    """Fork one that waits for the next command; what it said when that came, nothing where it ended before."""
    hearing, saying = os.pipe()
    if os.fork() == 0:
        os.close(hearing)
        _lead(server, saying)
    os.close(saying)
    with os.fdopen(hearing, "rb", 0) as pipe:
        return pipe.read(1)


def _lead(server: socket.socket, saying: int) -> None:
    """One command, from its order to its end; never returns."""
    status = 1
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.setsid()
        asyncio.run(_await_command(server, saying))
        status = 0
    finally:
        os._exit(status)


async def _await_command(server: socket.socket, saying: int) -> None:
    """Wait for the socket of the next command, have the next one forked, and see this one through."""
    is_there = asyncio.Event()
    asyncio.get_running_loop().add_reader(server, is_there.set)
    await is_there.wait()
    asyncio.get_running_loop().remove_reader(server)
    _, descriptors, _, _ = socket.recv_fds(server, 1, 1)
    server.close()
    os.write(saying, _TAKEN if descriptors else _NO_MORE)
    os.close(saying)
    for descriptor in descriptors:
        await _supervise(socket.socket(fileno=descriptor))


async def _supervise(connection: socket.socket) -> None:
    reader, writer = await asyncio.open_connection(sock=connection, limit=LARGEST_BYTES)
    line = await reader.readline()
    if not line.endswith(b"\n"):
        return  # the server went before it had said what to run
    order = Order.of(line)
    if order.not_after is not None and time.monotonic() >= order.not_after:
        _tell(writer, {"not_started": _TOO_LATE})
        return
    record = None
    if order.record is not None:
        record = Record.begin(Path(order.record))
        if record is None:
            _tell(writer, {"not_started": _WITHDRAWN})
            return
    stop = asyncio.Event()
    listening = asyncio.ensure_future(_listen(reader, stop, goes_on=order.outlives_the_server))

    async def show(text: str) -> None:
        _tell(writer, {"show": text})

    outcome: Execution | NotStarted
    try:
        outcome = await carry_out(
            order.job, redactor=Redactor(order.secrets), clock=SystemClock(), stop=stop, show=show
        )
    except NotStarted as not_started:
        outcome = not_started
    if record is not None:
        record.end(outcome)
    _tell(writer, as_entry(outcome))
    with contextlib.suppress(ConnectionError):
        await writer.drain()
        writer.close()
        await writer.wait_closed()
    listening.cancel()


async def _listen(reader: asyncio.StreamReader, stop: asyncio.Event, *, goes_on: bool) -> None:
    """Until the server says to end it, or is gone."""
    with contextlib.suppress(ConnectionError):
        if await reader.readline() == END:
            stop.set()
            return
    if not goes_on:
        stop.set()


def _tell(writer: asyncio.StreamWriter, message: dict[str, Any]) -> None:
    """Say it to the server; one that is gone hears nothing, which asyncio notes by itself."""
    writer.write(json.dumps(message).encode() + b"\n")


if __name__ == "__main__":
    main()
