"""`stanch run show RUN --follow`: a run on the terminal as it goes, to its end.

The run is the server's: this reads, and whether it goes on or is ended changes nothing. When the server goes away it
asks again, and goes on after the last message that came.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, TextIO

import typer

from stanch.cli.asked import question
from stanch.cli.client import Away, Client, Message
from stanch.cli.output import harmless
from stanch.model.problem import Unusable

WELL, FAILED, STOPPED = 0, 1, 3
"""Exit statuses: every step that was taken was done; some failed or are unknown; somebody stopped the run."""
LEFT = 130
"""Ctrl-C."""
NO_READER = 141
"""What reads our output has gone, as the shell has it for SIGPIPE."""

_AGAIN_S = (0.2, 0.5, 1.0, 2.0, 5.0)


def follow(client: Client, run: str, *, more: str, as_json: bool, patience_s: float) -> int:
    """Print the run until it ends; the exit status. Raises what the server refuses, Unusable once patience is over."""
    out = sys.stdout
    coloured = out.isatty() and "NO_COLOR" not in os.environ
    status = FAILED
    try:
        for message in _messages(client, run, patience_s, say=_say):
            if as_json:
                # ASCII: what a terminal might obey is spelled out by JSON itself.
                out.write(json.dumps(message.data, separators=(",", ":")) + "\n")
            else:
                for line in lines(message.data, more):
                    out.write(_styled(harmless(line), message.data, coloured=coloured) + "\n")
            out.flush()
            if message.data["type"] == "end":
                status = status_of(message.data)
    except KeyboardInterrupt:
        _say(f"\nNo longer followed. The run goes on. See it again with `stanch run show {run} --follow{more}`.")
        return LEFT
    except BrokenPipeError:
        _forget(out)
        return NO_READER
    return status


def lines(data: dict[str, Any], more: str = "") -> Iterator[str]:
    """A message in plain lines; what comes from outside is not yet harmless. Pure."""
    match data["type"]:
        case "event":
            yield f"{_time(data['at'])}  {data['text']}" + (f"  ({data['detail']})" if data["detail"] else "")
        case "output":
            if data["anew"]:
                yield "  | [the output as it was kept in the end:]"
            yield from (f"  | {line}" for line in data["lines"])
        case "question":
            yield ""
            yield from question(data["run"], data["step"], more)
            yield ""
        case "end":
            counted = ", ".join(f"{count} {state}" for state, count in data["steps"].items())
            yield f"{_time(data['at'])}  Run {data['run']} is {data['state']}: {counted}."
        case _:
            return  # a newer server tells more than this command line knows to say


def status_of(end: dict[str, Any]) -> int:
    """How the run ended, as an exit status."""
    if end["state"] == "stopped":
        return STOPPED
    return FAILED if any(end["steps"].get(state) for state in ("failed", "unknown")) else WELL


def _messages(client: Client, run: str, patience_s: float, *, say: Callable[[str], None]) -> Iterator[Message]:
    """Every message of the run to its end, over as many connections as it takes."""
    last, tries = "", 0
    gone_at: float | None = None
    while True:
        try:
            with client.stream(f"/api/runs/{run}/events", last) as stream:
                for message in stream:
                    if gone_at is not None:
                        say("The server is back.")
                    last, tries, gone_at = message.id, 0, None
                    yield message
                    if message.data["type"] == "end":
                        return
        except Away as away:
            if not last and gone_at is None:
                raise
            if gone_at is None:
                gone_at = time.monotonic()
                say("The server does not answer; waiting for it. Nothing of the run is lost.")
            elif time.monotonic() - gone_at > patience_s:
                raise Unusable(
                    f"No Stanch has answered at {client.url} for {patience_s:.0f} s.",
                    hint=f"What was begun is on the record. Start the server, then look with `stanch run show {run}`.",
                ) from away
        time.sleep(_AGAIN_S[min(tries, len(_AGAIN_S) - 1)])
        tries += 1


def _say(text: str) -> None:
    """What is not of the run goes where it cannot be taken for it."""
    typer.echo(text, err=True)


def _styled(line: str, data: dict[str, Any], *, coloured: bool) -> str:
    if not coloured or not line:
        return line
    if data["type"] == "question":
        return typer.style(line, bold=True) if not line.startswith(" ") else line
    if data["type"] == "event" and data["kind"] in {"step failed", "step unknown", "glass broken"}:
        return typer.style(line, fg="red")
    return typer.style(line, dim=True) if data["type"] == "output" else line


def _time(at: float | None) -> str:
    return "        " if at is None else f"{datetime.fromtimestamp(at, UTC):%H:%M:%S}"


def _forget(out: TextIO) -> None:
    """What is still buffered for a reader that has gone is not tried again when the program ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), out.fileno())
