"""What happened before: title, date, cause, what was done, what was learned."""

import re
from collections.abc import Sequence

from stanch.model.pattern import Pattern
from stanch.model.plan import PastIncident
from stanch.playbook.context import Context, Findings
from stanch.playbook.dates import date_of
from stanch.playbook.document import Document, Section
from stanch.playbook.fields import Part, items_in, labelled_parts
from stanch.playbook.topics import Topic

CAUSE = Pattern(
    r"^(?:root )?causes?$|^(?:critical )?issue$|^problem$|^crisis$|^trigger$|^what went wrong$|^reason$", re.IGNORECASE
)
ACTIONS = Pattern(
    r"^(?:resolution|solution|actions?(?: taken)?|immediate (?:actions?|response|steps)|fix(?:es)?|mitigation"
    r"|response|remediation|what we did|recovery)$",
    re.IGNORECASE,
)
LESSONS = Pattern(
    r"^(?:lessons?(?: learn(?:ed|t))?|(?:key )?takeaways?|learnings?|what we learned|follow-?ups?|action items"
    r"|improvements?|mandatory changes?|new (?:requirements?|standards?|rules|practices|policies)"
    r"|prevent(?:ion|ive (?:measures|actions)))$",
    re.IGNORECASE,
)


def read(document: Document, context: Context) -> Findings:
    """Every past incident: a section about one that has a date, a cause, or a list of what was done."""
    facts: list[PastIncident] = []
    for section in context.outline.of(Topic.INCIDENTS):
        fact = _incident(document, section)
        if fact is not None:
            facts.append(fact)
    return tuple(facts), ()


def _incident(document: Document, section: Section) -> PastIncident | None:
    if section.heading is None:
        return None
    parts = list(labelled_parts(section.blocks))
    parts.extend(_part(child) for child in section.sections if date_of(child.title) is None)
    cause = next((part.text for part in parts if part.label and CAUSE.match(part.label) and part.text), None)
    date = date_of(section.title) or next(
        (date_of(part.text) for part in parts if part.label and part.label.lower() in {"date", "when", "occurred"}),
        None,
    )
    actions = _texts(parts, ACTIONS)
    lessons = _texts(parts, LESSONS)
    if date is None and cause is None:
        return None
    if not (cause or actions or lessons):
        return None
    title = re.sub(r"\s*[(\u2013\u2014-]*\s*(?:19|20)\d\d-\d\d-\d\d\)?\s*[:\u2013\u2014-]?\s*", " ", section.title)
    title = re.sub(r"^(?:major |past |critical )?incident(?: #?\d+)?:\s*", "", title.strip(), flags=re.IGNORECASE)
    return PastIncident(
        title=title.strip(),
        date=date,
        cause=cause,
        actions=actions,
        lessons=lessons,
        source=document.source(section.heading.line),
    )


def _part(section: Section) -> Part:
    """A section below an incident, as if its heading were a label."""
    text = " ".join(part.text for part in labelled_parts(section.blocks) if part.label is None)
    line = section.heading.line if section.heading else None
    return Part(label=section.title, line=line, text=text, lines=(), blocks=section.blocks)


def _texts(parts: Sequence[Part], label: Pattern) -> tuple[str, ...]:
    found: list[str] = []
    for part in parts:
        if part.label and label.match(part.label):
            found.extend(text for text, _ in items_in(part.blocks))
            if part.text and part.text not in found:
                found.insert(0, part.text)
    return tuple(found)
