"""Prometheus accepts what is exported: every signal with every statistic, and any text."""

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stanch.catalogue.signals import SIGNALS
from stanch.model.plan import ThresholdRole
from stanch.model.problem import Source
from stanch.model.rule import Rule
from stanch.model.signal import Comparison, Statistic, Unit
from stanch.signals.promql import rule_file
from stanch.signals.reading import gives

PROMTOOL = shutil.which("promtool")
pytestmark = pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed (Debian: prometheus)")


def rule(signal: str, number: int, **changes: object) -> Rule:
    fields: dict[str, object] = {
        "id": f"rule-{number}",
        "title": f"rule {number}",
        "signal": signal,
        "statistic": None,
        "comparison": Comparison.GREATER,
        "value": 1.0,
        "unit": Unit.COUNT,
        "window_s": 120.0,
        "persistence_s": 0.0,
        "severity": "P1",
        "role": ThresholdRole.ALERT,
        "source": Source(path="playbook.md", line=number + 1),
    }
    return Rule(**(fields | changes))  # type: ignore[arg-type]


def accepted(folder: Path, rules: list[Rule]) -> str:
    (folder / "rules.yml").write_text(rule_file(rules), encoding="utf-8")
    assert PROMTOOL is not None
    done = subprocess.run(
        [PROMTOOL, "check", "rules", "--lint-fatal", "rules.yml"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_signal_with_every_statistic_in_every_window(tmp_path: Path) -> None:
    rules = [
        rule(signal.name, index, id=f"{signal.name}-{statistic}-{window_s}", statistic=statistic, window_s=window_s)
        for index, signal in enumerate(SIGNALS.values())
        for statistic in (None, *Statistic)
        for window_s in (signal.default_window_s, 90.5)
        if gives(signal, statistic)
    ]
    assert f"SUCCESS: {len(rules)} rules found" in accepted(tmp_path, rules)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(st.text(min_size=1), min_size=10, max_size=40))
def test_any_text_of_a_playbook(tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> None:
    encodable = [text.encode("utf-8", "replace").decode() for text in texts]
    rules = [
        rule(
            "target.up",
            index,
            title=text,
            source=Source(path=text, line=1, text=text),
            labels=(("service", encodable[index]),),
        )
        for index, text in enumerate(texts)
    ]
    accepted(tmp_path_factory.mktemp("texts"), rules)
