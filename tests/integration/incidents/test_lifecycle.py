"""An incident from its first alert to its end, on both engines."""

import asyncio

import pytest
from sqlalchemy import select

from incident_builders import P1, P2, P3, T0, alert, foreign, plan, rule
from stanch.incidents import lifecycle, timeline
from stanch.incidents.fold import fold
from stanch.incidents.lifecycle import Hooks
from stanch.model.incident import ClockState, EventKind, IncidentStatus
from stanch.model.problem import NotFound, Refused
from stanch.store import plans
from stanch.store.tables import alert as alerts

PLAN = plan()
LATENCY = rule("latency", level="P2")
ERRORS = rule("errors", level="P1")
POOL = rule("pool", level="P3")


def fired(which, at, **changes):
    return lambda connection: lifecycle.alert_fired(connection, which, PLAN, at, **changes)


def kinds(store, incident):
    return store.read(lambda connection: [event.kind for event in timeline.read(connection, incident.id)])


async def check(store):
    """Every chain holds and every row is the fold of its events."""
    assert await store.read(timeline.verify) == ()
    for incident in await store.read(lifecycle.listing):
        events = await store.read(lambda connection, of=incident: timeline.read(connection, of.id))
        assert fold(events) == incident


async def test_an_alert_opens_an_incident_with_its_severity_source_clocks_and_plan(store):
    incident = await store.write(fired(alert(LATENCY), T0))
    assert (incident.id, incident.severity, incident.status) == ("1", "P2", IncidentStatus.OPEN)
    assert incident.source == LATENCY.source
    assert [(clock.name, clock.due_at) for clock in incident.clocks] == [
        ("acknowledge", T0 + 900),
        ("contain", T0 + 3600),
        ("resolve", T0 + 14400),
    ]
    assert await store.read(lambda connection: plans.documents(connection, PLAN.hash)) == ()
    assert await store.read(lambda connection: lifecycle.get(connection, "1")) == incident
    await check(store)


async def test_an_alert_of_the_same_service_joins_and_of_another_opens(store):
    first = await store.write(fired(alert(LATENCY), T0))
    joined = await store.write(fired(alert(POOL), T0 + 1))
    other = await store.write(fired(alert(LATENCY, service="billing", number=2), T0 + 2))
    assert joined.id == first.id
    assert joined.rules == joined.firing == ("latency", "pool")
    assert joined.severity == "P2"
    assert other.id == "2"
    await check(store)


async def test_the_same_rule_firing_again_is_recorded_once(store):
    await store.write(fired(alert(LATENCY), T0))
    before = await store.read(lambda connection: lifecycle.get(connection, "1"))
    assert await store.write(fired(alert(LATENCY), T0 + 1)) == before
    assert await store.write(fired(alert(LATENCY, number=2), T0 + 2)) == before
    await check(store)


async def test_a_worse_alert_raises_the_severity_as_an_event_with_its_clocks(store):
    await store.write(fired(alert(LATENCY), T0))
    raised = await store.write(fired(alert(ERRORS), T0 + 60))
    assert raised.severity == "P1"
    events = await store.read(lambda connection: timeline.read(connection, "1"))
    (change,) = [event for event in events if event.kind is EventKind.SEVERITY_CHANGED]
    assert change.data == {"before": "P2", "after": "P1", "because": "errors > 1 s is P1"}
    assert {clock.name: clock.due_at for clock in raised.clocks}["acknowledge"] == T0 + 360
    await check(store)


async def test_hooks_run_in_the_transaction_of_the_opening_the_raise_and_the_reopening(store):
    heard = []

    def hook(name):
        def run(connection, incident, now):
            heard.append((name, incident.id, incident.severity, now))
            timeline.append(connection, incident.id, EventKind.NOTE, {"text": name}, now=now)

        return run

    hooks = Hooks(opened=(hook("opened"),), raised=(hook("raised"),))
    opened = await store.write(fired(alert(LATENCY), T0, hooks=hooks))
    assert opened.last["kind"] == "note"
    await store.write(fired(alert(POOL), T0 + 1, hooks=hooks))
    await store.write(fired(alert(ERRORS), T0 + 2, hooks=hooks))
    assert heard == [("opened", "1", "P2", T0), ("raised", "1", "P1", T0 + 2)]

    def failing(connection, incident, now):
        raise Refused("no room")

    with pytest.raises(Refused, match="no room"):
        await store.write(fired(alert(LATENCY, service="x", number=9), T0, hooks=Hooks(opened=(failing,))))
    assert len(await store.read(lifecycle.listing)) == 1
    await check(store)


