"""Runs as people handle them: started, looked at, approved, skipped, taken over by hand, stopped.

Every function is a unit of work: the change of the rows and its event on the timeline are one transaction, and the
runner is woken when it is committed. What is not allowed now raises `Refused` and changes nothing.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, func, select, update

from stanch.incidents import lifecycle, timeline
from stanch.model.incident import EventKind, Incident
from stanch.model.plan import Plan, Procedure, StepKind
from stanch.model.problem import NotFound, Refused
from stanch.model.risk import Risk
from stanch.model.run import Approval, Run, RunState, StepRecord, StepState
from stanch.response import redaction, rows, slots
from stanch.response.approvals import (
    Broken,
    digest_of,
    people_missing,
    permit,
    permit_alone,
    standing,
)
from stanch.response.approvers import Approvers
from stanch.response.evidence import Offer
from stanch.response.expansion import expand
from stanch.response.matching import Matched, NoneMatched, match_procedure
from stanch.response.transitions import BRANCH, BY_HAND, CHOICE, LASTING, TAKEN
from stanch.store import entering
from stanch.store.numbering import take_turns
from stanch.store.tables import run as run_table
from stanch.store.wake import wake

TOPIC = "runs"

_PATTERNS = redaction.Redactor()

GATE_S = 300.0
"""Seconds after which the question before a run is asked of more people."""
TAKEN_S = 900.0
"""Seconds that a step which somebody has taken over may take before more people hear of it."""


def start(
    connection: Connection,
    incident: Incident,
    procedure: Procedure,
    plan: Plan,
    *,
    now: float,
    because: str,
    gate: str | None = None,
    by: str = "stanch",
) -> Run:
    """Begin a run of `procedure`; `because` says why this one. Where one of it is going on already, that one.

    With a `gate`, nothing of it begins before a person has answered that question with yes.
    """
    take_turns(connection, f"runs of {incident.id}")
    same = (run_table.c.incident_id == incident.id) & (run_table.c.procedure == procedure.key)
    still = same & run_table.c.state.in_((RunState.RUNNING.value, RunState.STOPPING.value))
    going_on = connection.execute(select(run_table.c.id).where(still)).scalar_one_or_none()
    if going_on is not None:
        return rows.get_run(connection, going_on)
    counted = select(func.count()).select_from(run_table).where(run_table.c.incident_id == incident.id)
    run_id = f"{incident.id}.{connection.execute(counted).scalar_one() + 1}"
    record = Run(
        id=run_id,
        incident_id=incident.id,
        plan_hash=plan.hash,
        procedure=procedure.key,
        name=procedure.name,
        because=because,
        state=RunState.RUNNING,
        epoch=0,
        wake_at=now,
        started_at=now,
        steps=expand(run_id, procedure, now=now, signals=plan.signals),
    )
    if gate is not None:
        record = replace(record, steps=(_gate(record, gate, now), *record.steps))
    rows.insert_run(connection, record)
    data = {"run": run_id, "procedure": procedure.name, "because": because}
    timeline.append(connection, incident.id, EventKind.RUN_STARTED, data, now=now, actor=by)
    if gate is not None:
        asked = record.steps[0]
        question: dict[str, Any] = {
            "run": run_id,
            "step": asked.key,
            "text": asked.text,
            "digest": asked.digest,
            "risk": Risk.READ_ONLY,
            "why": because,
            "by_hand": False,
            "choice": gate,
        }
        timeline.append(connection, incident.id, EventKind.STEP_PROPOSED, question, now=now)
    wake(connection, TOPIC)
    return record


def _gate(run: Run, question: str, now: float) -> StepRecord:
    """The question before a run as its first step; answered with no, all others are skipped."""
    key = f"{run.procedure}/begin"
    option = {"key": key, "text": run.name, "keys": [step.key for step in run.steps]}
    asked = StepRecord(
        run_id=run.id,
        key=key,
        ordinal=-1,
        type=StepKind.MANUAL,
        text=f"Begin '{run.name}'",
        risk=Risk.READ_ONLY,
        state=StepState.PROPOSED,
        because=run.because,
        due_at=now + GATE_S,
        asked=1,
        progress={CHOICE: {"question": question, "options": [option]}, BY_HAND: False},
    )
    return replace(asked, digest=digest_of(asked, plan_hash=run.plan_hash, environment=()))


def start_named(
    connection: Connection, incident_id: str, procedure: Procedure, plan: Plan, *, by: str, reason: str, now: float
) -> Run:
    """A person begins a procedure of the incident's plan, beside what is going on. Raises NotFound, Refused."""
    _must_be_named(by)
    incident = lifecycle.get(connection, incident_id)
    if incident.status.is_over:
        raise Refused(
            f"Incident {incident_id} is over.",
            hint="Nothing was started. Reopen it first, if it is not over after all.",
        )
    if not procedure.steps:
        raise Refused(
            f"'{procedure.name}' has no steps.", hint="Nothing was started. `stanch check` says what was read."
        )
    take_turns(connection, f"runs of {incident_id}")
    mine = rows.list_runs(connection, incident_id=incident_id, only_open=True)
    same = next((run for run in mine if run.procedure == procedure.key), None)
    if same is not None:
        raise Refused(
            f"'{procedure.name}' is going on already, as run {same.id}.",
            hint="Nothing was started. Stop that one first.",
        )
    because = f"{by}: {reason.strip()}" if reason.strip() else f"{by} started it"
    return start(connection, incident, procedure, plan, now=now, because=because, by=by)


