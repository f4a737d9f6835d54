"""Brings a database to the schema of this version, in process."""

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from stanch.model.problem import Unusable
from stanch.store import migrations
from stanch.store.tables import metadata

VERSION_TABLE = "stanch_schema"


def version(connection: Connection) -> str | None:
    """The revision that the database is at; None where Stanch never was."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    found: str | None = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar_one_or_none()  # noqa: S608 - a constant
    return found


def migrate(connection: Connection, where: str) -> None:
    """Run the migrations that are missing, in the caller's transaction: all of them or none.

    Raises `Unusable` where the database is at a revision that this version does not know, or says that it is at this
    one and lacks a part of it.
    """
    if connection.dialect.name == "postgresql":  # replicas that start together take turns
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('stanch schema', 0))"))
    found = version(connection)
    if found == migrations.HEAD:
        _must_be_whole(connection, where)
        return
    if found is not None and found not in migrations.REVISIONS:
        raise Unusable(
            f"{where} was written by a newer Stanch: its schema is {found}, this version knows up to "
            f"{migrations.HEAD}.",
            hint="Nothing was changed. Install the newer version again, or restore the backup made before it.",
        )
    # Imported only when there is something to migrate: it costs a tenth of a second at each start.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _must_be_whole(connection: Connection, where: str) -> None:
    """A revision that grew before it was released is named alike and is another one."""
    there = {
        table: {column["name"] for column in columns}
        for (_, table), columns in inspect(connection).get_multi_columns().items()
    }
    missing = [
        f"{table.name}.{column.name}"
        for table in metadata.tables.values()
        for column in table.columns
        if column.name not in there.get(table.name, ())
    ]
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise Unusable(
            f"{where} is of an older schema than this Stanch's, which no release had: it lacks {missing[0]}{more}.",
            hint="Nothing was changed. Move it away and start anew, or run the version that wrote it.",
        )
