"""What the clinic tells of its requests: OpenTelemetry's HTTP server metrics and a JSON access log."""

import json
import os
import re
import secrets
import time
from collections.abc import Awaitable, Callable, MutableMapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Any, Any, Any], Awaitable[None]]  # each framework has its own types for the three

UNOBSERVED = frozenset({"/metrics", "/health"})
"""What watches the clinic is not its traffic."""

_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 15.0, 20.0, 30.0)
_TRACEPARENT = re.compile(rb"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")  # W3C Trace Context
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Observation:
    """Wraps the application. It leaves what only it knows in `scope["state"]`: `subject`, `token`, `records`."""

    def __init__(self, app: Application, *, release: str, access_log: "AccessLog", registry: CollectorRegistry) -> None:
        self._app = app
        self._release = release
        self._log = access_log
        self._duration = Histogram(
            "http_server_request_duration_seconds",
            "How long the server took to answer.",
            ("http_request_method", "http_route", "http_response_status_code"),
            buckets=_BUCKETS,
            registry=registry,
        )
        self._active = Gauge("http_server_active_requests", "Requests being answered.", registry=registry)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in UNOBSERVED:
            await self._app(scope, receive, send)
            return
        status, size = 500, 0
        trace_id = _trace_id(scope)

        async def observed(message: Message) -> None:
            nonlocal status, size
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"x-trace-id", trace_id.encode())]
            elif message["type"] == "http.response.body":
                size += len(message.get("body", b""))
            await send(message)

        scope.setdefault("state", {})
        self._active.inc()
        began = time.perf_counter()
        try:
            await self._app(scope, receive, observed)
        finally:
            took = time.perf_counter() - began
            self._active.dec()
            route = scope.get("path_template") or "unknown"
            method = scope["method"] if scope["method"] in _METHODS else "_OTHER"
            self._duration.labels(method, route, status).observe(took)
            told = scope["state"]
            self._log.write(
                {
                    "time": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
                    "method": scope["method"],
                    "route": route,
                    "path": scope["path"],
                    "query": scope["query_string"].decode("latin-1"),
                    "status": status,
                    "duration_s": round(took, 6),
                    "bytes": size,
                    "subject": told.get("subject", "anonymous"),
                    "token": told.get("token"),
                    "client": scope["client"][0] if scope.get("client") else None,
                    "trace_id": trace_id,
                    "release": self._release,
                    "records": told.get("records", []),
                }
            )


class AccessLog:
    """One JSON object a line. A disk that is full loses lines, never requests; the lost ones are counted."""

    def __init__(self, path: Path | None, registry: CollectorRegistry) -> None:
        """Standard output without a path. Raises OSError where the file cannot be opened."""
        # Unbuffered, so that a line that failed is not tried again with the next one.
        self._file = os.fdopen(1, "wb", 0, closefd=False) if path is None else path.open("ab", buffering=0)
        self._lost = Counter("clinic_access_log_lost_lines", "Lines that could not be written.", registry=registry)

    def write(self, entry: dict[str, Any]) -> None:
        line = json.dumps(entry, separators=(",", ":")).encode() + b"\n"
        try:
            written = self._file.write(line)
        except OSError:
            written = 0
        if written != len(line):
            self._lost.inc()

    def close(self) -> None:
        self._file.close()


def _trace_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"traceparent" and (match := _TRACEPARENT.fullmatch(value)):
            return match[1].decode()
    return secrets.token_hex(16)
