"""The traffic controls of `stanch.guard`, through the state file that the guarded application reads."""

import asyncio
import fcntl
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from stanch.model.clock import Clock
from stanch.model.control import Control
from stanch.model.problem import Refused, Unusable
from stanch.model.traffic import KINDS, ConcurrencyLimit, TrafficState, parse

Change = Callable[[tuple[ConcurrencyLimit, ...]], tuple[ConcurrencyLimit, ...]]


class GuardSettings(BaseModel):
    """An application that runs behind `stanch.guard`."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    state: Path = Field(description="The file that both sides know: Stanch writes it, the guard reads it.")


class GuardConnector:
    """Writes the state whole and at once: a reader sees the old one or the new one, also after a power cut.

    A control that has expired is left out of the next state. Several processes may write.
    """

    def __init__(self, settings: GuardSettings, clock: Clock) -> None:
        self._path = settings.state
        self._clock = clock

    async def apply(self, control: Control) -> None:
        """Put `control` in force, in the place of the one with its id.

        Its `parameters` are `path` and `limit`, and may be `kind` (the action's name is taken without), `queue`,
        `max_wait_s` and `retry_after_s`. Raises Refused for parameters that no guard could hold to, Unusable where
        the file cannot be written; nothing has changed then.
        """
        told = _limit(control)
        await self._change(lambda controls: (*(each for each in controls if each.id != told.id), told))

    async def withdraw(self, control_id: str) -> bool:
        """Take a control off; False where it was not in force. Raises Unusable."""
        before, _ = await self._change(lambda controls: tuple(each for each in controls if each.id != control_id))
        return any(each.id == control_id for each in before)

    async def in_force(self) -> tuple[ConcurrencyLimit, ...]:
        """What the guard holds to now. Raises Unusable where the file cannot be read."""
        state = await asyncio.to_thread(self._read)
        return self._unexpired(state)

    async def version(self) -> int:
        """The version of the state as written; the guard shows its own as `stanch_guard_state_version`."""
        return (await asyncio.to_thread(self._read)).version

    async def _change(self, change: Change) -> tuple[tuple[ConcurrencyLimit, ...], tuple[ConcurrencyLimit, ...]]:
        return await asyncio.to_thread(self._change_now, change)

    def _change_now(self, change: Change) -> tuple[tuple[ConcurrencyLimit, ...], tuple[ConcurrencyLimit, ...]]:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._locked():
                state = self._read()
                before = self._unexpired(state)
                after = change(before)
                if after != state.controls:
                    self._write(TrafficState(version=state.version + 1, controls=after))
        except OSError as refused:
            raise Unusable(
                f"The guard's state {self._path} cannot be written: {refused.strerror or refused}.",
                hint="No control has changed. Free space, or let Stanch write there, and try again.",
            ) from refused
        return before, after

    def _unexpired(self, state: TrafficState) -> tuple[ConcurrencyLimit, ...]:
        now = self._clock.now()
        return tuple(control for control in state.controls if control.expires_at > now)

    def _read(self) -> TrafficState:
        try:
            content = self._path.read_bytes()
        except FileNotFoundError:
            return TrafficState()
        except OSError as refused:
            raise Unusable(
                f"The guard's state {self._path} cannot be read: {refused.strerror or refused}.",
                hint="The guard cannot read it either and limits nothing.",
            ) from refused
        try:
            state, problems = parse(json.loads(content))
        except (ValueError, RecursionError) as wrong:
            raise Unusable(
                f"The guard's state {self._path} is damaged: {wrong}.",
                hint="The guard limits nothing. Move the file away; it is written anew.",
            ) from wrong
        if problems:
            raise Unusable(
                f"The guard's state {self._path} holds what this version does not know.",
                hint="Withdraw those controls with the version that wrote them, or move the file away.",
                problems=problems,
            )
        return state

    def _write(self, state: TrafficState) -> None:
        content = json.dumps(state.document(), indent=2).encode()
        descriptor, name = tempfile.mkstemp(dir=self._path.parent, prefix=f".{self._path.name}.")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fchmod(file.fileno(), 0o644)  # the application may run as another user
                os.fsync(file.fileno())
            Path(name).replace(self._path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        directory = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with self._path.with_name(f"{self._path.name}.lock").open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _limit(control: Control) -> ConcurrencyLimit:
    parameters = dict(control.parameters)
    kind = parameters.pop("kind", control.action)
    if kind not in KINDS:
        raise Refused(
            f"The guard knows no control '{kind}'.", hint=f"It knows {', '.join(sorted(KINDS))}; nothing was changed."
        )
    entry = {
        **parameters,
        "kind": kind,
        "id": control.id,
        "incident": control.incident_id,
        "expires_at": control.expires_at,
    }
    state, problems = parse({"version": 0, "controls": [entry]})
    if problems:
        raise Refused(
            f"The guard cannot hold to '{control.text}'.",
            hint="Correct the parameters; nothing was changed.",
            problems=tuple(replace(problem, code="control-parameters") for problem in problems),
        )
    return state.controls[0]
