"""The playbook's severities in order, worst first, and what each promises. Pure."""

import re

from stanch.model.plan import ClockPromise, Plan, Severity

_NUMBER = re.compile(r"\d+")


def ordered(plan: Plan) -> tuple[Severity, ...]:
    """The severities from the worst on.

    By the number in their level (P0 before P1, SEV1 before SEV2), where each has one; else by response time, where
    each has one; else as the playbook lists them.
    """
    severities = plan.of(Severity)
    numbers = [_NUMBER.search(severity.level) for severity in severities]
    if all(numbers):
        keys = [float(number.group()) for number in numbers if number]
    elif all(severity.response_s is not None for severity in severities):
        keys = [severity.response_s or 0.0 for severity in severities]
    else:
        return severities
    return tuple(severity for _, severity in sorted(zip(keys, severities, strict=True), key=lambda pair: pair[0]))


def find(plan: Plan, level: str) -> Severity | None:
    """The severity of that level, or of that name; None where the playbook has none."""
    wanted = level.casefold()
    severities = plan.of(Severity)
    by_level = (severity for severity in severities if severity.level.casefold() == wanted)
    by_name = (severity for severity in severities if severity.name.casefold() == wanted)
    return next(by_level, None) or next(by_name, None)


def is_worse(plan: Plan, level: str, than: str) -> bool:
    """Whether `level` stands before `than`. A level that the playbook does not know is worse than none."""
    order = ordered(plan)
    one, other = find(plan, level), find(plan, than)
    if one is None:
        return False
    return other is None or order.index(one) < order.index(other)


def promises(plan: Plan, level: str) -> tuple[ClockPromise, ...]:
    """The clocks of a severity: its own, with its response time as `acknowledge` where it does not say otherwise."""
    severity = find(plan, level)
    if severity is None:
        return ()
    named = {promise.name for promise in severity.clocks}
    if "acknowledge" in named or severity.response_s is None:
        return severity.clocks
    text = next((promise.text for promise in severity.clocks if promise.seconds == severity.response_s), "")
    response = ClockPromise(name="acknowledge", seconds=severity.response_s, text=text or severity.source.text.strip())
    return (response, *severity.clocks)
