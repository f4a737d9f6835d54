"""Nothing outlives the process that started it."""

import signal
import subprocess
import sys
import threading

import pytest

from clinic.lifeline import Child
from processes import gone

PARENT = """
import signal, sys, time
from clinic.lifeline import Child
child = Child(["/bin/sleep", "600"], death_signal=signal.SIGTERM, watch=sys.argv[1] == "watch")
print(child.pid, flush=True)
time.sleep(600)
"""
HEEDING = """
import sys, time
from clinic import lifeline
lifeline.end_with_parent()
print(__import__("os").getpid(), flush=True)
time.sleep(600)
"""
GRANDPARENT = """
import subprocess, sys, time
subprocess.Popen([sys.executable, "-c", sys.argv[1]])
time.sleep(600)
"""


def descendants(pid: int) -> list[int]:
    told = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False)
    children = [int(word) for word in told.stdout.split()]
    return [*children, *(below for child in children for below in descendants(child))]


@pytest.mark.parametrize("how", ["kernel", "watch"])
def test_a_child_ends_with_a_killed_parent(how: str) -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT, how], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        while not (below := descendants(pid)) and how == "watch":
            pass
        parent.kill()
    assert all(gone(each) for each in (pid, *below))


def test_a_program_that_heeds_its_parent_ends_with_it() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", GRANDPARENT, HEEDING], stdout=subprocess.PIPE, text=True
    ) as grandparent:
        assert grandparent.stdout is not None
        pid = int(grandparent.stdout.readline())
        assert not gone(pid, within_s=0.5)
        grandparent.kill()
    assert gone(pid)


def test_a_child_outlives_the_thread_that_started_it() -> None:
    children: list[Child] = []
    thread = threading.Thread(target=lambda: children.append(Child(["/bin/sleep", "600"], death_signal=signal.SIGTERM)))
    thread.start()
    thread.join()
    (child,) = children
    assert child.wait(0.5) is None
    child.send(signal.SIGTERM)
    assert child.wait(5.0) == -signal.SIGTERM


@pytest.mark.parametrize("watch", [False, True])
def test_the_exit_status_is_the_programs(watch: bool) -> None:  # noqa: FBT001
    child = Child(["/bin/sh", "-c", "exit 7"], death_signal=signal.SIGTERM, watch=watch)
    assert child.wait(10.0) == 7


def test_a_signal_reaches_a_watched_program() -> None:
    child = Child(["/bin/sleep", "600"], death_signal=signal.SIGTERM, watch=True)
    while not descendants(child.pid):
        pass
    child.send(signal.SIGTERM)
    assert child.wait(10.0) == 256 - signal.SIGTERM
