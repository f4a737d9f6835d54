"""From rows to what was learned of a playbook: statistics of its steps, and the patch that an incident suggests."""

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import Connection

from stanch.incidents import lifecycle, timeline
from stanch.learning.patch import Patch, Typed, propose
from stanch.learning.practice import Practice, practice
from stanch.model.incident import Event, EventKind
from stanch.model.plan import Plan, Playbook
from stanch.model.problem import NotFound, Refused
from stanch.response import runs

PROMPT = "$ "
"""A note that begins so is a command that its author ran by hand."""


def practices(connection: Connection) -> dict[str, Practice]:
    """What was done with each step, by its key, over all runs."""
    return practice(runs.listing(connection))


def patch_after(
    connection: Connection, incident_id: str, pinned: Plan, current: Mapping[str, str], now: float
) -> tuple[Patch, ...]:
    """The patches of the playbooks that the incident's runs were of; `current` are the documents as they are now.

    Raises NotFound for an incident without runs; Refused where a document is no longer what the incident was run by.
    """
    incident = lifecycle.get(connection, incident_id)
    own = runs.listing(connection, incident_id=incident_id)
    if not own:
        raise NotFound(
            f"Incident {incident_id} had no run.", hint="Without one there is nothing to learn a patch from."
        )
    paths = {step.source.path for run in own for step in run.steps if step.source is not None}
    found = practices(connection)
    commands = {step.key for run in own for step in run.steps if step.command is not None}
    typed = _typed(timeline.read(connection, incident.id), commands)
    patches = []
    for playbook in pinned.playbooks:
        if playbook.path in paths:
            _must_be_as_it_was(playbook, current, incident_id)
            patches.append(propose(playbook, found, typed, incident=incident_id, now=now))
    return tuple(patches)


def _must_be_as_it_was(playbook: Playbook, current: Mapping[str, str], incident_id: str) -> None:
    if current.get(playbook.path) != playbook.text:
        raise Refused(
            f"{playbook.path} has changed since incident {incident_id} was run by it.",
            hint="Nothing was proposed: a patch of what it was would not fit what it is. "
            "The statistics still hold: `stanch run stats`.",
        )


def _typed(events: Sequence[Event], commands: Collection[str]) -> tuple[Typed, ...]:
    """Commands in people's notes, each with the last step before it that ran one; `commands` are the steps that do."""
    out: list[Typed] = []
    last: str | None = None
    for event in events:
        if event.kind is EventKind.STEP_DONE and event.data["step"] in commands:
            last = str(event.data["step"])
        elif event.kind is EventKind.NOTE and event.actor != "stanch":
            text = str(event.data.get("text", "")).strip()
            if text.startswith(PROMPT) and text[len(PROMPT) :].strip():
                out.append(Typed(command=text[len(PROMPT) :].strip(), by=event.actor, after=last))
    return tuple(out)
