"""awk: reads and prints, but its programs can run commands (`system`, pipes) and write files."""

import re

from stanch.commands.effect import Call, Effect, changes, destroys, reads
from stanch.commands.options import options, read

NAMES = ("awk", "gawk", "mawk", "nawk", "original-awk")

_OPTIONS = options(
    "-b/--characters-as-bytes -c/--traditional -C/--copyright -g/--gen-pot -h/--help -k/--csv -M/--bignum -n/--non-decimal-data "
    "-N/--use-lc-numeric -O/--optimize -P/--posix -r/--re-interval -s/--no-optimize -S/--sandbox -t/--lint-old -V/--version",
    "-F/--field-separator -v/--assign -f/--file -e/--source -E/--exec -i/--include -l/--load -W",
    "-d/--dump-variables -D/--debug -L/--lint -o/--pretty-print -p/--profile",
)
_STRING = re.compile(r'"(?:\\.|[^"\\])*"', re.DOTALL)
_SYSTEM = re.compile(r'\bsystem\s*\(\s*("(?:\\.|[^"\\])*")?\s*(\))?')
_PIPED = re.compile(r'\|&?\s*("(?:\\.|[^"\\])*")|("(?:\\.|[^"\\])*")\s*\|&?\s*getline')
_SHELL = re.compile(r"\s*(?:/\S*/)?(?:ba|da|z|k|a)?sh\b")
_STANDARD = re.compile(r'>+\s*"/dev/std(?:err|out)"')


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
    return parsed.certain(effect.along(*(_program(call, program) for program in programs)))


def _program(call: Call, program: str) -> Effect:
    effect = reads("picks and prints text")
    for match in _SYSTEM.finditer(program):
        text, closes = match.groups()
        if text is not None and closes:
            effect = effect.along(changes("runs a command"), call.rater.script(_unescaped(text)))
        else:
            effect = effect.along(destroys("runs commands made of the text that it reads"))
    for match in _PIPED.finditer(program):
        command = _unescaped(match.group(1) or match.group(2))
        if _SHELL.match(command):
            effect = effect.along(destroys("runs the text that it reads as commands"))
        effect = effect.along(changes("runs a command"), call.rater.script(command))
    bare = _without_literals(_STANDARD.sub("", program))
    if re.search(r"@\s*(?:load|include)|\bsystem\b", bare) and effect.risk.rank == 0:
        return changes("runs what nobody has rated")
    if re.search(r"(?<!\|)\|(?!\|)", bare) and not _PIPED.search(program):
        return effect.along(destroys("runs commands made of the text that it reads"))
    for statement in re.split(r"[;{}\n]", bare):
        if re.search(r"\bprintf?\b", statement) and ">" in _outside_parentheses(statement.split("print", 1)[1]):
            return effect.along(changes("writes a file"))
    return effect


def _unescaped(literal: str) -> str:
    return re.sub(r"\\(.)", r"\1", literal[1:-1])


def _without_literals(program: str) -> str:
    """The program with strings and regular expressions taken out."""
    program = _STRING.sub('""', program)
    program = re.sub(r"#[^\n]*", "", program)
    return re.sub(r"(^|[(,~!{};&|\n])(\s*)/(?:\\.|\[(?:\\.|[^\]\n])*\]|[^/\\\n\[])+/", r"\1\2//", program)


def _outside_parentheses(text: str) -> str:
    before = None
    while before != text:
        before, text = text, re.sub(r"\([^()]*\)", "", text)
    return text
