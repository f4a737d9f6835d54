"""Run the application."""

import argparse
from pathlib import Path

from clinic import database_address, serving
from clinic.application import Settings
from clinic.releases import available


def add_arguments(parser: argparse.ArgumentParser) -> None:
    database_address.add_argument(parser)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 is any free one (default)")
    parser.add_argument("--release", choices=list(available()), default=list(available())[-1])
    parser.add_argument("--pool", type=int, default=12, help="database connections (default 12)")
    parser.add_argument("--pool-wait", type=float, default=10.0, help="seconds to wait for one (default 10)")
    parser.add_argument("--statement-timeout", type=float, default=30.0, help="seconds (default 30)")
    parser.add_argument("--access-log", default="-", help="a file, or - for standard output (default)")
    parser.add_argument("--guard-state", type=Path, help="the file that stanch.guard is told by")


def run(told: argparse.Namespace) -> None:
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
