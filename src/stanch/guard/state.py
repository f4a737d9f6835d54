"""The guard's side of the state file: looked at a few times a second, read when it has changed, never trusted."""

import json
import logging
import os
from pathlib import Path

from stanch.model.clock import Clock
from stanch.model.traffic import Malformed, TrafficState, parse

LOOK_EVERY_S = 0.2
_LARGEST_BYTES = 1_000_000
_NOTHING = TrafficState()
_log = logging.getLogger("stanch.guard")


class StateFile:
    """Fails open: a file that cannot be read means no controls, and `errors` grows by one for each such reading."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._next_look = float("-inf")
        self._seen: tuple[int, ...] | None = None
        self.state = _NOTHING
        self.errors = 0

    def changed(self) -> bool:
        """Look at the file where it is time to; True where `state` is another one than before."""
        now = self._clock.monotonic()
        if now < self._next_look:
            return False
        self._next_look = now + LOOK_EVERY_S
        seen = self._look()
        if seen == self._seen:
            return False
        self._seen = seen
        before, self.state = self.state, self._read() if seen else _NOTHING
        return self.state != before

    def _look(self) -> tuple[int, ...]:
        """What tells one content from another; empty where there is no file."""
        try:
            return _signature(self._path.stat())
        except FileNotFoundError:
            return ()
        except OSError as refused:
            return (refused.errno or -1,)

    def _read(self) -> TrafficState:
        try:
            state, problems = parse(json.loads(self._content()))
        except (OSError, ValueError, RecursionError) as wrong:
            self.errors += 1
            _log.warning("%s cannot be read, so nothing is limited: %s", self._path, wrong)
            return _NOTHING
        for problem in problems:
            self.errors += 1
            _log.warning("%s: %s", self._path, problem.message)
        return state

    def _content(self) -> bytes:
        with self._path.open("rb") as file:
            status = os.fstat(file.fileno())
            self._seen = _signature(status)  # what is read may be newer than what was looked at
            if status.st_size > _LARGEST_BYTES:
                raise Malformed(f"{status.st_size} bytes are too many")
            return file.read()


def _signature(status: os.stat_result) -> tuple[int, ...]:
    return status.st_mtime_ns, status.st_ino, status.st_size
