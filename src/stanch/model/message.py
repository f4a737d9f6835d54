"""What is said to people, and how a channel answers."""

from dataclasses import field
from enum import StrEnum
from typing import Protocol

from stanch.model.record import record


class DeliveryState(StrEnum):
    """`failed` is final and visible; a row that will be tried again stays `pending` with its last reason."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


@record
class Message:
    """One message to one address. `key` makes it idempotent: the same key is sent once."""

    key: str
    incident_id: str | None
    role: str
    subject: str
    body: str
    urgency: str = "page"
    link: str | None = None
    data: dict[str, str] = field(default_factory=dict)


@record
class Delivered:
    detail: str = ""


@record
class NotDelivered:
    """A failure says whether trying again helps, and when."""

    because: str
    retry: bool
    retry_after_s: float | None = None


class Channel(Protocol):
    """A way to reach people. One file in `comms/channels/`, with its settings record."""

    @property
    def name(self) -> str: ...

    async def deliver(self, message: Message, address: str) -> Delivered | NotDelivered:
        """Try once; never raises for what the outside world does."""
        ...
