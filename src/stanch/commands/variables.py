"""What the variables of a script can hold, where its own text decides that."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from stanch.commands.parse import Script


@dataclass(frozen=True, slots=True, kw_only=True)
class Variables:
    """`values` lists everything that a variable can hold wherever it is used; a name that is not there is unknown."""

    values: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, script: Script) -> "Variables":
        del script
        return cls()

    def is_numeric(self, name: str) -> bool:
        """Whether it can only hold whole numbers."""
        held: Mapping[str, tuple[str, ...]] = self.values
        return name in held and all(value.lstrip("-").isdigit() for value in held[name])
