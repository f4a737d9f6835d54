"""The guard around an application, told by a file."""

import asyncio
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from stanch.guard import Guard
from stanch.model.clock import ManualClock
from stanch.model.traffic import ConcurrencyLimit, TrafficState

LOOK_S = 0.2


class Application:
    """Holds every request until it is let go."""

    def __init__(self) -> None:
        self.began: list[str] = []
        self.go = asyncio.Event()
        self.fails = False

    async def __call__(self, scope: Any, _receive: Any, send: Any) -> None:
        self.began.append(scope.get("path", scope["type"]))
        await self.go.wait()
        if self.fails:
            raise RuntimeError("broken")
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"done"})


class Scene:
    """An application behind a guard, with a clock that moves when told to."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.clock = ManualClock()
        self.registry = CollectorRegistry()
        self.application = Application()
        self.guard = Guard(self.application, path, registry=self.registry, clock=self.clock)
        self.version = 0

    def limit(self, id_: str = "c1", **changes: Any) -> ConcurrencyLimit:
        defaults = {"incident": "42", "path": "/appointments", "limit": 1, "queue": 1}
        return ConcurrencyLimit(**{"id": id_, "expires_at": self.clock.now() + 600.0, **defaults, **changes})

    async def tell(self, *controls: ConcurrencyLimit) -> None:
        """Write the state, and let the guard's next look be due."""
        self.version += 1
        self.write(json.dumps(TrafficState(version=self.version, controls=controls).document()).encode())
        await self.clock.advance(LOOK_S)

    def write(self, content: bytes) -> None:
        new = self.path.with_suffix(".new")
        new.write_bytes(content)
        new.replace(self.path)

    async def ask(self, path: str = "/appointments", kind: str = "http") -> "Asked":
        """A request that has got as far as it gets for now."""
        asked = Asked()
        asked.task = asyncio.ensure_future(self.guard({"type": kind, "path": path}, self._receive, asked.send))
        for _ in range(5):
            await asyncio.sleep(0)
        return asked

    async def _receive(self) -> Any:
        raise AssertionError("nobody reads a body here")

    def sample(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(name, labels)


class Asked:
    def __init__(self) -> None:
        self.task: asyncio.Future[None] = asyncio.Future()
        self.status = 0
        self.headers: dict[str, str] = {}
        self.body = b""

    async def send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        else:
            self.body += message["body"]


@pytest.fixture
async def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path / "guard.json")


async def finish(scene: Scene, *asked: Asked) -> list[int]:
    scene.application.go.set()
    await asyncio.gather(*(each.task for each in asked))
    return [each.status for each in asked]


async def test_without_a_file_everything_passes(scene: Scene) -> None:
    asked = [await scene.ask() for _ in range(5)]
    assert len(scene.application.began) == 5
    assert await finish(scene, *asked) == [200] * 5
    assert scene.sample("stanch_guard_state_errors_total") == 0


async def test_a_limit_lets_one_in_holds_one_and_refuses_the_third_by_the_incidents_name(scene: Scene) -> None:
    await scene.tell(scene.limit(retry_after_s=3))
    first, second, third = [await scene.ask() for _ in range(3)]
    assert len(scene.application.began) == 1
    assert third.status == 503
    assert third.headers["retry-after"] == "3"
    assert third.headers["content-type"] == "application/json"
    error = json.loads(third.body)["error"]
    assert (error["code"], error["incident"], error["control"]) == ("overloaded", "42", "c1")
    assert "incident 42" in error["message"]
    assert scene.sample("stanch_guard_running", control="c1") == 1
    assert scene.sample("stanch_guard_waiting", control="c1") == 1
    assert await finish(scene, first, second) == [200, 200]
    counted = {
        decision: scene.sample("stanch_guard_requests_total", control="c1", decision=decision)
        for decision in ("admitted", "admitted_late", "refused_full", "refused_late")
    }
    assert counted == {"admitted": 1, "admitted_late": 1, "refused_full": 1, "refused_late": 0}


async def test_waiting_ends_with_a_refusal(scene: Scene) -> None:
    await scene.tell(scene.limit(max_wait_s=0.5))
    first, second = await scene.ask(), await scene.ask()
    await scene.clock.advance(0.6)
    assert second.status == 503
    assert await finish(scene, first) == [200]


async def test_other_paths_and_those_that_watch_pass(scene: Scene) -> None:
    await scene.tell(scene.limit(path="/", queue=0))
    held = await scene.ask("/appointments")
    watching = [await scene.ask(path) for path in ("/metrics", "/health", "/health/ready")]
    refused = await scene.ask("/healthy")
    assert refused.status == 503
    assert await finish(scene, held, *watching) == [200] * 4


