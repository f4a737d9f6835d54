"""Real servers under load: the missing index is found, everything else stays silent, and the patient is not touched."""

import asyncio
import contextlib
import re
from dataclasses import replace

import psycopg
import pytest
from pydantic import SecretStr

from clinic.cluster import SUPERUSER
from stanch.connectors.postgres import PostgresConnector
from stanch.diagnosis import ddl
from stanch.diagnosis.rendering import as_dict
from stanch.diagnosis.search import search
from stanch.model.clock import ManualClock, SystemClock
from stanch.model.finding import Diagnosis, Finding
from stanch.model.postgres import IndexShape, Observation, Planned, PlanRequest, Refusal, Unanswered
from stanch.model.problem import Refused, Unusable
from stanch.response.actions.diagnose import diagnose_postgres


def finding(diagnosis: Diagnosis, cause: str = "missing_index") -> Finding | None:
    return next((each for each in diagnosis.findings if each.cause == cause), None)


def because(diagnosis: Diagnosis, cause: str = "missing_index") -> str:
    return next(each.because for each in diagnosis.ruled_out if each.cause == cause)


async def test_the_composite_index_is_found_under_load(sick) -> None:
    async with sick.load():
        diagnosis = await diagnose_postgres(sick.url("stanch_read"), SystemClock())
    told = as_dict(diagnosis)
    (found,) = told["findings"]
    assert (found["cause"], found["schema"], found["table"]) == ("missing_index", "public", "appointments")
    assert found["columns"] == ["doctor_id", "appointment_date"]
    assert [each["kind"] for each in found["later"]] == ["select_star", "missing_pagination"]
    assert found["evidence"]["Statement"]["text"] == (
        "SELECT * FROM appointments WHERE doctor_id = $1 AND appointment_date = $2"
    )
    assert "Seq Scan on appointments" in found["evidence"]["Plan now"]["text"]
    assert found["proposals"][0]["statement"] == (
        "CREATE INDEX CONCURRENTLY appointments_doctor_id_appointment_date_idx "
        "ON public.appointments (doctor_id, appointment_date)"
    )
    assert diagnosis.statements <= 5
    if sick.has_extensions:
        blocks = found["evidence"]["Blocks a call"]
        assert blocks["blocks_per_call"] == pytest.approx(blocks["relpages"], rel=0.05)
        assert found["evidence"]["Plan with the index"]["gain"] > 100
        assert found["confidence"] == 0.97
    else:
        assert "Estimate with the index" in found["evidence"]
        assert [note for note in diagnosis.notes if "pg_stat_statements is not installed" in note]


async def test_literals_in_the_statements_are_never_shown(sick) -> None:
    statement = (
        "SELECT * FROM appointments WHERE doctor_id = 417 AND appointment_date = '2026-05-06' AND status = 'missed'"
    )
    async with sick.load(statement, parameters=()):
        diagnosis = await diagnose_postgres(sick.url("stanch_read"), SystemClock())
    found = finding(diagnosis)
    assert found is not None
    assert found.subject["columns"][0] == "doctor_id"
    assert not re.search("417|2026-05-06|missed", str(as_dict(diagnosis)))


async def test_a_baseline_saves_a_look_and_the_pause(sick) -> None:
    clock = ManualClock()
    connector = PostgresConnector(sick.settings(), clock)
    async with sick.load(), connector:
        await connector.baseline()
        await clock.advance(10)
        sent = connector.sent
        diagnosis = await search(connector, clock)  # a pause would never end: nobody moves the clock
    assert finding(diagnosis) is not None
    assert diagnosis.statements == connector.sent - sent == 2


async def test_a_baseline_from_before_a_restart_is_no_baseline(sick) -> None:
    clock = ManualClock()
    async with PostgresConnector(sick.settings(), clock) as connector:
        await connector.baseline()
        await clock.advance(10)
        ((at, taken),) = connector._baselines
        connector._baselines[0] = (at, replace(taken, started_at=taken.started_at - 60))
        seen = await connector.observe()
    assert isinstance(seen, Observation)
    assert seen.earlier is seen.later


async def test_statements_are_counted_honestly(sick) -> None:
    """What the server logged of the reading role is what was counted."""
    sick.execute("ALTER ROLE stanch_read SET log_statement = 'all'")
    try:
        async with sick.load():
            diagnosis = await diagnose_postgres(sick.url("stanch_read"), SystemClock())
    finally:
        sick.execute("ALTER ROLE stanch_read RESET log_statement")
    lines = sick.cluster.log.read_text(errors="replace").splitlines()
    logged = [line for line in lines if f"stanch_read@{sick.name}" in line and "LOG:  statement:" in line]
    assert len(logged) == diagnosis.statements == 4


