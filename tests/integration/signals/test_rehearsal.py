"""Every signal of the catalogue can be rehearsed, and Prometheus does in the rehearsal what Stanch does."""

import shutil
import subprocess
from dataclasses import replace

import pytest

from stanch.catalogue.signals import SIGNALS
from stanch.model.plan import ThresholdRole
from stanch.model.problem import Source
from stanch.model.rule import Rule
from stanch.model.signal import Comparison, Statistic, Unit
from stanch.signals.promql import rule_file
from stanch.signals.reading import gives
from stanch.signals.rehearsal import promtool_tests, rehearse

PROMTOOL = shutil.which("promtool")
LIMITS = {Unit.RATIO: 0.8, Unit.SECONDS: 1.5, Unit.BYTES: 1e9, Unit.COUNT: 7.0, Unit.PER_SECOND: 12.5}


def rules():
    for number, signal in enumerate(SIGNALS.values()):
        for statistic in (None, *Statistic):
            if gives(signal, statistic):
                comparison = Comparison.LESS if number % 3 == 0 else Comparison.GREATER
                yield Rule(
                    id=f"{signal.name}-{statistic}",
                    title=signal.phrases[0],
                    signal=signal.name,
                    statistic=statistic,
                    comparison=comparison,
                    value=LIMITS[signal.unit],
                    unit=signal.unit,
                    window_s=signal.default_window_s or (60.0 if statistic else 0.0),
                    persistence_s=30.0 if number % 2 else 0.0,
                    consecutive=3 if number % 5 == 0 else None,
                    severity="P1",
                    role=ThresholdRole.ALERT,
                    labels=(("zone", 'e"u'),) if number % 4 == 0 else (),
                    source=Source(path="playbook.md", line=number + 1, text=f"line {number}"),
                )


ALL = list(rules())


@pytest.mark.parametrize("rule", [pytest.param(rule, id=rule.id) for rule in ALL])
def test_a_rule_is_silent_in_range_and_fires_out_of_it(rule):
    rehearsal = rehearse(rule)
    assert rehearsal.because == ""
    assert rehearsal.good
    assert rehearsal.fired_at_s > rehearsal.left_at_s


@pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed (Debian: prometheus)")
def test_prometheus_fires_at_the_same_moment(tmp_path):
    of_signal = {}
    for rule in ALL:
        of_signal.setdefault(rule.signal, []).append(rule)
    chosen = [rules[number % len(rules)] for number, rules in enumerate(list(of_signal.values())[::3])]
    # Another limit of the same signal, whose alert bears the same name.
    chosen += [replace(rule, id=f"{rule.id}-graver", value=rule.value * 1.1) for rule in chosen[:5]]
    rehearsals = [rehearse(rule, interval_s=15.0) for rule in chosen]
    (tmp_path / "rules.yml").write_text(rule_file(chosen, interval_s=15.0))
    (tmp_path / "tests.yml").write_text(promtool_tests(rehearsals, rule_file="rules.yml", interval_s=15.0))
    done = subprocess.run(
        [PROMTOOL, "test", "rules", "tests.yml"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "SUCCESS" in done.stdout + done.stderr, (done.stdout + done.stderr)[:3000]
