"""The words of a sentence about a threshold, told apart: phrases of signals, comparisons, quantities, connectives.

What a token is called is a terminal of `threshold.lark`, or one of the separators (`CUT`, `AND`, `OR`) that part a
sentence into segments and that the grammar never sees. Words without weight are left out.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache

from stanch.model.pattern import Pattern
from stanch.model.record import record
from stanch.model.signal import Comparison, Statistic
from stanch.playbook.quantity import PATTERN, SECONDS, Measure, Quantity, quantity_of
from stanch.playbook.vocabulary import SignalMatch, Vocabulary
from stanch.playbook.words import wordset


@record
class Token:
    """One token: its kind, where it stands in the sentence, and what it means where its kind says so."""

    kind: str
    start: int
    end: int
    text: str
    quantity: Quantity | None = None
    comparison: Comparison | None = None
    statistic: Statistic | None = None
    match: SignalMatch | None = None

    @property
    def lower(self) -> str:
        return self.text.lower()


# --- comparisons ------------------------------------------------------------------------------------------------

_SYMBOLS: tuple[tuple[Comparison, str], ...] = (
    (Comparison.GREATER_EQUAL, r">=|\u2265|=>(?=\s?[\d.])"),
    (Comparison.LESS_EQUAL, r"<=|\u2264|=<(?=\s?[\d.])"),
    (Comparison.NOT_EQUAL, r"!=|\u2260"),
    (Comparison.GREATER, r">"),
    (Comparison.LESS, r"<"),
    (Comparison.EQUAL, r"==?"),
)
_WORDED: tuple[tuple[Comparison, tuple[str, ...]], ...] = (
    (
        Comparison.GREATER_EQUAL,
        (
            r"greater than or equal(?: to)?|equal to or (?:greater|more|higher) than|at or above|at or over|at least",
            r"no less than|not less than|a minimum of|minimum of|reach(?:e[sd])?|reaching|hits?|hitting",
        ),
    ),
    (
        Comparison.LESS_EQUAL,
        (
            r"less than or equal(?: to)?|equal to or (?:less|lower) than|at or below|at or under|at most|no more than",
            r"not more than|up to|a maximum of|maximum of|drop(?:s|ped|ping)? to|fall(?:s|en|ing)? to|fell to|down to",
        ),
    ),
    (
        Comparison.GREATER,
        (
            r"(?:in )?excess of|exceed(?:s|ed|ing)?|(?:more|greater|higher|longer|larger|bigger|slower|older) than",
            r"above|over|beyond|past|surpass(?:e[sd]|ing)?|breach(?:e[sd]|ing)?|cross(?:e[sd]|ing)?|upwards? of",
            r"outside(?: of)?",
        ),
    ),
    (Comparison.LESS, (r"(?:less|lower|fewer|smaller|shorter|faster) than|below|under|beneath",)),
    (Comparison.EQUAL, (r"equals?(?: to)?|is exactly",)),
    (Comparison.GREATER_EQUAL, (r"at|after",)),
)
_MOTION = (
    r"(?:(?:is|are|be|being|been|has|have|goes|go|going|gets?|stays?|remains?|remaining|becomes?|ris(?:es?|ing|en)"
    r"|climb(?:s|ing|ed)?|grow(?:s|ing)?|increas(?:es?|ing|ed)|spik(?:es?|ing|ed)|jump(?:s|ing|ed)?|dropp(?:ed|ing)"
    r"|drops?|fall(?:s|ing|en)?|dip(?:s|ping|ped)?|decreas(?:es?|ing|ed)|runs?|running|sits?|sitting|takes?|taking"
    r"|lasts?|consistently|persistently|continuously|constantly|suddenly|sustained|steadily|still|holds?|holding"
    r"|moves?|trend(?:s|ing)|averag(?:es|ing)|hover(?:s|ing)|shows?|drift(?:s|ing)?|exists?|measures?|degrades?) )*"
)


@lru_cache(maxsize=1)
def _comparison() -> tuple[Pattern, tuple[Comparison, ...]]:
    """Every comparison, verbs of motion in front included (*has dropped below*); its group number tells which."""
    symbols = "|".join(f"({pattern})" for _, pattern in _SYMBOLS)
    moving = "|".join(f"({'|'.join(patterns)})" for _, patterns in _WORDED[:-1])
    still = f"({'|'.join(_WORDED[-1][1])})"
    text = rf"(?:is |are |be )?(?:{symbols})|(?<![\w-])(?:{_MOTION}(?:{moving})|{still})(?![\w-])"
    meant = tuple(comparison for comparison, _ in (*_SYMBOLS, *_WORDED))
    return Pattern(text.replace(" ", r"\s+"), re.IGNORECASE), meant


# --- words ------------------------------------------------------------------------------------------------------

_SHARE_NOUN = (
    r"(?:(?:all|total|the|our|incoming|http|api|user|client|of|these|those|recent) )*"
    r"(?:requests?|calls?|responses?|transactions?|operations?|users?|traffic|queries|attempts?|logins?|checks?|hits?)"
)
_VERB_GAP = (
    r" (?:(?:that|which|are|is|have|has|been|being|to|get|gets|start|begin|the|a|an|return\w*|with|result\w*|in) )*"
)
_FAILS = (
    r"(?:fail\w*|error(?:s|ed|ing)?(?: out)?|5xx\w*(?: errors?| responses?)?|(?:http )?50[0-4]s?(?: errors?)?"
    r"|server errors?)\b"
)
SHARES: tuple[tuple[str, str], ...] = (
    ("http.timeout_rate", rf"of {_SHARE_NOUN}{_VERB_GAP}(?:tim(?:e|es|ed|ing)[ -]?outs?)\b"),
    ("http.client_error_rate", rf"of {_SHARE_NOUN}{_VERB_GAP}4xx\w*(?: errors?| responses?)?\b"),
    ("http.error_rate", rf"of {_SHARE_NOUN}{_VERB_GAP}{_FAILS}"),
    ("http.success_rate", rf"of {_SHARE_NOUN}{_VERB_GAP}(?:succeed\w*|success\w*|2xx)\b"),
)
"""Shares told as a sentence ("5% of requests fail"), and the signal that measures each."""

_UNIT_WORD = r"(?:second|minute|hour|day|week|month)"
_KINDS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "STATISTIC",
        (
            r"\bp(?:50|75|90|95|98|99(?:\.9+)?|999)\b",
            r"\b\d{2}(?:\.\d+)?(?:st|nd|rd|th)(?:[\s-]?(?:percentile|pctl|%ile))?\b",
            r"\b(?:median|average|avg|mean|max(?:imum)?|peak|percentiles?)\b",
        ),
    ),
    ("SEVERITY", (r"\bp[0-5]\b", r"\bsev(?:erity)?[\s-]?[0-5]\b", r"\bs[0-5]\b")),
    ("BETWEEN", (r"\bbetween\b",)),
    (
        "OR_MORE",
        (
            r"\bor (?:more|higher|above|greater|over|longer|worse|less|lower|fewer|below)\b",
            r"\+(?=\s|$|[,;)])",
        ),
    ),
    (
        "NORMAL",
        (
            (
                r"\b(?:(?:of|(?:(?:higher|greater|more|lower|less|larger) )?than|the|above|below|over|from|its"
                r"|our|usual|is|vs\.?|compared to|compared with"
                r"|against) )*"
                r"(?:baseline|normal(?: levels?| values?| range| rate)?|usual|typical(?: levels?)?|the norm|norm"
                r"|historical (?:average|mean)|(?:weekly|daily|hourly|rolling|moving) average"
                r"|previous (?:day|week|hour|period)|slo(?: targets?)?|sla|error budget|budget)\b"
            ),
        ),
    ),
    (
        "DOWN",
        (
            (
                r"\b(?:(?:is|are|goes|went|has been|have been|becomes?|being|completely|fully) )*"
                r"(?:down|unreachable|unavailable|offline|not responding|unresponsive|not reachable|not available)\b"
            ),
        ),
    ),
    (
        "FAILING",
        (r"\bfail(?:s|ed|ing|ures?)?(?= (?:for )?(?:\w+ )?(?:consecutive )*(?:\d+|two|three|four|five)\b)",),
    ),
    (
        "ZERO",
        (
            (
                r"\b(?:(?:is|are|has|have) )*(?:drop(?:s|ped)? to|falls? to|fell to|equals?|is|are|at|reach(?:es|ed)?)"
                r" (?:zero|0)(?![\d.%]|\s?%)\b"
            ),
        ),
    ),
    ("BY", (r"\bby(?= (?:more than |over |at least |less than |>=? ?)?[\d.])",)),
    ("_IN_A_ROW", (r"\b(?:consecutive(?:ly)?|in a row|straight|successive|back[\s-]to[\s-]back)\b",)),
    (
        "_SAMPLES",
        (
            r"\b(?:(?:health|readiness|liveness|probe)[\s-])?checks?\b",
            (
                r"\b(?:periods?|samples?|probes?|cycles?|attempts?|data ?points?|evaluations?|intervals?"
                r"|readings?|scrapes?"
                r"|polls?|times|pings?|runs)\b"
            ),
        ),
    ),
    ("_WINDOW", (r"\b(?:windows?|time ?frames?|time ?spans?|time periods?|period|interval)\b",)),
    ("_ROLLING", (r"\b(?:rolling|sliding|moving|trailing)\b",)),
    (
        "_LAST",
        (
            (
                r"\b(?:last|past|previous|preceding|prior|most recent)\b(?= (?:rolling )?"
                rf"(?:\d|an?\b|half\b|one\b|two\b|three\b|five\b|ten\b|fifteen\b|thirty\b|sixty\b|{_UNIT_WORD}))"
            ),
        ),
    ),
    (
        "_ANY",
        (
            (
                r"\b(?:any|each|every)\b(?= (?:given |rolling |single |sliding )?"
                rf"(?:\d|an?\b|one\b|two\b|five\b|ten\b|{_UNIT_WORD}\b))"
            ),
        ),
    ),
    (
        "FOR",
        (r"\b(?:for|last(?:s|ing)|persist(?:s|ing)?(?: for)?|(?:sustained|held) (?:for|over))\b", "@"),
    ),
    ("IN", (r"\b(?:in|within|during|over|across|per|throughout)\b",)),
    (
        "NOT",
        (
            r"\b(?:not|never|cannot|without|no longer|unless|except|excluding|nor)\b",
            r"\b(?:does|do|is|are|should|must|wo|ca)n['\u2019]t\b",
        ),
    ),
    ("IF", (r"\b(?:if|when|whenever|once|where|in case|as soon as|any ?time|upon|until|while)\b",)),
    (
        "PAST",
        (
            (
                r"\b(?:was|were|had|saw|rose|fell|went|did|became|experienced|occurred|happened|peaked|grew"
                r"|climbed|spiked"
                r"|dropped|increased|decreased|reduced|raised|lowered|set|added|adjusted|implemented|improved"
                r"|suffered|cut)\b"
            ),
        ),
    ),
    (
        "TIER",
        (
            (
                r"\b(?:critical|warning|warn|error|info|urgent|emergency|high|medium|low|major|minor|red|yellow|orange|amber"
                r"|green|severe|page|ticket)\b"
            ),
        ),
    ),
    (
        "LEAD",
        (
            (
                r"\b(?:alert(?:s|ed|ing)?|paged?|pages|paging|notif(?:y|ies)|warns?|warnings?|trigger(?:s|ed|ing)?"
                r"|fire[sd]?|firing|thresholds?|conditions?|alarms?|escalate[sd]?|roll ?back|restart(?:s|ed)?"
                r"|automatic(?:ally)?|auto)\b"
            ),
        ),
    ),
    (
        "CUT",
        (
            r"\u2192|\u21d2|->|=>|\bthen\b|;|\||:(?!\d)|[()\[\]{}]|(?<=\s)[-\u2013\u2014](?=\s)|\u2014|,(?!\d)",
            r"[.!?](?=\s|$)|\u2022|\u2026",
        ),
    ),
    ("AND", (r"\band\b", r"&&?", r"(?<=\s)\+(?=\s)", r"\bplus\b", r"\bcombined with\b")),
    ("OR", (r"\bor\b", r"\|\|")),
    (
        "PREPOSITION",
        (r"\b(?:on|from|to|of|against|via|by|among|at|with|between|toward|towards|into|behind|after)\b",),
    ),
    ("WORD", (r"[^\W_](?:[\w'\u2019.&-]*\w)?", r"[/#@$][\w/{}.*:-]*")),
)
"""The kinds of words, tried in this order where no phrase, comparison or quantity stands."""

_BEFORE_QUANTITIES = frozenset(
    {"STATISTIC", "SEVERITY", "ZERO", "NORMAL", "DOWN", "OR_MORE", "_LAST", "_ANY", "BETWEEN", "FAILING"}
)
"""Kinds that look for themselves where a quantity could begin (`95th percentile`, `any 5-minute`)."""

_FILLERS = wordset(
    "the a an is are be been being am has have having our your their its it this that these those also currently still"
    " consistently suddenly continuously just only approximately about around roughly either both will would can may"
    " some all any each every goes go gets get stays stay remains remain becomes become rises rise rising climbs grows"
    " increases increase spikes spike drops drop falls fall dips dip decreases running runs run sits then there which"
    " sustained constantly persistently observed measured see seen detected value values level levels count so we you"
    " whose"
)

_STATISTICS: dict[str, Statistic] = {
    "p50": Statistic.P50,
    "median": Statistic.P50,
    "p90": Statistic.P90,
    "p95": Statistic.P95,
    "p99": Statistic.P99,
    "average": Statistic.MEAN,
    "avg": Statistic.MEAN,
    "mean": Statistic.MEAN,
    "max": Statistic.MAX,
    "maximum": Statistic.MAX,
    "peak": Statistic.MAX,
}
_ORDINAL = Pattern(r"^(\d{2}(?:\.\d+)?)(?:st|nd|rd|th)", re.IGNORECASE)
_UNIT_ALONE = Pattern(rf"{_UNIT_WORD}\b", re.IGNORECASE)


def statistic_of(text: str) -> Statistic | None:
    """`p95`, `95th percentile`, `average`; None for one that no reading has (p75, p99.9)."""
    lowered = text.lower()
    if ordinal := _ORDINAL.match(lowered):
        lowered = f"p{ordinal[1]}"
    return _STATISTICS.get(lowered)


@lru_cache(maxsize=1)
def _kind_pattern() -> Pattern:
    text = "|".join(f"(?P<{kind}>{'|'.join(patterns)})" for kind, patterns in _KINDS)
    return Pattern(text.replace(" ", r"\s+"), re.IGNORECASE)


@lru_cache(maxsize=1)
def _share_patterns() -> tuple[tuple[str, Pattern], ...]:
    return tuple((name, Pattern(pattern.replace(" ", r"\s+"), re.IGNORECASE)) for name, pattern in SHARES)


_TO_QUANTITY = Pattern(
    r"[\s~`\"\u2248]*"
    r"(?:(?:the|an?|about|approximately|around|roughly|our|its|(?:threshold|value|level|limit|rate) of)\s+)*"
    r"(?:[\d.]|(?:zero|one|two|three|four|five|six|seven|eight|nine|ten|twelve|fifteen|twenty|thirty|fifty|sixty|ninety"
    r"|twice|double|triple|half|second|minute|hour|day|between|normal|baseline|usual|the baseline)\b)",
    re.IGNORECASE,
)
_WINDOW_FOLLOWS = Pattern(
    r"\s*(?:(?:the|any|an?)\s+)*(?P<marked>last|past|previous|rolling|sliding|moving|trailing)\b", re.IGNORECASE
)
_TIME_UNITS = "|".join(sorted(map(re.escape, SECONDS), key=len, reverse=True))
_DURATION_FOLLOWS = Pattern(
    rf"\s*(?:(?:the|any|an?)\s+)*(?:\d+(?:\.\d+)?[\s-]?(?:{_TIME_UNITS})\b"
    rf"|(?:one|two|three|five|ten|fifteen|thirty)\s+{_UNIT_WORD}s?\b|{_UNIT_WORD}\b)",
    re.IGNORECASE,
)
_COMPARES = Pattern(
    r"[<>\u2264\u2265]|\b(?:exceed\w*|above|below|under|more than|less than|greater|higher|lower|drop\w*|reach\w*|fewer"
    r"|at least|at most|surpass\w*|cross\w*|breach\w*|hits?|longer|between|\d%? of)\b",
    re.IGNORECASE,
)


def tokens_of(text: str, vocabulary: Vocabulary) -> tuple[Token, ...]:
    """The tokens of a sentence, each of the kind that its neighbours leave to it."""
    found = [token for token in _found(text, vocabulary) if token.kind != "WORD" or token.lower not in _FILLERS]
    return tuple(_resolved(found))


def _found(text: str, vocabulary: Vocabulary) -> Iterator[Token]:
    phrases = {
        match.start: match
        for match in vocabulary.signals_of(text)
        if text[match.start : match.end].lower() not in _VERBS_ALONE and not _grades(text, match)
    }
    at = 0
    before = ""
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        token = _token_at(text, at, phrases, before)
        if token is None:
            at += 1
            continue
        yield token
        before = token.kind
        at = max(token.end, at + 1)


def _grades(text: str, match: SignalMatch) -> bool:
    """Whether *error* stands as a grade beside *warning* ("Memory: warning > 80%, error > 92%"), and is no signal."""
    return text[match.start : match.end].lower() == "error" and bool(_GRADED.search(text[: match.start]))


_GRADED = Pattern(r"\S\s*:\s*(?:$|.*\bwarn(?:ing)?\b)|\bwarn(?:ing)?\b", re.IGNORECASE)
_VERBS_ALONE = frozenset({"restart", "restarted"})
"""Verbs with the stem of a signal's phrase (*restarts*)."""


