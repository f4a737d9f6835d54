"""Two real servers that watch the same target: what fires, recovers and is drafted is told once."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from exposing import exposing
from pair import PLAYBOOK, Pair
from waiting import until
from wire import Wire

WATCHED = PLAYBOOK.replace(
    "## Roles",
    "## Alert thresholds\n\n- P1: API response time p95 over 10 seconds > 1 second for 2 seconds\n\n## Roles",
)
REQUESTS_A_SECOND = 50


class Slow:
    """An application's `/metrics`, whose requests take long or not; the counts go on with the time."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.quick_before = 0.0
        self.quick_since: float | None = None

    def quick(self) -> None:
        self.quick_since = time.monotonic()

    def text(self) -> str:
        now = time.monotonic()
        total = int((now - self.began) * REQUESTS_A_SECOND)
        quick = 0 if self.quick_since is None else int((now - self.quick_since) * REQUESTS_A_SECOND)
        name = "http_request_duration_seconds"
        return (
            f"# TYPE {name} histogram\n"
            f'{name}_bucket{{le="0.1"}} {quick}\n{name}_bucket{{le="5"}} {total}\n{name}_bucket{{le="+Inf"}} {total}\n'
            f"{name}_sum {total * 3}\n{name}_count {total}\n"
        )


@pytest.fixture
def target() -> Iterator[tuple[Slow, int]]:
    slow = Slow()

    with exposing(slow.text) as port:
        yield slow, port


async def test_one_incident_one_page_one_run_one_end_and_one_review(
    postgres_url: str, tmp_path: Path, target: tuple[Slow, int]
) -> None:
    slow, port = target
    settings = (
        f'[scrape.booking]\nurl = "http://127.0.0.1:{port}/metrics"\ninterval_s = 1.0\n\n[response]\nclean_s = 4.0\n'
    )
    async with Pair.up(tmp_path / "pair", postgres_url, settings=settings, playbook=WATCHED, lease_s=20.0) as pair:
        await until(lambda: pair.is_at("1.1", "proposed"), 60)
        async with pair.replicas[0].server.person() as somebody:
            pair.takes(0)
            await somebody.approve(await pair.step(somebody, "1.1"))
        await until(lambda: pair.is_over("1.1"), 30)
        drafting: list[Wire] = []

        def fall(wire: Wire) -> None:
            drafting.append(wire)
            if len(drafting) == 1:
                wire.cut("hold")

        for replica in pair.replicas:
            replica.wire.when(b"review drafted", delivered=False, then=partial(fall, replica.wire))
        slow.quick()
        await until(lambda: bool(drafting), 90)
        await asyncio.sleep(1.0)  # time enough for the other to draft it as well, and less than the lease
        drafting[0].mend()
        await until(lambda: pair.rows("SELECT 1 FROM review"), 20)
        await pair.has_both_served()
        assert len(drafting) == 1
        told = Counter(kind for kind, _ in await pair.events("1.1"))
        assert await pair.rows("SELECT count(*) FROM incident") == [(1,)]
        once = ("opened", "run started", "run finished", "mitigated", "resolved", "review drafted")
        assert {kind: told[kind] for kind in once} == dict.fromkeys(once, 1)
        pages = [(data["role"], data["channel"]) for kind, data in await pair.events("1.1") if kind == "paged"]
        assert len(pages) == len(set(pages)) == 1
        assert not any("a loop failed" in replica.said for replica in pair.replicas)
