"""The slow-database incident at five million rows: its times and the throughput before, during and after.

The comparison, from the same run: the always-indexed clinic, which is what the load generator counted before the fault.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from clinic import cluster

WITHIN_S = 900


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="stanch-bench-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)
        directory = cluster.place(Path(name) / "demo")
        argv = [sys.executable, "-m", "stanch", "demo", "--exit", "--json", "--yes", "--port", "0"]
        finished = subprocess.run(
            [*argv, "--directory", str(directory)], stdout=subprocess.PIPE, text=True, timeout=WITHIN_S, check=False
        )
        document = json.loads(finished.stdout)
        rates = document["throughput"]
        print(
            json.dumps(
                {
                    "verified": document["verified"],
                    "times": document["times"],
                    "throughput": rates,
                    "after_over_before": round(rates["after"] / rates["before"], 3),
                    "diagnosis": {key: document["finding"][key] for key in ("statements", "elapsed_s")},
                    "goal": {"fired_to_verified_s": 60, "after_over_before": 0.95, "statements": 5, "elapsed_s": 3},
                }
            )
        )


if __name__ == "__main__":
    main()
