"""The watch over real targets: what it sees, what it tells, and what it survives."""

import asyncio
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

import pytest

from stanch.model.clock import ManualClock
from stanch.model.plan import ThresholdRole
from stanch.model.problem import Source, Unusable
from stanch.model.rule import AlertState, Rule
from stanch.model.signal import Comparison, Statistic, Unit
from stanch.signals.history import History
from stanch.signals.rules import Change
from stanch.signals.sources.scrape import ScrapeSettings, Target
from stanch.signals.watcher import Watcher
from stanch.store.engine import Store
from waiting import until

START = 1_700_000_000.0
POOL = Rule(
    id="pool",
    title="connection pool utilization > 80% for 10 s",
    signal="db.pool.utilization",
    statistic=None,
    comparison=Comparison.GREATER,
    value=0.8,
    unit=Unit.RATIO,
    window_s=0.0,
    persistence_s=10.0,
    severity="P1",
    role=ThresholdRole.ALERT,
    source=Source(path="playbook.md", line=1),
)
ERRORS = replace(
    POOL,
    id="errors",
    title="error rate > 5%",
    signal="http.error_rate",
    value=0.05,
    window_s=60.0,
    persistence_s=0.0,
)
UP = replace(
    POOL,
    id="up",
    title="target up < 1",
    signal="target.up",
    comparison=Comparison.LESS,
    value=1.0,
    persistence_s=0.0,
)


class Told:
    """Takes changes, or refuses them while the store is away."""

    def __init__(self):
        self.changes = []
        self.away = False
        self.refused = 0

    async def __call__(self, changes):
        if self.away:
            self.refused += 1
            raise Unusable("The store is away.")
        self.changes += changes

    def __iter__(self):
        return iter([(change.change, change.evaluation.rule.id) for change in self.changes])


def target(url, name="clinic", **changes):
    return Target(name=name, settings=ScrapeSettings(url=url, **({"interval_s": 5.0, "timeout_s": 5.0} | changes)))


@asynccontextmanager
async def watching(clock, targets, rules, told=None, history=None):
    """A watcher whose rounds the test asks for."""
    watcher = Watcher(targets=targets, rules=rules, clock=clock, on_transition=told or Told(), history=history)
    try:
        yield watcher
    finally:
        await watcher.close()


