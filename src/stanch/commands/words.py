"""Words decoded as bash decodes them: quotes, escapes, `$'...'`, braces; what is only known at run time is marked.

The order is bash's own (Bash Reference Manual, 3.5): braces, tilde, parameters, splitting, globs, quote removal.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise, product
from math import prod

from stanch.commands.characters import suspicious
from stanch.model.pattern import Pattern

_OPERATORS = frozenset(";&|<>()")
_NAME = Pattern(r"[A-Za-z_][A-Za-z0-9_]*")
_ASSIGNED_TILDE = Pattern(r"[A-Za-z_][A-Za-z0-9_]*=(?:.*:)?~")
_SAFE = Pattern(r"[A-Za-z0-9_./:=,@%+^-]+\Z")
_GLOB = Pattern(r"[*?]|\[[^\0]+.*\]", re.DOTALL)
_LITERAL_GLOB = Pattern(r"[A-Za-z][A-Za-z0-9+.-]*://|-|[A-Za-z_.-]+=")
_INTEGERS = Pattern(r"([+-]?\d+)\.\.([+-]?\d+)(?:\.\.([+-]?\d+))?")
_LETTERS = Pattern(r"([A-Za-z])\.\.([A-Za-z])(?:\.\.([+-]?\d+))?")
_MOST_WORDS = 64
_MOST_VALUES = 16

_ANSI_SINGLE = {
    "a": "\a", "b": "\b", "e": "\x1b", "E": "\x1b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v",
    "\\": "\\", "'": "'", '"': '"', "?": "?",
}  # fmt: skip
_ANSI_CODE = Pattern(r"x([0-9A-Fa-f]{1,2})|u([0-9A-Fa-f]{1,4})|U([0-9A-Fa-f]{1,8})|([0-7]{1,3})")


class Undecodable(ValueError):
    """The text is no word that can be decoded with certainty. The message says why."""


@dataclass(frozen=True, slots=True)
class Literal:
    """Text known beforehand."""

    text: str
    quoted: bool


@dataclass(frozen=True, slots=True)
class Unknown:
    """Text that is only known at run time. `variable` is set for a plain `$name` or `${name}`."""

    text: str
    quoted: bool
    variable: str | None = None


Segment = Literal | Unknown


@dataclass(frozen=True, slots=True)
class Hole:
    """A place in a word's source that the tree knows as an expansion, by offset into the source."""

    start: int
    end: int
    variable: str | None = None


@dataclass(frozen=True, kw_only=True)
class Word:
    """One word of a command. `value` is exact unless `is_dynamic`; then it shows the unknown parts as written."""

    text: str
    segments: tuple[Segment, ...]

    @cached_property
    def value(self) -> str:
        return "".join(segment.text for segment in self.segments)

    @cached_property
    def is_dynamic(self) -> bool:
        """Whether a part of it is only known at run time."""
        return any(isinstance(segment, Unknown) for segment in self.segments)

    @property
    def prefix(self) -> str:
        """What is known of its beginning."""
        known = ""
        for segment in self.segments:
            if isinstance(segment, Unknown):
                break
            known += segment.text
        return known

    @property
    def is_plain(self) -> bool:
        """Whether it was written without any quoting or expansion, as a reserved word must be."""
        return all(isinstance(segment, Literal) and not segment.quoted for segment in self.segments)

    @cached_property
    def has_glob(self) -> bool:
        """Whether bash would look for files that match. Words that no file is named like are left alone.

        `https://host/?full=1`, `--selector=a*` and `jsonpath={.items[*]}` match no file in practice, and are passed
        on as they are written.
        """
        unquoted = "".join(
            segment.text if isinstance(segment, Literal) and not segment.quoted else "]\0" for segment in self.segments
        )
        return bool(_GLOB.search(unquoted)) and not (not self.is_dynamic and _LITERAL_GLOB.match(self.value))

    @property
    def glob_leads(self) -> bool:
        """Whether the files it matches could be named like options."""
        if not self.has_glob:
            return False
        first = next((segment for segment in self.segments if segment.text), None)
        return isinstance(first, Literal) and not first.quoted and first.text[0] in "*?["

    @cached_property
    def has_tilde(self) -> bool:
        """Whether bash would put a home directory in."""
        if not self.segments:
            return False
        first = self.segments[0]
        if not isinstance(first, Literal) or first.quoted:
            return False
        unquoted = "".join(
            segment.text if isinstance(segment, Literal) and not segment.quoted else "\0" for segment in self.segments
        )
        return first.text.startswith("~") or bool(_ASSIGNED_TILDE.match(unquoted))

    @property
    def needs_shell(self) -> bool:
        return self.is_dynamic or self.has_glob or self.has_tilde


def plain(text: str) -> Word:
    """A word that says exactly `text`."""
    return Word(text=text, segments=(Literal(text, quoted=True),))


