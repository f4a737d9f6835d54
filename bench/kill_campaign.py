"""Random kills: whether a completed step runs again, a mutating one runs twice, or an outcome is lost.

Real processes carry out runs of nine steps (every kind: reading, mutating and slow commands, actions with their undo, a
control, a message, a destructive one) and are killed with SIGKILL at random moments and at random transitions, one life
after another, until the run is over; on SQLite, or as a replica on PostgreSQL (its own database for each run). What is
counted comes from the runs' own timelines and from a journal that the steps' acts write by themselves, outside of the
store. All three counts have to be 0. Prints JSON.

    python bench/kill_campaign.py [--kills 500] [--seed 1] [--store sqlite] [--store postgresql]

Without `--store`, on both.
"""

import argparse
import asyncio
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psycopg

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "src")]

from clinic.cluster import SUPERUSER, Cluster  # noqa: E402 - as below
from response_lives import steps  # noqa: E402 - the lives are those of the tests
from response_stage import Stage  # noqa: E402 - as above
from stanch.incidents import timeline  # noqa: E402 - as above
from stanch.model.clock import SystemClock  # noqa: E402 - as above
from stanch.model.incident import EventKind  # noqa: E402 - as above
from stanch.model.risk import Risk  # noqa: E402 - as above
from stanch.model.run import RunState, StepState  # noqa: E402 - as above
from stanch.response.settling import MOST_ATTEMPTS  # noqa: E402 - as above
from stanch.store.engine import Store  # noqa: E402 - as above

LONGEST_LIFE_S = 0.8
LATEST_TRANSITION = 40
NAMES = ("kills", "runs", "completed_steps_run_again", "mutating_steps_run_twice", "lost_outcomes", "chains_broken")


class Lives:
    """The process that forks lives (see `tests/response_lives.py`)."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(ROOT / "tests" / "response_lives.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path[:2])},
        )

    def live(self, folder: Path, url: str, at: int, seconds: float) -> int:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{folder} {url} {at} {seconds}\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline().split()[1])

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(30)


class Databases:
    """An address for each run's store: a file in its folder, or a database of its own."""

    def __init__(self, cluster: Cluster | None) -> None:
        self._cluster = cluster
        if cluster is not None:
            self._execute("CREATE DATABASE template_of_stanch")
            asyncio.run(_migrate(cluster.url(SUPERUSER, "template_of_stanch")))

    @contextlib.contextmanager
    def one(self, folder: Path) -> Iterator[str]:
        if self._cluster is None:
            yield f"sqlite:///{folder}/stanch.db"
            return
        name = f"run_{folder.name.lower()}"
        self._execute(f"CREATE DATABASE {name} TEMPLATE template_of_stanch")
        try:
            yield self._cluster.url(SUPERUSER, name)
        finally:
            self._execute(f"DROP DATABASE {name} WITH (FORCE)")

    def _execute(self, statement: str) -> None:
        assert self._cluster is not None
        with psycopg.connect(self._cluster.url(SUPERUSER, "postgres"), autocommit=True) as connection:
            connection.execute(statement.encode())


async def _migrate(url: str) -> None:
    await (await Store.open(url, SystemClock())).close()


async def judge(folder: Path, url: str, counts: Counter[str]) -> None:
    """Count what went wrong in a run that is over."""
    async with await Store.open(url, SystemClock()) as store:
        stage = Stage(store, folder, *steps(folder))
        run = await stage.run()
        events = await stage.events()
        counts["chains_broken"] += len(await store.read(timeline.verify))
        counts["runs"] += 1
        counts["lost_outcomes"] += run.state is not RunState.FINISHED
        journal = Counter(stage.world.journal())
        for step in run.steps:
            mine = [event.kind for event in events if event.data.get("step") == step.key]
            done = mine.index(EventKind.STEP_DONE) if EventKind.STEP_DONE in mine else len(mine)
            counts["completed_steps_run_again"] += mine[done:].count(EventKind.STEP_STARTED)
            counts["people_asked_what_happened"] += mine.count(EventKind.STEP_UNKNOWN)
            given_up = step.risk is Risk.READ_ONLY and step.attempt >= MOST_ATTEMPTS
            counts["lost_outcomes"] += step.state is not StepState.DONE and not given_up
            if step.risk is not Risk.READ_ONLY:
                acted = journal[f"{step.key}: ran"] if step.command else journal[f"{step.action}-{step.key}: built"]
                counts["mutating_steps_run_twice"] += max(0, acted - 1)


def campaign(databases: Databases, kills: int, seed: int) -> dict[str, object]:
    """One campaign of so many kills."""
    chance = random.Random(seed)
    counts: Counter[str] = Counter()
    began = time.monotonic()
    lives = Lives()
    try:
        while counts["kills"] < kills:
            with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name, databases.one(Path(name)) as url:
                folder = Path(name)
                while True:
                    at = chance.randint(1, LATEST_TRANSITION) if chance.random() < 0.5 else 0
                    ended = lives.live(folder, url, at, 0.0 if at else chance.uniform(0.02, LONGEST_LIFE_S))
                    if ended == 0:
                        break
                    if ended != -signal.SIGKILL:
                        raise SystemExit(f"a life ended with {ended}:\n{(folder / 'log').read_text()[-3000:]}")
                    counts["kills"] += 1
                asyncio.run(judge(folder, url, counts))
    finally:
        lives.close()
    found = {name: counts[name] for name in (*NAMES, "people_asked_what_happened")}
    return {**found, "elapsed_s": round(time.monotonic() - began, 1)}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--store", choices=["sqlite", "postgresql"], action="append")
    options = parser.parse_args()
    found: dict[str, object] = {}
    for store in options.store or ["sqlite", "postgresql"]:
        with Cluster.temporary() if store == "postgresql" else contextlib.nullcontext() as cluster:
            found[store] = campaign(Databases(cluster), options.kills, options.seed)
    print(json.dumps({**found, "goal": dict.fromkeys(NAMES[2:], 0)}))


main()
