"""The time axis follows the clock, and notices when somebody sets it."""

import pytest

from stanch.model.clock import ManualClock
from stanch.signals.axis import Axis


async def test_time_that_passes_is_no_jump() -> None:
    clock = ManualClock(1000.0)
    axis = Axis(clock)
    await clock.advance(5)
    assert (axis.look().at, axis.look().jumped) == (1005.0, 0.0)


@pytest.mark.parametrize("seconds", [3600.0, -3600.0, 1.5, -1.5])
async def test_a_clock_that_was_set_is_noticed(seconds: float) -> None:
    clock = ManualClock(10_000.0)
    axis = Axis(clock)
    await clock.advance(5)
    clock.jump(seconds)
    moment = axis.look()
    assert moment.jumped == pytest.approx(seconds)
    assert moment.at == pytest.approx(10_005 + seconds)
    await clock.advance(5)
    assert axis.look().jumped == 0


async def test_a_small_correction_back_never_makes_time_run_back() -> None:
    clock = ManualClock(10_000.0)
    axis = Axis(clock)
    clock.jump(-0.5)
    first = axis.look()
    assert first.jumped == 0
    assert first.at == 10_000
    await clock.advance(0.75)
    assert axis.look().at == pytest.approx(10_000.25)
