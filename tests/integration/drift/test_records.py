"""Answers as rows, on both stores, and the check of every night on a clock that is moved."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import select

from stanch.comms.channels.console import ConsoleChannel
from stanch.comms.drifting import body, tell
from stanch.drift import records
from stanch.drift.nightly import Nightly
from stanch.drift.outside import Outside
from stanch.model.clock import ManualClock
from stanch.model.drift import Answer, Named, Presence
from stanch.model.problem import Source
from stanch.playbook.compile import compile_playbooks
from stanch.store.engine import Store
from stanch.store.tables import outbox
from waiting import until

BOOK = "# Book\n\n## Response procedure for P1\n\n```bash\nfrobnicate --now\n```\n"
START = datetime(2026, 3, 2, 1, 0, tzinfo=UTC).timestamp()


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    opened = await Store.open(store_url, ManualClock(START))
    yield opened
    await opened.close()


def answer(presence: Presence, name: str = "api") -> Answer:
    named = Named(kind="namespace", name=name, source=Source(path="book.md", line=4, text="kubectl"))
    return Answer(named=named, presence=presence, because="it was asked")


async def write(store: Store, presence: Presence, now: float) -> list[str]:
    fresh = await store.write(lambda rows: records.write(rows, ["book.md"], [answer(presence)], now))
    return [each.answer.named.name for each in fresh]


async def test_what_is_gone_is_new_once_and_stays_gone_while_it_cannot_be_asked_for(store: Store) -> None:
    assert await write(store, Presence.EXISTS, 10.0) == []
    assert await write(store, Presence.GONE, 20.0) == ["api"]
    assert await write(store, Presence.GONE, 30.0) == []
    assert await write(store, Presence.UNASKED, 40.0) == []
    (standing,) = await store.read(records.standings)
    assert (standing.known, standing.since, standing.asked_at) == (Presence.GONE, 20.0, 40.0)
    assert (await store.read(records.checked))["book.md"].gone == 1
    assert await write(store, Presence.GONE, 50.0) == []
    assert await write(store, Presence.EXISTS, 60.0) == []
    assert await write(store, Presence.GONE, 70.0) == ["api"]


async def test_what_is_no_longer_named_is_forgotten(store: Store) -> None:
    await write(store, Presence.GONE, 10.0)
    await store.write(lambda rows: records.write(rows, ["book.md"], [], 20.0))
    assert await store.read(records.standings) == ()
    assert (await store.read(records.checked))["book.md"].asked_at == 20.0


async def test_every_night_it_is_asked_and_what_is_gone_is_told_once(tmp_path: Path) -> None:
    clock = ManualClock(START)
    plan = compile_playbooks([("book.md", BOOK.encode())])
    store = await Store.open(f"sqlite:///{tmp_path / 'stanch.db'}", clock)
    outside = Outside(path=str(tmp_path))
    notify = partial(
        tell, owner="Release captain", channels={"console": ConsoleChannel()}, public_url="http://stanch.example"
    )
    nightly = Nightly(store, clock, plan=lambda: plan, outside=outside, at="03:30", tell=notify)

    async def messages() -> list[tuple[str, str]]:
        found = await store.read(lambda rows: rows.execute(select(outbox.c.role, outbox.c.subject)).all())
        return [tuple(each) for each in found]

    async def night(day: int) -> None:
        due = datetime(2026, 3, day, 3, 30, tzinfo=UTC).timestamp()

        async def checked() -> bool:
            await clock.advance(60.0)
            last = await store.read(records.last)
            return last is not None and last >= due

        await until(checked, within_s=30.0)
        assert await store.read(records.last) <= due + 1_000.0

    running = asyncio.create_task(nightly.run())
    try:
        # A server that has never checked does so when it starts, then at its time.
        await until(lambda: store.read(records.last))
        told = [("Release captain", "A playbook names what is gone: program frobnicate")]
        assert await messages() == told
        await night(2)
        await night(3)
        assert await messages() == told
        (tmp_path / "frobnicate").write_text("#!/bin/sh\n")
        (tmp_path / "frobnicate").chmod(0o755)
        await night(4)
        (standing,) = await store.read(records.standings)
        assert standing.known is Presence.EXISTS
        (tmp_path / "frobnicate").unlink()
        await night(5)
        assert await messages() == told * 2
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await store.close()


@pytest.mark.parametrize("number", [1, 30])
def test_a_message_names_each_line_and_is_bounded(number: int) -> None:
    text = body([answer(Presence.GONE, f"ns{index}") for index in range(number)])
    assert "book.md:4: namespace ns0: it was asked" in text
    assert ("and 10 more" in text) is (number == 30)
