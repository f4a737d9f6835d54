"""Playbooks to a plan. Pure: bytes in, facts and problems out, whatever the bytes are."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain

from stanch.model.plan import Fact, Plan, Playbook
from stanch.model.problem import Level, Problem
from stanch.model.signal import Reading, Signal
from stanch.playbook import checks
from stanch.playbook.alerting_rules import signals_of
from stanch.playbook.checks import stale_playbook
from stanch.playbook.context import Context, Reader
from stanch.playbook.definitions import definitions
from stanch.playbook.document import Document, read_document
from stanch.playbook.language import other_language
from stanch.playbook.merge import contradictions
from stanch.playbook.readers import (
    alerting_rules,
    contacts,
    drill_schedules,
    metrics,
    past_incidents,
    policies,
    procedures,
    roles,
    severities,
    templates,
    thresholds,
    triggers,
)
from stanch.playbook.surroundings import NOWHERE, Surroundings
from stanch.playbook.topics import outline
from stanch.playbook.vocabulary import Vocabulary, catalogue

VERSION = "1"
"""The reader's version: a change of what documents compile to changes every plan's hash."""

READERS: tuple[Reader, ...] = (
    severities.read,
    thresholds.read,
    alerting_rules.read,
    metrics.read,
    procedures.read,
    triggers.read,
    templates.read,
    roles.read,
    contacts.read,
    policies.read,
    past_incidents.read,
    drill_schedules.read,
)
"""Every construct that is read, one reader each. The order is that of nothing: facts are sorted by line."""


def compile_playbooks(documents: Sequence[tuple[str, bytes]], surroundings: Surroundings = NOWHERE) -> Plan:
    """Compile `(path, bytes)` pairs into one plan. Never raises for what the bytes are.

    `surroundings` is what the checks may know beside the documents; facts and hash do not depend on it.
    """
    read = [read_document(path, raw) for path, raw in documents]
    vocabulary = catalogue()
    defined = [definitions(document) for document, _ in read]
    for words in defined:
        vocabulary = words.widen(vocabulary)
    alerts = signals_of((document for document, _ in read), vocabulary.signals)
    playbooks = tuple(
        _playbook(document, (*problems, *words.problems), vocabulary, alerts)
        for (document, problems), words in zip(read, defined, strict=True)
    )
    plan = Plan(
        hash=_hash(documents),
        playbooks=playbooks,
        problems=contradictions(playbooks),
        facts=tuple(chain.from_iterable(playbook.facts for playbook in playbooks)),
        signals=(
            *chain.from_iterable(words.signals for words in defined),
            *(signal for signal in alerts.values() if signal.name not in vocabulary.signals),
        ),
    )
    return _checked(plan, checks.problems_of(plan, surroundings))


def proven(plan: Plan, surroundings: Surroundings) -> Plan:
    """The plan with what is said of its age judged anew; nothing else of it changes, its hash included."""
    kept = tuple(
        replace(
            playbook, problems=tuple(problem for problem in playbook.problems if problem.code != stale_playbook.CODE)
        )
        for playbook in plan.playbooks
    )
    return _checked(replace(plan, playbooks=kept), tuple(stale_playbook.check(plan, surroundings)))


def _checked(plan: Plan, problems: Sequence[Problem]) -> Plan:
    """The plan with what the checks found, each problem in its playbook."""
    found: dict[str, list[Problem]] = {playbook.path: list(playbook.problems) for playbook in plan.playbooks}
    for problem in problems:
        if problem.source is not None:
            found[problem.source.path].append(problem)
    playbooks = tuple(
        replace(playbook, problems=tuple(sorted(found[playbook.path], key=_place))) for playbook in plan.playbooks
    )
    return replace(plan, playbooks=playbooks)


def _playbook(
    document: Document, problems: tuple[Problem, ...], vocabulary: Vocabulary, alerts: Mapping[Reading, Signal]
) -> Playbook:
    language = other_language(document.text)
    context = Context(vocabulary=vocabulary, outline=outline(document), language=language, alerts=alerts)
    facts: list[Fact] = []
    found: list[Problem] = list(problems)
    if language is not None:
        found.append(_in_other_language(document, language))
    for reader in READERS:
        read, wrong = reader(document, context)
        facts.extend(read)
        found.extend(wrong)
    found.extend(context.effort.problems(document))
    return Playbook(
        path=document.path,
        title=document.title,
        text=document.text,
        front=document.front,
        facts=tuple(sorted(facts, key=lambda fact: (fact.source.line, fact.source.column))),
        problems=tuple(sorted(found, key=_place)),
    )


def _in_other_language(document: Document, language: str) -> Problem:
    return Problem(
        code="other-language",
        level=Level.WARNING,
        message=f"This document seems to be in {language}; its prose is not read, and no threshold in it is armed.",
        hint="Write thresholds and steps in English, or as tables with names from the catalogue.",
        source=document.source_at(1),
    )


def _place(problem: Problem) -> tuple[int, int]:
    return (problem.source.line, problem.source.column) if problem.source else (0, 0)


def _hash(documents: Sequence[tuple[str, bytes]]) -> str:
    digest = hashlib.sha256(VERSION.encode())
    for path, raw in documents:
        digest.update(len(path.encode()).to_bytes(8) + path.encode())
        digest.update(len(raw).to_bytes(8) + raw)
    return digest.hexdigest()
