"""Transaction ids are running out: without a freezing VACUUM the server will refuse to write.

**What it looks at.** The age of the database's oldest unfrozen transaction id.

**What to do.** End what holds the horizon (old transactions, prepared transactions, replication slots), then
VACUUM FREEZE the oldest tables; alert on the age from then on.
"""

from stanch.model.finding import Evidence, Finding, LongTerm, RuledOut
from stanch.model.postgres import Observation

CAUSE = "wraparound"
WARN_AGE = 1_000_000_000
STOP_AGE = 2_146_483_648
"""The server refuses new transaction ids 3 million before 2^31 (manual, chapter 25.1.5)."""


def look(observation: Observation) -> Finding | RuledOut:
    """Compare the database's age with the point at which writes stop."""
    age = observation.later.frozen_age
    if age < WARN_AGE:
        return RuledOut(cause=CAUSE, because=f"the oldest unfrozen transaction is {age:,} transactions back")
    oldest = max(observation.later.tables, key=lambda table: (table.frozen_age, table.name), default=None)
    where = "" if oldest is None else f" Among the big tables, {oldest.schema}.{oldest.name} is the oldest."
    return Finding(
        cause=CAUSE,
        summary=f"The database is {age:,} transactions old, and stops writing at {STOP_AGE:,}.{where}",
        confidence=min(0.95, round(age / STOP_AGE, 2)),
        subject={"age": age, "table": None if oldest is None else oldest.name},
        evidence=(
            Evidence(
                name="Age",
                text=f"{age:,} of {STOP_AGE:,}; autovacuum acts from {observation.later.frozen_age_limit:,}",
                data={"age": age, "limit": observation.later.frozen_age_limit},
            ),
        ),
        later=(
            LongTerm(kind="freeze", text="Alert on age(datfrozenxid), and find what keeps autovacuum from freezing."),
        ),
    )
