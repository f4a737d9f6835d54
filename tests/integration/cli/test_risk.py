"""`stanch risk` as a process: one answer a line, whatever stands in the line and whatever the terminal is."""

import json
import os
import subprocess
import sys

import pytest

KEYS = {
    "command",
    "risk",
    "traits",
    "target",
    "because",
    "hint",
    "placeholders",
    "runs_without_shell",
    "pipeline",
}


def stanch(*arguments: str | bytes, given: bytes = b"", **environment: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "stanch.main", *arguments],
        input=given,
        capture_output=True,
        env=os.environ | environment,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def test_one_command_has_the_documented_shape() -> None:
    status, out, _ = stanch("risk", "redis-cli -h cache FLUSHALL", "--json")
    rating = json.loads(out)
    assert status == 0
    assert set(rating) == KEYS
    assert rating["risk"] == "destructive"
    assert rating["target"] == {"host": "cache"}
    assert "destroys every key of every tenant" in rating["hint"]
    assert rating["because"] == [
        {"text": "redis-cli -h cache FLUSHALL", "risk": "destructive", "why": "destroys every key of every database"}
    ]
    assert rating["runs_without_shell"] is True
    assert rating["pipeline"] == [["redis-cli", "-h", "cache", "FLUSHALL"]]


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_each_line_has_its_answer_whatever_stands_in_it(encoding: str) -> None:
    lines = [
        b"kubectl get pods",
        b"\xff\xfe ls",
        b"",
        b"   ",
        b"rm -rf /data",
        b"ls \x00",
        b"ls\r",
        "ls \u202e".encode(),
        b"echo '",
        b"ls;" * 50_000,
        b"(" * 20_000,
        "echo \u00e9".encode(),
        b"mysql -e 'prepare a from @b'",
        b"kubectl get pods",
    ]
    status, out, error = stanch("risk", "-", "--json", given=b"\n".join(lines), PYTHONIOENCODING=encoding)
    ratings = [json.loads(line) for line in out.splitlines()]
    assert (status, error) == (0, "")
    assert [rating["risk"] for rating in ratings] == [
        "read-only",
        "mutating",
        "read-only",
        "read-only",
        "destructive",
        "mutating",
        "mutating",
        "mutating",
        "mutating",
        "mutating",
        "mutating",
        "read-only",
        "mutating",
        "read-only",
    ]
    assert all(set(rating) == KEYS for rating in ratings)


def test_bytes_that_are_no_text_are_never_read_only() -> None:
    for command in (b"ls \xff", b"cat '\xff'", b"kubectl get pods -n \xc3"):
        status, out, _ = stanch(b"risk", command, b"--json")
        assert status == 0
        assert json.loads(out)["risk"] == "mutating"


def test_a_terminal_shows_what_cannot_be_seen() -> None:
    status, out, _ = stanch("risk", "ls \u202e\x1b[2K\x07", PYTHONIOENCODING="ascii")
    assert status == 0
    assert "\\u202e\\u001b[2K\\u0007" in out
    assert out.isascii()


def test_answers_come_while_the_input_is_still_open() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "stanch.main", "risk", "-", "--json"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for command, risk in (("ls", "read-only"), ("rm x", "destructive"), ("touch x", "mutating")):
            process.stdin.write(command.encode() + b"\n")
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["risk"] == risk
        process.stdin.close()
        assert process.wait(30) == 0


def test_a_reader_that_leaves_early_sees_no_traceback() -> None:
    script = f"yes ls | {sys.executable} -m stanch.main risk - --json | head -n 1"
    done = subprocess.run(["sh", "-c", script], capture_output=True, timeout=60, check=False)
    assert json.loads(done.stdout)["risk"] == "read-only"
    assert b"Traceback" not in done.stderr
