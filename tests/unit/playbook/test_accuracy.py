"""On the labelled documents nothing is armed wrongly, and nearly everything that should be is."""

import json
import subprocess
import sys
from pathlib import Path

BENCH = Path(__file__).parents[3] / "bench" / "playbook_accuracy.py"


def test_precision_and_recall_reach_their_goals() -> None:
    done = subprocess.run([sys.executable, str(BENCH), "--errors"], capture_output=True, text=True, check=True)
    told = json.loads(done.stdout)
    assert told["threshold_lines"] >= 200
    assert told["negatives"] >= 100
    assert told["precision"] >= 0.99, done.stderr
    assert told["recall"] >= 0.85, done.stderr
    assert told["held_out"]["precision"] >= 0.99, done.stderr
    assert told["held_out"]["recall"] >= 0.85, done.stderr
