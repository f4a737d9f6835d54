"""A dry run of a whole procedure, before any of it runs: what would happen, in order, and what it would ask of whom.

Pure: it is made from the plan and from what this installation can do; of a run that goes on already, from its steps as
they stand. The native dry runs it names are the tools' own (`kubectl --dry-run=server`, `helm --dry-run`, `terraform
plan`, `EXPLAIN`); they only read, and are run by whoever asks for it, one by one (see `native`).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

from stanch.commands.companions.psql import explained
from stanch.commands.companions.table import companions_of, rated, written
from stanch.model.plan import Plan, Procedure
from stanch.model.problem import NotFound, Refused
from stanch.model.record import record
from stanch.model.risk import Risk, Trait
from stanch.model.run import StepRecord
from stanch.response.approvals import people_needed
from stanch.response.branches import Stretch, branch_of, shape_of
from stanch.response.evidence import Offer
from stanch.response.execution import Pipeline
from stanch.response.expansion import expand
from stanch.response.expectation import is_understood
from stanch.response.principals import Principals
from stanch.response.slots import is_secret, open_slots, places, resolved, shown, words_of
from stanch.response.transitions import WATCHES, WHEN
from stanch.response.watching import described, of_document
from stanch.response.ways import ByHand, FillIn, Means, Way, goes_by_itself, way_of


@record
class DryRun:
    """What would be tried: words for a program, or a statement for the database. `shows_secrets`: it may print them."""

    text: str
    pipeline: Pipeline | None = None
    statement: str | None = None
    shows_secrets: bool = False


@record
class Place:
    """A place to fill in, as written, and what a value for it is; `value` once it is filled in.

    `offers` are what evidence gives for it, each with where it comes from; there are none before an incident.
    """

    name: str
    placeholder: str
    kind: str
    value: str | None = None
    offers: tuple[tuple[str, str], ...] = ()


@record
class StepPreview:
    """One step. `who` says what it waits for; `people` how many must say yes, 0 where it goes by itself.

    `acts_as` is as whom, None where nothing of Stanch's acts. `approvers` are the roles whose yes counts; with none of
    them it is any responder's. `verified` and `undone` are sentences. `statement` is the command with what was filled
    in, and `state` where it stands in a run.
    """

    number: int
    key: str
    text: str
    source: str
    phase: str | None
    owner: str | None
    type: str
    command: str | None
    risk: Risk
    traits: tuple[str, ...]
    target: dict[str, str]
    way: str
    who: str
    people: int
    by_hand: str | None
    acts_as: str | None
    approvers: tuple[str, ...]
    slots: tuple[Place, ...]
    condition: str | None
    decided_by: str | None
    beside: str | None
    begins_s: float | None
    due_s: float | None
    timebox_s: float | None
    verified: str
    undone: str
    hint: str | None
    dry_run: DryRun | None
    statement: str | None = None
    state: str | None = None


@record
class Preview:
    """A procedure as it would run. The counts are of steps; `shape` is how it branches, by the keys of its steps."""

    key: str
    name: str
    source: str
    plan_hash: str
    steps: tuple[StepPreview, ...]
    shape: tuple[Stretch, ...]
    by_themselves: int
    asked: int
    by_hand: int
    destructive: int


BY_REPORT = "By what a person reports."
"""How it is known that a person has done something."""

Asked = Callable[[StepRecord], Sequence[str]]
"""The roles whose yes a step takes; none where any responder's does."""


