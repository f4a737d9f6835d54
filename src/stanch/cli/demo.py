"""`stanch demo`: a real slow database is found, fixed, verified and written up."""

import signal
from pathlib import Path
from types import FrameType
from typing import Annotated, Any, NoReturn

import typer

from clinic import cluster
from stanch.charts.quantity import prose, say
from stanch.cli.demonstration.display import Display
from stanch.cli.demonstration.stage import Stage
from stanch.cli.demonstration.story import Story
from stanch.cli.output import print_json
from stanch.model.signal import Unit

app = typer.Typer(add_completion=False, help="The whole way once, on a real slow database.")


@app.command()
def demo(
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Approve what is proposed, by itself.")] = False,
    exit_: Annotated[bool, typer.Option("--exit", help="End when it is over, instead of staying up.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print what happened as JSON at the end.")] = False,
    directory: Annotated[
        Path | None, typer.Option(help="Where its data is kept. The default is .stanch/demo here.", show_default=False)
    ] = None,
    port: Annotated[int, typer.Option(help="The console's port; 0 for any free one.")] = 8420,
    appointments: Annotated[int, typer.Option(min=1000, help="How many rows the clinic has.")] = 5_000_000,
    users: Annotated[int, typer.Option(min=1, max=500, help="How many people use it at a time.")] = 24,
) -> None:
    """Start PostgreSQL, the clinic, its load and Stanch; break the clinic for real; watch Stanch put it right.

    Nothing is scripted but the fault: the thresholds and the steps are read from the clinic's playbook. Exit status 0
    only if the incident was found, fixed, verified and written up.

    Example: stanch demo --exit --json --yes
    """
    signal.signal(signal.SIGTERM, _interrupt)
    place = cluster.place((directory or Path(".stanch/demo")).resolve())
    with Display() as display, Stage(place, display, appointments=appointments, users=users, port=port) as stage:
        client = stage.client()
        link = client.post("/api/login-links")["url"]
        display.say(f"Sign in: {link}")
        result = Story(stage, client, display, approves=yes).tell()
        verified = bool(result["verified"])
        display.say(_summary(result), mark="✓" if verified else "✗")
        if as_json:
            print_json(result)
        if not exit_:
            link = client.post("/api/login-links")["url"]
            display.say(f"The console stays up. Sign in: {link}  Ctrl-C ends it all.")
            _stay(stage)
    if not verified:
        raise typer.Exit(1)


def _stay(stage: Stage) -> None:
    ended = False

    def end(number: int, frame: FrameType | None) -> None:
        nonlocal ended
        del number, frame
        ended = True

    signal.signal(signal.SIGINT, end)
    signal.signal(signal.SIGTERM, end)
    while not ended:
        stage.check()
        stage.rest(1.0)


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    del number, frame
    raise KeyboardInterrupt


def _summary(result: dict[str, Any]) -> str:
    times, rates = result["times"], result["throughput"]
    took = {
        name: prose(times[key]) if times[key] is not None else "never"
        for name, key in (
            ("detected in", "detect_s"),
            ("diagnosed in", "diagnose_s"),
            ("mitigated in", "mitigate_s"),
            ("verified in", "verify_s"),
        )
    }
    throughput = " → ".join(say(rates[name], Unit.PER_SECOND) for name in ("before", "during", "after"))
    return ", ".join(f"{name} {value}" for name, value in took.items()) + f"; answered: {throughput}"
