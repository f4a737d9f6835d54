"""What a shell command may do to production: rated by its worst part, and never less than can be told from its text.

`rate` is pure and never raises. A plain command or pipeline gets its argv for each stage, so that what runs is what
was rated; everything that only a shell could run has none, and waits for an approval whatever it does.
"""

import re
import shlex
from dataclasses import dataclass, field, replace
from itertools import product

from stanch.commands import constant
from stanch.commands.connection import named
from stanch.commands.effect import (
    NO_STDIN,
    Call,
    Effect,
    Stdin,
    changes,
    destroys,
    reads,
    together,
    unknown,
    unreadable,
)
from stanch.commands.environment import assigned, runs_code
from stanch.commands.parse import Assignment, Compound, Pipeline, Redirect, Script, Simple, Statement, parse
from stanch.commands.placeholders import STAND_INS, mark, restore
from stanch.commands.registry import grammar, inert, program
from stanch.commands.variables import Variables, walk
from stanch.commands.words import Unknown, Word, substitute
from stanch.model.pattern import Pattern
from stanch.model.risk import Rating, Reason, Risk, Trait

_DEEPEST = 12
"""Commands inside commands inside commands; deeper than this nobody can follow."""

_HOLDS_VARIABLES = Pattern(r"[$`]|\(\(|\[\[")
_MOST_READINGS = 64

_SHELL_ONLY = frozenset(
    ". : alias bg bind break builtin caller cd command compgen complete compopt continue coproc declare dirs disown "
    "enable eval exec exit export fc fg getopts hash help history jobs let local logout mapfile popd pushd read "
    "readarray readonly return set shift shopt source suspend time times trap type typeset ulimit umask unalias unset "
    "wait".split()
)
"""Builtins that no program stands in for: they need a shell."""

_HARMLESS = frozenset(
    "[ : b2sum basename cat cksum cmp column comm cut df diff dirname du echo egrep exit expand false fgrep file fmt "
    "fold getent grep groups head id join jobs ls lsof md5sum nl nproc od paste pgrep pidof printf ps pwd readlink "
    "realpath return rev seq sha1sum sha256sum sha512sum sleep stat strings sum tac tail test tr true tsort type uname "
    "unexpand uptime wc whereis which whoami zcat zgrep".split()
)
"""Programs that only read whatever their arguments are."""

_TOKENS = Pattern(r"[\s;&|()`'\"$<>{}\\,\[\]=!:]+")
_DESTRUCTIVE_WORDS = Pattern(
    r"\brm\s+-[a-z]*[rf]|\brmtree\b|\bunlink(?:Sync)?\s*\(|\brmSync\s*\(|\bos\.remove\b|\brmdir\s*\(|\bFLUSH(?:ALL|DB)\b|"
    r"\bDROP\s+(?:TABLE|DATABASE|SCHEMA|INDEX|VIEW|ROLE|USER)\b|\bTRUNCATE\b|\bDELETE\s+FROM\b|\bdropDatabase\b|"
    r"\bdeleteMany\b|\bmkfs\b|\bdd\s+[io]f=|\bshred\b",
    re.IGNORECASE,
)


def rate(command: str) -> Rating:
    """Rate a command line, or a whole script. Never raises; what cannot be read is mutating at least."""
    marked = mark(command)
    script = parse(marked.text, stand_ins=STAND_INS if marked.text != command else ())
    try:
        effect = _Rater().whole(script, marked.text)
    except RecursionError:
        script = Script(statements=(), problems=("it is nested too deeply",))
        effect = _as_part(unreadable("it is nested too deeply").along(suspect(marked.text)), marked.text)
    traits = effect.traits
    if not effect.parts and not script.statements and not script.problems:
        effect = reads("there is no command in it")
    return Rating(
        command=command,
        risk=effect.risk,
        traits=traits,
        target={key: restore(value) for key, value in effect.target.items()},
        because=tuple(
            dict.fromkeys(
                Reason(text=restore(part.text), risk=part.risk, why=restore(part.why)) for part in effect.parts
            )
        ),
        hint=restore(effect.hint),
        placeholders=marked.placeholders,
        pipeline=_pipeline(script),
    )


