"""The bash that judges ratings can harm nobody, whatever it is given. Some of its walls are tried one by one."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from integration.commands import bash_shell
from integration.commands.bash_shell import DISARMED, PROCESSES, SECONDS, Seen, namespaces, run, run_confined

needs_namespaces = pytest.mark.skipif(not namespaces(), reason="the kernel allows no namespaces here")

BOMB = "unset FUNCNEST; f() { f | f & }; f; wait; wait; ls"


@pytest.fixture
def bystander() -> Iterator[subprocess.Popen[bytes]]:
    """Another process of whoever runs the tests."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


def bounded(
    script: str, *, disarmed: tuple[str, ...] = (), alone: tuple[str, ...] | None = None, seconds: float = SECONDS
) -> Seen:
    before = time.monotonic()
    seen = run_confined(script, disarmed=disarmed, alone=alone, seconds=seconds)
    assert time.monotonic() - before < 4 * SECONDS
    return seen


@needs_namespaces
@pytest.mark.parametrize(
    "script", ["kill -9 -1; ls", "kill -9 0; ls", "kill -9 $$", "kill -9 $PPID 1; ls", "kill -STOP -1 1 $PPID; ls"]
)
def test_kill_of_everybody_finds_nobody(bystander: subprocess.Popen[bytes], script: str) -> None:
    bounded(script)
    assert bystander.poll() is None


def test_kill_is_seen_as_any_other_program_and_cannot_be_put_on_again(bystander: subprocess.Popen[bytes]) -> None:
    script = "kill -9 -1; enable kill; builtin kill -9 -1; command kill -9 -1; unset -f kill; kill -9 -1"
    for alone in (None, ()):
        seen = bounded(script, disarmed=DISARMED, alone=alone)
        assert seen.commands == (
            ("kill", "-9", "-1"), ("enable", "kill"), ("kill", "-9", "-1"), ("kill", "-9", "-1"),
        )  # fmt: skip
        assert bystander.poll() is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_where_root_runs_the_tests_bash_is_somebody_else(bystander: subprocess.Popen[bytes]) -> None:
    seen = bounded("echo > $UID; kill -9 -1; ls", alone=())
    assert int(seen.files[0]) in bash_shell.USERS
    assert bystander.poll() is None


@pytest.mark.parametrize("alone", [None, ()], ids=["in namespaces", "without"])
@pytest.mark.parametrize(
    "script",
    [
        BOMB, "unset FUNCNEST; f() { f & f & f & wait; }; f", "while :; do { while :; do :; done & }; done",
        "unset FUNCNEST; f() { cat <(f) <(f); }; f", "set -m; while :; do { while :; do :; done & }; done", "trap '' TERM INT HUP; while :; do :; done",
        "x=a; while :; do x=$x$x; done", "f() { x=a; while :; do x=$x$x; done & }; f; f; f; f; wait", "printf '%999999999s' a",
        "while :; do echo aaaaaaaaaaaaaaaaaaaaaaaaaaaa; done > f", "mapfile x < <(while :; do echo a; done)", "while ls; do ls; done",
        "ulimit -u unlimited; ulimit -v unlimited; x=a; while :; do x=$x$x; done", "read x; read y; ls", "exec ls; ls", "exec {a}<&0; exec ls",
    ],
)  # fmt: skip
def test_what_eats_a_machine_is_over_soon_and_leaves_nobody(script: str, alone: tuple[str, ...] | None) -> None:
    bounded(script, disarmed=DISARMED, alone=alone, seconds=1)
    if os.geteuid() == 0:
        assert bash_shell.bash_user() not in {process.user for process in bash_shell.processes()}
    before = time.monotonic()
    assert run("ls").commands == (("ls",),)
    assert time.monotonic() - before < SECONDS


def test_no_more_processes_than_allowed() -> None:
    """A bomb is heard of by the processes that it got: each one leaves a file."""
    script = "for i in {1..90}; do { > f$i; while :; do :; done; } & done; wait"
    seen = bounded(script, disarmed=DISARMED, seconds=2)
    assert 1 <= len(seen.files) <= PROCESSES


def test_no_file_grows_beyond_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    commands = bash_shell._commands

    def measured(log: bytes) -> tuple[tuple[str, ...], ...]:
        sizes.append(len(log))
        return commands(log)

    monkeypatch.setattr(bash_shell, "_commands", measured)
    seen = bounded("x=$(printf '%9999s' a); while ls $x; do :; done", disarmed=DISARMED, seconds=2)
    assert not seen.ended
    assert 0 < sizes[0] <= bash_shell.FILE_SIZE
    assert {command[0] for command in seen.commands} == {"ls"}


@pytest.mark.parametrize(
    "script",
    [
        "/bin/ls",
        "$'\\x2fbin\\x2fls'",
        "$'\\057bin\\57ls'",
        "$'\\u002fbin'",
        "$'\\U0000002Fbin'",
        "printf '\\x2f'",
        "ls &",
    ],
)
def test_a_script_that_could_reach_a_program_is_not_run(script: str) -> None:
    assert not bash_shell.is_harmless(script)
    with pytest.raises(AssertionError):
        run(script)


@pytest.mark.parametrize(
    "script",
    ["cd ..; cd ..; cd ..; PATH=bin; ls", "pushd ..; PATH=bin; ls", "$0 -c ls", "exec bash", "hash -p ls x; x"],
)
def test_no_other_way_reaches_a_program(script: str) -> None:
    seen = run(script)
    assert all(argv[0] in {"cd", "pushd", "ls", "judge", "x"} for argv in seen.commands)


@needs_namespaces
def test_process_substitutions_that_outlive_their_shell_are_seen() -> None:
    assert sorted(run("echo a > >(read x; rm $x | ls)").commands) == [("ls",), ("rm", "a")]
