"""The gate at work on an incident: what it writes, and that a restart does not begin it anew."""

from dataclasses import replace

import pytest
from sqlalchemy import insert, update

from incident_builders import T0, alert, evaluation, plan, rule
from stanch.incidents import lifecycle, recovery, timeline
from stanch.incidents.recovery import Verdict
from stanch.model.clock import ManualClock
from stanch.model.incident import EventKind, IncidentStatus
from stanch.model.plan import StepKind
from stanch.model.risk import Risk
from stanch.model.rule import AlertState
from stanch.model.run import Run, RunState, StepRecord, StepState
from stanch.store import tables
from stanch.store.engine import Store
from stanch.store.rows import to_values
from stanch.store.tables import sample, series

PLAN = plan()
RULE = rule()


async def opened(store):
    return await store.write(lambda c: lifecycle.alert_fired(c, alert(RULE), PLAN, T0))


async def step(store, at, state=AlertState.INACTIVE, value=0.2, *, clean_s=60):
    seen = replace(evaluation(RULE, state, value, since=T0 - 1), at=at)
    incident = await store.read(lambda c: lifecycle.get(c, "1"))
    return await store.write(lambda c: recovery.step(c, incident, [seen], PLAN, at, clean_s=clean_s))


async def story(store):
    events = await store.read(lambda c: timeline.read(c, "1"))
    kinds = {EventKind.RECOVERING, EventKind.MITIGATED, EventKind.ALERT_CLEARED, EventKind.RESOLVED}
    return [(event.kind, event.at - T0) for event in events if event.kind in kinds]


async def test_an_incident_resolves_after_its_signals_stayed_clean(store):
    await opened(store)
    assert (await step(store, T0 + 10, AlertState.FIRING, 2.0)).because == ("response time p95 is 2 s, limit 1 s",)
    assert (await step(store, T0 + 20)).verdict is Verdict.BEGAN
    assert (await step(store, T0 + 50)).verdict is Verdict.WAITING
    assert (await step(store, T0 + 60, AlertState.PENDING, 1.2)).verdict is Verdict.BROKE
    assert (await step(store, T0 + 70)).verdict is Verdict.BEGAN
    assert (await step(store, T0 + 129)).verdict is Verdict.WAITING
    assert (await step(store, T0 + 130)).verdict is Verdict.RESOLVED
    assert await story(store) == [
        (EventKind.RECOVERING, 20),
        (EventKind.RECOVERING, 60),
        (EventKind.RECOVERING, 70),
        (EventKind.ALERT_CLEARED, 130),
        (EventKind.MITIGATED, 130),
        (EventKind.RESOLVED, 130),
    ]
    incident = await store.read(lambda c: lifecycle.get(c, "1"))
    assert (incident.status, incident.firing, incident.mitigated_at) == (IncidentStatus.RESOLVED, (), T0 + 70)
    resolved = await store.read(lambda c: timeline.read(c, "1", after=incident.seq - 20))
    (data,) = [event.data for event in resolved if event.kind is EventKind.RESOLVED]
    assert data == {"because": "every signal stayed within its limits for 60 s", "clean_s": 60.0}
    assert await store.read(timeline.verify) == ()


async def test_what_is_resolved_is_left_alone(store):
    await opened(store)
    await step(store, T0 + 20)
    await step(store, T0 + 80)
    before = await store.read(lambda c: lifecycle.get(c, "1"))
    assert (await step(store, T0 + 90)).changes is False
    assert await store.read(lambda c: lifecycle.get(c, "1")) == before


async def test_the_count_goes_on_after_a_restart(store_url):
    async with await Store.open(store_url, ManualClock()) as store:
        await opened(store)
        await step(store, T0 + 20)
    async with await Store.open(store_url, ManualClock()) as store:
        assert (await step(store, T0 + 79)).verdict is Verdict.WAITING
        assert (await step(store, T0 + 80)).verdict is Verdict.RESOLVED


@pytest.mark.parametrize(("gap_s", "since"), [(59.0, T0 + 20), (3600.0, None)])
async def test_a_gap_in_the_measurements_breaks_the_count_only_when_it_is_long(store, gap_s, since):
    await opened(store)
    await step(store, T0 + 20)

    def measured(connection):
        connection.execute(insert(series).values(id=1, metric="up", labels=[]))
        connection.execute(insert(sample).values(series_id=1, at=T0 + 30, value=1.0))

    await store.write(measured)
    await store.write(lambda c: recovery.break_long_gaps(c, T0 + 30 + gap_s))
    incident = await store.read(lambda c: lifecycle.get(c, "1"))
    assert incident.recovering_since == since
    if since is None:
        (*_, last) = await store.read(lambda c: timeline.read(c, "1"))
        assert last.data["because"] == "nothing was measured for 1 h"


async def test_a_mitigation_that_was_told_is_not_told_again(store):
    await opened(store)
    await store.write(lambda c: lifecycle.mitigated(c, "1", because="the index is there", now=T0 + 15))
    await step(store, T0 + 20)
    await step(store, T0 + 80)
    assert [kind for kind, _ in await story(store)].count(EventKind.MITIGATED) == 1
    assert (await store.read(lambda c: lifecycle.get(c, "1"))).mitigated_at == T0 + 15


def running(state, risk="mutating"):
    """A run with one step in that state."""

    def unit(connection):
        record = Run(
            id="1",
            incident_id="1",
            plan_hash=PLAN.hash,
            procedure="slow-database",
            name="Slow database",
            because="x",
            state=RunState.RUNNING,
            epoch=1,
            started_at=T0,
        )
        doing = StepRecord(
            run_id="1", key="k", ordinal=1, type=StepKind.ACTION, text="Build it", risk=Risk(risk), state=state
        )
        run_row, step_row = to_values(record), to_values(doing)
        del run_row["steps"], step_row["approvals"]
        connection.execute(insert(tables.run).values(**run_row))
        connection.execute(insert(tables.step).values(**step_row))

    return unit


async def test_nothing_counts_while_a_step_that_changes_production_is_under_way(store):
    await opened(store)
    await store.write(running(StepState.STARTED))
    assert (await step(store, T0 + 20)).because == ("Build it is under way",)
    await store.write(lambda c: c.execute(update(tables.step).values(state=StepState.DONE)) and None)
    assert (await step(store, T0 + 30)).verdict is Verdict.BEGAN


@pytest.mark.parametrize(
    ("state", "risk"),
    [(StepState.STARTED, "read-only"), (StepState.PROPOSED, "mutating"), (StepState.UNKNOWN, "mutating")],
)
async def test_steps_that_only_look_or_wait_hold_nothing_up(store, state, risk):
    await opened(store)
    await store.write(running(state, risk))
    assert (await step(store, T0 + 20)).verdict is Verdict.BEGAN
