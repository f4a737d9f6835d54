"""A dry run of a procedure: what would run, what it would ask, and what stays by hand, and why."""

from dataclasses import replace

import pytest

from stanch.model.plan import Procedure
from stanch.model.problem import NotFound, Refused
from stanch.model.risk import Risk
from stanch.playbook.compile import compile_playbooks
from stanch.response.branches import Beside, Choice
from stanch.response.evidence import Offer
from stanch.response.expansion import expand
from stanch.response.identities import Identity
from stanch.response.preview import named, preview
from stanch.response.principals import Principals
from stanch.response.slots import filled
from stanch.response.ways import Means

PLAYBOOK = """# Service runbook

## Bad release

### Immediate Actions (0-5 minutes)

```bash
kubectl -n shop get pods
# Expected: `Running`
kubectl -n shop rollout undo deployment/api
kubectl -n shop exec -it api-0 -- sh
helm rollback api <revision>
```

1. Verify error rate < 1%
2. Call the vendor

### Option A: grow

```bash
kubectl -n shop scale deployment/api --replicas=9
```

### Option B: shed

```bash
redis-cli FLUSHALL
```

## Bad database

1. Do these in parallel:
   - Page the DBA
   - Look at the dashboards

```sql
UPDATE jobs SET state = 'held';
```
"""

MEANS = Means(actions=frozenset(), can_query=True, can_tell=True, can_measure=True)


@pytest.fixture(scope="module")
def plan():
    return compile_playbooks([("shop.md", PLAYBOOK.encode())])


def steps_of(plan, name: str):
    return {step.text.split(" -")[0] if not step.command else step.command: step for step in preview(named(plan, name), plan, MEANS).steps}  # fmt: skip  # noqa: E501


def test_what_reads_goes_by_itself_and_its_output_is_compared(plan) -> None:
    step = steps_of(plan, "bad release")["kubectl -n shop get pods"]
    assert (step.way, step.people, step.who) == ("command", 0, "It goes by itself.")
    assert step.verified == "Its output is compared: `Running`"
    assert step.target["namespace"] == "shop"
    assert (step.begins_s, step.due_s, step.timebox_s) == (0.0, 300.0, 300.0)


def test_what_changes_shows_whom_it_asks_its_proof_its_undo_and_the_tools_dry_run(plan) -> None:
    step = steps_of(plan, "bad release")["kubectl -n shop rollout undo deployment/api"]
    assert (step.people, step.who) == (1, "One person must say yes.")
    assert "rollout status deployment/api --timeout=120s` must end well" in step.verified
    assert step.undone == "On a stop: roll deployment/api out again at the revision that it had."
    assert step.dry_run is not None
    assert step.dry_run.text == "kubectl -n shop rollout undo deployment/api --dry-run=server"


def test_what_needs_a_terminal_or_values_or_a_person_says_so(plan) -> None:
    steps = steps_of(plan, "bad release")
    terminal = steps["kubectl -n shop exec -it api-0 -- sh"]
    assert terminal.way == "by hand"
    assert terminal.by_hand
    filled = steps["helm rollback api <revision>"]
    assert [place.placeholder for place in filled.slots] == ["<revision>"]
    assert filled.dry_run is None
    assert steps["Call the vendor"].by_hand == "The playbook leaves it to a person."


def test_a_signal_is_watched(plan) -> None:
    step = steps_of(plan, "bad release")["Verify error rate < 1%"]
    assert step.way == "signal"
    assert step.verified.startswith("error rate < 1%")


def test_options_are_chosen_and_what_destroys_asks_two(plan) -> None:
    steps = steps_of(plan, "bad release")
    flush = steps["redis-cli FLUSHALL"]
    assert (flush.risk, flush.people) == (Risk.DESTRUCTIVE, 2)
    assert flush.decided_by == "A person chooses one of: Option A: grow; Option B: shed."
    assert flush.undone == "Stanch knows no way to put this back."


