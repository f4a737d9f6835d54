"""rsync: `--dry-run` lists what would be copied and deleted. What it overwrote is not kept."""

from stanch.commands.companion import Argv, Companions, one

NAMES = ("rsync",)


def companions(argv: Argv) -> Companions:
    return Companions(
        dry_run=one((argv[0], "--dry-run", "--itemize-changes", *argv[1:])),
        no_undo="What was overwritten or deleted at the destination is not kept.",
    )
