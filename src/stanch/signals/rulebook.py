"""All armed rules over the series in memory: evaluated together at a moment, with what each remembers."""

import math
from collections.abc import Iterable, Mapping

from stanch.model.rule import AlertState, Evaluation, Rule
from stanch.model.signal import Comparison, CounterIncrease, CounterRate, Signal, Statistic
from stanch.signals.reading import Evaluator, evaluator
from stanch.signals.rules import Standing, Transition, advance, evaluation, moved, transition, unseen
from stanch.signals.windows import Labels, Windows, milliseconds

_MOST_ASKED = 200

_Key = tuple[str, Statistic | None, float, Labels]


class Rulebook:
    """Rules that read the same signal in the same way share one evaluator, computed once a moment."""

    def __init__(self, windows: Windows, signals: Mapping[str, Signal]) -> None:
        self._windows = windows
        self._signals = signals
        self._evaluators: dict[_Key, Evaluator] = {}
        # Those of questions that no rule asks, such as the next point of a chart.
        self._asked: dict[_Key, Evaluator] = {}
        self._armed: list[tuple[Rule, _Key, Evaluator, bool]] = []
        self._standings: dict[str, Standing] = {}
        self._rules: dict[str, Rule] = {}
        # Since when there are samples without a gap. Of a window that reaches back further a part is missing, and
        # too little of what is counted would look like too little happening: that is no data.
        self.watched_from: float | None = None

    @property
    def rules(self) -> tuple[Rule, ...]:
        return tuple(self._rules.values())

    @property
    def standings(self) -> Mapping[str, Standing]:
        """Where each rule stands, by its id; a rule that was never evaluated is absent."""
        return self._standings

    def arm(self, rules: Iterable[Rule], standings: Mapping[str, Standing] | None = None) -> tuple[Evaluation, ...]:
        """Put these rules in the place of those before; a rule that stays the same keeps its standing.

        `standings` are those of an earlier process. Gives the last evaluations of the rules that were raised and are
        no longer armed: somebody has to hear that nobody watches them. Raises ValueError for a signal that is not in
        the catalogue, or a statistic that it cannot give.
        """
        armed = {rule.id: rule for rule in rules}
        known = dict(self._standings) | dict(standings or {})
        bound: list[tuple[Rule, _Key, Evaluator, bool]] = []
        evaluators: dict[_Key, Evaluator] = {}
        for rule in armed.values():
            key = (rule.signal, rule.statistic, rule.window_s, rule.labels)
            if key not in evaluators:
                evaluators[key] = self._evaluators.get(key) or self._bound(key)
            bound.append((rule, key, evaluators[key], self._warns_of_too_little(rule)))
        gone = tuple(
            evaluation(rule, self._standings[rule.id])
            for rule in self._rules.values()
            if rule.id not in armed and rule.id in self._standings and self._standings[rule.id].raised
        )
        self._armed = bound
        self._evaluators = evaluators
        self._rules = armed
        self._standings = {rule_id: known[rule_id] for rule_id in armed if rule_id in known}
        return gone

    def evaluate(self, at: float) -> tuple[Transition, ...]:
        """Evaluate every rule at `at` (epoch seconds) and tell what changed."""
        moment = milliseconds(at)
        standings = self._standings
        values: dict[_Key, float | None] = {}
        changes: list[Transition] = []
        seen_s = math.inf if self.watched_from is None else at - self.watched_from
        for rule, key, each, warns_of_too_little in self._armed:
            if key in values:
                value = values[key]
            else:
                value = values[key] = each.value(moment)
            if warns_of_too_little and seen_s < rule.window_s:
                value = None
            before = standings.get(rule.id)
            after = advance(rule, before, value, at)
            standings[rule.id] = after
            if before is None or before.state is not after.state:
                change = transition(rule, before, after)
                if change is not None:
                    changes.append(change)
        return tuple(changes)

    def evaluations(self) -> tuple[Evaluation, ...]:
        """The last evaluation of every rule, in the order in which they were armed; none is `no data`."""
        never = Standing(AlertState.NO_DATA, 0.0, 0.0)
        return tuple(evaluation(rule, self._standings.get(rule.id, never)) for rule in self._rules.values())

    def value(
        self,
        signal: str,
        at: float,
        *,
        statistic: Statistic | None = None,
        window_s: float | None = None,
        labels: Labels = (),
    ) -> float | None:
        """A signal's value at a moment; None without data. Raises ValueError for a signal it does not know."""
        wanted = self._signal(signal)
        key = (signal, statistic, wanted.default_window_s if window_s is None else window_s, labels)
        each = self._evaluators.get(key) or self._asked.get(key)
        if each is None:
            if len(self._asked) >= _MOST_ASKED:
                self._asked.clear()
            each = self._asked[key] = self._bound(key)
        value = each.value(milliseconds(at))
        return None if value is None or math.isnan(value) else value

    def unseen(self, seconds: float) -> None:
        """Take note that nobody looked for so long."""
        self._standings = {rule_id: unseen(standing, seconds) for rule_id, standing in self._standings.items()}

    def shift(self, seconds: float) -> None:
        """Take note that the clock was moved."""
        if self.watched_from is not None:
            self.watched_from += seconds
        self._standings = {rule_id: moved(standing, seconds) for rule_id, standing in self._standings.items()}

    def _warns_of_too_little(self, rule: Rule) -> bool:
        counted = isinstance(self._signal(rule.signal).reading, CounterRate | CounterIncrease)
        return counted and rule.comparison in {Comparison.LESS, Comparison.LESS_EQUAL}

    def _bound(self, key: _Key) -> Evaluator:
        name, statistic, window_s, labels = key
        return evaluator(self._signal(name), self._windows, statistic=statistic, window_s=window_s, labels=labels)

    def _signal(self, name: str) -> Signal:
        signal = self._signals.get(name)
        if signal is None:
            raise ValueError(f"there is no signal {name!r} in the catalogue")
        return signal
