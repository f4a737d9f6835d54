"""Shell text as statements: simple commands, pipelines and compounds, with every word decoded.

The tree is tree-sitter-bash's. It is more forgiving than bash, so nothing is taken on trust: an ERROR or MISSING node,
a node kind that is not known here, text between two nodes, an expansion that the words have and the tree does not,
all make the script unreadable. What could be read of it is still returned, since its worst part counts.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache

import tree_sitter

from stanch.commands.characters import suspicious, suspicious_outside_quotes
from stanch.commands.placeholders import STAND_INS
from stanch.commands.words import Hole, Literal, Undecodable, Unknown, Word, decode
from stanch.model.pattern import Pattern
from stanch.model.record import record

LONGEST = 100_000
"""Characters. Longer text is no command that a person checked."""

DEEPEST = 40
"""Levels of nesting. Deeper text is no command that a person checked."""


@record
class Redirect:
    """`operator` without the descriptor; `body` is a here-document's or here-string's text where it is known."""

    text: str
    operator: str
    target: Word | None
    descriptor: str = ""
    body: str | None = None


@record
class Assignment:
    """`value` is None for an array or a name alone (`export NAME`)."""

    text: str
    name: str
    value: Word | None
    appends: bool = False


@record
class Simple:
    """One command. `inner` are the statements of its substitutions, wherever in it they stand."""

    text: str
    start: int
    words: tuple[Word, ...] = ()
    assignments: tuple[Assignment, ...] = ()
    redirects: tuple[Redirect, ...] = ()
    inner: tuple["Statement", ...] = ()


@record
class Pipeline:
    """Stages, each one's output the next one's input. `merges` where errors go along (`|&`)."""

    text: str
    start: int
    stages: tuple["Statement", ...]
    merges: bool = False


@record
class Compound:
    """Statements under a construct: `kind` is the grammar's name for it.

    `words` are those of the construct itself: a loop's list, a test's operands, the subject of a `case`.
    """

    text: str
    start: int
    kind: str
    body: tuple["Statement", ...]
    name: str = ""
    words: tuple[Word, ...] = ()
    redirects: tuple[Redirect, ...] = ()
    inner: tuple["Statement", ...] = ()
    condition: tuple["Statement", ...] = ()


Statement = Simple | Pipeline | Compound


@record
class Script:
    """What was read. `problems` says what could not be; `is_background` where a part is left running.

    `expansions` are all `${...}` and `$((...))`, wherever they stand: some of them run what a variable holds.
    """

    statements: tuple[Statement, ...]
    problems: tuple[str, ...] = ()
    expansions: tuple[str, ...] = ()
    is_background: bool = False

    @property
    def is_readable(self) -> bool:
        return not self.problems


def parse(text: str, *, stand_ins: Sequence[str] = ()) -> Script:
    """Read shell text. Never raises: what cannot be read is among the `problems`.

    `stand_ins` are characters of placeholders, which are no one's look-alikes.
    """
    if len(text) > LONGEST:
        return Script(statements=(), problems=(f"it is {len(text)} characters long",))
    if (why := suspicious(text.translate(dict.fromkeys(map(ord, stand_ins), "-")))) is not None:
        return Script(statements=_read(_replace_unencodable(text)).statements, problems=(why,))
    return _read(text)


def _replace_unencodable(text: str) -> str:
    return text.encode("utf-8", errors="replace").decode()


def _read(text: str) -> Script:
    source = text.encode()
    reader = _Reader(source)
    root = _parser().parse(_in_latin_letters(source)).root_node
    if _is_deeper(root, _DEEPEST_TREE):
        return Script(statements=(), problems=("it is nested too deeply",))
    statements = reader.statements(root, 0)
    reader.check_edges(root)
    if root.has_error and not reader.problems:
        reader.fault("bash would not take it as it stands")
    expansions = [reader.of(node) for node in _walk(root) if node.type in _COMPUTING] if "$" in text else []
    return Script(
        statements=statements,
        problems=tuple(dict.fromkeys(reader.problems)),
        expansions=tuple(dict.fromkeys(expansions)),
        is_background=reader.is_background,
    )


_BEYOND_ASCII = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_LETTERS = {2: "\u00e9".encode(), 3: "\u00e9x".encode(), 4: "\u00e9\u00e9".encode()}


def _in_latin_letters(source: bytes) -> bytes:
    """The text for the grammar alone: letters in the place of what is beyond ASCII, byte for byte.

    The grammar's scanner asks C's `isdigit` about whole code points (tree-sitter-bash 0.25, scanner.c, brace ranges),
    which looks beyond the end of a table: `{` and an emoji could end the process. To bash they are letters of a word
    and of no name, as these are. What is read is taken from the text itself, and so is where a here-document ends.
    """
    return source if source.isascii() else _BEYOND_ASCII.sub(lambda match: _LETTERS[len(match[0])], source)


_DEEPEST_TREE = 12 * DEEPEST
"""Levels of the tree, which has several for one of the shell's. Work on what is deeper grows with its square."""


