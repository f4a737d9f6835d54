"""systemctl: whether a unit ran, and was enabled, is read before; stop and start undo each other.

`systemctl --dry-run` exists for what ends the whole machine, and for nothing else.
"""

from stanch.commands.companion import NONE, Argv, Companions, Proof, Settled, Undo, differs, one
from stanch.commands.options import options, read

NAMES = ("systemctl",)

_OPTIONS = options("--user --system --no-block --quiet -q --now --force -f", "-H/--host -M/--machine -t/--type")
_WHOLE = frozenset("halt poweroff reboot kexec soft-reboot suspend hibernate default rescue emergency exit".split())
_BACK = {"stop": "start", "start": "stop", "enable": "disable", "disable": "enable", "mask": "unmask", "unmask": "mask"}


def companions(argv: Argv) -> Companions:
    parsed = read(argv[1:], _OPTIONS)
    verb = parsed.operand(0)
    if verb in _WHOLE:
        return Companions(
            dry_run=one((argv[0], "--dry-run", *argv[1:])),
            no_undo="The machine has to be started again by other means.",
        )
    if parsed.unknown or len(parsed.operands) != 2 or parsed.has("--now", "--force"):
        return NONE
    unit = parsed.operand(1)
    tool = argv[: argv.index(verb)]

    def look(field: str) -> tuple[Argv]:
        return ((*tool, "show", unit, "-p", field, "--value"),)

    runs = Settled(look=look("ActiveState"), judge=lambda printed: printed == "active")
    match verb:
        case "restart" | "reload" | "try-restart" | "reload-or-restart":
            moved = look("StateChangeTimestampMonotonic" if verb == "reload" else "ActiveEnterTimestampMonotonic")
            return Companions(
                before=moved,
                proof=Proof(look=moved, judge=differs),
                settled=runs,
                no_undo="A restarted unit runs as before: there is nothing to put back.",
            )
        case "stop" | "start":
            return _between(
                tool, verb, unit, look=look("ActiveState"), state="active", settled=runs if verb == "start" else None
            )
        case "enable" | "disable":
            return _between(tool, verb, unit, look=look("UnitFileState"), state="enabled")
        case "mask" | "unmask":
            return _between(tool, verb, unit, look=look("UnitFileState"), state="masked")
        case _:
            return NONE


def _between(
    tool: Argv, verb: str, unit: str, *, look: tuple[Argv], state: str, settled: Settled | None = None
) -> Companions:
    """A verb that brings a unit into a state, or out of it."""
    wanted = verb in {"start", "enable", "mask"}

    def judge(before: str | None, now: str) -> bool | None:
        if (now == state) != wanted:
            return False
        return None if before is not None and (before == state) == wanted else True

    return Companions(
        before=look,
        proof=Proof(look=look, judge=judge),
        settled=settled,
        undo=Undo(
            shown=f"systemctl {_BACK[verb]} {unit}",
            of=lambda before: one((*tool, _BACK[verb], unit)) if before and (before == state) != wanted else None,
        ),
    )
