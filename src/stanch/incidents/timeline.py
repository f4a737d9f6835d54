"""The record of an incident: append-only, each event chained to the one before by SHA-256.

What is chained, and how far it goes: every field of an event and the digest of its predecessor go into its digest;
the last digest stands on the incident's row; incidents and events are numbered without gaps over all incidents. So a
change, a removal, a reorder and a truncation are found, as is the removal of a whole incident. Whoever can rewrite
every row of the database can write another consistent history: against that, keep heads (`heads`) elsewhere.
"""

import hashlib
import json
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Text, bindparam, func, insert, select, type_coerce

from stanch.incidents import projection
from stanch.incidents.fold import apply, fold
from stanch.model.incident import Event, EventKind, Incident
from stanch.model.problem import Level, Problem
from stanch.model.record import record
from stanch.store import entering
from stanch.store.document import canonical, storable
from stanch.store.numbering import counting_on, next_number, next_numbers
from stanch.store.rows import from_row, to_values
from stanch.store.tables import counter
from stanch.store.tables import event as events
from stanch.store.tables import incident as incidents
from stanch.store.tables import incident_clock as timers
from stanch.store.wake import wake

TOPIC = "timeline"

_AT_ONCE = 500
"""Well under the limit of parameters of one statement."""

_NEW = insert(events)
_OF_EVENT = tuple(column for column in events.c if column.name != "position")
_NUMBERED = counting_on("event").cte("numbered")
_NEW_NUMBERED = (
    insert(events)
    .from_select(
        [*_OF_EVENT, events.c.position],
        select(*(bindparam(column.name, type_=column.type) for column in _OF_EVENT), _NUMBERED.c.value),
    )
    .execution_options(preserve_rowcount=True)
)


class Chain:
    """An incident being written: events are added, and `incident` is what they have made of it so far."""

    def __init__(
        self,
        incident_id: str,
        incident: Incident | None,
        head: str,
        *,
        clean: Callable[[Any], Any] = lambda value: value,
    ) -> None:
        self._id = incident_id
        self._clean = clean
        self._incident = incident
        self.head = head
        self.added: list[Event] = []

    @property
    def incident(self) -> Incident:
        assert self._incident is not None, "the first event of an incident is its opening"
        return self._incident

    def add(self, kind: EventKind, data: dict[str, Any], *, now: float, actor: str = "stanch") -> Event:
        """Add one event. `data` becomes what JSON makes of it (tuples lists, NaN text)."""
        event = linked(
            incident_id=self._id,
            seq=1 if self._incident is None else self._incident.seq + 1,
            at=float(now),
            kind=kind,
            actor=self._clean(storable(actor)),
            data=json.loads(canonical(self._clean(storable(data)))),
            previous=self.head,
        )
        self._incident = apply(self._incident, event)
        self.head = event.digest
        self.added.append(event)
        return event


def linked(
    *, incident_id: str, seq: int, at: float, kind: EventKind, actor: str, data: dict[str, Any], previous: str
) -> Event:
    """The event with its digest."""
    digest = _digest(incident_id, seq, at, kind.value, actor, canonical(data), previous)
    return Event(
        incident_id=incident_id,
        seq=seq,
        at=at,
        kind=kind,
        actor=actor,
        data=data,
        previous=previous,
        digest=digest,
    )


@contextmanager
def begin(connection: Connection) -> Iterator[Chain]:
    """A new incident with the next number, written when the block ends; its first event is its opening."""
    chain = Chain(str(next_number(connection, "incident")), None, "", clean=entering.known(connection))
    yield chain
    projection.create(connection, chain.incident, chain.head)
    _insert(connection, chain.added)


@contextmanager
def extend(connection: Connection, incident_id: str) -> Iterator[Chain]:
    """The incident, held until the transaction ends; what was added is written when the block ends.

    Raises `NotFound`.
    """
    before, was = projection.load(connection, incident_id, lock=True)
    chain = Chain(incident_id, before, was, clean=entering.known(connection))
    yield chain
    if chain.added:
        saved = projection.save(connection, before, chain.incident, was=was, head=chain.head)
        assert saved, "the incident is held"
        _insert(connection, chain.added)


@record
class Known:
    """An incident as somebody left it, with the digest of its last event, which no other state of it has."""

    incident: Incident
    head: str


