"""Durable writes: units of work through the store, beside one transaction a write with the same driver and settings.

SQLite: the store's group commit against plain `sqlite3` that commits each row (WAL, synchronous=FULL, both). The row is
200 bytes. With PostgreSQL where it is installed: the store's pool against plain psycopg, one connection, one
transaction a row. Also what an event on a timeline costs (chain, projection, row) and an incident from alert to rows.
Prints JSON.

    python bench/store_writes.py [--seconds 3]
"""

import argparse
import asyncio
import json
import tempfile
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import psycopg
from sqlalchemy import Connection, insert

from clinic.cluster import SUPERUSER, Cluster, Unusable
from stanch.incidents import lifecycle, timeline
from stanch.model.clock import SystemClock
from stanch.model.incident import EventKind
from stanch.model.plan import ClockPromise, Plan, Severity
from stanch.model.problem import Source
from stanch.model.rule import Alert
from stanch.store import sqlite
from stanch.store.engine import Store
from stanch.store.tables import mark

WRITERS = (1, 8, 64, 512)
TEXT = "x" * 200
ROW = {"at": 0.0, "service": "booking", "text": TEXT, "data": {}}

SEVERITY = Severity(
    level="P1",
    name="Critical",
    response_s=300.0,
    clocks=(
        ClockPromise(name="contain", seconds=900.0, text="15 minutes"),
        ClockPromise(name="resolve", seconds=3600.0, text="1 hour"),
    ),
    criteria=(),
    source=Source(path="bench", line=1),
)
PLAN = Plan(hash="0" * 64, playbooks=(), facts=(SEVERITY,))


def one_row(connection: Connection) -> None:
    connection.execute(insert(mark), ROW)


def alert(number: int, service: str) -> Alert:
    return Alert(
        id=f"{service} {number}",
        title="error rate > 5%",
        severity="P1",
        signal="http.error_rate",
        value=0.07,
        at=0.0,
        service=service,
    )


async def rate(write: Callable[[int], Awaitable[object]], writers: int, seconds: float) -> dict[str, float]:
    """How many writes a second `writers` tasks get done, how long each waits, and what processor time it takes here."""
    ends = time.perf_counter() + seconds
    took: list[float] = []
    numbers = iter(range(10**9))

    async def keep_writing() -> None:
        while (began := time.perf_counter()) < ends:
            await write(next(numbers))
            took.append(time.perf_counter() - began)

    worked = time.process_time()
    began = time.perf_counter()
    await asyncio.gather(*(keep_writing() for _ in range(writers)))
    elapsed = time.perf_counter() - began
    worked = time.process_time() - worked
    took.sort()
    return {
        "per_s": round(len(took) / elapsed),
        "p50_ms": round(took[len(took) // 2] * 1000, 2),
        "p99_ms": round(took[int(len(took) * 0.99)] * 1000, 2),
        "cpu_ms": round(worked / len(took) * 1000, 3),
    }


def plain_sqlite(path: Path, seconds: float) -> float:
    """Rows a second, each committed by itself."""
    connection = sqlite.connect(path)
    statement = "INSERT INTO mark (at, service, text, data) VALUES (?, ?, ?, ?)"
    return _plain(lambda: connection.execute(statement, (0.0, "booking", TEXT, "{}")), connection.close, seconds)


def plain_postgres(url: str, seconds: float) -> float:
    connection = psycopg.connect(url, autocommit=True)
    statement = "INSERT INTO mark (at, service, text, data) VALUES (%s, %s, %s, %s)"
    return _plain(lambda: connection.execute(statement, (0.0, "booking", TEXT, "{}")), connection.close, seconds)


def _plain(write: Callable[[], object], close: Callable[[], None], seconds: float) -> float:
    count = 0
    began = time.perf_counter()
    while time.perf_counter() - began < seconds:
        write()
        count += 1
    elapsed = time.perf_counter() - began
    close()
    return count / elapsed


def note(_number: int, _writers: int) -> Callable[[Connection], None]:
    """One event on the timeline of incident 1."""

    def unit(connection: Connection) -> None:
        timeline.append(connection, "1", EventKind.NOTE, {"text": TEXT}, now=0.0)

    return unit


def opening(number: int, writers: int) -> Callable[[Connection], None]:
    """An alert that opens an incident of its own: four events, two clocks and the rows."""
    return _fired(alert(number, f"service {writers} {number}"))


def known(_number: int, _writers: int) -> Callable[[Connection], None]:
    """An alert that fires already."""
    return _fired(alert(0, "first"))


def _fired(which: Alert) -> Callable[[Connection], None]:
    def unit(connection: Connection) -> None:
        lifecycle.alert_fired(connection, which, PLAN, 0.0)

    return unit


async def measure(url: str, plain: Callable[[], float], seconds: float) -> dict[str, object]:
    async with await Store.open(url, SystemClock()) as store:
        await store.write(known(0, 0))

        async def of(unit: Callable[[int, int], Callable[[Connection], None]]) -> dict[str, dict[str, float]]:
            return {
                str(writers): await rate(partial(_write, store, unit, writers), writers, seconds) for writers in (1, 64)
            }

        before = await asyncio.to_thread(plain)
        rows = {str(n): await rate(lambda _: store.write(one_row), n, seconds) for n in WRITERS}
        after = await asyncio.to_thread(plain)
        base = (before + after) / 2
        return {
            "plain_commit_per_s": round(base),
            "rows": rows,
            "ratio_to_plain": {n: round(each["per_s"] / base, 2) for n, each in rows.items()},
            "timeline_events": await of(note),
            "incidents_opened": await of(opening),
            "alerts_known_already": await of(known),
            "broken_links": len(await store.read(timeline.verify)),
        }


async def _write(
    store: Store, unit: Callable[[int, int], Callable[[Connection], None]], writers: int, number: int
) -> None:
    await store.write(unit(number, writers))


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=float, default=3.0)
    seconds = options.parse_args().seconds
    result: dict[str, object] = {"row_bytes": len(TEXT)}
    with tempfile.TemporaryDirectory(prefix="stanch-bench-") as place:
        path = Path(place) / "stanch.db"
        result["sqlite"] = asyncio.run(measure(f"sqlite:///{path}", lambda: plain_sqlite(path, seconds), seconds))
    try:
        with tempfile.TemporaryDirectory(prefix="stanch-bench-", ignore_cleanup_errors=True) as place:
            Path(place).chmod(0o755)
            with Cluster.start(Path(place), durable=True) as cluster:
                url = cluster.url(SUPERUSER)
                result["postgresql"] = asyncio.run(measure(url, lambda: plain_postgres(url, seconds), seconds))
    except Unusable as reason:
        result["postgresql"] = str(reason)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
