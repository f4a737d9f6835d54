"""Finding the missing index in a saturated database: seconds and statements, at five million rows and 30 clients.

The clinic's data without its index, on each PostgreSQL that is here. Beside it, in the same run, what a person does by
hand: EXPLAIN (ANALYZE, BUFFERS) of the slow statement, which runs it once more. Prints JSON.

    python bench/diagnosis.py [--appointments 5000000] [--clients 30] [--rounds 5] [--origin system]
"""

import argparse
import asyncio
import json
import multiprocessing
import random
import statistics
import tempfile
import time
from datetime import timedelta
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import psycopg
from pydantic import SecretStr

from clinic.binaries import Origin, installed
from clinic.cluster import Cluster
from clinic.faults import drop_index
from clinic.seed import FIRST_DAY, Population, seed
from stanch.connectors.postgres import PostgresConnector, PostgresSettings
from stanch.diagnosis.rendering import as_dict
from stanch.diagnosis.search import prepare, search
from stanch.model.clock import SystemClock
from stanch.model.finding import Diagnosis
from stanch.response.actions.diagnose import diagnose_postgres

DAY = "SELECT * FROM appointments WHERE doctor_id = %s AND appointment_date = %s"
WARM_UP_S = 15.0
BASELINE_AGE_S = 15.0
GOAL = {"statements": 5, "seconds": 3, "columns": ["doctor_id", "appointment_date"]}


def load(url: str, clients: int, population: Population, begun: Event) -> None:
    """Clients of their own process, until it is ended."""

    async def client(number: int) -> None:
        choose = random.Random(number)
        async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
            begun.set()
            while True:
                day = FIRST_DAY + timedelta(days=choose.randrange(population.days))
                await connection.execute(DAY, [choose.randint(1, population.doctors), day])

    async def run() -> None:
        await asyncio.gather(*(client(number) for number in range(clients)))

    asyncio.run(run())


def facts(diagnosis: Diagnosis) -> dict[str, Any]:
    told = as_dict(diagnosis)
    found = next((each for each in told["findings"] if each["cause"] == "missing_index"), None)
    return {
        "seconds": round(diagnosis.elapsed_s, 3),
        "statements": diagnosis.statements,
        "columns": None if found is None else found["columns"],
        "confidence": None if found is None else found["confidence"],
        "because": next((each["because"] for each in told["ruled_out"] if each["cause"] == "missing_index"), None),
    }


def summed(rounds: list[dict[str, Any]]) -> dict[str, Any]:
    seconds = sorted(each["seconds"] for each in rounds)
    return {
        "seconds_median": statistics.median(seconds),
        "seconds_worst": seconds[-1],
        "statements": max(each["statements"] for each in rounds),
        "found": sum(each["columns"] == GOAL["columns"] for each in rounds),
        "rounds": len(rounds),
        "confidence": sorted({each["confidence"] for each in rounds if each["confidence"] is not None}),
        "missed_because": sorted({each["because"] for each in rounds if each["because"] is not None}),
    }


async def measure(cluster: Cluster, rounds: int) -> dict[str, Any]:
    url, clock = cluster.url("stanch_read"), SystemClock()
    settings = PostgresSettings(url=SecretStr(url))
    prepare()
    async with PostgresConnector(settings, clock) as connector:
        # In an incident the session was opened before, and a baseline was noted meanwhile.
        await connector.baseline()
        await asyncio.sleep(BASELINE_AGE_S)
        in_incident = []
        for _ in range(rounds):
            in_incident.append(facts(await search(connector, clock)))
            await asyncio.sleep(5)
    one_shot = [facts(await diagnose_postgres(url, clock)) for _ in range(rounds)]
    return {"one_shot": summed(one_shot), "in_incident": summed(in_incident), "by_hand": await by_hand(url)}


async def by_hand(url: str) -> dict[str, Any]:
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        begun = time.monotonic()
        await connection.execute(f"EXPLAIN (ANALYZE, BUFFERS) {DAY}", [17, FIRST_DAY])
        return {"explain_analyze_s": round(time.monotonic() - begun, 3)}


def measured(origin: Origin, appointments: int, clients: int, rounds: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="stanch-bench-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)
        with Cluster.start(Path(name), origin=origin, durable=False) as cluster:
            seed(cluster.url(), appointments=appointments)
            drop_index.inject(cluster.url())
            begun = multiprocessing.Event()
            population = Population.of(appointments)
            child = multiprocessing.Process(target=load, args=(cluster.url(), clients, population, begun), daemon=True)
            child.start()
            try:
                begun.wait()
                time.sleep(WARM_UP_S)
                result = asyncio.run(measure(cluster, rounds))
            finally:
                child.terminate()
                child.join()
            with psycopg.connect(cluster.url()) as connection:
                row = connection.execute("SELECT relpages FROM pg_class WHERE relname = 'appointments'").fetchone()
            assert row is not None
            return {"postgresql": cluster.server.major, "megabytes": row[0] * 8192 // 10**6, **result}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--appointments", type=int, default=5_000_000)
    parser.add_argument("--clients", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--origin", choices=[origin.value for origin in Origin])
    given = parser.parse_args()
    origins = [Origin(given.origin)] if given.origin else [origin for origin in Origin if installed(origin)]
    result = {origin.value: measured(origin, given.appointments, given.clients, given.rounds) for origin in origins}
    print(json.dumps({"appointments": given.appointments, "clients": given.clients, "goal": GOAL, **result}))


if __name__ == "__main__":
    main()