def start_matching(
    connection: Connection,
    incident: Incident,
    plan: Plan,
    *,
    signals: Collection[str],
    now: float,
) -> Run | NoneMatched:
    """Begin a run of the procedure that answers `incident`; `signals` are those of its rules.

    Where none does, nothing is written, and what is returned says why.
    """
    causes = [finding["cause"] for finding in incident.findings]
    match match_procedure(plan, severity=incident.severity, signals=signals, causes=causes):
        case Matched() as chosen:
            return start(connection, incident, chosen.procedure, plan, now=now, because=chosen.because)
        case NoneMatched() as none:
            return none


def get(connection: Connection, run_id: str) -> Run:
    """Raises NotFound."""
    return rows.get_run(connection, run_id)


def listing(connection: Connection, *, incident_id: str | None = None, only_open: bool = False) -> tuple[Run, ...]:
    """Runs with their steps, the newest first."""
    return rows.list_runs(connection, incident_id=incident_id, only_open=only_open)


def fill(
    connection: Connection,
    run_id: str,
    step_key: str,
    values: Mapping[str, str],
    *,
    by: str,
    now: float,
    offered: Iterable[Offer] = (),
) -> StepRecord:
    """A person's values for the places of a command. What was said to it before is forgotten: it is asked anew.

    `values` are by the slot's name or its placeholder; `offered` are those that evidence gave, by which the record
    says where a value came from. Raises NotFound; Refused with every fault.
    """
    run, step = _locked(connection, run_id, step_key)
    _must_run(run)
    _must_be_named(by)
    if step.state not in {StepState.WAITING, StepState.PROPOSED, StepState.APPROVED}:
        raise Refused(
            f"'{step.text}' is {step.state}; a step is filled in before it begins.", hint="Nothing was changed."
        )
    if is_choice(step):
        raise Refused(
            f"It is asked first which way the run goes: '{step.text}'.",
            hint="Nothing was changed. Answer that; then it is filled in.",
        )
    if not step.slots:
        raise Refused(f"'{step.text}' has no places to fill in.", hint="Nothing was changed.")
    for name, value in values.items():
        if entering.holds_secret(connection, value):
            raise Refused(
                f"The value for {name} is a secret of Stanch's own settings, which is never stored.",
                hint="Nothing was changed. Have the command read it from a variable of [commands.environment], or "
                "take the step over by hand.",
            )
    origins = {(offer.name, offer.value): offer.origin for offer in offered}
    filled = slots.filled(step, values, by=by, at=now, origins=origins)
    shown = slots.preview(filled)
    by_name = {slot.name: slot.placeholder for slot in reversed(step.slots)}
    fresh = {each.name for each in filled.filled if each not in step.filled}
    new = [each for each in slots.shown(filled).filled if each.name in fresh]
    told = [
        {"name": each.name, "placeholder": by_name[each.name], "value": each.value, "origin": each.origin}
        for each in new
    ]
    data = {"values": told, "statement": shown.statement, "risk": shown.risk, "raised": shown.raised}
    _tell(connection, run, EventKind.STEP_FILLED, step, now=now, by=by, **data)
    rows.forget_approvals(connection, run_id, step_key)
    # The count goes up with it: what a runner read before it was filled in no longer stands.
    after = replace(
        filled,
        state=StepState.WAITING,
        asked=step.asked + 1,
        digest=None,
        statement=None,
        acts_as=None,
        due_at=None,
        because=None,
        approvals=(),
    )
    return _move(connection, run, step, after, now)


