"""What commands of a plan name: their words, without what is still open in them."""

import re
from collections.abc import Iterator, Sequence

from stanch.model.plan import Plan, Step

_OPEN = re.compile(r"[<>{}$*?`\[\]]|\bYOUR_|^\.{3}$")


def stages(plan: Plan) -> Iterator[tuple[Step, tuple[str, ...]]]:
    """Every program with its arguments that a step runs."""
    for step in plan.of(Step):
        for argv in (step.rating.pipeline or ()) if step.rating is not None else ():
            if argv and not is_open(argv[0], step):
                yield step, argv


def is_open(word: str, step: Step | None = None) -> bool:
    """Whether a word is not known before the run: a placeholder, a variable, a pattern."""
    placeholders = step.rating.placeholders if step is not None and step.rating is not None else ()
    return bool(_OPEN.search(word)) or any(placeholder in word for placeholder in placeholders)


def option(argv: Sequence[str], *names: str) -> str | None:
    """The value of an option, given as `--name value`, `--name=value` or `-n value`, before any `--`."""
    for index, word in enumerate(argv):
        if word == "--":
            return None
        name, equals, value = word.partition("=")
        if name in names:
            return value if equals else (argv[index + 1] if index + 1 < len(argv) else None)
    return None
