"""When the disk or the database cannot go on: nothing that was promised is lost, and the writer lives on."""

import asyncio
import contextlib
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from sqlalchemy import insert, select, text

from stanch.model.clock import SystemClock
from stanch.model.problem import Unusable
from stanch.store.engine import Store
from stanch.store.tables import heartbeat


def beat(name, payload=""):
    def unit(connection):
        connection.execute(insert(heartbeat).values(name=name, at=0, interval_s=1, data=payload))
        return name

    return unit


def names(connection):
    return set(connection.execute(select(heartbeat.c.name)).scalars())


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 3 MB; where it may not be mounted, the test is skipped."""
    place = tmp_path / "small"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(place)], capture_output=True, text=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip(f"no file system may be mounted here: {mounted.stderr.strip()}")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def fill(path):
    """Take all the room that there is."""
    with path.open("wb", buffering=0) as ballast, contextlib.suppress(OSError):
        while True:
            ballast.write(b"x" * 4096)
    assert shutil.disk_usage(path.parent).free == 0


async def test_a_full_disk_loses_nothing_that_was_confirmed_and_passes(small_disk):
    url = f"sqlite:///{small_disk}/stanch.db"
    async with await Store.open(url, SystemClock()) as store:
        kept = {await store.write(beat(f"n{number}", "x" * 50_000)) for number in range(5)}
        fill(small_disk / "ballast")
        outcomes = await asyncio.gather(
            *(store.write(beat(f"m{number}", "x" * 50_000)) for number in range(20)), return_exceptions=True
        )
        kept |= {outcome for outcome in outcomes if isinstance(outcome, str)}
        refused = [outcome for outcome in outcomes if not isinstance(outcome, str)]
        assert refused
        assert {type(each) for each in refused} == {Unusable}
        assert all("The disk is full" in each.message and "goes on by itself" in each.hint for each in refused)
        assert await store.read(names) == kept

        (small_disk / "ballast").unlink()
        assert await store.write(beat("after")) == "after"
        assert await store.read(names) == {*kept, "after"}
    async with await Store.open(url, SystemClock()) as again:
        assert await again.read(names) == {*kept, "after"}


async def test_a_disk_full_at_the_start_is_said(small_disk):
    fill(small_disk / "ballast")
    with pytest.raises(Unusable, match="The disk is full"):
        await Store.open(f"sqlite:///{small_disk}/stanch.db", SystemClock())


async def test_units_beside_one_that_fills_the_database_get_the_same_sentence_and_later_ones_go_through(sqlite_url):
    async with await Store.open(sqlite_url, SystemClock()) as store:
        held = threading.Event()

        def limited(connection):
            # Everything queued behind this unit is in its group.
            assert held.wait(10)
            pages = connection.execute(text("PRAGMA page_count")).scalar_one()
            connection.execute(text(f"PRAGMA max_page_count = {pages + 3}"))

        writes = [asyncio.ensure_future(store.write(limited))]
        writes += [asyncio.ensure_future(store.write(beat(f"n{number}", "x" * 30_000))) for number in range(3)]
        await asyncio.sleep(0)
        held.set()
        outcomes = await asyncio.gather(*writes, return_exceptions=True)
        assert any(isinstance(outcome, Unusable) and "full" in outcome.message for outcome in outcomes)
        there = await store.read(names)
        assert there == {outcome for outcome in outcomes if isinstance(outcome, str)}
        # The connection with the limit was given up with the group, or the limit is lifted here.
        await store.write(lambda connection: connection.execute(text("PRAGMA max_page_count = 1073741823")))
        assert await store.write(beat("after", "x" * 30_000)) == "after"


async def test_a_commit_that_fails_fails_its_group_and_the_writer_lives_on(sqlite_url):
    """A foreign key checked at the commit is a COMMIT that fails, whatever the units did."""
    async with await Store.open(sqlite_url, SystemClock()) as store:
        held = threading.Event()

        def spoiled(connection):
            assert held.wait(10)
            connection.execute(text("PRAGMA defer_foreign_keys = ON"))
            connection.execute(text("INSERT INTO sample (series_id, at, value) VALUES (4711, 0, 0)"))

        group = [asyncio.ensure_future(store.write(spoiled, wake=("runs",)))]
        group += [asyncio.ensure_future(store.write(beat(f"n{number}"), wake=("runs",))) for number in range(5)]
        async with store.listen("runs") as listener:
            await asyncio.sleep(0)
            held.set()
            outcomes = await asyncio.gather(*group, return_exceptions=True)
            assert all("FOREIGN KEY" in str(outcome) for outcome in outcomes)
            assert await store.read(names) == set()
            assert await listener.wait(0.05) is False
            assert await store.write(beat("after"), wake=("runs",)) == "after"
            assert await listener.wait(5) is True
        assert await store.read(names) == {"after"}


async def test_a_unit_that_ends_the_shared_transaction_is_refused(sqlite_url):
    async with await Store.open(sqlite_url, SystemClock()) as store:

        def rude(connection):
            beat("rude")(connection)
            connection.connection.driver_connection.execute("ROLLBACK")

        with pytest.raises(RuntimeError, match="ended the transaction"):
            await store.write(rude)
        assert await store.write(beat("after")) == "after"
        assert await store.read(names) == {"after"}


async def test_a_database_locked_by_another_program_is_said_and_passes(sqlite_url, monkeypatch):
    monkeypatch.setattr("stanch.store.sqlite.BUSY_TIMEOUT_S", 0.05)
    async with await Store.open(sqlite_url, SystemClock()) as store:
        other = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unusable, match=r"Another program holds .* locked"):
            await store.write(beat("a"))
        other.execute("ROLLBACK")
        other.close()
        assert await store.write(beat("b")) == "b"
        assert await store.read(names) == {"b"}


async def test_a_slow_reader_holds_up_no_writer(sqlite_url):
    async with await Store.open(sqlite_url, SystemClock()) as store:
        started, go_on = threading.Event(), threading.Event()

        def slow(connection):
            before = names(connection)
            started.set()
            assert go_on.wait(10)
            return before

        reading = asyncio.ensure_future(store.read(slow))
        await asyncio.to_thread(started.wait, 10)
        await asyncio.wait_for(asyncio.gather(*(store.write(beat(f"n{n}")) for n in range(100))), 10)
        go_on.set()
        assert await reading == set()


CONFIRMING = """
import asyncio, sys
from sqlalchemy import insert
from stanch.model.clock import SystemClock
from stanch.store.engine import Store
from stanch.store.tables import heartbeat

