"""Every cause fires where it should and stays silent where it should: the cases are data."""

import json

import pytest

from diagnosis_cases import FOLDER, Case, all_cases
from stanch.diagnosis.cause import all_causes
from stanch.diagnosis.rendering import finding_dict
from stanch.model.finding import Finding, RuledOut

CASES = all_cases()


def named(case: Case) -> str:
    return f"{case.cause}: {case.name}"


@pytest.mark.parametrize("case", [case for case in CASES if case.fires], ids=named)
def test_it_fires(case: Case) -> None:
    finding = case.verdict()
    assert isinstance(finding, Finding), finding
    assert finding.cause == case.cause
    assert 0 < finding.confidence <= 1
    assert finding.evidence
    wanted = case.data
    for name, value in wanted.get("subject", {}).items():
        assert finding.subject[name] == value
    assert wanted.get("summary", "") in finding.summary
    told = json.dumps(finding_dict(finding))
    assert not [value for value in wanted.get("hidden", []) if value in told], "a value of the patient's leaked"


@pytest.mark.parametrize("case", [case for case in CASES if not case.fires], ids=named)
def test_it_stays_silent_and_says_why(case: Case) -> None:
    verdict = case.verdict()
    assert isinstance(verdict, RuledOut), verdict
    assert case.data["because"] in verdict.because


@pytest.mark.parametrize("case", [case for case in CASES if case.cause == "missing_index" and case.fires], ids=named)
def test_the_index_is_the_right_one(case: Case) -> None:
    finding = case.verdict()
    assert isinstance(finding, Finding)
    wanted = case.data
    assert finding.subject["columns"] == wanted["columns"]
    assert finding.subject["table"] == wanted.get("table", "appointments")
    assert finding.subject["index"] == wanted.get("index", finding.subject["index"])
    assert [each["columns"] for each in finding.subject.get("further", [])] == wanted.get("further", [])
    assert len(finding.proposals) == wanted.get("proposals", 1 + len(wanted.get("further", [])))
    if "statement" in wanted:
        assert finding.proposals[0].statement == wanted["statement"]
    if "later" in wanted:
        assert [each.kind for each in finding.later] == wanted["later"]
    if "evidence" in wanted:
        assert [each.name for each in finding.evidence] == wanted["evidence"]
    if "confidence" in wanted:
        assert finding.confidence == wanted["confidence"]


def test_every_cause_has_cases_of_both_kinds() -> None:
    assert {path.stem for path in FOLDER.glob("*.toml")} == set(all_causes())
    for cause in all_causes():
        kinds = {case.fires for case in CASES if case.cause == cause}
        assert kinds == {True, False}, cause


@pytest.mark.parametrize("name", all_causes())
def test_every_cause_has_a_page_for_its_users(name: str) -> None:
    page = __import__(all_causes()[name].__module__, fromlist=["look"]).__doc__ or ""
    assert "**What it looks at.**" in page
    assert len(page) > 150


def test_what_one_cause_finds_silences_no_other() -> None:
    """All causes look at the reference incident; only the missing index is found."""
    (reference,) = [case for case in CASES if case.name == "the reference incident, with both extensions"]
    verdicts = {name: Case(cause=name, name="", data=reference.data, observation=reference.observation).verdict()
                for name in all_causes()}  # fmt: skip
    assert [name for name, verdict in verdicts.items() if isinstance(verdict, Finding)] == ["missing_index"]
