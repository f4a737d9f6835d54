"""The index is built on a real server: capped, watched, asserted; killed in the middle, left invalid, undone."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import psycopg
import pytest

from response_stage import Stage, act, plan, procedure
from stanch.connectors.postgres.indexes import application
from stanch.diagnosis import ddl
from stanch.diagnosis.search import search
from stanch.model.clock import SystemClock
from stanch.model.finding import Finding, Proposal
from stanch.model.incident import EventKind
from stanch.model.postgres import IndexShape
from stanch.model.problem import Refused
from stanch.model.risk import Risk
from stanch.model.run import StepState
from stanch.response.action import ActionContext, ActionFailed, Effect, NotApplicable
from stanch.response.actions.create_index import CreateIndex
from stanch.response.actions.diagnose import Diagnose
from stanch.store.engine import Store

SHAPE = IndexShape(schema="public", table="appointments", columns=("doctor_id", "appointment_date"))
INDEX = "appointments_doctor_id_appointment_date_idx"
CAP = {"cap_path": "/appointments", "cap_limit": "2"}


class Ledger:
    """Controls of one step, written down in the order of what happened to them."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    async def apply(self, *, plane, text, parameters, seconds, name=""):
        assert INDEX in text
        assert parameters == {"kind": "limit_concurrency", "path": "/appointments", "limit": 2}
        assert 0 < seconds <= 3600
        self.lines.append(f"applied {name} on {plane}")

    async def undo(self, *, because, name=""):
        if self.lines and self.lines[-1].startswith("applied"):
            self.lines.append(f"lifted {name}: {because}")

    async def holds(self):
        return bool(self.lines) and self.lines[-1].startswith("applied")


class Step:
    """One create_index step: its context, what it reported, and its controls."""

    def __init__(self, action: CreateIndex, findings: tuple[Finding, ...], **parameters: object) -> None:
        self.action = action
        self.controls = Ledger()
        self.reports: asyncio.Queue[tuple[str, float | None, float | None]] = asyncio.Queue()
        self.context = ActionContext(
            incident=None,
            plan=plan(),
            run_id="1.1",
            step=None,
            parameters=dict(parameters),
            clock=SystemClock(),
            findings=findings,
            report=self._report,
            record_finding=None,
            controls=self.controls,
        )

    async def _report(self, text, done=None, total=None):
        self.reports.put_nowait((text, done, total))

    async def propose(self) -> Proposal | NotApplicable:
        proposal = await self.action.propose(self.context)
        if isinstance(proposal, Proposal):
            self.context.parameters.clear()
            self.context.parameters.update(proposal.parameters)
        return proposal

    async def do(self):
        return await self.action.do(self.context)

    async def verify(self):
        return await self.action.verify(self.context)

    async def undo(self):
        return await self.action.undo(self.context)


def found(shape: IndexShape = SHAPE, index: str = INDEX) -> tuple[Finding, ...]:
    """What the diagnosis would have said."""
    proposal = Proposal(
        action="create_index",
        title="Create it",
        why="it is missing",
        risk=Risk.MUTATING,
        parameters={"schema": shape.schema, "table": shape.table, "columns": list(shape.columns), "index": index,
                    "replaces_invalid": False},
        statement=ddl.create_index(shape, index),
        undo=ddl.drop_index(shape.schema, index),
    )  # fmt: skip
    return (Finding(cause="missing_index", summary="", confidence=1, subject={}, evidence=(), proposals=(proposal,)),)


@pytest.fixture
async def step(sick) -> AsyncIterator[Step]:
    """A step that was proposed, with a cap."""
    async with sick.connector() as connector:
        made = Step(CreateIndex({"clinic": connector}), found(), **CAP)
        proposal = await made.propose()
        assert isinstance(proposal, Proposal)
        yield made


@contextlib.asynccontextmanager
async def open_transaction(sick) -> AsyncIterator[psycopg.AsyncConnection]:
    """A transaction that has written to the table: a concurrent build waits for its end."""
    async with await psycopg.AsyncConnection.connect(sick.url()) as connection:
        await connection.execute("UPDATE appointments SET status = status WHERE id = 1")
        yield connection


async def until(step: Step, effect: Effect):
    async with asyncio.timeout(20):
        while True:
            verified = await step.verify()
            if verified.effect is effect:
                return verified


