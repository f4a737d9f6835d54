"""Where a connection string or a variable points: the host and the database, never the password."""

from collections.abc import Iterable
from urllib.parse import urlsplit

VARIABLES = {
    "PGHOST": "host",
    "PGDATABASE": "database",
    "MYSQL_HOST": "host",
    "HELM_NAMESPACE": "namespace",
    "HELM_KUBECONTEXT": "context",
    "AWS_PROFILE": "context",
    "CLOUDSDK_CORE_PROJECT": "context",
    "GH_HOST": "host",
    "TF_WORKSPACE": "context",
}
"""Variables that name what a command acts on, with their keys of a target."""


def place(written: str) -> dict[str, str | None]:
    """`scheme://user:password@host:port/database?...` as host and database; a name alone is a database."""
    if "://" not in written:
        return {"database": written or None}
    try:
        split = urlsplit(written)
    except ValueError:
        return {}
    # MongoDB names several hosts in one string, which `hostname` would take for one with a wrong port.
    hosts = [host.partition(":")[0] for host in split.netloc.rpartition("@")[2].split(",")]
    return {"host": ",".join(hosts) or None, "database": split.path.strip("/") or None}


def named(assignments: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The target that variables before a command name; the last one counts."""
    return {VARIABLES[name]: value for name, value in assignments if name in VARIABLES and value}
