"""A diagnosis as plain JSON values: for `--json`, for the timeline, for the API."""

from typing import Any

from stanch.model.finding import Diagnosis, Finding, Proposal


def as_dict(diagnosis: Diagnosis) -> dict[str, Any]:
    """`findings` (the likeliest first), `ruled_out`, `notes`, and what the search cost: `statements`, `elapsed_s`."""
    return {
        "findings": [finding_dict(finding) for finding in diagnosis.findings],
        "ruled_out": [{"cause": each.cause, "because": each.because} for each in diagnosis.ruled_out],
        "notes": list(diagnosis.notes),
        "statements": diagnosis.statements,
        "elapsed_s": round(diagnosis.elapsed_s, 3),
    }


def finding_dict(finding: Finding) -> dict[str, Any]:
    """The cause, its subject's fields (`table`, `schema`, `columns`, `index`), evidence by name, proposals, later."""
    return {
        "cause": finding.cause,
        "summary": finding.summary,
        "confidence": finding.confidence,
        **finding.subject,
        "evidence": {each.name: {"text": each.text, **each.data} for each in finding.evidence},
        "proposals": [_proposal_dict(proposal) for proposal in finding.proposals],
        "later": [{"kind": each.kind, "text": each.text, **each.data} for each in finding.later],
    }


def _proposal_dict(proposal: Proposal) -> dict[str, Any]:
    return {
        "action": proposal.action,
        "title": proposal.title,
        "why": proposal.why,
        "risk": proposal.risk.value,
        "parameters": proposal.parameters,
        "statement": proposal.statement,
        "undo": proposal.undo,
        "facts": [list(fact) for fact in proposal.facts],
    }
