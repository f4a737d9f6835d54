"""A procedure as it would run here: of the plan, or of an incident, with its run where one goes on."""

from sqlalchemy import Connection

from stanch.incidents import lifecycle
from stanch.model.incident import Incident
from stanch.model.plan import Plan, Procedure
from stanch.model.record import record
from stanch.model.run import Run, RunState
from stanch.response import runs
from stanch.response.expansion import expand
from stanch.response.preview import Preview, named, preview
from stanch.web import filling
from stanch.web.served import Served
from stanch.web.trying import Key


@record
class Sight:
    """What is seen. Without an incident the plan is the one that new incidents start with."""

    preview: Preview
    procedure: Procedure
    plan: Plan
    incident: Incident | None = None
    run: Run | None = None

    @property
    def key(self) -> Key:
        """What a trial of it is kept under."""
        return self.plan.hash, self.procedure.key, "" if self.incident is None else self.incident.id


def look(rows: Connection, served: Served, name: str, incident_id: str | None = None) -> Sight:
    """The procedure of that key or name. Raises NotFound, Refused."""
    incident = None if incident_id is None else lifecycle.get(rows, incident_id)
    plan = served.plan if incident is None else served.plan_of(incident)
    procedure = named(plan, name)
    severity = incident.severity if incident is not None else next(iter(procedure.applies_to), "")
    run = None if incident is None else _going_on(rows, incident, procedure)
    # Evidence offers values for a run; before there is one, for the run that it would be.
    likely = run or (None if incident is None else _to_be(incident, procedure, plan, served.clock.now()))
    shown = preview(
        procedure,
        plan,
        served.means,
        principals=served.principals,
        approvers=lambda step: served.approvers.roles_for(plan, severity, step),
        steps=None if run is None else run.steps,
        offers=None if likely is None else filling.offers_of(rows, served, likely),
    )
    return Sight(preview=shown, procedure=procedure, plan=plan, incident=incident, run=run)


def _going_on(rows: Connection, incident: Incident, procedure: Procedure) -> Run | None:
    mine = runs.listing(rows, incident_id=incident.id, only_open=True)
    return next((run for run in mine if run.procedure == procedure.key), None)


def _to_be(incident: Incident, procedure: Procedure, plan: Plan, now: float) -> Run:
    return Run(
        id="preview",
        incident_id=incident.id,
        plan_hash=plan.hash,
        procedure=procedure.key,
        name=procedure.name,
        because="",
        state=RunState.RUNNING,
        epoch=0,
        started_at=now,
        steps=expand("preview", procedure, now=now, signals=plan.signals),
    )
