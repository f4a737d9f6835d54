"""How far an act is: kept on its step with every report, on the timeline when there is something new."""

import re

from stanch.model.incident import EventKind
from stanch.model.run import Run, StepRecord
from stanch.response.journal import Journal
from stanch.response.transitions import Told, kept, told

EVENT_SHARE = 0.05
"""A bar that moved by less than this is no event."""

_NUMBER = re.compile(r"\d[\d.,]*")


def says_the_same(text: str, before: str) -> bool:
    """Whether two reports differ in their numbers alone: a value that wanders is no news every few seconds."""
    return _NUMBER.sub("#", text) == _NUMBER.sub("#", before)


class StepReport:
    """`action.Report` of one step."""

    def __init__(self, journal: Journal, run: Run, step: StepRecord) -> None:
        self._journal = journal
        self._run = run
        self._step = step
        self._text: str | None = None
        self._share: float | None = None

    async def __call__(self, text: str, done: float | None = None, total: float | None = None) -> None:
        share = done / total if done is not None and total else None
        progress = {**kept(self._step.progress), "text": text, "done": done, "total": total}
        events: tuple[Told, ...] = ()
        if self._is_news(text, share):
            self._text, self._share = text, share
            data = {key: value for key, value in (("done", done), ("total", total)) if value is not None}
            kind, said = told(EventKind.STEP_PROGRESS, self._step, **data)
            events = ((kind, {**said, "text": text}),)
        await self._journal.progress(self._run, self._step, progress, *events)

    def _is_news(self, text: str, share: float | None) -> bool:
        if self._text is None:
            return True
        if share is None or self._share is None:
            return not says_the_same(text, self._text)
        return abs(share - self._share) >= EVENT_SHARE
