"""What a statement asks of its tables is understood; what is not understood is left out, never guessed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stanch.diagnosis.lexer import Unreadable
from stanch.diagnosis.reading import Reading, Scan, read

COLUMNS = {
    "t": frozenset({"a", "b", "c", "d", "x", "y", "flag", "created_at"}),
    "u": frozenset({"t_id", "k", "m", "id2"}),
}


def scan_of(text: str, table: str = "t") -> Scan:
    reading = read(text, COLUMNS)
    assert isinstance(reading, Reading), reading
    (scan,) = [scan for scan in reading.scans if scan.table.name == table]
    return scan


@pytest.mark.parametrize(
    ("condition", "equalities", "joins", "ranges"),
    [
        ("a = $1 AND b = $2", ["a", "b"], [], []),
        ("$1 = a", ["a"], [], []),
        ("a IN ($1, $2) AND b = ANY($3)", ["a", "b"], [], []),
        ("a = $1 OR a = $2", ["a"], [], []),
        ("(a, b) = ($1, $2)", ["a", "b"], [], []),
        ("a IS NULL AND flag AND NOT d", ["a", "flag", "d"], [], []),
        ("flag IS TRUE", ["flag"], [], []),
        ("a > $1 AND a <= $2 AND b = $3", ["b"], [], ["a"]),
        ("a BETWEEN $1 AND $2", [], [], ["a"]),
        ("(a, b) > ($1, $2)", [], [], ["a"]),
        ("a = $1 AND a > $2", ["a"], [], []),
        ('"a" OPERATOR(pg_catalog.=) $1', ["a"], [], []),
        ("a IN (SELECT t_id FROM u WHERE k = $1)", [], ["a"], []),
        ("a = now() AND b = (SELECT max(k) FROM u)", ["a", "b"], [], []),
        ("a = b", [], [], []),
        ("a = a + $1", [], [], []),
        ("lower(a) = $1", [], [], []),
        ("a::text = $1", [], [], []),
        ("a LIKE $1 AND b <> $2 AND c IS NOT NULL AND d @> $3", [], [], []),
        ("a IS NOT DISTINCT FROM $1", [], [], []),
        ("NOT (a = $1)", [], [], []),
        ("$1 = ANY(a)", [], [], []),
    ],
)
def test_conditions(condition: str, equalities: list[str], joins: list[str], ranges: list[str]) -> None:
    scan = scan_of(f"SELECT c FROM t WHERE {condition}")
    assert (list(scan.equalities), list(scan.joins), list(scan.ranges)) == (equalities, joins, ranges)


@pytest.mark.parametrize(
    ("text", "of_t", "of_u"),
    [
        ("SELECT t.a FROM t JOIN u ON u.t_id = t.a WHERE u.k = $1", ((), ("a",)), (("k",), ("t_id",))),
        ("SELECT a FROM t, u WHERE a = t_id AND k = $1 AND b = $2", (("b",), ("a",)), (("k",), ("t_id",))),
        ("SELECT 1 FROM t LEFT JOIN u USING (id2) WHERE a = $1", (("a",), ()), ((), ("id2",))),
        ("SELECT 1 FROM t AS one JOIN u two ON two.t_id = one.b", ((), ("b",)), ((), ("t_id",))),
        (
            "SELECT 1 FROM t WHERE EXISTS (SELECT 1 FROM u WHERE u.t_id = t.a AND u.k = $1)",
            ((), ()),
            (("t_id", "k"), ()),
        ),
        (
            "WITH w AS (SELECT t_id FROM u WHERE k = $1) SELECT 1 FROM t JOIN w ON w.t_id = t.a",
            ((), ("a",)),
            (("k",), ()),
        ),
        ("SELECT 1 FROM t WHERE a = $1 UNION ALL SELECT 1 FROM u WHERE m = $2", (("a",), ()), (("m",), ())),
        ("UPDATE t SET x = u.k FROM u WHERE u.t_id = t.a AND t.b = $1", (("b",), ("a",)), ((), ("t_id",))),
        ("DELETE FROM t USING u WHERE u.t_id = t.a AND u.k = $1", ((), ("a",)), (("k",), ("t_id",))),
    ],
)
def test_several_tables(text: str, of_t: object, of_u: object) -> None:
    assert [(scan.equalities, scan.joins) for scan in (scan_of(text), scan_of(text, "u"))] == [of_t, of_u]


def test_a_bare_name_that_two_tables_have_is_nobodys() -> None:
    columns = {"t": frozenset({"a", "id"}), "u": frozenset({"id"})}
    reading = read("SELECT 1 FROM t, u WHERE id = $1 AND a = $2", columns)
    assert isinstance(reading, Reading)
    assert [(scan.table.name, scan.equalities) for scan in reading.scans] == [("t", ("a",)), ("u", ())]


@pytest.mark.parametrize(
    ("order", "sort"),
    [
        ("ORDER BY a", ("a",)),
        ("ORDER BY t.a DESC, b DESC", ("a", "b")),
        ("ORDER BY a, b DESC", ()),
        ("ORDER BY a DESC NULLS LAST", ()),
        ("ORDER BY a NULLS LAST", ("a",)),
        ("ORDER BY lower(a)", ()),
        ("ORDER BY 1", ()),
        ("GROUP BY a ORDER BY a", ()),
    ],
)
def test_sorting_that_a_b_tree_can_give(order: str, sort: tuple[str, ...]) -> None:
    assert scan_of(f"SELECT a FROM t WHERE c = $1 {order} LIMIT $2").sort == sort


def test_branches_of_an_or() -> None:
    assert scan_of("SELECT a FROM t WHERE (a = $1 AND b = $2) OR c = $3").branches == (("a", "b"), ("c",))
    assert scan_of("SELECT a FROM t WHERE a = $1 OR b > $2").branches == ()
    assert scan_of("SELECT a FROM t WHERE a = $1 OR lower(b) = $2").branches == ()


@pytest.mark.parametrize(
    ("text", "star", "limited", "aggregated"),
    [
        ("SELECT * FROM t WHERE a = $1", ["t"], False, False),
        ("SELECT t.*, u.k FROM t JOIN u ON true LIMIT 5", ["t"], True, False),
        ("SELECT count(*) FROM t", [], False, True),
        ("SELECT a, count(*) FROM t GROUP BY a", [], False, True),
        ("SELECT a, (SELECT max(k) FROM u) FROM t", [], False, False),
        ("SELECT DISTINCT a FROM t", [], False, True),
        ("SELECT a FROM t FETCH FIRST ROW ONLY", [], True, False),
        ("SELECT * FROM generate_series(1, 3)", [], False, False),
        ("DELETE FROM t WHERE a = $1", [], False, False),
    ],
)
def test_what_is_returned(text: str, star, limited, aggregated) -> None:
    reading = read(text, COLUMNS)
    assert isinstance(reading, Reading)
    assert ([each.name for each in reading.star], reading.limited, reading.aggregated) == (star, limited, aggregated)


def test_names_are_folded_as_postgresql_folds_them() -> None:
    reading = read('SELECT * FROM Public.Appointments WHERE Doctor_ID = $1 AND "Odd" = $2')
    assert isinstance(reading, Reading)
    (scan,) = reading.scans
    assert (scan.table.schema, scan.table.name, scan.equalities) == ("public", "appointments", ("doctor_id", "Odd"))


@pytest.mark.parametrize(
    ("text", "planned"),
    [
        ("UPDATE t SET x = $1 WHERE a = $2 AND b > $3", "SELECT $1 FROM t WHERE a = $2 AND b > $3"),
        ("DELETE FROM t WHERE a = 'secret'", "SELECT $1 FROM t WHERE a = $2"),
        ("INSERT INTO t SELECT * FROM u WHERE k = $1", "SELECT * FROM u WHERE k = $1"),
        ("SELECT a FROM t WHERE a = 5 FOR UPDATE", "SELECT a FROM t WHERE a = $1"),
        ("INSERT INTO t VALUES (1, 2)", None),
        ("WITH gone AS (DELETE FROM t RETURNING a) SELECT a FROM gone", None),
        ("VACUUM t", None),
        ("BEGIN", None),
    ],
)
def test_what_is_planned_only_reads(text: str, planned: str | None) -> None:
    reading = read(text)
    assert isinstance(reading, Reading)
    assert (None if reading.planned is None else reading.planned.text) == planned


@pytest.mark.parametrize(
    ("expression", "functions"),
    [
        ("my_function(a)", ["my_function"]),
        ("lower(a)", ["lower"]),
        ("evil.lower(a)", ["evil.lower"]),
        ("pg_catalog.lower(a)", ["lower"]),
        ('"Shout"(a)', ["Shout"]),
        ("levenshtein(a, b)", ["levenshtein"]),
        ("coalesce(a, nullif(b, c))", []),
        ("a::numeric(10, 2)", []),
    ],
)
def test_every_function_that_planning_could_run_is_named(expression: str, functions: list[str]) -> None:
    reading = read(f"SELECT {expression} FROM t WHERE (a IN ($1)) AND (b = $2)")
    assert isinstance(reading, Reading)
    assert list(reading.functions) == functions


def test_what_an_update_sets() -> None:
    reading = read('UPDATE t SET x = $1, "Y" = y + 1 WHERE a = $2')
    assert isinstance(reading, Reading)
    assert reading.writes == ("x", "Y")
    assert reading.target is not None
    assert reading.target.name == "t"


def test_a_monster_is_left_alone() -> None:
    assert isinstance(read("SELECT " + ", ".join(["a"] * 20_000)), Unreadable)
    assert isinstance(read("SELECT " + "(" * 3_000 + "1" + ")" * 3_000), Unreadable)


NAMES = st.sampled_from(["a", "b", "c", "d", "x", "y"])
VALUES = st.sampled_from(["$1", "42", "'it''s'", "now()", "DATE '2026-01-01'", "ARRAY[1, 2]"])


@given(st.dictionaries(NAMES, VALUES, min_size=1), st.randoms())
def test_equalities_are_read_in_any_order_and_spelling(wanted: dict[str, str], random) -> None:
    parts = [
        random.choice(("{0} = {1}", "{1} = {0}", "({0}) = {1}", "t.{0} = {1}", "{0} IN ({1})")).format(name, value)
        for name, value in wanted.items()
    ]
    random.shuffle(parts)
    assert set(scan_of("SELECT a FROM t WHERE " + " AND ".join(parts)).equalities) == set(wanted)


@given(st.text(max_size=60))
def test_no_text_breaks_the_reader(text: str) -> None:
    read(f"SELECT a FROM t WHERE {text}")
    read(text)
