"""Everything that the playbooks name, asked for: a few questions at a time, each bounded and all together."""

import asyncio
import time
from collections.abc import Callable, Sequence

import structlog

from stanch.drift.outside import Outside
from stanch.drift.probes import ASK, names
from stanch.model.drift import Answer, Named, Verdict, unasked
from stanch.model.plan import Plan

Progress = Callable[[int, int], None]
"""Told after each answer: how many there are by now, and of how many."""

_log = structlog.get_logger(__name__)


def _nobody(done: int, total: int) -> None:
    del done, total


async def check(plan: Plan, outside: Outside, progress: Progress = _nobody) -> tuple[Answer, ...]:
    """An answer for everything that is named, in document order. Never raises for what the outside world does.

    What two documents name alike is asked once.
    """
    wanted = names(plan)
    settings = outside.settings
    turns = asyncio.Semaphore(settings.at_once)
    asking: dict[tuple[str, str, tuple[tuple[str, str], ...]], asyncio.Task[tuple[Verdict, float]]] = {}
    done = 0

    def count(task: asyncio.Task[tuple[Verdict, float]]) -> None:
        nonlocal done
        if not task.cancelled():
            done += 1
            progress(done, len(asking))

    for named in wanted:
        key = (named.kind, named.name, named.where)
        if key not in asking:
            asking[key] = asyncio.create_task(_bounded(named, outside, turns))
            asking[key].add_done_callback(count)
    progress(0, len(asking))
    try:
        if asking:
            await asyncio.wait(asking.values(), timeout=settings.total_s)
    finally:
        late = [task for task in asking.values() if not task.done()]
        for task in late:
            task.cancel()
        await asyncio.gather(*asking.values(), return_exceptions=True)
        await outside.close()
    return _answers(wanted, asking, settings.total_s)


def _answers(
    wanted: Sequence[Named],
    asked: dict[tuple[str, str, tuple[tuple[str, str], ...]], "asyncio.Task[tuple[Verdict, float]]"],
    total_s: float,
) -> tuple[Answer, ...]:
    answers = []
    for named in wanted:
        task = asked[named.kind, named.name, named.where]
        if task.cancelled():
            verdict, elapsed_s = unasked(f"the check's {total_s:g} s were over"), 0.0
        else:
            verdict, elapsed_s = task.result()
        answers.append(
            Answer(named=named, presence=verdict.presence, because=verdict.because, elapsed_s=round(elapsed_s, 3))
        )
    return tuple(answers)


async def _bounded(named: Named, outside: Outside, turns: asyncio.Semaphore) -> tuple[Verdict, float]:
    async with turns:
        begun = time.monotonic()
        try:
            async with asyncio.timeout(outside.settings.timeout_s):
                verdict = await ASK[named.kind](named, outside)
        except TimeoutError:
            verdict = unasked(f"no answer within {outside.settings.timeout_s:g} s")
        except OSError as error:
            verdict = unasked(error.strerror or str(error))
        except Exception as error:  # noqa: BLE001 - a probe that breaks must say nothing of what it asked for; it is logged
            _log.exception("a probe broke", kind=named.kind, name=named.name)
            verdict = unasked(f"the probe broke: {type(error).__name__}: {error}")
        return verdict, time.monotonic() - begun
