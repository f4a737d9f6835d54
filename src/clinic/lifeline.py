"""No process outlives the one that started it, not even after `kill -9`.

On Linux the kernel signals the child when its parent dies (PR_SET_PDEATHSIG). The request must be made after the change
of user, since that change clears it, and just before the program is executed: so the child begins as this file, run as
a script. Elsewhere the script stays between the two and watches.

This file runs as a script without site-packages: it imports the standard library alone.
"""

import argparse
import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_WATCH_EVERY_S = 0.25
_GRACE_S = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """The user and group that a child runs as, where the parent is root."""

    uid: int
    gid: int


class Child:
    """A process that ends with this one. `signal` is what it gets when this process dies."""

    def __init__(
        self,
        argv: Sequence[str],
        *,
        death_signal: signal.Signals,
        owner: Owner | None = None,
        output: IO[bytes] | None = None,
        environment: Mapping[str, str] | None = None,
        watch: bool = sys.platform != "linux",
    ) -> None:
        """Raises OSError where the interpreter cannot be started."""
        self._argv = [
            sys.executable,
            *("-I", "-S", str(Path(__file__).resolve())),
            *("--parent", str(os.getpid()), "--signal", str(int(death_signal))),
            *(() if owner is None else ("--uid", str(owner.uid), "--gid", str(owner.gid))),
            *(("--watch",) if watch else ()),
            "--",
            *argv,
        ]
        self._output = output
        self._environment = None if environment is None else dict(environment)
        self._process: subprocess.Popen[bytes] | None = None
        self._failure: OSError | None = None
        self._started = threading.Event()
        # The kernel counts the parent's *thread* as the parent: a thread of its own lives exactly as long as the child.
        self._thread = threading.Thread(target=self._hold, name=f"holds {Path(argv[0]).name}", daemon=True)
        self._thread.start()
        self._started.wait()
        if self._failure is not None:
            raise self._failure

    def _hold(self) -> None:
        try:
            self._process = subprocess.Popen(
                self._argv,
                stdin=subprocess.DEVNULL,
                stdout=self._output,
                stderr=None if self._output is None else subprocess.STDOUT,
                env=self._environment,
                start_new_session=True,  # Ctrl-C on the terminal is for the parent, which stops its children in order
            )
        except OSError as failure:
            self._failure = failure
            return
        finally:
            self._started.set()
        self._process.wait()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def poll(self) -> int | None:
        """The exit status, or None while the process runs."""
        assert self._process is not None
        return self._process.poll()

    def wait(self, timeout_s: float | None = None) -> int | None:
        """The exit status, or None where it still runs after `timeout_s`."""
        self._thread.join(timeout_s)
        return None if self._thread.is_alive() else self.poll()

    def send(self, what: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(what)


def end_with_parent() -> None:
    """From now on this process gets SIGTERM when the one that started it is gone, and is ended if it does not heed it.

    A thread watches, since the kernel's own signal would also come when just the starting *thread* ends. A process
    that init started has no parent to lose.
    """
    parent = os.getppid()
    if parent != 1:
        threading.Thread(target=_watch_parent, args=(parent,), name="parent watch", daemon=True).start()


def _watch_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_WATCH_EVERY_S)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_GRACE_S)
    os._exit(1)


def _become(owner: Owner) -> None:
    os.setgroups([owner.gid])
    os.setgid(owner.gid)
    os.setuid(owner.uid)


def _execute(argv: list[str], parent: int, death_signal: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, death_signal, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    if os.getppid() != parent:  # it died before the request was made
        sys.exit(1)
    os.execv(argv[0], argv)  # noqa: S606 - no shell is wanted: the program replaces this script


def _watch(argv: list[str], parent: int, death_signal: int) -> int:
    child = subprocess.Popen(argv)

    def forward(number: int, _frame: object) -> None:
        child.send_signal(number)

    for forwarded in (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT):
        signal.signal(forwarded, forward)
    told = False
    while child.poll() is None:
        if not told and os.getppid() != parent:
            child.send_signal(death_signal)
            told = True
        time.sleep(_WATCH_EVERY_S)
    return child.returncode


def main() -> int:
    parser = argparse.ArgumentParser(description="Run a program that ends with the process that started it.")
    parser.add_argument("--parent", type=int, required=True)
    parser.add_argument("--signal", type=int, required=True)
    parser.add_argument("--uid", type=int)
    parser.add_argument("--gid", type=int)
    parser.add_argument("--watch", action="store_true")
    parser.add_argument("argv", nargs="+")
    told = parser.parse_args()
    os.chdir("/")  # the other user may not be allowed into the directory this was started in
    if told.uid is not None and told.gid is not None:
        _become(Owner(uid=told.uid, gid=told.gid))
    if told.watch:
        return _watch(told.argv, told.parent, told.signal)
    _execute(told.argv, told.parent, told.signal)
    return 1


if __name__ == "__main__":
    sys.exit(main())
