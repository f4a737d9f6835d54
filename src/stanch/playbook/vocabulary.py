"""From a phrase to a signal or an action: the catalogue, widened by the tables of the team's own playbooks.

Nothing here guesses. A phrase that the vocabulary does not hold gives no match, one that it holds twice gives both,
and the caller says so.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

from stanch.catalogue.action import ActionEntry
from stanch.catalogue.actions import ACTIONS
from stanch.catalogue.signals import SIGNALS
from stanch.model.pattern import Pattern
from stanch.model.record import record
from stanch.model.signal import Signal
from stanch.playbook.words import Word, stem, stems, words

_MOST_REMEMBERED = 20_000
MAX_GAP = 4
"""How many other words may stand between two words of an action's phrase."""


_TOO_COMMON = frozenset({("up",)})
"""Phrases that are words of every other sentence."""


@record
class SignalMatch:
    """Signals that a run of words names: one, or several where the vocabulary holds the phrase twice."""

    signals: tuple[Signal, ...]
    start: int
    end: int


@record
class ActionMatch:
    """An action asked for by the words from `start` to `end`. `terms` says how specific the phrase is."""

    action: ActionEntry
    start: int
    end: int
    terms: int


_Term = Mapping[str, tuple[tuple[str, ...], ...]]
"""The alternatives of one term by their first word, longest first."""


@dataclass(frozen=True, slots=True)
class _Phrase:
    action: ActionEntry
    terms: tuple[_Term, ...]


def _term(text: str) -> _Term:
    """`block|rate_limit` -> {block: ((block,),), rate: ((rate, limit),)}, all words as stems."""
    alternatives = sorted((tuple(map(stem, option.split("_"))) for option in text.split("|")), key=len, reverse=True)
    found: dict[str, tuple[tuple[str, ...], ...]] = {}
    for alternative in alternatives:
        found[alternative[0]] = (*found.get(alternative[0], ()), alternative)
    return found


def _phrase(action: ActionEntry, text: str) -> _Phrase:
    return _Phrase(action, tuple(map(_term, text.split())))


class Vocabulary:
    """Signals and actions by the words people use for them. Immutable; `with_*` gives a wider one."""

    def __init__(self, signals: Iterable[Signal], actions: Iterable[ActionEntry]) -> None:
        self.signals: Mapping[str, Signal] = {signal.name: signal for signal in signals}
        self.actions: Mapping[str, ActionEntry] = {action.name: action for action in actions}
        self._signals_known: dict[str, tuple[SignalMatch, ...]] = {}
        self._actions_known: dict[str, tuple[ActionMatch, ...]] = {}
        self._signal_phrases: dict[tuple[str, ...], list[Signal]] = defaultdict(list)
        for signal in self.signals.values():
            for row in dict.fromkeys((*map(stems, signal.phrases), stems(signal.name))):
                if row and row not in _TOO_COMMON:
                    self._signal_phrases[row].append(signal)
        self._starts: dict[str, int] = {}
        for row in self._signal_phrases:
            self._starts[row[0]] = max(self._starts.get(row[0], 0), len(row))
        self._action_phrases: dict[str, list[_Phrase]] = defaultdict(list)
        for action in self.actions.values():
            for text in (*action.phrases, action.name):
                phrase = _phrase(action, text)
                for first in phrase.terms[0]:
                    self._action_phrases[first].append(phrase)

    def with_signals(self, signals: Iterable[Signal]) -> "Vocabulary":
        return Vocabulary((*self.signals.values(), *signals), self.actions.values())

    def with_actions(self, actions: Iterable[ActionEntry]) -> "Vocabulary":
        return Vocabulary(self.signals.values(), (*self.actions.values(), *actions))

    def signal(self, name: str) -> Signal | None:
        return self.signals.get(name)

    def signals_in(self, run: Sequence[Word], joined: frozenset[int] = frozenset()) -> tuple[SignalMatch, ...]:
        """Every longest phrase of the vocabulary in a run of words, left to right, not overlapping.

        `start` and `end` count words of `run`; no phrase begins at a word of `joined`. A last word that begins a
        phrase as long belongs to that one: *CPU load average* is a load average.
        """
        found: list[SignalMatch] = []
        at = 0
        while at < len(run):
            length = 0 if at in joined else self._longest(run, at)
            if length > 1 and self._longest(run, at + length - 1) >= length:
                length -= 1
            signals = self._signal_phrases.get(tuple(word.stem for word in run[at : at + length])) if length else None
            if signals:
                found.append(SignalMatch(signals=tuple(signals), start=at, end=at + length))
            at += max(length, 1)
        return tuple(found)

    def _longest(self, run: Sequence[Word], at: int) -> int:
        """How many words the longest phrase has that begins at a word; 0 where none does."""
        for length in range(min(self._starts.get(run[at].stem, 0), len(run) - at), 0, -1):
            if tuple(word.stem for word in run[at : at + length]) in self._signal_phrases:
                return length
        return 0

    def signals_of(self, text: str) -> tuple[SignalMatch, ...]:
        """As `signals_in`, of a text; `start` and `end` count characters."""
        known = self._signals_known.get(text)
        if known is None:
            known = _remembered(self._signals_known, text, self._signals_of(text))
        return known

    def _signals_of(self, text: str) -> tuple[SignalMatch, ...]:
        run = words(text)
        joined = frozenset(index for index, word in enumerate(run) if _hangs_on(text, word.start))
        return tuple(
            SignalMatch(signals=match.signals, start=run[match.start].start, end=run[match.end - 1].end)
            for match in self.signals_in(run, joined)
        )

    def actions_of(self, text: str) -> tuple[ActionMatch, ...]:
        """The actions that a text asks for, in its order: of those that overlap, the most specific.

        Two that are equally specific on the same words both stay: the text means two things.
        """
        known = self._actions_known.get(text)
        if known is None:
            known = _remembered(self._actions_known, text, self._actions_of(text))
        return known

    def _actions_of(self, text: str) -> tuple[ActionMatch, ...]:
        run = words(text)
        found: list[ActionMatch] = []
        for at, word in enumerate(run):
            for phrase in self._action_phrases.get(word.stem, ()):
                end = _match(phrase.terms, run, at)
                if end is not None:
                    terms = len(phrase.terms)
                    found.append(ActionMatch(action=phrase.action, start=word.start, end=run[end - 1].end, terms=terms))
        return _most_specific(found, text)


