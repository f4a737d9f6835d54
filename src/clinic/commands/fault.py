"""Break the clinic, or put it right."""

import argparse

from clinic import database_address
from clinic.faults import FAULTS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", choices=list(FAULTS))
    database_address.add_argument(parser)
    parser.add_argument("--remove", action="store_true", help="take the fault out again")


def run(told: argparse.Namespace) -> None:
    fault = FAULTS[told.name]
    with database_address.reachable():
        (fault.remove if told.remove else fault.inject)(told.database_url)
