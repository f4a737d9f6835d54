"""Blocks of HTML inside a document, as wikis export them."""

from html.parser import HTMLParser

from stanch.playbook.document import Block, Code, Item, Items, Line, Paragraph, Table, heading_of

_DEEPEST_HTML = 12
_HTML_BLOCKS = frozenset(
    {*["p", "div", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "dl", "dt", "dd", "section", "article"]}
    | {*["details", "summary", "blockquote", "aside", "main", "header", "footer"]}
)


class HtmlReader(HTMLParser):
    """Blocks of HTML as wikis export them: tables, lists, headings, paragraphs, preformatted text.

    Texts keep the place where they begin; `first` is the number of lines before the HTML.
    """

    def __init__(self, first: int) -> None:
        super().__init__()
        self.first = first
        self.blocks: list[Block] = []
        self._lists: list[tuple[bool, list[Item]]] = []
        self._open: list[list[Block]] = []
        self._rows: list[list[Line]] | None = None
        self._text: list[str] = []
        self._place: tuple[int, int] | None = None
        self._pre = False
        self._mute = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs
        match tag:
            case "script" | "style":
                self._mute += 1
            case "table":
                self._end_text()
                self._rows = []
            case "tr" if self._rows is not None:
                self._end_cell()
                self._rows.append([])
            case "td" | "th" if self._rows is not None:
                self._end_cell()
                number, column = self.getpos()
                self._place = (number + self.first, column + 1)
            case _ if self._rows is not None:
                return
            case "ul" | "ol" if len(self._lists) < _DEEPEST_HTML:
                self._end_text()
                self._lists.append((tag == "ol", []))
            case "li":
                self._end_item()
                if self._lists:
                    self._open.append([])
            case "pre":
                self._end_text()
                self._pre = True
            case _ if tag in _HTML_BLOCKS:
                self._end_text()
            case "br":
                self._text.append(" ")
            case _:
                return

    def handle_endtag(self, tag: str) -> None:
        match tag:
            case "script" | "style":
                self._mute = max(0, self._mute - 1)
            case "td" | "th" | "tr" if self._rows is not None:
                self._end_cell()
            case "table":
                self._end_table()
            case _ if self._rows is not None:
                return
            case "ul" | "ol":
                self._end_list()
            case "li":
                self._end_item()
            case "pre":
                self._end_code()
            case "h1" | "h2" | "h3" | "h4" | "h5" | "h6":
                line = self._line()
                if line is not None:
                    self._put(heading_of(int(tag[1]), line))
            case _ if tag in _HTML_BLOCKS:
                self._end_text()
            case _:
                return

    def handle_data(self, data: str) -> None:
        if self._mute:
            return
        if self._place is None and data.strip():
            number, column = self.getpos()
            lead = data[: len(data) - len(data.lstrip())]
            lines = lead.count("\n")
            column = column + len(lead) if not lines else len(lead) - lead.rfind("\n") - 1
            self._place = (number + self.first + lines, column + 1)
        self._text.append(data)

    def close(self) -> None:
        super().close()
        self._end_table()
        while self._lists:
            self._end_list()
        self._end_code() if self._pre else self._end_text()

    def _put(self, block: Block) -> None:
        (self._open[-1] if self._open else self.blocks).append(block)

    def _line(self) -> Line | None:
        """The text so far as one line, begun anew; None where there is none."""
        text = " ".join("".join(self._text).split())
        place, self._text, self._place = self._place, [], None
        if not text or place is None:
            return None
        return Line(number=place[0], column=place[1], text=text)

    def _end_text(self) -> None:
        line = self._line()
        if line is not None:
            self._put(Paragraph(lines=(line,)))

    def _end_item(self) -> None:
        self._end_text()
        if not self._open or len(self._open) < len(self._lists):
            return
        blocks = tuple(self._open.pop())
        ordered, items = self._lists[-1]
        head = next(iter(blocks[0].lines), None) if blocks and isinstance(blocks[0], Paragraph) else None
        if head is not None:
            items.append(Item(line=head, number=len(items) + 1 if ordered else None, checked=None, blocks=blocks))

    def _end_list(self) -> None:
        if not self._lists:
            return
        self._end_item()
        ordered, items = self._lists.pop()
        if items:
            self._put(Items(ordered=ordered, items=tuple(items)))

    def _end_code(self) -> None:
        lines = "".join(self._text).strip("\n").split("\n")
        place, self._text, self._place, self._pre = self._place, [], None, False
        if place is not None:
            self._put(Code(info="", lines=tuple(lines), first=place[0], column=1))

    def _end_cell(self) -> None:
        place = self._place
        text = " ".join("".join(self._text).split())
        self._text, self._place = [], None
        if self._rows is None or place is None:
            return
        if not self._rows:
            self._rows.append([])
        self._rows[-1].append(Line(number=place[0], column=place[1], text=text))

    def _end_table(self) -> None:
        if self._rows is None:
            return
        self._end_cell()
        rows = [tuple(row) for row in self._rows if row]
        self._rows = None
        if len(rows) > 1:
            self._put(Table(header=rows[0], rows=tuple(rows[1:])))
        elif rows:
            self._put(Paragraph(lines=rows[0]))
