"""Commands with places to fill in, from the question to the process that ran."""

from pathlib import Path

import pytest
from sqlalchemy import insert

from response_stage import Stage, act, command, sql
from stanch.model.incident import EventKind
from stanch.model.plan import Slot
from stanch.model.problem import Refused
from stanch.model.risk import Risk
from stanch.model.run import StepState
from stanch.response import evidence, runs, slots
from stanch.response.evidence import Offer
from stanch.response.text_table import Rows
from stanch.store import tables
from stanch.store.engine import Store

TAG = Slot(name="tag", placeholder="<tag>", type="tag", fill="release.previous")


def touch(key: str, risk: Risk = Risk.MUTATING):
    """A command of ours that leaves its arguments in a file of the working directory."""
    return command(key, ("cp", "--verbose", "from", "image.<tag>"), risk=risk, slots=(TAG,))


async def test_a_command_with_a_place_waits_is_filled_in_approved_and_run_with_the_value(store: Store, tmp_path: Path):
    stage = Stage(store, tmp_path, touch("copy"))
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "from").write_text("it")
    await stage.open()
    async with stage.running():
        step = await stage.until_step("copy", StepState.PROPOSED)
        assert "<tag>" in (step.because or "")
        with pytest.raises(Refused, match="places to fill in: `tag`"):
            await stage.approve("copy")
        with pytest.raises(Refused, match="shells act on"):
            await stage.do(runs.fill, "copy", {"tag": "v1;reboot"})
        assert (await stage.step("copy")).filled == ()
        offered = (Offer(name="tag", value="v1.2", origin="what ran before"),)
        await stage.do(runs.fill, "copy", {"<tag>": "v1.2"}, offered=offered)
        step = await stage.until_step("copy", StepState.PROPOSED)
        assert step.pipeline == (("cp", "--verbose", "from", "image.v1.2"),)
        assert step.statement == "cp --verbose from image.v1.2"
        first = step.digest
        await stage.do(runs.fill, "copy", {"tag": "v1.3"}, by="bob")
        await stage.until(lambda run: run.steps[0].digest not in {None, first})
        with pytest.raises(Refused, match="has changed since you looked"):
            await stage.approve("copy", digest=first)
        await stage.approve("copy")
        done = await stage.until_step("copy", StepState.DONE)
    assert (tmp_path / "work" / "image.v1.3").read_text() == "it"
    assert "image.v1.3" in (done.output or "")
    events = await stage.events(EventKind.STEP_FILLED)
    assert [(event.actor, event.data["values"][0]["origin"]) for event in events] == [
        ("alice", "what ran before"),
        ("bob", "typed by bob"),
    ]
    (begun,) = await stage.events(EventKind.STEP_STARTED)
    assert begun.data["command"] == "cp --verbose from image.v1.3"


async def test_a_yes_is_forgotten_when_a_value_changes(sqlite_store: Store, tmp_path: Path):
    stage = Stage(sqlite_store, tmp_path, touch("wipe", risk=Risk.DESTRUCTIVE))
    await stage.open()
    async with stage.running():
        await stage.until_step("wipe", StepState.PROPOSED)
        await stage.do(runs.fill, "wipe", {"tag": "v1"}, by="carol")
        await stage.until(lambda run: run.steps[0].state is StepState.PROPOSED and run.steps[0].filled != ())
        assert (await stage.approve("wipe", by="alice")).approvals
        await stage.do(runs.fill, "wipe", {"tag": "v2"}, by="carol")
        step = await stage.until_step("wipe", StepState.PROPOSED)
        assert step.approvals == ()


async def test_what_only_reads_goes_by_itself_once_it_is_filled_in(sqlite_store: Store, tmp_path: Path):
    slot = Slot(name="what", placeholder="<what>")
    stage = Stage(sqlite_store, tmp_path, command("say", ("echo", "it is <what>"), slots=(slot,)))
    await stage.open()
    async with stage.running():
        await stage.until_step("say", StepState.PROPOSED)
        await stage.do(runs.fill, "say", {"what": "so, and not so"})
        done = await stage.until_step("say", StepState.DONE)
    assert done.output == "it is so, and not so"


async def test_a_query_is_asked_with_its_value(sqlite_store: Store, tmp_path: Path):
    asked: list[str] = []

    async def query(statement: str) -> Rows:
        asked.append(statement)
        return Rows(columns=("n",), rows=((1,),))

    slot = Slot(name="pid", placeholder="<pid>", type="integer")
    step = sql("look", "SELECT 1 FROM pg_stat_activity WHERE pid = <pid>", slots=(slot,))
    stage = Stage(sqlite_store, tmp_path, step, query=query)
    await stage.open()
    async with stage.running():
        await stage.until_step("look", StepState.PROPOSED)
        with pytest.raises(Refused, match="not a whole number"):
            await stage.do(runs.fill, "look", {"pid": "1 or 1=1"})
        await stage.do(runs.fill, "look", {"pid": "4711"})
        await stage.until_step("look", StepState.DONE)
    assert asked == ["SELECT 1 FROM pg_stat_activity WHERE pid = 4711"]


