"""`stanch review`: what happened, how long it took, what was learned."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from stanch.cli.client import DEFAULT_CONFIG, Client, Config, Json, Url
from stanch.cli.output import print_json

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Show and export reviews.")

Incident = Annotated[str, typer.Argument(help="The incident's number.")]


@app.command()
def show(incident: Incident, *, config: Config = DEFAULT_CONFIG, url: Url = None, as_json: Json = False) -> None:
    """Print the review of an incident as Markdown.

    Example: stanch review show 42
    """
    document = Client.of(config, url).get(f"/api/reviews/{incident}")
    if as_json:
        print_json(document)
        return
    sys.stdout.write(document["markdown"] + "\n")


@app.command()
def export(
    incident: Incident,
    *,
    to: Annotated[Path, typer.Option("--to", "-o", help="A .md or .html file; the page carries its charts.")],
    config: Config = DEFAULT_CONFIG,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Write the review to a file, to send or to print.

    Example: stanch review export 42 -o incident-42.html
    """
    document = Client.of(config, url).get(f"/api/reviews/{incident}")
    body = document["html"] if to.suffix in {".html", ".htm"} else document["markdown"]
    to.write_text(body, encoding="utf-8")
    if as_json:
        print_json({"review": str(to)})
        return
    typer.echo(f"Wrote {to}")
