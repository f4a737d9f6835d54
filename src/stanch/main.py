"""The entry point: the one module above both the command line and the web, which do not know each other."""

import gc
import sys

_YOUNG_OBJECTS = 100_000
"""New objects before the garbage collector looks at them. With Python's 700 it looks a hundred times while modules and
playbooks load, where nearly everything that is made stays."""


def main() -> int:
    """Run the command line; the web server is imported when a command asks for it, and not before."""
    gc.set_threshold(_YOUNG_OBJECTS)
    from stanch.cli.main import run  # noqa: PLC0415 - after the threshold, which is for what this loads

    try:
        return run(sys.argv[1:], serve="stanch.web.server:serve")
    finally:
        # What is left goes with the process. Python would first look through all of it for cycles, a tenth of a check.
        gc.freeze()


if __name__ == "__main__":
    sys.exit(main())
