"""What a database says when it cannot go on, as a sentence with what to do."""

import errno
import sqlite3

import psycopg
from sqlalchemy.exc import DBAPIError

from stanch.model.problem import Unusable

# Errors that PostgreSQL answers by undoing the transaction: nothing happened, and the same again may succeed.
UNDONE = ("40001", "40P01")

_SQLITE = {
    sqlite3.SQLITE_FULL: (
        "The disk is full: {where} cannot grow.",
        (
            "Nothing that was saved before is lost; what was being saved now was not. Free some space; Stanch goes on "
            "by itself."
        ),
    ),
    sqlite3.SQLITE_IOERR: (
        "The disk under {where} fails: {error}.",
        (
            "What was being saved now was not. Look at `dmesg` and at the disk's health, and copy the data directory "
            "away before anything else."
        ),
    ),
    sqlite3.SQLITE_CORRUPT: (
        "{where} is damaged: {error}.",
        (
            "Stop Stanch, keep a copy of the file with its -wal neighbour, then restore a backup or try "
            "`sqlite3 FILE .recover`."
        ),
    ),
    sqlite3.SQLITE_NOTADB: (
        "{where} is not a Stanch database (nor any SQLite database).",
        "It was not touched. Name another data directory, or move the file away to begin with an empty one.",
    ),
    sqlite3.SQLITE_READONLY: (
        "{where} cannot be written.",
        "Nothing was changed. Give the user that Stanch runs as the right to write the file and its folder.",
    ),
    sqlite3.SQLITE_CANTOPEN: (
        "{where} cannot be opened.",
        "Nothing was changed. See that the folder exists and that the user that Stanch runs as may read and write it.",
    ),
    sqlite3.SQLITE_BUSY: (
        "Another program holds {where} locked.",
        "What was being saved now was not. End the other program (a copy tool, a `sqlite3` shell in a transaction).",
    ),
}


def explain(error: BaseException, where: str) -> Unusable | None:
    """The fault of the database behind `error`; None where it is the statement's own (a constraint, a typing error).

    `where` names the database without its password.
    """
    match error.orig if isinstance(error, DBAPIError) else error:
        case sqlite3.Error() as fault:
            code = getattr(fault, "sqlite_errorcode", None)
            said = _SQLITE.get(code & 0xFF) if isinstance(code, int) else None
            if said is None:
                return None
            message, hint = said
            return Unusable(message.format(where=where, error=fault), hint=hint)
        case psycopg.errors.DiskFull():
            return Unusable(
                f"The disk of {where} is full.",
                hint="Nothing that was saved before is lost; what was being saved now was not. Free some space there.",
            )
        case psycopg.errors.ReadOnlySqlTransaction():
            return Unusable(
                f"{where} is a read-only replica.",
                hint="Nothing was changed. Point `store.url` at the primary.",
            )
        case (psycopg.errors.InsufficientPrivilege() | psycopg.errors.InvalidSchemaName()) as fault:
            return Unusable(
                f"{where} does not let this user in far enough: {_first_line(fault)}.",
                hint="Nothing was changed. Stanch needs to create tables in its schema: "
                "`GRANT CREATE, USAGE ON SCHEMA public TO ...`.",
            )
        case psycopg.errors.IdleInTransactionSessionTimeout():
            return Unusable(
                f"{where} undid what was being saved, because Stanch fell silent in the middle of it.",
                hint="Nothing of it is there, and it is saved anew. A machine that stood still does that, and a "
                "network that lost its way.",
            )
        case psycopg.errors.LockNotAvailable():
            return Unusable(
                f"Another transaction held what was to be saved in {where} for too long.",
                hint="What was being saved now was not. Try again; a replica that hangs lets go within seconds.",
            )
        case psycopg.OperationalError() as fault if fault.sqlstate is None or fault.sqlstate[:2] in {
            "08",
            "28",
            "3D",
            "53",
            "57",
        }:
            return Unusable(
                f"{where} does not answer: {_first_line(fault)}.",
                hint="Whether what was being saved now is there is not known; it is looked at again when the database "
                "is back. See that the server runs, takes connections from here, and that the user, the password and "
                "the database's name are right.",
            )
        case _:
            return None


def explain_path(error: OSError, where: str) -> Unusable:
    """Why a file or folder of Stanch's own cannot be made or opened."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return Unusable(
            f"The disk is full: {where} cannot be written.",
            hint="Nothing that was saved before is lost. Free some space and start again.",
        )
    return Unusable(
        f"{where} cannot be used: {error.strerror}.",
        hint="Nothing was changed. See that the folder exists and that the user that Stanch runs as may read and "
        "write it.",
    )


def was_undone_for_another(error: DBAPIError) -> bool:
    """Whether PostgreSQL undid the transaction for the sake of another one (deadlock, serialization)."""
    return getattr(error.orig, "sqlstate", None) in UNDONE


def stop_iteration() -> RuntimeError:
    """What stands in for `StopIteration`, which no future carries."""
    return RuntimeError("a unit of work raised StopIteration: a next() found nothing")


def _first_line(fault: BaseException) -> str:
    lines = [line.strip() for line in str(fault).splitlines() if line.strip()]
    return lines[0].rstrip(".") if lines else type(fault).__name__