def _is_deeper(root: tree_sitter.Node, most: int) -> bool:
    cursor = root.walk()
    depth = 0
    while depth <= most:
        if cursor.goto_first_child():
            depth += 1
            continue
        while not cursor.goto_next_sibling():
            if not cursor.goto_parent():
                return False
            depth -= 1
    return True


@cache
def _parser() -> tree_sitter.Parser:
    import tree_sitter_bash  # noqa: PLC0415 - it drags in the machinery of packages, and is needed once

    return tree_sitter.Parser(tree_sitter.Language(tree_sitter_bash.language()))


_SEQUENCES = frozenset({"program"})
_COMPOUNDS = frozenset(
    "if_statement elif_clause else_clause for_statement c_style_for_statement while_statement case_statement case_item "
    "do_group compound_statement subshell function_definition negated_command".split()
)
_TESTS = frozenset({"test_command"})
_DECLARATIONS = frozenset({"declaration_command", "unset_command"})
_EXPANSIONS = frozenset(
    {"simple_expansion", "expansion", "command_substitution", "arithmetic_expansion", "process_substitution"}
)
_COMPUTING = frozenset({"expansion", "arithmetic_expansion"})
_SUBSTITUTIONS = frozenset({"command_substitution", "process_substitution"})
_REDIRECTS = frozenset({"file_redirect", "heredoc_redirect", "herestring_redirect"})
_WORDS = frozenset(
    "word string raw_string ansi_c_string translated_string concatenation number simple_expansion expansion "
    "command_substitution arithmetic_expansion process_substitution brace_expansion extglob_pattern regex "
    "command_name variable_name test_operator".split()
)
_SEPARATORS = frozenset({";", "\n", "&", "&&", "||", ";;", ";&", ";;&", "|", "|&"})
_CASE_ENDS = frozenset({";;", ";&", ";;&"})
_RESERVED = frozenset("if then else elif fi do done case esac while until for select function in { } [[ ]] !".split())
_STANDS_ALONE = _RESERVED | {"[", "]"}
_KEYWORD_PARENTS = _COMPOUNDS | _TESTS
_GAP = Pattern(r"(?:[ \t\n]|\\\n)*\Z")
_BLANK_GAP = Pattern(r"(?:[ \t]|\\\n)*\Z")
_SIMPLE_VARIABLE = Pattern(r"\$(?:\{([A-Za-z_][A-Za-z0-9_]*|[?$!#@*0-9])\}|([A-Za-z_][A-Za-z0-9_]*|[?$!#@*0-9-]))\Z")
_ASSIGNMENT = Pattern(r"([A-Za-z_][A-Za-z0-9_]*)(\[[^\]]*\])?(\+?)=", re.DOTALL)
_SUBSTITUTION_START = Pattern(r"\\.|\$\(|<\(|>\(|`", re.DOTALL)

_Node = tree_sitter.Node


