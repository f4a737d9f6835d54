"""The search asks for what causes need, all at once, and never without end."""

from collections.abc import Mapping, Sequence

import pytest

from diagnosis_cases import all_cases, observed
from stanch.diagnosis.cause import Need
from stanch.diagnosis.rendering import as_dict
from stanch.diagnosis.search import search
from stanch.model.clock import ManualClock
from stanch.model.finding import Finding, RuledOut
from stanch.model.postgres import Answer, Observation, PlanRequest, Refusal, Request, Unanswered
from stanch.model.problem import Unusable

ONE = PlanRequest(text="SELECT 1", parameters=0, schemas=("public",))
TWO = PlanRequest(text="SELECT 2", parameters=0, schemas=("public",))


class Patient:
    """A server that was seen once; every question to it is one statement."""

    def __init__(self, seen: Observation | Refusal) -> None:
        self.seen = seen
        self.sent = 7
        self.asked: list[tuple[Request, ...]] = []

    async def observe(self) -> Observation | Refusal:
        self.sent += 2
        return self.seen

    async def answer(self, requests: Sequence[Request]) -> Mapping[Request, Answer]:
        self.sent += 1
        self.asked.append(tuple(requests))
        return {request: Unanswered(because="permission denied") for request in requests}


def found(name: str, confidence: float) -> Finding:
    return Finding(cause=name, summary="", confidence=confidence, subject={}, evidence=())


def needing(name: str, *requests: PlanRequest):
    def look(observation: Observation) -> Finding | Need:
        unmet = tuple(request for request in requests if request not in observation.answers)
        return Need(requests=requests) if unmet else found(name, 0.5)

    return look


async def test_the_needs_of_all_causes_are_met_together() -> None:
    patient = Patient(observed({}, {}))
    causes = {"a": needing("a", ONE), "b": needing("b", TWO, ONE), "c": lambda _: RuledOut(cause="c", because="no")}
    diagnosis = await search(patient, ManualClock(), causes)
    assert patient.asked == [(ONE, TWO)]
    assert diagnosis.statements == 3
    assert [finding.cause for finding in diagnosis.findings] == ["a", "b"]
    assert [each.cause for each in diagnosis.ruled_out] == ["c"]
    assert "2 statement(s) could not be planned: permission denied." in diagnosis.notes


async def test_the_surest_finding_comes_first() -> None:
    causes = {"a": lambda _: found("a", 0.4), "b": lambda _: found("b", 0.9), "c": lambda _: found("c", 0.4)}
    diagnosis = await search(Patient(observed({}, {})), ManualClock(), causes)
    assert [finding.cause for finding in diagnosis.findings] == ["b", "a", "c"]


async def test_a_cause_that_asks_without_end_is_cut_off() -> None:
    number = iter(range(100))

    def greedy(_: Observation) -> Need:
        text = f"SELECT a{next(number)}"
        return Need(requests=(PlanRequest(text=text, parameters=0, schemas=()),))

    patient = Patient(observed({}, {}))
    diagnosis = await search(patient, ManualClock(), {"greedy": greedy})
    assert len(patient.asked) == 3
    assert "not settled" in diagnosis.ruled_out[0].because


async def test_a_cause_that_asks_for_what_was_refused_is_cut_off() -> None:
    diagnosis = await search(Patient(observed({}, {})), ManualClock(), {"stuck": lambda _: Need(requests=(ONE,))})
    assert "not settled" in diagnosis.ruled_out[0].because


async def test_a_full_server_is_a_finding_and_a_broken_one_a_reason() -> None:
    full = await search(Patient(Refusal(sqlstate="53300", because="sorry, too many clients already")), ManualClock())
    assert [finding.cause for finding in full.findings] == ["max_connections"]
    with pytest.raises(Unusable, match="did not answer"):
        await search(Patient(Refusal(sqlstate="57014", because="PostgreSQL did not answer")), ManualClock())


async def test_what_limits_the_search_is_said() -> None:
    bare = {"bare": True, "server": {"reads_statistics": False, "reads_data": False}}
    notes = " ".join((await search(Patient(observed(bare, {})), ManualClock())).notes)
    for part in ("pg_stat_statements is not installed", "HypoPG is not installed", "pg_monitor", "pg_read_all_data"):
        assert part in notes


async def test_a_diagnosis_is_plain_json() -> None:
    (reference,) = [case for case in all_cases() if case.name == "the reference incident, with both extensions"]
    finding = reference.verdict()
    assert isinstance(finding, Finding)
    diagnosis = await search(Patient(reference.observation), ManualClock(), {"missing_index": lambda _: finding})
    told = as_dict(diagnosis)
    (rendered,) = told["findings"]
    assert (rendered["cause"], rendered["table"], rendered["columns"]) == (
        "missing_index",
        "appointments",
        ["doctor_id", "appointment_date"],
    )
    assert rendered["evidence"]["Blocks a call"]["relpages"] == 124590
    assert rendered["proposals"][0]["risk"] == "mutating"
    assert set(told) == {"findings", "ruled_out", "notes", "statements", "elapsed_s"}