M = TypeVar("M")


def _remembered(known: dict[str, M], text: str, found: M) -> M:
    """Keep an answer, up to a bound: every reader asks the same sentences."""
    if len(known) >= _MOST_REMEMBERED:
        known.clear()
    known[text] = found
    return found


def _hangs_on(text: str, start: int) -> bool:
    """Whether a word is the later part of a name (the *api* of *checkout-api*)."""
    return start >= 2 and text[start - 1] in "-_" and text[start - 2].isalnum()


def _match(terms: Sequence[_Term], run: Sequence[Word], at: int) -> int | None:
    """Where the terms end when matched from word `at` on, each within `MAX_GAP` words of the one before."""
    end = at
    for index, term in enumerate(terms):
        furthest = end + 1 if index == 0 else min(end + MAX_GAP + 1, len(run))
        for start in range(end, furthest):
            alternatives = term.get(run[start].stem)
            if alternatives is None:
                continue
            length = next((len(words) for words in alternatives if _stands(words, run, start)), 0)
            if length:
                end = start + length
                break
        else:
            return None
    return end


def _stands(alternative: Sequence[str], run: Sequence[Word], start: int) -> bool:
    if len(alternative) == 1:
        return True
    return start + len(alternative) <= len(run) and all(
        run[start + offset].stem == part for offset, part in enumerate(alternative)
    )


def _most_specific(found: Sequence[ActionMatch], text: str) -> tuple[ActionMatch, ...]:
    best: list[ActionMatch] = []
    for match in sorted(found, key=lambda match: (-match.terms, match.start, match.end - match.start)):
        clashes = [kept for kept in best if kept.start < match.end and match.start < kept.end]
        if any(kept.action is match.action for kept in clashes):
            continue
        if all(_both(kept, match, text) for kept in clashes):
            best.append(match)
    return tuple(sorted(best, key=lambda match: (match.start, match.action.name)))


def _both(kept: ActionMatch, match: ActionMatch, text: str) -> bool:
    """Whether two matches on common words both count: equals on the same words, or verbs joined by and, or."""
    if kept.start == match.start:
        return kept.terms == match.terms and kept.end == match.end
    first, second = sorted((kept, match), key=lambda each: each.start)
    return bool(_JOINED.match(text[first.start : second.start]))


_JOINED = Pattern(r"^[\w-]+\s+(?:and|or|and/or)\s+$|^[\w-]+\s*/\s*$", re.IGNORECASE)


@lru_cache(maxsize=1)
def catalogue() -> Vocabulary:
    """The vocabulary that ships with Stanch."""
    return Vocabulary(SIGNALS.values(), ACTIONS)
