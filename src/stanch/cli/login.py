"""`stanch login`: a one-time link to the console."""

import typer

from stanch.cli.client import DEFAULT_CONFIG, Client, Config, Json, Url
from stanch.cli.output import print_json

app = typer.Typer(add_completion=False, help="A one-time link to the console.")


@app.command()
def login(*, config: Config = DEFAULT_CONFIG, url: Url = None, as_json: Json = False) -> None:
    """Print a link that signs one browser in, once, for a short time.

    Example: stanch login
    """
    document = Client.of(config, url).post("/api/login-links")
    if as_json:
        print_json(document)
        return
    typer.echo(document["url"])
