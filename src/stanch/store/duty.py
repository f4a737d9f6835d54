"""A duty: something that one of several replicas does at a time, such as the check of every night.

Its holder has a lease, a row of its own that is renewed while the job runs and timed by the database's clock. Every
write of the job begins with a look at that row, in the same transaction, so that a replica which was cut off or stood
still and has lost the duty can write nothing of it any more: what the job tells is told once. A replica that is ended
in order lets go at once, one that is started again takes up at once what it held, and one that is gone is followed by
another when its lease runs out. On SQLite there is one process, and every duty is its.
"""

import asyncio
from collections.abc import Awaitable, Callable

import structlog
from sqlalchemy import Connection, Double, bindparam, cast, extract, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from stanch.model.clock import Clock
from stanch.model.problem import StanchError, Unusable
from stanch.store.engine import Fence, Store
from stanch.store.tables import lease

SAFE_SHARE = 2 / 3
"""Of a lease without renewal, after which the job is ended: before anybody else may begin it."""

_CLOCK = cast(extract("epoch", func.clock_timestamp()), Double)
_UNTIL = _CLOCK + bindparam("term", type_=Double)
_MINE = (lease.c.name == bindparam("duty")) & (lease.c.epoch == bindparam("at_epoch"))
_HELD = select(lease.c.name).where(_MINE).with_for_update(read=True)
_RENEW = update(lease).where(_MINE).values(until=_UNTIL)
_LET_GO = update(lease).where(_MINE).values(until=0.0)
_NEW = insert(lease).values(name=bindparam("duty"), holder=bindparam("by"), epoch=1, until=_UNTIL)
_TAKE = _NEW.on_conflict_do_update(
    index_elements=[lease.c.name],
    set_={"holder": _NEW.excluded.holder, "epoch": lease.c.epoch + 1, "until": _NEW.excluded.until},
    where=or_(lease.c.until < _CLOCK, lease.c.holder == _NEW.excluded.holder),
).returning(lease.c.epoch)

_log = structlog.get_logger(__name__)


class DutyLost(StanchError):
    """Another replica has the duty now: nothing was written."""


class Duty:
    """One duty of this replica, which `holder` names among the others, the same over its restarts.

    `term_s` is how long the lease lasts. The job is given `store`, behind whose writes stands the look at the lease.
    """

    def __init__(self, store: Store, clock: Clock, *, name: str, holder: str, term_s: float) -> None:
        self.name = name
        self._shared = store
        self._clock = clock
        self._holder = holder
        self._term_s = term_s
        self._epoch: int | None = None
        self._safe_until = 0.0
        self.store = store.behind(self._fence) if store.shared else store

    async def run(self, job: Callable[[], Awaitable[None]]) -> None:
        """Do the job whenever the duty is ours, until cancelled. Raises what the job raises; the duty is let go then.

        A job that comes to its end is begun anew with the next term.
        """
        if not self._shared.shared:
            await job()
            return
        while True:
            if await self._take():
                await self._serve(job)
            await self._clock.sleep(self._term_s / 3)

    async def _take(self) -> bool:
        began = self._clock.monotonic()
        values = {"duty": self.name, "by": self._holder, "term": self._term_s}
        self._epoch = await self._shared.write(lambda connection: connection.execute(_TAKE, values).scalar())
        self._safe_until = began + self._term_s * SAFE_SHARE
        if self._epoch is not None:
            _log.info("duty.taken", duty=self.name)
        return self._epoch is not None

    async def _serve(self, job: Callable[[], Awaitable[None]]) -> None:
        working = asyncio.ensure_future(job())
        keeping = asyncio.ensure_future(self._keep())
        try:
            await asyncio.wait({working, keeping}, return_when=asyncio.FIRST_COMPLETED)
            if not working.done():
                _log.warning("duty.lost", duty=self.name)
        finally:
            done = working.done()
            working.cancel()
            keeping.cancel()
            await asyncio.gather(working, keeping, return_exceptions=True)
            await self._let_go()
        fault = working.exception() if done else None
        if isinstance(fault, DutyLost):
            _log.warning("duty.lost", duty=self.name)
        elif fault is not None:
            raise fault

    async def _keep(self) -> None:
        """Renew until it is lost, or could not be renewed in time."""
        renewing: asyncio.Task[bool] | None = None
        try:
            while True:
                left = self._safe_until - self._clock.monotonic()
                if left <= 0:
                    return
                await self._clock.sleep(min(left, self._term_s / 6))
                if renewing is not None and renewing.done():
                    if not renewing.result():
                        return
                    renewing = None
                if renewing is None:
                    renewing = asyncio.create_task(self._renew())
        finally:
            if renewing is not None:
                renewing.cancel()
                await asyncio.gather(renewing, return_exceptions=True)

    async def _renew(self) -> bool:
        """Whether it is still ours, as far as is known."""
        began = self._clock.monotonic()
        values = {"duty": self.name, "at_epoch": self._epoch, "term": self._term_s}
        try:
            renewed = await self._shared.write(lambda connection: connection.execute(_RENEW, values).rowcount == 1)
        except Unusable as fault:
            _log.warning("duty.not_renewed", duty=self.name, because=fault.message)
            return True
        if renewed:
            self._safe_until = began + self._term_s * SAFE_SHARE
        return renewed

    async def _let_go(self) -> None:
        values, self._epoch = {"duty": self.name, "at_epoch": self._epoch}, None
        try:
            await asyncio.wait_for(
                self._shared.write(lambda connection: connection.execute(_LET_GO, values)), self._term_s
            )
        except (Unusable, TimeoutError):
            _log.warning("duty.not_let_go", duty=self.name, until_s=self._term_s)

    def _fence(self) -> Fence:
        """The first statement of every write of the job: nobody takes the duty before this transaction ends.

        A write is of the term in which it was asked for, however late it comes.
        """
        epoch = self._epoch

        def look(connection: Connection) -> None:
            if epoch is None or connection.execute(_HELD, {"duty": self.name, "at_epoch": epoch}).first() is None:
                raise DutyLost(
                    f"'{self.name}' is another replica's by now.", hint="Nothing was written; it goes on there."
                )

        return look
