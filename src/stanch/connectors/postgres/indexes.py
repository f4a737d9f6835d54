"""Indexes: what the server says of one, and the session that builds or drops it without stopping writes."""

import hashlib

import msgspec
import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from stanch.connectors.postgres.session import Session, connect
from stanch.connectors.postgres.wire import one_statement
from stanch.model.postgres import Build
from stanch.model.record import record

ELDER_S = 30.0
"""A transaction that is open for longer is worth naming: a concurrent build waits for its end."""
_MOST_APPLICATION_BYTES = 63
_BUILD_SETTINGS = {
    # An aborted build leaves an invalid index behind, so nothing but a person or the server's end may abort it.
    "statement_timeout": "0",
    "lock_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "default_transaction_read_only": "off",
    "search_path": "pg_catalog",
    "client_encoding": "UTF8",
}

_STATE = sql.SQL("""\
WITH place AS (
  SELECT (SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname = {schema} AND c.relname = {table} AND c.relkind IN ('r', 'm', 'p')) AS table_oid,
    (SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname = {schema} AND c.relname = {index}) AS index_oid
)
SELECT json_build_object(
  'table', table_oid IS NOT NULL,
  'taken', index_oid IS NOT NULL,
  'index', (SELECT json_build_object(
      'valid', x.indisvalid, 'on', x.indrelid = table_oid, 'plain', x.indpred IS NULL AND m.amname = 'btree',
      'columns', (SELECT json_agg(a.attname ORDER BY key.place)
        FROM unnest(x.indkey::int2[]) WITH ORDINALITY AS key (number, place)
        LEFT JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = key.number AND key.number <> 0))
    FROM pg_index x JOIN pg_class c ON c.oid = x.indexrelid JOIN pg_am m ON m.oid = c.relam
    WHERE x.indexrelid = index_oid),
  'builds', (SELECT coalesce(json_agg(json_build_object(
      'pid', p.pid, 'table_oid', p.relid::bigint, 'index_oid', p.index_relid::bigint, 'index', {index},
      'phase', p.phase, 'blocks_done', p.blocks_done, 'blocks_total', p.blocks_total,
      'tuples_done', p.tuples_done, 'tuples_total', p.tuples_total, 'lockers_done', p.lockers_done,
      'lockers_total', p.lockers_total, 'locker_pid', nullif(p.current_locker_pid, 0))), '[]')
    FROM pg_stat_progress_create_index p
    WHERE p.datname = current_database() AND p.relid = table_oid AND p.index_relid IN (0, index_oid)),
  'hidden_build', EXISTS (SELECT FROM pg_stat_progress_create_index p
    WHERE p.datname = current_database() AND p.relid IS NULL),
  'queued', (SELECT min(pid) FROM pg_stat_activity WHERE application_name = {application} AND state = 'active'),
  'elders', (SELECT coalesce(json_agg(json_build_object(
      'pid', pid, 'age_s', extract(epoch FROM clock_timestamp() - xact_start), 'state', coalesce(state, ''),
      'application', application_name) ORDER BY xact_start), '[]')
    FROM pg_stat_activity
    WHERE datname = current_database() AND xact_start < clock_timestamp() - make_interval(secs => {elder_s})
      AND backend_type = 'client backend' AND application_name <> {application})
)::text FROM place""")


@record
class Elder:
    """A transaction that a concurrent build waits for: open for `age_s` seconds, `ELDER_S` or more."""

    pid: int
    age_s: float
    state: str
    application: str


@record
class IndexState:
    """An index by name. `columns` is None where there is none of that name.

    `taken` tells that the name is taken by any relation; `valid` that queries may use it; `on_table` that it is an
    ordinary B-tree of the table in question. `build` is a build of it by anyone; `hidden_build` a build whose table
    this role may not see. `elders` are the oldest transactions first.
    """

    table_exists: bool
    taken: bool
    valid: bool
    on_table: bool
    columns: tuple[str | None, ...] | None
    build: Build | None
    hidden_build: bool
    elders: tuple[Elder, ...]