async def test_a_cleared_rule_is_noted_once_and_only_where_it_fires(store):
    await store.write(fired(alert(LATENCY), T0))
    clear = lambda connection: lifecycle.alert_cleared(connection, alert(LATENCY), T0 + 5)  # noqa: E731
    cleared = await store.write(clear)
    assert cleared.firing == ()
    assert cleared.rules == ("latency",)
    assert await store.write(clear) is None
    assert await store.write(lambda c: lifecycle.alert_cleared(c, alert(LATENCY, service="x"), T0)) is None
    row = await store.read(lambda connection: connection.execute(select(alerts)).one())
    assert row.cleared_at == T0 + 5
    again = await store.write(fired(alert(LATENCY, number=2), T0 + 9))
    assert again.firing == ("latency",)
    await check(store)


async def test_an_alert_that_is_handed_in_again_after_it_was_cleared_changes_nothing(store):
    """A sender that repeats itself after a crash tells of the past, not of now."""
    await store.write(fired(alert(LATENCY), T0))
    cleared = await store.write(lambda c: lifecycle.alert_cleared(c, alert(LATENCY), T0 + 5))
    assert await store.write(fired(alert(LATENCY), T0 + 6)) == cleared
    resolved = await store.write(lambda c: lifecycle.resolve(c, "1", because="over", plan=PLAN, now=T0 + 10, by="ann"))
    assert await store.write(fired(alert(LATENCY), T0 + 11)) == resolved
    assert len(await store.read(lifecycle.listing)) == 1
    await check(store)


async def test_only_what_people_say_is_an_update(store):
    p1 = alert(ERRORS)
    await store.write(fired(p1, T0))
    await store.write(lambda c: lifecycle.note(c, "1", text="a run began", by="stanch", now=T0 + 5, plan=PLAN))
    by_stanch = await store.read(lambda c: lifecycle.get(c, "1"))
    assert next(clock for clock in by_stanch.clocks if clock.name == "update").due_at == T0 + 900
    by_ann = await store.write(lambda c: lifecycle.note(c, "1", text="we look", by="ann", now=T0 + 6, plan=PLAN))
    assert next(clock for clock in by_ann.clocks if clock.name == "update").due_at == T0 + 906


async def test_an_alert_of_another_system_opens_clears_and_fires_again_under_its_own_id(store):
    opened = await store.write(fired(foreign(), T0))
    assert (opened.firing, opened.source, opened.severity) == (("fp-1",), None, "P2")
    cleared = await store.write(lambda connection: lifecycle.alert_cleared(connection, foreign(), T0 + 5))
    assert cleared.firing == ()
    assert (await store.write(fired(foreign(at=T0 + 9), T0 + 9))).firing == ("fp-1",)
    row = await store.read(lambda connection: connection.execute(select(alerts)).one())
    assert (row.at, row.cleared_at) == (T0 + 9, None)
    await check(store)


async def resolved(store, at=T0 + 100):
    await store.write(fired(alert(LATENCY), T0))
    await store.write(lambda connection: lifecycle.alert_cleared(connection, alert(LATENCY), at - 1))
    return await store.write(
        lambda connection: lifecycle.resolve(connection, "1", because="over", plan=PLAN, now=at, by="ann")
    )


async def test_resolving_keeps_the_promises_and_starts_the_review(store):
    incident = await resolved(store)
    assert (incident.status, incident.resolved_at, incident.mitigated_at) == (
        IncidentStatus.RESOLVED,
        T0 + 100,
        T0 + 100,
    )
    states = {clock.name: clock.state for clock in incident.clocks}
    assert states.pop("review") is ClockState.RUNNING
    assert set(states.values()) == {ClockState.KEPT}
    await check(store)


async def test_a_rule_that_fires_again_soon_reopens_its_incident_and_pages_again(store):
    await resolved(store)
    opened = []
    hooks = Hooks(opened=(lambda _connection, incident, _now: opened.append(incident.reopened),))
    again = await store.write(fired(alert(LATENCY, number=2), T0 + 699, hooks=hooks))
    assert (again.id, again.status, again.reopened, again.firing) == ("1", IncidentStatus.OPEN, 1, ("latency",))
    assert opened == [1]
    acknowledge = next(clock for clock in again.clocks if clock.name == "acknowledge")
    assert (acknowledge.state, acknowledge.due_at) == (ClockState.RUNNING, T0 + 699 + 900)
    await check(store)


