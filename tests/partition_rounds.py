"""Rounds in which one of two replicas falls silent in the middle of a step, and what came of each.

`play` opens incidents, says yes to the step that changes something, and has the replica that holds one of the runs
fall silent at a chosen point of that step: its wire cut (held, dropped, reset) or its process stopped. Then it comes
back. What is counted comes from the timelines and from the journal that the program itself writes.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random

import httpx

from pair import Pair, Replica
from waiting import until

STEP = b"restart-the-workers"
PATIENCE_S = 60.0
LATE_S = 20.0
ANSWERS_AFTER_S = 10.0
"""So long people leave a question open once both replicas are there: the one that knows may answer it."""


class Kind(StrEnum):
    HOLD = "hold"
    DROP = "drop"
    RESET = "reset"
    STOP = "stop"


class Point(StrEnum):
    """Where in a step the replica falls silent."""

    INTENT_UNHEARD = "before the database hears of the intent"
    BEFORE_THE_ACT = "after the intent, before the act"
    DURING_THE_ACT = "during the act"
    OUTCOME_UNHEARD = "after the act, before the database hears of the outcome"
    AFTER_THE_RECORD = "after the outcome is written, before that is answered"
    ANY = "at any moment"


_AT_COMMIT = {
    Point.INTENT_UNHEARD: (b"step started", False),
    Point.BEFORE_THE_ACT: (b"step started", True),
    Point.OUTCOME_UNHEARD: (b"step done", False),
    Point.AFTER_THE_RECORD: (b"step done", True),
}


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One replica falls silent at `point` for `seconds`."""

    kind: Kind
    point: Point
    seconds: float

    @property
    def is_possible(self) -> bool:
        """A process that is stopped has said what it said."""
        return self.kind is not Kind.STOP or self.point not in {Point.INTENT_UNHEARD, Point.OUTCOME_UNHEARD}


@dataclass(kw_only=True)
class Round:
    """What came of one fault. `taken_s` is how long until another replica held a run of the silent one."""

    fault: Fault
    counts: Counter[str] = field(default_factory=Counter)
    taken_s: float | None = None
    wrong: list[str] = field(default_factory=list)


class Silence:
    """Has a replica fall silent, once, and come back."""

    def __init__(self, pair: Pair, kind: Kind) -> None:
        self._pair = pair
        self._kind = kind
        self.victim: Replica | None = None
        self.began = 0.0
        self.fallen = asyncio.Event()

    def fall(self, victim: Replica) -> None:
        if self.victim is not None:
            return
        self.victim = victim
        if self._kind is Kind.STOP:
            victim.freeze()
        else:
            victim.wire.cut(self._kind.value)
        self.began = asyncio.get_running_loop().time()
        self.fallen.set()

    def end(self) -> None:
        if self.victim is None:
            return
        if self._kind is Kind.STOP:
            self.victim.thaw()
        else:
            self.victim.wire.mend()


async def play(pair: Pair, fault: Fault, chance: Random, *, runs: int = 1, longest_act_s: float = 2.0) -> Round:
    """One round, to its end: every run is over, or it is counted as lost."""
    played, saying = Round(fault=fault), asyncio.ensure_future(asyncio.sleep(0))
    silence = Silence(pair, fault.kind)
    asked = pair.replicas[chance.randrange(2)]
    begun = [await _begin(pair, asked) for _ in range(runs)]
    with _armed(pair, fault, begun[0], silence):
        for run in reversed(begun):  # the one at whose commit it happens is the last
            pair.takes(chance.uniform(0.0, longest_act_s))
            saying = asyncio.create_task(_approve(pair, asked, run))
            if run is not begun[0]:
                await saying
        await _fall(pair, fault, begun[0], silence, chance)
    victim = silence.victim
    assert victim is not None
    epochs = {run: (await pair.holder(run)) for run in begun}
    held = [run for run, (holder, _) in epochs.items() if pair.called(holder) is victim]
    loop = asyncio.get_running_loop()
    ends = silence.began + fault.seconds
    # A silence that is longer than the lease lasts, on a busy machine, until it has been noticed.
    latest = ends + (LATE_S if held and fault.seconds > pair.lease_s else 0.0)
    while loop.time() < latest:
        if played.taken_s is None and held and await _passed(pair, held, epochs):
            played.taken_s = loop.time() - silence.began
            latest = ends
        elif loop.time() > ends and all([await pair.is_over(run) for run in held]):
            break
        await asyncio.sleep(0.02)
    silence.end()
    with contextlib.suppress(httpx.HTTPError):  # who said yes may have asked the replica that fell silent
        await saying
    await asyncio.gather(*(_to_its_end(pair, pair.other(victim), run, played) for run in begun))
    for run in begun:
        await judge(pair, run, played)
    return played