async def begun(step: Step) -> None:
    """Wait until the server knows of the build; verification is not asked, since it lifts the cap of what is over."""
    async with asyncio.timeout(20):
        database = step.action._databases["clinic"]
        while (await database.index_state("public", "appointments", INDEX)).build is None:
            pass


@contextlib.asynccontextmanager
async def building(sick, step: Step) -> AsyncIterator[tuple[asyncio.Task, psycopg.AsyncConnection]]:
    """The act under way, and the transaction that holds it up."""
    async with open_transaction(sick) as elder:
        doing = asyncio.create_task(step.do())
        await begun(step)
        try:
            yield doing, elder
        finally:
            doing.cancel()
            await asyncio.gather(doing, return_exceptions=True)


def indexes(sick) -> dict[str, bool]:
    with psycopg.connect(sick.url()) as connection:
        rows = connection.execute(
            "SELECT indexrelid::regclass::text, indisvalid FROM pg_index WHERE indrelid = 'appointments'::regclass"
        ).fetchall()
    return {name: valid for name, valid in rows if name != "appointments_pkey"}


async def test_it_is_built_capped_and_valid(sick, step) -> None:
    async with sick.load(clients=3):
        outcome = await step.do()
    assert indexes(sick) == {INDEX: True}
    assert outcome.data["valid"] is True
    assert step.controls.lines == ["applied cap on guard", "lifted cap: The index is built."]
    assert (await step.verify()).effect is Effect.TOOK_EFFECT


async def test_what_is_approved_says_all_that_will_be_done(sick) -> None:
    async with sick.connector() as connector, open_transaction(sick):
        made = Step(CreateIndex({"clinic": connector}, plane="clinic"), found(), **CAP)
        proposal = await made.propose()
    assert isinstance(proposal, Proposal)
    assert proposal.statement == (
        "-- /appointments limited to 2 requests at once while it builds (clinic)\n"
        "CREATE INDEX CONCURRENTLY appointments_doctor_id_appointment_date_idx "
        "ON public.appointments (doctor_id, appointment_date)"
    )
    assert proposal.undo == "DROP INDEX CONCURRENTLY IF EXISTS public.appointments_doctor_id_appointment_date_idx"
    assert indexes(sick) == {}


async def test_progress_is_reported_while_it_builds(sick, step) -> None:
    async with building(sick, step) as (doing, elder):
        async with asyncio.timeout(10):
            text, done, total = await step.reports.get()
        assert text.startswith("waiting for writers before build")
        assert f"process {elder.info.backend_pid}" in text
        assert 0 <= done <= total == 100
        await elder.commit()
        await doing
    assert indexes(sick) == {INDEX: True}


async def test_a_build_outlives_its_client(sick, step) -> None:
    """The client goes away in the middle; the server builds on, and verification follows it to the end."""
    async with building(sick, step) as (doing, elder):
        doing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await doing
        verified = await step.verify()
        assert verified.effect is Effect.IN_PROGRESS
        assert "is building" in verified.because
        assert verified.total == 100
        assert step.controls.lines == ["applied cap on guard"], "the cap holds as long as the build goes on"
        await elder.commit()
        await until(step, Effect.TOOK_EFFECT)
    assert indexes(sick) == {INDEX: True}
    assert step.controls.lines == ["applied cap on guard", "lifted cap: The build is over."]


async def test_a_build_that_waits_for_the_tables_lock_is_in_progress(sick, step) -> None:
    """Before it has its lock, the progress view does not know of it."""
    async with await psycopg.AsyncConnection.connect(sick.url()) as holder:
        await holder.execute("LOCK TABLE appointments IN SHARE UPDATE EXCLUSIVE MODE")
        doing = asyncio.create_task(step.do())
        await begun(step)
        verified = await step.verify()
        assert "waiting for the table's lock" in verified.because
        await holder.rollback()
        await doing
    assert indexes(sick) == {INDEX: True}


async def test_a_build_that_somebody_cancels_leaves_nothing(sick, step) -> None:
    async with building(sick, step) as (doing, elder):
        cancel = "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE application_name = "
        sick.execute(f"{cancel}'{application(INDEX)}'")
        await until(step, Effect.PARTIAL)
        await elder.commit()  # dropping what is left waits for old transactions as well
        with pytest.raises(ActionFailed, match="What was left of it was dropped"):
            await doing
    assert indexes(sick) == {}
    assert (await step.verify()).effect is Effect.NO_EFFECT
    assert not await step.controls.holds()


