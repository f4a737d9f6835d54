"""What holds after any number of crashes, wherever they fell."""

import itertools

from stanch.incidents import timeline
from stanch.model.incident import EventKind
from stanch.model.risk import Risk
from stanch.model.run import RunState, StepState
from stanch.response import rows
from stanch.response.action import Remedy
from stanch.response.settling import MOST_ATTEMPTS

ENDS = {EventKind.STEP_DONE, EventKind.STEP_SKIPPED, EventKind.STEP_UNDONE}


async def hold(stage) -> None:
    """Asserts all of them on a stage whose run has ended.

    A step that only reads and took its process down three times is given up; everything else is done.
    """
    run = await stage.run()
    events = await stage.events()
    assert run.state is RunState.FINISHED, run
    assert run.holder is None
    given_up = [step for step in run.steps if step.state is StepState.FAILED and step.attempt == MOST_ATTEMPTS]
    assert all(step.risk is Risk.READ_ONLY for step in given_up), given_up
    done = [step for step in run.steps if step not in given_up]
    assert {step.state for step in done} == {StepState.DONE}, [(step.key, step.state, step.because) for step in done]
    assert await stage.real.read(timeline.verify) == ()
    assert [event.kind for event in events].count(EventKind.RUN_STARTED) == 1
    assert [event.kind for event in events].count(EventKind.RUN_FINISHED) == 1
    for step in done:
        mine = [event for event in events if event.data.get("step") == step.key]
        kinds = [event.kind for event in mine]
        assert kinds.count(EventKind.STEP_DONE) == 1, (step.key, kinds)
        # Nothing that was recorded as done was ever begun again, and every beginning was recorded with its number.
        assert EventKind.STEP_STARTED not in kinds[kinds.index(EventKind.STEP_DONE) :], (step.key, kinds)
        begun = [event.data["attempt"] for event in mine if event.kind is EventKind.STEP_STARTED]
        assert begun == list(range(1, step.attempt + 1)), (step.key, begun)
    _acts_once(stage, done)
    said = [event for event in events if event.kind is EventKind.NOTE and event.data["text"].startswith("said: ")]
    assert len(said) == sum(step.type == "message" for step in run.steps)
    await _controls_agree(stage, events)


def _acts_once(stage, steps) -> None:
    """Every mutating act took effect once: a second beginning only after the first was seen undone or absent."""
    for step in steps:
        if step.action in {"build", "wipe"}:
            thing = f"{step.action}-{step.key}"
            # What says that it may be done again over its own half is begun again without an undo.
            again = {"begun"} if stage.actions[step.action].remedy is Remedy.DO_AGAIN else set()
            journal = [line.removeprefix(f"{thing}: ") for line in stage.world.journal() if line.startswith(thing)]
            assert journal.count("built") == 1, (thing, journal)
            for before, after in itertools.pairwise(journal):
                allowed = {"begun": {"built", "undone", *again}, "built": set(), "undone": {"begun", "undone"}}[before]
                assert after in allowed, (thing, journal)
        elif step.type == "command" and step.risk == "mutating":
            assert stage.world.count(f"{step.key}: ran") == 1, (step.key, stage.world.journal())
        elif step.action == "look" or step.type == "command":
            word = "looked" if step.action == "look" else "ran"
            assert 1 <= stage.world.count(f"{step.key}: {word}") <= step.attempt, stage.world.journal()


async def _controls_agree(stage, events) -> None:
    live = await stage.real.read(lambda connection: rows.list_controls(connection, only_live=True))
    held = await stage.guard.in_force()
    assert {control.id for control in live} == {control.id for control in held}
    applied = [event.data["control"] for event in events if event.kind is EventKind.CONTROL_APPLIED]
    assert len(applied) == len(set(applied))
    assert set(applied) >= {control.id for control in live}
