"""A Markdown document as a tree of sections and blocks, every line with its place in the file.

Blocks come from markdown-it-py (CommonMark plus tables); inline marks are taken off line by line, so that every
piece of text can still say which column it stands in. People's habits are read as what they mean: a line that is
only bold is a heading, a fence that is never closed ends before the next heading, an HTML table is a table.
"""

import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import assert_never

from markdown_it import MarkdownIt
from markdown_it.token import Token

from stanch.model.pattern import Pattern
from stanch.model.problem import Level, Problem, Source
from stanch.model.record import record

MAX_BYTES = 16_000_000
"""Above this a document is refused with a problem; the rest of the plan still loads."""

MAX_LINES = 50_000
"""Lines that are read; those after them are left out, with a problem."""

_MAX_LINE = 20_000
"""Characters of a line that are read; a longer one is data."""


@record
class Line:
    """A line of text as written, without list markers. `column` is where `text` begins, 1-based."""

    number: int
    column: int
    text: str

    @property
    def plain(self) -> str:
        """The text without Markdown's marks, entities resolved."""
        return plain(self.text)

    def column_of(self, index: int) -> int:
        """The column in the file of the character that stands at `index` of `plain`."""
        return self.column + _offsets(self.text)[index]


@record
class Heading:
    """`level` is 1 to 6 as written; a line that is only bold counts on from 7, by the form of its numbering."""

    level: int
    line: Line
    title: str


@record
class Paragraph:
    lines: tuple[Line, ...]


@record
class Item:
    """One entry of a list. `number` is as written in an ordered list; `checked` is None where there is no box."""

    line: Line
    number: int | None
    checked: bool | None
    blocks: tuple["Block", ...]

    @property
    def lines(self) -> tuple[Line, ...]:
        """The item's own text: its first paragraph."""
        first = self.blocks[0] if self.blocks else None
        return first.lines if isinstance(first, Paragraph) else ()

    @property
    def text(self) -> str:
        return " ".join(line.plain.strip() for line in self.lines)

    @property
    def nested(self) -> tuple["Block", ...]:
        """What stands below the item's own text."""
        return self.blocks[1:] if self.lines else self.blocks


@record
class Items:
    ordered: bool
    items: tuple[Item, ...]


@record
class Code:
    """A fence or an indented block. `first` is the file's line of `lines[0]`, `column` where its text begins."""

    info: str
    lines: tuple[str, ...]
    first: int
    column: int
    closed: bool = True

    @property
    def language(self) -> str:
        """The first word of the info string, lower case."""
        return self.info.split()[0].lower().strip("{}.") if self.info.split() else ""

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


@record
class Table:
    header: tuple[Line, ...]
    rows: tuple[tuple[Line, ...], ...]


@record
class Quote:
    blocks: tuple["Block", ...]


@record
class Html:
    lines: tuple[Line, ...]


Block = Heading | Paragraph | Items | Code | Table | Quote | Html


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Section:
    """A heading with what stands under it. `trail` holds the titles above it, outermost first."""

    heading: Heading | None
    trail: tuple[str, ...]
    blocks: tuple[Block, ...]
    sections: tuple["Section", ...]

    @property
    def title(self) -> str:
        return self.heading.title if self.heading else ""

    def walk(self) -> Iterator["Section"]:
        """The section and all below it, in document order."""
        yield self
        for section in self.sections:
            yield from section.walk()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Document:
    """A document as read. `front` holds the scalar fields of its front matter."""

    path: str
    text: str
    lines: tuple[str, ...]
    root: Section
    front: dict[str, str] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """The front matter's title, else the first heading, else the file's name."""
        if "title" in self.front:
            return self.front["title"]
        headings = (section.title for section in self.root.walk() if section.heading)
        return next(headings, self.path.rsplit("/", 1)[-1])

    def source(self, line: Line, index: int = 0) -> Source:
        """The place of `line.plain[index]`."""
        text = self.lines[line.number - 1]
        column = min(line.column_of(index) if index else line.column, len(text) + 1)
        return Source(path=self.path, line=line.number, column=column, text=text)

    def source_at(self, number: int, column: int = 1) -> Source:
        return Source(path=self.path, line=number, column=column, text=self.lines[number - 1])


