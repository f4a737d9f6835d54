"""The shell's own commands. Most change only the shell that runs them; some change what later commands mean."""

import re

from stanch.commands.effect import Call, Effect, Grammar, changes, destroys, reads, together, unknown
from stanch.commands.environment import assigned
from stanch.commands.options import each
from stanch.commands.tables import always, gives
from stanch.commands.wrappers import shell_from
from stanch.model.pattern import Pattern
from stanch.model.risk import Risk, Trait

_OWN = always(reads("changes only its own shell"))
_HARMLESS_SET = Pattern(r"[-+](?:[euxvbfhmnCEHT]*o?|o)\Z")
_HARMLESS_MODES = frozenset(
    {
        "pipefail",
        "errexit",
        "nounset",
        "xtrace",
        "verbose",
        "noclobber",
        "noglob",
        "errtrace",
        "functrace",
        "posix",
        "nolog",
        "ignoreeof",
    }
)


def _set(call: Call) -> Effect:
    if not call.arguments:
        return reads("shows every variable", Trait.EXPOSES_SECRETS)
    for word in call.arguments:
        if word == "--":
            return changes("changes the script's own arguments")
        if not _HARMLESS_SET.match(word) and word not in _HARMLESS_MODES:
            return changes("changes the script's own arguments or how it is read")
    return reads("changes how its own shell treats errors")


def _trap(call: Call) -> Effect:
    words = [word for word in call.arguments if word not in {"-p", "-l", "--"}]
    if len(words) < 2 or words[0] in {"-", ""}:
        return reads("changes only its own shell")
    return changes("keeps a command for later").along(call.rater.script(words[0]))


_OWN_INPUT = frozenset({"/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"})


def _source(call: Call) -> Effect:
    if call.arguments[:1] and call.arguments[0] in _OWN_INPUT and call.stdin.is_given:
        return shell_from(call)
    if any(word.startswith("<(") for word in call.arguments):
        return destroys("runs commands that nobody can see beforehand", Trait.DYNAMIC)
    return changes(f"runs the script {' '.join(call.arguments[:1])}, which nobody has rated")


def _alias(call: Call) -> Effect:
    effect = reads("lists other names of commands")
    for word in call.arguments:
        name, joined, text = word.partition("=")
        if joined:
            effect = effect.along(changes(f"gives the name {name} another meaning"), call.rater.script(text))
    return effect


def _read(call: Call) -> Effect:
    effect = _sets(call)
    if effect.risk is not Risk.READ_ONLY:
        return effect
    if call.stdin.is_given:
        return reads("reads a line into a variable")
    return reads("waits for somebody to type", Trait.INTERACTIVE)


def _sets(call: Call) -> Effect:
    """The variables that a command names and fills; some change what later commands do."""
    names = [word for word in call.arguments if re.match(r"[A-Za-z_]", word)]
    if any("[" in name for name in names):
        return changes("its index is computed")
    return together(assigned(name, None, for_command=False) for name in names if name.isidentifier())


def _history(call: Call) -> Effect:
    if any(word.startswith(("-c", "-d")) for word in call.arguments):
        return destroys("forgets what was typed")
    if any(word.startswith(("-a", "-w", "-r", "-n", "-s")) for word in call.arguments):
        return changes("changes what is kept of what was typed")
    return reads("shows what was typed", Trait.EXPOSES_SECRETS)


def _computes(call: Call) -> Effect:
    effect = together(
        assigned(name, None, for_command=False)
        for name in re.findall(r"([A-Za-z_]\w*)\s*(?:[-+*/%&|^]|<<|>>)?=(?!=)", " ".join(call.arguments))
    )
    if effect.risk is not Risk.READ_ONLY:
        return effect
    if re.search(r"[\[`$]", " ".join(call.arguments)):
        effect = changes("what it computes with may run commands")
        inside = re.findall(r"\$\(([^()]*)\)|`([^`]*)`", " ".join(call.arguments))
        return effect.along(*(call.rater.script(first or second) for first, second in inside))
    return reads("only computes")


def _keeps(call: Call) -> Effect:
    if any(word.startswith("-C") for word in call.arguments):
        return unknown("runs a command for what it reads")
    return _sets(call)


def _hash(call: Call) -> Effect:
    if any(word.startswith("-p") for word in call.arguments):
        return unknown("decides which program a name runs").along(call.rater.argv(call.arguments[1:2]))
    return reads("shows where programs are")


GRAMMARS: dict[str, Grammar] = {
    **each(
        "cd pushd popd dirs exit return break continue shift wait jobs times umask unset unalias caller "
        "logout suspend help clear tput local declare typeset readonly export",
        _OWN,
    ),
    "compgen": lambda call: (
        unknown("runs a command to find names") if gives(call.arguments, "-C -F -W") else reads("lists names")
    ),
    "set": _set,
    "shopt": lambda call: (
        reads("shows how bash reads commands")
        if not any(word.startswith(("-s", "-u")) for word in call.arguments)
        else changes("changes how bash reads commands")
    ),
    "trap": _trap,
    "alias": _alias,
    "read": _read,
    "history": _history,
    "let": _computes,
    "getopts": _sets,
    "hash": _hash,
    **dict.fromkeys(("mapfile", "readarray"), _keeps),
    **dict.fromkeys(("source", "."), _source),
    "fc": always(changes("runs again what was typed")),
    "fg": always(reads("waits for a job", Trait.INTERACTIVE)),
    **dict.fromkeys(("bg", "disown"), always(reads("lets a job run on"))),
    **each("enable bind complete compopt", always(unknown("changes what commands mean"))),
}