def _token_at(text: str, at: int, phrases: dict[int, SignalMatch], before: str) -> Token | None:
    share = _share(text, at) if before in {"RATIO", "RANGE"} else None
    if share is not None:
        return share
    match = phrases.get(at)
    worded = _kind_pattern().match(text, at)
    if worded and worded.lastgroup == "NORMAL" and before in _QUANTITIES:
        return _worded(worded)
    compared, meant = _compared(text, at)
    if text[at] == "/" and at + 1 in phrases:
        return Token(kind="AND", start=at, end=at + 1, text="/")
    if match is not None and not (compared and compared.end() > match.end) and not _counted(text, match, before):
        return Token(kind="SIGNAL", start=at, end=match.end, text=text[at : match.end], match=match)
    if compared and _TO_QUANTITY.match(text, compared.end()) and not _opens_window(text, at, compared):
        return Token(kind="COMPARISON", start=at, end=compared.end(), text=compared[0], comparison=meant)
    if worded and worded.lastgroup in _BEFORE_QUANTITIES:
        return _worded(worded)
    number = PATTERN.match(text, at)
    if number:
        return _number(number)
    if before in {"_LAST", "_ANY", "EVERY"} or (before == "IN" and text[:at].rstrip().lower().endswith("per")):
        alone = _UNIT_ALONE.match(text, at)
        if alone:
            quantity = Quantity(measure=Measure.DURATION, value=SECONDS[alone[0].lower()], text=alone[0])
            return Token(kind="DURATION", start=at, end=alone.end(), text=alone[0], quantity=quantity)
    return _worded(worded) if worded else None


