"""What people really did with each step, over all runs: pure counting over records."""

from collections import Counter
from collections.abc import Iterable, Sequence
from statistics import median

from stanch.model.record import record
from stanch.model.run import Run, StepRecord, StepState
from stanch.response.slots import is_secret

REPORTED = "Reported done by "
"""How the reason of a step begins that a person reported (`response.runs.complete`)."""


@record
class ByHand:
    """What a person reported in the place of what the step has: their words, in which run, of which incident."""

    run_id: str
    incident_id: str
    text: str


@record
class Used:
    """A value of a slot and in how many runs it was filled in."""

    name: str
    placeholder: str
    value: str
    times: int


@record
class Practice:
    """One step of a procedure over all runs. `times` counts the runs in which it came to an end or to `unknown`.

    `median_s` is of those that were done, from start to end. `late` counts those that ended after their time box, of
    `boxed`; `longest_s` is the latest end, from the start of its run. `outputs` are the first lines of what it printed
    where it was done with exit status 0, one a run. `incidents` are those it was part of, oldest first.
    """

    key: str
    text: str
    times: int
    done: int
    failed: int
    skipped: int
    unknown: int
    median_s: float | None
    boxed: int = 0
    late: int = 0
    longest_s: float | None = None
    by_hand: tuple[ByHand, ...] = ()
    values: tuple[Used, ...] = ()
    outputs: tuple[str, ...] = ()
    incidents: tuple[str, ...] = ()


def practice(runs: Iterable[Run]) -> dict[str, Practice]:
    """By the step's key; steps that never came to anything are left out."""
    found: dict[str, list[tuple[Run, StepRecord]]] = {}
    for run in sorted(runs, key=lambda each: each.started_at):
        for step in run.steps:
            if (step.state.is_over or step.state is StepState.UNKNOWN) and not _was_another_way(step):
                found.setdefault(step.key, []).append((run, step))
    return {key: _counted(key, each) for key, each in found.items()}


def _was_another_way(step: StepRecord) -> bool:
    """Left out because its branch was not taken, or its run was stopped before: that says nothing of the step."""
    because = step.because or ""
    return step.state is StepState.SKIPPED and not because.startswith("Skipped by ")


def _counted(key: str, found: Sequence[tuple[Run, StepRecord]]) -> Practice:
    states = Counter(step.state for _, step in found)
    done = [(run, step) for run, step in found if step.state in {StepState.DONE, StepState.UNDONE}]
    spent = [
        step.ended_at - step.started_at for _, step in done if step.ended_at is not None and step.started_at is not None
    ]
    boxed = [(run, step) for run, step in done if step.due_s is not None and step.ended_at is not None]
    ends = [(step.ended_at or 0.0) - run.started_at for run, step in boxed]
    late = sum(end > (step.due_s or 0.0) for end, (_, step) in zip(ends, boxed, strict=True))
    return Practice(
        key=key,
        text=found[-1][1].text,
        times=len(found),
        done=len(done),
        failed=states[StepState.FAILED],
        skipped=states[StepState.SKIPPED],
        unknown=states[StepState.UNKNOWN],
        median_s=median(spent) if spent else None,
        boxed=len(boxed),
        late=late,
        longest_s=max(ends, default=None),
        by_hand=tuple(
            ByHand(run_id=run.id, incident_id=run.incident_id, text=step.output.strip())
            for run, step in done
            if step.command is not None and step.output and (step.because or "").startswith(REPORTED)
        ),
        values=_values(found),
        outputs=tuple(
            _first_line(step.output)
            for _, step in done
            if step.exit_status == 0 and not (step.because or "").startswith(REPORTED)
        ),
        incidents=tuple(dict.fromkeys(run.incident_id for run, _ in found)),
    )


def _values(found: Sequence[tuple[Run, StepRecord]]) -> tuple[Used, ...]:
    used = Counter(
        (filled.name, next((slot.placeholder for slot in step.slots if slot.name == filled.name), ""), filled.value)
        for _, step in found
        for filled in step.filled
        if not any(slot.name == filled.name and is_secret(slot) for slot in step.slots)
    )
    return tuple(
        Used(name=name, placeholder=placeholder, value=value, times=times)
        for (name, placeholder, value), times in used.most_common()
    )


def _first_line(output: str | None) -> str:
    return next((line.strip() for line in (output or "").splitlines() if line.strip()), "")
