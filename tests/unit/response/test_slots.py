"""What may be filled in for a place of a command, and what becomes of the command."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from response_stage import SOURCE
from stanch.commands.rating import rate
from stanch.commands.sql import rate_sql
from stanch.commands.standins import put, stand_in
from stanch.model.plan import Procedure, Slot, Step, StepKind
from stanch.model.problem import Refused
from stanch.model.risk import Risk
from stanch.model.run import StepRecord
from stanch.playbook.slots import slots_in_command
from stanch.response.expansion import expand
from stanch.response.slots import (
    LONGEST,
    TYPES,
    filled,
    forgotten,
    is_secret,
    open_slots,
    places,
    preview,
    refusal,
    resolved,
    shown,
)

CASES = tomllib.loads((Path(__file__).parents[2] / "cases" / "response" / "slots.toml").read_text(encoding="utf-8"))
HELM = "helm upgrade platform ./infra/platform --namespace prod --set image.tag=<last-known-good-tag>"


def step(command: str, *, language: str = "shell", slots: tuple[Slot, ...] | None = None) -> StepRecord:
    rating = rate_sql(command) if language == "sql" else rate(command)
    found = slots_in_command(command) if slots is None else slots
    made = Step(
        key="a",
        type=StepKind.COMMAND,
        text="do it",
        command=command,
        language=language,
        rating=rating,
        risk=rating.risk,
        slots=found,
        source=SOURCE,
    )
    (record,) = expand("1.1", Procedure(key="p", name="P", steps=(made,), source=SOURCE), now=0.0)
    return record


def fill(record: StepRecord, **values: str) -> StepRecord:
    return filled(record, values, by="alice", at=1.0, origins={})


def case(entry: dict[str, Any]) -> tuple[Slot, StepRecord]:
    slot = Slot(name="x", placeholder="<x>", type=entry["type"])
    return slot, step(entry.get("command", "tool <x>"), language=entry.get("language", "shell"), slots=(slot,))


def name_of(entry: dict[str, Any]) -> str:
    return f"{entry['type']}: {entry['value']!r} {entry.get('command', '')}"


@pytest.mark.parametrize("entry", CASES["refused"], ids=name_of)
def test_a_value_is_refused_with_the_reason(entry: dict[str, Any]) -> None:
    slot, record = case(entry)
    why = refusal(slot, entry["value"], record)
    assert why is not None
    assert any(part in why for part in entry["because"].split("|")), why
    with pytest.raises(Refused, match="was not filled in"):
        fill(record, x=entry["value"])


@pytest.mark.parametrize("entry", CASES["taken"], ids=name_of)
def test_a_value_of_the_type_is_taken(entry: dict[str, Any]) -> None:
    slot, record = case(entry)
    assert refusal(slot, entry["value"], record) is None
    assert not open_slots(fill(record, x=entry["value"]))


def test_every_type_has_a_value_that_is_refused_and_one_that_is_taken() -> None:
    for outcome in ("refused", "taken"):
        assert {entry["type"] for entry in CASES[outcome]} == TYPES


def test_a_value_that_is_too_long_is_refused() -> None:
    slot, record = case({"type": "text"})
    assert refusal(slot, "a" * LONGEST, record) is None
    assert "characters long" in (refusal(slot, "a" * (LONGEST + 1), record) or "")


def test_the_value_takes_the_place_inside_its_word_and_the_rest_stays() -> None:
    after = resolved(fill(step(HELM), last_known_good_tag="v2.4.0"))
    words = ("helm", "upgrade", "platform", "./infra/platform", "--namespace", "prod", "--set", "image.tag=v2.4.0")
    assert after.pipeline == (words,)
    assert after.statement == " ".join(words)
    assert after.target["namespace"] == "prod"
    assert after.command == HELM


@pytest.mark.parametrize(
    ("command", "values", "argv"),
    [
        ("kubectl logs {pod_name} -n prod", {"pod_name": "a-1"}, (("kubectl", "logs", "a-1", "-n", "prod"),)),
        ("kubectl logs {{ pod }} -n prod", {"pod": "a-1"}, (("kubectl", "logs", "a-1", "-n", "prod"),)),
        ("kubectl logs [pod] -n prod", {"pod": "a-1"}, (("kubectl", "logs", "a-1", "-n", "prod"),)),
        ("kubectl logs YOUR_POD -n prod", {"your_pod": "a-1"}, (("kubectl", "logs", "a-1", "-n", "prod"),)),
        ("kubectl logs <pod> | grep <what>", {"pod": "a", "what": "b c"}, (("kubectl", "logs", "a"), ("grep", "b c"))),
        ("echo '<a> and <a>'", {"a": "x"}, (("echo", "x and x"),)),
        ("echo <a> <ab>", {"a": "x", "ab": "<a>"}, None),
        ('kubectl patch x --patch=\'{"u":"<new-url>"}\'', {"new_url": "http://h/"}, (("kubectl", "patch", "x", '--patch={"u":"http://h/"}'),)),
    ],
)  # fmt: skip
def test_placeholders_of_every_spelling(command: str, values: dict[str, str], argv: Any) -> None:
    if argv is None:
        with pytest.raises(Refused):
            fill(step(command), **values)
        return
    assert resolved(fill(step(command), **values)).pipeline == argv


def test_a_value_may_raise_the_risk_and_that_is_said_and_never_lower_it() -> None:
    record = step("kubectl <verb> pod api-1 -n prod", slots=(Slot(name="verb", placeholder="<verb>"),))
    assert record.risk is Risk.MUTATING
    harmless = resolved(fill(record, verb="get"))
    assert harmless.risk is Risk.MUTATING
    worse = fill(harmless, verb="delete")
    shown = preview(worse)
    assert shown.risk is Risk.DESTRUCTIVE
    assert shown.raised == "With these values it is destructive; as the playbook has it, it is mutating"
    assert "With these values it is destructive" in (resolved(worse).why or "")
    back = fill(resolved(worse), verb="get")
    assert resolved(back).risk is Risk.MUTATING
    assert preview(back).raised is None


def test_filling_in_part_leaves_the_rest_open_and_shows_it() -> None:
    record = fill(step("kubectl logs <pod> -c <container>"), pod="a-1")
    assert [slot.name for slot in open_slots(record)] == ["container"]
    assert preview(record).statement == "kubectl logs a-1 -c <container>"
    assert preview(record).argv is None


def test_all_faults_are_told_at_once_and_nothing_is_kept() -> None:
    with pytest.raises(Refused) as refused:
        fill(step("kubectl logs <pod> -c <container>"), pod="-x", container="a;b", other="c")
    assert len(refused.value.problems) == 3
    assert "there is `pod`, `container`." in refused.value.problems[2].message


def test_a_query_is_filled_in_and_only_reads() -> None:
    text = "SELECT query FROM pg_stat_activity WHERE pid = <pid>"
    slots = slots_in_command(text)
    record = step(stand_in(text, [slot.placeholder for slot in slots]).text, language="sql", slots=slots)
    record = fill(step(text, language="sql", slots=slots), pid="4711")
    assert resolved(record).statement == "SELECT query FROM pg_stat_activity WHERE pid = 4711"


ANY = st.one_of(st.text(max_size=60), st.text(alphabet="abz019-._:/@=,+ é", max_size=30))


PATCH = 'kubectl patch secret db -n prod --patch=\'{"data":{"URL":"<new-encoded-url>"}}\''


def test_a_secret_is_run_with_and_shown_nowhere_and_forgotten_in_the_end() -> None:
    secret = "cG9zdGdyZXM6Ly9hOmJAaC9k"
    after = resolved(fill(step(PATCH), new_encoded_url=secret))
    assert after.pipeline is not None
    assert any(secret in argument for argument in after.pipeline[0])
    for text in (after.statement, after.why, after.target, preview(after), shown(after)):
        assert secret not in str(text)
    assert "<new-encoded-url>" in (after.statement or "")
    assert shown(after).filled[0].value == "(24 characters, not shown)"
    gone = forgotten(after)
    assert secret not in str(gone)
    assert [slot.name for slot in open_slots(gone)] == ["new_encoded_url"]
    assert shown(step(HELM)) == forgotten(step(HELM)) == step(HELM)


@pytest.mark.parametrize("name", ["new_password", "api_key", "auth_token", "new_encoded_url", "secret"])
def test_what_is_called_a_secret_is_one(name: str) -> None:
    assert is_secret(Slot(name=name, placeholder=f"<{name}>"))


@pytest.mark.parametrize("name", ["key", "tag", "tokens_per_second", "monkey", "secretary", "pod_name"])
def test_other_values_are_no_secrets(name: str) -> None:
    assert not is_secret(Slot(name=name, placeholder=f"<{name}>"))


@settings(deadline=None)
@given(value=ANY, place=st.sampled_from(["<x>", "a=<x>", "a=<x>b", '\'{"k":"<x>"}\'', "'a <x> b'"]))
def test_whatever_the_value_only_that_word_differs_or_it_is_refused(value: str, place: str) -> None:
    command = f"helm upgrade a ./a --set {place} --namespace prod"
    slot = Slot(name="x", placeholder="<x>")
    record = step(command, slots=(slot,))
    try:
        after = resolved(fill(record, x=value))
    except Refused:
        return
    (before,) = rate(put(command, {"<x>": "neutral"})).pipeline or ()
    ((*argv,),) = after.pipeline or ()
    assert len(argv) == len(before)
    differing = [(old, new) for old, new in zip(before, argv, strict=True) if old != new]
    assert differing in ([], [(before[5], before[5].replace("neutral", value))])
    assert rate(after.statement or "").pipeline == after.pipeline
    assert after.risk.rank >= record.risk.rank


@settings(deadline=None)
@given(value=st.text(alphabet="ab-$(){}`'\";|&<>\\ \n*?=,.:/@ é\u200b", max_size=20))
def test_no_value_is_ever_more_than_data_to_bash(value: str) -> None:
    slot = Slot(name="x", placeholder="<x>")
    if refusal(slot, value, step("tool <x>", slots=(slot,))) is None:
        assert not set(value) & set("$(){}`'\";|&<>\\\n*?")
        assert not value.startswith("-")


def test_places_stand_in_the_order_of_the_command_each_name_once_by_its_first_placeholder() -> None:
    record = step("cp <from path> <to-path> && ls <from-path>")
    assert [slot.placeholder for slot in places(record)] == ["<from path>", "<to-path>"]
