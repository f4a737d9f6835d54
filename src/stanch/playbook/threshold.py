"""What a sentence says about a threshold: signal, comparison, quantity, window, persistence, tier.

The sentence becomes tokens (the vocabulary's phrases, comparisons, quantities, words that are none of these), the
tokens segments, and every segment is parsed by `threshold.lark`. What one segment leaves open is taken from those
before it: "Error rate: warning at 2%, critical at 5%" says its signal once. This file only says what is written;
whether a threshold is to be armed is `mood.py`'s and the reader's question.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from importlib.resources import files

from lark import Lark, Tree, UnexpectedInput
from lark import Token as Leaf
from lark.lexer import Lexer, LexerState, TextSlice

from stanch.model.signal import Comparison, Signal, Statistic, Unit
from stanch.playbook.quantity import PATTERN, Measure, Quantity, quantity_of
from stanch.playbook.vocabulary import SignalMatch, Vocabulary


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """One token of a sentence. `kind` is a terminal of the grammar, or a separator that the grammar never sees."""

    kind: str
    start: int
    end: int
    text: str
    quantity: Quantity | None = None
    comparison: Comparison | None = None
    statistic: Statistic | None = None
    match: SignalMatch | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One threshold as written. `because` says what keeps it from being a condition that a machine can evaluate.

    `subject` is the text that names the signal; `signal` is None where it names none, or more than one.
    `scope` are words that narrow the signal ("for the checkout service"); `joined` says that the sentence asks for
    this *and* something else at the same time.
    """

    signal: Signal | None
    subject: str
    statistic: Statistic | None
    comparison: Comparison
    value: float | None
    upper: float | None = None
    multiple: float | None = None
    unit: Unit | None
    window_s: float | None = None
    persistence_s: float | None = None
    consecutive: int | None = None
    tier: str | None = None
    severity: str | None = None
    scope: tuple[str, ...] = ()
    because: str = ""
    joined: bool = False
    past: bool = False
    negated: bool = False
    start: int
    end: int


@dataclass(slots=True)
class _Draft:
    """What is known of a condition while the segments are read."""

    signals: list[SignalMatch] = field(default_factory=list)
    subject: str = ""
    statistic: Statistic | None = None
    unsupported: str = ""
    window: float | None = None
    persistence: float | None = None
    consecutive: int | None = None
    tier: str | None = None
    severity: str | None = None
    scope: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    past: bool = False
    negated: bool = False
    subject_words: list[str] = field(default_factory=list)
    lead_words: list[str] = field(default_factory=list)


# --- tokens -----------------------------------------------------------------------------------------------------

_COMPARISONS: tuple[tuple[Comparison, str], ...] = (
    (
        Comparison.GREATER_EQUAL,
        r">=|\u2265|=>(?=\s?\d)|greater than or equal(?: to)?|at least|no less than|not less than|minimum of",
    ),
    (
        Comparison.GREATER_EQUAL,
        r"(?:at or|equal to or) (?:above|over)|(?:reach|hit)(?:e?s|ed|ing)?|not below|or above(?=\s[\d.])",
    ),
    (
        Comparison.LESS_EQUAL,
        r"<=|\u2264|=<(?=\s?\d)|less than or equal(?: to)?|at most|no more than|not more than|up to",
    ),
    (
        Comparison.LESS_EQUAL,
        r"(?:at or|equal to or) (?:below|under)|max(?:imum)? of|drop(?:s|ped)? to|falls? to|fell to|not above",
    ),
    (Comparison.NOT_EQUAL, r"!=|\u2260|(?:is )?not equal(?: to)?"),
    (
        Comparison.GREATER,
        r">|(?:in )?excess of|exceed(?:s|ed|ing)?|(?:(?:more|greater|higher|longer|larger|bigger|slower|older|worse)(?: than))"
        r"|above|over|beyond|surpass(?:e[sd]|ing)?|breach(?:e[sd]|ing)?|cross(?:e[sd]|ing)?|upwards? of|past",
    ),
    (
        Comparison.LESS,
        r"<|(?:(?:less|lower|fewer|smaller|shorter|faster|worse)(?: than))|below|under|beneath",
    ),
    (Comparison.EQUAL, r"==|\bequals?(?: to)?\b|="),
    (Comparison.GREATER_EQUAL, r"at|after"),
)

_MOTION = (
    r"(?:(?:is|are|be|being|goes|go|going|gets?|stays?|remains?|remaining|becomes?|rises?|rising|risen|climbs?|climbing|grows?|"
    r"growing|increases?|increased|spikes?|spiking|spiked|jumps?|jumped|drops?|dropping|dropped|falls?|falling|fallen|dips?|"
    r"dipping|dipped|decreases?|decreased|runs?|running|sits?|sitting|has|have|been|takes?|taking|lasts?|consistently|"
    r"persistently|continuously|constantly|suddenly|sustained|holds?|holding|moves?|trends?|trending|averages?|averaging|"
    r"exceedingly|steadily|still|by|starts?|begins?|shows?|showing|measures?|hovers?|hovering)\s+)*"
)