# --- inline ----------------------------------------------------------------------------------------------------

_TAGS = "b|i|u|em|strong|br|code|kbd|sub|sup|span|p|div|a|small|mark|font|li|ul|ol"
_INLINE = Pattern(
    rf"""
    \\(?P<escaped>[!-/:-@\[-`{{-~])
  | (?P<ticks>`+)(?P<code>.+?)(?<!`)(?P=ticks)(?!`)
  | !?\[(?P<label>[^\]\[]*)\]\((?:[^()\s]|\([^()\s]*\))*(?:\s+"[^"]*")?\)
  | (?P<tag></?(?:{_TAGS})(?:\s[^<>]*)?/?>)
  | (?P<entity>&(?:[A-Za-z]{{2,31}}|\#\d{{1,7}}|\#[xX][0-9A-Fa-f]{{1,6}});)
  | ~~(?P<struck>[^~]+)~~
  | (?P<mark>\*{{1,3}}(?=\S)|(?<=\S)\*{{1,3}}|(?<!\w)_{{1,3}}(?=\S)|(?<=\S)_{{1,3}}(?!\w))
    """,
    re.VERBOSE,
)
_SPECIAL = Pattern(r"[\\`\[<&~*_]")


def _strip(text: str) -> tuple[str, list[int]]:
    """The plain text, and for each of its characters the offset in `text` it comes from."""
    out: list[str] = []
    offsets: list[int] = []

    def keep(start: int, end: int) -> None:
        out.append(text[start:end])
        offsets.extend(range(start, end))

    at = 0
    for match in _INLINE.finditer(text):
        keep(at, match.start())
        at = match.end()
        if match["escaped"]:
            keep(match.start("escaped"), match.end("escaped"))
        elif match["code"]:
            keep(match.start("code"), match.end("code"))
        elif match["label"] is not None:
            inner, inner_offsets = _strip(match["label"])
            out.append(inner)
            offsets.extend(match.start("label") + offset for offset in inner_offsets)
        elif match["entity"]:
            character = html.unescape(match["entity"])
            out.append(character)
            offsets.extend([match.start()] * len(character))
    keep(at, len(text))
    return "".join(out), offsets


@lru_cache(maxsize=65536)
def plain(text: str) -> str:
    """A line's text without Markdown's marks."""
    return _strip(text)[0] if _SPECIAL.search(text) else text


@lru_cache(maxsize=512)
def _offsets(text: str) -> Sequence[int]:
    if not _SPECIAL.search(text):
        return range(len(text) + 1)
    _, offsets = _strip(text)
    return [*offsets, len(text)]


# --- bytes to text ----------------------------------------------------------------------------------------------

_FRONT = Pattern(
    r"\A---[ \t]*\n(?P<body>(?:(?!---[ \t]*$|\.\.\.[ \t]*$).*\n){0,200})(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.MULTILINE
)
_FIELD = Pattern(r"^(?P<key>[A-Za-z][\w -]*):[ \t]+(?P<value>.*\S)[ \t]*$", re.MULTILINE)


def _decode(path: str, raw: bytes) -> tuple[str, tuple[Problem, ...]]:
    if len(raw) > MAX_BYTES:
        return "", (
            Problem(
                code="document-too-large",
                level=Level.ERROR,
                message=f"{path} is {len(raw) / 1e6:.0f} MB; a playbook is read up to {MAX_BYTES / 1e6:.0f} MB.",
                hint="Split it, or check that the path is the playbook and not an export or a log.",
                source=Source(path=path, line=1),
            ),
        )
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return raw.decode("utf-16", errors="replace"), ()
    if b"\x00" in raw[:65536]:
        return "", (
            Problem(
                code="not-text",
                level=Level.ERROR,
                message=f"{path} is not text: it holds NUL bytes.",
                hint="Point to the Markdown file itself, not to an archive, an image or an office document.",
                source=Source(path=path, line=1),
            ),
        )
    try:
        return raw.decode("utf-8-sig"), ()
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        return raw.decode("utf-8-sig", errors="replace"), (
            Problem(
                code="not-utf8",
                level=Level.WARNING,
                message=f"Line {line} is not UTF-8; what could not be decoded reads as \ufffd.",
                hint="Save the file as UTF-8.",
                source=Source(path=path, line=line),
            ),
        )


