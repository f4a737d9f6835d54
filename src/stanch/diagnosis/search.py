"""The search for a cause: look twice, ask every cause, meet their needs together, ask again."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from stanch.diagnosis.cause import Look, Need, all_causes
from stanch.diagnosis.causes.max_connections import refused
from stanch.diagnosis.reading import read
from stanch.diagnosis.workload import workload
from stanch.model.clock import Clock
from stanch.model.finding import Diagnosis, Finding, RuledOut
from stanch.model.postgres import Answer, Observation, Planned, PlanRequest, Refusal, Request, Unanswered
from stanch.model.problem import Unusable

MOST_ROUNDS = 3


class Patient(Protocol):
    """A server that can be looked at. `sent` counts every statement that it was sent."""

    @property
    def sent(self) -> int: ...

    async def observe(self) -> Observation | Refusal:
        """Two looks, some time apart."""
        ...

    async def answer(self, requests: Sequence[Request]) -> Mapping[Request, Answer]:
        """Every request with its answer, in as few statements as it can."""
        ...


def prepare() -> None:
    """Load the causes and the SQL grammar now (some 0.2 s), so that the first diagnosis of an incident need not."""
    all_causes()
    read("SELECT 1")


async def search(patient: Patient, clock: Clock, causes: Mapping[str, Look] | None = None) -> Diagnosis:
    """Look for every cause, side by side. A server that is full is a finding by itself.

    Raises Unusable where the server cannot be looked at for any other reason.
    """
    begun, sent = clock.monotonic(), patient.sent
    seen = await patient.observe()
    if isinstance(seen, Refusal):
        return _refused(seen, clock.monotonic() - begun, patient.sent - sent)
    observation, verdicts = await _ask(patient, seen, all_causes() if causes is None else causes)
    findings = [verdict for verdict in verdicts if isinstance(verdict, Finding)]
    return Diagnosis(
        findings=tuple(sorted(findings, key=lambda finding: (-finding.confidence, finding.cause))),
        ruled_out=tuple(verdict for verdict in verdicts if isinstance(verdict, RuledOut)),
        statements=patient.sent - sent,
        elapsed_s=clock.monotonic() - begun,
        notes=_notes(observation),
    )


def _refused(refusal: Refusal, elapsed_s: float, statements: int) -> Diagnosis:
    finding = refused(refusal)
    if finding is None:
        raise Unusable(refusal.because, hint="Nothing was changed. Try again, or look at the server itself.")
    return Diagnosis(findings=(finding,), ruled_out=(), statements=statements, elapsed_s=elapsed_s)


async def _ask(
    patient: Patient, observation: Observation, causes: Mapping[str, Look]
) -> tuple[Observation, list[Finding | RuledOut]]:
    open_causes = dict(causes)
    verdicts: dict[str, Finding | RuledOut] = {}
    for _ in range(MOST_ROUNDS):
        wanted: dict[Request, None] = {}
        for name, look in list(open_causes.items()):
            verdict = look(observation)
            if isinstance(verdict, Need):
                wanted.update(dict.fromkeys(verdict.requests))
            else:
                verdicts[name] = verdict
                del open_causes[name]
        unmet = [request for request in wanted if request not in observation.answers]
        if not unmet:
            break
        answers = {**observation.answers, **await patient.answer(unmet)}
        observation = replace(observation, answers=answers)
    for name in open_causes:
        verdicts[name] = RuledOut(cause=name, because=f"it was not settled in {MOST_ROUNDS} rounds of questions")
    return observation, [verdicts[name] for name in causes]


def _notes(observation: Observation) -> tuple[str, ...]:
    """What limited the search: for people who wonder why something was not seen."""
    notes: list[str] = []
    server = observation.server
    if observation.later.statements is None:
        notes.append(
            "pg_stat_statements is not installed: statements were sampled from the sessions running them, so calls "
            "and blocks per call are not known."
        )
    if "hypopg" not in server.extensions:
        notes.append("HypoPG is not installed: what an index would bring is estimated from column statistics.")
    if not server.reads_statistics:
        notes.append(f"Role {server.role} sees only its own sessions and statements: grant it pg_monitor.")
    if not server.reads_data and not server.superuser:
        notes.append(f"Role {server.role} may not plan over every table: grant it pg_read_all_data.")
    notes += workload(observation).notes
    return (*notes, *_planning_notes(observation))


def _planning_notes(observation: Observation) -> Iterator[str]:
    """How many plans were made, and why others were not."""
    plans = {request: answer for request, answer in observation.answers.items() if isinstance(request, PlanRequest)}
    made = sum(isinstance(answer, Planned) for answer in plans.values())
    if made:
        yield f"One of the statements is a DO block, inside which {made} plan(s) were made and nothing ran."
    for what, hypothetical in (("statement(s)", False), ("plan(s) with an index that is not there", True)):
        refused = Counter(
            answer.because
            for request, answer in plans.items()
            if isinstance(answer, Unanswered) and bool(request.indexes) is hypothetical
        )
        for because, count in sorted(refused.items()):
            yield f"{count} {what} could not be planned: {because}."
