"""The guard around an ASGI application: holds requests to the traffic controls in force."""

import json
import math
from collections.abc import Awaitable, Callable, Iterator, MutableMapping, Sequence
from pathlib import Path
from typing import Any

from prometheus_client import REGISTRY, CollectorRegistry, Counter
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from stanch.guard.limiter import Counts, Decision, Limiter
from stanch.guard.state import StateFile
from stanch.model.clock import Clock, SystemClock
from stanch.model.traffic import ConcurrencyLimit

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Any, Any, Any], Awaitable[None]]  # each framework has its own types for the three


class Guard:
    """Wraps `app`, outside everything that counts or logs its requests: a refusal is not the application's error.

    `state` is the file that Stanch writes; without one nothing is limited. Paths in `exempt` (and below them) pass
    always, so that watching goes on. Metrics go to `registry`: `stanch_guard_requests_total{control,decision}`,
    `stanch_guard_state_version`, `stanch_guard_state_errors_total`, `stanch_guard_running{control}` and
    `stanch_guard_waiting{control}`. Each worker process limits for itself. An application that blocks the event loop
    cannot be guarded.
    """

    def __init__(
        self,
        app: Application,
        state: Path,
        *,
        registry: CollectorRegistry = REGISTRY,
        clock: Clock | None = None,
        exempt: Sequence[str] = ("/metrics", "/health"),
    ) -> None:
        self._app = app
        self._clock = SystemClock() if clock is None else clock
        self._file = StateFile(state, self._clock)
        self._exempt = frozenset(exempt)
        self._limiters: dict[str, Limiter] = {}
        self._in_order: tuple[Limiter, ...] = ()
        self._first_expiry = math.inf
        self._requests = Counter(
            "stanch_guard_requests", "Requests under a control.", ("control", "decision"), registry=registry
        )
        registry.register(self)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._refresh()
        if not self._in_order or scope["type"] != "http" or self._passes(scope["path"]):
            await self._app(scope, receive, send)
            return
        path = scope["path"]
        entered: list[Limiter] = []
        try:
            for limiter in self._in_order:
                if limiter.covers(path):
                    decision = limiter.enter() or await limiter.wait()
                    limiter.counts[decision].inc()
                    if decision.refused:
                        await _refuse(limiter.control, send)
                        return
                    entered.append(limiter)
            await self._app(scope, receive, send)
        finally:
            for limiter in entered:
                limiter.leave()

    def _refresh(self) -> None:
        if self._file.changed():
            wanted = {control.id: control for control in self._file.state.controls}
            for gone in self._limiters.keys() - wanted.keys():
                self._limiters.pop(gone).lift()
            for control in wanted.values():
                if control.id in self._limiters:
                    self._limiters[control.id].change(control)
                else:
                    self._limiters[control.id] = Limiter(control, self._clock, self._counts(control))
            self._arrange()
        if self._first_expiry != math.inf and self._first_expiry <= (now := self._clock.now()):
            for over in [id_ for id_, limiter in self._limiters.items() if limiter.control.expires_at <= now]:
                self._limiters.pop(over).lift()
            self._arrange()

    def _arrange(self) -> None:
        """In one order for all requests, so that two never wait for each other."""
        self._in_order = tuple(limiter for _, limiter in sorted(self._limiters.items()))
        self._first_expiry = min((limiter.control.expires_at for limiter in self._in_order), default=math.inf)

    def _counts(self, control: ConcurrencyLimit) -> Counts:
        return {decision: self._requests.labels(control.id, decision.value) for decision in Decision}

    def _passes(self, path: str) -> bool:
        return path in self._exempt or any(path.startswith(f"{exempt}/") for exempt in self._exempt)

    def collect(self) -> Iterator[Metric]:
        """The guard's state, for the registry."""
        self._refresh()
        yield GaugeMetricFamily(
            "stanch_guard_state_version", "The version of the state in force.", value=self._file.state.version
        )
        yield CounterMetricFamily(
            "stanch_guard_state_errors", "Readings of the state that failed.", value=self._file.errors
        )
        running = GaugeMetricFamily("stanch_guard_running", "Requests let in by a control.", labels=("control",))
        waiting = GaugeMetricFamily("stanch_guard_waiting", "Requests that a control holds.", labels=("control",))
        for limiter in self._in_order:
            running.add_metric((limiter.control.id,), limiter.running)
            waiting.add_metric((limiter.control.id,), limiter.waiting)
        yield running
        yield waiting


async def _refuse(control: ConcurrencyLimit, send: Send) -> None:
    body = json.dumps(
        {
            "error": {
                "code": "overloaded",
                "message": f"{control.path} takes fewer requests for now, because of incident {control.incident}.",
                "hint": f"Try again in {control.retry_after_s} s.",
                "incident": control.incident,
                "control": control.id,
            }
        }
    ).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"retry-after", str(control.retry_after_s).encode()),
        (b"cache-control", b"no-store"),
    ]
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": body})