# --- blocks -----------------------------------------------------------------------------------------------------

_RULES: tuple[tuple[str, Pattern], ...] = (
    ("table", Pattern(r"\|")),
    ("code", Pattern(r"^(?: {4}|\t)", re.MULTILINE)),
    ("fence", Pattern(r"```|~~~")),
    ("blockquote", Pattern(r">")),
    ("hr", Pattern(r"^[ \t>*+\d.)-]*(?:-[ \t]*-[ \t]*-|\*[ \t]*\*[ \t]*\*|_[ \t]*_[ \t]*_)", re.MULTILINE)),
    ("list", Pattern(r"^[ \t>]*(?:[-+*]|\d{1,9}[.)])(?:\s|$)", re.MULTILINE)),
    ("reference", Pattern(r"\]:")),
    ("html_block", Pattern(r"<")),
    ("heading", Pattern(r"#")),
    ("lheading", Pattern(r"^[ \t>*+\d.)-]*(?:=+|-+)[ \t]*$", re.MULTILINE)),
)
"""The block rules, each with what a text must hold for it to matter; the others are left out of the parser."""


@lru_cache(maxsize=64)
def _parser(rules: tuple[str, ...]) -> MarkdownIt:
    parser = MarkdownIt("commonmark").enable("table")
    parser.core.ruler.enableOnly(["normalize", "block"])
    parser.block.ruler.enableOnly([*rules, "paragraph"])
    return parser


def _tokens(text: str) -> list[Token]:
    return _parser(tuple(name for name, needed in _RULES if needed.search(text))).parse(text)


_BOX = Pattern(r"^\[(?P<mark>[ xX])\]\s+")
_BOLD_LINE = Pattern(
    r"^(?:(?P<number>\d+)\.?\s*)?(?P<mark>\*\*|__)(?P<text>(?:(?!\*\*|__).)+?)(?P=mark)(?P<after>\s*:?)\s*$"
)
_BOLD_NUMBERED = Pattern(r"^(?P<mark>\*\*|__)(?P<word>[A-Za-z]+)\s+#?\d+\s*:?(?P=mark)\s*:?\s+\S")
_FENCE_END = Pattern(r"^\s*(?:>\s*)*(`{3,}|~{3,})\s*$")
_RESUMES = Pattern(r"^#{1,6}\s+[^#\s]")


def heading_of(level: int, line: Line) -> Heading:
    return Heading(level=level, line=line, title=line.plain.strip().rstrip(":").rstrip())


