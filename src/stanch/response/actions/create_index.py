"""Build the index that the diagnosis proposes, without stopping writes, and assert that it is valid.

Parameters: `cap_path` and `cap_limit` let only so many requests of a path run at once while it builds, on the data
plane `plane`; the cap is part of what is approved, and is lifted when the build is over. `columns` chooses among
several proposed indexes.

The server builds on when Stanch is killed or the step is cut: verification then finds the build in the server's
progress view and follows it. An invalid index that a failed build left is dropped.
"""

import asyncio
import contextlib
import re
from collections.abc import Mapping
from typing import Any

import psycopg

from stanch.connectors.postgres import BuildFailed, IndexState, PostgresConnector
from stanch.diagnosis import ddl
from stanch.diagnosis.estimate import duration_text
from stanch.model.finding import Finding, Proposal
from stanch.model.postgres import Build, IndexShape
from stanch.model.problem import StanchError
from stanch.model.risk import Risk
from stanch.response.action import ActionContext, ActionFailed, Effect, NotApplicable, Outcome, Verified

LOOK_EVERY_S = 0.5
CAP_S = 1800.0
"""The longest that a cap outlives a build that nobody watches any more."""
_CAP = "cap"
_LONG_TRANSACTION_S = 300.0
# How far a build is when a phase begins and ends, in percent; measured on a table of 5 million rows.
_PHASES: Mapping[str, tuple[int, int]] = {
    "initializing": (0, 0),
    "waiting for writers before build": (0, 2),
    "building index": (2, 50),
    "building index: scanning table": (2, 40),
    "building index: sorting live tuples": (40, 50),
    "building index: loading tuples in tree": (50, 60),
    "waiting for writers before validation": (60, 62),
    "index validation: scanning index": (62, 68),
    "index validation: sorting tuples": (68, 70),
    "index validation: scanning table": (70, 97),
    "waiting for old snapshots": (97, 99),
}


