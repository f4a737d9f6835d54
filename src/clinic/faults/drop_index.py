"""The index that a doctor's day is found by is gone, as after a careless migration; every listing reads the table."""

import psycopg
from psycopg import sql

from clinic import schema

_LOCK_WITHIN = "5s"


def inject(database_url: str) -> None:
    """Drop it; nothing happens where it is gone. Raises psycopg.Error, LockNotAvailable after 5 s among them."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(sql.SQL("SET lock_timeout = {}").format(sql.Literal(_LOCK_WITHIN)))
        connection.execute(sql.SQL("DROP INDEX IF EXISTS {}").format(sql.Identifier(schema.DOCTOR_DATE_INDEX)))


def remove(database_url: str) -> None:
    """Build it again without blocking writes; one that was left half-built is dropped first. Raises psycopg.Error."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        state = connection.execute(
            "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)", [schema.DOCTOR_DATE_INDEX]
        ).fetchone()
        if state == (False,):
            connection.execute(
                sql.SQL("DROP INDEX CONCURRENTLY IF EXISTS {}").format(sql.Identifier(schema.DOCTOR_DATE_INDEX))
            )
        connection.execute(schema.CREATE_DOCTOR_DATE_INDEX.format(concurrently="CONCURRENTLY"))
