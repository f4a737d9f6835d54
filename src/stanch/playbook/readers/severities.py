"""Severity levels: from tables, headings (`P0 - Critical (Response: Immediate)`), bullets and fields."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from stanch.model.pattern import Pattern
from stanch.model.plan import ClockPromise, Regrade, Severity
from stanch.model.problem import Source
from stanch.playbook.context import Context, Findings
from stanch.playbook.document import Block, Document, Item, Items, Line, Paragraph, Section, Table
from stanch.playbook.fields import items_in, labelled_parts, split_label
from stanch.playbook.phrases import Phrases
from stanch.playbook.quantity import duration
from stanch.playbook.severity import LEVEL, NAMED, level_of, levels_in
from stanch.playbook.topics import Topic, tables

_CLOCKS: tuple[tuple[str, str], ...] = (
    ("acknowledge", r"\back(?:nowledge(?:d|ment)?s?)?\b|\bmtta\b|time to ack|\bfirst response|initial response"),
    ("update", r"\bupdates?\b|\bcadence\b|\bcommunications?\b|\bcomms\b|\bstatus (?:page|report)"),
    ("contain", r"\bcontain(?:ed|ment)?\b|\bmitigat(?:e|ed|ion)\b|\bmttm\b|\bworkaround\b|\bstabili[sz]e"),
    (
        "resolve",
        r"\bresol(?:ve|ved|ution)\b|\bmttr\b|\bfix(?:ed)?\b|\brecover(?:y|ed)?\b|\brestor|\bsla\b|\btarget time",
    ),
    ("review", r"\breviews?\b|\bpost-?mortems?\b|\bretro(?:spective)?\b|\brca\b"),
    ("acknowledge", r"\brespon(?:se|d)\b|\breaction\b|\bpage\b|\btriage\b"),
)
_COLUMNS = {
    "level": Pattern(
        r"^(?:level|severity|sev|priority|p|class(?:ification)?|severity level|priority level|#|tier)$", re.IGNORECASE
    ),
    "name": Pattern(r"^(?:name|label|title|impact level|urgency)$", re.IGNORECASE),
    "criteria": Pattern(r"descr|defin|criteri|mean|example|impact|condition|symptom|when", re.IGNORECASE),
}
_TIMELESS = Pattern(
    r"^(?:immediate(?:ly)?|asap|n/?a|none|best effort|-|next (?:business|working) day|business hours|next"
    r" sprint|when possible|as needed|same day|within business hours|backlog|.*\b(?:business|working) (?:day"
    r"|hour)s?\b.*)$",
    re.IGNORECASE,
)
_INLINE_CLOCK = Pattern(
    r"(?P<what>[A-Za-z][A-Za-z -]{1,40}?)\s*(?::|<|\u2264|<=|within|in|every|=|-)\s*(?P<time>[^,;.()|]+)"
)
_PERIODIC = Pattern(
    r"\b(?P<what>updates?|communicat\w+|status (?:page|reports?)|cadence)\s+(?P<time>hourly|daily|weekly)\b",
    re.IGNORECASE,
)


@dataclass(slots=True)
class _Draft:
    level: str
    name: str
    source: Source
    clocks: list[ClockPromise] = field(default_factory=list)
    criteria: list[str] = field(default_factory=list)


def clock_name(text: str) -> str | None:
    """Which promise a column or label speaks of."""
    return next((name for name, pattern in _CLOCKS if re.search(pattern, text, re.IGNORECASE)), None)


def promise(name: str, text: str) -> ClockPromise:
    """A promise; without seconds where the text is no number, or counts business days."""
    timeless = re.search(r"\b(?:business|working)\b", text, re.IGNORECASE)
    seconds = None if timeless else duration(text)
    return ClockPromise(name=name, seconds=seconds, text=text.strip())


def read(document: Document, context: Context) -> Findings:
    """Every severity, in document order; a level defined in several places of one document is put together."""
    drafts: dict[str, _Draft] = {}
    for section in context.outline.sections:
        topic = context.outline.topic(section)
        if topic is Topic.SEVERITIES:
            for draft in _of_section(document, section):
                _join(drafts, draft)
        elif topic not in {Topic.TEMPLATES, Topic.CONTACTS, Topic.INCIDENTS, Topic.EXAMPLES}:
            for table in tables(section):
                for draft in _of_table(document, table):
                    if draft.clocks and LEVEL.match(draft.level):
                        draft.criteria.clear()
                        _join(drafts, draft)
    review = _review(context) if drafts else None
    if review is not None:
        for draft in drafts.values():
            if all(clock.name != "review" for clock in draft.clocks):
                draft.clocks.append(review)
    regrades = dict(_regrades(context)) if drafts else {}
    return tuple(_severity(draft, regrades.get(draft.level, ())) for draft in drafts.values()), ()


def _join(drafts: dict[str, _Draft], draft: _Draft) -> None:
    known = drafts.setdefault(draft.level, draft)
    if known is draft:
        return
    known.criteria.extend(text for text in draft.criteria if text not in known.criteria)
    names = {clock.name for clock in known.clocks}
    known.clocks.extend(clock for clock in draft.clocks if clock.name not in names)
    known.name = known.name or draft.name


def _severity(draft: _Draft, regrades: tuple[Regrade, ...]) -> Severity:
    response = next((clock for clock in draft.clocks if clock.name == "acknowledge"), None)
    return Severity(
        level=draft.level,
        name=draft.name,
        response_s=response.seconds if response else None,
        clocks=tuple(draft.clocks),
        criteria=tuple(draft.criteria),
        regrades=regrades,
        source=draft.source,
    )


_POST_MORTEM = Phrases(r"post-?mortems?|post-?incident reviews?|retrospectives?|blameless reviews?")
_DEADLINE = Phrases(r"within|no later than|in under")


def _review(context: Context) -> ClockPromise | None:
    """The time within which every incident is reviewed, where the document says it of all ("within 24 hours")."""
    for section in context.outline.sections:
        about = _POST_MORTEM.inside(section.title)
        for block in section.blocks:
            for line, above in _with_parents(block, ""):
                text = line.plain
                if (
                    (about or _POST_MORTEM.inside(f"{above} {text}"))
                    and _DEADLINE.inside(text)
                    and not LEVEL.search(text)
                    and duration(text) is not None
                ):
                    return promise("review", text)
    return None


def _with_parents(block: Block, above: str) -> Iterator[tuple[Line, str]]:
    """Lines of prose with the list entries that they stand under."""
    match block:
        case Paragraph():
            yield from ((line, above) for line in block.lines)
        case Items():
            for item in block.items:
                yield from ((line, above) for line in item.lines)
                for inner in item.nested:
                    yield from _with_parents(inner, f"{above} {item.text}")
        case _:
            return


_REGRADES = Phrases(
    r"treat\w*|consider\w*|escalat\w*|upgrad\w*|becomes?|promot\w*|raise[sd]?|bump(?:ed)?|re-?grad\w*|reclassif\w*|moves?"
)


def _regrades(context: Context) -> Iterator[tuple[str, tuple[Regrade, ...]]]:
    """Levels that an incident changes to when it stays open ("P1 open > 4 hours: consider P0")."""
    found: dict[str, list[Regrade]] = {}
    for section in context.outline.sections:
        for block in section.blocks:
            for line, _ in _with_parents(block, ""):
                text = line.plain.strip()
                levels = levels_in(text)
                after = duration(text) if len(levels) == 2 and _REGRADES.inside(text) else None
                if after:
                    found.setdefault(levels[0], []).append(Regrade(to=levels[1], after_s=after, text=text))
    return ((level, tuple(regrades)) for level, regrades in found.items())


def _of_section(document: Document, section: Section) -> Iterator[_Draft]:
    if section.heading:
        match = LEVEL.search(section.title)
        if match and len(LEVEL.findall(section.title)) == 1:
            yield _of_heading(document, section, match)
            return
    for block in section.blocks:
        match block:
            case Table():
                yield from _of_table(document, block)
            case Items():
                for item in block.items:
                    yield from _of_item(document, item)
            case Paragraph():
                for line in block.lines:
                    found = LEVEL.match(line.plain.strip())
                    if found:
                        yield _of_line(document, line, found, line.plain.strip())
            case _:
                pass


def _title_parts(text: str, match: re.Match[str]) -> tuple[str, str]:
    """The name of a level and what is left of its heading: `P0 - Critical (Response: Immediate)`."""
    rest = (text[: match.start()] + " " + text[match.end() :]).strip()
    rest = re.sub(r"^[\s:\u2013\u2014()\[\]-]+", "", rest)
    name = re.split(r"\s*[(:\u2013\u2014,/|]|\s-\s", rest, maxsplit=1)[0].strip(" -*)")
    named = NAMED.match(name)
    return (named["name"].capitalize() if named and len(name.split()) > 3 else name), rest[len(name) :]


def _of_heading(document: Document, section: Section, match: re.Match[str]) -> _Draft:
    assert section.heading is not None
    name, rest = _title_parts(section.title, match)
    draft = _Draft(level=level_of(match), name=name, source=document.source(section.heading.line))
    draft.clocks.extend(_inline_clocks(rest))
    for part in labelled_parts(section.blocks):
        clock = clock_name(part.label) if part.label else None
        if part.label and clock and part.text:
            draft.clocks.append(promise(clock, part.text))
        elif part.text and part.label is None:
            draft.criteria.append(part.text)
        for text, _ in items_in(part.blocks):
            _add(draft, text)
    for child in section.sections:
        clock = clock_name(child.title)
        texts = [text for text, _ in items_in(child.blocks)]
        for text in texts:
            if clock and duration(text) is not None:
                draft.clocks.append(promise(clock, text))
            else:
                _add(draft, text)
    return draft


def _add(draft: _Draft, text: str) -> None:
    split = split_label(text)
    clock = clock_name(split[0]) if split else None
    if split and clock and (duration(split[1]) is not None or _TIMELESS.match(split[1])):
        draft.clocks.append(promise(clock, split[1]))
    elif split and re.search(r"^(?:description|definition|examples?|criteria|impact)$", split[0], re.IGNORECASE):
        draft.criteria.append(split[1])
    else:
        draft.criteria.append(text)


def _of_item(document: Document, item: Item) -> Iterator[_Draft]:
    match = LEVEL.match(item.text.strip())
    if match:
        yield _of_line(document, item.line, match, item.text, [text for text, _ in items_in(item.nested)])


def _of_line(document: Document, line: Line, match: re.Match[str], text: str, nested: Sequence[str] = ()) -> _Draft:
    after = text[match.end() :]
    clocks = _inline_clocks(after)
    name, rest = _title_parts(text, match)
    criteria = re.sub(r"^[\s:()\u2013\u2014-]+", "", rest).strip(" )")
    if NAMED.match(name) is None:
        criteria, name = re.sub(r"^[\s:()\u2013\u2014-]+", "", after).strip(" )"), ""
    draft = _Draft(level=level_of(match), name=name, source=document.source(line))
    if not clocks and _TIMELESS.match(criteria):
        clocks, criteria = [promise("acknowledge", criteria)], ""
    draft.clocks.extend(clocks)
    if clocks:
        criteria = _INLINE_CLOCK.split(criteria, maxsplit=1)[0].strip(" ,.;(")
    if criteria:
        draft.criteria.append(criteria)
    for entry in nested:
        _add(draft, entry)
    return draft


def _inline_clocks(text: str) -> list[ClockPromise]:
    """`ack < 5m, mitigate < 30m, resolve < 2h`, `(Response: Immediate)`, `< 1 hour response`."""
    found: list[ClockPromise] = []
    for match in _INLINE_CLOCK.finditer(text):
        name = clock_name(match["what"])
        if name and (duration(match["time"]) is not None or _TIMELESS.match(match["time"].strip())):
            found.append(promise(name, match["time"]))
    found.extend(
        promise(name, match["time"]) for match in _PERIODIC.finditer(text) if (name := clock_name(match["what"]))
    )
    if not found:
        leading = re.search(
            (
                r"[<(]?\s*(?P<time>\d[\w .-]*?(?:min\w*|hours?|hrs?|h|m|days?|d))\s+(?P<what>response|ack\w*"
                r"|resolution|sla)"
            ),
            text,
            re.IGNORECASE,
        )
        name = clock_name(leading["what"]) if leading else None
        if leading and name:
            found.append(promise(name, leading["time"]))
    unique: dict[str, ClockPromise] = {}
    for clock in found:
        unique.setdefault(clock.name, clock)
    return list(unique.values())


def _of_table(document: Document, table: Table) -> Iterator[_Draft]:
    """A row a level; the level stands in whichever cell has one, most often the first."""
    titles = [cell.plain.strip() for cell in table.header]
    for row in table.rows:
        at, found = next(
            ((index, match) for index, cell in enumerate(row) if (match := LEVEL.search(cell.plain))), (0, None)
        )
        if found is None:
            named = NAMED.match(row[0].plain) if row else None
            if named is None or not any(_COLUMNS["level"].match(title) for title in titles[:1]):
                continue
            draft = _Draft(
                level=named["name"].capitalize(), name=named["name"].capitalize(), source=document.source(row[0])
            )
        else:
            name, _ = _title_parts(row[at].plain.strip(), found)
            draft = _Draft(level=level_of(found), name=name, source=document.source(row[at]))
        for index, cell in enumerate(row):
            title = titles[index] if index < len(titles) else ""
            text = cell.plain.strip()
            if index == at or not text:
                continue
            clock = clock_name(title)
            if _COLUMNS["name"].match(title) and not draft.name:
                draft.name = text
            elif clock and (duration(text) is not None or _TIMELESS.match(text)):
                draft.clocks.append(promise(clock, text))
            elif re.search(r"\btime\b|sla", title, re.IGNORECASE) and (
                duration(text) is not None or _TIMELESS.match(text)
            ):
                draft.clocks.append(promise("acknowledge", text))
            elif _COLUMNS["criteria"].search(title) or not title:
                draft.criteria.append(text)
            elif not draft.name and NAMED.match(text):
                draft.name = text
        yield draft
