"""Messages that wait for their words: a heading, and the text that is sent."""

import re
from collections.abc import Iterator, Sequence

from stanch.model.plan import Template
from stanch.playbook.context import Context, Findings
from stanch.playbook.document import (
    Block,
    Code,
    Document,
    Heading,
    Html,
    Items,
    Line,
    Paragraph,
    Quote,
    Section,
    Table,
    lines_of,
)
from stanch.playbook.slots import slots_in
from stanch.playbook.topics import Topic

_AUDIENCES: tuple[tuple[str, str], ...] = (
    (
        "stakeholders",
        (
            r"\binternal|\bstakeholder|\bexecutive|\bmanagement|\bleadership|\bteam\b|\bescalation|\bslack\b"
            r"|\bpost-?mortem|\bhandoff|\bhandover"
        ),
    ),
    ("status page", r"\bstatus page|\bstatuspage"),
    ("authority", r"\bauthorit|\bregulator"),
    ("users", r"\buser|\bcustomer|\bpatient|\bexternal|\bpublic|\bclient|\bsocial|\btwitter"),
)


def read(document: Document, context: Context) -> Findings:
    """Every template. A section above that only groups templates is none itself."""
    facts: list[Template] = []
    for section in context.outline.of(Topic.TEMPLATES):
        if section.heading is None:
            continue
        found = _body(section)
        if found is None:
            continue
        line, body = found
        slots = slots_in(body)
        parent = context.outline.parents[section]
        alone = parent is None or context.outline.topic(parent) is not Topic.TEMPLATES
        if alone and section.sections and not slots:
            continue
        facts.append(
            Template(
                name=section.title,
                audience=audience(section.title, body),
                body=body,
                slots=slots,
                source=document.source(section.heading.line) if line is None else document.source(line),
            )
        )
    return tuple(facts), ()


def audience(title: str, body: str) -> str:
    """Who is told: users, stakeholders, status page or authority."""
    for text in (title, body):
        for name, pattern in _AUDIENCES:
            if re.search(pattern, text, re.IGNORECASE):
                return name
    return "stakeholders"


def _body(section: Section) -> tuple[Line | None, str] | None:
    """The message: a fence or quote where there is one, else everything that is written."""
    quoted = [block for block in section.blocks if isinstance(block, Code | Quote)]
    blocks: Sequence[Block] = quoted or [block for block in section.blocks if not isinstance(block, Heading)]
    texts = [text for block in blocks if (text := _text(block))]
    if not texts:
        return None
    first = next((line for block in blocks for line in lines_of(block)), None)
    body = "\n\n".join(texts).strip()
    if len(body) > 1 and body[0] in '"\u201c' and body[-1] in '"\u201d':
        body = body[1:-1]
    return first, body


def _text(block: Block) -> str:
    match block:
        case Code():
            return block.text
        case Quote():
            return "\n\n".join(filter(None, map(_text, block.blocks)))
        case Paragraph() | Html():
            return "\n".join(line.plain for line in block.lines)
        case Items():
            return "\n".join(_items(block))
        case Table() | Heading():
            return ""


def _items(block: Items) -> Iterator[str]:
    for item in block.items:
        yield f"- {item.text}"
