"""What a threshold is for: to act upon, to aim at, to illustrate, or a thing of the past.

A limit only acts where the text says so: as an entry of a list of alerts or triggers, or in a sentence that alerts,
rolls back or restarts. Everything else is kept as a fact with the reason why it is not armed.
"""

import re
from dataclasses import dataclass

from stanch.model.plan import ThresholdRole
from stanch.model.signal import Comparison, Signal
from stanch.playbook.topics import Topic


@dataclass(frozen=True, slots=True, kw_only=True)
class Mood:
    """The role of a threshold, and why it does not act; `because` is empty where it does."""

    role: ThresholdRole
    because: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """Where a sentence stands: the topic and title above it, and whether it is an entry of a list or table.

    `step` marks entries of a procedure: numbered, or with a box to tick.
    """

    topic: Topic
    title: str
    entry: bool
    step: bool = False


_DEPRECATED = re.compile(
    r"\[?\b(?:deprecated|obsolete|legacy|disabled|no longer (?:used|valid|in use)|removed|retired|old threshold|superseded|silenced|muted)\b\]?|~~",
    re.IGNORECASE,
)
_EXAMPLE = re.compile(
    r"\be\.\s?g\.|\bfor example\b|\bexamples?\b|\bfor instance\b|\bsuch as\b|^\W*(?:bad|good|wrong|don'?t|avoid)\b\s*[:\u2013-]|\bhypothetical|\bsay,|\bimagine\b|\bsuppose\b|\bsample\b|\bdummy\b|\btodo\b|\btbd\b",
    re.IGNORECASE,
)
_TOLERATED = re.compile(
    r"\b(?:is|are|be)\s+(?:currently\s+|still\s+|perfectly\s+|usually\s+|generally\s+)*(?:ok(?:ay)?|fine|normal|acceptable|expected|tolerable|healthy|allowed|harmless|safe|good|not a (?:problem|concern|cause)|no (?:problem|cause|reason))\b"
    r"|\b(?:ignore|do not (?:alert|page|worry)|don['\u2019]?t (?:alert|page|worry|panic)|no (?:alert|action|page)\b|not (?:an? )?(?:alert|incident|problem|concern)|never (?:alert|page)|can be ignored|no need to)\b|\bwe (?:accept|tolerate|allow)\b|\bnot alert(?:ed|ing)?\b",
    re.IGNORECASE,
)
_TARGET = re.compile(
    r"\b(?:slo|sla|sli|target|goal|objective|aim|kpi|benchmark|budget is)s?\b|\b(?:should|must|shall|needs? to|has to|have to|ought to)\s+(?:always\s+|never\s+|not\s+|all\s+|only\s+)*(?:be|stay|remain|return|drop|have|keep|exceed|complete|respond|handle|support)\b"
    r"|\b(?:expected|healthy|normal(?:ly)?|usual(?:ly)?|typical(?:ly)?|baseline|acceptable|desired|ideal(?:ly)?|good|nominal|aims?|maintain|keep|ensure|guarantee|achieve|make sure|verify|confirm|check that|maintaining)\b\s*(?:value|range|level|operation|that)?\s*[:=]?",
    re.IGNORECASE,
)
_RECOVERED = re.compile(
    r"\b(?:recover(?:ed|s|y)|resolved?|back (?:to normal|below|under|above)|returns? to|all clear|clear(?:s|ed)? when|close(?:d)? when|healthy again|has returned|stand down|until|incident (?:is )?over|stays? clean|normal again|stabili[sz]ed?)\b",
    re.IGNORECASE,
)
_ALERTS = re.compile(
    r"\b(?:alert(?:s|ed|ing)?|page[sd]?|paging|notif(?:y|ies)|warn(?:s|ing)?|alarm(?:s)?|fire[sd]?|firing|wake|escalate[sd]?|open (?:an? )?incident|declare|call|trigger(?:s|ed)?|(?:re)?act (?:when|if|on)|take action|intervene)\b",
    re.IGNORECASE,
)
_CONDITION = re.compile(r"\b(?:if|when|whenever|once|in case|as soon as|should the|any time)\b", re.IGNORECASE)
_IF = re.compile(r"\b(?:if|whenever|once|in case|as soon as|should the|any time)\b", re.IGNORECASE)
_ROLLBACK = re.compile(
    r"\broll(?:ed|ing|s)?[ -]?back\b|\brevert(?:ed|ing)?\b|\bback ?out\b|\babort (?:the )?(?:deploy|release|rollout|canary)",
    re.IGNORECASE,
)
_RESTART = re.compile(r"\bre-?start(?:s|ed|ing)?\b|\breboot(?:s|ed)?\b|\brecycle[sd]?\b|\bbounce[sd]?\b", re.IGNORECASE)
_HISTORY = re.compile(
    r"\b(?:was|were|had been|went from|rose|fell|peaked|spiked to|dropped from|increased from|reduced|decreased|improved|cut|lowered|raised|during the (?:incident|outage)|at \d{1,2}:\d{2}|yesterday|last (?:week|month|year|night)|in (?:19|20)\d\d|we (?:saw|had|observed|noticed)|used to)\b",
    re.IGNORECASE,
)
_PERMISSION = re.compile(
    r"\b(?:unless|except|excluding|other than|not (?:if|when)|only (?:if|when|during)|outside)\b", re.IGNORECASE
)

