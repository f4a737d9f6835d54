"""Which procedure a rollback trigger means."""

from stanch.model.plan import Procedure, Threshold, ThresholdRole
from stanch.model.rule import Alert
from stanch.playbook.compile import compile_playbooks
from stanch.response.rollback import rollback_of
from stanch.signals.compile import compile_rules

BOTH = """# Deployment

## Rollback triggers

- Error rate > 1%

## Rollback Steps

1. Revert to the last stable version
2. Notify stakeholders

## Slow database response

1. Restart the pods
"""

NONE = """# Deployment

## Rollback triggers

- Error rate > 1%

## Slow database response

1. Restart the pods
"""


def found(text: str) -> Procedure | None:
    plan = compile_playbooks([("release.md", text.encode())])
    (threshold,) = (each for each in plan.of(Threshold) if each.role is ThresholdRole.ROLLBACK_TRIGGER)
    rule = next(rule for rule in compile_rules(plan).rules if rule.source == threshold.source)
    alert = Alert(
        id="1", title=rule.title, severity="P1", signal=rule.signal, value=0.06, at=1.0, service="", rule=rule
    )
    return rollback_of(plan, alert)


def test_the_procedure_that_the_document_gives_is_meant() -> None:
    procedure = found(BOTH)
    assert procedure is not None
    assert procedure.name == "Rollback Steps"


def test_where_there_is_none_none_is_guessed() -> None:
    assert found(NONE) is None
