"""A transaction was left open by a client that does nothing: it holds locks, and keeps VACUUM from cleaning up.

**What it looks at.** Sessions idle in transaction for a minute or more; shorter ones where others wait for them.

**What to do.** End the session (its work is rolled back); later set `idle_in_transaction_session_timeout`.
"""

from stanch.diagnosis.estimate import duration_text
from stanch.diagnosis.workload import shortened
from stanch.model.finding import Evidence, Finding, LongTerm, RuledOut
from stanch.model.postgres import Observation

CAUSE = "idle_in_transaction"
LONG_S = 60.0
BLOCKING_S = 2.0


def look(observation: Observation) -> Finding | RuledOut:
    """Find the oldest open transaction whose client does nothing, those in somebody's way first."""
    sessions = observation.later.sessions
    idle = [session for session in sessions if session.state.startswith("idle in transaction")]
    blockers = {pid for session in sessions for pid in session.blockers}
    culprits = [
        session for session in idle if session.state_age_s >= (BLOCKING_S if session.pid in blockers else LONG_S)
    ]
    if not culprits:
        return RuledOut(
            cause=CAUSE,
            because=f"{len(idle)} session(s) are idle in transaction, none for long or in anybody's way"
            if idle
            else "no session is idle in transaction",
        )
    worst = min(culprits, key=lambda session: (session.pid not in blockers, -session.state_age_s, session.pid))
    blocked = sum(1 for session in sessions if worst.pid in session.blockers)
    return Finding(
        cause=CAUSE,
        summary=f"Process {worst.pid} ({worst.application or worst.role}) has left a transaction open and done nothing "
        f"for {duration_text(worst.state_age_s)}" + (f", and {blocked} sessions wait for it." if blocked else "."),
        confidence=0.85 if blocked else 0.5,
        subject={"pid": worst.pid, "blocked": blocked},
        evidence=(
            Evidence(
                name="Session",
                text=f"process {worst.pid}, {worst.state} for {duration_text(worst.state_age_s)}, transaction "
                f"{duration_text(worst.transaction_age_s or 0)} old",
                data={
                    "pid": worst.pid,
                    "state_age_s": round(worst.state_age_s, 1),
                    "transaction_age_s": worst.transaction_age_s,
                },
            ),
            Evidence(name="Last statement", text=f"`{shortened(worst.text)}`"),
            Evidence(
                name="How many",
                text=f"{len(idle)} sessions are idle in transaction, {len(culprits)} of them for too long",
                data={"idle": len(idle), "too_long": len(culprits)},
            ),
        ),
        later=(
            LongTerm(
                kind="idle_in_transaction_session_timeout",
                text="Set idle_in_transaction_session_timeout for the application's role.",
            ),
        ),
    )
