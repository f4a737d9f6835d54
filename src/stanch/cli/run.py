"""`stanch run`: the steps of a response, and the approvals they wait for."""

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from stanch.cli import asked, course
from stanch.cli.client import DEFAULT_CONFIG, Client, Config, Json, Url
from stanch.cli.output import duration, moment, print_json, print_table, say
from stanch.cli.preview import preview as preview_procedure
from stanch.model.problem import Refused

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="List, show, preview, start, fill in, approve, choose, take over, skip and stop runs.",
)

RunId = Annotated[str, typer.Argument(help="The run, as `stanch run list` names it.")]
StepKey = Annotated[str | None, typer.Argument(help="The step; the one that waits, if it is left out.")]
Reason = Annotated[str, typer.Option("--reason", "-r", help="Why, for the record.")]


@app.command("list")
def list_runs(*, config: Config = DEFAULT_CONFIG, url: Url = None, as_json: Json = False) -> None:
    """List runs, the newest first.

    Example: stanch run list
    """
    runs = Client.of(config, url).get("/api/runs")["runs"]
    if as_json:
        print_json({"runs": runs})
        return
    print_table(
        "",
        ("run", "incident", "state", "started (UTC)", "procedure", "waits for"),
        ((r["id"], r["incident_id"], r["state"], moment(r["started_at"]), r["name"], _waiting(r)) for r in runs),
        empty="No run.",
    )


@app.command()
def show(
    run: RunId,
    *,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Print what happens, from the run's start, until it ends.")
    ] = False,
    patience: Annotated[
        float, typer.Option(min=0.0, help="With --follow: seconds to wait for a server that has gone away.")
    ] = 600.0,
    config: Config = DEFAULT_CONFIG,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Show a run's steps, and what waits with the commands that answer it.

    With --follow: each change of a step, the lines that it prints and what is asked, as they come. Ctrl-C ends the
    following, not the run. A restart of the server in the middle is waited for, and nothing is printed twice or left
    out. With --json, one JSON object a line. Exit status: 0 every step that was taken is done, 1 some failed or their
    outcome is unknown, 3 somebody stopped the run, 2 it could not be followed, 130 Ctrl-C.

    Example: stanch run show 1.1 --follow
    """
    client = Client.of(config, url)
    if follow:
        from stanch.cli.follow import follow as followed  # noqa: PLC0415 - only what a command needs is imported

        more = asked.options(config, url)
        raise typer.Exit(followed(client, run, more=more, as_json=as_json, patience_s=patience))
    document = client.get(f"/api/runs/{run}")
    if as_json:
        print_json(document)
        return
    record = document["run"]
    print_table(
        f"Run {record['id']}: {record['name']} ({record['state']}), {record['because']}",
        ("step", "state", "risk", "what"),
        ((s["key"], s["state"], s["risk"], s["title"] or s["text"]) for s in record["steps"]),
        empty="No step.",
    )
    more = asked.options(config, url)
    for step in record["steps"]:
        told = list(asked.question(record["id"], step, more))
        if told:
            say("\n" + "\n".join(told))


@app.command()
def fill(
    run: RunId,
    words: Annotated[
        list[str], typer.Argument(metavar="[STEP] NAME=VALUE...", help="The step, if several wait; then the values.")
    ],
    *,
    preview: Annotated[bool, typer.Option("--preview", help="Only say what would run.")] = False,
    config: Config = DEFAULT_CONFIG,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Fill in the places of a step. It is then asked for, or goes by itself where it only reads.

    A value takes the place of its placeholder inside one argument; it is never put into shell text. `stanch run show`
    says what is open and what evidence offers.

    Example: stanch run fill 1.1 last_known_good_tag=v2.4.0
    """
    client = Client.of(config, url)
    key = words[0] if "=" not in words[0] else None
    values = _values(words if key is None else words[1:])
    step = _the_step_to_fill(client.get(f"/api/runs/{run}")["run"], key)
    document = client.post(f"/api/runs/{run}/steps/{step['key']}/fill", {"values": values, "preview": preview})
    if as_json:
        print_json(document)
        return
    if preview:
        _tell_preview(document["preview"])
        return
    after = next(s for s in document["run"]["steps"] if s["key"] == step["key"])
    say("Filled in: " + ", ".join(f"{each['name']} = {each['value']} ({each['origin']})" for each in after["filled"]))
    say(f"See what is asked now with `stanch run show {run}`.")


