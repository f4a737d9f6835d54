"""What can be asked for: one file a probe, its docstring its page.

A probe has `KINDS` (what it answers for), `names(plan)` (what a plan names of these, in document order) and
`ask(named, outside)`, which only reads. It says `gone` only where what it asked has answered; whatever else went wrong
is `unasked`, with the reason.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from types import MappingProxyType, ModuleType

from stanch.drift.outside import Outside
from stanch.drift.probes import contact, helm, host, kubernetes, metric, program, relation
from stanch.model.drift import Named, Verdict
from stanch.model.plan import Plan

PROBES: tuple[ModuleType, ...] = (program, kubernetes, helm, metric, relation, host, contact)
"""Every probe."""

Names = Callable[[Plan], Iterator[Named]]
Ask = Callable[[Named, Outside], Awaitable[Verdict]]

ASK: Mapping[str, Ask] = MappingProxyType({kind: module.ask for module in PROBES for kind in module.KINDS})
"""The question of each kind."""


def names(plan: Plan) -> tuple[Named, ...]:
    """Everything that the playbooks name, once a document, at the line that names it first."""
    found: dict[tuple[str, str, str, tuple[tuple[str, str], ...]], Named] = {}
    for module in PROBES:
        of_module: Names = module.names
        for named in of_module(plan):
            found.setdefault((named.source.path, named.kind, named.name, named.where), named)
    return tuple(sorted(found.values(), key=lambda named: (named.source.path, named.source.line)))
