"""awk: reads and prints, but its programs can run commands (`system`, pipes) and write files."""

import re

from stanch.commands.effect import Call, Effect, changes, destroys, reads
from stanch.commands.options import options, read
from stanch.model.pattern import Pattern

NAMES = ("awk", "gawk", "mawk", "nawk", "original-awk")

_OPTIONS = options(
    "-b/--characters-as-bytes -c/--traditional -C/--copyright -g/--gen-pot -h/--help -k/--csv -M/--bignum -n/--non-decimal-data "
    "-N/--use-lc-numeric -O/--optimize -P/--posix -r/--re-interval -s/--no-optimize -S/--sandbox -t/--lint-old -V/--version",
    "-F/--field-separator -v/--assign -f/--file -e/--source -E/--exec -i/--include -l/--load -W",
    "-d/--dump-variables -D/--debug -L/--lint -o/--pretty-print -p/--profile",
)
_SYSTEM = Pattern(r"\bsystem\s*\(\s*(?:\0(\d+)\0)?\s*(\))?")
_PIPED = Pattern(r"\|&?\s*\0(\d+)\0|\0(\d+)\0\s*\|&?\s*getline")
_EXPRESSION_BEFORE = frozenset(
    ["", "(", ",", "~", "!", "{", "}", ";", "&", "|", "\n", "=", "<", ">", "?", ":", "+", "*", "%"]
)
_SHELL = Pattern(r"\s*(?:/\S*/)?(?:ba|da|z|k|a)?sh\b")


def rate(call: Call) -> Effect:
    parsed = read(call.arguments, _OPTIONS, stop_at_operand=True)
    if len(call.arguments) == 1 and parsed.has("--help", "--version"):
        return reads("says what it is")
    effect = reads("picks and prints text")
    if parsed.has("--file", "--exec", "--include", "--load", "-W", "--debug"):
        effect = changes("runs a program or an extension that nobody has rated")
    if parsed.has("--dump-variables", "--pretty-print", "--profile"):
        effect = changes("writes a file")
    programs = parsed.all("--source")
    if not programs and not parsed.has("--file", "--exec"):
        programs = parsed.operands[:1]
    if parsed.has("--sandbox"):
        return parsed.certain(effect)
    # Some awks take a `/` inside brackets for the end of an expression, some do not: both readings count.
    readings = ((program, aware) for program in programs for aware in ((True, False) if "[" in program else (True,)))
    return parsed.certain(effect.along(*(_program(call, program, aware=aware) for program, aware in readings)))


def _program(call: Call, program: str, *, aware: bool) -> Effect:
    effect = reads("picks and prints text")
    code, strings = _without_literals(program, aware=aware)
    for match in _SYSTEM.finditer(code):
        known = match.group(1)
        if known is not None and match.group(2):
            effect = effect.along(changes("runs a command"), call.rater.script(strings[int(known)]))
        else:
            effect = effect.along(destroys("runs commands made of the text that it reads"))
    for match in _PIPED.finditer(code):
        command = strings[int(match.group(1) or match.group(2))]
        if _SHELL.match(command):
            effect = effect.along(destroys("runs the text that it reads as commands"))
        effect = effect.along(changes("runs a command"), call.rater.script(command))
    if re.search(r"(?<!\|)\|(?!\|)", _PIPED.sub("", code)):
        effect = effect.along(destroys("runs commands made of the text that it reads"))
    if re.search(r"@\s*(?:load|include)|@\s*[A-Za-z_]\w*\s*\(", code):
        effect = effect.along(changes("runs what nobody has rated"))
    for statement in re.split(r"[;{}\n]", code):
        printed = re.search(r"\bprintf?\b(.*)", statement)
        if printed and ">" in _outside_parentheses(_standard_streams(printed.group(1), strings)):
            return effect.along(changes("writes a file"))
    return effect


def _standard_streams(text: str, strings: list[str]) -> str:
    """The text without redirections to the standard streams."""
    return re.sub(
        r">+\s*\0(\d+)\0",
        lambda match: "" if strings[int(match.group(1))] in {"/dev/stderr", "/dev/stdout"} else match.group(),
        text,
    )


def _without_literals(program: str, *, aware: bool) -> tuple[str, list[str]]:
    """The program with each string replaced by its number between NULs, expressions and comments taken out."""
    code: list[str] = []
    strings: list[str] = []
    index = 0
    before = ""
    while index < len(program):
        character = program[index]
        if character == '"':
            end = _end(program, index, '"', aware=aware)
            strings.append(re.sub(r"\\(.)", r"\1", program[index + 1 : end], flags=re.DOTALL))
            code.append(f"\0{len(strings) - 1}\0")
            index, before = end + 1, '"'
        elif character == "/" and before in _EXPRESSION_BEFORE and "/" in program[index + 1 :].split("\n", 1)[0]:
            index, before = _end(program, index, "/", aware=aware) + 1, "/"
        elif character == "#":
            newline = program.find("\n", index)
            index = len(program) if newline < 0 else newline
        else:
            code.append(character)
            if not character.isspace() or character == "\n":
                before = character
            index += 1
    return "".join(code), strings


def _end(program: str, start: int, quote: str, *, aware: bool) -> int:
    """Where a literal that begins at `start` ends; `aware` where a `/` inside brackets is a plain character."""
    index = start + 1
    while index < len(program):
        if program[index] == "\\":
            index += 2
            continue
        if aware and quote == "/" and program[index] == "[" and (close := _bracket_end(program, index)):
            index = close
            continue
        if program[index] == quote:
            return index
        index += 1
    return len(program)


def _bracket_end(program: str, start: int) -> int:
    """The index behind a bracket expression that ends on its line, or 0."""
    match = Pattern(r"\[\^?\]?(?:\[:\w+:\]|\\.|[^\]\n\\])*\]").match(program, start)
    return match.end() if match else 0


def _outside_parentheses(text: str) -> str:
    before = None
    while before != text:
        before, text = text, re.sub(r"\([^()]*\)", "", text)
    return text