def approve(
    connection: Connection,
    run_id: str,
    step_key: str,
    digest: str,
    *,
    by: str,
    reason: str,
    now: float,
    approvers: Approvers | None = None,
    via: str = "",
) -> StepRecord:
    """One person's yes to what is proposed. With the last one that is needed, the step goes.

    For a step that is done by hand a yes says that it was done. `approvers` says whose yes counts; without it anybody's
    does. `via` says how it was given, where not by the person's own login. Raises NotFound, Refused.
    """
    run, step = _locked(connection, run_id, step_key)
    if is_choice(step):
        permit(run, replace(step, slots=(), risk=Risk.READ_ONLY), digest=digest, by=by)
        return choose(connection, run_id, step_key, by=by, reason=reason, now=now)
    step = _without_old(connection, step, now)
    reason = _said(connection, reason)
    permit(run, step, digest=digest, by=by, reason=reason)
    if approvers is not None and not is_by_hand(step):
        because = approvers.refusal(lifecycle.get(connection, run.incident_id), step, by)
        if because is not None:
            raise Refused(
                because, hint="Nothing was started. Where none of them can be reached, a responder can break the glass."
            )
    given = Approval(run_id=run_id, step_key=step_key, digest=digest, by=by, at=now, reason=reason)
    rows.insert_approval(connection, given)
    how = {"via": via} if via else {}
    _tell(connection, run, EventKind.STEP_APPROVED, step, now=now, by=by, digest=digest, reason=reason, **how)
    said = replace(step, approvals=(*step.approvals, given))
    if people_missing(said):
        return said
    if is_by_hand(step) and step.state is StepState.PROPOSED:
        return complete(connection, run_id, step_key, by=by, note=reason, now=now)
    return _move(connection, run, said, replace(said, state=StepState.APPROVED, due_at=None), now)


Alarm = Callable[[Connection, Incident, Broken, float], None]
"""Tells people that the glass was broken, in the transaction that says so."""


def break_glass(
    connection: Connection,
    run_id: str,
    step_key: str,
    digest: str,
    *,
    by: str,
    reason: str,
    typed: str,
    now: float,
    alarm: Alarm | None = None,
) -> StepRecord:
    """One person approves alone what more people, or others, should have: typed out, with a reason, and with an alarm.

    Raises NotFound, Refused.
    """
    run, step = _locked(connection, run_id, step_key)
    if is_choice(step):
        raise Refused("It is asked which way the run goes, not for an approval.", hint="Nothing was changed.")
    step = _without_old(connection, step, now)
    permit_alone(run, step, digest=digest, by=by, reason=reason, typed=typed)
    reason = _said(connection, reason)
    missing = people_missing(step)
    rows.forget_approvals(connection, run_id, step_key, by=by)
    given = Approval(run_id=run_id, step_key=step_key, digest=digest, by=by, at=now, reason=reason, alone=True)
    rows.insert_approval(connection, given)
    data = {"digest": digest, "reason": reason, "missing": missing, "risk": step.risk, "statement": step.statement}
    _tell(connection, run, EventKind.GLASS_BROKEN, step, now=now, by=by, **data)
    if alarm is not None:
        alarm(connection, lifecycle.get(connection, run.incident_id), Broken(step=step, by=by, reason=reason), now)
    others = tuple(each for each in step.approvals if each.by != by)
    said = replace(step, approvals=(*others, given))
    return _move(connection, run, said, replace(said, state=StepState.APPROVED, due_at=None), now)


