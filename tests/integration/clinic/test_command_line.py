"""`python -m clinic`: what it prints, how it ends, and that it ends with its parent."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from clinic.schema import DOCTOR_DATE_INDEX
from processes import gone

PARENT = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-m", "clinic", *sys.argv[1:]], stdout=subprocess.PIPE, text=True)
print(child.pid, child.stdout.readline(), flush=True)
time.sleep(600)
"""


def clinic(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "clinic", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, **environment},
    )


@contextmanager
def serving(database_url: str, access_log: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    argv = [sys.executable, "-m", "clinic", "serve", "--access-log", str(access_log)]
    environment = {**os.environ, "CLINIC_DATABASE_URL": database_url}
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        started: dict[str, Any] = json.loads(process.stdout.readline())
        assert started["event"] == "started"
        try:
            yield process, started["url"]
        finally:
            process.send_signal(signal.SIGTERM)


def test_load_is_served_counted_and_ends_in_time(database_url: str, access_log: Path) -> None:
    with serving(database_url, access_log) as (server, url):
        done = clinic("load", "--url", url, "--users", "4", "--think", "0.02", "--seconds", "4")
    assert (done.returncode, done.stderr) == (0, "")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert 4 <= len(lines) <= 5
    assert set(lines[0]) == {"at", "ok", "refused", "failed", "p50_s", "p95_s"}
    served = [json.loads(line) for line in access_log.read_text().splitlines()]
    assert [entry for entry in served if entry["status"] >= 400] == []
    assert sum(line["failed"] for line in lines) == 0
    answered = sum(line["ok"] for line in lines)
    # The last second's requests are cut off unanswered, at most one a user.
    assert answered <= len(served) <= answered + 4
    assert answered > 20
    routes = {entry["route"] for entry in served}
    assert {"/appointments", "/statistics", "/tokens"} <= routes
    assert sum(entry["route"] == "/appointments" for entry in served) > len(served) / 2
    assert server.returncode in {0, -signal.SIGTERM}


def test_the_same_seed_asks_the_same(database_url: str, access_log: Path) -> None:
    asked: list[list[str]] = []
    with serving(database_url, access_log) as (_, url):
        for _ in range(2):
            access_log.write_text("")
            done = clinic("load", "--url", url, "--users", "1", "--think", "0.01", "--seconds", "2", "--seed", "7")
            assert done.returncode == 0
            entries = [json.loads(line) for line in access_log.read_text().splitlines()]
            asked.append([f"{entry['path']}?{entry['query']}" for entry in entries])
    shorter = min(len(each) for each in asked)
    assert shorter > 10
    assert asked[0][:shorter] == asked[1][:shorter]


def test_a_fault_goes_in_and_out(database_url: str) -> None:
    def there() -> bool:
        with psycopg.connect(database_url) as connection:
            row = connection.execute("SELECT to_regclass(%s) IS NOT NULL", [DOCTOR_DATE_INDEX]).fetchone()
        return row == (True,)

    assert clinic("fault", "drop-index", "--database-url", database_url).returncode == 0
    assert not there()
    assert clinic("fault", "drop-index", "--remove", CLINIC_DATABASE_URL=database_url).returncode == 0
    assert there()


def test_what_cannot_be_is_one_sentence_and_status_2(database_url: str, tmp_path: Path) -> None:
    nowhere = "postgresql://clinic@127.0.0.1:1/clinic"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        cases = {
            "cannot be listened on": ("serve", "--database-url", database_url, "--port", port),
            "access log": ("serve", "--database-url", database_url, "--access-log", str(tmp_path / "no" / "log")),
            "database cannot be used": ("fault", "drop-index", "--database-url", nowhere),
            "cannot be made": ("cluster", "--directory", "/proc/nowhere"),
            "at least 1,000": ("seed", "--database-url", database_url, "--appointments", "10"),
            "cannot be written": ("load", "--url", "http://127.0.0.1:1", "--output", str(tmp_path / "no" / "load")),
        }
        for told, arguments in cases.items():
            done = clinic(*arguments)
            assert (done.returncode, told in done.stderr, len(done.stderr.splitlines())) == (2, True, 1), done


def test_a_cluster_runs_until_told_to_end(directory: Path) -> None:
    argv = [sys.executable, "-m", "clinic", "cluster", "--directory", str(directory)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        started = json.loads(process.stdout.readline())
        with psycopg.connect(started["urls"]["clinic"]) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        process.send_signal(signal.SIGTERM)
    assert process.returncode == 0
    assert gone(started["pid"], within_s=0.1)


@pytest.mark.parametrize("command", ["serve", "load", "cluster"])
def test_each_ends_when_its_parent_is_killed(command: str, database_url: str, directory: Path) -> None:
    arguments = {
        "serve": ["serve", "--database-url", database_url],
        "load": ["load", "--url", "http://127.0.0.1:1"],
        "cluster": ["cluster", "--directory", str(directory)],
    }[command]
    argv = [sys.executable, "-c", PARENT, *arguments]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid, said = parent.stdout.readline().split(" ", 1)
        assert not gone(int(pid), within_s=0.1)
        parent.kill()
    assert gone(int(pid))
    if command == "cluster":
        assert gone(json.loads(said)["pid"])