async def test_silent_where_the_index_is_there(sick) -> None:
    sick.execute("CREATE INDEX by_day ON appointments (doctor_id, appointment_date)", role="clinic")
    async with sick.load():
        diagnosis = await diagnose_postgres(sick.url("stanch_read"), SystemClock())
    assert diagnosis.findings == ()


async def test_silent_on_a_small_table(sick) -> None:
    async with sick.load("SELECT * FROM doctors WHERE room = %s", parameters=("Room 7",)):
        diagnosis = await diagnose_postgres(sick.url("stanch_read"), SystemClock())
    assert diagnosis.findings == ()
    assert "small" in because(diagnosis)


async def test_silent_where_most_rows_are_returned(sick) -> None:
    async with sick.load("SELECT id FROM appointments WHERE status = %s", parameters=("booked",), clients=3):
        diagnosis = await diagnose_postgres(sick.url("stanch_read"), SystemClock())
    assert finding(diagnosis) is None


async def test_silent_on_an_idle_server(sick) -> None:
    diagnosis = await diagnose_postgres(sick.url("stanch_read"), SystemClock())
    assert diagnosis.findings == ()
    assert "nearly idle" in because(diagnosis)


async def test_a_pile_up_behind_a_table_lock_is_no_missing_index(sick) -> None:
    async with await psycopg.AsyncConnection.connect(sick.url()) as holder:
        await holder.execute("LOCK TABLE appointments IN ACCESS EXCLUSIVE MODE")
        root = holder.info.backend_pid
        async with sick.load():
            await waiting_for_locks(sick, 6)
            await asyncio.sleep(0.6)  # the cause asks for a wait of half a second
            diagnosis = await diagnose_postgres(sick.url("stanch_read"), SystemClock())
            await holder.rollback()
    assert finding(diagnosis) is None
    assert "wait for locks" in because(diagnosis)
    queue = finding(diagnosis, "lock_queue")
    assert queue is not None
    assert queue.subject["root"] == root
    assert queue.subject["waiting"] == 6


