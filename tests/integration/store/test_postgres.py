"""What only PostgreSQL brings: other replicas, deadlocks, a server that goes away and comes back."""

import asyncio
import threading
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from sqlalchemy import insert, select, text, update

from stanch.model.clock import SystemClock
from stanch.model.problem import Unusable
from stanch.store import postgres
from stanch.store.engine import Store
from stanch.store.numbering import next_number
from stanch.store.tables import heartbeat
from stanch.store.wake import wake
from waiting import until
from wire import Wire


def beat(*names, topic=None):
    def unit(connection):
        for name in names:
            connection.execute(insert(heartbeat).values(name=name, at=0, interval_s=1, data={}))
        if topic is not None:
            wake(connection, topic)

    return unit


def names(connection):
    return set(connection.execute(select(heartbeat.c.name)).scalars())


def listening(url):
    with psycopg.connect(url, autocommit=True) as connection:
        return [
            pid
            for (pid,) in connection.execute(
                "SELECT pid FROM pg_stat_activity"
                " WHERE application_name = 'stanch-listen' AND datname = current_database()"
            )
        ]


async def quiet(listener):
    """Past the wakes that say 'what came before was not heard'."""
    while await listener.wait(0.2):
        pass


async def test_another_replica_hears_of_a_commit(postgres_store_url):
    async with (
        await Store.open(postgres_store_url, SystemClock()) as here,
        await Store.open(postgres_store_url, SystemClock()) as there,
        there.listen("runs") as listener,
        there.listen("other") as other,
    ):
        await until(lambda: len(listening(postgres_store_url)) == 2)
        await quiet(listener)
        await quiet(other)
        await here.write(beat("a", topic="runs"))
        assert await listener.wait(5) is True
        assert await there.read(names) == {"a"}
        assert await other.wait(0.1) is False


async def test_a_replica_whose_ear_was_cut_off_polls_and_hears_again(postgres_store_url):
    async with (
        await Store.open(postgres_store_url, SystemClock()) as here,
        await Store.open(postgres_store_url, SystemClock()) as there,
        there.listen("runs") as listener,
    ):
        await until(lambda: len(listening(postgres_store_url)) == 2)
        await quiet(listener)
        ears = listening(postgres_store_url)
        with psycopg.connect(postgres_store_url, autocommit=True) as connection:
            for pid in ears:
                connection.execute("SELECT pg_terminate_backend(%s)", [pid])
        assert await listener.wait(10) is True
        await until(lambda: len(listening(postgres_store_url)) == 2)
        await quiet(listener)
        await here.write(beat("a"), wake=("runs",))
        assert await listener.wait(5) is True


async def test_two_units_that_deadlock_both_come_through(postgres_store_url):
    async with await Store.open(postgres_store_url, SystemClock()) as store:
        await store.write(beat("a", "b"))
        both = threading.Barrier(2)
        tries = []

        def crossing(first, second):
            def unit(connection):
                tries.append(first)
                connection.execute(update(heartbeat).where(heartbeat.c.name == first).values(at=heartbeat.c.at + 1))
                if tries.count(first) == 1:
                    both.wait(10)
                connection.execute(update(heartbeat).where(heartbeat.c.name == second).values(at=heartbeat.c.at + 1))

            return unit

        await asyncio.gather(store.write(crossing("a", "b")), store.write(crossing("b", "a")))
        assert len(tries) == 3
        values = await store.read(lambda c: c.execute(select(heartbeat.c.at)).scalars().all())
        assert values == [2, 2]


async def test_units_run_side_by_side(postgres_store_url):
    async with await Store.open(postgres_store_url, SystemClock()) as store:
        together = threading.Barrier(4)
        await asyncio.gather(*(store.write(lambda _: together.wait(10) and None) for _ in range(4)))


async def test_connections_that_the_server_ended_are_replaced(postgres_store_url):
    async with await Store.open(postgres_store_url, SystemClock()) as store:
        await store.write(beat("a"))
        with psycopg.connect(postgres_store_url, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'stanch'"
                " AND datname = current_database()"
            )
        await store.write(beat("b"))
        assert await store.read(names) == {"a", "b"}


async def test_a_server_that_ends_the_session_mid_unit_is_said(postgres_store_url):
    async with await Store.open(postgres_store_url, SystemClock()) as store:

        def cut_off(connection):
            beat("lost")(connection)
            pid = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
            with psycopg.connect(postgres_store_url, autocommit=True) as other:
                other.execute("SELECT pg_terminate_backend(%s)", [pid])
            beat("later")(connection)

        with pytest.raises(Unusable, match="does not answer") as away:
            await store.write(cut_off)
        assert "not known" in away.value.hint
        assert await store.read(names) == set()


def ending_its_session(connection, url):
    pid = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
    with psycopg.connect(url, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])


async def test_a_unit_whose_session_ended_before_it_was_saved_is_run_again(postgres_store_url):
    async with await Store.open(postgres_store_url, SystemClock()) as store:
        tries = []

        def cut_off_once(connection):
            tries.append(1)
            beat("a")(connection)
            if len(tries) == 1:
                ending_its_session(connection, postgres_store_url)
            beat("b")(connection)
            return len(tries)

        assert await store.write(cut_off_once) == 2
        assert await store.read(names) == {"a", "b"}


async def test_a_read_whose_session_ended_is_done_again(postgres_store_url):
    async with await Store.open(postgres_store_url, SystemClock()) as store:
        await store.write(beat("a"))
        tries = []

        def cut_off_once(connection):
            tries.append(1)
            if len(tries) == 1:
                ending_its_session(connection, postgres_store_url)
            return names(connection)

        assert await store.read(cut_off_once) == {"a"}