def as_dict(rating: Rating) -> dict[str, object]:
    """A rating as `stanch risk --json` prints it."""
    return {
        "command": rating.command,
        "risk": rating.risk.value,
        "traits": sorted(trait.value for trait in rating.traits),
        "target": dict(rating.target),
        "because": [{"text": part.text, "risk": part.risk.value, "why": part.why} for part in rating.because],
        "hint": rating.hint,
        "placeholders": list(rating.placeholders),
        "runs_without_shell": rating.runs_without_shell,
        "pipeline": None if rating.pipeline is None else [list(argv) for argv in rating.pipeline],
    }


def _pipeline(script: Script) -> tuple[tuple[str, ...], ...] | None:
    """The argv of each stage, where no shell is needed to run exactly what was written."""
    if not script.is_readable or script.is_background or len(script.statements) != 1:
        return None
    statement = script.statements[0]
    if isinstance(statement, Pipeline):
        if statement.merges:
            return None
        stages = statement.stages
    else:
        stages = (statement,)
    found: list[tuple[str, ...]] = []
    for stage in stages:
        if not isinstance(stage, Simple) or stage.assignments or stage.redirects or stage.inner or not stage.words:
            return None
        argv = tuple(restore(word.value) for word in stage.words)
        if any(word.needs_shell for word in stage.words) or not argv[0] or argv[0] in _SHELL_ONLY:
            return None
        found.append(argv)
    return tuple(found)


