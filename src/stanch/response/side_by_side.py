"""Steps that the playbook puts side by side: each is carried out while the next moves are made."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from stanch.model.clock import Clock
from stanch.model.run import StepRecord
from stanch.response.held import HeldRun
from stanch.response.journal import Moved


class SideBySide:
    """What is being carried out beside the moves of one run."""

    def __init__(self, held: HeldRun, *, clock: Clock) -> None:
        self._held = held
        self._clock = clock
        self._doing: dict[str, asyncio.Task[None]] = {}

    @property
    def keys(self) -> frozenset[str]:
        """The steps that are being carried out at this moment."""
        return frozenset(self._doing)

    def begin(self, step: StepRecord, doing: Coroutine[Any, Any, None]) -> None:
        """Carry a step out while the next moves are made."""
        self._doing[step.key] = asyncio.create_task(doing, name=f"stanch-step-{step.run_id}-{step.key}")

    async def wait(self, *, until: float | None) -> None:
        """Until one of them ends, somebody changes something, or it is `until` (epoch seconds)."""
        others: set[asyncio.Future[Any]] = {asyncio.ensure_future(self._held.news())}
        if until is not None:
            others.add(asyncio.ensure_future(self._clock.sleep(max(0.0, until - self._clock.now()))))
        try:
            await asyncio.wait({*self._doing.values(), *others}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for other in others:
                other.cancel()

    def reap(self) -> None:
        """Take out those that have ended. Raises what they raised, but for one that people were faster with."""
        for key, task in tuple(self._doing.items()):
            if not task.done():
                continue
            del self._doing[key]
            self._held.heard()
            try:
                task.result()
            except Moved:
                continue

    async def cancel(self) -> None:
        """End all of them, and wait until they have ended."""
        for task in self._doing.values():
            task.cancel()
        await asyncio.gather(*self._doing.values(), return_exceptions=True)