async def main():
    async with await Store.open(sys.argv[1], SystemClock()) as store:
        async def write(worker):
            for number in range(100000):
                name = f"{worker}-{number}"
                await store.write(lambda c: c.execute(
                    insert(heartbeat).values(name=name, at=0, interval_s=1, data=None or {})) and None)
                print(name, flush=True)
        await asyncio.gather(*(write(worker) for worker in range(8)))

asyncio.run(main())
"""


@pytest.fixture
def confirmed(sqlite_url):
    """The names that a process had confirmed when it was killed in the middle of its writing."""
    child = subprocess.Popen(
        [sys.executable, "-c", CONFIRMING, sqlite_url],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3] / "src")},
    )
    lines = [child.stdout.readline().strip() for _ in range(500)]
    child.send_signal(signal.SIGKILL)
    rest = child.stdout.read()  # not `communicate`, which does not know of what `readline` has read ahead
    child.wait(30)
    child.stdout.close()
    # The last line may be cut off.
    return [*lines, *rest.split("\n")[:-1]]


async def test_what_was_confirmed_before_a_kill_is_there_after_it(sqlite_url, confirmed):
    async with await Store.open(sqlite_url, SystemClock()) as store:
        there = await store.read(names)
        assert set(confirmed) <= there
        # Each of the eight writers has at most one unit on the way.
        assert len(there) <= len(confirmed) + 16
        assert await store.read(lambda c: c.execute(text("PRAGMA integrity_check")).scalar_one()) == "ok"


async def test_the_promises_of_the_settings_are_kept_on_every_connection(sqlite_url):
    def settings(connection):
        return {
            name: connection.execute(text(f"PRAGMA {name}")).scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys", "query_only")
        }

    async with await Store.open(sqlite_url, SystemClock()) as store:
        assert await store.write(settings) == {
            "journal_mode": "wal",
            "synchronous": 2,
            "foreign_keys": 1,
            "query_only": 0,
        }
        assert await store.read(settings) == {
            "journal_mode": "wal",
            "synchronous": 2,
            "foreign_keys": 1,
            "query_only": 1,
        }


async def test_a_burst_is_committed_in_few_groups(sqlite_url):
    """The WAL grows by one commit frame a group; a counter of commits is what SQLite itself keeps."""
    async with await Store.open(sqlite_url, SystemClock()) as store:
        held = threading.Event()
        first = asyncio.ensure_future(store.write(lambda _: held.wait(10)))
        burst = [asyncio.ensure_future(store.write(beat(f"n{number}"))) for number in range(500)]
        await asyncio.sleep(0)
        version = "PRAGMA data_version"
        other = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"))
        other.execute(version).fetchone()
        seen = set()
        held.set()
        deadline = time.monotonic() + 30
        while not all(write.done() for write in burst) and time.monotonic() < deadline:
            seen.add(other.execute(version).fetchone()[0])
            await asyncio.sleep(0)
        other.close()
        await asyncio.gather(first, *burst)
        assert len(await store.read(names)) == 500
        assert len(seen) <= 100
