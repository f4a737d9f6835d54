"""What each section of a document is about, by its heading, its ancestors' headings and, last, its content.

One place decides, so that a list under "Contacts" is not also read as steps. Readers ask for the sections of a topic.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from stanch.playbook.document import Code, Document, Items, Section, Table


class Topic(StrEnum):
    """What a section holds. `PROSE` is everything that no reader claims."""

    SEVERITIES = "severities"
    THRESHOLDS = "thresholds"
    METRICS = "metrics"
    TARGETS = "targets"
    RECOVERY_TARGETS = "recovery targets"
    TRIGGERS = "triggers"
    PROCEDURES = "procedures"
    SCENARIOS = "scenarios"
    TEMPLATES = "templates"
    CONTACTS = "contacts"
    ROLES = "roles"
    RESPONSIBILITIES = "responsibilities"
    POLICIES = "policies"
    INCIDENTS = "incidents"
    DRILLS = "drills"
    VOCABULARY = "vocabulary"
    EXAMPLES = "examples"
    SYMPTOMS = "symptoms"
    PROSE = "prose"


_RULES: tuple[tuple[Topic, str], ...] = (
    (
        Topic.VOCABULARY,
        r"^(?:signals?|signal (?:catalogue|catalog|definitions?|table)|vocabulary|action (?:catalogue|definitions?))$",
    ),
    (
        Topic.EXAMPLES,
        r"\b(?:examples?|sample output|anti-?patterns?|deprecated|obsolete|don'?ts?|what not to do|muted|silenced|ignored|informational)\b"
        r"|^(?:not|no|non)[ -].*\b(?:alert|pag|rule|monitor)|\bwhat (?:does|do|is|are) not\b|\bfalse (?:alarms|positives)\b",
    ),
    (
        Topic.RECOVERY_TARGETS,
        r"^(?:recovery|recovered|all clear|exit|resolution|closing|back to normal)(?: (?:targets?|criteria|conditions?|thresholds?))?$"
        r"|\b(?:recovery|resolution|exit|closure|success|acceptance) (?:targets?|criteria|conditions?|thresholds?)\b",
    ),
    (
        Topic.TRIGGERS,
        r"\b(?:rollback|roll-back|revert|restart|failover|abort|automated|automatic) (?:triggers?|criteria|conditions?|thresholds?)\b|^when to (?:roll ?back|revert|restart|fail ?over|abort)|^triggers?(?: conditions?| for rollback)?$",
    ),
    (Topic.TEMPLATES, r"\btemplates?\b|\b(?:status|notification|escalation) messages?\b"),
    (Topic.DRILLS, r"\b(?:drills?|game ?days?|exercises?|preparedness|tabletop|rehearsals?|simulations?)\b"),
    (
        Topic.INCIDENTS,
        r"\b(?:past|previous|prior|recent|historical|major|known) incidents?\b|\bincident (?:history|log|review)\b|\bpost-?mortems?\b.*\d{4}|\blessons learn(?:ed|t)\b|\b(?:19|20)\d\d-\d\d-\d\d\b",
    ),
    (
        Topic.THRESHOLDS,
        r"\b(?:paging|alert(?:ing)?|notification|alarm) (?:polic(?:y|ies)|standards?|rules?|strategy)\b",
    ),
    (
        Topic.POLICIES,
        r"\bpolic(?:y|ies)\b|\bmandatory\b|\bnew (?:requirements?|standards?|rules|practices)\b|\bstandards\b|\bground rules\b|\bguardrails\b",
    ),
    (
        Topic.TARGETS,
        r"\b(?:slos?|slas?|slis?|service levels?|objectives?|targets?|goals?|error budgets?|kpis?|benchmarks?|baselines?|capacity|expected (?:values|performance)|performance (?:budgets?|requirements?)|success metrics|requirements?)\b",
    ),
    (
        Topic.CONTACTS,
        r"\bcontacts?\b|\bwho to call\b|\bphone (?:list|numbers?|tree)\b|\bcall list\b|\breach\b|\bescalation (?:contacts?|list)\b",
    ),
    (Topic.RESPONSIBILITIES, r"\bresponsibilit(?:y|ies)\b|\bduties\b"),
    (
        Topic.ROLES,
        r"\broles?\b|\b(?:response|core|incident|on-?call|crisis|support) teams?\b|\bteam (?:members?|structure)\b|^people$|\braci\b",
    ),
    (
        Topic.SEVERITIES,
        r"\bsever(?:ity|ities)\b|\bincident (?:levels?|classification|priorit(?:y|ies)|categor(?:y|ies))\b|\bpriority (?:levels?|matrix|definitions?)\b|\bclassification\b|\bresponse times?\b",
    ),
    (
        Topic.METRICS,
        r"\b(?:(?:key|critical|important|core|main|golden) (?:metrics?|signals?|indicators?)|metrics? (?:to (?:watch|monitor|track)|collected)|what to monitor|monitored metrics|golden signals|continuous monitoring)\b",
    ),
    (
        Topic.THRESHOLDS,
        r"\bthresholds?\b|\balert(?:s|ing)?(?: (?:rules?|conditions?|criteria|policies|definitions?|levels?|configuration))?\b|\balarms?\b|\bmonitors?\b|\bmonitoring\b|\bdetection\b|\bpaging\b",
    ),
    (
        Topic.SYMPTOMS,
        r"^(?:symptoms?|indicators?|signs?|how (?:to|it) detect(?:ed)?|detection|identification|when to use|use when|trigger|alert)$",
    ),
    (
        Topic.POLICIES,
        r"\bpolic(?:y|ies)\b|\bmandatory changes?\b|\bnew (?:requirements?|standards?|rules)\b|\bstandards?\b|\bground rules\b|\bguardrails\b|\brequirements\b",
    ),
    (
        Topic.SCENARIOS,
        r"\bscenarios?\b|\bcommon (?:issues?|problems?|incidents?|failures?|alerts?)\b|\bknown issues?\b|\bincident types?\b|\btroubleshooting\b|\bfailure modes?\b|\bplaybooks?\b|\brunbooks? (?:by|for)\b|\bspecific incidents?\b",
    ),
    (
        Topic.PROCEDURES,
        r"\bprocedures?\b|\bworkflow\b|\bsteps?\b|\bprocess\b|\bresponse\b|\bactions?\b|\bplan\b|\bchecklist\b|\brecovery\b|\brollback\b|\bmitigation\b|\binvestigat|\bdiagnos|\bassessment\b|\bpost-?incident\b|\bpost-?mortem\b|\bverification\b|\bremediation\b|\bresolution\b|\bcontainment\b|\bhow to\b|\bprevent|\bphases?\b|\bimmediate|\bescalation\b",
    ),
)
_COMPILED = tuple((topic, re.compile(pattern, re.IGNORECASE)) for topic, pattern in _RULES)

_PASSED_ON = frozenset(
    {
        Topic.SEVERITIES,
        Topic.THRESHOLDS,
        Topic.TARGETS,
        Topic.TEMPLATES,
        Topic.CONTACTS,
        Topic.POLICIES,
        Topic.INCIDENTS,
        Topic.EXAMPLES,
        Topic.RECOVERY_TARGETS,
        Topic.SCENARIOS,
        Topic.PROCEDURES,
        Topic.METRICS,
        Topic.DRILLS,
        Topic.ROLES,
    }
)
"""Topics that a heading hands down to headings below it that say nothing themselves."""


def topic_of_title(title: str) -> Topic | None:
    """What a heading alone says; None where it says nothing."""
    text = re.sub(r"^(?:\d+(?:\.\d+)*[.)]?|[A-Z]\.|step \d+:?|part \d+:?)\s+", "", title.strip(), flags=re.IGNORECASE)
    return next((topic for topic, pattern in _COMPILED if pattern.search(text)), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """Every section with its topic and its parent."""

    document: Document
    topics: Mapping[Section, Topic]
    parents: Mapping[Section, Section | None]

    def of(self, *topics: Topic) -> Iterator[Section]:
        """The sections of these topics, in document order."""
        for section in self.document.root.walk():
            if self.topics[section] in topics:
                yield section

    def topic(self, section: Section) -> Topic:
        return self.topics[section]

    def above(self, section: Section) -> Iterator[Section]:
        """The sections that this one stands in, innermost first."""
        parent = self.parents[section]
        while parent is not None:
            yield parent
            parent = self.parents[parent]


def outline(document: Document) -> Outline:
    """Give every section its topic."""
    topics: dict[Section, Topic] = {}
    parents: dict[Section, Section | None] = {}

    def visit(section: Section, parent: Section | None) -> None:
        own = topic_of_title(section.title) if section.heading else None
        inherited = topics[parent] if parent is not None else Topic.PROSE
        topics[section] = _decided(section, own, inherited)
        parents[section] = parent
        for child in section.sections:
            visit(child, section)

    visit(document.root, None)
    return Outline(document=document, topics=topics, parents=parents)


NUMBERED = re.compile(r"^(?:\d+[.):]|(?:step|phase|stage|part) (?:\d+|[ivx]+)\b|t\s?\+)", re.IGNORECASE)
"""Headings that count: the phases of one procedure."""

_DEFINING = re.compile(r"quer|promql|metric|expression|command", re.IGNORECASE)


def _defines(section: Section) -> bool:
    """Whether a section's tables define words: a signal or action, and how it is got."""
    return any(
        _DEFINING.search(cell.plain) and table.header[0] is not cell
        for table in tables(section)
        for cell in table.header
    )