def complete(connection: Connection, run_id: str, step_key: str, *, by: str, note: str, now: float) -> StepRecord:
    """A person says that a step was done: by hand (with values of their own), or that an unknown one took effect.

    `note` is what they saw, pasted as it was printed; redacted, it becomes the step's output. Raises NotFound, Refused.
    """
    note = _said(connection, note)
    run, step = _locked(connection, run_id, step_key)
    _must_run(run)
    _must_be_named(by)
    by_hand = step.state is StepState.PROPOSED and (is_by_hand(step) or bool(slots.open_slots(step)))
    if not by_hand and step.state is not StepState.UNKNOWN:
        raise Refused(
            f"'{step.text}' is {step.state}; only a step done by hand, or one of unknown outcome, is reported done.",
            hint="Nothing was changed. Approve it, or skip it with a reason and say what you did.",
        )
    done = replace(
        slots.forgotten(step),
        state=StepState.DONE,
        started_at=step.started_at if step.started_at is not None else now,
        ended_at=now,
        due_at=None,
        output=note or step.output,
        because=f"Reported done by {by}.",
    )
    elapsed = now - (step.started_at if step.started_at is not None else now)
    _tell(connection, run, EventKind.STEP_DONE, step, now=now, by=by, elapsed_s=max(0.0, elapsed), output=note)
    return _move(connection, run, step, done, now)


def skip(connection: Connection, run_id: str, step_key: str, *, by: str, reason: str, now: float) -> StepRecord:
    """Leave a step out, with a reason. Raises NotFound; Refused for one that runs or is over."""
    run, step = _locked(connection, run_id, step_key)
    _must_run(run)
    _must_be_named(by)
    if not reason.strip():
        raise Refused("Skipping a step needs a reason.", hint="Nothing was changed. Say why it is left out.")
    if step.state is StepState.STARTED:
        raise Refused(
            f"'{step.text}' is running.",
            hint="It goes on. Stop the run to end it, or wait for its time box.",
        )
    _must_not_be_over(step)
    if is_choice(step):
        return _decline(connection, run, step, by=by, reason=reason, now=now)
    reason = _said(connection, reason)
    because = f"Skipped by {by}: {reason}"
    _tell(connection, run, EventKind.STEP_SKIPPED, step, now=now, by=by, because=because)
    skipped = replace(slots.forgotten(step), state=StepState.SKIPPED, ended_at=now, due_at=None, because=because)
    return _move(connection, run, step, skipped, now)


def choose(connection: Connection, run_id: str, option: str, *, by: str, reason: str, now: float) -> StepRecord:
    """A person says which way a run goes: the option whose first step is `option` is taken, the others are skipped.

    Raises NotFound; Refused where no such question is asked.
    """
    run = _lock(connection, run_id)
    _must_run(run)
    _must_be_named(by)
    asked = next((step for step in run.steps if is_choice(step) and option in _options(step)), None)
    if asked is None:
        raise Refused(
            f"Run {run_id} does not ask about {option}.",
            hint=f"Nothing was changed. `stanch run show {run_id}` says what it asks.",
        )
    options = _options(asked)
    taken = options[option]
    reason = _said(connection, reason)
    because = f"{taken['text']}: chosen by {by}" + (f": {reason}" if reason else ".")
    _tell(connection, run, EventKind.STEP_DECIDED, asked, now=now, by=by, taken=True, because=because)
    for step in run.steps:
        if step.key == asked.key or step.state.is_over:
            continue
        if step.key in taken["keys"]:
            _must_move(connection, step, replace(step, progress={**step.progress, BRANCH: because}))
        elif any(step.key in other["keys"] for other in options.values()):
            _leave_out(connection, run, step, because=f"Not taken. {because}", by=by, now=now)
    progress = {key: value for key, value in asked.progress.items() if key != CHOICE}
    if asked.key not in taken["keys"] and len(options) == 1:
        # The question before a run is a step of its own.
        done = replace(asked, state=StepState.DONE, ended_at=now, due_at=None, because=because, progress=progress)
        return _move(connection, run, asked, done, now)
    if asked.key in taken["keys"]:
        after = replace(asked, state=StepState.WAITING, due_at=None, digest=None, approvals=(), because=None)
        rows.forget_approvals(connection, run_id, asked.key)
        return _move(connection, run, asked, replace(after, progress={**progress, BRANCH: because}), now)
    skipped = replace(
        asked,
        state=StepState.SKIPPED,
        ended_at=now,
        due_at=None,
        because=f"Not taken. {because}",
        progress=progress,
    )
    _tell(connection, run, EventKind.STEP_SKIPPED, asked, now=now, by=by, because=skipped.because)
    return _move(connection, run, asked, skipped, now)