async def test_a_step_is_filled_in_before_its_turn_and_not_after_it_ended(sqlite_store: Store, tmp_path: Path):
    slot = Slot(name="what", placeholder="<what>")
    steps = (touch("first"), command("second", ("echo", "<what>"), slots=(slot,)))
    stage = Stage(sqlite_store, tmp_path, *steps)
    await stage.open()
    await stage.do(runs.fill, "second", {"what": "x"})
    async with stage.running():
        await stage.until_step("first", StepState.PROPOSED)
        await stage.do(runs.skip, "first", reason="not needed")
        await stage.until_step("second", StepState.DONE)
        await stage.until_over()
    with pytest.raises(Refused, match="finished"):
        await stage.do(runs.fill, "second", {"what": "y"})


async def test_releases_that_stanch_knows_are_offered_with_where_they_come_from(sqlite_store: Store, tmp_path: Path):
    stage = Stage(sqlite_store, tmp_path, touch("copy"))
    run = await stage.open()
    now = stage.clock.now()
    marks = [
        {"at": now - 600.5, "service": "booking", "text": "deploy", "version": "v2.4", "previous": "v2.3", "data": {}},
        {"at": now - 900, "service": "other", "text": "deploy", "version": "v9", "previous": "v8", "data": {}},
        {"at": now - 86_400, "service": "booking", "text": "deploy", "version": "v2.3", "previous": "v2.2", "data": {}},
    ]

    def read(connection):
        connection.execute(insert(tables.mark), marks)
        return evidence.offers(evidence.read(connection, run, now=now), run.steps[0])

    offers = await sqlite_store.write(read)
    assert [offer.value for offer in offers] == ["v2.3", "v2.2"]
    assert "before the change to v2.4 of booking" in offers[0].origin
    assert "10 min before the incident" in offers[0].origin


PLACES = (
    Slot(name="path", placeholder="<PATH>", type="path"),
    Slot(name="n", placeholder="<N>", type="integer"),
)
OPEN_CAP = (("path", "<PATH>"), ("limit", "<N>"), ("for", "10 minutes"))


def cap(*more: Slot, parameters: tuple[tuple[str, str], ...] = OPEN_CAP):
    return act("cap", "limit_concurrency", parameters=parameters, slots=(*PLACES, *more))


async def test_the_parameters_of_an_action_are_filled_in_shown_bound_and_carried_out(store: Store, tmp_path: Path):
    stage = Stage(store, tmp_path, cap())
    await stage.open()
    async with stage.running(keeper=True):
        asked = await stage.until_step("cap", StepState.PROPOSED)
        assert "<PATH>, <N>" in (asked.because or "")
        with pytest.raises(Refused, match="places to fill in"):
            await stage.approve("cap")
        for bad in ({"n": "8 --all"}, {"n": "-8"}, {"path": "../etc"}, {"n": "many"}):
            with pytest.raises(Refused):
                await stage.do(runs.fill, "cap", bad)
        shown = await stage.real.read(lambda rows: slots.preview(slots.filled(
            runs.get(rows, "1.1").steps[0], {"path": "/book", "n": "8"}, by="alice", at=0.0, origins={})))  # fmt: skip
        assert shown.open == ()
        await stage.do(runs.fill, "cap", {"path": "/book", "n": "8"})
        first = await stage.until_step("cap", StepState.PROPOSED)
        assert first.statement == "limit /book to 8 at once for 10 min (guard)"
        assert first.parameters == {"path": "/book", "limit": 8, "seconds": 600.0, "plane": "guard"}
        await stage.do(runs.fill, "cap", {"n": "9"}, by="bob")
        second = await stage.until(lambda run: run.steps[0].digest not in {None, first.digest})
        assert second.steps[0].statement == "limit /book to 9 at once for 10 min (guard)"
        with pytest.raises(Refused, match="has changed since you looked"):
            await stage.approve("cap", digest=first.digest)
        await stage.approve("cap")
        done = await stage.until_step("cap", StepState.DONE)
    assert (done.output or "").startswith("/book limited to 9 at once")
    (control,) = await stage.guard.in_force()
    assert (control.path, control.limit) == ("/book", 9)


async def test_what_no_parameter_of_an_action_takes_is_a_persons(store: Store, tmp_path: Path):
    stage = Stage(store, tmp_path, cap(Slot(name="host", placeholder="<HOST>", type="host")))
    await stage.open()
    async with stage.running():
        asked = await stage.until_step("cap", StepState.PROPOSED)
        assert runs.is_by_hand(asked)
        assert "takes nothing for <HOST>" in (asked.because or "")
    assert await stage.guard.in_force() == ()


async def test_a_secret_is_put_into_no_parameter(store: Store, tmp_path: Path):
    slot = Slot(name="api_token", placeholder="<API_TOKEN>", type="text")
    stage = Stage(store, tmp_path, cap(slot, parameters=(*OPEN_CAP, ("plane", "<API_TOKEN>"))))
    await stage.open()
    async with stage.running():
        asked = await stage.until_step("cap", StepState.PROPOSED)
        assert runs.is_by_hand(asked)
        assert "<API_TOKEN> asks for a secret" in (asked.because or "")
