"""A playbook as it reads, with a margin: beside each line what it became, or why it became nothing."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import field, replace
from html import unescape
from typing import assert_never

from markupsafe import Markup

from stanch.catalogue.signals import SIGNALS
from stanch.charts.chart import Chart
from stanch.charts.quantity import compared, prose, say
from stanch.model.plan import (
    Contact,
    DrillSchedule,
    Fact,
    Metric,
    PastIncident,
    Playbook,
    PolicyFact,
    Procedure,
    Role,
    Severity,
    Step,
    StepKind,
    Template,
    Threshold,
    ThresholdRole,
    Trigger,
    Unread,
)
from stanch.model.problem import Level, Problem
from stanch.model.record import record
from stanch.model.risk import Risk, Trait
from stanch.model.rule import AlertState, Evaluation
from stanch.web.views import manuscript
from stanch.web.views.manuscript import Row


@record
class Note:
    """What one fact or problem of a line says in the margin.

    `tone` is understood, care (understood, with something to put right), unread or wrong; `risk` is shown as a chip;
    `chart` is set where the line is live; `address` leads to a dry run.
    """

    tone: str
    text: str
    strong: str = ""
    risk: Risk | None = None
    chart: Chart | None = None
    value: str = ""
    firing: bool = False
    hint: str = ""
    address: str = ""


@record
class MarginRow:
    """A line with its margin. `tone` is the worst of its notes', or empty where it became nothing and should not.

    `span` is how many rows its margin stands beside: its own and those after it that have nothing to say, so that a
    long note does not tear the text apart. It is 0 where the margin of a row above stands beside this one.
    """

    row: Row
    tone: str
    notes: tuple[Note, ...]
    live: bool
    span: int = 1


@record
class Mark:
    """A line of the document in the summary: its number, what it became or what is wrong with it, and its tone."""

    line: int
    text: str
    tone: str = ""


@record
class Steps:
    """The steps of a document by what they ask for, and the first line of each kind (0 for none).

    `alone` go by themselves, `one` and `two` wait for so many approvals, `people` are done by a person.
    """

    alone: int
    one: int
    two: int
    people: int
    first_alone: int = 0
    first_one: int = 0
    first_two: int = 0
    first_people: int = 0

    @property
    def total(self) -> int:
        return self.alone + self.one + self.two + self.people

    @property
    def widths(self) -> tuple[tuple[str, float, float], ...]:
        """Class, beginning and width of each part of a bar that is 100 wide."""
        parts: list[tuple[str, float, float]] = []
        at = 0.0
        for name, number in (("alone", self.alone), ("one", self.one), ("two", self.two), ("people", self.people)):
            if number:
                width = 100 * number / self.total
                parts.append((name, round(at, 2), round(width, 2)))
                at += width
        return tuple(parts)


@record
class PlaybookView:
    """`rules` are the armed ones, `promises` the clocks in words, `open` what is not understood or to be put right."""

    number: int
    path: str
    title: str
    rows: tuple[MarginRow, ...]
    armed: int
    firing: int
    steps: Steps
    procedures: int
    care: int
    unread: int
    wrong: int
    rules: tuple[Mark, ...] = ()
    promises: tuple[Mark, ...] = ()
    open: tuple[Mark, ...] = ()
    others: tuple[Note, ...] = field(default=())
    named: tuple[tuple[str, str], ...] = ()
    """The key and the name of each procedure that can be run."""


Live = Callable[[Threshold], tuple[Evaluation, Chart] | None]
"""The armed rule of a threshold, where it stands and its recent past; None where it is not watched."""

_TONES = ("", "understood", "care", "unread", "wrong")

_ROLES = {
    ThresholdRole.ALERT: "",
    ThresholdRole.ROLLBACK_TRIGGER: "rollback trigger",
    ThresholdRole.RESTART_TRIGGER: "restart trigger",
    ThresholdRole.RECOVERY_TARGET: "recovery target",
    ThresholdRole.SEVERITY_CRITERION: "severity criterion",
    ThresholdRole.POLICY_LIMIT: "policy limit",
    ThresholdRole.EXAMPLE: "an example",
}

_HAND = {
    StepKind.MANUAL: "a person does it",
    StepKind.CHECK: "a check",
    StepKind.MESSAGE: "a message",
    StepKind.COMMAND: "a command",
    StepKind.ACTION: "an action",
}


def view(playbook: Playbook, number: int, problems: Sequence[Problem], live: Live) -> PlaybookView:
    """The page's records. `problems` are those of this document, the plan's own among them."""
    rows = manuscript.rows(playbook.path, playbook.text)
    numbers = sorted({row.number for row in rows})
    notes: dict[int, list[Note]] = {}
    for fact in _each(playbook.facts):
        if fact.source.path == playbook.path:
            notes.setdefault(_nearest(fact.source.line, numbers), []).append(_note(fact, live))
    for taken, note in _belonging(rows, playbook.facts):
        if taken not in notes:
            notes[taken] = [note]
    homeless = [_of_problem(problem) for problem in problems if problem.source is None]
    told: dict[int, list[Note]] = {}
    for problem in problems:
        if problem.source is not None:
            told.setdefault(_nearest(problem.source.line, numbers), []).append(_of_problem(problem))
    for line, of_line in told.items():
        facts_say = notes.get(line, [])
        understood = [note for note in facts_say if note.tone == "understood"]
        if any(note.hint for note in of_line):
            understood = [replace(note, hint="") for note in understood]
        # A problem says better than its fact why nothing came of the line, and what to write instead; of a line that
        # was understood it says what is to be put right.
        if facts_say and not any(note.tone == "unread" for note in facts_say):
            of_line = [replace(note, tone="care") if note.tone == "unread" else note for note in of_line]  # noqa: PLW2901
        notes[line] = [*understood, *of_line]
    rows = _flowing(rows, notes.keys())
    first_of = {row.number: index for index, row in reversed(list(enumerate(rows)))}
    facts = list(_each(playbook.facts))
    introduces = _introductions(rows, [fact for fact in facts if isinstance(fact, Step)])
    margin = _spanning(
        [
            _margin(row, notes.get(row.number, ()) if first_of[row.number] == index else (), index in introduces)
            for index, row in enumerate(rows)
        ]
    )
    watched = [(fact, found) for fact in facts if isinstance(fact, Threshold) if (found := live(fact)) is not None]
    return PlaybookView(
        number=number,
        path=playbook.path,
        title=playbook.title,
        rows=margin,
        armed=len(watched),
        firing=sum(evaluation.state is AlertState.FIRING for _, (evaluation, _) in watched),
        steps=_counted([fact for fact in facts if isinstance(fact, Step)]),
        procedures=sum(isinstance(fact, Procedure) for fact in facts),
        named=tuple((fact.key, fact.name) for fact in facts if isinstance(fact, Procedure) and fact.steps),
        care=sum(row.tone == "care" for row in margin),
        unread=sum(row.tone == "unread" for row in margin),
        wrong=sum(row.tone == "wrong" for row in margin),
        rules=tuple(Mark(line=fact.source.line, text=_condition(fact)) for fact, _ in watched),
        promises=tuple(_promises(facts)),
        open=tuple(_open(margin)),
        others=tuple(homeless),
    )


def _counted(steps: Sequence[Step]) -> Steps:
    """The steps by what they ask for."""
    lines: dict[str, list[int]] = {"alone": [], "one": [], "two": [], "people": []}
    for step in steps:
        by_hand = not _is_ours(step) or (step.rating is not None and Trait.INTERACTIVE in step.rating.traits)
        kind = "people" if by_hand else ("alone", "one", "two")[step.risk.approvals]
        lines[kind].append(step.source.line)
    return Steps(
        alone=len(lines["alone"]),
        one=len(lines["one"]),
        two=len(lines["two"]),
        people=len(lines["people"]),
        first_alone=min(lines["alone"], default=0),
        first_one=min(lines["one"], default=0),
        first_two=min(lines["two"], default=0),
        first_people=min(lines["people"], default=0),
    )


def _promises(facts: Sequence[Fact]) -> Iterator[Mark]:
    for fact in facts:
        if isinstance(fact, Severity):
            told = ", ".join(f"{clock.name} {_within(clock.seconds, clock.text)}" for clock in fact.clocks)
            yield Mark(line=fact.source.line, text=f"{fact.level}: {told or 'nothing is promised'}")


def _open(rows: Sequence[MarginRow]) -> Iterator[Mark]:
    """What is not understood or is to be put right, the gravest first, else in the order of the document."""
    marked = [row for row in rows if row.tone in {"unread", "care", "wrong"}]
    for row in sorted(marked, key=lambda row: row.tone != "wrong"):
        said = [note for note in row.notes if note.tone == row.tone] or list(row.notes)
        yield Mark(line=row.row.number, text=said[0].text if said else "", tone=row.tone)


def _spanning(rows: Sequence[MarginRow]) -> tuple[MarginRow, ...]:
    """Rows with their margins grown over the silent rows after them, up to the next heading."""
    out: list[MarginRow] = []
    owner: int | None = None
    for row in rows:
        heading = row.row.form in {"h1", "h2", "h3", "h4"}
        joins = not row.notes and not row.tone and not heading and owner is not None
        if joins and owner is not None and out[owner].span < _LONGEST_SPAN:
            out[owner] = replace(out[owner], span=out[owner].span + 1)
            out.append(replace(row, span=0))
            continue
        out.append(row)
        owner = len(out) - 1 if row.notes else None
    return tuple(out)


_LONGEST_SPAN = 12


def _each(facts: Sequence[Fact]) -> Iterator[Fact]:
    """Every fact once, those inside of others too."""
    seen: set[tuple[str, int, int, str]] = set()

    def once(fact: Fact) -> Iterator[Fact]:
        words = str(getattr(fact, "text", "") or getattr(fact, "name", "") or getattr(fact, "signal", ""))
        key = (fact.kind, fact.source.line, fact.source.column, words)
        if key in seen:
            return
        seen.add(key)
        yield fact
        match fact:
            case Procedure():
                for step in fact.steps:
                    yield from once(step)
            case Trigger() if fact.threshold is not None:
                yield from once(fact.threshold)
            case PolicyFact() if fact.limit is not None:
                yield from once(fact.limit)
            case _:
                return

    for fact in facts:
        yield from once(fact)


def _belonging(rows: Sequence[Row], facts: Sequence[Fact]) -> Iterator[tuple[int, Note]]:
    """The lines that a fact above them took in: criteria and re-grading of a severity, what an incident taught."""
    lines = [(row.number, _bare(unescape(row.html.striptags()))) for row in rows if row.form in {"item", "p"}]
    for fact in facts:
        for strong, text, more in _taken_in(fact):
            wanted = _bare(text)
            number = next((number for number, line in lines if number > fact.source.line and line == wanted), None)
            if number is not None and wanted:
                yield number, Note(tone="understood", strong=strong, text=more)


def _bare(text: str) -> str:
    return " ".join(text.split()).strip(" .;:").casefold()


def _taken_in(fact: Fact) -> Iterator[tuple[str, str, str]]:
    """What kind of thing, the words it was written with, and what more is known."""
    match fact:
        case Severity():
            for regrade in fact.regrades:
                yield "re-graded", regrade.text, f"{fact.level} becomes {regrade.to} after {prose(regrade.after_s)}"
            yield from (("criterion", text, f"of {fact.level}") for text in fact.criteria)
        case PastIncident():
            yield from (("done", text, "in this incident") for text in fact.actions)
            yield from (("lesson", text, "of this incident") for text in fact.lessons)
        case _:
            return


_LABEL = re.compile(r"^[A-Z][\w /-]{0,40}:(?:\s|$)")


def _nearest(line: int, numbers: Sequence[int]) -> int:
    """The row that stands for a line: itself, or the last one before it (a fence's opening has no row)."""
    if line in numbers:
        return line
    after = next((number for number in numbers if number > line), None)
    return after if after is not None else (numbers[-1] if numbers else line)


def _flowing(rows: Sequence[Row], noted: Collection[int]) -> tuple[Row, ...]:
    """Rows with paragraphs as paragraphs: a line that became nothing of its own goes on in the one above it."""
    out: list[Row] = []
    for row in rows:
        labelled = _LABEL.match(unescape(row.html.striptags()))
        if row.joins and not labelled and row.number not in noted and out and out[-1].form in {"p", "item"}:
            out[-1] = replace(out[-1], html=out[-1].html + Markup(" ") + row.html)
        else:
            out.append(row)
    return tuple(out)


def _introductions(rows: Sequence[Row], steps: Sequence[Step]) -> frozenset[int]:
    """The rows that say what a command below them is for: they belong to its step, whose note stands at the command."""
    found = set()
    for step in steps:
        if step.command is None:
            continue
        words = step.text.strip(" .:").casefold()
        above = [index for index, row in enumerate(rows) if step.source.line - 8 <= row.number < step.source.line]
        for index in reversed(above):
            text = unescape(rows[index].html.striptags()).casefold()
            if rows[index].form in {"item", "p"} and words and words[:40] in text:
                found.add(index)
                break
    return frozenset(found)


def _margin(row: Row, notes: Sequence[Note], introduces: bool) -> MarginRow:  # noqa: FBT001 - a fact of the row
    tone = max((note.tone for note in notes), key=_TONES.index, default="understood" if introduces else "")
    return MarginRow(row=row, tone=tone, notes=tuple(notes), live=any(note.chart is not None for note in notes))


def _note(fact: Fact, live: Live) -> Note:
    """What a fact that acts became."""
    match fact:
        case Threshold():
            return _threshold(fact, live)
        case Procedure():
            return Note(
                tone="understood",
                strong=fact.kind,
                text=_procedure(fact),
                address=f"/procedures/{fact.key}" if fact.steps else "",
            )
        case Step():
            return _step(fact)
        case Trigger():
            return Note(tone="understood", strong="trigger", text=_trigger(fact))
        case Contact() if fact.placeholder:
            return Note(
                tone="care", strong="contact", text=f"{fact.address} is a placeholder: nobody is reached there."
            )
        case Unread():
            return Note(tone="unread", text=fact.because)
        case _:
            strong, text = _told(fact)
            return Note(tone="understood", strong=strong, text=text)


def _told(
    fact: Severity | Template | Role | Contact | PolicyFact | Metric | PastIncident | DrillSchedule,
) -> tuple[str, str]:
    """What a fact that is known became: its kind, and what is known."""
    match fact:
        case Severity():
            promises = ", ".join(f"{clock.name} {_within(clock.seconds, clock.text)}" for clock in fact.clocks)
            return fact.level, promises or "no clock is promised"
        case Template():
            slots = ", ".join(slot.name for slot in fact.slots)
            return "template", f"for {fact.audience}" + (f"; fills {slots}" if slots else "")
        case Role():
            return "role", f"at {', '.join(fact.severities)}" if fact.severities else "at every severity"
        case Contact():
            return "contact", f"{fact.name} at {fact.address}"
        case PolicyFact():
            return "policy", (fact.check or "kept as a statement; nothing checks it yet").replace("_", " ")
        case Metric():
            statistics = ", ".join(statistic.value for statistic in fact.statistics)
            named = " and ".join(map(_signal, fact.signals or (fact.signal,)))
            return "measured", f"{named} {statistics}".strip()
        case PastIncident():
            lessons = "1 lesson" if len(fact.lessons) == 1 else f"{len(fact.lessons)} lessons"
            return "past incident", ", ".join(filter(None, (fact.date, fact.cause, lessons)))
        case DrillSchedule():
            return "drill", f"{fact.what}, {fact.every}"
        case _:
            assert_never(fact)


def _threshold(fact: Threshold, live: Live) -> Note:
    found = live(fact)
    if found is not None:
        evaluation, chart = found
        opens = f"opens {evaluation.rule.severity}"
        firing = evaluation.state is AlertState.FIRING
        value = say(evaluation.value, evaluation.rule.unit)
        state = "firing, " if firing else ""
        if evaluation.state is AlertState.NO_DATA:
            state = "nothing measures it yet, "
        return Note(
            tone="understood",
            strong="armed",
            text=f"{_condition(fact)}, {state}{opens}",
            chart=chart,
            value=value,
            firing=firing,
        )
    role = _ROLES[fact.role]
    condition = _condition(fact)
    if fact.armed or (role and not fact.because):
        return Note(tone="understood", strong=role or "threshold", text=condition)
    if fact.role in {ThresholdRole.ALERT, ThresholdRole.ROLLBACK_TRIGGER, ThresholdRole.RESTART_TRIGGER}:
        return Note(tone="unread", text=f"Not armed: {fact.because or 'it is not watched.'}")
    return Note(tone="understood", strong=role, text=f"{condition}; {fact.because}")


def _condition(fact: Threshold) -> str:
    limit = say(fact.value, fact.unit) if fact.value is not None else ""
    if fact.baseline_multiple is not None:
        limit = f"{fact.baseline_multiple:g} times what is normal"
    words = [
        _signal(fact.signal),
        "" if fact.statistic is None else fact.statistic.value,
        compared(fact.comparison),
        limit,
    ]
    if fact.window_s:
        words.append(f"in {prose(fact.window_s)}")
    if fact.persistence_s:
        words.append(f"for {prose(fact.persistence_s)}")
    return " ".join(word for word in words if word)


def _signal(name: str | None) -> str:
    """A signal as people call it."""
    known = SIGNALS.get(name or "")
    return (name or "") if known is None else known.phrases[0]


def _procedure(fact: Procedure) -> str:
    steps = "1 step" if len(fact.steps) == 1 else f"{len(fact.steps)} steps"
    levels = [each for each in fact.applies_to if each]
    when = f"runs at {' and '.join(levels)}" if levels else ""
    for_what = f"for {', '.join(map(_signal, fact.signals))}" if fact.signals else ""
    return " · ".join(part for part in (steps, when, for_what) if part)


def _step(fact: Step) -> Note:
    parts = []
    hint = ""
    if fact.command is not None and fact.rating is not None:
        parts.append(_command(fact))
        hint = fact.rating.hint
    elif fact.command is not None:
        parts.append("a query, read-only" if fact.risk is Risk.READ_ONLY else "a command")
    elif fact.action is not None:
        parts.append(f"{fact.action.replace('_', ' ')}")
    else:
        parts.append(_HAND[fact.type])
    parts.append(
        {0: "goes by itself", 1: "one approval", 2: "two people"}[fact.risk.approvals] if _is_ours(fact) else ""
    )
    if fact.owner:
        parts.append(fact.owner)
    if fact.due_s:
        parts.append(f"within {prose(fact.due_s)}")
    if fact.slots:
        parts.append(", ".join(f"{slot.placeholder} from {slot.fill or 'a person'}" for slot in fact.slots))
    return Note(
        tone="understood",
        risk=fact.risk if _is_ours(fact) else None,
        text=", ".join(part for part in parts if part),
        hint=hint,
    )


def _is_ours(fact: Step) -> bool:
    return fact.command is not None or fact.action is not None


def _command(fact: Step) -> str:
    assert fact.rating is not None
    traits: Mapping[Trait, str] = {
        Trait.ENDLESS: "never ends by itself: captured for a while",
        Trait.INTERACTIVE: "needs a terminal: yours to run",
        Trait.EXPOSES_SECRETS: "may show secrets",
        Trait.HEAVY: "heavy on production",
        Trait.UNREADABLE: "cannot be read: yours to run",
        Trait.DYNAMIC: "",
    }
    said = [traits[trait] for trait in sorted(fact.rating.traits) if traits.get(trait)]
    return "; ".join(said) or "a command"


def _trigger(fact: Trigger) -> str:
    then = f"runs {fact.procedure.replace('-', ' ')}" if fact.procedure else (fact.action or "").replace("_", " ")
    by_itself = "" if fact.threshold is not None and fact.threshold.armed else "; a person says when"
    return f"{then or 'nothing to run'}{by_itself}"


def _of_problem(problem: Problem) -> Note:
    tone = {Level.NOTE: "unread", Level.WARNING: "unread", Level.ERROR: "wrong"}[problem.level]
    return Note(tone=tone, text=problem.message, hint=problem.hint)


def _within(seconds: float | None, text: str) -> str:
    return f"in {prose(seconds)}" if seconds is not None else text
