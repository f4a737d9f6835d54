"""Look for the cause in the live database: read-only, in a handful of statements, never behind a lock.

Parameters: `database`, the name of one in the settings; without it those of the incident's service are looked at.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from pydantic import SecretStr

from stanch.connectors.postgres import PostgresConnector, PostgresSettings
from stanch.diagnosis.rendering import as_dict
from stanch.diagnosis.search import prepare, search
from stanch.model.clock import Clock
from stanch.model.finding import Diagnosis, Finding, Proposal
from stanch.model.risk import Risk
from stanch.response.action import ActionContext, ActionFailed, Effect, NotApplicable, Outcome, Verified


async def diagnose_postgres(url: str, clock: Clock) -> Diagnosis:
    """Diagnose any PostgreSQL once, with nothing but its address: two looks 1.2 s apart, nothing written.

    A server that is full is a finding. Raises Unusable where it cannot be looked at for any other reason.
    """
    prepare()
    connector = PostgresConnector(PostgresSettings(url=SecretStr(url)), clock)
    try:
        return await search(connector, clock)
    finally:
        await connector.close()


class Diagnose:
    """Runs every cause and records what was found and what was ruled out."""

    name = "diagnose"
    risk = Risk.READ_ONLY
    idempotent = True  # it looks, and a finding that its step has recorded is not recorded again

    def __init__(self, databases: Mapping[str, PostgresConnector]) -> None:
        self._databases = databases
        prepare()

    async def propose(self, context: ActionContext) -> Proposal | NotApplicable:
        chosen = sorted(self._chosen(context))
        if not chosen:
            return NotApplicable(because="No database is configured, so there is nothing to look at.")
        return Proposal(
            action=self.name,
            title=f"Look for the cause in {', '.join(chosen)}",
            why="It finds what changed where the signals only show that something did.",
            risk=self.risk,
            parameters={**context.parameters, "databases": chosen},
            statement=f"diagnose {' '.join(chosen)}",
            undo="",
            facts=(
                ("Changes", "nothing"),
                ("Costs", "at most 5 statements over catalogs and counters, each cut after 2 s"),
            ),
        )

    async def do(self, context: ActionContext) -> Outcome:
        texts: list[str] = []
        data = {}
        for name in context.parameters["databases"]:
            if name not in self._databases:
                because = f"There is no database {name} in the settings any more. Nothing was looked at."
                raise ActionFailed(because, for_good=True)
            diagnosis = _of_database(await search(self._databases[name], context.clock), name)
            await context.record_finding(diagnosis)
            texts += _told(name, diagnosis)
            data[name] = as_dict(diagnosis)
        return Outcome(text="\n".join(texts), data={"databases": data})

    async def verify(self, context: ActionContext) -> Verified:
        del context
        return Verified(effect=Effect.NO_EFFECT, because="Looking changes nothing.")

    async def undo(self, context: ActionContext) -> Outcome:
        del context
        return Outcome(text="Looking changed nothing, so there is nothing to undo.")

    def _chosen(self, context: ActionContext) -> list[str]:
        named = context.parameters.get("database")
        if named is not None:
            if named not in self._databases:
                known = ", ".join(sorted(self._databases)) or "none"
                raise ActionFailed(f"The step names the database `{named}`; the settings have {known}.")
            return [named]
        of_service = [name for name, each in self._databases.items() if each.service == context.incident.service]
        return of_service or list(self._databases)


def _of_database(diagnosis: Diagnosis, name: str) -> Diagnosis:
    """The diagnosis with every proposal bound to the database that it is about."""

    def bound(finding: Finding) -> Finding:
        proposals = (
            replace(proposal, parameters={**proposal.parameters, "database": name}) for proposal in finding.proposals
        )
        return replace(finding, proposals=tuple(proposals))

    return replace(diagnosis, findings=tuple(bound(finding) for finding in diagnosis.findings))


def _told(name: str, diagnosis: Diagnosis) -> Iterator[str]:
    cost = f"{diagnosis.statements} statements, {diagnosis.elapsed_s:.1f} s"
    if not diagnosis.findings:
        yield f"{name}: no cause was found ({cost})."
    for finding in diagnosis.findings:
        yield f"{name}: {finding.summary} ({finding.confidence:.0%} sure, {cost})"
        for evidence in finding.evidence:
            yield f"  {evidence.name}: {evidence.text}"
        for proposal in finding.proposals:
            yield f"  Proposed: {proposal.statement}"
        for later in finding.later:
            yield f"  Later: {later.text}"
    for ruled_out in diagnosis.ruled_out:
        yield f"  Not {ruled_out.cause}: {ruled_out.because}"
    for note in diagnosis.notes:
        yield f"  Note: {note}"
