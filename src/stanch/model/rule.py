"""Armed thresholds and what they say when they fire."""

from enum import StrEnum

from stanch.model.plan import ThresholdRole
from stanch.model.problem import Source
from stanch.model.record import record
from stanch.model.signal import Comparison, Statistic, Unit


@record
class Rule:
    """Signal + comparison + window + persistence + severity. `id` is stable for the same condition and place."""

    id: str
    title: str
    signal: str
    statistic: Statistic | None
    comparison: Comparison
    value: float
    upper: float | None = None
    unit: Unit
    window_s: float
    persistence_s: float
    consecutive: int | None = None
    severity: str
    role: ThresholdRole
    labels: tuple[tuple[str, str], ...] = ()
    source: Source


class AlertState(StrEnum):
    """`no data` is its own state: never zero, never healthy."""

    INACTIVE = "inactive"
    PENDING = "pending"
    FIRING = "firing"
    NO_DATA = "no data"


@record
class Evaluation:
    """One rule at one moment. `since` is when the present state began; `value` is None without data."""

    rule: Rule
    state: AlertState
    value: float | None
    since: float
    at: float


@record
class Alert:
    """Something that fired: from a rule of ours (`rule`) or from another system."""

    id: str
    title: str
    severity: str
    signal: str | None
    value: float | None
    at: float
    service: str
    rule: Rule | None = None
    labels: tuple[tuple[str, str], ...] = ()
