"""Bounded concurrency with a bounded queue."""

import asyncio
from dataclasses import replace

import pytest

from stanch.guard.limiter import Decision, Limiter
from stanch.model.clock import ManualClock
from stanch.model.traffic import ConcurrencyLimit

LIMIT = ConcurrencyLimit(id="c1", incident="42", path="/", limit=2, queue=2, max_wait_s=0.5, expires_at=2e9)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def limiter(clock: ManualClock) -> Limiter:
    return Limiter(LIMIT, clock, {})


def fill(limiter: Limiter) -> None:
    for _ in range(LIMIT.limit):
        assert limiter.enter() is Decision.ADMITTED


async def queued(limiter: Limiter) -> asyncio.Task[Decision]:
    """A request that has taken its place and started its timer."""
    assert limiter.enter() is None
    task = asyncio.ensure_future(limiter.wait())
    for _ in range(3):
        await asyncio.sleep(0)
    return task


async def test_up_to_the_limit_nobody_waits(limiter: Limiter) -> None:
    fill(limiter)
    assert (limiter.running, limiter.waiting) == (2, 0)


async def test_who_leaves_lets_the_first_in_the_queue_in(limiter: Limiter) -> None:
    fill(limiter)
    first, second = await queued(limiter), await queued(limiter)
    limiter.leave()
    assert await first is Decision.ADMITTED_LATE
    assert not second.done()
    assert (limiter.running, limiter.waiting) == (2, 1)
    limiter.leave()
    assert await second is Decision.ADMITTED_LATE


async def test_a_full_queue_refuses_at_once(limiter: Limiter) -> None:
    fill(limiter)
    waiting = [await queued(limiter), await queued(limiter)]
    assert limiter.enter() is Decision.REFUSED_FULL
    limiter.leave()
    limiter.leave()
    assert [await task for task in waiting] == [Decision.ADMITTED_LATE] * 2


async def test_who_has_waited_long_enough_is_refused(limiter: Limiter, clock: ManualClock) -> None:
    fill(limiter)
    task = await queued(limiter)
    await clock.advance(0.4)
    assert not task.done()
    await clock.advance(0.2)
    assert await task is Decision.REFUSED_LATE
    assert (limiter.running, limiter.waiting) == (2, 0)


async def test_a_newcomer_does_not_overtake_the_queue(limiter: Limiter) -> None:
    fill(limiter)
    first = await queued(limiter)
    limiter.leave()
    newcomer = await queued(limiter)
    assert await first is Decision.ADMITTED_LATE
    assert not newcomer.done()
    limiter.leave()
    assert await newcomer is Decision.ADMITTED_LATE


async def test_a_client_that_goes_away_gives_up_its_place_in_the_queue(limiter: Limiter) -> None:
    fill(limiter)
    task = await queued(limiter)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert limiter.waiting == 0
    limiter.leave()
    assert limiter.running == 1


async def test_a_client_that_goes_away_as_it_is_let_in_passes_its_place_on(limiter: Limiter) -> None:
    fill(limiter)
    gone, next_ = await queued(limiter), await queued(limiter)
    limiter.leave()
    gone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gone
    assert await next_ is Decision.ADMITTED_LATE
    assert limiter.running == 2


async def test_a_higher_limit_lets_the_queue_in(limiter: Limiter) -> None:
    fill(limiter)
    waiting = [await queued(limiter), await queued(limiter)]
    limiter.change(replace(LIMIT, limit=3))
    assert await waiting[0] is Decision.ADMITTED_LATE
    assert not waiting[1].done()
    limiter.leave()
    assert await waiting[1] is Decision.ADMITTED_LATE


async def test_a_lower_limit_lets_nobody_in_until_enough_have_left(limiter: Limiter) -> None:
    fill(limiter)
    limiter.change(replace(LIMIT, limit=1))
    task = await queued(limiter)
    limiter.leave()
    await asyncio.sleep(0)
    assert not task.done()
    limiter.leave()
    assert await task is Decision.ADMITTED_LATE


async def test_a_control_that_is_over_lets_everybody_in(limiter: Limiter) -> None:
    fill(limiter)
    waiting = [await queued(limiter), await queued(limiter)]
    limiter.lift()
    assert [await task for task in waiting] == [Decision.ADMITTED_LATE] * 2
    assert limiter.enter() is Decision.ADMITTED


async def test_many_at_random_never_exceed_the_limit_and_all_are_paid_back(clock: ManualClock) -> None:
    limiter = Limiter(replace(LIMIT, queue=50), clock, {})
    most = 0

    async def request(number: int) -> Decision:
        nonlocal most
        await clock.sleep(number % 7 * 0.01)
        decision = limiter.enter() or await limiter.wait()
        if not decision.refused:
            most = max(most, limiter.running)
            await clock.sleep(0.05 + number % 3 * 0.01)
            limiter.leave()
        return decision

    tasks = [asyncio.ensure_future(request(number)) for number in range(100)]
    await asyncio.sleep(0)
    await clock.advance(10.0)
    decisions = [await task for task in tasks]
    assert most == 2
    assert (limiter.running, limiter.waiting) == (0, 0)
    assert set(decisions) == set(Decision)


@pytest.mark.parametrize("prefix", ["/appointments", "/appointments/", "/"])
@pytest.mark.parametrize("path", ["/appointments", "/appointments/7", "/appointmentsx", "/", ""])
def test_it_covers_what_its_control_covers(clock: ManualClock, prefix: str, path: str) -> None:
    control = replace(LIMIT, path=prefix)
    assert Limiter(control, clock, {}).covers(path) == control.covers(path)
