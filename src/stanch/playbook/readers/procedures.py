"""Procedures and scenarios: numbered lists, checklists, phases, fences, and the answers of a written interview."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from stanch.model.pattern import Pattern
from stanch.model.plan import Fact, Procedure, Scenario, Step
from stanch.playbook.context import Context, Findings
from stanch.playbook.document import Block, Code, Document, Heading, Html, Item, Items, Paragraph, Quote, Section, Table
from stanch.playbook.fences import EXPECTED, Content, content_of
from stanch.playbook.fields import field_texts, labelled_parts, sentences, split_label
from stanch.playbook.imperative import clauses, tells
from stanch.playbook.phrases import Phrases
from stanch.playbook.readers.past_incidents import CAUSE
from stanch.playbook.severity import levels_in
from stanch.playbook.side_by_side import joins_the_last, says_parallel
from stanch.playbook.steps import Place, StepMaker, timebox, without_timebox
from stanch.playbook.symptoms import signals_of_symptom
from stanch.playbook.topics import NUMBERED, Topic
from stanch.playbook.units import PHASE, QUESTION, Unit, answers, named_scenario, units
from stanch.playbook.words import slug

_CAUSE_QUESTION = Pattern(
    r"\b(?:what(?:['\u2019]s| is) (?:causing|the (?:root )?cause)|why\b|what .*\b(?:vulnerability|cause"
    r"|problem|issue)\b.*\b(?:likely|exist|is)\b)",
    re.IGNORECASE,
)
_ANSWER = Pattern(r"^(?:ans(?:wer)?|a)\s*[:.]\s*", re.IGNORECASE)


def read(document: Document, context: Context) -> Findings:
    """Every procedure and scenario, each followed by its steps."""
    facts: list[Fact] = []
    names: dict[str, int] = {}
    for unit in units(context, document.root):
        found = _procedure(document, context, unit, names)
        if found is not None:
            facts.append(found)
            facts.extend(found.steps)
    return tuple(facts), ()


# --- one procedure --------------------------------------------------------------------------------------------------


def _procedure(document: Document, context: Context, unit: Unit, names: dict[str, int]) -> Procedure | None:
    section = unit.section
    title = section.title or document.title
    key = slug(without_timebox(title))
    names[key] = names.get(key, 0) + 1
    if names[key] > 1:
        key = f"{key}-{names[key]}"
    maker = StepMaker(document, context)
    reading = _Reading(maker=maker, document=document, context=context, phases=[], steps=[])
    reading.blocks(section.blocks, Place(procedure=key, box=timebox(title), parallel=_parallel(key, title)))
    cause = _cause(section.blocks)
    for phase in unit.phases:
        if answers(phase) and _CAUSE_QUESTION.search(phase.title):
            cause = cause or _prose(phase)
            continue
        name = _phase_name(phase.title)
        reading.phases.append(name)
        place = Place(
            procedure=key,
            phase=name,
            box=timebox(phase.title),
            condition=_branch(phase.title),
            parallel=_parallel(key, phase.title),
        )
        if answers(phase):
            reading.answer(phase, place)
        reading.blocks(phase.blocks, place)
        for below in islice(phase.walk(), 1, None):
            reading.blocks(below.blocks, replace(place, condition=_case(below) or place.condition))
    if not reading.steps and cause is None:
        return None
    asked = QUESTION.search(title) or PHASE.match(title)
    scenario = (
        (context.outline.topic(section) is Topic.SCENARIOS and not asked)
        or cause is not None
        or named_scenario(section)
    )
    intro = _introduction(section)
    kind = Scenario if scenario else Procedure
    line = section.heading.line if section.heading else None
    return kind(
        key=key,
        name=_name(title),
        applies_to=levels_in(title) or _declared(section) or levels_in(intro) or _inherited(context, section),
        signals=_signals(context, f"{title}. {intro}") or tuple(dict.fromkeys(signals_of_symptom(title))),
        phases=tuple(dict.fromkeys(reading.phases)),
        steps=tuple(reading.steps),
        cause=cause,
        source=document.source(line) if line else document.source_at(1),
    )


_SEVERITY = Phrases(r"severity|priority|sev|severities|applies to")


def _declared(section: Section) -> tuple[str, ...]:
    """The severities that a labelled field gives ("**Severity:** P1, P2")."""
    return next((levels for text in field_texts(section.blocks, _SEVERITY) if (levels := levels_in(text))), ())


def _inherited(context: Context, section: Section) -> tuple[str, ...]:
    """The severities that a field of a section above gives, for all that stands below it."""
    return next((levels for above in context.outline.above(section) if (levels := _declared(above))), ())


def _name(title: str) -> str:
    text = re.sub(
        r"^(?:scenario|incident|runbook|playbook|procedure|case|issue|alert)(?:\s+#?\d+)?\s*[:\u2013-]\s*",
        "",
        title,
        flags=re.IGNORECASE,
    )
    return without_timebox(text) or title


def _phase_name(title: str) -> str:
    return without_timebox(title).rstrip("?") or title


def _branch(title: str) -> str | None:
    match = re.match(r"^(?:if|option|when)\b.*", title, re.IGNORECASE)
    return title if match else None


def _case(section: Section) -> str | None:
    """What must be so for the steps of a section inside of a phase: its title, where it names a case and no part."""
    counted = NUMBERED.match(section.title) or PHASE.match(section.title)
    return _branch(section.title) or (None if counted or not section.title else section.title)


def _parallel(where: str, text: str) -> str | None:
    """The name of the group of steps below a text that asks for them to be done side by side."""
    return f"{where}/{slug(text)}" if says_parallel(text) else None


def _introduction(section: Section) -> str:
    lines: list[str] = []
    for block in section.blocks:
        if isinstance(block, Items | Code | Table):
            break
        if isinstance(block, Paragraph):
            lines.extend(line.plain for line in block.lines)
    return " ".join(lines)


def _signals(context: Context, text: str) -> tuple[str, ...]:
    names = [signal.name for match in context.vocabulary.signals_of(text) for signal in match.signals]
    return tuple(dict.fromkeys(names))


def _cause(blocks: Sequence[Block]) -> str | None:
    for part in labelled_parts([block for block in blocks if isinstance(block, Paragraph)]):
        if part.label and CAUSE.match(part.label) and part.text:
            return part.text
    return None


def _prose(section: Section) -> str:
    text = " ".join(
        line.plain.strip() for block in section.blocks if isinstance(block, Paragraph) for line in block.lines
    )
    return _ANSWER.sub("", text)


@dataclass(slots=True)
class _Reading:
    """The steps of a procedure as its blocks are read."""

    maker: StepMaker
    document: Document
    context: Context
    phases: list[str]
    steps: list[Step]

    def blocks(self, blocks: Sequence[Block], place: Place) -> None:
        label = ""
        alone = place.parallel
        for block in blocks:
            match block:
                case Paragraph():
                    phase = place.phase
                    label, place = self._label(block, place)
                    alone = place.parallel if place.phase != phase else alone
                    place = replace(place, parallel=self._side_by_side(label, place) or alone)
                case Items():
                    for item in block.items:
                        self._item(item, place)
                    label = ""
                case Code():
                    made = list(self.maker.of_code(block, place))
                    if len(made) == 1 and label and not _commented(block):
                        made = list(self.maker.of_code(block, place, label))
                    self.steps.extend(made)
                case Quote():
                    self.blocks(block.blocks, place)
                case Table() | Html() | Heading():
                    pass

    def _label(self, block: Paragraph, place: Place) -> tuple[str, Place]:
        """A paragraph that ends with a colon names what follows: a phase where it is a label, else the next command."""
        last = block.lines[-1].plain.strip()
        split = split_label(last)
        if split is not None and _OPTION.match(split[0]):
            return split[1], replace(place, condition=last.rstrip(":"))
        if split is not None and not split[1] and PHASE.match(split[0]):
            name = _phase_name(split[0])
            self.phases.append(name)
            return "", Place(
                procedure=place.procedure,
                phase=name,
                box=timebox(last) or place.box,
                condition=_branch(last),
                parallel=_parallel(place.procedure, last),
            )
        return last.rstrip(":"), place

    def _side_by_side(self, label: str, place: Place) -> str | None:
        """The group that a line such as "Do these in parallel:" begins."""
        return _parallel(f"{place.procedure}/{len(self.steps)}", label)

    def _item(self, item: Item, place: Place) -> None:
        commands = [block for block in item.nested if isinstance(block, Code)]
        lists = [block for block in item.nested if isinstance(block, Items)]
        made = [step for block in commands for step in self._trial(block, place)]
        if self.steps and joins_the_last(item.text):
            group = self.steps[-1].parallel or f"{self.steps[-1].key} and on"
            self.steps[-1] = replace(self.steps[-1], parallel=group)
            place = replace(place, parallel=group)
        if option := _OPTION_LEAD.match(item.text):
            # Of alternatives one is taken: "Option A: restart", "Option B: roll back" are no two steps.
            place = replace(place, condition=option["name"])
        if not item.nested or not (made or lists):
            self.steps.extend(self.maker.of_item(item, place))
            return
        if len(made) == 1 and not lists and item.text:
            code = next(block for block in commands if content_of(block) in {Content.SHELL, Content.SQL})
            self.steps.extend(self.maker.of_code(code, place, _first_sentence(item.text)))
            return
        name = _phase_name(item.text) or place.phase or ""
        below = Place(
            procedure=place.procedure,
            phase=name or None,
            box=timebox(item.text) or place.box,
            condition=_branch(item.text) or place.condition,
            owner=place.owner,
            parallel=_parallel(place.procedure, item.text) or place.parallel,
        )
        if name:
            self.phases.append(name)
        self.blocks(item.nested, below)

    def _trial(self, block: Code, place: Place) -> Iterator[Step]:
        """The steps a fence would give, without taking their keys."""
        yield from StepMaker(self.document, self.context).of_code(block, place)

    def answer(self, section: Section, place: Place) -> None:
        """What an answer in prose says to do, clause by clause; a sentence that tells nothing is left as it is."""
        for block in section.blocks:
            if not isinstance(block, Paragraph):
                continue
            for line in block.lines:
                for start, sentence in sentences(line.plain):
                    for offset, clause in clauses(sentence):
                        if tells(clause) or self.maker.action(clause):
                            source = self.document.source(line, start + offset)
                            self.steps.extend(self.maker.of_text(clause, source, place))


_OPTION_LEAD = Phrases(
    r"^(?P<name>(?:option|alternative|plan) (?:[a-z]|\d{1,2}))\s*(?:[:.)\u2013\u2014]|-\s)", whole=False
)
_OPTION = Phrases(r"^(?:option|alternative|alternatively|or|plan) ?(?:[a-z]|\d+)?$", whole=False)


def _commented(code: Code) -> bool:
    """Whether a fence names its commands itself."""
    return any(line.strip().startswith(("#", "--")) and not EXPECTED.match(line.strip()) for line in code.lines)


def _first_sentence(text: str) -> str:
    match = re.search(r"(?<=[^.\d])[.!](?=\s|$)", text)
    return (text[: match.start()] if match else text).strip()
