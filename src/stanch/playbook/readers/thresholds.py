"""Thresholds, wherever they stand: entries of lists, rows of tables, sentences, headings, labelled fields."""

import re
from collections.abc import Iterator
from dataclasses import replace

from stanch.model.plan import Fact, Threshold, ThresholdRole, Unread
from stanch.model.problem import Source
from stanch.playbook.context import Context, Findings
from stanch.playbook.document import (
    Block,
    Code,
    Document,
    Heading,
    Html,
    Item,
    Items,
    Line,
    Paragraph,
    Passage,
    Quote,
    Section,
    Table,
)
from stanch.playbook.fields import sentences, split_label
from stanch.playbook.mood import Setting, mood_of, topic_of_lead
from stanch.playbook.quantity import PATTERN, duration
from stanch.playbook.severity import levels_in
from stanch.playbook.threshold import Condition, conditions_of
from stanch.playbook.topics import Topic, topic_of_title

_SKIPPED = frozenset({Topic.TEMPLATES, Topic.CONTACTS, Topic.INCIDENTS, Topic.VOCABULARY, Topic.DRILLS})
_ALWAYS = frozenset(
    {
        Topic.THRESHOLDS,
        Topic.TRIGGERS,
        Topic.SYMPTOMS,
        Topic.TARGETS,
        Topic.RECOVERY_TARGETS,
        Topic.SEVERITIES,
        Topic.POLICIES,
    }
)
_CANDIDATE = re.compile(
    r"\d|\bzero\b|\b(?:one|two|three|five|ten|twice|double)\b|\b(?:down|unreachable|unavailable|offline|unresponsive|not responding)\b",
    re.IGNORECASE,
)
_BRANCH = re.compile(r"\b(?:if|when|whenever|once|until)\b|[<>\u2265\u2264]", re.IGNORECASE)


def read(document: Document, context: Context) -> Findings:
    """Every threshold with its role, and whether it is armed or why not."""
    facts: list[Fact] = []
    for section in document.root.walk():
        topic = context.outline.topic(section)
        if topic in _SKIPPED:
            continue
        facts.extend(_of_section(document, context, section, topic))
    return tuple(facts), ()


def _of_section(document: Document, context: Context, section: Section, topic: Topic) -> Iterator[Fact]:
    setting = Setting(topic=topic, title=_titles(context, section), entry=False)
    severity = next(iter(levels_in(section.title)), None) if len(levels_in(section.title)) == 1 else None
    if section.heading and topic not in {Topic.SEVERITIES, Topic.PROCEDURES}:
        passage = Passage(lines=(section.heading.line,))
        if _CANDIDATE.search(passage.text) and re.search(r"[<>\u2265\u2264]", passage.text):
            yield from _of_passage(document, context, passage, replace(setting, entry=True), "", severity)
    led = setting
    for block in section.blocks:
        if isinstance(block, Paragraph):
            led = _led(setting, block)
        yield from _of_block(document, context, block, led, section.title, severity)


def _led(setting: Setting, block: Paragraph) -> Setting:
    """A paragraph that ends with a colon says what the list below it is for ("Roll back when any of these holds:")."""
    text = [sentence for _, sentence in sentences(Passage(lines=block.lines).text.strip())][-1]
    if not text.endswith(":"):
        return setting
    topic = topic_of_lead(text)
    return replace(setting, topic=topic, title=f"{text} {setting.title}") if topic else setting


def _titles(context: Context, section: Section) -> str:
    return " ".join((section.title, *(above.title for above in context.outline.above(section))))


def _of_block(
    document: Document, context: Context, block: Block, setting: Setting, subject: str, severity: str | None
) -> Iterator[Fact]:
    match block:
        case Paragraph():
            yield from _of_paragraph(document, context, block, setting, subject, severity)
        case Items():
            for item in block.items:
                yield from _of_item(document, context, item, block.ordered, setting, subject, severity)
        case Quote():
            for inner in block.blocks:
                yield from _of_block(document, context, inner, setting, subject, severity)
        case Table():
            yield from _of_table(document, context, block, setting, severity)
        case Code() | Html() | Heading():
            pass


