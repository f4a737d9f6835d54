"""psql's own commands, which begin with a backslash: most describe things, some run programs and write files."""

import re

from stanch.commands.effect import Effect, changes, destroys, reads
from stanch.model.pattern import Pattern
from stanch.model.risk import Trait

_DESCRIBES = Pattern(
    r"\\(?:d[A-Za-z+S]*\+?S?|l\+?|list\+?|z|sf\+?|sv\+?|dt\S*|conninfo|encoding|errverbose|h|help|\?|copyright|timing|x|t|a|H|f|C|T|pset|p|print|r|reset|q|quit|echo|qecho|warn|if|elif|else|endif|gdesc|crosstabview|g|gx|G|dconfig\+?|status|s)\Z"
)
_ARGUMENT_WRITES = frozenset({"\\g", "\\gx", "\\s", "\\G"})


def meta_effect(text: str, dialect: str) -> Effect:  # noqa: C901, PLR0912 - a grammar has a branch for each rule
    """One backslash command with its arguments, to the end of its line."""
    command, _, argument = text.partition(" ")
    command, argument = command.split("\t")[0], argument.strip()
    if dialect == "mysql":
        return _mysql(command, argument)
    if match := re.match(r"\\!(.*)", text, re.DOTALL):
        return destroys(f"runs a command of the shell: {match.group(1).strip() or 'a shell'}")
    if "`" in text:
        return destroys("runs a command of the shell in backticks")
    match command:
        case "\\gexec":
            return destroys("runs what a query returns as statements", Trait.DYNAMIC)
        case "\\watch":
            return reads("repeats a query without end", Trait.ENDLESS)
        case "\\copy":
            return _copy(argument)
        case "\\o" | "\\out" | "\\w" | "\\write":
            return destroys("gives what it reads to a program") if argument.startswith("|") else _written(argument)
        case "\\i" | "\\ir" | "\\include" | "\\include_relative":
            return changes("runs statements from a file that nobody has rated")
        case "\\e" | "\\edit" | "\\ef" | "\\ev":
            return changes("edits a statement and runs it", Trait.INTERACTIVE)
        case "\\c" | "\\connect":
            return changes("connects to another database or as another user")
        case "\\set" | "\\setenv" | "\\gset" | "\\unset" | "\\prompt" | "\\cd" | "\\bind":
            return changes("changes what later statements mean")
        case "\\password":
            return destroys("changes somebody's password", Trait.INTERACTIVE)
        case _ if command in _ARGUMENT_WRITES and argument and not argument.startswith("("):
            return destroys("gives what it reads to a program") if argument.startswith("|") else _written(argument)
        case _ if _DESCRIBES.match(command):
            return reads("describes what there is")
        case _:
            return changes(f"what {command} does is not known")


def _written(argument: str) -> Effect:
    return changes(f"writes {argument}") if argument else reads("writes to its output again")


def _copy(argument: str) -> Effect:
    if re.search(r"\bprogram\b", argument, re.IGNORECASE):
        return destroys("runs a command of the shell")
    if re.search(r"\bto\s+(?:stdout|pstdout)\b", argument, re.IGNORECASE):
        return reads("reads a whole table", Trait.HEAVY)
    if re.search(r"\bfrom\b", argument, re.IGNORECASE) and not argument.lstrip().startswith("("):
        return changes("adds rows from a file")
    return changes("writes a file")


def _mysql(command: str, argument: str) -> Effect:
    match command[:2]:
        case "\\!":
            return destroys(f"runs a command of the shell: {command[2:]} {argument}".strip())
        case "\\." | "\\P" | "\\T" | "\\e":
            return changes("runs a file or a program, or writes a file")
        case "\\G" | "\\g" | "\\s" | "\\h" | "\\?" | "\\c" | "\\p" | "\\q" | "\\t" | "\\n" | "\\w" | "\\W" | "\\u":
            return reads("describes what there is")
        case _:
            return changes(f"what {command} does is not known")
