"""What a yes means: the digest it binds to, who may say it, and when it is enough."""

import hashlib
from collections.abc import Sequence

from stanch.model.problem import Refused
from stanch.model.record import record
from stanch.model.risk import Risk
from stanch.model.run import Approval, Run, RunState, StepRecord, StepState
from stanch.response.slots import open_slots
from stanch.response.transitions import BY_HAND
from stanch.store.document import canonical

VALID_S = 900.0
"""A yes is used within a quarter of an hour or asked for again: production has moved on since."""


def digest_of(step: StepRecord, *, plan_hash: str, environment: Sequence[str]) -> str:
    """SHA-256 over all that a yes is given to, as 64 hexadecimal digits.

    The statement or argv, as whom it acts, the values filled in, the names of the environment's variables, target,
    parameters, risk, plan, and how often people were asked: a yes to an earlier question is none to this one.
    """
    return hashlib.sha256(
        canonical(
            {
                "run": step.run_id,
                "step": step.key,
                "type": step.type,
                "text": step.text,
                "action": step.action,
                "command": step.command,
                "pipeline": step.pipeline,
                "statement": step.statement,
                "acts_as": step.acts_as,
                "environment": sorted(environment),
                "target": step.target,
                "filled": [(each.name, each.value) for each in step.filled],
                "parameters": step.parameters,
                "risk": step.risk,
                "plan": plan_hash,
                "asked": step.asked,
            }
        ).encode()
    ).hexdigest()


def people_needed(step: StepRecord) -> int:
    """How many distinct people must say yes to what is asked: at least one, two for what is destructive."""
    return max(1, step.risk.approvals)


def standing(step: StepRecord, now: float) -> tuple[Approval, ...]:
    """Every yes to what is proposed now that has not grown old."""
    return tuple(given for given in step.approvals if given.digest == step.digest and now - given.at <= VALID_S)


def people_missing(step: StepRecord) -> int:
    """How many more people must say yes to what is proposed now; none after a break-glass."""
    given = [each for each in step.approvals if each.digest == step.digest]
    if any(each.alone for each in given):
        return 0
    return max(0, people_needed(step) - len({each.by for each in given}))


def still_valid(step: StepRecord, now: float) -> bool:
    """Whether enough people said yes to this digest, and the first of them not too long ago."""
    given = [each for each in step.approvals if each.digest == step.digest]
    return people_missing(step) == 0 and all(now - each.at <= VALID_S for each in given)


def permit(run: Run, step: StepRecord, *, digest: str, by: str, reason: str = "") -> None:
    """Raises Refused where this yes may not be given now, and says why."""
    _must_wait(run, step, digest=digest, by=by)
    by_hand = step.progress.get(BY_HAND) is True
    if step.risk is Risk.DESTRUCTIVE and not by_hand:
        if by in {each.by for each in step.filled}:
            raise Refused(
                f"{by} filled in what '{step.text}' would do; who proposes a destructive step is not who approves it.",
                hint="Nothing was started. Ask two others to look at it.",
            )
        if not reason.strip():
            raise Refused(
                "A destructive step is approved with a reason.",
                hint="Nothing was started. Say why it has to be done.",
            )
    if any(given.by == by and given.digest == digest for given in step.approvals):
        wanted = people_needed(step)
        risk = "destructive" if step.risk is Risk.DESTRUCTIVE else str(step.risk)
        raise Refused(
            f"{by} has said yes already; a {risk} step needs {wanted} different people.",
            hint="Nothing was started. Ask somebody else to look at it.",
        )


@record
class Broken:
    """A break-glass: what was approved, by whom alone, and why."""

    step: StepRecord
    by: str
    reason: str


def phrase(step: StepRecord) -> str:
    """What a person types to approve alone: it names the run, so that it is never typed by habit."""
    return f"break glass {step.run_id}"


def permit_alone(run: Run, step: StepRecord, *, digest: str, by: str, reason: str, typed: str) -> None:
    """Raises Refused where one person may not approve this alone now, and says why."""
    _must_wait(run, step, digest=digest, by=by)
    if step.progress.get(BY_HAND) is True:
        raise Refused("It is done by hand, so there is nothing to approve alone.", hint="Do it, and say so.")
    if not reason.strip():
        raise Refused(
            "Approving alone needs a reason.",
            hint="Nothing was started. Say why it cannot wait for the others; it is read in the review.",
        )
    if typed.strip() != phrase(step):
        raise Refused(
            f"To approve alone, type exactly: {phrase(step)}",
            hint="Nothing was started. It raises an alarm and is marked in the review.",
        )


def _must_wait(run: Run, step: StepRecord, *, digest: str, by: str) -> None:
    """Raises Refused where the step does not wait for a yes to this digest."""
    if run.state is not RunState.RUNNING:
        raise Refused(f"The run is {run.state}.", hint="Nothing was started. Start a new run if it is still needed.")
    if step.state not in {StepState.PROPOSED, StepState.UNKNOWN}:
        raise Refused(
            f"'{step.text}' does not wait for an approval: it is {step.state}.",
            hint="Nothing was started. Look at the run again; somebody may have been faster.",
        )
    if (still_open := open_slots(step)) and step.progress.get(BY_HAND) is not True:
        names = ", ".join(f"`{slot.name}`" for slot in still_open)
        raise Refused(
            f"'{step.text}' has places to fill in: {names}.",
            hint="Nothing was started. Fill them in first; then it is asked for as it would run.",
        )
    if digest != step.digest:
        raise Refused(
            f"What '{step.text}' would do has changed since you looked at it.",
            hint="Nothing was started. Read what is proposed now, and approve that.",
        )
    if not by.strip():
        raise Refused("An approval needs the name of who gives it.", hint="Nothing was started.")