_LOW_IS_BAD = re.compile(
    r"success|availab|uptime|hit|free|remaining|ready|healthy|replicas|headroom|coverage|apdex|\.up$|probe|until_expiry|expiry|expires"
)
_EITHER = re.compile(
    r"rate$|throughput|requests|traffic|connections$|count|operation_rate|transaction_rate|load|queue|replicas|age"
)


def topic_of_lead(text: str) -> Topic | None:
    """What the sentence above a list makes of it; None where it says nothing of the kind."""
    conditional = bool(_CONDITION.search(text) or re.search(r"\b(?:following|these|any of|one of)\b", text))
    if _TOLERATED.search(text) or re.search(
        r"\b(?:info(?:rmational)? only|nobody|no one|not (?:page|wake|alert))", text, re.IGNORECASE
    ):
        return Topic.EXAMPLES
    if conditional and (_ROLLBACK.search(text) or _RESTART.search(text)):
        return Topic.TRIGGERS
    if _RECOVERED.search(text) and conditional:
        return Topic.RECOVERY_TARGETS
    if _ALERTS.search(text) and not re.search(r"\b(?:don['\u2019]?t|do not|never|no)\b", text, re.IGNORECASE):
        return Topic.THRESHOLDS
    if _EXAMPLE.search(text):
        return Topic.EXAMPLES
    return Topic.TARGETS if _TARGET.search(text) else None


def worse(signal: Signal) -> frozenset[Comparison]:
    """The comparisons that mean trouble for a signal; both where more and less can be."""
    high = frozenset({Comparison.GREATER, Comparison.GREATER_EQUAL})
    low = frozenset({Comparison.LESS, Comparison.LESS_EQUAL, Comparison.EQUAL, Comparison.NOT_EQUAL})
    if signal.name.endswith(("request_rate", "transaction_rate", "operation_rate", ".connections")):
        return high | low
    if _LOW_IS_BAD.search(signal.name):
        return low
    if re.search(
        r"error|latency|response_time|utilization|lag|timeout|failure|restarts|pending|wait|depth|length", signal.name
    ):
        return high
    return high | low


_ACTING = frozenset({Topic.THRESHOLDS, Topic.SYMPTOMS, Topic.METRICS, Topic.PROSE, Topic.TRIGGERS})


def mood_of(sentence: str, setting: Setting, *, signal: Signal | None, comparison: Comparison, past: bool) -> Mood:
    """What the threshold of this sentence is for."""
    role = _role(sentence, setting, signal)
    because = _inert(sentence, setting, role, past=past)
    if because:
        return because
    if role not in {ThresholdRole.ALERT, ThresholdRole.ROLLBACK_TRIGGER, ThresholdRole.RESTART_TRIGGER}:
        return Mood(role=role, because=_NOT_ACTING[role])
    if signal is not None and comparison not in worse(signal):
        recovered = _RECOVERED.search(sentence) or setting.topic is Topic.RECOVERY_TARGETS
        target = ThresholdRole.RECOVERY_TARGET if recovered else ThresholdRole.POLICY_LIMIT
        return Mood(role=target, because="that is how it should be, not a fault to alert on")
    return Mood(role=role)


