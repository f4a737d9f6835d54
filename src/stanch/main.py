"""The entry point: the one module above both the command line and the web, which do not know each other."""

import sys

from stanch.cli.main import run


def main() -> int:
    """Run the command line; the web server is imported when a command asks for it, and not before."""
    return run(sys.argv[1:], serve="stanch.web.server:serve")


if __name__ == "__main__":
    sys.exit(main())
