"""What a threshold is for: to act upon, to aim at, to illustrate, or a thing of the past.

A limit only acts where the text says so: as an entry of a list of alerts or triggers, or in a sentence that alerts,
rolls back or restarts. Everything else is kept as a fact with the reason why it is not armed.
"""

from functools import lru_cache

from stanch.model.pattern import Pattern
from stanch.model.plan import ThresholdRole
from stanch.model.record import record
from stanch.model.signal import Comparison
from stanch.playbook.phrases import Phrases
from stanch.playbook.topics import Topic, topic_of_title

ACTING = frozenset({ThresholdRole.ALERT, ThresholdRole.ROLLBACK_TRIGGER, ThresholdRole.RESTART_TRIGGER})
"""The roles that act by themselves."""


@record
class Mood:
    """The role of a threshold, and why it does not act; `because` is empty where it does."""

    role: ThresholdRole
    because: str = ""


@record
class Setting:
    """Where a sentence stands: the topic and title above it, and whether it is an entry of a list or table.

    `step` marks entries of a procedure: numbered, or with a box to tick.
    """

    topic: Topic
    title: str
    entry: bool
    step: bool = False


_DEPRECATED = Phrases(
    r"deprecated|obsolete|legacy|disabled|no longer (?:used|valid|in use)|removed|retired|old (?:threshold|rule|limit)",
    r"superseded|silenced|muted",
)
_EXAMPLE = Phrases(
    (
        r"\be\.\s?g\.|\b(?:for example|examples?|for instance|such as|hypothetical\w*|imagine|suppose|sample|dummy"
        r"|todo|tbd)\b"
    ),
    r"^\W*(?:bad|good|wrong|don['\u2019]?t|avoid)\b\s*[:\u2013-]",
    whole=False,
)
_TOLERATED = Phrases(
    r"(?:is|are|be) (?:(?:currently|still|perfectly|usually|generally|also|quite) )*"
    r"(?:ok(?:ay)?|fine|normal|acceptable|expected|tolerable|healthy|allowed|harmless|safe|good)",
    r"(?:is|are) (?:not an?|no) (?:problem|concern|cause|reason|alert|incident)",
    r"ignore|can be ignored|no need to|we (?:accept|tolerate|allow)|not alert(?:ed|ing)?|nobody|no one",
    r"(?:do not|don['\u2019]?t|never|not) (?:get |be )?(?:alert|page|wake|worry|panic|alerted|paged|woken)",
    r"no (?:alert|action|page)",
    r"info(?:rmational)? only|logged only|only logged",
    (
        r"(?:\u2192|->|=>|\u21d2)\s*(?:just\s+|only\s+)?(?:watch|monitor|observe|nothing|ignore|wait|log|note"
        r"|keep\s+an\s+eye|no\s+action)"
    ),
)
_FINE = Phrases(
    r"(?:is|are) (?:\w+ )?(?:ok(?:ay)?|fine|normal|harmless|expected|acceptable)|known noise|can be ignored"
)
"""Titles of lists of what nobody minds ("Looks bad but is fine")."""

