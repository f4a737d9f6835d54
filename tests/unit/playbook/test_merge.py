"""Several playbooks are one plan, and what they say differently is told with both places."""

from stanch.model.plan import Severity
from stanch.model.problem import Level
from stanch.playbook.compile import compile_playbooks
from stanch.playbook.report import problems_of

FIRST = b"## Severity levels\n\n| Level | Response time |\n|---|---|\n| P1 | 15 minutes |\n"


def test_two_response_times_for_one_level_name_both_lines() -> None:
    plan = compile_playbooks([("a.md", FIRST), ("b.md", FIRST.replace(b"15 minutes", b"1 hour"))])
    (problem,) = plan.problems
    assert (problem.code, problem.level) == ("contradiction", Level.ERROR)
    assert "a.md:5" in problem.message
    assert "b.md:5" in problem.message
    assert problem.source is not None
    assert problem.source.path == "b.md"


def test_the_same_time_in_other_words_is_no_contradiction() -> None:
    plan = compile_playbooks(
        [("a.md", FIRST.replace(b"15 minutes", b"60 minutes")), ("b.md", FIRST.replace(b"15 minutes", b"1 hour"))]
    )
    assert plan.problems == ()
    assert len(plan.of(Severity)) == 2


def test_two_addresses_for_one_name_are_told() -> None:
    text = b"## Contacts\n\n- On-call: a@team.example.org\n"
    plan = compile_playbooks([("a.md", text), ("b.md", text.replace(b"a@", b"b@"))])
    (problem,) = plan.problems
    assert (problem.code, problem.level) == ("contradiction", Level.WARNING)


def test_one_bad_document_does_not_hold_up_the_others() -> None:
    plan = compile_playbooks([("bad.md", b"\x00\x01"), ("good.md", FIRST)])
    assert [problem.code for problem in problems_of(plan)] == ["not-text"]
    assert [fact.level for fact in plan.of(Severity)] == ["P1"]


def test_the_hash_is_that_of_the_documents() -> None:
    plan = compile_playbooks([("a.md", FIRST)])
    assert plan.hash == compile_playbooks([("a.md", FIRST)]).hash
    assert len(plan.hash) == 64
    assert plan.hash != compile_playbooks([("b.md", FIRST)]).hash
    assert plan.hash != compile_playbooks([("a.md", FIRST + b"\n")]).hash
    assert compile_playbooks([("ab", b"c")]).hash != compile_playbooks([("a", b"bc")]).hash


def test_a_signal_defined_in_one_document_is_known_in_all() -> None:
    signals = (
        b"## Signals\n\n| Signal | Query | Unit |\n|---|---|---|\n| basket errors | basket_errors_ratio | ratio |\n"
    )
    alerts = b"## Alerts\n\n- Basket errors > 2%\n"
    plan = compile_playbooks([("alerts.md", alerts), ("signals.md", signals)])
    assert problems_of(plan) == ()


def test_no_documents_are_an_empty_plan() -> None:
    plan = compile_playbooks([])
    assert (plan.facts, plan.playbooks, plan.problems) == ((), (), ())
