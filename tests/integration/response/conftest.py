from collections.abc import AsyncIterator

import pytest

from stanch.model.clock import SystemClock
from stanch.store.engine import Store


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    """A store on each engine in turn."""
    async with await Store.open(store_url, SystemClock()) as opened:
        yield opened


@pytest.fixture
async def sqlite_store(sqlite_url: str) -> AsyncIterator[Store]:
    async with await Store.open(sqlite_url, SystemClock()) as opened:
        yield opened
