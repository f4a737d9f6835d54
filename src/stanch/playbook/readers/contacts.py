"""Who is reached where: names with an address, a number or a channel."""

import re
from collections.abc import Iterator

from stanch.model.pattern import Pattern
from stanch.model.plan import Contact
from stanch.playbook.context import Context, Findings
from stanch.playbook.document import Block, Document, Items, Line, Paragraph, Quote, Table
from stanch.playbook.fields import split_label
from stanch.playbook.topics import Topic

_ADDRESS = Pattern(
    r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+|\+?\d[\d\s().-]{5,}\d|#[\w-]{2,}|https?://\S+|@[\w.-]{2,}"
    r"|\bext(?:ension)?\.? ?\d+|\bpagerduty\b.*|\bslack\b.*|\bopsgenie\b.*",
    re.IGNORECASE,
)
_PLACEHOLDER = Pattern(
    r"^\W*$|^\[.*\]$|^<.*>$|^\{.*\}$|^\(.*\)$|\bx{3,}\b|\bxxx|\btb[da]\b|^n/?a$|\byour[-_ ]|placeholder"
    r"|\bphone\b|^_+$|\bfill in\b|\binsert\b|@example\.com$"
    r"|\b(?:555-)?(?:xxxx|0000)\b|123-?456-?7890|\[(?:phone|email|contact|name|number)",
    re.IGNORECASE,
)


def is_placeholder(text: str) -> bool:
    """Whether an address still waits to be filled in."""
    return bool(_PLACEHOLDER.search(text.strip()))


def read(document: Document, context: Context) -> Findings:
    """Every contact, those that still wait to be filled in marked as placeholders."""
    facts = [
        Contact(name=name, address=address, placeholder=is_placeholder(address), source=document.source(line))
        for section in context.outline.of(Topic.CONTACTS)
        for block in section.blocks
        for line, name, address in _entries(block)
    ]
    return tuple(facts), ()


def _entries(block: Block) -> Iterator[tuple[Line, str, str]]:
    match block:
        case Items():
            for item in block.items:
                for line in item.lines[:1]:
                    yield from _of_line(line)
                for nested in item.nested:
                    yield from _entries(nested)
        case Paragraph():
            for line in block.lines:
                yield from _of_line(line)
        case Quote():
            for inner in block.blocks:
                yield from _entries(inner)
        case Table():
            yield from _of_table(block)
        case _:
            pass


def _of_line(line: Line) -> Iterator[tuple[Line, str, str]]:
    text = line.plain.strip()
    split = split_label(text)
    if split is None:
        dashed = re.match(r"^(?P<name>[^:@+\d]{2,60}?)\s+[-\u2013\u2014|]\s+(?P<address>\S.*)$", text)
        if dashed and (_ADDRESS.search(dashed["address"]) or is_placeholder(dashed["address"])):
            yield line, dashed["name"].strip(), dashed["address"].strip()
        return
    name, address = split
    if address and (_ADDRESS.search(address) or is_placeholder(address)):
        yield line, name, address


_NAME = Pattern(r"role|name|who|team|contact|person|position|service|function", re.IGNORECASE)
_REACHED = Pattern(r"phone|e-?mail|contact|slack|channel|number|reach|address|pager|mobile|handle|how", re.IGNORECASE)


def _of_table(table: Table) -> Iterator[tuple[Line, str, str]]:
    titles = [cell.plain for cell in table.header]
    for row in table.rows:
        if len(row) < 2:
            continue
        name_at = next(
            (
                index
                for index, title in enumerate(titles)
                if _NAME.search(title) and not re.search(r"phone|mail", title, re.IGNORECASE)
            ),
            0,
        )
        for index, cell in enumerate(row):
            title = titles[index] if index < len(titles) else ""
            text = cell.plain.strip()
            if index == name_at or not text:
                continue
            if _ADDRESS.fullmatch(text) or (_REACHED.search(title) and (_ADDRESS.search(text) or is_placeholder(text))):
                yield cell, row[name_at].plain.strip(), text
                break