async def test_later_or_by_another_rule_it_is_another_incident(store):
    await resolved(store)
    assert (await store.write(fired(alert(POOL), T0 + 101))).id == "2"
    await store.write(lambda connection: lifecycle.alert_cleared(connection, alert(POOL), T0 + 102))
    await store.write(
        lambda connection: lifecycle.resolve(connection, "2", because="x", plan=PLAN, now=T0 + 103, by="ann")
    )
    assert (await store.write(fired(alert(LATENCY, number=2), T0 + 5000))).id == "3"
    await check(store)


async def test_the_window_for_reopening_can_be_set(store):
    await resolved(store)
    assert (await store.write(fired(alert(LATENCY, number=2), T0 + 111, reopen_s=10))).id == "2"


async def test_nobody_resolves_what_still_fires(store):
    await store.write(fired(alert(LATENCY), T0))
    with pytest.raises(Refused, match="latency > 1 s still fires"):
        await store.write(
            lambda connection: lifecycle.resolve(connection, "1", because="x", plan=PLAN, now=T0, by="ann")
        )
    assert EventKind.RESOLVED not in await kinds(store, await store.read(lambda c: lifecycle.get(c, "1")))


async def test_people_acknowledge_once_assign_and_note(store):
    await store.write(fired(alert(LATENCY), T0))
    first = await store.write(lambda connection: lifecycle.acknowledge(connection, "1", by="ann", now=T0 + 5))
    second = await store.write(lambda connection: lifecycle.acknowledge(connection, "1", by="bob", now=T0 + 6))
    assert first == second
    assert (first.acknowledged_by, first.status) == ("ann", IncidentStatus.ACKNOWLEDGED)
    assigned = await store.write(lambda c: lifecycle.assign(c, "1", to="bob", by="ann", now=T0 + 7))
    assert assigned.assignee == "bob"
    noted = await store.write(lambda c: lifecycle.note(c, "1", text="looking", by="bob", now=T0 + 8, plan=PLAN))
    assert noted.last == {"seq": noted.seq, "at": T0 + 8, "kind": "note", "actor": "bob"}
    await check(store)


async def test_an_incident_that_is_over_is_not_acknowledged_graded_or_mitigated(store):
    await resolved(store)
    for change in (
        lambda c: lifecycle.acknowledge(c, "1", by="ann", now=T0 + 200),
        lambda c: lifecycle.change_severity(c, "1", severity="P1", because="x", plan=PLAN, now=T0 + 200),
        lambda c: lifecycle.mitigated(c, "1", because="x", now=T0 + 200),
        lambda c: lifecycle.resolve(c, "1", because="x", plan=PLAN, now=T0 + 200),
    ):
        with pytest.raises(Refused, match="is resolved"):
            await store.write(change)


async def test_people_open_grade_reopen_and_agree_the_review(store):
    opened = await store.write(
        lambda c: lifecycle.open_by_hand(
            c, title="front desk reports", severity="p2 name", service="desk", plan=PLAN, now=T0, by="ann"
        )
    )
    assert (opened.severity, opened.rules, opened.source) == ("P2", (), None)
    graded = await store.write(
        lambda c: lifecycle.change_severity(c, "1", severity="p1", because="all desks", plan=PLAN, now=T0 + 9, by="ann")
    )
    assert graded.severity == "P1"
    with pytest.raises(Refused, match="no severity 'urgent'") as refused:
        await store.write(
            lambda c: lifecycle.change_severity(c, "1", severity="urgent", because="x", plan=PLAN, now=T0 + 9)
        )
    assert refused.value.hint == "It has P1, P2, P3."
    with pytest.raises(Refused, match="is open already"):
        await store.write(lambda c: lifecycle.reopen(c, "1", because="x", plan=PLAN, now=T0 + 9))
    await store.write(lambda c: lifecycle.resolve(c, "1", because="calm", plan=PLAN, now=T0 + 10, by="ann"))
    with pytest.raises(Refused, match="no review yet"):
        await store.write(lambda c: lifecycle.reviewed(c, "1", by="ann", now=T0 + 11))
    await store.write(
        lambda c: timeline.append(c, "1", EventKind.REVIEW_DRAFTED, {"path": "reviews/1.md"}, now=T0 + 11)
    )
    reviewed = await store.write(lambda c: lifecycle.reviewed(c, "1", by="ann", now=T0 + 12))
    assert {clock.name: clock.state for clock in reviewed.clocks}["review"] is ClockState.KEPT
    again = await store.write(lambda c: lifecycle.reopen(c, "1", because="still", plan=PLAN, now=T0 + 13, by="ann"))
    assert (again.status, again.reopened) == (IncidentStatus.OPEN, 1)
    await check(store)


