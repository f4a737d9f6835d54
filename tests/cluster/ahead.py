"""`stanch` with a clock that is ahead: `python -m cluster.ahead SECONDS up --config stanch.toml`.

How a test lets minutes pass between two lives of a real server without waiting for them.
"""

import sys

from stanch import app
from stanch.main import main
from stanch.model.clock import SystemClock


class AheadClock(SystemClock):
    """The system's clock, that many seconds ahead."""

    def __init__(self, ahead_s: float) -> None:
        self._ahead_s = ahead_s

    def now(self) -> float:
        return super().now() + self._ahead_s


if __name__ == "__main__":
    ahead_s = float(sys.argv.pop(1))
    app.SystemClock = lambda: AheadClock(ahead_s)
    sys.exit(main())