def _compared(text: str, at: int) -> tuple[re.Match[str] | None, Comparison | None]:
    pattern, meanings = _comparison()
    match = pattern.match(text, at)
    return (match, meanings[(match.lastindex or 1) - 1]) if match else (None, None)


def _counted(text: str, match: SignalMatch, before: str) -> bool:
    """Whether a phrase that begins with a number ("500 errors") is a quantity here: so after a comparison."""
    return before == "COMPARISON" and text[match.start].isdigit()


def _share(text: str, at: int) -> Token | None:
    for name, pattern in _share_patterns():
        match = pattern.match(text, at)
        if match:
            return Token(kind="SHARE", start=at, end=match.end(), text=name)
    return None


def _number(match: re.Match[str]) -> Token:
    quantity = quantity_of(match)
    kind = quantity.measure.value
    if match["inarow"]:
        kind = "STRETCH"
    elif quantity.upper is not None:
        kind = "RANGE"
    return Token(kind=kind, start=match.start(), end=match.end(), text=match[0], quantity=quantity)


def _worded(match: re.Match[str]) -> Token:
    kind = match.lastgroup or "WORD"
    statistic = statistic_of(match[0]) if kind == "STATISTIC" else None
    return Token(kind=kind, start=match.start(), end=match.end(), text=match[0], statistic=statistic)