def _word_pattern(pattern: str) -> str:
    return "|".join(
        rf"\b(?:{part})\b" if part[0].isalpha() or part[0] == "(" else part for part in _alternatives(pattern)
    )


def _alternatives(pattern: str) -> list[str]:
    """Split at the bars that stand outside of groups."""
    depth, start, out = 0, 0, []
    for index, character in enumerate(pattern):
        depth += (character == "(") - (character == ")")
        if character == "|" and depth == 0:
            out.append(pattern[start:index])
            start = index + 1
    return [*out, pattern[start:]]


_COMPARISON = re.compile(
    "|".join(
        rf"(?P<c{index}>{_MOTION if index < len(_COMPARISONS) - 1 else ''}(?:{_word_pattern(pattern)}))"
        for index, (_, pattern) in enumerate(_COMPARISONS)
    ),
    re.IGNORECASE,
)

_TOKENS: tuple[tuple[str, str], ...] = (
    (
        "STATISTIC",
        r"\bp(?:50|75|90|95|98|99(?:\.9+)?|999)\b|\b\d{2}(?:\.\d+)?(?:st|nd|rd|th)(?:[ -]?(?:percentile|pctl|%ile))?\b"
        r"|\bmedian\b|\baverage\b|\bavg\b|\bmean\b|\bmax(?:imum)?\b|\bpeak\b|\bpercentile\b",
    ),
    ("SEVERITY", r"\bp[0-5]\b|\bsev(?:erity)?[ -]?[0-5]\b|\bS[0-5]\b"),
    ("BETWEEN", r"\bbetween\b"),
    ("OR_MORE", r"\bor (?:more|higher|above|greater|over|longer|worse|less|lower|fewer|below)\b|\+(?=\s|$|[,;)])"),
    (
        "NORMAL",
        r"\b(?:of |than |the |above |below |over |from |its |our |usual |is )*(?:baseline|normal(?: levels?| values?| range)?|usual"
        r"|typical(?: levels?)?|norm|historical average|weekly average|daily average|rolling average|previous (?:day|week|hour|period)|slo|slo target|budget|error budget|expected)\b",
    ),
    (
        "DOWN",
        r"\b(?:is |are |goes |went |has been |have been |becomes? )*(?:down|unreachable|unavailable|offline|not responding|unresponsive"
        r"|not reachable|not available|missing|absent)\b",
    ),
    ("FAILING", r"\bfail(?:s|ed|ing)?(?= (?:\w+ )?(?:consecutive |health )*(?:\d+|two|three|four|five)\b)"),
    (
        "ZERO",
        r"\b(?:is |are |drops? to |dropped to |has dropped to |falls? to |fell to |equals? )(?:zero|0)(?![\d.%]|\s?%)\b",
    ),
    ("BY", r"\bby(?= (?:more than |over |at least |less than |>=? ?)?[\d.])"),
    ("_IN_A_ROW", r"\bconsecutive(?:ly)?\b|\bin a row\b|\bstraight\b|\bsuccessive\b|\bback[- ]to[- ]back\b"),
    (
        "_SAMPLES",
        r"\b(?:health[ -])?checks?\b|\bperiods?\b|\bsamples?\b|\bprobes?\b|\battempts?\b|\bdata ?points?\b|\bevaluations?\b|\bintervals?\b"
        r"|\breadings?\b|\bscrapes?\b|\bcycles?\b|\bpolls?\b|\btimes\b|\bpings?\b",
    ),
    ("_WINDOW", r"\bwindows?\b|\btime ?frames?\b|\btimespan\b|\bspan\b|\btime period\b|\bperiod\b"),
    ("_ROLLING", r"\brolling\b|\bsliding\b|\bmoving\b|\btrailing\b"),
    (
        "_LAST",
        r"\b(?:last|past|previous|preceding|prior|most recent)\b(?=\s+(?:\d|an?\s|half|one|two|three|five|ten|fifteen|thirty|sixty|minute|hour|day|week|month|rolling))",
    ),
    (
        "_ANY",
        r"\b(?:any|each|every)\b(?=\s+(?:given\s+|rolling\s+|single\s+)?(?:\d|an?\s|one|two|five|ten|minute|hour|rolling))",
    ),
    ("FOR", r"\bfor\b|\blast(?:s|ing)\b|\bpersist(?:s|ing)?(?: for)?\b|\bsustained (?:for|over)\b|\bheld for\b|@"),
    ("IN", r"\bin\b|\bwithin\b|\bduring\b|\bover\b|\bacross\b|\bper\b|\bthrough(?:out)?\b"),
    (
        "NOT",
        r"\bnot\b|\bnever\b|\bn't\b|\bdoesn['\u2019]t\b|\bdon['\u2019]t\b|\bisn['\u2019]t\b|\bwithout\b|\bno longer\b|\bunless\b|\bexcept\b|\bexcluding\b",
    ),
    ("IF", r"\b(?:if|when|whenever|once|where|in case|as soon as|any ?time|should)\b"),
    (
        "PAST",
        r"\b(?:was|were|had|saw|rose|fell|went|did|became|experienced|occurred|happened|peaked|reached|grew|climbed|spiked|"
        r"dropped|increased|decreased|reduced|raised|lowered|set|exceeded|hit|added|adjusted|implemented|improved|started|suffered)\b",
    ),
    (
        "LEAD",
        r"\b(?:alert(?:s|ed|ing)?|page[sd]?|paging|notif(?:y|ies)|warn(?:s|ing)?|trigger(?:s|ed|ing)?|fire[sd]?|firing|threshold|condition|alarm|escalate[sd]?|"
        r"roll ?back|restart(?:s|ed)?|rollback|automatic(?:ally)?|auto)\b",
    ),
    (
        "TIER",
        r"\b(?:critical|warning|warn|info|urgent|emergency|high|medium|low|major|minor|red|yellow|orange|amber|green|severe|page|ticket)\b",
    ),
    (
        "CUT",
        r"\u2192|\u21d2|->|=>|\bthen\b|;|\||:(?!\d)|[()\[\]]|(?<=\s)[-\u2013\u2014](?=\s)|\u2014|,(?!\d)|[.!?](?=\s|$)|\u2022",
    ),
    ("AND", r"\band\b|&&?|(?<=\s)\+(?=\s)|\bwhile\b|\bplus\b|\bwith\b(?=.*[<>])"),
    ("OR", r"\bor\b|\|\|"),
    ("PREPOSITION", r"\b(?:on|from|of|to|against|via|by|among|at|after|under|below|above|past)\b"),
    ("WORD", r"[^\W_](?:[\w'\u2019.&-]*\w)?|[/#@$\w][\w/{}.*:-]*"),
)
_TOKEN = re.compile("|".join(f"(?P<{kind}>{pattern})" for kind, pattern in _TOKENS), re.IGNORECASE)

