"""Which sections of a document are one procedure: a section of its own, or one with its phases below it."""

import re
from collections.abc import Iterator, Sequence

from stanch.model.pattern import Pattern
from stanch.model.record import record
from stanch.playbook.context import Context
from stanch.playbook.document import Block, Code, Item, Items, Paragraph, Section
from stanch.playbook.fences import Content, content_of
from stanch.playbook.imperative import tells
from stanch.playbook.phrases import Phrases
from stanch.playbook.topics import NUMBERED, Topic

_RUNS = frozenset({Topic.PROCEDURES, Topic.SCENARIOS})
_MAYBE = frozenset({Topic.PROSE, Topic.TRIGGERS, Topic.SYMPTOMS, Topic.ROLES})
_NEVER = frozenset({Topic.INCIDENTS, Topic.TEMPLATES, Topic.CONTACTS, Topic.SEVERITIES, Topic.EXAMPLES})
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

QUESTION = Pattern(r"\?\s*$")
_NAMED = Pattern(r"^(?:incident|scenario|case|issue|problem|alert)\s+#?\d+", re.IGNORECASE)


@record
class Unit:
    """One procedure: the section that names it, and the sections whose blocks are its phases."""

    section: Section
    phases: tuple[Section, ...]


def units(context: Context, section: Section) -> Iterator[Unit]:
    """Every procedure of a section and of those below it, in document order."""
    return _Units(context).of(section)


def named_scenario(section: Section) -> bool:
    """Whether a heading counts cases ("Incident 2: ...")."""
    return bool(_NAMED.match(section.title))


def answers(section: Section) -> bool:
    """Whether a section is a question with its answer in prose."""
    first = section.blocks[0] if section.blocks else None
    return isinstance(first, Paragraph) and bool(QUESTION.search(section.title))


class _Units:
    """Remembers which sections run, since each is asked for by every section above it."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self._below: dict[Section, bool] = {}

    def of(self, section: Section) -> Iterator[Unit]:
        if self.context.outline.topic(section) in _NEVER:
            return
        phases = self.phases(section)
        if phases:
            yield Unit(section=section, phases=phases)
            taken = {*phases, *(self.context.outline.parents[phase] for phase in phases)}
        else:
            taken = set()
            if self.runs(section):
                yield Unit(section=section, phases=())
        for child in section.sections:
            if child not in taken:
                yield from self.of(child)

    def phases(self, section: Section) -> tuple[Section, ...]:
        """The sections below that are phases of this one; none where it only groups procedures."""
        topic = self.context.outline.topic(section)
        if section.heading is None or not section.sections or topic not in _RUNS | _MAYBE:
            return ()
        running = [child for child in self._parts(section) if self.runs_below(child)]
        labels = all(child.heading and child.heading.level > 6 for child in running)
        if not running or (_CONTAINER.inside(section.title) and not labels):
            return ()
        fitting = tuple(child for child in running if _is_phase(child))
        asks = any(QUESTION.search(child.title) and not answers(child) for child in fitting)
        whole = section.heading.level > 1 or (len(fitting) == len(running) and not _names_itself(running))
        return fitting if whole and not asks and len(fitting) * 2 > len(running) else ()

    def _parts(self, section: Section) -> Sequence[Section]:
        """The children that can run; a lone heading above them all ("Questions") is looked through."""
        children = [child for child in section.sections if self.context.outline.topic(child) in _RUNS | _MAYBE]
        if len(children) == 1 and not children[0].blocks and children[0].sections and PHASE.match(children[0].title):
            return children[0].sections
        return children

    def runs_below(self, section: Section) -> bool:
        known = self._below.get(section)
        if known is None:
            known = self.runs(section) or answers(section) or any(map(self.runs_below, section.sections))
            self._below[section] = known
        return known

    def runs(self, section: Section) -> bool:
        """Whether a section's own blocks hold steps: commands, or a list that tells to do something."""
        topic = self.context.outline.topic(section)
        if topic not in _RUNS | _MAYBE:
            return False
        if _holds_commands(section.blocks):
            return True
        return any(isinstance(block, Items) and self._tells(section, topic, block) for block in section.blocks)

    def _tells(self, section: Section, topic: Topic, block: Items) -> bool:
        if any(_holds_commands(item.nested) for item in block.items):
            return True
        told = sum(self._imperative(item) for item in block.items)
        mostly = told * 2 >= len(block.items)
        counted = block.ordered or any(item.checked is not None for item in block.items)
        if topic in _RUNS:
            nested = any(item.nested for item in block.items)
            return counted or mostly or nested or (topic is Topic.PROCEDURES and bool(NUMBERED.match(section.title)))
        return counted and mostly and told >= 2

    def _imperative(self, item: Item) -> bool:
        return tells(item.text) or bool(self.context.vocabulary.actions_of(item.text))


def _is_phase(section: Section) -> bool:
    labelled = section.heading is not None and section.heading.level > 6 and not named_scenario(section)
    return labelled or bool(NUMBERED.match(section.title) or PHASE.match(section.title)) or answers(section)


def _names_itself(running: Sequence[Section]) -> bool:
    """Whether the one thing that runs below a document's title has a title of its own, not just "Steps"."""
    return len(running) == 1 and len(running[0].title.split()) > 2


def _holds_commands(blocks: Sequence[Block]) -> bool:
    return any(isinstance(block, Code) and content_of(block) in {Content.SHELL, Content.SQL} for block in blocks)
