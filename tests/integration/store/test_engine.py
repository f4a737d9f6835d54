"""Units of work, the same on both engines."""

import asyncio
import threading

import pytest
from sqlalchemy import func, insert, select
from sqlalchemy.exc import DBAPIError, IntegrityError

from stanch.model.clock import ManualClock, SystemClock
from stanch.model.problem import Refused, Unusable
from stanch.store.engine import Store
from stanch.store.numbering import next_number, take_turns
from stanch.store.tables import counter, heartbeat
from stanch.store.wake import wake
from waiting import until


def beat(name):
    def unit(connection):
        connection.execute(insert(heartbeat).values(name=name, at=1.5, interval_s=2.0, data={"of": [name, None]}))
        return name

    return unit


def beats(connection):
    return set(connection.execute(select(heartbeat.c.name)).scalars())


async def test_a_write_returns_the_units_value_and_is_read_back(store):
    assert await store.write(beat("a")) == "a"
    row = await store.read(lambda connection: connection.execute(select(heartbeat)).one())
    assert row == ("a", 1.5, 2.0, {"of": ["a", None]})


async def test_a_unit_that_raises_undoes_itself_and_not_its_neighbours(store):
    def refused(connection):
        beat("refused")(connection)
        raise Refused("no")

    outcomes = await asyncio.gather(
        store.write(beat("before")), store.write(refused), store.write(beat("after")), return_exceptions=True
    )
    assert outcomes[0] == "before"
    assert isinstance(outcomes[1], Refused)
    assert outcomes[2] == "after"
    assert await store.read(beats) == {"before", "after"}


async def test_a_broken_constraint_reaches_its_writer_as_it_is(store):
    await store.write(beat("a"))
    outcomes = await asyncio.gather(store.write(beat("a")), store.write(beat("b")), return_exceptions=True)
    assert isinstance(outcomes[0], IntegrityError)
    assert await store.read(beats) == {"a", "b"}


async def test_an_error_survived_inside_a_nested_transaction_leaves_the_rest(store):
    await store.write(beat("a"))

    def unit(connection):
        beat("b")(connection)
        with pytest.raises(IntegrityError), connection.begin_nested():
            beat("a")(connection)
        beat("c")(connection)

    await store.write(unit)
    assert await store.read(beats) == {"a", "b", "c"}


async def test_stop_iteration_from_a_unit_is_raised_and_not_lost(store):
    with pytest.raises(RuntimeError, match="StopIteration"):
        await asyncio.wait_for(store.write(lambda _: next(iter(()))), 5)


async def test_a_reader_cannot_write(store):
    with pytest.raises(DBAPIError, match=r"read-only|readonly"):
        await store.read(beat("a"))
    assert await store.read(beats) == set()


async def test_a_reader_sees_one_moment(store):
    started, go_on = threading.Event(), threading.Event()

    def twice(connection):
        first = beats(connection)
        started.set()
        assert go_on.wait(10)
        return first, beats(connection)

    reading = asyncio.ensure_future(store.read(twice))
    await asyncio.to_thread(started.wait, 10)
    await store.write(beat("a"))
    go_on.set()
    assert await reading == (set(), set())


async def test_numbers_are_given_once_each_without_gaps_to_concurrent_writers(store):
    def lost(connection):
        next_number(connection, "incident")
        raise Refused("no")

    units = [store.write(lambda connection: next_number(connection, "incident")) for _ in range(40)]
    units[20:20] = [store.write(lost) for _ in range(5)]
    outcomes = await asyncio.gather(*units, return_exceptions=True)
    given = [outcome for outcome in outcomes if isinstance(outcome, int)]
    assert sorted(given) == list(range(1, 41))
    assert sum(isinstance(outcome, Refused) for outcome in outcomes) == 5


