"""Every check has its page, fires on its cases and stays silent on the others."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from playbook_reading import CASES, plan_of
from stanch.model.plan import Plan
from stanch.model.problem import Level
from stanch.playbook.checks import CHECKS
from stanch.playbook.compile import compile_playbooks
from stanch.playbook.explain import codes, explain
from stanch.playbook.report import problems_of
from stanch.playbook.surroundings import Surroundings

FOLDER = CASES / "checks"
HERE = Surroundings(
    has_program=lambda name: name != "fluxcapacitorctl", now=datetime(2026, 2, 1, tzinfo=UTC).timestamp()
)
FILES = sorted(FOLDER.glob("*/*.md"))


def compiled(path: Path) -> Plan:
    return compile_playbooks([(path.name, path.read_bytes())], HERE)


def test_each_check_has_cases_both_ways() -> None:
    kinds = {module.CODE: {path.stem.split("-")[0] for path in FOLDER.glob(f"{module.CODE}/*.md")} for module in CHECKS}
    assert all(found == {"fires", "silent"} for found in kinds.values()), kinds


def test_there_are_no_cases_without_a_check() -> None:
    assert {path.parent.name for path in FILES} == {module.CODE for module in CHECKS}


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_check_fires_where_it_should_and_nowhere_else(path: Path) -> None:
    found = [problem for problem in problems_of(compiled(path)) if problem.code == path.parent.name]
    assert bool(found) == path.stem.startswith("fires")
    for problem in found:
        assert problem.message.endswith(".")
        assert problem.hint
        assert problem.source is not None
        assert problem.source.line <= len(path.read_text().splitlines())


@pytest.mark.parametrize("module", CHECKS, ids=lambda module: module.CODE)
def test_a_page_says_why_and_what_to_do(module: object) -> None:
    page = explain(module.CODE)  # type: ignore[attr-defined]
    assert page is not None
    first, *rest = page.split("\n")
    assert re.fullmatch(r"[A-Z].*\.", first)
    assert rest[0] == ""
    assert "\nWhy: " in page
    assert "\nWhat to do: " in page
    assert isinstance(module.LEVEL, Level)  # type: ignore[attr-defined]


def test_codes_are_unique_and_every_one_has_a_page() -> None:
    checked = [module.CODE for module in CHECKS]
    assert len(set(checked)) == len(checked)
    for code in codes():
        page = explain(code)
        assert page is not None
        assert "Why:" in page


def test_what_nobody_knows_has_no_page() -> None:
    assert explain("no-such-code") is None


def test_a_secret_is_not_repeated() -> None:
    plan = plan_of("The key is AKIAIOSFODNN7ABCDEFG, keep it.\n")
    (problem,) = problems_of(plan)
    assert problem.source is not None
    assert "AKIAIOSFODNN7ABCDEFG" not in f"{problem.message} {problem.hint} {problem.source.text}"


def test_credentials_are_not_repeated() -> None:
    plan = plan_of("## Response procedure\n\n```bash\nredis-cli -a s3cr3tpass INFO\n```\n")
    (problem,) = [problem for problem in problems_of(plan) if problem.code == "credentials-in-command"]
    assert problem.source is not None
    assert "s3cr3tpass" not in f"{problem.message} {problem.hint} {problem.source.text}"


def test_without_surroundings_nothing_is_said_of_the_machine() -> None:
    plan = plan_of(
        "---\nreviewed: 2001-01-01\n---\n\n## Response procedure\n\n```bash\nfluxcapacitorctl get status\n```\n"
    )
    assert not {"missing-program", "stale-playbook"} & {problem.code for problem in problems_of(plan)}


def test_a_drill_proves_a_playbook() -> None:
    text = "---\nreviewed: 2024-01-01\n---\n\n# Playbook\n"
    now = datetime(2026, 2, 1, tzinfo=UTC).timestamp()
    drilled = Surroundings(now=now, proven_at={"playbook.md": now - 86400})
    assert problems_of(plan_of(text, Surroundings(now=now)))
    assert not problems_of(plan_of(text, drilled))
