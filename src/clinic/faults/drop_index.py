"""The index that a doctor's day is found by is gone, as after a careless migration; every listing reads the table."""

import psycopg
from psycopg import sql

from clinic import schema

_LOCK_WITHIN = "5s"

# By what it is for, not by its name: whoever put it back has named it as they pleased.
_SERVING = """
SELECT relnamespace::regnamespace::text, relname, indisvalid
FROM pg_index
JOIN pg_class ON pg_class.oid = indexrelid
WHERE indrelid = to_regclass('appointments') AND NOT indisprimary AND indpred IS NULL
  AND (SELECT array_agg(attname::text ORDER BY place)
       FROM unnest(indkey::int2[]) WITH ORDINALITY AS key (number, place)
       JOIN pg_attribute ON attrelid = indrelid AND attnum = number
       WHERE place <= 2) = ARRAY['doctor_id', 'appointment_date']
"""


def inject(database_url: str) -> None:
    """Drop every index that serves it; nothing happens where none is there.

    Raises psycopg.Error, LockNotAvailable after 5 s among them.
    """
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(sql.SQL("SET lock_timeout = {}").format(sql.Literal(_LOCK_WITHIN)))
        for space, name, _ in connection.execute(_SERVING).fetchall():
            connection.execute(sql.SQL("DROP INDEX IF EXISTS {}").format(sql.Identifier(space, name)))


def remove(database_url: str) -> None:
    """Build it again without blocking writes; one that was left half-built is dropped first. Raises psycopg.Error."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        serving = connection.execute(_SERVING).fetchall()
        for space, name, is_valid in serving:
            if not is_valid:
                half_built = sql.SQL("DROP INDEX CONCURRENTLY IF EXISTS {}").format(sql.Identifier(space, name))
                connection.execute(half_built)
        if not any(is_valid for *_, is_valid in serving):
            connection.execute(schema.CREATE_DOCTOR_DATE_INDEX.format(concurrently="CONCURRENTLY"))
