"""Whether processes have ended, for tests of what happens when one is killed."""

import contextlib
import os
import signal
import time
from pathlib import Path


def gone(pid: int, within_s: float = 20.0) -> bool:
    """Whether the process has ended, waiting for it so long; one that nobody has reaped has ended."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state in "ZX":
            return True
        time.sleep(0.05)
    return False


def kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
