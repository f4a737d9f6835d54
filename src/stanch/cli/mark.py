"""`stanch mark`: tell Stanch what was changed, so that an incident shows it and a rollback knows where to go."""

from typing import Annotated, Any

import typer

from stanch.cli.client import DEFAULT_CONFIG, Client, Config, Json, Url
from stanch.cli.output import moment, print_json, print_table, say

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Tell of deploys and other changes, and list them.")

At = Annotated[
    str | None, typer.Option(help="When, such as 2026-11-28T13:00:00Z; now, if it is left out.", show_default=False)
]


@app.command()
def deploy(
    *,
    service: Annotated[str, typer.Option("--service", "-s", help="What was deployed, as the incidents call it.")],
    version: Annotated[str, typer.Option("--version", help="What runs now: a tag, a release, a commit.")],
    previous: Annotated[
        str | None, typer.Option(help="What ran before; by itself, what was told last.", show_default=False)
    ] = None,
    text: Annotated[str, typer.Option(help="More about it, in a line.", show_default=False)] = "",
    at: At = None,
    config: Config = DEFAULT_CONFIG,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Tell of a deploy. Told again within ten minutes, it is the same: a pipeline may retry.

    A token of the role `reporter` is enough, and can do nothing else (`stanch token make ci --role reporter`).

    Example: stanch mark deploy --service booking --version v2.4.1
    """
    body = {"kind": "deploy", "service": service, "version": version, "previous": previous, "text": text, "at": at}
    _tell(Client.of(config, url), body, as_json=as_json)


@app.command()
def change(
    text: Annotated[str, typer.Argument(help="What was changed, in a line.")],
    *,
    service: Annotated[str, typer.Option("--service", "-s", help="Of which service.", show_default=False)] = "",
    at: At = None,
    config: Config = DEFAULT_CONFIG,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Tell of another change: a migration, a flag, a certificate.

    Example: stanch mark change "feature flag new-search is on" --service booking
    """
    body = {"kind": "change", "service": service, "text": text, "at": at}
    _tell(Client.of(config, url), body, as_json=as_json)


@app.command("list")
def list_marks(
    *,
    service: Annotated[str | None, typer.Option("--service", "-s", help="Of this service alone.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="The most that are listed.")] = 50,
    config: Config = DEFAULT_CONFIG,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """List what was told, the latest first.

    Example: stanch mark list --service booking
    """
    marks = Client.of(config, url).get("/api/marks", service=service, limit=limit)["marks"]
    if as_json:
        print_json({"marks": marks})
        return
    print_table(
        "",
        ("when (UTC)", "service", "what", "version", "before", "by"),
        ((moment(m["at"]), m["service"], m["text"], m["version"], m["previous"], m["by"]) for m in marks),
        empty="No change has been told.",
    )


def _tell(client: Client, body: dict[str, Any], *, as_json: bool) -> None:
    document = client.post("/api/marks", {name: value for name, value in body.items() if value is not None})
    if as_json:
        print_json(document)
        return
    mark = document["mark"]
    before = f"; before it {mark['previous']}" if mark["previous"] else ""
    say(f"{moment(mark['at'])} UTC  {mark['service']}: {mark['text']}{before}")
