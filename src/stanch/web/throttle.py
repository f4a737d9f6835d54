"""How often one client may try something that can be guessed at."""

from collections import deque

from stanch.model.clock import Clock
from stanch.web.errors import TooMany


class Throttle:
    """At most `most` tries a client in any `window_s` seconds; kept in memory, for at most `clients` clients."""

    def __init__(self, clock: Clock, *, most: int = 10, window_s: float = 60.0, clients: int = 10_000) -> None:
        self._clock = clock
        self._most = most
        self._window_s = window_s
        self._clients = clients
        self._tries: dict[str, deque[float]] = {}

    def count(self, client: str) -> None:
        """Count a try. Raises TooMany over the limit; those tries count as well."""
        now = self._clock.monotonic()
        tries = self._tries.pop(client, None) or deque(maxlen=self._most + 1)
        tries.append(now)
        self._tries[client] = tries
        if len(self._tries) > self._clients:
            self._tries.pop(next(iter(self._tries)))
        if sum(at > now - self._window_s for at in tries) > self._most:
            raise TooMany(
                f"More than {self._most} tries in {self._window_s:.0f} s.", hint="Wait a minute, then try again."
            )
