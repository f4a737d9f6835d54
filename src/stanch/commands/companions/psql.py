"""psql: a statement's dry run is `EXPLAIN` without `ANALYZE`; `ALTER SYSTEM SET` is put back to what the file held."""

import re

from stanch.commands.companion import NONE, Argv, Companions, Pipeline, Proof, Undo, one
from stanch.model.pattern import Pattern

NAMES = ("psql",)

_PLANNED = Pattern(r"^\s*(?:select|insert|update|delete|merge|with|values|table)\b", re.IGNORECASE)
_SYSTEM = Pattern(
    r"^\s*alter\s+system\s+set\s+(?P<name>[a-z_][\w.]*)\s*(?:=|to)\s*(?P<quote>'?)(?P<value>[\w.%/ -]+)(?P=quote)\s*;?\s*$",
    re.IGNORECASE,
)


def explained(statement: str) -> str | None:
    """The statement that plans one without running it; None where PostgreSQL plans no such statement, or for several."""
    bare = statement.strip().rstrip(";").strip()
    if ";" in bare or not _PLANNED.match(bare):
        return None
    return f"EXPLAIN {bare}"


def companions(argv: Argv) -> Companions:
    at = next((index for index, word in enumerate(argv[:-1]) if word in {"-c", "--command"}), None)
    if at is None or sum(word in {"-c", "--command"} or word.startswith("--command=") for word in argv) != 1:
        return NONE

    def say(statement: str) -> Pipeline:
        return one((*argv[: at + 1], statement, *argv[at + 2 :]))

    def ask(statement: str) -> Pipeline:
        return one((argv[0], "-At", *argv[1 : at + 1], statement, *argv[at + 2 :]))

    statement = argv[at + 1]
    if plan := explained(statement):
        return Companions(dry_run=say(plan))
    match = _SYSTEM.match(statement)
    if match is None:
        return NONE
    name, wanted = match["name"].lower(), match["value"].strip()
    look = ask(
        "SELECT setting FROM pg_file_settings "  # noqa: S608 - the name is a word by the pattern above
        f"WHERE name = '{name}' AND sourcefile LIKE '%postgresql.auto.conf'"
    )

    def judge(before: str | None, now: str) -> bool | None:
        if now != wanted:
            return False
        return None if before == wanted else True

    def back(before: str) -> Pipeline | None:
        if before == wanted or "\n" in before or "'" in before:
            return None
        return say(f"ALTER SYSTEM SET {name} = '{before}'" if before else f"ALTER SYSTEM RESET {name}")

    return Companions(
        before=look,
        proof=Proof(look=look, judge=judge),
        undo=Undo(shown=f"alter system: {name} back to what postgresql.auto.conf holds now", of=back),
    )