def test_steps_side_by_side_and_a_statement_that_is_planned(plan) -> None:
    found = preview(named(plan, "bad-database"), plan, MEANS)
    groups = [step.beside for step in found.steps]
    assert groups[0] is not None
    assert groups == [groups[0], groups[0], None]
    assert found.steps[2].dry_run is not None
    assert found.steps[2].dry_run.statement == "EXPLAIN UPDATE jobs SET state = 'held'"


def test_the_counts_are_those_of_the_steps(plan) -> None:
    for procedure in plan.of(Procedure):
        found = preview(procedure, plan, MEANS)
        fill_in = sum(step.way == "fill in" and step.people == 0 for step in found.steps)
        assert found.by_themselves + found.asked + found.by_hand == len(found.steps)
        assert fill_in == 0


def test_a_procedure_is_named_by_its_key_its_name_or_a_part_that_is_its_own(plan) -> None:
    assert named(plan, "Bad Database").key == "bad-database"
    assert named(plan, "database").key == "bad-database"
    with pytest.raises(NotFound):
        named(plan, "network")
    with pytest.raises(Refused):
        named(plan, "bad")


def test_each_step_says_as_whom_it_would_act(plan) -> None:
    principals = Principals(
        reading=Identity(kube_context="reader"),
        environment={"KUBECONFIG": "/etc/kube/ops"},
        context_of=lambda _: "admin",
        database="PostgreSQL role reader of [postgres.shop], which may only read",
    )
    found = [
        preview(named(plan, name), plan, replace(MEANS, identity=principals.reading), principals=principals)
        for name in ("bad release", "bad database")
    ]
    whom = {step.command or step.text: step.acts_as for each in found for step in each.steps}
    assert whom["kubectl -n shop get pods"] == "kube context reader, which may only read"
    assert whom["kubectl -n shop rollout undo deployment/api"] == "kube context admin of /etc/kube/ops"
    assert whom["helm rollback api <revision>"] == "kube context admin of /etc/kube/ops"
    assert whom["kubectl -n shop exec -it api-0 -- sh"] is None
    assert whom["Call the vendor"] is None
    assert whom["redis-cli FLUSHALL"] == "Redis user default"


def test_the_shape_holds_every_step_once_and_its_ways_and_what_goes_side_by_side(plan) -> None:
    release, database = (preview(named(plan, name), plan, MEANS) for name in ("bad release", "bad database"))
    *straight, choice = release.shape
    assert straight == [step.key for step in release.steps if step.condition is None]
    assert isinstance(choice, Choice)
    assert [condition for condition, _ in choice.ways] == ["Option A: grow", "Option B: shed"]
    assert [key for _, keys in choice.ways for key in keys] == [step.key for step in release.steps if step.condition]
    beside, last = database.shape
    assert isinstance(beside, Beside)
    assert [*beside.keys, last] == [step.key for step in database.steps]


def test_a_run_is_shown_as_it_stands_with_its_values(plan) -> None:
    procedure = named(plan, "bad release")
    steps = list(expand("1.1", procedure, now=0.0))
    at = next(place for place, step in enumerate(steps) if step.slots)
    offers = {steps[at].key: (Offer(name="revision", value="7", origin="what ran before"),)}
    before = preview(procedure, plan, MEANS, steps=steps, offers=offers).steps[at]
    assert (before.state, before.statement) == ("waiting", None)
    assert before.slots[0].offers == (("7", "what ran before"),)
    steps[at] = filled(steps[at], {"revision": "7"}, by="rita", at=0.0, origins={})
    after = preview(procedure, plan, MEANS, steps=steps).steps[at]
    assert after.statement == "helm rollback api 7"
    assert after.slots[0].value == "7"
    assert after.dry_run is not None
    assert after.dry_run.text.startswith("helm rollback api 7 --dry-run")


def test_whose_yes_is_said_where_one_is_asked(plan) -> None:
    found = preview(named(plan, "bad release"), plan, MEANS, approvers=lambda _: ("Release manager",))
    assert {step.approvers for step in found.steps if step.people} == {("Release manager",)}
    assert {step.approvers for step in found.steps if not step.people} == {()}
