"""Samples and standings in the store: written in batches, read back at the start, thinned and forgotten with age.

What is written together belongs together: a batch holds the samples up to a moment and the standings after their
evaluation, so that what is read back is one consistent moment, at most a batch old. The markers of series that ended
are not written: they follow from the `up` samples of their target.
"""

import math
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from sqlalchemy import BigInteger, Connection, Insert, Table, and_, cast, delete, func, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite

from stanch.model.record import record
from stanch.model.rule import AlertState
from stanch.signals.rules import Standing
from stanch.signals.windows import Labels, Series, Windows, milliseconds
from stanch.store.engine import Store
from stanch.store.tables import rule_state, sample, series

# Beyond this age one sample a minute is kept: enough for a chart, a twelfth of the rows at the usual interval.
FULL_S = 6 * 3600.0
_MINUTE_S = 60.0
# One transaction thins no more than this, so that no other writer waits for long.
_THINNED_AT_ONCE_S = 600.0
# What is kept in memory while the store is away; older samples are given up first.
_MOST_WAITING = 1_000_000

_SeriesKey = tuple[str, Labels]


@record
class Remembered:
    """What the store knew: `last_at` is when anything was last measured, None where nothing was."""

    standings: Mapping[str, Standing]
    last_at: float | None


class History:
    """The samples of one Stanch in its store. `retention_s` is how long they are kept."""

    def __init__(self, store: Store, *, retention_s: float) -> None:
        self._store = store
        self._retention_s = retention_s
        self._ids: dict[_SeriesKey, int] = {}
        self._waiting: list[tuple[Series, int, float]] = []
        self._saved: dict[str, Standing] = {}
        self._thinned_to = 0.0

    def note(self, samples: Iterable[tuple[Series, int, float]]) -> None:
        """Take (series, milliseconds, value) into the next batch."""
        self._waiting.extend(samples)
        if len(self._waiting) > _MOST_WAITING:
            del self._waiting[: len(self._waiting) - _MOST_WAITING]

    async def save(self, standings: Mapping[str, Standing]) -> None:
        """Write what waits, and the standings that changed. Raises what the store raises; nothing is lost by that."""
        batch = self._waiting
        changed = {rule_id: each for rule_id, each in standings.items() if _differs(self._saved.get(rule_id), each)}
        if not batch and not changed:
            return
        ids = self._ids

        def unit(connection: Connection) -> dict[_SeriesKey, int]:
            wanted = {(each.metric, each.labels) for each, _, _ in batch} - ids.keys()
            new = _numbered(connection, wanted)
            rows = [
                {
                    "series_id": ids.get(key) or new[key],
                    "at": at / 1000,
                    "value": None if math.isnan(value) else value,
                }
                for each, at, value in batch
                for key in ((each.metric, each.labels),)
            ]
            if rows:
                connection.execute(_insert(connection, sample).on_conflict_do_nothing(), rows)
            for rule_id, standing in changed.items():
                _put_standing(connection, rule_id, standing)
            return new

        self._waiting = []
        try:
            new = await self._store.write(unit)
        except BaseException:
            self._waiting = batch + self._waiting
            raise
        self._ids.update(new)
        self._saved.update(changed)

    async def read_back(self, windows: Windows, now: float) -> Remembered:
        """Fill empty windows with what was measured within their retention, and give the standings.

        Where the last sample lies in the future (the clock was set back since), everything moves to end now.
        """
        reach = windows.retention_ms / 1000

        def unit(connection: Connection) -> tuple[float | None, list[Any], list[Any]]:
            last = connection.execute(select(func.max(sample.c.at))).scalar_one()
            if last is None:
                return None, [], list(connection.execute(select(rule_state)))
            rows = connection.execute(
                select(series.c.metric, series.c.labels, sample.c.at, sample.c.value)
                .join(series, series.c.id == sample.c.series_id)
                .where(sample.c.at >= min(last, now) - reach)
                .order_by(sample.c.series_id, sample.c.at)
            )
            return last, list(rows), list(connection.execute(select(rule_state)))

        last, rows, stood = await self._store.read(unit)
        if last is not None:
            # As far as the process got that wrote the last sample; it may have been an hour behind.
            self._thinned_to = (last - FULL_S - 3600) // _MINUTE_S * _MINUTE_S
        standings = {row.rule_id: _standing(row) for row in stood}
        self._saved = dict(standings)
        fill(windows, [(row.metric, row.labels, row.at, row.value) for row in rows])
        return Remembered(standings=standings, last_at=last)

    async def within(self, spans: Sequence[tuple[float, float]], metrics: frozenset[str]) -> Windows:
        """New windows with what was measured of these metrics in spans of time (epoch seconds, ascending, apart)."""

        def unit(connection: Connection) -> list[Any]:
            return [
                row
                for start, end in spans
                for row in connection.execute(
                    select(series.c.metric, series.c.labels, sample.c.at, sample.c.value)
                    .join(series, series.c.id == sample.c.series_id)
                    .where(series.c.metric.in_(sorted(metrics | {"up"})))
                    .where(sample.c.at.between(start, end))
                    .order_by(sample.c.series_id, sample.c.at)
                )
            ]

        rows = await self._store.read(unit)
        windows = Windows(spans[-1][1] - spans[0][0] + 1)
        fill(windows, [(row.metric, row.labels, row.at, row.value) for row in rows])
        return windows

    async def rewrite(self, windows: Windows, since: float) -> None:
        """Put what is in memory in the place of everything written at or after `since`, as the clock was set back."""

        def unit(connection: Connection) -> None:
            connection.execute(delete(sample).where(sample.c.at >= since))

        await self._store.write(unit)
        self._waiting = [
            (each, at, value) for each in windows for at, value in zip(each.times, each.values, strict=True)
        ]
        self._saved = {}

    async def age(self, now: float) -> None:
        """Forget what is older than the retention, and thin what is older than `FULL_S` to one sample a minute."""
        forget_before = now - self._retention_s
        await self._store.write(
            lambda connection: connection.execute(delete(sample).where(sample.c.at < forget_before))
        )
        thin_before = (now - FULL_S) // _MINUTE_S * _MINUTE_S
        while self._thinned_to < thin_before:
            since = self._thinned_to
            self._thinned_to = await self._store.write(partial(_thin, since=since, before=thin_before))


