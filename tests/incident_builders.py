"""Plans, rules, alerts and evaluations with everything but what a test is about already filled in."""

from stanch.model.plan import ClockPromise, Contact, Plan, Role, Severity, Threshold, ThresholdRole
from stanch.model.problem import Source
from stanch.model.rule import Alert, AlertState, Evaluation, Rule
from stanch.model.signal import Comparison, Statistic, Unit

T0 = 1_700_000_000.0


def source(line=1, text=""):
    return Source(path="playbook.md", line=line, text=text)


def severity(level, response_s=None, **clocks):
    """`severity("P1", 300, resolve=3600)`: clocks by name, None for a promise that is no number."""
    promises = tuple(ClockPromise(name=name, seconds=seconds, text=f"{seconds} s") for name, seconds in clocks.items())
    return Severity(
        level=level, name=f"{level} name", response_s=response_s, clocks=promises, criteria=(), source=source()
    )


P1 = severity("P1", 300.0, contain=900.0, update=900.0, resolve=3600.0, review=86400.0)
P2 = severity("P2", 900.0, contain=3600.0, resolve=14400.0, review=86400.0)
P3 = severity("P3", 14400.0, contain=None)


def target(line=50, value=0.3, persistence_s=10.0, *, armed=True, signal="http.response_time"):
    return Threshold(
        signal=signal,
        statistic=Statistic.P95,
        comparison=Comparison.LESS,
        value=value,
        unit=Unit.SECONDS,
        window_s=10.0,
        persistence_s=persistence_s,
        role=ThresholdRole.RECOVERY_TARGET,
        armed=armed,
        source=source(line, "Recovered when response time p95 is below 300 ms for 10 seconds"),
    )


def plan(*facts, digest="a" * 64):
    return Plan(hash=digest, playbooks=(), facts=facts or (P1, P2, P3))


def role(name, *severities):
    return Role(name=name, severities=severities, source=source())


def contact(name, address, *, placeholder=False):
    return Contact(name=name, address=address, placeholder=placeholder, source=source())


def rule(rule_id="latency", *, level="P1", role=ThresholdRole.ALERT, line=20, **changes):
    fields = {
        "id": rule_id,
        "title": f"{rule_id} > 1 s",
        "signal": "http.response_time",
        "statistic": Statistic.P95,
        "comparison": Comparison.GREATER,
        "value": 1.0,
        "unit": Unit.SECONDS,
        "window_s": 10.0,
        "persistence_s": 5.0,
        "severity": level,
        "role": role,
        "source": source(line),
    }
    return Rule(**{**fields, **changes})


def alert(of=None, *, at=T0, service="booking", number=1, value=1.4, level=None):
    of = of or rule()
    return Alert(
        id=f"{of.id}@{number}",
        title=of.title,
        severity=level or of.severity,
        signal=of.signal,
        value=value,
        at=at,
        service=service,
        rule=of,
    )


def foreign(alert_id="fp-1", *, title="DiskFull", level="P2", at=T0, service="booking"):
    """An alert of another system."""
    return Alert(id=alert_id, title=title, severity=level, signal=None, value=None, at=at, service=service)


def evaluation(of=None, state=AlertState.INACTIVE, value=0.2, *, since=T0 - 1000, at=T0):
    return Evaluation(rule=of or rule(), state=state, value=value, since=since, at=at)
