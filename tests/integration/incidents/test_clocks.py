"""Promises that run out are rows: found by time alone, each once."""

import asyncio

from incident_builders import T0, alert, plan, rule
from stanch.incidents import clocks, lifecycle, timeline
from stanch.model.incident import ClockState, EventKind

PLAN = plan()


async def opened(store, service="booking", level="P1", at=T0):
    which = alert(rule(level=level), service=service, number=at)
    return await store.write(lambda connection: lifecycle.alert_fired(connection, which, PLAN, at))


async def test_a_clock_that_runs_out_is_missed_once_and_told_to_the_hooks(store):
    await opened(store)
    heard = []
    hooks = (lambda _connection, incident, clock, now: heard.append((incident.id, clock.name, clock.state, now)),)
    assert await store.write(lambda c: clocks.due(c, T0 + 299, hooks)) == ()
    ((incident, missed),) = await store.write(lambda c: clocks.due(c, T0 + 301, hooks))
    assert (incident.id, missed.name, missed.state, missed.ended_at) == (
        "1",
        "acknowledge",
        ClockState.MISSED,
        T0 + 301,
    )
    assert heard == [("1", "acknowledge", ClockState.MISSED, T0 + 301)]
    assert await store.write(lambda c: clocks.due(c, T0 + 302, hooks)) == ()
    events = await store.read(lambda c: timeline.read(c, "1"))
    assert events[-1].kind is EventKind.CLOCK_MISSED
    assert events[-1].data == {"name": "acknowledge", "late_s": 1.0}
    assert await store.read(timeline.verify) == ()


async def test_clocks_of_several_incidents_are_claimed_earliest_first(store):
    await opened(store, "a", "P2", T0)
    await opened(store, "b", "P1", T0)
    missed = await store.write(lambda c: clocks.due(c, T0 + 900))
    assert [(incident.id, clock.name) for incident, clock in missed] == [
        ("2", "acknowledge"),
        ("2", "contain"),
        ("2", "update"),
        ("1", "acknowledge"),
    ]


async def test_the_next_deadline_is_known_without_waiting_for_it(store):
    assert await store.read(clocks.next_due) is None
    await opened(store)
    assert await store.read(clocks.next_due) == T0 + 300
    await store.write(lambda c: clocks.due(c, T0 + 300))
    assert await store.read(clocks.next_due) == T0 + 900


async def test_two_replicas_that_look_at_once_miss_a_clock_once(store):
    for number in range(5):
        await opened(store, f"s{number}")
    found = await asyncio.gather(*(store.write(lambda c: clocks.due(c, T0 + 301)) for _ in range(4)))
    assert sorted(incident.id for each in found for incident, _ in each) == ["1", "2", "3", "4", "5"]
    assert await store.read(timeline.verify) == ()


async def test_a_clock_kept_before_the_look_is_not_missed(store):
    await opened(store)
    await store.write(lambda c: lifecycle.acknowledge(c, "1", by="ann", now=T0 + 10))
    missed = await store.write(lambda c: clocks.due(c, T0 + 899))
    assert missed == ()
