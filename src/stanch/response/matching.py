"""Which procedure of the plan answers an incident, and why. Pure; a choice always carries its reason."""

from collections.abc import Collection

from stanch.model.plan import Plan, Procedure
from stanch.model.record import record


@record
class Matched:
    procedure: Procedure
    because: str


@record
class NoneMatched:
    because: str


def match_procedure(
    plan: Plan, *, severity: str, signals: Collection[str], causes: Collection[str] = ()
) -> Matched | NoneMatched:
    """Choose among the plan's procedures with steps.

    A procedure for other severities is out. Of the rest, a cause that was found counts most, then how many of the
    fired rules' `signals` it speaks of, then whether it names the severity; equal ones go in document order. One
    that has nothing of these in common with the incident is not started on a guess.
    """
    candidates = [procedure for procedure in plan.of(Procedure) if procedure.steps]
    if not candidates:
        return NoneMatched(because="The playbooks hold no procedure with steps.")
    fitting = [
        (rank, procedure)
        for procedure in candidates
        if not procedure.applies_to or severity in procedure.applies_to
        if any(rank := _rank(procedure, severity, signals, causes))
    ]
    if not fitting:
        what = f"severity {severity}" + (f" and {', '.join(sorted(signals))}" if signals else "")
        return NoneMatched(because=f"No procedure speaks of {what}.")
    best = max(rank for rank, _ in fitting)
    equals = [procedure for rank, procedure in fitting if rank == best]
    chosen = equals[0]
    reasons = []
    if chosen.cause in causes:
        reasons.append(f"it is for the cause {chosen.cause}, which was found")
    if common := sorted(set(chosen.signals) & set(signals)):
        reasons.append(f"it speaks of {', '.join(common)}, which fired")
    if severity in chosen.applies_to:
        reasons.append(f"it is for severity {severity}")
    because = f"'{chosen.name}' ({chosen.source}) was chosen: {'; '.join(reasons)}."
    if len(equals) > 1:
        others = ", ".join(f"'{procedure.name}'" for procedure in equals[1:])
        because += f" {others} would fit as well; the first in the document goes first."
    return Matched(procedure=chosen, because=because)


def _rank(
    procedure: Procedure, severity: str, signals: Collection[str], causes: Collection[str]
) -> tuple[bool, int, bool]:
    return (
        procedure.cause is not None and procedure.cause in causes,
        len(set(procedure.signals) & set(signals)),
        severity in procedure.applies_to,
    )
