"""`python -m clinic COMMAND`."""

import argparse
import sys

from clinic import commands, lifeline
from clinic.unusable import Unusable


def main(argv: list[str]) -> int:
    """0 when done, 2 for what cannot be, with one sentence on standard error."""
    told = _parser(argv).parse_args(argv)
    if told.parent_death:
        lifeline.end_with_parent()
    try:
        commands.find(told.command).run(told)
    except Unusable as sentence:
        sys.stderr.write(f"{sentence}\n")
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


def _parser(argv: list[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="clinic", description="A clinic's booking application, to be broken.")
    added = parser.add_subparsers(required=True, metavar="COMMAND", dest="command")
    asked = argv[:1] if argv[:1] and argv[0] in commands.names() else commands.names()
    for name in asked:
        command = commands.find(name)
        text = (command.__doc__ or "").strip()
        subparser = added.add_parser(name, help=text, description=text)
        subparser.add_argument(
            "--parent-death",
            action=argparse.BooleanOptionalAction,
            default=True,
            help="end when the process that started this one is gone (default)",
        )
        command.add_arguments(subparser)
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
