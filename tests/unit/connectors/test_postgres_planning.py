"""What is sent to be planned can only be planned."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stanch.connectors.postgres.planner import Planning
from stanch.diagnosis.lexer import Normalised, normalise
from stanch.model.postgres import Extension, IndexShape, Planned, PlanRequest, Server, Unanswered

HYPOPG = {"hypopg": Extension(version="1.3.1", schema='odd"schema')}


def server(major: int = 15, *, plans: bool = True, extensions: dict[str, Extension] | None = None) -> Server:
    return Server(
        version=major * 10_000,
        database="clinic",
        role="stanch_read",
        superuser=False,
        reads_statistics=True,
        reads_data=True,
        plans=plans,
        extensions=HYPOPG if extensions is None else extensions,
    )


def request(text: str, *shapes: IndexShape, parameters: int = 0) -> PlanRequest:
    return PlanRequest(text=text, parameters=parameters, schemas=("public",), indexes=shapes)


SHAPE = IndexShape(schema="public", table="t", columns=("a",))


@pytest.mark.parametrize(
    "text",
    ["DELETE FROM t", "SELECT 1;", "SELECT 'x'", "SELECT $$x$$", "SELECT $x$y$x$", "SELECT 1 --", "SELECT /* */ 1",
     "COPY t TO PROGRAM x", "", "EXPLAIN ANALYZE SELECT 1", "SELECT $"],
)  # fmt: skip
def test_what_is_no_bare_select_is_not_sent(text: str) -> None:
    planning = Planning(server(), [request(text)])
    assert planning.statement is None
    (answer,) = planning.heard([]).values()
    assert isinstance(answer, Unanswered)


@pytest.mark.parametrize("text", ['SELECT a FROM "odd; -- \'name$$"', "with w as (select $1) select * from w"])
def test_what_only_looks_odd_is_sent(text: str) -> None:
    assert Planning(server(), [request(text, parameters=1)]).statement is not None


@given(st.text(max_size=80))
def test_whatever_normalisation_leaves_is_planned_or_refused_but_never_closes_the_block(text: str) -> None:
    normalised = normalise(text)
    if not isinstance(normalised, Normalised):
        return
    planning = Planning(server(), [request(normalised.text, parameters=normalised.parameters)])
    if planning.statement is not None:
        body = planning.statement.as_string(None)
        opening = body.split(None, 2)[1]
        assert body.count(opening) == 2, "the block ends where it was meant to"
        assert body.endswith(opening)


def test_without_plpgsql_or_hypopg_it_says_so() -> None:
    plain, indexed = request("SELECT 1"), request("SELECT 1", SHAPE)
    (answer,) = Planning(server(plans=False), [plain]).heard([]).values()
    assert isinstance(answer, Unanswered)
    assert "plpgsql" in answer.because
    planning = Planning(server(extensions={}), [plain, indexed])
    assert planning.planned == 1
    refused = planning.heard([])[indexed]
    assert isinstance(refused, Unanswered)
    assert "HypoPG" in refused.because


def test_names_are_quoted_in_the_block() -> None:
    evil = IndexShape(schema='s"', table="t'; --", columns=('c"',))
    (job,) = jobs(Planning(server(), [PlanRequest(text="SELECT 1", parameters=0, schemas=('p"',), indexes=(evil,))]))
    assert job["indexes"] == ["""CREATE INDEX ON "s\"\""."t'; --" ("c\"\"")"""]
    assert job["path"] == '"pg_catalog", "p"""'


def jobs(planning: Planning) -> list[dict[str, Any]]:
    """What the block is told to plan: the JSON in its one string literal."""
    assert planning.statement is not None
    body = planning.statement.as_string(None)
    assert '"odd""schema".hypopg_create_index' in body
    literal = body[body.index("json_array_elements(") + len("json_array_elements(") : body.index("::json)")].strip()
    text = literal.removeprefix("E").strip("'").replace("''", "'")
    told: list[dict[str, Any]] = json.loads(text.replace("\\\\", "\\") if literal.startswith("E") else text)
    return told


def test_generic_plans_are_asked_for_where_the_server_has_them() -> None:
    new = Planning(server(16), [request("SELECT $1", parameters=1)]).statement
    old = Planning(server(15), [request("SELECT $1", parameters=1)]).statement
    assert new is not None
    assert old is not None
    assert "GENERIC_PLAN" in new.as_string(None)
    assert "GENERIC_PLAN" not in old.as_string(None)
    assert '"arguments": "(NULL)"' in old.as_string(None)


def test_every_request_gets_its_answer() -> None:
    first, second, third = request("SELECT 1"), request("SELECT 2 FROM t"), request("SELECT 3 FROM t")
    answers = Planning(server(), [first, second, third]).heard(
        [
            {"job": 1, "failed": "permission denied for table t", "sqlstate": "42501"},
            {"job": 0, "plan": [{"Plan": {"Node Type": "Result", "Total Cost": 0.01}}]},
        ]
    )
    planned = answers[first]
    assert isinstance(planned, Planned)
    assert planned.cost == 0.01
    assert answers[second] == Unanswered(because="permission denied for table t")
    assert answers[third] == Unanswered(because="the server did not say")
