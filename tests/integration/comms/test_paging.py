"""From an alert to the people: rows in the opening's transaction, escalated while nobody answers."""

import asyncio
import contextlib

import pytest

from incident_builders import P1, P2, P3, T0, alert, contact, plan, role, rule
from stanch.comms import outbox
from stanch.comms.channels.console import ConsoleChannel
from stanch.comms.channels.smtp import SmtpChannel, SmtpSettings
from stanch.comms.channels.webhook import WebhookChannel, WebhookSettings
from stanch.comms.outbox import Outbox
from stanch.comms.paging import Paging
from stanch.incidents import clocks, lifecycle, timeline
from stanch.incidents.lifecycle import Hooks
from stanch.model.clock import SystemClock
from stanch.model.incident import ClockState, EventKind
from stanch.model.message import DeliveryState
from stanch.model.problem import Refused
from waiting import until

PLAN = plan(
    P1,
    P2,
    P3,
    role("On-call engineer"),
    role("Engineering manager", "P1"),
    contact("On-call engineer", "oncall@example.org"),
)


def paging(*channels, of=PLAN):
    made = Paging(lambda _: of, {channel.name: channel for channel in channels}, public_url="http://stanch/")
    return Hooks(opened=(made.page_on_open,), raised=(made.page_on_raise,), missed=(made.escalate,))


HOOKS = paging(ConsoleChannel(), SmtpChannel(SmtpSettings(host="mail", sender="stanch@example.org")))


def fire(which, at=T0, hooks=HOOKS):
    return lambda connection: lifecycle.alert_fired(connection, which, PLAN, at, hooks)


async def paged(store):
    every = await store.read(outbox.listing)
    return [(each.role, each.channel, each.address) for each in reversed(every)]


async def test_an_incident_that_opens_pages_the_role_on_call_by_every_channel(store):
    await store.write(fire(alert()))
    assert await paged(store) == [
        ("On-call engineer", "console", "On-call engineer"),
        ("On-call engineer", "smtp", "oncall@example.org"),
    ]
    page = (await store.read(outbox.listing))[0]
    assert page.subject == "[P1] latency > 1 s (incident 1)"
    assert page.link == "http://stanch/incidents/1"
    assert "Measured: 1.4 s" in page.body
    assert "To acknowledge: by 2023-11-14 22:18:20 UTC, in 5 min" in page.body
    assert page.data == {"incident": "1", "severity": "P1", "service": "booking"}


async def test_pages_are_written_with_the_incident_or_not_at_all(store):
    def refusing(connection, incident, now):
        raise Refused("later in the same transaction")

    hooks = Hooks(opened=(*HOOKS.opened, refusing))
    with pytest.raises(Refused):
        await store.write(fire(alert(), hooks=hooks))
    assert await paged(store) == []
    assert await store.read(lifecycle.listing) == ()


async def test_more_alerts_do_not_page_again_but_a_worse_one_does(store):
    await store.write(fire(alert(rule("a", level="P2"))))
    await store.write(fire(alert(rule("b", level="P3")), T0 + 1))
    assert len(await paged(store)) == 2
    await store.write(fire(alert(rule("c", level="P1")), T0 + 2))
    assert len(await paged(store)) == 4
    assert (await store.read(outbox.listing))[0].subject == "[P1] Now worse: a > 1 s (incident 1)"


async def test_a_role_that_a_channel_cannot_reach_is_on_the_timeline(store):
    nobody = plan(P1, P2, P3, role("On-call engineer"), contact("On-call engineer", "TBD", placeholder=True))
    hooks = paging(ConsoleChannel(), SmtpChannel(SmtpSettings(host="mail", sender="stanch@example.org")), of=nobody)
    incident = await store.write(fire(alert(), hooks=hooks))
    assert await paged(store) == [("On-call engineer", "console", "On-call engineer")]
    assert incident.last["kind"] == "page failed"
    (*_, failed) = await store.read(lambda c: timeline.read(c, "1"))
    assert failed.data["because"] == "the playbook has no contact of On-call engineer that smtp can reach"


