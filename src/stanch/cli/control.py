"""`stanch control`: the mitigations in force, and their undo."""

from typing import Annotated

import typer

from stanch.cli.client import DEFAULT_CONFIG, Client, Config, Json, Url
from stanch.cli.output import moment, print_json, print_table, say

app = typer.Typer(add_completion=False, no_args_is_help=True, help="List the mitigations in force, and undo them.")


@app.command("list")
def list_controls(*, config: Config = DEFAULT_CONFIG, url: Url = None, as_json: Json = False) -> None:
    """List controls; each undoes itself when its time is over.

    Example: stanch control list --json
    """
    controls = Client.of(config, url).get("/api/controls")["controls"]
    if as_json:
        print_json({"controls": controls})
        return
    print_table(
        "",
        ("control", "incident", "state", "what", "until (UTC)"),
        ((c["id"], c["incident_id"], c["state"], c["text"], moment(c["expires_at"])) for c in controls),
        empty="No control is in force.",
    )


@app.command()
def undo(
    control: Annotated[str, typer.Argument(help="The control, as `stanch control list` names it.")],
    *,
    reason: Annotated[str, typer.Option("--reason", "-r", help="Why, for the record.")] = "",
    config: Config = DEFAULT_CONFIG,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Undo one control now.

    Example: stanch control undo 3
    """
    document = Client.of(config, url).post(f"/api/controls/{control}/undo", {"reason": reason})
    if as_json:
        print_json(document)
        return
    say(f"Undone: {document['control']['text']}")