_HOURS = Phrases(
    r"during (?:the )?(?:day|night|week|business hours|office hours|working hours|peak(?: hours)?|off-?peak|weekends?)",
    r"at night|overnight|daytime|night-?time|on (?:week-?days|week-?ends|(?:mon|tues|wednes|thurs|fri|satur|sun)days?)",
    r"(?:outside|inside|in|within) (?:of )?(?:business|office|working|peak) hours",
    r"between \d{1,2}:\d\d and \d{1,2}:\d\d|\d{1,2}:\d\d ?(?:-|\u2013|to) ?\d{1,2}:\d\d",
    r"(?:in|during) (?:[\w-]+ ){0,2}(?:weeks|season|sales?|elections?|holidays|campaigns?|maintenance|exams?|imports?)",
    r"while (?:[\w-]+ ){1,4}(?:runs?|is running|are running|lasts?|is active)",
)
_ELSEWHERE = Phrases(
    r"staging|stage environment|pre-?prod(?:uction)?|uat|qa|sandbox",
    r"(?:dev|development|test|testing) (?:env\w*|cluster)|non-?prod(?:uction)?",
)
_HERE = Phrases(r"prod|production|live")
_TARGET = Phrases(
    r"(?:slo|sla|sli|target|goal|objective|aim|kpi|benchmark|budget)s?",
    r"(?:should|must|shall|needs? to|has to|have to|ought to) (?:(?:always|never|not|all|only) )*"
    r"(?:be|stay|remain|return|drop|have|keep|exceed|complete|respond|handle|support)",
    (
        r"expected|healthy|normal(?:ly)?|usual(?:ly)?|typical(?:ly)?|baseline|acceptable|desired|ideal(?:ly)?"
        r"|nominal|aims?"
    ),
    r"maintain(?:ing)?|keep(?:ing)?|ensure|guarantee|achieve|make sure|verify|confirm|check that",
)
_RECOVERED = Phrases(
    r"recover(?:ed|s|y)|resolved?|back (?:to normal|below|under|above)|returns? to|all clear|clear(?:s|ed)? when",
    r"close(?:d)? when|healthy again|has returned|stand down|until|incident (?:is )?over|stays? clean|normal again",
    r"stabili[sz]ed?|(?:is|are) done once|continue when|proceed when|promote when",
)
_ALERTS = Phrases(
    r"alert(?:s|ed|ing)?|page[sd]?|paging|notif(?:y|ies)|warn(?:s|ing)?|alarms?|fire[sd]?|firing|wake|escalate[sd]?",
    r"open (?:an? )?incident|declare|call|calls (?:the|us|out|some(?:body|one))|rings|wakes|trigger(?:s|ed)?",
    r"(?:re)?act (?:when|if|on)|take action|intervene",
)
_CONDITION = Phrases(r"if|when|whenever|once|in case|as soon as|should the|any time")
_CERTAIN = Phrases(r"if|whenever|once|in case|as soon as|should the|any time")
"""Conditions that cannot tell a story, as *when* can ("we were paged when the rate was above 5%")."""

_ROLLBACK = Phrases(
    r"roll(?:ed|ing|s)?[\s-]?back|revert(?:ed|ing)?|back ?out|abort (?:the )?(?:deploy|release|rollout|canary)\w*"
)
_RESTART = Phrases(r"re-?start(?:s|ed|ing)?|reboot(?:s|ed)?|recycle[sd]?|bounce[sd]?")
_HISTORY = Phrases(
    (
        r"was|were|had been|went from|rose|fell|peaked|spiked to|dropped from|increased from|reduced|decreased"
        r"|improved|cut"
    ),
    r"(?<!are\s)(?<!is\s)(?<!be\s)(?:lowered|raised)|during the (?:incident|outage)|used to",
    r"yesterday|last (?:week|month|year|night)|in (?:19|20)\d\d",
    r"we (?:saw|had|observed|noticed)|at \d{1,2}:\d{2}",
)
_EXCEPTION = Phrases(r"unless|except|excluding|other than|not (?:if|when)|only (?:if|when|during)|outside")
_NEGATION = Phrases(r"don['\u2019]?t|do not|never|no|not")
_ANY_OF = Phrases(r"following|these|any of|one of")

_LOW_IS_BAD = Pattern(
    r"success|availab|uptime|hit|free|remaining|ready|healthy|consumers|\.up$|cache_hit|coverage|apdex|publish_rate"
)
_EITHER_IS_BAD = Pattern(
    r"(?:request|transaction|operation|command)_rate$|\.connections$|k8s\.pod\.ready|traffic|network"
)


