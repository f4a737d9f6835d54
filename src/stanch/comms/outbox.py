"""Messages as rows: written with what they tell of, sent after the commit, each tried until it is settled.

A row is `pending` until it is `delivered` or has `failed`. Sending claims it by a conditional UPDATE that names the
holder and until when. A row whose holder is gone was perhaps sent: it is sent once more under the same key, which
receivers recognise, and if that is cut off too it fails, visibly.
"""

import asyncio
import uuid
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from typing import Any, Protocol, TypeVar, assert_never

import structlog
from sqlalchemy import Connection, and_, case, func, insert, or_, select, update

from stanch.incidents import timeline
from stanch.model.clock import Clock
from stanch.model.incident import EventKind
from stanch.model.message import Channel, Delivered, DeliveryState, Message, NotDelivered
from stanch.model.plan import Contact
from stanch.model.problem import StanchError
from stanch.model.record import record
from stanch.store import entering
from stanch.store.document import storable
from stanch.store.engine import Store
from stanch.store.rows import from_row, to_values
from stanch.store.tables import outbox as rows
from stanch.store.wake import wake

T = TypeVar("T")

TOPIC = "outbox"

TRIES = 8
FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 300.0
# Longer than any channel's own limits: a try that is not over then is given up.
SEND_S = 90.0
LEASE_S = SEND_S + 30.0
SENDING_AT_ONCE = 16
STORE_PAUSE_S = 1.0
LONGEST_STORE_PAUSE_S = 15.0
IDLE_S = 60.0
FINISH_S = 3.0

_GONE = "a process that is gone"

_log = structlog.get_logger(__name__)


