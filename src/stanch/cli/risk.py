"""`stanch risk`: what a command does, and why it is rated so."""

import io
import json
import re
import sys
import unicodedata
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from stanch.commands.rating import as_dict, rate
from stanch.model.risk import Rating, Risk

_NO_CHARACTER = re.compile("[\ud800-\udfff]")

app = typer.Typer(add_completion=False, help="What a command does, and why it is rated so.")

_COLOURS = {Risk.READ_ONLY: "green", Risk.MUTATING: "yellow", Risk.DESTRUCTIVE: "red"}


@app.command()
def risk(
    command: Annotated[str, typer.Argument(help="The command as one word, or - to read one a line.")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for - one object a line.")] = False,
) -> None:
    """Rate a command: read-only, mutating or destructive.

    What cannot be read is never read-only. Exit status 0 whatever the rating. With -, each line gets its own answer,
    empty ones too, as soon as it is read; a line that is no text is rated as unreadable.

    Example: stanch risk 'kubectl get pods -n prod | grep api'

    One command a line: stanch risk - --json < commands.txt
    """
    if command == "-":
        # By bytes: a line that is no UTF-8 must not end the answers to the lines behind it.
        for line in sys.stdin.buffer:
            rating = rate(line.removesuffix(b"\n").decode("utf-8", errors="surrogateescape"))
            if as_json:
                _write(json.dumps(as_dict(rating), ensure_ascii=False))
            else:
                _print(rating)
        return
    rating = rate(command)
    if as_json:
        _write(json.dumps(as_dict(rating), ensure_ascii=False, indent=2))
    else:
        _print(rating)


def _shown(text: str) -> str:
    """Text as UTF-8 can say it: bytes that were none are shown as U+FFFD, which the rating was not told of."""
    return _NO_CHARACTER.sub("\ufffd", text)


def _visible(text: str) -> str:
    """Text in which a terminal shows every character: controls and direction marks by their numbers."""
    return "".join(
        f"\\u{ord(character):04x}"
        if unicodedata.category(character)[0] == "C" and character not in "\n\t"
        else character
        for character in _shown(text)
    )


def _write(document: str) -> None:
    """JSON is UTF-8 whatever the terminal is (RFC 8259, 8.1)."""
    sys.stdout.buffer.write(_shown(document).encode("utf-8") + b"\n")
    sys.stdout.buffer.flush()


def _print(rating: Rating) -> None:
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    console = Console()
    traits = "".join(f", {trait.value}" for trait in sorted(rating.traits))
    console.print(
        f"[bold {_COLOURS[rating.risk]}]{rating.risk.value}[/]{traits}  {escape(_visible(rating.command))}",
        highlight=False,
    )
    for reason in rating.because:
        console.print(f"  {reason.risk.value:<12}{escape(_visible(reason.text))}", highlight=False)
    if rating.target:
        console.print(
            "  acts on     " + escape(_visible(", ".join(f"{k} {v}" for k, v in rating.target.items()))),
            highlight=False,
        )
    if rating.hint:
        console.print(f"  {escape(rating.hint)}", highlight=False)
    if not rating.runs_without_shell:
        console.print("  needs a shell, so it waits for an approval whatever it does", highlight=False)