@pytest.mark.parametrize("kind", ["websocket", "lifespan"])
async def test_what_is_no_request_passes(scene: Scene, kind: str) -> None:
    await scene.tell(scene.limit(path="/"))
    asked = [await scene.ask("/chat", kind) for _ in range(3)]
    assert len(scene.application.began) == 3
    await finish(scene, *asked)


async def test_a_failing_application_gives_its_place_back(scene: Scene) -> None:
    await scene.tell(scene.limit(queue=0))
    scene.application.fails = True
    first = await scene.ask()
    scene.application.go.set()
    with pytest.raises(RuntimeError, match="broken"):
        await first.task
    scene.application.fails = False
    assert await finish(scene, await scene.ask()) == [200]


async def test_a_control_ends_by_itself_with_nobody_there_to_withdraw_it(scene: Scene) -> None:
    await scene.tell(scene.limit(queue=0, expires_at=scene.clock.now() + 60.0))
    first = await scene.ask()
    assert (await scene.ask()).status == 503
    await scene.clock.advance(60.0)
    later = [await scene.ask() for _ in range(3)]
    assert len(scene.application.began) == 4
    assert await finish(scene, first, *later) == [200] * 4


async def test_a_withdrawn_control_lets_the_waiting_in(scene: Scene) -> None:
    await scene.tell(scene.limit(max_wait_s=30.0))
    first, second = await scene.ask(), await scene.ask()
    assert len(scene.application.began) == 1
    await scene.tell()
    third = await scene.ask()
    assert len(scene.application.began) == 3
    assert await finish(scene, first, second, third) == [200] * 3


async def test_new_numbers_hold_at_once_and_keep_who_runs(scene: Scene) -> None:
    await scene.tell(scene.limit(limit=1, queue=0))
    first = await scene.ask()
    await scene.tell(scene.limit(limit=2, queue=0))
    second, third = await scene.ask(), await scene.ask()
    assert (len(scene.application.began), third.status) == (2, 503)
    assert await finish(scene, first, second) == [200, 200]


async def test_a_request_under_two_controls_needs_both_and_gives_the_first_back(scene: Scene) -> None:
    await scene.tell(
        scene.limit("a", path="/", limit=2, queue=0), scene.limit("b", path="/appointments", limit=1, queue=0)
    )
    first, second = await scene.ask(), await scene.ask()
    assert json.loads(second.body)["error"]["control"] == "b"
    assert scene.sample("stanch_guard_running", control="a") == 1
    third = await scene.ask("/patients")
    assert len(scene.application.began) == 2
    assert await finish(scene, first, third) == [200, 200]


async def test_the_file_is_looked_at_five_times_a_second_at_most(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = 0
    stat = Path.stat

    def counting(path: Path, **options: Any) -> os.stat_result:
        nonlocal looks
        looks += path == scene.path
        return stat(path, **options)

    monkeypatch.setattr(Path, "stat", counting)
    scene.application.go.set()
    for _ in range(100):
        await finish(scene, await scene.ask())
        await scene.clock.advance(0.01)
    assert 4 <= looks <= 6


Damage = Callable[[Path], object]


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(b"{"),
        lambda path: path.write_bytes(b"\xff\xfe"),
        lambda path: path.write_bytes(b"[]"),
        lambda path: path.write_bytes(b"[" * 100_000),
        lambda path: path.write_bytes(b" " * 1_000_001),
        lambda path: path.mkdir(),
        lambda path: path.symlink_to(path),
    ],
    ids=["cut short", "not text", "foreign", "nested", "too large", "a directory", "a loop"],
)
async def test_a_file_that_cannot_be_read_limits_nothing_and_is_counted_once(scene: Scene, damage: Damage) -> None:
    await scene.tell(scene.limit(queue=0))
    first = await scene.ask()
    scene.path.unlink()
    damage(scene.path)
    await scene.clock.advance(LOOK_S)
    later = [await scene.ask() for _ in range(3)]
    await scene.clock.advance(LOOK_S)
    later.append(await scene.ask())
    assert len(scene.application.began) == 5
    assert scene.sample("stanch_guard_state_errors_total") == 1
    assert scene.sample("stanch_guard_state_version") == 0
    assert await finish(scene, first, *later) == [200] * 5


async def test_a_control_of_a_later_version_is_counted_and_the_others_hold(scene: Scene) -> None:
    document = TrafficState(version=1, controls=(scene.limit(queue=0),)).document()
    document["controls"].insert(0, {"id": "c0", "kind": "block_source", "incident": "42"})
    scene.write(json.dumps(document).encode())
    first, second = await scene.ask(), await scene.ask()
    assert second.status == 503
    assert scene.sample("stanch_guard_state_errors_total") == 1
    assert await finish(scene, first) == [200]


async def test_the_version_in_force_is_shown_without_a_request(scene: Scene) -> None:
    await scene.tell(scene.limit())
    assert scene.sample("stanch_guard_state_version") == 1
    await scene.tell()
    assert scene.sample("stanch_guard_state_version") == 2
