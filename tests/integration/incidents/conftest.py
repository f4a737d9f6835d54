from collections.abc import AsyncIterator

import pytest

from stanch.model.clock import ManualClock
from stanch.store.engine import Store


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    async with await Store.open(store_url, ManualClock()) as opened:
        yield opened
