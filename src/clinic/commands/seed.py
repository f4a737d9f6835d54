"""Fill the database."""

import argparse
import sys

from clinic import database_address, seed


def add_arguments(parser: argparse.ArgumentParser) -> None:
    database_address.add_argument(parser)
    parser.add_argument("--appointments", type=int, default=seed.APPOINTMENTS)


def run(told: argparse.Namespace) -> None:
    def progress(what: str, share: float) -> None:
        sys.stderr.write(f"{share:4.0%} {what}\n")

    with database_address.reachable():
        seed.seed(told.database_url, appointments=told.appointments, progress=progress)
