"""`stanch check` on files: its forms, its exit statuses, the pages of codes, differences, and watching."""

import json
import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from stanch.cli.main import run
from stanch.playbook.explain import codes

RUNBOOK = """\
# Checkout runbook

## Alerts

- P1: error rate > 5% in any 2-minute window
- Basket abandonment > 40%

## Response procedure for P1

1. Look at the error logs

```bash
fluxcapacitorctl logs -f checkout
```
"""


@pytest.fixture
def runbook(tmp_path: Path) -> Path:
    path = tmp_path / "checkout.md"
    path.write_text(RUNBOOK, encoding="utf-8")
    return path


def check(*arguments: str | Path) -> int:
    return run(["check", *map(str, arguments)], serve="")


def test_text_shows_each_line_what_it_became_and_what_is_wrong(
    runbook: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check(runbook) == 0
    out = capsys.readouterr().out
    assert (
        "    5 | - P1: error rate > 5% in any 2-minute window\n"
        "      |       ^ armed alert: http.error_rate > 5%, over 2 min \u2192 P1\n"
    ) in out
    assert "fluxcapacitorctl is not on this machine. [missing-program]" in out
    assert "This threshold is not armed: no signal is called \u201cBasket abandonment\u201d. [unknown-signal]" in out
    assert out.splitlines()[-1].startswith("5 facts: 1 armed rule, 1 procedure with 2 steps")
    assert "\x1b" not in out


def test_programs_of_another_machine_are_nobodys_business(runbook: Path, capsys: pytest.CaptureFixture[str]) -> None:
    check(runbook, "--elsewhere")
    assert "missing-program" not in capsys.readouterr().out


def test_an_old_document_is_stale_after_as_many_days_as_asked(
    runbook: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runbook.write_text("---\nreviewed: 2001-01-01\n---\n" + RUNBOOK, encoding="utf-8")
    check(runbook)
    assert "[stale-playbook]" in capsys.readouterr().out
    check(runbook, "--stale-after", "100000")
    assert "[stale-playbook]" not in capsys.readouterr().out


def test_the_exit_status_follows_the_level_that_counts(runbook: Path) -> None:
    assert check(runbook, "--fail-on", "error") == 0
    assert check(runbook, "--fail-on", "warning") == 1
    assert check(runbook.parent / "none.md") == 2
    assert check() == 2


def test_the_other_forms_are_for_programs(runbook: Path, capsys: pytest.CaptureFixture[str]) -> None:
    check(runbook, "--json")
    told = json.loads(capsys.readouterr().out)
    assert told["playbooks"][0]["facts"][0]["signal"] == "http.error_rate"
    check(runbook, "--format", "sarif")
    assert json.loads(capsys.readouterr().out)["version"] == "2.1.0"
    check(runbook, "-f", "github")
    lines = capsys.readouterr().out.splitlines()
    assert lines
    assert all(re.match(r"::(notice|warning|error) file=.*,line=\d+,col=\d+,title=[a-z-]+::\S", line) for line in lines)


@pytest.mark.parametrize("code", codes())
def test_every_code_has_its_page(code: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert check("--explain", code) == 0
    page = capsys.readouterr().out
    assert page.startswith(f"{code}\n\n")
    assert "Why: " in page
    assert "What to do: " in page


def test_a_code_that_nobody_knows_is_answered_with_those_that_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert check("--explain", "no-such") == 1
    assert "unarmed-threshold" in capsys.readouterr().err


def test_a_difference_is_told_in_words(runbook: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = tmp_path / "new" / "runbook.md"
    other.parent.mkdir()
    other.write_text(RUNBOOK.replace("5% in", "3% in").replace("# Checkout", "# The checkout"), encoding="utf-8")
    assert check("--diff", runbook, other) == 1
    assert capsys.readouterr().out == (
        "~ rule: http.error_rate > 5%, over 2 min (P1) becomes http.error_rate > 3%, over 2 min (P1)"
        f"  ({runbook}:5 \u2192 {other}:5)\n"
    )
    assert check("--diff", runbook, other, "--json") == 1
    (change,) = json.loads(capsys.readouterr().out)["changes"]
    assert (change["kind"], change["about"]) == ("changed", "rule")
    assert check("--diff", runbook, runbook) == 0
    assert check("--diff", runbook, other, "--format", "sarif") == 2


def test_folders_are_searched_for_markdown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a.md", "deep/b.markdown", ".git/c.md", "node_modules/d.md", "notes.txt"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("# Runbook\n", encoding="utf-8")
    check(tmp_path, "--json")
    found = json.loads(capsys.readouterr().out)["playbooks"]
    assert [Path(playbook["path"]).name for playbook in found] == ["a.md", "b.markdown"]


def test_a_folder_without_markdown_is_searched_for_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "playbook.txt").write_text(RUNBOOK, encoding="utf-8")
    assert check(tmp_path) == 0
    assert "armed alert" in capsys.readouterr().out


def test_a_document_does_not_drive_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "hostile.md"
    path.write_text("## Alerts\n\n- \x1b]0;owned\x07error rate > 5%\n- \x1b[2Jlatency > 2 bananas\n", encoding="utf-8")
    check(path)
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "\x07" not in out
    assert "\\x1b" in out


def test_watching_says_what_a_save_changes(runbook: Path) -> None:
    watcher = subprocess.Popen(
        [sys.executable, "-u", "-m", "stanch", "check", "--watch", str(runbook)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    alarm = threading.Timer(60, watcher.kill)
    alarm.start()
    try:
        assert watcher.stdout is not None
        first = until(watcher, "facts:")
        assert any("armed alert: http.error_rate > 5%" in line for line in first)
        saved(runbook, RUNBOOK.replace("5% in", "3% in").replace("- Basket", "- Cart value > 7\n- Basket"))
        second = until(watcher, "facts:")
        assert any(line.startswith("~ rule: http.error_rate > 5%") for line in second)
        assert any("Cart value" in line for line in second)
        assert not any("Basket abandonment" in line for line in second)
        saved(runbook, RUNBOOK)
        assert any("becomes http.error_rate > 5%" in line for line in until(watcher, "facts:"))
    finally:
        alarm.cancel()
        watcher.terminate()
        watcher.communicate()


def until(watcher: "subprocess.Popen[str]", words: str) -> list[str]:
    """The lines up to the one with these words; the alarm ends a wait for one that never comes."""
    assert watcher.stdout is not None
    lines: list[str] = []
    for line in watcher.stdout:
        lines.append(line)
        if words in line:
            return lines
    raise AssertionError("".join(lines))


def saved(path: Path, text: str) -> None:
    """Replaced at once, as an editor does: a reader never sees half of it."""
    new = path.with_suffix(".new")
    new.write_text(text, encoding="utf-8")
    os.replace(new, path)  # noqa: PTH105 - the one call that is atomic


@pytest.mark.parametrize("form", ["text", "json", "sarif", "github"])
def test_no_form_prints_what_a_terminal_would_obey(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], form: str
) -> None:
    document = tmp_path / "playbook.md"
    document.write_text("# A\n\n## Alerts\n\n- Error rate > 5% \x9b31mred \x1b[31m\n", encoding="utf-8")
    run(["check", str(document), "--format", form], serve="")
    printed = capsys.readouterr().out
    assert "red" in printed
    assert not set(printed) & {chr(code) for code in (*range(9), *range(11, 32), *range(127, 160))}