def _decline(connection: Connection, run: Run, asked: StepRecord, *, by: str, reason: str, now: float) -> StepRecord:
    """The way that begins with the step that asks is not taken; other options are asked about by themselves."""
    declined = _options(asked).get(asked.key)
    keys = set(declined["keys"]) if declined is not None else set()
    text = declined["text"] if declined is not None else asked.text
    because = f"{text}: not taken, by {by}: {_said(connection, reason)}"
    _tell(connection, run, EventKind.STEP_DECIDED, asked, now=now, by=by, taken=False, because=because)
    for step in run.steps:
        if step.key in keys - {asked.key} and not step.state.is_over:
            _leave_out(connection, run, step, because=because, by=by, now=now)
    progress = {key: value for key, value in asked.progress.items() if key != CHOICE}
    after = replace(
        asked, state=StepState.SKIPPED, ended_at=now, due_at=None, because=because, approvals=(), progress=progress
    )
    _tell(connection, run, EventKind.STEP_SKIPPED, asked, now=now, by=by, because=because)
    return _move(connection, run, asked, after, now)


def _leave_out(connection: Connection, run: Run, step: StepRecord, *, because: str, by: str, now: float) -> None:
    if step.state is StepState.STARTED:
        return
    _tell(connection, run, EventKind.STEP_SKIPPED, step, now=now, by=by, because=because)
    skipped = replace(slots.forgotten(step), state=StepState.SKIPPED, ended_at=now, due_at=None, because=because)
    _must_move(connection, step, skipped)


def take_over(connection: Connection, run_id: str, step_key: str, *, by: str, reason: str, now: float) -> StepRecord:
    """A person does a step themselves, also one that would go by itself, and reports what they saw with `complete`.

    Raises NotFound; Refused for one that runs or is over.
    """
    run, step = _locked(connection, run_id, step_key)
    _must_run(run)
    _must_be_named(by)
    if step.state is StepState.STARTED:
        raise Refused(
            f"'{step.text}' is running.", hint="It goes on. Stop the run to end it, or wait for its time box."
        )
    _must_not_be_over(step)
    if step.state is StepState.UNKNOWN or is_choice(step):
        raise Refused(
            f"'{step.text}' is not for doing: people are asked about it.",
            hint="Nothing was changed. Say that it is done, have it done again, or decide.",
        )
    taken = slots.for_people(step)
    because = f"Taken over by {by}" + (f": {_said(connection, reason)}" if reason.strip() else ".")
    after = replace(
        taken,
        state=StepState.PROPOSED,
        owner=by,
        asked=step.asked + 1,
        because=because,
        due_at=now + (step.timebox_s if step.timebox_s is not None else TAKEN_S),
        approvals=(),
        progress={**step.progress, BY_HAND: True, TAKEN: by},
    )
    after = replace(after, digest=digest_of(after, plan_hash=run.plan_hash, environment=()))
    rows.forget_approvals(connection, run_id, step_key)
    _tell(connection, run, EventKind.STEP_TAKEN, step, now=now, by=by, because=because)
    return _move(connection, run, step, after, now)


def again(connection: Connection, run_id: str, step_key: str, *, by: str, reason: str, now: float) -> StepRecord:
    """Have a step that failed, was skipped or came to an unknown outcome tried again, asking people anew.

    Raises NotFound, Refused.
    """
    run, step = _locked(connection, run_id, step_key)
    _must_run(run)
    _must_be_named(by)
    if step.state not in {StepState.FAILED, StepState.SKIPPED, StepState.UNKNOWN}:
        raise Refused(f"'{step.text}' is {step.state}.", hint="Nothing was changed.")
    rows.forget_approvals(connection, run_id, step_key)
    reason = _said(connection, reason)
    text = f"'{step.text}' is to be tried again: {reason}" if reason else f"'{step.text}' is to be tried again."
    timeline.append(connection, run.incident_id, EventKind.NOTE, {"text": text}, now=now, actor=by)
    progress = {key: value for key, value in step.progress.items() if key in LASTING | {slots.GIVEN_RISK}}
    fresh = replace(
        step,
        state=StepState.WAITING,
        because=None,
        ended_at=None,
        due_at=None,
        digest=None,
        approvals=(),
        progress=progress,
    )
    return _move(connection, run, step, fresh, now)


