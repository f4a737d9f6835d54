"""`stanch incident`: what is burning, and who has it."""

from typing import Annotated, Any

import typer

from stanch.cli.client import DEFAULT_CONFIG, Client, Config, Json, Url
from stanch.cli.output import duration, moment, print_json, print_table, say

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="Open, list, show, acknowledge, assign, annotate, resolve incidents.",
)

Incident = Annotated[str, typer.Argument(help="The incident's number.")]


@app.command("list")
def list_incidents(
    *,
    all_: Annotated[bool, typer.Option("--all", "-a", help="Those that are over as well.")] = False,
    config: Config = DEFAULT_CONFIG,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """List open incidents.

    Example: stanch incident list --all --json
    """
    incidents = Client.of(config, url).get("/api/incidents", open=None if all_ else "true")["incidents"]
    if as_json:
        print_json({"incidents": incidents})
        return
    print_table(
        "",
        ("no.", "severity", "status", "service", "opened (UTC)", "title"),
        ((i["id"], i["severity"], i["status"], i["service"], moment(i["opened_at"]), i["title"]) for i in incidents),
        empty="No incident." if all_ else "No open incident.",
    )


@app.command()
def show(incident: Incident, *, config: Config = DEFAULT_CONFIG, url: Url = None, as_json: Json = False) -> None:
    """Show one incident with its clocks, steps and timeline.

    Example: stanch incident show 42
    """
    document = Client.of(config, url).get(f"/api/incidents/{incident}")
    if as_json:
        print_json(document)
        return
    _print_incident(document)


@app.command("open")
def open_incident(
    title: Annotated[str, typer.Argument(help="What is seen, in a sentence.")],
    *,
    severity: Annotated[str, typer.Option("--severity", "-s", help="A level of the playbook's, such as P1.")],
    service: Annotated[str, typer.Option("--service", help="What is affected.")] = "",
    config: Config = DEFAULT_CONFIG,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Open an incident by hand, as when people report what no signal shows.

    Example: stanch incident open "Patients cannot log in" -s P1
    """
    body = {"title": title, "severity": severity, "service": service}
    _answer(Client.of(config, url).post("/api/incidents", body), as_json=as_json)


@app.command()
def ack(incident: Incident, *, config: Config = DEFAULT_CONFIG, url: Url = None, as_json: Json = False) -> None:
    """Acknowledge: you have it, and the paging stops.

    Example: stanch incident ack 42
    """
    _answer(Client.of(config, url).post(f"/api/incidents/{incident}/acknowledge"), as_json=as_json)


@app.command()
def assign(
    incident: Incident,
    to: Annotated[str, typer.Argument(help="A person or role.")],
    *,
    config: Config = DEFAULT_CONFIG,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Give it to somebody.

    Example: stanch incident assign 42 "Engineering Manager"
    """
    _answer(Client.of(config, url).post(f"/api/incidents/{incident}/assign", {"to": to}), as_json=as_json)


@app.command()
def note(
    incident: Incident,
    text: Annotated[str, typer.Argument(help="What to write down.")],
    *,
    config: Config = DEFAULT_CONFIG,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Write a note on the timeline.

    Example: stanch incident note 42 "Called the data centre: no works tonight"
    """
    _answer(Client.of(config, url).post(f"/api/incidents/{incident}/note", {"text": text}), as_json=as_json)


@app.command()
def resolve(
    incident: Incident,
    *,
    reason: Annotated[str, typer.Option("--reason", "-r", help="Why it is over although signals do not say so.")],
    config: Config = DEFAULT_CONFIG,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Resolve by hand. An incident resolves by itself once its signals have stayed clean.

    Example: stanch incident resolve 42 -r "Reported by mistake"
    """
    _answer(Client.of(config, url).post(f"/api/incidents/{incident}/resolve", {"text": reason}), as_json=as_json)


@app.command()
def reopen(
    incident: Incident,
    *,
    reason: Annotated[str, typer.Option("--reason", "-r", help="What is still wrong.")],
    config: Config = DEFAULT_CONFIG,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Open it again.

    Example: stanch incident reopen 42 -r "Bookings fail again since 03:10"
    """
    _answer(Client.of(config, url).post(f"/api/incidents/{incident}/reopen", {"text": reason}), as_json=as_json)


def _answer(document: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(document)
        return
    incident = document["incident"]
    say(f"Incident {incident['id']} ({incident['severity']}) is {incident['status']}: {incident['title']}")


def _print_incident(document: dict[str, Any]) -> None:
    incident = document["incident"]
    say(f"Incident {incident['id']}  {incident['severity']}  {incident['status']}  {incident['service']}")
    say(incident["title"])
    print_table(
        "\nClocks",
        ("clock", "state", "promise", "due (UTC)"),
        ((c["name"], c["state"], c["text"], moment(c["due_at"])) for c in document["clocks"]),
        empty="\nNo clock: the playbook promises none for this severity.",
    )
    for finding in document["findings"]:
        say(f"\nCause: {finding['summary']}")
        for evidence in finding.get("evidence", ()):
            say(f"  {evidence['name']}: {evidence['text']}")
    for run in document["runs"]:
        print_table(
            f"\nRun {run['id']}: {run['name']} ({run['state']})",
            ("step", "state", "risk", "what"),
            ((s["key"], s["state"], s["risk"], s["text"]) for s in run["steps"]),
            empty="\nNo step.",
        )
    opened = incident["opened_at"]
    print_table(
        "\nTimeline",
        ("after", "who", "what", ""),
        (
            (duration(max(0.0, e["at"] - opened)), e["actor"], e["kind"], e.get("text", ""))
            for e in document["timeline"]
        ),
        empty="\nNothing has happened.",
    )
