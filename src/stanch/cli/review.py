"""`stanch review`: what happened, how long it took, what was learned."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from stanch.cli.client import DEFAULT_CONFIG, Client, Config, Json, Url
from stanch.cli.output import print_json, say

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
def patch(
    incident: Incident,
    *,
    to: Annotated[
        Path | None, typer.Option("--to", "-o", help="A .diff file; printed without.", show_default=False)
    ] = None,
    config: Config = DEFAULT_CONFIG,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Propose a patch of the playbook from what people really did: a unified diff, never written into the document.

    Steps that every run skipped, time boxes that every run overran, places always filled the same, outputs that were
    always the same, and commands that a note of the incident says were run by hand (`$ command`). Its head quotes the
    evidence. Refused where the document has changed since.

    Example: stanch review patch 42 -o 42.diff && patch -p1 < 42.diff
    """
    document = Client.of(config, url).get(f"/api/reviews/{incident}/patch")
    text = "".join(each["diff"] for each in document["patches"])
    if to is not None and text:
        to.write_text(text, encoding="utf-8")
    if as_json:
        print_json(document)
        return
    if not text:
        say("Nothing is proposed: no habit of at least 3 runs, and nothing done by hand, differs from the playbook.")
    elif to is not None:
        say(f"Wrote {to}; apply it beside the document with: patch -p1 < {to}")
    else:
        sys.stdout.write(text)


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
    say(f"Wrote {to}")