@dataclass(slots=True)
class _Reader:
    source: bytes
    problems: list[str] = field(default_factory=list)
    is_background: bool = False

    def text(self, start: int, end: int) -> str:
        return self.source[start:end].decode("utf-8", errors="replace")

    def of(self, node: _Node) -> str:
        return self.text(node.start_byte, node.end_byte)

    def fault(self, why: str) -> None:
        self.problems.append(why)

    # Statements

    def statements(self, node: _Node, depth: int) -> tuple[Statement, ...]:
        """The statements below a node that holds a sequence of them."""
        found: list[Statement] = []
        at = node.start_byte
        for child in node.children:
            self._check_gap(at, child.start_byte)
            at = child.end_byte
            found.extend(self.statement(child, depth))
        self._check_gap(at, node.end_byte)
        return tuple(found)

    def statement(self, node: _Node, depth: int) -> tuple[Statement, ...]:  # noqa: C901, PLR0912 - a grammar has a branch for each rule
        kind = node.type
        if depth > DEEPEST:
            self.fault("it is nested too deeply")
            return ()
        if node.is_error or node.is_missing:
            self.fault(f"bash would not take it as it stands near '{self.of(node)[:40].strip()}'")
            return self._salvage(node, depth)
        if not node.is_named:
            if kind == "&":
                self.is_background = True
            elif kind not in _SEPARATORS or (kind in _CASE_ENDS and node.parent and node.parent.type != "case_item"):
                self.fault(f"'{kind}' stands where no command can")
            return ()
        if kind == "comment":
            return ()
        if kind == "command":
            return (self._command(node, (), depth),)
        if kind in _SEQUENCES:
            return self.statements(node, depth + 1)
        if kind == "list":
            return (self._list(node, depth),)
        if kind == "pipeline":
            return (self._pipeline(node, depth),)
        if kind == "redirected_statement":
            return self._redirected(node, depth)
        if kind in {"variable_assignment", "variable_assignments"}:
            return (self._bare_assignments(node, depth),)
        if kind in _DECLARATIONS:
            return (self._declaration(node, depth),)
        if kind in _TESTS:
            return (self._test(node, depth),)
        if kind in _COMPOUNDS:
            return (self._compound(node, depth),)
        self.fault(f"'{self.of(node)[:40]}' is nothing that bash would run")
        return self._salvage(node, depth)

    def _salvage(self, node: _Node, depth: int) -> tuple[Statement, ...]:
        """The commands inside something unreadable: they still count."""
        if depth > DEEPEST:
            return ()
        found: list[Statement] = []
        for child in node.named_children:
            if child.type in _WORDS or child.type in _REDIRECTS:
                found.extend(self._salvage(child, depth + 1))
            else:
                found.extend(self.statement(child, depth + 1))
        if node.is_error:
            # Words that belong to no command may still be one.
            loose = [word for child in node.children if child.type in _WORDS for word in self._loose(child)]
            if loose:
                found.append(Simple(text=self.of(node), start=node.start_byte, words=tuple(loose)))
        return tuple(found)

    def _loose(self, node: _Node) -> tuple[Word, ...]:
        try:
            return decode(self.of(node), self._holes(node.start_byte, node.end_byte, [node]))
        except Undecodable:
            return ()

    def _list(self, node: _Node, depth: int) -> Statement:
        """Commands joined by `&&` and `||`: all but the first may or may not run."""
        body: list[Statement] = []
        for statement in self.statements(node, depth + 1):
            body.extend(
                statement.body if isinstance(statement, Compound) and statement.kind == "list" else (statement,)
            )
        return Compound(text=self.of(node), start=node.start_byte, kind="list", body=tuple(body))

    def _pipeline(self, node: _Node, depth: int) -> Statement:
        stages: list[Statement] = []
        merges = False
        at = node.start_byte
        for child in node.children:
            self._check_gap(at, child.start_byte)
            at = child.end_byte
            if child.type in {"|", "|&"}:
                merges = merges or child.type == "|&"
            else:
                stages.extend(self.statement(child, depth + 1))
        return _piped(self.of(node), node.start_byte, stages, merges=merges)

    def _redirected(self, node: _Node, depth: int) -> tuple[Statement, ...]:
        redirects = [child for child in node.children if child.type in _REDIRECTS]
        bodies = [child for child in node.children if child.type not in _REDIRECTS]
        at = node.start_byte
        for child in node.children:
            self._check_gap(at, child.start_byte)
            at = child.end_byte
        following: list[Statement] = []
        stages: list[Statement] = []
        for redirect in redirects:
            if redirect.type == "heredoc_redirect":
                piped, after = self._after_heredoc(redirect, depth)
                stages.extend(piped)
                following.extend(after)
        inner: Statement
        if not bodies:
            inner = self._simple(node, [], redirects, depth)
        elif len(bodies) > 1:
            self.fault("a redirection belongs to several commands")
            return self._salvage(node, depth + 1)
        elif bodies[0].type == "command":
            inner = self._command(bodies[0], redirects, depth, whole=node)
        else:
            body = self.statement(bodies[0], depth + 1)
            if len(body) != 1:
                self.fault("a redirection belongs to several commands")
                return body
            inner = self._with_redirects(body[0], redirects, depth)
        if stages:
            inner = _piped(self.of(node), node.start_byte, [inner, *stages], merges=False)
        return (inner, *following)

    def _with_redirects(self, statement: Statement, nodes: Sequence[_Node], depth: int) -> Statement:
        redirects, stray, substituted = self._redirects(nodes, depth)
        if stray:
            self.fault("words follow a redirection of a whole construct")
        match statement:
            case Compound():
                return replace(
                    statement, redirects=(*statement.redirects, *redirects), inner=(*statement.inner, *substituted)
                )
            case Simple():
                return replace(
                    statement, redirects=(*statement.redirects, *redirects), inner=(*statement.inner, *substituted)
                )
            case Pipeline():
                *stages, last = statement.stages
                return replace(statement, stages=(*stages, self._with_redirects(last, nodes, depth)))

    def _after_heredoc(self, node: _Node, depth: int) -> tuple[list[Statement], list[Statement]]:
        """What stands on a here-document's first line behind it: further stages, and statements that follow."""
        stages: list[Statement] = []
        following: list[Statement] = []
        for child in node.children:
            if child.type == "pipeline":
                piped = self.statement(child, depth + 1)
                for statement in piped:
                    stages.extend(statement.stages if isinstance(statement, Pipeline) else (statement,))
            elif child.type in {"command", "list", "redirected_statement", "subshell", "compound_statement"}:
                following.extend(self.statement(child, depth + 1))
            elif child.type in {"&&", "||", ";"} and not child.is_named:
                continue
            elif child.type not in {
                "<<", "<<-", "file_descriptor", "heredoc_start", "heredoc_body", "heredoc_end", "file_redirect",
                "herestring_redirect", "comment", *_WORDS,
            }:  # fmt: skip
                self.fault(f"'{self.of(child)[:40]}' stands behind a here-document")
                following.extend(self._salvage(child, depth + 1))
        return stages, following

    def _compound(self, node: _Node, depth: int) -> Statement:
        body: list[Statement] = []
        condition: list[Statement] = []
        inner: list[Statement] = []
        words: list[Word] = []
        name = ""
        kind = node.type
        at = node.start_byte
        seen_do = False
        for child in node.children:
            self._check_gap(at, child.start_byte)
            at = child.end_byte
            seen_do = seen_do or child.type == "do_group"
            if child.type in {"((", "))"} and kind == "compound_statement":
                kind = "arithmetic"
            if kind in {"arithmetic", "c_style_for_statement"} and child.type != "do_group":
                inner.extend(self._substitutions([child], depth))
                if child.is_named and child.type not in {"compound_statement", "comment"}:
                    words.append(Word(text=self.of(child), segments=(Unknown(self.of(child), quoted=True),)))
                continue
            if not child.is_named:
                continue
            if (kind == "function_definition" and child.type == "word") or (
                kind == "for_statement" and child.type == "variable_name"
            ):
                name = self.of(child)
            elif child.type in _WORDS:
                words.extend(self._decoded(self.of(child), child.start_byte, [child]))
                inner.extend(self._substitutions([child], depth))
            elif child.type in _REDIRECTS:
                redirects, _, substituted = self._redirects([child], depth)
                inner.extend(substituted)
                body.extend((Simple(text=self.of(child), start=child.start_byte, redirects=redirects),))
            elif kind == "while_statement" and not seen_do:
                condition.extend(self.statement(child, depth + 1))
            else:
                body.extend(self.statement(child, depth + 1))
        return Compound(
            text=self.of(node), start=node.start_byte, kind=kind, body=tuple(body), name=name, words=tuple(words),
            inner=tuple(inner), condition=tuple(condition),
        )  # fmt: skip

    def _test(self, node: _Node, depth: int) -> Statement:
        """`[[ ... ]]` is the shell's own syntax; `[ ... ]` is a command whose words are decoded like any other's."""
        children = node.children
        if children[0].type == "[":
            leaves = list(self._leaves(node))
            return self._simple(node, leaves, (), depth)
        if children[0].type == "((":
            word = Word(text=self.of(node), segments=(Unknown(self.of(node), quoted=True),))
            return Compound(
                text=self.of(node), start=node.start_byte, kind="arithmetic", body=(), words=(word,),
                inner=self._substitutions(children, depth),
            )  # fmt: skip
        words = [word for leaf in self._leaves(node) if leaf.type in _WORDS for word in self._test_operand(leaf)]
        return Compound(
            text=self.of(node), start=node.start_byte, kind="test", body=(), words=tuple(words),
            inner=self._substitutions(children, depth),
        )  # fmt: skip

    def _test_operand(self, node: _Node) -> tuple[Word, ...]:
        """No splitting, globbing or braces happen inside `[[ ]]`, so an operand is one word whatever it holds."""
        if any(descendant.type in _EXPANSIONS for descendant in _walk(node)):
            self._check_substitutions(node)
            return (Word(text=self.of(node), segments=(Unknown(self.of(node), quoted=True),)),)
        return (Word(text=self.of(node), segments=(Literal(self.of(node), quoted=True),)),)

    def _leaves(self, node: _Node) -> Iterator[_Node]:
        for child in node.children:
            if child.is_error or child.is_missing:
                self.fault("a test does not end as bash expects")
            if child.type in _WORDS or not child.is_named:
                yield child
            elif child.type in {"array", "comment"}:
                self.fault("a test holds what no test can")
            else:
                yield from self._leaves(child)

    # Simple commands

    def _command(self, node: _Node, redirects: Sequence[_Node], depth: int, whole: _Node | None = None) -> Simple:
        return self._simple(whole or node, list(node.children), redirects, depth, end=node.end_byte)

    def _bare_assignments(self, node: _Node, depth: int) -> Simple:
        nodes = [node] if node.type == "variable_assignment" else node.children
        return self._simple(node, nodes, (), depth)

    def _declaration(self, node: _Node, depth: int) -> Simple:
        return self._simple(node, node.children, (), depth)

    def _simple(
        self, node: _Node, children: Sequence[_Node], redirects: Sequence[_Node], depth: int, end: int | None = None
    ) -> Simple:
        own_redirects = [child for child in children if child.type in _REDIRECTS]
        pieces = [child for child in children if child.type not in _REDIRECTS and child.type != "comment"]
        at = children[0].start_byte if children else node.start_byte
        for child in children:
            self._check_gap(at, child.start_byte, blank=True)
            at = child.end_byte
        if end is not None:
            self._check_gap(at, end, blank=True)
        words: list[Word] = []
        assignments: list[Assignment] = []
        is_declaration = node.type == "declaration_command"
        for group in _adjacent(pieces, self.source):
            if any(piece.is_error or piece.is_missing for piece in group):
                self.fault(f"bash would not take it as it stands near '{self.of(group[0])[:40]}'")
            start, stop = group[0].start_byte, group[-1].end_byte
            source = self.text(start, stop)
            match = _ASSIGNMENT.match(source)
            if match and (not words or is_declaration):
                assignment = self._assignment(source, start, group, match)
                assignments.append(assignment)
                if is_declaration:
                    words.append(Word(text=source, segments=(Literal(source, quoted=True),)))
            else:
                words.extend(self._decoded(source, start, group))
        found, stray, substituted = self._redirects([*own_redirects, *redirects], depth)
        words.extend(stray)
        if words and words[0].is_plain and words[0].value in _RESERVED and node.type != "test_command":
            self.fault(f"the reserved word '{words[0].value}' stands where a command should")
        return Simple(
            text=self.of(node),
            start=node.start_byte,
            words=tuple(words),
            assignments=tuple(assignments),
            redirects=found,
            inner=(*self._substitutions(pieces, depth), *substituted),
        )

    def _assignment(self, source: str, start: int, group: Sequence[_Node], match: re.Match[str]) -> Assignment:
        name, subscript, plus = match.groups()
        offset = len(source[: match.end()].encode())
        value: Word | None = None
        if subscript is None and not source[match.end() :].startswith("("):
            # Neither braces nor globs happen in an assignment, so its value is one word.
            try:
                words = decode(
                    source[match.end() :].replace("{", "\\{")
                    if "{" in source[match.end() :] and "$" not in source and "'" not in source and '"' not in source
                    else source[match.end() :],
                    self._holes(start + offset, group[-1].end_byte, group),
                )
            except Undecodable as fault:
                self.fault(str(fault))
                words = ()
            value = words[0] if len(words) == 1 else (Word(text="", segments=()) if not source[match.end() :] else None)
        else:
            self._check_substitutions(*group)
        return Assignment(text=source, name=name, value=value, appends=bool(plus))

    def _decoded(self, source: str, start: int, group: Sequence[_Node]) -> tuple[Word, ...]:
        if not source.isascii() and (why := suspicious_outside_quotes(_unquoted(source), STAND_INS)) is not None:
            self.fault(why)
        try:
            return decode(source, self._holes(start, group[-1].end_byte, group))
        except Undecodable as fault:
            self.fault(f"{fault}: {source[:60]}")
            return (Word(text=source, segments=(Unknown(source, quoted=False),)),)

    def _holes(self, start: int, end: int, nodes: Sequence[_Node]) -> tuple[Hole, ...]:
        """The outermost expansions of some nodes, as offsets in characters from `start`."""
        holes: list[Hole] = []
        for node in nodes:
            for expansion in _outermost_expansions(node):
                if expansion.start_byte < start or expansion.end_byte > end:
                    continue
                self._check_substitutions(expansion)
                match = _SIMPLE_VARIABLE.match(self.of(expansion))
                variable = (match.group(1) or match.group(2)) if match else None
                if match is None and expansion.type == "simple_expansion":
                    self.fault(f"'{self.of(expansion)}' is an expansion that is not known")
                holes.append(
                    Hole(
                        len(self.text(start, expansion.start_byte)),
                        len(self.text(start, expansion.end_byte)),
                        variable,
                    )
                )
        return tuple(holes)

    def _check_substitutions(self, *nodes: _Node) -> None:
        """Every `$(`, `<(`, `>(` and backtick that can be seen must be one that the tree knows."""
        for node in nodes:
            if node.type in {"raw_string", "ansi_c_string"}:
                continue
            if node.type in _SUBSTITUTIONS:
                continue
            seen = _count_substitutions(self.of(node))
            known = sum(_count_substitutions(self.of(inside)) for inside in _substitution_nodes(node)) + sum(
                _count_substitutions(self.of(quoted)) for quoted in _raw_strings(node)
            )
            arithmetic = sum(1 for inside in _arithmetic_nodes(node) if self.of(inside).startswith("$(("))
            if seen != known + arithmetic:
                self.fault(f"'{self.of(node)[:60]}' holds a substitution that could not be read")

    def _substitutions(self, nodes: Sequence[_Node], depth: int) -> tuple[Statement, ...]:
        """The statements inside the substitutions below some nodes."""
        found: list[Statement] = []
        for node in nodes:
            for substitution in _substitution_nodes(node):
                found.extend(self._substituted(substitution, depth))
        return tuple(found)

    def _substituted(self, node: _Node, depth: int) -> tuple[Statement, ...]:
        if depth > DEEPEST:
            self.fault("it is nested too deeply")
            return ()
        source = self.of(node)
        if source.startswith("`") and "\\" in source:
            # Backslashes are taken off once before the text inside backticks is read.
            self.fault("backslashes stand inside backticks")
        children = node.children
        found: list[Statement] = []
        if len(children) == 3 and children[1].type in _REDIRECTS:
            # `$(< file)` reads the file.
            redirects, _, substituted = self._redirects([children[1]], depth)
            return (Simple(text=source, start=node.start_byte, redirects=redirects, inner=substituted),)
        at = children[0].end_byte if children else node.start_byte
        for child in children[1:-1]:
            self._check_gap(at, child.start_byte)
            at = child.end_byte
            found.extend(self.statement(child, depth + 1))
        if children:
            self._check_gap(at, children[-1].start_byte)
        if source.startswith(">("):
            return (Compound(text=source, start=node.start_byte, kind="process_output", body=tuple(found)),)
        return tuple(found)

    # Redirections

    def _redirects(
        self, nodes: Sequence[_Node], depth: int
    ) -> tuple[tuple[Redirect, ...], tuple[Word, ...], tuple[Statement, ...]]:
        """The redirections, the words that stand behind them and belong to the command, and what is substituted."""
        found: list[Redirect] = []
        stray: list[Word] = []
        inner: list[Statement] = []
        for node in nodes:
            match node.type:
                case "file_redirect":
                    redirect, more = self._file_redirect(node)
                    found.append(redirect)
                    stray.extend(more)
                    inner.extend(self._substitutions([node], depth))
                case "herestring_redirect":
                    found.append(self._herestring(node))
                    inner.extend(self._substitutions([node], depth))
                case _:
                    redirects, words, substituted = self._heredoc(node, depth)
                    found.extend(redirects)
                    stray.extend(words)
                    inner.extend(substituted)
        return tuple(found), tuple(stray), tuple(inner)

    def _file_redirect(self, node: _Node) -> tuple[Redirect, list[Word]]:
        operator = descriptor = ""
        words: list[Word] = []
        pieces = []
        for child in node.children:
            if child.is_error or child.is_missing:
                self.fault(f"the redirection '{self.of(node)}' cannot be read")
            elif child.type == "file_descriptor":
                descriptor = self.of(child)
            elif not child.is_named and not operator:
                operator = child.type
            else:
                pieces.append(child)
        at = node.start_byte
        for child in node.children:
            self._check_gap(at, child.start_byte, blank=True)
            at = child.end_byte
        groups = list(_adjacent(pieces, self.source))
        for group in groups:
            source = self.text(group[0].start_byte, group[-1].end_byte)
            words.extend(self._decoded(source, group[0].start_byte, group))
        target, rest = (words[0], words[1:]) if words else (None, [])
        if target is None and operator not in {"<&-", ">&-"}:
            self.fault(f"the redirection '{self.of(node)}' goes nowhere")
        return (
            Redirect(text=self.of(node), operator=operator, target=target, descriptor=descriptor),
            rest,
        )

    def _herestring(self, node: _Node) -> Redirect:
        pieces = [child for child in node.children if child.is_named and child.type != "file_descriptor"]
        words = [
            word
            for group in _adjacent(pieces, self.source)
            for word in self._decoded(self.text(group[0].start_byte, group[-1].end_byte), group[0].start_byte, group)
        ]
        if len(words) != 1 or any(child.is_error for child in node.children):
            self.fault(f"the here-string '{self.of(node)[:60]}' cannot be read")
        body = words[0].value + "\n" if words and not words[0].is_dynamic else None
        return Redirect(text=self.of(node), operator="<<<", target=words[0] if words else None, body=body)

    def _heredoc(self, node: _Node, depth: int) -> tuple[tuple[Redirect, ...], tuple[Word, ...], tuple[Statement, ...]]:
        parts: dict[str, _Node] = {child.type: child for child in node.children}
        others = [child for child in node.children if child.type in {"file_redirect", "herestring_redirect"}]
        redirects, stray, inner = self._redirects(others, depth)
        if any(child.is_error or child.is_missing for child in node.children):
            self.fault("a here-document cannot be read")
        loose = [child for child in node.children if child.type in _WORDS]
        words = [
            word
            for group in _adjacent(loose, self.source)
            for word in self._decoded(self.text(group[0].start_byte, group[-1].end_byte), group[0].start_byte, group)
        ]
        body = parts.get("heredoc_body")
        start = parts.get("heredoc_start")
        end = parts.get("heredoc_end")
        text: str | None = None
        if start is None or end is None:
            self.fault("a here-document has no end")
        else:
            text = self._heredoc_text(node, start, body, end)
        substituted = (*inner, *(self._substitutions([body], depth) if body is not None else ()))
        operator = "<<-" if "<<-" in parts else "<<"
        own = Redirect(text=f"{operator}{self.of(start) if start else ''}", operator=operator, target=None, body=text)
        return (own, *redirects), (*stray, *words), (*substituted, *self._substitutions(loose, depth))

    def _heredoc_text(self, node: _Node, start: _Node, body: _Node | None, end: _Node) -> str | None:
        """The document where it holds no expansions; and whether it ends where bash would end it."""
        written = self.of(start)
        is_quoted = any(mark in written for mark in "'\"\\")
        try:
            (delimiter,) = decode(written)
        except (Undecodable, ValueError):
            self.fault("the end mark of a here-document cannot be read")
            return None
        strips = any(child.type == "<<-" for child in node.children)
        line_end = self.source.find(b"\n", start.end_byte)
        lines: list[str] = []
        expected = line_end + 1
        while True:
            end_of_line = self.source.find(b"\n", expected)
            line = self.text(expected, end_of_line if end_of_line >= 0 else len(self.source))
            stripped = line.lstrip("\t") if strips else line
            if stripped == delimiter.value:
                break
            if end_of_line < 0:
                self.fault("a here-document has no end")
                return None
            lines.append(stripped)
            expected = end_of_line + 1
        actual = end.start_byte
        ahead = self.text(expected, actual)
        if line_end < 0 or actual < expected or ahead.strip("\t"):
            self.fault("a here-document ends elsewhere than it seems to")
            return None
        text = "".join(line + "\n" for line in lines)
        expansions = [] if body is None else list(_outermost_expansions(body))
        if is_quoted:
            if expansions:
                self.fault("a here-document is quoted, and read as if it were not")
            return text
        if body is not None:
            self._check_substitutions(body)
            for expansion in expansions:
                self._check_substitutions(expansion)
        if expansions or re.search(r"[`\\]|\$[\w({@*#?!$-]", text):
            return None
        return text

    def check_edges(self, root: _Node) -> None:
        """What stands before the first node and behind the last; whether reserved words and comments stand alone."""
        self._check_gap(0, root.start_byte)
        self._check_gap(root.end_byte, len(self.source))
        for node in _walk(root):
            if (
                not node.is_named
                and node.type in _STANDS_ALONE
                and node.parent
                and node.parent.type in _KEYWORD_PARENTS
            ):
                around = (
                    self.source[node.start_byte - 1 : node.start_byte],
                    self.source[node.end_byte : node.end_byte + 1],
                )
                if any(beside and beside not in b" \t\n;&|()<>" for beside in around):
                    self.fault(f"'{node.type}' is a part of a word to bash")
            elif node.type == "comment":
                before = self.source[: node.start_byte]
                while before.endswith(b"\\\n"):
                    before = before[:-2]
                if before and before[-1:] not in b" \t\n;&|()":
                    self.fault(f"'{self.of(node)[:40]}' is no comment to bash")

    def _check_gap(self, start: int, end: int, *, blank: bool = False) -> None:
        if end > start and not (_BLANK_GAP if blank else _GAP).match(self.text(start, end)):
            self.fault(f"'{self.text(start, end).strip()[:40]}' could not be read")


