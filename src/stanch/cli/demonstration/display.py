"""What the demo shows: one list that grows, the present line alive, on a terminal; plain lines elsewhere."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from stanch.cli.output import duration


class Step:
    """One line of the list: what goes on, how far it is, and what came of it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.detail = ""
        self.share: float | None = None
        self.mark = ""
        self.began = time.monotonic()
        self.took: float | None = None

    def update(self, detail: str = "", share: float | None = None) -> None:
        """Say how far it is; `share` from 0 to 1 draws a bar."""
        self.detail = detail
        self.share = share

    def finish(self, text: str | None = None, *, mark: str = "✓", took: float | None = None) -> None:
        """Say what came of it; `took` seconds where the clock of the demo is not the one that counts."""
        self.text = text or self.text
        self.mark = mark
        self.share = None
        self.detail = ""
        self.took = time.monotonic() - self.began if took is None else took


class Display:
    """Writes to standard error, so that standard output stays the answer's."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False)
        self._steps: list[Step] = []
        self._live: Live | None = None

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live = Live(get_renderable=self._render, console=self._console, refresh_per_second=8)
            self._live.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._live is not None:
            for step in self._steps:
                if not step.mark:
                    step.finish(mark="-")
            self._live.__exit__(kind, error, traceback)

    @contextmanager
    def step(self, text: str) -> Iterator[Step]:
        """A line for as long as the block runs; it ends with a tick unless the block ended it otherwise."""
        step = Step(text)
        self._steps.append(step)
        try:
            yield step
        except BaseException:
            step.finish(mark="✗")
            self._say(step)
            raise
        if not step.mark:
            step.finish()
        self._say(step)

    def say(self, text: str, *, mark: str = " ", took: float | None = None) -> None:
        """A line that is already over."""
        step = Step(text)
        step.finish(mark=mark, took=took)
        if took is None:
            step.took = None
        self._steps.append(step)
        self._say(step)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Leave the terminal to a question for as long as the block runs."""
        if self._live is not None:
            self._live.stop()
        try:
            yield
        finally:
            if self._live is not None:
                self._live.start(refresh=True)

    def _say(self, step: Step) -> None:
        if self._live is None:
            took = f"  ({duration(step.took)})" if step.took is not None else ""
            self._console.print(f"{escape(step.mark)} {escape(step.text)}{took}", soft_wrap=True)

    def _render(self) -> RenderableType:
        table = Table.grid(padding=(0, 1))
        table.add_column(width=1)
        table.add_column(ratio=1, overflow="fold")
        table.add_column(justify="right", style="dim", no_wrap=True)
        for step in self._steps:
            took = "" if step.took is None else duration(step.took)
            if step.mark:
                style = {"✓": "green", "✗": "red", "▲": "red", "?": "yellow"}.get(step.mark, "dim")
                table.add_row(Text(step.mark, style=style), Text(step.text), took)
                continue
            line: list[RenderableType] = [Text.assemble(step.text, ("  " + step.detail, "dim"))]
            if step.share is not None:
                line.append(ProgressBar(total=1.0, completed=step.share, width=50))
            table.add_row(Spinner("dots"), Group(*line), duration(time.monotonic() - step.began))
        return table
