"""Whole runs on real stores: what goes by itself, what waits for whom, and what every step leaves behind."""

import asyncio
from pathlib import Path

import pytest

from response_stage import Stage, act, answers, command, dynamic, manual, message, sql
from stanch.incidents import lifecycle, timeline
from stanch.model.incident import EventKind
from stanch.model.plan import Procedure, Slot
from stanch.model.problem import Refused
from stanch.model.risk import Risk, Trait
from stanch.model.run import RunState, StepState
from stanch.response import runs
from stanch.response.principals import Principals
from stanch.response.runner import Runner
from stanch.response.tools import Timing
from stanch.store.engine import Store


async def test_read_only_steps_go_by_themselves_in_order(store: Store, tmp_path: Path) -> None:
    stage = Stage(
        store,
        tmp_path,
        command("one", ("echo", "first")),
        sql("two", "SELECT 1"),
        act("three", "look"),
        message("four"),
        query=answers(("active", 12), ("idle", None)),
    )
    await stage.open()
    async with stage.running():
        run = await stage.until_over()
    assert [step.state for step in run.steps] == [StepState.DONE] * 4
    assert run.state is RunState.FINISHED
    assert run.outcome == "4 done"
    assert run.steps[0].output == "first"
    assert run.steps[1].output == "state  | connections\n-------+------------\nactive |          12\nidle   |\n(2 rows)"
    assert run.steps[2].output == "seen"
    assert run.steps[3].output == "queued: tell four"
    kinds = [(event.kind, event.data.get("step")) for event in await stage.events()]
    told = [kind for kind in kinds if kind[0] in {EventKind.STEP_STARTED, EventKind.STEP_DONE}]
    assert told == [
        (kind, key) for key in ("one", "two", "three", "four") for kind in (EventKind.STEP_STARTED, EventKind.STEP_DONE)
    ]
    assert kinds[-1][0] is EventKind.RUN_FINISHED
    assert await store.read(timeline.verify) == ()


async def test_a_mutating_step_waits_for_one_person_and_is_verified(store: Store, tmp_path: Path) -> None:
    stage = Stage(store, tmp_path, act("index"), command("after", ("echo", "x")))
    await stage.open()
    async with stage.running():
        step = await stage.until_step("index", StepState.PROPOSED)
        assert step.statement == "build build-index of size 1"
        assert step.undo == "remove build-index"
        assert step.facts == (("size", "1"),)
        assert step.parameters == {"size": "1"}
        resting = await stage.until(lambda run: run.holder is None)
        assert resting.steps[1].state is StepState.WAITING
        assert stage.world.journal() == []
        await stage.approve("index")
        run = await stage.until_over()
    assert stage.world.journal() == ["build-index: begun", "build-index: built"]
    assert run.steps[0].state is StepState.DONE
    assert run.steps[0].output == "build-index was built"
    assert run.steps[0].progress["data"] == {"thing": "build-index"}
    assert [event.data["because"] for event in await stage.events(EventKind.STEP_VERIFIED)] == ["it is there"]
    (approved,) = await stage.events(EventKind.STEP_APPROVED)
    assert approved.actor == "alice"
    assert approved.data["digest"] == step.digest


async def test_a_destructive_step_needs_two_different_people(sqlite_store: Store, tmp_path: Path) -> None:
    stage = Stage(sqlite_store, tmp_path, act("tables", "wipe"))
    await stage.open()
    async with stage.running():
        step = await stage.until_step("tables", StepState.PROPOSED)
        assert step.risk is Risk.DESTRUCTIVE
        after = await stage.approve("tables")
        assert after.state is StepState.PROPOSED
        with pytest.raises(Refused, match="alice has said yes already; a destructive step needs 2 different people"):
            await stage.approve("tables")
        assert stage.world.journal() == []
        await stage.approve("tables", by="bob")
        await stage.until_over()
    assert stage.world.count("wipe-tables: built") == 1


async def test_an_approval_of_what_was_proposed_before_is_refused(sqlite_store: Store, tmp_path: Path) -> None:
    stage = Stage(sqlite_store, tmp_path, act("index"))
    await stage.open()
    async with stage.running():
        await stage.until_step("index", StepState.PROPOSED)
        with pytest.raises(Refused, match="has changed since you looked"):
            await stage.approve("index", digest="0" * 64)
    assert (await stage.step("index")).approvals == ()


