"""Deploys and other changes: told once, with what ran before, on the timelines that they may have to do with."""

import pytest

from incident_builders import P1, plan
from stanch.incidents import lifecycle, marks, timeline
from stanch.incidents.lifecycle import Hooks
from stanch.incidents.marks import MarkKind
from stanch.model.incident import EventKind
from stanch.model.problem import Refused
from stanch.store.engine import Store

NOW = 1_795_000_000.0
PLAN = plan(P1)


async def deployed(store: Store, version: str | None = "v1", *, now: float = NOW, **more):
    given = {
        "kind": MarkKind.DEPLOY, "service": "booking", "version": version, "previous": None, "text": "", "at": None,
        "by": "ci", "now": now, **more,
    }  # fmt: skip
    return await store.write(lambda rows: marks.keep(rows, **given))


async def opened(store: Store, *, now: float, service: str = "booking") -> str:
    incident = await store.write(
        lambda rows: lifecycle.open_by_hand(
            rows, title="Slow", severity="P1", service=service, plan=PLAN, now=now, by="ann",
            hooks=Hooks(opened=(marks.recall,)),
        )
    )  # fmt: skip
    return incident.id


async def told(store: Store, incident_id: str) -> list[dict]:
    events = await store.read(lambda rows: timeline.read(rows, incident_id, kinds=(EventKind.MARK,)))
    return [event.data for event in events]


async def test_what_ran_before_is_what_was_deployed_before(store: Store):
    first, new = await deployed(store, "v1", now=NOW)
    assert (first.previous, new) == (None, True)
    await deployed(store, None, now=NOW + 50, kind=MarkKind.CHANGE, text="flag on")
    await deployed(store, "w7", now=NOW + 60, service="search")
    second, _ = await deployed(store, "v2", now=NOW + 100)
    assert second.previous == "v1"
    back, _ = await deployed(store, "v1", now=NOW + 200)
    assert back.previous == "v2"
    given, _ = await deployed(store, "v4", now=NOW + 300, previous="v3")
    assert given.previous == "v3"
    late, _ = await deployed(store, "v1.5", now=NOW + 400, at=NOW + 150)
    assert late.previous == "v2"
    found = await store.read(lambda rows: marks.listing(rows, service="booking"))
    assert [each.version for each in found] == ["v4", "v1", "v1.5", "v2", None, "v1"]


async def test_what_is_told_again_is_the_same_and_later_it_is_another_deploy(store: Store):
    first, _ = await deployed(store, now=NOW)
    again, new = await deployed(store, now=NOW + marks.REPEAT_S - 1)
    assert (again.id, new) == (first.id, False)
    _, new = await deployed(store, now=NOW + marks.REPEAT_S + 1)
    assert new
    flag = {"kind": MarkKind.CHANGE, "version": None}
    _, new = await deployed(store, now=NOW + 4000, text="flag on", **flag)
    assert new
    _, new = await deployed(store, now=NOW + 4100, text="flag on", **flag)
    assert not new
    _, new = await deployed(store, now=NOW + 4200, text="flag off", **flag)
    assert new
    dated, new = await deployed(store, "v9", now=NOW + 5000, at=NOW + 4000)
    assert new
    again, new = await deployed(store, "v9", now=NOW + 90_000, at=NOW + 4000)
    assert (again.id, new) == (dated.id, False)


async def test_a_change_stands_on_the_open_incidents_of_its_service_alone(store: Store):
    mine, other = await opened(store, now=NOW), await opened(store, now=NOW, service="search")
    over = await opened(store, now=NOW, service="booking-old")
    anywhere = await opened(store, now=NOW, service="")
    await deployed(store, "v2", now=NOW + 10, previous="v1")
    (event,) = await told(store, mine)
    assert event["text"] == "booking: deployed v2 (before: v1)"
    assert (event["version"], event["previous"], event["at"]) == ("v2", "v1", NOW + 10)
    assert await told(store, other) == []
    assert await told(store, over) == []
    assert len(await told(store, anywhere)) == 1


async def test_an_incident_that_opens_shows_what_was_changed_in_the_day_before(store: Store):
    await deployed(store, "v0", now=NOW - 2 * marks.RECALLED_S)
    await deployed(store, "v1", now=NOW - 7200)
    await deployed(store, "v2", now=NOW - 720, text="by the release train")
    await deployed(store, "w1", now=NOW - 60, service="search")
    texts = [(each["text"], each["ago"]) for each in await told(store, await opened(store, now=NOW))]
    assert texts == [
        ("booking: deployed v1 (before: v0)", "2 h before"),
        ("booking: by the release train (before: v1)", "12 min before"),
    ]
    assert await store.read(timeline.verify) == ()


async def test_of_many_the_latest_few_are_shown(store: Store):
    for number in range(8):
        await deployed(store, f"v{number}", now=NOW - 1000 + number)
    versions = [each["version"] for each in await told(store, await opened(store, now=NOW))]
    assert versions == ["v3", "v4", "v5", "v6", "v7"]


@pytest.mark.parametrize("at", [NOW + 3600, NOW - 400 * 86_400])
async def test_a_time_that_cannot_be_is_refused(store: Store, at: float):
    with pytest.raises(Refused, match="in the future, or more than a year ago"):
        await deployed(store, at=at)
    assert await store.read(marks.listing) == ()