_AT_TIMES = "it holds at some times of the day only, and a rule watches always"
_OTHER_PLACE = "it is for another environment than production"
_RETIRED = "it is marked as no longer in use"
_ALLOWED = "the text says that this is all right"
_TOLD = "it tells what was, not when to act"
_STEP = "it is a branch of a step, judged while the procedure runs"
_SILENT = "the text does not say to act on it"
_HEALTHY = "that is how it should be, not a fault to alert on"
_NOT_ACTING = {
    ThresholdRole.RECOVERY_TARGET: "it says when an incident is over",
    ThresholdRole.SEVERITY_CRITERION: "it is a criterion of a severity, judged by people",
    ThresholdRole.POLICY_LIMIT: "it is a target or limit to keep to, not an alert",
    ThresholdRole.EXAMPLE: "it is an example",
}
UNREAD_LANGUAGE = "the document is in a language that is not read"
REASONS = frozenset(
    {UNREAD_LANGUAGE, _RETIRED, _OTHER_PLACE, _ALLOWED, _TOLD, _STEP, _SILENT, _HEALTHY, *_NOT_ACTING.values()}
)
"""Why a threshold does not act where its author means it so; any other reason is one to put right."""


def topic_of_lead(text: str) -> Topic | None:
    """What the sentence above a list makes of it; None where it says nothing of the kind."""
    titled = topic_of_title(text.strip().rstrip(":")) if len(text.split()) <= 5 else None
    if titled in _LEADS:
        return titled
    conditional = _CONDITION.inside(text) or _ANY_OF.inside(text)
    if _TOLERATED.inside(text):
        return Topic.EXAMPLES
    if conditional and (_ROLLBACK.inside(text) or _RESTART.inside(text)):
        return Topic.TRIGGERS
    if conditional and _RECOVERED.inside(text):
        return Topic.RECOVERY_TARGETS
    if _ALERTS.inside(text) and not _NEGATION.inside(text):
        return Topic.THRESHOLDS
    if _EXAMPLE.inside(text):
        return Topic.EXAMPLES
    return Topic.TARGETS if _TARGET.inside(text) else None


_LEADS = frozenset({Topic.TRIGGERS, Topic.TARGETS, Topic.EXAMPLES, Topic.RECOVERY_TARGETS, Topic.SYMPTOMS})
"""What a short lead can be, as a heading can ("Rollback triggers:")."""

_HIGH = frozenset({Comparison.GREATER, Comparison.GREATER_EQUAL})
_LOW = frozenset({Comparison.LESS, Comparison.LESS_EQUAL, Comparison.EQUAL, Comparison.NOT_EQUAL})


def worse(signal: str) -> frozenset[Comparison]:
    """The comparisons that mean trouble for a signal; all of them where more and less both can."""
    if _EITHER_IS_BAD.search(signal):
        return _HIGH | _LOW
    return _LOW if _LOW_IS_BAD.search(signal) else _HIGH


_LISTS_ALERTS = frozenset({Topic.THRESHOLDS, Topic.SYMPTOMS, Topic.TRIGGERS})
_MAY_LIST_ALERTS = frozenset({Topic.METRICS, Topic.PROSE})


@lru_cache(maxsize=8192)
def mood_of(sentence: str, setting: Setting, *, signal: str | None, comparison: Comparison, past: bool) -> Mood:
    """What the threshold of this sentence is for; `signal` is its name."""
    role = _role(sentence, setting, signal)
    because = _inert(sentence, setting, role, past=past)
    if because:
        return because
    if role not in {ThresholdRole.ALERT, ThresholdRole.ROLLBACK_TRIGGER, ThresholdRole.RESTART_TRIGGER}:
        return Mood(role=role, because=_NOT_ACTING[role])
    if signal is not None and comparison not in worse(signal):
        recovered = _RECOVERED.inside(sentence) or setting.topic is Topic.RECOVERY_TARGETS
        target = ThresholdRole.RECOVERY_TARGET if recovered else ThresholdRole.POLICY_LIMIT
        return Mood(role=target, because=_HEALTHY)
    return Mood(role=role)


