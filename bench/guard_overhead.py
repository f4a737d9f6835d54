"""What the guard costs a request, in microseconds: the same ASGI application bare and guarded, in one run.

CPU time, not the clock's. The cases take turns, round after round, and each shows the median of its rounds, so that a
machine that slows down slows all of them.
"""

import asyncio
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry

from stanch.guard import Guard
from stanch.model.traffic import ConcurrencyLimit, TrafficState

REQUESTS = 20_000
ROUNDS = 15
SCOPE = {"type": "http", "path": "/appointments"}


async def application(_scope: Any, _receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})


async def receive() -> dict[str, Any]:
    return {"type": "http.request"}


async def send(_message: Any) -> None:
    return None


def guarded(directory: Path, name: str, controls: tuple[ConcurrencyLimit, ...]) -> Guard:
    path = directory / f"{name}.json"
    path.write_text(json.dumps(TrafficState(version=1, controls=controls).document()))
    return Guard(application, path, registry=CollectorRegistry())


def limit(id_: str, path: str, **changes: Any) -> ConcurrencyLimit:
    return ConcurrencyLimit(id=id_, incident="42", path=path, expires_at=time.time() + 3600.0, **changes)


async def one_round(asgi: Any) -> float:
    """Microseconds a request."""
    began = time.process_time()
    for _ in range(REQUESTS):
        await asgi(SCOPE, receive, send)
    return (time.process_time() - began) / REQUESTS * 1e6


async def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        elsewhere = tuple(limit(f"c{n}", f"/path{n}", limit=2) for n in range(10))
        full = guarded(directory, "refusing", (limit("c", "/appointments", limit=1, queue=0),))
        cases = {
            "bare": application,
            "no_control": guarded(directory, "none", ()),
            "one_control_admits": guarded(directory, "one", (limit("c", "/appointments", limit=2),)),
            "ten_controls_elsewhere": guarded(directory, "ten", elsewhere),
            "one_control_refuses": full,
        }
        held = asyncio.Event()
        full._app = _until(held)  # noqa: SLF001 - one request stays in, so that the next are refused
        staying = asyncio.ensure_future(full(SCOPE, receive, send))
        await asyncio.sleep(0)
        rounds: dict[str, list[float]] = {case: [] for case in cases}
        for _ in range(ROUNDS):
            for case, asgi in cases.items():
                rounds[case].append(await one_round(asgi))
        held.set()
        await staying
    microseconds = {case: statistics.median(times) for case, times in rounds.items()}
    bare = microseconds["bare"]
    added = {case: round(time - bare, 2) for case, time in microseconds.items() if case != "bare"}
    print(json.dumps({"requests": REQUESTS, "rounds": ROUNDS, "bare_us": round(bare, 2), "added_us": added}))


def _until(event: asyncio.Event) -> Any:
    async def waiting(_scope: Any, _receive: Any, _send: Any) -> None:
        await event.wait()

    return waiting


if __name__ == "__main__":
    asyncio.run(main())
