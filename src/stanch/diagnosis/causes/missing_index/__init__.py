"""A statement reads a whole table to return a few rows, because no index serves its conditions.

**What it looks at.** The statements that took most of the database's time between two looks; blocks read per call
against the table's size; rows returned per call; the plan as it is, and the plan as it would be with each candidate
index, where HypoPG is installed. Where it is not, the gain is estimated from column statistics, and said to be.

**What it says.** The index to create, its columns in order, what it will bring and cost, how it is undone; and what
to put right later: columns that nobody needs (`SELECT *`), results without a limit, indexes that become redundant.

**When it is silent.** The table is small (under 1,000 pages); more than 5% of the rows are returned; an index that
serves is there, or is being built; the sessions wait for locks; the table was never analysed; it has ten indexes
already; the column is updated often and in place (an index on it would end HOT updates).
"""

from stanch.diagnosis.cause import Need
from stanch.diagnosis.causes.missing_index.cures import Cure, best, requests
from stanch.diagnosis.causes.missing_index.suspects import CAUSE, Judge, Suspect
from stanch.diagnosis.causes.missing_index.telling import Teller
from stanch.diagnosis.estimate import duration_text
from stanch.diagnosis.relations import Relations
from stanch.diagnosis.workload import LEAST_ACTIVE, LEAST_SHARE, Load, shortened, workload
from stanch.model.finding import Finding, RuledOut
from stanch.model.postgres import Observation

MOST_SUSPECTS = 3


def look(observation: Observation) -> Finding | RuledOut | Need:
    """Find the statement that an index would relieve most, and that index."""
    work = workload(observation)
    if not work.loads or work.active < LEAST_ACTIVE:
        idle = f"{work.active:.2f} sessions at work on average over {duration_text(work.window_s)}"
        return RuledOut(cause=CAUSE, because=f"the database is nearly idle: {idle}")
    judge = Judge(observation, work, Relations(observation))
    suspects: list[Suspect] = []
    reasons: list[str] = []
    for load in work.loads:
        if load.share < LEAST_SHARE or len(suspects) >= MOST_SUSPECTS:
            break
        judged = judge.judged(load)
        if isinstance(judged, str):
            reasons.append(_reason(load, judged))
        else:
            suspects += judged
    wanted = tuple(dict.fromkeys(request for suspect in suspects for request in requests(suspect, observation)))
    if any(request not in observation.answers for request in wanted):
        return Need(requests=wanted)
    cures: list[Cure] = []
    for suspect in suspects:
        cure = best(suspect, observation)
        if isinstance(cure, str):
            reasons.append(_reason(suspect.load, cure))
        else:
            cures.append(cure)
    if not cures:
        none = f"no statement took {LEAST_SHARE:.0%} of the database's time"
        return RuledOut(cause=CAUSE, because=reasons[0] if reasons else none)
    cures.sort(key=lambda cure: (-cure.saved, cure.candidate.width, cure.suspect.load.id))
    return Teller(observation, work, judge).finding(cures[0], cures[1:])


def _reason(load: Load, because: str) -> str:
    return f"{load.share:.0%} of the time is `{shortened(load.text)}`: {because}"