def _opens_window(text: str, at: int, compared: re.Match[str]) -> bool:
    """Whether `over 10 seconds` says what a value is computed over and not what it is compared with.

    It does after *last*, *rolling* and the like, and where a duration follows while another comparison stands in
    the sentence ("p95 over 10 seconds > 1 second", "above 2 s over 5 minutes").
    """
    if not compared[0].lower().endswith(("over", "past")):
        return False
    if _WINDOW_FOLLOWS.match(text, compared.end()):
        return True
    follows = _DURATION_FOLLOWS.match(text, compared.end())
    if follows is None:
        return False
    if _OVER_LIMIT.search(text[:at]):
        return not _INSTANT.search(follows[0])
    rest = _LASTING.sub("", text[follows.end() :])
    return bool(_COMPARES.search(text[:at]) or _COMPARES.search(rest))


_LASTING = Pattern(r"\bfor\s+(?:more than|longer than|at least|over)\b", re.IGNORECASE)
"""Compares a time with how long something lasts, and nothing else."""

_OVER_LIMIT = Pattern(r"\bover\s+[\d.]", re.IGNORECASE)
"""A limit that is told with the same word ("over 800 ms over a 30-minute window")."""

_INSTANT = Pattern(r"\d\s?(?:ms|us|\u00b5s|milli\w+|micro\w+|s|secs?|seconds?)\b", re.IGNORECASE)
"""Times that are limits more likely than windows, where both are told by *over*."""


