"""An alerting rule of Prometheus, as it stands in a playbook."""

from stanch.model.record import record


@record
class AlertingRule:
    """A rule as written: `line` is the file's line of its expression, `held` is what `for` says."""

    name: str
    expression: str
    held: str
    severity: str
    line: int
