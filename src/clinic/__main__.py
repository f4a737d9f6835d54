"""`python -m clinic serve|load|seed|cluster|fault`."""

import argparse
import asyncio
import contextlib
import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TextIO

import psycopg

from clinic import cluster as clusters
from clinic import lifeline, load, seed, serving
from clinic.application import Settings
from clinic.binaries import Origin
from clinic.cluster import Cluster
from clinic.faults import FAULTS
from clinic.releases import available
from clinic.unusable import Unusable

_DATABASE_VARIABLE = "CLINIC_DATABASE_URL"


def main(argv: list[str] | None = None) -> int:
    """0 when done, 2 for what cannot be, with one sentence on standard error."""
    told = _parser().parse_args(argv)
    if told.parent_death:
        lifeline.end_with_parent()
    run: Callable[[argparse.Namespace], None] = told.run
    try:
        run(told)
    except Unusable as sentence:
        return _fail(str(sentence))
    except psycopg.OperationalError as failed:
        return _fail(f"The database cannot be used: {str(failed).strip().splitlines()[0]}")
    except KeyboardInterrupt:
        return 130
    return 0


def _fail(sentence: str) -> int:
    sys.stderr.write(f"{sentence}\n")
    return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="clinic", description="A clinic's booking application, to be broken.")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--parent-death",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="end when the process that started this one is gone",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: Callable[[argparse.Namespace], None], text: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text, description=text, parents=[common])
        added.set_defaults(run=run)
        return added

    serve = command("serve", _serve, "Run the application.")
    _add_database(serve)
    serve.add_argument("--host", default="127.0.0.1")
    serve.add_argument("--port", type=int, default=0, help="0 is any free one (default)")
    serve.add_argument("--release", choices=list(available()), default=list(available())[-1])
    serve.add_argument("--pool", type=int, default=12, help="database connections (default 12)")
    serve.add_argument("--pool-wait", type=float, default=10.0, help="seconds to wait for one (default 10)")
    serve.add_argument("--statement-timeout", type=float, default=30.0, help="seconds (default 30)")
    serve.add_argument("--access-log", default="-", help="a file, or - for standard output (default)")
    serve.add_argument("--guard-state", type=Path, help="the file that stanch.guard is told by")

    loading = command("load", _load, "Load the application as its users do.")
    loading.add_argument("--url", required=True)
    loading.add_argument("--users", type=int, default=load.USERS)
    loading.add_argument("--think", type=float, default=load.THINK_S, help="mean pause of a user, in seconds")
    loading.add_argument("--seconds", type=float, default=load.SECONDS, help="when to end (default 3600)")
    loading.add_argument("--seed", type=int, default=1)
    loading.add_argument("--output", default="-", help="a file for the lines, or - for standard output (default)")

    seeding = command("seed", _seed, "Fill the database.")
    _add_database(seeding)
    seeding.add_argument("--appointments", type=int, default=seed.APPOINTMENTS)

    running = command("cluster", _cluster, "Run a private PostgreSQL until told to end.")
    running.add_argument("--directory", type=Path, required=True)
    running.add_argument("--port", type=int, default=0)
    running.add_argument("--origin", choices=[each.value for each in Origin], help="the system's or the wheel's")

    fault = command("fault", _fault, "Break it, or put it right.")
    fault.add_argument("name", choices=list(FAULTS))
    _add_database(fault)
    fault.add_argument("--remove", action="store_true", help="take the fault out again")
    return parser


def _add_database(parser: argparse.ArgumentParser) -> None:
    known = os.environ.get(_DATABASE_VARIABLE)
    parser.add_argument(
        "--database-url", default=known, required=known is None, help=f"PostgreSQL; else ${_DATABASE_VARIABLE}"
    )


def _serve(told: argparse.Namespace) -> None:
    settings = Settings(
        database_url=told.database_url,
        release=available()[told.release],
        pool_size=told.pool,
        pool_wait_s=told.pool_wait,
        statement_timeout_s=told.statement_timeout,
        access_log=None if told.access_log == "-" else Path(told.access_log),
        guard_state=told.guard_state,
    )
    serving.serve(settings, told.host, told.port)


def _load(told: argparse.Namespace) -> None:
    plan = load.Plan(url=told.url, users=told.users, think_s=told.think, seconds=told.seconds, seed=told.seed)

    async def until_told() -> None:
        task = asyncio.ensure_future(load.run(plan, output))
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        with contextlib.suppress(asyncio.CancelledError):
            await task

    with _opened(told.output) as output:
        asyncio.run(until_told())


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


def _seed(told: argparse.Namespace) -> None:
    def progress(what: str, share: float) -> None:
        sys.stderr.write(f"{share:4.0%} {what}\n")

    seed.seed(told.database_url, appointments=told.appointments, progress=progress)


def _cluster(told: argparse.Namespace) -> None:
    over = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: over.set())
    with Cluster.start(told.directory, told.port, origin=Origin(told.origin) if told.origin else None) as cluster:
        urls = {role: cluster.url(role) for role in clusters.ROLES}
        sys.stdout.write(json.dumps({"event": "started", "pid": cluster.pid, "urls": urls}) + "\n")
        sys.stdout.flush()
        while cluster.running() and not over.wait(0.5):
            pass
        if not over.is_set():
            raise Unusable(f"PostgreSQL has ended by itself; its log is {cluster.log}.")


def _fault(told: argparse.Namespace) -> None:
    fault = FAULTS[told.name]
    (fault.remove if told.remove else fault.inject)(told.database_url)


if __name__ == "__main__":
    sys.exit(main())
