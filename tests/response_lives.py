"""Lives of real processes: `python response_lives.py` reads one line a life and answers how it ended.

A line is `FOLDER URL POINT SECONDS`: a process is forked that opens the store at URL (and, in its first life, the
incident), runs what is to be run with people who answer, and kills itself with SIGKILL at its POINT-th transition;
POINT 0 lives to the end. A store that several processes may share is used as by one of several replicas. Where SECONDS
are not 0 it is killed from outside after that long. The answer is how it ended: 0 for a run that is over, -9 for a
kill.
"""

import asyncio
import os
import signal
import sys
import time
from pathlib import Path

from response_stage import CrashPoints, Stage, act, command, message
from stanch.model.clock import SystemClock
from stanch.model.problem import NotFound
from stanch.model.risk import Risk
from stanch.store.engine import Store

CAP = (("path", "/appointments"), ("limit", "2"), ("for", "10 minutes"))


def steps(folder: Path):
    """Every kind of step. The commands write to the world by themselves, so that they can outlive their Stanch."""
    journal = str(folder / "world" / "journal")
    slow = f"sleep 0.15; echo 'slow: ran' >> {journal}"
    return (
        command("see", ("echo", "see: ran"), ("tee", "-a", journal)),
        act("first-look", "look"),
        act("cap", "limit_concurrency", parameters=CAP),
        act("index"),
        message("patients"),
        command("scale", ("echo", "scale: ran"), ("tee", "-a", journal), risk=Risk.MUTATING),
        command("slow", ("sh", "-c", slow), risk=Risk.MUTATING),
        act("tables", "wipe"),
        act("last-look", "look"),
    )


def end() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


async def live(folder: Path, url: str, at: int) -> None:
    points = CrashPoints(at or None, end)
    async with await Store.open(url, SystemClock()) as store:
        stage = Stage(store, folder, *steps(folder), points=points)
        try:
            await stage.run()
        except NotFound:
            await stage.open()
        async with asyncio.timeout(60), stage.running(alone=not store.shared, keeper=True):
            await stage.answer_everything()


def main() -> None:
    for line in sys.stdin:
        folder, url, at, seconds = line.rsplit(" ", 3)
        child = os.fork()
        if child == 0:
            with Path(folder).joinpath("log").open("a") as log:
                os.dup2(log.fileno(), 1)
                os.dup2(log.fileno(), 2)
            asyncio.run(live(Path(folder), url, int(at)))
            os._exit(0)
        if float(seconds):
            time.sleep(float(seconds))  # the moment of the kill is what is tried out
            os.kill(child, signal.SIGKILL)  # nobody else has waited for it, so the number is still its own
        _, status = os.waitpid(child, 0)
        print(f"ended {os.waitstatus_to_exitcode(status)}", flush=True)


if __name__ == "__main__":
    main()
