"""Plans for unknown parameter values, with and without hypothetical indexes: one DO block for all of them.

A statement is only ever planned. It was written by somebody else, and planning runs immutable functions, so what is
planned is one SELECT without literals or comments whose functions are PostgreSQL's own, in a session that is
read-only, short of patience, and looks names up in pg_catalog first.
"""

import json
import re
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from psycopg import sql

from stanch.model.postgres import Answer, IndexShape, Planned, PlanRequest, Request, Server, Unanswered

_ONE_SELECT = re.compile(r"\A\s*(?:select|with)\b(?:[^;'\"]|\"(?:[^\"]|\"\")*\")*\Z", re.IGNORECASE)
_QUOTED = re.compile(r'"(?:[^"]|"")*"')
_HAS_COMMENT_OR_DOLLAR_QUOTE = re.compile(r"--|/\*|\$[^0-9]|\$\Z")

_BLOCK = """\
DO {tag}
DECLARE
  job json; plan json; foreign_function text; prepared boolean;
BEGIN
  PERFORM set_config('plan_cache_mode', 'force_generic_plan', true);
  FOR job IN SELECT * FROM json_array_elements({jobs}) LOOP
    prepared := false;
    BEGIN
      SELECT f INTO foreign_function FROM json_array_elements_text(job->'functions') f
        WHERE NOT EXISTS (SELECT FROM pg_proc p WHERE p.proname = f AND p.pronamespace = 'pg_catalog'::regnamespace)
        LIMIT 1;
      IF FOUND THEN
        RAISE EXCEPTION 'it calls %, which is not a function of PostgreSQL itself', foreign_function;
      END IF;
      {hypothesise}
      PERFORM set_config('search_path', job->>'path', true);
      {plan}
      PERFORM set_config('search_path', 'pg_catalog', true);
      RAISE INFO USING MESSAGE = {message}, DETAIL =
        json_build_object('job', job->'job', 'plan', plan)::text;
    EXCEPTION WHEN OTHERS THEN
      RAISE INFO USING MESSAGE = {message}, DETAIL =
        json_build_object('job', job->'job', 'failed', SQLERRM, 'sqlstate', SQLSTATE)::text;
    END;
    {clean}
  END LOOP;
END {tag}"""

_GENERIC = "EXECUTE 'EXPLAIN (GENERIC_PLAN, FORMAT JSON) ' || (job->>'text') INTO plan;"
_PREPARED = """\
EXECUTE 'PREPARE stanch_planned AS ' || (job->>'text');
      prepared := true;
      EXECUTE 'EXPLAIN (FORMAT JSON) EXECUTE stanch_planned' || (job->>'arguments') INTO plan;"""
_DEALLOCATE = "IF prepared THEN DEALLOCATE stanch_planned; END IF;"
_HYPOTHESISE = """\
PERFORM {schema}.hypopg_create_index(ddl) FROM json_array_elements_text(job->'indexes') ddl;"""
_FORGET = "PERFORM {schema}.hypopg_reset();"


class Planning:
    """One batch of plans: `statement` is what to send, `tag` the messages to listen for."""

    def __init__(self, server: Server, requests: Sequence[PlanRequest]) -> None:
        self._requests = tuple(requests)
        self.answers: dict[PlanRequest, Answer] = {}
        self.tag = f"stanch {secrets.token_hex(8)}"
        self._hypopg = server.extensions.get("hypopg")
        jobs = []
        for number, request in enumerate(self._requests):
            refusal = self._refusal(server, request)
            if refusal is None:
                jobs.append(_job(number, request))
            else:
                self.answers[request] = Unanswered(because=refusal)
        self.planned = len(jobs)
        self.statement = self._compose(server, jobs) if jobs else None

    def _refusal(self, server: Server, request: PlanRequest) -> str | None:
        if not server.plans:
            return "the role may not run plpgsql, which planning needs"
        if request.indexes and self._hypopg is None:
            return "HypoPG is not installed, so a plan with an index that is not there cannot be made"
        bare = _QUOTED.sub("q", request.text)
        if _ONE_SELECT.match(request.text) is None or _HAS_COMMENT_OR_DOLLAR_QUOTE.search(bare) is not None:
            return "it is not one SELECT without literals and comments"
        return None

    def _compose(self, server: Server, jobs: list[dict[str, Any]]) -> sql.Composed:
        if server.major >= 16:
            plan, clean = _GENERIC, ""
        else:
            plan, clean = _PREPARED, _DEALLOCATE
        hypothesise = ""
        if self._hypopg is not None:
            schema = sql.Identifier(self._hypopg.schema).as_string(None)
            hypothesise = _HYPOTHESISE.format(schema=schema)
            clean = f"{_FORGET.format(schema=schema)} {clean}"
        body = _BLOCK.format(
            tag=f"$stanch_{secrets.token_hex(8)}$",
            jobs=sql.Literal(json.dumps(jobs)).as_string(None) + "::json",
            message=sql.Literal(self.tag).as_string(None),
            hypothesise=hypothesise,
            plan=plan,
            clean=clean,
        )
        # What was written by others is inside a JSON literal, and is executed only as the operand of EXPLAIN.
        return sql.Composed([sql.SQL(body)])

    def heard(self, told: Sequence[Mapping[str, Any]]) -> dict[Request, Answer]:
        """The answers, from the messages that the statement raised; every request has one."""
        for each in told:
            request = self._requests[each["job"]]
            if "plan" in each:
                self.answers[request] = Planned(node=each["plan"][0]["Plan"])
            else:
                self.answers[request] = Unanswered(because=each["failed"])
        return {
            request: self.answers.get(request, Unanswered(because="the server did not say"))
            for request in self._requests
        }


def _job(number: int, request: PlanRequest) -> dict[str, Any]:
    nulls = ", ".join(["NULL"] * request.parameters)
    return {
        "job": number,
        "text": request.text,
        "arguments": f"({nulls})" if nulls else "",
        "path": ", ".join(_identifier(schema) for schema in ("pg_catalog", *request.schemas)),
        "functions": [name.lower() for name in request.functions],
        "indexes": [_create(shape) for shape in request.indexes],
    }


def _create(shape: IndexShape) -> str:
    columns = ", ".join(_identifier(column) for column in shape.columns)
    return f"CREATE INDEX ON {_identifier(shape.schema)}.{_identifier(shape.table)} ({columns})"


def _identifier(name: str) -> str:
    return sql.Identifier(name).as_string(None)