async def test_an_incident_is_not_reopened_beside_an_open_one_of_its_service(store):
    await resolved(store)
    await store.write(fired(alert(POOL), T0 + 101))
    with pytest.raises(Refused, match="Incident 2 of the same service is open"):
        await store.write(lambda c: lifecycle.reopen(c, "1", because="x", plan=PLAN, now=T0 + 102))


async def test_what_is_not_there_is_not_found(store):
    for unit in (
        lambda c: lifecycle.get(c, "404"),
        lambda c: lifecycle.acknowledge(c, "404", by="ann", now=T0),
        lambda c: timeline.append(c, "404", EventKind.NOTE, {"text": "x"}, now=T0),
    ):
        with pytest.raises(NotFound, match="no incident 404"):
            await store.write(unit)


async def test_a_storm_of_concurrent_alerts_opens_one_incident_a_service(store):
    rules = [rule(f"rule-{n}", level=("P1", "P2", "P3")[n % 3]) for n in range(12)]
    storm = [
        alert(each, service=service, number=number)
        for service in ("a", "b", "c")
        for each in rules
        for number in range(2)
    ]
    await asyncio.gather(*(store.write(fired(each, T0)) for each in storm))
    incidents = await store.read(lifecycle.listing)
    assert sorted(incident.id for incident in incidents) == ["1", "2", "3"]
    assert all(incident.severity == "P1" for incident in incidents)
    assert all(len(incident.firing) == len(rules) for incident in incidents)
    await check(store)


async def test_a_resolution_and_an_alert_at_the_same_time_leave_no_alert_without_an_incident(store):
    """Whichever comes first, the firing rule ends up in an open incident."""
    for number in range(10):
        service = f"s{number}"
        first = await store.write(fired(alert(LATENCY, service=service, number=number), T0))
        await store.write(
            lambda c, number=number, service=service: lifecycle.alert_cleared(
                c, alert(LATENCY, service=service, number=number), T0 + 1
            )
        )
        await asyncio.gather(
            store.write(
                lambda c, first=first: lifecycle.resolve(c, first.id, because="x", plan=PLAN, now=T0 + 2, by="ann")
            ),
            store.write(fired(alert(POOL, service=service, number=number), T0 + 2)),
            return_exceptions=True,
        )
        still_open = await store.read(lambda c: lifecycle.listing(c, open_only=True))
        (incident,) = [each for each in still_open if each.service == service]
        assert "pool" in incident.firing
    await check(store)


async def test_hostile_text_is_stored_and_read_back_as_the_events_have_it(store):
    title = "nul \0 lone \ud800 <script> ' \" % \r\n"
    strange = foreign("id \0", title=title, level="P\0", service="s\ud800")
    opened = await store.write(fired(strange, T0))
    assert opened.title == "nul \ufffd lone \ufffd <script> ' \" % \r\n"
    assert (await store.write(fired(strange, T0 + 1))) == opened
    await store.write(lambda c: lifecycle.note(c, "1", text=title, by="an\0n", now=T0 + 2))
    await store.write(lambda c: lifecycle.assign(c, "1", to="bo\0b", by="an\0n", now=T0 + 2))
    await check(store)


async def test_values_that_json_cannot_hold_do_not_stop_an_incident(store):
    for number, value in enumerate((float("inf"), float("nan"), float("-inf"))):
        await store.write(fired(alert(LATENCY, service=f"s{number}", number=number, value=value), T0))
    await check(store)


async def test_the_listing_is_latest_first_and_can_leave_out_what_is_over(store):
    await resolved(store)
    for number in range(12):
        await store.write(fired(alert(LATENCY, service=f"s{number}", number=number + 10), T0))
    every = await store.read(lifecycle.listing)
    assert [incident.id for incident in every] == [str(number) for number in range(13, 0, -1)]
    still_open = await store.read(lambda c: lifecycle.listing(c, open_only=True))
    assert [incident.id for incident in still_open] == [str(number) for number in range(13, 1, -1)]
    assert [incident.id for incident in await store.read(lambda c: lifecycle.listing(c, limit=2))] == ["13", "12"]


async def test_severities_that_no_playbook_has_are_kept_as_they_came(store):
    bare = plan(P3, P2, P1)
    opened = await store.write(lambda c: lifecycle.alert_fired(c, foreign(level="critical"), bare, T0))
    assert (opened.severity, opened.clocks) == ("critical", ())
    raised = await store.write(lambda c: lifecycle.alert_fired(c, alert(POOL), bare, T0 + 1))
    assert raised.severity == "P3"
    await check(store)
