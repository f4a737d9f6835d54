"""Sessions stand in a queue for a lock that one session holds.

**What it looks at.** Sessions whose wait is a lock, and whom each waits for (pg_blocking_pids, for the longest 20
waits); the root of that tree; table locks that were asked for and not given. DDL that waits behind a long SELECT, with
everything else behind it, is told apart.

**What to do.** Cancel or end the root of the queue, or the DDL that waits; later set `lock_timeout` for migrations and
keep transactions short.
"""

from collections.abc import Mapping

from stanch.diagnosis.estimate import duration_text
from stanch.diagnosis.workload import shortened
from stanch.model.finding import Evidence, Finding, LongTerm, RuledOut
from stanch.model.postgres import LockWait, Observation, Session

CAUSE = "lock_queue"
LEAST_WAITING = 2
LEAST_WAIT_S = 0.5
_STRONGEST = "AccessExclusiveLock"


def look(observation: Observation) -> Finding | RuledOut:
    """Follow the blockers from those who wait to the session that nobody blocks."""
    sessions = {session.pid: session for session in observation.later.sessions}
    waiting = [session for session in sessions.values() if session.waits_for_a_lock]
    longest = max((session.statement_age_s for session in waiting), default=0.0)
    if len(waiting) < LEAST_WAITING or longest < LEAST_WAIT_S:
        few = f"{len(waiting)} session(s) wait for a lock, the longest for {duration_text(longest)}"
        return RuledOut(cause=CAUSE, because=few if waiting else "nobody waits for a lock")
    root = _root(waiting, sessions)
    ddl = next((wait for wait in observation.later.lock_waits if wait.mode == _STRONGEST and wait.table), None)
    return Finding(
        cause=CAUSE,
        summary=_summary(waiting, root, sessions.get(root or -1), ddl),
        confidence=0.9 if len(waiting) >= 5 else 0.7,
        subject={"root": root, "waiting": len(waiting), "table": ddl.table if ddl is not None else None},
        evidence=tuple(
            each
            for each in (
                Evidence(
                    name="Queue",
                    text=f"{len(waiting)} sessions wait for locks, the longest for {duration_text(longest)}",
                    data={"waiting": len(waiting), "longest_s": round(longest, 1)},
                ),
                _holder(root, sessions.get(root or -1)),
                _asked(ddl),
            )
            if each is not None
        ),
        later=(
            LongTerm(
                kind="lock_timeout", text="Give migrations a lock_timeout and retries, and keep transactions short."
            ),
        ),
    )


def _root(waiting: list[Session], sessions: Mapping[int, Session]) -> int | None:
    """The pid at the head of the longest queue: blocked by nobody, or not seen."""
    behind: dict[int, int] = {}
    for session in waiting:
        seen = {session.pid}
        pids = list(session.blockers)
        while pids:
            pid = pids.pop()
            if pid in seen:
                continue
            seen.add(pid)
            above = sessions[pid].blockers if pid in sessions else ()
            if above:
                pids += above
            else:
                behind[pid] = behind.get(pid, 0) + 1
    return min(behind, key=lambda pid: (-behind[pid], pid), default=None)


def _summary(waiting: list[Session], root: int | None, holder: Session | None, ddl: LockWait | None) -> str:
    count = f"{len(waiting)} sessions wait for locks"
    if ddl is not None:
        return f"{count}: process {ddl.pid} asks for {ddl.table} as a whole, and everybody else queues behind it."
    if root is None:
        return f"{count}, and who holds them could not be told."
    if holder is None:
        return f"{count} behind process {root}."
    since = duration_text(holder.transaction_age_s or holder.state_age_s)
    return f"{count} behind process {root}, whose transaction is {since} old ({holder.state})."


def _holder(root: int | None, holder: Session | None) -> Evidence | None:
    if root is None or holder is None:
        return None
    return Evidence(
        name="Holder",
        text=f"process {root} ({holder.role}, {holder.application or 'no name'}), {holder.state}: "
        f"`{shortened(holder.text)}`",
        data={"pid": root, "state": holder.state, "transaction_age_s": holder.transaction_age_s},
    )


def _asked(wait: LockWait | None) -> Evidence | None:
    if wait is None:
        return None
    return Evidence(
        name="Asked for",
        text=f"{wait.mode} on {wait.table} by process {wait.pid}, not given",
        data={"pid": wait.pid, "mode": wait.mode, "table": wait.table},
    )