class CreateIndex:
    """CREATE INDEX CONCURRENTLY with a cap on the load, progress, an assertion and an undo.

    `plane` names the data plane that caps where the playbook does not say.
    """

    name = "create_index"
    risk = Risk.MUTATING
    idempotent = False  # a build that failed has held up the table once; whether it is to be tried again is for people

    def __init__(self, databases: Mapping[str, PostgresConnector], *, plane: str = "guard") -> None:
        self._databases = databases
        self._plane = plane

    # --- the proposal ---

    async def propose(self, context: ActionContext) -> Proposal | NotApplicable:
        found = _proposed(context.findings, context.parameters)
        if isinstance(found, NotApplicable):
            return found
        cap = _cap(context.parameters, self._plane)
        parameters = {**found.parameters, "cap": cap}
        database = self._database(parameters)
        state = await _look(database, parameters)
        if not state.table_exists:
            return NotApplicable(because=f"The table {_table(parameters)} is not there any more.")
        if _is_built(state, parameters):
            return NotApplicable(because=f"The index {parameters['index']} is there and valid: somebody built it.")
        if state.taken and (state.valid or not state.on_table or state.columns != tuple(parameters["columns"])):
            raise ActionFailed(
                f"The name {parameters['index']} is taken by something else. Nothing was changed; build it by hand."
            )
        parameters["replaces_invalid"] = state.taken and state.build is None
        return Proposal(
            action=self.name,
            title=found.title,
            why=found.why,
            risk=self.risk,
            parameters=parameters,
            statement=_statement(parameters),
            undo=ddl.drop_index(parameters["schema"], parameters["index"]),
            facts=(*found.facts, *_waits(state), *_cap_facts(cap)),
            acts_as=f"PostgreSQL role {database.builder().role}",
        )

    def _database(self, parameters: Mapping[str, Any]) -> PostgresConnector:
        name = parameters.get("database")
        if name is None and len(self._databases) == 1:
            return next(iter(self._databases.values()))
        database = self._databases.get(str(name))
        if database is None:
            raise ActionFailed(f"The proposal is about the database `{name}`, which the settings do not have.")
        return database

    # --- the act ---

    async def do(self, context: ActionContext) -> Outcome:
        parameters = context.parameters
        database = self._database(parameters)
        state = await _look(database, parameters)
        if _is_built(state, parameters):
            return Outcome(text=f"The index {parameters['index']} was there and valid already.")
        if state.build is not None:
            raise ActionFailed(f"It is being built by process {state.build.pid} already. That build goes on.")
        for name, text in _waits(state):
            await context.report(f"{name}: {text}")
        await _apply_cap(context)
        try:
            took_s = await self._build(context, database)
        except asyncio.CancelledError:
            # The server builds on, and the cap with it: verification lifts it when that build is over.
            raise
        except BaseException:
            await _lift_cap(context, "The build failed.")
            raise
        await _lift_cap(context, "The index is built.")
        return Outcome(
            text=f"The index {parameters['index']} is built and valid, after {duration_text(took_s)}.",
            data={"index": parameters["index"], "took_s": round(took_s, 3), "valid": True},
        )

    async def _build(self, context: ActionContext, database: PostgresConnector) -> float:
        """Build and watch; assert that the index is valid, and drop it where it is not. Seconds it took."""
        parameters, clock = context.parameters, context.clock
        index = parameters["index"]
        builder = database.builder()
        begun = clock.monotonic()
        if parameters["replaces_invalid"]:
            await context.report(f"Dropping the invalid index {index}.")
            await self._drop(database, parameters, "It could not be dropped")
        building = asyncio.ensure_future(builder.create(ddl.create_index(_shape(parameters), index), index))
        watching = asyncio.ensure_future(_watch(context, database))
        try:
            await building
        except BuildFailed as failed:
            left = await self._clean_up(context, database, failed.because)
            raise ActionFailed(f"PostgreSQL ended the build of {index}: {failed.because}. {left}") from failed
        finally:
            watching.cancel()
            building.cancel()
            await asyncio.gather(watching, building, return_exceptions=True)
        state = await _look(database, parameters)
        if not state.valid:
            left = await self._clean_up(context, database, "the index is invalid")
            raise ActionFailed(f"The build of {index} ended and left it invalid. {left}")
        return clock.monotonic() - begun

    async def _clean_up(self, context: ActionContext, database: PostgresConnector, because: str) -> str:
        """Drop what a failed build left: writes would maintain it, and no query would use it. What was done."""
        index = context.parameters["index"]
        state = await _look(database, context.parameters)
        if not state.on_table or state.valid or state.build is not None:
            return "It left nothing behind."
        await context.report(f"The build failed: {because}. Dropping what is left of {index}.")
        await self._drop(database, context.parameters, f"The build failed ({because}) and its remains stayed")
        return "What was left of it was dropped."

    async def _drop(self, database: PostgresConnector, parameters: Mapping[str, Any], failing: str) -> None:
        drop = ddl.drop_index(parameters["schema"], parameters["index"])
        try:
            await database.builder().drop(drop)
        except BuildFailed as failed:
            raise ActionFailed(f"{failing}: {failed.because}. Run by hand: {drop}") from failed

    # --- what came of it ---

    async def verify(self, context: ActionContext) -> Verified:
        parameters = context.parameters
        state = await _look(self._database(parameters), parameters)
        verified = _verified(state, parameters)
        if verified.effect in {Effect.TOOK_EFFECT, Effect.NO_EFFECT, Effect.PARTIAL}:
            # The cap was approved for as long as the index builds; where lifting it fails, the keeper tries on.
            with contextlib.suppress(ActionFailed):
                await _lift_cap(context, "The build is over.")
        return verified

    async def undo(self, context: ActionContext) -> Outcome:
        parameters = context.parameters
        database = self._database(parameters)
        await _lift_cap(context, "The index is undone.")
        state = await _look(database, parameters)
        if state.build is not None:
            await self._cancel(context, database, state.build)
            state = await _look(database, parameters)
        if not state.taken:
            return Outcome(text=f"There is no index {parameters['index']} to drop.")
        if not state.on_table or state.columns != tuple(parameters["columns"]):
            raise ActionFailed(f"{parameters['index']} is not the index that was built. It was left alone.")
        await self._drop(database, parameters, "It could not be dropped")
        return Outcome(text=f"The index {parameters['index']} was dropped.")

    async def _cancel(self, context: ActionContext, database: PostgresConnector, build: Build) -> None:
        index = context.parameters["index"]
        if not await database.builder().cancel(build.pid, index):
            raise ActionFailed(
                f"Process {build.pid} is building {index} and is not ours to end. Nothing was changed; "
                f"end it there, or wait for it."
            )
        while (await _look(database, context.parameters)).build is not None:
            await context.clock.sleep(LOOK_EVERY_S)


