"""What the guard is told: the traffic controls in force, as the versioned document that it reads.

Version 7 with one control reads::

    {"version": 7, "controls": [{"id": "c1", "kind": "limit_concurrency", "incident": "42", "path": "/appointments",
     "limit": 2, "queue": 50, "max_wait_s": 0.5, "retry_after_s": 1, "expires_at": 1700000600.0}]}
"""

import math
from dataclasses import asdict
from typing import Any

from stanch.model.problem import Level, Problem
from stanch.model.record import record


class Malformed(ValueError):
    """What was read is none of our documents."""


@record
class ConcurrencyLimit:
    """At most `limit` requests under `path` run at once; `queue` more wait up to `max_wait_s`, the rest are refused.

    `path` covers itself and what is below it (`/appointments/7`, not `/appointmentsx`). It ends by itself at
    `expires_at`, seconds since the epoch.
    """

    id: str
    incident: str
    path: str
    limit: int
    expires_at: float
    queue: int = 50
    max_wait_s: float = 0.5
    retry_after_s: int = 1

    def __post_init__(self) -> None:
        """Raises ValueError for what no guard could hold to."""
        faults = [
            fault
            for fault, wrong in (
                ("id and incident must not be empty", not (self.id and self.incident)),
                ("path must begin with /", not self.path.startswith("/")),
                ("limit must be at least 1", self.limit < 1),
                ("queue must not be negative", self.queue < 0),
                ("max_wait_s must be between 0 and 60", not 0 <= self.max_wait_s <= 60),
                ("retry_after_s must be at least 1", self.retry_after_s < 1),
                ("expires_at must be a time", not math.isfinite(self.expires_at)),
            )
            if wrong
        ]
        if faults:
            raise ValueError("; ".join(faults))

    def covers(self, path: str) -> bool:
        """Whether a request for `path` falls under this control."""
        prefix = self.path.rstrip("/")
        return path.startswith(prefix) and path[len(prefix) : len(prefix) + 1] in {"", "/"}


KINDS = {"limit_concurrency": ConcurrencyLimit}
_TYPES: dict[type, tuple[type, ...]] = {str: (str,), int: (int,), float: (int, float)}


@record
class TrafficState:
    """The controls in force. `version` grows by one with every change, so a reader can tell which one it has."""

    version: int = 0
    controls: tuple[ConcurrencyLimit, ...] = ()

    def document(self) -> dict[str, Any]:
        """JSON values; `parse` reads them back."""
        kinds = {record: kind for kind, record in KINDS.items()}
        return {
            "version": self.version,
            "controls": [{"kind": kinds[type(control)], **asdict(control)} for control in self.controls],
        }


def parse(document: object) -> tuple[TrafficState, tuple[Problem, ...]]:
    """The state, and a problem for each control that could not be understood; the others hold.

    Raises Malformed where the document as a whole is none of ours.
    """
    if not isinstance(document, dict):
        raise Malformed("not an object")
    version, entries = document.get("version"), document.get("controls")
    if type(version) is not int or not isinstance(entries, list):
        raise Malformed("no version or no controls")
    controls: list[ConcurrencyLimit] = []
    problems: list[Problem] = []
    for position, entry in enumerate(entries):
        try:
            controls.append(_control(entry))
        except ValueError as wrong:
            problems.append(
                Problem(code="unread-control", level=Level.ERROR, message=f"Control {position} is not held: {wrong}.")
            )
    return TrafficState(version=version, controls=tuple(controls)), tuple(problems)


def _control(entry: object) -> ConcurrencyLimit:
    if not isinstance(entry, dict):
        raise Malformed("not an object")
    kind = entry.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        raise Malformed(f"unknown kind {kind!r}")
    fields = ConcurrencyLimit.__dataclass_fields__
    given = {name: value for name, value in entry.items() if name != "kind"}
    if unknown := sorted(given.keys() - fields.keys()):
        raise Malformed(f"unknown {', '.join(unknown)}")
    for name, value in given.items():
        wanted = fields[name].type
        assert isinstance(wanted, type)
        if isinstance(value, bool) or not isinstance(value, _TYPES[wanted]):
            raise Malformed(f"{name} must be {wanted.__name__}")
    try:
        return KINDS[kind](**given)
    except TypeError as missing:
        raise Malformed(str(missing)) from missing
