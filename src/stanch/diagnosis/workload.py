"""What the server spent its time on between two looks: statements by their share of it."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache

from stanch.diagnosis.lexer import Normalised, normalise
from stanch.model.postgres import Observation, Session, Statement
from stanch.model.record import record

LEAST_ACTIVE = 0.2
"""Mean sessions at work below which the server has nothing to be cured of."""
LEAST_SHARE = 0.1
"""A statement with less of the time is not why the server is slow."""
_MOST_NAMED = 3
_OUTGROWN = 10
"""Times the mean of the calls that ended, from which a running one is of another kind."""


@record
class Load:
    """A statement in the window. `time_s` sums over sessions; `share` is its part of all statements' time, 0 to 1.

    `calls`, `rows`, `blocks` and `temporary_blocks` are those of calls that ended in the window, and of all calls
    since the statistics began where none ended in it (`ended` is False). None of it is known (`measured` is False)
    without pg_stat_statements. `running` and `waiting` count sessions at the later look: at work, and in a queue
    for a lock. `outgrown`: they are in it for so long that the calls that ended, most of them before things went
    wrong, say nothing of what one reads now.
    """

    id: str
    text: str
    truncated: bool
    measured: bool
    ended: bool
    calls: int
    time_s: float
    call_time_s: float
    rows: int
    blocks: int
    temporary_blocks: int
    running: int
    waiting: int
    oldest_s: float
    share: float
    outgrown: bool = False

    @property
    def rows_per_call(self) -> float | None:
        return self.rows / self.calls if self.calls else None

    @property
    def blocks_per_call(self) -> float | None:
        return self.blocks / self.calls if self.calls and not self.outgrown else None

    @property
    def mean_s(self) -> float | None:
        """Seconds per call; the age of the oldest running one where no call like it is known to have ended."""
        if self.calls and not self.outgrown:
            return self.call_time_s / self.calls
        return self.oldest_s or None

    @property
    def waits_for_locks(self) -> bool:
        """Whether at least half of the sessions in it stand in a queue for a lock."""
        return self.waiting > 0 and self.waiting >= self.running


@record
class Workload:
    """`loads` in order of their time, the largest first. `active` is the mean number of sessions at work."""

    loads: tuple[Load, ...]
    active: float
    window_s: float
    notes: tuple[str, ...] = ()


def workload(observation: Observation) -> Workload:
    """Time by statement: measured by pg_stat_statements where it is there, sampled from the sessions where not."""
    if observation.later.statements is None:
        loads = _sampled(observation)
    else:
        loads = _measured(observation, observation.later.statements)
    total = sum(load.time_s for load in loads)
    shared = (replace(load, share=load.time_s / total) for load in loads if load.time_s > 0)
    ordered = tuple(sorted(shared, key=lambda load: (-load.time_s, load.id)))
    window = observation.window_s
    return Workload(loads=ordered, active=total / window, window_s=window, notes=tuple(_notes(ordered)))


def _measured(observation: Observation, later: Iterable[Statement]) -> list[Load]:
    earlier = {statement.id: statement for statement in observation.earlier.statements or ()}
    sessions: defaultdict[str, list[Session]] = defaultdict(list)
    for session in observation.later.sessions:
        if session.is_active:
            sessions[session.statement or _key(session.text)].append(session)
    loads = []
    for statement in later:
        before = earlier.get(statement.id)
        difference = _difference(before, statement)
        loads.append(_load(statement, difference, sessions.pop(statement.id, []), observation.window_s))
    for key, running in sessions.items():
        # It runs for the first time, or its entry was evicted.
        unknown = Statement(id=key, calls=0, time_ms=0.0, rows=0, blocks=0)
        loads.append(_load(unknown, unknown, running, observation.window_s))
    return loads


def _difference(before: Statement | None, after: Statement) -> Statement:
    """What happened in between; all of it where the statistics were reset meanwhile."""
    if before is None or after.calls < before.calls:
        return after
    return Statement(
        id=after.id,
        calls=after.calls - before.calls,
        time_ms=max(0.0, after.time_ms - before.time_ms),
        rows=after.rows - before.rows,
        blocks=after.blocks - before.blocks,
        temporary_blocks=after.temporary_blocks - before.temporary_blocks,
    )


def _load(total: Statement, difference: Statement, running: list[Session], window_s: float) -> Load:
    counted = difference if difference.calls > 0 else total
    text, truncated = total.text, total.truncated
    if text is None and running:
        text, truncated = running[0].text, running[0].truncated
    return Load(
        id=total.id,
        text=text or "",
        truncated=truncated,
        measured=total.calls > 0,
        ended=difference.calls > 0,
        calls=counted.calls,
        # Calls count when they end; those still running are counted for their part of the window.
        time_s=difference.time_ms / 1000 + sum(min(each.statement_age_s, window_s) for each in running),
        call_time_s=counted.time_ms / 1000,
        rows=counted.rows,
        blocks=counted.blocks,
        temporary_blocks=counted.temporary_blocks,
        running=sum(1 for each in running if not each.waits_for_a_lock),
        waiting=sum(1 for each in running if each.waits_for_a_lock),
        oldest_s=max((each.statement_age_s for each in running), default=0.0),
        share=0.0,
        outgrown=_outgrown(counted, difference, running, window_s),
    )


def _outgrown(counted: Statement, difference: Statement, running: list[Session], window_s: float) -> bool:
    """Whether sessions at work in it now make up most of its time, each already far beyond the calls that ended."""
    if not counted.calls:
        return False
    bound_s = _OUTGROWN * counted.time_ms / 1000 / counted.calls
    beyond = [each for each in running if each.statement_age_s > bound_s and not each.waits_for_a_lock]
    return sum(min(each.statement_age_s, window_s) for each in beyond) > difference.time_ms / 1000


def _sampled(observation: Observation) -> list[Load]:
    """Two samples of the sessions: the share of samples is the share of time."""
    looks = (observation.earlier, observation.later)
    counts: Counter[str] = Counter()
    texts: dict[str, Session] = {}
    later: defaultdict[str, list[Session]] = defaultdict(list)
    for look in looks if looks[0] is not looks[1] else looks[1:]:
        for session in look.sessions:
            if session.is_active:
                key = _key(session.text)
                counts[key] += 1
                texts[key] = session
                if look is observation.later:
                    later[key].append(session)
    per_sample = observation.window_s / (1 if looks[0] is looks[1] else 2)
    return [
        Load(
            id=key,
            text=texts[key].text,
            truncated=texts[key].truncated,
            measured=False,
            ended=False,
            calls=0,
            time_s=count * per_sample,
            call_time_s=0.0,
            rows=0,
            blocks=0,
            temporary_blocks=0,
            running=sum(1 for each in later[key] if not each.waits_for_a_lock),
            waiting=sum(1 for each in later[key] if each.waits_for_a_lock),
            oldest_s=max((each.statement_age_s for each in later[key]), default=0.0),
            share=0.0,
        )
        for key, count in counts.items()
    ]


def shortened(text: str, most: int = 100) -> str:
    """A statement for people: without its values, and cut where it is long."""
    normalised = normalise(text)
    shown = normalised.text if isinstance(normalised, Normalised) else "a statement that cannot be read"
    return shown if len(shown) <= most else shown[: most - 1] + "…"


@lru_cache(maxsize=1024)
def _key(text: str) -> str:
    """The same for texts that differ in their values alone; texts that cannot be read are one."""
    normalised = normalise(text)
    return normalised.key if isinstance(normalised, Normalised) else "unreadable"


def _notes(loads: Iterable[Load]) -> Iterable[str]:
    """Statements that matter and cannot be read."""
    named = 0
    for load in loads:
        if load.share < 0.05 or named == _MOST_NAMED:
            return
        because = None
        if load.truncated:
            because = "its text is cut off: raise track_activity_query_size"
        elif load.text.startswith("<"):
            because = "its text may not be seen by this role: grant it pg_monitor"
        elif not isinstance(normalise(load.text), Normalised):
            because = "its text could not be read"
        if because is not None:
            named += 1
            yield f"Statement {load.id}, {load.share:.0%} of the time, was left out: {because}."
