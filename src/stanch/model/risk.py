"""What a command or action may do to production."""

from dataclasses import field
from enum import StrEnum

from stanch.model.record import record


class Risk(StrEnum):
    """Three classes, ordered: what cannot be read counts as mutating, never less."""

    READ_ONLY = "read-only"
    MUTATING = "mutating"
    DESTRUCTIVE = "destructive"

    @property
    def rank(self) -> int:
        return ("read-only", "mutating", "destructive").index(self.value)

    @property
    def approvals(self) -> int:
        """How many distinct people must say yes before it runs."""
        return self.rank


def worst(*risks: Risk) -> Risk:
    """The highest of several risks; of none, read-only."""
    return max(risks, key=lambda risk: risk.rank, default=Risk.READ_ONLY)


class Trait(StrEnum):
    """What else matters about a command, beside its risk."""

    ENDLESS = "endless"
    INTERACTIVE = "interactive"
    EXPOSES_SECRETS = "exposes-secrets"
    HEAVY = "heavy"
    UNREADABLE = "unreadable"
    DYNAMIC = "dynamic"


@record
class Reason:
    """A part of the command as written, the risk it carries, and `why` in a few words."""

    text: str
    risk: Risk
    why: str = ""


@record
class Rating:
    """What a command does. `pipeline` holds the argv of each stage where it runs without a shell, else None.

    `target` names what it acts on: keys `cluster`, `context`, `namespace`, `database`, `host`, `resource`; of a command
    that is carried elsewhere (`kubectl exec`, `ssh`) where it is carried, and what it acts on there under `inside`.
    `placeholders` are the open slots (`<pod-name>`) as written; they stand in the words of `pipeline` unchanged.
    """

    command: str
    risk: Risk
    traits: frozenset[Trait] = frozenset()
    target: dict[str, str] = field(default_factory=dict)
    because: tuple[Reason, ...] = ()
    hint: str = ""
    placeholders: tuple[str, ...] = ()
    pipeline: tuple[tuple[str, ...], ...] | None = None

    @property
    def runs_without_shell(self) -> bool:
        return self.pipeline is not None
