"""A real bash that runs no program: each command that it would run is written down instead, with its words.

Random scripts are run here, as whoever runs the tests, who may be root. So nothing is left to the scripts' good will:

- it finds no program (an empty PATH, and a script with a slash, or with an escape that makes one, is not run);
- the builtins that act on other processes or walk out of the directory are off, and cannot be put on again;
- it is alone in namespaces of processes, network and messages where the kernel allows that (as root, or with
  namespaces of users), so that `kill -9 -1` finds nobody and everything ends with its first process;
- as root it becomes a user that nobody else is, without capabilities;
- processes, memory, processor time, descriptors and the size of a file are limited, and so is the time it has;
- who is left of its session is ended while the number of its leader is still taken, never by a number that was given
  back and may be a stranger's by then.
"""

import contextlib
import os
import re
import resource
import select
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

BASH = "/bin/bash"
SECONDS = 5
PROCESSES = 32
MEMORY = 64 << 20
PROCESSOR_SECONDS = 2
FILE_SIZE = 256 << 10
DESCRIPTORS = 64
USERS = range(60_600, 61_100)
"""Numbers of users that neither Debian nor systemd gives to anybody."""

DISARMED = ("kill", "cd", "pushd", "popd", "suspend", "enable")

# Bash calls this function for every program that it does not find; with an empty PATH, it finds none.
_HANDLER = '() { { printf "%s\\0" "$#" "$@"; } >> "$SEEN_COMMANDS"; return 0; }'

# The first process of the namespace. Process substitutions outlive their shell: they get half a second to be seen.
_FIRST = (
    '"$@"; status=$?; tries=50; '
    "while [ $tries -gt 0 ] && kill -0 -1 2>/dev/null; do sleep 0.01; tries=$((tries - 1)); done; exit $status"
)

