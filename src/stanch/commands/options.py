"""Option grammars as data: which options a tool has and which of them take a value.

A grammar is written as a table: names separated by blanks, other spellings of the same option by `/`, a tool's rules
may ask for any of them. An option that no table has is kept in `unknown`: nobody can say whether
the next word is its value, so the command is not read with certainty.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from typing import TypeVar

from stanch.commands.effect import Effect
from stanch.model.record import record
from stanch.model.risk import Risk

T = TypeVar("T")


class Style(StrEnum):
    """`GNU`: `-abc` is three options, `-n5` one with a value. `GO`: `-name` and `--name` are the same, no clusters."""

    GNU = "gnu"
    GO = "go"


@dataclass(frozen=True, kw_only=True)
class Options:
    """Every spelling with its canonical name. `optional` take a value only when it is joined on."""

    flags: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, str] = field(default_factory=dict)
    optional: Mapping[str, str] = field(default_factory=dict)
    style: Style = Style.GNU
    numbers: bool = False

    @cached_property
    def names(self) -> Mapping[str, str]:
        """Every spelling with its canonical name, whichever kind it is."""
        return {**self.optional, **self.values, **self.flags, "-NUM": "-NUM"}

    def __or__(self, other: "Options") -> "Options":
        return Options(
            flags={**self.flags, **other.flags},
            values={**self.values, **other.values},
            optional={**self.optional, **other.optional},
            style=self.style,
            numbers=self.numbers or other.numbers,
        )


def options(
    flags: str = "", values: str = "", optional: str = "", *, style: Style = Style.GNU, numbers: bool = False
) -> Options:
    """A grammar from its table. `numbers` allows `-20` as in `head -20`."""
    return Options(flags=_table(flags), values=_table(values), optional=_table(optional), style=style, numbers=numbers)


def _table(text: str) -> dict[str, str]:
    table: dict[str, str] = {}
    for entry in text.split():
        names = entry.split("/")
        table |= dict.fromkeys(names, names[-1])
    return table


NO_OPTIONS = options()


@record
class Parsed:
    """Arguments read by a grammar. `given` are canonical names with values ("" for a bare flag), in order.

    `operands` are the words that are no options; `after` those of them behind a `--`, None where there is none.
    """

    grammar: Options
    operands: tuple[str, ...]
    given: tuple[tuple[str, str], ...]
    unknown: tuple[str, ...] = ()
    after: tuple[str, ...] | None = None

    def has(self, *names: str) -> bool:
        """Whether any of the options is there; a flag that is set to false (`--watch=false`) is not.

        Any spelling does. Raises KeyError for one that the grammar does not have, since it could never be found.
        """
        wanted = {self.grammar.names[name] for name in names}
        return any(name in wanted for name, _ in self.given)

    def value(self, name: str) -> str | None:
        """The last value of an option."""
        wanted = self.grammar.names[name]
        return next((value for given, value in reversed(self.given) if given == wanted), None)

    def all(self, name: str) -> tuple[str, ...]:
        """Every value of an option, in order."""
        wanted = self.grammar.names[name]
        return tuple(value for given, value in self.given if given == wanted)

    def joined(self, before: "Parsed") -> "Parsed":
        """These arguments together with those of a grammar that was read before, as of a program before its verb."""
        return Parsed(
            grammar=before.grammar | self.grammar,
            operands=self.operands,
            given=(*before.given, *self.given),
            unknown=(*before.unknown, *self.unknown),
            after=self.after,
        )

    def first(self, *names: str) -> str | None:
        """The first of the options that has a value."""
        return next((value for name in names if (value := self.value(name))), None)

    def operand(self, index: int) -> str:
        """The operand at an index, or an empty string."""
        return self.operands[index] if index < len(self.operands) else ""

    def certain(self, effect: Effect) -> Effect:
        """The effect, unless an option is not known: then it is not known either, and counts as mutating."""
        if not self.unknown:
            return effect
        return replace(effect.raised(Risk.MUTATING, f"the option {self.unknown[0]} is not known"), is_known=False)


def read(arguments: Sequence[str], grammar: Options, *, stop_at_operand: bool = False) -> Parsed:
    """Split arguments into options and operands as the tool itself would.

    With `stop_at_operand`, everything from the first operand on is an operand, as wrappers have it.
    """
    given: list[tuple[str, str]] = []
    operands: list[str] = []
    unknown: list[str] = []
    after: tuple[str, ...] | None = None
    index = 0
    while index < len(arguments):
        argument = arguments[index]
        index += 1
        if argument == "--":
            after = tuple(arguments[index:])
            operands.extend(after)
            break
        if argument == "-" or not argument.startswith("-"):
            operands.append(argument)
            if stop_at_operand:
                operands.extend(arguments[index:])
                break
            continue
        if argument.startswith("--") or grammar.style is Style.GO:
            index += _long(argument, arguments[index : index + 1], grammar, given, unknown)
        elif grammar.numbers and argument[1:].isdigit():
            given.append(("-NUM", argument[1:]))
        else:
            index += _cluster(argument, arguments[index : index + 1], grammar, given, unknown)
    return Parsed(grammar=grammar, operands=tuple(operands), given=tuple(given), unknown=tuple(unknown), after=after)


def _long(
    argument: str, following: Sequence[str], grammar: Options, given: list[tuple[str, str]], unknown: list[str]
) -> int:
    """Returns how many of the following words were taken as a value."""
    written, joined, value = argument.partition("=")
    spellings = (written, written[1:]) if written.startswith("--") and grammar.style is Style.GO else (written,)
    for name in spellings:
        if name in grammar.flags:
            _flag(grammar.flags[name], value, given)
            return 0
        if name in grammar.optional:
            given.append((grammar.optional[name], value))
            return 0
        if name in grammar.values:
            if joined:
                given.append((grammar.values[name], value))
                return 0
            given.append((grammar.values[name], following[0] if following else ""))
            return len(following)
    if len(written) > 3 and grammar.style is Style.GNU and (full := _abbreviated(written, grammar)):
        return _long(f"{full}{joined}{value}", following, grammar, given, unknown)
    unknown.append(written)
    return 0


def _abbreviated(written: str, grammar: Options) -> str | None:
    """The one long option that begins like this; getopt_long takes it for that one."""
    tables = (grammar.flags, grammar.values, grammar.optional)
    begun = {canonical: name for table in tables for name, canonical in table.items() if name.startswith(written)}
    return next(iter(begun.values())) if len(begun) == 1 else None


def _flag(name: str, value: str, given: list[tuple[str, str]]) -> None:
    if value.lower() in {"false", "f", "0"}:
        given[:] = [entry for entry in given if entry[0] != name]
    else:
        given.append((name, value))


def _cluster(
    argument: str, following: Sequence[str], grammar: Options, given: list[tuple[str, str]], unknown: list[str]
) -> int:
    if (whole := argument.partition("=")[0]) != argument and len(whole) == 2 and whole in grammar.flags:
        _flag(grammar.flags[whole], argument.partition("=")[2], given)
        return 0
    for position in range(1, len(argument)):
        name = "-" + argument[position]
        rest = argument[position + 1 :]
        if name in grammar.flags:
            given.append((grammar.flags[name], ""))
        elif name in grammar.optional:
            given.append((grammar.optional[name], rest))
            return 0
        elif name in grammar.values:
            if rest:
                given.append((grammar.values[name], rest.removeprefix("=")))
                return 0
            given.append((grammar.values[name], following[0] if following else ""))
            return len(following)
        else:
            unknown.append(argument)
            return 0
    return 0


@record
class Raises:
    """An option that makes a command riskier, and why."""

    risk: Risk
    why: str


def raised_by(effect: Effect, parsed: Parsed, table: Mapping[str, Raises]) -> Effect:
    """The effect with every risky option that is given counted in."""
    for name, raises in table.items():
        if parsed.has(name):
            effect = effect.raised(raises.risk, raises.why)
    return effect


def each(names: str, value: T) -> dict[str, T]:
    """A table with one value for each of several names."""
    return dict.fromkeys(names.split(), value)


def words(text: str) -> frozenset[str]:
    """A set from a table of words."""
    return frozenset(text.split())


def verbs(rows: Iterable[tuple[str, Effect]]) -> dict[str, Effect]:
    """A table of sub-commands to what they do; a row may name several."""
    return {verb: effect for names, effect in rows for verb in names.split()}
