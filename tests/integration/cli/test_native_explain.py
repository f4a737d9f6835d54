"""`stanch run preview --native` on a real PostgreSQL: SQL is planned by `EXPLAIN`, and nothing of it is executed."""

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from clinic.cluster import SUPERUSER, Cluster
from stanch.cli.main import run

SETUP = """
CREATE TABLE accounts (id int PRIMARY KEY, closed boolean NOT NULL);
INSERT INTO accounts SELECT i, i % 2 = 0 FROM generate_series(1, 100) i;
CREATE TABLE journal (what text);
CREATE FUNCTION wipe() RETURNS int LANGUAGE sql VOLATILE AS 'DELETE FROM accounts RETURNING 1';
CREATE FUNCTION wipe_unseen() RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT wipe()';
CREATE FUNCTION noted() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN INSERT INTO journal VALUES (TG_OP); RETURN OLD; END $$;
CREATE TRIGGER noting BEFORE DELETE ON accounts FOR EACH ROW EXECUTE FUNCTION noted();
"""
PLANNED = {
    "Delete what is closed": "DELETE FROM accounts WHERE closed;",
    "Reopen all": "UPDATE accounts SET closed = false;",
    "Add one": "INSERT INTO accounts VALUES (101, false);",
    "Delete by the way": "WITH gone AS (DELETE FROM accounts RETURNING id) SELECT count(*) FROM gone;",
    "Call what deletes": "SELECT wipe();",
    "Count": "SELECT count(*) FROM accounts;",
    "Wait": "SELECT pg_sleep(600);",
}
REFUSED = {
    "Read what is not there": ("SELECT * FROM ledgers;", "ledgers"),
    "Delete by a column that is not there": ("DELETE FROM accounts WHERE shut;", "shut"),
    "Call what says that it changes nothing": ("SELECT wipe_unseen();", "read-only transaction"),
}
NOT_TRIED = {
    "Build an index": "CREATE INDEX closed_accounts ON accounts (closed);",
    "Plan and execute": "EXPLAIN ANALYZE DELETE FROM accounts;",
    "Options where a statement should be": "(ANALYZE) DELETE FROM accounts;",
    "Empty it": "TRUNCATE accounts;",
}
EXPECTED_COUNT = 100


@pytest.fixture
def database(postgres_cluster: Cluster) -> Iterator[str]:
    name = f"explain_{uuid.uuid4().hex}"
    with psycopg.connect(postgres_cluster.url(SUPERUSER, "postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    with psycopg.connect(postgres_cluster.url(SUPERUSER, name), autocommit=True) as connection:
        connection.execute(SETUP)
    yield name
    with psycopg.connect(postgres_cluster.url(SUPERUSER, "postgres"), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def playbook(statements: dict[str, str]) -> str:
    steps = "".join(
        f"{number}. {text}.\n\n   ```sql\n   {statement}\n   ```\n\n"
        for number, (text, statement) in enumerate(statements.items(), 1)
    )
    return f"# Accounts\n\n## Response procedure for P1\n\n{steps}"


def previewed(folder: Path, url: str, statements: dict[str, str], capsys: Any) -> tuple[int, dict[str, dict]]:
    """The exit status, and what became of each statement."""
    (folder / "accounts.md").write_text(playbook(statements))
    (folder / "stanch.toml").write_text(f'[playbooks]\npaths = ["accounts.md"]\n[postgres.main]\nurl = "{url}"\n')
    arguments = ["run", "preview", str(folder / "accounts.md"), "--native", "--json"]
    status = run([*arguments, "--config", str(folder / "stanch.toml")], serve="")
    (procedure,) = json.loads(capsys.readouterr().out)["procedures"]
    return status, {step["command"]: step["tried"] for step in procedure["steps"]}


def contents(url: str) -> tuple[int, int, int, int]:
    with psycopg.connect(url) as connection:
        row = connection.execute(
            "SELECT (SELECT count(*) FROM accounts), (SELECT count(*) FROM accounts WHERE closed), "
            "(SELECT count(*) FROM journal), (SELECT count(*) FROM pg_indexes WHERE tablename = 'accounts')"
        ).fetchone()
    assert row is not None
    return row


UNTOUCHED = (EXPECTED_COUNT, EXPECTED_COUNT // 2, 0, 1)


def test_statements_are_planned_and_not_executed(postgres_cluster: Cluster, database: str, tmp_path: Path, capsys: Any):
    url = postgres_cluster.url(SUPERUSER, database)
    status, tried = previewed(tmp_path, url, PLANNED, capsys)
    assert status == 0
    assert {statement.rstrip(";") for statement in tried} == {each.rstrip(";") for each in PLANNED.values()}
    for statement, came in tried.items():
        assert (came["well"], came["because"]) == (True, "It was planned."), statement
        assert "QUERY PLAN" in came["output"], statement
        assert "actual time" not in came["output"], statement
    assert "Delete on accounts" in next(came["output"] for text, came in tried.items() if text.startswith("DELETE"))
    assert contents(url) == UNTOUCHED


def test_what_the_server_would_refuse_says_so_by_its_exit_status(
    postgres_cluster: Cluster, database: str, tmp_path: Path, capsys: Any
):
    url = postgres_cluster.url(SUPERUSER, database)
    statements = {text: statement for text, (statement, _) in REFUSED.items()}
    status, tried = previewed(tmp_path, url, statements, capsys)
    assert status == 1
    by_statement = {statement.rstrip(";"): because for statement, because in REFUSED.values()}
    for statement, came in tried.items():
        assert came["well"] is False, statement
        assert by_statement[statement.rstrip(";")] in came["because"]
        assert came["output"] == ""
    assert contents(url) == UNTOUCHED


def test_what_explain_does_not_take_is_not_tried(postgres_cluster: Cluster, database: str, tmp_path: Path, capsys: Any):
    url = postgres_cluster.url(SUPERUSER, database)
    status, tried = previewed(tmp_path, url, NOT_TRIED, capsys)
    assert status == 0
    assert [came for came in tried.values() if came is not None] == []
    assert contents(url) == UNTOUCHED


def test_what_the_reading_role_may_not_is_not_known_rather_than_bound_to_fail(
    postgres_cluster: Cluster, database: str, tmp_path: Path, capsys: Any
):
    role = f"reader_{uuid.uuid4().hex[:8]}"
    url = postgres_cluster.url(SUPERUSER, database)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'r3ads-only'")
        connection.execute(f"GRANT SELECT ON accounts TO {role}")
    try:
        status, tried = previewed(
            tmp_path,
            f"postgresql://{role}:r3ads-only@127.0.0.1:{postgres_cluster.port}/{database}",
            {"Delete": "DELETE FROM accounts WHERE closed;", "Count": "SELECT count(*) FROM accounts;"},
            capsys,
        )
        verdicts = {statement.split()[0]: came for statement, came in tried.items()}
        assert status == 0
        assert (verdicts["DELETE"]["well"], verdicts["SELECT"]["well"]) == (None, True)
        assert "may only read" in verdicts["DELETE"]["because"]
        assert "permission denied for table accounts" in verdicts["DELETE"]["because"]
        assert contents(url) == UNTOUCHED
    finally:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(f"DROP OWNED BY {role}")
            connection.execute(f"DROP ROLE {role}")
