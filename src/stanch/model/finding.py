"""What a cause says about an incident: found with evidence, ruled out with a reason, or in need of more evidence."""

from dataclasses import field
from typing import Any

from stanch.model.record import record
from stanch.model.risk import Risk


@record
class Evidence:
    """One observation as a sentence with its figures: `name` 'Blocks a call', `text` '124,590 of 124,590 ...'."""

    name: str
    text: str
    data: dict[str, Any] = field(default_factory=dict)


@record
class Proposal:
    """An action that a finding proposes. `parameters` are what the action's do, verify and undo work on.

    `statement` and `undo` are shown as they would run; `acts_as` says as whom, where that is not Stanch's own doing;
    `facts` are (short, long) pairs: cost, locks, duration.
    """

    action: str
    title: str
    why: str
    risk: Risk
    parameters: dict[str, Any]
    statement: str
    undo: str
    facts: tuple[tuple[str, str], ...] = ()
    acts_as: str = ""


@record
class LongTerm:
    """Something to put right later: `kind` is select_star, missing_pagination, ..."""

    kind: str
    text: str
    data: dict[str, Any] = field(default_factory=dict)


@record
class Finding:
    """A way to break, with its evidence. `confidence` is 0 to 1; `statements` counts what the search ran."""

    cause: str
    summary: str
    confidence: float
    subject: dict[str, Any]
    evidence: tuple[Evidence, ...]
    proposals: tuple[Proposal, ...] = ()
    later: tuple[LongTerm, ...] = ()


@record
class RuledOut:
    """A cause that was looked for and is not it, and why."""

    cause: str
    because: str


@record
class Diagnosis:
    """All causes of one search. `elapsed_s` and `statements` are what it cost the patient."""

    findings: tuple[Finding, ...]
    ruled_out: tuple[RuledOut, ...]
    statements: int
    elapsed_s: float
    notes: tuple[str, ...] = ()
