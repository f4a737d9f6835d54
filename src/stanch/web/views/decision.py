"""The one thing to do next in an incident: what waits for a person, or what is going on without one."""

from collections.abc import Iterator, Mapping, Sequence

from stanch.charts.quantity import prose
from stanch.model.incident import Incident, IncidentStatus
from stanch.model.plan import StepKind
from stanch.model.record import record
from stanch.model.risk import Risk
from stanch.model.run import Run, RunState, StepRecord, StepState
from stanch.response import approvals, slots
from stanch.response.evidence import Offer
from stanch.response.runs import is_by_hand, is_choice
from stanch.response.slots import open_slots, words_of
from stanch.response.transitions import CHOICE


@record
class Place:
    """A place of a command to fill in, what is in it, and the choices: each a value and where it comes from."""

    name: str
    placeholder: str
    kind: str
    value: str
    origin: str
    secret: bool = False
    choices: tuple[tuple[str, str], ...] = ()


@record
class Option:
    """A way that can be taken: the key of its first step, what it is called, and what would be done: text and risk."""

    key: str
    text: str
    steps: tuple[tuple[str, Risk], ...]


@record
class Decide:
    """A step that waits for a yes, or for its `places` to be filled in first, where one of them is `open`.

    `acts_as` says as whom it would act; `unknown` that it was begun before and nobody saw how it ended. `given` are
    those who said yes, each with until when that is good. `phrase` is what is typed to approve it alone. `proposers`
    gave its values. `options` are the ways among which it is asked to decide.
    """

    run_id: str
    key: str
    title: str
    why: str
    statement: str
    undo: str
    acts_as: str
    facts: tuple[tuple[str, str], ...]
    digest: str
    risk: Risk
    asks: str
    yes: str
    by_hand: bool
    unknown: bool
    given_by: tuple[str, ...]
    source: str
    also: tuple[str, ...] = ()
    places: tuple[Place, ...] = ()
    open: bool = False
    given: tuple[tuple[str, float], ...] = ()
    needs_reason: bool = False
    phrase: str = ""
    proposers: tuple[str, ...] = ()
    options: tuple[Option, ...] = ()


@record
class Working:
    """A step that goes on by itself; `share` is how far it is, where that is known."""

    run_id: str
    title: str
    detail: str
    since: float
    share: float | None
    until: float | None


@record
class Watching:
    """Signals are being watched: clean since `since`, or not all of them yet."""

    since: float | None
    needed_s: float | None
    out: tuple[str, ...]


@record
class Over:
    """Nothing is left to do but to learn."""

    resolved_at: float
    took_s: float
    because: str
    reviewed: bool


@record
class Quiet:
    """Nothing waits and nothing goes on, and why that is so."""

    because: str


@record
class Later:
    """The next step has its time from the playbook: `at`, in epoch seconds."""

    title: str
    at: float


Next = Decide | Working | Watching | Over | Quiet | Later


def next_of(
    incident: Incident,
    runs: Sequence[Run],
    *,
    needed_s: float | None,
    because: str,
    out: Sequence[str],
    offers: Mapping[str, Sequence[Offer]] | None = None,
) -> Next:
    """What this person should see first. `because` is why the incident was resolved; `out` what is out of range.

    `offers` are what evidence gives for the places of steps, by run and key (`run/key`).
    """
    if incident.status is IncidentStatus.RESOLVED and incident.resolved_at is not None:
        return Over(
            resolved_at=incident.resolved_at,
            took_s=incident.resolved_at - incident.opened_at,
            because=because,
            reviewed=incident.review_path is not None,
        )
    steps = [step for run in runs if run.state is RunState.RUNNING for step in run.steps]
    waiting = [step for step in steps if step.state in {StepState.PROPOSED, StepState.UNKNOWN} and step.digest]
    if waiting:
        # What production changes comes before what a person only notes down; the oldest of them first.
        first, *rest = sorted(waiting, key=lambda step: (is_by_hand(step), step.ordinal))
        beside = [step for step in steps if step.run_id == first.run_id]
        return _decide(first, rest, (offers or {}).get(f"{first.run_id}/{first.key}", ()), beside)
    started = next((step for step in steps if step.state in {StepState.STARTED, StepState.APPROVED}), None)
    if started is not None and not (started.type is StepKind.CHECK and incident.status is IncidentStatus.MITIGATED):
        return _working(started)
    if incident.recovering_since is not None or incident.status is IncidentStatus.MITIGATED:
        return Watching(since=incident.recovering_since, needed_s=needed_s, out=tuple(out))
    if started is not None:
        return _working(started)
    if not runs:
        return Quiet(because="No procedure of the playbooks matches this incident. Write down what you do.")
    ahead = [step for step in steps if step.state is StepState.WAITING and step.not_before is not None]
    if ahead:
        first = min(ahead, key=lambda step: step.not_before or 0.0)
        return Later(title=first.title or first.text, at=first.not_before or 0.0)
    return Quiet(because="Every step of the procedure has ended, and not all signals are back within their limits.")