_FILLERS = frozenset(
    "the a an is are be been being am has have having our your their its it this that these those also currently still "
    "consistently suddenly continuously just only approximately about around roughly ~ either both will would can may "
    "some all any each every goes go gets get stays stay remains remain becomes become rises rise rising climbs grows "
    "increases increase spikes spike drops drop falls fall dips dip decreases running runs run sits then there which "
    "sustained constantly persistently observed measured see seen detected value values level levels count so "
    "is/are of".split()
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
_ORDINAL = re.compile(r"^(\d{2}(?:\.\d+)?)(?:st|nd|rd|th)", re.IGNORECASE)


def statistic_of(text: str) -> Statistic | None:
    """`p95`, `95th percentile`, `average`; None for one that no reading has (p75, p99.9)."""
    lowered = text.lower()
    if ordinal := _ORDINAL.match(lowered):
        lowered = f"p{ordinal[1]}"
    return _STATISTICS.get(lowered)


def _comparison_of(match: re.Match[str]) -> Comparison:
    return _COMPARISONS[int((match.lastgroup or "c0")[1:])][0]


def tokens_of(text: str, vocabulary: Vocabulary) -> tuple[Token, ...]:
    """The tokens of a sentence, separators (`CUT`, `AND`, `OR`) included, words of no weight left out."""
    return _resolved(_lexed(text, vocabulary))


def _lexed(text: str, vocabulary: Vocabulary) -> list[Token]:
    spans = {match.start: match for match in vocabulary.signals_of(text)}
    out: list[Token] = []
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        token = _next(text, at, spans)
        if token is None:
            at += 1
            continue
        out.append(token)
        at = max(token.end, at + 1)
    return [token for token in out if token.kind != "WORD" or token.text.lower() not in _FILLERS]


def _next(text: str, at: int, spans: dict[int, SignalMatch]) -> Token | None:
    match = spans.get(at)
    compared = _COMPARISON.match(text, at)
    if match is not None and not (compared and compared.end() > match.end):
        return Token(kind="SIGNAL", start=at, end=match.end, text=text[at : match.end], match=match)
    if compared and _followed_by_quantity(text, compared.end()) and not _is_window(text, at, compared):
        return Token(
            kind="COMPARISON", start=at, end=compared.end(), text=compared[0], comparison=_comparison_of(compared)
        )
    token = _TOKEN.match(text, at)
    if token and token.lastgroup in _BEFORE_QUANTITIES:
        return _token(token)
    number = PATTERN.match(text, at)
    if number:
        found = quantity_of(number)
        kind = found.measure.value
        if number["inarow"]:
            kind = "STRETCH"
        elif found.upper is not None:
            kind = "RANGE"
        return Token(kind=kind, start=at, end=number.end(), text=number[0], quantity=found)
    return _token(token) if token else None


_BEFORE_QUANTITIES = frozenset(
    {"STATISTIC", "SEVERITY", "ZERO", "NORMAL", "DOWN", "OR_MORE", "_LAST", "_ANY", "BETWEEN"}
)


def _token(match: re.Match[str]) -> Token:
    kind = match.lastgroup or "WORD"
    statistic = statistic_of(match[0]) if kind == "STATISTIC" else None
    return Token(kind=kind, start=match.start(), end=match.end(), text=match[0], statistic=statistic)


_TO_QUANTITY = re.compile(
    r"[\s~]*(?:(?:the|a|an|about|approximately|around|roughly|our|its|threshold of|value of|level of|limit of)\s+)*"
    r"(?:[\d.]|zero\b|one\b|two\b|three\b|four\b|five\b|six\b|seven\b|eight\b|nine\b|ten\b|twelve\b|fifteen\b|twenty\b|thirty\b|fifty\b|"
    r"sixty\b|ninety\b|twice\b|double\b|triple\b|half an?\b|(?:second|minute|hour|day)\b|between\b|normal\b|baseline\b|usual\b)",
    re.IGNORECASE,
)
_WINDOW_START = re.compile(
    r"(?:over|past|at|after|up to|above|under|below)\s+(?:the\s+|any\s+|a\s+|an\s+)*(?:last|past|previous|rolling|sliding|moving|trailing|\d+(?:\.\d+)?[\s-]?"
    r"(?:s|sec|secs|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?|weeks?)\b)",
    re.IGNORECASE,
)
_COMPARES = re.compile(
    r"[<>\u2264\u2265]|\b(?:exceed|above|below|under|more than|less than|greater|higher|lower|drops|reaches|fewer)",
    re.IGNORECASE,
)


def _followed_by_quantity(text: str, end: int) -> bool:
    return _TO_QUANTITY.match(text, end) is not None


def _is_window(text: str, at: int, compared: re.Match[str]) -> bool:
    """Whether `over 10 seconds` says what a value is computed over: so where a duration follows and another
    comparison stands before or after it."""
    word = compared[0].lower()
    if not word.endswith(("over", "past")) or not _WINDOW_START.match(text, compared.end() - len(word.split()[-1])):
        return False
    if re.match(
        r"\s*(?:the\s+|any\s+|a\s+)*(?:last|past|previous|rolling|sliding)\b", text[compared.end() :], re.IGNORECASE
    ):
        return True
    number = PATTERN.search(text, compared.end())
    after = text[number.end() :] if number else ""
    return bool(_COMPARES.search(text[:at]) or _COMPARES.search(after))


def _resolved(tokens: list[Token]) -> tuple[Token, ...]:
    """Decide by the neighbours what a word alone leaves open."""
    out: list[Token] = []
    for index, token in enumerate(tokens):
        following = [other.kind for other in tokens[index + 1 : index + 5]]
        before = out[-1].kind if out else "CUT"
        out.append(replace(token, kind=_kind(token, before, following)))
    return tuple(out)


_TIMES = frozenset({"DURATION", "STRETCH"})
_TO_TIME = frozenset({"_ANY", "_LAST", "_ROLLING", "COMPARISON", "_IN_A_ROW"})


def _kind(token: Token, before: str, following: Sequence[str]) -> str:
    head = next((kind for kind in following if kind not in _TO_TIME), "")
    first = following[0] if following else "CUT"
    match token.kind:
        case "FOR" if head not in _TIMES and not (head == "NUMBER" and {"_SAMPLES", "_IN_A_ROW"} & set(following[:3])):
            return "PREPOSITION"
        case "IN" if head not in _TIMES:
            return "PREPOSITION"
        case "TIER" if (
            not (first in {"CUT", "IF", "COMPARISON", "AND", "OR"} or before == "CUT") or before == "PREPOSITION"
        ):
            return "WORD"
        case "TIER" if before == "CUT" and first in {"SIGNAL", "WORD", "STATISTIC"}:
            return "WORD"
        case "_SAMPLES" if before not in {"NUMBER", "_IN_A_ROW"}:
            return "WORD"
        case "_IN_A_ROW" if before not in {"NUMBER", "FOR", "_SAMPLES", "DURATION", "FAILING"}:
            return "WORD"
        case "_WINDOW" if before not in {"DURATION", "_ROLLING"}:
            return "WORD"
        case "_ROLLING" if before != "DURATION" and first != "DURATION":
            return "WORD"
        case "_LAST" if first not in {"DURATION", "_ROLLING"}:
            return "WORD"
        case "_ANY" if first not in {"DURATION", "_ROLLING", "WORD"}:
            return "WORD"
        case "OR_MORE" if before not in {"RATIO", "NUMBER", "DURATION", "SIZE", "RATE", "MULTIPLE", "STRETCH"}:
            return "WORD"
        case "NORMAL" if before not in {"RATIO", "NUMBER", "MULTIPLE", "DURATION", "COMPARISON"}:
            return "WORD"
        case "FAILING" if "_SAMPLES" not in following:
            return "WORD"
        case kind:
            return kind


# --- grammar ----------------------------------------------------------------------------------------------------


class _Kinds(Lexer):
    """Feeds the grammar with kinds, given as one text of names; each leaf's value is the token's index."""

    __future_interface__ = 2

    def __init__(self, _conf: object) -> None:
        """Nothing to configure: the kinds are already told apart."""

    def lex(self, lexer_state: LexerState, parser_state: object) -> Iterator[Leaf]:
        del parser_state
        source = lexer_state.text
        kinds = source.text if isinstance(source, TextSlice) else source
        for index, kind in enumerate(str(kinds).split()):
            yield Leaf(kind, str(index))


@lru_cache(maxsize=1)
def _grammar() -> Lark:
    text = files("stanch.playbook").joinpath("threshold.lark").read_text(encoding="utf-8")
    return Lark(text, parser="lalr", lexer=_Kinds, maybe_placeholders=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """A piece of a parsed segment: the grammar's name for it, and the indices of its tokens."""

    name: str
    at: tuple[int, ...]


@lru_cache(maxsize=4096)
def _parse(kinds: tuple[str, ...]) -> tuple[_Part, ...] | None:
    """The parts of a segment of this shape, in order; None where the grammar has no such segment."""
    try:
        tree = _grammar().parse(" ".join(kinds))
    except UnexpectedInput:
        return None
    return tuple(_part(child) for child in tree.children if isinstance(child, Tree))


def _part(tree: Tree[Leaf]) -> _Part:
    leaves = tree.scan_values(lambda value: isinstance(value, Leaf))
    return _Part(name=tree.data, at=tuple(int(leaf) for leaf in leaves))


_MEASURES = frozenset(
    {"compared", "or_more", "against_normal", "between", "changed_by", "in_range", "zero", "down", "failing"}
)


# --- conditions -------------------------------------------------------------------------------------------------


def _segments(tokens: Sequence[Token]) -> Iterator[tuple[str, list[Token]]]:
    """Runs of tokens, each with the separator that stands before it."""
    separator, run = "", list[Token]()
    for index, token in enumerate(tokens):
        splits = token.kind == "CUT" or (token.kind in {"AND", "OR"} and not _joins_words(tokens, index, run))
        if not splits:
            run.append(token if token.kind not in {"AND", "OR"} or _in_between(run) else replace(token, kind="WORD"))
            continue
        if run:
            yield separator, run
        separator, run = (token.kind if token.kind != "CUT" else token.text), []
    if run:
        yield separator, run


def _in_between(run: Sequence[Token]) -> bool:
    return len(run) >= 2 and run[-2].kind == "BETWEEN"


def _joins_words(tokens: Sequence[Token], index: int, run: Sequence[Token]) -> bool:
    """Whether `and` joins words of one segment (*between 5 and 10*, *CPU and memory > 80%*) and not two conditions."""
    if _in_between(run):
        return True
    return not any(token.quantity for token in run) and tokens[index].text != "+"


_QUALIFIERS = frozenset(
    "overall total current system systems application applications app service services api apis http https server "
    "servers production prod live sustained high higher elevated increased increasing unusual abnormal excessive rising "
    "low lower degraded poor slow web website site backend frontend user users customer customers end facing internal "
    "external public main primary average mean typical global aggregate aggregated cluster platform host hosts node "
    "nodes instance instances machine container containers pod pods request requests responses response our key golden "
    "metric metrics alert alerts rate time number percentage percent ratio share amount sudden significant large "
    "automatic automatically immediately immediate rolling new combined single individual".split()
)
"""Words before a signal's phrase that do not narrow it."""

_HARMLESS = _QUALIFIERS | frozenset(
    "production prod window windows period minutes longer more least continuously consecutive row default threshold "
    "limit limits max maximum usage utilization utilisation capacity memory cpu traffic load peak hours condition reached "
    "exceeded sustained anywhere anytime time times state region zone cause causes we you someone call open create start "
    "declare consider investigate occurs happens violated crossed second seconds minute hour requests calls errors failing "
    "failed fail fails used full busy fired fires firing triggers triggered detected seen".split()
)
"""Words around a measure that change nothing about it."""


def conditions_of(text: str, vocabulary: Vocabulary, *, subject: str = "") -> tuple[Condition, ...]:
    """Every threshold in a sentence, in its order.

    `subject` is what the sentence is about where it does not say so itself (a table's row, a heading).
    """
    tokens = tokens_of(text, vocabulary)
    if not any(token.quantity or token.kind in {"ZERO", "DOWN"} for token in tokens):
        return ()
    draft = _Draft(subject=subject, signals=list(vocabulary.signals_of(subject)))
    found: list[Condition] = []
    latest = 0
    inherited = True
    for separator, run in _segments(tokens):
        parts = _parse(tuple(token.kind for token in run))
        measured = parts is not None and any(part.name in _MEASURES for part in parts)
        both = bool(found) and separator in {"AND"}
        if parts is None:
            if both:
                found[latest:] = [replace(condition, joined=True) for condition in found[latest:]]
            continue
        own = _collect(text, run, parts)
        if not measured and found and not own.signals and not own.unknown and not own.subject_words:
            found[latest:] = [_trailed(condition, own) for condition in found[latest:]]
            continue
        if not measured:
            if both:
                found[latest:] = [replace(condition, joined=True) for condition in found[latest:]]
            if not found:
                draft = _merged(draft, own, fresh=not inherited)
            inherited = False
            continue
        draft = _merged(draft, own, fresh=bool(own.signals))
        inherited = False
        conditions = list(_conditions(run, parts, draft))
        if both:
            conditions = [replace(condition, joined=True) for condition in conditions]
            found[latest:] = [replace(condition, joined=True) for condition in found[latest:]]
        latest = len(found)
        found.extend(conditions)
        draft = replace(draft, tier=None, severity=None, persistence=None, consecutive=None, unknown=[])
    return tuple(found)


def _merged(draft: _Draft, own: _Draft, *, fresh: bool) -> _Draft:
    """What a segment adds to what those before it said; a new subject replaces the old one."""
    return _Draft(
        signals=own.signals or draft.signals,
        subject=own.subject or draft.subject,
        statistic=own.statistic or (None if fresh and own.signals and draft.signals else draft.statistic),
        unsupported=own.unsupported or draft.unsupported,
        window=own.window if own.window is not None else draft.window,
        persistence=own.persistence if own.persistence is not None else draft.persistence,
        consecutive=own.consecutive if own.consecutive is not None else draft.consecutive,
        tier=own.tier or draft.tier,
        severity=own.severity or draft.severity,
        scope=own.scope or ([] if own.signals else draft.scope),
        unknown=own.unknown,
        past=own.past or draft.past,
        negated=own.negated or draft.negated,
        subject_words=own.subject_words,
    )


def _collect(text: str, run: Sequence[Token], parts: Sequence[_Part]) -> _Draft:
    """What one segment says beside its measure."""
    out = _Draft()
    measured = False
    qualifiers: list[Token] = []
    preposition: Token | None = None
    for part in parts:
        tokens = [run[index] for index in part.at]
        token = tokens[0] if tokens else run[0]
        if part.name not in {"word", "signal", "statistic"}:
            if preposition is None and not measured:
                out.lead_words.extend(qualifiers)
            qualifiers = []
        match part.name:
            case "signal":
                if preposition is not None and out.signals and token.match:
                    out.scope.append(text[preposition.start : token.end])
                elif token.match:
                    narrowing = [word.text for word in qualifiers if word.text.lower() not in _QUALIFIERS]
                    if narrowing:
                        out.scope.append(" ".join(narrowing))
                    out.signals.append(token.match)
                    out.subject = f"{out.subject} {token.text}".strip()
                qualifiers, preposition = [], None
            case "statistic":
                out.statistic = token.statistic or out.statistic
                out.unsupported = "" if token.statistic or token.text.lower() == "percentile" else token.text
            case "severity":
                out.severity = severity_level(token.text)
            case "tier":
                out.tier = token.text.lower()
            case "window":
                out.window = _seconds(tokens)
            case "persistence":
                out.persistence = _seconds(tokens)
            case "samples":
                out.consecutive = next((int(t.quantity.value) for t in tokens if t.quantity), None)
            case "negation":
                out.negated = True
            case "past":
                out.past = out.past or not measured
            case "preposition":
                preposition = token
            case "word":
                if preposition is not None:
                    out.scope.append(text[preposition.start : token.end]) if not _benign_scope(token) else None
                    preposition = None
                elif measured and token.text.lower() not in _HARMLESS:
                    out.unknown.append(token.text)
                elif not measured:
                    qualifiers.append(token)
            case name if name in _MEASURES:
                measured = True
                preposition = None
            case _:
                pass
    if not measured and not out.signals:
        out.subject_words.extend(word.text for word in qualifiers)
    if qualifiers and not out.signals:
        out.subject = " ".join(word.text for word in (*out.lead_words, *qualifiers))
    return out


def _benign_scope(token: Token) -> bool:
    return token.text.lower() in _HARMLESS


def _seconds(tokens: Sequence[Token]) -> float | None:
    return next((token.quantity.value for token in tokens if token.quantity), None)


_SEVERITY = re.compile(r"^(?:sev(?:erity)?[ -]?(?P<sev>[0-5])|(?P<letter>[ps])(?P<number>[0-5]))$", re.IGNORECASE)


def severity_level(text: str) -> str | None:
    """`P1`, `SEV-1`, `S2` in one spelling each."""
    match = _SEVERITY.match(text.strip())
    if not match:
        return None
    return f"SEV-{match['sev']}" if match["sev"] else f"{match['letter'].upper()}{match['number']}"


def _trailed(condition: Condition, trailing: _Draft) -> Condition:
    """A condition with what a later segment adds: "> 5% (for 5 minutes, P1)"."""
    return replace(
        condition,
        window_s=condition.window_s if condition.window_s is not None else trailing.window,
        persistence_s=condition.persistence_s if condition.persistence_s is not None else trailing.persistence,
        consecutive=condition.consecutive if condition.consecutive is not None else trailing.consecutive,
        severity=condition.severity or trailing.severity,
        tier=condition.tier or trailing.tier,
        statistic=trailing.statistic or condition.statistic,
    )


_UNITS: dict[Measure, Unit] = {
    Measure.RATIO: Unit.RATIO,
    Measure.DURATION: Unit.SECONDS,
    Measure.SIZE: Unit.BYTES,
    Measure.RATE: Unit.PER_SECOND,
    Measure.NUMBER: Unit.COUNT,
}


def _conditions(run: Sequence[Token], parts: Sequence[_Part], draft: _Draft) -> Iterator[Condition]:
    """The measure of a segment applied to each signal that it names."""
    measure = next(part for part in parts if part.name in _MEASURES)
    tokens = [run[index] for index in measure.at]
    comparison, value, upper, multiple, quantity = _measured(measure.name, tokens)
    named: list[SignalMatch | None] = [*draft.signals] or [None]
    if len(named) > 1 and not _listed(run, draft.signals):
        named = [named[-1] if named[-1] is not None else named[0]]
    for match in named:
        signal, because = _signal(match, quantity, draft)
        unit = _UNITS.get(quantity.measure) if quantity else None
        if quantity and signal and multiple is None:
            value, unit, mismatch = _normalised(signal, quantity, value, match, run)
            upper = upper if quantity.upper is None or unit is None else _like(quantity.value, value, upper)
            because = because or mismatch
        elif multiple is not None:
            value, unit = None, None
            because = because or "it compares with what is normal, and no baseline of this signal is kept"
        if draft.unsupported:
            because = because or f"no reading has the statistic {draft.unsupported}"
        if draft.unknown:
            because = because or f"\u201c{' '.join(draft.unknown)}\u201d was not understood"
        yield Condition(
            signal=signal,
            subject=draft.subject,
            statistic=draft.statistic or (signal.default_statistic if signal else None),
            comparison=comparison,
            value=value,
            upper=upper,
            multiple=multiple,
            unit=signal.unit if signal and unit is not None else unit,
            window_s=draft.window,
            persistence_s=draft.persistence,
            consecutive=draft.consecutive,
            tier=draft.tier,
            severity=draft.severity,
            scope=tuple(draft.scope),
            because=because,
            past=draft.past,
            negated=draft.negated,
            start=run[0].start,
            end=run[-1].end,
        )


def _like(base: float, scaled: float | None, upper: float | None) -> float | None:
    return upper * (scaled / base) if upper is not None and scaled is not None and base else upper


def _listed(run: Sequence[Token], signals: Sequence[SignalMatch]) -> bool:
    """Whether the signals stand side by side (*CPU and memory > 80%*), with nothing but `and`, `or` between."""
    kinds = [
        token.kind if token.kind != "WORD" or token.text.lower() not in {"and", "or", "&"} else "AND" for token in run
    ]
    at = [index for index, kind in enumerate(kinds) if kind == "SIGNAL"]
    return len(at) == len(signals) and all(
        later - earlier == 2 and kinds[earlier + 1] == "AND" for earlier, later in zip(at, at[1:], strict=False)
    )


def _measured(
    name: str, tokens: Sequence[Token]
) -> tuple[Comparison, float | None, float | None, float | None, Quantity | None]:
    """Comparison, value, upper end, multiple of what is normal, and the quantity as written."""
    comparison = next((token.comparison for token in tokens if token.comparison), None)
    quantities = [token.quantity for token in tokens if token.quantity]
    quantity = quantities[0] if quantities else None
    normal = any(token.kind == "NORMAL" for token in tokens)
    match name:
        case "zero":
            return Comparison.EQUAL, 0.0, None, None, None
        case "down" | "failing":
            return Comparison.EQUAL, 0.0, None, None, None
        case "between" if len(quantities) == 2:
            return Comparison.GREATER_EQUAL, quantities[0].value, quantities[1].value, None, quantities[0]
        case "in_range" if quantity:
            return comparison or Comparison.GREATER_EQUAL, quantity.value, quantity.upper, None, quantity
        case "changed_by" if quantity:
            down = comparison in {Comparison.LESS, Comparison.LESS_EQUAL}
            return Comparison.GREATER, None, None, 1 - quantity.value if down else 1 + quantity.value, quantity
        case "or_more" if quantity:
            less = next((t.text.lower() for t in tokens if t.kind == "OR_MORE"), "")
            lower = any(word in less for word in ("less", "lower", "fewer", "below"))
            return Comparison.LESS_EQUAL if lower else Comparison.GREATER_EQUAL, quantity.value, None, None, quantity
        case _:
            assert quantity is not None
            multiple = _multiple(quantity, tokens) if normal or quantity.measure is Measure.MULTIPLE else None
            return comparison or Comparison.GREATER, quantity.value, None, multiple, quantity


def _multiple(quantity: Quantity, tokens: Sequence[Token]) -> float:
    """`3x normal` and `200% of budget` are multiples; `50% above normal` is 1.5."""
    normal = next((token.text.lower() for token in tokens if token.kind == "NORMAL"), "")
    if quantity.measure is Measure.RATIO and re.search(r"\b(?:above|over|than)\b", normal):
        return 1 + quantity.value
    if quantity.measure is Measure.RATIO and "below" in normal:
        return 1 - quantity.value
    return quantity.value


def _signal(match: SignalMatch | None, quantity: Quantity | None, draft: _Draft) -> tuple[Signal | None, str]:
    if match is None:
        name = draft.subject.strip()
        return None, f"no signal is called \u201c{name}\u201d" if name else "it does not say what is measured"
    fitting = [s for s in match.signals if quantity is None or _UNITS.get(quantity.measure) in {s.unit, None}]
    candidates = fitting or list(match.signals)
    if len(candidates) > 1:
        names = " or ".join(signal.name for signal in candidates)
        return None, f"\u201c{draft.subject}\u201d can be {names}"
    return candidates[0], ""


_PER_MINUTE = re.compile(r"per minute|/ ?min|rpm", re.IGNORECASE)
_PER_HOUR = re.compile(r"per hour|/ ?h", re.IGNORECASE)
_PER_SECOND = re.compile(r"per second|/ ?s|[rqt]ps|req/s", re.IGNORECASE)


def _normalised(
    signal: Signal, quantity: Quantity, value: float | None, match: SignalMatch | None, run: Sequence[Token]
) -> tuple[float | None, Unit | None, str]:
    """The value in the signal's unit, or why it has none in it."""
    unit = _UNITS.get(quantity.measure)
    if unit is signal.unit:
        return value, unit, ""
    if quantity.measure is Measure.NUMBER and value is not None:
        text = next((token.text for token in run if token.match is match), "")
        match signal.unit:
            case Unit.RATIO if 0 < value <= 1:
                return value, unit, ""
            case Unit.RATIO if 1 < value <= 100 and "utilization" in signal.name:
                return value / 100, unit, ""
            case Unit.PER_SECOND if _PER_MINUTE.search(text):
                return value / 60, unit, ""
            case Unit.PER_SECOND if _PER_HOUR.search(text):
                return value / 3600, unit, ""
            case Unit.PER_SECOND if _PER_SECOND.search(text):
                return value, unit, ""
            case _:
                return value, None, f"{quantity.text} has no unit, and {signal.name} is in {signal.unit.value}"
    written = unit.value if unit else "a multiple"
    return value, unit, f"{signal.name} is in {signal.unit.value} and \u201c{quantity.text}\u201d is {written}"
