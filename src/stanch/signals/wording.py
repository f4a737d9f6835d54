"""Conditions in plain words: `response time p95 > 1 s for 5 min`."""

from stanch.charts.quantity import prose, say, statistic
from stanch.model.plan import Threshold
from stanch.model.rule import Rule
from stanch.model.signal import Signal


def title(condition: Rule | Threshold, signal: Signal) -> str:
    """What a rule or an armed threshold says, such as `error rate > 5% in 2 min` or `cpu usage > 90% for 10 min`."""
    unit = condition.unit or signal.unit
    words = [signal.phrases[0], statistic(condition.statistic)]
    words += [f"of {name} {value}" for name, value in condition.labels]
    if condition.value is not None:
        words += [condition.comparison.value, say(condition.value, unit)]
    if condition.upper is not None:
        words.append(f"up to {say(condition.upper, unit)}")
    if condition.window_s and condition.window_s != signal.default_window_s:
        words.append(f"in {prose(condition.window_s)}")
    if condition.persistence_s:
        words.append(f"for {prose(condition.persistence_s)}")
    if condition.consecutive is not None and condition.consecutive > 1:
        words.append(f"in {condition.consecutive} samples in a row")
    return " ".join(word for word in words if word)