async def test_a_yes_to_acting_as_one_is_none_to_acting_as_another(sqlite_store: Store, tmp_path: Path) -> None:
    kubeconfig, marker = tmp_path / "config", tmp_path / "work" / "asked"
    kubeconfig.write_text("current-context: staging\n")
    (tmp_path / "work").mkdir()
    kubectl = tmp_path / "work" / "kubectl"
    kubectl.write_text(f"#!/bin/sh\ncat {kubeconfig} >> {marker}\n")
    kubectl.chmod(0o755)
    principals = Principals(environment={"KUBECONFIG": str(kubeconfig)})
    change = command("scale", (str(kubectl), "scale", "deploy/a", "--replicas=9"), risk=Risk.MUTATING)
    stage = Stage(sqlite_store, tmp_path, change, principals=principals)
    await stage.open()
    async with stage.running():
        first = await stage.until_step("scale", StepState.PROPOSED)
        assert first.acts_as == f"kube context staging of {kubeconfig}"
        kubeconfig.write_text("current-context: production\n")
        await stage.approve("scale")
        run = await stage.until(lambda run: run.steps[0].state is StepState.PROPOSED and run.steps[0].asked == 2)
        again = run.steps[0]
        assert not marker.exists()
        assert (again.acts_as, again.approvals) == (f"kube context production of {kubeconfig}", ())
        assert again.because == f"It was approved as {first.acts_as}, and would act now as {again.acts_as}."
        await stage.approve("scale")
        await stage.until_over()
    assert marker.read_text() == "current-context: production\n"
    started = [event for event in await stage.events() if event.kind is EventKind.STEP_STARTED]
    assert [event.data["acts_as"] for event in started] == [again.acts_as]


async def test_what_changed_after_the_approval_is_asked_again(sqlite_store: Store, tmp_path: Path) -> None:
    stage = Stage(sqlite_store, tmp_path, act("index"))
    await stage.open()
    async with stage.running():
        first = await stage.until_step("index", StepState.PROPOSED)
        stage.actions["build"].size = "2"
        await stage.approve("index")
        asked_again = await stage.until(
            lambda run: run.steps[0].state is StepState.PROPOSED and run.steps[0].asked == 2
        )
        step = asked_again.steps[0]
        assert step.because == "What it would do has changed since it was approved."
        assert step.digest != first.digest
        assert step.approvals == ()
        assert step.statement == "build build-index of size 2"
        assert stage.world.journal() == []
        with pytest.raises(Refused, match="has changed"):
            await stage.approve("index", digest=first.digest)
        await stage.approve("index")
        await stage.until_over()
    assert stage.world.count("build-index: built") == 1


async def test_a_yes_that_is_too_old_is_asked_for_again(sqlite_store: Store, tmp_path: Path) -> None:
    stage = Stage(sqlite_store, tmp_path, act("index"))
    await stage.open()
    async with stage.running():
        step = await stage.until_step("index", StepState.PROPOSED)
    an_hour_ago = stage.clock.now() - 3600
    await stage.do(runs.approve, "index", step.digest, reason="", now=an_hour_ago)
    async with stage.running():
        await stage.until(lambda run: run.steps[0].asked == 2)
    step = await stage.step("index")
    assert step.because == "The approval is too old to act on."
    assert stage.world.journal() == []


async def test_a_mutating_command_waits_and_a_shell_is_used_only_where_one_is_needed(
    sqlite_store: Store, tmp_path: Path
) -> None:
    stage = Stage(
        sqlite_store,
        tmp_path,
        command("plain", ("echo", "$(id)"), risk=Risk.MUTATING),
        dynamic("shell", "x=$((40+2)); echo answer $x"),
    )
    await stage.open()
    async with stage.running():
        assert (await stage.until_step("plain", StepState.PROPOSED)).statement == "echo $(id)"
        await stage.approve("plain")
        await stage.until_step("shell", StepState.PROPOSED)
        await stage.approve("shell")
        run = await stage.until_over()
    assert [step.output for step in run.steps] == ["$(id)", "answer 42"]


async def test_a_failed_reading_step_does_not_hold_up_the_rest(sqlite_store: Store, tmp_path: Path) -> None:
    stage = Stage(sqlite_store, tmp_path, command("bad", ("ls", "/nowhere")), command("good", ("echo", "x")))
    await stage.open()
    async with stage.running():
        run = await stage.until_over()
    assert [step.state for step in run.steps] == [StepState.FAILED, StepState.DONE]
    assert run.steps[0].exit_status == 2
    assert run.steps[0].because == "`ls` ended with exit status 2."
    assert "No such file" in (run.steps[0].output or "")
    assert run.outcome == "1 done, 1 failed; failed: run bad"


