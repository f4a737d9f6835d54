"""What a yes binds to, and whose it may be."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from response_stage import act, procedure
from stanch.model.problem import Refused
from stanch.model.risk import Risk
from stanch.model.run import Approval, Run, RunState, StepRecord, StepState
from stanch.response.approvals import VALID_S, digest_of, people_missing, people_needed, permit, still_valid
from stanch.response.expansion import expand

(BASE,) = expand("1.1", procedure(act("index")), now=0.0)
BASE = replace(BASE, state=StepState.PROPOSED, risk=Risk.MUTATING, statement="CREATE INDEX a", parameters={"t": "a"})


def digest(step: StepRecord, *, plan: str = "p", environment: tuple[str, ...] = ("PATH",)) -> str:
    return digest_of(step, plan_hash=plan, environment=environment)


STEP = replace(BASE, digest=digest(BASE))
RUN = Run(
    id="1.1",
    incident_id="1",
    plan_hash="p",
    procedure="slow",
    name="Slow",
    because="",
    state=RunState.RUNNING,
    epoch=1,
    started_at=0.0,
    steps=(STEP,),
)


def yes(by: str, at: float = 0.0) -> Approval:
    assert STEP.digest is not None
    return Approval(run_id="1.1", step_key="index", digest=STEP.digest, by=by, at=at)


@pytest.mark.parametrize(
    "change",
    [
        {"statement": "CREATE INDEX b"},
        {"pipeline": (("kubectl", "delete", "pod"),)},
        {"pipeline": (("kubectl", "delete pod"),)},
        {"command": "other"},
        {"acts_as": "kube context other"},
        {"parameters": {"t": "b"}},
        {"target": {"namespace": "prod"}},
        {"risk": Risk.DESTRUCTIVE},
        {"action": "other"},
        {"asked": 2},
        {"run_id": "1.2"},
        {"key": "other"},
    ],
)
def test_any_change_of_what_is_approved_changes_the_digest(change: dict[str, Any]) -> None:
    assert digest(replace(BASE, **change)) != digest(BASE)


def test_the_plan_and_the_names_of_the_environment_are_part_of_it() -> None:
    assert digest(BASE, plan="q") != digest(BASE)
    assert digest(BASE, environment=("PATH", "KUBECONFIG")) != digest(BASE)
    assert digest(BASE, environment=("B", "A")) == digest(BASE, environment=("A", "B"))


@given(st.lists(st.text(min_size=1), min_size=1, max_size=4), st.lists(st.text(min_size=1), min_size=1, max_size=4))
def test_two_different_argument_lists_never_share_a_digest(one: list[str], two: list[str]) -> None:
    same = digest(replace(BASE, pipeline=(tuple(one),))) == digest(replace(BASE, pipeline=(tuple(two),)))
    assert same == (one == two)


def test_what_is_only_shown_does_not_matter() -> None:
    shown = replace(BASE, title="Build it", why="because", facts=(("size", "1 GB"),), output="x")
    assert digest(shown) == digest(BASE)


def test_one_person_for_a_mutating_step_two_for_a_destructive_one() -> None:
    assert people_needed(STEP) == 1
    assert people_missing(replace(STEP, approvals=(yes("alice"),))) == 0
    destructive = replace(STEP, risk=Risk.DESTRUCTIVE)
    assert people_missing(replace(destructive, approvals=(yes("alice"),))) == 1
    assert people_missing(replace(destructive, approvals=(yes("alice"), yes("alice")))) == 1
    assert people_missing(replace(destructive, approvals=(yes("alice"), yes("bob")))) == 0


def test_a_yes_to_another_digest_counts_for_nothing() -> None:
    assert people_missing(replace(STEP, digest="other", approvals=(yes("alice"),))) == 1


def test_a_yes_grows_old() -> None:
    approved = replace(STEP, approvals=(yes("alice", at=100.0),))
    assert still_valid(approved, 100.0 + VALID_S)
    assert not still_valid(approved, 101.0 + VALID_S)
    assert not still_valid(STEP, 0.0)


@pytest.mark.parametrize(
    ("run", "step", "digest", "by", "because"),
    [
        (replace(RUN, state=RunState.STOPPED), STEP, STEP.digest, "alice", "The run is stopped"),
        (RUN, replace(STEP, state=StepState.DONE), STEP.digest, "alice", "it is done"),
        (RUN, STEP, "0" * 64, "alice", "has changed since you looked"),
        (RUN, STEP, STEP.digest, "  ", "needs the name"),
        (RUN, replace(STEP, approvals=(yes("alice"),)), STEP.digest, "alice", "has said yes already"),
    ],
)
def test_a_yes_that_may_not_be_given_is_refused_with_the_reason(
    run: Run, step: StepRecord, digest: str, by: str, because: str
) -> None:
    with pytest.raises(Refused, match=because):
        permit(run, step, digest=digest, by=by)
    assert permit(RUN, STEP, digest=STEP.digest or "", by="bob") is None  # type: ignore[func-returns-value]