@asynccontextmanager
async def running(watcher):
    """A watcher that runs by itself on the test's clock."""
    task = asyncio.create_task(watcher.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def state(watcher, rule):
    return next(each.state for each in watcher.evaluations() if each.rule.id == rule.id)


async def rounds(watcher, clock, count):
    changes = []
    for _ in range(count):
        changes += [(change.change, change.evaluation.rule.id) for change in await watcher.round()]
        await watcher.hand_on()
        await clock.advance(5)
    return changes


# --- seeing --------------------------------------------------------------------------------------------------------


async def test_a_real_application_is_scraped_and_its_rules_fire_and_clear(clinic):
    clock = ManualClock(START)
    async with watching(clock, [target(clinic.url)], [POOL, ERRORS, UP]) as watcher:
        served = clinic.requests.labels("/appointments", "200")
        failed = clinic.requests.labels("/appointments", "500")
        clinic.used.labels("used").set(3)
        for _ in range(3):
            for _ in range(10):
                served.observe(0.05)
            assert await rounds(watcher, clock, 1) == []
        assert watcher.value("db.pool.utilization") == pytest.approx(0.3)
        assert watcher.value("http.request_rate", window_s=10) == pytest.approx(2)
        assert watcher.value("http.response_time", statistic=Statistic.P95) == pytest.approx(0.095)
        assert state(watcher, UP) is AlertState.INACTIVE

        clinic.used.labels("used").set(9)
        for _ in range(30):
            failed.observe(3)
        assert await rounds(watcher, clock, 3) == [(Change.FIRED, "errors"), (Change.FIRED, "pool")]
        assert state(watcher, POOL) is AlertState.FIRING

        clinic.used.labels("used").set(1)
        assert (Change.CLEARED, "pool") in await rounds(watcher, clock, 1)


async def test_metrics_that_no_signal_reads_take_no_memory(clinic):
    clock = ManualClock(START)
    async with watching(clock, [target(clinic.url)], [POOL]) as watcher:
        clinic.logins.inc()
        await rounds(watcher, clock, 2)
        metrics = {series.metric for series in watcher._windows}
        assert "logins_total" not in metrics
        assert "db_client_connection_max" in metrics


async def test_series_carry_the_name_and_the_address_of_their_target(clinic):
    clock = ManualClock(START)
    named = target(clinic.url, name="front", labels={"zone": "eu"})
    async with watching(clock, [named], []) as watcher:
        await watcher.round()
        (series,) = (series for series in watcher._windows if series.metric == "db_client_connection_max")
        address = clinic.url.split("/")[2]
        assert series.labels == (("instance", address), ("job", "front"), ("zone", "eu"))
        assert watcher.value("target.up", labels=(("job", "front"),)) == 1
        assert watcher.value("target.scrape_duration") is not None


async def test_points_for_a_chart_have_gaps_where_there_was_no_data(clinic):
    clock = ManualClock(START)
    async with watching(clock, [target(clinic.url)], []) as watcher:
        clinic.used.labels("used").set(2)
        await rounds(watcher, clock, 4)
        points = await watcher.points("db.pool.utilization", 60)
        assert [at for at, _ in points] == [START + 20 - 60 + 5 * index for index in range(13)]
        assert [value for _, value in points[:8]] == [None] * 8
        assert [value for _, value in points[-4:]] == [0.2] * 4
        with pytest.raises(ValueError, match="no signal"):
            await watcher.points("nonsense", 60)


# --- targets that misbehave ------------------------------------------------------------------------------------------


async def test_a_target_that_is_down_is_told_and_its_signals_have_no_data(clinic):
    clock = ManualClock(START)
    async with watching(clock, [target(clinic.url)], [POOL, UP]) as watcher:
        clinic.used.labels("used").set(1)
        await rounds(watcher, clock, 2)
        assert watcher.problems() == ()
        clinic.stop()
        assert sorted(await rounds(watcher, clock, 1)) == [(Change.DATA_LOST, "pool"), (Change.FIRED, "up")]
        (problem,) = watcher.problems()
        assert problem.code == "scrape-failed"
        assert "clinic was not scraped" in problem.message
        assert state(watcher, POOL) is AlertState.NO_DATA


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"status": 500}, "status 500"),
        ({"body": b"<html>It works!</html>"}, "not a sample line"),
        ({"body": b"up 1\n\xff\xfe 2\n"}, "not UTF-8"),
        ({"body": b"x 1\n" * 100}, "longer than 200 bytes"),
        ({"body": b"".join(b"x%d 1\n" % number for number in range(20))}, "20 samples"),
        ({"body": b"redis_up 1\n", "content_type": "application/openmetrics-text; version=1.0.0"}, "cut short"),
    ],
)
async def test_an_answer_that_is_no_exposition_counts_as_none(saying, change, why):
    clock = ManualClock(START)
    limits = {"max_bytes": 200, "max_samples": 10}
    async with watching(clock, [target(saying.url, **limits)], []) as watcher:
        saying.body = b"redis_up 1\n"
        await rounds(watcher, clock, 1)
        assert watcher.value("redis.up") == 1
        for name, value in change.items():
            setattr(saying, name, value)
        await rounds(watcher, clock, 1)
        assert why in watcher.problems()[0].message
        assert watcher.value("redis.up") is None
        assert watcher.value("target.up") == 0
        saying.body, saying.status, saying.content_type = b"redis_up 1\n", 200, "text/plain"
        await rounds(watcher, clock, 1)
        assert watcher.problems() == ()
        assert watcher.value("redis.up") == 1


async def test_a_token_is_sent_and_no_secret_is_shown(saying, clinic):
    clock = ManualClock(START)
    clinic.stop()
    secret = clinic.url.replace("http://", "http://user:hidden@").replace("/metrics", "/metrics?key=hidden")
    targets = [target(saying.url, name="guarded", token="hidden"), target(secret, name="down")]
    assert "hidden" not in repr(targets[0])
    async with watching(clock, targets, []) as watcher:
        saying.body, saying.token = b"redis_up 1\n", "hidden"
        await rounds(watcher, clock, 1)
        assert watcher.value("redis.up") == 1
        assert "hidden" not in str(watcher.problems())
        saying.token = "another"
        await rounds(watcher, clock, 1)
        assert "status 401" in str(watcher.problems())


async def test_a_series_that_a_target_no_longer_has_ends_at_once(saying):
    clock = ManualClock(START)
    async with watching(clock, [target(saying.url)], []) as watcher:
        saying.body = b'redis_up{i="1"} 0\nredis_up{i="2"} 1\n'
        await rounds(watcher, clock, 1)
        assert watcher.value("redis.up") == 0
        saying.body = b'redis_up{i="2"} 1\n'
        await rounds(watcher, clock, 1)
        assert watcher.value("redis.up") == 1


