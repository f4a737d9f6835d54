"""The watch: scrape all targets side by side, take in what they say, evaluate every rule right after.

One round an interval. A target that hangs delays nobody: a round waits for half an interval at most, a late answer
counts when it comes, and no target is asked again while it owes an answer. Rounds that a busy machine has no time for
are left out, never made up for. Changes are handed on by a task of their own, in order, until they are taken: a store
that is away stops neither the scrapes nor the rules.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

import httpx
import structlog

from stanch.catalogue.signals import SIGNALS
from stanch.model.clock import Clock
from stanch.model.problem import Problem, StanchError
from stanch.model.rule import Evaluation, Rule
from stanch.model.signal import Signal, Statistic
from stanch.signals.axis import Axis
from stanch.signals.exposition import Exposition, Layout, joined
from stanch.signals.history import FULL_S, History
from stanch.signals.reading import metrics_of
from stanch.signals.rulebook import Rulebook
from stanch.signals.rules import Standing, Transition
from stanch.signals.sources.scrape import Answer, Target, failed, fetch
from stanch.signals.windows import LOOKBACK_MS, Labels, Series, Windows, milliseconds

Point = tuple[float, float | None]

_SAVE_S = 10.0
_AGE_S = 60.0
_TRIM_S = 60.0
_RETRY_S = 1.0
# A round that begins later than this part of the interval bears its own time, and the next ones follow from it.
_LATE = 0.1
_IDLE_INTERVAL_S = 5.0
_MOST_POINTS = 240
# So many points of a chart are computed before others get their turn.
_POINTS_AT_ONCE = 16
_THINNED_WINDOW_S = 150.0

# What the watch itself notes of each scrape, as Prometheus does.
_OWN_METRICS = ("up", "scrape_duration_seconds")

log = structlog.get_logger("stanch.signals")


class _Scraped:
    """A target with what is known of it between scrapes."""

    def __init__(self, target: Target, layout: Layout[Series]) -> None:
        self.target = target
        self.layout = layout
        self.present: set[Series] = set()
        self.due = 0.0
        self.task: asyncio.Task[None] | None = None
        self.problems: tuple[Problem, ...] = ()


class Watcher:
    """Watches targets by rules. `on_transition` gets every change at least once, in order.

    `retention_s` is how far back charts can look without the store; windows longer than that extend it.
    """

    def __init__(
        self,
        *,
        targets: Sequence[Target],
        rules: Sequence[Rule],
        clock: Clock,
        on_transition: Callable[[tuple[Transition, ...]], Awaitable[None]],
        history: History | None = None,
        signals: Mapping[str, Signal] = SIGNALS,
        retention_s: float = 900.0,
    ) -> None:
        self._clock = clock
        self._axis = Axis(clock)
        self._on_transition = on_transition
        self._history = history
        self._signals = signals
        self._retention_s = retention_s
        self._windows = Windows(_retention_s(rules, retention_s))
        self._rulebook = Rulebook(self._windows, signals)
        self._rulebook.arm(rules)
        self._wanted = frozenset().union(*(metrics_of(signal) for signal in signals.values()))
        self._scraped = [_Scraped(target, self._layout(target)) for target in targets]
        self._owed: deque[Transition] = deque()
        self._owing = asyncio.Event()
        self._shifted = 0.0
        self._downtime_from: float | None = None
        # How long the last evaluation of all rules took.
        self.evaluation_s = 0.0
        self._client: httpx.AsyncClient | None = None
        self._restored = False

    @property
    def interval_s(self) -> float:
        """The seconds from one round to the next: the shortest interval of a target."""
        return min((each.target.settings.interval_s for each in self._scraped), default=_IDLE_INTERVAL_S)

    # --- what it knows ---------------------------------------------------------------------------------------------

    def evaluations(self) -> tuple[Evaluation, ...]:
        """The last evaluation of every rule; one that was never evaluated is `no data` since 0."""
        return self._rulebook.evaluations()

    def problems(self) -> tuple[Problem, ...]:
        """What is wrong with the targets at the moment."""
        return tuple(problem for each in self._scraped for problem in each.problems)

    def value(
        self,
        signal: str,
        *,
        statistic: Statistic | None = None,
        window_s: float | None = None,
        labels: Labels = (),
    ) -> float | None:
        """A signal's present value; None without data. Raises ValueError for a signal that is not known."""
        return self._rulebook.value(signal, self._clock.now(), statistic=statistic, window_s=window_s, labels=labels)

    async def points(
        self,
        signal: str,
        seconds: float,
        *,
        until: float | None = None,
        statistic: Statistic | None = None,
        window_s: float | None = None,
        labels: Labels = (),
    ) -> tuple[Point, ...]:
        """A signal over time, for charts: (epoch seconds, value or None without data), oldest first.

        At most 240 points, an interval apart at least; what memory does not hold is read from the store.
        Raises ValueError for a signal that is not known.
        """
        known = self._signals.get(signal)
        if known is None:
            raise ValueError(f"there is no signal {signal!r} in the catalogue")
        now = self._clock.now()
        end = now if until is None else until
        window = known.default_window_s if window_s is None else window_s
        step = max(self.interval_s, seconds / _MOST_POINTS)
        count = int(seconds / step)
        moments = [end - step * (count - index) for index in range(count + 1)]

        before = max(window, _THINNED_WINDOW_S) if window else LOOKBACK_MS / 1000
        memory_from = now - self._windows.retention_ms / 1000 + before
        older = None
        if self._history is not None and moments[0] < memory_from:
            spans = _joined((at - before, at) for at in moments if at < memory_from)
            older = Rulebook(await self._history.within(spans, metrics_of(known)), {signal: known})
        points = []
        for index, at in enumerate(moments):
            if index % _POINTS_AT_ONCE == _POINTS_AT_ONCE - 1:
                await asyncio.sleep(0)
            rulebook = self._rulebook if older is None or at >= memory_from else older
            # Of what is old one sample a minute is left, and a rate needs two in its window.
            reach = max(window, _THINNED_WINDOW_S) if window and at < now - FULL_S else window
            points.append((at, rulebook.value(signal, at, statistic=statistic, window_s=reach, labels=labels)))
        return tuple(points)

    # --- what it does ----------------------------------------------------------------------------------------------

    def arm(self, rules: Sequence[Rule]) -> tuple[Evaluation, ...]:
        """Watch by these rules from now on; see `Rulebook.arm`."""
        gone = self._rulebook.arm(rules)
        self._windows.retention_ms = milliseconds(_retention_s(rules, self._retention_s))
        return gone

    async def restore(self) -> None:
        """Go on where an earlier process stopped: its samples and the standings of its rules. Done once."""
        if self._history is None or self._restored:
            return
        now = self._axis.look().at
        remembered = await self._history.read_back(self._windows, now)
        self._restored = True
        self._rulebook.arm(self._rulebook.rules, remembered.standings)
        last = remembered.last_at
        if last is None:
            return
        for each in self._scraped:
            own = set(each.target.labels)
            each.present = {
                series
                for series in self._windows
                if own <= set(series.labels) and series.metric not in _OWN_METRICS and not series.ended
            }
        if last > now:
            await self._move(now - last - self.interval_s, rewrite_from=now - self._windows.retention_ms / 1000)
            last = now - self.interval_s
        self._downtime_from = last

    async def run(self) -> None:
        """Watch until cancelled; then save what there is, and let the targets go. It can be run again."""
        await self.restore()
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._rounds())
                tasks.create_task(self._hand_on_all())
                if self._history is not None:
                    tasks.create_task(self._keep(self._history))
        finally:
            await self.close()

    async def close(self) -> None:
        """End the scrapes under way, and save."""
        tasks = [each.task for each in self._scraped if each.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._client is not None:
            await self._client.aclose()
            self._client = None
        if self._history is not None:
            await self._save(self._history)

    async def round(self, late_s: float = 0.0) -> tuple[Transition, ...]:
        """One round: scrape what is due, wait for the quick ones, evaluate. Gives what changed.

        Samples and evaluations bear the time at which the round was due, `late_s` ago: two rounds are then whole
        intervals apart, and a persistence of an interval is not missed by a millisecond.
        """
        at = await self._look() - late_s
        due = self._clock.monotonic() - late_s
        asked = []
        for each in self._scraped:
            if each.task is None and each.due <= due:
                each.due = due + each.target.settings.interval_s * 0.99
                each.task = asyncio.create_task(self._scrape(each, at))
                asked.append(each.task)
        shifted = self._shifted
        if asked:
            await self._wait(asked, self.interval_s / 2)
        await self._look()
        at += self._shifted - shifted
        self._go_on(at)
        began_evaluating = self._clock.monotonic()
        changes = self._rulebook.evaluate(at)
        self.evaluation_s = self._clock.monotonic() - began_evaluating
        if changes:
            self._owed.extend(changes)
            self._owing.set()
        return changes

    def _go_on(self, at: float) -> None:
        """In the first round of a life: take note of the time in which nobody watched."""
        if self._downtime_from is not None:
            unseen_s = at - self._downtime_from - self.interval_s
            self._downtime_from = None
            self._rulebook.unseen(max(0.0, unseen_s))
            if unseen_s <= self.interval_s:
                first = min((series.times[0] for series in self._windows if series.times), default=None)
                self._rulebook.watched_from = at if first is None else first / 1000
        if self._rulebook.watched_from is None:
            self._rulebook.watched_from = at

    async def _rounds(self) -> None:
        due = trimmed = self._clock.monotonic()
        while True:
            late_s = self._clock.monotonic() - due
            if late_s > self.interval_s * _LATE:
                due += late_s
                late_s = 0.0
            await self.round(late_s)
            if due - trimmed >= _TRIM_S:
                trimmed = due
                self._trim()
            due += self.interval_s
            await self._clock.sleep(max(0.0, due - self._clock.monotonic()))

    def _trim(self) -> None:
        if self._windows.trim(milliseconds(self._clock.now())):
            # A layout may still hold a series that is no longer one.
            for each in self._scraped:
                each.layout.forget()

    async def _wait(self, tasks: Iterable[asyncio.Task[None]], patience_s: float) -> None:
        nap = asyncio.create_task(self._clock.sleep(patience_s))
        waiting: set[asyncio.Task[None]] = set(tasks)
        try:
            while waiting and not nap.done():
                done, _ = await asyncio.wait({*waiting, nap}, return_when=asyncio.FIRST_COMPLETED)
                waiting -= done
        finally:
            nap.cancel()

    # --- time --------------------------------------------------------------------------------------------------------

    async def _look(self) -> float:
        """The present moment; if the clock was set, everything that was noted is put right first."""
        moment = self._axis.look()
        if moment.jumped > 0:
            log.warning("The clock was set forward.", by_s=round(moment.jumped, 3))
            self._rulebook.unseen(moment.jumped)
        elif moment.jumped < 0:
            log.warning("The clock was set back.", by_s=round(-moment.jumped, 3))
            await self._move(moment.jumped, rewrite_from=moment.at - self._windows.retention_ms / 1000)
        return moment.at

    async def _move(self, seconds: float, *, rewrite_from: float) -> None:
        self._windows.shift(milliseconds(seconds))
        self._rulebook.shift(seconds)
        self._shifted += seconds
        if self._history is not None:
            try:
                await self._history.rewrite(self._windows, rewrite_from)
            except StanchError as error:
                log.warning("The history could not be moved with the clock.", because=error.message)

    # --- scraping ----------------------------------------------------------------------------------------------------

    def _layout(self, target: Target) -> Layout[Series]:
        labels = target.labels

        def resolve(metric: str, own: Labels) -> Series | None:
            return self._windows.series(metric, joined(own, labels)) if metric in self._wanted else None

        return Layout(resolve, most_samples=target.settings.max_samples)

    async def _scrape(self, each: _Scraped, began: float) -> None:
        shifted = self._shifted
        started = self._clock.monotonic()
        target = each.target
        if self._client is None:
            self._client = httpx.AsyncClient(follow_redirects=True, trust_env=False)
        try:
            read = await self._read(self._client, each)
        except Exception as error:  # a fault of ours with one target must show as that target's, and stop no other
            log.exception("A scrape failed in a way that it should not.", target=target.name)
            read = Exposition(values=[], problems=(failed(target, f"{type(error).__name__}: {error}"),))
        finally:
            each.task = None
        # The clock may have been set while the target was thinking.
        at = milliseconds(began + self._shifted - shifted)
        self._take_in(each, at, read, self._clock.monotonic() - started)

    async def _read(self, client: httpx.AsyncClient, each: _Scraped) -> Exposition[Series]:
        answer = await fetch(client, each.target)
        if isinstance(answer, Answer):
            return each.layout.read(answer.text, url=each.target.address, open_metrics=answer.open_metrics)
        return Exposition(values=[], problems=(answer,))

    def _take_in(self, each: _Scraped, at: int, read: Exposition[Series], took_s: float) -> None:
        values, problems = read.values, read.problems
        if problems and not each.problems:
            log.warning(problems[0].message, target=each.target.name)
        elif each.problems and not problems:
            log.info("The target answers again.", target=each.target.name)
        each.problems = problems
        labels = each.target.labels
        own = [
            (self._windows.series(_OWN_METRICS[0], labels), 0.0 if problems else 1.0),
            (self._windows.series(_OWN_METRICS[1], labels), took_s),
        ]
        taken = [(series, at, value) for series, value in (*values, *own) if series.append(at, value)]
        present = {series for series, _ in values}
        for series in each.present - present:
            series.end(at)
        each.present = present
        if problems:
            each.layout.forget()
        if self._history is not None:
            self._history.note(taken)

    # --- handing on --------------------------------------------------------------------------------------------------

    async def hand_on(self) -> bool:
        """Tell the changes that are owed, and save what goes with them; whether they were taken."""
        changes = tuple(self._owed)
        if changes:
            try:
                await self._on_transition(changes)
            except Exception:  # the watch outlives what it tells of; the changes stay owed and are told again
                log.exception("Changes of rules could not be handed on; they are tried again.", count=len(changes))
                return False
            for _ in changes:
                self._owed.popleft()
        if not self._owed:
            self._owing.clear()
        if self._history is not None:
            await self._save(self._history)
        return True

    async def _hand_on_all(self) -> None:
        while True:
            await self._owing.wait()
            if not await self.hand_on():
                await self._clock.sleep(_RETRY_S)

    async def _keep(self, history: History) -> None:
        aged = self._clock.monotonic()
        while True:
            await self._clock.sleep(_SAVE_S)
            await self._save(history)
            if self._clock.monotonic() - aged >= _AGE_S:
                aged = self._clock.monotonic()
                try:
                    await history.age(self._clock.now())
                except StanchError as error:
                    log.warning("Old samples could not be forgotten.", because=error.message)

    async def _save(self, history: History) -> None:
        try:
            await history.save(self._settled())
        except StanchError as error:
            log.warning("Samples could not be saved; they are kept in memory.", because=error.message)

    def _settled(self) -> dict[str, Standing]:
        owed = {change.evaluation.rule.id for change in self._owed}
        return {rule_id: standing for rule_id, standing in self._rulebook.standings.items() if rule_id not in owed}


def _joined(spans: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """Spans of time in the order of their ends, those that overlap as one."""
    joined_spans: list[tuple[float, float]] = []
    for start, end in spans:
        if joined_spans and start <= joined_spans[-1][1]:
            joined_spans[-1] = (joined_spans[-1][0], end)
        else:
            joined_spans.append((start, end))
    return joined_spans


def _retention_s(rules: Iterable[Rule], least_s: float) -> float:
    """Windows must reach back for the longest of the rules, and instant values for five minutes."""
    longest = max((rule.window_s for rule in rules), default=0.0)
    return max(least_s, longest + 60.0) + LOOKBACK_MS / 1000
