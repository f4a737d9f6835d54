"""The tools' own dry runs of a procedure, one step after the other, while people look on.

They are kept in memory: what a tool said a while ago is worth little, and asking again costs a button.
"""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, field

import structlog

from stanch.model.problem import Refused
from stanch.model.run import StepState
from stanch.response.native import Tried
from stanch.response.preview import Preview, StepPreview
from stanch.web.served import Served

_KEPT = 32

log = structlog.get_logger("stanch.web")

Key = tuple[str, str, str]
"""The plan's hash, the procedure's key, and the incident's id or nothing."""


@dataclass(slots=True, kw_only=True)
class Trial:
    """Who asked for it and when, how many steps can be tried, and what those came to that were, by the step's key.

    `shown` are the texts that were tried: a step that was filled in otherwise since is another one.
    """

    by: str
    at: float
    total: int
    results: dict[str, Tried] = field(default_factory=dict)
    shown: dict[str, str] = field(default_factory=dict)
    task: asyncio.Task[None] | None = None

    @property
    def going_on(self) -> bool:
        return self.task is not None and not self.task.done()

    def of(self, step: StepPreview) -> Tried | None:
        """What the step came to, as it stands now."""
        if step.dry_run is None or self.shown.get(step.key) != step.dry_run.text:
            return None
        return self.results.get(step.key)


def triable(preview: Preview) -> tuple[StepPreview, ...]:
    """The steps that have a dry run of their own and are still ahead."""
    ahead = {None, StepState.WAITING.value, StepState.PROPOSED.value}
    return tuple(step for step in preview.steps if step.dry_run is not None and step.state in ahead)


class Trials:
    """Those of the last while; one of a procedure at a time."""

    def __init__(self, served: Served) -> None:
        self._served = served
        self._kept: OrderedDict[Key, Trial] = OrderedDict()
        self._turn = asyncio.Lock()
        """However many procedures are tried, one tool is asked at a time."""

    def get(self, key: Key) -> Trial | None:
        return self._kept.get(key)

    def start(self, key: Key, preview: Preview, *, by: str) -> Trial:
        """Begin to ask the tools. Raises Refused where it is going on, and where no step can be tried."""
        steps = triable(preview)
        if not steps:
            raise Refused(
                "No step of this procedure can be tried.",
                hint="Its tools have no dry run of their own, places are open, or it has been done already.",
            )
        before = self._kept.get(key)
        if before is not None and before.going_on:
            raise Refused(f"{before.by} has the tools asked already.", hint="Nothing was begun twice. It goes on.")
        trial = Trial(by=by, at=self._served.clock.now(), total=len(steps))
        trial.task = asyncio.create_task(self._try(trial, steps), name=f"stanch-dry-run-{key[1]}")
        log.info("dry runs were asked for", procedure=key[1], incident=key[2] or None, person=by, steps=len(steps))
        self._kept[key] = trial
        self._kept.move_to_end(key)
        while len(self._kept) > _KEPT:
            _, oldest = self._kept.popitem(last=False)
            if oldest.task is not None:
                oldest.task.cancel()
        return trial

    async def close(self) -> None:
        """End those that go on."""
        tasks = [trial.task for trial in self._kept.values() if trial.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _try(self, trial: Trial, steps: tuple[StepPreview, ...]) -> None:
        for step in steps:
            assert step.dry_run is not None
            trial.shown[step.key] = step.dry_run.text
            try:
                async with self._turn:
                    trial.results[step.key] = await self._served.try_natively(step)
            except Exception:
                log.exception("a dry run broke", step=step.key)
                trial.results[step.key] = Tried(
                    well=None, because="It could not be tried; the fault is ours, and in the server's log.", output=""
                )
