"""Rating shell commands: how right, and how fast.

The two lists of the tests: hostile commands, none of which may be rated below its true risk, and everyday ones, which
should ask nobody. Times are the best of several rounds for each command, with everything warm. Beside them, in the same
run, Python's own `shlex.split`, which only cuts words and knows nothing. Prints JSON.

    python bench/rating.py [--rounds 7]
"""

import argparse
import json
import resource
import shlex
import statistics
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from stanch.commands.rating import rate
from stanch.model.risk import Risk

CASES = Path(__file__).parents[1] / "tests" / "cases" / "commands"
GOAL = {"hostile_underrated": 0, "everyday_share": 0.97, "microseconds": 1000, "import_ms": 100}


def listed(name: str) -> dict[str, dict[str, list[str]]]:
    return tomllib.loads((CASES / f"{name}.toml").read_text(encoding="utf-8"))


def microseconds(act: Callable[[str], object], commands: list[str], rounds: int) -> list[float]:
    """The best time of each command."""
    best = [float("inf")] * len(commands)
    for _ in range(rounds):
        for index, command in enumerate(commands):
            start = time.perf_counter()
            act(command)
            best[index] = min(best[index], time.perf_counter() - start)
    return [seconds * 1e6 for seconds in best]


def spread(values: list[float]) -> dict[str, float]:
    ordered = sorted(values)
    return {
        "per_second": round(1e6 * len(ordered) / sum(ordered)),
        "mean": round(statistics.fmean(ordered), 1),
        "p50": round(statistics.median(ordered), 1),
        "p99": round(ordered[int(len(ordered) * 0.99)], 1),
    }


def cpu_ms(code: str) -> float:
    """Processor time of a fresh Python that runs `code`; the least of several."""

    def once() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-c", code], check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1000

    return min(once() for _ in range(5))


WORST = {
    "1 MB of statements": "ls -l;\n" * 140_000,
    "99 kB of statements": "kubectl get pods -n prod\n" * 3_900,
    "99 kB of variables": "x=a; echo $x\n" * 7_500,
    "99 kB of words": "ls " + "a " * 49_000,
    "95 kB of stages": "ls | " * 19_000 + "cat",
    "96 kB of here-documents": "cat <<EOF\nx\nEOF\n" * 6_000,
    "80 kB of placeholders": "ls " + "<a> " * 20_000,
    "10,000 substitutions inside each other": "echo " + "$(echo " * 10_000 + "x" + ")" * 10_000,
    "10,000 expansions inside each other": "echo " + "${x:-" * 10_000 + "}" * 10_000,
    "15,000 wrappers inside each other": "sudo " * 15_000 + "ls",
    "45 kB of SQL": "psql -c '" + "select 1;" * 5_000 + "'",
}


def worst_texts() -> dict[str, float]:
    """Milliseconds for texts that nobody would write, each once."""
    found: dict[str, float] = {}
    for name, text in WORST.items():
        start = time.perf_counter()
        rate(text)
        found[name] = round((time.perf_counter() - start) * 1000, 1)
    return found


def cut(command: str) -> list[str] | None:
    try:
        return shlex.split(command)
    except ValueError:
        return None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds

    hostile = [
        (Risk(risk), command)
        for group in listed("hostile").values()
        for risk, commands in group.items()
        for command in commands
    ]
    everyday = [command for group in listed("everyday").values() for command in group["read-only"]]
    underrated = [command for least, command in hostile if rate(command).risk.rank < least.rank]
    asked = [command for command in everyday if rate(command).risk is not Risk.READ_ONLY]
    plain = [command for command in everyday if "psql" not in command and "mysql" not in command]
    bare = cpu_ms("pass")

    result: dict[str, Any] = {
        "measurement": "rating",
        "goal": GOAL,
        "hostile": {"commands": len(hostile), "underrated": len(underrated), "which": underrated},
        "everyday": {
            "commands": len(everyday),
            "read_only_share": round(1 - len(asked) / len(everyday), 4),
            "asked": asked,
            "runs_without_shell_share": round(
                sum(rate(command).runs_without_shell for command in everyday) / len(everyday), 4
            ),
        },
        "microseconds": {
            "everyday": spread(microseconds(rate, plain, rounds)),
            "with_sql": spread(microseconds(rate, [c for c in everyday if c not in plain], rounds)),
            "hostile": spread(microseconds(rate, [command for _, command in hostile], rounds)),
            "shlex_split": spread(microseconds(cut, plain, rounds)),
        },
        "worst_texts_ms": worst_texts(),
        "import_ms": round(cpu_ms("import stanch.commands.rating") - bare, 1),
        "first_rating_ms": round(cpu_ms("from stanch.commands.rating import rate; rate('ls')") - bare, 1),
    }
    result["ok"] = bool(
        not underrated
        and result["everyday"]["read_only_share"] >= GOAL["everyday_share"]
        and result["microseconds"]["everyday"]["p50"] < GOAL["microseconds"]
        and result["import_ms"] < GOAL["import_ms"]
    )
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
