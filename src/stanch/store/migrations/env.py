"""Alembic's entry: runs on the connection and in the transaction that `stanch.store.schema.migrate` hands over."""

from alembic import context

from stanch.store.schema import VERSION_TABLE
from stanch.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    transactional_ddl=True,
)
context.run_migrations()
