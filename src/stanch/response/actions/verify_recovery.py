"""Wait until the incident's signals have stayed within bounds long enough, and say meanwhile which have not.

It changes nothing: the incident is resolved by its own gate, this watches for it. It takes no parameters.
"""

from collections.abc import Callable

from stanch.incidents import lifecycle
from stanch.incidents.recovery import Recovery
from stanch.model.finding import Proposal
from stanch.model.incident import Incident
from stanch.model.risk import Risk
from stanch.response.action import ActionContext, Effect, NotApplicable, Outcome, Verified
from stanch.store.engine import Store

Outlook = Callable[[Incident], Recovery]
"""Where an incident stands with the signals as they are now; decides nothing."""

LOOK_S = 2.0
"""Values move without any row being written, so what is still out of range is looked at this often."""


class VerifyRecovery:
    """`outlook` is the resolve gate's own reading, so that what is shown is what decides."""

    name = "verify_recovery"
    risk = Risk.READ_ONLY
    idempotent = True  # it waits and reads

    def __init__(self, *, store: Store, outlook: Outlook) -> None:
        self._store = store
        self._outlook = outlook

    async def propose(self, context: ActionContext) -> Proposal | NotApplicable:
        return Proposal(
            action=self.name,
            title="Watch the signals until they have stayed clean",
            why=f"Incident {context.incident.id} is over when its signals say so for long enough.",
            risk=self.risk,
            parameters={},
            statement=f"watch the signals of incident {context.incident.id}",
            undo="",
        )

    async def do(self, context: ActionContext) -> Outcome:
        """Ends with the incident; the step's time box bounds it."""
        async with self._store.listen(lifecycle.TOPIC) as listener:
            while True:
                incident = await self._incident(context)
                if incident.status.is_over:
                    return Outcome(text=_resolved(incident))
                recovery = self._outlook(incident)
                if recovery.because:
                    await context.report(f"Still out of range: {'; '.join(recovery.because)}")
                else:
                    await context.report("Within limits.", recovery.clean_s, recovery.needed_s)
                await listener.wait(LOOK_S)

    async def verify(self, context: ActionContext) -> Verified:
        incident = await self._incident(context)
        if incident.status.is_over:
            return Verified(effect=Effect.TOOK_EFFECT, because=_resolved(incident))
        return Verified(effect=Effect.NO_EFFECT, because=f"Incident {incident.id} is {incident.status}.")

    async def undo(self, context: ActionContext) -> Outcome:
        return Outcome(text=f"Nothing was changed for incident {context.incident.id}.")

    async def _incident(self, context: ActionContext) -> Incident:
        return await self._store.read(lambda connection: lifecycle.get(connection, context.incident.id))


def _resolved(incident: Incident) -> str:
    took = "" if incident.resolved_at is None else f" after {incident.resolved_at - incident.opened_at:.0f} s"
    return f"Incident {incident.id} is resolved{took}."
