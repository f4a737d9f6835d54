"""What a cause is: a pure function from an observation to a finding, to a reason why not, or to what it still needs.

One file a cause in `diagnosis/causes/`; the file's name is its id and its docstring is its page for users. Causes do
no I/O and ask for nothing twice: `stanch.diagnosis.search` meets the needs of all of them together.
"""

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from functools import cache

from stanch.diagnosis import causes
from stanch.model.finding import Finding, RuledOut
from stanch.model.postgres import Observation, Request
from stanch.model.record import record


@record
class Need:
    """More evidence is wanted before this cause can say. Each request is answered, be it by a refusal."""

    requests: tuple[Request, ...]


Look = Callable[[Observation], Finding | RuledOut | Need]


@cache
def all_causes() -> Mapping[str, Look]:
    """Every cause by its name, sorted: each module of `stanch.diagnosis.causes` that has a `look`."""
    found: dict[str, Look] = {}
    for module in sorted(pkgutil.iter_modules(causes.__path__), key=lambda each: each.name):
        look: Look = importlib.import_module(f"{causes.__name__}.{module.name}").look
        found[module.name] = look
    return found