# --- neighbours -------------------------------------------------------------------------------------------------

_TIMES = frozenset({"DURATION", "STRETCH"})
_BEFORE_TIME = frozenset({"_ANY", "_LAST", "_ROLLING", "COMPARISON", "_IN_A_ROW"})
_QUANTITIES = frozenset({"RATIO", "NUMBER", "DURATION", "SIZE", "RATE", "MULTIPLE", "STRETCH"})
_PRECEDED: dict[str, frozenset[str]] = {
    "_SAMPLES": frozenset({"NUMBER", "_IN_A_ROW"}),
    "_IN_A_ROW": frozenset({"NUMBER", "FOR", "_SAMPLES", "DURATION", "FAILING", "IN"}),
    "_WINDOW": frozenset({"DURATION", "_ROLLING"}),
    "OR_MORE": _QUANTITIES,
    "NORMAL": frozenset({"RATIO", "NUMBER", "MULTIPLE", "DURATION", "COMPARISON"}),
}
"""Kinds that need one of these in front; without it they are words."""

_FOLLOWED: dict[str, frozenset[str]] = {
    "_LAST": frozenset({"DURATION", "_ROLLING"}),
    "_ANY": frozenset({"DURATION", "_ROLLING", "WORD"}),
}


_AFTER_LEVEL = frozenset({"CUT", "IF", "COMPARISON", "LEAD", "AND", "OR"})
"""What can follow `S3` where it is a severity and not a storage service."""


