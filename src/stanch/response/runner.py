"""Finds runs with something to do, holds them, drives them, and lets them rest.

A run that waits for people is a row and nothing else: no task, no lease, no timer of its own. The runner sleeps until
a topic is signalled or the nearest due time comes.
"""

import asyncio
import contextlib
import math
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

import structlog
from sqlalchemy import Connection

from stanch.incidents import lifecycle
from stanch.model.problem import Unusable
from stanch.response import leases, runs, testimony
from stanch.response.drive import Drive
from stanch.response.held import Known, read_all
from stanch.response.journal import Journal
from stanch.response.leases import Hold, LeaseLost
from stanch.response.records import Elsewhere, Lost, Running
from stanch.response.tools import Tools
from stanch.store.wake import Listener

PARALLEL = 64
"""Runs driven at once by one process; the others wait their turn."""

_LONGEST_SLEEP_S = 60.0
"""The wall clock may be set while we sleep: due times are looked at again this often."""
_SHORTEST_SLEEP_S = 0.02
_RETRY_S = 2.0
_AFTER_A_FAULT_S = 30.0
_REFILL_SHARE = 1 / 4
"""While there are more runs than room, so much room is waited for before more are taken, for a moment."""
_REFILL_S = 0.1
_TESTIFY_S = 2.0
"""While outcomes of ours may be asked for elsewhere, we look this often whether they are."""

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Held:
    """A run that this process drives."""

    hold: Hold
    drive: Drive
    task: asyncio.Task[None]
    journal: Journal

    @property
    def safe_until(self) -> float:
        """It is not to act beyond that moment (monotonic seconds)."""
        return math.inf if self.journal.safe_until is None else self.journal.safe_until


