"""Actions that look: recovery watched to the incident's own end, changes listed, findings recorded once."""

from importlib import import_module
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from pydantic import SecretStr
from sqlalchemy import insert

from response_stage import Look, Stage, act
from stanch.connectors.postgres import PostgresConnector, PostgresSettings
from stanch.incidents.recovery import Recovery, Verdict
from stanch.model.finding import Diagnosis, Evidence, Finding, Proposal, RuledOut
from stanch.model.incident import EventKind
from stanch.model.problem import Unusable
from stanch.model.risk import Risk
from stanch.model.run import StepState
from stanch.response.action import Outcome
from stanch.response.actions import NAMES
from stanch.response.actions.diagnose import Diagnose
from stanch.response.actions.review_deploys import ReviewDeploys
from stanch.response.actions.verify_recovery import VerifyRecovery
from stanch.response.tools import Timing
from stanch.store.engine import Store
from stanch.store.tables import mark
from wire import Wire

FINDING = Finding(
    cause="missing_index",
    summary="appointments is read as a whole",
    confidence=0.97,
    subject={"table": "appointments", "columns": ["doctor_id", "appointment_date"]},
    evidence=(Evidence(name="Blocks a call", text="124,590 of 124,590", data={"blocks": 124590}),),
    proposals=(
        Proposal(
            action="create_index",
            title="Build it",
            why="so",
            risk=Risk.MUTATING,
            parameters={"table": "appointments"},
            statement="CREATE INDEX CONCURRENTLY ...",
            undo="DROP INDEX CONCURRENTLY ...",
            facts=(("size", "110 MB"),),
        ),
    ),
)
FOUND = Diagnosis(
    findings=(FINDING,), ruled_out=(RuledOut(cause="lock", because="none waits"),), statements=5, elapsed_s=0.4
)


async def test_verify_recovery_says_what_is_out_of_range_and_ends_with_the_incident(
    store: Store, tmp_path: Path
) -> None:
    stage = Stage(store, tmp_path, act("watch", "verify_recovery"))
    outlook = [
        Recovery(verdict=Verdict.WAITING, because=("p95 is 2.1 s, limit 1 s",), since=None, needed_s=10, clean_s=0)
    ]
    stage.actions["verify_recovery"] = VerifyRecovery(store=store, outlook=lambda _: outlook[0])
    await stage.open()
    async with stage.running():
        await stage.until(lambda run: "p95 is 2.1 s" in run.steps[0].progress.get("text", ""))
        outlook[0] = Recovery(verdict=Verdict.WAITING, because=(), since=1.0, needed_s=10.0, clean_s=4.0)
        run = await stage.until(lambda run: run.steps[0].progress.get("total") == 10.0)
        assert run.steps[0].progress["done"] == 4.0
        assert run.steps[0].state is StepState.STARTED
        await stage.resolve()
        run = await stage.until_over()
    assert run.steps[0].state is StepState.DONE
    assert (run.steps[0].output or "").startswith("Incident 1 is resolved after")


async def test_review_deploys_lists_the_changes_before_the_incident(store: Store, tmp_path: Path) -> None:
    stage = Stage(store, tmp_path, act("deploys", "review_deploys", parameters=(("hours", "2"),)))
    stage.actions["review_deploys"] = ReviewDeploys(store=store)
    await stage.open()
    opened = stage.clock.now()
    changes = [
        {"at": opened - 600, "service": "booking", "text": "deploy", "version": "1.4.0", "previous": "1.3.9"},
        {"at": opened - 3 * 3600, "service": "booking", "text": "old", "version": None, "previous": None},
    ]
    await store.write(
        lambda connection: connection.execute(insert(mark), [{**change, "data": {}} for change in changes]) and None
    )
    async with stage.running():
        run = await stage.until_over()
    lines = (run.steps[0].output or "").splitlines()
    assert len(lines) == 4
    assert "10 min before" in lines[2]
    assert "1.3.9 | 1.4.0" in lines[2]
    assert lines[3] == "(1 row)"


