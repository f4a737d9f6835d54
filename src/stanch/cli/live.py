"""`stanch check --live`: the drift check from the command line, with the settings' identities or with none."""

import asyncio
import os
import sys
from contextlib import AsyncExitStack
from pathlib import Path

from stanch.app import outside
from stanch.cli.client import DEFAULT_CONFIG
from stanch.connectors.postgres.connector import PostgresConnector
from stanch.drift.check import check
from stanch.drift.outside import Outside
from stanch.model.clock import SystemClock
from stanch.model.drift import Answer
from stanch.model.plan import Plan
from stanch.settings import load

_OWN = ("HOME", "KUBECONFIG")


def answers_of(plan: Plan, config: Path | None) -> tuple[Answer, ...]:
    """Ask for everything that the plan names. Without `config`, `stanch.toml` is taken where there is one.

    Where there is none, only this machine is asked, and its kubectl as the person who calls. Raises Unusable.
    """
    return asyncio.run(_ask(plan, config if config is not None or not DEFAULT_CONFIG.exists() else DEFAULT_CONFIG))


async def _ask(plan: Plan, config: Path | None) -> tuple[Answer, ...]:
    if config is None:
        own = {name: value for name in _OWN if (value := os.environ.get(name))}
        return await check(plan, Outside(path=os.environ.get("PATH", os.defpath), environment=own), _progress)
    settings = load(config)
    async with AsyncExitStack() as stack:
        databases = {name: PostgresConnector(each, SystemClock()) for name, each in settings.postgres.items()}
        for database in databases.values():
            stack.push_async_callback(database.close)
        return await check(plan, outside(settings, plan, databases), _progress)


def _progress(done: int, total: int) -> None:
    """One line that counts, on a terminal alone; what is printed afterwards begins where it stood."""
    if sys.stderr.isatty():
        sys.stderr.write("\r\x1b[K" if done == total else f"\rasked {done} of {total}")
        sys.stderr.flush()
