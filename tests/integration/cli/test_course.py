"""A second procedure, a choice and a step done by hand, on the command line; each command is a process."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from integration.cli.test_people import Terminal
from integration.web.conftest import Console, served
from integration.web.scene import scene
from stanch.model.run import StepState
from stanch.response import runs


@pytest.fixture
async def ways(tmp_path: Path) -> AsyncIterator[Console]:
    """An incident whose run waits for a choice."""
    (tmp_path / "door").write_text("open")
    async with scene(tmp_path, quiet_s=60.0, fault_s=20.0, playbook="ways.md") as made, served(made) as running:
        await made.burn()
        yield running


async def test_a_procedure_is_begun_by_name_and_only_once(ways: Console):
    terminal = Terminal(ways)
    status, printed = await terminal.types("run", "start", "1", "the way back", "-r", "the door is closed")
    assert (status, printed.split(".")[0]) == (0, "Started: The way back, as run 1")
    status, printed = await terminal.types("run", "start", "1", "the way back")
    assert status == 1
    assert "'The way back' is going on already, as run 1.2." in printed
    status, printed = await terminal.types("run", "start", "1", "no such", "--json")
    assert status == 1
    assert "There are: A slow release; The way back." in printed


async def test_a_way_is_chosen_taken_over_and_reported(ways: Console):
    terminal = Terminal(ways)
    run = await ways.scene.store.read(lambda rows: runs.get(rows, "1.1"))
    first = run.steps[0].key
    assert await terminal.types("run", "choose", "1.1", first, "-r", "quicker") == (0, "Chosen: chmod 600 door")
    await ways.scene.until(lambda rows: runs.get(rows, "1.1").steps[0].acts_as is not None)
    status, printed = await terminal.types("run", "show", "1.1")
    assert (status, "of this machine" in printed.partition("as: user ")[2][:40]) == (0, True)
    assert await terminal.types("run", "take", "1.1") == (0, "Yours now: chmod 600 door")
    status, printed = await terminal.types("run", "complete", "1.1", "-r", "closed on the host", "--json")
    assert status == 0
    step = json.loads(printed)["run"]["steps"][0]
    assert (step["state"], step["output"], step["acts_as"]) == (StepState.DONE, "closed on the host", None)