_NOT_ACTING = {
    ThresholdRole.RECOVERY_TARGET: "it says when an incident is over",
    ThresholdRole.SEVERITY_CRITERION: "it is a criterion of a severity, judged by people",
    ThresholdRole.POLICY_LIMIT: "it is a target or limit to keep to, not an alert",
    ThresholdRole.EXAMPLE: "it is an example",
}


def _role(sentence: str, setting: Setting, signal: Signal | None) -> ThresholdRole:
    match setting.topic:
        case Topic.TRIGGERS:
            text = f"{setting.title} {sentence}"
            if _RESTART.search(text) and not _ROLLBACK.search(text):
                return ThresholdRole.RESTART_TRIGGER
            return ThresholdRole.ROLLBACK_TRIGGER if _ROLLBACK.search(text) else ThresholdRole.ALERT
        case Topic.SEVERITIES:
            return ThresholdRole.SEVERITY_CRITERION
        case Topic.RECOVERY_TARGETS:
            return ThresholdRole.RECOVERY_TARGET
        case Topic.EXAMPLES:
            return ThresholdRole.EXAMPLE
        case _:
            pass
    if _RECOVERED.search(sentence) and not _ALERTS.search(sentence):
        return ThresholdRole.RECOVERY_TARGET
    if _ROLLBACK.search(sentence):
        return ThresholdRole.ROLLBACK_TRIGGER
    if _RESTART.search(sentence) and not (signal and "restart" in signal.name):
        return ThresholdRole.RESTART_TRIGGER
    if setting.topic in {Topic.TARGETS, Topic.POLICIES} and not (
        _ALERTS.search(sentence) and _CONDITION.search(sentence)
    ):
        return ThresholdRole.POLICY_LIMIT
    return ThresholdRole.ALERT


def _inert(sentence: str, setting: Setting, role: ThresholdRole, *, past: bool) -> Mood | None:
    """Why a sentence acts on nothing, whatever its limit; None where it may."""
    if _DEPRECATED.search(sentence):
        return Mood(role=role, because="it is marked as no longer in use")
    if _EXAMPLE.search(sentence) or setting.topic is Topic.EXAMPLES:
        return Mood(role=ThresholdRole.EXAMPLE, because=_NOT_ACTING[ThresholdRole.EXAMPLE])
    if _TOLERATED.search(sentence):
        return Mood(role=ThresholdRole.EXAMPLE, because="the text says that this is all right")
    if _PERMISSION.search(sentence):
        return Mood(role=role, because="it has an exception that was not understood")
    intends = bool(_CONDITION.search(sentence) or _ALERTS.search(sentence))
    if role is ThresholdRole.ALERT and _TARGET.search(sentence) and not _ALERTS.search(sentence):
        return Mood(role=ThresholdRole.POLICY_LIMIT, because=_NOT_ACTING[ThresholdRole.POLICY_LIMIT])
    if (past or _HISTORY.search(sentence)) and not _IF.search(sentence):
        return Mood(role=ThresholdRole.EXAMPLE, because="it tells what was, not when to act")
    if setting.step:
        return Mood(role=role, because="it is a branch of a step, judged while the procedure runs")
    acts = role in {ThresholdRole.ROLLBACK_TRIGGER, ThresholdRole.RESTART_TRIGGER}
    if setting.topic not in _ACTING and not (acts or _ALERTS.search(sentence)):
        if role is ThresholdRole.ALERT:
            return Mood(role=role, because="the text does not say to alert on it")
        return None
    if not setting.entry and not intends and setting.topic is not Topic.TRIGGERS:
        return Mood(role=role, because="the sentence does not say to act on it")
    return None
