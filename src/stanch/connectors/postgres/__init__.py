"""PostgreSQL: a session that only reads, held open for when the server is sick, and one that builds indexes."""

from stanch.connectors.postgres.connector import PostgresConnector
from stanch.connectors.postgres.indexes import BuildFailed, IndexState
from stanch.connectors.postgres.session import ConnectionRefused
from stanch.connectors.postgres.settings import PostgresSettings

__all__ = ["BuildFailed", "ConnectionRefused", "IndexState", "PostgresConnector", "PostgresSettings"]
