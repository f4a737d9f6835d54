"""redis-cli: a setting is read before `CONFIG SET` changes it, and set back.

redis-cli ends with status 0 when the server refuses: only the look afterwards tells that a setting was not taken.
"""

from stanch.commands.companion import NONE, Argv, Companions, Pipeline, Proof, Undo, one
from stanch.commands.options import options, read

NAMES = ("redis-cli", "valkey-cli", "keydb-cli")

_OPTIONS = options(
    "--raw --no-raw --no-auth-warning --tls --insecure -c -e -3",
    "-h -p -s -a -u -n --user --pass --cacert --cert --key --sni -t",
)


def companions(argv: Argv) -> Companions:
    parsed = read(argv[1:], _OPTIONS, stop_at_operand=True)
    words = parsed.operands
    if parsed.unknown or len(words) != 4 or [word.upper() for word in words[:2]] != ["CONFIG", "SET"]:
        return NONE
    tool, key, wanted = argv[: len(argv) - 4], words[2], words[3]
    look = one((*tool, "CONFIG", "GET", key))

    def judge(before: str | None, now: str) -> bool | None:
        value = _value(key, now)
        if value is None:
            return None
        if before is not None and _value(key, before) == value:
            # 100mb is shown as 104857600: only what is written alike can be compared.
            return False if value != wanted and value.isdigit() == wanted.isdigit() else None
        return True if before is not None or value == wanted else None

    def back(before: str) -> Pipeline | None:
        value = _value(key, before)
        return None if value is None or value == wanted else one((*tool, "CONFIG", "SET", key, value))

    return Companions(
        before=look, proof=Proof(look=look, judge=judge), undo=Undo(shown=f"set {key} back to what it was", of=back)
    )


def _value(key: str, printed: str) -> str | None:
    """The value in the answer to `CONFIG GET`: the name on one line, the value on the next."""
    match printed.splitlines():
        case [name] if name.lower() == key.lower():
            return ""
        case [name, value] if name.lower() == key.lower():
            return value
        case _:
            return None
