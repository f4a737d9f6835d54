"""What a sentence says about thresholds: signal, comparison, quantity, window, persistence, tier.

The sentence becomes tokens, the tokens segments, and every segment is parsed by `threshold.lark`. What one segment
leaves open is taken from those before it: "Error rate: warning at 2%, critical at 5%" says its signal once. Only what
is written is told here; whether a threshold is to be armed is the question of `mood.py` and the reader.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from types import MappingProxyType

from stanch.model.pattern import Pattern
from stanch.model.record import record
from stanch.model.signal import Comparison, Signal, Statistic, Unit
from stanch.playbook.grammar import Part, parse
from stanch.playbook.quantity import Measure, Quantity
from stanch.playbook.severity import LEVEL, level_of
from stanch.playbook.tokens import Token, statistic_of, tokens_of
from stanch.playbook.vocabulary import Vocabulary
from stanch.playbook.words import wordset


@record
class Condition:
    """One threshold as written. `because` says what keeps it from being a condition that a machine can evaluate.

    `subject` is the text that names the signal; `signal` is None where it names none, or more than one. `scope` are
    words that narrow it ("for the checkout service"). `joined`: the sentence asks for this *and* something else.
    `past`: a verb in front tells it as history. `negated`: a *not* stands in front. `start` is its first token's
    place in the sentence.
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
    start: int = 0


_MEASURES = frozenset(
    {"compared", "or_more", "against_normal", "between", "changed_by", "in_range", "zero", "down", "failing", "share"}
)


# --- segments ---------------------------------------------------------------------------------------------------


def _segments(tokens: Sequence[Token]) -> Iterator[tuple[str, list[Token]]]:
    """Runs of tokens, each with the separator that stands before it."""
    separator, run = "", list[Token]()
    for token in tokens:
        joint = token.kind in {"AND", "OR"}
        if joint and _in_between(run):
            run.append(token)
        elif joint and not any(other.quantity or other.kind in {"DOWN", "ZERO"} for other in run):
            run.append(replace(token, kind="WORD"))
        elif joint or token.kind == "CUT":
            if run:
                yield separator, run
            separator, run = (token.kind if joint else token.text), []
        else:
            run.append(token)
    if run:
        yield separator, run


def _in_between(run: Sequence[Token]) -> bool:
    return len(run) >= 2 and run[-2].kind == "BETWEEN"


# --- what a segment says beside its measure ------------------------------------------------------------------------

_QUALIFIERS = wordset(
    """
    overall total current system systems application applications app apps service services api apis http https server
    servers production prod live sustained high higher elevated increased increasing unusual abnormal excessive rising
    low lower degraded poor slow web website site backend frontend user users customer customers end facing user-facing
    customer-facing internal external public main primary average mean typical global aggregate aggregated cluster
    platform host hosts node nodes instance instances machine container containers pod pods request requests response
    responses our key golden metric metrics rate time number percentage percent ratio share amount sudden significant
    large automatic automatically immediately immediate new combined single individual and or any severe critical very
    too real-time continuous continuously monitored observed absolute effective actual usage use level levels alert
    alarm
    """
)
"""Words before a signal's phrase that do not narrow it."""

_HARMLESS = _QUALIFIERS | wordset(
    """
    window windows period minutes longer more least consecutive row default threshold thresholds limit limits max
    maximum utilization utilisation capacity load peak reached exceeded anywhere anytime times state region zone cause
    causes someone call open create start declare consider investigate occurs happens violated crossed second seconds
    minute hour calls errors failing failed fail fails used full busy fired fires firing triggers triggered detected
    messages packets jobs items events queries records rows files tasks transactions sessions threads processes
    deployment deployments deploy deploys release rollout
    replicas connections logs restarts seen required needed on-call oncall team ops slack pagerduty email alerting
    monitoring away left remaining now
    """
)
"""Words around a measure that change nothing about it."""

_OTHER_THINGS = wordset(
    """
    job jobs task tasks message messages query queries sql login logins cache cdn dns build builds deployment deploy
    test tests backup backups email emails mail sms upload uploads download downloads batch cron import export sync
    gpu gpus tpu vram broker brokers mqtt websocket websockets vpn smtp ftp ssh
    conversion bounce click churn refund pipeline training model prediction webhook webhooks notification push
    """
)
"""Words that make another quantity of a signal's phrase: a *job success rate* is no success rate of requests."""

