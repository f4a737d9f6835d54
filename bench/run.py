"""Runs the measurements of this folder one after another and prints one JSON object a line.

`python bench/run.py` runs all, `python bench/run.py rules start_up` those. Each file prints one JSON object by itself.
"""

import json
import platform
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
NOT_MEASUREMENTS = {"run.py"}
WITHIN_S = 1800


def main(names: list[str]) -> int:
    known = {path.stem: path for path in sorted(HERE.glob("*.py")) if path.name not in NOT_MEASUREMENTS}
    unknown = [name for name in names if name not in known]
    if unknown:
        sys.stderr.write(f"no such measurement: {', '.join(unknown)}; there are {', '.join(known)}\n")
        return 2
    failed = 0
    print(json.dumps({"machine": platform.platform(), "python": platform.python_version()}), flush=True)
    for name in names or list(known):
        sys.stderr.write(f"bench: {name}\n")
        finished = subprocess.run(
            [sys.executable, str(known[name])], stdout=subprocess.PIPE, text=True, timeout=WITHIN_S, check=False
        )
        if finished.returncode != 0:
            failed += 1
            print(json.dumps({"bench": name, "failed": finished.returncode}), flush=True)
            continue
        print(json.dumps({"bench": name, **json.loads(finished.stdout)}), flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
