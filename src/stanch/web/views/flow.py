"""How a procedure goes, as a picture: a line for each way, a sign for each step, drawn beside their names. Pure.

Rows are of one height, so a row of the picture stands beside its name. Ways of a choice and steps side by side get a
lane each; a line leaves its lane where the ways part, and comes back where they meet.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import assert_never

from stanch.model.record import record
from stanch.response.branches import Beside, Choice, Stretch
from stanch.response.preview import Preview, StepPreview

ROW = 28
"""The height of a row, in pixels; the stylesheet has the same."""
LANE = 18
_LEFT = 11
MOST_LANES = 8


@record
class Row:
    """A line of text. `kind` is phase, step, question, way or end; `number` is the step's, 0 for another row."""

    kind: str
    text: str
    number: int = 0
    note: str = ""


@record
class Sign:
    """What stands on the line: `form` is alone, one, two, hand, question or end; `state` that of a run's step."""

    x: int
    y: int
    form: str
    state: str = ""


Point = tuple[int, int]
"""Across and down, in pixels."""


@record
class Line:
    """From sign to sign; `dashed` passes by what may be left out."""

    start: Point
    end: Point
    dashed: bool = False

    @property
    def path(self) -> str:
        """As SVG has it. The line changes its lane as soon as the ways part, and as late as they meet."""
        (x1, y1), (x2, y2) = self.start, self.end
        if x1 == x2:
            return f"M{x1} {y1}V{y2}"
        half = ROW // 2
        if x2 > x1:
            return f"M{x1} {y1}C{x1} {y1 + half} {x2} {y1 + half} {x2} {y1 + ROW}V{y2}"
        return f"M{x1} {y1}V{y2 - ROW}C{x1} {y2 - half} {x2} {y2 - half} {x2} {y2}"


@record
class Flow:
    """The picture, in pixels, and the rows beside it."""

    rows: tuple[Row, ...]
    signs: tuple[Sign, ...]
    lines: tuple[Line, ...]
    lanes: int

    @property
    def width(self) -> int:
        return 2 * _LEFT + LANE * (self.lanes - 1)

    @property
    def height(self) -> int:
        return ROW * len(self.rows)


def form_of(step: StepPreview) -> str:
    """What a step asks for, as it is drawn: nothing, one approval, two people, or a person's hands."""
    if step.by_hand is not None:
        return "hand"
    return {0: "alone", 1: "one"}.get(step.people, "two")


def plain(condition: str) -> str:
    """A condition without the marks that led over to its steps."""
    return condition.rstrip(" :,.")


def flow(preview: Preview) -> Flow:
    """The picture of a procedure."""
    drawing = _Drawing(steps={step.key: step for step in preview.steps})
    ends = drawing.stretches(preview.shape, lane=0, tails=())
    drawing.end(ends)
    return Flow(
        rows=tuple(drawing.rows),
        signs=tuple(drawing.signs),
        lines=tuple(drawing.lines),
        lanes=min(MOST_LANES, drawing.lanes),
    )


@record
class _Tail:
    """Where a line has come to."""

    row: int
    lane: int
    dashed: bool = False


@dataclass(slots=True)
class _Drawing:
    steps: Mapping[str, StepPreview]
    rows: list[Row] = field(default_factory=list)
    signs: list[Sign] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    lanes: int = 1
    phase: str | None = None

    def stretches(self, parts: Sequence[Stretch], *, lane: int, tails: Sequence[_Tail]) -> tuple[_Tail, ...]:
        """Draw them one below the other; where their lines have come to."""
        for part in parts:
            match part:
                case str():
                    tails = (self._step(part, lane, tails),)
                case Choice():
                    tails = self._choice(part, lane, tails)
                case Beside():
                    tails = tuple(self._step(key, lane + place, tails) for place, key in enumerate(part.keys))
                case _:
                    assert_never(part)
        return tuple(tails)

    def end(self, tails: Sequence[_Tail]) -> None:
        self._sign(Row(kind="end", text="The procedure ends"), lane=0, form="end", tails=tails)

    def _step(self, key: str, lane: int, tails: Sequence[_Tail]) -> _Tail:
        step = self.steps[key]
        self._phase(step)
        row = Row(kind="step", text=step.text, number=step.number)
        return self._sign(row, lane=lane, form=form_of(step), tails=tails, state=step.state or "")

    def _phase(self, step: StepPreview) -> None:
        """Name the phase, where it is another one."""
        if step.phase != self.phase:
            self.phase = step.phase
            if step.phase:
                self.rows.append(Row(kind="phase", text=step.phase))

    def _choice(self, choice: Choice, lane: int, tails: Sequence[_Tail]) -> tuple[_Tail, ...]:
        first = self.steps[next(_keys(choice.ways[0][1]))]
        alone = len(choice.ways) == 1
        text = choice.ways[0][0] if alone else "One of these"
        if alone and plain(first.phase or "") == plain(text):
            self.phase = first.phase
        elif alone:
            self._phase(first)
        question = Row(kind="question", text=plain(text), note=first.decided_by or "")
        asked = self._sign(question, lane=lane, form="question", tails=tails)
        if alone:
            inside = self.stretches(choice.ways[0][1], lane=lane + 1, tails=(asked,))
            return (*inside, _Tail(row=asked.row, lane=lane, dashed=True))
        ends: list[_Tail] = []
        for place, (condition, parts) in enumerate(choice.ways):
            self.rows.append(Row(kind="way", text=condition))
            self.phase = condition
            ends += self.stretches(parts, lane=lane + place, tails=(asked,))
        return tuple(ends)

    def _sign(self, row: Row, *, lane: int, form: str, tails: Sequence[_Tail], state: str = "") -> _Tail:
        at = len(self.rows)
        self.rows.append(row)
        lane = min(lane, MOST_LANES - 1)
        self.lanes = max(self.lanes, lane + 1)
        end = (_x(lane), _y(at))
        self.lines += [Line(start=(_x(tail.lane), _y(tail.row)), end=end, dashed=tail.dashed) for tail in tails]
        self.signs.append(Sign(x=_x(lane), y=_y(at), form=form, state=state))
        return _Tail(row=at, lane=lane)


def _keys(parts: Sequence[Stretch]) -> Iterator[str]:
    for part in parts:
        match part:
            case str():
                yield part
            case Beside():
                yield from part.keys
            case Choice():
                for _, inside in part.ways:
                    yield from _keys(inside)
            case _:
                assert_never(part)


def _x(lane: int) -> int:
    return _LEFT + LANE * lane


def _y(row: int) -> int:
    return ROW * row + ROW // 2
