"""The world outside, as probes may ask it: programs, targets, databases, each with an identity that only reads."""

import asyncio
import os
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import httpx

from stanch.catalogue.signals import SIGNALS
from stanch.drift.settings import DriftSettings
from stanch.model.problem import Problem
from stanch.model.record import record
from stanch.model.signal import Signal
from stanch.signals.exposition import Labels, parse
from stanch.signals.sources.scrape import Target, fetch

_MOST_BYTES = 262_144


class Database(Protocol):
    """A database that is asked through a read-only session."""

    async def query(self, statement: str) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
        """Column names and rows. Raises Refused, and what its driver raises where it cannot be reached."""
        ...


@record
class Ended:
    """A program that ended: its status and what it wrote, cut to what a probe reads."""

    status: int
    out: str
    err: str


@record
class Exposed:
    """What one target exposes: its series by metric name, or why it could not be scraped."""

    target: str
    series: Mapping[str, tuple[Labels, ...]]
    problem: str = ""


@dataclass(slots=True, kw_only=True)
class Outside:
    """What may be asked. `path` is where programs are looked for, `environment` all that they are given.

    `default_database` is the one that SQL blocks run on, `names_of` what databases call themselves.
    Targets are scraped once for all questions of a check.
    """

    settings: DriftSettings = field(default_factory=DriftSettings)
    path: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    databases: Mapping[str, Database] = field(default_factory=dict)
    default_database: str | None = None
    names_of: Mapping[str, str] = field(default_factory=dict)
    targets: Sequence[Target] = ()
    signals: Mapping[str, Signal] = field(default_factory=lambda: SIGNALS)
    _scraped: "asyncio.Task[tuple[Exposed, ...]] | None" = None

    async def run(self, argv: Sequence[str]) -> Ended:
        """Run a program without a shell, its process group killed with it where the caller is cancelled.

        Raises OSError where it cannot be started.
        """
        process = await asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**self.environment, "PATH": self.path},
            start_new_session=True,
        )
        try:
            out, err = await process.communicate()
        except asyncio.CancelledError:
            if process.returncode is None:
                os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
            raise
        texts = (raw[:_MOST_BYTES].decode("utf-8", "replace") for raw in (out, err))
        return Ended(status=process.returncode or 0, out=next(texts), err=next(texts))

    async def scraped(self) -> tuple[Exposed, ...]:
        """What every target exposes now. A question that is given up does not end the scrape of the others."""
        if self._scraped is None:
            self._scraped = asyncio.create_task(self._scrape())
        return await asyncio.shield(self._scraped)

    async def _scrape(self) -> tuple[Exposed, ...]:
        async with httpx.AsyncClient(trust_env=False, follow_redirects=False) as client:
            return tuple(await asyncio.gather(*(_exposed(client, target) for target in self.targets)))

    async def close(self) -> None:
        """Forget what was scraped, so that the next check sees it anew."""
        if self._scraped is not None:
            self._scraped.cancel()
            await asyncio.gather(self._scraped, return_exceptions=True)
            self._scraped = None


async def _exposed(client: httpx.AsyncClient, target: Target) -> Exposed:
    answer = await fetch(client, target)
    if isinstance(answer, Problem):
        return Exposed(target=target.name, series={}, problem=answer.message)
    read = parse(answer.text, 0.0, target.labels, open_metrics=answer.open_metrics)
    if read.problems:
        return Exposed(target=target.name, series={}, problem=read.problems[0].message)
    series: dict[str, list[Labels]] = {}
    for sample, _ in read.values:
        series.setdefault(sample.metric, []).append(sample.labels)
    return Exposed(target=target.name, series={name: tuple(found) for name, found in series.items()})
