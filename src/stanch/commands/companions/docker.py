"""docker: containers are stopped and started, paused and unpaused; `docker compose` has a dry run of its own."""

from stanch.commands.companion import NONE, Argv, Companions, Proof, Settled, Undo, differs, one

NAMES = ("docker", "podman")

_FIELD = {
    "stop": "{{.State.Running}}",
    "start": "{{.State.Running}}",
    "pause": "{{.State.Paused}}",
    "unpause": "{{.State.Paused}}",
}
_BACK = {"stop": "start", "start": "stop", "pause": "unpause", "unpause": "pause"}


def companions(argv: Argv) -> Companions:
    match argv[1:]:
        case ("compose", *words) if "--dry-run" not in words:
            return Companions(dry_run=one((argv[0], "compose", "--dry-run", *words)))
        case (verb, container) if verb in _BACK and not container.startswith("-"):
            return _between(argv[0], verb, container)
        case ("restart", container) if not container.startswith("-"):
            look = one((argv[0], "inspect", "--format", "{{.State.StartedAt}}", container))
            running = one((argv[0], "inspect", "--format", "{{.State.Running}}", container))
            return Companions(
                before=look,
                proof=Proof(look=look, judge=differs),
                settled=Settled(look=running, judge=lambda printed: printed == "true"),
                no_undo="A restarted container runs as before: there is nothing to put back.",
            )
        case _:
            return NONE


def _between(tool: str, verb: str, container: str) -> Companions:
    """A verb that brings a container into a state, or out of it."""
    look = one((tool, "inspect", "--format", _FIELD[verb], container))
    wanted = "true" if verb in {"start", "pause"} else "false"

    def judge(before: str | None, now: str) -> bool | None:
        if now not in {"true", "false"}:
            return None
        if now != wanted:
            return False
        return None if before == wanted else True

    return Companions(
        before=look,
        proof=Proof(look=look, judge=judge),
        undo=Undo(
            shown=f"docker {_BACK[verb]} {container}",
            of=lambda before: (
                one((tool, _BACK[verb], container)) if before in {"true", "false"} and before != wanted else None
            ),
        ),
    )
