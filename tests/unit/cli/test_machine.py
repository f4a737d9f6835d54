"""On a system that is not Linux every command either works or says in one sentence what it needs and what works."""

import subprocess
import sys
from pathlib import Path

import pytest

from stanch.cli.machine import not_here, refusal
from stanch.cli.main import COMMANDS, run

ELSEWHERE = ("darwin", "win32", "freebsd14")
RUNBOOK = "# Checkout\n\n## Alerts\n\n- P1: error rate > 5%\n"


@pytest.mark.parametrize("platform", ELSEWHERE)
@pytest.mark.parametrize("arguments", [["up"], ["demo", "--exit"], ["up", "--port", "0"]])
def test_what_needs_linux_says_so_and_what_works(
    platform: str, arguments: list[str], capsys: pytest.CaptureFixture[str]
):
    assert run(arguments, serve="", platform=platform) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert f"`stanch {arguments[0]}` needs Linux" in said
    assert "Nothing was started." in said
    assert "`stanch check`" in said
    assert "Traceback" not in said


def test_it_is_said_as_json_where_that_is_asked_for(capsys: pytest.CaptureFixture[str]):
    assert run(["demo", "--json"], serve="", platform="darwin") == 2
    assert '"code": "unusable"' in capsys.readouterr().out


@pytest.mark.parametrize("platform", ELSEWHERE)
def test_the_list_of_commands_is_whole(platform: str, capsys: pytest.CaptureFixture[str]):
    assert run(["--help"], serve="", platform=platform) == 0
    shown = capsys.readouterr().out
    assert not [name for name in COMMANDS if f" {name} " not in shown]


def test_the_rest_is_not_refused_anywhere():
    assert [name for name in COMMANDS if refusal(name, "win32") is not None] == ["demo", "up"]
    assert not [name for name in COMMANDS if refusal(name, "linux") is not None]


def test_a_module_that_is_missing_for_another_reason_is_no_matter_of_the_system():
    assert not_here(ModuleNotFoundError("no", name="litestar"), "win32") is None
    assert not_here(ModuleNotFoundError("no", name="fcntl"), "linux") is None
    assert not_here(ModuleNotFoundError("no", name="fcntl"), "win32") is not None


def without_posix(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a command where Python lacks what it lacks on Windows."""
    missing = "; ".join(f"sys.modules[{name!r}] = None" for name in ("fcntl", "grp", "pwd", "resource", "termios"))
    call = f"run({list(arguments)}, serve='', platform='win32')"
    program = f"import sys; {missing}; from stanch.cli.main import run; sys.exit({call})"
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=cwd, check=False)


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["check", "runbook.md", "--elsewhere"], 0),
        (["risk", "rm -rf /"], 0),
        (["run", "--help"], 0),
        (["incident", "list", "--url", "http://127.0.0.1:9"], 2),
        (["up"], 2),
        (["check", "runbook.md", "--live"], 2),
    ],
)
def test_without_the_modules_of_posix_nothing_ends_in_a_traceback(arguments: list[str], status: int, tmp_path: Path):
    (tmp_path / "runbook.md").write_text(RUNBOOK)
    done = without_posix(*arguments, cwd=tmp_path)
    assert "Traceback" not in done.stderr, done.stderr
    assert done.returncode == status, done.stdout + done.stderr
