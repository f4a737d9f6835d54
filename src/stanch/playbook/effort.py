"""How much of a document is worth reading closely: far more than any playbook has, and not without end.

What was read once costs nothing the second time, so repetition is free. What lies beyond is left as prose, and a
problem says from which line on.
"""

from stanch.model.problem import Level, Problem
from stanch.playbook.document import Document

SENTENCES = 2_000
"""Different sentences that are looked at for thresholds."""

STEPS = 3_000
"""Different list entries that are looked at for actions."""

COMMANDS = 1_500
"""Different commands that are rated."""


class Allowance:
    """Counts different texts of one kind, and remembers the line of the first that was too many."""

    def __init__(self, what: str, limit: int) -> None:
        self.what = what
        self.limit = limit
        self.stopped_at: int | None = None
        self._seen: set[str] = set()

    def spend(self, text: str, line: int) -> bool:
        """Whether this text may be read closely."""
        if text in self._seen:
            return True
        if len(self._seen) >= self.limit:
            self.stopped_at = line if self.stopped_at is None else min(line, self.stopped_at)
            return False
        self._seen.add(text)
        return True


class Effort:
    """The allowances of one document."""

    def __init__(self) -> None:
        self.sentences = Allowance("sentences with numbers", SENTENCES)
        self.steps = Allowance("steps", STEPS)
        self.commands = Allowance("commands", COMMANDS)

    def problems(self, document: Document) -> tuple[Problem, ...]:
        """What was left unread, once a kind."""
        return tuple(
            Problem(
                code="too-much-to-read",
                level=Level.WARNING,
                message=f"This document has more than {allowance.limit:,} different {allowance.what}; "
                f"from line {allowance.stopped_at} on they were left as prose.",
                hint="Split it, or check that it is a playbook and not data.",
                source=document.source_at(allowance.stopped_at),
            )
            for allowance in (self.sentences, self.steps, self.commands)
            if allowance.stopped_at is not None
        )
