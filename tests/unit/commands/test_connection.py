"""What a command acts on, from connection strings and variables; passwords are no part of it."""

import pytest

from stanch.commands.connection import named, place
from stanch.commands.rating import as_dict, rate


@pytest.mark.parametrize(
    ("written", "host", "database"),
    [
        ("postgresql://u:secret@db:5432/app?sslmode=require", "db", "app"),
        ("mongodb://u:secret@h1:27017,h2:27017/app", "h1,h2", "app"),
        ("redis://:secret@cache:6380/2", "cache", "2"),
        ("redis://cache", "cache", None),
        ("app", None, "app"),
        ("", None, None),
        ("mongodb://[broken", None, None),
    ],
)
def test_a_connection_string_names_host_and_database(written: str, host: str | None, database: str | None) -> None:
    found = place(written)
    assert (found.get("host"), found.get("database")) == (host, database)


def test_the_last_variable_counts_and_an_empty_one_does_not() -> None:
    assert named([("PGHOST", "a"), ("PGHOST", "b"), ("PGDATABASE", ""), ("OTHER", "c")]) == {"host": "b"}


@pytest.mark.parametrize(
    ("command", "target"),
    [
        ("PGHOST=db psql app -c 'select 1'", {"host": "db", "database": "app"}),
        ("PGHOST=other psql -h db app -c 'select 1'", {"host": "db", "database": "app"}),
        ("AWS_PROFILE=prod aws s3 ls", {"context": "prod"}),
        ("mongosh mongodb://u:secret@h/app --eval 'db.dropDatabase()'", {"host": "h", "database": "app"}),
        ("redis-cli -u redis://u:secret@h:1/2 flushdb", {"host": "h", "database": "2"}),
        ("gh repo delete o/r", {"resource": "o/r"}),
        ("az sql db delete -g g -s srv -n app", {"host": "srv", "database": "app", "resource": "app", "cluster": "g"}),
    ],
)
def test_a_command_says_what_it_acts_on(command: str, target: dict[str, str]) -> None:
    rating = rate(command)
    assert rating.target == target
    assert "secret" not in str(as_dict(rating)["target"])