async def leave_invalid(sick) -> None:
    """What an interrupted CREATE INDEX CONCURRENTLY leaves behind."""
    connecting = psycopg.AsyncConnection.connect(sick.url(), autocommit=True)
    async with open_transaction(sick), await connecting as builder:
        await builder.execute("SET statement_timeout = '300ms'")
        with pytest.raises(psycopg.errors.QueryCanceled):
            await builder.execute(ddl.create_index(SHAPE, INDEX))
    assert indexes(sick) == {INDEX: False}


async def test_an_invalid_index_that_nobody_builds_is_partial_and_undone(sick, step) -> None:
    await leave_invalid(sick)
    verified = await step.verify()
    assert verified.effect is Effect.PARTIAL
    await step.undo()
    assert indexes(sick) == {}
    assert (await step.verify()).effect is Effect.NO_EFFECT


async def test_an_invalid_index_is_found_and_replaced(sick) -> None:
    await leave_invalid(sick)
    async with sick.connector() as connector:
        async with sick.load():
            diagnosis = await search(connector, SystemClock())
        (finding,) = diagnosis.findings
        assert "is invalid" in finding.summary
        made = Step(CreateIndex({"clinic": connector}), (finding,))
        proposal = await made.propose()
        assert isinstance(proposal, Proposal)
        assert proposal.statement.splitlines() == [
            f"{ddl.drop_index('public', INDEX)};",
            ddl.create_index(SHAPE, INDEX),
        ]
        await made.do()
    assert indexes(sick) == {INDEX: True}


async def test_undo_drops_what_was_built_and_may_be_repeated(sick, step) -> None:
    await step.do()
    assert "was dropped" in (await step.undo()).text
    assert indexes(sick) == {}
    assert "no index" in (await step.undo()).text


async def test_undo_ends_a_build_of_ours_and_clears_up(sick, step) -> None:
    async with building(sick, step) as (doing, elder):
        doing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await doing
        undoing = asyncio.create_task(step.undo())
        await until(step, Effect.PARTIAL)
        await elder.commit()
        await undoing
    assert indexes(sick) == {}


async def test_old_transactions_are_named_before_it_is_approved(sick, monkeypatch) -> None:
    monkeypatch.setattr("stanch.connectors.postgres.indexes.ELDER_S", 0.0)
    async with sick.connector() as connector, open_transaction(sick) as elder:
        proposal = await Step(CreateIndex({"clinic": connector}), found()).propose()
        assert isinstance(proposal, Proposal)
        told = dict(proposal.facts)["Old transactions"]
        assert f"process {elder.info.backend_pid}" in told
        assert "idle in transaction" in told


@pytest.mark.parametrize(
    ("before", "said"),
    [
        (f"CREATE INDEX {INDEX} ON appointments (doctor_id, appointment_date)", "there and valid"),
        ("DROP TABLE appointments", "not there any more"),
    ],
)
async def test_nothing_is_proposed_where_nothing_is_to_do(sick, before, said) -> None:
    sick.execute(before, role="clinic")
    async with sick.connector() as connector:
        proposal = await Step(CreateIndex({"clinic": connector}), found()).propose()
    assert isinstance(proposal, NotApplicable)
    assert said in proposal.because


@pytest.mark.parametrize(
    "taken", [f"CREATE VIEW {INDEX} AS SELECT 1", f"CREATE INDEX {INDEX} ON appointments (status)"]
)
async def test_a_name_that_is_taken_is_left_alone(sick, step, taken) -> None:
    sick.execute(taken, role="clinic")
    with pytest.raises(ActionFailed, match="taken by something else"):
        await Step(step.action, found()).propose()
    assert (await step.verify()).effect is Effect.CANNOT_TELL
    with pytest.raises(ActionFailed, match="left alone"):
        await step.undo()


