"""aws: `s3` has `--dryrun`, most of `ec2` has `--dry-run`, which answers whether it would have been allowed."""

from stanch.commands.companion import NONE, Argv, Companions, one

NAMES = ("aws",)
_COPIES = frozenset({"cp", "mv", "rm", "sync"})


def companions(argv: Argv) -> Companions:
    services = [word for word in argv[1:] if not word.startswith("-")]
    if len(services) < 2:
        return NONE
    if "s3" in services and _COPIES & set(services):
        return Companions(dry_run=one((*argv, "--dryrun")))
    if "ec2" in services and "--dry-run" not in argv:
        # It ends with an error either way: `DryRunOperation` is the yes.
        return Companions(dry_run=one((*argv, "--dry-run")))
    return NONE
