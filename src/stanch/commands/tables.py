"""Ready-made grammars for tools that a table describes: programs that read, and programs with verbs."""

from collections.abc import Mapping, Sequence

from stanch.commands.effect import Call, Effect, Grammar, reads
from stanch.commands.options import NO_OPTIONS, Options, Raises, raised_by, read
from stanch.model.risk import Risk, Trait

ASKS = frozenset({"--help", "--version", "-help", "-version"})


def always(effect: Effect) -> Grammar:
    """A program that does the same whatever its arguments are."""
    return lambda _: effect


def gives(arguments: Sequence[str], names: str) -> bool:
    """Whether one of some options is given, in any way that getopt takes: in a cluster, joined, abbreviated.

    It errs towards yes, as a word that is another option's value may look like one. Short names are `-x`.
    """
    letters = {name[1] for name in names.split() if len(name) == 2}
    long = [name for name in names.split() if len(name) > 2]
    for argument in arguments:
        if argument.startswith("--") and len(argument) > 3:
            written = argument.partition("=")[0]
            if any(name.startswith(written) for name in long):
                return True
        elif (
            argument.startswith("-") and not argument.startswith("--") and letters & set(argument[1:].partition("=")[0])
        ):
            return True
    return False


def unless(effect: Effect, names: str, then: Effect) -> Grammar:
    """A program that has one effect, and another with any of some options."""
    return lambda call: effect.along(then) if gives(call.arguments, names) else effect


def reader(
    why: str,
    grammar: Options | None = None,
    *,
    raises: Mapping[str, Raises] | None = None,
    writes: str = "",
    endless: str = "",
    interactive: str = "",
    secrets: str = "",
    operands: int | None = None,
    beyond: str = "its further operands are written to",
) -> Grammar:
    """A program that reads, with the options that make it do more.

    `writes`, `endless`, `interactive` and `secrets` are canonical option names. More than `operands` operands
    make it mutating, for the reason `beyond`.
    """

    def rate(call: Call) -> Effect:
        parsed = read(call.arguments, grammar or NO_OPTIONS)
        effect = reads(why)
        effect = raised_by(effect, parsed, raises or {})
        for option in writes.split():
            if parsed.has(option) and parsed.value(option) not in {"/dev/null", "-", "/dev/stdout"}:
                effect = effect.raised(Risk.MUTATING, f"{option} writes a file")
        for names, trait in (
            (endless, Trait.ENDLESS),
            (interactive, Trait.INTERACTIVE),
            (secrets, Trait.EXPOSES_SECRETS),
        ):
            if names and parsed.has(*names.split()):
                effect = effect.having(trait)
        if operands is not None and len(parsed.operands) > operands:
            effect = effect.raised(Risk.MUTATING, beyond)
        return parsed.certain(effect)

    return rate


def mentions(arguments: Sequence[str], *names: str) -> bool:
    """Whether a long option is given somewhere, alone or with a joined value."""
    return any(argument.partition("=")[0] in names for argument in arguments)


def verb_of(operands: Sequence[str], table: Mapping[str, Effect], longest: int = 3) -> tuple[str, Effect] | None:
    """The row of a verb table that the operands begin with, the longest first (`rollout status` before `rollout`)."""
    for length in range(min(longest, len(operands)), 0, -1):
        verb = " ".join(operands[:length])
        if verb in table:
            return verb, table[verb]
    return None
