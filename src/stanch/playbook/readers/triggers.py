"""When to roll back, restart or fail over: a condition with what is done."""

import re
from collections.abc import Iterator

from stanch.model.pattern import Pattern
from stanch.model.plan import Threshold, Trigger
from stanch.playbook.context import Context, Findings
from stanch.playbook.document import Document, Items, Line, Paragraph, Passage, Section
from stanch.playbook.readers import thresholds
from stanch.playbook.topics import Topic
from stanch.playbook.words import slug

_ACTION = (
    ("rollback_release", Pattern(r"roll(?:ed)?[ -]?back|revert", re.IGNORECASE)),
    ("restart_service", Pattern(r"re-?start|reboot", re.IGNORECASE)),
    ("failover_database", Pattern(r"fail[ -]?over", re.IGNORECASE)),
    ("escalate", Pattern(r"escalat", re.IGNORECASE)),
)


def read(document: Document, context: Context) -> Findings:
    """Every trigger; its threshold is the fact that the thresholds' reader has for the same line."""
    facts: list[Trigger] = []
    for section in context.outline.of(Topic.TRIGGERS):
        found = thresholds.of_section(document, context, section)
        limits = {fact.source.line: fact for fact in found if isinstance(fact, Threshold)}
        action = _action(" ".join((section.title, *(above.title for above in context.outline.above(section)))))
        procedure = _procedure(context, section)
        for line, text in _entries(section):
            facts.append(
                Trigger(
                    condition=text,
                    threshold=limits.get(line.number),
                    action=_action(text) or action,
                    procedure=procedure,
                    source=document.source(line),
                )
            )
    return tuple(facts), ()


def _action(text: str) -> str | None:
    return next((name for name, pattern in _ACTION if pattern.search(text)), None)


def _entries(section: Section) -> Iterator[tuple[Line, str]]:
    for block in section.blocks:
        match block:
            case Items():
                for item in block.items:
                    if item.text:
                        yield item.line, item.text
            case Paragraph() if not any(isinstance(other, Items) for other in section.blocks):
                passage = Passage(lines=block.lines)
                yield block.lines[0], passage.text
            case _:
                pass


def _procedure(context: Context, section: Section) -> str | None:
    """The steps beside the triggers: the sibling section that runs."""
    parent = context.outline.parents[section]
    if parent is None:
        return None
    for sibling in parent.sections:
        if sibling is not section and context.outline.topic(sibling) is Topic.PROCEDURES and sibling.blocks:
            return slug(sibling.title)
    return None