_MAKES_A_SLASH = re.compile(r"\\(?:x0*2f|0*57|[uU]0*2f)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Seen:
    """What bash would have run, in order, and the files that it wrote itself. `ended` by itself, not by a limit."""

    commands: tuple[tuple[str, ...], ...]
    files: tuple[str, ...]
    ended: bool


def is_harmless(script: str) -> bool:
    """Whether a script can reach no program: it has no slash but in `>/dev/null`, and leaves nothing running."""
    without = re.sub(r"> ?/dev/null|&&|2>&1|&>", "", script)
    return "/" not in without and "&" not in without and not _MAKES_A_SLASH.search(script)


def run(script: str) -> Seen:
    """Run a script in an empty directory. The script must hold no slash, so that it can reach no program."""
    assert is_harmless(script)
    return run_confined(script, disarmed=DISARMED)


def run_confined(
    script: str, *, disarmed: tuple[str, ...], alone: tuple[str, ...] | None = None, seconds: float = SECONDS
) -> Seen:
    """Run a script behind all walls but the look at its text, with some builtins off.

    `alone` are the words that put it into namespaces, by default those of `namespaces()`.
    """
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as outer:
        log, work, settings = Path(outer, "log"), Path(outer, "work"), Path(outer, "settings")
        work.mkdir()
        log.touch()
        settings.write_text(f"enable -n {' '.join(disarmed)}\nunset BASH_ENV\n" if disarmed else "")
        if os.geteuid() == 0:
            for path in (Path(outer), log, work):
                os.chown(path, bash_user(), bash_user())
        environment = {
            "PATH": "/nonexistent",
            "HOME": "/nonexistent",
            "LC_ALL": "C.UTF-8",
            # A function that calls itself in several process substitutions multiplies at each level.
            "FUNCNEST": "3",
            "BASH_ENV": str(settings),
            "SEEN_COMMANDS": str(log),
            "BASH_FUNC_command_not_found_handle%%": _HANDLER,
        }
        status = _status([BASH, "-c", "--", script, "judge"], work, environment, alone, seconds)
        commands = _commands(log.read_bytes())
        return Seen(commands, tuple(sorted(path.name for path in work.iterdir())), 0 <= status < 128)


def accepts(script: str) -> bool:
    """Whether bash's own parser takes the script (`bash -n`)."""
    with tempfile.TemporaryDirectory() as work:
        return _status([BASH, "-n", "-c", "--", script], Path(work), {}) == 0


def _status(
    argv: list[str],
    work: Path,
    environment: dict[str, str],
    alone: tuple[str, ...] | None = None,
    seconds: float = SECONDS,
) -> int:
    """Run a bash behind walls; returns its exit status, above 128 or negative where something ended it."""
    alone = namespaces() if alone is None else alone
    first = [_program("sh"), "-c", _FIRST if alone else '"$@"', "first"]
    program = _program("env")
    bash = subprocess.Popen(
        # The first process needs programs of its own; what it starts gets the environment of the script alone.
        [*alone, *first, *_limits(), program, "-i", *(f"{k}={v}" for k, v in environment.items()), *argv],
        cwd=work,
        env={"PATH": os.defpath},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    handle = os.pidfd_open(bash.pid)
    try:
        ended, _, _ = select.select([handle], [], [], seconds)
    finally:
        # Nobody has waited for the leader yet, so its number is still its own.
        os.close(handle)
        # The end of a namespace's first process is the end of everybody in it.
        _end_session(bash.pid, looks=1 if alone else 10)
        status = bash.wait()
    return status if ended else -signal.SIGKILL


def _end_session(leader: int, *, looks: int) -> None:
    """End a session whose leader has not been waited for, however its members have grouped themselves.

    It is over when so many looks in a row have found nobody: one that multiplies can put a child where a look has
    already passed, once the numbers of processes begin anew, and be gone itself before the look comes to it.
    """
    with contextlib.suppress(ProcessLookupError):
        os.kill(leader, signal.SIGKILL)
    deadline = time.monotonic() + 2 * SECONDS
    nobody = 0
    while nobody < looks:
        members = [one.number for one in processes() if one.session == leader != one.number]
        nobody = 0 if members else nobody + 1
        assert time.monotonic() < deadline, "a session of bash cannot be ended"
        for member in members:
            with contextlib.suppress(ProcessLookupError):
                os.kill(member, signal.SIGKILL)


@dataclass(frozen=True, slots=True)
class Process:
    """A process that has not ended."""

    number: int
    user: int
    session: int


def processes() -> Iterator[Process]:
    """Every process, without those that have ended and wait to be asked how."""
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            with contextlib.suppress(OSError, ValueError, IndexError):
                # man 5 proc: behind the name in parentheses come state, parent, group and session.
                state, _, _, session = Path(entry.path, "stat").read_text().rpartition(")")[2].split()[:4]
                if state not in "ZX":
                    yield Process(int(entry.name), entry.stat().st_uid, int(session))


@cache
def namespaces() -> tuple[str, ...]:
    """The words that put a command into namespaces of its own; none where the kernel does not allow that."""
    unshare = _program("unshare")
    as_user = () if os.geteuid() == 0 else ("--user", "--map-current-user")
    for kinds in (("--pid", "--net", "--ipc"), ("--pid",)):
        words = (unshare, *as_user, *kinds, "--fork", "--kill-child")
        if subprocess.run([*words, _program("true")], capture_output=True, check=False).returncode == 0:
            return words
    return ()


@cache
def _limits() -> tuple[str, ...]:
    # Without being root, the limit of processes counts all of the user's.
    count = PROCESSES + (0 if os.geteuid() == 0 else _threads(os.geteuid()))
    if (most := resource.getrlimit(resource.RLIMIT_NPROC)[1]) != resource.RLIM_INFINITY:
        count = min(count, most)
    words = (
        _program("prlimit"), f"--nproc={count}", f"--as={MEMORY}", f"--cpu={PROCESSOR_SECONDS}",
        f"--fsize={FILE_SIZE}", f"--nofile={DESCRIPTORS}", "--core=0",
    )  # fmt: skip
    if os.geteuid() != 0:
        return words
    user = bash_user()
    return (
        *words, _program("setpriv"), f"--reuid={user}", f"--regid={user}", "--clear-groups", "--no-new-privs",
        "--bounding-set=-all", "--inh-caps=-all",
    )  # fmt: skip


@cache
def bash_user() -> int:
    """A user that nobody is, another one in each process that runs tests."""
    taken = {process.user for process in processes()}
    free = [user for user in USERS if user not in taken]
    return free[os.getpid() % len(free)]


def _threads(user: int) -> int:
    count = 0
    for process in processes():
        if process.user == user:
            with contextlib.suppress(OSError):
                count += sum(1 for _ in Path(f"/proc/{process.number}/task").iterdir())
    return count


@cache
def _program(name: str) -> str:
    found = shutil.which(name, path=os.defpath + ":/usr/sbin:/sbin")
    assert found is not None, f"{name} is needed to confine bash (coreutils and util-linux have it)"
    return found


def _commands(log: bytes) -> tuple[tuple[str, ...], ...]:
    """The commands of a log; the last one may be cut off where a limit ended the shell."""
    fields = log.decode(errors="surrogateescape").split("\0")[:-1]
    found: list[tuple[str, ...]] = []
    while fields and len(fields) > (count := int(fields[0])):
        found.append(tuple(fields[1 : count + 1]))
        fields = fields[count + 1 :]
    return tuple(found)
