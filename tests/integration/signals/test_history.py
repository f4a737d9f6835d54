"""Samples and standings come back from the store as they were, on either engine."""

import math
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import func, select

from stanch.model.clock import ManualClock
from stanch.model.rule import AlertState
from stanch.signals.history import FULL_S, History
from stanch.signals.rules import Standing
from stanch.signals.windows import Labels, Windows, milliseconds
from stanch.store.engine import Store
from stanch.store.tables import sample

NOW = 1_700_000_000.0
TARGET: Labels = (("instance", "127.0.0.1:1"), ("job", "clinic"))


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    async with await Store.open(store_url, ManualClock(NOW)) as opened:
        yield opened


def history(store: Store) -> History:
    return History(store, retention_s=15 * 86_400)


def scraped(windows: Windows, note: History, at: float, **values: float) -> None:
    """One scrape of the target: `up` and what it said; a series that it no longer says ends."""
    moment = milliseconds(at)
    taken = []
    for name, value in (values | {"up": 1.0}).items():
        labels = TARGET if name == "up" else (*TARGET, ("route", "/x"))
        series = windows.series(name, labels)
        series.append(moment, value)
        taken.append((series, moment, value))
    for series in windows:
        if series.metric not in values and series.metric != "up":
            series.end(moment)
    note.note(taken)


def content(windows: Windows) -> dict[tuple[str, Labels], tuple[list[int], list[str], list[int]]]:
    return {
        (series.metric, series.labels): (
            list(series.times),
            [repr(value) for value in series.values],
            list(series.stale),
        )
        for series in windows
    }


async def test_windows_come_back_with_gaps_ends_and_odd_numbers(store: Store) -> None:
    before, note = Windows(600), history(store)
    scraped(before, note, NOW, a=1.0, b=math.nan, c=math.inf)
    scraped(before, note, NOW + 5.125, a=2.0, b=-0.5)
    await note.save({})
    scraped(before, note, NOW + 10, a=0.1, c=1e300)
    scraped(before, note, NOW + 15, c=2.0)
    await note.save({})
    after = Windows(600)
    remembered = await history(store).read_back(after, NOW + 20)
    assert content(after) == content(before)
    assert remembered.last_at == NOW + 15


async def test_only_what_windows_can_reach_is_read_back(store: Store) -> None:
    windows, note = Windows(60), history(store)
    for second in range(0, 300, 10):
        scraped(windows, note, NOW + second, a=float(second))
    await note.save({})
    after = Windows(60)
    await history(store).read_back(after, NOW + 290)
    (series,) = (series for series in after if series.metric == "a")
    assert series.times[0] == milliseconds(NOW + 230)


async def test_standings_come_back(store: Store) -> None:
    pending = Standing(AlertState.PENDING, NOW, NOW + 5, 0.5, NOW, 2, raised=False)
    lost = Standing(AlertState.NO_DATA, NOW, NOW + 5, raised=True)
    note = history(store)
    await note.save({"pending": pending, "lost": lost})
    firing = pending._replace(state=AlertState.FIRING, since=NOW + 10, raised=True)
    await note.save({"pending": firing, "lost": lost})
    remembered = await history(store).read_back(Windows(60), NOW)
    assert remembered.standings == {"pending": firing, "lost": lost}
    assert remembered.last_at is None


async def test_a_batch_that_is_written_twice_is_there_once(store: Store) -> None:
    windows, note = Windows(60), history(store)
    scraped(windows, note, NOW, a=1.0)
    batch = list(note._waiting)
    await note.save({})
    note.note(batch)
    await note.save({})
    assert await store.read(lambda connection: connection.scalar(select(func.count()).select_from(sample))) == 2


async def test_what_could_not_be_saved_waits(store: Store) -> None:
    windows, note = Windows(60), history(store)
    scraped(windows, note, NOW, a=1.0)

    async def refuse(*_: object, **__: object) -> None:
        raise OSError("the disk is away")

    working, note._store.write = note._store.write, refuse  # type: ignore[assignment, method-assign]
    with pytest.raises(OSError, match="away"):
        await note.save({})
    note._store.write = working  # type: ignore[method-assign]
    scraped(windows, note, NOW + 5, a=2.0)
    await note.save({})
    after = Windows(60)
    await history(store).read_back(after, NOW + 5)
    assert content(after) == content(windows)


async def test_what_is_between_two_moments_can_be_read_for_a_chart(store: Store) -> None:
    windows, note = Windows(600), history(store)
    for second in range(0, 100, 10):
        scraped(windows, note, NOW + second, a=float(second), b=1.0)
    await note.save({})
    found = await history(store).within([(NOW + 20, NOW + 40), (NOW + 75, NOW + 80)], frozenset({"a"}))
    assert {series.metric: list(series.values) for series in found} == {"a": [20, 30, 40, 80], "up": [1, 1, 1, 1]}
    assert [series.stale for series in found] == [[], []]


async def test_what_is_old_is_thinned_to_one_a_minute_and_then_forgotten(store: Store) -> None:
    start = NOW // 60 * 60
    windows, note = Windows(7200), history(store)
    for second in range(0, 600, 5):
        scraped(windows, note, start + second, a=float(second))
    await note.save({})

    async def kept() -> list[float]:
        found = await history(store).within([(start, start + 600)], frozenset({"a"}))
        return [time / 1000 - start for series in found if series.metric == "a" for time in series.times]

    await note.age(start + FULL_S)
    assert len(await kept()) == 120
    await note.age(start + 300 + FULL_S)
    assert await kept() == [0, 60, 120, 180, 240, *range(300, 600, 5)]
    await history(store).age(start + 600 + FULL_S)
    assert await kept() == list(range(0, 600, 60))
    await note.age(start + 120 + 15 * 86_400)
    assert await kept() == list(range(120, 600, 60))
    await note.age(start + 600 + 15 * 86_400)
    assert await kept() == []


async def test_what_was_written_under_a_clock_that_was_ahead_is_put_right(store: Store) -> None:
    windows, note = Windows(600), history(store)
    for second in range(0, 30, 5):
        scraped(windows, note, NOW + second, a=float(second))
    await note.save({})
    windows.shift(-3_600_000)
    await note.rewrite(windows, NOW - 3600 - 600)
    await note.save({})
    after = Windows(600)
    await history(store).read_back(after, NOW - 3600 + 30)
    assert content(after) == content(windows)