async def waiting_for_locks(sick, count: int) -> None:
    async with await psycopg.AsyncConnection.connect(sick.url(SUPERUSER), autocommit=True) as connection:
        waiting = 0
        while waiting < count:
            cursor = await connection.execute("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
            ((waiting,),) = await cursor.fetchall()


async def test_no_lock_beyond_access_share_is_ever_taken(sick) -> None:
    """Inside one transaction of its own, every lock that the search ever took is still there to be seen."""
    async with sick.load(clients=4), sick.connector() as connector:
        session = connector._session._connection
        await session.set_autocommit(True)
        await session.execute("BEGIN")
        diagnosis = await search(connector, SystemClock())
        async with await psycopg.AsyncConnection.connect(sick.url(SUPERUSER), autocommit=True) as looking:
            cursor = await looking.execute(
                "SELECT locktype, mode, relation::regclass::text FROM pg_locks WHERE pid = %s AND granted",
                [session.info.backend_pid],
            )
            locks = await cursor.fetchall()
    assert diagnosis.statements <= 4
    assert ("relation", "AccessShareLock", "appointments") in locks, "it planned over the table"
    assert {(kind, mode) for kind, mode, _ in locks} == {
        ("relation", "AccessShareLock"),
        ("virtualxid", "ExclusiveLock"),
    }


async def test_it_works_where_no_connection_is_left(sick) -> None:
    async with sick.connector() as connector, contextlib.AsyncExitStack() as stack:
        with pytest.raises(psycopg.OperationalError, match=r"slots are reserved|too many clients"):
            await take_every_connection(sick, stack)
        diagnosis = await search(connector, SystemClock())
        refused = await diagnose_postgres(sick.url(), SystemClock())
    full = finding(diagnosis, "max_connections")
    assert full is not None
    assert full.subject["used"] >= full.subject["usable"]
    (found,) = refused.findings
    assert (found.cause, refused.statements) == ("max_connections", 0)
    assert found.evidence[0].data == {"sqlstate": "53300"}


async def take_every_connection(sick, stack: contextlib.AsyncExitStack) -> None:
    for _ in range(60):
        await stack.enter_async_context(await psycopg.AsyncConnection.connect(sick.url()))


async def test_a_session_that_was_ended_is_opened_again(sick) -> None:
    async with sick.connector() as connector:
        before = (await connector.query("SELECT pg_backend_pid()"))[1][0][0]
        sick.execute(f"SELECT pg_terminate_backend({before})")
        after = (await connector.query("SELECT pg_backend_pid()"))[1][0][0]
        assert after != before
        assert not isinstance(await connector.observe(), Refusal)


@pytest.mark.parametrize(
    ("statements", "said"),
    [
        (["CREATE TABLE mischief ()"], "read-only transaction"),
        (["SELECT 1; DROP TABLE appointments"], "multiple commands"),
        (["SET default_transaction_read_only = off", "CREATE TABLE mischief ()"], "read-only transaction"),
        (["SET TRANSACTION READ WRITE", "CREATE TABLE mischief ()"], "read-only transaction"),
        (["COMMIT", "BEGIN READ WRITE", "CREATE TABLE mischief ()"], "read-only transaction"),
        (["DO $$ BEGIN SET TRANSACTION READ WRITE; CREATE TABLE mischief (); END $$"], "before any query"),
        (["SET statement_timeout = 0", "SELECT pg_sleep(30)"], "statement timeout"),
    ],
)
async def test_a_persons_statement_reads_only_and_leaves_the_session_as_it_was(sick, statements, said) -> None:
    mighty = SecretStr(sick.url(SUPERUSER))
    async with sick.connector(url=mighty, statement_timeout_s=0.5) as connector:
        for statement in statements[:-1]:
            with contextlib.suppress(Refused):
                await connector.query(statement)
        with pytest.raises(Refused, match=said):
            await connector.query(statements[-1])
        assert await connector.query("SHOW search_path") == (("search_path",), [('"$user", public',)])
        assert (await connector.query("SELECT to_regclass('public.mischief')"))[1] == [(None,)]


async def test_names_without_a_schema_mean_what_they_mean_to_the_role(sick) -> None:
    sick.execute(
        "CREATE SCHEMA aside; CREATE TABLE aside.kept AS SELECT 7 AS n; CREATE TABLE public.kept AS SELECT 8 AS n"
    )
    async with sick.connector(url=SecretStr(sick.url(SUPERUSER))) as connector:
        assert await connector.query("SELECT n FROM kept") == (("n",), [(8,)])
    sick.execute(
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET search_path = aside, public', current_database()); END $$"
    )
    async with sick.connector(url=SecretStr(sick.url(SUPERUSER))) as connector:
        assert await connector.query("SELECT n FROM kept") == (("n",), [(7,)])


async def test_an_answer_comes_as_names_and_typed_rows(sick) -> None:
    async with sick.connector() as connector:
        names, rows = await connector.query("SELECT 1 AS one, 'two' AS two, NULL AS three, '50%' AS four")
        assert (names, rows) == (("one", "two", "three", "four"), [(1, "two", None, "50%")])
        assert await connector.query("DO $$ BEGIN END $$") == ((), [])


async def test_a_server_that_is_not_there_says_what_to_do() -> None:
    with pytest.raises(Unusable, match="could not be reached") as raised:
        await diagnose_postgres("postgresql://nobody:secret@127.0.0.1:1/none", SystemClock())
    assert "secret" not in f"{raised.value.message} {raised.value.hint}"
    with pytest.raises(Unusable, match="cannot be read") as raised:
        await diagnose_postgres("postgres=//nobody:secret@", SystemClock())
    assert "secret" not in f"{raised.value.message} {raised.value.hint}"


async def test_planning_runs_nothing_of_the_patients(sick) -> None:
    """An immutable function of somebody's would run while a statement over it is planned, with our rights."""
    sick.execute(
        "CREATE FUNCTION public.mischief() RETURNS int IMMUTABLE LANGUAGE plpgsql AS "
        "$$ BEGIN PERFORM set_config('stanch.mischief', 'done', false); RETURN 1; END $$"
    )
    statement = "SELECT id FROM appointments WHERE doctor_id = mischief() AND appointment_date = %s"
    async with sick.load(statement, parameters=("2026-03-04",), clients=3), sick.connector() as connector:
        diagnosis = await search(connector, SystemClock())
        assert (await connector.query("SELECT current_setting('stanch.mischief', true)"))[1] == [(None,)]
    assert [note for note in diagnosis.notes if "calls mischief" in note]


async def test_auto_explain_spoils_hypothetical_plans_and_nothing_else(sick) -> None:
    """It fails on an index that is not there; a role that may silence it does, another goes by the statistics."""
    if not sick.has_extensions:
        pytest.skip("auto_explain and HypoPG are not there")
    preload = "SET session_preload_libraries = 'auto_explain'"
    sick.execute(*(f"ALTER ROLE {role} {preload}" for role in ("stanch_read", SUPERUSER)))
    sick.execute(*(f"ALTER ROLE {role} SET auto_explain.log_min_duration = 0" for role in ("stanch_read", SUPERUSER)))
    sick.execute("ALTER ROLE stanch_read SET auto_explain.log_nested_statements = on")
    try:
        async with sick.load(clients=3):
            may_not = await diagnose_postgres(sick.url("stanch_read"), SystemClock())
            may = await diagnose_postgres(sick.url(SUPERUSER), SystemClock())
    finally:
        for role in ("stanch_read", SUPERUSER):
            sick.execute(f"ALTER ROLE {role} RESET ALL")
        sick.execute("ALTER ROLE stanch_read SET default_transaction_read_only = on")
    estimated, planned = finding(may_not), finding(may)
    assert estimated is not None
    assert planned is not None
    assert "Estimate with the index" in [each.name for each in estimated.evidence]
    assert [note for note in may_not.notes if "cache lookup failed" in note]
    assert "Plan with the index" in [each.name for each in planned.evidence]


async def test_what_is_planned_is_one_select(sick) -> None:
    texts = (
        "SELECT 1; DROP TABLE appointments",
        "DELETE FROM appointments",
        "SELECT $$x$$",
        "SELECT 'x'",
        "SELECT 1 -- x",
        "SELECT 1 /* x */",
    )
    requests = [PlanRequest(text=text, parameters=0, schemas=("public",)) for text in texts]
    async with sick.connector() as connector:
        sent = connector.sent
        answers = await connector.answer(requests)
        assert connector.sent == sent
    assert all(isinstance(answers[request], Unanswered) for request in requests)


async def test_names_that_look_like_sql_are_only_names(sick) -> None:
    table, column = 'appoint"ments; --', "day') OR true --"
    sick.execute(
        f"CREATE TABLE {ddl.identifier(table)} ({ddl.identifier(column)} int, other int)",
        f"INSERT INTO {ddl.identifier(table)} SELECT i, i FROM generate_series(1, 1000) i",
        f"ANALYZE {ddl.identifier(table)}",
    )
    text = f"SELECT other FROM {ddl.identifier(table)} WHERE {ddl.identifier(column)} = $1"
    shape = IndexShape(schema="public", table=table, columns=(column,))
    plain = PlanRequest(text=text, parameters=1, schemas=("public",))
    indexed = PlanRequest(text=text, parameters=1, schemas=("public",), indexes=(shape,))
    async with sick.connector() as connector:
        answers = await connector.answer([plain, indexed])
        assert isinstance(answers[plain], Planned), answers[plain]
        if sick.has_extensions:
            assert isinstance(answers[indexed], Planned), answers[indexed]
            assert answers[indexed].cost < answers[plain].cost
    sick.execute(ddl.create_index(shape, ddl.index_name(shape, ())))


async def test_a_role_with_few_rights_says_what_it_lacks(sick) -> None:
    role = f"poor_{sick.name[-8:]}"
    sick.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'poor'")
    url = sick.url().replace(sick.url().split("//")[1].split("@")[0], f"{role}:poor")
    try:
        async with sick.load(clients=3):
            blind = await diagnose_postgres(url, SystemClock())
            sick.execute(f"GRANT pg_monitor TO {role}")
            monitor = await diagnose_postgres(url, SystemClock())
    finally:
        sick.execute(f"DROP ROLE {role}")
    assert finding(blind) is None
    assert [note for note in blind.notes if "grant it pg_monitor" in note]
    assert [note for note in monitor.notes if "grant it pg_read_all_data" in note]
    assert (finding(monitor) is not None) is sick.has_extensions, "blocks per call are proof without a plan"


async def test_every_word_that_must_be_quoted_is_quoted(sick) -> None:
    with psycopg.connect(sick.url()) as connection:
        words = connection.execute("SELECT word FROM pg_get_keywords() WHERE catcode <> 'U'").fetchall()
    assert [word for (word,) in words if not ddl.identifier(word).startswith('"')] == []
