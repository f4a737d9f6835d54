"""The main job as a story: a slow database is found, fixed, verified and written up, also when Stanch is killed."""

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from clinic import cluster

# Enough that two idle cores are saturated by whole-table reads, also when the table is in memory.
APPOINTMENTS = 4_000_000
WITHIN_S = 600.0

# The seven points of the way, each by the first event that shows that it was reached.
POINTS = ("opened", "paged", "step done", "finding", "step proposed", "control applied", "resolved")


@pytest.fixture(scope="module")
def directory() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="stanch-demo-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)  # PostgreSQL runs as another user where the tests run as root
        yield cluster.place(Path(name) / "demo")


def start(directory: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [
            sys.executable, "-m", "stanch", "demo", "--exit", "--json", "--yes", "--port", "0",
            "--directory", str(directory), "--appointments", str(APPOINTMENTS),
        ],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def finish(demo: subprocess.Popen[str]) -> dict:
    try:
        out, told = demo.communicate(timeout=WITHIN_S)
    except subprocess.TimeoutExpired:
        demo.terminate()
        out, told = demo.communicate(timeout=60)
    assert demo.returncode == 0, f"{told}\n{out}"
    return json.loads(out)


def store_of(directory: Path) -> Path | None:
    tellings = sorted((directory / "tellings").glob("*/stanch/stanch.db"))
    return tellings[-1] if tellings else None


def timeline(store: Path) -> list[tuple[str, str, dict]]:
    with contextlib.closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True, timeout=5)) as connection:
        if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'event'").fetchone() is None:
            return []  # it is only being made
        rows = connection.execute("SELECT incident_id, kind, data FROM event ORDER BY position").fetchall()
    return [(incident, kind, json.loads(data)) for incident, kind, data in rows]


def assert_verified(result: dict) -> None:
    assert result["verified"] is True
    assert result["incident"]["status"] == "resolved"
    assert result["incident"]["severity"] == "P1"
    assert result["finding"]["cause"] == "missing_index"
    assert result["finding"]["table"] == "appointments"
    assert result["finding"]["columns"] == ["doctor_id", "appointment_date"]
    assert {"select_star", "missing_pagination"} <= {item["kind"] for item in result["finding"]["later"]}
    assert all(
        isinstance(result["times"][name], float) for name in ("detect_s", "diagnose_s", "mitigate_s", "verify_s")
    )
    assert result["throughput"]["during"] < result["throughput"]["before"]
    review = Path(result["review"]).read_text(encoding="utf-8")
    assert "## Lesson" in review
    assert "## Action items" in review
    assert list(Path(result["review"]).parent.glob("*.svg"))


def test_the_whole_way_once(directory: Path) -> None:
    result = finish(start(directory))
    assert_verified(result)
    store = store_of(directory)
    assert store is not None
    verify = subprocess.run(
        [sys.executable, "-m", "stanch", "verify", "--config", str(store.parents[1] / "stanch.toml"), "--json"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert json.loads(verify.stdout)["verified"] is True


def test_killed_at_each_of_the_seven_points_it_ends_in_the_same_resolved_incident(directory: Path) -> None:
    before = store_of(directory)
    demo = start(directory)
    killed: list[str] = []
    deadline = time.monotonic() + WITHIN_S
    while demo.poll() is None and len(killed) < len(POINTS) and time.monotonic() < deadline:
        store = store_of(directory)
        if store is not None and store != before:
            reached = {kind for _, kind, _ in timeline(store)}
            due = [point for point in POINTS if point in reached and point not in killed]
            pid = (store.parent / "stanch.lock").read_text(encoding="ascii").strip()
            if due and pid:
                os.kill(int(pid), signal.SIGKILL)
                killed.append(due[0])
                while (store.parent / "stanch.lock").read_text(encoding="ascii").strip() == pid:
                    assert demo.poll() is None or len(killed) == len(POINTS)
                    time.sleep(0.02)
        time.sleep(0.02)
    result = finish(demo)
    assert killed == list(POINTS)
    assert_verified(result)
    store = store_of(directory)
    assert store is not None
    events = timeline(store)
    assert {incident for incident, _, _ in events} == {result["incident"]["id"]}, "one incident, however often it died"
    done = [data["step"] for _, kind, data in events if kind == "step done"]
    assert len(done) == len(set(done)), "no completed step was run again"
    approved = [data["step"] for _, kind, data in events if kind == "step approved"]
    assert len(approved) == 1, "one yes was enough"