async def test_a_role_that_may_not_build_is_told_so_and_leaves_nothing(sick) -> None:
    reading = sick.settings().url
    async with sick.connector(apply_url=reading) as connector:
        made = Step(CreateIndex({"clinic": connector}), found(), **CAP)
        await made.propose()
        with pytest.raises(ActionFailed, match="must be owner"):
            await made.do()
    assert indexes(sick) == {}
    assert made.controls.lines[-1] == "lifted cap: The build failed."


async def test_without_a_role_that_may_build_it_is_refused(sick) -> None:
    async with sick.connector(apply_url=None) as connector:
        with pytest.raises(Refused, match="No role is configured"):
            await Step(CreateIndex({"clinic": connector}), found()).propose()


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"cap_path": "/a"}, "both the path and how many"),
        ({"cap_path": "a", "cap_limit": "2"}, "no path"),
        ({"cap_path": "/a", "cap_limit": "0"}, "whole number"),
        ({"cap_path": "/a", "cap_limit": "many"}, "whole number"),
    ],
)
async def test_a_cap_that_cannot_be_meant_is_refused(sick, parameters, said) -> None:
    async with sick.connector() as connector:
        with pytest.raises(ActionFailed, match=said):
            await Step(CreateIndex({"clinic": connector}), found(), **parameters).propose()


async def test_names_that_look_like_sql_are_built_as_names(sick) -> None:
    table, column, index = 'a"; DROP TABLE appointments; --', "x') --", 'i"; --'
    sick.execute(f"CREATE TABLE {ddl.identifier(table)} ({ddl.identifier(column)} int)", role="clinic")
    shape = IndexShape(schema="public", table=table, columns=(column,))
    async with sick.connector() as connector:
        made = Step(CreateIndex({"clinic": connector}), found(shape, index))
        assert isinstance(await made.propose(), Proposal)
        await made.do()
        assert (await made.verify()).effect is Effect.TOOK_EFFECT
        await made.undo()
        assert (await made.verify()).effect is Effect.NO_EFFECT


# --- the whole way, with the runner, a store and the guard ---


@pytest.fixture
async def stage(sick, tmp_path) -> AsyncIterator[Stage]:
    clock = SystemClock()
    async with await Store.open(f"sqlite:///{tmp_path}/stanch.db", clock) as store, sick.connector() as connector:
        made = Stage(store, tmp_path)
        made.plan = plan(
            procedure(act("find", "diagnose"), act("index", "create_index", parameters=tuple(CAP.items())))
        )
        made.actions |= {
            "diagnose": Diagnose({"clinic": connector}),
            "create_index": CreateIndex({"clinic": connector}),
        }
        yield made


async def test_found_approved_built_and_verified(sick, stage) -> None:
    await stage.open()
    async with sick.load(), stage.running(keeper=True):
        proposed = await stage.until_step("index", StepState.PROPOSED)
        assert "limited to 2 requests" in proposed.statement
        await stage.approve("index")
        run = await stage.until_over()
    assert [step.state for step in run.steps] == [StepState.DONE, StepState.DONE]
    assert indexes(sick) == {INDEX: True}
    (finding,) = await stage.events(EventKind.FINDING)
    assert finding.data["subject"]["columns"] == ["doctor_id", "appointment_date"]
    kinds = [event.kind for event in await stage.events(EventKind.CONTROL_APPLIED, EventKind.CONTROL_UNDONE)]
    assert (kinds[0], set(kinds[1:])) == (EventKind.CONTROL_APPLIED, {EventKind.CONTROL_UNDONE})
    assert await stage.guard.in_force() == ()


async def test_stanch_ends_while_it_builds_and_another_takes_it_up(sick, stage) -> None:
    await stage.open()
    async with sick.load(clients=3):
        async with stage.running():
            await stage.until_step("index", StepState.PROPOSED)
        async with open_transaction(sick) as elder:
            async with stage.running():
                await stage.approve("index")
                await stage.until(lambda run: run.steps[1].progress.get("text", "").startswith("waiting for writers"))
            # Nobody watches now; the server waits on for the transaction.
            assert indexes(sick) == {INDEX: False}
            assert [held.limit for held in await stage.guard.in_force()] == [2]
            async with stage.running("two"):
                await elder.commit()
                run = await stage.until_over()
    assert run.steps[1].state is StepState.DONE
    assert indexes(sick) == {INDEX: True}
    assert await stage.guard.in_force() == ()
