"""SQL by its statements, its functions and its hiding places."""

import logging

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stanch.commands.sql import rate_sql
from stanch.model.risk import Risk, Trait


@pytest.mark.parametrize(
    "text",
    [
        "select 1",
        "SELECT count(*) FROM pg_stat_activity WHERE state = 'active'",
        "table x limit 5",
        "values (1), (2)",
        "with t(a) as (select 1) select * from t",
        "with recursive t as (select 1 as n union all select n+1 from t where n < 5) select * from t",
        "select a, b from x join y using (id) where z in (select q from w) order by 1 limit 10",
        "select 'drop table x; delete from y'",
        "select $$drop table x$$, $a$ ; $a$",
        "select E'it\\'s; drop table x'",
        'select "drop" from "delete" limit 1',
        "-- drop table x\nselect 1",
        "/* drop table /* x */ */ select 1",
        "select x::text, a[1:2], b->>'c', now() at time zone 'utc' from t limit 1",
        "select cast(x as numeric(10,2)), extract(epoch from now()) from t limit 1",
        "select * from (values (1,2)) as v(a,b)",
        "select * from json_to_recordset('[]') as x(a int, b text)",
        "select rank() over (partition by a order by b) from t limit 1",
        "select pg_catalog.count(*) from t",
        "show max_connections",
        "set statement_timeout = '5s'; select 1",
        "begin; select 1; rollback",
        "explain delete from t",
        "explain (format json) select 1",
        "explain (analyze false) delete from t",
        "copy (select 1) to stdout",
        "fetch 10 from c",
        "\\dt+",
        "\\d users",
        "select 1\n\\x\nselect 2",
        "",
    ],
)
def test_asking_is_read_only(text: str) -> None:
    rating = rate_sql(text)
    assert rating.risk is Risk.READ_ONLY, rating.because


@pytest.mark.parametrize(
    "text",
    [
        "select pg_terminate_backend(1)",
        'select "pg_terminate_backend"(1)',
        "select PG_CATALOG . pg_cancel_backend (1)",
        "select f(1)",
        "select s.count(1)",
        "select nextval('s')",
        "select * from dblink('x', 'y') as t(a int)",
        "select query_to_xml('delete from x', true, true, '')",
        "select * from t for update",
        "select * from t for share",
        "select * into t2 from t",
        "insert into t(a) values (1)",
        "update t set a = 1 where id = 2",
        "create index concurrently i on t(a)",
        "create table t2 as select * from t",
        "vacuum",
        "analyze t",
        "reindex index concurrently i",
        "refresh materialized view concurrently m",
        "lock table t",
        "grant select on t to u",
        "call p()",
        "execute p",
        "set role admin",
        "set session authorization admin",
        "set search_path = evil",
        "alter table t add column b int",
        "alter system set x = 1",
        "notify c",
        "copy t from stdin",
        "\\copy t from f",
        "\\o f",
        "\\i f",
        "\\gset",
        "select :v",
        "select :'v'",
        "explain analyze update t set a = 1 where id = 2",
        "selekt 1",
        "select (",
        "select 'a",
        'select "a',
        "select $$a",
        "/* a",
        "frobnicate t",
    ],
)
def test_changing_and_what_is_not_understood_is_mutating(text: str) -> None:
    assert rate_sql(text).risk is Risk.MUTATING


@pytest.mark.parametrize(
    "text",
    [
        "drop table t",
        "DROP INDEX CONCURRENTLY i",
        "truncate t",
        "delete from t",
        "delete from t where true",
        "delete from t where id = 1",
        "update t set a = 1",
        "update t set a = 1 where true",
        "update t set a = 1 where 1 = 1",
        "with d as (delete from t returning *) select * from d",
        "with u as (update t set a = 1 returning *) select * from u",
        "explain analyze delete from t",
        "explain (analyze, buffers) delete from t",
        "explain (analyze on) delete from t",
        "select 1; drop table t",
        "select 1;;;drop table t",
        "select 'a''b'; drop table t",
        "select 'a\\'; drop table t; --'",
        "select 1 /* */ ; drop table t",
        "do $$ begin drop table t; end $$",
        "do 'begin execute ''delete from t''; end'",
        "alter table t drop column a",
        "alter table t disable row level security",
        "alter role r nologin",
        "alter user u password 'x'",
        "revoke all on t from u",
        "copy t to program 'x'",
        "copy t from program 'x'",
        "copy t to '/etc/x'",
        "select pg_promote()",
        "select pg_drop_replication_slot('s')",
        "select lo_unlink(1)",
        "select setval('s', 1)",
        "select dblink_exec('x', 'y')",
        "\\! ls",
        "\\o |sh",
        "\\g |sh",
        "\\echo `ls`",
        "select 'drop table t' \\gexec",
        "\\copy t to program 'x'",
        "merge into t using s on true when matched then delete",
    ],
)
def test_losing_data_or_access_is_destructive(text: str) -> None:
    rating = rate_sql(text)
    assert rating.risk is Risk.DESTRUCTIVE or (text.startswith("merge") and rating.risk is Risk.MUTATING), (
        rating.because
    )


