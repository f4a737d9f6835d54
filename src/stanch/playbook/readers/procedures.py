"""Procedures and scenarios: numbered lists, checklists, phases, fences, and the answers of a written interview."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from stanch.model.plan import Fact, Procedure, Scenario, Step
from stanch.playbook.context import Context, Findings
from stanch.playbook.document import Block, Code, Document, Heading, Html, Item, Items, Paragraph, Quote, Section, Table
from stanch.playbook.fences import Content, content_of
from stanch.playbook.fields import labelled_parts, split_label
from stanch.playbook.readers.past_incidents import CAUSE
from stanch.playbook.severity import levels_in
from stanch.playbook.steps import Place, StepMaker, timebox, without_timebox
from stanch.playbook.topics import NUMBERED, Topic
from stanch.playbook.words import slug, stem

_RUNS = frozenset({Topic.PROCEDURES, Topic.SCENARIOS})
_MAYBE = frozenset({Topic.PROSE, Topic.TRIGGERS, Topic.SYMPTOMS, Topic.ROLES})
_CONTAINER = re.compile(
    r"\b(?:procedures|scenarios|issues|problems|incidents|runbooks?|playbooks?|alerts|failures|actions by|types|failure modes|troubleshooting|common|guides?|faq)\b",
    re.IGNORECASE,
)
_PHASE = re.compile(
    r"^(?:\d+[.):]\s*|(?:step|phase|stage)\s+\w+\s*[:.\u2013-]\s*|t\s?\+.*|\W*)(?:immediate|initial|investigation|investigate|diagnos\w+|triage|assess\w*|mitigat\w+|resol\w+|remediat\w+|recover\w*|verif\w+|validat\w+|"
    r"prevent\w*|communicat\w+|detect\w*|contain\w*|eradicat\w+|escalat\w+|rollback|steps?|actions?|response|follow[- ]?up|long[- ]?term|short[- ]?term|quick|root cause|cleanup|post|preparation|prerequisites|checks?|first|"
    r"deep dive|traffic|emergency|proactive|fix|solution|analysis|monitor\w*|before|during|after|option|questions?|confirm|identify|stabili[sz]e|restore|review|test|deploy|rollout|notify)\b",
    re.IGNORECASE,
)
_VERBS = frozenset(
    map(
        stem,
        "check verify review monitor analyze examine inspect identify confirm ensure validate test run execute restart stop start kill drain scale increase "
        "decrease reduce enable disable turn switch roll revert rollback deploy redeploy release update upgrade apply patch fix restore recover failover promote "
        "notify inform alert page call contact escalate communicate post publish send create open close document record write log collect gather capture "
        "preserve isolate contain block revoke rotate reset lock unlock quarantine clear flush purge delete remove drop add set configure adjust tune optimize "
        "optimise implement establish build rebuild reindex vacuum investigate determine assess estimate classify assign declare acknowledge join schedule "
        "conduct hold perform complete follow use look find search wait watch observe compare measure track trace query connect log login ssh navigate go "
        "open ask tell keep maintain pause resume suspend cancel abort terminate evict cordon move migrate copy backup back export import sync merge push pull "
        "commit tag clone prepare plan define setup install uninstall replace swap redirect route reroute shift throttle limit rate prioritize degrade shed "
        "activate deactivate toggle trigger invoke mount unmount resize expand extend free reclaim archive compress truncate prune warm load unload refresh renew "
        "invalidate regenerate authenticate authorize grant deny ban allow whitelist blacklist audit scan report share develop return take get make do repeat "
        "retry continue proceed coordinate engage consult dump profile bisect reproduce simulate replay reprocess manage gradually slowly immediately manually "
        "quickly first then finally if when please temporarily re".split(),
    )
)
_CAUSE_QUESTION = re.compile(
    r"\b(?:what(?:['\u2019]s| is) (?:causing|the cause)|why\b|root cause\?|what .*\b(?:vulnerability|cause|problem|issue)\b.*\b(?:likely|exist|is)\b)",
    re.IGNORECASE,
)
_QUESTION = re.compile(r"\?\s*$")
_ANSWER = re.compile(r"^(?:ans(?:wer)?|a)\s*[:.]?\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Unit:
    """One procedure: the section that names it, and the sections whose blocks are its phases."""

    section: Section
    phases: tuple[Section, ...]


def read(document: Document, context: Context) -> Findings:
    """Every procedure and scenario, each followed by its steps."""
    facts: list[Fact] = []
    names: dict[str, int] = {}
    for unit in _units(context, document.root):
        found = _procedure(document, context, unit, names)
        if found is not None:
            facts.append(found)
            facts.extend(found.steps)
    return tuple(facts), ()


# --- which sections are one procedure ------------------------------------------------------------------------------


def _units(context: Context, section: Section) -> Iterator[_Unit]:
    if context.outline.topic(section) in {
        Topic.INCIDENTS,
        Topic.TEMPLATES,
        Topic.CONTACTS,
        Topic.SEVERITIES,
        Topic.EXAMPLES,
    }:
        return
    phases = tuple(_phases(context, section))
    if phases:
        yield _Unit(section=section, phases=phases)
        taken = set(phases)
        for child in section.sections:
            if child not in taken:
                yield from _units(context, child)
        return
    if _runs(context, section, section.blocks):
        yield _Unit(section=section, phases=())
    for child in section.sections:
        yield from _units(context, child)


def _phases(context: Context, section: Section) -> Iterator[Section]:
    """The sections below that are phases of this one; none where it only groups procedures."""
    if section.heading is None or not section.sections:
        return
    topic = context.outline.topic(section)
    if topic not in _RUNS | _MAYBE:
        return
    children = [child for child in section.sections if context.outline.topic(child) in _RUNS | _MAYBE]
    if len(children) == 1 and not children[0].blocks and children[0].sections and _PHASE.match(children[0].title):
        children = list(children[0].sections)
    running = [child for child in children if _runs(context, child, child.blocks) or _answers(child)]
    if not running or (
        _CONTAINER.search(section.title) and not all(child.heading and child.heading.level > 6 for child in running)
    ):
        return
    fitting = [
        child
        for child in running
        if (child.heading and child.heading.level > 6 and not _named_scenario(child))
        or NUMBERED.match(child.title)
        or _PHASE.match(child.title)
        or _answers(child)
    ]
    questions = [child for child in fitting if _QUESTION.search(child.title) and not _answers(child)]
    if questions or len(fitting) * 2 <= len(running) or section.heading.level == 1 and len(fitting) < len(running):
        return
    yield from fitting


def _named_scenario(section: Section) -> bool:
    return bool(re.match(r"^(?:incident|scenario|case|issue|problem|alert)\s+#?\d+", section.title, re.IGNORECASE))


def _answers(section: Section) -> bool:
    """Whether a section is a question with its answer in prose."""
    first = section.blocks[0] if section.blocks else None
    return bool(_QUESTION.search(section.title)) and isinstance(first, Paragraph)


def _runs(context: Context, section: Section, blocks: Sequence[Block]) -> bool:
    """Whether blocks hold steps: commands, or a list that tells to do something."""
    topic = context.outline.topic(section)
    if topic not in _RUNS | _MAYBE:
        return False
    if any(isinstance(block, Code) and content_of(block) in {Content.SHELL, Content.SQL} for block in blocks):
        return True
    for block in blocks:
        if not isinstance(block, Items):
            continue
        if any(_holds_commands(item.nested) for item in block.items):
            return True
        told = sum(_imperative(context, item) for item in block.items)
        counted = block.ordered or any(item.checked is not None for item in block.items)
        if topic in _RUNS and (counted or told * 2 >= len(block.items) or any(item.nested for item in block.items)):
            return True
        if topic in _MAYBE and counted and told * 2 >= len(block.items) and told >= 2:
            return True
        if topic is Topic.PROCEDURES and NUMBERED.match(section.title):
            return True
    return False


def _holds_commands(blocks: Sequence[Block]) -> bool:
    return any(isinstance(block, Code) and content_of(block) in {Content.SHELL, Content.SQL} for block in blocks)


def _imperative(context: Context, item: Item) -> bool:
    words = re.findall(r"[A-Za-z]+", item.text)
    return bool(words) and (stem(words[0]) in _VERBS or bool(context.vocabulary.actions_of(item.text)))


# --- one procedure --------------------------------------------------------------------------------------------------


def _procedure(document: Document, context: Context, unit: _Unit, names: dict[str, int]) -> Procedure | None:
    section = unit.section
    title = section.title or document.title
    key = slug(without_timebox(title))
    names[key] = names.get(key, 0) + 1
    if names[key] > 1:
        key = f"{key}-{names[key]}"
    maker = StepMaker(document, context.vocabulary)
    reading = _Reading(maker=maker, document=document, context=context, phases=[], steps=[])
    reading.blocks(section.blocks, Place(procedure=key, box=timebox(title)))
    cause = _cause(section.blocks)
    for phase in unit.phases:
        if _answers(phase) and _CAUSE_QUESTION.search(phase.title):
            cause = cause or _prose(phase)
            continue
        name = _phase_name(phase.title)
        reading.phases.append(name)
        place = Place(procedure=key, phase=name, box=timebox(phase.title), condition=_branch(phase.title))
        if _answers(phase):
            reading.answer(phase, place)
        reading.blocks(phase.blocks, place)
        for below in phase.sections:
            reading.blocks(below.blocks, place)
    if not reading.steps and cause is None:
        return None
    scenario = context.outline.topic(section) is Topic.SCENARIOS or cause is not None or _named_scenario(section)
    intro = _introduction(section)
    kind = Scenario if scenario else Procedure
    line = section.heading.line if section.heading else None
    return kind(
        key=key,
        name=_name(title),
        applies_to=levels_in(title) or levels_in(intro),
        signals=_signals(context, f"{title}. {intro}"),
        phases=tuple(dict.fromkeys(reading.phases)),
        steps=tuple(reading.steps),
        cause=cause,
        source=document.source(line) if line else document.source_at(1),
    )


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
        for block in blocks:
            match block:
                case Paragraph():
                    label, place = self._label(block, place)
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
        if split is not None and not split[1] and _PHASE.match(split[0]):
            name = _phase_name(split[0])
            self.phases.append(name)
            return "", Place(
                procedure=place.procedure, phase=name, box=timebox(last) or place.box, condition=_branch(last)
            )
        return last.rstrip(":"), place

    def _item(self, item: Item, place: Place) -> None:
        commands = [block for block in item.nested if isinstance(block, Code)]
        lists = [block for block in item.nested if isinstance(block, Items)]
        made = [step for block in commands for step in self.maker_count(block, place)]
        if not item.nested or not (made or lists):
            self.steps.append(self.maker.of_item(item, place))
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
        )
        if name:
            self.phases.append(name)
        self.blocks(item.nested, below)

    def maker_count(self, block: Code, place: Place) -> Iterator[Step]:
        """The steps a fence would give, without taking their keys."""
        yield from StepMaker(self.document, self.context.vocabulary).of_code(block, place)

    def answer(self, section: Section, place: Place) -> None:
        """The actions that an answer in prose names, each as a step of its own."""
        for block in section.blocks:
            if not isinstance(block, Paragraph):
                continue
            for line in block.lines:
                plain = line.plain
                offset = match.end() if (match := _ANSWER.match(plain)) else 0
                for match in self.context.vocabulary.actions_of(plain):
                    if match.start < offset:
                        continue
                    text = _clause(plain, match.start, match.end)
                    self.steps.append(self.maker.of_text(text, self.document.source(line, match.start), place))


def _clause(text: str, start: int, end: int) -> str:
    """The words of an action up to the end of its clause."""
    stop = re.search(r"[,.;]\s|\s(?:and|or|to)\s(?=[a-z]+)|$", text[end:])
    return text[start : end + (stop.start() if stop else 0)].strip(" .,;")


def _commented(code: Code) -> bool:
    return any(line.strip().startswith(("#", "--")) for line in code.lines)


def _first_sentence(text: str) -> str:
    match = re.search(r"(?<=[^.\d])[.!](?=\s|$)", text)
    return (text[: match.start()] if match else text).strip()