def _role(sentence: str, setting: Setting, signal: str | None) -> ThresholdRole:
    match setting.topic:
        case Topic.TRIGGERS:
            text = f"{setting.title} {sentence}"
            if _RESTART.inside(text) and not _ROLLBACK.inside(text):
                return ThresholdRole.RESTART_TRIGGER
            return ThresholdRole.ROLLBACK_TRIGGER if _ROLLBACK.inside(text) else ThresholdRole.ALERT
        case Topic.SEVERITIES:
            return ThresholdRole.SEVERITY_CRITERION
        case Topic.RECOVERY_TARGETS:
            return ThresholdRole.RECOVERY_TARGET
        case Topic.EXAMPLES:
            return ThresholdRole.EXAMPLE
        case _:
            pass
    if _RECOVERED.inside(sentence) and not _ALERTS.inside(sentence):
        return ThresholdRole.RECOVERY_TARGET
    if _ROLLBACK.inside(sentence):
        return ThresholdRole.ROLLBACK_TRIGGER
    if _RESTART.inside(sentence) and not (signal and "restart" in signal):
        return ThresholdRole.RESTART_TRIGGER
    if setting.topic in {Topic.TARGETS, Topic.POLICIES} and not (
        _ALERTS.inside(sentence) and _CONDITION.inside(sentence)
    ):
        return ThresholdRole.POLICY_LIMIT
    return ThresholdRole.ALERT


def _inert(sentence: str, setting: Setting, role: ThresholdRole, *, past: bool) -> Mood | None:
    """Why a sentence acts on nothing, whatever its limit; None where it may."""
    if _DEPRECATED.inside(sentence):
        return Mood(role=role, because=_RETIRED)
    if _EXAMPLE.inside(sentence) or setting.topic is Topic.EXAMPLES:
        return Mood(role=ThresholdRole.EXAMPLE, because=_NOT_ACTING[ThresholdRole.EXAMPLE])
    if _TOLERATED.inside(sentence) or _FINE.inside(setting.title):
        return Mood(role=ThresholdRole.EXAMPLE, because=_ALLOWED)
    where = f"{setting.title} {sentence}"
    if _ELSEWHERE.inside(where) and not _HERE.inside(where):
        return Mood(role=role, because=_OTHER_PLACE)
    if _HOURS.inside(sentence):
        return Mood(role=role, because=_AT_TIMES)
    if _EXCEPTION.inside(sentence):
        return Mood(role=role, because="it has an exception that was not understood")
    if role is ThresholdRole.ALERT and _TARGET.inside(sentence) and not _ALERTS.inside(sentence):
        return Mood(role=ThresholdRole.POLICY_LIMIT, because=_NOT_ACTING[ThresholdRole.POLICY_LIMIT])
    if (past or _HISTORY.inside(sentence)) and not _CERTAIN.inside(sentence):
        return Mood(role=ThresholdRole.EXAMPLE, because=_TOLD)
    if setting.step:
        return Mood(role=role, because=_STEP)
    if role is ThresholdRole.ALERT and not _intends(sentence, setting):
        return Mood(role=role, because=_SILENT)
    if not setting.entry and role in _TRIGGERS and not _CONDITION.inside(sentence):
        return Mood(role=role, because=_SILENT)
    return None


_TRIGGERS = frozenset({ThresholdRole.ROLLBACK_TRIGGER, ThresholdRole.RESTART_TRIGGER})


def _intends(sentence: str, setting: Setting) -> bool:
    """Whether an alert is meant: by the place, for an entry of a list of them; by the words, for a sentence."""
    if _ALERTS.inside(sentence):
        return True
    if setting.topic in _LISTS_ALERTS:
        return setting.entry or _CONDITION.inside(sentence)
    return setting.entry and setting.topic in _MAY_LIST_ALERTS


def elsewhere(title: str) -> bool:
    """Whether a title names an environment, this one or another."""
    return _ELSEWHERE.inside(title) or _HERE.inside(title)