_PER_SUBJECT = wordset("ip ips client clients address addresses tenant tenants account accounts session")
"""What a count is kept by where a sentence counts for each of them; no signal is kept so."""


_OBJECT = "\0"
"""Marks a scope that is only what the signal is of ("the error rate of API requests"): it narrows nothing."""


@dataclass(slots=True)
class _Said:
    """What is known of a condition while the segments are read."""

    signals: list[Token] = field(default_factory=list)
    subject: str = ""
    statistic: Statistic | None = None
    unsupported: str = ""
    window: float | None = None
    persistence: float | None = None
    consecutive: int | None = None
    tier: str | None = None
    severity: str | None = None
    scope: list[str] = field(default_factory=list)
    unnamed: str = ""
    unknown: list[str] = field(default_factory=list)
    past: bool = False
    negated: bool = False

    @property
    def only_trails(self) -> bool:
        """Whether it names nothing of its own: a time, a grade in brackets."""
        return not (self.signals or self.subject or self.unknown)


class _Gatherer:
    """Goes through the parts of one segment in their order."""

    def __init__(self, text: str, run: Sequence[Token]) -> None:
        self.text = text
        self.run = run
        self.said = _Said()
        self.measured = False
        self.consequence = False
        self.words: list[Token] = []
        self.scope: list[Token] = []

    def gather(self, parts: Sequence[Part]) -> _Said:
        for index, part in enumerate(parts):
            tokens = [self.run[at] for at in part.at]
            following = parts[index + 1].name if index + 1 < len(parts) else ""
            if part.name not in {"word", "signal"}:
                self._end_scope()
            if part.name in _MEASURES:
                self._leave_words()
                self.measured = True
            else:
                _PARTS[part.name](self, tokens, following)
        self._end_scope()
        self._leave_words()
        return self.said

    def signal(self, tokens: Sequence[Token], _following: str) -> None:
        token = tokens[0]
        if self.scope and self.said.signals:
            self.scope.append(token)
            return
        self._end_scope()
        narrowing = [word.text for word in self.words if word.lower not in _QUALIFIERS]
        if narrowing and narrowing[-1].lower() in _OTHER_THINGS:
            self.said.unnamed = f"{' '.join(narrowing)} {token.text}"
        elif narrowing:
            self.said.scope.append(" ".join(narrowing))
        self.words = []
        self.said.signals.append(token)
        self.said.statistic = self.said.statistic or statistic_of(token.text.split()[0])
        self.said.subject = f"{self.said.subject} {token.text}".strip()

    def word(self, tokens: Sequence[Token], _following: str) -> None:
        token = tokens[0]
        if self.scope:
            self.scope.append(token)
        elif not self.measured:
            self.words.append(token)
        elif token.lower not in _HARMLESS and not self.consequence:
            self.said.unknown.append(token.text)

    def preposition(self, tokens: Sequence[Token], _following: str) -> None:
        if not self.said.signals and not self.measured:
            self.words.append(tokens[0])
        else:
            self.scope = [tokens[0]]

    def statistic(self, tokens: Sequence[Token], _following: str) -> None:
        token = tokens[0]
        if token.statistic is None and token.lower not in {"percentile", "percentiles"}:
            self.said.unsupported = token.text
        self.said.statistic = token.statistic or self.said.statistic

    def severity(self, tokens: Sequence[Token], _following: str) -> None:
        match = LEVEL.match(tokens[0].text.upper())
        self.said.severity = level_of(match) if match else self.said.severity

    def tier(self, tokens: Sequence[Token], _following: str) -> None:
        self.said.tier = tokens[0].lower

    def window(self, tokens: Sequence[Token], _following: str) -> None:
        self.said.window = _seconds(tokens)

    def persistence(self, tokens: Sequence[Token], _following: str) -> None:
        self.said.persistence = _seconds(tokens)

    def samples(self, tokens: Sequence[Token], _following: str) -> None:
        self.said.consecutive = next((int(token.quantity.value) for token in tokens if token.quantity), None)

    def negation(self, _tokens: Sequence[Token], _following: str) -> None:
        self.said.negated = True

    def past(self, _tokens: Sequence[Token], _following: str) -> None:
        self.said.past = self.said.past or not self.measured

    def bare(self, tokens: Sequence[Token], following: str) -> None:
        token = tokens[0]
        if token.kind == "DURATION" and following in {"signal", "statistic"} and not self.measured:
            self.said.window = _seconds(tokens)
        elif self.measured or token.kind == "NUMBER":
            self.said.unknown.append(token.text)

    def ignored(self, _tokens: Sequence[Token], _following: str) -> None:
        """Leads and conjunctions: they say what for, which is not asked here; so do the words after them."""
        self.consequence = self.measured
        if not self.measured and not self.said.signals:
            self.words = []

    def _end_scope(self) -> None:
        """Close the words after a preposition: "for the checkout service" narrows, "in production" does not."""
        if not self.scope:
            return
        words = self.scope[1:]
        if any(word.lower not in _HARMLESS and word.kind == "WORD" for word in words):
            self.said.scope.append(self.text[words[0].start : words[-1].end])
        elif words and words[-1].kind == "SIGNAL" and self.said.signals and not self.measured:
            self.said.scope.append(_OBJECT + self.text[words[0].start : words[-1].end])
        self.scope = []

    def _leave_words(self) -> None:
        """Words that no signal followed: the subject where none is named, else a narrowing after it."""
        if self.words and not self.said.signals:
            self.said.subject = " ".join(word.text for word in self.words)
        elif self.words:
            self.said.unknown.extend(word.text for word in self.words if word.lower not in _HARMLESS)
        self.words = []


