"""A stage for runs: a plan, an incident, an outside world in a folder, people who answer, and a way to crash.

The world is files that outlive a crash, like a database's indexes do. Actions leave a line in its journal for every
effect, so a test can count what really happened.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from stanch.connectors.guard import GuardConnector, GuardSettings
from stanch.incidents import lifecycle, timeline
from stanch.model.clock import SystemClock
from stanch.model.finding import Proposal
from stanch.model.incident import EventKind
from stanch.model.plan import Plan, Procedure, Severity, Step, StepKind
from stanch.model.problem import Refused, Source, Unusable
from stanch.model.risk import Rating, Risk, Trait
from stanch.model.run import StepState
from stanch.response import runs
from stanch.response.action import ActionFailed, Effect, NotApplicable, Outcome, Remedy, Verified
from stanch.response.actions.limit_concurrency import LimitConcurrency
from stanch.response.approvals import people_missing
from stanch.response.controls import ControlKeeper
from stanch.response.execution import Executor, Limits
from stanch.response.redaction import Redactor
from stanch.response.runner import Runner
from stanch.response.text_table import Rows
from stanch.response.tools import Timing, Tools

SOURCE = Source(path="playbook.md", line=7)
P1 = Severity(level="P1", name="P1", response_s=300.0, clocks=(), criteria=(), source=SOURCE)


class Crash(BaseException):
    """The process is gone: whoever asks anything of it from now on gets this."""


class CrashPoints:
    """Counts the moments at which a process can end, and ends it at the `at`-th."""

    def __init__(self, at: int | None = None, end: Callable[[], None] | None = None) -> None:
        self.at = at
        self.count = 0
        self.dead = False
        self.names: list[str] = []
        self._end = end

    def reach(self, name: str) -> None:
        if self.dead:
            raise Crash
        self.count += 1
        self.names.append(name)
        if self.count == self.at:
            if self._end is not None:
                self._end()
            self.dead = True
            raise Crash


class CrashingStore:
    """The real store; the process may end before a write reaches it, and after it is durable."""

    def __init__(self, store, points: CrashPoints) -> None:
        self._store = store
        self._points = points

    async def write(self, unit, *, wake=()):
        self._points.reach("before a write")
        value = await self._store.write(unit, wake=wake)
        self._points.reach("after a write")
        return value

    async def read(self, unit):
        if self._points.dead:
            raise Crash
        return await self._store.read(unit)

    def listen(self, *topics):
        return self._store.listen(*topics)


class Cuttable:
    """A store behind a network that can be cut: nothing is answered, or refused after a while."""

    def __init__(self, store) -> None:
        self._store = store
        self.whole = asyncio.Event()
        self.whole.set()
        self.refuses = False

    async def _pass(self) -> None:
        if not self.whole.is_set() and self.refuses:
            raise Unusable("The database does not answer.")
        await self.whole.wait()

    async def write(self, unit, *, wake=()):
        await self._pass()
        return await self._store.write(unit, wake=wake)

    async def read(self, unit):
        await self._pass()
        return await self._store.read(unit)

    def listen(self, *topics):
        return self._store.listen(*topics)


class World:
    """A folder: `journal` holds one line an effect, and a file a thing that was built."""

    def __init__(self, folder: Path, points: CrashPoints | None = None) -> None:
        self.folder = folder
        self.points = points or CrashPoints()
        folder.mkdir(parents=True, exist_ok=True)

    def note(self, line: str) -> None:
        with (self.folder / "journal").open("a") as journal:
            journal.write(line + "\n")

    def journal(self) -> list[str]:
        path = self.folder / "journal"
        return path.read_text().splitlines() if path.exists() else []

    def count(self, line: str) -> int:
        return self.journal().count(line)

    def state(self, name: str) -> str:
        path = self.folder / name
        return path.read_text() if path.exists() else "absent"

    def put(self, name: str, state: str) -> None:
        (self.folder / f".{name}").write_text(state)
        (self.folder / f".{name}").replace(self.folder / name)


class Build:
    """Builds a thing in two moves, as CREATE INDEX CONCURRENTLY does: what is cut in between is left invalid."""

    def __init__(
        self, world: World, name: str = "build", *, risk: Risk = Risk.MUTATING, remedy: Remedy = Remedy.UNDO_AND_ASK
    ) -> None:
        self.world = world
        self.name = name
        self.risk = risk
        self.remedy = remedy
        self.size = "1"
        self.hang: asyncio.Event | None = None
        self.built = asyncio.Event()
        self.fail_with: str | None = None
        self.blind = False
        self.verified: list[str] = []

    def thing(self, context) -> str:
        return f"{self.name}-{context.step.key}"

    async def propose(self, context):
        if context.parameters.get("nothing_to_do"):
            return NotApplicable(because="It is there already.")
        return Proposal(
            action=self.name,
            title=f"{self.name} it",
            why="it is missing",
            risk=self.risk,
            parameters={"size": self.size},
            statement=f"{self.name} {self.thing(context)} of size {self.size}",
            undo=f"remove {self.thing(context)}",
            facts=(("size", self.size),),
        )

    async def do(self, context):
        thing, world = self.thing(context), self.world
        world.points.reach(f"{thing}: before the act")
        if self.fail_with is not None:
            raise ActionFailed(self.fail_with)
        world.put(thing, "partial")
        world.note(f"{thing}: begun")
        world.points.reach(f"{thing}: within the act")
        await context.report("building", 1, 2)
        if self.hang is not None:
            await self.hang.wait()
        world.put(thing, "built")
        world.note(f"{thing}: built")
        self.built.set()
        world.points.reach(f"{thing}: after the act")
        return Outcome(text=f"{thing} was built", data={"thing": thing})

    async def verify(self, context):
        state = self.world.state(self.thing(context))
        self.verified.append(state)
        if self.blind:
            return Verified(effect=Effect.CANNOT_TELL, because="there is no way to look")
        match state:
            case "built":
                return Verified(effect=Effect.TOOK_EFFECT, because="it is there")
            case "partial":
                return Verified(effect=Effect.PARTIAL, because="half of it is there", remedy=self.remedy)
            case "building":
                return Verified(effect=Effect.IN_PROGRESS, because="it is being built", done=1, total=2, again_s=0.01)
            case _:
                return Verified(effect=Effect.NO_EFFECT, because="it is not there")

    async def undo(self, context):
        thing = self.thing(context)
        self.world.points.reach(f"{thing}: before the undo")
        self.world.put(thing, "absent")
        self.world.note(f"{thing}: undone")
        self.world.points.reach(f"{thing}: after the undo")
        return Outcome(text=f"{thing} is gone")


class Look(Build):
    """Reads only; leaves a line each time it looked."""

    def __init__(self, world: World) -> None:
        super().__init__(world, "look", risk=Risk.READ_ONLY)

    async def do(self, context):
        self.world.points.reach(f"{context.step.key}: before the look")
        self.world.note(f"{context.step.key}: looked")
        self.world.points.reach(f"{context.step.key}: after the look")
        return Outcome(text="seen")


def rating(*pipeline, risk=Risk.READ_ONLY, traits=()):
    command = " | ".join(" ".join(stage) for stage in pipeline)
    return Rating(command=command, risk=risk, traits=frozenset(traits), pipeline=tuple(map(tuple, pipeline)))


def command(key, *pipeline, risk=Risk.READ_ONLY, traits=(), **more):
    rated = rating(*pipeline, risk=risk, traits=traits)
    return Step(
        key=key,
        type=StepKind.COMMAND,
        text=f"run {key}",
        command=rated.command,
        language="bash",
        rating=rated,
        risk=risk,
        source=SOURCE,
        **more,
    )


def dynamic(key, text, **more):
    """A command that needs a shell."""
    rated = Rating(command=text, risk=Risk.MUTATING, traits=frozenset({Trait.DYNAMIC}))
    return Step(
        key=key, type=StepKind.COMMAND, text=key, command=text, rating=rated, risk=rated.risk, source=SOURCE, **more
    )


def sql(key, text, risk=Risk.READ_ONLY, **more):
    rated = Rating(command=text, risk=risk)
    return Step(
        key=key,
        type=StepKind.COMMAND,
        text=key,
        command=text,
        language="sql",
        rating=rated,
        risk=risk,
        source=SOURCE,
        **more,
    )


def act(key, action="build", **more):
    return Step(key=key, type=StepKind.ACTION, text=f"{action} {key}", action=action, source=SOURCE, **more)


def manual(key, **more):
    return Step(key=key, type=StepKind.MANUAL, text=f"do {key}", source=SOURCE, **more)


def message(key, **more):
    return Step(key=key, type=StepKind.MESSAGE, text=f"tell {key}", source=SOURCE, **more)


def procedure(*steps, **more):
    return Procedure(**{"key": "slow", "name": "Slow database", "steps": steps, "source": SOURCE, **more})


def plan(*procedures, digest="a" * 64):
    return Plan(hash=digest, playbooks=(), facts=(P1, *procedures))


def tell(connection, incident, step, now):
    timeline.append(connection, incident.id, EventKind.NOTE, {"text": f"said: {step.text}"}, now=now)
    return f"queued: {step.text}"


QUICK = Limits(kill_after_s=0.3, drain_s=0.3, show_every_s=0.05, capture_s=0.3)


class Stage:
    """A run in a store, and what tests do with it."""

    def __init__(self, store, folder: Path, *steps, clock=None, points=None, timing=None, **tools) -> None:
        self.real = store
        self.points = points or CrashPoints()
        self.store = store if points is None else CrashingStore(store, points)
        self.clock = clock or SystemClock()
        self.world = World(folder / "world", self.points)
        self.plan = plan(procedure(*steps))
        self.guard = GuardConnector(GuardSettings(state=folder / "guard.json"), self.clock)
        self.actions = {
            "build": Build(self.world),
            "wipe": Build(self.world, "wipe", risk=Risk.DESTRUCTIVE),
            "look": Look(self.world),
            "limit_concurrency": LimitConcurrency(),
        }
        self.keeper = ControlKeeper(store=self.store, clock=self.clock, planes={"guard": self.guard})
        redactor = Redactor(["the-known-secret"])
        self.tools = Tools(
            store=self.store,
            clock=self.clock,
            plans=self._plan,
            executor=Executor(
                clock=self.clock,
                redactor=redactor,
                directory=folder / "work",
                records=folder / "records",
                limits=QUICK,
            ),
            keeper=self.keeper,
            redactor=redactor,
            actions=self.actions,
            timing=timing or Timing(),
            **{"tell": tell, **tools},
        )
        self.incident_id = "1"
        self.run_id = "1.1"
        self.gate: str | None = None

    async def _plan(self, _):
        return self.plan

    async def open(self):
        """Open the incident and start its run, in one transaction."""

        def unit(connection):
            incident = lifecycle.open_by_hand(
                connection,
                title="Slow",
                severity="P1",
                service="booking",
                plan=self.plan,
                now=self.clock.now(),
                by="alice",
            )
            (chosen,) = self.plan.of(Procedure)
            return runs.start(
                connection, incident, chosen, self.plan, now=self.clock.now(), because="a test", gate=self.gate
            )

        run = await self.real.write(unit)
        self.incident_id, self.run_id = run.incident_id, run.id
        return run

    def runner(self, holder="one", *, alone=True):
        return Runner(self.tools, holder=holder, alone=alone)

    @contextlib.asynccontextmanager
    async def running(self, holder="one", *, alone=True, keeper=False) -> AsyncIterator[asyncio.Task]:
        """A runner (and the keeper of controls) at work; a fault of theirs fails the test."""
        tasks = [asyncio.create_task(self.runner(holder, alone=alone).run())]
        if keeper:
            tasks.append(asyncio.create_task(self.keeper.run()))
        try:
            yield tasks[0]
        finally:
            faults = [task.exception() for task in tasks if task.done() and not task.cancelled()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for fault in faults:
                if fault is not None:
                    raise fault

    async def run(self):
        return await self.real.read(lambda connection: runs.get(connection, self.run_id))

    async def step(self, key):
        run = await self.run()
        return next(step for step in run.steps if step.key == key)

    async def until(self, holds, *, within_s=20.0):
        """Wait, on the store's topics, until `holds(run)`; the run then."""
        async with self.real.listen("runs", "timeline", "output") as listener, asyncio.timeout(within_s):
            while not holds(run := await self.run()):
                waiting = asyncio.ensure_future(listener._woken.wait())
                await asyncio.wait({waiting}, timeout=0.5)
                waiting.cancel()
                listener._woken.clear()
            return run

    async def until_step(self, key, state, **how):
        run = await self.until(lambda run: any(s.key == key and s.state is state for s in run.steps), **how)
        return next(step for step in run.steps if step.key == key)

    async def until_over(self, **how):
        return await self.until(lambda run: run.state.is_over, **how)

    async def approve(self, key, *, by="alice", digest=None):
        step = await self.step(key)
        return await self.real.write(
            lambda connection: runs.approve(
                connection,
                self.run_id,
                key,
                digest or step.digest,
                by=by,
                reason="looks right",
                now=self.clock.now(),
            )
        )

    async def do(self, function, *arguments, **named):
        """One of the functions of `runs`, as a unit."""
        named = {"by": "alice", "now": self.clock.now(), **named}
        return await self.real.write(lambda connection: function(connection, self.run_id, *arguments, **named))

    async def answer_everything(self):
        """People who say yes to what is asked, and look at the world where an outcome is not known."""
        async with self.real.listen("runs", "timeline") as listener:
            while True:
                run = await self.run()
                if run.state.is_over:
                    return
                for step in run.steps:
                    with contextlib.suppress(Refused):
                        await self._answer(step)
                waiting = asyncio.ensure_future(listener._woken.wait())
                await asyncio.wait({waiting}, timeout=0.2)
                waiting.cancel()
                listener._woken.clear()

    async def _answer(self, step):
        if step.state is StepState.PROPOSED:
            said = {given.by for given in step.approvals}
            others = [by for by in ("alice", "bob") if by not in said]
            for by in others[: people_missing(step)]:
                await self.approve(step.key, by=by, digest=step.digest)
        elif step.state is StepState.UNKNOWN:
            thing = f"{step.action}-{step.key}"
            if self.world.state(thing) == "built" or self.world.count(f"{step.key}: ran"):
                await self.do(runs.complete, step.key, note="seen by hand")
            else:
                if self.world.state(thing) == "partial":
                    self.world.put(thing, "absent")
                    self.world.note(f"{thing}: undone")
                await self.do(runs.again, step.key, reason="it is not there")

    async def events(self, *kinds):
        found = await self.real.read(lambda connection: timeline.read(connection, self.incident_id))
        return [event for event in found if not kinds or event.kind in kinds]

    async def resolve(self):
        await self.real.write(
            lambda connection: timeline.append(
                connection,
                self.incident_id,
                EventKind.RESOLVED,
                {"because": "clean", "clean_s": 1.0},
                now=self.clock.now(),
            ),
            wake=(lifecycle.TOPIC,),
        )


def answers(*rows, columns=("state", "connections")):
    """A database that always answers the same, as a `Query`."""

    async def query(_):
        return Rows(columns=columns, rows=tuple(rows))

    return query
