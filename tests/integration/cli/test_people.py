"""The command line as three people use it: values, approvals, break-glass, logins and tokens."""

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from integration.web.conftest import Console, served
from integration.web.scene import scene
from stanch.response import runs
from stanch.settings import PersonSettings

PEOPLE = {
    "ann": PersonSettings(),
    "bob": PersonSettings(roles=["Release lead"]),
    "carol": PersonSettings(roles=["Incident commander"]),
}


@pytest.fixture
async def release(tmp_path: Path) -> AsyncIterator[Console]:
    (tmp_path / "releases" / "v2").mkdir(parents=True)
    which = {"playbook": "release.md", "people": PEOPLE}
    async with scene(tmp_path, quiet_s=60.0, fault_s=20.0, **which) as made, served(made) as running:
        await made.burn()
        yield running


class Terminal:
    """Somebody at a terminal of their own: each command is a process."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self.tokens = {"": console.token}

    async def types(self, *words: str, person: str = "") -> tuple[int, str]:
        """The exit status and all that was printed, blanks and line breaks as one blank."""
        address = {"STANCH_URL": self._console.address, "STANCH_TOKEN": self.tokens[person]}
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "stanch", *words,
            stdout=PIPE, stderr=STDOUT, env={**os.environ, **address, "COLUMNS": "200"},
        )  # fmt: skip
        printed, _ = await process.communicate()
        assert process.returncode is not None
        return process.returncode, " ".join(printed.decode().split())


@pytest.fixture
def terminal(release: Console) -> Terminal:
    return Terminal(release)


async def test_three_people_at_their_terminals(release: Console, terminal: Terminal, tmp_path: Path):
    for name in PEOPLE:
        status, printed = await terminal.types("token", "make", name, "--label", "laptop")
        assert status == 0
        terminal.tokens[name] = printed
    status, shown = await terminal.types("run", "show", "1.1", person="ann")
    assert "<release-name> (name)" in shown
    assert "release_name=..." in shown
    status, preview = await terminal.types("run", "fill", "1.1", "release_name=v2", "--preview", person="ann")
    assert (status, "Would run (destructive): rm -r releases/v2" in preview) == (0, True)
    assert "of this machine" in preview.partition(" as: user ")[2]
    status, refused = await terminal.types("run", "fill", "1.1", "release_name=-v2", person="ann")
    assert (status, "read as an option" in refused) == (1, True)
    status, printed = await terminal.types("run", "fill", "1.1", "release_name=v2", person="ann")
    assert (status, "release_name = v2 (typed by ann)" in printed) == (0, True)
    await release.scene.until(lambda rows: runs.get(rows, "1.1").steps[0].digest is not None)
    status, _ = await terminal.types("run", "approve", "1.1", "-r", "x", person="ann")
    assert status == 1
    status, _ = await terminal.types("run", "approve", "1.1", person="bob")
    assert status == 1
    status, printed = await terminal.types("run", "approve", "1.1", "-r", "it breaks booking", person="bob")
    assert (status, "It waits for 1 more person." in printed) == (0, True)
    _, shown = await terminal.types("run", "show", "1.1", person="carol")
    assert "yes from bob, good until" in shown
    assert "Waits for approval (1 more person)" in shown
    status, _ = await terminal.types("run", "approve", "1.1", "-r", "seen it", person="carol")
    assert status == 0
    await release.scene.until(lambda rows: runs.get(rows, "1.1").state == "finished")
    assert list((tmp_path / "releases").iterdir()) == []


async def test_break_glass_is_typed_out(release: Console, terminal: Terminal):
    await terminal.types("run", "fill", "1.1", "release_name=v2")
    await release.scene.until(lambda rows: runs.get(rows, "1.1").steps[0].digest is not None)
    reason = ("--reason", "nobody answers")
    status, printed = await terminal.types("run", "break-glass", "1.1", *reason, "--confirm", "yes")
    assert (status, "type exactly: break glass 1.1" in printed) == (1, True)
    status, printed = await terminal.types("run", "break-glass", "1.1", *reason, "--confirm", "break glass 1.1")
    assert (status, "Approved alone, with an alarm" in printed) == (0, True)


async def test_logins_and_tokens_of_other_people(release: Console, terminal: Terminal):
    status, printed = await terminal.types("login", "maria")
    assert status == 1
    assert "Nobody is called maria" in printed
    status, printed = await terminal.types("login", "maria", "--role", "responder")
    assert (status, printed.startswith(f"{release.address}/login/")) == (0, True)
    status, printed = await terminal.types("token", "make", "maria", "--label", "laptop", "--role", "viewer", "--json")
    terminal.tokens["maria"] = json.loads(printed)["token"]
    status, printed = await terminal.types("incident", "ack", "1", person="maria")
    assert (status, "this needs a responder" in printed) == (1, True)
    status, printed = await terminal.types("token", "list", "--json")
    listed = json.loads(printed)["tokens"]
    (mine,) = [each["digest"] for each in listed if each["person"] == "maria"]
    assert (await terminal.types("token", "revoke", mine[:12]))[0] == 0
    status, printed = await terminal.types("run", "list", person="maria")
    assert (status, "not good" in printed) == (2, True)
