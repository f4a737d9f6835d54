"""The time axis that samples and rules live on: the wall clock, as long as it behaves.

Rates and persistences are differences of times, so a clock that is set by hand or by NTP must not stretch them. The
monotonic clock tells how long it really was since the last look, and what is left over is a jump.
"""

from stanch.model.clock import Clock
from stanch.model.record import record

# NTP slews what is smaller; a step of less than this changes no window by more than a scrape does anyway.
TOLERANCE_S = 1.0


@record
class Moment:
    """`at` in epoch seconds, never before the moment before; `jumped` by how much the clock was set since."""

    at: float
    jumped: float = 0.0


class Axis:
    """Reads the clock and notices when it was set."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._at = clock.now()
        self._monotonic = clock.monotonic()

    def look(self) -> Moment:
        """The present moment. After a jump back, `at` is before the last one, and all that was noted must move."""
        now = self._clock.now()
        monotonic = self._clock.monotonic()
        jumped = now - (self._at + monotonic - self._monotonic)
        if abs(jumped) <= TOLERANCE_S:
            jumped = 0.0
            now = max(now, self._at)
        self._at = now
        self._monotonic = monotonic
        return Moment(at=now, jumped=jumped)
