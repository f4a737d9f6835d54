"""apt-get: `--simulate` lists what would be installed and removed."""

from stanch.commands.companion import NONE, Argv, Companions, one

NAMES = ("apt-get",)
_CHANGES = frozenset("install remove purge upgrade dist-upgrade autoremove full-upgrade".split())


def companions(argv: Argv) -> Companions:
    if not _CHANGES & set(argv[1:]):
        return NONE
    return Companions(
        dry_run=one((argv[0], "--simulate", *argv[1:])),
        no_undo="The version of before has to be installed by name.",
    )
