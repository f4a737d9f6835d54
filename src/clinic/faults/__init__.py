"""Ways to break the clinic, one file each; each is put in and taken out, and both can be done twice."""

from collections.abc import Mapping
from typing import Protocol

from clinic.faults import drop_index


class Fault(Protocol):
    """A module of this package."""

    def inject(self, database_url: str) -> None: ...

    def remove(self, database_url: str) -> None: ...


FAULTS: Mapping[str, Fault] = {"drop-index": drop_index}
"""By the name that the command line knows them by."""

__all__ = ["FAULTS", "Fault", "drop_index"]