def all_known(connection: Connection, incident_ids: Collection[str]) -> dict[str, Known]:
    """Those of the incidents that there are, by id, in a few statements for all."""
    found: dict[str, Known] = {}
    wanted = sorted(incident_ids)
    for start in range(0, len(wanted), _AT_ONCE):
        rows = connection.execute(select(incidents).where(incidents.c.id.in_(wanted[start : start + _AT_ONCE])))
        found |= {row.id: Known(incident=from_row(Incident, row), head=row.head) for row in rows}
    return found


def append_all(
    connection: Connection,
    incident_id: str,
    events: Sequence[tuple[EventKind, dict[str, Any]]],
    *,
    now: float,
    known: Known | None = None,
) -> Known:
    """Add events (at least one) to an incident; how they leave it. Raises `NotFound`.

    With `known`, as an earlier call left it, the incident need not be read: where nobody has written it since, its
    last digest still is what is known; where somebody has, or that earlier call was undone, it is read after all.
    """
    if known is not None:
        clean = entering.known(connection)
        chain = _with(Chain(incident_id, known.incident, known.head, clean=clean), events, now)
        if projection.save(connection, known.incident, chain.incident, was=known.head, head=chain.head):
            _insert(connection, chain.added)
            return Known(incident=chain.incident, head=chain.head)
    with extend(connection, incident_id) as chain:
        _with(chain, events, now)
    return Known(incident=chain.incident, head=chain.head)


def _with(chain: Chain, events: Sequence[tuple[EventKind, dict[str, Any]]], now: float) -> Chain:
    for kind, data in events:
        chain.add(kind, data, now=now)
    return chain


def append(
    connection: Connection,
    incident_id: str,
    kind: EventKind,
    data: dict[str, Any],
    *,
    now: float,
    actor: str = "stanch",
) -> Event:
    """Add one event to an incident, and what it changes to the incident's row. Raises `NotFound`."""
    with extend(connection, incident_id) as chain:
        return chain.add(kind, data, now=now, actor=actor)


def read(
    connection: Connection, incident_id: str, after: int = 0, *, kinds: Collection[EventKind] = ()
) -> tuple[Event, ...]:
    """The events of an incident from `after` (exclusive) on, in order; none where there is no such incident.

    With `kinds`, those alone.
    """
    mine = select(*_OF_EVENT).where(events.c.incident_id == incident_id, events.c.seq > after)
    if kinds:
        mine = mine.where(events.c.kind.in_([kind.value for kind in kinds]))
    return tuple(from_row(Event, row) for row in connection.execute(mine.order_by(events.c.seq)))


def since(
    connection: Connection, position: int, limit: int = 1000, *, incident_id: str | None = None
) -> tuple[tuple[int, Event], ...]:
    """The events of all incidents, or of one, after `position`, in the order of their commits, each with its own."""
    later = select(events).where(events.c.position > position).order_by(events.c.position).limit(limit)
    if incident_id is not None:
        later = later.where(events.c.incident_id == incident_id)
    return tuple((row.position, from_row(Event, row)) for row in connection.execute(later))


def position(connection: Connection) -> int:
    """The position of the latest event; 0 before the first."""
    return int(connection.execute(select(func.coalesce(func.max(events.c.position), 0))).scalar_one())


def heads(connection: Connection) -> tuple[tuple[str, int, str], ...]:
    """(incident, number of events, digest of the last) of every incident: what to keep elsewhere as a seal."""
    rows = connection.execute(select(incidents.c.id, incidents.c.seq, incidents.c.head).order_by(incidents.c.number))
    return tuple((row.id, row.seq, row.head) for row in rows)


def verify(connection: Connection) -> tuple[Problem, ...]:
    """What was altered: the first broken link of each incident, what is missing, and rows that their events deny."""
    problems: list[Problem] = []
    counted = dict(connection.execute(select(counter.c.name, counter.c.value)).all())
    rows = {row.id: row for row in connection.execute(select(incidents.c.id, incidents.c.seq, incidents.c.head))}
    problems += [
        _broken("incident-missing", str(number), 0, "the incident was removed")
        for number in range(1, counted.get("incident", 0) + 1)
        if str(number) not in rows
    ]
    total = 0
    chains = _raw_chains(connection)
    for incident_id, links in chains:
        total += len(links)
        row = rows.pop(incident_id, None)
        if row is None:
            problems.append(_broken("incident-missing", incident_id, 0, "its events are there and its row is not"))
            continue
        fault = broken_link(incident_id, links, count=row.seq, head=row.head)
        if fault is not None:
            problems.append(fault)
        else:
            problems += _denied(connection, incident_id)
    problems += [_broken("chain-cut", gone, 1, "all events are missing") for gone in rows]
    if total != counted.get("event", 0) and not problems:
        problems.append(
            Problem(
                code="events-missing",
                level=Level.ERROR,
                message=f"{counted.get('event', 0)} events were written, {total} are there.",
                hint=_HINT,
            )
        )
    return tuple(problems)


