"""One server a data directory."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from stanch.model.problem import Unusable
from stanch.store import lock

HOLDING = """
import sys, time
from pathlib import Path
from stanch.store import lock
with lock.hold(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path):
    child = subprocess.Popen(
        [sys.executable, "-c", HOLDING, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3] / "src")},
    )
    assert child.stdout.readline() == "held\n"
    yield child
    child.kill()
    child.communicate()


def test_a_second_server_is_told_who_holds_the_directory_and_what_to_do(tmp_path, holder):
    with pytest.raises(Unusable) as refused, lock.hold(tmp_path):
        pytest.fail("held twice")
    assert f"(process {holder.pid})" in refused.value.message
    assert f"`kill {holder.pid}`" in refused.value.hint


def test_a_killed_server_holds_nothing(tmp_path, holder):
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    with lock.hold(tmp_path) as path:
        assert path.read_text() == f"{os.getpid()}\n"


def test_the_lock_is_let_go_at_the_end_and_by_a_failure(tmp_path):
    with pytest.raises(ZeroDivisionError), lock.hold(tmp_path / "new" / "one"):
        raise ZeroDivisionError
    with lock.hold(tmp_path / "new" / "one"):
        pass
    assert (tmp_path / "new" / "one" / lock.FILE).read_text() == ""


def test_it_holds_within_one_process_too(tmp_path):
    with lock.hold(tmp_path), pytest.raises(Unusable), lock.hold(tmp_path):
        pytest.fail("held twice")


def test_a_child_does_not_keep_the_lock_of_its_parent(tmp_path):
    with lock.hold(tmp_path):
        child = subprocess.Popen(["sleep", "60"], close_fds=False)
    try:
        with lock.hold(tmp_path):
            pass
    finally:
        child.kill()
        child.wait()


def test_a_place_that_cannot_be_made_is_said(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(Unusable, match="cannot be used"), lock.hold(tmp_path / "file" / "data"):
        pytest.fail("held")
