"""Which sections of a document are one procedure: a section of its own, or one with its phases below it."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from stanch.playbook.context import Context
from stanch.playbook.document import Block, Code, Item, Items, Paragraph, Section
from stanch.playbook.fences import Content, content_of
from stanch.playbook.imperative import tells
from stanch.playbook.phrases import Phrases
from stanch.playbook.topics import NUMBERED, Topic

_RUNS = frozenset({Topic.PROCEDURES, Topic.SCENARIOS})
_MAYBE = frozenset({Topic.PROSE, Topic.TRIGGERS, Topic.SYMPTOMS, Topic.ROLES})
_CONTAINER = Phrases(
    r"procedures|scenarios|issues|problems|incidents|runbooks|playbooks|alerts|failures|actions by|types|failure modes",
    r"troubleshooting|common|guides?|faq",
)
PHASE = Phrases(
    r"^(?:\d+[.):]\s*|(?:step|phase|stage)\s+\w+\s*[:.\u2013-]\s*|t\s?\+.*|\W*)"
    r"(?:immediate|initial|investigation|investigate|diagnos\w+|triage|assess\w*|mitigat\w+|resol\w+|remediat\w+"
    r"|recover\w*|verif\w+|validat\w+|prevent\w*|communicat\w+|detect\w*|contain\w*|eradicat\w+|escalat\w+|rollback"
    r"|steps?|actions?|response|follow[\s-]?up|long[\s-]?term|short[\s-]?term|quick|root cause|cleanup|post"
    r"|preparation|prerequisites|checks?|first|deep dive|traffic|emergency|proactive|fix|solution|analysis|monitor\w*"
    r"|before|during|after|option|questions?|confirm|identify|stabili[sz]e|restore|review|test|deploy|rollout|notify)\b",
    whole=False,
)
"""Headings that name a part of a procedure, not a procedure of its own."""

QUESTION = re.compile(r"\?\s*$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """One procedure: the section that names it, and the sections whose blocks are its phases."""

    section: Section
    phases: tuple[Section, ...]


def units(context: Context, section: Section) -> Iterator[Unit]:
    """Every procedure of a section and of those below it, in document order."""
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
        yield Unit(section=section, phases=phases)
        taken = {*phases, *(context.outline.parents[phase] for phase in phases)}
        for child in section.sections:
            if child not in taken:
                yield from units(context, child)
        return
    if _runs(context, section, section.blocks):
        yield Unit(section=section, phases=())
    for child in section.sections:
        yield from units(context, child)


def _phases(context: Context, section: Section) -> Iterator[Section]:
    """The sections below that are phases of this one; none where it only groups procedures."""
    if section.heading is None or not section.sections:
        return
    topic = context.outline.topic(section)
    if topic not in _RUNS | _MAYBE:
        return
    children = [child for child in section.sections if context.outline.topic(child) in _RUNS | _MAYBE]
    if len(children) == 1 and not children[0].blocks and children[0].sections and PHASE.match(children[0].title):
        children = list(children[0].sections)
    running = [child for child in children if _runs_below(context, child)]
    if not running or (
        _CONTAINER.inside(section.title) and not all(child.heading and child.heading.level > 6 for child in running)
    ):
        return
    fitting = [
        child
        for child in running
        if (child.heading and child.heading.level > 6 and not named_scenario(child))
        or NUMBERED.match(child.title)
        or PHASE.match(child.title)
        or answers(child)
    ]
    questions = [child for child in fitting if QUESTION.search(child.title) and not answers(child)]
    if questions or len(fitting) * 2 <= len(running) or (section.heading.level == 1 and len(fitting) < len(running)):
        return
    yield from fitting


def _runs_below(context: Context, section: Section) -> bool:
    return any(_runs(context, inner, inner.blocks) or answers(inner) for inner in section.walk())


def named_scenario(section: Section) -> bool:
    return bool(re.match(r"^(?:incident|scenario|case|issue|problem|alert)\s+#?\d+", section.title, re.IGNORECASE))


def answers(section: Section) -> bool:
    """Whether a section is a question with its answer in prose."""
    first = section.blocks[0] if section.blocks else None
    return bool(QUESTION.search(section.title)) and isinstance(first, Paragraph)


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
    return tells(item.text) or bool(context.vocabulary.actions_of(item.text))
