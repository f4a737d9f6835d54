"""Numbers that people can say, and the order in which concurrent writers take turns."""

from sqlalchemy import Connection, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from stanch.store.tables import counter


def next_number(connection: Connection, name: str) -> int:
    """The next whole number under `name`, from 1; see `next_numbers`."""
    return next_numbers(connection, name, 1)[0]


def next_numbers(connection: Connection, name: str, count: int) -> range:
    """The next `count` whole numbers under `name`.

    The row stays locked until the transaction ends, so numbers are given in the order of their commits and none is
    lost to a transaction that was undone.
    """
    changed = connection.execute(update(counter).where(counter.c.name == name).values(value=counter.c.value + count))
    if changed.rowcount == 0:
        insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
        connection.execute(
            insert(counter)
            .values(name=name, value=count)
            .on_conflict_do_update(index_elements=[counter.c.name], set_={"value": counter.c.value + count})
        )
    last = int(connection.execute(select(counter.c.value).where(counter.c.name == name)).scalar_one())
    return range(last - count + 1, last + 1)


def take_turns(connection: Connection, what: str) -> None:
    """Let one transaction at a time go on with `what`, until it ends.

    For decisions on rows that do not exist yet ("is there an open incident of this service?"). SQLite has one writer
    and needs nothing; on PostgreSQL this is a transaction-level advisory lock on the hash of the name.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(what, 0))))
