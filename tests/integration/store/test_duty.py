"""What one of several replicas does at a time: taken, renewed, lost, let go, and never written by two."""

import asyncio
from urllib.parse import urlsplit, urlunsplit

import pytest
from sqlalchemy import insert, select

from stanch.model.clock import SystemClock
from stanch.store.duty import Duty, DutyLost
from stanch.store.engine import Store
from stanch.store.tables import heartbeat
from waiting import until
from wire import Wire

TERM_S = 3.0


def beat(name):
    return lambda connection: connection.execute(insert(heartbeat).values(name=name, at=0, interval_s=1, data={}))


def names(connection):
    return set(connection.execute(select(heartbeat.c.name)).scalars())


class Job:
    """Notes when it is begun and ended, and writes when it is told to."""

    def __init__(self, store, holder, *, term_s=TERM_S):
        self.duty = Duty(store, SystemClock(), name="nightly", holder=holder, term_s=term_s)
        self.runs = 0
        self.at_work = asyncio.Event()
        self.write = asyncio.Event()
        self.wrote = asyncio.Event()

    async def __call__(self):
        self.runs += 1
        self.at_work.set()
        try:
            await self.write.wait()
            await self.duty.store.write(beat(f"{self.duty._holder} {self.runs}"))
            self.wrote.set()
            await asyncio.Event().wait()
        finally:
            self.at_work.clear()

    def begin(self):
        return asyncio.create_task(self.duty.run(self))


async def end(*tasks):
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_on_sqlite_every_duty_is_the_one_process_s(sqlite_url):
    async with await Store.open(sqlite_url, SystemClock()) as store:
        job = Job(store, "one")
        task = job.begin()
        job.write.set()
        await asyncio.wait_for(job.wrote.wait(), 5)
        await end(task)
        assert await store.read(names) == {"one 1"}


async def test_one_at_a_time_and_the_next_when_it_is_let_go(postgres_store_url):
    async with (
        await Store.open(postgres_store_url, SystemClock()) as here,
        await Store.open(postgres_store_url, SystemClock()) as there,
    ):
        one, two = Job(here, "one"), Job(there, "two")
        first = one.begin()
        await asyncio.wait_for(one.at_work.wait(), 5)
        second = two.begin()
        with pytest.raises(TimeoutError):  # renewed for longer than a lease lasts
            await asyncio.wait_for(two.at_work.wait(), 2 * TERM_S)
        assert one.at_work.is_set()
        await end(first)
        await asyncio.wait_for(two.at_work.wait(), TERM_S)
        await end(second)


async def test_one_that_is_started_again_takes_up_what_it_held_and_another_waits(postgres_store_url):
    async with await Store.open(postgres_store_url, SystemClock()) as store:
        killed = Job(store, "one", term_s=3600.0)
        assert await killed.duty._take()  # and nothing more is heard of it
        other, again = Job(store, "two", term_s=0.3), Job(store, "one", term_s=0.3)
        waiting = other.begin()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(other.at_work.wait(), 1.0)
        taking = again.begin()
        await asyncio.wait_for(again.at_work.wait(), 5)
        await end(waiting, taking)


async def test_a_job_that_fails_lets_go_and_says_so(postgres_store_url):
    async with await Store.open(postgres_store_url, SystemClock()) as store:
        duty = Duty(store, SystemClock(), name="nightly", holder="one", term_s=60.0)

        async def fails():
            raise RuntimeError("it broke")

        with pytest.raises(RuntimeError, match="it broke"):
            await duty.run(fails)
        other = Job(store, "two", term_s=0.3)
        task = other.begin()
        await asyncio.wait_for(other.at_work.wait(), 5)
        await end(task)


async def test_one_that_falls_silent_ends_its_job_before_another_begins_and_writes_nothing_when_it_is_back(
    postgres_store_url,
):
    parts = urlsplit(postgres_store_url)
    async with Wire(parts.port) as wire:
        beside = urlunsplit(parts._replace(netloc=f"{parts.netloc.rpartition(':')[0]}:{wire.port}"))
        async with (
            await Store.open(beside, SystemClock()) as near,
            await Store.open(postgres_store_url, SystemClock()) as far,
        ):
            one, two = Job(near, "one"), Job(far, "two")
            first = one.begin()
            await asyncio.wait_for(one.at_work.wait(), 5)
            late = near.behind(one.duty._fence)
            wire.cut("hold")
            told = asyncio.create_task(late.write(beat("late")))  # it is under way when the wire is cut
            second = two.begin()
            await asyncio.wait_for(two.at_work.wait(), 5 * TERM_S)
            assert not one.at_work.is_set(), "both were at work"
            two.write.set()
            await asyncio.wait_for(two.wrote.wait(), 5)
            wire.mend()
            with pytest.raises(DutyLost):
                await told
            await until(two.at_work.is_set)
            assert await far.read(names) == {"two 1"}
            await end(first, second)