def _proposed(findings: tuple[Finding, ...], parameters: Mapping[str, Any]) -> Proposal | NotApplicable:
    """The newest proposal of an index; of several in one finding, the one on the columns that the step names."""
    named = str(parameters.get("columns") or "")
    columns = re.findall(r"\w+", named.replace(" and ", " "))
    for finding in reversed(findings):
        proposals = [each for each in finding.proposals if each.action == CreateIndex.name]
        for proposal in proposals:
            if not columns or proposal.parameters["columns"] == columns:
                return proposal
    if columns:
        return NotApplicable(because=f"The diagnosis proposes no index on {ddl.columns_text(columns)}.")
    return NotApplicable(because="The diagnosis proposes no index.")


def _cap(parameters: Mapping[str, Any], plane: str) -> dict[str, Any] | None:
    path, limit = parameters.get("cap_path"), parameters.get("cap_limit")
    if path is None and limit is None:
        return None
    if path is None or limit is None:
        raise ActionFailed("The step caps the load, and does not say both the path and how many requests at once.")
    number = int(str(limit)) if str(limit).isdecimal() else 0
    if not str(path).startswith("/") or number < 1:
        raise ActionFailed(f"The step caps `{path}` at `{limit}`, which is no path and no whole number from 1.")
    return {"path": str(path), "limit": number, "plane": str(parameters.get("plane", plane))}


def _cap_facts(cap: Mapping[str, Any] | None) -> tuple[tuple[str, str], ...]:
    if cap is None:
        return ()
    longest = duration_text(CAP_S)
    return (("Load", f"{cap['path']} is capped at {cap['limit']} at once while it builds, for {longest} at most"),)


def _statement(parameters: Mapping[str, Any]) -> str:
    """All that will be done, as it is approved."""
    index, cap = parameters["index"], parameters["cap"]
    lines = []
    if cap is not None:
        lines.append(f"-- {cap['path']} limited to {cap['limit']} requests at once while it builds ({cap['plane']})")
    if parameters["replaces_invalid"]:
        lines.append(f"{ddl.drop_index(parameters['schema'], index)};")
    lines.append(ddl.create_index(_shape(parameters), index))
    return "\n".join(lines)


def _shape(parameters: Mapping[str, Any]) -> IndexShape:
    return IndexShape(schema=parameters["schema"], table=parameters["table"], columns=tuple(parameters["columns"]))


def _table(parameters: Mapping[str, Any]) -> str:
    return f"{parameters['schema']}.{parameters['table']}"


def _is_built(state: IndexState, parameters: Mapping[str, Any]) -> bool:
    return state.valid and state.on_table and state.columns == tuple(parameters["columns"])