async def test_taking_turns_lets_one_decision_at_a_time_be_made(store):
    def first_only(name):
        def unit(connection):
            take_turns(connection, "service:checkout")
            if connection.execute(select(func.count()).select_from(heartbeat)).scalar_one() == 0:
                beat(name)(connection)
                return True
            return False

        return unit

    assert sorted(await asyncio.gather(*(store.write(first_only(str(n))) for n in range(12)))) == [False] * 11 + [True]


async def test_a_listener_wakes_after_the_commit_and_only_for_its_topics(store):
    async with store.listen("runs", "controls") as listener, store.listen("other") as other:
        # On PostgreSQL the first wake says that what came before was not heard.
        while await listener.wait(0.3):
            await other.wait(0)
        await store.write(beat("a"), wake=("runs",))
        assert await listener.wait(5) is True
        assert await store.read(beats) == {"a"}
        assert await other.wait(0.05) is False


async def test_a_unit_can_signal_a_topic_that_its_caller_does_not_know(store):
    def unit(connection):
        beat("a")(connection)
        wake(connection, "outbox")

    async with store.listen("outbox") as listener:
        while await listener.wait(0.3):
            pass
        await store.write(unit)
        assert await listener.wait(5) is True


async def test_a_unit_that_raises_signals_nothing(store):
    def unit(connection):
        wake(connection, "outbox")
        raise Refused("no")

    async with store.listen("outbox") as listener:
        while await listener.wait(0.3):
            pass
        with pytest.raises(Refused):
            await store.write(unit, wake=("outbox",))
        await store.write(beat("a"))
        assert await listener.wait(0.05) is False


async def test_a_wake_that_nobody_waited_for_is_kept(store):
    async with store.listen("runs") as listener:
        while await listener.wait(0.3):
            pass
        await store.write(beat("a"), wake=("runs",))
        await asyncio.sleep(0)
        assert await listener.wait(5) is True


async def test_a_listener_waits_in_the_stores_time(sqlite_url):
    clock = ManualClock()
    async with await Store.open(sqlite_url, clock) as store, store.listen("runs") as listener:
        waiting = asyncio.ensure_future(listener.wait(3600))
        await clock.advance(0)
        await clock.advance(3599)
        assert not waiting.done()
        await clock.advance(2)
        assert await asyncio.wait_for(waiting, 5) is False


async def test_a_caller_that_is_cancelled_does_not_undo_its_write(store):
    writing = asyncio.ensure_future(store.write(beat("a")))
    await asyncio.sleep(0)
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    await store.write(beat("b"))
    assert "b" in await store.read(beats)
    await until(lambda: both_there(store))


async def both_there(store):
    return await store.read(beats) == {"a", "b"}


async def test_closing_finishes_what_is_queued_and_refuses_what_comes_after(store_url):
    store = await Store.open(store_url, SystemClock())
    writes = [asyncio.ensure_future(store.write(beat(str(n)))) for n in range(50)]
    await asyncio.sleep(0)
    await store.close()
    assert len(await asyncio.gather(*writes)) == 50
    with pytest.raises(Unusable, match="closed"):
        await store.write(beat("late"))
    await store.close()
    async with await Store.open(store_url, SystemClock()) as again:
        assert len(await again.read(beats)) == 50


async def test_text_that_databases_dislike_survives_in_documents(store):
    data = {"text": "nul \x00, lone \ud800, snowman ☃", "nan": float("nan"), "big": 2**63}

    def unit(connection):
        connection.execute(insert(heartbeat).values(name="a", at=0.1 + 0.2, interval_s=1e-320, data=data))

    await store.write(unit)
    row = await store.read(lambda connection: connection.execute(select(heartbeat)).one())
    assert row.data == {**data, "nan": "NaN"}
    assert (row.at, row.interval_s) == (0.1 + 0.2, 1e-320)


async def test_a_counter_starts_at_one_for_each_name(store):
    assert await store.write(lambda c: (next_number(c, "a"), next_number(c, "a"), next_number(c, "b"))) == (1, 2, 1)
    assert await store.read(lambda c: dict(c.execute(select(counter)).all())) == {"a": 2, "b": 1}
