"""What each section of a document is about, by its heading, its ancestors' headings and, last, its content.

One place decides, so that a list under "Contacts" is not also read as steps. Readers ask for the sections of a topic.
"""

import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from functools import lru_cache

from stanch.model.pattern import Pattern
from stanch.model.record import record
from stanch.playbook.document import Document, Section, Table
from stanch.playbook.phrases import Phrases


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


_RULES: tuple[tuple[Topic, Phrases], ...] = (
    (
        Topic.VOCABULARY,
        Phrases(
            (
                r"^(?:signals?|vocabulary|(?:signal|action) (?:catalogue|catalog|definitions?|table)|custom"
                r" (?:signals|actions))$"
            ),
            whole=False,
        ),
    ),
    (
        Topic.EXAMPLES,
        Phrases(
            (
                r"examples?|sample output|anti-?patterns?|deprecated|obsolete|don['\u2019]?ts?|what not to do"
                r"|muted|silenced"
            ),
            r"ignored|informational|what (?:does|do|is|are) not|false (?:alarms|positives)",
        ),
    ),
    (
        Topic.EXAMPLES,
        Phrases(
            r"^(?:not|no|non)\b[\s-].*\b(?:alert|pag(?:e|ing)|rule|monitor)",
            r"\b(?:do not|don['\u2019]?t|does not|never|won['\u2019]?t|not) (?:alert|page|wake|call|notify|monitor)",
            whole=False,
        ),
    ),
    (
        Topic.SEVERITIES,
        Phrases(
            r"^(?:p|sev(?:erity)?[\s-]?|s)[0-5]\s*(?:[:\u2013\u2014(-]\s*)?"
            r"(?:critical|major|high|medium|moderate|minor|low|warning|info\w*|emergency|urgent)\b",
            r"^(?:critical|major|high|medium|moderate|minor|low)\s*\(?(?:p|sev[\s-]?|s)[0-5]\)?$",
            whole=False,
        ),
    ),
    (
        Topic.RECOVERY_TARGETS,
        Phrases(
            r"^(?:recovery|recovered|all clear|exit|resolution|closing|back to normal|done when|when it is over)"
            r"(?: (?:targets?|criteria|conditions?|thresholds?))?$",
            (
                r"\b(?:recovery|resolution|exit|closure|success|acceptance) (?:targets?|criteria|conditions?"
                r"|thresholds?)\b"
            ),
            whole=False,
        ),
    ),
    (
        Topic.TRIGGERS,
        Phrases(
            r"\b(?:rollback|roll-back|revert|restart|failover|abort|automated|automatic)"
            r" (?:triggers?|criteria|conditions?|thresholds?)\b",
            r"^when to (?:roll ?back|revert|restart|fail ?over|abort)",
            r"^triggers?(?: conditions?| for rollback)?$",
            whole=False,
        ),
    ),
    (Topic.TEMPLATES, Phrases(r"templates?|(?:status|notification|escalation) messages?")),
    (
        Topic.DRILLS,
        Phrases(r"drills?|game ?days?|exercises?|preparedness|tabletop|rehearsals?|simulations?"),
    ),
    (
        Topic.INCIDENTS,
        Phrases(
            r"(?:past|previous|prior|recent|historical|major|known) incidents?|incident (?:history|log|review)",
            r"post-?mortems?\b.*\d{4}|lessons learn(?:ed|t)|(?:19|20)\d\d-\d\d-\d\d",
        ),
    ),
    (
        Topic.THRESHOLDS,
        Phrases(r"(?:paging|alert(?:ing)?|notification|alarm) (?:polic(?:y|ies)|standards?|rules?|strategy)"),
    ),
    (
        Topic.POLICIES,
        Phrases(
            r"polic(?:y|ies)|mandatory(?: changes?)?|new (?:requirements?|standards?|rules|practices)|standards",
            r"ground rules|guardrails",
        ),
    ),
    (
        Topic.TARGETS,
        Phrases(
            (
                r"slos?|slas?|slis?|service levels?|objectives?|targets?|goals?|error budgets?|kpis?|benchmarks?"
                r"|baselines?"
            ),
            r"capacity|expected (?:values|performance)|performance (?:budgets?|requirements?)|success metrics",
            r"requirements?",
        ),
    ),
    (
        Topic.CONTACTS,
        Phrases(
            r"contacts?|who to call|phone (?:list|numbers?|tree)|call list|how to reach.*",
            r"escalation (?:contacts?|list)",
        ),
    ),
    (Topic.RESPONSIBILITIES, Phrases(r"responsibilit(?:y|ies)|duties")),
    (
        Topic.ROLES,
        Phrases(
            r"roles?|(?:response|core|incident|on-?call|crisis|support) teams?|team (?:members?|structure)|people|raci"
        ),
    ),
    (
        Topic.SEVERITIES,
        Phrases(
            r"sever(?:ity|ities)|incident (?:levels?|classification|priorit(?:y|ies)|categor(?:y|ies))",
            r"priority (?:levels?|matrix|definitions?)|priorities|classification",
            r"response times? (?:by|targets?|goals|matrix|objectives|expectations).*",
        ),
    ),
    (
        Topic.METRICS,
        Phrases(
            r"(?:key|critical|important|core|main|golden) (?:metrics?|signals?|indicators?)",
            (
                r"metrics? (?:to (?:watch|monitor|track)|collected)|what to monitor|monitored metrics|continuous"
                r" monitoring"
            ),
        ),
    ),
    (
        Topic.THRESHOLDS,
        Phrases(
            r"thresholds?|alert(?:s|ing)?|alarms?|monitors?|monitoring|detection|paging|pages",
            r"(?:what|when|who) (?:pages|alerts|wakes|calls|rings).*|wake-?ups?",
        ),
    ),
    (
        Topic.SYMPTOMS,
        Phrases(
            r"^(?:symptoms?|indicators?|signs?|how (?:to|it) detect(?:ed)?|identification|when to use|use when|trigger"
            r"|when to worry)$",
            whole=False,
        ),
    ),
    (
        Topic.SCENARIOS,
        Phrases(
            (
                r"scenarios?|common (?:issues?|problems?|incidents?|failures?)|known issues?|incident types?"
                r"|troubleshooting"
            ),
            r"failure modes?|playbooks?|runbooks? (?:by|for)|specific incidents?",
        ),
    ),
    (
        Topic.PROCEDURES,
        Phrases(
            r"procedures?|workflow|steps?|process|response|actions?|plan|checklist|recovery|roll-?back|mitigations?",
            r"investigat\w+|diagnos\w+|assessment|post-?incident|post-?mortem|verification|remediation|resolution",
            r"containment|how to|prevent\w*|phases?|immediate(?:ly)?|escalation",
        ),
    ),
)
"""Headings by their words; the first rule that fits decides."""

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