async def test_a_step_that_failed_can_be_tried_again_and_is_asked_for_anew(sqlite_store: Store, tmp_path: Path) -> None:
    stage = Stage(sqlite_store, tmp_path, act("index"), manual("hold"))
    stage.actions["build"].fail_with = "no room on the disk"
    await stage.open()
    async with stage.running():
        first = await stage.until_step("index", StepState.PROPOSED)
        await stage.approve("index")
        failed = await stage.until_step("index", StepState.FAILED)
        assert failed.because == "no room on the disk it is not there"
        stage.actions["build"].fail_with = None
        await stage.do(runs.again, "index", reason="the disk was grown")
        again = await stage.until_step("index", StepState.PROPOSED)
        assert again.digest != first.digest
        await stage.approve("index")
        done = await stage.until_step("index", StepState.DONE)
    assert done.attempt == 2


async def test_a_manual_step_waits_for_a_person_and_says_why_it_is_theirs(sqlite_store: Store, tmp_path: Path) -> None:
    stage = Stage(
        sqlite_store,
        tmp_path,
        manual("call"),
        command("exec", ("psql",), traits=(Trait.INTERACTIVE,)),
        command("slot", ("echo", "<tag>"), slots=(Slot(name="tag", placeholder="<tag>"),)),
        act("unknown", "reboot_the_moon"),
    )
    await stage.open()
    async with stage.running():
        step = await stage.until_step("call", StepState.PROPOSED)
        assert step.why == "The playbook leaves it to a person."
        await stage.do(runs.complete, "call", note="called the vendor, ticket 17")
        step = await stage.until_step("exec", StepState.PROPOSED)
        assert step.command == "psql"
        assert step.why == "It needs a terminal. Run it yourself."
        await stage.approve("exec")  # a yes to what is done by hand says that it was done
        step = await stage.until_step("slot", StepState.PROPOSED)
        assert step.because == "It has places to fill in (<tag>)."
        await stage.do(runs.skip, "slot", reason="not needed")
        step = await stage.until_step("unknown", StepState.PROPOSED)
        assert step.why == "No action `reboot_the_moon` is configured here."
        await stage.do(runs.complete, "unknown", note="")
        run = await stage.until_over()
    assert [step.state for step in run.steps] == [StepState.DONE, StepState.DONE, StepState.SKIPPED, StepState.DONE]
    assert run.steps[0].output == "called the vendor, ticket 17"
    assert run.steps[2].because == "Skipped by alice: not needed"


async def test_a_manual_step_whose_time_box_passes_is_escalated_once_and_goes_on_waiting(
    sqlite_store: Store, tmp_path: Path
) -> None:
    paged = []

    def escalate(connection, incident, step, now) -> None:
        paged.append(step.key)

    stage = Stage(sqlite_store, tmp_path, manual("call", timebox_s=0.1, owner="DBA"), escalate=escalate)
    await stage.open()
    async with stage.running():
        await stage.until_step("call", StepState.PROPOSED)
        await stage.until(lambda run: run.steps[0].due_at is None and run.holder is None)
        (event,) = await stage.events(EventKind.STEP_ESCALATED)
        assert event.data["owner"] == "DBA"
        assert (await stage.step("call")).state is StepState.PROPOSED
        await stage.do(runs.complete, "call", note="")
        await stage.until_over()
    assert paged == ["call"]


async def test_when_the_incident_resolves_what_waits_for_people_is_let_go(sqlite_store: Store, tmp_path: Path) -> None:
    stage = Stage(sqlite_store, tmp_path, manual("call"), act("index"), command("note", ("echo", "x")))
    await stage.open()
    async with stage.running():
        await stage.until_step("call", StepState.PROPOSED)
        await stage.until(lambda run: run.holder is None)
        await stage.resolve()
        run = await stage.until_over()
    assert [step.state for step in run.steps] == [StepState.SKIPPED, StepState.SKIPPED, StepState.DONE]
    assert run.steps[0].because == "Incident 1 was resolved before it was answered."
    assert [event.data["step"] for event in await stage.events(EventKind.STEP_PROPOSED)] == ["call"]
    assert stage.world.journal() == []


async def test_nothing_to_do_is_skipped_with_its_reason(sqlite_store: Store, tmp_path: Path) -> None:
    stage = Stage(sqlite_store, tmp_path, act("index", parameters=(("nothing_to_do", "yes"),)))
    await stage.open()
    async with stage.running():
        run = await stage.until_over()
    assert run.steps[0].state is StepState.SKIPPED
    assert run.steps[0].because == "It is there already."


