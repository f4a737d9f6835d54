"""Mitigations in force: written first, put on the data plane after; undone at their time, or with their incident.

`applying` and `undoing` are intents. After a crash the keeper carries them out, puts back what a reload of the data
plane lost, and takes off what no row knows.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol, TypeVar

import structlog
from sqlalchemy import Connection, select

from stanch.incidents import lifecycle, timeline
from stanch.model.clock import Clock
from stanch.model.control import Control, ControlState
from stanch.model.incident import EventKind, IncidentStatus
from stanch.model.problem import NotFound, Refused, StanchError, Unusable
from stanch.response import rows
from stanch.response.action import ActionFailed
from stanch.store import entering
from stanch.store.engine import Store
from stanch.store.tables import incident as incident_table
from stanch.store.wake import wake

TOPIC = "controls"

CHECK_S = 30.0
"""While anything is in force, the data planes are compared with the rows this often."""
RETRY_S = 5.0

T = TypeVar("T")
Write = Callable[[Callable[[Connection], T]], Awaitable[T]]

log = structlog.get_logger(__name__)


class Held(Protocol):
    """A control as a data plane knows it."""

    @property
    def id(self) -> str: ...


class DataPlane(Protocol):
    """Where controls act. Every call may be repeated; raises `StanchError` where it did nothing."""

    async def apply(self, control: Control) -> None: ...

    async def withdraw(self, control_id: str) -> bool: ...

    async def in_force(self) -> Sequence[Held]: ...


def listing(connection: Connection, *, incident_id: str | None = None, only_live: bool = False) -> tuple[Control, ...]:
    """Controls, the newest first."""
    return rows.list_controls(connection, incident_id=incident_id, only_live=only_live)


def get(connection: Connection, control_id: str) -> Control:
    """Raises NotFound."""
    found = rows.get_control(connection, control_id)
    if found is None:
        raise NotFound(f"There is no control {control_id}.", hint="`stanch control list` shows those in force.")
    return found


def undo(connection: Connection, control_id: str, *, by: str, because: str, now: float) -> Control:
    """Have a control taken off, at once; the keeper does it. Raises NotFound; Refused for one that is off."""
    del now
    found = get(connection, control_id)
    if found.state is ControlState.UNDONE:
        raise Refused(f"'{found.text}' was undone already: {found.because}", hint="Nothing was changed.")
    because = entering.text(connection, because)
    reason = f"{by}: {because}" if because else f"{by} asked for it."
    return _intend_undo(connection, found, reason)


def intend(connection: Connection, wanted: Control) -> Control:
    """Write that a control is to be applied. One of its id that is live already stays as it is."""
    before = rows.get_control(connection, wanted.id)
    if before is None:
        rows.insert_control(connection, wanted)
        return wanted
    if before.state is not ControlState.UNDONE:
        return before
    rows.update_control(connection, before, wanted)
    return wanted


def confirm(connection: Connection, control: Control, now: float) -> Control:
    """Write that it is in force, with its event. Confirmed before, or undone meanwhile, it is left as it is."""
    if control.state is not ControlState.APPLYING:
        return control
    after = replace(control, state=ControlState.IN_FORCE)
    if not rows.update_control(connection, control, after):
        return get(connection, control.id)
    data = {
        "control": control.id,
        "run": control.run_id,
        "action": control.action,
        "text": control.text,
        "expires_at": control.expires_at,
    }
    timeline.append(connection, control.incident_id, EventKind.CONTROL_APPLIED, data, now=now)
    wake(connection, TOPIC)
    return after


def conclude(connection: Connection, control: Control, now: float) -> Control:
    """Write that it is off, with its event."""
    after = replace(control, state=ControlState.UNDONE, undone_at=now)
    if not rows.update_control(connection, control, after):
        return get(connection, control.id)
    data = {"control": control.id, "action": control.action, "text": control.text, "because": control.because}
    timeline.append(connection, control.incident_id, EventKind.CONTROL_UNDONE, data, now=now)
    return after


def _intend_undo(connection: Connection, control: Control, because: str) -> Control:
    after = replace(control, state=ControlState.UNDOING, because=because)
    if not rows.update_control(connection, control, after):
        return get(connection, control.id)
    wake(connection, TOPIC)
    return after


class ControlKeeper:
    """Keeps the data planes as the rows say. `planes` are by name; `run` goes on until it is cancelled."""

    def __init__(self, *, store: Store, clock: Clock, planes: Mapping[str, DataPlane]) -> None:
        self._store = store
        self._clock = clock
        self._planes = planes

    async def apply(self, wanted: Control, write: Write[Control]) -> Control:
        """Write the intent with `write`, act, write that it is in force. Raises ActionFailed."""
        plane = self._plane(wanted.plane)
        control = await write(lambda connection: intend(connection, wanted))
        try:
            await plane.apply(control)
        except StanchError as refused:
            why = f"It could not be applied: {refused.message}"
            await write(lambda connection: _give_up(connection, control, why, self._clock.now()))
            because = f"{refused.message} {refused.hint}".strip()
            raise ActionFailed(because, for_good=not isinstance(refused, Unusable)) from refused
        return await write(lambda connection: confirm(connection, control, self._clock.now()))

    async def withdraw(self, control: Control, because: str, write: Write[Control]) -> Control:
        """Write the intent, act, write that it is off. Raises ActionFailed; the keeper tries on then."""
        if control.state is ControlState.UNDONE:
            return control
        undoing = await write(lambda connection: _intend_undo(connection, control, because))
        try:
            await self._plane(control.plane).withdraw(control.id)
        except StanchError as refused:
            raise ActionFailed(f"{refused.message} {refused.hint} It is tried on.") from refused
        return await write(lambda connection: conclude(connection, undoing, self._clock.now()))

    async def holds(self, control: Control) -> bool:
        """Whether the data plane has it in force. Raises ActionFailed where that cannot be looked at."""
        try:
            return any(held.id == control.id for held in await self._plane(control.plane).in_force())
        except StanchError as refused:
            raise ActionFailed(f"{refused.message} {refused.hint}".strip()) from refused

    async def run(self) -> None:
        """Carry out, expire, put back, until cancelled."""
        async with self._store.listen(TOPIC, lifecycle.TOPIC) as listener:
            checked = float("-inf")
            while True:
                now = self._clock.monotonic()
                check = now - checked >= CHECK_S
                checked = now if check else checked
                await listener.wait(await self._look(check=check))

    async def _look(self, *, check: bool) -> float | None:
        """Do what is due; in how many seconds to look again, None where only a wake can bring anything."""
        try:
            seen = await self._seen() if check else {}
            live = await self._store.read(lambda connection: rows.list_controls(connection, only_live=True))
            if check:
                await self._take_off_strangers(seen, live)
            if not live:
                return None
            over = await self._store.read(lambda connection: _resolved(connection, live))
            done = [await self._settle(control, over, seen) for control in live]
        except StanchError as fault:
            log.warning("controls.store_unusable", because=fault.message)
            return RETRY_S
        now = self._clock.now()
        nearest = min((control.expires_at - now for control in live), default=CHECK_S)
        return RETRY_S if not all(done) else min(max(0.05, nearest), CHECK_S)

    async def _settle(self, control: Control, over: frozenset[str], seen: Mapping[str, frozenset[str]]) -> bool:
        """Bring one control forward; False where its data plane did not let it."""
        now = self._clock.now()
        try:
            if control.state is ControlState.UNDOING:
                await self.withdraw(control, control.because or "", self._store.write)
            elif control.expires_at <= now:
                await self.withdraw(control, "Its time was over.", self._store.write)
            elif control.incident_id in over:
                await self.withdraw(control, f"Incident {control.incident_id} is resolved.", self._store.write)
            elif control.plane in seen and control.id not in seen[control.plane]:
                await self._plane(control.plane).apply(control)
                log.info("controls.put_back", control=control.id, plane=control.plane)
                await self._store.write(lambda connection: confirm(connection, control, self._clock.now()))
            elif control.plane in seen and control.state is ControlState.APPLYING:
                await self._store.write(lambda connection: confirm(connection, control, self._clock.now()))
        except (ActionFailed, StanchError) as fault:
            log.warning("controls.not_settled", control=control.id, plane=control.plane, because=str(fault))
            return False
        return True

    async def _seen(self) -> dict[str, frozenset[str]]:
        """What each data plane has in force; one that cannot be asked is left out."""
        seen = {}
        for name, plane in self._planes.items():
            try:
                seen[name] = frozenset(held.id for held in await plane.in_force())
            except StanchError as fault:
                log.warning("controls.plane_unreadable", plane=name, because=fault.message)
        return seen

    async def _take_off_strangers(self, seen: Mapping[str, frozenset[str]], live: Iterable[Control]) -> None:
        # The rows were read after the planes: what a plane had then and no live row knows is nobody's.
        known = {control.id for control in live}
        for name, ids in seen.items():
            for stranger in sorted(ids - known):
                log.warning("controls.stranger", control=stranger, plane=name)
                await self._planes[name].withdraw(stranger)

    def _plane(self, name: str) -> DataPlane:
        found = self._planes.get(name)
        if found is None:
            known = ", ".join(sorted(self._planes)) or "none"
            because = f"No data plane '{name}' is configured (there is: {known}). Nothing was changed."
            raise ActionFailed(because, for_good=True)
        return found


class StepControls:
    """`action.Controls` of one step; `write` is the run's own, behind its fence."""

    def __init__(
        self,
        *,
        keeper: ControlKeeper,
        store: Store,
        clock: Clock,
        write: Write[Control],
        incident_id: str,
        run_id: str,
        step_key: str,
        action: str,
        owner: str,
    ) -> None:
        self._keeper = keeper
        self._store = store
        self._clock = clock
        self._write = write
        self._incident_id = incident_id
        self._run_id = run_id
        self._step_key = step_key
        self._action = action
        self._owner = owner

    async def apply(
        self, *, plane: str, text: str, parameters: Mapping[str, Any], seconds: float, name: str = ""
    ) -> Control:
        now = self._clock.now()
        wanted = Control(
            id=self._id(name),
            incident_id=self._incident_id,
            run_id=self._run_id,
            action=self._action,
            plane=plane,
            text=text,
            owner=self._owner,
            state=ControlState.APPLYING,
            applied_at=now,
            expires_at=now + seconds,
            parameters=dict(parameters),
        )
        return await self._keeper.apply(wanted, self._write)

    async def undo(self, *, because: str, name: str = "") -> Control | None:
        found = await self.find(name)
        return None if found is None else await self._keeper.withdraw(found, because, self._write)

    async def find(self, name: str = "") -> Control | None:
        return await self._store.read(lambda connection: rows.get_control(connection, self._id(name)))

    async def holds(self, name: str = "") -> bool:
        found = await self.find(name)
        return found is not None and await self._keeper.holds(found)

    def _id(self, name: str) -> str:
        return "/".join(part for part in (self._run_id, self._step_key, name) if part)


def _give_up(connection: Connection, control: Control, because: str, now: float) -> Control:
    """What could not be applied is no control; it was never in force, so there is no event of its end."""
    after = replace(control, state=ControlState.UNDONE, undone_at=now, because=because)
    return after if rows.update_control(connection, control, after) else get(connection, control.id)


def _resolved(connection: Connection, controls: Iterable[Control]) -> frozenset[str]:
    ids = sorted({control.incident_id for control in controls})
    over = incident_table.c.id.in_(ids) & (incident_table.c.status == IncidentStatus.RESOLVED.value)
    return frozenset(connection.execute(select(incident_table.c.id).where(over)).scalars())