class PagingChannel(Channel, Protocol):
    """A channel that knows where it reaches a role."""

    def addresses(self, role: str, contacts: tuple[Contact, ...]) -> tuple[str, ...]:
        """Where `role`, whose contacts are given, is reached; none where it cannot be."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


@record
class Delivery:
    """A row of the outbox. `due_at` is when it is tried next; `because` why the last try failed."""

    id: int
    key: str
    incident_id: str | None
    role: str
    channel: str
    address: str
    subject: str
    body: str
    urgency: str
    link: str | None
    data: dict[str, str]
    state: DeliveryState
    attempt: int
    resent: int
    due_at: float
    because: str | None
    detail: str | None
    written_at: float
    ended_at: float | None

    @property
    def message(self) -> Message:
        return Message(
            key=self.key,
            incident_id=self.incident_id,
            role=self.role,
            subject=self.subject,
            body=self.body,
            urgency=self.urgency,
            link=self.link,
            data=self.data,
        )


def enqueue(connection: Connection, message: Message, channel: str, address: str, now: float) -> bool:
    """Write a message to one address of one channel; False where its key was written before: it is sent once."""
    said = {"subject": entering.text(connection, message.subject), "body": entering.text(connection, message.body)}
    values = {**to_values(message), **said, "key": f"{message.key} {channel} {address}"}
    key = storable(values["key"])
    if connection.execute(select(rows.c.id).where(rows.c.key == key)).first() is not None:
        return False
    connection.execute(
        insert(rows).values(
            **storable(values),
            channel=channel,
            address=storable(address),
            state=DeliveryState.PENDING,
            attempt=0,
            resent=0,
            due_at=now,
            written_at=now,
        )
    )
    wake(connection, TOPIC)
    return True


def listing(connection: Connection, incident_id: str | None = None, limit: int = 200) -> tuple[Delivery, ...]:
    """The messages of an incident, or of all, the latest first."""
    query = select(rows).order_by(rows.c.id.desc()).limit(limit)
    if incident_id is not None:
        query = query.where(rows.c.incident_id == incident_id)
    return tuple(from_row(Delivery, row) for row in connection.execute(query))


def pause_s(attempt: int, advised_s: float | None = None) -> float:
    """How long to wait after try number `attempt` (from 1) failed: doubling, or as long as the receiver asked."""
    pause = min(FIRST_PAUSE_S * 2.0 ** (attempt - 1), LONGEST_PAUSE_S)
    return pause if advised_s is None else max(pause, advised_s)


class Outbox:
    """Sends what is written, each channel for itself, so that one that hangs holds up no other."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        channels: Mapping[str, PagingChannel],
        seal: Callable[[Message], Message] | None = None,
        *,
        holder: str | None = None,
    ) -> None:
        """`seal` gives a message as it leaves, with what must not be stored.

        `holder` names this server among replicas, the same over its restarts, so that what it was sending when it was
        killed is sent again at its next start and not only when its lease has run out.
        """
        self._store = store
        self._clock = clock
        self._channels = channels
        self._seal = seal
        self._holder = holder or uuid.uuid4().hex

    async def run(self) -> None:
        """Send for as long as the server runs; what is cut off by the end is sent again at the next start."""
        await self._persist(self._take_over)
        async with asyncio.TaskGroup() as group:
            for channel in self._channels.values():
                group.create_task(self._serve(channel), name=f"outbox {channel.name}")

    async def _serve(self, channel: PagingChannel) -> None:
        sending: set[asyncio.Task[None]] = set()
        async with AsyncExitStack() as stack:
            stack.push_async_callback(_finish, sending)
            listener = await stack.enter_async_context(self._store.listen(TOPIC))

            def ended(task: asyncio.Task[None]) -> None:
                sending.discard(task)
                listener.signal()
                if not task.cancelled() and (error := task.exception()) is not None:
                    _log.error("a message is not settled", channel=channel.name, exc_info=error)

            while True:
                free = SENDING_AT_ONCE - len(sending)
                if free == 0:
                    await listener.wait()
                    continue
                claimed, next_due = await self._persist(partial(self._claim, channel=channel.name, limit=free))
                for delivery in claimed:
                    task = asyncio.create_task(self._send(channel, delivery))
                    sending.add(task)
                    task.add_done_callback(ended)
                if not claimed:
                    # No less than a moment: a row may be due and, just now, in another replica's hands.
                    idle_s = IDLE_S if next_due is None else min(IDLE_S, max(0.05, next_due - self._clock.now()))
                    await listener.wait(idle_s)

    async def _send(self, channel: PagingChannel, delivery: Delivery) -> None:
        outcome: Delivered | NotDelivered
        try:
            async with asyncio.timeout(SEND_S):
                message = delivery.message if self._seal is None else self._seal(delivery.message)
                outcome = await channel.deliver(message, delivery.address)
        except TimeoutError:
            outcome = NotDelivered(because=f"no outcome within {SEND_S:g} s", retry=True)
        except Exception:  # noqa: BLE001 - a fault of one channel must not stop the messages of the others
            _log.exception("a channel failed in itself", channel=channel.name, delivery=delivery.id)
            outcome = NotDelivered(because="a fault in Stanch's channel; the log has the details", retry=False)
        await self._persist(partial(self._settle, delivery=delivery, outcome=outcome))

    async def _persist(self, unit: Callable[[Connection], T]) -> T:
        """Write, however long the store cannot: what was sent must not be forgotten."""
        pause = STORE_PAUSE_S
        while True:
            try:
                return await self._store.write(unit)
            except StanchError as error:
                _log.error("the outbox cannot be written", because=error.message, hint=error.hint)
                await self._clock.sleep(pause)
                pause = min(2 * pause, LONGEST_STORE_PAUSE_S)

    def _take_over(self, connection: Connection) -> None:
        """At the start: what was held here before is free, what no channel serves any more has failed."""
        now = self._clock.now()
        pending = rows.c.state == DeliveryState.PENDING
        ours = rows.c.holder == self._holder if self._store.shared else rows.c.holder.is_not(None)
        connection.execute(update(rows).where(pending, ours).values(holder=_GONE, held_until=now))
        orphans = select(rows).where(pending, rows.c.channel.not_in(tuple(self._channels)))
        for row in connection.execute(orphans).all():
            _fail(connection, from_row(Delivery, row), f"the channel {row.channel} is configured no more", now)

    def _claim(self, connection: Connection, *, channel: str, limit: int) -> tuple[tuple[Delivery, ...], float | None]:
        """Take up to `limit` rows that are due; with them, when the next one of the channel will be."""
        now = self._clock.now()
        mine = and_(rows.c.state == DeliveryState.PENDING, rows.c.channel == channel)
        # What this process holds it is sending, whatever a clock that jumped says of its time.
        lost = and_(rows.c.held_until <= now, rows.c.holder != self._holder)
        free = and_(mine, rows.c.due_at <= now, or_(rows.c.holder.is_(None), lost))
        found = connection.execute(
            select(rows).where(free).order_by(rows.c.due_at, rows.c.id).limit(limit).with_for_update(skip_locked=True)
        ).all()
        claimed = []
        for row in found:
            delivery = from_row(Delivery, row)
            cut_off = row.holder is not None
            if cut_off and delivery.resent:
                _fail(connection, delivery, "sending was cut off twice, so whether it arrived is not known", now)
                continue
            changed = connection.execute(
                update(rows)
                .where(rows.c.id == row.id, free)
                .values(
                    holder=self._holder,
                    held_until=now + LEASE_S,
                    attempt=rows.c.attempt + 1,
                    resent=rows.c.resent + int(cut_off),
                )
            )
            if changed.rowcount == 1:
                claimed.append(replace(delivery, attempt=delivery.attempt + 1, resent=delivery.resent + int(cut_off)))
        free_at = case((rows.c.holder.is_(None), rows.c.due_at), else_=rows.c.held_until)
        next_due: float | None = connection.execute(select(func.min(free_at)).where(mine)).scalar_one()
        return tuple(claimed), next_due

    def _settle(self, connection: Connection, *, delivery: Delivery, outcome: Delivered | NotDelivered) -> None:
        """Write what came of a try, unless the row passed to another holder meanwhile."""
        now = self._clock.now()
        held = select(rows.c.id).where(rows.c.id == delivery.id, rows.c.holder == self._holder)
        if connection.execute(held.with_for_update()).first() is None:
            return
        match outcome:
            case Delivered():
                _end(connection, delivery, now, state=DeliveryState.DELIVERED, because=None, detail=outcome.detail)
                _tell(connection, delivery, EventKind.PAGED, {"address": delivery.address}, now)
            case NotDelivered() if outcome.retry and delivery.attempt < TRIES:
                due_at = now + pause_s(delivery.attempt, outcome.retry_after_s)
                again = {"due_at": due_at, "holder": None, "held_until": None, "because": storable(outcome.because)}
                connection.execute(update(rows).where(rows.c.id == delivery.id).values(**again))
                if delivery.attempt == 1:  # once: the row itself shows every further try
                    data = {"because": outcome.because, "retry_at": due_at}
                    _tell(connection, delivery, EventKind.PAGE_FAILED, data, now)
            case NotDelivered():
                tries = "" if delivery.attempt == 1 else f" (tried {delivery.attempt} times)"
                _fail(connection, delivery, f"{outcome.because}{tries}", now)
            case _:
                assert_never(outcome)


def _fail(connection: Connection, delivery: Delivery, because: str, now: float) -> None:
    _end(connection, delivery, now, state=DeliveryState.FAILED, because=storable(because), detail=None)
    _tell(connection, delivery, EventKind.PAGE_FAILED, {"because": because, "retry_at": None}, now)


def _end(connection: Connection, delivery: Delivery, now: float, **values: Any) -> None:
    final = {"ended_at": now, "holder": None, "held_until": None, **values}
    connection.execute(update(rows).where(rows.c.id == delivery.id).values(**final))


def _tell(connection: Connection, delivery: Delivery, kind: EventKind, data: dict[str, Any], now: float) -> None:
    """Put it on the incident's timeline, where the message is about one."""
    if delivery.incident_id is not None:
        about = {"role": delivery.role, "channel": delivery.channel, "delivery": delivery.id}
        timeline.append(connection, delivery.incident_id, kind, {**about, **data}, now=now)


async def _finish(sending: set[asyncio.Task[None]]) -> None:
    """Give what is being sent a moment to be over, then cut it off."""
    if sending:
        await asyncio.wait(sending, timeout=FINISH_S)
    for task in tuple(sending):
        task.cancel()
    await asyncio.gather(*sending, return_exceptions=True)