@dataclass(slots=True)
class _Rater:
    """Walks statements. One is made for each level of nesting: a shell inside a command knows its own variables."""

    depth: int = 0
    variables: Variables = field(default_factory=Variables)
    functions: frozenset[str] = frozenset()

    # What tools may ask for

    def argv(self, argv: tuple[str, ...], stdin: Stdin | None = None) -> Effect:
        if self.depth > _DEEPEST:
            return unreadable("commands are nested too deeply in it")
        nested = _Rater(depth=self.depth + 1)
        effect = nested.command(argv, stdin or NO_STDIN)
        return _as_part(effect, shlex.join(argv))

    def script(self, text: str, stdin: Stdin | None = None) -> Effect:
        if self.depth > _DEEPEST:
            return unreadable("commands are nested too deeply in it")
        return _Rater(depth=self.depth + 1).whole(parse(text, stand_ins=STAND_INS), text, stdin or NO_STDIN)

    def sql(self, text: str, dialect: str) -> Effect:
        from stanch.commands.sql import sql_effect  # noqa: PLC0415 - sqlglot takes longer to import than all else

        return sql_effect(text, dialect)

    def is_harmless(self, argv: tuple[str, ...]) -> bool:
        return program(argv[0]) in _HARMLESS

    # Statements

    def whole(self, script: Script, text: str, stdin: Stdin = NO_STDIN) -> Effect:
        self.variables = Variables.of(script) if _HOLDS_VARIABLES.search(text) else Variables()
        self.functions = script_functions(script)
        effect = together(self.statement(statement, stdin) for statement in script.statements)
        for expansion in script.expansions:
            if not self.expands_safely(expansion):
                effect = _as_part(
                    changes("it may run what a variable holds", Trait.DYNAMIC).along(suspect(expansion)), expansion
                ).along(effect)
        if script.problems:
            why = "; ".join(script.problems[:3])
            effect = _as_part(unreadable(f"it cannot be read with certainty: {why}"), text).along(effect, suspect(text))
        if script.is_background:
            effect = effect.along(
                _as_part(changes("leaves a command running in the background"), text)
                if effect.traits & {Trait.ENDLESS}
                else reads()
            )
        return effect

    def expands_safely(self, expansion: str) -> bool:
        """Whether an expansion only takes text; indexes, offsets and `@P` run commands that stand in a variable."""
        if (sets := re.match(r"\$\{([A-Za-z_][A-Za-z0-9_]*):?=", expansion)) and assigned(
            sets.group(1), None, for_command=False
        ).risk is not Risk.READ_ONLY:
            return False
        if match := _ARITHMETIC_EXPANSION.match(expansion):
            return self.variables.computes_safely(match.group(1))
        return bool(_PLAIN_EXPANSION.match(expansion))

    def statement(self, statement: Statement, stdin: Stdin) -> Effect:
        match statement:
            case Simple():
                return self.simple(statement, stdin)
            case Pipeline():
                return self.pipeline(statement, stdin)
            case Compound():
                return self.compound(statement, stdin)

    def pipeline(self, pipeline: Pipeline, stdin: Stdin) -> Effect:
        effects: list[Effect] = []
        for stage in pipeline.stages:
            effects.append(self.statement(stage, stdin))
            stdin = Stdin(kind="pipe", text=self.output(stage, stdin))
        effect = together(effects)
        if Trait.ENDLESS in effect.traits and _is_cut_short(pipeline.stages[-1]):
            return replace(effect, traits=effect.traits - {Trait.ENDLESS})
        return effect

    def output(self, stage: Statement, stdin: Stdin) -> str | None:
        """What a stage prints, where that is certain."""
        if not isinstance(stage, Simple) or stage.assignments:
            return None
        given = stdin
        for redirect in stage.redirects:
            if redirect.operator in {"<<", "<<-", "<<<"}:
                given = Stdin(kind="text", text=redirect.body)
            else:
                return None
        words = self.readings(stage.words, stage.start)
        if len(words) != 1 or any(word.needs_shell for word in words[0]) or not words[0]:
            return None
        return constant.output(tuple(word.value for word in words[0]), given.text)

    def compound(self, compound: Compound, stdin: Stdin) -> Effect:
        if compound.kind == "process_output":
            stdin = Stdin(kind="pipe")
        effects = [self.statement(inside, NO_STDIN) for inside in compound.inner]
        stdin, redirected = self.redirected(compound.redirects, stdin)
        effects.extend(redirected)
        effects.extend(self.statement(condition, stdin) for condition in compound.condition)
        effects.extend(self.statement(inside, stdin) for inside in compound.body)
        if compound.kind in {"arithmetic", "c_style_for_statement", "test"}:
            effects.append(self.tested(compound))
        if compound.kind == "function_definition" and any(_calls(inside, compound.name) for inside in compound.body):
            effects.append(_as_part(destroys("calls itself without end", Trait.ENDLESS, Trait.HEAVY), compound.text))
        if compound.kind == "for_statement":
            effect = assigned(compound.name, None, for_command=False)
            effects.append(_as_part(effect, f"for {compound.name}") if effect.risk is not Risk.READ_ONLY else effect)
        if compound.kind == "function_definition" and grammar(compound.name) is not None:
            effects.append(_as_part(changes(f"gives the name {compound.name} another meaning"), compound.text))
        effect = together(effects)
        if compound.kind == "while_statement" and _never_ends(compound):
            effect = effect.having(Trait.ENDLESS)
        if compound.kind == "c_style_for_statement" and re.match(r"for\s*\(\(\s*;\s*;\s*\)\)", compound.text):
            effect = effect.having(Trait.ENDLESS)
        return effect

    def tested(self, compound: Compound) -> Effect:
        """Arithmetic runs commands that stand in the value of a variable, as in `a[$(command)]`."""
        text = " ".join(word.text for word in compound.words)
        if compound.kind == "test" and not re.search(r"-(?:eq|ne|lt|le|gt|ge|v)\b", text):
            return _as_part(reads("only compares"), compound.text)
        expression = re.sub(r"(?<!\S)-(?:eq|ne|lt|le|gt|ge)(?!\S)|[\"']|\$", " ", text)
        if self.variables.computes_safely(expression) and all(
            assigned(name, None, for_command=False).risk is Risk.READ_ONLY
            for name in re.findall(r"([A-Za-z_][A-Za-z0-9_]*)\s*(?:[-+*/%&|^]|<<|>>)?=(?!=)", text)
        ):
            return _as_part(reads("only computes"), compound.text)
        effect = changes("what it computes with is only known when it runs", Trait.DYNAMIC)
        return _as_part(effect.along(suspect(compound.text)), compound.text)

    def simple(self, simple: Simple, stdin: Stdin) -> Effect:
        inner = [self.statement(inside, NO_STDIN) for inside in simple.inner]
        stdin, redirected = self.redirected(simple.redirects, stdin)
        effects = [*redirected]
        is_declaration = bool(simple.words) and simple.words[0].value in {
            "export", "declare", "typeset", "readonly", "local",
        }  # fmt: skip
        effects += [
            self.assignment(assignment, for_command=bool(simple.words) and not is_declaration)
            for assignment in simple.assignments
        ]
        if is_declaration:
            effects.append(self.declared(simple))
            effects.extend(self.indexes(simple.words[0].value, tuple(word.value for word in simple.words[1:])))
        elif simple.words:
            before = [(a.name, a.value.value) for a in simple.assignments if a.value is not None]
            effects.append(self.worded(simple, stdin).at(**named(before)))
        if simple.inner:
            effects = [effect.having(Trait.DYNAMIC) for effect in effects]
        own = together(effects)
        return _as_part(own, simple.text).along(*inner) if effects else together(inner)

    def declared(self, simple: Simple) -> Effect:
        """`export NAME=value` and its like; the values were looked at as assignments."""
        if any(word.is_dynamic and not _ASSIGNS.match(word.value) for word in simple.words[1:]):
            return changes("what it declares is only known when it runs", Trait.DYNAMIC)
        if any(word.value.startswith("-") and set(word.value[1:]) & set("infF") for word in simple.words[1:]):
            return changes("declares how a variable is computed or points to another")
        return reads("sets variables of its own shell")

    def assignment(self, assignment: Assignment, *, for_command: bool) -> Effect:
        value = assignment.value
        known = None
        if value is not None and not value.is_dynamic:
            known = value.value
        effect = assigned(assignment.name, known, for_command=for_command)
        if known and runs_code(assignment.name) and effect.risk is not Risk.READ_ONLY:
            effect = effect.along(self.script(known), suspect(known))
        if known is not None and re.search(r"\$\(|`", known):
            return effect.along(
                changes("keeps commands in a variable"),
                *(self.script(first or second) for first, second in re.findall(r"\$\(([^()]*)\)|`([^`]*)`", known)),
                suspect(known),
            )
        if re.match(r"[A-Za-z0-9_]+\[", assignment.text):
            return effect.along(changes("its index is computed"))
        return effect

    def worded(self, simple: Simple, stdin: Stdin) -> Effect:
        """The worst of all readings of a command whose variables are known, or its one reading."""
        readings = self.readings(simple.words, simple.start)
        effect = together(self.reading(words, stdin) for words in readings)
        return effect.having(Trait.DYNAMIC) if any(word.is_dynamic for word in simple.words) else effect

    def reading(self, words: tuple[Word, ...], stdin: Stdin) -> Effect:
        if not words:
            return reads("does nothing")
        argv = tuple(word.value for word in words)
        name = words[0]
        if name.is_dynamic or name.has_glob:
            effect = changes("which program it runs is only known when it runs", Trait.DYNAMIC)
            return effect.along(suspect(shlex.join(argv)), suspect(" ".join(argv[1:])))
        effect = self.command(argv, stdin)
        rest = words[1:]
        if self.is_harmless(argv) and not _sets_a_variable(words):
            if any(word.is_dynamic for word in rest):
                return effect.having(Trait.DYNAMIC)
            return effect
        if any(word.is_dynamic for word in rest):
            if (not effect.parts or name.value in _TAKES_STATEMENTS) and self.only_inert(words, stdin):
                return effect.having(Trait.DYNAMIC)
            return effect.raised(Risk.MUTATING, "an argument is only known when it runs").having(Trait.DYNAMIC)
        if any(word.glob_leads for word in rest):
            return effect.raised(Risk.MUTATING, "files may be named like options where a pattern stands").hinting(
                "Quote the pattern, or begin it with ./ where files are meant."
            )
        return effect

    def only_inert(self, words: tuple[Word, ...], stdin: Stdin) -> bool:
        """Whether all that is unknown are values of options that change nothing, as in `-n "$NAMESPACE"`.

        They must be quoted, to stay one word; and whatever else stands there must be rated alike, so that what looks
        like such a value is one.
        """
        harmless = inert(program(words[0].value))
        places: list[int] = []
        for index, word in enumerate(words):
            if not word.is_dynamic:
                continue
            if word.has_glob or any(isinstance(part, Unknown) and not part.quoted for part in word.segments):
                return False
            option, joined, _ = word.prefix.partition("=")
            if not (joined and option in harmless) and (
                words[index - 1].value not in harmless or word.prefix[:1] == "-"
            ):
                return False
            places.append(index)
        argv = [word.value for word in words]
        for stand_in in _STAND_INS_FOR_VALUES:
            for index in places:
                argv[index] = words[index].prefix + stand_in
            if self.command(tuple(argv), stdin).risk is not Risk.READ_ONLY:
                return False
        return bool(places)

    def readings(self, words: tuple[Word, ...], at: int) -> tuple[tuple[Word, ...], ...]:
        """Each way the words may turn out at a byte of the script, by what is known of their unknown parts."""
        if not any(word.is_dynamic for word in words):
            return (words,)
        choices: list[tuple[tuple[Word, ...], ...]] = []
        total = 1
        for word in words:
            found: tuple[tuple[Word, ...], ...] = ((word,),)
            if word.is_dynamic:
                readings, certain = substitute(word, lambda unknown: self.variables.possible(unknown, at))
                # What is not certain may also be something else, and is then only known when it runs.
                found = readings if certain and readings else ((word,), *readings)
            choices.append(found)
            total *= len(choices[-1])
            if total > _MOST_READINGS:
                choices = [((word,),) for word in words]
                break
        return tuple(tuple(word for group in choice for word in group) for choice in product(*choices))

    # Redirections

    def redirected(self, redirects: tuple[Redirect, ...], stdin: Stdin) -> tuple[Stdin, list[Effect]]:
        effects: list[Effect] = []
        for redirect in redirects:
            if redirect.operator in {"<<", "<<-", "<<<"}:
                stdin = Stdin(kind="text", text=redirect.body)
                continue
            if redirect.operator == "<" and redirect.descriptor in {"", "0"}:
                is_empty = redirect.target is not None and redirect.target.value == "/dev/null"
                stdin = Stdin(kind="text", text="") if is_empty else Stdin(kind="file")
            effect = _redirect(redirect)
            if effect.risk is not Risk.READ_ONLY:
                effect = _as_part(effect, redirect.text)
            effects.append(effect)
        return stdin, effects

    # Commands

    def command(self, argv: tuple[str, ...], stdin: Stdin) -> Effect:
        """One command by its words: the tool's grammar decides; what no grammar knows is mutating."""
        if not argv or not argv[0]:
            return unreadable("the program has no name")
        name = program(argv[0])
        if name in self.functions:
            effect = reads("runs a function that is rated where it is defined")
            worst_argument = suspect(shlex.join(argv[1:]))
            return effect.along(worst_argument)
        rule = grammar(name)
        if rule is None:
            return unknown(f"what {argv[0]} does is not known").along(_feared(argv))
        if argv[1:] in _ASKS and name not in _TAKES_ANYTHING:
            return reads("says what it is")
        effect = rule(Call(argv=(name, *argv[1:]), rater=self, stdin=stdin))
        if name in _COMPUTES_NAMES:
            effect = effect.along(*self.indexes(name, argv[1:]))
        return effect if effect.is_known else effect.along(_feared(argv))

    def indexes(self, name: str, words: tuple[str, ...]) -> list[Effect]:
        """The commands in the indexes of the variables that a builtin is told to set or to look at."""
        if name == "printf":
            words = words[1:2] if words[:1] == ("-v",) else ()
        effects: list[Effect] = []
        for word in words:
            if match := _COMPUTED_INDEX.match(word):
                commands = re.findall(r"\$\(([^()]*)\)|`([^`]*)`", match.group())
                effects.append(changes("its index is computed"))
                effects.extend(self.script(first or second) for first, second in commands)
                effects.append(suspect(match.group()))
        return effects