class _Reader:
    """Turns markdown-it's flat tokens into blocks. One instance a parse; `offset` is the lines before it."""

    def __init__(self, lines: Sequence[str], tokens: Sequence[Token], offset: int) -> None:
        self.lines = lines
        self.tokens = tokens
        self.offset = offset
        self.at = 0

    def blocks(self, until: str | None) -> tuple[Block, ...]:
        out: list[Block] = []
        while self.at < len(self.tokens):
            token = self.tokens[self.at]
            self.at += 1
            if token.type == until:
                break
            if token.type == "html_block":
                out.extend(self.html(token))
                continue
            block = self.block(token)
            if isinstance(block, Items):
                out.extend(_without_lazy_labels(block))
            elif isinstance(block, Paragraph):
                out.extend(_listed(block))
            elif block is not None:
                out.append(block)
        return tuple(out)

    def block(self, token: Token) -> Block | None:
        match token.type:
            case "heading_open":
                inline = self.tokens[self.at]
                self.at += 2
                line = self.text_lines(inline)
                return heading_of(int(token.tag[1]), line[0]) if line else None
            case "paragraph_open":
                inline = self.tokens[self.at]
                self.at += 2
                return Paragraph(lines=self.text_lines(inline))
            case "bullet_list_open":
                return Items(ordered=False, items=self.items("bullet_list_close"))
            case "ordered_list_open":
                return Items(ordered=True, items=self.items("ordered_list_close"))
            case "fence" | "code_block":
                return self.code(token)
            case "table_open":
                return self.table()
            case "blockquote_open":
                return Quote(blocks=self.blocks("blockquote_close"))
            case _:
                return None

    def span(self, token: Token) -> tuple[int, int]:
        first, last = token.map or (0, 0)
        return first + self.offset, last + self.offset

    def text_lines(self, token: Token) -> tuple[Line, ...]:
        first, _ = self.span(token)
        return tuple(self.line(first + index, text) for index, text in enumerate(token.content.split("\n")))

    def line(self, index: int, text: str) -> Line:
        index = min(index, len(self.lines) - 1)
        found = self.lines[index].find(text.strip()) if text.strip() else -1
        return Line(number=index + 1, column=max(found, 0) + 1, text=text.strip())

    def items(self, until: str) -> tuple[Item, ...]:
        out: list[Item] = []
        while self.at < len(self.tokens):
            token = self.tokens[self.at]
            self.at += 1
            if token.type == until:
                break
            number = int(token.info) if token.info.isdigit() else None
            out.append(self.item(token, number, self.blocks("list_item_close")))
        return tuple(out)

    def item(self, token: Token, number: int | None, blocks: tuple[Block, ...]) -> Item:
        first, _ = self.span(token)
        checked: bool | None = None
        if blocks and isinstance(blocks[0], Paragraph):
            head = blocks[0].lines[0]
            if box := _BOX.match(head.text):
                checked = box["mark"] != " "
                head = Line(number=head.number, column=head.column + box.end(), text=head.text[box.end() :])
                blocks = (Paragraph(lines=(head, *blocks[0].lines[1:])), *blocks[1:])
            return Item(line=head, number=number, checked=checked, blocks=blocks)
        return Item(line=self.line(first, ""), number=number, checked=checked, blocks=blocks)

    def code(self, token: Token) -> Code:
        first, last = self.span(token)
        content = token.content.split("\n")
        if content and not content[-1]:
            content.pop()
        closed = True
        if token.type == "fence":
            closed = last - first >= 2 and bool(_FENCE_END.match(self.lines[min(last, len(self.lines)) - 1]))
            first += 1
        line = self.lines[min(first, len(self.lines) - 1)] if self.lines else ""
        column = line.find(content[0].strip()) + 1 if content and content[0].strip() else 1
        return Code(
            info=html.unescape(token.info.strip()),
            lines=tuple(content),
            first=first + 1,
            column=max(column, 1),
            closed=closed,
        )

    def table(self) -> Table:
        rows: list[tuple[Line, ...]] = []
        row: list[Line] = []
        number = 0
        begin = 0
        while self.at < len(self.tokens):
            token = self.tokens[self.at]
            self.at += 1
            match token.type:
                case "table_close":
                    break
                case "tr_open":
                    row, begin = [], 0
                    number = self.span(token)[0]
                case "inline":
                    source = self.lines[min(number, len(self.lines) - 1)]
                    written = (
                        token.content if source.find(token.content, begin) >= 0 else token.content.replace("|", "\\|")
                    )
                    found = source.find(written, begin) if written else -1
                    row.append(Line(number=number + 1, column=max(found, 0) + 1, text=token.content.strip()))
                    begin = max(begin, found + len(written))
                case "tr_close":
                    rows.append(tuple(row))
                case _:
                    pass
        return Table(header=rows[0] if rows else (), rows=tuple(rows[1:]))

    def html(self, token: Token) -> Sequence[Block]:
        """What a block of HTML holds as Markdown would say it; tags without text are nothing."""
        first, last = self.span(token)
        from stanch.playbook.html import HtmlReader  # noqa: PLC0415 - a document without HTML does without its parser

        reader = HtmlReader(first)
        reader.feed(token.content)
        reader.close()
        if reader.blocks:
            return reader.blocks
        return [
            Html(lines=tuple(self.line(index, self.lines[index]) for index in range(first, min(last, len(self.lines)))))
        ]


