"""Real processes and SIGKILL: at every kind of transition, and at moments of its own choosing."""

import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import response_invariants
from response_lives import steps
from response_stage import Stage
from stanch.model.clock import SystemClock
from stanch.store.engine import Store

TESTS = Path(__file__).parents[2]


class Lives:
    """The process that forks lives; imported once, so that a life costs milliseconds."""

    def __init__(self) -> None:
        path = os.pathsep.join([str(TESTS), str(TESTS.parent / "src")])
        self._process = subprocess.Popen(
            [sys.executable, str(TESTS / "response_lives.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": path},
        )

    def live(self, folder: Path, at: int, *, kill_after_s: float = 0.0, url: str | None = None) -> int:
        """One life; how it ended: 0 with the run over, -9 killed. Without a `url` its store is in the folder."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        folder.mkdir(exist_ok=True)
        self._process.stdin.write(f"{folder} {url or store_in(folder)} {at} {kill_after_s}\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline().split()[1])

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(30)


@pytest.fixture(scope="module")
def lives() -> Iterator[Lives]:
    opened = Lives()
    try:
        yield opened
    finally:
        opened.close()


def store_in(folder: Path) -> str:
    return f"sqlite:///{folder}/stanch.db"


async def hold(folder: Path, url: str | None = None) -> None:
    async with await Store.open(url or store_in(folder), SystemClock()) as store:
        stage = Stage(store, folder, *steps(folder))
        await response_invariants.hold(stage)
        for step in (await stage.run()).steps:
            assert stage.tools.executor.left_over(f"1.1/{step.key}") == ()


async def test_a_life_without_a_kill_ends_well(lives: Lives, tmp_path: Path) -> None:
    assert lives.live(tmp_path, 0) == 0
    await hold(tmp_path)


@pytest.mark.parametrize("first", [1, 5, 9, 13])
async def test_one_kill_after_the_other_loses_and_repeats_nothing(lives: Lives, tmp_path: Path, first: int) -> None:
    """Every life is killed a few transitions further than the one before lived, until one reaches the end."""
    kills = 0
    for at in (first, *([7, 4, 11, 3, 6, 15, 5, 9] * 8)):
        ended = lives.live(tmp_path, at)
        if ended == 0:
            break
        assert ended == -signal.SIGKILL, (tmp_path / "log").read_text()[-3000:]
        kills += 1
    else:
        assert lives.live(tmp_path, 0) == 0
    assert kills >= 3
    await hold(tmp_path)


@pytest.mark.parametrize("seed", range(3))
async def test_kills_at_any_moment_lose_and_repeat_nothing(lives: Lives, tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(6):
        ended = lives.live(tmp_path, 0, kill_after_s=chance.uniform(0.05, 0.6))
        assert ended in {0, -signal.SIGKILL}, (tmp_path / "log").read_text()[-3000:]
        if ended == 0:
            break
    assert lives.live(tmp_path, 0) == 0
    await hold(tmp_path)


async def test_kills_on_postgresql_lose_and_repeat_nothing(lives: Lives, tmp_path: Path, postgres_url: str) -> None:
    """A replica that is started again takes up what it held, without waiting for its own lease."""
    chance = random.Random(4)
    for at in (3, 0, 11, 0, 17, 0):
        ended = lives.live(tmp_path, at, kill_after_s=0.0 if at else chance.uniform(0.1, 0.6), url=postgres_url)
        assert ended in {0, -signal.SIGKILL}, (tmp_path / "log").read_text()[-3000:]
        if ended == 0:
            break
    assert lives.live(tmp_path, 0, url=postgres_url) == 0
    await hold(tmp_path, postgres_url)