async def test_a_target_that_hangs_delays_nobody_and_fails_at_its_time_limit(clinic, black_hole):
    clock = ManualClock(START)
    hanging = target(black_hole, name="hanging", timeout_s=0.5)
    async with watching(clock, [hanging, target(clinic.url)], [POOL]) as watcher:
        clinic.used.labels("used").set(9)
        first = asyncio.create_task(watcher.round())
        await until(lambda: watcher.value("db.pool.utilization") == 0.9)
        assert not first.done(), "a round waits for half an interval"
        await clock.advance(2.5)
        await first
        assert state(watcher, POOL) is AlertState.PENDING
        # The second round does not ask the hanging target again, nor wait for it.
        await clock.advance(2.5)
        await watcher.round()
        await until(lambda: watcher.problems() != ())
        assert "no full answer within 0.5 s" in watcher.problems()[0].message
        assert watcher.value("target.up", labels=(("job", "hanging"),)) == 0
        assert watcher.value("target.up", labels=(("job", "clinic"),)) == 1


# --- telling ---------------------------------------------------------------------------------------------------------


async def test_changes_are_told_by_themselves_in_order(clinic):
    clock, told = ManualClock(START), Told()
    watcher = Watcher(targets=[target(clinic.url)], rules=[POOL], clock=clock, on_transition=told)
    clinic.used.labels("used").set(9)
    async with running(watcher):
        for number in range(4):
            clinic.used.labels("used").set(9 if number < 3 else 1)
            await until(lambda number=number: watcher.evaluations()[0].at == START + 5 * number)
            await clock.advance(5)
        await until(lambda: list(told) == [(Change.FIRED, "pool"), (Change.CLEARED, "pool")])


async def test_what_could_not_be_told_stays_owed_while_the_watch_goes_on(clinic):
    clock, told = ManualClock(START), Told()
    watcher = Watcher(
        targets=[target(clinic.url)], rules=[replace(POOL, persistence_s=0.0)], clock=clock, on_transition=told
    )
    told.away = True
    clinic.used.labels("used").set(9)
    async with running(watcher):
        await until(lambda: told.refused == 1)
        clinic.used.labels("used").set(1)
        await clock.advance(5)
        await until(lambda: state(watcher, POOL) is AlertState.INACTIVE)
        told.away = False
        await clock.advance(1)
        await until(lambda: list(told) == [(Change.FIRED, "pool"), (Change.CLEARED, "pool")])


# --- time ------------------------------------------------------------------------------------------------------------


async def test_a_clock_set_back_changes_no_rate_and_no_persistence(clinic):
    clock = ManualClock(START)
    served = clinic.requests.labels("/", "200")
    async with watching(clock, [target(clinic.url)], [POOL]) as watcher:
        clinic.used.labels("used").set(9)
        for number in range(4):
            for _ in range(10):
                served.observe(0.05)
            if number == 2:
                clock.jump(-3600)
            assert await rounds(watcher, clock, 1) == ([(Change.FIRED, "pool")] if number == 2 else [])
        assert watcher.value("http.request_rate", window_s=10) == pytest.approx(2)
        assert watcher.evaluations()[0].at == pytest.approx(START - 3600 + 15)


async def test_a_clock_set_forward_fires_nothing_early(clinic):
    clock = ManualClock(START)
    async with watching(clock, [target(clinic.url)], [POOL]) as watcher:
        clinic.used.labels("used").set(9)
        await rounds(watcher, clock, 1)
        clock.jump(3600)
        await rounds(watcher, clock, 1)
        assert state(watcher, POOL) is AlertState.PENDING
        assert await rounds(watcher, clock, 1) == [(Change.FIRED, "pool")]


# --- restart ---------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def process(clock, url, clinic, rules):
    """One life of Stanch on a store that outlives it."""
    async with (
        await Store.open(url, clock) as store,
        watching(clock, [target(clinic.url)], rules, history=History(store, retention_s=86_400)) as watcher,
    ):
        await watcher.restore()
        yield watcher


async def test_windows_and_states_are_the_same_after_a_restart(clinic, store_url):
    clock = ManualClock(START)
    served, failed = clinic.requests.labels("/", "200"), clinic.requests.labels("/", "500")
    failed.observe(1)
    clinic.used.labels("used").set(9)
    rules = [replace(POOL, persistence_s=15.0), ERRORS]
    async with process(clock, store_url, clinic, rules) as watcher:
        for _ in range(3):
            served.observe(0.2)
            failed.observe(0.2)
            await rounds(watcher, clock, 1)
        before = {each.rule.id: (each.state, each.since) for each in watcher.evaluations()}
        signals = ("http.error_rate", "http.response_time", "http.request_rate", "db.pool.utilization")
        values = {name: watcher.value(name) for name in signals}
    assert before["pool"] == (AlertState.PENDING, START)
    assert before["errors"] == (AlertState.FIRING, START + 5)

    async with process(clock, store_url, clinic, rules) as watcher:
        assert {each.rule.id: (each.state, each.since) for each in watcher.evaluations()} == before
        assert {name: watcher.value(name) for name in signals} == values
        # No time was lost: the persistence runs out when it would have, and what fires is not told again.
        assert await rounds(watcher, clock, 1) == [(Change.FIRED, "pool")]


