"""Numbers that people can say, and the order in which concurrent writers take turns."""

from sqlalchemy import Connection, bindparam, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.dml import ReturningUpdate

from stanch.store.tables import counter


def next_number(connection: Connection, name: str) -> int:
    """The next whole number under `name`, from 1; see `next_numbers`."""
    return next_numbers(connection, name, 1)[0]


def next_numbers(connection: Connection, name: str, count: int) -> range:
    """The next `count` whole numbers under `name`.

    The row stays locked until the transaction ends, so numbers are given in the order of their commits and none is
    lost to a transaction that was undone.
    """
    given = {"counter": name, "count": count}
    last = connection.execute(_COUNT_ON, given).scalar_one_or_none()
    if last is None:
        insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
        first = (
            insert(counter)
            .values(name=bindparam("counter"), value=bindparam("count"))
            .on_conflict_do_update(
                index_elements=[counter.c.name], set_={"value": counter.c.value + bindparam("count")}
            )
            .returning(counter.c.value)
        )
        last = connection.execute(first, given).scalar_one()
    return range(last - count + 1, last + 1)


def counting_on(name: str) -> ReturningUpdate[int]:
    """The statement that gives the next whole number under `name`, for use within another one (PostgreSQL)."""
    counted = update(counter).where(counter.c.name == name).values(value=counter.c.value + 1)
    return counted.returning(counter.c.value)


_COUNT_ON = (
    update(counter)
    .where(counter.c.name == bindparam("counter"))
    .values(value=counter.c.value + bindparam("count"))
    .returning(counter.c.value)
)


def take_turns(connection: Connection, what: str) -> None:
    """Let one transaction at a time go on with `what`, until it ends.

    For decisions on rows that do not exist yet ("is there an open incident of this service?"). SQLite has one writer
    and needs nothing; on PostgreSQL this is a transaction-level advisory lock on the hash of the name.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(_TAKE_TURNS, {"what": what})


_TAKE_TURNS = text("SELECT pg_advisory_xact_lock(hashtextextended(:what, 0))")
