"""The lists of commands: none rated below its true risk, and everyday looking asks nobody."""

import tomllib
from pathlib import Path

import pytest

from stanch.commands.rating import rate
from stanch.model.risk import Risk, Trait

CASES = Path(__file__).parents[2] / "cases" / "commands"


def listed(name: str) -> dict:
    return tomllib.loads((CASES / f"{name}.toml").read_text(encoding="utf-8"))


HOSTILE = [
    (Risk(risk), command)
    for group in listed("hostile").values()
    for risk, commands in group.items()
    for command in commands
]
EVERYDAY = [command for group in listed("everyday").values() for command in group["read-only"]]
RUNBOOK = listed("runbook")["command"]


def test_there_are_enough_of_each() -> None:
    assert len(HOSTILE) >= 300
    assert len(EVERYDAY) >= 200


@pytest.mark.parametrize(("least", "command"), HOSTILE)
def test_no_hostile_command_is_rated_below_its_true_risk(least: Risk, command: str) -> None:
    assert rate(command).risk.rank >= least.rank


def test_at_least_97_of_100_everyday_commands_are_rated_read_only() -> None:
    asked = [command for command in EVERYDAY if rate(command).risk is not Risk.READ_ONLY]
    assert len(asked) <= 0.03 * len(EVERYDAY), asked


@pytest.mark.parametrize("case", RUNBOOK, ids=lambda case: case["text"])
def test_the_runbook_is_rated_as_its_people_would(case: dict) -> None:
    rating = rate(case["text"])
    assert rating.risk is Risk(case["risk"])
    assert {Trait(trait) for trait in case.get("traits", [])} <= rating.traits
    assert case.get("target", {}).items() <= rating.target.items()
