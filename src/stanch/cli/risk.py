"""`stanch risk`: what a command does, and why it is rated so."""

import json
import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from stanch.cli.output import print_json
from stanch.commands.rating import as_dict, rate
from stanch.model.risk import Rating, Risk

app = typer.Typer(add_completion=False, help="What a command does, and why it is rated so.")

_COLOURS = {Risk.READ_ONLY: "green", Risk.MUTATING: "yellow", Risk.DESTRUCTIVE: "red"}


@app.command()
def risk(
    command: Annotated[str, typer.Argument(help="The command as one word, or - to read one a line.")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for - one object a line.")] = False,
) -> None:
    """Rate a command: read-only, mutating or destructive.

    What cannot be read is never read-only. Exit status 0 whatever the rating.

    Example: stanch risk 'kubectl get pods -n prod | grep api'

    One command a line: stanch risk - --json < commands.txt
    """
    if command == "-":
        for line in sys.stdin:
            if text := line.rstrip("\n"):
                rating = rate(text)
                if as_json:
                    sys.stdout.write(json.dumps(as_dict(rating), ensure_ascii=False) + "\n")
                else:
                    _print(rating)
        return
    rating = rate(command)
    if as_json:
        print_json(as_dict(rating))
    else:
        _print(rating)


def _print(rating: Rating) -> None:
    console = Console()
    traits = "".join(f", {trait.value}" for trait in sorted(rating.traits))
    console.print(
        f"[bold {_COLOURS[rating.risk]}]{rating.risk.value}[/]{traits}  {escape(rating.command)}", highlight=False
    )
    for reason in rating.because:
        console.print(f"  {reason.risk.value:<12}{escape(reason.text)}", highlight=False)
    if rating.target:
        console.print(
            "  acts on     " + escape(", ".join(f"{k} {v}" for k, v in rating.target.items())), highlight=False
        )
    if rating.hint:
        console.print(f"  {escape(rating.hint)}", highlight=False)
    if not rating.runs_without_shell:
        console.print("  needs a shell, so it waits for an approval whatever it does", highlight=False)
