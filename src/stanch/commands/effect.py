"""What one command does, and what a tool's grammar is given to find it out."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import field, replace
from typing import Protocol

from stanch.model.record import record
from stanch.model.risk import Reason, Risk, Trait, worst

NO_TRAITS: frozenset[Trait] = frozenset()


@record
class Effect:
    """The risk of one command with a short `why`; `parts` are the commands, statements and files inside it.

    `target` has the keys of `Rating.target`; `hint` is a safer way, for the person who is about to run it. What is not
    `is_known` counts as mutating, and its arguments are searched for worse.
    """

    risk: Risk
    why: str
    traits: frozenset[Trait] = NO_TRAITS
    target: Mapping[str, str] = field(default_factory=dict)
    hint: str = ""
    parts: tuple[Reason, ...] = ()
    is_known: bool = True

    def at(self, **target: str | None) -> "Effect":
        """The same effect on a named target; what is already named stays, what is None or empty is left out."""
        named = {key: value for key, value in target.items() if value}
        return replace(self, target={**named, **self.target})

    def inside(self, *names: str) -> "Effect":
        """The effect as a part of what carries it elsewhere: what it acts on under `names` stands under `inside`.

        `kubectl exec deploy/api -- npm run db:check` acts on the deployment, and inside of it on the script.
        """
        moved = [
            value if name == "resource" else f"{name} {value}" for name in names if (value := self.target.get(name))
        ]
        if not moved:
            return self
        kept = {name: value for name, value in self.target.items() if name not in {*names, "inside"}}
        deeper = [self.target["inside"]] if "inside" in self.target else []
        return replace(self, target={**kept, "inside": ", ".join((*moved, *deeper))})

    def having(self, *traits: Trait) -> "Effect":
        return replace(self, traits=self.traits | frozenset(traits))

    def hinting(self, hint: str) -> "Effect":
        """The same effect with a hint, unless it has one."""
        return self if self.hint else replace(self, hint=hint)

    def raised(self, risk: Risk, why: str) -> "Effect":
        """At least as risky as `risk`; the reason changes only where the risk does."""
        return replace(self, risk=risk, why=why) if risk.rank > self.risk.rank else self

    def along(self, *others: "Effect") -> "Effect":
        """The effect together with others: the worst risk and its reason and hint, all traits and parts."""
        if not others:
            return self
        everything = (self, *others)
        leading = max(everything, key=lambda effect: effect.risk.rank)
        target: dict[str, str] = {}
        for effect in everything:
            target |= {key: value for key, value in effect.target.items() if key not in target}
        return Effect(
            risk=leading.risk,
            why=leading.why,
            traits=frozenset().union(*(effect.traits for effect in everything)),
            target=target,
            hint=leading.hint or next((effect.hint for effect in everything if effect.hint), ""),
            parts=tuple(part for effect in everything for part in effect.parts),
            is_known=all(effect.is_known for effect in everything),
        )


def reads(why: str = "only reads", *traits: Trait, hint: str = "") -> Effect:
    return Effect(risk=Risk.READ_ONLY, why=why, traits=frozenset(traits), hint=hint)


def changes(why: str, *traits: Trait, hint: str = "") -> Effect:
    return Effect(risk=Risk.MUTATING, why=why, traits=frozenset(traits), hint=hint)


def destroys(why: str, *traits: Trait, hint: str = "") -> Effect:
    return Effect(risk=Risk.DESTRUCTIVE, why=why, traits=frozenset(traits), hint=hint)


def unknown(why: str, *traits: Trait) -> Effect:
    """What no grammar knows counts as mutating; it may run what stands in its arguments."""
    return Effect(risk=Risk.MUTATING, why=why, traits=frozenset(traits), is_known=False)


def unreadable(why: str) -> Effect:
    """What cannot be read counts as mutating, never less."""
    return changes(why, Trait.UNREADABLE)


def together(effects: Iterable[Effect], *, otherwise: str = "does nothing") -> Effect:
    """All effects as one; of none, an effect that only reads."""
    first, *rest = [*effects] or [reads(otherwise)]
    return first.along(*rest)


def worst_of(effects: Iterable[Effect]) -> Risk:
    return worst(*(effect.risk for effect in effects))


class Rater(Protocol):
    """Recursion, for tools that run other commands."""

    def argv(self, argv: tuple[str, ...], stdin: "Stdin | None" = None) -> Effect:
        """A command given as words; it appears among the `parts`."""
        ...

    def script(self, text: str, stdin: "Stdin | None" = None) -> Effect:
        """Shell text as `sh -c` would run it; every command of it appears among the `parts`."""
        ...

    def sql(self, text: str, dialect: str) -> Effect:
        """SQL statements; each appears among the `parts`."""
        ...

    def is_harmless(self, argv: tuple[str, ...]) -> bool:
        """Whether the command only reads whatever further arguments it gets."""
        ...


@record
class Stdin:
    """What a command reads. `text` is what it says where that is known beforehand, else None."""

    kind: str  # "none", "pipe", "file", "text"
    text: str | None = None

    @property
    def is_given(self) -> bool:
        return self.kind != "none"


NO_STDIN = Stdin(kind="none")


@record
class Call:
    """One simple command. `argv[0]` is the program's plain name; words are decoded as bash would."""

    argv: tuple[str, ...]
    rater: Rater
    stdin: Stdin = NO_STDIN

    @property
    def name(self) -> str:
        return self.argv[0]

    @property
    def arguments(self) -> tuple[str, ...]:
        return self.argv[1:]


Grammar = Callable[[Call], Effect]
