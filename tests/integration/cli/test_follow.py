"""`stanch run show RUN --follow` against a server that is killed and started again in the middle of a step."""

import asyncio
import json
import os
import pty
import signal
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

import server_house
from server_house import House
from waiting import until

PLAYBOOK = """\
# Builds

## Severity levels

| Level | What it means | Acknowledge | Resolve |
|---|---|---|---|
| P1 (Critical) | Nobody can book | 5 minutes | 1 hour |

## Scenarios

### Build it again

Applies to P1.

1. Look at what is there.

   ```bash
   ls parts
   ```

2. Build it.

   ```bash
   sh build.sh
   ```
"""

BUILD = r"""\
printf 'first \033[2J\033]0;owned\007 line\n'
while [ ! -e go ]; do sleep 0.05; done
echo 'second line'
echo 'third line'
echo 'fourth line'
"""


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "wheel").touch()
    (tmp_path / "build.sh").write_text(BUILD)
    async with server_house.house(tmp_path, PLAYBOOK) as made:
        yield made


WAYS = """\
# Doors

## Severity levels

| Level | What it means | Acknowledge | Resolve |
|---|---|---|---|
| P1 (Critical) | Nobody can book | 5 minutes | 1 hour |

## Scenarios

### A door that stands open

Applies to P1.

#### Option A: close the door

```bash
chmod <mode-number> door
```

#### Option B: wait for the cache

1. Call the vendor
"""


class Follower:
    """What a `--follow` has printed so far."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.lines: list[str] = []
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        assert self.process.stdout is not None
        while line := await self.process.stdout.readline():
            self.lines.append(line.decode())

    async def until(self, text: str) -> str:
        """The first line with that text, as soon as there is one."""
        await until(lambda: any(text in line for line in self.lines), within_s=60.0)
        return next(line for line in self.lines if text in line)

    async def ends(self) -> int:
        async with asyncio.timeout(60):
            await self._reading
            return await self.process.wait()


@asynccontextmanager
async def following(house: House, *words: str) -> AsyncIterator[Follower]:
    follower = Follower(await house.starts("run", "show", "1.1", "--follow", *words))
    try:
        yield follower
    finally:
        if follower.process.returncode is None:
            follower.process.kill()
        await follower.ends()


async def test_a_run_is_followed_over_a_killed_server_and_nothing_is_told_twice_or_left_out(house: House):
    server = await house.serve()
    assert (await house.types("incident", "open", "Booking is down", "-s", "P1"))[0] == 0
    async with following(house) as plain, following(house, "--json") as script:
        await plain.until("--digest")
        question = next(line for line in plain.lines if "stanch run approve" in line)
        assert any("  | wheel" in line for line in plain.lines)
        status, said = await house.types(*question.split()[1:])
        assert status == 0, said
        await plain.until("first")
        await script.until("first")
        server.kill()
        await server.wait()
        await house.serve()
        (house.directory / "go").touch()
        assert await plain.ends() == 0
        assert await script.ends() == 0
    printed = "".join(plain.lines)
    for line in ("| wheel", "second line", "third line", "fourth line", "Run 1.1 is finished: 2 done"):
        assert printed.count(line) == 1, printed
    assert all(ord(character) >= 32 or character == "\n" for character in printed)
    assert "Waits for approval (1 more person)" in printed
    messages = [json.loads(line) for line in script.lines]
    told = [each["seq"] for each in messages if each["type"] == "event"]
    assert told == sorted(set(told))
    build = next(step for step in (await house.run())["steps"] if "build" in step["command"])
    lines = [line for each in messages if each["type"] == "output" and each["step"] == build["key"]
             for line in each["lines"]]  # fmt: skip
    assert "\n".join(lines) == build["output"]
    assert [each["type"] for each in messages].count("question") == 1
    assert messages[-1]["type"] == "end"
    timeline = json.loads((await house.types("incident", "show", "1", "--json"))[1])["timeline"]
    assert told == [each["seq"] for each in timeline if each["data"].get("run") == "1.1"]


async def test_ctrl_c_leaves_the_run_going_and_says_so(house: House):
    await house.serve()
    await house.types("incident", "open", "Booking is down", "-s", "P1")
    follower = await house.starts("run", "show", "1.1", "--follow")
    assert follower.stdout is not None
    async with asyncio.timeout(60):
        while b"--digest" not in await follower.stdout.readline():
            pass
        follower.send_signal(signal.SIGINT)
        _, said = await follower.communicate()
    assert follower.returncode == 130
    assert "The run goes on." in said.decode()
    assert (await house.run())["state"] == "running"


async def test_a_stopped_run_and_one_that_is_not_there_say_so_by_their_status(house: House):
    await house.serve()
    await house.types("incident", "open", "Booking is down", "-s", "P1")
    async with following(house) as follower:
        await follower.until("--digest")
        await house.types("run", "stop", "1.1", "--reason", "it is the other one")
        assert await follower.ends() == 3
    status, said = await house.types("run", "show", "9.9", "--follow")
    assert (status, "There is no run 9.9" in said) == (1, True)


async def test_on_a_terminal_questions_stand_out_and_what_commands_print_cannot_act(house: House):
    await house.serve()
    await house.types("incident", "open", "Booking is down \x1b[2J now", "-s", "P1")
    ours, theirs = pty.openpty()
    follower = await house.starts("run", "show", "1.1", "--follow", stdout=theirs, env={**os.environ, "TERM": "xterm"})
    os.close(theirs)
    shown = b""
    while b"--digest" not in shown:
        shown += await asyncio.wait_for(asyncio.to_thread(os.read, ours, 65536), 60)
    follower.kill()
    await follower.wait()
    os.close(ours)
    assert b"\x1b[1mWaits for approval" in shown
    assert b"\x1b[2J" not in shown


async def test_every_question_is_answered_by_the_command_that_stands_with_it(tmp_path: Path):
    (tmp_path / "door").touch(mode=0o644)
    async with server_house.house(tmp_path, WAYS) as house:
        await house.serve()
        await house.types("incident", "open", "The door is open", "-s", "P1")
        async with following(house) as follower:
            choose = await follower.until("stanch run choose")
            assert "Option A: close the door" in choose
            status, said = await house.types(*choose.partition("    ")[0].split()[1:])
            assert status == 0, said
            fill = await follower.until("stanch run fill")
            status, said = await house.types(*fill.replace("=...", "=600").split()[1:])
            assert status == 0, said
            approve = await follower.until("stanch run approve")
            status, said = await house.types(*approve.split()[1:])
            assert status == 0, said
            assert await follower.ends() == 0
        printed = "".join(follower.lines)
        assert (tmp_path / "door").stat().st_mode & 0o777 == 0o600
        assert "To decide: Which of these" in printed
        assert "chmod 600 door" in printed
        assert "1 done, 1 skipped" in printed
