"""Generated appointments, and the fault that takes their index away."""

import psycopg
import pytest
from psycopg import sql

from clinic import seed
from clinic.cluster import SUPERUSER, Cluster
from clinic.faults import FAULTS, drop_index
from clinic.schema import DOCTOR_DATE_INDEX

APPOINTMENTS = 20_000


def ask(url: str, query: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(query.encode())
        return cursor.fetchall() if cursor.description else []


def digest(url: str) -> object:
    """Of all that was generated."""
    tables = ("patients", "doctors", "appointments")
    queries = (f"SELECT md5(string_agg(t::text, '' ORDER BY id)) FROM {table} t" for table in tables)
    return [ask(url, query) for query in queries]


def plan(url: str) -> str:
    lines = ask(url, "EXPLAIN SELECT * FROM appointments WHERE doctor_id = 7 AND appointment_date = '2026-02-03'")
    return "\n".join(str(line) for (line,) in lines)


def index_is_valid(url: str) -> list[tuple[object, ...]]:
    return ask(url, f"SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('{DOCTOR_DATE_INDEX}')")


def test_the_same_numbers_give_the_same_rows(database_url: str) -> None:
    before = digest(database_url)
    assert seed.seed(database_url, appointments=APPOINTMENTS + 250)
    assert digest(database_url) != before
    assert seed.seed(database_url, appointments=APPOINTMENTS)
    assert digest(database_url) == before


def test_a_doctor_has_one_to_three_appointments_a_day(database_url: str) -> None:
    groups = ask(
        database_url,
        "SELECT n, count(*) FROM (SELECT count(*) AS n FROM appointments GROUP BY doctor_id, appointment_date) days"
        " GROUP BY n ORDER BY n",
    )
    assert [n for n, _ in groups] == [1, 2, 3]
    assert sum(days for _, days in groups) == 80 * 125  # type: ignore[misc] # counts
    assert ask(database_url, "SELECT count(*) FROM appointments") == [(APPOINTMENTS,)]
    orphans = "SELECT count(*) FROM appointments a LEFT JOIN patients p ON p.id = patient_id WHERE p.id IS NULL"
    assert ask(database_url, orphans) == [(0,)]


def test_the_fault_takes_away_what_serves_it_whatever_its_name_is(database_url: str) -> None:
    ask(database_url, f"ALTER INDEX {DOCTOR_DATE_INDEX} RENAME TO put_back_by_somebody")
    drop_index.remove(database_url)
    assert index_is_valid(database_url) == [], "what serves it is there already"
    drop_index.inject(database_url)
    assert "Seq Scan" in plan(database_url)
    drop_index.remove(database_url)
    assert index_is_valid(database_url) == [(True,)]


def test_a_seeded_database_is_used_again_and_its_index_put_back(database_url: str) -> None:
    drop_index.inject(database_url)
    ask(database_url, "DELETE FROM appointments WHERE id = 1")
    assert not seed.seed(database_url, appointments=APPOINTMENTS)
    assert ask(database_url, "SELECT count(*) FROM appointments") == [(APPOINTMENTS - 1,)]
    assert index_is_valid(database_url) == [(True,)]


def test_progress_goes_from_nothing_to_all(database_url: str) -> None:
    told: list[tuple[str, float]] = []
    seed.seed(database_url, appointments=2_000, progress=lambda what, share: told.append((what, share)))
    shares = [share for _, share in told]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0.0, 1.0)
    assert "0 rows" in {what for what, _ in told}


def test_an_interrupted_seeding_is_made_anew(database_url: str) -> None:
    def interrupt(what: str, _share: float) -> None:
        if what == "index":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        seed.seed(database_url, appointments=2_000, progress=interrupt)
    assert ask(database_url, "SELECT count(*) FROM appointments") == [(APPOINTMENTS,)]
    assert seed.seed(database_url, appointments=2_000)
    assert ask(database_url, "SELECT count(*) FROM appointments") == [(2_000,)]


def test_statistics_and_visibility_are_there_from_the_start(database_url: str) -> None:
    (row,) = ask(
        database_url,
        "SELECT reltuples = 20000, relallvisible = relpages FROM pg_class WHERE oid = 'appointments'::regclass",
    )
    assert row == (True, True)


def test_without_its_index_a_day_is_read_from_the_whole_table(database_url: str) -> None:
    assert DOCTOR_DATE_INDEX in plan(database_url)
    for _ in range(2):
        drop_index.inject(database_url)
        assert "Seq Scan on appointments" in plan(database_url)
    for _ in range(2):
        drop_index.remove(database_url)
        assert DOCTOR_DATE_INDEX in plan(database_url)


def test_a_half_built_index_is_built_anew(database_url: str, postgres_cluster: Cluster) -> None:
    administration = postgres_cluster.url(SUPERUSER, database_url.rsplit("/", 1)[1])
    with psycopg.connect(administration) as connection:
        connection.execute(
            sql.SQL("UPDATE pg_index SET indisvalid = false WHERE indexrelid = {}::regclass").format(
                sql.Literal(DOCTOR_DATE_INDEX)
            )
        )
    drop_index.remove(database_url)
    assert index_is_valid(database_url) == [(True,)]


def test_a_fault_that_finds_the_table_locked_gives_up(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drop_index, "_LOCK_WITHIN", "50ms")
    with psycopg.connect(database_url) as reader:
        reader.execute("SELECT 1 FROM appointments LIMIT 1")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            drop_index.inject(database_url)
    assert index_is_valid(database_url) == [(True,)]


def test_every_fault_explains_itself_and_goes_both_ways() -> None:
    assert FAULTS["drop-index"] is drop_index
    for fault in FAULTS.values():
        assert fault.__doc__
        assert callable(fault.inject)
        assert callable(fault.remove)
