"""Which words put steps side by side, and which do not."""

import pytest

from stanch.model.plan import Step
from stanch.playbook.compile import compile_playbooks
from stanch.playbook.side_by_side import joins_the_last, says_parallel


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("Do these in parallel:", True),
        ("Simultaneously:", True),
        ("Phase 2 (at the same time)", True),
        ("Do not run these in parallel:", False),
        ("Never restart both simultaneously", False),
        ("Parallel query workers", False),
        ("One after the other:", False),
    ],
)
def test_words(text: str, says: object) -> None:
    assert says_parallel(text) is says


@pytest.mark.parametrize(
    ("text", "joins"),
    [("Meanwhile, page the DBA", True), ("In parallel: page the DBA", True), ("Page the DBA", False)],
)
def test_a_step_that_joins_the_last(text: str, joins: object) -> None:
    assert joins_the_last(text) is joins


def groups(text: str) -> list[str | None]:
    plan = compile_playbooks([("a.md", text.encode())])
    return [step.parallel for step in plan.of(Step)]


def test_a_heading_a_line_and_a_step_make_a_group_that_ends_where_they_do() -> None:
    found = groups(
        "# Runbook\n\n## Slow database response\n\nDo these in parallel:\n\n1. Page the DBA\n2. Restart the pods\n\n"
        "Then, one after the other:\n\n1. Restart the cache\n2. Notify stakeholders\n"
    )
    assert found[0] is not None
    assert found == [found[0], found[0], None, None]


def test_meanwhile_joins_two() -> None:
    found = groups(
        "# Runbook\n\n## Slow database response\n\n"
        "1. Restart the pods\n2. Meanwhile, page the DBA\n3. Restart the cache\n"
    )
    assert found[0] is not None
    assert found == [found[0], found[0], None]
