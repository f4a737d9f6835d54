"""Messages from their row to their end: once, in time, and whatever fails is seen."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from sqlalchemy import select, update

from incident_builders import T0, alert, plan
from stanch.comms import outbox
from stanch.comms.channels.console import ConsoleChannel
from stanch.comms.channels.webhook import WebhookChannel, WebhookSettings
from stanch.comms.outbox import LEASE_S, TRIES, Outbox
from stanch.incidents import lifecycle, timeline
from stanch.model.clock import ManualClock, SystemClock
from stanch.model.incident import EventKind
from stanch.model.message import Delivered, DeliveryState, Message, NotDelivered
from stanch.store.engine import Store
from stanch.store.tables import outbox as rows
from waiting import until


class Scripted:
    """A channel in memory: answers from a script, then delivers; `gate` holds deliveries up while it is closed."""

    def __init__(self, name="console", *answers):
        self.name = name
        self.answers = list(answers)
        self.sent = []
        self.gate = asyncio.Event()
        self.gate.set()

    def addresses(self, role, _contacts):
        return (role,)

    async def deliver(self, message, _address):
        self.sent.append(message.key)
        await self.gate.wait()
        answer = self.answers.pop(0) if self.answers else Delivered()
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def close(self):
        pass


def message(number=1, incident_id=None):
    return Message(key=f"m{number}", incident_id=incident_id, role="On-call", subject="s", body="b")


async def enqueue(store, *messages, channel="console", at=T0):
    def unit(connection):
        return [outbox.enqueue(connection, each, channel, "On-call", at) for each in messages]

    return await store.write(unit)


def listing(store, **keys):
    return store.read(lambda connection: outbox.listing(connection, **keys))


@contextlib.asynccontextmanager
async def running(store, clock, *channels):
    task = asyncio.create_task(Outbox(store, clock, {channel.name: channel for channel in channels}).run())
    try:
        yield task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def states(store, *wanted):
    async def condition():
        return sorted(each.state for each in await listing(store)) == sorted(wanted)

    return condition


DELIVERED, FAILED, PENDING = DeliveryState.DELIVERED, DeliveryState.FAILED, DeliveryState.PENDING


async def test_a_message_is_sent_once_whatever_is_written(store):
    assert await enqueue(store, message()) == [True]
    assert await enqueue(store, message(), message(2)) == [False, True]
    channel = Scripted()
    async with running(store, SystemClock(), channel):
        await until(states(store, DELIVERED, DELIVERED))
        assert await enqueue(store, message()) == [False]
    assert sorted(channel.sent) == ["m1 console On-call", "m2 console On-call"]


async def test_a_message_goes_out_right_after_its_commit(store):
    channel = Scripted()
    async with running(store, SystemClock(), channel):
        await enqueue(store, message())
        await until(states(store, DELIVERED))
        took = []
        for number in range(2, 12):
            began = asyncio.get_running_loop().time()
            await enqueue(store, message(number), at=SystemClock().now())
            await until(lambda number=number: len(channel.sent) >= number)
            took.append(asyncio.get_running_loop().time() - began)
    assert sorted(took)[len(took) // 2] < 0.5


async def test_a_failure_that_may_pass_is_tried_again_after_a_pause(sqlite_url):
    clock = ManualClock(T0)
    async with await Store.open(sqlite_url, clock) as store:
        channel = Scripted("console", NotDelivered(because="busy", retry=True))
        await enqueue(store, message())
        async with running(store, clock, channel):
            await until(lambda: _first(store, because="busy"))
            (waiting,) = await listing(store)
            assert (waiting.state, waiting.attempt, waiting.due_at) == (PENDING, 1, T0 + 1)
            await clock.advance(0.99)
            await store.read(outbox.listing)
            assert len(channel.sent) == 1
            await until(lambda: states_after(store, clock, 0.05, DELIVERED))
    assert channel.sent == ["m1 console On-call"] * 2


async def states_after(store, clock, seconds, *wanted):
    """Let a little time go by, as often as it is asked: what waits may not have begun to."""
    await clock.advance(seconds)
    return await states(store, *wanted)()


async def _first(store, **fields):
    (row,) = await listing(store)
    return all(getattr(row, name) == value for name, value in fields.items())


async def test_what_fails_for_good_is_seen_and_not_tried_again(store):
    await store.write(lambda c: lifecycle.alert_fired(c, alert(), plan(), T0))
    await enqueue(store, message(incident_id="1"))
    channel = Scripted("console", NotDelivered(because="no such user", retry=False))
    async with running(store, SystemClock(), channel):
        await until(states(store, FAILED))
    (row,) = await listing(store, incident_id="1")
    assert (row.because, row.attempt) == ("no such user", 1)
    events = await store.read(lambda c: timeline.read(c, "1"))
    (failed,) = [event for event in events if event.kind is EventKind.PAGE_FAILED]
    assert failed.data == {
        "role": "On-call",
        "channel": "console",
        "delivery": row.id,
        "because": "no such user",
        "retry_at": None,
    }


async def test_after_so_many_tries_it_has_failed_and_the_timeline_says_so(sqlite_url):
    clock = ManualClock(T0)
    async with await Store.open(sqlite_url, clock) as store:
        await store.write(lambda c: lifecycle.alert_fired(c, alert(), plan(), T0))
        await enqueue(store, message(incident_id="1"))
        channel = Scripted("console", *[NotDelivered(because="down", retry=True)] * 100)
        async with running(store, clock, channel):
            await until(lambda: states_after(store, clock, 10.0, FAILED))
        (row,) = await listing(store)
        assert (row.state, row.attempt, len(channel.sent)) == (FAILED, TRIES, TRIES)
        events = await store.read(lambda c: timeline.read(c, "1"))
        told = [event.data["because"] for event in events if event.kind is EventKind.PAGE_FAILED]
        assert told == ["down", f"down (tried {TRIES} times)"]
        assert await store.read(timeline.verify) == ()


async def test_a_channel_that_hangs_holds_up_no_other(store):
    hung, quick = Scripted("smtp"), Scripted("console")
    hung.gate.clear()
    await enqueue(store, *(message(number) for number in range(40)), channel="smtp")
    async with running(store, SystemClock(), hung, quick):
        await until(lambda: len(hung.sent) == outbox.SENDING_AT_ONCE)
        await enqueue(store, message(), channel="console")
        await until(lambda: _state_of(store, "console", DELIVERED))
        assert len(hung.sent) == outbox.SENDING_AT_ONCE
        hung.gate.set()
        await until(states(store, *[DELIVERED] * 41))


async def _state_of(store, channel, state):
    return [each.state for each in await listing(store) if each.channel == channel] == [state]


async def test_a_fault_of_a_channel_is_a_failed_row_and_the_others_go_on(store):
    broken = Scripted("console", ZeroDivisionError("a bug"))
    await enqueue(store, message(1))
    async with running(store, SystemClock(), broken):
        await until(states(store, FAILED))
        await enqueue(store, message(2))
        await until(states(store, FAILED, DELIVERED))


async def test_a_try_without_end_is_given_up(store, monkeypatch):
    monkeypatch.setattr(outbox, "SEND_S", 0.05)
    endless = Scripted("console")
    endless.gate.clear()
    await enqueue(store, message())
    async with running(store, SystemClock(), endless):
        await until(lambda: _first(store, because="no outcome within 0.05 s"))


async def test_messages_of_a_channel_that_is_configured_no_more_have_failed(store):
    await enqueue(store, message(), channel="pigeon")
    async with running(store, SystemClock(), Scripted()):
        await until(states(store, FAILED))
    assert (await listing(store))[0].because == "the channel pigeon is configured no more"


async def test_what_was_sent_is_not_forgotten_while_the_store_cannot_write(sqlite_url, monkeypatch):
    import sqlite3

    monkeypatch.setattr("stanch.store.sqlite.BUSY_TIMEOUT_S", 0.02)
    monkeypatch.setattr(outbox, "STORE_PAUSE_S", 0.02)
    async with await Store.open(sqlite_url, SystemClock()) as store:
        channel = Scripted()
        channel.gate.clear()
        await enqueue(store, message())
        async with running(store, SystemClock(), channel):
            await until(lambda: channel.sent)
            other = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None)
            other.execute("BEGIN IMMEDIATE")
            channel.gate.set()
            await asyncio.sleep(0.2)
            other.execute("ROLLBACK")
            other.close()
            await until(states(store, DELIVERED))
        assert len(channel.sent) == 1


SENDING = """
import asyncio, sys
from stanch.comms.channels.webhook import WebhookChannel, WebhookSettings
from stanch.comms.outbox import Outbox
from stanch.model.clock import SystemClock
from stanch.store.engine import Store