def _sets_a_variable(words: tuple[Word, ...]) -> bool:
    """`printf -v` and `test -v` compute the index of a variable's name, and so run commands that stand in it."""
    name, rest = words[0].value, words[1:]
    if name == "printf":
        rest = rest[:1]
    elif name not in {"[", "test"}:
        return False
    spliced = any(isinstance(segment, Unknown) and not segment.quoted for word in rest for segment in word.segments)
    return spliced or (any(word.value == "-v" for word in rest) and any(word.is_dynamic for word in words))


_STAND_INS_FOR_VALUES = (
    "delete",
    "@f",
    "FLUSHALL",
    "--force",
    "-X",
    "x",
    "BEGIN { system(1) }",
    "1e id",
    "drop table x",
)
_TAKES_STATEMENTS = frozenset({"psql", "mysql"})
"""Programs whose parts are statements, where those of others are commands with options of their own."""

_COMPUTES_NAMES = frozenset(
    "declare typeset local export readonly read unset printf test [ wait getopts let mapfile readarray".split()
)
_COMPUTED_INDEX = Pattern(r"[A-Za-z_]\w*\[.*(?:\$\(|`|\$\{).*", re.DOTALL)
_DESTRUCTIVE_VERB = Pattern(
    r"(?:.*[-_:.])?(?:delete|del|destroy|purge|prune|remove|rm|drop|erase|wipe|flush|uninstall|terminate|truncate|nuke)"
    r"(?:[-_:.].*)?\Z",
    re.IGNORECASE,
)