@app.command()
def approve(
    run: RunId,
    step: StepKey = None,
    *,
    digest: Annotated[str | None, typer.Option(help="Approve only exactly this; otherwise what is shown now.")] = None,
    reason: Reason = "",
    config: Config = DEFAULT_CONFIG,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Say yes to the step that waits. The approval is bound to the digest of what would run.

    Example: stanch run approve 1 --reason "seen the plan"
    """
    client = Client.of(config, url)
    waiting = _the_waiting_step(client.get(f"/api/runs/{run}")["run"], step)
    body = {"digest": digest or waiting["digest"], "reason": reason}
    document = client.post(f"/api/runs/{run}/steps/{waiting['key']}/approve", body)
    if as_json:
        print_json(document)
        return
    say(f"Approved: {waiting['statement'] or waiting['text']}")
    after = next(s for s in document["run"]["steps"] if s["key"] == waiting["key"])
    if missing := after["people_missing"]:
        say(f"It waits for {missing} more {'person' if missing == 1 else 'people'}.")


@app.command("break-glass")
def break_glass(
    run: RunId,
    step: StepKey = None,
    *,
    reason: Annotated[str, typer.Option("--reason", "-r", help="Why it cannot wait for the others.")],
    confirm: Annotated[str, typer.Option(help="Typed out: `break glass RUN`.")],
    digest: Annotated[str | None, typer.Option(help="Approve only exactly this; otherwise what is shown now.")] = None,
    config: Config = DEFAULT_CONFIG,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Approve alone what takes two people, or others. It raises an alarm and is marked in the review.

    Example: stanch run break-glass 1.1 -r "nobody answers, data is being lost" --confirm "break glass 1.1"
    """
    client = Client.of(config, url)
    waiting = _the_waiting_step(client.get(f"/api/runs/{run}")["run"], step)
    body = {"digest": digest or waiting["digest"], "reason": reason, "confirm": confirm}
    document = client.post(f"/api/runs/{run}/steps/{waiting['key']}/break-glass", body)
    if as_json:
        print_json(document)
        return
    say(f"Approved alone, with an alarm: {waiting['statement'] or waiting['text']}")


@app.command()
def skip(
    run: RunId,
    step: StepKey = None,
    *,
    reason: Annotated[str, typer.Option("--reason", "-r", help="Why it is not done.")],
    config: Config = DEFAULT_CONFIG,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Leave a step out, with a reason.

    Example: stanch run skip 1 -r "the index is built by the release that goes out now"
    """
    client = Client.of(config, url)
    waiting = _the_waiting_step(client.get(f"/api/runs/{run}")["run"], step)
    document = client.post(f"/api/runs/{run}/steps/{waiting['key']}/skip", {"reason": reason})
    if as_json:
        print_json(document)
        return
    say(f"Skipped: {waiting['text']}")


@app.command()
def stats(*, config: Config = DEFAULT_CONFIG, url: Url = None, as_json: Json = False) -> None:
    """What was really done with each step, over all runs.

    How often it was done, failed, skipped or of unknown outcome, how long it took, what its places were filled with,
    and what people reported instead.

    Example: stanch run stats --json
    """
    document = Client.of(config, url).get("/api/steps")
    if as_json:
        print_json(document)
        return
    print_table(
        "",
        ("step", "runs", "done", "failed", "skipped", "unknown", "median", "by hand"),
        [
            (
                each["text"],
                each["times"],
                each["done"],
                each["failed"],
                each["skipped"],
                each["unknown"],
                duration(each["median_s"]),
                len(each["by_hand"]),
            )
            for each in document["steps"]
        ],
        empty="No step of a run has come to an end yet.",
    )


@app.command()
def stop(
    run: RunId,
    *,
    reason: Annotated[str, typer.Option("--reason", "-r", help="Why it is stopped.")],
    undo: Annotated[bool, typer.Option("--undo", help="Put back what was done and can be, the last first.")] = False,
    config: Config = DEFAULT_CONFIG,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Stop a run: what is in flight is ended and verified, what waits is skipped; what is done stays on the record.

    Example: stanch run stop 1 -r "it made things worse" --undo
    """
    document = Client.of(config, url).post(f"/api/runs/{run}/stop", {"reason": reason, "undo": undo})
    if as_json:
        print_json(document)
        return
    say(f"Stopped run {run}.")


def _tell_preview(preview: dict[str, Any]) -> None:
    say(f"Would run ({preview['risk']}): {preview['statement']}")
    for key, value in preview["target"].items():
        say(f"  {key}: {value}")
    if preview["acts_as"]:
        say(f"  as: {preview['acts_as']}")
    if preview["raised"]:
        say(f"  {preview['raised']}.")
    if preview["open"]:
        say(f"  still open: {', '.join(preview['open'])}")


def _values(words: Sequence[str]) -> dict[str, str]:
    values = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name:
            raise Refused(f"{word!r} gives no value.", hint="Nothing was changed. Write NAME=VALUE.")
        values[name] = value
    if not values:
        raise Refused("No value was given.", hint="Nothing was changed. Write NAME=VALUE.")
    return values


def _the_step_to_fill(run: dict[str, Any], key: str | None) -> dict[str, Any]:
    """The step named; without a name the one that waits with open places, else the only one that has any."""
    steps: list[dict[str, Any]] = run["steps"]
    if key is not None:
        return _the_waiting_step(run, key)
    still_open = [step for step in steps if step.get("open_slots")]
    asked = [step for step in still_open if step["state"] == "proposed"]
    found = asked or still_open
    if len(found) == 1:
        return found[0]
    if not found:
        raise Refused(f"No step of run {run['id']} has places open.", hint=f"See `stanch run show {run['id']}`.")
    raise Refused(
        f"Several steps of run {run['id']} have places open: {', '.join(step['key'] for step in found)}.",
        hint="Name the one you mean.",
    )


def _waiting(run: dict[str, Any]) -> str:
    return ", ".join(s["key"] for s in run["steps"] if s["state"] in {"proposed", "unknown"})


def _the_waiting_step(run: dict[str, Any], key: str | None) -> dict[str, Any]:
    waiting: list[dict[str, Any]] = [
        s for s in run["steps"] if (s["key"] == key if key else s["state"] in {"proposed", "unknown"})
    ]
    if len(waiting) == 1:
        return waiting[0]
    if key:
        raise Refused(f"Run {run['id']} has no step {key}.", hint=f"See `stanch run show {run['id']}`.")
    if not waiting:
        raise Refused(f"No step of run {run['id']} waits for an approval.", hint=f"See `stanch run show {run['id']}`.")
    names = ", ".join(s["key"] for s in waiting)
    raise Refused(f"Several steps of run {run['id']} wait: {names}.", hint="Name the one you mean.")


app.command("preview")(preview_procedure)
app.command("start")(course.start)
for _verb in course.VERBS:
    app.command(_verb.name)(course.command_of(_verb))