def decode(source: str, holes: Sequence[Hole] = ()) -> tuple[Word, ...]:
    """The words that one word of source becomes; braces may make it several.

    Raises:
        Undecodable: where the source has an operator, blank or expansion that `holes` does not account for.
    """
    if _SAFE.match(source):
        return (Word(text=source, segments=(Literal(source, quoted=False),)),)
    segments = _segments(source, {hole.start: hole for hole in holes})
    if not any(isinstance(segment, Literal) and not segment.quoted and "{" in segment.text for segment in segments):
        return (Word(text=source, segments=_joined(segments)),)
    pieces = _pieces(segments)
    if pieces.count("{") > _MOST_WORDS:
        raise Undecodable("there are more braces in it than can be followed")
    expanded = _braces(pieces)
    if len(expanded) > _MOST_WORDS:
        raise Undecodable("braces make more words than can be shown")
    # A brace alternative that is empty and unquoted makes no word at all.
    words = [_joined(tuple(pieces)) for pieces in expanded]
    return tuple(Word(text=source, segments=word) for word in words if word)


def substitute(
    word: Word, possible: Callable[[Unknown], tuple[tuple[str, ...], bool]]
) -> tuple[tuple[tuple[Word, ...], ...], bool]:
    """Every reading of `word`, where `possible` tells what each unknown part can be, and whether that is all.

    Each reading is the words it becomes: an unquoted value is split at blanks, and may vanish.
    """
    unknown = list(dict.fromkeys(segment for segment in word.segments if isinstance(segment, Unknown)))
    choices = [possible(segment) for segment in unknown]
    if prod(len(values) for values, _ in choices) > _MOST_VALUES:
        return (), False
    readings = tuple(
        _filled(word, dict(zip(unknown, choice, strict=True))) for choice in product(*(values for values, _ in choices))
    )
    return readings, all(certain for _, certain in choices)


def _filled(word: Word, values: dict[Unknown, str]) -> tuple[Word, ...]:
    words: list[list[Segment]] = [[]]
    for segment in word.segments:
        if isinstance(segment, Literal):
            words[-1].append(segment)
            continue
        value = values[segment]
        if segment.quoted:
            words[-1].append(Literal(value, quoted=True))
            continue
        for index, field in enumerate(re.split(r"[ \t\n]+", value)):
            if index:
                words.append([])
            if field:
                # What a variable holds is globbed, but its quotes, braces and tildes are plain characters.
                words[-1].append(Literal(field, quoted=not any(mark in field for mark in "*?[")))
    return tuple(Word(text=word.text, segments=_joined(tuple(segments))) for segments in words if segments)


def _segments(source: str, holes: dict[int, Hole]) -> tuple[Segment, ...]:  # noqa: C901, PLR0912, PLR0915 - a grammar has a branch for each rule
    found: list[Segment] = []
    index = 0
    in_double = False
    while index < len(source):
        hole = holes.get(index)
        if hole is not None:
            found.append(Unknown(source[hole.start : hole.end], in_double, hole.variable))
            index = hole.end
            continue
        character = source[index]
        if in_double:
            if character == '"':
                in_double = False
                index += 1
            elif character == "\\":
                following = source[index + 1 : index + 2]
                if not following:
                    raise Undecodable("it ends in the middle of a quoted text")
                if following == "\n":
                    pass
                elif following in '$`"\\':
                    found.append(Literal(following, quoted=True))
                else:
                    found.append(Literal("\\" + following, quoted=True))
                index += 2
            else:
                _refuse_expansion(source, index, in_double=True)
                found.append(Literal(character, quoted=True))
                index += 1
            continue
        if character == "'":
            end = source.find("'", index + 1)
            if end < 0:
                raise Undecodable("a quote is not closed")
            found.append(Literal(source[index + 1 : end], quoted=True))
            index = end + 1
        elif character == '"':
            in_double = True
            found.append(Literal("", quoted=True))
            index += 1
        elif character == "\\":
            following = source[index + 1 : index + 2]
            if not following:
                raise Undecodable("it ends in a backslash")
            if following != "\n":
                found.append(Literal(following, quoted=True))
            index += 2
        elif source.startswith("$'", index):
            text, index = _ansi_c(source, index + 2)
            if (why := suspicious(text)) is not None:
                raise Undecodable(why)
            found.append(Literal(text, quoted=True))
        elif character in " \t\n":
            raise Undecodable("there is a blank in the middle of a word")
        elif character in _OPERATORS:
            raise Undecodable(f"the operator '{character}' stands inside a word")
        elif character == "#" and index == 0:
            raise Undecodable("a comment begins where a word should")
        else:
            _refuse_expansion(source, index, in_double=False)
            found.append(Literal(character, quoted=False))
            index += 1
    if in_double:
        raise Undecodable("a quote is not closed")
    return tuple(found)


def _refuse_expansion(source: str, index: int, *, in_double: bool) -> None:
    character = source[index]
    if character == "`":
        raise Undecodable("a backtick stands where no command substitution was found")
    if character == "$" and index + 1 < len(source):
        following = source[index + 1]
        if following.isalnum() or following in "_{([@*#?!$-" or (following == '"' and not in_double):
            raise Undecodable(f"'${following}' stands where no expansion was found")


