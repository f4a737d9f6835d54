"""`stanch login`: a one-time link to the console, for the one who asks or for another person."""

from typing import Annotated

import typer

from stanch.cli.client import DEFAULT_CONFIG, Client, Config, Json, Url
from stanch.cli.output import print_json

app = typer.Typer(add_completion=False, help="A one-time link to the console.")


@app.command()
def login(
    name: Annotated[str | None, typer.Argument(help="The person; the one who asks, if it is left out.")] = None,
    *,
    role: Annotated[
        str | None,
        typer.Option(help="reporter, viewer, responder or administrator: makes them known, or changes it."),
    ] = None,
    config: Config = DEFAULT_CONFIG,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Print a link that signs one browser in, once, for a short time.

    Two approvals are two people, so each person logs in under a name of their own.

    Example: stanch login maria --role responder
    """
    body = {key: value for key, value in (("person", name), ("role", role)) if value is not None}
    document = Client.of(config, url).post("/api/login-links", body)
    if as_json:
        print_json(document)
        return
    typer.echo(document["url"])