def _feared(argv: tuple[str, ...]) -> Effect:
    """What can be feared of a command that nobody knows: a command in its words, or a verb that says it."""
    words = [word for word in argv[1:] if not word.startswith("-")]
    if any(_DESTRUCTIVE_VERB.match(word) and "/" not in word for word in words[:3]):
        return destroys("its own words say that it destroys something", Trait.UNREADABLE)
    return suspect(shlex.join(argv[1:]))


_ASKS = frozenset({("--version",), ("--help",)})
_TAKES_ANYTHING = _SHELL_ONLY | frozenset("at batch init kill mail mailx sendmail telinit wall write".split())
"""Programs that may take `--version` for something to do."""

_ARITHMETIC_EXPANSION = Pattern(r"\$(?:\(\(|\[)(.*?)(?:\)\)|\])\Z", re.DOTALL)
_PLAIN_EXPANSION = Pattern(
    r"\$\{#?(?:[A-Za-z_][A-Za-z0-9_]*|[0-9@*#?$!-])(?:\[(?:[@*]|\d+)\])?(?::?[-=+?].*|[#%/^,].*|:\s*\d+(?::\s*\d+)?)?\}\Z",
    re.DOTALL,
)
_ASSIGNS = Pattern(r"[A-Za-z_][A-Za-z0-9_]*\+?=")