_PARTS: Mapping[str, Callable[[_Gatherer, Sequence[Token], str], None]] = MappingProxyType(
    {
        "signal": _Gatherer.signal,
        "word": _Gatherer.word,
        "preposition": _Gatherer.preposition,
        "statistic": _Gatherer.statistic,
        "severity": _Gatherer.severity,
        "tier": _Gatherer.tier,
        "window": _Gatherer.window,
        "persistence": _Gatherer.persistence,
        "samples": _Gatherer.samples,
        "negation": _Gatherer.negation,
        "past": _Gatherer.past,
        "bare": _Gatherer.bare,
        "lead": _Gatherer.ignored,
        "when": _Gatherer.ignored,
    }
)


def _seconds(tokens: Sequence[Token]) -> float | None:
    return next((token.quantity.value for token in tokens if token.quantity), None)


# --- sentences --------------------------------------------------------------------------------------------------


def conditions_of(text: str, vocabulary: Vocabulary, *, subject: str = "") -> tuple[Condition, ...]:
    """Every threshold in a sentence, in its order.

    `subject` is what the sentence is about where it does not say so itself (a table's row, a heading).
    """
    tokens = tokens_of(text, vocabulary)
    if not any(token.quantity or token.kind in {"ZERO", "DOWN"} for token in tokens):
        return ()
    return _Sentence(text, vocabulary, subject).read(tokens)


