"""Statements sort or hash more than `work_mem` allows and spill to disk.

**What it looks at.** Temporary blocks read and written per call, of statements that take a good part of the time.

**What to do.** Give the role more `work_mem`, or rewrite the statement (an index in its sort order needs no sort).
"""

from stanch.diagnosis.estimate import size_text
from stanch.diagnosis.workload import LEAST_ACTIVE, LEAST_SHARE, shortened, workload
from stanch.model.finding import Evidence, Finding, LongTerm, RuledOut
from stanch.model.postgres import Observation

CAUSE = "temporary_spills"
LEAST_BLOCKS = 1000
"""Temporary blocks a call, 8 MB, below which a spill is cheap."""


def look(observation: Observation) -> Finding | RuledOut:
    """Find the statement that spills most per call among those that matter."""
    if observation.later.statements is None:
        return RuledOut(cause=CAUSE, because="it cannot be told without pg_stat_statements")
    work = workload(observation)
    if work.active < LEAST_ACTIVE:
        return RuledOut(cause=CAUSE, because="the database is nearly idle")
    spilling = [
        load
        for load in work.loads
        if load.share >= LEAST_SHARE and load.calls and load.temporary_blocks / load.calls >= LEAST_BLOCKS
    ]
    if not spilling:
        return RuledOut(cause=CAUSE, because="no statement under load spills 8 MB a call")
    worst = max(spilling, key=lambda load: (load.share, load.temporary_blocks, load.id))
    size = worst.temporary_blocks / worst.calls * 8192
    return Finding(
        cause=CAUSE,
        summary=f"A statement with {worst.share:.0%} of the time spills {size_text(size)} a call to disk.",
        confidence=round(0.3 + 0.4 * worst.share, 2),
        subject={"statement": worst.id},
        evidence=(
            Evidence(name="Statement", text=f"`{shortened(worst.text)}`", data={"id": worst.id}),
            Evidence(
                name="Temporary blocks a call",
                text=f"{worst.temporary_blocks / worst.calls:,.0f} read and written",
                data={"blocks_per_call": round(worst.temporary_blocks / worst.calls, 1), "calls": worst.calls},
            ),
        ),
        later=(LongTerm(kind="work_mem", text="Raise work_mem for this role alone, or let an index give the order."),),
    )