@pytest.mark.parametrize("topic", [None, "runs"])
async def test_a_unit_whose_session_ended_while_it_was_being_saved_is_never_run_again(postgres_store_url, topic):
    async with await Store.open(postgres_store_url, SystemClock()) as store:
        tries = []

        def cut_off_at_the_end(connection):
            tries.append(1)
            beat("a", topic=topic)(connection)
            ending_its_session(connection, postgres_store_url)

        with pytest.raises(Unusable, match="does not answer") as away:
            await store.write(cut_off_at_the_end)
        assert "not known" in away.value.hint
        assert len(tries) == 1


async def test_a_topic_is_heard_as_it_was_said(postgres_store_url):
    odd = "it's; a %s 'topic' "
    async with (
        await Store.open(postgres_store_url, SystemClock()) as here,
        await Store.open(postgres_store_url, SystemClock()) as there,
        there.listen(odd) as listener,
    ):
        await until(lambda: len(listening(postgres_store_url)) == 2)
        await quiet(listener)
        await here.write(beat("a", topic=odd))
        assert await listener.wait(5) is True
        assert await there.read(names) == {"a"}


async def test_replicas_that_start_together_migrate_once(postgres_url):
    stores = await asyncio.gather(*(Store.open(postgres_url, SystemClock()) for _ in range(4)))
    for store in stores:
        await store.close()


async def test_a_unit_that_hangs_in_the_database_is_ended_by_the_time_limit(postgres_store_url):
    async with await Store.open(postgres_store_url, SystemClock()) as store:
        limit = await store.read(lambda c: c.execute(text("SHOW statement_timeout")).scalar_one())
        waiting = await store.read(lambda c: c.execute(text("SHOW lock_timeout")).scalar_one())
        assert (limit, waiting) == ("30s", "10s")

        def hanging(connection):
            connection.execute(text("SET LOCAL statement_timeout = '50ms'"))
            connection.execute(text("SELECT pg_sleep(5)"))

        with pytest.raises(Unusable, match="canceling statement due to statement timeout"):
            await store.write(hanging)


def beside(wire, url):
    """The same database, at the other end of a wire."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{parts.netloc.rpartition(':')[0]}:{wire.port}"))


async def test_a_replica_whose_ear_hears_nothing_any_more_notices_and_looks_by_itself(postgres_store_url, monkeypatch):
    """Nothing is refused and nothing ends: what is said to it just never arrives."""
    monkeypatch.setattr(postgres, "HEAR_S", 0.5)
    async with (
        Wire(urlsplit(postgres_store_url).port) as wire,
        await Store.open(postgres_store_url, SystemClock()) as here,
        await Store.open(beside(wire, postgres_store_url), SystemClock()) as there,
        there.listen("runs") as listener,
    ):
        await until(lambda: len(listening(postgres_store_url)) == 2)
        await quiet(listener)
        wire.cut("drop", only=b"stanch-listen")
        await here.write(beat("a"), wake=("runs",))
        assert await listener.wait(10) is True
        assert await there.read(names) == {"a"}
        wire.mend()
        await until(lambda: len(listening(postgres_store_url)) == 2)
        await quiet(listener)
        await here.write(beat("b"), wake=("runs",))
        assert await listener.wait(5) is True


async def test_a_replica_that_falls_silent_in_a_transaction_does_not_hold_up_the_others(
    postgres_store_url, monkeypatch
):
    monkeypatch.setattr(postgres, "IDLE_S", 1)
    async with (
        Wire(urlsplit(postgres_store_url).port) as wire,
        await Store.open(postgres_store_url, SystemClock()) as here,
        await Store.open(beside(wire, postgres_store_url), SystemClock()) as there,
    ):
        await here.write(lambda connection: next_number(connection, "event"))
        trip = wire.when(b"event", delivered=False, then=lambda: wire.cut("hold"))
        silent = asyncio.create_task(there.write(lambda connection: next_number(connection, "event")))
        await asyncio.wait_for(trip.fired.wait(), 10)
        assert await asyncio.wait_for(here.write(lambda connection: next_number(connection, "event")), 8) == 2
        wire.mend()
        with pytest.raises(Unusable, match="silent in the middle"):
            await silent
        assert await here.write(lambda connection: next_number(connection, "event")) == 3


async def test_an_answer_that_never_comes_is_given_up(postgres_store_url, monkeypatch):
    monkeypatch.setattr(postgres, "ANSWER_S", 1.0)
    async with (
        Wire(urlsplit(postgres_store_url).port) as wire,
        await Store.open(beside(wire, postgres_store_url), SystemClock()) as store,
    ):
        assert await store.read(names) == set()
        wire.cut("drop")
        with pytest.raises(Unusable, match="does not answer"):
            await asyncio.wait_for(store.read(names), 20)
        wire.mend()
        await store.write(beat("a"))
        assert await store.read(names) == {"a"}


async def test_a_lock_that_another_keeps_too_long_is_said(postgres_store_url):
    async with await Store.open(postgres_store_url, SystemClock()) as store:
        await store.write(beat("a"))
        with psycopg.connect(postgres_store_url) as connection:
            connection.execute("UPDATE heartbeat SET at = 1 WHERE name = 'a'")

            def unit(rows):
                rows.execute(text("SET LOCAL lock_timeout = '100ms'"))
                rows.execute(update(heartbeat).where(heartbeat.c.name == "a").values(at=2))

            with pytest.raises(Unusable, match="held what was to be saved"):
                await store.write(unit)
