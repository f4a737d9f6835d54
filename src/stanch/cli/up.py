"""`stanch up`: the server."""

import asyncio
import importlib
from pathlib import Path
from typing import Annotated, Any

import typer

from stanch.app import build
from stanch.cli import log
from stanch.cli.client import DEFAULT_CONFIG, Config
from stanch.settings import Settings, load

app = typer.Typer(add_completion=False, help="Serve: watch, respond, console.")


@app.command()
def up(
    context: typer.Context,
    *,
    config: Config = DEFAULT_CONFIG,
    port: Annotated[int | None, typer.Option(help="Another port than the settings file's.")] = None,
    playbook: Annotated[
        list[Path] | None, typer.Option(help="Other playbooks than the settings file's.", show_default=False)
    ] = None,
) -> None:
    """Read the playbooks, watch what they say, open incidents, run their steps, serve the console.

    Ends on Ctrl-C or SIGTERM. What was under way is taken up again at the next start.

    Example: stanch up --config stanch.toml
    """
    settings = load(config)
    changed: dict[str, Any] = {}
    if port is not None:
        changed["server"] = settings.server.model_copy(update={"port": port})
    if playbook:
        changed["playbooks"] = settings.playbooks.model_copy(update={"paths": playbook})
    log.configure(settings.server.log_format)
    asyncio.run(_serve(settings.model_copy(update=changed), context.obj.serve))


async def _serve(settings: Settings, serve: str) -> None:
    module, _, function = serve.partition(":")
    async with build(settings) as running:
        server = getattr(importlib.import_module(module), function)
        await server(running, settings.server.host, settings.server.port)
