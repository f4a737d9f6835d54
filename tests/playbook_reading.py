"""Short ways to compile a text and to look at what came out."""

from pathlib import Path
from textwrap import dedent
from typing import TypeVar

import pytest

from stanch.model.plan import Plan, Threshold
from stanch.playbook.compile import compile_playbooks
from stanch.playbook.report import problems_of
from stanch.playbook.surroundings import NOWHERE, Surroundings

F = TypeVar("F")

CASES = Path(__file__).parent / "cases" / "playbook"
SEEDS = Path(__file__).parent.parent.parent / "shared" / "seeds"
CLINIC = Path(__file__).parent.parent / "playbooks" / "clinic.md"


def plan_of(text: str, surroundings: Surroundings = NOWHERE) -> Plan:
    """The plan of one document, its common indent taken off."""
    return compile_playbooks([("playbook.md", dedent(text).strip("\n").encode())], surroundings)


def facts_of(kind: type[F], text: str) -> tuple[F, ...]:
    return plan_of(text).of(kind)


def armed(text: str) -> list[Threshold]:
    return [fact for fact in facts_of(Threshold, text) if fact.armed]


def codes(text: str, surroundings: Surroundings = NOWHERE) -> list[str]:
    return [problem.code for problem in problems_of(plan_of(text, surroundings))]


def reference(number: str) -> Plan:
    """The plan of a reference document; skips where they are not beside the checkout."""
    paths = sorted(SEEDS.glob(f"{number}_*.txt"))
    if not paths:
        pytest.skip("the reference documents are not beside this checkout")
    return compile_playbooks([(path.name, path.read_bytes()) for path in paths])
