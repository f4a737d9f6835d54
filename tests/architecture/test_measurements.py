"""Every measurement is on the page of measurements, and nothing is on it that cannot be run."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_page_of_measurements_names_each_of_them() -> None:
    page = (ROOT / "docs" / "measurements.md").read_text(encoding="utf-8")
    named = set(re.findall(r"^\| `(\w+\.py)` \|", page, re.MULTILINE))
    assert named == {path.name for path in (ROOT / "bench").glob("*.py")} - {"run.py"}
