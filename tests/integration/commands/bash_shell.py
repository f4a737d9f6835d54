"""A real bash that runs no program: each command that it would run is written down instead, with its words."""

import contextlib
import os
import re
import signal
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

BASH = "/bin/bash"
SECONDS = 5

# Bash calls this function for every program that it does not find; with an empty PATH, it finds none.
_HANDLER = '() { { printf "%s\\0" "$#" "$@"; } >> "$SEEN_COMMANDS"; return 0; }'


@dataclass(frozen=True, slots=True)
class Seen:
    """What bash would have run, in order, and the files that it wrote itself."""

    commands: tuple[tuple[str, ...], ...]
    files: tuple[str, ...]
    ended: bool


def is_harmless(script: str) -> bool:
    """Whether a script can reach no program: it has no slash but in `>/dev/null`, and leaves nothing running."""
    without = re.sub(r"> ?/dev/null|&&|2>&1|&>", "", script)
    return "/" not in without and "&" not in without


def run(script: str) -> Seen:
    """Run a script in an empty directory. The script must hold no slash, so that it can reach no program."""
    assert is_harmless(script)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as outer:
        log, work = Path(outer, "log"), Path(outer, "work")
        work.mkdir()
        log.touch()
        environment = {
            "PATH": "/nonexistent",
            "HOME": "/nonexistent",
            "LC_ALL": "C.UTF-8",
            # A function that calls itself in several process substitutions multiplies at each level.
            "FUNCNEST": "3",
            "SEEN_COMMANDS": str(log),
            "BASH_FUNC_command_not_found_handle%%": _HANDLER,
        }
        bash = subprocess.Popen(
            [BASH, "-c", "--", script],
            cwd=work,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            bash.wait(SECONDS)
            ended = True
        except subprocess.TimeoutExpired:
            ended = False
        finally:
            # Process substitutions outlive their shell; what is left of the group ends here.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(bash.pid, signal.SIGKILL)
            bash.wait()
        return Seen(_commands(log.read_bytes()), tuple(sorted(path.name for path in Path(work).iterdir())), ended)


def _commands(log: bytes) -> tuple[tuple[str, ...], ...]:
    fields = log.decode(errors="surrogateescape").split("\0")[:-1]
    found: list[tuple[str, ...]] = []
    while fields:
        count = int(fields[0])
        found.append(tuple(fields[1 : count + 1]))
        fields = fields[count + 1 :]
    return tuple(found)


def accepts(script: str) -> bool:
    """Whether bash's own parser takes the script (`bash -n`)."""
    return (
        subprocess.run(
            [BASH, "-n", "-c", "--", script],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=SECONDS,
            check=False,
        ).returncode
        == 0
    )
