"""Which procedure answers an incident, and the reason it gives."""

from response_stage import act, manual, plan, procedure
from stanch.response.matching import Matched, NoneMatched, match_procedure

SLOW = procedure(act("a"), key="slow", name="Slow", applies_to=("P1", "P2"), signals=("http.response_time", "db.pool"))
CACHE = procedure(act("b"), key="cache", name="Cache", signals=("redis.memory",))
ANY = procedure(manual("c"), key="any", name="Any P1", applies_to=("P1",))
INDEX = procedure(act("d"), key="index", name="Missing index", cause="missing_index")


def matched(*procedures, severity="P1", signals=(), causes=()):
    return match_procedure(plan(*procedures), severity=severity, signals=signals, causes=causes)


def test_the_signals_that_fired_choose_and_the_reason_names_them() -> None:
    chosen = matched(ANY, CACHE, SLOW, signals=("http.response_time",))
    assert isinstance(chosen, Matched)
    assert chosen.procedure is SLOW
    assert chosen.because == (
        "'Slow' (playbook.md:7) was chosen: it speaks of http.response_time, which fired; it is for severity P1."
    )


def test_a_cause_that_was_found_counts_most() -> None:
    chosen = matched(SLOW, INDEX, signals=("http.response_time",), causes=("missing_index",))
    assert isinstance(chosen, Matched)
    assert chosen.procedure is INDEX


def test_a_procedure_for_other_severities_is_out() -> None:
    assert isinstance(matched(SLOW, severity="P3", signals=("http.response_time",)), NoneMatched)


def test_nothing_in_common_is_not_started_on_a_guess() -> None:
    none = matched(CACHE, severity="P2", signals=("http.response_time",))
    assert none == NoneMatched(because="No procedure speaks of severity P2 and http.response_time.")


def test_a_procedure_without_steps_answers_nothing() -> None:
    assert matched(procedure(key="empty", applies_to=("P1",))) == NoneMatched(
        because="The playbooks hold no procedure with steps."
    )


def test_of_equals_the_first_in_the_document_goes_and_the_other_is_named() -> None:
    other = procedure(act("x"), key="other", name="Other", applies_to=("P1",))
    chosen = matched(ANY, other)
    assert isinstance(chosen, Matched)
    assert chosen.procedure is ANY
    assert chosen.because.endswith("'Other' would fit as well; the first in the document goes first.")