def preview(
    procedure: Procedure,
    plan: Plan,
    means: Means,
    *,
    principals: Principals | None = None,
    approvers: Asked = lambda _: (),
    steps: Sequence[StepRecord] | None = None,
    offers: Mapping[str, Sequence[Offer]] | None = None,
) -> Preview:
    """What a run of the procedure would do.

    `steps` are those of a run that goes on already; `offers` what evidence gives for the places of each, by its key.
    """
    records = expand("preview", procedure, now=0.0, signals=plan.signals) if steps is None else tuple(steps)
    context = _Context(
        means=means, principals=principals or Principals(reading=means.identity), approvers=approvers, records=records
    )
    found = tuple(
        _step(number, record, context, (offers or {}).get(record.key, ()), began=steps is not None)
        for number, record in enumerate(records, 1)
    )
    return Preview(
        key=procedure.key,
        name=procedure.name,
        source=str(procedure.source),
        plan_hash=plan.hash,
        steps=found,
        shape=shape_of(records),
        by_themselves=sum(step.people == 0 and step.by_hand is None for step in found),
        asked=sum(step.people > 0 and step.by_hand is None for step in found),
        by_hand=sum(step.by_hand is not None for step in found),
        destructive=sum(step.risk is Risk.DESTRUCTIVE for step in found),
    )


@record
class _Context:
    """What every step is seen in."""

    means: Means
    principals: Principals
    approvers: Asked
    records: tuple[StepRecord, ...]


def named(plan: Plan, name: str) -> Procedure:
    """The procedure of that key or name; part of a name does, where it is one's alone. Raises NotFound, Refused."""
    known = plan.of(Procedure)
    wanted = name.casefold()
    exact = [each for each in known if wanted in {each.key.casefold(), each.name.casefold()}]
    found = exact or [each for each in known if wanted in each.name.casefold()]
    if not found:
        names = "; ".join(each.name for each in known) or "none"
        raise NotFound(f"There is no procedure {name!r}.", hint=f"There are: {names}.")
    if len(found) > 1 and len({each.key for each in found}) > 1:
        raise Refused(
            f"Several procedures are called {name!r}: {'; '.join(f'{each.name} ({each.key})' for each in found)}.",
            hint="Nothing was run. Give the key of the one you mean.",
        )
    return found[0]


def _step(number: int, record: StepRecord, context: _Context, offers: Sequence[Offer], *, began: bool) -> StepPreview:
    means = context.means
    way = way_of(record, means)
    alone = goes_by_itself(record, way, means)
    hand = way.because if isinstance(way, ByHand) else way.by_hand if isinstance(way, FillIn) else None
    filled_in = shown(record if open_slots(record) or isinstance(way, ByHand) else resolved(record))
    people = 0 if alone or hand is not None else people_needed(filled_in)
    by = _WORDS[way] if isinstance(way, Way) else "by hand" if hand is not None else "fill in"
    likely_alone = alone or (isinstance(way, FillIn) and record.risk is Risk.READ_ONLY)
    return StepPreview(
        number=number,
        key=record.key,
        text=record.text,
        source=str(record.source) if record.source is not None else "",
        phase=record.phase,
        owner=record.owner,
        type=record.type.value,
        command=record.command,
        statement=filled_in.statement,
        state=record.state.value if began else None,
        risk=filled_in.risk,
        traits=tuple(sorted(trait.value for trait in filled_in.traits)),
        target=filled_in.target,
        way=by,
        who=_who(record, way, alone=alone, hand=hand, people=people),
        people=people,
        by_hand=hand,
        acts_as=record.acts_as or context.principals.whom(filled_in, way, by_itself=likely_alone),
        approvers=tuple(context.approvers(filled_in)) if people else (),
        slots=tuple(_places(record, offers)),
        condition=record.condition,
        decided_by=_decided_by(record, context.records, means),
        beside=record.parallel,
        begins_s=None if began else record.not_before,
        due_s=record.due_s,
        timebox_s=record.timebox_s,
        verified=_verified(filled_in, way, means),
        undone=f"On a stop: `{record.undo}`." if record.undo else _undone(filled_in, way),
        hint=filled_in.why,
        dry_run=_dry_run_beside(filled_in),
    )


def _places(record: StepRecord, offers: Sequence[Offer]) -> Iterator[Place]:
    """Each place once."""
    values = {each.name: each.value for each in shown(record).filled}
    for slot in places(record):
        yield Place(
            name=slot.name,
            placeholder=slot.placeholder,
            kind=words_of(slot, record),
            value=values.get(slot.name) or None,
            offers=tuple((offer.value, offer.origin) for offer in offers if offer.name == slot.name),
        )


