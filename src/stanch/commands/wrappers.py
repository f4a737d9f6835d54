"""Programs that run another command: each is rated by what it runs."""

import re
import shlex
from collections.abc import Sequence

from stanch.commands.effect import NO_STDIN, Call, Effect, Grammar, Stdin, changes, destroys, reads
from stanch.commands.environment import assigned, runs_code
from stanch.commands.options import Options, options, read
from stanch.model.pattern import Pattern
from stanch.model.risk import Risk, Trait

_ASSIGNMENT = Pattern(r"([A-Za-z_][A-Za-z0-9_]*)=(.*)", re.DOTALL)


def inner(call: Call, argv: Sequence[str], otherwise: Effect, *, stdin: Stdin | None = None) -> Effect:
    """What `argv` does; with no words, `otherwise`."""
    if not argv:
        return otherwise
    return call.rater.argv(tuple(argv), call.stdin if stdin is None else stdin)


def _wrapper(grammar: Options, *, skip: int = 0, otherwise: str = "runs nothing") -> Grammar:
    """A wrapper that takes options and `skip` words of its own, then the command."""

    def rate(call: Call) -> Effect:
        parsed = read(call.arguments, grammar, stop_at_operand=True)
        return parsed.certain(inner(call, parsed.operands[skip:], reads(otherwise)))

    return rate


def _set_for(call: Call, match: re.Match[str]) -> Effect:
    """`NAME=value` before a command; what is run by name counts with what it would do."""
    effect = assigned(match.group(1), match.group(2), for_command=True)
    return effect.along(call.rater.script(match.group(2))) if runs_code(match.group(1)) else effect


def _env(call: Call) -> Effect:
    parsed = read(call.arguments, _ENV, stop_at_operand=True)
    operands = list(parsed.operands)
    effects: list[Effect] = []
    while operands and (match := _ASSIGNMENT.match(operands[0])):
        effects.append(_set_for(call, match))
        operands.pop(0)
    if (split := parsed.value("--split-string")) is not None:
        return changes("its words are split from a text").along(call.rater.script(" ".join([split, *operands])))
    if not operands:
        return parsed.certain(reads("shows the environment", Trait.EXPOSES_SECRETS).along(*effects))
    return parsed.certain(inner(call, operands, reads()).along(*effects))


_ENV = options(
    "-i/--ignore-environment -0/--null -v/--debug",
    "-u/--unset -C/--chdir -S/--split-string",
    "--block-signal --default-signal --ignore-signal",
)

_SUDO = options(
    "-A/--askpass -b/--background -B/--bell -E/--preserve-env -e/--edit -H/--set-home -i/--login -K/--remove-timestamp "
    "-k/--reset-timestamp -l/--list -N/--no-update -n/--non-interactive -P/--preserve-groups -S/--stdin -s/--shell "
    "-V/--version -v/--validate",
    "-C/--close-from -D/--chdir -g/--group -h/--host -p/--prompt -R/--chroot -r/--role -T/--command-timeout -t/--type "
    "-U/--other-user -u/--user",
)


def _sudo(call: Call) -> Effect:
    parsed = read(call.arguments, _SUDO, stop_at_operand=True)
    operands = list(parsed.operands)
    effects: list[Effect] = []
    while operands and (match := _ASSIGNMENT.match(operands[0])):
        effects.append(_set_for(call, match))
        operands.pop(0)
    if parsed.has("--edit"):
        return changes("edits a file", Trait.INTERACTIVE)
    if parsed.has("--shell", "--login"):
        script = call.rater.script(shlex.join(operands)) if operands else changes("opens a shell", Trait.INTERACTIVE)
        return script.along(*effects)
    if not operands:
        return parsed.certain(reads("says what sudo allows"))
    return parsed.certain(inner(call, operands, reads()).along(*effects))


_SHELL_OPTIONS = options(
    "-c -i -l -r -s -v -x -e -u -f -n -a -h -m -p -t -k -b -B -C -H -P -E -T -D --login --posix --norc --noprofile "
    "--verbose --restricted --debugger --noediting --dump-strings --help --version",
    "-o -O --rcfile/--init-file",
)


def _shell(call: Call) -> Effect:
    arguments = [("-" + word[1:]) if word.startswith("+") and len(word) > 1 else word for word in call.arguments]
    parsed = read(arguments, _SHELL_OPTIONS, stop_at_operand=True)
    if len(call.arguments) == 1 and parsed.has("--help", "--version"):
        return reads("says what it is")
    effect = reads("runs a script")
    if parsed.has("--init-file"):
        effect = changes("runs a file first that nobody has seen")
    if parsed.has("-c"):
        text = parsed.operand(0)
        return parsed.certain(
            effect.along(call.rater.script(text, call.stdin), *_positional(call, parsed.operands[2:]))
        )
    if parsed.operands not in {(), ("-",)} and parsed.operand(0) not in _OWN_INPUT and not parsed.has("-s"):
        if parsed.has("-n") and not parsed.has("-i"):
            return parsed.certain(reads("checks a script without running it"))
        if parsed.operand(0).startswith("<("):
            return destroys("runs commands that nobody can see beforehand", Trait.DYNAMIC)
        return changes(f"runs the script {parsed.operand(0)}, which nobody has rated").along(
            *_positional(call, parsed.operands[1:])
        )
    return effect.along(shell_from(call))