def _waits(state: IndexState) -> tuple[tuple[str, str], ...]:
    """What a concurrent build will wait for: it cannot end before transactions that are older than it."""
    if not state.elders:
        return ()
    oldest = state.elders[0]
    text = (
        f"{len(state.elders)} transaction(s) have long been open, the oldest for {duration_text(oldest.age_s)} "
        f"(process {oldest.pid}, {oldest.application or 'no name'}, {oldest.state}): the build waits for their end"
    )
    if oldest.age_s >= _LONG_TRANSACTION_S:
        text += "; end it first if nobody needs it"
    return (("Old transactions", text),)


async def _look(database: PostgresConnector, parameters: Mapping[str, Any]) -> IndexState:
    try:
        return await database.index_state(parameters["schema"], parameters["table"], parameters["index"])
    except psycopg.Error as error:
        raise ActionFailed(
            f"The database could not be asked about {parameters['index']}: {str(error).strip()}"
        ) from error


async def _apply_cap(context: ActionContext) -> None:
    cap = context.parameters["cap"]
    if cap is not None:
        await context.controls.apply(
            plane=cap["plane"],
            text=f"{cap['path']} limited to {cap['limit']} at once while {context.parameters['index']} builds",
            parameters={"kind": "limit_concurrency", "path": cap["path"], "limit": cap["limit"]},
            seconds=CAP_S,
            name=_CAP,
        )


async def _lift_cap(context: ActionContext, because: str) -> None:
    if context.parameters.get("cap") is not None:
        await context.controls.undo(because=because, name=_CAP)


async def _watch(context: ActionContext, database: PostgresConnector) -> None:
    """Report how far the build is. A look that fails is left out: the build itself tells how it ends."""
    while True:
        await context.clock.sleep(LOOK_EVERY_S)
        with contextlib.suppress(ActionFailed, StanchError):
            state = await _look(database, context.parameters)
            if state.build is not None:
                await context.report(*progress(state.build))


def progress(build: Build) -> tuple[str, float, float]:
    """How far a build is: a sentence, and percent of a hundred."""
    begin, end = _PHASES.get(build.phase, (0, 0))
    share, counted = 0.0, ""
    if build.lockers_total and "waiting" in build.phase:
        share = build.lockers_done / build.lockers_total
        counted = f", {build.lockers_done} of {build.lockers_total} transactions"
        if build.locker_pid is not None:
            counted += f", now process {build.locker_pid}"
    elif build.blocks_total:
        share = build.blocks_done / build.blocks_total
        counted = f", {build.blocks_done:,} of {build.blocks_total:,} blocks"
    elif build.tuples_total:
        share = build.tuples_done / build.tuples_total
        counted = f", {build.tuples_done:,} of {build.tuples_total:,} rows"
    return f"{build.phase}{counted}", round(begin + (end - begin) * min(1.0, share), 1), 100.0


def _verified(state: IndexState, parameters: Mapping[str, Any]) -> Verified:
    index = parameters["index"]
    if state.taken and (not state.on_table or state.columns != tuple(parameters["columns"])):
        return Verified(effect=Effect.CANNOT_TELL, because=f"{index} is there and is not the index that was proposed.")
    if state.valid:
        return Verified(effect=Effect.TOOK_EFFECT, because=f"The index {index} is valid.")
    if state.build is not None:
        text, done, total = progress(state.build)
        return Verified(
            effect=Effect.IN_PROGRESS,
            because=f"Process {state.build.pid} is building {index}: {text}.",
            done=done,
            total=total,
            again_s=LOOK_EVERY_S,
        )
    if state.hidden_build:
        return Verified(
            effect=Effect.CANNOT_TELL,
            because=f"An index is being built that the reading role may not see; it may be {index}. "
            "Grant the role pg_monitor.",
        )
    if state.taken:
        return Verified(effect=Effect.PARTIAL, because=f"The index {index} is there and invalid, and nobody builds it.")
    return Verified(effect=Effect.NO_EFFECT, because=f"There is no index {index}, and nobody builds it.")
