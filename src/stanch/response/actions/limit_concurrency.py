"""Let only so many requests of a path run at once, for a while; the rest wait briefly or are refused.

Parameters: `path` (`/appointments`), `limit` (requests at once), and how long: `seconds`, or `for` as people write
it (`10 minutes`); ten minutes where neither is said. `plane` names the data plane; `guard` where it is not said.
"""

import re
from typing import Any

from stanch.model.control import ControlState
from stanch.model.finding import Proposal
from stanch.model.risk import Risk
from stanch.response.action import ActionContext, ActionFailed, Effect, NotApplicable, Outcome, Verified

_DEFAULT_S = 600.0
_LONGEST_S = 86_400.0
_DURATION = re.compile(r"(?P<number>\d+(?:\.\d+)?) ?(?P<unit>s|sec|seconds?|m|min|minutes?|h|hours?)")
_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0}


class LimitConcurrency:
    """A control with a time to live; it ends by itself even where Stanch is gone."""

    name = "limit_concurrency"
    risk = Risk.MUTATING
    idempotent = True  # a control of a step is one, however often it is set, and its value is set, not added to

    async def propose(self, context: ActionContext) -> Proposal | NotApplicable:
        given = context.parameters
        path = str(given.get("path", ""))
        if not path.startswith("/"):
            raise ActionFailed("The step does not name the path to limit, such as `/appointments`.")
        limit = _whole(given.get("limit"))
        seconds = _seconds(given)
        plane = str(given.get("plane", "guard"))
        return Proposal(
            action=self.name,
            title=f"Let at most {limit} requests of {path} run at once",
            why="What it depends on gets room to recover; requests beyond that wait briefly or are asked to come back.",
            risk=self.risk,
            parameters={"path": path, "limit": limit, "seconds": seconds, "plane": plane},
            statement=f"limit {path} to {limit} at once for {_say(seconds)} ({plane})",
            undo=f"lift the limit on {path}; it lifts itself after {_say(seconds)}",
            facts=(("for", _say(seconds)), ("refused requests", "answered 503 with Retry-After")),
        )

    async def do(self, context: ActionContext) -> Outcome:
        given = context.parameters
        control = await context.controls.apply(
            plane=given["plane"],
            text=f"{given['path']} limited to {given['limit']} at once",
            parameters={"kind": self.name, "path": given["path"], "limit": given["limit"]},
            seconds=given["seconds"],
        )
        return Outcome(text=f"{control.text}, for {_say(given['seconds'])}.", data={"control": control.id})

    async def verify(self, context: ActionContext) -> Verified:
        control = await context.controls.find()
        if control is None:
            return Verified(effect=Effect.NO_EFFECT, because="No such limit was ever begun.")
        if control.state in {ControlState.UNDOING, ControlState.UNDONE}:
            if control.because and control.because.startswith("It could not be applied"):
                return Verified(effect=Effect.NO_EFFECT, because=control.because)
            return Verified(
                effect=Effect.TOOK_EFFECT, because=f"It was in force and is not any more: {control.because}"
            )
        if await context.controls.holds():
            return Verified(effect=Effect.TOOK_EFFECT, because=f"{control.text}: the data plane has it in force.")
        return Verified(effect=Effect.NO_EFFECT, because="The data plane does not have it in force.")

    async def undo(self, context: ActionContext) -> Outcome:
        control = await context.controls.undo(because=f"Run {context.run_id} was undone.")
        return Outcome(text="There was no limit to lift." if control is None else f"Lifted: {control.text}.")


def _whole(value: Any) -> int:
    try:
        number = int(str(value))
    except ValueError:
        number = 0
    if number < 1:
        raise ActionFailed("The step does not say how many requests may run at once (a whole number from 1).")
    return number


def _seconds(given: dict[str, Any]) -> float:
    if "seconds" in given:
        text = f"{given['seconds']} s"
    elif "for" in given:
        text = str(given["for"])
    else:
        return _DEFAULT_S
    match = _DURATION.fullmatch(text.strip())
    seconds = float(match["number"]) * _SECONDS[match["unit"][0]] if match else 0.0
    if not 0 < seconds <= _LONGEST_S:
        raise ActionFailed(f"The step limits for `{text}`, which is no duration of up to a day (`10 minutes`).")
    return seconds


def _say(seconds: float) -> str:
    return f"{seconds / 60:g} min" if seconds >= 60 else f"{seconds:g} s"