_OWN_INPUT = frozenset({"/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"})


def _positional(call: Call, words: Sequence[str]) -> tuple[Effect, ...]:
    """Arguments handed to a script may be what it runs (`sh -c '"$@"' sh rm -rf /`)."""
    if not words:
        return ()
    readings = [call.rater.argv(tuple(words)), *(call.rater.script(word) for word in words if " " in word)]
    return tuple(effect for effect in readings if effect.risk is Risk.DESTRUCTIVE)


def shell_from(call: Call) -> Effect:
    """A shell that takes its commands from its input."""
    match call.stdin:
        case Stdin(kind="none"):
            return changes("opens a shell", Trait.INTERACTIVE)
        case Stdin(text=str(text)):
            return call.rater.script(text)
        case _:
            return destroys(
                "runs commands that nobody can see beforehand",
                Trait.DYNAMIC,
                hint="Save what it would run to a file, read it, and run that.",
            )


_XARGS = options(
    "-0/--null -o/--open-tty -p/--interactive -r/--no-run-if-empty -t/--verbose -x/--exit --show-limits --help "
    "--version",
    "-a/--arg-file -d/--delimiter -E -I -L/--max-lines -n/--max-args -P/--max-procs -s/--max-chars --process-slot-var",
    "-e/--eof -i/--replace -l",
)


def _xargs(call: Call) -> Effect:
    parsed = read(call.arguments, _XARGS, stop_at_operand=True)
    command = parsed.operands or ("echo",)
    known = call.stdin.text.split() if call.stdin.text is not None else []
    replaced = parsed.value("-I") or ("{}" if parsed.has("--replace") else None)
    if replaced:
        text = " ".join(known) or "an-unknown-argument"
        argv = tuple(word.replace(replaced, text) for word in command)
    else:
        argv = (*command, *known)
    effect = call.rater.argv(argv, NO_STDIN)
    if not known and effect.risk is Risk.READ_ONLY and not call.rater.is_harmless(argv):
        return effect.raised(Risk.MUTATING, "its arguments are only known when it runs").having(Trait.DYNAMIC)
    return parsed.certain(effect)


_WATCH = options(
    "-b/--beep -c/--color -C/--no-color -e/--errexit -g/--chgexit -p/--precise -t/--no-title -w/--no-wrap -x/--exec "
    "-h/--help -v/--version",
    "-n/--interval -q/--equexit -s/--shotsdir",
    "-d/--differences",
)


def _watch(call: Call) -> Effect:
    parsed = read(call.arguments, _WATCH, stop_at_operand=True)
    if not parsed.operands:
        return parsed.certain(reads("says what it is"))
    inside = call.rater.argv(parsed.operands) if parsed.has("--exec") else call.rater.script(" ".join(parsed.operands))
    hint = "Run the command itself; it shows the same once." if inside.risk is Risk.READ_ONLY else ""
    return parsed.certain(inside).having(Trait.ENDLESS).hinting(hint)


_SSH = options(
    "-4 -6 -A -a -C -f -G -g -K -k -M -N -n -q -s -T -t -V -v -X -x -Y -y",
    "-B -b -c -D -E -e -F -I -i -J -L -l -m -O -o -p -P -Q -R -S -W -w",
)
_SSH_RUNS = (
    "proxycommand",
    "localcommand",
    "permitlocalcommand",
    "knownhostscommand",
    "include",
    "match",
    "pkcs11provider",
)