class _Sentence:
    """Reads the segments of one sentence from left to right."""

    def __init__(self, text: str, vocabulary: Vocabulary, subject: str) -> None:
        self.text = text
        self.vocabulary = vocabulary
        self.known = _Gatherer(subject, tokens := tokens_of(subject, vocabulary)).gather(_words_only(tokens))
        self.inherited = True
        self.found: list[Condition] = []
        self.latest = 0

    def read(self, tokens: Sequence[Token]) -> tuple[Condition, ...]:
        for separator, run in _segments(tokens):
            parts = parse(tuple(token.kind for token in run))
            if parts is None:
                self._misunderstood(separator, run)
                continue
            said = _Gatherer(self.text, run).gather(parts)
            if separator == "(" and len(run) == 1 and run[0].kind == "DURATION":
                said.persistence = _seconds(run)  # "> 92% (10 min)"
            measure = next((part for part in parts if part.name in _MEASURES), None)
            if measure is not None:
                self._measured(separator, said, measure, run)
            elif self.found and said.only_trails and not self._leads(separator, said):
                first = 0 if _EACH.search(self.text[: run[0].start][-12:]) else self.latest
                self.found[first:] = [_trailed(condition, said) for condition in self.found[first:]]
            else:
                self._told(separator, said)
        return tuple(self.found)

    def _leads(self, separator: str, said: _Said) -> bool:
        """Whether a grade alone belongs to what follows (`P1: > 10%, P2: > 5%`) and not to what stands before."""
        graded = said.severity is not None or said.tier is not None
        before = self.found[-1]
        return graded and separator not in {"(", "["} and (before.severity is not None or before.tier is not None)

    def _misunderstood(self, separator: str, run: Sequence[Token]) -> None:
        if separator == "AND" and self.found:
            self._join()
        elif separator == "(" and self.found and any(token.quantity for token in run):
            words = self.text[run[0].start : run[-1].end]
            self.found[self.latest :] = [
                replace(found, because=found.because or f"\u201c{words}\u201d was not understood")
                for found in self.found[self.latest :]
            ]

    def _told(self, separator: str, said: _Said) -> None:
        if self.found and separator == "AND":
            self._join()
        if not self.found or self._leads(separator, said):
            self.known = _merged(self.known, said, fresh=self.inherited)
            self.inherited = False

    def _measured(self, separator: str, said: _Said, measure: Part, run: Sequence[Token]) -> None:
        self.known = _merged(self.known, said, fresh=self.inherited)
        self.inherited = False
        conditions = list(_Maker(self.vocabulary, self.known, measure, run).conditions())
        if separator == "AND" and self.found:
            self._join()
            conditions = [replace(condition, joined=True) for condition in conditions]
        self.latest = len(self.found)
        self.found.extend(conditions)
        self.known = replace(self.known, tier=None, severity=None, persistence=None, consecutive=None, unknown=[])

    def _join(self) -> None:
        self.found[self.latest :] = [replace(condition, joined=True) for condition in self.found[self.latest :]]


_EACH = Pattern(r"\b(?:both|each|all)\s+(?:for\s+)?$", re.IGNORECASE)
"""Says that what follows holds for every limit before it ("warning > 85%, critical > 95%, both for 15 minutes")."""


def _words_only(tokens: Sequence[Token]) -> tuple[Part, ...]:
    """A subject given from outside: what is measured, how, and over what time ("p95 latency (15m)")."""
    names = {"SIGNAL": "signal", "STATISTIC": "statistic", "WORD": "word"}
    if not any(token.kind == "COMPARISON" for token in tokens):
        names["DURATION"] = "window"
    return tuple(Part(name=names[token.kind], at=(index,)) for index, token in enumerate(tokens) if token.kind in names)


def _merged(known: _Said, said: _Said, *, fresh: bool) -> _Said:
    """What a segment adds to those before it; a signal of its own replaces theirs, with all that narrowed it."""
    replaced = bool(said.signals) and bool(known.signals)
    outer = _Said() if replaced and fresh else known
    return _Said(
        signals=said.signals or known.signals,
        subject=said.subject if said.signals or not known.signals else known.subject,
        statistic=said.statistic or (None if replaced else outer.statistic),
        unsupported=said.unsupported or ("" if replaced else outer.unsupported),
        window=said.window if said.window is not None else (None if replaced else outer.window),
        persistence=said.persistence if said.persistence is not None else outer.persistence,
        consecutive=said.consecutive if said.consecutive is not None else outer.consecutive,
        tier=said.tier or outer.tier,
        severity=said.severity or outer.severity,
        scope=said.scope or ([] if said.signals else known.scope),
        unnamed=said.unnamed or ("" if said.signals else known.unnamed),
        unknown=said.unknown,
        past=said.past or outer.past,
        negated=said.negated or outer.negated,
    )


def _trailed(condition: Condition, said: _Said) -> Condition:
    """A condition with what a later segment adds: "> 5% (for 5 minutes, P1)"."""
    return replace(
        condition,
        window_s=condition.window_s if condition.window_s is not None else said.window,
        persistence_s=condition.persistence_s if condition.persistence_s is not None else said.persistence,
        consecutive=condition.consecutive if condition.consecutive is not None else said.consecutive,
        severity=condition.severity or said.severity,
        tier=condition.tier or said.tier,
        statistic=said.statistic or condition.statistic,
        negated=condition.negated or said.negated,
    )


# --- one measure --------------------------------------------------------------------------------------------------

