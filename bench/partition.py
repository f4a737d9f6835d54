"""One of two replicas falls silent in the middle of a step, over and over: what is lost or repeated, how long it takes.

Two real servers on one real PostgreSQL, each at the end of a wire that can be cut: what is said is held, dropped, or
reset; or the process is stopped (SIGSTOP). That happens at every point of a step that changes something, and at
moments of its own choosing, for longer than the lease and for less. Counted, from the timelines and from the journal
that the program itself writes: completed steps that ran again, programs run twice, outcomes lost; all have to be 0.
`takeover_s` is from the silence to another replica holding the run, beside the lease that it has to wait for. Prints
JSON.

    python bench/partition.py [--rounds 60] [--runs 4] [--lease 6] [--seed 1]
"""

import argparse
import asyncio
import itertools
import json
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import psycopg

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "src")]

from clinic.cluster import SUPERUSER, Cluster  # noqa: E402 - the servers and the wires are those of the tests
from pair import Pair  # noqa: E402 - as above
from partition_rounds import Fault, Kind, Point, Round, play  # noqa: E402 - as above
from stanch.incidents import timeline  # noqa: E402 - as above
from stanch.model.clock import SystemClock  # noqa: E402 - as above
from stanch.store.engine import Store  # noqa: E402 - as above

ZERO = (
    "completed_steps_run_again",
    "mutating_steps_run_twice",
    "lost_outcomes",
    "outcomes_written_twice",
    "beginnings_unrecorded",
    "runs_finished_twice",
    "chains_broken",
)


def faults(chance: random.Random, lease_s: float) -> list[Fault]:
    """Every kind at every point, once for longer than the lease and once for less, in random order."""
    found = [
        Fault(kind=kind, point=point, seconds=lease_s * share)
        for kind, point in itertools.product(Kind, Point)
        for share in (chance.uniform(1.2, 1.8), chance.uniform(0.05, 0.6))
    ]
    possible = [fault for fault in found if fault.is_possible]
    chance.shuffle(possible)
    return possible


def share(values: list[float], quantile: float) -> float | None:
    """The nearest-rank quantile."""
    if not values:
        return None
    return round(sorted(values)[min(len(values) - 1, int(quantile * len(values)))], 3)


async def rounds(folder: Path, url: str, options: argparse.Namespace) -> tuple[list[Round], int]:
    chance = random.Random(options.seed)
    played: list[Round] = []
    async with Pair.up(folder, url, lease_s=options.lease) as pair:
        waiting: list[Fault] = []
        while len(played) < options.rounds:
            waiting = waiting or faults(chance, options.lease)
            played.append(await play(pair, waiting.pop(), chance, runs=options.runs))
            for wrong in played[-1].wrong:
                sys.stderr.write(f"{wrong}\n")
    async with await Store.open(url, SystemClock()) as store:
        return played, len(await store.read(timeline.verify))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--runs", type=int, default=4)
    parser.add_argument("--lease", type=float, default=6.0)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    began = time.monotonic()
    with Cluster.temporary() as cluster, tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        with psycopg.connect(cluster.url(SUPERUSER, "postgres"), autocommit=True) as connection:
            connection.execute("CREATE DATABASE stanch")
        url = cluster.url(SUPERUSER, "stanch")
        played, broken = asyncio.run(rounds(Path(name) / "pair", url, options))
    counts = sum((each.counts for each in played), Counter({"chains_broken": broken}))
    taken = [each.taken_s for each in played if each.taken_s is not None and each.fault.seconds > options.lease]
    print(
        json.dumps(
            {
                "rounds": len(played),
                "runs": counts["runs"],
                **{name: counts[name] for name in ZERO},
                "asked_again": counts["asked_again"],
                "people_asked_what_happened": counts["people_asked_what_happened"],
                "lease_s": options.lease,
                "takeover_s": {"p50": share(taken, 0.5), "p99": share(taken, 0.99), "number": len(taken)},
                "elapsed_s": round(time.monotonic() - began, 1),
                "goal": dict.fromkeys(ZERO, 0),
            }
        )
    )


main()