async def test_a_stop_ends_what_is_in_flight_and_undoes_what_was_done_the_last_first(
    store: Store, tmp_path: Path
) -> None:
    stage = Stage(store, tmp_path, act("a"), act("b"), act("c"), act("d"))
    await stage.open()
    async with stage.running():
        for key in ("a", "b"):
            await stage.until_step(key, StepState.PROPOSED)
            await stage.approve(key)
            await stage.until_step(key, StepState.DONE)
        stage.actions["build"].hang = asyncio.Event()
        await stage.until_step("c", StepState.PROPOSED)
        await stage.approve("c")
        await stage.until(lambda run: run.steps[2].progress.get("text") == "building")
        await stage.do(runs.stop, reason="wrong procedure", undo=True)
        run = await stage.until_over()
    assert run.state is RunState.STOPPED
    assert [step.state for step in run.steps] == [
        StepState.UNDONE,
        StepState.UNDONE,
        StepState.FAILED,
        StepState.SKIPPED,
    ]
    undone = [line for line in stage.world.journal() if line.endswith("undone")]
    assert undone == ["build-c: undone", "build-b: undone", "build-a: undone"]
    assert {stage.world.state(f"build-{key}") for key in "abc"} == {"absent"}
    assert run.steps[0].because == "The run was stopped by alice: wrong procedure"


async def test_a_stop_without_undo_leaves_what_was_done(sqlite_store: Store, tmp_path: Path) -> None:
    stage = Stage(sqlite_store, tmp_path, act("a"), act("b"))
    await stage.open()
    async with stage.running():
        await stage.until_step("a", StepState.PROPOSED)
        await stage.approve("a")
        await stage.until_step("b", StepState.PROPOSED)
        await stage.do(runs.stop, reason="enough")
        run = await stage.until_over()
    assert [step.state for step in run.steps] == [StepState.DONE, StepState.SKIPPED]
    assert stage.world.state("build-a") == "built"


async def test_a_stop_ends_a_hung_command_with_its_children(sqlite_store: Store, tmp_path: Path) -> None:
    stage = Stage(sqlite_store, tmp_path, command("hang", ("sleep", "300")))
    await stage.open()
    async with stage.running():
        await stage.until_step("hang", StepState.STARTED)
        await stage.do(runs.stop, reason="it hangs")
        run = await stage.until_over()
    assert run.state is RunState.STOPPED
    assert run.steps[0].state is StepState.FAILED
    assert stage.tools.executor.left_over("1.1/hang") == ()


async def test_an_act_cut_by_its_time_box_is_undone_and_fails(sqlite_store: Store, tmp_path: Path) -> None:
    stage = Stage(sqlite_store, tmp_path, act("index", timebox_s=0.2))
    stage.actions["build"].hang = asyncio.Event()
    await stage.open()
    async with stage.running():
        await stage.until_step("index", StepState.PROPOSED)
        await stage.approve("index")
        run = await stage.until_over()
    assert run.steps[0].state is StepState.FAILED
    assert run.steps[0].because == (
        "It did not finish in its time box of 0.2 s. half of it is there What it had done was undone."
    )
    assert stage.world.state("build-index") == "absent"


async def test_a_mutating_command_cut_by_its_time_box_is_unknown_and_a_person_says_what_became_of_it(
    sqlite_store: Store, tmp_path: Path
) -> None:
    stage = Stage(sqlite_store, tmp_path, command("scale", ("sleep", "300"), risk=Risk.MUTATING, timebox_s=0.2))
    await stage.open()
    async with stage.running():
        await stage.until_step("scale", StepState.PROPOSED)
        await stage.approve("scale")
        step = await stage.until_step("scale", StepState.UNKNOWN)
        assert step.because is not None
        assert "Whether it took effect is not known" in step.because
        await stage.do(runs.complete, "scale", note="three replicas are up, password=hunter2pw")
        run = await stage.until_over()
    assert run.steps[0].state is StepState.DONE
    assert run.steps[0].output == "three replicas are up, password=[redacted: secret]"
    assert not any("hunter2pw" in str(event.data) for event in await stage.events())


