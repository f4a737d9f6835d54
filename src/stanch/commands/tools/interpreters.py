"""Programs that run programs: Python, Node, Perl, Ruby, Java and make. What they run cannot be read here."""

import re

from stanch.commands.effect import Call, Effect, Grammar, changes, destroys, reads, unknown
from stanch.commands.options import each
from stanch.commands.tables import ASKS
from stanch.model.pattern import Pattern
from stanch.model.risk import Trait

_VERSION = ASKS | {"-V", "-v", "-VV", "--versions"}
_DESTROYS = Pattern(
    r"\brm\s+-|\brmtree\b|\bunlink|\bremove(?:dirs)?\s*\(|\brmdir|\brmSync\b|\brm\s*\(|rm_rf|FLUSH(?:ALL|DB)|\bDROP\s|\bTRUNCATE\b|\bDELETE\s+FROM\b|"
    r"\bmkfs|File\.delete|\bdeleteMany\b|\bdropDatabase\b|\btruncate\b|\bkill\s*\(\s*-1",
    re.IGNORECASE,
)
_INLINE = {
    "python": ("-c",),
    "node": ("-e", "-p", "-pe", "--eval", "--print"),
    "perl": ("-e", "-E", "-ne", "-pe", "-lne", "-lane", "-i"),
    "ruby": ("-e", "-ne", "-pe"),
    "php": ("-r",),
    "lua": ("-e",),
    "deno": ("eval",),
    "bun": ("-e",),
}


def _interpreter(kind: str) -> Grammar:
    def rate(call: Call) -> Effect:
        arguments = call.arguments
        if len(arguments) == 1 and arguments[0] in _VERSION:
            return reads("says what it is")
        text = " ".join(arguments)
        if any(word.startswith("--inspect") for word in arguments) or arguments[:1] == ("inspect",):
            return changes(
                "opens a debugger that can run anything, and waits", Trait.INTERACTIVE, Trait.ENDLESS,
                hint="A heap snapshot of the running process (SIGUSR2 with --heapsnapshot-signal) needs no second one.",
            )  # fmt: skip
        if (
            kind == "python"
            and arguments[:2] == ("-m", "json.tool")
            and len([w for w in arguments if not w.startswith("-")]) <= 2
        ):
            return reads("lays JSON out")
        if kind == "node" and arguments[:1] in {("-c",), ("--check",)}:
            return reads("checks a script without running it")
        given = call.stdin.text or ""
        if _DESTROYS.search(f"{text} {given}"):
            return destroys("runs code that would destroy something")
        if not arguments or arguments in {("-i",), ("-",)}:
            if call.stdin.is_given:
                if call.stdin.text is None:
                    return destroys("runs code that nobody can see beforehand", Trait.DYNAMIC)
                return changes("runs code that cannot be read here")
            return changes("opens a session to type into", Trait.INTERACTIVE)
        if any(word in _INLINE.get(kind, ()) for word in arguments):
            return changes("runs code that cannot be read here")
        if kind == "python" and arguments[:2] == ("-m", "pip"):
            return call.rater.argv(("pip", *arguments[2:]))
        return changes(
            f"runs a program that nobody has rated: {next((w for w in arguments if not w.startswith('-')), text)}"
        )

    return rate


_PYTHON = _interpreter("python")


def _make(call: Call) -> Effect:
    if any(
        word in {"-n", "--dry-run", "--just-print", "--recon", "--version", "-v", "--help"} for word in call.arguments
    ):
        return (
            changes("reads a makefile, which may run commands even so")
            if "-n" in call.arguments
            else reads("says what it is")
        )
    return changes("runs the commands of a makefile, which nobody has rated")


def _jvm_tool(call: Call) -> Effect:
    """jstack, jmap, jcmd, jstat: they look into a running Java program, and some stop it meanwhile."""
    text = " ".join(call.arguments)
    if re.search(
        r"-dump|GC\.heap_dump|VM\.(?:log|set_flag)|JFR\.|GC\.run|-F\b|-histo:live|Compiler\.|ManagementAgent", text
    ):
        return changes("writes a file, or stops or changes the running program", Trait.HEAVY, Trait.EXPOSES_SECRETS)
    if re.search(r"-histo|GC\.class_histogram|VM\.system_properties|VM\.command_line|sysprops", text):
        return reads("looks into a running program, and stops it meanwhile", Trait.HEAVY, Trait.EXPOSES_SECRETS)
    return reads("looks into a running program")


GRAMMARS: dict[str, Grammar] = {
    **each(
        "python python2 python3 python3.11 python3.12 python3.13 pypy3 ipython bpython",
        _PYTHON,
    ),
    **each("node nodejs ts-node tsx deno bun", _interpreter("node")),
    "perl": _interpreter("perl"),
    **each("ruby irb pry rails rake", _interpreter("ruby")),
    "php": _interpreter("php"),
    **dict.fromkeys(("lua", "luajit"), _interpreter("lua")),
    **each(
        "java scala groovy go cargo dotnet R Rscript julia swift tclsh expect osascript powershell pwsh",
        _interpreter("java"),
    ),
    **each("make gmake cmake ninja just task mvn gradle ant bazel meson", _make),
    **each("jstack jmap jcmd jstat jinfo", _jvm_tool),
    "jps": lambda _: reads("lists Java programs"),
    "py-spy": lambda call: (
        reads("looks into a running program")
        if call.arguments[:1] == ("dump",)
        else (
            reads("shows what a program does", Trait.INTERACTIVE, Trait.ENDLESS)
            if call.arguments[:1] == ("top",)
            else changes("writes a profile", Trait.HEAVY)
        )
    ),
    **each(
        "gdb lldb pdb ltrace bpftrace perf systemtap stap",
        lambda _: unknown("stops or instruments a program", Trait.HEAVY, Trait.INTERACTIVE),
    ),
}
