"""HAProxy's runtime socket, as `echo "disable server BACKEND/SERVER" | socat stdio SOCKET`.

The server's administrative state and weight are read before (`show servers state`), and put back. In its column
`srv_admin_state`, bit 0x01 is a maintenance that a person forced (`SRV_ADMF_FMAINT`), 0x08 a forced drain.
"""

from collections.abc import Callable

from stanch.commands.companion import NONE, Companions, Pipeline, Proof, Undo
from stanch.model.pattern import Pattern

_COMMAND = Pattern(r"^(?P<verb>disable|enable) server (?P<backend>[\w.-]+)/(?P<server>[\w.-]+)\s*;?$")
_SET = Pattern(
    r"^set (?:server (?P<backend>[\w.-]+)/(?P<server>[\w.-]+) (?P<what>state|weight) (?P<value>\S+)"
    r"|weight (?P<other>[\w.-]+)/(?P<named>[\w.-]+) (?P<weight>\d+))\s*;?$"
)
_FORCED = 0x01
_DRAINED = 0x08
_ADMIN, _WEIGHT = 6, 7

Say = Callable[[str], Pipeline]


def companions(pipeline: Pipeline) -> Companions:
    first, socket = pipeline
    if len(first) != 2 or first[0] not in {"echo", "printf"} or socket[0].rsplit("/", 1)[-1] not in {"socat", "nc"}:
        return NONE
    text = first[1].removesuffix("\\n").strip()

    def say(words: str) -> Pipeline:
        return (("echo", words), socket)

    if match := _COMMAND.match(text):
        state = "maint" if match["verb"] == "disable" else "ready"
        return _state(say, match["backend"], match["server"], state)
    match = _SET.match(text)
    if match is None:
        return NONE
    if match["what"] == "state" and match["value"] in {"ready", "drain", "maint"}:
        return _state(say, match["backend"], match["server"], match["value"])
    weight = match["weight"] or (match["value"] if match["what"] == "weight" else "")
    if not weight.isdigit():
        return NONE
    return _weight(say, match["backend"] or match["other"], match["server"] or match["named"], weight)


def _state(say: Say, backend: str, server: str, wanted: str) -> Companions:
    look = say(f"show servers state {backend}")

    def judge(before: str | None, now: str) -> bool | None:
        if (state := _admin(server, now)) is None:
            return None
        if state != wanted:
            return False
        return None if before is not None and _admin(server, before) == wanted else True

    def back(before: str) -> Pipeline | None:
        state = _admin(server, before)
        return None if state is None or state == wanted else say(f"set server {backend}/{server} state {state}")

    return Companions(
        before=look,
        proof=Proof(look=look, judge=judge),
        undo=Undo(shown=f"set server {backend}/{server} to the state that it had", of=back),
    )


def _weight(say: Say, backend: str, server: str, wanted: str) -> Companions:
    look = say(f"show servers state {backend}")

    def judge(before: str | None, now: str) -> bool | None:
        if (weight := _field(server, now, _WEIGHT)) is None:
            return None
        if weight != wanted:
            return False
        return None if before is not None and _field(server, before, _WEIGHT) == wanted else True

    def back(before: str) -> Pipeline | None:
        weight = _field(server, before, _WEIGHT)
        return None if weight is None or weight == wanted else say(f"set weight {backend}/{server} {weight}")

    return Companions(
        before=look,
        proof=Proof(look=look, judge=judge),
        undo=Undo(shown=f"set the weight of {backend}/{server} back to what it was", of=back),
    )


def _field(server: str, printed: str, column: int) -> str | None:
    """A column of a server's line in `show servers state`; the fourth holds its name."""
    for line in printed.splitlines():
        fields = line.split()
        if len(fields) > column and fields[3] == server and fields[0].isdigit():
            return fields[column]
    return None


def _admin(server: str, printed: str) -> str | None:
    state = _field(server, printed, _ADMIN)
    if state is None or not state.isdigit():
        return None
    if int(state) & _FORCED:
        return "maint"
    return "drain" if int(state) & _DRAINED else "ready"
