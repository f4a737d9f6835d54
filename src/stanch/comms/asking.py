"""Asks those who may approve a step, each at their own address, with a link that is theirs alone.

Only people of the settings' `[people]` with an address are asked so: an address that several read, or a receiver that
passes messages on, would let one person answer for two. Everybody else sees the question in the console.
"""

from collections.abc import Callable, Mapping
from dataclasses import field

from sqlalchemy import Connection

from stanch.comms import outbox
from stanch.comms.links import Links, Question
from stanch.comms.outbox import PagingChannel
from stanch.model.incident import Incident
from stanch.model.message import Message
from stanch.model.plan import Contact, Plan
from stanch.model.problem import Source
from stanch.model.record import record
from stanch.model.risk import Risk
from stanch.model.run import StepRecord
from stanch.response.approvals import VALID_S, people_needed
from stanch.response.approvers import Approvers


@record
class Asking:
    """The hook of a step that waits for a yes. `addresses` are people's own, by their login's name."""

    plan_of: Callable[[Incident], Plan]
    channels: Mapping[str, PagingChannel]
    approvers: Approvers
    links: Links
    addresses: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, connection: Connection, incident: Incident, step: StepRecord, now: float) -> None:
        """Write a message to each who may approve what is proposed now, in the transaction that proposes it."""
        for person, address in self.addresses.items():
            if self._may(incident, step, person):
                contact = Contact(name=person, address=address, source=step.source or Source(path="", line=1))
                self._ask(connection, incident, step, contact, now)

    def _may(self, incident: Incident, step: StepRecord, person: str) -> bool:
        if step.risk is Risk.DESTRUCTIVE and person in {each.by for each in step.filled}:
            return False
        return self.approvers.refusal(incident, step, person) is None

    def _ask(self, connection: Connection, incident: Incident, step: StepRecord, contact: Contact, now: float) -> None:
        person, address = contact.name, contact.address
        reached = [channel for channel in self.channels.values() if address in channel.addresses(person, (contact,))]
        if not reached:
            return
        question = Question(
            run=step.run_id, step=step.key, digest=step.digest or "", person=person, expires_at=now + VALID_S
        )
        issued = self.links.issue(connection, question, now)
        if issued is None:
            return
        link, carried = issued
        message = Message(
            key=f"approve {step.run_id} {step.key} {step.asked} {person}",
            incident_id=incident.id,
            role=person,
            subject=f"[{incident.severity}] Approve? {step.title or step.text} (incident {incident.id})",
            body=_body(incident, step, person),
            link=link,
            data={"incident": incident.id, "run": step.run_id, "step": step.key, **carried},
        )
        for channel in reached:
            outbox.enqueue(connection, message, channel.name, address, now)


def _body(incident: Incident, step: StepRecord, person: str) -> str:
    """What would be done, on what, why, and what opening the link does and does not do."""
    needed = people_needed(step)
    lines = [
        f"Incident {incident.id}: {incident.title}",
        "",
        step.title or step.text,
        f"Would run: {step.statement or step.command or ''}",
        f"Risk: {step.risk}" + (f"; {needed} different people must approve it" if needed > 1 else ""),
        *([f"As: {step.acts_as}"] if step.acts_as else []),
        *(f"{name.capitalize()}: {value}" for name, value in step.target.items()),
        *([f"Why: {step.why}"] if step.why else []),
        *([f"Undo: {step.undo}"] if step.undo else []),
        "",
        f"The link below is for {person} alone, works once and for {VALID_S / 60:.0f} minutes.",
        "Opening it approves nothing: it shows what would run, and a button.",
    ]
    return "\n".join(lines)
