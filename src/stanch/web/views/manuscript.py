"""A playbook as its author wrote it: one row a line, inline marks as safe HTML, everything else escaped."""

from collections.abc import Iterator, Sequence
from typing import assert_never

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict
from markupsafe import Markup

from stanch.model.record import record
from stanch.playbook.document import (
    Block,
    Code,
    Document,
    Heading,
    Html,
    Item,
    Items,
    Line,
    Paragraph,
    Quote,
    Section,
    Table,
    read_document,
)


@record
class Row:
    """A line of the document. `number` is the line in the file; a table's row has `cells` instead of `html`.

    `form` is h1 to h4, p, item, code or cells; `depth` how far it is indented in lists; `marker` what stands
    before an item; `first` and `last` are the ends of a block of code; `heading` is a table's head; `labels` are its
    columns' names and `weights` how wide they are; `joins` says that it goes on from the row above in one paragraph.
    """

    number: int
    form: str
    html: Markup
    depth: int = 0
    marker: str = ""
    quoted: bool = False
    first: bool = False
    last: bool = False
    comment: bool = False
    heading: bool = False
    joins: bool = False
    cells: tuple[Markup, ...] = ()
    labels: tuple[str, ...] = ()
    weights: tuple[int, ...] = ()


class _Renderer(RendererHTML):
    """Links do not leak where they are clicked, and pictures of other hosts are told, not loaded."""

    def image(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        alt = self.renderInlineAsText(tokens[idx].children, options, env) if tokens[idx].children else ""
        return str(Markup("[picture: {}]").format(alt))

    def link_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        tokens[idx].attrSet("rel", "noreferrer noopener")
        return self.renderToken(tokens, idx, options, env)


_INLINE = MarkdownIt("commonmark", {"html": False}, renderer_cls=_Renderer).enable("strikethrough")


def inline(text: str) -> Markup:
    """One line of Markdown: emphasis, code and links; HTML in it is shown, never obeyed."""
    return Markup(_INLINE.renderInline(text))  # noqa: S704 - the renderer escapes, and takes no HTML


def rows(path: str, text: str) -> tuple[Row, ...]:
    """The document's rows, in its order."""
    document, _ = read_document(path, text.encode())
    return tuple(_section(document, document.root))


def _section(document: Document, section: Section) -> Iterator[Row]:
    if section.heading is not None:
        yield Row(
            number=section.heading.line.number,
            form=f"h{min(section.heading.level, 4)}",
            html=inline(
                section.heading.line.text.strip("*_ ") if section.heading.level > 6 else section.heading.line.text
            ),
        )
    for block in section.blocks:
        yield from _block(block, depth=0, quoted=False)
    for below in section.sections:
        yield from _section(document, below)


def _block(block: Block, *, depth: int, quoted: bool) -> Iterator[Row]:
    match block:
        case Heading():
            yield Row(number=block.line.number, form="h4", html=inline(block.line.text), depth=depth, quoted=quoted)
        case Paragraph() | Html():
            for index, line in enumerate(block.lines):
                yield _line(line, depth=depth, quoted=quoted, joins=index > 0)
        case Items():
            for item in block.items:
                yield from _item(item, depth=depth, quoted=quoted)
        case Code():
            yield from _code(block, depth=depth)
        case Table():
            yield from _table(block, depth=depth)
        case Quote():
            for inner in block.blocks:
                yield from _block(inner, depth=depth, quoted=True)
        case _:
            assert_never(block)


def _line(line: Line, *, depth: int, quoted: bool, joins: bool) -> Row:
    return Row(number=line.number, form="p", html=inline(line.text), depth=depth, quoted=quoted, joins=joins)


def _item(item: Item, *, depth: int, quoted: bool) -> Iterator[Row]:
    marker = "–" if item.number is None else f"{item.number}."  # noqa: RUF001 - a dash, as it is drawn
    if item.checked is not None:
        marker = "☑" if item.checked else "☐"
    head, *rest = item.lines or (item.line,)
    yield Row(number=head.number, form="item", html=inline(head.text), depth=depth, marker=marker, quoted=quoted)
    for line in rest:
        yield _line(line, depth=depth + 1, quoted=quoted, joins=True)
    for block in item.nested:
        yield from _block(block, depth=depth + 1, quoted=quoted)


def _code(block: Code, *, depth: int) -> Iterator[Row]:
    lines = block.lines or ("",)
    for index, text in enumerate(lines):
        yield Row(
            number=block.first + index,
            form="code",
            html=Markup("{}").format(text),
            depth=depth,
            first=index == 0,
            last=index == len(lines) - 1,
            comment=text.lstrip().startswith(("#", "--", "//")),
        )


def _table(block: Table, *, depth: int) -> Iterator[Row]:
    weights = _weights((block.header, *block.rows))
    labels = tuple(cell.plain for cell in block.header)
    for index, cells in enumerate((block.header, *block.rows)):
        if cells:
            yield Row(
                number=cells[0].number,
                form="cells",
                html=Markup(),
                depth=depth,
                heading=index == 0,
                cells=tuple(inline(cell.text) for cell in cells),
                labels=labels + ("",) * (len(cells) - len(labels)),
                weights=weights,
            )


def _weights(rows: Sequence[tuple[Line, ...]]) -> tuple[int, ...]:
    """How wide each column of a table is, from 1 to 12: by its longest word and by its longest text."""
    count = max((len(row) for row in rows), default=0)
    needs = []
    for index in range(count):
        texts = [row[index].plain for row in rows if index < len(row)]
        word = max((len(word) for text in texts for word in text.split()), default=1)
        needs.append(max(word, round(max(map(len, texts), default=1) ** 0.75)))
    most = max(needs, default=1)
    return tuple(max(1, round(12 * need / most)) for need in needs)
