"""Rollback triggers while a run goes on: what fires during a response may be of its own making.

A threshold that the playbook calls a rollback trigger, and that fires while a run of the incident is under way,
proposes the procedure for it: a run of its own that begins with a question. Nothing of it happens before a person says
yes.
"""

from collections.abc import Sequence

from sqlalchemy import Connection

from stanch.charts.quantity import say
from stanch.incidents import timeline
from stanch.model.incident import EventKind, Incident
from stanch.model.plan import Plan, Procedure, ThresholdRole, Trigger
from stanch.model.rule import Alert
from stanch.model.run import Run, StepState
from stanch.response import runs

_ACTION = "rollback_release"


def propose_rollback(connection: Connection, incident: Incident, plan: Plan, alert: Alert, *, now: float) -> Run | None:
    """Ask whether to roll back, where the alert is a rollback trigger and a run is under way; else None.

    Asked once: while the same question stands, or that procedure goes on already, nothing is added.
    """
    rule = alert.rule
    if rule is None or rule.role is not ThresholdRole.ROLLBACK_TRIGGER:
        return None
    going_on = runs.listing(connection, incident_id=incident.id, only_open=True)
    under_way = [run for run in going_on if any(step.state is not StepState.WAITING for step in run.steps)]
    if not under_way:
        return None
    value = say(alert.value, rule.unit)
    because = f"Rollback trigger: {rule.title} fired (it is {value}) while '{under_way[0].name}' is under way."
    procedure = rollback_of(plan, alert)
    if procedure is None:
        text = f"{because} The playbooks hold no procedure for it: decide by hand."
        timeline.append(connection, incident.id, EventKind.NOTE, {"text": text}, now=now)
        return None
    if any(run.procedure == procedure.key for run in going_on):
        return None
    question = f"Roll back with '{procedure.name}'? {rule.title}: it is {value}."
    return runs.start(connection, incident, procedure, plan, now=now, because=because, gate=question)


def rollback_of(plan: Plan, alert: Alert) -> Procedure | None:
    """The procedure that a rollback trigger means: the one it names, the one it stands in, or the plan's only one."""
    procedures = [procedure for procedure in plan.of(Procedure) if procedure.steps]
    rule = alert.rule
    assert rule is not None
    for trigger in plan.of(Trigger):
        source = trigger.threshold.source if trigger.threshold is not None else None
        mine = source is not None and (source.path, source.line) == (rule.source.path, rule.source.line)
        if mine and trigger.procedure is not None:
            # A trigger stands beside the procedure that follows it: only one that rolls back is meant.
            named = [each for each in procedures if each.key == trigger.procedure and _rolls_back(each)]
            if named:
                return named[0]
    same = [each for each in procedures if each.source.path == rule.source.path and _rolls_back(each)]
    found = same or [each for each in procedures if _rolls_back(each)]
    return _nearest(found, rule.source.line) if same else (found[0] if len(found) == 1 else None)


def _rolls_back(procedure: Procedure) -> bool:
    """Whether its name says that it rolls back, or one of its steps does."""
    name = procedure.name.casefold().replace("-", " ").replace("roll back", "rollback")
    return "rollback" in name or any(step.action == _ACTION for step in procedure.steps)


def _nearest(procedures: Sequence[Procedure], line: int) -> Procedure:
    """Those whose names say it before those that have such a step; of them the one that stands nearest."""
    return min(
        procedures,
        key=lambda each: ("rollback" not in each.name.casefold().replace(" ", ""), abs(each.source.line - line)),
    )