def script_functions(script: Script) -> frozenset[str]:
    """The names of the functions that a script defines at its own level."""
    return frozenset(
        statement.name
        for statement in script.statements
        if isinstance(statement, Compound) and statement.kind == "function_definition"
    )


def suspect(text: str) -> Effect:
    """What can be feared of text that cannot be read: whether a command in it would destroy something.

    Only the worst is looked for. The text is cut at everything that could end a word, and each place where a known
    program's name stands is rated as if it were run.
    """
    feared = destroys("it holds what would destroy something", Trait.UNREADABLE)
    if _DESTRUCTIVE_WORDS.search(text):
        return feared
    tokens = [token for token in _TOKENS.split(text[:4000]) if token]
    for index, token in enumerate(tokens[:200]):
        name = program(token)
        rule = grammar(name)
        if rule is None or name in _LOOKED_PAST:
            continue
        effect = rule(Call(argv=(name, *tokens[index + 1 : index + 12]), rater=_Suspicious(depth=_DEEPEST)))
        if effect.risk is Risk.DESTRUCTIVE:
            return feared
    return reads("nothing in it is feared")


_LOOKED_PAST = frozenset({"eval", "sh", "bash", "dash", "zsh", "ksh", "ash", "fish", "rbash", "parallel"})


@dataclass(slots=True)
class _Suspicious(_Rater):
    """A rater for text that was cut to pieces: it follows commands in commands, but no further text."""

    def argv(self, argv: tuple[str, ...], stdin: Stdin | None = None) -> Effect:  # noqa: ARG002 - the pieces have none
        return reads()

    def script(self, text: str, stdin: Stdin | None = None) -> Effect:  # noqa: ARG002 - its pieces are looked at one by one
        return reads()