class BuildFailed(Exception):
    """The server refused or ended the statement: its SQLSTATE (None where the session was lost) and its words."""

    def __init__(self, sqlstate: str | None, because: str) -> None:
        super().__init__(because)
        self.sqlstate = sqlstate
        self.because = because


def application(index: str) -> str:
    """The application_name of the session that builds `index`: by it a build is known after a crash."""
    name = f"stanch builds {index}"
    if name.isascii() and name.isprintable() and len(name) <= _MOST_APPLICATION_BYTES:
        return name
    return f"stanch builds #{hashlib.sha256(index.encode()).hexdigest()[:16]}"


@record
class _Found:
    valid: bool
    on: bool
    plain: bool
    columns: tuple[str | None, ...]


@record
class _Told:
    table: bool
    taken: bool
    index: _Found | None
    builds: tuple[Build, ...]
    hidden_build: bool
    queued: int | None
    elders: tuple[Elder, ...]


async def look_up(session: Session, schema: str, table: str, index: str) -> IndexState:
    """One statement over the catalog, the progress view and the session list."""
    answer = await session.one(
        _STATE.format(schema=schema, table=table, index=index, application=application(index), elder_s=ELDER_S)
    )
    told = msgspec.json.decode(answer, type=_Told)
    build = next(iter(told.builds), None)
    if build is None and told.queued is not None:
        # The progress view does not know of it before it has the table's lock.
        build = Build(pid=told.queued, table_oid=0, index_oid=0, index=index, phase="waiting for the table's lock")
    return IndexState(
        table_exists=told.table,
        taken=told.taken,
        valid=told.index is not None and told.index.valid,
        on_table=told.index is not None and told.index.on and told.index.plain,
        columns=None if told.index is None else told.index.columns,
        build=build,
        hidden_build=told.hidden_build,
        elders=told.elders,
    )


class Builder:
    """Sessions of the role that may create and drop indexes, one a statement."""

    def __init__(self, url: str) -> None:
        self._url = url

    @property
    def role(self) -> str:
        """The role that it logs in as."""
        return str(conninfo_to_dict(self._url).get("user") or "named after the server's own user")

    async def create(self, statement: str, index: str) -> None:
        """Run CREATE INDEX CONCURRENTLY with no limit on its time.

        Where the caller is cancelled, the session is let go without asking the server to stop, and the server goes
        on: a half-built index is worse than one that is finished unwatched. Raises ConnectionRefused, BuildFailed.
        """
        await self._run(statement, application(index))

    async def drop(self, statement: str) -> None:
        """Run DROP INDEX CONCURRENTLY, as `create`; it waits for old transactions as well."""
        await self._run(statement, "stanch drops an index")

    async def _run(self, statement: str, name: str) -> None:
        connection = await connect(self._url, name, _BUILD_SETTINGS)
        try:
            if connection.info.server_version >= 140_000:
                # Else the server would end the build when it notices that nobody is there any more.
                await connection.execute("SELECT set_config('client_connection_check_interval', '0', false)")
            await one_statement(connection.pgconn, statement)
        except psycopg.Error as error:
            raise BuildFailed(error.sqlstate, str(error).strip()) from error
        finally:
            connection.pgconn.finish()

    async def cancel(self, pid: int, index: str) -> bool:
        """Ask the server to stop a build of `index` that a session of ours runs; whether one was there.

        Raises ConnectionRefused, and psycopg.Error where the role may not.
        """
        connection = await connect(self._url, "stanch", _BUILD_SETTINGS)
        async with connection:
            cursor = await connection.execute(
                "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE pid = %s AND application_name = %s",
                [pid, application(index)],
            )
            row = await cursor.fetchone()
            return row is not None and bool(row[0])
