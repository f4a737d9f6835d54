"""How long `stanch check` takes from a cold start: interpreter, imports, five documents, report; prints JSON.

The documents are the reference documents where they stand beside the checkout, else five of the labelled ones. Each
round is a process of its own, so that nothing is warm but the file system. Beside the command stand, measured in turn
with it, its reader alone (no command line) and the command line alone (`stanch --version`). `cpu_ms` hardly depends on
what else the machine is doing, `wall_ms` does.

Run it with `python bench/check_time.py [ROUNDS]`.
"""

import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parent.parent
GOAL_MS = 300

COMMAND = """
import sys
from stanch.main import main
sys.exit(main())
"""
"""What the installed script `stanch` does."""

READER = """
import sys
from pathlib import Path
from stanch.playbook.compile import compile_playbooks
from stanch.playbook.report import as_text
as_text(compile_playbooks([(path, Path(path).read_bytes()) for path in sys.argv[1:]]))
"""


def documents() -> list[Path]:
    reference = sorted((ROOT.parent / "shared" / "seeds").glob("*.txt"))
    return reference or sorted((ROOT / "tests" / "cases" / "playbook" / "labelled").glob("*.md"))[:5]


def once(command: list[str], environment: dict[str, str]) -> tuple[float, float]:
    """Wall and processor time of one process, in milliseconds. Problems that a check finds are no failure."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begun = time.perf_counter()
    done = subprocess.run(command, capture_output=True, env=environment, check=False)
    wall = time.perf_counter() - begun
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode not in {0, 1} or done.stderr:
        raise SystemExit(done.stderr.decode())
    return wall * 1000, (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1000


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    paths = [str(path) for path in documents()]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    commands = {
        "stanch check": [sys.executable, "-c", COMMAND, "check", "--elsewhere", *paths],
        "the reader alone": [sys.executable, "-c", READER, *paths],
        "the command line alone": [sys.executable, "-c", COMMAND, "--version"],
    }
    measured: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
    for _ in range(rounds + 1):
        for name, command in commands.items():
            measured[name].append(once(command, environment))
    print(
        json.dumps(
            {
                "measurement": "check of five documents from a cold start",
                "documents": [Path(path).name for path in paths],
                "rounds": rounds,
                **{
                    name: {
                        unit: {"median": round(median(values)), "least": round(min(values))}
                        # The first round writes the byte code and fills the page cache.
                        for unit, values in zip(("wall_ms", "cpu_ms"), zip(*times[1:], strict=True), strict=True)
                    }
                    for name, times in measured.items()
                },
                "goal_ms": GOAL_MS,
            },
            indent=2,
        )
    )


if __name__ == "__main__":
    main()
