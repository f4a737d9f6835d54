"""What the page of a dry run says of each step, and in which stages."""

from dataclasses import replace

from response_stage import act, command, manual, procedure
from response_stage import plan as plan_of
from stanch.model.risk import Risk
from stanch.model.run import StepState
from stanch.response.expansion import expand
from stanch.response.native import Tried
from stanch.response.preview import preview
from stanch.response.ways import Means
from stanch.web.views.procedure import TrialView, build

MEANS = Means(actions=frozenset({"build"}))
WIPE = command("wipe", ("rm", "-r", "door"), risk=Risk.DESTRUCTIVE)
LOOK = command("look", ("ls",))


def built(*steps, run=None, tried=None, approvers=lambda _: ()):
    one = procedure(*(replace(step, key=f"k{number}") for number, step in enumerate(steps)))
    plan = plan_of(one)
    records = None if run is None else run(expand("1.1", one, now=0.0))
    seen = preview(one, plan, MEANS, steps=records, approvers=approvers)
    return build(seen, plan, trial=TrialView(total=0), tried=lambda step: (tried or {}).get(step.key))


def test_steps_stand_under_their_phase_and_their_condition_and_who_decides_is_said_once() -> None:
    ways = [replace(LOOK, phase=f"Option {each}", condition=f"Option {each}") for each in "AB"]
    found = built(replace(LOOK, phase="Look"), *ways, replace(LOOK, condition="If the queue is long:"))
    assert [(stage.title, len(stage.steps)) for stage in found.stages] == [
        ("Look", 1),
        ("Option A", 1),
        ("Option B", 1),
        ("If the queue is long", 1),
    ]
    chooses = "A person chooses one of: Option A; Option B."
    assert [stage.note for stage in found.stages] == ["", chooses, "", "A person says whether it holds."]


def test_a_step_says_whom_it_asks_for_how_long_and_beside_which() -> None:
    timed = replace(WIPE, timebox_s=300.0, not_before_s=300.0, due_s=900.0)
    beside = [replace(manual("a"), parallel="g"), replace(manual("b"), parallel="g", owner="DBA")]
    found = built(timed, *beside, approvers=lambda _: ("Release lead", "CTO"))
    wiping, first, second = (dict(step.facts) for stage in found.stages for step in stage.steps)
    assert wiping["Approved by"] == "2 different people, each with a reason: Release lead or CTO"
    assert wiping["Time"] == "begins after 5 min, done 15 min after the start, at most 5 min"
    assert (first["Side by side"], second["Side by side"]) == ("with 3", "with 2")
    assert second["Done by"] == "DBA"
    assert [number for number, _, _ in found.by_hand] == [2, 3]


def test_of_a_run_each_step_says_where_it_stands_and_an_action_what_it_proposed() -> None:
    def proposed(steps):
        return (
            replace(steps[0], state=StepState.DONE),
            replace(
                steps[1],
                state=StepState.PROPOSED,
                statement="CREATE INDEX a",
                undo="DROP INDEX a",
                acts_as="PostgreSQL role x",
            ),
        )

    found = built(LOOK, act("index"), run=proposed)
    looked, index = (step for stage in found.stages for step in stage.steps)
    assert (looked.state, index.state, index.command) == ("done", "proposed", "CREATE INDEX a")
    assert dict(index.facts)["Put back"] == "On a stop: `DROP INDEX a`."
    assert dict(index.facts)["Acts as"] == "PostgreSQL role x"
    assert not found.startable


def test_what_was_tried_stands_with_its_step() -> None:
    came = Tried(well=False, because="forbidden", output="")
    found = built(LOOK, WIPE, tried={"k1": came})
    assert [step.tried for stage in found.stages for step in stage.steps] == [None, came]
