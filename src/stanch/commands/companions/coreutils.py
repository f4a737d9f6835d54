"""chmod: the mode of before is set again."""

import re

from stanch.commands.companion import NONE, Argv, Companions, Proof, Undo, differs, one

NAMES = ("chmod",)


def companions(argv: Argv) -> Companions:
    match argv:
        case ("chmod", mode, path) if not mode.startswith("-") and not path.startswith("-"):
            return _chmod(mode, path)
        case _:
            return NONE


def _chmod(mode: str, path: str) -> Companions:
    look = one(("stat", "-c", "%a", path))
    digits = mode.lstrip("0")

    def judge(before: str | None, now: str) -> bool | None:
        if not re.fullmatch(r"[0-7]+", mode):
            return True if differs(before, now) else None
        if now != digits:
            return False
        return None if before == digits else True

    return Companions(
        before=look,
        proof=Proof(look=look, judge=judge),
        undo=Undo(
            shown=f"chmod {path} back to the mode that it had",
            of=lambda before: (
                one(("chmod", before, path)) if re.fullmatch(r"[0-7]+", before) and before != digits else None
            ),
        ),
    )
