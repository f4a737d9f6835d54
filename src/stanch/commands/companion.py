"""What goes along with a command: how to see whether it took effect, how to put it back, how to try it.

One file a tool in `commands/companions/`. All of it is words for programs, made from the command's own words; nothing
is run here. Whoever runs one rates it first: a look and a native dry run must be rated read-only, or there is none.
"""

from collections.abc import Callable, Mapping
from dataclasses import field
from typing import Protocol

from stanch.model.record import record

Argv = tuple[str, ...]
Pipeline = tuple[Argv, ...]


@record
class Proof:
    """A look that tells whether the command took effect.

    `judge` gets what `Companions.before` printed (None where nobody looked) and what `look` prints now, both without
    surrounding blanks: True, False, or None where it cannot be told from them.
    """

    look: Pipeline
    judge: Callable[[str | None, str], bool | None]


@record
class Settled:
    """A look that says whether what the command began is finished; it may wait for that, at most its time box."""

    look: Pipeline
    judge: Callable[[str], bool] = field(default=lambda _: True)


@record
class Undo:
    """How a command is put back. `shown` says so before it is known what was there.

    `of` makes it from what `Companions.before` printed; None where there would be nothing to put back, or where what
    was printed is not what was expected. `restores` says that the look shows the same as before once it is undone; a
    revision, for one, only ever counts up.
    """

    shown: str
    of: Callable[[str], Pipeline | None]
    restores: bool = True


@record
class Companions:
    """`before` is looked at before the act. `no_undo` says why there is no undo, for the person who approves."""

    before: Pipeline | None = None
    proof: Proof | None = None
    settled: Settled | None = None
    undo: Undo | None = None
    no_undo: str = "Stanch knows no way to put this back."
    dry_run: Pipeline | None = None


NONE = Companions()


class Tool(Protocol):
    """A file of `commands/companions/`: `NAMES` are the programs it speaks of."""

    @property
    def NAMES(self) -> tuple[str, ...]: ...  # noqa: N802 - a constant of the module

    @property
    def companions(self) -> Callable[[Argv], Companions]:
        """What goes along with one plain command of the tool; `argv[0]` is its name."""
        ...


def equals(wanted: str) -> Callable[[str | None, str], bool | None]:
    """A judge by the value that the command sets: there now means it took effect, unless it was there before."""

    def judge(before: str | None, now: str) -> bool | None:
        if now != wanted:
            return False
        return None if before == wanted else True

    return judge


def differs(before: str | None, now: str) -> bool | None:
    """A judge by a counter or mark that every such command moves."""
    return None if before is None or not now else now != before


def one(argv: Argv) -> Pipeline:
    """A pipeline of one stage."""
    return (argv,)


def scoped(given: tuple[tuple[str, str], ...], names: frozenset[str]) -> Argv:
    """The options among those given that say which installation is meant, to be said again in a look or an undo."""
    return tuple(f"{name}={value}" if value else name for name, value in given if name in names)


def without(arguments: Argv, dropped: Mapping[str, bool]) -> Argv:
    """The arguments without some options; the value says whether one takes the next word when it is not joined on.

    What stands behind `--` is left as it is.
    """
    kept: list[str] = []
    index = 0
    while index < len(arguments):
        word = arguments[index]
        index += 1
        if word == "--":
            return (*kept, word, *arguments[index:])
        name, joined, _ = word.partition("=")
        if name in dropped:
            index += 1 if dropped[name] and not joined else 0
        else:
            kept.append(word)
    return tuple(kept)


def inserted(arguments: Argv, word: str) -> Argv:
    """The arguments with an option at the end, but before a `--`."""
    at = arguments.index("--") if "--" in arguments else len(arguments)
    return (*arguments[:at], word, *arguments[at:])