def _ssh(call: Call) -> Effect:
    parsed = read(call.arguments, _SSH, stop_at_operand=True)
    operands = parsed.operands
    if not operands:
        return parsed.certain(reads("says what it is"))
    host, command = operands[0], operands[1:]
    more = read(command, _SSH, stop_at_operand=True)
    command, given = more.operands, more.joined(parsed)
    effects: list[Effect] = []
    if (
        host.startswith("-")
        or any(setting.lower().lstrip().startswith(_SSH_RUNS) for setting in given.all("-o"))
        or given.has("-F", "-I", "-E", "-S")
    ):
        effects.append(changes("an option of ssh runs or writes something on this machine"))
    if given.has("-L", "-R", "-D", "-w", "-W", "-N"):
        effects.append(changes("opens a tunnel", Trait.ENDLESS))
    effects.extend(
        call.rater.script(value)
        for name, _, value in (
            re.sub(r"[\s=]+", "=", setting.strip(), count=1).partition("=") for setting in given.all("-o")
        )
        if name.lower() in {"remotecommand", "proxycommand", "localcommand", "knownhostscommand"}
    )
    if given.has("-O"):
        effects.append(changes("controls a shared connection"))
    if given.has("-A", "-X", "-Y"):
        effects.append(changes("lends this machine's keys or display to the other"))
    if given.has("-G"):
        return reads("shows the settings of a connection").along(*effects).at(host=host)
    if command:
        inside = call.rater.script(" ".join(command), call.stdin).inside("host")
    elif call.stdin.is_given:
        inside = shell_from(call).inside("host")
    elif given.has("-N"):
        inside = reads("opens no shell")
    else:
        inside = changes("opens a shell on another machine", Trait.INTERACTIVE)
    return parsed.certain(more.certain(inside.along(*effects))).at(host=host.rpartition("@")[2])


def _su(call: Call) -> Effect:
    grammar = options(
        "-l/--login -m/-p/--preserve-environment -P/--pty -f/--fast",
        "-c/--command -s/--shell -g/--group -G/--supp-group -w/--whitelist-environment --session-command",
    )
    arguments = [word for word in call.arguments if word != "-"]
    parsed = read(arguments, grammar)
    text = parsed.first("--command", "--session-command")
    if text is None:
        return shell_from(call)
    return parsed.certain(call.rater.script(text, call.stdin).along(*_positional(call, parsed.operands[1:])))


def _runuser(call: Call) -> Effect:
    grammar = options(
        "-l/--login -m/-p/--preserve-environment -P/--pty -f/--fast",
        "-u/--user -c/--command -s/--shell -g/--group -G/--supp-group",
    )
    arguments = [word for word in call.arguments if word != "-"]
    parsed = read(arguments, grammar, stop_at_operand=True)
    if parsed.has("--user"):
        return parsed.certain(inner(call, parsed.operands, changes("opens a shell", Trait.INTERACTIVE)))
    return _su(call)


def _command(call: Call) -> Effect:
    parsed = read(call.arguments, options("-p -v -V"), stop_at_operand=True)
    if parsed.has("-v", "-V"):
        return reads("says where a program is")
    return parsed.certain(inner(call, parsed.operands, reads()))


def _exec(call: Call) -> Effect:
    parsed = read(call.arguments, options("-c -l", "-a"), stop_at_operand=True)
    return parsed.certain(inner(call, parsed.operands, reads("changes only its own shell")))


def _eval(call: Call) -> Effect:
    return call.rater.script(" ".join(call.arguments))


def _parallel(call: Call) -> Effect:
    """`parallel COMMAND ::: ARGUMENTS`; the command is shell text, and each argument may become a part of it."""
    grammar = options(
        "-0/--null -k/--keep-order -u/--ungroup -v/--verbose -X -m --bar --dry-run --dryrun --eta --line-buffer --lb "
        "--no-notice --progress --tag --will-cite -t -q/--quote",
        "-a/--arg-file -C/--colsep -d/--delimiter -E -I -j/--jobs -L -N -n/--max-args -P/--max-procs --delay --halt "
        "--joblog --results --retries --timeout --memfree --load",
    )
    parsed = read(call.arguments, grammar, stop_at_operand=True)
    words = list(parsed.operands)
    cut = next((i for i, word in enumerate(words) if re.fullmatch(r":{3,4}\+?", word)), len(words))
    command, arguments = words[:cut], [word for word in words[cut:] if not re.fullmatch(r":{3,4}\+?", word)]
    from_file = any(re.fullmatch(r"::::\+?", word) for word in words)
    effects = [changes("its arguments become a part of shell commands")]
    if not command:
        effects.extend(call.rater.script(argument) for argument in arguments)
        if not arguments or from_file:
            effects.append(shell_from(call) if call.stdin.is_given else destroys("runs commands from a file"))
    else:
        text = " ".join(command)
        effects.extend(
            call.rater.script(re.sub(r"\{[^}]*\}", argument, text) if "{" in text else f"{text} {argument}")
            for argument in arguments or [""]
        )
    if "--pipe" in call.arguments or "--pipepart" in call.arguments:
        effects.append(call.rater.script(" ".join(command), call.stdin if call.stdin.is_given else Stdin(kind="file")))
    first, *rest = effects
    return first.along(*rest)


def _chroot(call: Call) -> Effect:
    grammar = options("--skip-chdir", "--groups --userspec")
    parsed = read(call.arguments, grammar, stop_at_operand=True)
    return parsed.certain(
        inner(call, parsed.operands[1:], shell_from(call)).raised(Risk.MUTATING, "runs another system's programs")
    )


