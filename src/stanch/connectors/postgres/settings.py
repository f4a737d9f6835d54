"""Where a PostgreSQL server is, and how gently it is looked at."""

from pydantic import BaseModel, ConfigDict, Field, SecretStr


class PostgresSettings(BaseModel):
    """A PostgreSQL that diagnosis may read.

    The reading role needs `pg_monitor` and `pg_read_all_data`, and nothing else. Both addresses must lead to the
    server itself: a pooler in transaction mode shares one session among clients, and this one's settings are its own.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    url: SecretStr = Field(description="libpq address of the reading role: `postgresql://role:password@host/database`.")
    apply_url: SecretStr | None = Field(
        default=None, description="libpq address of the role that may create indexes; without it none is built."
    )
    service: str = Field(default="", description="The service whose incidents this database is looked at for.")
    baseline_every_s: float = Field(
        default=15.0,
        gt=0,
        description="How often the counters are noted, so that a diagnosis has something to compare.",
    )
    statement_timeout_s: float = Field(default=2.0, gt=0, description="The longest that one look may take.")
    lock_timeout_s: float = Field(default=0.2, gt=0, description="The longest that a look waits for a lock.")
