"""One statement over libpq, waited for by the socket alone.

psycopg's own wait ends a statement on the server when its caller is cancelled, and sends text without parameters in a
way that may hold several statements. Both are unwanted where an index builds, and where a person's text is run.
"""

import asyncio
import contextlib

import psycopg
from psycopg import pq


async def one_statement(pgconn: pq.abc.PGconn, statement: str) -> pq.abc.PGresult:
    """Run exactly one statement; the server refuses several. Nothing is cancelled where the caller is.

    Raises psycopg.Error: by its SQLSTATE, or OperationalError without one where the session is lost.
    """
    pgconn.send_query_params(statement.encode(), None)
    while pgconn.flush():
        await _ready(pgconn.socket, writing=True)
    last: pq.abc.PGresult | None = None
    while True:
        while pgconn.is_busy():
            await _ready(pgconn.socket, writing=False)
            pgconn.consume_input()
        result = pgconn.get_result()
        if result is None:
            break
        last = result
    assert last is not None
    if last.status == pq.ExecStatus.FATAL_ERROR:
        raise _error(last)
    return last


def _error(result: pq.abc.PGresult) -> psycopg.Error:
    message = result.error_field(pq.DiagnosticField.MESSAGE_PRIMARY) or result.error_message
    text = message.decode(errors="replace").strip()
    sqlstate = (result.error_field(pq.DiagnosticField.SQLSTATE) or b"").decode()
    try:
        return psycopg.errors.lookup(sqlstate)(text)
    except KeyError:
        return psycopg.OperationalError(text)


async def _ready(descriptor: int, *, writing: bool) -> None:
    loop = asyncio.get_running_loop()
    ready = loop.create_future()

    def tell() -> None:
        if not ready.done():
            ready.set_result(None)

    add, remove = (loop.add_writer, loop.remove_writer) if writing else (loop.add_reader, loop.remove_reader)
    add(descriptor, tell)
    try:
        await ready
    finally:
        with contextlib.suppress(ValueError):
            remove(descriptor)
