"""Answers as text for people, as JSON, and as problems for SARIF and GitHub."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from stanch.model.drift import Answer, Presence
from stanch.model.problem import Level, Problem
from stanch.playbook.report import printable

CODES = {Presence.GONE: "no-longer-there", Presence.UNASKED: "not-asked"}


def problems(answers: Sequence[Answer]) -> tuple[Problem, ...]:
    """What is gone as errors, what could not be asked as notes, each at its line."""
    return tuple(_problem(answer) for answer in answers if answer.presence is not Presence.EXISTS)


def _problem(answer: Answer) -> Problem:
    named = answer.named
    place = f" ({named.place})" if named.where else ""
    if answer.presence is Presence.GONE:
        message = f"The {named.kind} {named.name}{place} is gone: {answer.because}."
        hint = "Correct the playbook, or bring it back: the step that names it fails during an incident."
        return Problem(code=CODES[Presence.GONE], level=Level.ERROR, message=message, hint=hint, source=named.source)
    message = f"The {named.kind} {named.name}{place} could not be asked for: {answer.because}."
    return Problem(code=CODES[Presence.UNASKED], level=Level.NOTE, message=message, source=named.source)


def as_dict(answers: Sequence[Answer]) -> dict[str, Any]:
    """`{"answers": [...], "exists": n, "gone": n, "unasked": n}`."""
    return {
        "answers": [answer_dict(answer) for answer in answers],
        **{presence.value: count(answers, presence) for presence in Presence},
    }


def answer_dict(answer: Answer) -> dict[str, Any]:
    named = answer.named
    return {
        "kind": named.kind,
        "name": named.name,
        "where": dict(named.where),
        "presence": answer.presence.value,
        "because": answer.because,
        "elapsed_s": answer.elapsed_s,
        "source": asdict(named.source),
    }


def count(answers: Sequence[Answer], presence: Presence) -> int:
    return sum(answer.presence is presence for answer in answers)


_MARKS = {Presence.EXISTS: "exists", Presence.GONE: "GONE", Presence.UNASKED: "not asked"}


def as_text(answers: Sequence[Answer]) -> str:
    """One line each, the documents one after the other, and a line that counts."""
    return "\n".join(printable(line) for line in _lines(answers))


def _lines(answers: Sequence[Answer]) -> Iterator[str]:
    width = max((len(f"{answer.named.kind} {answer.named.name}") for answer in answers), default=0)
    shown = ""
    for answer in answers:
        named = answer.named
        if named.source.path != shown:
            shown = named.source.path
            yield shown
        place = f"{named.place}: " if named.where else ""
        what = f"{named.kind} {named.name}"
        reason = f"{place}{answer.because}".rstrip(": ")
        yield f"{named.source.line:>5} | {_MARKS[answer.presence]:<9}  {what:<{min(width, 60)}}  {reason}".rstrip()
    yield summary(answers)


def summary(answers: Sequence[Answer]) -> str:
    """`31 named: 28 exist, 1 is gone, 2 could not be asked`."""
    missing = count(answers, Presence.GONE)
    return (
        f"{len(answers)} named: {count(answers, Presence.EXISTS)} there, {missing} gone, "
        f"{count(answers, Presence.UNASKED)} could not be asked for"
    )