_MARKS: tuple[tuple[bool, Pattern], ...] = (
    (True, Pattern(r"^\(?(?P<mark>[a-z]|[ivx]{2,4})[.)]\s+(?=\S)")),
    (True, Pattern(r"^(?P<mark>\d{1,2}\.\d{1,2}\.?)\s+(?=[A-Z])")),
    (False, Pattern(r"^(?P<mark>[-*+\u2022\u25aa\u25cf\u25e6\u2023\u00b7\u25cb\u2013])\s+(?=\S)")),
)
"""Marks that people count and list with and CommonMark does not take for a list's, and whether they count."""

_FIRST_LETTERS = (["a", "b"], ["i", "ii"])


def _listed(paragraph: Paragraph) -> Iterator[Block]:
    """A paragraph whose lines begin with `a)`, `1.1` or a bullet is a list, with what stands above as its lead."""
    for ordered, pattern in _MARKS:
        found = [(index, match) for index, line in enumerate(paragraph.lines) if (match := pattern.match(line.text))]
        marks = [match["mark"] for _, match in found]
        if len(found) < 2 or (marks[0].isalpha() and marks[:2] not in _FIRST_LETTERS):
            continue
        first = found[0][0]
        if first:
            yield Paragraph(lines=paragraph.lines[:first])
        ends = [index for index, _ in found[1:]] + [len(paragraph.lines)]
        items: list[Item] = []
        for number, ((begin, match), end) in enumerate(zip(found, ends, strict=True), start=1):
            head = paragraph.lines[begin]
            line = Line(number=head.number, column=head.column + match.end(), text=head.text[match.end() :])
            text = Paragraph(lines=(line, *paragraph.lines[begin + 1 : end]))
            items.append(Item(line=line, number=number if ordered else None, checked=None, blocks=(text,)))
        yield Items(ordered=ordered, items=tuple(items))
        return
    yield paragraph


_LABEL = Pattern(r"^\S.{0,60}:(?:\*\*|__)?$")


def _without_lazy_labels(items: Items) -> Iterator[Block]:
    """Split a list where an unindented `Label:` was swallowed by the item above it.

    CommonMark takes the label for a lazy continuation of that item; its author meant a heading of the next list.
    """
    held: list[Item] = []
    for item in items.items:
        first = item.blocks[0] if item.blocks else None
        label = first.lines[-1] if isinstance(first, Paragraph) and len(first.lines) > 1 else None
        lazy = label is not None and label.column < item.line.column and _LABEL.match(label.text)
        if not lazy or label is None or not isinstance(first, Paragraph):
            held.append(item)
            continue
        above = Paragraph(lines=first.lines[:-1])
        held.append(Item(line=item.line, number=item.number, checked=item.checked, blocks=(above,)))
        yield Items(ordered=items.ordered, items=tuple(held))
        yield Paragraph(lines=(label,))
        held = []
        yield from item.blocks[1:]
    if held:
        yield Items(ordered=items.ordered, items=tuple(held))