def fill(windows: Windows, rows: Sequence[tuple[str, Mapping[str, str], float, float | None]]) -> None:
    """Put rows of (metric, labels, seconds, value), the times of each series ascending, into windows.

    A series that had no sample at a scrape of its target ended there: the scrapes are the target's `up` samples.
    """
    scrapes: defaultdict[Labels, list[int]] = defaultdict(list)
    filled: dict[tuple[str, Labels], Series] = {}
    for metric, named, at, value in rows:
        labels = tuple(sorted(named.items()))
        each = filled.get((metric, labels))
        if each is None:
            each = filled[metric, labels] = windows.series(metric, labels)
        moment = milliseconds(at)
        if metric == "up":
            scrapes[_target(labels)].append(moment)
        each.append(moment, math.nan if value is None else value)
    for each in filled.values():
        times = scrapes.get(_target(each.labels))
        if times and each.metric != "up":
            _mark_ends(each, times)


def _mark_ends(each: Series, scrapes: Sequence[int]) -> None:
    """Mark where a scrape of the target followed without a sample of this series."""
    for index, moment in enumerate(each.times):
        position = bisect_right(scrapes, moment)
        if position == len(scrapes):
            return
        following = scrapes[position]
        if index + 1 == len(each.times) or each.times[index + 1] > following:
            each.stale.append(following)


def _target(labels: Labels) -> Labels:
    return tuple(pair for pair in labels if pair[0] in {"job", "instance"})


def _insert(connection: Connection, table: Table) -> Any:
    insert: Any = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement: Insert = insert(table)
    return statement


def _numbered(connection: Connection, wanted: Iterable[_SeriesKey]) -> dict[_SeriesKey, int]:
    """The numbers of these series, given where they have none."""
    keys = list(wanted)
    if not keys:
        return {}
    rows = [{"metric": metric, "labels": dict(labels)} for metric, labels in keys]
    connection.execute(_insert(connection, series).on_conflict_do_nothing(), rows)
    metrics = sorted({metric for metric, _ in keys})
    found = {
        (row.metric, tuple(sorted(row.labels.items()))): int(row.id)
        for row in connection.execute(select(series).where(series.c.metric.in_(metrics)))
    }
    return {key: found[key] for key in keys}


def _thin(connection: Connection, since: float, before: float) -> float:
    """Keep of the next few minutes the first sample of each series and minute; gives where to go on."""
    first: float | None = connection.execute(
        select(func.min(sample.c.at)).where(sample.c.at >= since, sample.c.at < before)
    ).scalar_one()
    if first is None:
        return before
    start = first // _MINUTE_S * _MINUTE_S
    end = min(start + _THINNED_AT_ONCE_S, before)
    within = and_(sample.c.at >= start, sample.c.at < end)
    # A cast cuts off on SQLite and rounds on PostgreSQL.
    minutes = sample.c.at / _MINUTE_S
    minute = cast(minutes, BigInteger) if connection.dialect.name == "sqlite" else func.floor(minutes)
    firsts = select(sample.c.series_id, func.min(sample.c.at)).where(within).group_by(sample.c.series_id, minute)
    connection.execute(delete(sample).where(within).where(tuple_(sample.c.series_id, sample.c.at).not_in(firsts)))
    return end


def _put_standing(connection: Connection, rule_id: str, standing: Standing) -> None:
    row = {
        "state": standing.state.value,
        "since": standing.since,
        "at": standing.at,
        "value": standing.value,
        "data": {"out_since": standing.out_since, "in_a_row": standing.in_a_row, "raised": standing.raised},
    }
    connection.execute(
        _insert(connection, rule_state)
        .values(rule_id=rule_id, **row)
        .on_conflict_do_update(index_elements=[rule_state.c.rule_id], set_=row)
    )


def _standing(row: Any) -> Standing:
    return Standing(
        AlertState(row.state),
        row.since,
        row.at,
        row.value,
        row.data["out_since"],
        row.data["in_a_row"],
        row.data["raised"],
    )


def _differs(saved: Standing | None, standing: Standing) -> bool:
    """Whether a standing says something that the saved one does not; the time and value of a look are no change."""
    if saved is None:
        return True
    return (saved.state, saved.since, saved.out_since, saved.in_a_row, saved.raised) != (
        standing.state,
        standing.since,
        standing.out_since,
        standing.in_a_row,
        standing.raised,
    )