@pytest.mark.parametrize(
    ("text", "risk"),
    [
        ("select 1 # x", Risk.READ_ONLY),
        ("select 'a\\'b'", Risk.READ_ONLY),
        ("show processlist", Risk.READ_ONLY),
        ("show engine innodb status\\G", Risk.READ_ONLY),
        ("describe t", Risk.READ_ONLY),
        ("explain select 1", Risk.READ_ONLY),
        ("select `drop` from `t` limit 1", Risk.READ_ONLY),
        ("kill 5", Risk.MUTATING),
        ("set global x = 1", Risk.MUTATING),
        ("flush tables", Risk.MUTATING),
        ("select * from t into outfile '/x'", Risk.MUTATING),
        ("optimize table t", Risk.MUTATING),
        ("/*!50000 drop table t */", Risk.DESTRUCTIVE),
        ("select 'a\\\\'; drop table t", Risk.DESTRUCTIVE),
        ("replace into t values (1)", Risk.DESTRUCTIVE),
        ("reset master", Risk.DESTRUCTIVE),
        ("purge binary logs before now()", Risk.DESTRUCTIVE),
        ("change replication source to source_host = 'x'", Risk.DESTRUCTIVE),
        ("\\! ls", Risk.DESTRUCTIVE),
    ],
)
def test_mysql_is_read_as_mysql_reads_it(text: str, risk: Risk) -> None:
    assert rate_sql(text, "mysql").risk is risk


@pytest.mark.parametrize(
    ("text", "trait"),
    [
        ("select * from t", Trait.HEAVY),
        ("create index i on t(a)", Trait.HEAVY),
        ("vacuum full t", Trait.HEAVY),
        ("explain analyze select 1", Trait.HEAVY),
        ("select pg_sleep(5)", Trait.HEAVY),
        ("select 1 \\watch 5", Trait.ENDLESS),
        ("select rolpassword from pg_authid", Trait.EXPOSES_SECRETS),
        ("select pg_read_file('x')", Trait.EXPOSES_SECRETS),
        ("select 'x", Trait.UNREADABLE),
        ("\\e", Trait.INTERACTIVE),
    ],
)
def test_traits_say_what_else_matters(text: str, trait: Trait) -> None:
    assert trait in rate_sql(text).traits


def test_catalogues_are_small_enough_to_read_whole() -> None:
    assert Trait.HEAVY not in rate_sql("select * from pg_stat_activity").traits
    assert Trait.HEAVY not in rate_sql("select * from information_schema.tables").traits


def test_each_statement_is_a_part() -> None:
    because = rate_sql("select 1; truncate t").because
    assert [(part.text, part.risk) for part in because] == [
        ("select 1", Risk.READ_ONLY),
        ("truncate t", Risk.DESTRUCTIVE),
    ]


def test_nothing_is_written_to_the_log_about_what_is_not_understood(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        rate_sql("vacuum full t; alter system set x = 1; select 1; frobnicate")
    assert not caplog.records


_PIECES = st.lists(
    st.sampled_from(
        [
            "select ",
            "1",
            " from ",
            "t",
            " where ",
            "delete from t",
            "drop table t",
            "'",
            '"',
            "$$",
            "$a$",
            "\\",
            ";",
            "--",
            "\n",
            "/*",
            "*/",
            "(",
            ")",
            "E'",
            "U&'",
            "`",
            "#",
            "with x as (",
            "f(",
            "count(",
            " returning *",
            "\\g",
            "::",
            ":v",
            ",",
            "é",
            "/*!",
            "''",
        ]
    ),
    max_size=14,
).map("".join)


@settings(deadline=None)
@given(st.one_of(_PIECES, st.text()), st.sampled_from(["postgres", "mysql", "sqlite"]))
def test_any_text_gets_a_rating(text: str, dialect: str) -> None:
    rate_sql(text, dialect)
