"""What a playbook names outside of itself, and whether it was still there when it was looked for."""

from enum import StrEnum

from stanch.model.problem import Source
from stanch.model.record import record


class Presence(StrEnum):
    """`unasked` is no answer: a probe that failed, or was not allowed, says nothing about what it looked for."""

    EXISTS = "exists"
    GONE = "gone"
    UNASKED = "unasked"


@record
class Named:
    """One thing that a playbook names. `kind` is the probe's word for it (`program`, `namespace`, `table`).

    `where` narrows it down (`namespace`, `context`, `database`, `port`), sorted by name. `source` is the first line
    that names it.
    """

    kind: str
    name: str
    where: tuple[tuple[str, str], ...] = ()
    source: Source

    @property
    def place(self) -> str:
        """Where it is looked for, for people: `namespace shop, context prod`."""
        return ", ".join(f"{key} {value}" for key, value in self.where)

    def at(self, key: str) -> str | None:
        return next((value for name, value in self.where if name == key), None)


@record
class Verdict:
    """What a probe found, and in a few words how it knows."""

    presence: Presence
    because: str = ""


@record
class Answer:
    """What was named and what was found. `elapsed_s` is how long the asking took."""

    named: Named
    presence: Presence
    because: str
    elapsed_s: float = 0.0


def exists(because: str = "") -> Verdict:
    return Verdict(presence=Presence.EXISTS, because=because)


def gone(because: str) -> Verdict:
    """Only where what was asked has answered, and said no."""
    return Verdict(presence=Presence.GONE, because=because)


def unasked(because: str) -> Verdict:
    return Verdict(presence=Presence.UNASKED, because=because)
