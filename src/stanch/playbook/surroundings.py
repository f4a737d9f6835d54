"""What a check may know of the world outside the documents. Whoever compiles at an edge passes it in."""

from collections.abc import Callable, Mapping
from dataclasses import field

from stanch.model.record import record


@record
class Surroundings:
    """Everything is optional: a check that lacks what it needs stays silent.

    `has_program` tells whether a program is on this machine's path. `now` is in epoch seconds; `proven_at` says for a
    playbook's path when it was last drilled or reviewed, and `stale_after_days` how old that may be.
    """

    has_program: Callable[[str], bool] | None = None
    now: float | None = None
    proven_at: Mapping[str, float] = field(default_factory=dict)
    stale_after_days: int = 180


NOWHERE = Surroundings()
"""Only the documents are known."""