def _timeout(call: Call) -> Effect:
    grammar = options("--preserve-status --foreground -v/--verbose", "-k/--kill-after -s/--signal")
    parsed = read(call.arguments, grammar, stop_at_operand=True)
    effect = inner(call, parsed.operands[1:], reads("runs nothing"))
    bounded = effect.traits - {Trait.ENDLESS}
    return parsed.certain(
        Effect(
            risk=effect.risk, why=effect.why, traits=bounded, target=effect.target, hint=effect.hint, parts=effect.parts
        )
    )


def _ionice(call: Call) -> Effect:
    grammar = options("-t/--ignore", "-c/--class -n/--classdata -p/--pid -P/--pgid -u/--uid")
    parsed = read(call.arguments, grammar, stop_at_operand=True)
    if parsed.has("--pid", "--pgid", "--uid"):
        if parsed.has("--class", "--classdata"):
            return changes("changes how a process may use disks")
        return parsed.certain(reads("shows how a process may use disks"))
    return parsed.certain(inner(call, parsed.operands, reads("runs nothing")))


def _taskset(call: Call) -> Effect:
    parsed = read(call.arguments, options("-a/--all-tasks -c/--cpu-list -p/--pid"), stop_at_operand=True)
    if parsed.has("--pid"):
        if len(parsed.operands) > 1:
            return changes("changes on which processors a process runs")
        return parsed.certain(reads("shows on which processors a process runs"))
    return parsed.certain(inner(call, parsed.operands[1:], reads("runs nothing")))


def _coproc(call: Call) -> Effect:
    return inner(call, call.arguments, reads()).raised(Risk.MUTATING, "leaves a command running")


_NICE = options("", "-n/--adjustment", numbers=True)
_STRACE = options(
    "-c -C -D -f -F -ff -h -i -k -q -r -t -T -v -V -x -y -z -Z -tt -ttt", "-a -b -e -E -I -o -O -p -P -s -S -u -U -X"
)


def _strace(call: Call) -> Effect:
    parsed = read(call.arguments, _STRACE, stop_at_operand=True)
    effects: list[Effect] = []
    if parsed.has("-p"):
        effects.append(
            changes("stops another process at every system call", Trait.ENDLESS, Trait.HEAVY, Trait.EXPOSES_SECRETS)
        )
    if parsed.has("-o"):
        effects.append(changes("writes a file"))
    return parsed.certain(inner(call, parsed.operands, reads("runs nothing")).along(*effects))


_FLOCK = options(
    "-F/--no-fork -e/-x/--exclusive -n/--nb/--nonblock -o/--close -s/--shared -u/--unlock --verbose",
    "-c/--command -E/--conflict-exit-code -w/--timeout",
)

GRAMMARS: dict[str, Grammar] = {
    "env": _env,
    "sudo": _sudo,
    "doas": _wrapper(options("-L -n -s", "-a -C -u")),
    "timeout": _timeout,
    "gtimeout": _timeout,
    "nohup": _wrapper(options()),
    "nice": _wrapper(_NICE),
    "ionice": _ionice,
    "chrt": lambda call: changes("changes how a process is scheduled").along(
        *(call.rater.argv((word, *call.arguments[i + 1 :])) for i, word in enumerate(call.arguments) if word.isalpha())
    ),
    "taskset": _taskset,
    "setsid": _wrapper(options("-c/--ctty -f/--fork -w/--wait")),
    "stdbuf": _wrapper(options("", "-i/--input -o/--output -e/--error")),
    "unbuffer": _wrapper(options("-p")),
    "time": _wrapper(options("-p/--portability -v/--verbose -a/--append -q/--quiet", "-f/--format")),
    "command": _command,
    "builtin": lambda call: inner(call, call.arguments, reads("runs nothing")),
    "exec": _exec,
    "eval": _eval,
    "coproc": _coproc,
    "xargs": _xargs,
    "gxargs": _xargs,
    "watch": _watch,
    "ssh": _ssh,
    "su": _su,
    "runuser": _runuser,
    "parallel": _parallel,
    "chroot": _chroot,
    "strace": _strace,
    "numactl": _wrapper(
        options(
            "-s/--show -H/--hardware -a/--all -l/--localalloc",
            "-i/--interleave -p/--preferred -m/--membind -N/--cpunodebind -C/--physcpubind",
        ),
        otherwise="shows memory nodes",
    ),
    "busybox": lambda call: inner(call, call.arguments, reads("lists what it can do")),
    "flock": lambda call: changes("takes a lock").along(
        *(
            (call.rater.script(call.arguments[call.arguments.index("-c") + 1]),)
            if "-c" in call.arguments[:-1]
            else (inner(call, read(call.arguments, _FLOCK, stop_at_operand=True).operands[1:], reads()),)
        )
    ),
    **dict.fromkeys(("sh", "bash", "dash", "zsh", "ksh", "ash", "rbash", "fish"), _shell),
}
