"""How much a step asks of the store: as many statements as are counted here, whatever the machine is doing."""

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import Engine, event

from response_stage import Stage, act
from stanch.store.engine import Store


@pytest.fixture
def statements():
    """Every statement that is sent, as it is sent; on PostgreSQL the BEGIN before the first of a unit comes on top."""
    sent: list[str] = []

    def heard(connection, cursor, statement, *further):
        del connection, cursor, further
        sent.append(statement)

    event.listen(Engine, "before_cursor_execute", heard)
    yield sent
    event.remove(Engine, "before_cursor_execute", heard)


def is_of_a_write(statement: str) -> bool:
    """Not a look of the runner, which may fall into it at any time; what a write reads, it locks (on PostgreSQL)."""
    return not statement.startswith("BEGIN") and (not statement.startswith("SELECT") or "FOR UPDATE" in statement)


async def test_from_one_act_to_the_next_are_two_writes_of_five_statements(
    store: Store, tmp_path: Path, statements: list[str]
) -> None:
    stage = Stage(store, tmp_path, *(act(f"look-{number}", "look") for number in range(5)))
    look, acted, last = stage.actions["look"].do, [], asyncio.Event()

    async def do(context):
        acted.append(len(statements))
        if len(acted) == 5:
            last.set()
        return await look(context)

    stage.actions["look"].do = do
    await stage.open()
    async with stage.running():
        await asyncio.wait_for(last.wait(), 20)  # nobody else asks the store for anything meanwhile
        await stage.until_over()
    between = [each.split()[0] for each in statements[acted[2] : acted[3]] if is_of_a_write(each)]
    writes = ["UPDATE", "UPDATE", "UPDATE", "WITH", "NOTIFY"], ["UPDATE", "UPDATE", "UPDATE", "UPDATE", "INSERT"]
    assert between == (writes[0] if store.shared else writes[1]) * 2
