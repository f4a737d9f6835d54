"""Acts with an end: a time box by the clock, and a stop."""

import asyncio
from collections.abc import Awaitable
from typing import Any, TypeVar

from stanch.model.clock import Clock

T = TypeVar("T")

CLEANING_S = 30.0
"""How long an act that was cut may take to clean up; one that takes longer is left behind, and verified."""


class Cut(Exception):
    """The time box ran out or the run is being stopped; the argument says which."""


async def within(act: Awaitable[T], *, clock: Clock, seconds: float | None, stop: asyncio.Event | None) -> T:
    """The value of `act`. Raises Cut where its time ran out or `stop` was set, once it has ended."""
    doing = asyncio.ensure_future(act)
    watching: list[asyncio.Task[Any]] = []
    if stop is not None:
        watching.append(asyncio.ensure_future(stop.wait()))
    if seconds is not None:
        watching.append(asyncio.ensure_future(clock.sleep(seconds)))
    try:
        await asyncio.wait({doing, *watching}, return_when=asyncio.FIRST_COMPLETED)
        if not doing.done():
            doing.cancel()
            await asyncio.wait({doing}, timeout=CLEANING_S)
        if doing.done() and not doing.cancelled():
            return doing.result()
        if stop is not None and stop.is_set():
            raise Cut("The run was stopped.")
        raise Cut(f"It did not finish in its time box of {seconds:g} s.")
    finally:
        for task in (doing, *watching):
            task.cancel()
        await asyncio.gather(doing, *watching, return_exceptions=True)