def _parse_blocks(path: str, text: str, lines: Sequence[str]) -> tuple[tuple[Block, ...], tuple[Problem, ...]]:
    """All blocks. A fence that nothing closes is ended before the next heading, and the rest is read as usual."""
    out: list[Block] = []
    problems: list[Problem] = []
    offset = 0
    rest = text
    while True:
        blocks = _Reader(lines, _tokens(rest), offset).blocks(None)
        last = blocks[-1] if blocks else None
        if not isinstance(last, Code) or last.closed:
            out.extend(blocks)
            return tuple(out), tuple(problems)
        resume = next(
            (
                index
                for index in range(last.first, len(lines))
                if _RESUMES.match(lines[index]) and not lines[index - 1].strip()
            ),
            None,
        )
        opened = last.first - 1
        problems.append(
            Problem(
                code="unclosed-fence",
                level=Level.WARNING,
                message=f"The code fence opened on line {opened} is never closed."
                + (f" It was read as ending before line {resume + 1}." if resume is not None else ""),
                hint="Close it with a line of ``` on its own.",
                source=Source(path=path, line=opened, text=lines[opened - 1]),
            )
        )
        out.extend(blocks[:-1])
        if resume is None:
            out.append(last)
            return tuple(out), tuple(problems)
        kept = last.lines[: max(0, resume + 1 - last.first)]
        out.append(Code(info=last.info, lines=kept, first=last.first, column=last.column, closed=False))
        offset = resume
        rest = "\n".join(lines[resume:])


# --- sections ---------------------------------------------------------------------------------------------------


def _shape(text: str) -> str:
    """What kind of bold heading this is: all of one shape stand on one level."""
    text = plain(text).strip()
    if match := re.match(r"^([A-Za-z]+)\s+#?\d+\b", text):
        return match[1].lower()
    return "number" if re.match(r"^\d+[.)]?\s", text) else "label"


def _boldheading_of(block: Block, following: Block | None) -> tuple[Line, tuple[Line, ...]] | None:
    """The line that stands as a heading, and the paragraph's other lines; None where the block is plain text."""
    if not isinstance(block, Paragraph):
        return None
    head, *rest = block.lines
    if _BOLD_LINE.match(head.text) and (rest or following is not None):
        return head, tuple(rest)
    if _BOLD_NUMBERED.match(head.text) and not rest:
        return head, ()
    return None


def _sections(blocks: Sequence[Block]) -> Section:
    flat: list[tuple[Heading | None, list[Block]]] = [(None, [])]
    shapes: list[set[str]] = []
    for index, block in enumerate(blocks):
        if isinstance(block, Heading):
            shapes.clear()
            flat.append((block, []))
            continue
        following = blocks[index + 1] if index + 1 < len(blocks) else None
        bold = _boldheading_of(block, following)
        if bold is None:
            flat[-1][1].append(block)
            continue
        line, rest = bold
        shape = _shape(line.text)
        known = next((depth for depth, alike in enumerate(shapes) if shape in alike), None)
        if known is not None:
            del shapes[known + 1 :]
        elif shapes and "label" in shapes[-1] and flat[-1][1]:
            # "Step 1" after "Paging conditions" with its list goes on beside it, not below it.
            shapes[-1].add(shape)
        else:
            shapes.append({shape})
        flat.append((heading_of(6 + len(shapes), line), [Paragraph(lines=rest)] if rest else []))

    at = 0

    def nest(trail: tuple[str, ...]) -> Section:
        nonlocal at
        heading, own = flat[at]
        at += 1
        level = heading.level if heading else 0
        below = (*trail, heading.title) if heading else trail
        children: list[Section] = []
        while at < len(flat):
            following, _ = flat[at]
            if following is None or following.level <= level:
                break
            children.append(nest(below))
        return Section(heading=heading, trail=trail, blocks=tuple(own), sections=tuple(children))

    return nest(())


def read_document(path: str, raw: bytes) -> tuple[Document, tuple[Problem, ...]]:
    """Read any bytes: what cannot be read is a problem, and the document is then empty or partial."""
    text, problems = _decode(path, raw)
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "\ufffd")
    front: dict[str, str] = {}
    body = text
    if match := _FRONT.match(text):
        front = {item["key"].lower(): item["value"].strip("\"'") for item in _FIELD.finditer(match["body"])}
        body = "\n" * match[0].count("\n") + text[match.end() :]
    lines = tuple(text.split("\n"))
    body, cut = _bounded(path, body)
    body = _without_gaps(body)
    blocks, broken = _parse_blocks(path, body, lines)
    document = Document(path=path, text=text, lines=lines, root=_sections(blocks), front=front)
    return document, (*problems, *cut, *broken)


