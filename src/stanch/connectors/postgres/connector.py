"""A PostgreSQL server as diagnosis sees it: looked at, asked for plans, and counted what that cost."""

from collections import deque
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self

import psycopg

from stanch.connectors.postgres import snapshot
from stanch.connectors.postgres.indexes import Builder, IndexState, look_up
from stanch.connectors.postgres.planner import Planning
from stanch.connectors.postgres.session import ConnectionRefused, Session
from stanch.connectors.postgres.settings import PostgresSettings
from stanch.model.clock import Clock
from stanch.model.postgres import (
    Answer,
    Described,
    DescribeRequest,
    Observation,
    PlanRequest,
    Refusal,
    Request,
    Snapshot,
    Unanswered,
)
from stanch.model.problem import Refused

_KEPT_BASELINES = 4
_YOUNGEST_BASELINE_S = 4.0
_OLDEST_BASELINE_S = 120.0
_BETWEEN_LOOKS_S = 1.2


class PostgresConnector:
    """One server. Opening is lazy; `open` it beforehand, so that there is a session when no other can be had.

    `sent` counts every statement sent for looking, the greeting of each session included.
    """

    def __init__(self, settings: PostgresSettings, clock: Clock) -> None:
        self.settings = settings
        self._clock = clock
        self._session = Session(
            settings.url.get_secret_value(),
            statement_timeout_s=settings.statement_timeout_s,
            lock_timeout_s=settings.lock_timeout_s,
        )
        self._baselines: deque[tuple[float, Snapshot]] = deque(maxlen=_KEPT_BASELINES)

    @property
    def service(self) -> str:
        """The service whose incidents this database is looked at for."""
        return self.settings.service

    @property
    def sent(self) -> int:
        return self._session.sent

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def open(self) -> None:
        """Open the session that is kept. Raises ConnectionRefused."""
        await self._session.server()

    async def close(self) -> None:
        await self._session.close()

    async def baseline(self) -> None:
        """Note the counters, by one statement, so that a later diagnosis needs only one more look.

        To be called every `settings.baseline_every_s`. Raises ConnectionRefused, and psycopg.Error.
        """
        self._keep(await self._look(described=False))

    async def observe(self) -> Observation | Refusal:
        """Look at the server: one statement where a baseline is at hand, two and a pause of 1.2 s where none is."""
        try:
            earlier = self._usable_baseline()
            if earlier is None:
                earlier = await self._look(described=False)
                await self._clock.sleep(_BETWEEN_LOOKS_S)
            later = await self._look(described=True)
            if later.started_at != earlier.started_at:
                self._baselines.clear()
                earlier = later
            self._keep(later)
            return Observation(server=await self._session.server(), earlier=earlier, later=later)
        except ConnectionRefused as refused:
            return refused.refusal
        except psycopg.Error as error:
            return Refusal(sqlstate=error.sqlstate, because=f"PostgreSQL did not answer: {str(error).strip()}")

    def _keep(self, taken: Snapshot) -> None:
        self._baselines.append((self._clock.monotonic(), taken))

    def _usable_baseline(self) -> Snapshot | None:
        """The newest one that is old enough to show a difference."""
        now = self._clock.monotonic()
        for at, taken in reversed(self._baselines):
            if _YOUNGEST_BASELINE_S <= now - at <= _OLDEST_BASELINE_S:
                return taken
        return None

    async def _look(self, *, described: bool) -> Snapshot:
        server = await self._session.server()
        return snapshot.snapshot(await self._session.one(snapshot.composed(server, described=described)))

    async def answer(self, requests: Sequence[Request]) -> Mapping[Request, Answer]:
        """Every request with its answer: one statement for all plans, one for all descriptions."""
        answers: dict[Request, Answer] = {}
        describes = [request for request in requests if isinstance(request, DescribeRequest)]
        plans = [request for request in requests if isinstance(request, PlanRequest)]
        try:
            if describes:
                answers.update(await self._describe(describes))
            if plans:
                answers.update(await self._plan(plans))
        except (ConnectionRefused, psycopg.Error) as error:
            because = str(error).strip()
            answers.update({request: Unanswered(because=because) for request in requests if request not in answers})
        return answers

    async def _describe(self, requests: Sequence[DescribeRequest]) -> Mapping[Request, Answer]:
        oids = sorted({oid for request in requests for oid in request.oids})
        found = {table.oid: table for table in snapshot.tables(await self._session.one(snapshot.describing(oids)))}
        return {
            request: Described(tables=tuple(found[oid] for oid in request.oids if oid in found)) for request in requests
        }

    async def _plan(self, requests: Sequence[PlanRequest]) -> Mapping[Request, Answer]:
        planning = Planning(await self._session.server(), requests)
        told = [] if planning.statement is None else await self._session.told(planning.statement, planning.tag)
        return planning.heard(told)

    async def query(self, statement: str) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
        """One statement of a person's, in a read-only transaction that is rolled back: column names and rows.

        Raises ConnectionRefused; Refused for what the server would not do, such as to write or to take longer than
        the statement timeout.
        """
        try:
            return await self._session.asked(statement)
        except psycopg.Error as error:
            raise Refused(
                f"PostgreSQL refused: {str(error).strip() or type(error).__name__}.",
                hint="The session reads only, and a statement is ended after "
                f"{self.settings.statement_timeout_s:g} s. Nothing was changed.",
            ) from error

    async def index_state(self, schema: str, table: str, index: str) -> IndexState:
        """What the catalog and the progress view say of an index, by one statement.

        Raises ConnectionRefused, and psycopg.Error.
        """
        return await look_up(self._session, schema, table, index)

    def builder(self) -> Builder:
        """The one that creates and drops indexes, with the role that may. Raises Refused where none is configured."""
        if self.settings.apply_url is None:
            raise Refused(
                "No role is configured that may create indexes on this database.",
                hint="Set `apply_url` in its section of stanch.toml, or run the statement by hand.",
            )
        return Builder(self.settings.apply_url.get_secret_value())
