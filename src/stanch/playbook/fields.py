"""Labelled parts: `**Severity:** P1`, `Root Cause: ...`, `Lessons:` above a list."""

from collections.abc import Iterator, Sequence

from stanch.model.pattern import Pattern
from stanch.model.record import record
from stanch.playbook.document import Block, Code, Heading, Html, Items, Line, Paragraph, Quote, Table
from stanch.playbook.phrases import Phrases

_LABELLED = Pattern(r"^(?P<label>[A-Za-z][\w '\u2019/&().-]{0,60}?)\s*:(?=\s|$)\s*(?P<value>.*)$")


@record
class Part:
    """A label (None for what stands before the first), the line it is on, its text, and the blocks below it."""

    label: str | None
    line: Line | None
    text: str
    lines: tuple[Line, ...]
    blocks: tuple[Block, ...]


def split_label(text: str) -> tuple[str, str] | None:
    """`Root cause: slow queries` -> (`Root cause`, `slow queries`); None where no label stands in front."""
    match = _LABELLED.match(text.strip())
    if not match or len(match["label"].split()) > 7 or match["value"].startswith("//"):
        return None
    return match["label"].strip(), match["value"].strip()


def labelled_parts(blocks: Sequence[Block]) -> tuple[Part, ...]:
    """Blocks grouped under the labels that stand in their paragraphs."""
    parts: list[Part] = []
    label: str | None = None
    line: Line | None = None
    lines: list[Line] = []
    held: list[Block] = []

    def close() -> None:
        if label is not None or lines or held:
            parts.append(
                Part(
                    label=label,
                    line=line,
                    text=" ".join(filter(None, (_value(item, labelled=item is line) for item in lines))),
                    lines=tuple(lines),
                    blocks=tuple(held),
                )
            )

    for block in blocks:
        if not isinstance(block, Paragraph):
            held.append(block)
            continue
        for item in block.lines:
            split = split_label(item.plain)
            if split is not None:
                close()
                label, line, lines, held = split[0], item, [item], []
            elif held:
                close()
                label, line, lines, held = None, None, [item], []
            else:
                lines.append(item)
    close()
    return tuple(parts)


def _value(line: Line, *, labelled: bool) -> str:
    if not labelled:
        return line.plain.strip()
    split = split_label(line.plain)
    return split[1] if split else line.plain.strip()


def item_texts(blocks: Sequence[Block]) -> tuple[str, ...]:
    """The text of every list item in these blocks, nested ones after their parent."""
    return tuple(text for text, _ in items_in(blocks))


def items_in(blocks: Sequence[Block]) -> Iterator[tuple[str, Line]]:
    for block in blocks:
        match block:
            case Items():
                for item in block.items:
                    if item.text:
                        yield item.text, item.line
                    yield from items_in(item.nested)
            case Quote():
                yield from items_in(block.blocks)
            case Heading() | Paragraph() | Code() | Table() | Html():
                pass


def field_texts(blocks: Sequence[Block], label: Phrases) -> Iterator[str]:
    """The values of the labelled fields of that name, in paragraphs and in list entries."""
    for block in blocks:
        lines = block.lines if isinstance(block, Paragraph) else ()
        if isinstance(block, Items):
            lines = tuple(item.line for item in block.items)
        for line in lines:
            split = split_label(line.plain)
            if split and label.fullmatch(split[0]):
                yield split[1]


_SENTENCE = Pattern(r"(?<=[.!?])\s+(?=[A-Z\u201c\"(*])")


def sentences(text: str) -> Iterator[tuple[int, str]]:
    """The sentences of a text with their offsets."""
    at = 0
    for match in _SENTENCE.finditer(text):
        yield at, text[at : match.start()]
        at = match.end()
    yield at, text[at:]