def _title(step: StepRecord) -> str:
    """What is asked. Which ways there are stands below the question, with what is done in each."""
    if not is_choice(step):
        return step.title or step.text
    choice = step.progress[CHOICE]
    return "Which of these?" if len(choice["options"]) > 1 else str(choice["question"])


def _options(step: StepRecord, beside: Sequence[StepRecord]) -> Iterator[Option]:
    """The ways among which a step asks, each with its steps; the question before a run has all of them."""
    for each in step.progress[CHOICE]["options"]:
        mine = tuple((other.title or other.text, other.risk) for other in beside if other.key in each["keys"])
        yield Option(key=each["key"], text=each["text"].rstrip(" :,"), steps=mine)


def _decide(
    step: StepRecord, rest: Sequence[StepRecord], offers: Sequence[Offer], beside: Sequence[StepRecord]
) -> Decide:
    needed = approvals.people_needed(step)
    given = tuple(each for each in step.approvals if each.digest == step.digest)
    by_hand = is_by_hand(step)
    still_open = () if is_choice(step) else open_slots(step)
    waits_for_values = bool(still_open) and not by_hand
    people = "one approval" if needed == 1 else f"{needed} people"
    return Decide(
        run_id=step.run_id,
        key=step.key,
        title=_title(step),
        why=_why(step, still_open=bool(still_open)),
        statement="" if is_choice(step) else step.statement or step.command or "",
        undo=step.undo or "",
        acts_as="" if by_hand or is_choice(step) else step.acts_as or "",
        facts=step.facts,
        digest=step.digest or "",
        risk=step.risk,
        asks="yours to do" if by_hand else "to be filled in" if waits_for_values else people,
        yes="Done" if by_hand else "Approve",
        by_hand=by_hand,
        unknown=step.state is StepState.UNKNOWN,
        given_by=tuple(each.by for each in given),
        source="" if step.source is None else str(step.source),
        also=tuple(other.title or other.text for other in rest),
        places=tuple(_places(step, offers)) if step.state is StepState.PROPOSED and not is_choice(step) else (),
        open=waits_for_values,
        given=tuple((each.by, each.at + approvals.VALID_S) for each in given),
        needs_reason=step.risk is Risk.DESTRUCTIVE and not by_hand and not is_choice(step),
        phrase="" if by_hand or waits_for_values or is_choice(step) else approvals.phrase(step),
        options=tuple(_options(step, beside)) if is_choice(step) else (),
        proposers=tuple(dict.fromkeys(each.by for each in step.filled)) if step.risk is Risk.DESTRUCTIVE else (),
    )


def _why(step: StepRecord, *, still_open: bool) -> str:
    """Why it is asked; of an outcome that nobody saw, of places to fill in and of a decision, rather what happened."""
    if is_choice(step):
        return step.because or ""
    if step.state is StepState.UNKNOWN or still_open:
        return step.because or step.why or ""
    return step.why or ""


def _places(step: StepRecord, offers: Sequence[Offer]) -> Iterator[Place]:
    """Each place once, as it stands."""
    filled = {each.name: each for each in slots.shown(step).filled}
    for slot in slots.places(step):
        each = filled.get(slot.name)
        yield Place(
            name=slot.name,
            placeholder=slot.placeholder,
            kind=words_of(slot, step),
            value="" if each is None or not each.value else each.value,
            secret=slots.is_secret(slot),
            origin="" if each is None else each.origin,
            choices=tuple((offer.value, offer.origin) for offer in offers if offer.name == slot.name),
        )


def _working(step: StepRecord) -> Working:
    done, total = step.progress.get("done"), step.progress.get("total")
    share = float(done) / float(total) if done is not None and total else None
    return Working(
        run_id=step.run_id,
        title=step.title or step.text,
        detail=str(step.progress.get("text") or (step.why or "")),
        since=step.started_at or 0.0,
        share=share,
        until=step.due_at,
    )


def sentence(watching: Watching, now: float) -> str:
    """How far the recovery is."""
    if watching.since is None:
        return "Not all signals are back within their limits yet."
    clean = prose(max(0.0, now - watching.since))
    return f"Clean for {clean}" + (f" of {prose(watching.needed_s)}." if watching.needed_s else ".")
