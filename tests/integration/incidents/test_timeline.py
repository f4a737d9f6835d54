"""The record in a real database, before and after somebody had his hands in it."""

import pytest
from sqlalchemy import delete, func, select, text, update

from incident_builders import T0, alert, plan, rule
from stanch.incidents import lifecycle, timeline
from stanch.incidents.timeline import TOPIC
from stanch.model.incident import EventKind
from stanch.model.problem import Level
from stanch.store.tables import alert as alerts
from stanch.store.tables import counter, event, incident, incident_clock

PLAN = plan()


def said(text):
    return EventKind.NOTE, {"text": text, "by": "ann"}


async def test_events_are_added_to_what_is_known_without_reading_the_incident(record):
    async def add(known, *texts):
        return await record.write(
            lambda c: timeline.append_all(c, "2", [said(each) for each in texts], now=T0, known=known)
        )

    first = await add(None, "a")
    second = await add(first, "b", "c")
    assert (second.incident.seq, second.incident.id) == (first.incident.seq + 2, "2")
    # Somebody else writes, and what is known is no longer so.
    await record.write(lambda c: lifecycle.acknowledge(c, "2", by="bob", now=T0))
    third = await add(second, "d")
    assert third.incident == await record.read(lambda c: lifecycle.get(c, "2"))
    told = await record.read(lambda c: timeline.read(c, "2"))
    later = [event.data.get("text", event.kind) for event in told if event.seq >= first.incident.seq]
    assert (later[:3], EventKind.ACKNOWLEDGED in later[3:-1], later[-1]) == (["a", "b", "c"], True, "d")
    assert await record.read(timeline.verify) == ()


async def test_what_was_known_of_a_unit_that_was_undone_is_not_believed(record):
    kept = []

    def undone(connection):
        kept.append(timeline.append_all(connection, "2", [said("never")], now=T0))
        raise LookupError

    with pytest.raises(LookupError):
        await record.write(undone)
    await record.write(lambda c: timeline.append_all(c, "2", [said("again")], now=T0, known=kept[0]))
    told = await record.read(lambda c: timeline.read(c, "2"))
    assert told[-1].data["text"] == "again"
    assert "never" not in [event.data.get("text") for event in told]
    assert await record.read(timeline.verify) == ()


async def test_positions_have_no_gap_whatever_is_added_at_once(record):
    before = await record.read(timeline.position)
    for number in (1, 2, 5):
        await record.write(
            lambda c, number=number: timeline.append_all(c, "1", [said(str(each)) for each in range(number)], now=T0)
        )
    later = await record.read(lambda c: timeline.since(c, before))
    assert [position for position, _ in later] == list(range(before + 1, before + 9))
    assert [event.data["text"] for _, event in later] == ["0", "0", "1", "0", "1", "2", "3", "4"]


@pytest.fixture
async def record(store):
    """Three incidents; the second has notes."""
    for number in (1, 2, 3):
        which = alert(rule(), service=f"s{number}", number=number)
        await store.write(lambda c, which=which: lifecycle.alert_fired(c, which, PLAN, T0))
    for number in range(4):
        await store.write(
            lambda c, number=number: lifecycle.note(c, "2", text=f"note {number}", by="ann", now=T0 + number)
        )
    assert await store.read(timeline.verify) == ()
    return store


async def problems(store, unit):
    await store.write(unit)
    found = await store.read(timeline.verify)
    assert all(problem.level is Level.ERROR and problem.hint for problem in found)
    return [(problem.code, problem.message) for problem in found]


def last_of(connection, incident_id):
    query = select(func.max(event.c.seq)).where(event.c.incident_id == incident_id)
    return connection.execute(query).scalar_one()


def of(incident_id, seq):
    return (event.c.incident_id == incident_id) & (event.c.seq == seq)


@pytest.mark.parametrize(
    "change",
    [
        {"data": {"text": "nothing happened"}},
        {"at": T0 + 0.5},
        {"actor": "bob"},
        {"kind": "assigned"},
        {"kind": "no such kind"},
        {"previous": "0" * 64},
        {"digest": "0" * 64},
    ],
)
async def test_a_change_of_an_event_is_found(record, change):
    found = await problems(record, lambda c: c.execute(update(event).where(of("2", 7)).values(**change)))
    assert [(code, message[:21]) for code, message in found] == [("chain-broken", "Incident 2, event 7: ")]


async def test_data_that_says_the_same_in_other_bytes_is_found(record):
    spaced = text("UPDATE event SET data = replace(data, ':', ': ') WHERE incident_id = '2' AND seq = 7")
    assert [code for code, _ in await problems(record, lambda c: c.execute(spaced))] == ["chain-broken"]


async def test_data_that_is_no_json_any_more_is_found(record):
    broken = text("UPDATE event SET data = '{' WHERE incident_id = '2' AND seq = 7")
    assert [code for code, _ in await problems(record, lambda c: c.execute(broken))] == ["chain-broken"]