def _of_paragraph(
    document: Document, context: Context, block: Paragraph, setting: Setting, subject: str, severity: str | None
) -> Iterator[Fact]:
    """A paragraph sentence by sentence; a line that stands for itself (a labelled field) is an entry."""
    label_lines = [line for line in block.lines if split_label(line.plain)]
    if label_lines and len(label_lines) == len(block.lines):
        for line in block.lines:
            yield from _of_passage(
                document, context, Passage(lines=(line,)), replace(setting, entry=True), subject, severity
            )
        return
    yield from _of_passage(document, context, Passage(lines=block.lines), setting, subject, severity)


def _of_item(
    document: Document,
    context: Context,
    item: Item,
    ordered: bool,  # noqa: FBT001 - the list's own property
    setting: Setting,
    subject: str,
    severity: str | None,
) -> Iterator[Fact]:
    step = item.checked is not None or (ordered and setting.topic in {Topic.PROCEDURES, Topic.SCENARIOS, Topic.PROSE})
    inner = replace(setting, entry=True, step=setting.step or step)
    own = next(iter(levels_in(item.text)), None) if len(levels_in(item.text)) == 1 else None
    if item.lines:
        yield from _of_passage(document, context, Passage(lines=item.lines), inner, subject, severity)
    for block in item.nested:
        below = item.text if context.vocabulary.signals_of(item.text) else subject
        yield from _of_block(document, context, block, inner, below, own or severity)


def _of_passage(
    document: Document, context: Context, passage: Passage, setting: Setting, subject: str, severity: str | None
) -> Iterator[Fact]:
    text = passage.text
    if not _CANDIDATE.search(text):
        if (
            setting.entry
            and setting.topic is Topic.THRESHOLDS
            and re.search(r"threshold|alert", setting.title, re.IGNORECASE)
        ):
            yield from _without_quantity(document, context, passage, text)
        return
    for start, sentence in sentences(text):
        local = _local(setting, sentence)
        for condition in conditions_of(sentence, context.vocabulary, subject=_subject(context, subject)):
            if condition.signal is None and setting.topic not in _ALWAYS:
                continue
            if setting.step and not _BRANCH.search(sentence):
                continue
            source = passage.source(document, start + condition.start)
            yield threshold_of(condition, sentence, local, source, severity)


def _without_quantity(document: Document, context: Context, passage: Passage, text: str) -> Iterator[Fact]:
    signals = context.vocabulary.signals_of(text)
    if signals and len(text.split()) <= 12:
        name = text[signals[0].start : signals[0].end].lower()
        yield Unread(
            text=text,
            because=f"no quantity. Say \u201c{name} > \u2026 for 5 minutes\u201d",
            source=passage.source(document),
        )


def _subject(context: Context, text: str) -> str:
    return text if context.vocabulary.signals_of(text) else ""


def _local(setting: Setting, sentence: str) -> Setting:
    """A label in front can say more than the heading: "Rollback if: ...", "Target: ..."."""
    split = split_label(sentence)
    topic = topic_of_title(split[0]) if split else None
    if topic in {
        Topic.TARGETS,
        Topic.EXAMPLES,
        Topic.RECOVERY_TARGETS,
        Topic.SYMPTOMS,
        Topic.THRESHOLDS,
        Topic.TRIGGERS,
    }:
        return replace(setting, topic=topic, title=f"{split[0] if split else ''} {setting.title}", entry=True)
    return setting


def threshold_of(
    condition: Condition, sentence: str, setting: Setting, source: Source, severity: str | None, tier: str | None = None
) -> Threshold:
    mood = mood_of(sentence, setting, signal=condition.signal, comparison=condition.comparison, past=condition.past)
    because = mood.because or condition.because
    if not because and condition.joined:
        because = "the text asks for two things at once, and a rule watches one signal"
    if not because and condition.negated:
        because = "the sentence negates it"
    return Threshold(
        signal=condition.signal.name if condition.signal else None,
        statistic=condition.statistic,
        comparison=condition.comparison,
        value=condition.value,
        upper=condition.upper,
        baseline_multiple=condition.multiple,
        unit=condition.unit,
        window_s=condition.window_s,
        persistence_s=condition.persistence_s,
        consecutive=condition.consecutive,
        tier=condition.tier or tier,
        role=mood.role,
        severity=condition.severity or severity,
        labels=tuple(("scope", text) for text in condition.scope),
        armed=not because,
        because=because,
        source=source,
    )


