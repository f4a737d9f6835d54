"""From a procedure of the plan to the steps of a run. Pure."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from stanch.model.plan import Procedure, Step, StepKind
from stanch.model.risk import Rating, Risk, worst
from stanch.model.run import StepRecord, StepState
from stanch.model.signal import Signal
from stanch.response.expectation import is_understood
from stanch.response.transitions import WATCHES, WHEN
from stanch.response.watching import to_document, watched


def expand(run_id: str, procedure: Procedure, *, now: float, signals: Sequence[Signal] = ()) -> tuple[StepRecord, ...]:
    """The steps of a procedure as records, in order, with the keys they have in the plan. Pure.

    A key that stands twice (the same text under the same heading) gets its place among its equals: `key~2`.
    `signals` are those that the playbooks define beside the catalogue's.
    """
    seen: dict[str, int] = {}
    records = []
    for ordinal, step in enumerate(procedure.steps):
        seen[step.key] = seen.get(step.key, 0) + 1
        key = step.key if seen[step.key] == 1 else f"{step.key}~{seen[step.key]}"
        records.append(replace(_record(run_id, key, ordinal, step, now), progress=_measured(step, tuple(signals))))
    return tuple(records)


def _record(run_id: str, key: str, ordinal: int, step: Step, now: float) -> StepRecord:
    rating = step.rating
    risk = step.risk if rating is None else worst(step.risk, rating.risk)
    if step.command is not None and rating is None:
        risk = worst(risk, Risk.MUTATING)  # a command that nobody rated is never taken for read-only
    return StepRecord(
        run_id=run_id,
        key=key,
        ordinal=ordinal,
        type=step.type,
        text=step.text,
        risk=risk,
        state=StepState.WAITING,
        command=step.command,
        language=step.language,
        pipeline=None if rating is None else rating.pipeline,
        target={} if rating is None else rating.target,
        traits=frozenset() if rating is None else rating.traits,
        action=step.action,
        parameters=dict(step.parameters),
        owner=step.owner,
        phase=step.phase,
        parallel=step.parallel,
        condition=step.condition,
        expects=step.expects,
        slots=step.slots,
        timebox_s=step.timebox_s,
        not_before=None if step.not_before_s is None else now + step.not_before_s,
        due_s=step.due_s,
        why=None if rating is None else _why(rating),
        source=step.source,
    )


def _measured(step: Step, signals: Sequence[Signal]) -> dict[str, Any]:
    """What of a step is decided by a signal: when it is done, and whether its branch is taken."""
    progress = {}
    expects = step.expects if step.expects is not None and not is_understood(step.expects) else None
    if step.type is StepKind.CHECK and step.command is None:
        expects = step.text
    if expects is not None and (rule := watched(expects, step.source, signals)) is not None:
        progress[WATCHES] = to_document(rule)
    if step.condition is not None and (rule := watched(step.condition, step.source, signals)) is not None:
        progress[WHEN] = to_document(rule)
    return progress


def _why(rating: Rating) -> str | None:
    parts = [f"`{reason.text}` is {reason.risk}" for reason in rating.because if reason.risk is not Risk.READ_ONLY]
    return "; ".join([*parts, *([rating.hint] if rating.hint else [])]) or None
