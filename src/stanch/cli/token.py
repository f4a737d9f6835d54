"""`stanch token`: the keys by which people and programs use the API and the command line."""

from typing import Annotated

import typer

from stanch.cli.client import DEFAULT_CONFIG, Client, Config, Json, Url
from stanch.cli.output import moment, print_json, print_table, say
from stanch.model.problem import NotFound

app = typer.Typer(add_completion=False, no_args_is_help=True, help="List, make and revoke API tokens.")


@app.command("list")
def list_tokens(*, config: Config = DEFAULT_CONFIG, url: Url = None, as_json: Json = False) -> None:
    """List the tokens that are good, the newest first.

    Example: stanch token list
    """
    document = Client.of(config, url).get("/api/tokens")
    if as_json:
        print_json(document)
        return
    print_table(
        "",
        ("token", "for", "person", "role", "made (UTC)", "last used (UTC)"),
        (
            (
                each["digest"][:12],
                each["label"],
                each["person"],
                each["role"],
                moment(each["created_at"]),
                moment(each["seen_at"]) if each["seen_at"] else "never",
            )
            for each in document["tokens"]
        ),
        empty="No token.",
    )


@app.command()
def make(
    person: Annotated[str, typer.Argument(help="As whom it acts; `stanch login NAME --role` makes a person known.")],
    *,
    label: Annotated[str, typer.Option(help="What it is for.")],
    role: Annotated[
        str, typer.Option(help="The most that it may do: reporter, viewer, responder or administrator.")
    ] = "responder",
    config: Config = DEFAULT_CONFIG,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Make a token that acts as a person, with a role that is theirs or less. It is shown this once.

    Give it to the person alone: what it does is on the record under their name. They set it as STANCH_TOKEN.

    Example: stanch token make maria --label "her laptop"
    """
    body = {"person": person, "label": label, "role": role}
    document = Client.of(config, url).post("/api/tokens", body)
    if as_json:
        print_json(document)
        return
    say(document["token"])


@app.command()
def revoke(
    token: Annotated[str, typer.Argument(help="The token, as `stanch token list` shows it.")],
    *,
    config: Config = DEFAULT_CONFIG,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """End a token.

    Example: stanch token revoke 0a1b2c3d4e5f
    """
    client = Client.of(config, url)
    found = [each["digest"] for each in client.get("/api/tokens")["tokens"] if each["digest"].startswith(token)]
    if len(found) != 1:
        raise NotFound(f"{len(found)} tokens begin with {token}.", hint="`stanch token list` shows them.")
    document = client.delete(f"/api/tokens/{found[0]}")
    if as_json:
        print_json(document)
        return
    say(f"Revoked: {document['revoked']}")
