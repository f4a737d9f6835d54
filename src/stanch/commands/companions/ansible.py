"""ansible: `--check` asks every module what it would change. A playbook's tasks may ignore it, so only an ad-hoc
command is rated read-only with it, and only that is offered.
"""

from stanch.commands.companion import Argv, Companions, inserted, one

NAMES = ("ansible", "ansible-playbook")


def companions(argv: Argv) -> Companions:
    if "--check" in argv or "-C" in argv:
        return Companions()
    return Companions(dry_run=one(inserted(argv, "--check")))
