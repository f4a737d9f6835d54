"""No literal and no comment survives normalisation, whatever the text; what is left is still the statement."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stanch.diagnosis.lexer import Kind, Normalised, Unreadable, for_planning, normalise, tokens

SPLIT = "§"
PIECES = st.sampled_from(
    (
        "SELECT§a§b§\"q \"\"q\"§FROM§t§WHERE§=§'x''y'§E'\\'z'§$$a;b$$§$t$'$t$§$1§42§-1.5e3§0x1F§AND§(§)§,§--c\n§"
        "/* a /* b */ c */§interval§date§::§IN§limit§order§by§1§@>§->>§*§\n§U&'d'§B'01'§extract§from§'"
    ).split(SPLIT)
)
TEXTS = st.one_of(st.text(max_size=80), st.lists(PIECES, max_size=25).map(" ".join))


@given(TEXTS)
@example("a--1")
@example("'a\\'; drop table x; --'")
@example("$$ never closed")
def test_the_tokens_are_the_text(text: str) -> None:
    assert "".join(token.text for token in tokens(text)) == text


@given(TEXTS)
@example("SELECT 'a' 'b'")
@example("SELECT $1, 'x', $1")
def test_what_is_left_holds_no_value_and_is_one_statement(text: str) -> None:
    normalised = normalise(text)
    if isinstance(normalised, Unreadable):
        return
    kinds = {token.kind for token in normalised.tokens}
    assert not kinds & {Kind.STRING, Kind.COMMENT, Kind.BROKEN}
    assert all(token.text != ";" for token in normalised.tokens)
    numbers = {int(token.text[1:]) for token in normalised.tokens if token.kind is Kind.PARAMETER}
    assert numbers == set(range(1, normalised.parameters + 1))


@given(TEXTS)
def test_normalising_twice_is_normalising_once(text: str) -> None:
    once = normalise(text)
    if isinstance(once, Normalised):
        twice = normalise(once.text)
        assert isinstance(twice, Normalised)
        assert (twice.text, twice.parameters, twice.key) == (once.text, once.parameters, once.key)


NO_QUOTE = st.characters(exclude_characters="'\\\0\r\n", exclude_categories=["Cs"])


@given(st.text(alphabet=NO_QUOTE, max_size=30), st.integers(0, 10**9))
def test_values_never_show(secret: str, number: int) -> None:
    normalised = normalise(f"SELECT * FROM t WHERE a = '{secret}' AND b = {number} -- {secret}")
    assert isinstance(normalised, Normalised)
    assert normalised.text == "SELECT * FROM t WHERE a = $1 AND b = $2"


@pytest.mark.parametrize(
    ("written", "left"),
    [
        ("select 1", "select $1"),
        ("SELECT  a\n,b FROM t;", "SELECT a, b FROM t"),
        ("select * from t where x > now() - interval $1", "select * from t where x > now() - CAST($1 AS interval)"),
        ("select interval '1' day, interval '2' hour to minute", "select CAST($1 AS interval), CAST($2 AS interval)"),
        ("select extract($1 from x), extract(epoch from y) from t where z = $2",
         "select extract(epoch from x), extract(epoch from y) from t where z = $1"),
        ("select date '2026-01-01', time $3", "select CAST($1 AS date), CAST($2 AS time)"),
        ("select timestamp with time zone $3", "select CAST($1 AS timestamp with time zone)"),
        ("select x::numeric(10,2), y::varchar(20) from t", "select x::numeric(10, 2), y::varchar(20) from t"),
        ("select a, b from t order by 1, 2 desc limit 10", "select a, b from t order by 1, 2 desc limit $1"),
        ("select a from t group by 1 having count(*) > 5", "select a from t group by 1 having count(*) > $1"),
        ("select a from t where x like 'a!%' escape '!'", "select a from t where x like $1"),
        ("select 'a'\n'b'", "select $1"),
        ("select $5, $2, $5", "select $1, $2, $1"),
        ("select a-1, a--c\n+2 from t", "select a - $1, a + $2 from t"),
        ('select t."Weird ""name" from t', 'select t."Weird ""name" from t'),
        ("select 'a' in ($1 /*, ... */)", "select $1 in ($2)"),
        ("select j->>'k', j @> '{}'::jsonb, -1 from t", "select j ->> $1, j @> $2::jsonb, - $3 from t"),
        ("select arr[1] from t where x = any(array[1,2])", "select arr[$1] from t where x = any (array[$2, $3])"),
    ],
)  # fmt: skip
def test_repairs_and_spacing(written: str, left: str) -> None:
    normalised = normalise(written)
    assert isinstance(normalised, Normalised)
    assert normalised.text == left


@pytest.mark.parametrize(
    "text", ["", ";", "-- nothing", "select 'open", "select 1; drop table t", "select $$open", "select /* open"]
)
def test_what_is_no_whole_single_statement_is_not_read(text: str) -> None:
    assert isinstance(normalise(text), Unreadable)


def test_the_key_ignores_values_lists_case_and_space() -> None:
    texts = (
        "SELECT * FROM t WHERE a IN (1, 2, 3) AND b = 'x'",
        "select *\n from t where a in ($1) and b = $2",
        "select * from t where a in (4,5) and b = E'\\n' -- later",
    )
    keys = {normalised.key for text in texts if isinstance(normalised := normalise(text), Normalised)}
    assert len(keys) == 1
    other = normalise("select * from t where a in (1) and c = 'x'")
    assert isinstance(other, Normalised)
    assert other.key not in keys


@pytest.mark.parametrize(
    ("written", "planned"),
    [
        ("select a from t limit $1 offset $2", "select a from t limit 20 offset 0"),
        ("select a from t fetch first 5 rows only", "select a from t fetch first 20 rows only"),
        ("select a from t where x = $1 limit $2::int", "select a from t where x = $1 limit $2::int"),
        ("select a from t where x = $1 for update", "select a from t where x = $1"),
        ("select a from t, u for no key update of t, u skip locked", "select a from t, u"),
        ("select a from t for key share nowait limit $1", "select a from t limit 20"),
        ("select a from (select b from t for share) s where c = $1", "select a from (select b from t) s where c = $1"),
        ("select substring(a from $1 for $2) from t", "select substring(a from $1 for $2) from t"),
    ],
)
def test_what_is_planned_takes_no_row_lock_and_has_a_real_limit(written: str, planned: str) -> None:
    normalised = normalise(written)
    assert isinstance(normalised, Normalised)
    assert for_planning(normalised, 20).text == planned
