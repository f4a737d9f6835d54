"""PostgreSQL's lexical structure (manual, chapter 4.1): enough to take every literal and comment out of a statement.

What is left is identifiers, operators and parameters: it can be shown, stored, compared and planned, since it holds
no value of anybody's and cannot be more than one statement.
"""

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from stanch.model.record import record


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# A number inside these parentheses is part of a type, and nobody's value.
_SIZED_TYPES = _words(
    """
    bit bpchar char character decimal dec float interval nchar numeric time timestamp timestamptz timetz varbit
    varchar varying
    """
)
# `type 'literal'` is a cast; `type $1` is what pg_stat_statements makes of it, and no SQL.
_PREFIX_TYPES = _words(
    """
    bool boolean box bytea cidr circle date daterange float4 float8 inet int int2 int4 int8 int4range int8range
    interval json jsonb jsonpath line lseg macaddr macaddr8 money name numeric numrange oid path pg_lsn point
    polygon regclass regproc regtype text time timestamp timestamptz timetz tsquery tsrange tstzrange tsvector
    uuid varbit varchar xml
    """
)
_INTERVAL_UNITS = _words("year month day hour minute second to")
_WITH_ZONE, _WITHOUT_ZONE = ["with", "time", "zone"], ["without", "time", "zone"]
_ORDINAL_ENDS = _words("limit offset fetch for having window union intersect except rows range groups")


def folded(name: str) -> str:
    """An unquoted name as PostgreSQL folds it: ASCII letters alone."""
    return name.lower() if name.isascii() else "".join(c.lower() if c.isascii() else c for c in name)


class Kind(StrEnum):
    WORD = "word"
    QUOTED = "quoted"
    PARAMETER = "parameter"
    STRING = "string"
    NUMBER = "number"
    OPERATOR = "operator"
    PUNCTUATION = "punctuation"
    SPACE = "space"
    COMMENT = "comment"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Token:
    kind: Kind
    text: str

    @property
    def word(self) -> str:
        """The keyword or unquoted name as PostgreSQL folds it; empty for everything else."""
        return folded(self.text) if self.kind is Kind.WORD else ""


_TOKEN = re.compile(
    r"""
    (?P<space>[ \t\n\r\f\v]+)
  | (?P<line>--[^\n\r]*)
  | (?P<block>/\*)
  | (?P<escaped>[eE]'(?:[^'\\]|\\.|'')*(?:'|\Z))
  | (?P<string>(?:[uU]&|[bBxXnN])?'(?:[^']|'')*(?:'|\Z))
  | (?P<quoted>(?:[uU]&)?"(?:[^"]|"")*(?:"|\Z))
  | (?P<parameter>\$[0-9]+)
  | (?P<dollar>\$(?:[A-Za-z_\u0080-\U0010ffff][A-Za-z0-9_\u0080-\U0010ffff]*)?\$)
  | (?P<number>0[xX](?:_?[0-9a-fA-F])+|0[oO](?:_?[0-7])+|0[bB](?:_?[01])+
      |(?:[0-9](?:_?[0-9])*(?:\.(?!\.)(?:[0-9](?:_?[0-9])*)?)?|\.[0-9](?:_?[0-9])*)(?:[eE][+-]?[0-9](?:_?[0-9])*)?)
  | (?P<word>[A-Za-z_\u0080-\U0010ffff][A-Za-z0-9_$\u0080-\U0010ffff]*)
  | (?P<operator>::|:=|=>|[-+*/<>=~!@\#%^&|`?]+)
  | (?P<punctuation>[(),;.:\[\]])
    """,
    re.VERBOSE | re.DOTALL,
)
_COMMENT_EDGE = re.compile(r"/\*|\*/")


