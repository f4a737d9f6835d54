"""A run as somebody who follows it hears of it: what happened, what was printed, what is asked, how it ended.

Where a reader is (`Place`) stands in what they were told last, so any server can go on from there: nothing is told
twice and nothing is left out. What happened is the timeline's; what a step prints grows in its row, and counts as one
text for each attempt, told by the line.
"""

import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field, replace
from typing import Any

from sqlalchemy import Connection

from stanch.incidents import timeline
from stanch.model.incident import Event, EventKind
from stanch.model.record import record
from stanch.model.run import Run, StepRecord, StepState
from stanch.response import rows
from stanch.response.journal import OUTPUT_TOPIC

TOPICS = (timeline.TOPIC, OUTPUT_TOPIC)
"""What is signalled when there may be more to tell."""

_MOST = 500
"""Events in one read."""

_ENDS = frozenset(
    {
        EventKind.STEP_DONE,
        EventKind.STEP_FAILED,
        EventKind.STEP_UNKNOWN,
        EventKind.STEP_RETRIED,
        EventKind.STEP_SKIPPED,
    }
)
"""After these an attempt prints nothing more."""

_WAITS = frozenset({StepState.PROPOSED, StepState.UNKNOWN})


@record
class Shown:
    """How much of an attempt's output was told: `lines`, and the CRC-32 of their text."""

    attempt: int
    lines: int = 0
    crc: int = 0


@record
class Place:
    """How far somebody has read: the timeline's position, the output of what runs, and the questions, by ordinal."""

    position: int = 0
    shown: Mapping[int, Shown] = field(default_factory=dict)
    asked: Mapping[int, int] = field(default_factory=dict)

    def __str__(self) -> str:
        """One line of ASCII, for the id of a message."""
        shown = {str(key): [each.attempt, each.lines, each.crc] for key, each in self.shown.items()}
        asked = {str(key): each for key, each in self.asked.items()}
        return json.dumps([self.position, shown, asked], separators=(",", ":"))

    @classmethod
    def of(cls, text: str) -> "Place":
        """The place that `str` wrote. Raises ValueError."""
        try:
            position, shown, asked = json.loads(text)
            if not isinstance(position, int) or not 0 <= position < 2**63:
                raise ValueError(position)
            return cls(
                position=position,
                shown={
                    int(key): Shown(attempt=int(attempt), lines=int(lines), crc=int(crc))
                    for key, (attempt, lines, crc) in shown.items()
                },
                asked={int(key): int(count) for key, count in asked.items()},
            )
        except (TypeError, AttributeError, RecursionError) as error:
            raise ValueError("not a place in a run") from error


@record
class Happened:
    """An event of the run."""

    event: Event


@record
class Printed:
    """Lines that a step printed. `anew`: they take the place of what was told of this attempt before."""

    step: str
    attempt: int
    lines: tuple[str, ...]
    anew: bool = False


@record
class Asked:
    """A step that waits for people now."""

    step: StepRecord


@record
class Over:
    """The run has ended; nothing follows."""

    run: Run


Item = Happened | Printed | Asked | Over


def read(connection: Connection, run_id: str, place: Place) -> tuple[Run, tuple[tuple[Place, Item], ...]]:
    """What there is to tell after `place`, each item with the place after it. Raises NotFound."""
    run = rows.get_run(connection, run_id)
    events = timeline.since(connection, place.position, _MOST, incident_id=run.incident_id)
    return run, tuple(told(run, events, place, complete=len(events) < _MOST))


def told(
    run: Run, events: Sequence[tuple[int, Event]], place: Place, *, complete: bool = True
) -> Iterator[tuple[Place, Item]]:
    """The items of `events` (each with its position) and of how the run stands, in order. Pure.

    `run` is as it was when the events were read; without `complete` there are more events, and how it stands waits.
    """
    steps = {step.key: step for step in run.steps}
    for position, event in events:
        if event.data.get("run") != run.id:
            place = replace(place, position=position)
            continue
        step = steps.get(str(event.data.get("step")))
        if step is not None and event.kind in _ENDS:
            for after, item in _rest(step, event, place):
                place = after
                yield place, item
            place = _without(place, step)
        if step is not None and event.kind is EventKind.STEP_STARTED:
            begun = Shown(attempt=int(event.data.get("attempt") or 1))
            place = replace(place, shown={**place.shown, step.ordinal: begun})
        place = replace(place, position=position)
        yield place, Happened(event=event)
    if complete:
        yield from _standing(run, place)


def _standing(run: Run, place: Place) -> Iterator[tuple[Place, Item]]:
    """What shows in how the run stands: output that grew, questions that are open, and the end."""
    for step in run.steps:
        if step.state is StepState.STARTED:
            for after, item in _grown(step, place):
                place = after
                yield place, item
    if run.state.is_over:
        yield place, Over(run=run)
        return
    waits = {step.ordinal: step for step in run.steps if step.state in _WAITS}
    place = replace(place, asked={key: count for key, count in place.asked.items() if key in waits})
    for ordinal, step in waits.items():
        if place.asked.get(ordinal) != step.asked:
            place = replace(place, asked={**place.asked, ordinal: step.asked})
            yield place, Asked(step=step)


def _grown(step: StepRecord, place: Place) -> Iterator[tuple[Place, Printed]]:
    """What the present attempt of a step printed since."""
    before = place.shown.get(step.ordinal)
    if before is None or before.attempt != step.attempt or not step.output:
        return
    lines = step.output.split("\n")
    anew = len(lines) < before.lines or _crc(lines[: before.lines]) != before.crc
    fresh = lines if anew else lines[before.lines :]
    if not fresh:
        return
    after = Shown(attempt=step.attempt, lines=len(lines), crc=_crc(lines))
    place = replace(place, shown={**place.shown, step.ordinal: after})
    yield place, Printed(step=step.key, attempt=step.attempt, lines=tuple(fresh), anew=anew)


def _rest(step: StepRecord, event: Event, place: Place) -> Iterator[tuple[Place, Printed]]:
    """What an attempt that has ended printed and was not told: of an attempt since begun anew, what the event kept."""
    before = place.shown.get(step.ordinal)
    if before is not None and before.attempt == step.attempt:
        yield from _grown(step, place)
        return
    kept: Any = event.data.get("output")
    if kept and (before is None or not before.lines):
        lines = tuple(str(kept).split("\n"))
        attempt = step.attempt if before is None else before.attempt
        told = Shown(attempt=attempt, lines=len(lines), crc=_crc(lines))
        place = replace(place, shown={**place.shown, step.ordinal: told})
        yield place, Printed(step=step.key, attempt=attempt, lines=lines)


def _without(place: Place, step: StepRecord) -> Place:
    return replace(place, shown={key: each for key, each in place.shown.items() if key != step.ordinal})


def _crc(lines: Sequence[str]) -> int:
    return zlib.crc32("\n".join(lines).encode(errors="surrogatepass")) if lines else 0