_UNITS: Mapping[Measure, Unit] = MappingProxyType(
    {
        Measure.RATIO: Unit.RATIO,
        Measure.DURATION: Unit.SECONDS,
        Measure.SIZE: Unit.BYTES,
        Measure.RATE: Unit.PER_SECOND,
        Measure.NUMBER: Unit.COUNT,
    }
)
_PERCENTILES = frozenset({Statistic.P50, Statistic.P90, Statistic.P95, Statistic.P99})
"""With a duration and no other word these speak of the service's response time ("p95 > 800ms")."""

_PER = Pattern(
    r"(?:per |/ ?|\br)(?P<per>sec(?:ond)?|s\b|ps\b|min(?:ute)?|pm\b|hour|h\b)|(?P<rate>\b[rqt]ps\b)", re.IGNORECASE
)


@record
class _Limit:
    """The measure as written: what it is compared with, before it is brought into the signal's unit."""

    comparison: Comparison
    quantity: Quantity | None
    upper: Quantity | None = None
    multiple: float | None = None
    signal: str | None = None


@record
class _Scaled:
    """A limit in a signal's unit, with the window that the conversion gives; `because` where there is none."""

    value: float | None
    upper: float | None = None
    unit: Unit | None
    window: float | None = None
    because: str = ""


class _Maker:
    """Applies the measure of a segment to what the sentence says it is about."""

    def __init__(self, vocabulary: Vocabulary, said: _Said, measure: Part, run: Sequence[Token]) -> None:
        self.vocabulary = vocabulary
        self.said = said
        self.run = run
        self.measure = measure
        self.limit = _limit(measure.name, [run[at] for at in measure.at])

    def conditions(self) -> Iterator[Condition]:
        for token in self._named():
            signal, because = self._signal(token)
            scaled = self._scaled(signal, token)
            unknown = f"\u201c{' '.join(self.said.unknown)}\u201d was not understood" if self.said.unknown else ""
            unsupported = f"no reading has the statistic {self.said.unsupported}" if self.said.unsupported else ""
            yield Condition(
                signal=signal,
                subject=self.said.subject,
                statistic=self.said.statistic or (signal.default_statistic if signal else None),
                comparison=self.limit.comparison,
                value=scaled.value,
                upper=scaled.upper,
                multiple=self.limit.multiple,
                unit=scaled.unit,
                window_s=self.said.window if self.said.window is not None else scaled.window,
                persistence_s=self.said.persistence,
                consecutive=self._consecutive(),
                tier=self.said.tier,
                severity=self.said.severity,
                scope=tuple(text for text in self.said.scope if not text.startswith(_OBJECT)),
                because=because or scaled.because or unsupported or unknown,
                past=self.said.past,
                negated=self.said.negated,
                start=self.run[0].start,
            )

    def _consecutive(self) -> int | None:
        if self.measure.name == "failing":
            return next((int(q.value) for at in self.measure.at if (q := self.run[at].quantity)), None)
        return self.said.consecutive

    # which signal

    def _named(self) -> Sequence[Token | None]:
        """The signals that the measure is for: those side by side each, else the one that fits its unit."""
        signals = self.said.signals
        if len(signals) < 2:
            return signals or [None]
        if _side_by_side(self.run, signals):
            return signals
        quantity = self.limit.quantity
        fitting = [token for token in signals if quantity is None or self._fits(token, quantity)]
        return [(fitting or signals)[0]]

    def _fits(self, token: Token, quantity: Quantity) -> bool:
        units = {signal.unit for signal in token.match.signals} if token.match else set()
        return _UNITS.get(quantity.measure) in {*units, None} or quantity.measure is Measure.MULTIPLE

    def _signal(self, token: Token | None) -> tuple[Signal | None, str]:
        if self.limit.signal is not None and not self._specific(token):
            named = self.vocabulary.signal(self.limit.signal)
            return named, "" if named else f"no signal is called \u201c{self.limit.signal}\u201d"
        if token is None or token.match is None:
            return self._unnamed()
        if self.said.unnamed:
            return None, f"no signal is called \u201c{self.said.unnamed}\u201d"
        candidates = self._inverted(token) or token.match.signals
        unit = _UNITS.get(self.limit.quantity.measure) if self.limit.quantity else None
        fitting = [signal for signal in candidates if unit in {signal.unit, None}] or list(candidates)
        if len(fitting) > 1:
            names = " or ".join(signal.name for signal in fitting)
            return None, f"\u201c{self.said.subject}\u201d can be {names}"
        return self._counted(self._utilization(fitting[0]), token.text), ""

    def _specific(self, token: Token | None) -> bool:
        """Whether a signal is named beside a share ("error rate: more than 5% of requests fail")."""
        return bool(token and token.match and any(s.unit is Unit.RATIO for s in token.match.signals))

    def _inverted(self, token: Token) -> tuple[Signal, ...]:
        """What *latency of database queries* means where the vocabulary knows *database queries latency*."""
        for text in self.said.scope:
            phrase = f"{text.removeprefix(_OBJECT)} {token.text}"
            whole = [
                match for match in self.vocabulary.signals_of(phrase) if match.start == 0 and match.end == len(phrase)
            ]
            if whole:
                return whole[0].signals
        return ()

    def _utilization(self, signal: Signal) -> Signal:
        """Connections in per cent are their utilization, where such a signal is known."""
        quantity = self.limit.quantity
        if quantity is None or quantity.measure is not Measure.RATIO or signal.unit is Unit.RATIO:
            return signal
        return self.vocabulary.signal(f"{signal.name}.utilization") or signal

    def _counted(self, signal: Signal, phrase: str) -> Signal:
        """Errors by number ("5xx errors > 200 in 5 minutes") are a count, not the share of requests that fail."""
        quantity = self.limit.quantity
        whole = quantity is not None and quantity.measure is Measure.NUMBER and quantity.value > 1
        things = phrase.lower().endswith(("errors", "responses", "5xx", "500s"))
        counted = self.vocabulary.signal(_COUNTS.get(signal.name, "")) if whole and things else None
        return counted or signal

    def _unnamed(self) -> tuple[Signal | None, str]:
        subject = self.said.subject.strip()
        if self.measure.name in {"down", "failing"} and subject:
            for match in self.vocabulary.signals_of(f"{subject} availability"):
                if len(match.signals) == 1 and (match.start == 0 or match.start < len(subject) < match.end):
                    narrowing = [word for word in subject[: match.start].split() if word.lower() not in _QUALIFIERS]
                    self.said.scope.extend([" ".join(narrowing)] if narrowing else [])
                    return match.signals[0], ""
        quantity = self.limit.quantity
        if (
            quantity is not None
            and quantity.measure is Measure.RATE
            and re.search(r"req|calls?|rps|hits", quantity.text)
        ):
            each = {word.lower() for word in subject.split()} & _PER_SUBJECT
            if each:
                return None, f"it counts for each {'/'.join(sorted(each))}, and no signal is kept so"
            return self.vocabulary.signal("http.request_rate"), ""
        if not subject and self.said.statistic in _PERCENTILES and quantity and quantity.measure is Measure.DURATION:
            return self.vocabulary.signal("http.response_time"), ""
        if not subject:
            return None, "it does not say what is measured"
        return None, f"no signal is called \u201c{subject}\u201d"

    # in which unit

    def _scaled(self, signal: Signal | None, token: Token | None) -> _Scaled:
        quantity = self.limit.quantity
        if self.limit.multiple is not None:
            return _Scaled(
                value=None, unit=None, because="it compares with what is normal, and no baseline is kept of this signal"
            )
        if quantity is None:
            return _Scaled(value=0.0, unit=signal.unit if signal else None)
        unit = _UNITS.get(quantity.measure)
        high = self.limit.upper.value if self.limit.upper else quantity.upper
        plain = _Scaled(value=quantity.value, upper=high, unit=unit)
        if signal is None or unit is signal.unit:
            return plain
        factor, window, because = self._factor(signal, quantity, token)
        if because:
            return replace(plain, because=because)
        return _Scaled(
            value=_rounded(quantity.value * factor),
            upper=_rounded(high * factor) if high is not None else None,
            unit=signal.unit,
            window=window,
        )

    def _factor(self, signal: Signal, quantity: Quantity, token: Token | None) -> tuple[float, float | None, str]:
        """What brings a quantity of another measure into the signal's unit, and the window that comes with it."""
        if quantity.value == 0:
            return 1.0, None, ""
        if quantity.measure is Measure.RATE and signal.unit is Unit.COUNT and quantity.per_s:
            return quantity.per_s, quantity.per_s, ""
        if quantity.measure is not Measure.NUMBER:
            unit = _UNITS.get(quantity.measure)
            written = f"in {unit.value}" if unit else "a multiple"
            return 1.0, None, f"{signal.name} is in {signal.unit.value}, and \u201c{quantity.text}\u201d is {written}"
        if signal.unit is Unit.RATIO and 0 < quantity.value <= 1:
            return 1.0, None, ""
        if signal.unit is Unit.RATIO and quantity.value <= 100 and "utilization" in signal.name:
            return 0.01, None, ""
        if signal.unit is Unit.PER_SECOND:
            each = _period(token.text if token else "") or self.said.window
            if each:
                return 1 / each, None, ""
        return 1.0, None, f"\u201c{quantity.text}\u201d has no unit, and {signal.name} is in {signal.unit.value}"


