"""Where commands find the database."""

import argparse
import os
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from clinic.unusable import Unusable

VARIABLE = "CLINIC_DATABASE_URL"


def add_argument(parser: argparse.ArgumentParser) -> None:
    """`--database-url`, else the environment's, which does not show in the list of processes."""
    known = os.environ.get(VARIABLE)
    parser.add_argument("--database-url", default=known, required=known is None, help=f"PostgreSQL; else ${VARIABLE}")


@contextmanager
def reachable() -> Iterator[None]:
    """A database that is away, full or locked becomes one sentence. Raises Unusable."""
    try:
        yield
    except psycopg.OperationalError as failed:
        raise Unusable(f"The database cannot be used: {str(failed).strip().splitlines()[0]}") from failed
