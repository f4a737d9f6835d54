"""One guarded session: read-only, short of patience, kept open, opened again when it broke. Every statement counts."""

import asyncio
import json
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

import psycopg
from psycopg import conninfo, sql
from psycopg.adapt import Transformer

from stanch.connectors.postgres.wire import one_statement
from stanch.model.postgres import Extension, Refusal, Server
from stanch.model.problem import Unusable

APPLICATION = "stanch"
TOO_MANY_CONNECTIONS = "53300"
_CONNECT_TIMEOUT_S = 5
# libpq hands on the server's words and not its SQLSTATE when a connection is refused.
_TOO_MANY = (
    "too many clients already",
    "remaining connection slots are reserved",
    "too many connections for",
)

_HELLO = sql.SQL("""\
SELECT json_build_object(
  'database', current_database(),
  'role', current_user,
  'superuser', (SELECT rolsuper FROM pg_roles WHERE rolname = current_user),
  'reads_statistics', pg_has_role('pg_read_all_stats', 'USAGE'),
  'reads_data', EXISTS (SELECT FROM pg_roles r WHERE r.rolname = 'pg_read_all_data' AND pg_has_role(r.oid, 'USAGE')),
  'plans', EXISTS (SELECT FROM pg_language l WHERE l.lanname = 'plpgsql' AND has_language_privilege(l.oid, 'USAGE')),
  'guarded', current_setting('default_transaction_read_only') = 'on'
    AND current_setting('statement_timeout') <> '0' AND current_setting('lock_timeout') <> '0',
  'auto_explain', CASE WHEN {may_silence} AND current_setting('auto_explain.log_min_duration', true) IS NOT NULL
    THEN set_config('auto_explain.log_min_duration', '-1', false) END,
  'extensions', (SELECT json_object_agg(e.extname, json_build_array(e.extversion, n.nspname))
    FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace))""")


class ConnectionRefused(Unusable):
    """The server did not let us in. `refusal` says why, with its SQLSTATE where it is known."""

    def __init__(self, refusal: Refusal, *, hint: str = "") -> None:
        super().__init__(refusal.because, hint=hint)
        self.refusal = refusal


_PATH_OF_THE_ROLE = """
SELECT set_config('search_path', coalesce(
  (SELECT substr(setting, length('search_path=') + 1)
   FROM pg_db_role_setting, unnest(setconfig) AS setting
   WHERE setting LIKE 'search\\_path=%'
     AND setrole IN (0, (SELECT oid FROM pg_roles WHERE rolname = current_user))
     AND setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
   ORDER BY setrole = 0, setdatabase = 0
   LIMIT 1),
  '"$user", public'), true)
"""
"""Names without a schema are people's to write: they mean what they mean in any other session of the role."""