_HTML_OPENS = Pattern(r"^[ \t]{0,3}<(?P<tag>table|ul|ol)\b", re.IGNORECASE)
_FENCE = Pattern(r"^[ \t>]*(```|~~~)")
_LONGEST_HTML = 2_000


def _without_gaps(body: str) -> str:
    """The body with blank lines inside of HTML tables and lists filled: for CommonMark each would end the HTML."""
    if "<" not in body:
        return body
    lines = body.split("\n")
    fenced = False
    at = 0
    while at < len(lines):
        if _FENCE.match(lines[at]):
            fenced = not fenced
        opened = None if fenced else _HTML_OPENS.match(lines[at])
        if opened:
            closes = f"</{opened['tag'].lower()}"
            last = min(len(lines), at + _LONGEST_HTML)
            end = next((index for index in range(at, last) if closes in lines[index].lower()), None)
            if end is None:
                return "\n".join(lines)
            lines[at : end + 1] = [line if line.strip() else "<!-- -->" for line in lines[at : end + 1]]
            at = end
        at += 1
    return "\n".join(lines)


def _bounded(path: str, body: str) -> tuple[str, tuple[Problem, ...]]:
    """The body without what is beyond all measure: further lines, the ends of endless ones, depths of nesting."""
    problems: list[Problem] = []
    lines = body.split("\n")
    if len(lines) > MAX_LINES:
        problems.append(
            Problem(
                code="document-too-long",
                level=Level.WARNING,
                message=f"This document has {len(lines):,} lines; those after line {MAX_LINES:,} were not read.",
                hint="Split it, or check that it is a playbook and not an export or a log.",
                source=Source(path=path, line=MAX_LINES, text=lines[MAX_LINES - 1][:200]),
            )
        )
        lines = lines[:MAX_LINES]
    for index, line in enumerate(lines):
        if len(line) > _MAX_LINE:
            lines[index] = line[:_MAX_LINE]
            problems.append(_left_out(path, index, line, "line-too-long", f"is {len(line):,} characters long"))
        elif _DEEP.match(line):
            lines[index] = ""
            problems.append(
                _left_out(path, index, line, "nested-too-deeply", "is nested more deeply than anybody writes")
            )
    return "\n".join(lines), tuple(problems[:20])


_DEEP = Pattern(r"^(?:[ \t]*(?:>|[-*+] |\d+[.)] )){12}|^[ \t]{120}[ \t]*[-*+>\d]")


def _left_out(path: str, index: int, line: str, code: str, words: str) -> Problem:
    return Problem(
        code=code,
        level=Level.WARNING,
        message=f"Line {index + 1} {words}; what is beyond all measure was left out.",
        hint="Look whether the file is damaged.",
        source=Source(path=path, line=index + 1, text=line[:200]),
    )


def lines_of(block: Block) -> Iterator[Line]:
    """Every line of prose in a block, in document order; code is no prose."""
    match block:
        case Heading():
            yield block.line
        case Paragraph() | Html():
            yield from block.lines
        case Items():
            for item in block.items:
                for inner in item.blocks:
                    yield from lines_of(inner)
        case Table():
            yield from block.header
            for row in block.rows:
                yield from row
        case Quote():
            for inner in block.blocks:
                yield from lines_of(inner)
        case Code():
            return
        case _:
            assert_never(block)


@record
class Passage:
    """Consecutive lines as one text (joined by a space), whose characters still know their place."""

    lines: tuple[Line, ...]

    @property
    def text(self) -> str:
        return " ".join(line.plain for line in self.lines)

    def source(self, document: Document, index: int = 0) -> Source:
        """The place of `text[index]`."""
        for line in self.lines:
            length = len(line.plain)
            if index <= length:
                return document.source(line, min(index, length))
            index -= length + 1
        return document.source(self.lines[-1])
