"""Actions that look: recovery watched to the incident's own end, changes listed, findings recorded once."""

from pathlib import Path

from sqlalchemy import insert

from response_stage import Look, Stage, act
from stanch.incidents.recovery import Recovery, Verdict
from stanch.model.finding import Diagnosis, Evidence, Finding, Proposal, RuledOut
from stanch.model.incident import EventKind
from stanch.model.risk import Risk
from stanch.model.run import StepState
from stanch.response.action import Outcome
from stanch.response.actions.review_deploys import ReviewDeploys
from stanch.response.actions.verify_recovery import VerifyRecovery
from stanch.store.engine import Store
from stanch.store.tables import mark

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
