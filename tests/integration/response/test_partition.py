"""Two real servers on one real PostgreSQL, one of which falls silent in the middle of a step and comes back."""

import asyncio
import random
from pathlib import Path

import pytest

from pair import LEASE_S, Pair
from partition_rounds import Fault, Kind, Point, play
from stanch.incidents import timeline
from stanch.model.clock import SystemClock
from stanch.store.engine import Store
from waiting import until

LONG, SHORT = LEASE_S * 1.4, LEASE_S * 0.2

# Each kind of silence, each point of a step, longer than the lease and shorter.
STORIES = {
    "held and dropped": (
        Fault(kind=Kind.HOLD, point=Point.INTENT_UNHEARD, seconds=LONG),
        Fault(kind=Kind.DROP, point=Point.BEFORE_THE_ACT, seconds=LONG),
        Fault(kind=Kind.HOLD, point=Point.OUTCOME_UNHEARD, seconds=SHORT),
    ),
    "stopped and reset": (
        Fault(kind=Kind.STOP, point=Point.BEFORE_THE_ACT, seconds=LONG),
        Fault(kind=Kind.STOP, point=Point.DURING_THE_ACT, seconds=LONG),
        Fault(kind=Kind.RESET, point=Point.AFTER_THE_RECORD, seconds=SHORT),
    ),
}


@pytest.mark.parametrize("story", STORIES)
async def test_a_replica_that_falls_silent_loses_and_repeats_nothing(
    postgres_url: str, tmp_path: Path, story: str
) -> None:
    chance = random.Random(story)
    async with Pair.up(tmp_path / "pair", postgres_url) as pair:
        for fault in STORIES[story]:
            played = await play(pair, fault, chance, longest_act_s=1.0)
            assert not played.wrong
            assert played.counts["mutating_steps_run_twice"] == 0
            assert played.counts["completed_steps_run_again"] == 0
            assert played.counts["outcomes_written_twice"] == 0
            assert played.counts["beginnings_unrecorded"] == 0
            # Whoever ran it knows what came of it, and says so when it is back.
            assert played.counts["people_asked_what_happened"] == 0
            if fault.seconds == LONG:
                assert played.taken_s is not None
                assert played.taken_s < LEASE_S + 10.0
    async with await Store.open(postgres_url, SystemClock()) as store:
        assert await store.read(timeline.verify) == ()


async def test_a_replica_that_hears_nothing_looks_by_itself(postgres_url: str, tmp_path: Path) -> None:
    """The yes is given at one replica, which stands still from then on; the other is told of it, and does not hear."""
    async with Pair.up(tmp_path / "pair", postgres_url) as pair:
        still, deaf = pair.replicas
        pair.takes(0.0)
        async with still.server.person() as somebody:
            run = await pair.begin(somebody)
            deaf.wire.cut("drop", only=b"stanch-listen")
            said = still.wire.when(b"step approved", delivered=True, then=still.freeze)
            saying = asyncio.create_task(somebody.approve(await pair.step(somebody, run)))
            await asyncio.wait_for(said.fired.wait(), 30)
            await until(lambda: pair.is_over(run), 40)  # without its ear it would look once a minute
            still.thaw()
            await saying
        assert pair.acts(run) == {"begun": 1, "ended": 1}