async def test_an_event_removed_from_the_middle_is_found(record):
    found = await problems(record, lambda c: c.execute(delete(event).where(of("2", 7))))
    assert found == [("chain-cut", "Incident 2, event 7: the event is missing (the next there is 8).")]


async def test_an_event_removed_from_the_end_is_found(record):
    seq = await record.read(lambda c: last_of(c, "2"))
    found = await problems(record, lambda c: c.execute(delete(event).where(of("2", seq))))
    assert found == [("chain-cut", f"Incident 2, event {seq}: the last events are missing (there were {seq}).")]


async def test_every_event_removed_is_found(record):
    found = await problems(record, lambda c: c.execute(delete(event).where(event.c.incident_id == "2")))
    assert found == [("chain-cut", "Incident 2, event 1: all events are missing.")]


async def test_a_truncation_with_the_row_put_right_is_found_by_the_count_of_all_events(record):
    """The attacker also sets the head and the sequence back."""
    seq = await record.read(lambda c: last_of(c, "2"))

    def unit(connection):
        before = connection.execute(select(event.c.digest).where(of("2", seq - 1))).scalar_one()
        connection.execute(delete(event).where(of("2", seq)))
        latest = {"seq": seq - 1, "at": T0 + 2, "kind": "note", "actor": "ann"}
        row = update(incident).where(incident.c.id == "2")
        connection.execute(row.values(seq=seq - 1, head=before, last=latest))

    found = await problems(record, unit)
    assert [code for code, _ in found] == ["events-missing"]


async def test_an_incident_removed_as_a_whole_is_found(record):
    def unit(connection):
        for table in (event, incident_clock, alerts):
            connection.execute(delete(table).where(table.c.incident_id == "2"))
        connection.execute(delete(incident).where(incident.c.id == "2"))

    assert [(code, message) for code, message in await problems(record, unit)] == [
        ("incident-missing", "Incident 2: the incident was removed.")
    ]


@pytest.mark.parametrize("change", [{"severity": "P3"}, {"opened_at": T0 - 5}, {"acknowledged_by": "ann"}])
async def test_a_row_that_its_events_deny_is_found(record, change):
    found = await problems(record, lambda c: c.execute(update(incident).where(incident.c.id == "2").values(**change)))
    (name,) = change
    assert found == [("incident-altered", f"Incident 2: its row was altered and its events say otherwise ({name}).")]


async def test_a_clock_that_its_events_deny_is_found(record):
    generous = update(incident_clock).where(incident_clock.c.incident_id == "2", incident_clock.c.name == "contain")
    found = await problems(record, lambda c: c.execute(generous.values(due_at=T0 + 10**6)))
    assert [code for code, _ in found] == ["incident-altered"]


async def test_the_first_broken_link_of_each_incident_is_reported(record):
    found = await problems(record, lambda c: c.execute(update(event).values(actor="nobody")))
    assert [message[:21] for _, message in found] == [f"Incident {number}, event 1: " for number in (1, 2, 3)]


async def test_heads_are_what_to_keep_elsewhere(record):
    heads = await record.read(timeline.heads)
    assert [head[0] for head in heads] == ["1", "2", "3"]
    events = await record.read(lambda c: timeline.read(c, "2"))
    assert heads[1] == ("2", len(events), events[-1].digest)


async def test_events_are_read_from_where_one_stopped(record):
    every = await record.read(lambda c: timeline.read(c, "2"))
    assert [event.seq for event in every] == list(range(1, len(every) + 1))
    assert await record.read(lambda c: timeline.read(c, "2", after=6)) == every[6:]
    assert await record.read(lambda c: timeline.read(c, "no such incident")) == ()


async def test_all_events_have_gapless_positions_in_the_order_of_their_commits(record):
    every = await record.read(lambda c: timeline.since(c, 0))
    assert [position for position, _ in every] == list(range(1, len(every) + 1))
    assert await record.read(timeline.position) == len(every)
    assert await record.read(lambda c: timeline.since(c, len(every) - 2)) == every[-2:]
    assert await record.read(lambda c: timeline.since(c, 0, limit=3)) == every[:3]
    numbers = await record.read(lambda c: dict(c.execute(select(counter.c.name, counter.c.value)).all()))
    assert numbers == {"incident": 3, "event": len(every)}


async def test_a_unit_that_is_undone_leaves_no_gap(record):
    def undone(connection):
        timeline.append(connection, "2", EventKind.NOTE, {"text": "x"}, now=T0)
        raise ValueError("no")

    before = await record.read(timeline.position)
    with pytest.raises(ValueError, match="no"):
        await record.write(undone)
    await record.write(lambda c: timeline.append(c, "2", EventKind.NOTE, {"text": "y"}, now=T0))
    assert await record.read(timeline.position) == before + 1
    assert await record.read(timeline.verify) == ()


async def test_every_event_wakes_those_who_follow_the_timeline(record):
    async with record.listen(TOPIC) as listener:
        await record.write(lambda c: timeline.append(c, "2", EventKind.MARK, {"text": "deploy"}, now=T0))
        assert await listener.wait() is True
