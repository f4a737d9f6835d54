"""Plans as they were read, kept by hash, so that a running incident keeps the playbook it started with."""

from collections.abc import Iterable

from sqlalchemy import Connection, bindparam, insert, select

from stanch.model.plan import Plan
from stanch.store.tables import plan as plans

_PINNED = select(plans.c.hash).where(plans.c.hash == bindparam("digest"))


def pin(connection: Connection, plan: Plan, now: float) -> None:
    """Keep the documents of `plan`; kept already, nothing changes."""
    if connection.execute(_PINNED, {"digest": plan.hash}).first() is None:
        documents = [{"path": playbook.path, "text": playbook.text} for playbook in plan.playbooks]
        connection.execute(insert(plans).values(hash=plan.hash, pinned_at=now, documents=documents))


def documents(connection: Connection, digest: str) -> tuple[tuple[str, str], ...] | None:
    """The (path, text) pairs that were read, in order; None where that plan was never pinned."""
    found: Iterable[dict[str, str]] | None = connection.execute(
        select(plans.c.documents).where(plans.c.hash == digest)
    ).scalar_one_or_none()
    return None if found is None else tuple((document["path"], document["text"]) for document in found)
