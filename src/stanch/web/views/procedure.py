"""A procedure as it would run: what the page of a dry run shows, beside the picture of how it goes."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import field

from stanch.charts.quantity import prose
from stanch.model.incident import Incident
from stanch.model.plan import Plan
from stanch.model.record import record
from stanch.model.risk import Risk
from stanch.model.run import Run, StepState
from stanch.response.native import Tried
from stanch.response.preview import BY_REPORT, Place, Preview, StepPreview
from stanch.web.views import room
from stanch.web.views.flow import Flow, flow, form_of, plain
from stanch.web.views.playbook import Steps


@record
class StepView:
    """A step in full. `facts` are name and text; `time` when it begins and how long it may take, in words."""

    number: int
    text: str
    command: str
    form: str
    risk: Risk
    asks: str
    state: str
    by_hand: str
    traits: tuple[str, ...]
    places: tuple[Place, ...]
    facts: tuple[tuple[str, str], ...]
    dry_run: str
    tried: Tried | None


@record
class Stage:
    """Steps under one heading: a phase of the procedure, or all of it. `note` says on what it depends."""

    title: str
    note: str
    steps: tuple[StepView, ...]


@record
class TrialView:
    """The tools' own dry runs: how many there are, how many were done, and what they came to."""

    total: int
    done: int = 0
    well: int = 0
    going_on: bool = False
    by: str = ""
    at: float = 0.0


@record
class ProcedureView:
    """`by_hand` and `open` are the numbers of steps and what is said of each; `whom` whom steps act as, with how many.

    `run` is the run of it that goes on; `startable` says that a person may begin one here.
    """

    key: str
    name: str
    address: str
    place: room.Place | None
    steps: Steps
    flow: Flow
    stages: tuple[Stage, ...]
    by_hand: tuple[tuple[int, str, str], ...]
    open: tuple[tuple[int, str, str], ...]
    whom: tuple[tuple[str, int], ...]
    trial: TrialView
    incident: Incident | None = None
    run: Run | None = None
    startable: bool = False
    others: tuple[tuple[str, str], ...] = field(default=())


def build(
    preview: Preview,
    plan: Plan,
    *,
    trial: TrialView,
    tried: Callable[[StepPreview], Tried | None],
    incident: Incident | None = None,
    run: Run | None = None,
    source: object = None,
) -> ProcedureView:
    """The page's records; `plan` is the one whose documents the console shows. Pure."""
    whom: dict[str, int] = {}
    for step in preview.steps:
        if step.acts_as is not None:
            whom[step.acts_as] = whom.get(step.acts_as, 0) + 1
    forms = [form_of(step) for step in preview.steps]
    where = f"/incidents/{incident.id}" if incident is not None else ""
    return ProcedureView(
        key=preview.key,
        name=preview.name,
        address=f"{where}/procedures/{preview.key}",
        place=room.place(source, plan),
        steps=Steps(
            alone=forms.count("alone"), one=forms.count("one"), two=forms.count("two"), people=forms.count("hand")
        ),
        flow=flow(preview),
        stages=tuple(_stages(preview, tried)),
        by_hand=tuple((step.number, step.text, step.by_hand) for step in preview.steps if step.by_hand is not None),
        open=tuple(
            (step.number, place.placeholder, place.kind)
            for step in preview.steps
            for place in step.slots
            if place.value is None
        ),
        whom=tuple(whom.items()),
        trial=trial,
        incident=incident,
        run=run,
        startable=incident is not None and run is None and not incident.status.is_over,
    )


def _stages(preview: Preview, tried: Callable[[StepPreview], Tried | None]) -> Iterator[Stage]:
    """Steps of one phase, and of one condition where they have one. Who decides is said once of ways beside another."""
    decided: str | None = None
    for (phase, condition), group in itertools.groupby(preview.steps, key=lambda step: (step.phase, step.condition)):
        steps = tuple(group)
        said = plain(condition) if condition else None
        title = said if said and (phase is None or plain(phase) == said) else phase
        under = f"{said}." if said and title != said else None
        who = steps[0].decided_by if steps[0].decided_by != decided else None
        decided = steps[0].decided_by
        yield Stage(
            title="Steps" if not title else title[0].upper() + title[1:],
            note=" ".join(filter(None, (under, who))),
            steps=tuple(_step(step, tried(step), _beside(step, preview)) for step in steps),
        )


def _beside(step: StepPreview, preview: Preview) -> str:
    """Which steps go on at the same time."""
    if step.beside is None:
        return ""
    others = [str(each.number) for each in preview.steps if each.beside == step.beside and each.key != step.key]
    return f"with {', '.join(others)}" if others else ""


def _step(step: StepPreview, tried: Tried | None, beside: str) -> StepView:
    return StepView(
        number=step.number,
        text=step.text,
        command=(step.statement or step.command or "").strip(),
        form=form_of(step),
        risk=step.risk,
        asks=_asks(step),
        state=step.state or "",
        by_hand=step.by_hand or "",
        traits=step.traits,
        places=step.slots,
        facts=tuple((name, text) for name, text in _facts(step, beside) if text),
        dry_run="" if step.dry_run is None or StepState(step.state or "waiting").is_over else step.dry_run.text,
        tried=tried,
    )


def _asks(step: StepPreview) -> str:
    if step.by_hand is not None:
        return "a person does it"
    if not step.people:
        return "goes by itself"
    return "one approval" if step.people == 1 else f"{step.people} people"


def _facts(step: StepPreview, beside: str) -> Iterator[tuple[str, str]]:
    yield "Acts as", step.acts_as or ""
    yield "On", ", ".join(f"{name} {value}" for name, value in step.target.items())
    if step.people:
        roles = " or ".join(step.approvers) or "any responder"
        several = f"{step.people} different people, each with a reason: {roles}"
        yield "Approved by", roles if step.people == 1 else several
    elif step.owner:
        yield "Done by" if step.by_hand is not None else "Owner", step.owner
    yield "Why", step.hint or ""
    yield "Time", _time(step)
    yield "Side by side", beside
    yield "Verified", "" if step.verified == BY_REPORT else step.verified
    yield "Put back", step.undone


def _time(step: StepPreview) -> str:
    parts = []
    if step.begins_s:
        parts.append(f"begins after {prose(step.begins_s)}")
    if step.due_s is not None:
        parts.append(f"done {prose(step.due_s)} after the start")
    if step.timebox_s is not None:
        parts.append(f"at most {prose(step.timebox_s)}")
    return ", ".join(parts)