async def judge(pair: Pair, run: str, played: Round) -> None:
    """Count what went wrong in one run."""
    events = await pair.events(run)
    acts = pair.acts(run)
    counts = played.counts
    counts["runs"] += 1
    for key in {data["step"] for kind, data in events if kind == "step started"}:
        kinds = [kind for kind, data in events if data.get("step") == key]
        if "step done" in kinds:
            again = kinds[kinds.index("step done") :].count("step started")
            counts["completed_steps_run_again"] += again
        counts["outcomes_written_twice"] += max(0, kinds.count("step done") - 1)
        attempts = [data["attempt"] for kind, data in events if kind == "step started" and data["step"] == key]
        counts["beginnings_unrecorded"] += attempts != list(range(1, len(attempts) + 1))
    counts["mutating_steps_run_twice"] += max(0, acts["begun"] - 1)
    over = await pair.is_over(run)
    lost = not over or (acts["ended"] > 0 and not await pair.is_at(run, "done"))
    counts["lost_outcomes"] += lost
    counts["runs_finished_twice"] += max(0, [kind for kind, _ in events].count("run finished") - 1)
    if lost or acts["begun"] > 1 or counts["completed_steps_run_again"] or counts["outcomes_written_twice"]:
        kinds = [f"{kind} {data.get('step', '')}" for kind, data in events]
        played.wrong.append(f"run {run} ({played.fault}): {dict(acts)} {kinds}")


async def _begin(pair: Pair, replica: Replica) -> str:
    async with replica.server.person() as somebody:
        return await pair.begin(somebody)


async def _approve(pair: Pair, replica: Replica, run: str) -> None:
    async with replica.server.person() as somebody:
        await somebody.approve(await pair.step(somebody, run))


@contextlib.contextmanager
def _armed(pair: Pair, fault: Fault, run: str, silence: Silence) -> Iterator[None]:
    """Fall silent at the commit that the point names, whichever replica makes it."""
    if fault.point not in _AT_COMMIT:
        yield
        return
    event, delivered = _AT_COMMIT[fault.point]

    def then(victim: Replica) -> Callable[[], None]:
        return lambda: silence.fall(victim)

    words = (event, STEP, f'"run":"{run}"'.encode())
    trips = [(each.wire, each.wire.when(*words, delivered=delivered, then=then(each))) for each in pair.replicas]
    try:
        yield
    finally:
        for wire, trip in trips:
            wire.forget(trip)


async def _fall(pair: Pair, fault: Fault, run: str, silence: Silence, chance: Random) -> None:
    """Wait for the point, or make it."""
    match fault.point:
        case Point.DURING_THE_ACT:
            await until(lambda: pair.acts(run)["begun"] == 1, 20)
        case Point.ANY:
            await asyncio.sleep(chance.uniform(0.0, 2.5))  # the moment is what is tried out
        case _:
            await asyncio.wait_for(silence.fallen.wait(), 30)
            return
    holder = pair.called((await pair.holder(run))[0])
    silence.fall(holder or pair.replicas[chance.randrange(2)])


async def _passed(pair: Pair, held: list[str], before: dict[str, tuple[str | None, int]]) -> bool:
    """Whether another holds, or has held, one of the runs."""
    now = {run: await pair.holder(run) for run in held}
    return any(epoch > before[run][1] for run, (_, epoch) in now.items())


async def _to_its_end(pair: Pair, replica: Replica, run: str, played: Round) -> None:
    """What is asked again is answered; what nobody knows is left open for a while, for the one who may know."""
    loop = asyncio.get_running_loop()
    ends, since = loop.time() + PATIENCE_S, None
    async with replica.server.person() as somebody:
        while loop.time() < ends and not await pair.is_over(run):
            with contextlib.suppress(httpx.HTTPError):  # it has just changed, or does not answer: look again
                step = await pair.step(somebody, run)
                if step["state"] == "proposed":
                    played.counts["asked_again"] += 1
                    await somebody.approve(step)
                if step["state"] != "unknown":
                    since = None
                elif since is None:
                    since = loop.time()
                elif loop.time() - since > ANSWERS_AFTER_S:
                    played.counts["people_asked_what_happened"] += 1
                    verb = "complete" if pair.acts(run)["ended"] else "again"
                    await somebody.to(verb, step, reason="looked")
            await asyncio.sleep(0.1)
