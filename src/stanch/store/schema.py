"""Brings a database to the schema of this version, in process."""

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from stanch.model.problem import Unusable
from stanch.store import migrations

VERSION_TABLE = "stanch_schema"


def version(connection: Connection) -> str | None:
    """The revision that the database is at; None where Stanch never was."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    found: str | None = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar_one_or_none()  # noqa: S608 - a constant
    return found


def migrate(connection: Connection, where: str) -> None:
    """Run the migrations that are missing, in the caller's transaction: all of them or none.

    Raises `Unusable` where the database is at a revision that this version does not know.
    """
    if connection.dialect.name == "postgresql":  # replicas that start together take turns
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('stanch schema', 0))"))
    found = version(connection)
    if found == migrations.HEAD:
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
