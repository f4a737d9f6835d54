"""Findings as events carry them, and back. The keys are those of `Finding`, beside what the search cost."""

from collections.abc import Iterable
from dataclasses import fields
from typing import Any

import msgspec
from sqlalchemy import Connection

from stanch.incidents import timeline
from stanch.model.finding import Diagnosis, Finding
from stanch.model.incident import EventKind
from stanch.store.document import canonical

_FIELDS = frozenset(each.name for each in fields(Finding))


def event_data(diagnosis: Diagnosis) -> tuple[dict[str, Any], ...]:
    """The data of the FINDING events of one search: one a finding; where there is none, one that says so."""
    search: dict[str, Any] = {
        "ruled_out": msgspec.to_builtins(diagnosis.ruled_out),
        "statements": diagnosis.statements,
        "elapsed_s": diagnosis.elapsed_s,
        "notes": list(diagnosis.notes),
    }
    if not diagnosis.findings:
        return ({"cause": None, "summary": "No known cause was found.", "evidence": [], "later": [], **search},)
    return tuple({**msgspec.to_builtins(finding), **search} for finding in diagnosis.findings)


def read_back(kept: Iterable[dict[str, Any]]) -> tuple[Finding, ...]:
    """The findings of an incident. Raises `msgspec.ValidationError` where one is not what `event_data` writes."""
    return tuple(
        msgspec.convert({name: value for name, value in data.items() if name in _FIELDS}, Finding)
        for data in kept
        if data.get("cause")
    )


def record(connection: Connection, incident_id: str, wanted: Iterable[dict[str, Any]], *, now: float) -> None:
    """Write FINDING events, each once: what the same step of the same run said already is not said again."""
    said = {
        (event.data.get("run"), event.data.get("step"), event.data.get("cause"), canonical(event.data.get("subject")))
        for event in timeline.read(connection, incident_id)
        if event.kind is EventKind.FINDING
    }
    with timeline.extend(connection, incident_id) as chain:
        for data in wanted:
            if (data.get("run"), data.get("step"), data.get("cause"), canonical(data.get("subject"))) not in said:
                chain.add(EventKind.FINDING, data, now=now)
