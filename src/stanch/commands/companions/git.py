"""git: `push` and `clean` can say what they would do."""

from stanch.commands.companion import NONE, Argv, Companions, inserted, one

NAMES = ("git",)


def companions(argv: Argv) -> Companions:
    if not {"push", "clean"} & set(argv[1:]) or {"--dry-run", "-n"} & set(argv):
        return NONE
    return Companions(dry_run=one(inserted(argv, "--dry-run")))