def tokens(text: str) -> Iterator[Token]:
    """The tokens of `text`; their texts joined are `text` again. What ends in the middle is `BROKEN`."""
    position = 0
    while position < len(text):
        found = _TOKEN.match(text, position)
        if found is None:
            yield Token(Kind.BROKEN, text[position])
            position += 1
            continue
        kind, end = _kind(text, found)
        if kind is Kind.OPERATOR:
            end = _operator_end(text, position, end)
        yield Token(kind, text[position:end])
        position = end


def _kind(text: str, found: re.Match[str]) -> tuple[Kind, int]:
    end = found.end()
    matched = found.group()
    match found.lastgroup:
        case "space":
            return Kind.SPACE, end
        case "line":
            return Kind.COMMENT, end
        case "block":
            close = _comment_end(text, found.start())
            return (Kind.BROKEN, len(text)) if close is None else (Kind.COMMENT, close)
        case "escaped" | "string":
            return (Kind.STRING if _is_closed(matched, "'") else Kind.BROKEN), end
        case "quoted":
            return (Kind.QUOTED if _is_closed(matched, '"') else Kind.BROKEN), end
        case "dollar":
            close = text.find(matched, end)
            return (Kind.BROKEN, len(text)) if close < 0 else (Kind.STRING, close + len(matched))
        case "parameter":
            return Kind.PARAMETER, end
        case "number":
            return Kind.NUMBER, end
        case "word":
            return Kind.WORD, end
        case "operator":
            return Kind.OPERATOR, end
        case _:
            return Kind.PUNCTUATION, end


def _is_closed(matched: str, quote: str) -> bool:
    """Whether the last quote closes and is not the second half of a doubled or escaped one."""
    body = matched[matched.index(quote) + 1 :]
    if not body.endswith(quote):
        return False
    body = body[:-1]
    if matched[0] in "eE":
        body = re.sub(r"\\.", "", body, flags=re.DOTALL)
        if body.endswith("\\"):
            return False
    return body.replace(quote * 2, "").count(quote) == 0


def _comment_end(text: str, start: int) -> int | None:
    """Block comments nest."""
    depth = 0
    for edge in _COMMENT_EDGE.finditer(text, start):
        depth += 1 if edge.group() == "/*" else -1
        if depth == 0:
            return edge.end()
    return None


def _operator_end(text: str, start: int, end: int) -> int:
    """An operator ends where a comment begins, and does not end in + or - unless it holds a special character."""
    for mark in ("--", "/*"):
        at = text.find(mark, start + 1, end)
        if at > 0:
            end = min(end, at)
    operator = text[start:end]
    if len(operator) > 1 and operator[-1] in "+-" and not set(operator) & set("~!@#%^&|`?"):
        end = start + max(1, len(operator.rstrip("+-")))
    return end


@record
class Normalised:
    """A statement without literals and comments: every value is a parameter, numbered from 1 as they appear.

    `tokens` are its parts, single spaces between them. `key` is the same for statements that differ in their
    values, the length of their IN lists, spacing and case alone.
    """

    tokens: tuple[Token, ...]
    parameters: int
    key: str

    @property
    def text(self) -> str:
        return "".join(token.text for token in self.tokens)


@record
class Unreadable:
    """A text that is no whole, single statement, and why."""

    because: str


def normalise(text: str) -> Normalised | Unreadable:
    """Take literals and comments out of `text`; repair what pg_stat_statements' own normalisation breaks.

    `interval $1` becomes `CAST($1 AS interval)`, `EXTRACT($1 FROM x)` becomes `EXTRACT(epoch FROM x)`.
    """
    seen = [token for token in tokens(text) if token.kind not in {Kind.SPACE, Kind.COMMENT}]
    while seen and seen[-1].text == ";":
        seen.pop()
    if not seen:
        return Unreadable(because="it is empty")
    if any(token.kind is Kind.BROKEN for token in seen):
        return Unreadable(because="its text is cut off or not SQL")
    if any(token.text == ";" for token in seen):
        return Unreadable(because="it is several statements in one text")
    return _made(_repaired(_without_values(seen)))


