"""sed: reads and prints, but `-i` changes files, and the commands `e` and `w` run commands and write files."""

from stanch.commands.effect import Call, Effect, changes, destroys, reads, unreadable
from stanch.commands.options import options, read
from stanch.model.pattern import Pattern
from stanch.model.risk import Risk

NAMES = ("sed", "gsed", "ssed")

_OPTIONS = options(
    "-n/--quiet/--silent -E/-r/--regexp-extended -s/--separate -u/--unbuffered -z/--null-data -b/--binary --debug "
    "--follow-symlinks --posix --sandbox --help --version",
    "-e/--expression -f/--file -l/--line-length",
    "-i/-I/--in-place",
)
_ADDRESS = Pattern(r"\s*(?:\d+(?:~\d+)?|\$|[+~]\d+)\s*")
_STANDARD = frozenset({"/dev/stdout", "/dev/stderr"})
_LABELLED = frozenset(":btT")
_TEXT = frozenset("aic")
_PLAIN = frozenset("=dDgGhHnNpPxzlF")


class _Unreadable(ValueError):
    """The script is none that sed would take."""


def rate(call: Call) -> Effect:
    parsed = read(call.arguments, _OPTIONS)
    scripts = parsed.all("--expression")
    if len(call.arguments) == 1 and parsed.has("--help", "--version"):
        return reads("says what it is")
    effect = reads("edits text on its way")
    if parsed.has("--file"):
        effect = changes("runs a script that nobody has rated")
    elif not scripts:
        scripts = parsed.operands[:1]
    for script in scripts:
        effect = effect.along(_script(call, script)) if not parsed.has("--sandbox") else effect
    if parsed.has("--in-place"):
        suffix = parsed.value("--in-place")
        effect = effect.raised(Risk.MUTATING, "changes files in place")
        if not suffix:
            effect = effect.hinting("-i.bak keeps the file as it was.")
    return parsed.certain(effect)


def _script(call: Call, script: str) -> Effect:
    effect = reads("edits text on its way")
    try:
        for command, argument in _commands(script):
            match command:
                case "e" if argument:
                    effect = effect.along(changes("runs a command"), call.rater.script(argument))
                case "e" | "s///e":
                    effect = effect.along(destroys("runs the text that it reads as commands"))
                case "w" | "W" if argument not in _STANDARD:
                    effect = effect.along(changes(f"writes {argument}"))
                case "M":
                    effect = effect.along(unreadable("its script holds what is not known"))
                case _:
                    continue
    except _Unreadable as fault:
        return effect.along(unreadable(f"its script cannot be read: {fault}"))
    return effect


def _commands(script: str) -> list[tuple[str, str]]:  # noqa: C901, PLR0912 - a grammar has a branch for each rule
    """Every command with its argument: a file for `w`, a command for `e`; `s///e` for a substitution that runs."""
    found: list[tuple[str, str]] = []
    index = 0
    while index < len(script):
        character = script[index]
        if character in " \t\n;{}!,":
            index += 1
        elif character == "#":
            index = _line_end(script, index)
        elif match := _ADDRESS.match(script, index):
            index = match.end()
        elif character == "/" or (character == "\\" and index + 1 < len(script)):
            start = index if character == "/" else index + 1
            index = _delimited(script, start + 1, script[start])
            while script[index : index + 1] in {"I", "M"} and script[index : index + 1]:
                index += 1
        elif character in "sy":
            index = _substitution(script, index, found)
        elif character in "wWrR":
            end = _line_end(script, index)
            found.append((character, script[index + 1 : end].strip()))
            index = end
        elif character == "e":
            end = _line_end(script, index)
            found.append(("e", script[index + 1 : end].strip()))
            index = end
        elif character in _LABELLED:
            end = min(_line_end(script, index), script.find(";", index) if ";" in script[index:] else len(script))
            index = max(end, index + 1)
        elif character in _TEXT:
            index = _text_end(script, index)
        elif character in "qQlL":
            index += 1
            while index < len(script) and script[index] in " 0123456789":
                index += 1
        elif character in _PLAIN:
            index += 1
        else:
            raise _Unreadable(f"'{character}' is no command")
    return found


def _line_end(script: str, index: int) -> int:
    end = script.find("\n", index)
    return len(script) if end < 0 else end


def _text_end(script: str, index: int) -> int:
    """The text of `a`, `i` and `c` goes on over lines that end in a backslash."""
    while True:
        end = _line_end(script, index)
        if end >= len(script) or script[end - 1] != "\\":
            return end
        index = end + 1


def _delimited(script: str, index: int, delimiter: str) -> int:
    """The index behind the next delimiter that is neither escaped nor inside brackets."""
    while index < len(script):
        character = script[index]
        if character == "\\":
            index += 2
        elif character == delimiter:
            return index + 1
        else:
            index += 1
    raise _Unreadable("an expression does not end")


def _substitution(script: str, index: int, found: list[tuple[str, str]]) -> int:
    command = script[index]
    delimiter = script[index + 1 : index + 2]
    if not delimiter or delimiter in "\n\\":
        raise _Unreadable("an expression does not begin")
    pattern_end = _delimited(script, index + 2, delimiter)
    if "[" in script[index:pattern_end] and delimiter in "[]":
        raise _Unreadable("its delimiter is a bracket")
    index = _delimited(script, pattern_end, delimiter)
    if command == "y":
        return index
    while index < len(script) and (script[index] in "gpiImMe" or script[index].isdigit()):
        if script[index] == "e":
            found.append(("s///e", ""))
        index += 1
    if script[index : index + 1] == "w":
        end = _line_end(script, index)
        found.append(("w", script[index + 1 : end].strip()))
        return end
    return index
