"""Ready-made grammars for tools that a table describes: programs that read, and programs with verbs."""

from collections.abc import Mapping, Sequence

from stanch.commands.effect import Call, Effect, Grammar, changes, reads
from stanch.commands.options import NO_OPTIONS, Options, Raises, raised_by, read
from stanch.model.risk import Risk, Trait

ASKS = frozenset({"--help", "--version", "-help", "-version"})


def always(effect: Effect) -> Grammar:
    """A program that does the same whatever its arguments are."""
    return lambda _: effect


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


def by_verb(
    tool: str,
    table: Mapping[str, Effect],
    leading: Options,
    *,
    raises: Mapping[str, Raises] | None = None,
    bare: Effect | None = None,
) -> Grammar:
    """A program whose first operands decide what it does; the verb's own options are not looked at but for `raises`."""

    def rate(call: Call) -> Effect:
        if len(call.arguments) == 1 and call.arguments[0] in ASKS | {"-h", "-v", "-V", "help", "version"}:
            return reads("says what it is")
        parsed = read(call.arguments, leading, stop_at_operand=True)
        if not parsed.operands:
            return parsed.certain(bare or reads("says what it is"))
        operands = [word for word in parsed.operands if not word.startswith("-")]
        found = verb_of(operands, table)
        if found is None:
            return changes(f"`{tool} {operands[0] if operands else ''}` is not known")
        effect = found[1]
        for name, raised in (raises or {}).items():
            if mentions(call.arguments, name):
                effect = effect.raised(raised.risk, raised.why)
        return parsed.certain(effect)

    return rate