_BROAD = frozenset({Topic.PROCEDURES, Topic.SCENARIOS})
_STRONG = frozenset({Topic.INCIDENTS, Topic.TEMPLATES, Topic.EXAMPLES})


def _decided(section: Section, own: Topic | None, inherited: Topic) -> Topic:
    if inherited in _STRONG and own in {None, *_BROAD, Topic.THRESHOLDS, Topic.SYMPTOMS, Topic.METRICS}:
        return inherited
    if own is Topic.VOCABULARY and not _defines(section):
        return Topic.THRESHOLDS if any(isinstance(block, Table) for block in section.blocks) else Topic.METRICS
    if own is None:
        return inherited if inherited in _PASSED_ON else Topic.PROSE
    if section.heading is not None and section.heading.level == 1 and section.sections:
        return Topic.INCIDENTS if own is Topic.INCIDENTS else Topic.PROSE
    if own is Topic.SEVERITIES and inherited is Topic.THRESHOLDS:
        return inherited
    if own in _BROAD and inherited is Topic.SCENARIOS:
        return Topic.SCENARIOS
    if inherited is Topic.PROCEDURES and own is not Topic.TRIGGERS and NUMBERED.match(section.title):
        return Topic.PROCEDURES
    return own


def has_steps(section: Section) -> bool:
    """Whether a section's own blocks could be steps: a list or code."""
    return any(isinstance(block, Items | Code) for block in section.blocks)


def tables(section: Section) -> Iterator[Table]:
    return (block for block in section.blocks if isinstance(block, Table))