def _piped(text: str, start: int, stages: list[Statement], *, merges: bool) -> Statement:
    flat: list[Statement] = []
    for stage in stages:
        if isinstance(stage, Pipeline):
            flat.extend(stage.stages)
            merges = merges or stage.merges
        else:
            flat.append(stage)
    return flat[0] if len(flat) == 1 else Pipeline(text=text, start=start, stages=tuple(flat), merges=merges)


def _adjacent(nodes: Sequence[_Node], source: bytes) -> Iterator[list[_Node]]:
    """Nodes that touch, or that only a continued line parts, are one word to bash, whatever the tree makes of them."""
    group: list[_Node] = []
    for node in nodes:
        if group and source[group[-1].end_byte : node.start_byte].replace(b"\\\n", b""):
            yield group
            group = []
        group.append(node)
    if group:
        yield group


def _walk(node: _Node) -> Iterator[_Node]:
    stack = [node]
    while stack:
        current = stack.pop()
        yield current
        stack.extend(reversed(current.children))


def _outermost_expansions(node: _Node) -> Iterator[_Node]:
    stack = [node]
    while stack:
        current = stack.pop()
        if current.type in _EXPANSIONS:
            yield current
        else:
            stack.extend(reversed(current.children))


def _substitution_nodes(node: _Node) -> Iterator[_Node]:
    """The outermost command and process substitutions."""
    stack = [node]
    while stack:
        current = stack.pop()
        if current.type in _SUBSTITUTIONS:
            yield current
        else:
            stack.extend(reversed(current.children))


def _raw_strings(node: _Node) -> Iterator[_Node]:
    stack = [node]
    while stack:
        current = stack.pop()
        if current.type in {"raw_string", "ansi_c_string"}:
            yield current
        elif current.type not in _SUBSTITUTIONS:
            stack.extend(current.children)


def _arithmetic_nodes(node: _Node) -> Iterator[_Node]:
    stack = [node]
    while stack:
        current = stack.pop()
        if current.type == "arithmetic_expansion":
            yield current
        if current.type not in _SUBSTITUTIONS:
            stack.extend(current.children)


def _count_substitutions(text: str) -> int:
    return sum(1 for match in _SUBSTITUTION_START.finditer(text) if not match.group().startswith("\\"))


_QUOTED = Pattern(r"'[^']*'|\"(?:\\.|[^\"\\])*\"", re.DOTALL)


def _unquoted(source: str) -> str:
    return _QUOTED.sub("", source)
