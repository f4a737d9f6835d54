"""Filling in a step's places, for the API and the console: what is offered, what it would be, and doing it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Connection

from stanch.model.problem import NotFound, Refused
from stanch.model.run import Run, StepRecord, StepState
from stanch.response import evidence, runs, slots
from stanch.response.evidence import Offer
from stanch.response.slots import Preview
from stanch.response.ways import goes_by_itself, way_of
from stanch.settings import Settings
from stanch.web.served import Served


def fillable(step: StepRecord) -> bool:
    """Whether the step has places that can be filled in, or filled in otherwise, now."""
    waits = step.state in {StepState.WAITING, StepState.PROPOSED, StepState.APPROVED}
    return bool(step.slots) and waits and not runs.is_choice(step)


def offers_of(connection: Connection, served: Served, run: Run) -> dict[str, tuple[Offer, ...]]:
    """What evidence offers for each fillable step of a run, by its key."""
    wanted = [step for step in run.steps if fillable(step)]
    if not wanted or run.state.is_over:
        return {}
    settings = served.settings
    known = evidence.read(
        connection,
        run,
        now=served.clock.now(),
        settings=hosts(settings),
        environment=settings.commands.environment,
    )
    return {step.key: evidence.offers(known, step) for step in wanted}


def fill(
    connection: Connection, served: Served, run_id: str, step_key: str, values: Mapping[str, str], *, by: str
) -> StepRecord:
    """A person's values, with where they came from on the record. Raises NotFound, Refused."""
    run = runs.get(connection, run_id)
    offered = offers_of(connection, served, run).get(step_key, ())
    now = served.clock.now()
    return runs.fill(connection, run_id, step_key, values, by=by, now=now, offered=offered)


def preview(
    connection: Connection, served: Served, run_id: str, step_key: str, values: Mapping[str, str], *, by: str
) -> Preview:
    """What would run with these values; nothing is written. Raises NotFound, Refused."""
    run = runs.get(connection, run_id)
    step = next((step for step in run.steps if step.key == step_key), None)
    if step is None:
        raise NotFound(f"Run {run_id} has no step {step_key}.", hint=f"`stanch run show {run_id}` lists them.")
    if not fillable(step):
        raise Refused(f"'{step.text}' has nothing to fill in now.", hint="Nothing was changed.")
    filled = slots.filled(step, values, by=by, at=0.0, origins={})
    way = way_of(filled, served.means)
    alone = goes_by_itself(filled, way, served.means)
    resolved = filled if slots.open_slots(filled) else slots.resolved(filled)
    return replace(slots.preview(filled), acts_as=served.principals.whom(resolved, way, by_itself=alone))


def as_document(run: Run, offered: Mapping[str, tuple[Offer, ...]]) -> dict[str, dict[str, Any]]:
    """For each fillable step what the API says beside its fields: what is open, and what is offered for it."""
    return {
        step.key: {
            "open_slots": [slot.name for slot in slots.open_slots(step)],
            "offers": [
                {"name": offer.name, "value": offer.value, "origin": offer.origin}
                for offer in offered.get(step.key, ())
            ],
        }
        for step in run.steps
        if fillable(step)
    }


def hosts(settings: Settings) -> tuple[tuple[str, str], ...]:
    """The hosts that the settings name, each with the setting that does."""
    found = []
    for name, database in settings.postgres.items():
        host = urlsplit(database.url.get_secret_value()).hostname
        if host:
            found.append((host, f"the host of [postgres.{name}] in the settings"))
    for name, target in settings.scrape.items():
        host = urlsplit(target.url).hostname
        if host:
            found.append((host, f"the host of [scrape.{name}] in the settings"))
    return tuple(found)
