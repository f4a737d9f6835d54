"""terraform and OpenTofu: `plan` is the dry run of `apply` and `destroy`. There is no undo: state goes forward only."""

from stanch.commands.companion import NONE, Argv, Companions, one, without
from stanch.commands.options import Style, options, read

NAMES = ("terraform", "tofu")

_OPTIONS = options(
    "-auto-approve -compact-warnings -destroy -json -no-color -refresh-only",
    "-chdir -input -lock -lock-timeout -parallelism -refresh -replace -target -var -var-file -state -state-out -backup",
    style=Style.GO,
)
_DROPPED = {"-auto-approve": False, "--auto-approve": False, "-backup": True, "-state-out": True}


def companions(argv: Argv) -> Companions:
    parsed = read(argv[1:], _OPTIONS)
    verb = parsed.operand(0)
    if verb not in {"apply", "destroy"}:
        return NONE
    no_undo = "What it did is put back by applying the configuration of before."
    if parsed.unknown:
        return Companions(no_undo=no_undo)
    at = argv.index(verb)
    if len(parsed.operands) == 2:
        # A saved plan says itself what it would do.
        return Companions(dry_run=one((*argv[:at], "show", parsed.operand(1))), no_undo=no_undo)
    mode = ("-destroy",) if verb == "destroy" else ()
    return Companions(dry_run=one((*argv[:at], "plan", *mode, *without(argv[at + 1 :], _DROPPED))), no_undo=no_undo)
