"""What a step asks of people, and the exact commands that answer it."""

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from stanch.cli.client import DEFAULT_CONFIG
from stanch.cli.output import moment

_SEEN = ' --reason "what you saw"'
_WHY = ' --reason "why"'


def options(config: Path, url: str | None) -> str:
    """The options with which the same server is asked again; empty where it is the usual one."""
    words = [] if config == DEFAULT_CONFIG else ["--config", str(config)]
    words += [] if url is None else ["--url", url]
    return "".join(f" {shlex.quote(word)}" for word in words)


def question(run: str, step: dict[str, Any], more: str = "") -> Iterator[str]:
    """The lines that put a waiting step before somebody; `more` goes behind each command. None where none waits.

    `step` is as `GET /api/runs/{id}` has it.
    """
    progress = step["progress"]
    if step["state"] == "unknown":
        yield from _unknown(run, step, more)
    elif step["state"] == "proposed" and progress.get("choice"):
        yield from _choice(run, step, more)
    elif step["state"] == "proposed" and progress.get("by_hand"):
        yield from _by_hand(run, step, more)
    elif step.get("open_slots"):
        yield from _places(run, step, more)
    elif step["state"] == "proposed":
        yield from _approval(run, step, more)


def _command(verb: str, run: str, key: str, words: str, more: str) -> str:
    return f"  stanch run {verb} {shlex.quote(run)} {shlex.quote(key)}{words}{more}"


def _what(step: dict[str, Any]) -> str:
    return f"  {step['statement'] or step['command'] or step['title'] or step['text']}"


def _unknown(run: str, step: dict[str, Any], more: str) -> Iterator[str]:
    yield f"Outcome unknown: {step['key']}"
    yield _what(step)
    if step["because"]:
        yield f"  {step['because']}"
    yield _command("complete", run, step["key"], _SEEN, more) + "    it took effect"
    yield _command("again", run, step["key"], "", more) + "    it did not: try it again"
    yield _command("skip", run, step["key"], _WHY, more)


def _choice(run: str, step: dict[str, Any], more: str) -> Iterator[str]:
    choice = step["progress"]["choice"]
    yield f"To decide: {choice['question']}"
    for option in choice["options"]:
        yield _command("choose", run, option["key"], "", more) + f"    {option['text']}"
        yield from (f"      {key}" for key in option.get("keys", ()))
    yield _command("skip", run, step["key"], _WHY, more) + "    not this"


def _by_hand(run: str, step: dict[str, Any], more: str) -> Iterator[str]:
    yield f"To be done by hand: {step['key']}"
    yield _what(step)
    if step["why"]:
        yield f"  {step['why']}"
    yield _command("complete", run, step["key"], _SEEN, more)
    yield _command("skip", run, step["key"], _WHY, more)


def _approval(run: str, step: dict[str, Any], more: str) -> Iterator[str]:
    yield f"Waits for approval{_people(step['people_missing'])}: {step['key']}"
    yield _what(step)
    yield f"  risk: {step['risk']}"
    if step["acts_as"]:
        yield f"  as: {step['acts_as']}"
    for name, value in step["target"].items():
        yield f"  {name}: {value}"
    for each in step["filled"]:
        yield f"  {each['name']} = {each['value']}, {each['origin']}, filled in by {each['by']}"
    for given in step["approvals"]:
        yield f"  yes from {given['by']}, good until {moment(given['good_until'])} UTC"
    if step["undo"]:
        yield f"  undo: {step['undo']}"
    yield f"  digest: {step['digest']}"
    exactly = f" --digest {shlex.quote(step['digest'] or '')}"
    yield _command("approve", run, step["key"], exactly + (_WHY if step["risk"] == "destructive" else ""), more)
    yield _command("skip", run, step["key"], _WHY, more)


def _places(run: str, step: dict[str, Any], more: str) -> Iterator[str]:
    """The places of a step that are open, and what is offered for each."""
    yield f"To be filled in: {step['key']}"
    yield f"  {step['command'] or step['statement'] or step['text']}"
    values = ""
    for name in step["open_slots"]:
        slot = next(slot for slot in step["slots"] if slot["name"] == name)
        yield f"  {slot['placeholder']} ({slot['type']})"
        for offer in step["offers"]:
            if offer["name"] == name:
                yield f"    {offer['value']}  {offer['origin']}"
        values += f" {name}=..."
    yield f"  stanch run fill {shlex.quote(run)} {shlex.quote(step['key'])}{values}{more}"


def _people(missing: int) -> str:
    return f" ({missing} more {'person' if missing == 1 else 'people'})" if missing else ""