async def test_an_action_that_breaks_fails_its_step_and_not_the_run(sqlite_store: Store, tmp_path: Path) -> None:
    stage = Stage(sqlite_store, tmp_path, act("look", "look"), command("after", ("echo", "x")))

    async def broken(_) -> None:
        raise KeyError("relname")

    stage.actions["look"].do = broken
    await stage.open()
    async with stage.running():
        run = await stage.until_over()
    assert run.steps[0].state is StepState.FAILED
    assert run.steps[0].because == "`look` broke: KeyError: 'relname'."
    assert run.steps[1].state is StepState.DONE


async def test_secrets_and_floods_never_reach_the_store(store: Store, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"dsn postgresql://app:hunter2pw@db/x the-known-secret\0\n")
    stage = Stage(
        store,
        tmp_path,
        command("secret", ("cat", str(secret))),
        command("flood", ("seq", "1", "400000")),
        sql("rows", "SELECT secret"),
        query=answers(("the-known-secret", "password=hunter2pw")),
    )
    await stage.open()
    async with stage.running():
        run = await stage.until_over()
    assert [step.state for step in run.steps] == [StepState.DONE] * 3
    assert len(run.steps[1].output or "") < 70_000
    assert "bytes left out" in (run.steps[1].output or "")
    everything = repr(run) + repr(await stage.events())
    assert "hunter2pw" not in everything
    assert "the-known-secret" not in everything
    assert b"hunter2pw" not in on_disk(tmp_path)
    assert b"the-known-secret" not in on_disk(tmp_path)


def on_disk(tmp_path: Path) -> bytes:
    """What an SQLite store has written, deleted pages and log included."""
    return b"".join(file.read_bytes() for file in tmp_path.glob("stanch.db*"))


async def test_output_is_on_the_step_while_it_still_runs(sqlite_store: Store, tmp_path: Path) -> None:
    script = "while :; do echo tick; sleep 0.02; done"
    stage = Stage(sqlite_store, tmp_path, command("tail", ("sh", "-c", script)))
    await stage.open()
    async with stage.running():
        run = await stage.until(lambda run: "tick" in (run.steps[0].output or ""))
        assert run.steps[0].state is StepState.STARTED
        await stage.do(runs.stop, reason="seen enough")
        await stage.until_over()


async def test_what_the_playbook_expects_literally_is_looked_for(sqlite_store: Store, tmp_path: Path) -> None:
    stage = Stage(
        sqlite_store,
        tmp_path,
        command("fine", ("echo", "role: master"), expects="`role: master` on the primary"),
        command("wrong", ("echo", "role: slave"), expects="`role: master` on the primary"),
    )
    await stage.open()
    async with stage.running():
        run = await stage.until_over()
    assert [step.state for step in run.steps] == [StepState.DONE, StepState.FAILED]
    assert run.steps[1].because == "Its output does not hold what is expected: `role: master`."


async def test_a_waiting_run_is_held_by_nobody_and_wakes_for_an_approval_at_once(store: Store, tmp_path: Path) -> None:
    stage = Stage(store, tmp_path, act("index"), timing=Timing(lease_s=3600.0))
    await stage.open()
    async with stage.running(alone=False):
        await stage.until_step("index", StepState.PROPOSED)
        run = await stage.until(lambda run: run.holder is None)
        assert run.held_until is None
        await stage.approve("index")
        await stage.until_over(within_s=5.0)


async def test_a_second_start_of_the_same_procedure_is_the_run_that_goes_on(
    sqlite_store: Store, tmp_path: Path
) -> None:
    stage = Stage(sqlite_store, tmp_path, manual("call"))
    first = await stage.open()

    def start(connection):
        (chosen,) = stage.plan.of(Procedure)
        incident = lifecycle.get(connection, "1")
        return runs.start(connection, incident, chosen, stage.plan, now=stage.clock.now(), because="again")

    second = await sqlite_store.write(start)
    assert second.id == first.id
    assert len(await stage.events(EventKind.RUN_STARTED)) == 1


async def test_the_one_place_that_is_free_is_taken_while_the_others_are_busy_for_long(store, tmp_path):
    """More runs than places, and most places hold what takes long: who waits does not wait for those."""
    busy = [Stage(store, tmp_path, command("long", ("sleep", "300"))) for _ in range(7)]
    quick = [Stage(store, tmp_path, command(f"quick-{number}", ("true",))) for number in range(4)]
    for stage in (*busy, *quick):
        await stage.open()
    runner = asyncio.create_task(Runner(busy[0].tools, holder="one", alone=not store.shared, parallel=8).run())
    for stage in quick:
        assert (await stage.until_over(within_s=20.0)).state is RunState.FINISHED
    runner.cancel()
    await asyncio.gather(runner, return_exceptions=True)