class Runner:
    """One a process. `holder` names it among replicas, the same over its restarts: what it held when it last ended
    is taken up at once, without waiting for the lease to run out.

    `alone` says that no other process uses this store: nobody can take away what it holds, so leases are not renewed.
    """

    def __init__(self, tools: Tools, *, holder: str, alone: bool, parallel: int = PARALLEL) -> None:
        self._tools = tools
        self._store = tools.store
        self._clock = tools.clock
        self._holder = holder
        self._alone = alone
        self._parallel = parallel
        self._lease_s = tools.timing.lease_s
        self._held: dict[str, _Held] = {}
        self._ending: set[str] = set()
        """Runs that were lost, and whose acts here have not ended yet."""
        self._changed = asyncio.Event()
        self._freed = asyncio.Event()
        self._are_more = False
        self._is_unsure = True
        self._may_know_more = not alone
        self._mute: set[str] = set()

    async def run(self) -> None:
        """Until cancelled; then what is held is let go for the next process, and everything in flight is ended, but
        for commands that change something: their supervisors see them through.
        """
        guard = None if self._alone else asyncio.create_task(self._keep_leases(), name="stanch-leases")
        self._is_unsure = True
        try:
            async with self._store.listen(runs.TOPIC, lifecycle.TOPIC) as listener:
                while True:
                    pause = await self._look()
                    while await self._is_freed_first(listener, pause):
                        pause = await self._refill()
        finally:
            self._tools.executor.leave()
            await _end([each.task for each in self._held.values()] + ([] if guard is None else [guard]))
            self._tools.executor.close()

    async def _is_freed_first(self, listener: Listener, pause: float) -> bool:
        """Wait for a run of ours to be let go, for news, or for the time to look; True where it was the first alone."""
        hearing = asyncio.ensure_future(listener.wait(pause))
        freed = asyncio.ensure_future(self._freed.wait())
        try:
            await asyncio.wait({hearing, freed}, return_when=asyncio.FIRST_COMPLETED)
            return not hearing.done()
        finally:
            hearing.cancel()
            freed.cancel()
            await asyncio.gather(hearing, freed, return_exceptions=True)

    async def _refill(self) -> float:
        """Take more where there is room again; how long to sleep at most. A look a run would be a look too often."""
        self._freed.clear()
        if self._are_more and self._parallel - len(self._held) < self._parallel * _REFILL_SHARE:
            pause = _REFILL_S
        else:
            pause = await self._in_spite_of_faults(self._take)
        return min(pause, _TESTIFY_S) if self._may_know_more else pause

    async def _look(self) -> float:
        """Wake, stop and take what there is; how long to sleep at most."""
        return await self._in_spite_of_faults(self._look_and_take)

    async def _look_and_take(self) -> float:
        if self._is_unsure:
            await self._free_unheld()
        await self._stop_wanted()
        knows_more = self._may_know_more and await self._testify()
        pause = await self._take()
        return min(pause, _TESTIFY_S) if knows_more else pause

    async def _in_spite_of_faults(self, look: Callable[[], Awaitable[float]]) -> float:
        try:
            return await look()
        except Unusable as fault:
            # What was taken may be written as held though nobody drives it. Among replicas its lease runs out by
            # itself, and until then what was lost may still be ending here.
            self._is_unsure = self._is_unsure or self._alone
            log.warning("runs.store_unusable", because=fault.message)
            return _RETRY_S

    async def _free_unheld(self) -> None:
        """Let go of runs that are written as held and are not: by the process before this one, or by a lost answer."""
        but, holder = tuple(self._held), None if self._alone else self._holder
        freed = await self._store.write(
            lambda connection: leases.release_all(connection, now=self._clock.now(), holder=holder, but=but)
        )
        self._is_unsure = False
        if freed:
            log.info("runs.taken_over", number=freed)

    async def _stop_wanted(self) -> None:
        for each in self._held.values():
            each.drive.heard()
        ids = tuple(self._held)
        if not ids:
            return
        for run_id in await self._store.read(lambda connection: leases.stopping(connection, ids)):
            if run_id in self._held:
                self._held[run_id].drive.stop()

    async def _testify(self) -> bool:
        """Answer what is asked of commands that were taken over from us; whether there may be more to answer."""
        executor = self._tools.executor
        place = executor.place()
        found = await self._store.read(lambda connection: testimony.open_questions(connection, place=place))
        self._may_know_more = False
        for question in found:
            driven = question.run_id in self._held or question.run_id in self._ending
            if driven or question.record in self._mute:
                continue
            self._may_know_more = True
            if not question.asked or isinstance(became := executor.find(question.record), Running):
                continue
            if isinstance(became, Lost | Elsewhere):
                self._mute.add(question.record)
                continue
            await self._take_back(question)
        return self._may_know_more

    async def _take_back(self, question: testimony.Open) -> None:
        began, now = self._clock.monotonic(), self._clock.now()
        hold = await self._store.write(
            lambda connection: testimony.take_back(
                connection, question, holder=self._holder, now=now, term_s=self._lease_s
            )
        )
        if hold is not None:
            log.info("runs.taken_back", run=question.run_id, step=question.step_key)
            self._begin(hold, began + self._lease_s * leases.SAFE_SHARE)

    async def _take(self) -> float:
        lease_s = None if self._alone else self._lease_s
        now = self._clock.now()
        seen = await self._store.read(lambda connection: leases.survey(connection, now=now, lease_s=lease_s))
        if seen.any_resolved:
            await self._store.write(lambda connection: leases.wake_resolved(connection, now=now))
        room = self._parallel - len(self._held)
        if room > 0 and (seen.any_free or seen.any_resolved):
            began = self._clock.monotonic()
            # What is driven here is not taken anew, though its lease may be over: first it ends here.
            but = (*self._held, *self._ending)

            def unit(connection: Connection) -> tuple[tuple[Hold, ...], dict[str, Known]]:
                holds = leases.take(
                    connection, holder=self._holder, now=now, term_s=self._lease_s, lease_s=lease_s, room=room, but=but
                )
                return holds, read_all(connection, [hold.run_id for hold in holds])

            holds, known = await self._store.write(unit)
            for hold in holds:
                self._begin(hold, began + self._lease_s * leases.SAFE_SHARE, known.get(hold.run_id))
            # There may be more than there was room for, and what was taken is no longer the nearest.
            self._are_more = len(holds) == room
            return _LONGEST_SLEEP_S if self._are_more else 0.0 if holds else _REFILL_S
        self._are_more = room <= 0
        if room <= 0 or seen.next_in_s is None:
            return _LONGEST_SLEEP_S
        return min(max(_SHORTEST_SLEEP_S, seen.next_in_s), _LONGEST_SLEEP_S)

    def _begin(self, hold: Hold, safe_until: float, known: Known | None = None) -> None:
        journal = Journal(store=self._store, clock=self._clock, hold=hold, lease_s=self._lease_s)
        journal.safe_until = None if self._alone else safe_until
        drive = Drive(self._tools, journal, known)
        task = asyncio.create_task(self._drive(hold, drive), name=f"stanch-run-{hold.run_id}")
        self._held[hold.run_id] = _Held(hold=hold, drive=drive, task=task, journal=journal)
        self._changed.set()

    async def _drive(self, hold: Hold, drive: Drive) -> None:
        wake_at: float | None = None
        free = True
        try:
            await drive.go()
            free = False  # it rests or is over, and was let go with that
        except LeaseLost:
            log.warning("runs.lease_lost", run=hold.run_id)
            self._may_know_more = not self._alone
            free = False
        except asyncio.CancelledError:
            wake_at = self._clock.now()
            raise
        except Exception:
            # A fault of ours must not take the other runs with it, nor spin.
            log.exception("runs.broke", run=hold.run_id, again_in_s=_AFTER_A_FAULT_S)
            wake_at = self._clock.now() + _AFTER_A_FAULT_S
        finally:
            self._ending.discard(hold.run_id)
            mine = hold.run_id in self._held and self._held[hold.run_id].hold == hold
            if mine:
                del self._held[hold.run_id]
            if mine and free:
                with contextlib.suppress(Unusable):  # then the lease runs out by itself
                    await self._store.write(lambda connection: leases.release(connection, hold, wake_at=wake_at))
            self._freed.set()

    # --- leases ---

    async def _keep_leases(self) -> None:
        """Renew what is held; stop acting on what could not be renewed in time, before anybody else may begin."""
        renewing: asyncio.Task[None] | None = None
        try:
            while True:
                self._changed.clear()
                if not self._held:
                    await self._changed.wait()
                nearest = min((each.safe_until for each in self._held.values()), default=math.inf)
                await self._clock.sleep(min(self._lease_s / 6, max(0.0, nearest - self._clock.monotonic())))
                if renewing is None or renewing.done():
                    renewing = asyncio.create_task(self._renew())
                now = self._clock.monotonic()
                self._lose(each for each in self._held.values() if each.safe_until <= now)
        finally:
            if renewing is not None:
                await _end([renewing])

    async def _renew(self) -> None:
        began = self._clock.monotonic()
        held = dict(self._held)
        holds = [each.hold for each in held.values()]
        now = self._clock.now()
        try:
            kept = await self._store.write(
                lambda connection: leases.renew(connection, holds, now=now, term_s=self._lease_s)
            )
        except Unusable as fault:
            log.warning("runs.not_renewed", because=fault.message)
            return
        for run_id, each in held.items():
            if run_id in kept:
                each.journal.safe_until = began + self._lease_s * leases.SAFE_SHARE
        gone = (each for run_id, each in held.items() if run_id not in kept and self._held.get(run_id) is each)
        self._lose(gone)

    def _lose(self, lost: Iterable[_Held]) -> None:
        for each in tuple(lost):
            log.warning("runs.lease_lost", run=each.hold.run_id)
            self._may_know_more = True
            self._held.pop(each.hold.run_id, None)
            self._ending.add(each.hold.run_id)
            each.task.cancel()


async def _end(tasks: Iterable[asyncio.Task[None]]) -> None:
    ending = tuple(tasks)
    for task in ending:
        task.cancel()
    await asyncio.gather(*ending, return_exceptions=True)
