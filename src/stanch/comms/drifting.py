"""What people are told when something that a playbook names is gone: one message, in office hours' tone."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection

from stanch.comms import outbox
from stanch.comms.outbox import PagingChannel
from stanch.comms.paging import contacts_of, ladder
from stanch.model.drift import Answer
from stanch.model.message import Message
from stanch.model.plan import Plan

_MOST = 20


def tell(
    connection: Connection,
    plan: Plan,
    answers: Sequence[Answer],
    now: float,
    *,
    owner: str | None,
    channels: Mapping[str, PagingChannel],
    public_url: str | None,
) -> None:
    """Write the message of what is newly gone to `owner`, or to the first role on call: once, by its key.

    The console always shows it; a channel that does not reach the role is left out.
    """
    role = owner or ladder(plan, "")[0]
    message = Message(
        key=f"drift {now:.0f}",
        incident_id=None,
        role=role,
        subject=_subject(answers),
        body=body(answers),
        urgency="notice",
        link=None if public_url is None else f"{public_url.rstrip('/')}/playbooks",
    )
    contacts = contacts_of(plan, role)
    for channel in channels.values():
        for address in channel.addresses(role, contacts):
            outbox.enqueue(connection, message, channel.name, address, now)


def _subject(answers: Sequence[Answer]) -> str:
    if len(answers) == 1:
        named = answers[0].named
        return f"A playbook names what is gone: {named.kind} {named.name}"
    return f"Playbooks name {len(answers)} things that are gone"


def body(answers: Sequence[Answer]) -> str:
    """Each with its line, the first 20, and what to do."""
    lines = ["These steps would fail during an incident. Nothing was changed.", ""]
    for answer in answers[:_MOST]:
        named = answer.named
        place = f" ({named.place})" if named.where else ""
        lines.append(f"{named.source}: {named.kind} {named.name}{place}: {answer.because}")
    if len(answers) > _MOST:
        lines.append(f"and {len(answers) - _MOST} more")
    lines += ["", "Look again after a correction: stanch check --live PLAYBOOK"]
    return "\n".join(lines)
