"""The server has no connection left, or nearly none, so clients are refused.

**What it looks at.** Sessions by state against `max_connections` less the reserved ones; or the refusal itself, where
not even this look was let in (SQLSTATE 53300).

**What to do.** End sessions that are idle or idle in transaction; then put a pooler in front, or bound the pools.
Raising `max_connections` alone makes a saturated server slower.
"""

from stanch.diagnosis.estimate import duration_text
from stanch.model.finding import Evidence, Finding, LongTerm, RuledOut
from stanch.model.postgres import Observation, Refusal

CAUSE = "max_connections"
FULL = 0.9


def look(observation: Observation) -> Finding | RuledOut:
    """Compare what is used with what ordinary roles may use."""
    connections = observation.later.connections
    usable = max(1, connections.allowed - connections.reserved)
    share = connections.used / usable
    states = ", ".join(f"{count} {state}" for state, count in sorted(connections.by_state.items()))
    if share < FULL:
        return RuledOut(cause=CAUSE, because=f"{connections.used} of {usable} usable connections are taken")
    idle = connections.by_state.get("idle", 0)
    return Finding(
        cause=CAUSE,
        summary=f"{connections.used} of {usable} usable connections are taken ({states}): new clients are refused or "
        "soon will be.",
        confidence=0.9 if share >= 1 else 0.6,
        subject={"used": connections.used, "usable": usable},
        evidence=(
            Evidence(
                name="Connections",
                text=f"{connections.used} of {connections.allowed}, {connections.reserved} of them reserved",
                data={"used": connections.used, "allowed": connections.allowed, "reserved": connections.reserved},
            ),
            Evidence(name="By state", text=states, data=dict(connections.by_state)),
            Evidence(
                name="Idle",
                text=f"{idle} sessions are idle, the longest for {duration_text(connections.idle_longest_s)}",
                data={"idle": idle, "longest_s": round(connections.idle_longest_s, 1)},
            ),
        ),
        later=(_POOL,),
    )


def refused(refusal: Refusal) -> Finding | None:
    """The finding that a refusal is by itself; None where it was refused for another reason."""
    if refusal.sqlstate != "53300":
        return None
    return Finding(
        cause=CAUSE,
        summary="The server has no connection left: not even the diagnosis was let in.",
        confidence=0.95,
        subject={},
        evidence=(Evidence(name="Refusal", text=refusal.because, data={"sqlstate": refusal.sqlstate}),),
        later=(_POOL,),
    )


_POOL = LongTerm(
    kind="pooling",
    text="Put a connection pooler in front of the server, or bound the sum of all pools below max_connections.",
)