def _resolved(tokens: Sequence[Token]) -> Iterator[Token]:
    before = "CUT"
    compared = False
    for index, token in enumerate(tokens):
        compared = (compared or token.kind == "COMPARISON") and token.kind != "CUT"
        if compared and _lasts(tokens, index):
            yield replace(token, kind="FOR", comparison=None)
            before = "FOR"
            continue
        following = [other.kind for other in tokens[index + 1 : index + 5]]
        kind = _kind(token, before, following)
        yield token if kind == token.kind else replace(token, kind=kind)
        before = kind


_LONGER = frozenset({"longer than", "more than", "at least"})


def _lasts(tokens: Sequence[Token], index: int) -> bool:
    """Whether a comparison says how long the one before it must hold ("over 92% longer than 15 minutes")."""
    token = tokens[index]
    if token.kind != "COMPARISON" or token.lower not in _LONGER or index + 1 >= len(tokens):
        return False
    earlier = [other.kind for other in tokens[:index]]
    return tokens[index + 1].kind == "DURATION" and "COMPARISON" in earlier and earlier[-1] not in {"FOR", "CUT"}


def _kind(token: Token, before: str, following: Sequence[str]) -> str:
    first = following[0] if following else "CUT"
    head = next((kind for kind in following if kind not in _BEFORE_TIME), "")
    kind = token.kind
    if before not in _PRECEDED.get(kind, {before}) or first not in _FOLLOWED.get(kind, {first}):
        return "WORD"
    match kind:
        case "FOR" if head not in _TIMES and not (head == "NUMBER" and {"_SAMPLES", "_IN_A_ROW"} & set(following[:3])):
            return "PREPOSITION"
        case "IN" if head not in _TIMES:
            return "PREPOSITION"
        case "SEVERITY" if token.lower[0] == "s" and len(token.text) == 2 and first not in _AFTER_LEVEL:
            return "WORD"
        case "TIER" if not _is_tier(before, first):
            return "WORD"
        case "_ROLLING" if before != "DURATION" and first != "DURATION":
            return "WORD"
        case "FAILING" if "_SAMPLES" not in following:
            return "WORD"
        case _:
            return kind


def _is_tier(before: str, first: str) -> bool:
    """A grade (*critical at 90%*, *(warning)*), not an adjective (*high error rate*)."""
    if before == "PREPOSITION":
        return False
    if first in {"CUT", "IF", "COMPARISON"}:
        return before in {"CUT", "AND", "OR", "LEAD", "SEVERITY"} or first != "CUT"
    return before == "CUT" and first in {"AND", "OR", "LEAD"}
