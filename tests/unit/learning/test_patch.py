"""Which habits become a change of the playbook, as cases that fire and cases that stay silent, and how each is read."""

from dataclasses import replace

import pytest

from playbook_reading import plan_of
from stanch.learning.patch import Typed, propose
from stanch.learning.practice import practice
from stanch.model.plan import Slot, Step, StepKind
from stanch.model.risk import Risk
from stanch.model.run import Filled, Run, RunState, StepRecord, StepState

BOOK = """
    # Shop

    ## Response procedure for P1

    1. Warm the caches again
    2. Call the provider (5 minutes)
    3. Look at the state

       ```bash
       systemctl is-active shop
       ```

    4. Go back

       ```bash
       helm rollback shop <revision> -n shop
       ```

    ## Notes

    That is all.
    """
PLAN = plan_of(BOOK)
STEPS = {step.key: step for step in PLAN.of(Step)}
CACHES, CALL, STATE, BACK = STEPS.values()


def record(step: Step, run: int, **changes) -> StepRecord:
    whole = StepRecord(
        run_id=f"{run}.1",
        key=step.key,
        ordinal=0,
        type=StepKind.MANUAL if step.command is None else StepKind.COMMAND,
        text=step.text,
        risk=Risk.READ_ONLY,
        state=StepState.DONE,
        command=step.command,
        due_s=step.due_s,
        slots=step.slots,
        started_at=run * 1000.0,
        ended_at=run * 1000.0 + 10.0,
    )
    return replace(whole, **changes)


def runs(count: int, step: Step, *each, **changes) -> list[Run]:
    """So many runs of one step, the same in all but for what `each` says of the first ones."""
    return [
        Run(
            id=f"{number}.1",
            incident_id=str(number),
            plan_hash="",
            procedure="p",
            name="p",
            because="",
            state=RunState.FINISHED,
            epoch=1,
            started_at=number * 1000.0,
            steps=(record(step, number, **{**changes, **(each[number - 1] if number <= len(each) else {})}),),
        )
        for number in range(1, count + 1)
    ]


SKIPPED = {"state": StepState.SKIPPED, "because": "Skipped by ann: no caches"}
LATE = {"ended_at": None}


def filled(value: str) -> dict:
    (slot,) = BACK.slots
    return {"filled": (Filled(name=slot.name, value=value, by="ann", at=1.0, origin="a person"),)}


def printed(output: str, status: int = 0) -> dict:
    return {"output": output, "exit_status": status}


def lates(count: int, after_s: float) -> list[dict]:
    return [{"ended_at": number * 1000.0 + after_s} for number in range(1, count + 1)]


FIRES = [
    (runs(3, CACHES, **SKIPPED), "1. Warm the caches again, if needed"),
    (runs(3, CALL, *lates(3, 610.0)), "2. Call the provider (within 15 minutes)"),
    (runs(4, STATE, **printed("active\n")), "   # Expected: `active`"),
    (runs(3, BACK, **filled("4")), "   > Usually `<revision>` was `4` (3 runs)."),
]
SILENT = [
    runs(2, CACHES, **SKIPPED),
    runs(3, CACHES, {"state": StepState.DONE, "because": None}, **SKIPPED),
    runs(3, CACHES, state=StepState.SKIPPED, because="Not taken. The other way: chosen by ann."),
    runs(3, CALL, *lates(2, 610.0)),
    runs(3, STATE, printed("activating"), **printed("active")),
    runs(3, STATE, **printed("active", status=3)),
    runs(3, STATE, **printed("[redacted]")),
    runs(3, STATE, output="active", exit_status=0, because="Reported done by ann."),
    runs(3, BACK, filled("3"), **filled("4")),
]


def patched(found, *typed: Typed):
    return propose(PLAN.playbooks[0], practice(found), typed, incident="9", now=0.0)


@pytest.mark.parametrize(("found", "line"), FIRES, ids=[line for _, line in FIRES])
def test_a_habit_becomes_one_change_with_its_evidence(found: list[Run], line: str) -> None:
    patch = patched(found)
    added = [each[1:] for each in patch.diff.splitlines() if each.startswith("+") and not each.startswith("+++")]
    assert [each for each in added if each.strip()] == [line]
    assert len(patch.proposed) == 1
    assert f"# - {patch.proposed[0]}" in patch.diff
    assert "incidents 1, 2, 3" in patch.proposed[0]


@pytest.mark.parametrize("found", SILENT, ids=range(len(SILENT)))
def test_what_is_no_habit_changes_nothing(found: list[Run]) -> None:
    assert (patched(found).diff, patched(found).proposed) == ("", ())


def test_a_command_of_the_incident_is_inserted_after_the_step_that_it_followed() -> None:
    patch = patched([], Typed(command="journalctl -u shop -n 50", by="ann", after=STATE.key))
    assert "+   journalctl -u shop -n 50" in patch.diff
    assert "ann ran `journalctl -u shop -n 50`" in patch.diff


@pytest.mark.parametrize("command", ["```", "# Expected: x"])
def test_what_would_be_read_otherwise_is_left_out(command: str) -> None:
    patch = patched([], Typed(command=command, by="ann", after=STATE.key))
    assert (patch.diff, len(patch.left_out)) == ("", 1)


def test_statistics_of_a_step() -> None:
    by_hand = {"output": "ran it on node 2", "because": "Reported done by ann."}
    found = practice(
        runs(
            4,
            STATE,
            by_hand,
            {"state": StepState.FAILED},
            {"state": StepState.UNKNOWN, "ended_at": None},
            **printed("x"),
        )
    )[STATE.key]
    assert (found.times, found.done, found.failed, found.skipped, found.unknown) == (4, 2, 1, 0, 1)
    assert found.median_s == 10.0
    assert [(each.run_id, each.text) for each in found.by_hand] == [("1.1", "ran it on node 2")]
    assert found.incidents == ("1", "2", "3", "4")
    assert isinstance(BACK.slots[0], Slot)
