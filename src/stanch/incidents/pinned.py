"""The plan of each incident: the one it started with, whatever the documents say by now."""

from sqlalchemy import Connection, select

from stanch.model.incident import Incident, IncidentStatus
from stanch.model.plan import Plan
from stanch.model.problem import NotFound
from stanch.playbook.compile import compile_playbooks
from stanch.store import plans, tables
from stanch.store.engine import Store


class PinnedPlans:
    """`current` is what new incidents start with. Documents are pinned as text and compiled again after a restart."""

    def __init__(self, current: Plan) -> None:
        self.current = current
        self._known = {current.hash: current}

    def say_anew(self, plan: Plan) -> None:
        """The current plan with other remarks; its documents are the same."""
        assert plan.hash == self.current.hash, "another plan is another start"
        self.current = self._known[plan.hash] = plan

    async def load(self, store: Store) -> None:
        """Bring back the plans of the incidents that are open."""

        def pinned(connection: Connection) -> dict[str, tuple[tuple[str, str], ...]]:
            incident = tables.incident
            hashes = connection.scalars(
                select(incident.c.plan_hash).where(incident.c.status != IncidentStatus.RESOLVED).distinct()
            )
            return {digest: kept for digest in hashes if (kept := plans.documents(connection, digest)) is not None}

        for digest, documents in (await store.read(pinned)).items():
            if digest not in self._known:
                self._known[digest] = _compile(documents)

    async def by_hash(self, store: Store, digest: str) -> Plan:
        """The plan of that hash, from the store where it is not at hand. Raises NotFound where it was never kept."""
        if digest not in self._known:
            kept = await store.read(lambda connection: plans.documents(connection, digest))
            if kept is None:
                raise NotFound(
                    f"The playbooks as they were ({digest[:12]}) are not in the store.",
                    hint="The run cannot go on by itself; stop it, and start the procedure anew.",
                )
            self._known[digest] = _compile(kept)
        return self._known[digest]

    def of(self, incident: Incident) -> Plan:
        """The incident's own plan; the current one where the incident started before plans were kept."""
        return self._known.get(incident.plan_hash, self.current)


def _compile(documents: tuple[tuple[str, str], ...]) -> Plan:
    return compile_playbooks([(path, text.encode()) for path, text in documents])
