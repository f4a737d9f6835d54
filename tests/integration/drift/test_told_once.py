"""Two real servers that check every night: one of them asks and tells, also where it falls silent while it tells."""

import asyncio
from pathlib import Path

import pytest

from pair import LEASE_S, PLAYBOOK, Pair
from waiting import until

GONE = PLAYBOOK.replace("cat workers\n   ```\n\n2.", "cat workers | a-program-that-is-not-there\n   ```\n\n2.")
TOLD = "SELECT count(DISTINCT key), count(*) FROM outbox WHERE key LIKE 'drift %%'"


@pytest.mark.parametrize(("lease_s", "silent_s"), [(20.0, 1.0), (LEASE_S, LEASE_S + 3.0)])
async def test_what_is_gone_is_asked_for_and_told_by_one(
    postgres_url: str, tmp_path: Path, lease_s: float, silent_s: float
) -> None:
    """The one that checks falls silent when its telling is on its way to the database."""
    settings = '[drift]\nat = "00:00"\n'
    async with Pair.up(tmp_path / "pair", postgres_url, settings=settings, playbook=GONE, lease_s=lease_s) as pair:
        await until(lambda: pair.rows("SELECT 1 FROM drift_check"), 30)
        for replica in pair.replicas:
            replica.server.kill()
        for table in ("outbox", "drift", "drift_check", "lease"):
            await pair.change(f"DELETE FROM {table}")
        # Nobody begins before both are up.
        await pair.change("INSERT INTO lease VALUES ('drift', 'nobody', 1, extract(epoch FROM now()) + 3600)")
        await asyncio.gather(*(replica.server.start() for replica in pair.replicas))
        silent = asyncio.Event()
        trips, fallen = [], []
        for replica in pair.replicas:

            def fall(wire=replica.wire) -> None:
                fallen.append(wire)
                if len(fallen) == 1:
                    wire.cut("hold")
                    silent.set()

            trips.append(replica.wire.when(b"drift_check", b"outbox", delivered=False, then=fall))
        await pair.change("DELETE FROM lease WHERE name = 'drift'")
        await asyncio.wait_for(silent.wait(), 30)
        await asyncio.sleep(silent_s)  # less than the lease, or more: then the other takes the duty over
        for replica, trip in zip(pair.replicas, trips, strict=True):
            replica.wire.forget(trip)
            replica.wire.mend()
        await until(lambda: pair.rows("SELECT 1 FROM drift_check"), 60)
        await pair.has_both_served()
        assert await pair.rows(TOLD) == [(1, 1)]
        assert len(fallen) == (1 if silent_s < lease_s else 2)
        if silent_s < lease_s:
            assert sum("playbooks checked" in replica.said for replica in pair.replicas) == 1
            assert not any("a loop failed" in replica.said for replica in pair.replicas)