async def main():
    async with await Store.open(sys.argv[1], SystemClock()) as store:
        channel = WebhookChannel(WebhookSettings(url=sys.argv[2]), SystemClock())
        await Outbox(store, SystemClock(), {"webhook": channel}).run()

asyncio.run(main())
"""


async def test_a_kill_between_sending_and_recording_sends_once_more_under_the_same_key_and_then_fails(
    sqlite_url, receiver
):
    """Twice the server is killed with the message on the wire; the third start gives up, visibly."""
    children = []

    def kill(_request):
        children[-1].send_signal(signal.SIGKILL)

    receiver.answer = kill
    async with await Store.open(sqlite_url, SystemClock()) as store:
        await store.write(lambda c: lifecycle.alert_fired(c, alert(), plan(), T0))
        await enqueue(store, message(incident_id="1"), channel="webhook")
    for _ in range(2):
        child = await asyncio.to_thread(
            subprocess.Popen,
            [sys.executable, "-c", SENDING, sqlite_url, receiver.url],
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3] / "src")},
        )
        children.append(child)
        assert await asyncio.to_thread(child.wait, 30) == -signal.SIGKILL
    assert [request.headers["idempotency-key"] for request in receiver.received] == ["m1 webhook On-call"] * 2
    receiver.answer = lambda _: (200, {})
    async with await Store.open(sqlite_url, SystemClock()) as store:
        channel = WebhookChannel(WebhookSettings(url=receiver.url), SystemClock())
        async with running(store, SystemClock(), channel):
            await until(states(store, FAILED))
        await channel.close()
        assert len(receiver.received) == 2
        events = await store.read(lambda c: timeline.read(c, "1"))
        assert events[-1].kind is EventKind.PAGE_FAILED
        assert events[-1].data["because"] == "sending was cut off twice, so whether it arrived is not known"


async def test_a_kill_once_is_made_good(sqlite_url, receiver):
    async with await Store.open(sqlite_url, SystemClock()) as store:
        await enqueue(store, message(), channel="webhook")
        held = {"holder": "a process that was killed", "held_until": SystemClock().now() + LEASE_S, "attempt": 1}
        await store.write(lambda c: c.execute(update(rows).values(**held)) and None)
        channel = WebhookChannel(WebhookSettings(url=receiver.url), SystemClock())
        async with running(store, SystemClock(), channel):
            await until(states(store, DELIVERED))
        await channel.close()
        (row,) = await listing(store)
        assert (row.attempt, row.resent) == (2, 1)
        assert len(receiver.received) == 1


async def test_what_another_replica_holds_is_its_own_until_its_time_is_over(postgres_store_url):
    clock = ManualClock(T0)
    async with await Store.open(postgres_store_url, clock) as store:
        await enqueue(store, message())
        held = {"holder": "another replica", "held_until": T0 + LEASE_S, "attempt": 1}
        await store.write(lambda c: c.execute(update(rows).values(**held)) and None)
        channel = Scripted()
        async with running(store, clock, channel):
            await asyncio.sleep(0.3)
            assert channel.sent == []
            for _ in range(int(LEASE_S) + 1):
                await clock.advance(1)
                await asyncio.sleep(0.005)
            await until(states(store, DELIVERED))
    assert channel.sent == ["m1 console On-call"]


async def test_a_clock_that_jumps_ahead_sends_nothing_twice(sqlite_url):
    clock = ManualClock(T0)
    async with await Store.open(sqlite_url, clock) as store:
        channel = Scripted()
        channel.gate.clear()
        await enqueue(store, message(1))
        async with running(store, clock, channel):
            await until(lambda: channel.sent)
            clock.jump(86400)
            await enqueue(store, message(2), at=clock.now())
            await until(lambda: len(channel.sent) == 2)
            channel.gate.set()
            await until(states(store, DELIVERED, DELIVERED))
    assert channel.sent == ["m1 console On-call", "m2 console On-call"]


async def test_an_outbox_that_is_run_again_goes_on_with_what_it_left(store, monkeypatch):
    channel = Scripted()
    channel.gate.clear()
    await enqueue(store, message())
    sender = Outbox(store, SystemClock(), {channel.name: channel})
    task = asyncio.create_task(sender.run())
    await until(lambda: channel.sent)
    monkeypatch.setattr(outbox, "FINISH_S", 0.01)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    channel.gate.set()
    task = asyncio.create_task(sender.run())
    await until(states(store, DELIVERED))
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert len(channel.sent) == 2


async def test_two_replicas_share_the_messages_and_send_each_once(postgres_store_url, receiver):
    settings = WebhookSettings(url=receiver.url)
    async with (
        await Store.open(postgres_store_url, SystemClock()) as here,
        await Store.open(postgres_store_url, SystemClock()) as there,
    ):
        channels = [WebhookChannel(settings, SystemClock()) for _ in range(2)]
        async with running(here, SystemClock(), channels[0]), running(there, SystemClock(), channels[1]):
            for start in range(0, 100, 10):
                await enqueue(here, *(message(number) for number in range(start, start + 10)), channel="webhook")
            await until(states(here, *[DELIVERED] * 100), 30)
        for channel in channels:
            await channel.close()
    keys = [request.headers["idempotency-key"] for request in receiver.received]
    assert sorted(keys) == sorted(f"m{number} webhook On-call" for number in range(100))


async def test_the_end_of_the_server_waits_for_what_is_on_its_way(store):
    channel = Scripted()
    channel.gate.clear()
    await enqueue(store, message())
    async with running(store, SystemClock(), channel) as task:
        await until(lambda: channel.sent)
        task.cancel()
        await asyncio.sleep(0.05)
        channel.gate.set()
    assert [each.state for each in await listing(store)] == [DELIVERED]


async def test_the_end_of_the_server_does_not_wait_for_ever(store, monkeypatch):
    monkeypatch.setattr(outbox, "FINISH_S", 0.05)
    channel = Scripted()
    channel.gate.clear()
    await enqueue(store, message())
    async with running(store, SystemClock(), channel):
        await until(lambda: channel.sent)
    (row,) = await listing(store)
    assert row.state is PENDING


async def test_the_console_shows_what_it_was_given(store):
    await enqueue(store, replace(message(), subject="[P1] p95"))
    async with running(store, SystemClock(), ConsoleChannel()):
        await until(states(store, DELIVERED))
    (row,) = await listing(store)
    assert (row.subject, row.detail, row.address) == ("[P1] p95", "shown in the console", "On-call")
    assert await store.read(lambda c: c.execute(select(rows.c.holder)).scalar_one()) is None


async def test_a_replica_that_is_started_again_sends_at_once_what_it_was_sending(postgres_store_url):
    """Another one waits until its lease has run out: it may only be slow."""
    async with await Store.open(postgres_store_url, SystemClock()) as store:
        killed, other, again = Scripted(), Scripted(), Scripted()
        killed.gate.clear()
        await enqueue(store, message(), at=0.0)
        sending = asyncio.create_task(Outbox(store, SystemClock(), {"console": killed}, holder="one").run())
        await until(lambda: killed.sent)
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        waiting = asyncio.create_task(Outbox(store, SystemClock(), {"console": other}, holder="two").run())
        started = asyncio.create_task(Outbox(store, SystemClock(), {"console": again}, holder="one").run())

        async def delivered():
            return (await listing(store))[0].state is DeliveryState.DELIVERED

        await until(delivered)
        for task in (waiting, started):
            task.cancel()
        await asyncio.gather(waiting, started, return_exceptions=True)
        (row,) = await listing(store)
        assert len(killed.sent) + len(other.sent) + len(again.sent) == 2
        assert row.resent == 1
