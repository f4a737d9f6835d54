"""Whatever happens to an incident, in whatever order: the record holds, and the row is what the events say."""

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from incident_builders import T0, alert, evaluation, foreign, plan, rule, target
from stanch.incidents import clocks, lifecycle, recovery, timeline
from stanch.incidents.fold import fold
from stanch.incidents.lifecycle import Hooks
from stanch.model.incident import EventKind
from stanch.model.problem import NotFound, Refused
from stanch.model.rule import AlertState
from stanch.store.sqlite import engine_for

RULES = [rule(name, level=level) for name, level in (("a", "P3"), ("b", "P2"), ("c", "P1"))]
PLANS = [plan(), plan(digest="b" * 64)]


def note_it(connection, incident, now):
    timeline.append(connection, incident.id, EventKind.NOTE, {"text": "hook"}, now=now)


def note_clock(connection, incident, clock, now):
    timeline.append(connection, incident.id, EventKind.NOTE, {"text": clock.name}, now=now)


HOOKS = Hooks(opened=(note_it,), raised=(note_it,), missed=(note_clock,))

which = st.sampled_from(RULES)
services = st.sampled_from(["s", "t"])
people = st.sampled_from(["ann", "bob\0", "\ud800"])
numbers = st.sampled_from(["1", "2", "3"])
plans = st.sampled_from(PLANS)
severities = st.sampled_from(["P1", "P2", "P3", "none"])
states = st.sampled_from(list(AlertState))


def steps():
    """Units of (connection, now), each one thing that can happen."""
    fire = st.builds(
        lambda of, service, number, p: (
            lambda c, now: lifecycle.alert_fired(c, alert(of, service=service, number=number, at=now), p, now, HOOKS)
        ),
        which,
        services,
        st.integers(0, 3),
        plans,
    )
    other = st.builds(
        lambda service, p: lambda c, now: lifecycle.alert_fired(c, foreign(service=service), p, now, HOOKS),
        services,
        plans,
    )
    clear = st.builds(
        lambda of, service: lambda c, now: lifecycle.alert_cleared(c, alert(of, service=service), now), which, services
    )
    by_hand = st.builds(
        lambda by, p: (
            lambda c, now: lifecycle.open_by_hand(
                c, title="x", severity="P2", service="s", plan=p, now=now, by=by, hooks=HOOKS
            )
        ),
        people,
        plans,
    )
    acknowledge = st.builds(lambda n, by: lambda c, now: lifecycle.acknowledge(c, n, by=by, now=now), numbers, people)
    assign = st.builds(lambda n, by: lambda c, now: lifecycle.assign(c, n, to=by, by=by, now=now), numbers, people)
    note = st.builds(
        lambda n, by, p: lambda c, now: lifecycle.note(c, n, text="x", by=by, now=now, plan=p), numbers, people, plans
    )
    grade = st.builds(
        lambda n, level, p: (
            lambda c, now: lifecycle.change_severity(
                c, n, severity=level, because="x", plan=p, now=now, by="ann", hooks=HOOKS
            )
        ),
        numbers,
        severities,
        plans,
    )
    mitigate = st.builds(lambda n: lambda c, now: lifecycle.mitigated(c, n, because="x", now=now), numbers)
    resolve = st.builds(
        lambda n, p: lambda c, now: lifecycle.resolve(c, n, because="x", plan=p, now=now, by="ann"), numbers, plans
    )
    reopen = st.builds(
        lambda n, p: lambda c, now: lifecycle.reopen(c, n, because="x", plan=p, now=now, by="ann", hooks=HOOKS),
        numbers,
        plans,
    )
    drafted = st.builds(
        lambda n: lambda c, now: timeline.append(c, n, EventKind.REVIEW_DRAFTED, {"path": "r"}, now=now), numbers
    )
    reviewed = st.builds(lambda n: lambda c, now: lifecycle.reviewed(c, n, by="ann", now=now), numbers)
    due = st.just(lambda c, now: clocks.due(c, now, HOOKS.missed))
    recover = st.builds(
        lambda n, state, value, p: (
            lambda c, now: recovery.step(
                c,
                lifecycle.get(c, n),
                [evaluation(each, state, value, since=now - 60, at=now) for each in RULES],
                p,
                now,
                clean_s=60,
            )
        ),
        numbers,
        states,
        st.sampled_from([None, 0.2, 3.0]),
        st.sampled_from([*PLANS, plan(target(value=None))]),
    )
    return st.one_of(
        fire,
        fire,
        clear,
        clear,
        other,
        by_hand,
        acknowledge,
        assign,
        note,
        grade,
        mitigate,
        resolve,
        reopen,
        drafted,
        reviewed,
        due,
        recover,
        recover,
    )


stories = st.lists(st.tuples(steps(), st.sampled_from([0.0, 1.0, 61.0, 700.0, 20000.0])), min_size=3, max_size=25)


@pytest.fixture(scope="module")
def engine(_sqlite_template):
    made = engine_for(_sqlite_template)
    yield made
    made.dispose()


@settings(max_examples=60, deadline=None)
@given(story=stories)
def test_the_row_is_the_fold_and_the_chain_holds(engine, story):
    now = T0
    with engine.connect() as connection, connection.begin() as transaction:
        for unit, passed in story:
            now += passed
            # A refusal undoes what the unit did before it, as the store would.
            with contextlib.suppress(NotFound, Refused), connection.begin_nested():
                unit(connection, now)
        incidents = lifecycle.listing(connection)
        for incident in incidents:
            events = timeline.read(connection, incident.id)
            assert fold(events) == incident
            assert [event.seq for event in events] == list(range(1, len(events) + 1))
            assert len({clock.name for clock in incident.clocks}) == len(incident.clocks)
        assert timeline.verify(connection) == ()
        assert [incident.id for incident in incidents] == [str(n) for n in range(len(incidents), 0, -1)]
        transaction.rollback()