def stop(connection: Connection, run_id: str, *, by: str, reason: str, now: float, undo: bool = False) -> Run:
    """End a run: what is in flight is cut and verified, what waits is skipped.

    With `undo`, what was done and can be undone is put back, the last first. Raises NotFound, Refused.
    """
    run = _lock(connection, run_id)
    _must_run(run)
    _must_be_named(by)
    if not reason.strip():
        raise Refused("Stopping a run needs a reason.", hint="Nothing was changed. Say why it is stopped.")
    reason = _said(connection, reason)
    stopping = {
        "state": RunState.STOPPING.value,
        "stop_by": by,
        "stop_because": reason,
        "stop_undo": undo,
        "wake_at": now,
    }
    connection.execute(update(run_table).where(run_table.c.id == run_id).values(stopping))
    data = {"run": run_id, "by": by, "because": reason, "undo": undo}
    timeline.append(connection, run.incident_id, EventKind.RUN_STOPPED, data, now=now, actor=by)
    wake(connection, TOPIC)
    return rows.get_run(connection, run_id)


def _said(connection: Connection, text: str) -> str:
    """What a person says, or pasted as a terminal showed it to them, as it may be kept."""
    return _PATTERNS(entering.text(connection, text))


def is_by_hand(step: StepRecord) -> bool:
    """Whether what was asked is for a person to do, not for them to allow."""
    return step.progress.get(BY_HAND) is True


def is_choice(step: StepRecord) -> bool:
    """Whether what is asked is to decide which way the run goes."""
    return step.state is StepState.PROPOSED and CHOICE in step.progress


def _options(step: StepRecord) -> dict[str, dict[str, Any]]:
    """The options of a question by the key of each one's first step."""
    return {option["key"]: option for option in step.progress[CHOICE]["options"]}


def _lock(connection: Connection, run_id: str) -> Run:
    """The run, and nobody else writes it until the transaction ends."""
    connection.execute(update(run_table).where(run_table.c.id == run_id).values(epoch=run_table.c.epoch))
    return rows.get_run(connection, run_id)


def _locked(connection: Connection, run_id: str, step_key: str) -> tuple[Run, StepRecord]:
    run = _lock(connection, run_id)
    step = next((step for step in run.steps if step.key == step_key), None)
    if step is None:
        raise NotFound(f"Run {run_id} has no step {step_key}.", hint=f"`stanch run show {run_id}` lists them.")
    return run, step


def _without_old(connection: Connection, step: StepRecord, now: float) -> StepRecord:
    """The step without every yes that has grown old; who gave one may give it anew."""
    good = standing(step, now)
    for given in step.approvals:
        if given not in good:
            rows.forget_approvals(connection, step.run_id, step.key, by=given.by)
    return replace(step, approvals=good)


def _must_run(run: Run) -> None:
    if run.state is not RunState.RUNNING:
        raise Refused(f"Run {run.id} is {run.state}.", hint="Nothing was changed.")


def _must_be_named(by: str) -> None:
    if not by.strip():
        raise Refused("It must be said who does this.", hint="Nothing was changed.")


def _must_not_be_over(step: StepRecord) -> None:
    if step.state.is_over:
        raise Refused(f"'{step.text}' is {step.state} already.", hint="Nothing was changed.")


def _tell(
    connection: Connection, run: Run, kind: EventKind, step: StepRecord, *, now: float, by: str, **data: object
) -> None:
    data = {"run": run.id, "step": step.key, "text": step.text, "by": by, **data}
    timeline.append(connection, run.incident_id, kind, data, now=now, actor=by)


def _must_move(connection: Connection, before: StepRecord, after: StepRecord) -> None:
    if not rows.update_step(connection, before, after):
        raise Refused(f"'{before.text}' has just changed.", hint="Nothing was changed by this. Look at it again.")


def _move(connection: Connection, run: Run, before: StepRecord, after: StepRecord, now: float) -> StepRecord:
    if not rows.update_step(connection, before, after):
        raise Refused(f"'{before.text}' has just changed.", hint="Nothing was changed by this. Look at it again.")
    connection.execute(update(run_table).where(run_table.c.id == run.id).values(wake_at=now))
    wake(connection, TOPIC)
    return after