def for_planning(statement: Normalised, rows: int) -> Normalised:
    """The statement as it is planned: `LIMIT $n` is `rows`, `OFFSET $n` is 0, and FOR UPDATE is left out.

    A LIMIT that is a parameter is costed at a tenth of the table, and planning FOR UPDATE takes a lock of its own.
    """
    parts: list[Token] = []
    seen = [token for token in statement.tokens if token.kind is not Kind.SPACE]
    position = 0
    while position < len(seen):
        token = seen[position]
        locking = _locking_end(seen, position)
        if locking is not None:
            position = locking
            continue
        before = parts[-1].word if parts else ""
        is_bound = token.kind is Kind.PARAMETER and (position + 1 == len(seen) or seen[position + 1].text != "::")
        if is_bound and before in {"limit", "first", "next"}:
            parts.append(Token(Kind.NUMBER, str(max(1, rows))))
        elif is_bound and before == "offset":
            parts.append(Token(Kind.NUMBER, "0"))
        else:
            parts.append(token)
        position += 1
    return _made(parts)


def _locking_end(seen: Sequence[Token], position: int) -> int | None:
    """Where the clause `FOR [NO KEY] UPDATE | [KEY] SHARE [OF names] [NOWAIT | SKIP LOCKED]` ends, if one begins."""
    words = [token.word for token in seen[position : position + 4]]
    if words[:1] != ["for"]:
        return None
    for form in (["update"], ["share"], ["no", "key", "update"], ["key", "share"]):
        if words[1 : 1 + len(form)] == form:
            end = position + 1 + len(form)
            break
    else:
        return None
    if end < len(seen) and seen[end].word == "of":
        end += 1
        while end < len(seen) and seen[end].word not in {"nowait", "skip", "limit", "offset", "fetch", "for"}:
            if seen[end].text == ")":
                break
            end += 1
    if end < len(seen) and seen[end].word == "nowait":
        return end + 1
    return end + 2 if end < len(seen) and seen[end].word == "skip" else end


def _made(parts: Sequence[Token]) -> Normalised:
    renumbered, parameters = _renumbered(parts)
    return Normalised(tokens=tuple(_spaced(renumbered)), parameters=parameters, key=_key(renumbered))


def _without_values(seen: Sequence[Token]) -> list[Token]:
    """Literals as parameters of names of their own (`$@17`); numbers that are positions or sizes stay."""
    parts: list[Token] = []
    ordinals = _Ordinals()
    for position, token in enumerate(seen):
        ordinals.see(token)
        if token.kind is Kind.STRING and position and seen[position - 1].kind is Kind.STRING:
            continue  # strings on several lines are one
        is_value = token.kind is Kind.STRING or (
            token.kind is Kind.NUMBER and not _is_type_size(seen, position) and not ordinals.at(seen, position)
        )
        parts.append(Token(Kind.PARAMETER, f"$@{position}") if is_value else token)
    return parts


def _repaired(seen: Sequence[Token]) -> list[Token]:
    parts: list[Token] = []
    skip_units = False
    for position, token in enumerate(seen):
        if skip_units and token.word in _INTERVAL_UNITS:
            continue
        skip_units = False
        before = parts[-1].word if parts else ""
        following = seen[position + 1].word if position + 1 < len(seen) else ""
        if token.kind is not Kind.PARAMETER:
            parts.append(token)
        elif following == "from" and len(parts) >= 2 and (parts[-2].word, parts[-1].text) == ("extract", "("):
            parts.append(Token(Kind.WORD, "epoch"))
        elif before in {"escape", "uescape"}:
            parts.pop()  # which character escapes decides nothing that matters here
        elif kind := _type_at_end(parts):
            del parts[-len(kind) :]
            parts += [Token(Kind.WORD, "CAST"), Token(Kind.PUNCTUATION, "("), token, Token(Kind.WORD, "AS")]
            parts += [*kind, Token(Kind.PUNCTUATION, ")")]
            skip_units = before == "interval"
        else:
            parts.append(token)
    return parts