async def test_the_time_in_which_nobody_watched_does_not_count(clinic, sqlite_url):
    clock = ManualClock(START)
    clinic.used.labels("used").set(9)
    async with process(clock, sqlite_url, clinic, [POOL]) as watcher:
        await rounds(watcher, clock, 1)
    await clock.advance(3600)
    async with process(clock, sqlite_url, clinic, [POOL]) as watcher:
        assert await rounds(watcher, clock, 1) == []
        assert state(watcher, POOL) is AlertState.PENDING
        assert await rounds(watcher, clock, 1) == [(Change.FIRED, "pool")]


async def test_a_series_that_went_away_while_nobody_watched_ends(saying, sqlite_url):
    clock = ManualClock(START)
    saying.body = b'redis_up{i="1"} 0\nredis_up{i="2"} 1\n'
    async with process(clock, sqlite_url, saying, []) as watcher:
        await rounds(watcher, clock, 1)
    saying.body = b'redis_up{i="2"} 1\n'
    async with process(clock, sqlite_url, saying, []) as watcher:
        assert watcher.value("redis.up") == 0
        await rounds(watcher, clock, 1)
        assert watcher.value("redis.up") == 1


async def test_a_firing_that_was_not_told_before_the_end_is_told_after_the_restart(clinic, sqlite_url):
    clock, told = ManualClock(START), Told()
    told.away = True
    clinic.used.labels("used").set(9)
    async with await Store.open(sqlite_url, clock) as store:
        watcher = Watcher(
            targets=[target(clinic.url)],
            rules=[replace(POOL, persistence_s=0.0)],
            clock=clock,
            on_transition=told,
            history=History(store, retention_s=86_400),
        )
        async with running(watcher):
            await until(lambda: told.refused > 0)
    told.away = False
    async with process(clock, sqlite_url, clinic, [replace(POOL, persistence_s=0.0)]) as watcher:
        await clock.advance(5)
        assert await rounds(watcher, clock, 1) == [(Change.FIRED, "pool")]


async def test_a_clock_set_back_between_two_lives_is_put_right(clinic, sqlite_url):
    clock = ManualClock(START)
    served = clinic.requests.labels("/", "200")
    async with process(clock, sqlite_url, clinic, [POOL]) as watcher:
        for _ in range(3):
            served.observe(0.2)
            await rounds(watcher, clock, 1)
    clock.jump(-3600)
    async with process(clock, sqlite_url, clinic, [POOL]) as watcher:
        served.observe(0.2)
        await rounds(watcher, clock, 1)
        # From 1 to 4 within 15 s, and 5 s more on both sides.
        assert watcher.value("http.request_rate") == pytest.approx(5 / 60)
    async with process(clock, sqlite_url, clinic, [POOL]) as watcher:
        assert watcher.value("http.request_rate") == pytest.approx(5 / 60)


async def test_charts_reach_back_beyond_memory_into_the_store(clinic, sqlite_url):
    clock = ManualClock(START)
    clinic.used.labels("used").set(4)
    async with process(clock, sqlite_url, clinic, []) as watcher:
        await rounds(watcher, clock, 3)
    await clock.advance(7200)
    async with process(clock, sqlite_url, clinic, []) as watcher:
        points = await watcher.points("db.pool.utilization", 30, until=START + 20)
        assert dict(points)[START + 10] == 0.4
        assert dict(points)[START - 10] is None


async def test_a_watch_that_ended_can_be_run_again(clinic, sqlite_url):
    clock = ManualClock(START)
    clinic.used.labels("used").set(2)
    async with await Store.open(sqlite_url, clock) as store:
        history = History(store, retention_s=86_400)
        watcher = Watcher(
            targets=[target(clinic.url)], rules=[POOL], clock=clock, on_transition=Told(), history=history
        )
        for life in range(2):
            async with running(watcher):
                await until(lambda life=life: watcher.evaluations()[0].at == START + 5 * life)
            await clock.advance(5)
        assert state(watcher, POOL) is AlertState.INACTIVE
        assert watcher.problems() == ()
