"""The lists of commands: none rated below its true risk, and everyday looking asks nobody."""

import re
import tomllib
from pathlib import Path

import pytest

from stanch.commands.rating import rate
from stanch.model.risk import Risk, Trait

CASES = Path(__file__).parents[2] / "cases" / "commands"
RUNBOOK_DOCUMENT = Path(__file__).parents[4] / "shared" / "seeds"


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
    assert len({command for _, command in HOSTILE}) >= 300
    assert len(set(EVERYDAY)) >= 200


@pytest.mark.parametrize(("least", "command"), HOSTILE, ids=ascii)
def test_no_hostile_command_is_rated_below_its_true_risk(least: Risk, command: str) -> None:
    assert rate(command).risk.rank >= least.rank


def test_a_hostile_command_that_runs_without_a_shell_still_waits_for_approval() -> None:
    assert all(rate(command).risk is not Risk.READ_ONLY for least, command in HOSTILE)


def test_at_least_97_of_100_everyday_commands_are_rated_read_only() -> None:
    asked = [command for command in EVERYDAY if rate(command).risk is not Risk.READ_ONLY]
    assert len(asked) <= 0.03 * len(EVERYDAY), asked


@pytest.mark.parametrize("case", RUNBOOK, ids=lambda case: case["text"].split("\n", maxsplit=1)[0])
def test_the_runbook_is_rated_as_its_people_would(case: dict) -> None:
    rating = rate(case["text"])
    assert rating.risk is Risk(case["risk"])
    assert rating.traits == {Trait(trait) for trait in case.get("traits", [])}
    assert rating.runs_without_shell
    assert case.get("target", {}).items() <= rating.target.items()
    assert case.get("hint", "") in rating.hint
    assert set(case.get("because", [])) <= {part.text for part in rating.because}
    assert list(rating.placeholders) == case.get("placeholders", [])
    if "argv" in case:
        assert [list(stage) for stage in rating.pipeline or ()] == case["argv"]


def test_the_list_has_every_command_of_the_runbook() -> None:
    documents = list(RUNBOOK_DOCUMENT.glob("003_*.txt"))
    if not documents:
        pytest.skip("the reference documents are not beside this checkout")
    blocks = re.findall(r"```bash\n(.*?)```", documents[0].read_text(encoding="utf-8"), re.DOTALL)
    written = "\n".join(line.strip() for block in blocks for line in block.splitlines() if "#" not in line)
    commands = {" ".join(line.split()) for line in written.replace("\\\n", "").splitlines() if line.strip()}
    assert len(commands) == 18
    assert commands == {" ".join(case["text"].replace("\\\n", "").split()) for case in RUNBOOK}