def _dry_run_beside(record: StepRecord) -> DryRun | None:
    """The tool's own dry run, where there is something to try: what only reads is simply run."""
    return dry_run_of(record) if record.risk is not Risk.READ_ONLY or record.language == "sql" else None


_WORDS = {
    Way.ARGV: "command",
    Way.SHELL: "shell",
    Way.QUERY: "query",
    Way.ACTION: "action",
    Way.MESSAGE: "message",
    Way.WATCH: "signal",
}


def _who(record: StepRecord, way: Way | ByHand | FillIn, *, alone: bool, hand: str | None, people: int) -> str:
    """What the step waits for, as a sentence."""
    owner = f" ({record.owner})" if record.owner else ""
    if hand is not None:
        return f"A person{owner} does it and reports what they saw."
    if alone:
        return "It goes by itself."
    first = "First its places are filled in; then " if isinstance(way, FillIn) else ""
    if isinstance(way, FillIn) and record.risk is Risk.READ_ONLY:
        return "It goes by itself once its places are filled in."
    yes = "one person must say yes" if people == 1 else f"{people} different people must say yes"
    return f"{first}{yes}{owner}.".capitalize() if first == "" else f"{first}{yes}{owner}."


def _decided_by(record: StepRecord, records: tuple[StepRecord, ...], means: Means) -> str | None:
    branch = branch_of(records, record)
    if branch is None:
        return None
    if branch.options:
        return f"A person chooses one of: {'; '.join(each.condition for each in branch.options)}."
    if WHEN in record.progress and means.can_measure:
        return f"It is decided by what is measured: {of_document(record.progress[WHEN]).title}."
    return "A person says whether it holds."


def _verified(record: StepRecord, way: Way | ByHand | FillIn, means: Means) -> str:
    """How it is known that the step is done."""
    said = []
    if way is Way.ACTION:
        said.append("The action looks at what it has done.")
    found = companions_of(record.pipeline) if record.pipeline and record.risk is not Risk.READ_ONLY else None
    if found is not None and found.proof is not None:
        said.append(f"`{written(found.proof.look)}` must show it.")
    if found is not None and found.settled is not None:
        said.append(f"`{written(found.settled.look)}` must end well.")
    if WATCHES in record.progress and means.can_measure:
        said.append(f"{described(of_document(record.progress[WATCHES]))} must hold.")
    elif record.expects is not None and is_understood(record.expects):
        said.append(f"Its output is compared: {record.expects}")
    elif record.expects is not None:
        said.append(f"A person compares by eye: {record.expects}")
    if not said and record.command is not None and not isinstance(way, ByHand):
        said.append("By whether the database answers." if way is Way.QUERY else "By its exit status alone.")
    return " ".join(said) or (BY_REPORT if isinstance(way, ByHand) else "")


def _undone(record: StepRecord, way: Way | ByHand | FillIn) -> str:
    """How it is put back, or why not."""
    if record.risk is Risk.READ_ONLY or (record.command is None and way is not Way.ACTION):
        return ""
    if way is Way.ACTION:
        return "The action says how when it is proposed."
    if record.pipeline is None:
        return "Stanch knows no way to put this back."
    found = companions_of(record.pipeline)
    return f"On a stop: {found.undo.shown}." if found.undo is not None else found.no_undo


def dry_run_of(record: StepRecord) -> DryRun | None:
    """The tool's own dry run of a step's command; None where it has none, or where places are still open."""
    if open_slots(record) or record.command is None or any(map(is_secret, record.slots)):
        return None
    if record.language == "sql":
        statement = explained(record.statement or record.command)
        return None if statement is None else DryRun(text=statement, statement=statement)
    if record.pipeline is None:
        return None
    pipeline = companions_of(record.pipeline).dry_run
    if pipeline is None:
        return None
    traits = rated(pipeline).traits
    return DryRun(text=written(pipeline), pipeline=pipeline, shows_secrets=Trait.EXPOSES_SECRETS in traits)