async def missed(store, at):
    return await store.write(lambda c: clocks.due(c, at, HOOKS.missed))


async def clock(store, name):
    incident = await store.read(lambda c: lifecycle.get(c, "1"))
    return next(each for each in incident.clocks if each.name == name)


async def test_a_page_that_nobody_acknowledges_escalates_role_by_role_and_then_says_so(store):
    await store.write(fire(alert()))
    await missed(store, T0 + 301)
    assert (await paged(store))[2:] == [("Engineering manager", "console", "Engineering manager")]
    assert (await store.read(outbox.listing))[0].subject == "[P1] Nobody has acknowledged: latency > 1 s (incident 1)"
    escalate = await clock(store, "escalate")
    assert (escalate.state, escalate.due_at, escalate.text) == (
        ClockState.RUNNING,
        T0 + 601,
        "Engineering manager to acknowledge",
    )
    await missed(store, T0 + 602)
    assert len(await paged(store)) == 3
    events = await store.read(lambda c: timeline.read(c, "1"))
    because = [event.data["because"] for event in events if event.kind is EventKind.PAGE_FAILED]
    assert because[-1] == (
        "On-call engineer, Engineering manager did not acknowledge, and the playbook names nobody else to call"
    )
    assert await store.read(timeline.verify) == ()


async def test_an_acknowledgement_ends_the_escalation(store):
    await store.write(fire(alert()))
    await missed(store, T0 + 301)
    await store.write(lambda c: lifecycle.acknowledge(c, "1", by="ann", now=T0 + 400))
    assert (await clock(store, "escalate")).state is ClockState.KEPT
    assert (await clock(store, "acknowledge")).state is ClockState.MISSED
    await missed(store, T0 + 602)
    assert len(await paged(store)) == 3


async def test_other_promises_that_are_missed_page_nobody(store):
    await store.write(fire(alert()))
    await store.write(lambda c: lifecycle.acknowledge(c, "1", by="ann", now=T0 + 1))
    await missed(store, T0 + 5000)
    assert len(await paged(store)) == 2


async def test_a_reopened_incident_pages_again_and_escalates_from_the_start(store):
    await store.write(fire(alert()))
    await missed(store, T0 + 301)
    await store.write(lambda c: lifecycle.alert_cleared(c, alert(), T0 + 310))
    await store.write(lambda c: lifecycle.resolve(c, "1", because="x", plan=PLAN, now=T0 + 320, by="ann"))
    await store.write(fire(alert(number=2), T0 + 400))
    assert (await paged(store))[3:] == [
        ("On-call engineer", "console", "On-call engineer"),
        ("On-call engineer", "smtp", "oncall@example.org"),
    ]
    assert (await store.read(outbox.listing))[0].subject.startswith("[P1] Reopened: ")
    await missed(store, T0 + 701)
    assert (await paged(store))[5][0] == "Engineering manager"


async def all_delivered(store, count):
    return [each.state for each in await store.read(outbox.listing)] == [DeliveryState.DELIVERED] * count


async def test_from_the_alert_to_the_wire_takes_well_under_a_second(store, receiver):
    channel = WebhookChannel(WebhookSettings(url=receiver.url), SystemClock())
    hooks = paging(ConsoleChannel(), channel)
    outgoing = asyncio.create_task(
        Outbox(store, SystemClock(), {"console": ConsoleChannel(), "webhook": channel}).run()
    )
    took = []
    for number in range(5):
        began = SystemClock().now()
        await store.write(fire(alert(service=f"s{number}", number=number), began, hooks))
        await until(lambda number=number: len(receiver.received) > number)
        took.append(receiver.received[number].at - began)
    await until(lambda: all_delivered(store, 10))
    outgoing.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await outgoing
    await channel.close()
    assert sorted(took)[2] < 0.5
    events = await store.read(lambda c: timeline.read(c, "1"))
    assert {event.data["channel"] for event in events if event.kind is EventKind.PAGED} == {"console", "webhook"}
    assert await store.read(timeline.verify) == ()
