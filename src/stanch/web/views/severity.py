"""How bad it is, so that it is seen before it is read: a tone and a shape for each level of the playbook's."""

from stanch.incidents.severities import find, ordered
from stanch.model.plan import Plan
from stanch.model.record import record


@record
class Badge:
    """`tone` is fire, warn or calm; `shape` tells the same without colour."""

    level: str
    name: str
    tone: str
    shape: str


def badge(level: str, plan: Plan) -> Badge:
    """The first two levels that the plan names burn, the third wants care, the others can wait."""
    severity = find(plan, level)
    levels = [each.level for each in ordered(plan)]
    name = severity.name if severity is not None and severity.name != severity.level else ""
    rank = levels.index(severity.level) if severity is not None else 1
    # Where the worst level is called P1, nothing is held back for a P0 that this team does not have.
    offset = 1 if levels and levels[0].endswith("1") else 0
    if rank + offset < 2:
        return Badge(level=level, name=name, tone="fire", shape="▲")
    if rank + offset == 2:
        return Badge(level=level, name=name, tone="warn", shape="◆")
    return Badge(level=level, name=name, tone="calm", shape="●")
