"""A mitigation in force: it has an owner, a time to live, a check and an undo."""

from dataclasses import field
from enum import StrEnum
from typing import Any

from stanch.model.record import record


class ControlState(StrEnum):
    """`applying` and `undoing` are intents: written before the data plane is touched, carried out after a crash."""

    APPLYING = "applying"
    IN_FORCE = "in force"
    UNDOING = "undoing"
    UNDONE = "undone"


@record
class Control:
    """`parameters` are what the data plane reads (kind, path, limit); `expires_at` holds without Stanch too.

    `plane` names the data plane that it acts on (`guard`).
    """

    id: str
    incident_id: str
    run_id: str | None
    action: str
    text: str
    owner: str
    state: ControlState
    applied_at: float
    expires_at: float
    plane: str = "guard"
    parameters: dict[str, Any] = field(default_factory=dict)
    undone_at: float | None = None
    because: str | None = None
