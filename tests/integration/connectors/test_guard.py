"""Traffic controls, written for the guard to read."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from stanch.connectors.guard import GuardConnector, GuardSettings
from stanch.guard import Guard
from stanch.model.clock import ManualClock
from stanch.model.control import Control, ControlState
from stanch.model.problem import Refused, Unusable
from stanch.model.traffic import parse


def control(clock: ManualClock, id_: str = "c1", *, lives_s: float = 600.0, **parameters: Any) -> Control:
    return Control(
        id=id_,
        incident_id="42",
        run_id=None,
        action="limit_concurrency",
        text="cap /appointments at 2",
        owner="oncall",
        state=ControlState.APPLYING,
        applied_at=clock.now(),
        expires_at=clock.now() + lives_s,
        parameters={"path": "/appointments", "limit": 2, **parameters},
    )


def written(path: Path) -> list[str] | None:
    """The ids of the controls in the file; None where there is none."""
    return [entry["id"] for entry in json.loads(path.read_bytes())["controls"]] if path.exists() else None


def spoil(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("{")


def is_spoiled(path: Path) -> bool:
    return path.read_text() == "{"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "guard.json"


@pytest.fixture
def connector(path: Path, clock: ManualClock) -> GuardConnector:
    return GuardConnector(GuardSettings(state=path), clock)


async def test_what_is_applied_is_in_force_until_it_is_withdrawn(connector: GuardConnector, clock: ManualClock) -> None:
    assert await connector.in_force() == ()
    await connector.apply(control(clock, max_wait_s=0.25, queue=9))
    (limit,) = await connector.in_force()
    assert (limit.id, limit.incident, limit.path, limit.limit) == ("c1", "42", "/appointments", 2)
    assert (limit.max_wait_s, limit.queue, limit.expires_at) == (0.25, 9, clock.now() + 600.0)
    assert await connector.withdraw("c1")
    assert await connector.in_force() == ()
    assert not await connector.withdraw("c1")


async def test_every_change_is_a_new_version_and_what_changes_nothing_is_none(
    connector: GuardConnector, clock: ManualClock
) -> None:
    await connector.apply(control(clock))
    await connector.apply(control(clock, "c2", path="/tokens"))
    assert await connector.version() == 2
    await connector.apply(control(clock, "c2", path="/tokens"))
    await connector.withdraw("unknown")
    assert await connector.version() == 2
    await connector.withdraw("c2")
    assert await connector.version() == 3


async def test_a_control_applied_again_is_replaced(connector: GuardConnector, clock: ManualClock) -> None:
    await connector.apply(control(clock))
    await connector.apply(control(clock, limit=5))
    assert [limit.limit for limit in await connector.in_force()] == [5]


async def test_what_has_expired_is_not_in_force_and_is_dropped_from_the_file(
    connector: GuardConnector, clock: ManualClock, path: Path
) -> None:
    await connector.apply(control(clock, lives_s=60.0))
    await clock.advance(60.0)
    assert await connector.in_force() == ()
    await connector.apply(control(clock, "c2"))
    assert written(path) == ["c2"]


async def test_a_guard_reads_what_the_connector_writes(
    connector: GuardConnector, clock: ManualClock, path: Path
) -> None:
    registry = CollectorRegistry()
    Guard(_never, path, registry=registry, clock=clock)
    await connector.apply(control(clock))
    assert registry.get_sample_value("stanch_guard_state_version") == await connector.version()
    assert registry.get_sample_value("stanch_guard_running", {"control": "c1"}) == 0


async def _never(*_arguments: object) -> None:
    raise AssertionError("no request is made")


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({"limit": 0}, "limit must be at least 1"),
        ({"limit": "2"}, "limit must be int"),
        ({"path": "appointments"}, "path must begin with /"),
        ({"burst": 3}, "unknown burst"),
    ],
)
async def test_parameters_that_no_guard_could_hold_to_are_refused(
    connector: GuardConnector, clock: ManualClock, path: Path, parameters: dict[str, Any], told: str
) -> None:
    with pytest.raises(Refused) as refused:
        await connector.apply(control(clock, **parameters))
    assert told in refused.value.problems[0].message
    assert written(path) is None


async def test_an_action_that_the_guard_does_not_know_is_refused(connector: GuardConnector, clock: ManualClock) -> None:
    with pytest.raises(Refused, match="knows no control 'block_source'"):
        await connector.apply(control(clock, kind="block_source"))


async def test_a_damaged_file_is_told_and_left_as_it_is(
    connector: GuardConnector, clock: ManualClock, path: Path
) -> None:
    spoil(path)
    for attempt in (connector.apply(control(clock)), connector.withdraw("c1"), connector.in_force()):
        with pytest.raises(Unusable, match="is damaged"):
            await attempt
    assert is_spoiled(path)


async def test_a_place_that_cannot_be_written_is_told(clock: ManualClock, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    connector = GuardConnector(GuardSettings(state=tmp_path / "file" / "guard.json"), clock)
    with pytest.raises(Unusable, match="cannot be written"):
        await connector.apply(control(clock))


async def test_two_writers_lose_nothing_and_a_reader_never_sees_half(clock: ManualClock, path: Path) -> None:
    writers = [GuardConnector(GuardSettings(state=path), clock) for _ in range(2)]
    await writers[0].apply(control(clock, "first"))
    done = asyncio.Event()

    def read_until_done() -> int:
        versions = set()
        while not done.is_set():
            state, problems = parse(json.loads(path.read_bytes()))
            assert not problems
            assert len(state.controls) == state.version
            versions.add(state.version)
        return len(versions)

    reading = asyncio.create_task(asyncio.to_thread(read_until_done))
    await asyncio.gather(*(writers[n % 2].apply(control(clock, f"c{n}")) for n in range(20)))
    done.set()
    assert await reading >= 2
    assert len(await writers[0].in_force()) == 21
    assert [entry.name for entry in path.parent.iterdir() if entry.name.startswith(".")] == []


def test_the_application_may_read_it_as_another_user(connector: GuardConnector, clock: ManualClock, path: Path) -> None:
    asyncio.run(connector.apply(control(clock)))
    assert path.stat().st_mode & 0o777 == 0o644
