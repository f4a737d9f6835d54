"""The catalogue as a page for people who write playbooks: `docs/signals.md`, which a test holds equal to this."""

from stanch.catalogue.signals import FAMILIES
from stanch.model.signal import (
    CounterIncrease,
    CounterRate,
    Gauge,
    GaugeRatio,
    Histogram,
    Matcher,
    Reading,
    Selector,
    Signal,
    Unit,
)

_HEAD = """\
# Signals

What Stanch can measure, and the phrases of a playbook that mean it. A phrase that is not here is told as a problem,
never guessed. Each signal is read from the first of its metrics that has data; the first is OpenTelemetry's name where
there is one, the others are those of the usual exporters.
"""

_UNITS = {
    Unit.RATIO: "a share (`80%`, `0.8`)",
    Unit.SECONDS: "a time",
    Unit.BYTES: "a size",
    Unit.COUNT: "a number",
    Unit.PER_SECOND: "per second",
}


def page() -> str:
    """The page as Markdown."""
    parts = [_HEAD]
    for family, signals in FAMILIES.items():
        parts.append(f"## {family.capitalize()}\n")
        parts += [_signal(signal) for signal in signals]
    return "\n".join(parts)


def _signal(signal: Signal) -> str:
    taken = f"; {signal.default_statistic} unless it says another" if signal.default_statistic else ""
    window = f", over {signal.default_window_s:g} s unless it says another time" if signal.default_window_s else ""
    metrics = dict.fromkeys(name for reading in (signal.reading, *signal.alternatives) for name in _names(reading))
    return (
        f"### `{signal.name}`\n\n"
        f"{signal.description} In the playbook: {_UNITS[signal.unit]}{taken}{window}.\n\n"
        f"- Phrases: {', '.join(signal.phrases)}.\n"
        f"- Read from: {', '.join(f'`{name}`' for name in metrics)}.\n"
    )


def _names(reading: Reading) -> tuple[str, ...]:
    match reading:
        case Gauge() | CounterRate() | CounterIncrease() | Histogram():
            return (_spelled(reading.selector),)
        case GaugeRatio(part=part, whole=whole):
            return _spelled(part), _spelled(whole)
        case _:
            return _spelled(reading.part), _spelled(reading.whole)


def _spelled(selector: Selector) -> str:
    if not selector.matchers:
        return selector.metric
    return f"{selector.metric}{{{','.join(_matcher(each) for each in selector.matchers)}}}"


def _matcher(matcher: Matcher) -> str:
    return f'{matcher.label}{matcher.operator}"{matcher.value}"'
