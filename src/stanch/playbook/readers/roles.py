"""The roles of an incident, and the severities they are for."""

import re
from collections.abc import Iterator

from stanch.model.pattern import Pattern
from stanch.model.plan import Role
from stanch.playbook.context import Context, Findings
from stanch.playbook.document import Block, Document, Items, Line, Table
from stanch.playbook.fields import split_label
from stanch.playbook.severity import levels_in
from stanch.playbook.topics import Topic

_ROLE = Pattern(
    r"\b(?:engineers?|managers?|leads?|leader|commander|officer|director|head|owner|team|support|cto|ceo|ciso"
    r"|cio|vp|dba|"
    r"administrators?|admin|developers?|sre|devops|on-?call|responders?|scribe|liaison|coordinator|analyst"
    r"|expert|smes?|"
    r"executives?|primary|secondary|architect|counsel|pr|communications?)\b",
    re.IGNORECASE,
)
_ONLY = Pattern(r"\s*\((?P<for>[^)]*)\)\s*$")


def read(document: Document, context: Context) -> Findings:
    """Every role named in a section about roles or the team."""
    facts: list[Role] = []
    seen: set[str] = set()
    for section in context.outline.of(Topic.ROLES, Topic.RESPONSIBILITIES):
        named = context.outline.topic(section) is Topic.ROLES
        candidates = list(_names(section.blocks, labelled=not named))
        if section.heading and not candidates and _ROLE.search(section.title) and section.heading.level > 3:
            candidates = [(section.heading.line, section.title)]
        for line, text in candidates:
            name, severities = _role(text)
            if name.lower() in seen or not _is_role(name):
                continue
            seen.add(name.lower())
            facts.append(Role(name=name, severities=severities, source=document.source(line)))
    return tuple(facts), ()


def _is_role(name: str) -> bool:
    return bool(_ROLE.search(name)) and len(name.split()) <= 6


def _role(text: str) -> tuple[str, tuple[str, ...]]:
    split = split_label(text)
    name = split[0] if split else re.split(r"\s+[-\u2013\u2014]\s+", text, maxsplit=1)[0]
    severities = levels_in(name) or levels_in(text)
    only = _ONLY.search(name)
    if only:
        name = name[: only.start()]
    return name.strip(" *."), severities


def _names(blocks: tuple[Block, ...], *, labelled: bool) -> Iterator[tuple[Line, str]]:
    """Entries and cells that can name a role; with `labelled`, of entries only those that say what it does."""
    for block in blocks:
        match block:
            case Items():
                for item in block.items:
                    if item.text and (split_label(item.text) or not labelled):
                        yield item.line, item.text
            case Table():
                titles = [cell.plain.lower() for cell in block.header]
                at = next(
                    (index for index, title in enumerate(titles) if re.search(r"role|position|title|team|who", title)),
                    0,
                )
                for row in block.rows:
                    if len(row) > at:
                        yield row[at], row[at].plain.strip()
            case _:
                pass