_COUNTS: Mapping[str, str] = MappingProxyType({"http.error_rate": "http.server_errors"})
"""Shares whose phrases also name a number of things."""


def _period(phrase: str) -> float | None:
    """The period that a phrase counts by: `requests per minute`, `rpm`, `rps`."""
    match = _PER.search(phrase)
    if not match:
        return None
    per = (match["per"] or "s").lower()
    return 60.0 if per.startswith(("min", "pm")) else 3600.0 if per.startswith("h") else 1.0


def _rounded(value: float) -> float:
    return float(f"{value:.12g}")


def _side_by_side(run: Sequence[Token], signals: Sequence[Token]) -> bool:
    """Whether signals stand in one row ("CPU and memory > 80%", "CPU/memory"), with nothing but a joint between."""
    at = [index for index, token in enumerate(run) if token.kind == "SIGNAL"]
    if len(at) != len(signals):
        return False
    return all(
        later - earlier == 1 or (later - earlier == 2 and run[earlier + 1].lower in {"and", "or", "&", "and/or", "/"})
        for earlier, later in pairwise(at)
    ) and any(later - earlier == 2 for earlier, later in pairwise(at))


def _limit(name: str, tokens: Sequence[Token]) -> _Limit:
    comparison = next((token.comparison for token in tokens if token.comparison), None)
    quantities = [token.quantity for token in tokens if token.quantity]
    quantity = quantities[0] if quantities else None
    match name:
        case "zero" | "down" | "failing":
            return _Limit(comparison=Comparison.EQUAL, quantity=None)
        case "between":
            return _Limit(comparison=Comparison.GREATER_EQUAL, quantity=quantity, upper=quantities[-1])
        case "in_range":
            return _Limit(comparison=comparison or Comparison.GREATER_EQUAL, quantity=quantity)
        case "share":
            named = next((token.text for token in tokens if token.kind == "SHARE"), None)
            return _Limit(comparison=comparison or Comparison.GREATER_EQUAL, quantity=quantity, signal=named)
        case "changed_by" if quantity:
            down = comparison in {Comparison.LESS, Comparison.LESS_EQUAL}
            multiple = 1 - quantity.value if down else 1 + quantity.value
            return _Limit(comparison=Comparison.GREATER, quantity=quantity, multiple=multiple)
        case "or_more":
            words = next((token.lower for token in tokens if token.kind == "OR_MORE"), "")
            less = any(word in words for word in ("less", "lower", "fewer", "below"))
            return _Limit(comparison=Comparison.LESS_EQUAL if less else Comparison.GREATER_EQUAL, quantity=quantity)
        case _:
            normal = any(token.kind == "NORMAL" for token in tokens)
            relative = quantity is not None and (normal or quantity.measure is Measure.MULTIPLE)
            return _Limit(
                comparison=comparison or Comparison.GREATER,
                quantity=quantity,
                multiple=_multiple(quantity, tokens) if relative and quantity else None,
            )


def _multiple(quantity: Quantity, tokens: Sequence[Token]) -> float:
    """`3x normal` and `200% of budget` are multiples; `50% above normal` is 1.5."""
    normal = next((token.lower for token in tokens if token.kind == "NORMAL"), "")
    if quantity.measure is Measure.RATIO and re.search(r"\b(?:above|over|than)\b", normal):
        return 1 + quantity.value
    if quantity.measure is Measure.RATIO and "below" in normal:
        return 1 - quantity.value
    return quantity.value
