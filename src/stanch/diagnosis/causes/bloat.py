"""A table holds far more dead rows than live ones need, and something may keep VACUUM from removing them.

**What it looks at.** Dead rows against live ones in big tables; the oldest transaction, prepared transaction or
replication slot that dead rows must be kept for.

**What to do.** End what holds the horizon, then VACUUM the table; later tune autovacuum for it.
"""

from stanch.diagnosis.estimate import duration_text
from stanch.model.finding import Evidence, Finding, LongTerm, RuledOut
from stanch.model.postgres import Observation, Session, Table

CAUSE = "bloat"
BIG_PAGES = 1000
LEAST_DEAD = 10_000
DEAD_SHARE = 0.5
OLD_HORIZON = 100_000
"""Transactions: a horizon this far back holds back every VACUUM."""


def look(observation: Observation) -> Finding | RuledOut:
    """Find the table with the most dead rows, and who keeps them."""
    later = observation.later
    worst = max(later.tables, key=lambda table: (table.dead, table.name), default=None)
    bloated = [table for table in later.tables if _is_bloated(table)]
    if not bloated:
        most = f"at most {worst.dead:,} dead rows, in {worst.name}" if worst is not None else "there are no tables"
        return RuledOut(cause=CAUSE, because=most)
    table = max(bloated, key=lambda each: (each.dead, each.name))
    holder = max(
        (session for session in later.sessions if (session.horizon_age or 0) >= OLD_HORIZON),
        key=lambda session: (session.horizon_age or 0, session.pid),
        default=None,
    )
    slot = (later.slot_horizon_age or 0) >= OLD_HORIZON
    held = _held(holder, slot=slot)
    return Finding(
        cause=CAUSE,
        summary=f"{table.name} holds {table.dead:,} dead rows beside {table.live:,} live ones{held}.",
        confidence=0.5 if held else 0.35,
        subject={"table": table.name, "schema": table.schema, "pid": None if holder is None else holder.pid},
        evidence=(
            Evidence(
                name="Dead rows",
                text=f"{table.dead:,} dead, {table.live:,} live, in {table.pages:,} blocks",
                data={"dead": table.dead, "live": table.live, "relpages": table.pages},
            ),
        ),
        later=(
            LongTerm(
                kind="vacuum",
                text=f"VACUUM {table.schema}.{table.name} once nothing holds its dead rows, and lower its "
                "autovacuum_vacuum_scale_factor.",
                data={"table": table.name, "schema": table.schema},
            ),
        ),
    )


def _is_bloated(table: Table) -> bool:
    dead_share = table.dead / max(1, table.dead + table.live)
    return table.pages >= BIG_PAGES and table.dead >= LEAST_DEAD and dead_share >= DEAD_SHARE


def _held(holder: Session | None, *, slot: bool) -> str:
    if holder is not None:
        age = duration_text(holder.transaction_age_s or 0)
        return f", which process {holder.pid} keeps from being removed (its transaction is {age} old)"
    return ", which a replication slot keeps from being removed" if slot else ""
