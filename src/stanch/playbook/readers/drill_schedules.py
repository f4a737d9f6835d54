"""How often what is rehearsed."""

import re

from stanch.model.pattern import Pattern
from stanch.model.plan import DrillSchedule
from stanch.playbook.context import Context, Findings
from stanch.playbook.document import Document, Items, Line, Paragraph, Table, lines_of
from stanch.playbook.topics import Topic

_EVERY = Pattern(
    r"\b(?P<every>weekly|bi-?weekly|fortnightly|monthly|bi-?monthly|quarterly|semi-?annual(?:ly)?"
    r"|bi-?annual(?:ly)?|yearly|annual(?:ly)?"
    r"|(?:once|twice|\d+ times) (?:a|per) (?:week|month|quarter|year)|(?:every|each) (?:\d+ |two |three |six "
    r"|other )?(?:weeks?|months?|quarters?|years?))\b",
    re.IGNORECASE,
)
_DRILL = Pattern(
    r"\b(?:drills?|game ?days?|exercises?|tabletops?|simulations?|rehears\w+|chaos (?:tests?|testing|days?)"
    r"|(?:restore|failover|recovery|backup|dr|disaster recovery|rollback|incident response) (?:tests?|testing)"
    r"|fire ?drills?)\b",
    re.IGNORECASE,
)


def read(document: Document, context: Context) -> Findings:
    """Every line that names a rehearsal and its period, wherever it stands."""
    facts: list[DrillSchedule] = []
    for section in context.outline.sections:
        if context.outline.topic(section) in {Topic.INCIDENTS, Topic.EXAMPLES}:
            continue
        for block in section.blocks:
            if isinstance(block, Items | Paragraph | Table):
                facts.extend(fact for line in lines_of(block) if (fact := _schedule(document, line)) is not None)
    return tuple(facts), ()


def _schedule(document: Document, line: Line) -> DrillSchedule | None:
    text = line.plain.strip()
    every = _EVERY.search(text)
    if every is None or not _DRILL.search(text) or len(text) > 300:
        return None
    what = " ".join((text[: every.start()] + text[every.end() :]).replace(":", " ").split()).strip(" .-\u2013,()")
    return DrillSchedule(what=what or text, every=every["every"].lower(), source=document.source(line))