def _ansi_c(source: str, index: int) -> tuple[str, int]:
    """Decode from after `$'` to the closing quote (Bash Reference Manual, 3.1.2.4)."""
    text = ""
    while index < len(source):
        character = source[index]
        if character == "'":
            return text, index + 1
        if character != "\\":
            text += character
            index += 1
            continue
        following = source[index + 1 : index + 2]
        if following in _ANSI_SINGLE and following:
            text += _ANSI_SINGLE[following]
            index += 2
        elif code := _ANSI_CODE.match(source, index + 1):
            text += _ansi_code(code)
            index = code.end()
        elif following == "c":
            raise Undecodable("a control character is written into it")
        else:
            text += "\\" + following
            index += 1 + len(following)
    raise Undecodable("a quote is not closed")


def _ansi_code(code: re.Match[str]) -> str:
    byte, short, long, octal = code.groups()
    if short is not None or long is not None:
        number = int(short or long, 16)
    else:
        number = int(byte, 16) if byte is not None else int(octal, 8) & 0xFF
        if number > 0x7F:
            raise Undecodable("bytes that are no ASCII are written into it")
    if number == 0 or number > 0x10FFFF or 0xD800 <= number <= 0xDFFF:
        raise Undecodable("a character that cannot be is written into it")
    return chr(number)


def _joined(segments: Sequence[Segment]) -> tuple[Segment, ...]:
    """Neighbouring literals of one kind as one; an empty quoted one stays where it is all there is."""
    joined: list[Segment] = []
    for segment in segments:
        last = joined[-1] if joined else None
        if isinstance(segment, Literal) and isinstance(last, Literal) and last.quoted == segment.quoted:
            joined[-1] = Literal(last.text + segment.text, segment.quoted)
        else:
            joined.append(segment)
    return tuple(joined)


_Piece = Segment | str
"""An unquoted character stands for itself as a string; everything else is one piece that braces do not look into."""


def _pieces(segments: Sequence[Segment]) -> list[_Piece]:
    pieces: list[_Piece] = []
    for segment in segments:
        if isinstance(segment, Literal) and not segment.quoted:
            pieces.extend(segment.text)
        else:
            pieces.append(segment)
    return pieces


def _braces(pieces: list[_Piece]) -> list[list[Segment]]:
    """Brace expansion: the first opening brace that has a partner and a comma or a range, then the rest."""
    for start, piece in enumerate(pieces):
        if piece != "{":
            continue
        end, commas = _partner(pieces, start)
        if end is None:
            continue
        inner = pieces[start + 1 : end]
        if commas:
            bounds = [start, *commas, end]
            alternatives = [pieces[left + 1 : right] for left, right in pairwise(bounds)]
            middles = [expanded for alternative in alternatives for expanded in _braces(alternative)]
        else:
            sequence = _sequence(inner)
            if sequence is None:
                continue
            middles = [[Literal(text, quoted=False)] if text else [] for text in sequence]
        before = [_segment(piece) for piece in pieces[:start]]
        tails = _braces(pieces[end + 1 :])
        if len(middles) * len(tails) > _MOST_WORDS:
            raise Undecodable("braces make more words than can be shown")
        return [[*before, *middle, *tail] for middle in middles for tail in tails]
    return [[_segment(piece) for piece in pieces]]


def _partner(pieces: list[_Piece], start: int) -> tuple[int | None, list[int]]:
    depth = 0
    commas: list[int] = []
    for index in range(start, len(pieces)):
        piece = pieces[index]
        if piece == "{":
            depth += 1
        elif piece == "}":
            depth -= 1
            if depth == 0:
                return index, commas
        elif piece == "," and depth == 1:
            commas.append(index)
    return None, []


def _sequence(inner: list[_Piece]) -> list[str] | None:
    if not all(isinstance(piece, str) for piece in inner):
        return None
    text = "".join(piece for piece in inner if isinstance(piece, str))
    if match := _INTEGERS.fullmatch(text):
        first, last, step = match.groups()
        return _numbers(first, last, step)
    if match := _LETTERS.fullmatch(text):
        first, last, step = match.groups()
        if first.isupper() != last.isupper():
            raise Undecodable("a range of letters runs through punctuation")
        return [chr(code) for code in _range(ord(first), ord(last), step)]
    return None


def _numbers(first: str, last: str, step: str | None) -> list[str]:
    width = 0
    if any(re.match(r"[+-]?0\d", bound) for bound in (first, last)):
        width = max(len(first.lstrip("+")), len(last.lstrip("+")))
    return [f"{number:0{width}d}" if width else str(number) for number in _range(int(first), int(last), step)]


def _range(first: int, last: int, step: str | None) -> range:
    stride = abs(int(step)) if step and int(step) else 1
    if abs(last - first) // stride >= _MOST_WORDS:
        raise Undecodable("braces make more words than can be shown")
    return range(first, last + 1, stride) if first <= last else range(first, last - 1, -stride)


def _segment(piece: _Piece) -> Segment:
    return Literal(piece, quoted=False) if isinstance(piece, str) else piece