def broken_link(incident_id: str, links: Sequence[Any], *, count: Any, head: Any) -> Problem | None:
    """The first event at which the chain does not hold; pure over rows with `data` as stored text.

    `count` and `head` are what the incident's row says of the last event.
    """
    previous = ""
    for expected, link in enumerate(links, start=1):
        if link.seq != expected:
            return _broken("chain-cut", incident_id, expected, f"the event is missing (the next there is {link.seq})")
        if link.previous != previous:
            return _broken("chain-broken", incident_id, expected, "it does not follow the event before it")
        if link.digest != _digest_of(link):
            return _broken("chain-broken", incident_id, expected, "the event was altered after it was written")
        previous = link.digest
    if isinstance(count, int) and len(links) < count:
        return _broken("chain-cut", incident_id, len(links) + 1, f"the last events are missing (there were {count})")
    if len(links) != count or previous != head:
        return _broken("chain-broken", incident_id, len(links), "the incident's row names another last event")
    return None


_HINT = (
    "The rest of the record is untouched by this. Keep a copy of the database as it is, compare it with the last "
    "backup, and find out who can write to it."
)


def _broken(code: str, incident_id: str, seq: int, what: str) -> Problem:
    where = f"Incident {incident_id}, event {seq}" if seq else f"Incident {incident_id}"
    return Problem(code=code, level=Level.ERROR, message=f"{where}: {what}.", hint=_HINT)


def _denied(connection: Connection, incident_id: str) -> list[Problem]:
    """The incident's row, where it is not what its (intact) events say."""
    incident, _ = projection.load(connection, incident_id)
    told, written = to_values(fold(read(connection, incident_id))), to_values(incident)
    rows = connection.execute(select(timers).where(timers.c.incident_id == incident_id))
    due = {row.name: (row.due_at, row.state) for row in rows}
    if due != {clock["name"]: (clock["due_at"], clock["state"]) for clock in told["clocks"]}:
        return [_broken("incident-altered", incident_id, 0, "its clocks were altered and its events say otherwise")]
    if told == written:
        return []
    names = ", ".join(sorted(name for name in told if told[name] != written[name]))
    return [_broken("incident-altered", incident_id, 0, f"its row was altered and its events say otherwise ({names})")]


def _raw_chains(connection: Connection) -> Iterator[tuple[Any, Sequence[Any]]]:
    """Each incident's events, `data` as the text that is stored, without trust in what it is."""
    ids = connection.scalars(select(events.c.incident_id).distinct()).all()
    columns = [column for column in _OF_EVENT if column is not events.c.data]
    query = select(*columns, type_coerce(events.c.data, Text).label("data"))
    for incident_id in sorted(ids, key=lambda each: (len(str(each)), str(each))):
        mine = query.where(events.c.incident_id == incident_id).order_by(events.c.seq)
        yield incident_id, connection.execute(mine).all()


def _digest_of(link: Any) -> str | None:
    if not isinstance(link.data, str):
        return None
    try:
        return _digest(link.incident_id, link.seq, link.at, link.kind, link.actor, link.data, link.previous)
    except TypeError:  # something that JSON does not know, such as bytes, was put into a column
        return None


def _digest(  # noqa: PLR0917 - the fields in the order they are chained in
    incident_id: str, seq: int, at: float, kind: str, actor: str, data: str, previous: str
) -> str:
    """SHA-256 over the canonical JSON array of the fields, `data` being canonical JSON already."""
    before = canonical([incident_id, seq, at, kind, actor]).removesuffix("]")
    return hashlib.sha256(f"{before},{data},{canonical(previous)}]".encode()).hexdigest()


def _insert(connection: Connection, added: list[Event]) -> None:
    if len(added) > 1 or connection.dialect.name != "postgresql" or not _insert_numbered(connection, added[0]):
        numbers = next_numbers(connection, "event", len(added))
        connection.execute(
            _NEW, [{**to_values(event), "position": number} for event, number in zip(added, numbers, strict=True)]
        )
    wake(connection, TOPIC)


def _insert_numbered(connection: Connection, event: Event) -> bool:
    """Write one event with the next position, in one round trip; False before the first event of all."""
    return connection.execute(_NEW_NUMBERED, to_values(event)).rowcount == 1