@lru_cache(maxsize=4096)
def topic_of_title(title: str) -> Topic | None:
    """What a heading alone says; None where it says nothing."""
    text = re.sub(r"^(?:\d+(?:\.\d+)*[.)]?|[A-Z]\.|step \d+:?|part \d+:?)\s+", "", title.strip(), flags=re.IGNORECASE)
    return next((topic for topic, phrases in _RULES if phrases.inside(text)), None)


@record
class Outline:
    """Every section, in document order, with its topic and its parent."""

    sections: tuple[Section, ...]
    topics: Mapping[Section, Topic]
    parents: Mapping[Section, Section | None]

    def of(self, *topics: Topic) -> Iterator[Section]:
        """The sections of these topics, in document order."""
        return (section for section in self.sections if self.topics[section] in topics)

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

    sections = tuple(document.root.walk())
    for section in sections:
        parents.setdefault(section, None)
        parents.update(dict.fromkeys(section.sections, section))
        parent = parents[section]
        own = topic_of_title(section.title) if section.heading else None
        bold = section.heading is not None and section.heading.level > 6
        sole = bold and parent is document.root and len(parent.sections) == 1 and not parent.blocks
        topics[section] = _decided(section, own, topics[parent] if parent is not None else Topic.PROSE, sole=sole)
    return Outline(sections=sections, topics=topics, parents=parents)


NUMBERED = Pattern(r"^(?:\d+[.):]|(?:step|phase|stage|part) (?:\d+|[ivx]+)\b|t\s?\+)", re.IGNORECASE)
"""Headings that count: the phases of one procedure."""

_DEFINING = Pattern(r"quer|promql|metric|expression|command", re.IGNORECASE)


def _defines(section: Section) -> bool:
    """Whether a section's tables define words: a signal or action, and how it is got."""
    return any(
        _DEFINING.search(cell.plain) and table.header[0] is not cell
        for table in tables(section)
        for cell in table.header
    )


_BROAD = frozenset({Topic.PROCEDURES, Topic.SCENARIOS})
_STRONG = frozenset({Topic.INCIDENTS, Topic.TEMPLATES, Topic.EXAMPLES})


_KEPT = frozenset(
    {Topic.SEVERITIES, Topic.CONTACTS, Topic.ROLES, Topic.TEMPLATES, Topic.TARGETS, Topic.POLICIES, Topic.TRIGGERS}
)
"""What a numbered chapter of a procedure stays, though it counts."""


def _decided(section: Section, own: Topic | None, inherited: Topic, *, sole: bool = False) -> Topic:
    """`sole`: a bold line that holds the whole document, as a title does."""
    if inherited in _STRONG and own in {None, *_BROAD, Topic.THRESHOLDS, Topic.SYMPTOMS, Topic.METRICS}:
        return inherited
    if own is Topic.VOCABULARY and not _defines(section):
        return Topic.THRESHOLDS if any(isinstance(block, Table) for block in section.blocks) else Topic.METRICS
    if own is None:
        return inherited if inherited in _PASSED_ON else Topic.PROSE
    if section.heading is not None and (section.heading.level == 1 or sole) and section.sections:
        return Topic.INCIDENTS if own is Topic.INCIDENTS else Topic.PROSE
    if own is Topic.SEVERITIES and inherited is Topic.THRESHOLDS:
        return inherited
    if own in _BROAD and inherited is Topic.SCENARIOS:
        return Topic.SCENARIOS
    tabled = own in {Topic.THRESHOLDS, Topic.METRICS} and any(tables(section))
    if inherited is Topic.PROCEDURES and own not in _KEPT and not tabled and NUMBERED.match(section.title):
        return Topic.PROCEDURES
    return own


def tables(section: Section) -> Iterator[Table]:
    return (block for block in section.blocks if isinstance(block, Table))
