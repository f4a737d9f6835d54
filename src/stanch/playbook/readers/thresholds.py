"""Thresholds, wherever they stand: entries of lists, rows of tables, sentences, headings, labelled fields."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import zip_longest
from typing import assert_never

from stanch.model.pattern import Pattern
from stanch.model.plan import Fact, Threshold, Unread
from stanch.model.problem import Source
from stanch.model.record import record
from stanch.model.signal import Unit
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
from stanch.playbook.fields import field_texts, sentences, split_label
from stanch.playbook.imperative import tells
from stanch.playbook.mood import UNREAD_LANGUAGE, Setting, elsewhere, mood_of, topic_of_lead
from stanch.playbook.phrases import Phrases
from stanch.playbook.quantity import duration
from stanch.playbook.severity import only_level, tier_of
from stanch.playbook.threshold import Condition, conditions_of
from stanch.playbook.topics import Topic, topic_of_title

_SKIPPED = frozenset({Topic.TEMPLATES, Topic.CONTACTS, Topic.INCIDENTS, Topic.VOCABULARY, Topic.DRILLS})
_TELLING = frozenset(
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
"""Topics where a limit is a fact even if nobody knows what it is a limit of."""

_LABELS = frozenset(
    {Topic.TARGETS, Topic.EXAMPLES, Topic.RECOVERY_TARGETS, Topic.SYMPTOMS, Topic.THRESHOLDS, Topic.TRIGGERS}
)
"""Topics that a label in front of a sentence can give it ("Target: ...", "Rollback if: ...")."""

_CANDIDATE = Phrases(
    r"\d|\b(?:zero|one|two|three|five|ten|twice|double|down|unreachable|unavailable|offline|unresponsive)\b"
    r"|\bnot responding\b",
    whole=False,
)
_LONGEST = 600
"""Characters of a sentence that people read in one breath; a longer one is data."""

_SYMBOL = Pattern(r"[<>\u2265\u2264]")
_BRANCH = Phrases(r"\b(?:if|when|whenever|once|until)\b|[<>\u2265\u2264]", whole=False)
_STARTS_IF = Phrases(r"(?:if|when|once)\b", whole=False)
_ALERTING = Phrases(r"page|pages|warn|alert|wake|notify")
_ALERT_TITLE = Phrases(r"thresholds?|alert\w*")


def read(document: Document, context: Context) -> Findings:
    """Every threshold with its role, and whether it is armed or why not."""
    reader = _Reader(document, context)
    facts: list[Fact] = []
    for section in context.outline.sections:
        topic = context.outline.topic(section)
        if topic not in _SKIPPED and (section.blocks or section.heading):
            facts.extend(reader.section(section, topic))
    return tuple(facts), ()


def of_section(document: Document, context: Context, section: Section) -> tuple[Fact, ...]:
    """The thresholds of one section alone."""
    return tuple(_Reader(document, context).section(section, context.outline.topic(section)))


@record
class _Where:
    """What a place gives to a sentence: its setting, the signal it is about, its severity and tier."""

    setting: Setting
    subject: str = ""
    severity: str | None = None
    tier: str | None = None


class _Reader:
    def __init__(self, document: Document, context: Context) -> None:
        self.document = document
        self.context = context
        self.vocabulary = context.vocabulary
        self._grades: dict[Section, str | None] = {}
        self._known: dict[tuple[str, str], tuple[Condition, ...]] = {}

    def section(self, section: Section, topic: Topic) -> Iterator[Fact]:
        titles = " ".join((section.title, *(above.title for above in self.context.outline.above(section))))
        where = _Where(
            setting=Setting(topic=topic, title=titles, entry=False),
            subject=self._subject(section.title),
            severity=only_level(section.title) or self._declared(section),
            tier=tier_of(section.title) if topic is Topic.THRESHOLDS else None,
        )
        if section.heading and topic not in {Topic.SEVERITIES, Topic.PROCEDURES} and _SYMBOL.search(section.title):
            entry = replace(where, setting=replace(where.setting, entry=True), subject="")
            yield from self.passage(Passage(lines=(section.heading.line,)), entry)
        for block, following in zip_longest(section.blocks, section.blocks[1:]):
            if isinstance(block, Paragraph):
                where = replace(where, setting=_led(where.setting, topic, block, following))
            yield from self.block(block, where)

    def block(self, block: Block, where: _Where) -> Iterator[Fact]:
        match block:
            case Paragraph():
                yield from self.paragraph(block, where)
            case Items():
                for item in block.items:
                    yield from self.item(item, ordered=block.ordered, where=where)
            case Quote():
                for inner in block.blocks:
                    yield from self.block(inner, where)
            case Table():
                yield from self.table(block, where)
            case Code():
                yield from self.code(block, where)
            case Html() | Heading():
                return
            case _:
                assert_never(block)

    def code(self, block: Code, where: _Where) -> Iterator[Fact]:
        """A fence that holds a list of alerts and no code; what it says is read as if it stood outside."""
        if where.setting.topic not in {Topic.THRESHOLDS, Topic.TRIGGERS, Topic.METRICS} or not _is_list(block):
            return
        for index, text in enumerate(block.lines):
            entry = _ENTRY.match(text)
            if entry:
                number = block.first + index
                column = self.document.lines[number - 1].find(entry["text"]) + 1
                line = Line(number=number, column=max(column, 1), text=entry["text"])
                yield from self.passage(
                    Passage(lines=(line,)), replace(where, setting=replace(where.setting, entry=True))
                )
            elif text.strip().endswith(":"):
                where = replace(where, tier=tier_of(text), severity=only_level(text) or where.severity)

    def paragraph(self, block: Paragraph, where: _Where) -> Iterator[Fact]:
        """A paragraph sentence by sentence; where each line carries a label, each is an entry of its own."""
        labelled = [split_label(line.plain) for line in block.lines]
        brief = [part for part in labelled if part and len(part[0].split()) <= _LABEL_WORDS]
        if all(labelled) and (len(block.lines) > 1 or brief):
            graded = next(
                (level for part in labelled if part and _GRADE.fullmatch(part[0]) and (level := only_level(part[1]))),
                None,
            )
            entry = replace(where, setting=replace(where.setting, entry=True), severity=graded or where.severity)
            for line in block.lines:
                yield from self.passage(Passage(lines=(line,)), entry)
            return
        yield from self.passage(Passage(lines=block.lines), where)

    def item(self, item: Item, *, ordered: bool, where: _Where) -> Iterator[Fact]:
        setting = where.setting
        stepwise = ordered and (
            setting.topic in {Topic.PROCEDURES, Topic.SCENARIOS}
            or (
                setting.topic is Topic.PROSE
                and (tells(item.text) or _STARTS_IF.match(item.text) or not _ALERTING.inside(item.text))
            )
        )
        step = setting.step or item.checked is not None or bool(stepwise)
        where = replace(where, setting=replace(setting, entry=True, step=step))
        if item.lines:
            yield from self.passage(Passage(lines=item.lines), where)
        if not item.nested:
            return
        if len(item.text.split()) <= 5 and not tells(item.text):
            # "1. DETECTION": a chapter in the form of a numbered list, and no step.
            topic = topic_of_title(item.text) or setting.topic
            where = replace(where, setting=replace(setting, topic=topic, title=f"{item.text} {setting.title}"))
        below = replace(
            where,
            subject=self._subject(item.text) or where.subject,
            severity=only_level(item.text) or where.severity,
            tier=tier_of(item.text) or where.tier,
        )
        for block in item.nested:
            yield from self.block(block, below)

    def passage(self, passage: Passage, where: _Where) -> Iterator[Fact]:
        text = passage.text
        if not _CANDIDATE.inside(text):
            yield from self._without_quantity(passage, where)
            return
        for start, sentence in sentences(text):
            if len(sentence) > _LONGEST or not _CANDIDATE.inside(sentence):
                continue
            local = replace(where, setting=_labelled(where.setting, sentence))
            if local.setting.step and not _BRANCH.inside(sentence):
                continue
            for condition in self._conditions(sentence, where.subject, passage.lines[0].number):
                if condition.signal is not None or _is_limit(condition, where.setting):
                    yield self.threshold(
                        condition, sentence, local, passage.source(self.document, start + condition.start)
                    )

    def _conditions(self, sentence: str, subject: str, line: int) -> tuple[Condition, ...]:
        if not self.context.effort.sentences.spend(sentence, line):
            return ()
        known = self._known.get((sentence, subject))
        if known is None:
            known = conditions_of(sentence, self.vocabulary, subject=subject)
            self._known[sentence, subject] = known
        return known

    def threshold(self, condition: Condition, sentence: str, where: _Where, source: Source) -> Threshold:
        fact = threshold_of(self.context, condition, sentence, where.setting, source)
        return replace(fact, severity=fact.severity or where.severity, tier=fact.tier or where.tier)

    def _without_quantity(self, passage: Passage, where: _Where) -> Iterator[Unread]:
        """An entry among thresholds that names a signal and no limit: said, so that nobody counts on it."""
        setting, text = where.setting, passage.text
        if not (setting.entry and setting.topic is Topic.THRESHOLDS and _ALERT_TITLE.inside(setting.title)):
            return
        signals = self.vocabulary.signals_of(text)
        if signals and len(text.split()) <= 12:
            name = text[signals[0].start : signals[0].end].lower()
            yield Unread(
                text=text,
                because=f"no quantity. Say \u201c{name} > \u2026 for 5 minutes\u201d",
                source=passage.source(self.document),
            )

    def _declared(self, section: Section) -> str | None:
        """The severity that a labelled field of the section, or of one above it, gives ("**Severity:** P2")."""
        if section not in self._grades:
            own = None
            if self.context.outline.topic(section) is not Topic.SEVERITIES:
                levels = {level for text in field_texts(section.blocks, _GRADE) if (level := only_level(text))}
                own = levels.pop() if len(levels) == 1 else None
            above = self.context.outline.parents[section]
            self._grades[section] = own or (self._declared(above) if above is not None else None)
        return self._grades[section]

    def _subject(self, text: str) -> str:
        return text if self.vocabulary.signals_of(text) else ""

    # tables

    def table(self, table: Table, where: _Where) -> Iterator[Threshold]:
        columns = tuple(_column(cell.plain.strip(), where.setting.topic) for cell in table.header)
        subject_at = self._subject_at(columns, table)
        for row in table.rows:
            window, persistence, graded = _row_says(columns, row)
            subject = row[subject_at].plain.strip() if subject_at < len(row) else ""
            for index, (column, cell) in enumerate(zip(columns, row, strict=False)):
                if column.times or not _CANDIDATE.inside(cell.plain):
                    continue
                title = f"{column.place} {where.setting.title}" if column.place else where.setting.title
                own = replace(
                    where,
                    setting=replace(where.setting, entry=True, topic=column.topic, title=title),
                    subject=subject if index != subject_at else "",
                    severity=column.severity or only_level(graded) or where.severity,
                    tier=column.tier or tier_of(graded) or where.tier,
                )
                for fact in self._cell(cell, column, own):
                    yield replace(
                        fact,
                        window_s=fact.window_s if fact.window_s is not None else window,
                        persistence_s=fact.persistence_s if fact.persistence_s is not None else persistence,
                    )

    def _subject_at(self, columns: Sequence["_Column"], table: Table) -> int:
        """The column that says what is measured: by its title, unless only the cells of another one name signals."""
        titled = next((i for i, column in enumerate(columns) if column.names and not column.grades), 0)
        rows = table.rows[:20]

        def named(at: int) -> int:
            return sum(bool(at < len(row) and self.vocabulary.signals_of(row[at].plain)) for row in rows)

        if named(titled):
            return titled
        return max(range(len(columns)), key=lambda at: (named(at), at == titled), default=titled)

    def _cell(self, cell: Line, column: "_Column", where: _Where) -> Iterator[Threshold]:
        text = cell.plain.strip()
        if column.limits and _BARE.match(text) and self.vocabulary.signals_of(where.subject):
            text = f"> {text}"
        for condition in self._conditions(text, where.subject, cell.number):
            if condition.signal is not None or _is_limit(condition, where.setting):
                yield self.threshold(condition, text, where, self.document.source(cell))


def _is_limit(condition: Condition, setting: Setting) -> bool:
    """Whether a limit of nobody knows what is still a fact: where limits are listed, and it is no clock or outage."""
    return setting.topic in _TELLING and bool(condition.value) and condition.unit is not Unit.SECONDS


def threshold_of(
    context: Context,
    condition: Condition,
    sentence: str,
    setting: Setting,
    source: Source,
) -> Threshold:
    """A condition as a fact: with its role, and armed where the text wants it to act and a machine can watch it."""
    name = condition.signal.name if condition.signal else None
    mood = mood_of(
        _masked(context, sentence, condition),
        setting,
        signal=name,
        comparison=condition.comparison,
        past=condition.past,
    )
    because = mood.because or (UNREAD_LANGUAGE if context.language else "") or condition.because
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
        tier=condition.tier,
        role=mood.role,
        severity=condition.severity,
        labels=tuple(("scope", text) for text in condition.scope),
        armed=not because,
        because=because,
        source=source,
    )


_FORMERLY = Phrases(r"[\[(](?:was|were|previously|formerly|before)\b[^\])]*[\])]", whole=False)


def _masked(context: Context, sentence: str, condition: Condition) -> str:
    """The sentence with the signal's phrase blanked: "healthy hosts" and "pod restarts" say nothing of its mood.

    What a limit was before, in brackets, says nothing either.
    """
    sentence = _FORMERLY.sub("", sentence)
    for match in context.vocabulary.signals_of(sentence):
        if condition.signal in match.signals:
            sentence = sentence[: match.start] + "\u25a1" * (match.end - match.start) + sentence[match.end :]
    return _NORMAL.sub("\u25a1", sentence) if condition.multiple is not None else sentence


_NORMAL = Phrases(r"baselines?|normal|usual|typical|slos?|slas?|budgets?")
_ENTRY = Pattern(r"^\s*(?:[-*\u2022]|\d+[.)])\s+(?P<text>\S.*)$")


def _is_list(block: Code) -> bool:
    """Whether a fence holds entries of a list; a Prometheus rule has keys and braces instead."""
    lines = [line for line in block.lines if line.strip() and not line.rstrip().endswith(":")]
    entries = [line for line in lines if _ENTRY.match(line)]
    return len(entries) * 2 > len(lines) and not any(re.search(r"\{|\bexpr:|=\s*[\"']", line) for line in lines)


_LABEL_WORDS = 5
"""Words of a label that makes an entry of a line that stands alone; a longer one is half a sentence."""

_OPEN = Pattern(r"\b(?:if|when|whenever|once|on|for|at|by|are|includes?|following|where)$", re.IGNORECASE)


def _led(setting: Setting, topic: Topic, block: Paragraph, following: Block | None) -> Setting:
    """A paragraph that ends with a colon says what the list below it is for ("Roll back when any of these holds:").

    So does one that goes on in a list without any mark ("We are paged if").
    """
    text = [sentence for _, sentence in sentences(Passage(lines=block.lines).text.strip())][-1]
    leads = text.endswith(":") or (isinstance(following, Items) and _OPEN.search(text) is not None)
    led = topic_of_lead(text) if leads else None
    return replace(setting, topic=led or topic, title=f"{text} {setting.title}" if led else setting.title)


def _labelled(setting: Setting, sentence: str) -> Setting:
    split = split_label(sentence)
    topic = topic_of_title(split[0]) if split else None
    if split is not None and topic not in _LABELS and _LOOKS.match(split[0]):
        return replace(setting, topic=Topic.PROCEDURES, entry=False)
    if split is None or topic not in _LABELS:
        return setting
    return replace(setting, topic=topic or setting.topic, title=f"{split[0]} {setting.title}", entry=True)


_LOOKS = Phrases(r"(?:also |then |first )?(?:look|see|check|compare|note|watch|read|inspect)", whole=False)


# --- tables -----------------------------------------------------------------------------------------------------

_METRIC = Phrases(
    (
        r"metrics?|signals?|indicators?|measures?|what|name|components?|parameters?|resources?|alerts?|alarms?|checks?"
        r"|symptoms?|type"
    ),
    whole=False,
)
_LIMIT = Phrases(
    r"threshold|condition|limit|trigger|value|when|expression|criteri|rule|warn|crit|alert|page|p[0-5]\b|sev",
    whole=False,
)
_GRADED_TITLE = Phrases(r"warn|crit|alert|page|threshold", whole=False)
_LIMIT_TITLE = Phrases(r"alert|threshold", whole=False)
_AIM = Phrases(
    r"targets?|slos?|slas?|goals?|objectives?|normal|healthy|baseline|expected|ok|green|good|current|actual"
    r"|typical|budget"
)
_LASTING = Phrases(r"^(?:for|duration|persist\w*|sustained|hold|pending|how long)\b|duration", whole=False)
_COMPUTED = Phrases(r"(?:time |evaluation )?(?:window|period|interval|over|range)(?: \(.*\))?", whole=False)
_GRADE = Phrases(r"severity|priority|level|sev|class|tier")
_BARE = Pattern(r"^[\s~]*[\d.,]+\s*(?:%|[a-zA-Z/\u00b5]+)?(?:\s*\([^)]*\))?$")


@record
class _Column:
    """What the title of a column makes of its cells.

    `names`: they name what is measured. `grades`: they give a severity. `times`: they are windows or persistences, and
    `lasts` tells the latter. `limits`: a number alone is a limit. `place` is the title where it names an
    environment. `topic` is the section's, or targets.
    """

    names: bool
    grades: bool
    times: bool
    lasts: bool
    limits: bool
    topic: Topic
    severity: str | None
    tier: str | None
    place: str = ""


def _column(title: str, topic: Topic) -> _Column:
    aim = _AIM.inside(title) and not _LIMIT_TITLE.inside(title)
    lasts = _LASTING.inside(title)
    return _Column(
        names=_METRIC.inside(title),
        grades=_GRADE.inside(title),
        times=lasts or _COMPUTED.fullmatch(title) is not None,
        lasts=lasts,
        limits=aim or (_LIMIT.inside(title) if topic in _TELLING else _GRADED_TITLE.inside(title)),
        topic=Topic.TARGETS if aim else topic,
        severity=only_level(title),
        tier=tier_of(title),
        place=title if elsewhere(title) else "",
    )


def _row_says(columns: Sequence[_Column], row: Sequence[Line]) -> tuple[float | None, float | None, str]:
    """Window, persistence and severity from a row's own cells."""
    window = persistence = None
    graded = ""
    for column, cell in zip(columns, row, strict=False):
        if column.grades:
            graded = graded or cell.plain
        elif column.lasts:
            persistence = duration(cell.plain)
        elif column.times:
            window = duration(cell.plain)
    return window, persistence, graded