def _renumbered(parts: Sequence[Token]) -> tuple[list[Token], int]:
    """Parameters numbered densely: PREPARE asks for the type of every number below the highest."""
    order: dict[str, str] = {}
    renumbered = [
        Token(Kind.PARAMETER, order.setdefault(part.text, f"${len(order) + 1}"))
        if part.kind is Kind.PARAMETER
        else part
        for part in parts
    ]
    return renumbered, len(order)


def _type_at_end(parts: Sequence[Token]) -> list[Token]:
    """The words of a type name right before a value: `date`, `interval`, `timestamp with time zone`."""
    words = [part.word for part in parts[-4:]]
    if len(words) == 4 and words[0] in {"time", "timestamp"} and words[1:] in (_WITH_ZONE, _WITHOUT_ZONE):
        return list(parts[-4:])
    return [parts[-1]] if words and words[-1] in _PREFIX_TYPES else []


def _is_type_size(seen: Sequence[Token], position: int) -> bool:
    """`numeric(10, 2)`, `varchar(20)`: a number in the parentheses of a type."""
    back = position - 1
    while back >= 0 and (seen[back].kind is Kind.NUMBER or seen[back].text == ","):
        back -= 1
    return back >= 1 and seen[back].text == "(" and seen[back - 1].word in _SIZED_TYPES


class _Ordinals:
    """Tells `ORDER BY 1, 2` and `GROUP BY 1`, whose numbers are positions, from values."""

    def __init__(self) -> None:
        self._depth = 0
        self._inside: list[int] = []
        self._last = ""

    def see(self, token: Token) -> None:
        if token.text in {"(", "["}:
            self._depth += 1
        elif token.text in {")", "]"}:
            self._depth -= 1
            while self._inside and self._inside[-1] > self._depth:
                self._inside.pop()
        elif token.word == "by" and self._last in {"order", "group"}:
            self._inside.append(self._depth)
        elif token.word in _ORDINAL_ENDS and self._inside and self._inside[-1] == self._depth:
            self._inside.pop()
        self._last = token.word

    def at(self, seen: Sequence[Token], position: int) -> bool:
        if not self._inside or self._inside[-1] != self._depth or not seen[position].text.isdigit():
            return False
        before = seen[position - 1]
        after = seen[position + 1] if position + 1 < len(seen) else None
        ends = after is None or after.text in {",", ")"} or after.kind is Kind.WORD
        return (before.word == "by" or before.text == ",") and ends


def _spaced(parts: Sequence[Token]) -> Iterator[Token]:
    """Single spaces where they are needed or read well."""
    space = Token(Kind.SPACE, " ")
    previous: Token | None = None
    for part in parts:
        if previous is not None and not _sticks(previous, part):
            yield space
        yield part
        previous = part


def _sticks(left: Token, right: Token) -> bool:
    if right.text in {",", ")", "]", ".", "::"} or left.text in {"(", "[", ".", "::"}:
        return True
    if right.text == "[":
        return True
    return right.text == "(" and left.kind in {Kind.WORD, Kind.QUOTED} and left.word not in _BEFORE_A_PARENTHESIS


_BEFORE_A_PARENTHESIS = _words(
    """
    select distinct all where and or not on when then else case in like ilike between limit offset values set
    returning having by from is any some similar to using symmetric as join exists intersect except union into
    lateral
    """
)


def _key(parts: Sequence[Token]) -> str:
    """A digest of the statement's shape, lists of parameters counted as one."""
    shape: list[str] = []
    for part in parts:
        text = "$" if part.kind is Kind.PARAMETER else part.word or part.text
        if text == "$" and shape[-2:] == ["$", ","]:
            shape.pop()
            continue
        shape.append(text)
    return hashlib.sha256(" ".join(shape).encode()).hexdigest()[:16]
