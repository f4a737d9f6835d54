"""`stanch verify`: nobody altered what was recorded."""

import asyncio

import typer

from stanch.cli.client import DEFAULT_CONFIG, Config, Json
from stanch.cli.output import print_json, say
from stanch.incidents import timeline
from stanch.model.clock import SystemClock
from stanch.model.problem import Problem, Unusable
from stanch.settings import STORE_FILE, load
from stanch.store.engine import Store

app = typer.Typer(add_completion=False, help="The hash chain of every timeline.")


@app.command()
def verify(*, config: Config = DEFAULT_CONFIG, as_json: Json = False) -> None:
    """Check the hash chain of every timeline in the store, beside a running server or without one.

    Exit status 1 if a link is broken, missing or was added.

    Example: stanch verify --json
    """
    server = load(config).server
    if server.database is None and not (server.data / STORE_FILE).exists():
        raise Unusable(f"There is no timeline yet in {server.data}.", hint="Start the server there with `stanch up`.")
    problems = asyncio.run(_verify(server.store_url))
    if as_json:
        print_json(
            {
                "verified": not problems,
                "problems": [{"code": p.code, "message": p.message, "hint": p.hint} for p in problems],
            }
        )
    elif problems:
        for problem in problems:
            say(f"{problem.message} {problem.hint}".rstrip())
    else:
        say("Every timeline is whole.")
    if problems:
        raise typer.Exit(1)


async def _verify(url: str) -> tuple[Problem, ...]:
    async with await Store.open(url, SystemClock()) as store:
        return await store.read(timeline.verify)
