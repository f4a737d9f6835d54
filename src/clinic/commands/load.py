"""Load the application as its users do."""

import argparse
import asyncio
import contextlib
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from clinic import load
from clinic.unusable import Unusable


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--url", required=True)
    parser.add_argument("--users", type=int, default=load.USERS)
    parser.add_argument("--think", type=float, default=load.THINK_S, help="mean pause of a user, in seconds")
    parser.add_argument("--seconds", type=float, default=load.SECONDS, help="when to end (default 3600)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--output", default="-", help="a file for the lines, or - for standard output (default)")


def run(told: argparse.Namespace) -> None:
    plan = load.Plan(url=told.url, users=told.users, think_s=told.think, seconds=told.seconds, seed=told.seed)

    async def until_told(output: TextIO) -> None:
        task = asyncio.ensure_future(load.run(plan, output))
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        with contextlib.suppress(asyncio.CancelledError):
            await task

    with _opened(told.output) as output:
        asyncio.run(until_told(output))


@contextlib.contextmanager
def _opened(name: str) -> Iterator[TextIO]:
    if name == "-":
        yield sys.stdout
        return
    try:
        file = Path(name).open("a", encoding="utf-8")  # noqa: SIM115 - closed below; only the opening is guarded
    except OSError as refused:
        raise Unusable(f"{name} cannot be written: {refused.strerror}. Choose another file.") from refused
    with file:
        yield file
