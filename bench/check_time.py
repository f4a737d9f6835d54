"""How long a check takes from a cold start: interpreter, imports, five documents, report; prints JSON.

The documents are the reference documents where they stand beside the checkout, else five of the labelled ones. Each
round is an interpreter of its own, so that nothing is warm but the file system. `cpu_ms` does not depend on what else
the machine is doing, `wall_ms` does.

Run it with `python bench/check_time.py [ROUNDS]`.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parent.parent
GOAL_MS = 300

CHILD = """
import resource, sys
from pathlib import Path
from stanch.playbook.compile import compile_playbooks
from stanch.playbook.report import as_text
imported = resource.getrusage(resource.RUSAGE_SELF)
as_text(compile_playbooks([(path, Path(path).read_bytes()) for path in sys.argv[1:]]))
done = resource.getrusage(resource.RUSAGE_SELF)
print((imported.ru_utime + imported.ru_stime) * 1000, (done.ru_utime + done.ru_stime) * 1000)
"""


def documents() -> list[Path]:
    reference = sorted((ROOT.parent / "shared" / "seeds").glob("*.txt"))
    return reference or sorted((ROOT / "tests" / "cases" / "playbook" / "labelled").glob("*.md"))[:5]


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    paths = [str(path) for path in documents()]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    walls: list[float] = []
    starts: list[float] = []
    totals: list[float] = []
    for _ in range(rounds + 1):
        begun = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-c", CHILD, *paths], capture_output=True, text=True, check=True, env=environment
        )
        walls.append((time.perf_counter() - begun) * 1000)
        started, total = map(float, done.stdout.split())
        starts.append(started)
        totals.append(total)
    # The first round writes the byte code and fills the page cache.
    print(
        json.dumps(
            {
                "measurement": "check of five documents from a cold start",
                "documents": [Path(path).name for path in paths],
                "rounds": rounds,
                "wall_ms": {"median": round(median(walls[1:])), "least": round(min(walls[1:]))},
                "cpu_ms": {"median": round(median(totals[1:])), "least": round(min(totals[1:]))},
                "of_which_start_ms": round(min(starts[1:])),
                "goal_ms": GOAL_MS,
            },
            indent=2,
        )
    )


if __name__ == "__main__":
    main()