class Returning:
    """A store that does not answer the first read of it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.reads = 0

    async def read(self, unit):
        self.reads += 1
        if self.reads == 1:
            raise Unusable("The database does not answer.")
        return await self._store.read(unit)


async def test_a_look_that_found_its_database_away_is_tried_again(sqlite_store: Store, tmp_path: Path) -> None:
    stage = Stage(sqlite_store, tmp_path, act("deploys", "review_deploys"), timing=Timing(retry_s=0.01))
    stage.actions["review_deploys"] = ReviewDeploys(store=Returning(sqlite_store))
    await stage.open()
    async with stage.running():
        run = await stage.until_over()
    assert (run.steps[0].state, run.steps[0].attempt) == (StepState.DONE, 2)
    (retried,) = await stage.events(EventKind.STEP_RETRIED)
    assert retried.data["because"] == "The database does not answer."


async def test_a_diagnosis_goes_on_when_the_database_is_back(
    sqlite_store: Store, postgres_url: str, tmp_path: Path
) -> None:
    parts = urlsplit(postgres_url)
    assert parts.port is not None
    async with Wire(parts.port) as wire:
        near = urlunsplit(parts._replace(netloc=f"{parts.netloc.rpartition(':')[0]}:{wire.port}"))
        stage = Stage(sqlite_store, tmp_path, act("look", "diagnose"), timing=Timing(retry_s=1.0))
        connector = PostgresConnector(PostgresSettings(url=SecretStr(near)), stage.clock)
        stage.actions["diagnose"] = Diagnose({"main": connector})
        wire.cut("reset")
        await stage.open()
        async with stage.running():
            await stage.until(lambda run: run.steps[0].state is StepState.WAITING and run.steps[0].attempt > 0)
            wire.mend()
            run = await stage.until_over()
        await connector.close()
    assert run.steps[0].state is StepState.DONE
    assert run.steps[0].attempt in {2, 3}
    assert len(await stage.events(EventKind.FINDING)) == 1


async def test_a_database_that_is_not_in_the_settings_any_more_is_not_tried_again(
    sqlite_store: Store, tmp_path: Path
) -> None:
    stage = Stage(sqlite_store, tmp_path, act("look", "diagnose"))
    diagnose = stage.actions["diagnose"] = Diagnose({})

    async def proposing(context):
        del context
        return Proposal(
            action="diagnose",
            title="Look",
            why="so",
            risk=Risk.READ_ONLY,
            parameters={"databases": ["gone"]},
            statement="diagnose gone",
            undo="",
        )

    diagnose.propose = proposing
    await stage.open()
    async with stage.running():
        run = await stage.until_over()
    assert (run.steps[0].state, run.steps[0].attempt) == (StepState.FAILED, 1)


def test_every_action_that_ships_says_whether_twice_is_once() -> None:
    modules = {name: vars(import_module(f"stanch.response.actions.{name}")) for name in NAMES}
    classes = {
        name: [each for each in of.values() if getattr(each, "name", None) == name] for name, of in modules.items()
    }
    assert {name: action.idempotent for name, (action,) in classes.items()} == {
        "create_index": False,
        "diagnose": True,
        "limit_concurrency": True,
        "review_deploys": True,
        "verify_recovery": True,
    }


async def test_review_deploys_says_when_there_was_none(sqlite_store: Store, tmp_path: Path) -> None:
    stage = Stage(sqlite_store, tmp_path, act("deploys", "review_deploys"))
    stage.actions["review_deploys"] = ReviewDeploys(store=sqlite_store)
    await stage.open()
    async with stage.running():
        run = await stage.until_over()
    assert run.steps[0].output == "Stanch knows of no change in the 24 hours before the incident."


class Search(Look):
    """A diagnosis; leaves what the step after it is given."""

    def __init__(self, world, found: Diagnosis) -> None:
        super().__init__(world)
        self.found = found
        self.given: list[tuple[Finding, ...]] = []

    async def do(self, context):
        self.given.append(context.findings)
        await context.record_finding(self.found)
        await context.record_finding(self.found)
        return Outcome(text="searched")


async def test_a_finding_is_on_the_timeline_once_and_the_next_step_is_given_it(store: Store, tmp_path: Path) -> None:
    stage = Stage(store, tmp_path, act("diagnose", "search"), act("after", "again"))
    search = Search(stage.world, FOUND)
    again = Search(stage.world, Diagnosis(findings=(), ruled_out=(), statements=1, elapsed_s=0.1))
    stage.actions |= {"search": search, "again": again}
    await stage.open()
    async with stage.running():
        await stage.until_over()
    assert search.given == [()]
    assert again.given == [(FINDING,)]
    found, nothing = await stage.events(EventKind.FINDING)
    assert found.data["cause"] == "missing_index"
    assert found.data["ruled_out"] == [{"cause": "lock", "because": "none waits"}]
    assert (found.data["statements"], found.data["elapsed_s"]) == (5, 0.4)
    assert found.data["proposals"][0]["statement"] == "CREATE INDEX CONCURRENTLY ..."
    assert nothing.data["cause"] is None
    assert nothing.data["summary"] == "No known cause was found."
