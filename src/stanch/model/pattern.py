r"""Regular expressions that cost nothing until a text could match them.

A reader of playbooks knows hundreds of wordings and meets few in a document; compiling them all is a third of the time
that `stanch check` takes from a cold start. A `Pattern` waits: it first looks, by plain substring search, for the
literals that each of its alternatives cannot do without, and is compiled when one of them stands in a text.
"""

import re
from collections.abc import Callable, Iterator

_PIECE = re.compile(
    r"[\w\s\-'\"/@:#<>=&%!,;~`]+(?![?*+{])"
    r"|\(\?(?:P<\w+>|:|<?[=!]|P=\w+\)|#[^)]*\))|\(\??|[|)]"
    r"|\[\^?\]?(?:\\.|[^\]\\])*\]|\{\d*,?\d*\}"
    r"|\\(?:u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|x[0-9a-fA-F]{2}|N\{[^}]*\}|\d{1,3}|.)|[\s\S]",
    re.DOTALL,
)
"""The pieces of an expression: literals in a row, without a last one that a quantifier is for; opening brackets; bars
and closing brackets; anything else, of which only quantifiers matter."""
_IGNORECASE = int(re.IGNORECASE)
_VERBOSE = int(re.VERBOSE)
_OPTIONAL = ("?", "*", "{")
_EQUAL_TO_ASCII = "\u0130\u0131\u017f"
"""Letters that equal an i or an s where case is ignored, and whose lower case is neither."""
_SPECIAL = frozenset(".^$?*+\\[{")
_ENDS = frozenset({"|", ")", ""})
_AROUND = ("(?=", "(?!", "(?<=", "(?<!")


class _UnknownSyntaxError(Exception):
    """Inline flags, conditions: expressions of which nothing is said."""


class Pattern:
    """A regular expression with the methods of `re.Pattern`, compiled at the first text that could match it.

    What is found is the same as with `re.compile(text, flags)`; an expression that is malformed raises `re.error` at
    the first such text, which a test of every module asks for.
    """

    __slots__ = ("_compiled", "_ignores_case", "_needed", "flags", "text")

    def __init__(self, text: str, flags: re.RegexFlag | int = 0) -> None:
        self.text = text
        self.flags = int(flags)
        self._ignores_case = bool(self.flags & _IGNORECASE)
        self._compiled: re.Pattern[str] | None = None
        self._needed: tuple[str, ...] | None = None

    def __repr__(self) -> str:
        return f"Pattern({self.text!r}, {self.flags})"

    @property
    def compiled(self) -> re.Pattern[str]:
        if self._compiled is None:
            self._compiled = re.compile(self.text, self.flags)
        return self._compiled

    @property
    def is_compiled(self) -> bool:
        """Whether a text has been met that could match it."""
        return self._compiled is not None

    def could_match(self, subject: str) -> bool:
        """Whether a text holds one of the literals that a match needs; True where none is known to be needed."""
        if self._needed is None:
            self._needed = needed(self.text, self.flags)
        if not self._needed:
            return True
        if self._ignores_case:
            if not subject.isascii() and any(letter in subject for letter in _EQUAL_TO_ASCII):
                return True
            subject = subject.lower()
        for literal in self._needed:  # noqa: SIM110 - a generator would take longer than the search
            if literal in subject:
                return True
        return False

    def _for(self, subject: str) -> re.Pattern[str] | None:
        return self._compiled or (self.compiled if self.could_match(subject) else None)

    def search(self, subject: str, start: int = 0) -> re.Match[str] | None:
        compiled = self._for(subject)
        return compiled.search(subject, start) if compiled else None

    def match(self, subject: str, start: int = 0) -> re.Match[str] | None:
        compiled = self._for(subject)
        return compiled.match(subject, start) if compiled else None

    def fullmatch(self, subject: str) -> re.Match[str] | None:
        compiled = self._for(subject)
        return compiled.fullmatch(subject) if compiled else None

    def finditer(self, subject: str, start: int = 0) -> Iterator[re.Match[str]]:
        compiled = self._for(subject)
        return compiled.finditer(subject, start) if compiled else iter(())

    def findall(self, subject: str) -> list[str]:
        """As `re.Pattern.findall` of an expression with one group at most."""
        compiled = self._for(subject)
        return compiled.findall(subject) if compiled else []

    def sub(self, replacement: str | Callable[[re.Match[str]], str], subject: str, count: int = 0) -> str:
        compiled = self._for(subject)
        return compiled.sub(replacement, subject, count=count) if compiled else subject

    def split(self, subject: str, maxsplit: int = 0) -> list[str]:
        """As `re.Pattern.split` of an expression without groups that may be empty."""
        compiled = self._for(subject)
        return list(compiled.split(subject, maxsplit=maxsplit)) if compiled else [subject]

    def inside(self, subject: str) -> bool:
        """Whether it stands anywhere in a text."""
        return self.search(subject) is not None


def needed(text: str, flags: int = 0) -> tuple[str, ...]:
    """Literals of which each match of an expression holds one, in lower case where case is ignored; () if unknown."""
    if flags & _VERBOSE:
        return ()
    pieces = _PIECE.findall(text)
    pieces.append("")
    try:
        found, _ = _alternatives(pieces, 0)
    except _UnknownSyntaxError:
        return ()
    if not flags & _IGNORECASE:
        return tuple(sorted(found))
    return tuple(sorted({literal.lower() for literal in found})) if all(map(str.isascii, found)) else ()


def _alternatives(pieces: list[str], at: int) -> tuple[list[str], int]:
    """The literals of an expression up to its closing bracket or its end, empty where none is known; and that place."""
    found: list[str] = []
    known = True
    while True:
        one, at = _sequence(pieces, at)
        if known and one:
            found += one
        else:
            known = False
        if pieces[at] != "|":
            return (found if known else []), at
        at += 1


def _sequence(pieces: list[str], at: int) -> tuple[list[str], int]:
    """The best that one alternative needs: its longest literal, or a group of which every alternative has one."""
    best: list[str] = []
    length = 0
    while (piece := pieces[at]) not in _ENDS:
        at += 1
        first = piece[0]
        if first == "(":
            inner, at = _group(piece, pieces, at)
            if inner and (shortest := min(map(len, inner))) > length and not pieces[at].startswith(_OPTIONAL):
                best, length = inner, shortest
        elif len(piece) >= length and first not in _SPECIAL and not pieces[at].startswith(_OPTIONAL):
            best, length = [piece], len(piece)
    return best, at


def _group(opening: str, pieces: list[str], at: int) -> tuple[list[str], int]:
    """What a group needs, and the place behind it; what stands around a match is no part of it."""
    if opening == "(?":
        raise _UnknownSyntaxError
    if opening.endswith(")"):
        return [], at
    inner, at = _alternatives(pieces, at)
    return ([] if opening in _AROUND else inner), at + 1
