"""Waiting for what another task, thread or process does: looked at often, for a limited time."""

import asyncio
import inspect

import pytest


async def until(condition, within_s=10.0):
    """Return as soon as `condition()`, awaited where it can be, is true; fail the test after `within_s`."""
    loop = asyncio.get_running_loop()
    end = loop.time() + within_s
    while loop.time() < end:
        found = condition()
        if await found if inspect.isawaitable(found) else found:
            return
        await asyncio.sleep(0.003)
    pytest.fail(f"it did not come to be within {within_s:g} s")
