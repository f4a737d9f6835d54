"""A document holds a secret.

Why: playbooks are read by many, kept in repositories and sent around. A key that stands in one is known.

What to do: revoke it now, then write where it is kept ("the key is in the vault under payments/api").
"""

import re
from collections.abc import Iterator

from stanch.model.pattern import Pattern
from stanch.model.plan import Plan
from stanch.model.problem import Level, Problem, Source
from stanch.playbook.surroundings import Surroundings

CODE = "secret-in-document"
LEVEL = Level.ERROR

_KINDS: tuple[tuple[str, Pattern], ...] = (
    ("an AWS access key", Pattern(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b")),
    ("a private key", Pattern(r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----")),
    ("a GitHub token", Pattern(r"\bgh[pousr]_[A-Za-z0-9]{36,}\b|\bgithub_pat_\w{40,}\b")),
    ("a GitLab token", Pattern(r"\bglpat-[\w-]{20,}\b")),
    ("a Slack token", Pattern(r"\bxox[abprs]-[\w-]{10,}\b")),
    ("a Slack webhook", Pattern(r"\bhooks\.slack\.com/services/T\w{6,}/B\w{6,}/\w{16,}")),
    ("a Stripe key", Pattern(r"\b[rs]k_live_[A-Za-z0-9]{16,}\b")),
    ("a Google API key", Pattern(r"\bAIza[\w-]{35}\b")),
    ("a SendGrid key", Pattern(r"\bSG\.[\w-]{20,}\.[\w-]{20,}\b")),
    ("a JSON web token", Pattern(r"\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}\b")),
    (
        "a PagerDuty key",
        Pattern(r"\b(?:routing|integration|service)[_ ]key['\":= ]+[0-9a-fR][0-9a-z]{31}\b", re.IGNORECASE),
    ),
)
_HINTS = (
    *("AKIA", "ASIA", "PRIVATE KEY", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "xox"),
    *("hooks.slack", "k_live_", "AIza", "SG.", "eyJ", "_key", " key", "_KEY"),
)
"""Letters that every secret of these kinds holds: most documents have none of them, and are done with."""


def concealed(text: str) -> str:
    """A line with what has the form of a secret as dots, of the same length."""
    if any(hint in text for hint in _HINTS):
        for _, pattern in _KINDS:
            text = pattern.sub(lambda match: "\u2022" * len(match[0]), text)
    return text


def check(plan: Plan, _surroundings: Surroundings) -> Iterator[Problem]:
    """Every line with something that has the form of a secret. The secret itself is not repeated."""
    for playbook in plan.playbooks:
        hints = [hint for hint in _HINTS if hint in playbook.text]
        if not hints:
            continue
        for number, line in enumerate(playbook.text.split("\n"), start=1):
            if not any(hint in line for hint in hints):
                continue
            for kind, pattern in _KINDS:
                match = pattern.search(line)
                if match:
                    yield Problem(
                        code=CODE,
                        level=LEVEL,
                        message=f"This line holds {kind}.",
                        hint="Revoke it, and write where it is kept instead.",
                        source=Source(
                            path=playbook.path,
                            line=number,
                            column=match.start() + 1,
                            text=pattern.sub("\u2026", line),
                        ),
                    )
                    break