# --- tables -----------------------------------------------------------------------------------------------------

_METRIC = re.compile(
    r"metric|signal|indicator|measure|what|name|component|parameter|resource|alert|check|symptom|type", re.IGNORECASE
)
_LIMIT = re.compile(
    r"threshold|condition|limit|trigger|value|when|expression|criteri|rule|warn|crit|alert|page|p[0-5]\b|sev",
    re.IGNORECASE,
)
_AIM = re.compile(
    r"target|slo|sla|goal|objective|normal|healthy|baseline|expected|ok\b|green|good|current|actual|typical|budget",
    re.IGNORECASE,
)
_LASTING = re.compile(r"^(?:for|duration|persist\w*|sustained|hold|pending|how long)\b|for \(|duration", re.IGNORECASE)
_COMPUTED = re.compile(r"window|period|interval|over|range|evaluation", re.IGNORECASE)
_GRADE = re.compile(r"severity|priority|level|sev\b|class", re.IGNORECASE)
_TIER = re.compile(
    r"\b(?:critical|warning|warn|info|high|medium|low|major|minor|page|ticket|red|yellow|orange|amber)\b", re.IGNORECASE
)
_BARE = re.compile(r"^[\s~]*[\d.,]+\s*(?:%|[a-zA-Z/\u00b5]+)?(?:\s*\([^)]*\))?$")


def _of_table(
    document: Document, context: Context, table: Table, setting: Setting, severity: str | None
) -> Iterator[Threshold]:
    titles = [cell.plain.strip() for cell in table.header]
    if not titles:
        return
    subject_at = next(
        (index for index, title in enumerate(titles) if _METRIC.search(title) and not _GRADE.search(title)), 0
    )
    for row in table.rows:
        extra = _row_times(titles, row)
        graded = next((cell.plain for title, cell in zip(titles, row, strict=False) if _GRADE.search(title)), "")
        level = next(iter(levels_in(graded)), None) or severity
        for index, cell in enumerate(row):
            title = titles[index] if index < len(titles) else ""
            if not _CANDIDATE.search(cell.plain) or _LASTING.search(title) or _COMPUTED.fullmatch(title):
                continue
            named = row[subject_at].plain if subject_at < len(row) and index != subject_at else ""
            aim = _AIM.search(title) and not re.search(r"alert|threshold", title, re.IGNORECASE)
            cell_setting = replace(setting, entry=True, topic=Topic.TARGETS if aim else setting.topic)
            text = cell.plain.strip()
            if _BARE.match(text) and (_LIMIT.search(title) or aim) and context.vocabulary.signals_of(named):
                text = f"> {text}"
            tier = match[0].lower() if (match := _TIER.search(title)) else None
            column_level = next(iter(levels_in(title)), None)
            for condition in conditions_of(text, context.vocabulary, subject=named):
                if condition.signal is None and setting.topic not in _ALWAYS:
                    continue
                yield threshold_of(
                    replace(
                        condition,
                        window_s=condition.window_s if condition.window_s is not None else extra[0],
                        persistence_s=condition.persistence_s if condition.persistence_s is not None else extra[1],
                    ),
                    text,
                    cell_setting,
                    document.source(cell),
                    column_level or level,
                    tier,
                )


def _row_times(titles: list[str], row: tuple[Line, ...]) -> tuple[float | None, float | None]:
    """Window and persistence from a row's own columns."""
    window = persistence = None
    for title, cell in zip(titles, row, strict=False):
        if not PATTERN.search(cell.plain):
            continue
        if _LASTING.search(title):
            persistence = duration(cell.plain)
        elif _COMPUTED.fullmatch(title.strip()) or re.search(r"\bwindow\b", title, re.IGNORECASE):
            window = duration(cell.plain)
    return window, persistence


ACTING = frozenset({ThresholdRole.ALERT, ThresholdRole.ROLLBACK_TRIGGER, ThresholdRole.RESTART_TRIGGER})
"""The roles that act by themselves."""