def _as_part(effect: Effect, text: str) -> Effect:
    """The effect with the command itself as its first part."""
    own = Reason(text=text.strip(), risk=effect.risk, why=effect.why)
    return replace(effect, parts=(own, *effect.parts))


_DISCARDS = frozenset({"/dev/null", "/dev/stdout", "/dev/stderr", "/dev/fd/1", "/dev/fd/2", "/dev/tty"})


def _redirect(redirect: Redirect) -> Effect:
    target = redirect.target
    if redirect.operator in {"<&-", ">&-"}:
        return reads("closes a descriptor")
    if target is None:
        return unreadable("where it is redirected to cannot be read")
    name = target.value
    if name.startswith(("/dev/tcp/", "/dev/udp/")):
        return changes("opens a connection to another machine")
    match redirect.operator:
        case "<":
            return reads("reads a file") if not target.is_dynamic or target.prefix != target.value else reads()
        case ">&" | "<&" if re.fullmatch(r"\d+-?|-", name):
            return reads("joins two streams")
        case _ if name in _DISCARDS and not target.needs_shell:
            return reads("throws output away")
        case ">>" | "&>>":
            return changes(f"appends to {name}")
        case "<&":
            return unreadable("which stream it reads is only known when it runs")
        case _ if name.startswith(("/dev/", "/etc/", "/boot/", "/proc/", "/sys/")):
            return destroys(f"overwrites {name}")
        case _:
            return changes(f"writes {name}")


def _calls(statement: Statement, name: str) -> bool:
    """Whether a statement, or one inside it, runs the command `name`."""
    return any(
        isinstance(inside, Simple) and bool(inside.words) and inside.words[0].value == name
        for inside in walk(statement)
    )


def _never_ends(loop: Compound) -> bool:
    """`while true`, `while :`, `until false`, without a way out that can be seen."""
    if len(loop.condition) != 1 or not isinstance(loop.condition[0], Simple):
        return False
    words = [word.value for word in loop.condition[0].words]
    forever = {"until": ["false"]}.get(loop.text.split(None, 1)[0], ["true"])
    return words in (forever, [":"], ["sleep"]) or (words[:1] == ["sleep"])


def _is_cut_short(last: Statement) -> bool:
    """Whether the last stage ends by itself and ends the stages before it (`| head`)."""
    return isinstance(last, Simple) and bool(last.words) and last.words[0].value == "head"
