"""Known secrets do not reach a table, whatever statement carries them, and JSON stays JSON."""

import pytest
from sqlalchemy import insert, select

from stanch.model.clock import SystemClock
from stanch.response.redaction import Redactor
from stanch.store import entering
from stanch.store.engine import Store
from stanch.store.entering import Entry
from stanch.store.tables import heartbeat, mark

SECRET = 'pa"ss\\w0rd-ü 1'
REDACTOR = Redactor([SECRET])


@pytest.fixture
async def store(store_url: str):
    entry = Entry(text=REDACTOR, known=REDACTOR.without_known)
    async with await Store.open(store_url, SystemClock(), entry=entry) as opened:
        yield opened


async def test_no_column_holds_a_known_secret_and_all_else_is_as_it_was_written(store: Store):
    data = {"note": f"it is {SECRET}, yes", "deep": [{"a": SECRET}, 1.5, None], "number": 12}
    row = {"at": 1.0, "service": "booking", "text": f"with {SECRET}", "version": SECRET, "previous": None}

    def write(rows):
        rows.execute(insert(mark).values(**row, data=data))
        rows.execute(insert(mark), [{**row, "data": data}, {**row, "data": {}}])
        rows.execute(insert(heartbeat).values(name="plain", at=2.0, interval_s=3.0, data={"kept": "as it is"}))

    await store.write(write)
    first, second, third = await store.read(lambda rows: rows.execute(select(mark).order_by(mark.c.id)).all())
    hidden = "[redacted: known secret]"
    for found in (first, second):
        assert found.data == {"note": f"it is {hidden}, yes", "deep": [{"a": hidden}, 1.5, None], "number": 12}
    assert (third.text, third.version, third.previous, third.at) == (f"with {hidden}", hidden, None, 1.0)
    kept = await store.read(lambda rows: rows.execute(select(heartbeat)).one())
    assert (kept.name, kept.data) == ("plain", {"kept": "as it is"})


async def test_a_question_about_a_secret_finds_what_was_written_of_it(store: Store):
    row = {"at": 1.0, "service": SECRET, "text": "", "version": None, "previous": None, "data": {}}
    await store.write(lambda rows: rows.execute(insert(mark).values(**row)))
    found = await store.read(lambda rows: rows.execute(select(mark.c.at).where(mark.c.service == SECRET)).all())
    assert [each.at for each in found] == [1.0]


async def test_what_people_say_loses_whatever_looks_like_a_secret(store: Store):
    said = f"the token is ghp_{'a1B2' * 9} and {SECRET}"
    heard = await store.read(lambda rows: entering.text(rows, said))
    assert "ghp_" not in heard
    assert SECRET not in heard
    assert await store.read(lambda rows: entering.holds_secret(rows, f"x{SECRET}"))
    assert not await store.read(lambda rows: entering.holds_secret(rows, "nothing of it"))