class Session:
    """A session on one server. Safe to share: statements are sent one at a time.

    `sent` counts the statements sent since the beginning, the one that greets the server included.
    """

    def __init__(self, url: str, *, statement_timeout_s: float, lock_timeout_s: float) -> None:
        self._url = url
        self._guards = {
            "default_transaction_read_only": "on",
            "statement_timeout": str(round(statement_timeout_s * 1000)),
            "lock_timeout": str(round(lock_timeout_s * 1000)),
            "idle_in_transaction_session_timeout": "5000",
            "jit": "off",
            "search_path": "pg_catalog",
            "client_encoding": "UTF8",
        }
        self._connection: psycopg.AsyncConnection[tuple[Any, ...]] | None = None
        self._server: Server | None = None
        self._turn = asyncio.Lock()
        self.sent = 0

    async def __aenter__(self) -> Self:
        await self.server()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def server(self) -> Server:
        """The server behind it, opening the session where there is none. Raises ConnectionRefused."""
        async with self._turn:
            _, server = await self._opened()
            return server

    async def close(self) -> None:
        """End the session; a later statement opens another."""
        async with self._turn:
            await self._drop()

    async def one(self, statement: sql.Composed) -> Any:
        """The first column of the first row. A session that broke is opened again, once: reading twice is safe.

        Raises ConnectionRefused, and psycopg.Error for what the statement itself met.
        """
        rows = await self._send(statement, None)
        return rows[0][0] if rows else None

    async def asked(self, statement: str) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
        """A person's own statement, one, in a read-only transaction that is rolled back: column names and rows.

        What it SETs is undone with it. Raises ConnectionRefused, and psycopg.Error for what it met.
        """
        async with self._turn:
            connection = await self._begun()
            self.sent += 3
            try:
                await connection.execute(_PATH_OF_THE_ROLE)
                result = await one_statement(connection.pgconn, statement)
            except psycopg.Error:
                await self._rolled_back(connection)
                raise
            except BaseException:
                # It may still run; the session is let go, and the server ends it at its statement timeout.
                await self._drop()
                raise
            names = tuple((result.fname(place) or b"").decode() for place in range(result.nfields))
            transformer = Transformer(connection)
            transformer.set_pgresult(result)
            rows = transformer.load_rows(0, result.ntuples, tuple) if names else []
            await self._rolled_back(connection)
            return names, rows

    async def _begun(self) -> psycopg.AsyncConnection[tuple[Any, ...]]:
        """A session in a read-only transaction, opened again where it had broken meanwhile."""
        connection, _ = await self._opened()
        self.sent += 1
        try:
            await connection.execute("BEGIN READ ONLY")
        except psycopg.OperationalError:
            if not connection.closed:
                raise
            await self._drop()
            connection, _ = await self._opened()
            self.sent += 1
            await connection.execute("BEGIN READ ONLY")
        return connection

    async def _rolled_back(self, connection: psycopg.AsyncConnection[tuple[Any, ...]]) -> None:
        if connection.closed:
            await self._drop()
        else:
            await connection.execute("ROLLBACK")

    async def told(self, statement: sql.Composed, tag: str) -> list[Any]:
        """The JSON in the DETAIL of every message of the text `tag` that the statement raises. Raises as `one`."""
        heard: list[Any] = []

        def listen(diagnostic: psycopg.errors.Diagnostic) -> None:
            if diagnostic.message_primary == tag and diagnostic.message_detail is not None:
                heard.append(json.loads(diagnostic.message_detail))

        await self._send(statement, listen)
        return heard

    async def _send(
        self,
        statement: sql.Composed,
        listen: Callable[[psycopg.errors.Diagnostic], None] | None,
    ) -> list[tuple[Any, ...]]:
        async with self._turn:
            was_open = self._connection is not None
            connection, _ = await self._opened()
            try:
                return await self._run(connection, statement, listen)
            except psycopg.OperationalError:
                if not connection.broken or not was_open:
                    raise
                await self._drop()
                connection, _ = await self._opened()
                return await self._run(connection, statement, listen)

    async def _run(
        self,
        connection: psycopg.AsyncConnection[tuple[Any, ...]],
        statement: sql.Composed,
        listen: Callable[[psycopg.errors.Diagnostic], None] | None,
    ) -> list[tuple[Any, ...]]:
        self.sent += 1
        if listen is not None:
            connection.add_notice_handler(listen)
        try:
            cursor = await connection.execute(statement)
            return [] if cursor.description is None else await cursor.fetchall()
        finally:
            if listen is not None:
                connection.remove_notice_handler(listen)

    async def _opened(self) -> tuple[psycopg.AsyncConnection[tuple[Any, ...]], Server]:
        if self._connection is not None and self._connection.closed:
            await self._drop()
        if self._connection is None or self._server is None:
            connection = await connect(self._url, APPLICATION, self._guards)
            try:
                self._server = await self._greet(connection)
            except BaseException:
                await connection.close()
                raise
            self._connection = connection
        return self._connection, self._server

    async def _greet(self, connection: psycopg.AsyncConnection[tuple[Any, ...]]) -> Server:
        version = connection.info.server_version
        # auto_explain fails on hypothetical indexes; only some roles may silence it.
        may_silence = (
            "has_parameter_privilege('auto_explain.log_min_duration', 'SET')"
            if version >= 150_000
            else "(SELECT rolsuper FROM pg_roles WHERE rolname = current_user)"
        )
        self.sent += 1
        cursor = await connection.execute(_HELLO.format(may_silence=sql.SQL(may_silence)))
        row = await cursor.fetchone()
        assert row is not None
        told = row[0]
        if not told["guarded"]:
            raise ConnectionRefused(
                Refusal(
                    sqlstate=None,
                    because="The session's guards (read-only, statement and lock timeouts) did not take: "
                    "a connection pooler answers at this address.",
                ),
                hint="Give the address of the PostgreSQL server itself. Nothing was looked at.",
            )
        return Server(
            version=version,
            database=told["database"],
            role=told["role"],
            superuser=told["superuser"],
            reads_statistics=told["reads_statistics"],
            reads_data=told["reads_data"],
            plans=told["plans"],
            extensions={
                name: Extension(version=number, schema=schema)
                for name, (number, schema) in (told["extensions"] or {}).items()
            },
        )

    async def _drop(self) -> None:
        connection, self._connection, self._server = self._connection, None, None
        if connection is not None:
            await connection.close()


async def connect(url: str, application: str, guards: dict[str, str]) -> psycopg.AsyncConnection[tuple[Any, ...]]:
    """Open a connection whose settings are `guards` from its first statement on. Raises ConnectionRefused."""
    try:
        given: dict[str, Any] = dict(conninfo.conninfo_to_dict(url))
    except psycopg.ProgrammingError:
        # The fault's own text repeats the address, and with it the password.
        raise ConnectionRefused(
            Refusal(sqlstate=None, because="The database's address cannot be read."),
            hint="It looks like postgresql://role:password@host:5432/database.",
        ) from None
    options = " ".join(f"-c {name}={value}" for name, value in guards.items())
    given["options"] = f"{given.get('options') or ''} {options}".strip()
    given["application_name"] = application
    given.setdefault("connect_timeout", _CONNECT_TIMEOUT_S)
    try:
        return await psycopg.AsyncConnection.connect(
            conninfo.make_conninfo(**given), autocommit=True, prepare_threshold=None
        )
    except psycopg.OperationalError as error:
        raise _refused(str(error), given) from error


def _refused(said: str, given: dict[str, Any]) -> ConnectionRefused:
    place = f"{given.get('host') or 'the local socket'}:{given.get('port') or 5432}/{given.get('dbname') or ''}"
    reason = said.strip().splitlines()[-1]
    if any(words in said for words in _TOO_MANY):
        return ConnectionRefused(
            Refusal(sqlstate=TOO_MANY_CONNECTIONS, because=f"PostgreSQL at {place} has no free connection: {reason}"),
            hint="End idle sessions, or connect as a role that may use the reserved ones.",
        )
    if "unsupported startup parameter" in said:
        return ConnectionRefused(
            Refusal(sqlstate=None, because=f"A connection pooler answers at {place}, not PostgreSQL itself."),
            hint="Give the address of the PostgreSQL server itself. Nothing was looked at.",
        )
    return ConnectionRefused(
        Refusal(sqlstate=None, because=f"PostgreSQL at {place} could not be reached: {reason}"),
        hint="Check the address, the password and pg_hba.conf. Nothing was looked at.",
    )
