"""Whole procedures on a real control plane, the server killed in the middle of every step that changes something.

The server is a process, its store a file, its commands kubectl and helm. A change that is held at the API server's
gate is in flight: asked for by the command, not made yet. That is when the server dies. How often each change was
made is counted in the API server's audit log.
"""

import asyncio
import base64
import json
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import runbook_runs
from cluster import healthcare
from cluster.control_plane import ControlPlane
from cluster.healthcare import DEPLOYMENT, GOOD, NAMESPACE, RELEASE, SECRET
from cluster.server import Server
from waiting import until

pytestmark = pytest.mark.kubernetes

Step = dict[str, Any]
NEW_URL = "postgres://booking@healthcare-prod-restored/booking"
BROKEN = "api-gateway-broken"


@dataclass(frozen=True, slots=True, kw_only=True)
class InFlight:
    """The change during which the server dies, as the gate sees it.

    It is made while no server runs, or where it `outlasts` that, when the next server has found it still going on.
    """

    operation: str
    resource: str
    name: str = DEPLOYMENT
    outlasts: bool = False


@dataclass(kw_only=True)
class Story:
    """One run with its people. `dies` says for each step that changes something when the server dies in it.

    None there is a step that a person does: the server dies while they are at it.
    """

    cluster: ControlPlane
    stanch: Server
    run: str
    dies: Mapping[str, InFlight | None]
    fill: Mapping[str, str] = field(default_factory=dict)
    offered: dict[str, list[str]] = field(default_factory=dict)
    died_in: list[str] = field(default_factory=list)

    async def record(self) -> dict[str, Any]:
        async with self.stanch.person() as administrator:
            return await administrator.run(self.run)

    async def step(self, key: str) -> Step:
        return next(each for each in (await self.record())["steps"] if each["key"] == key)

    async def turn(self) -> Step | None:
        """The step that waits for people; None once the run is over."""
        found: list[Step] = []

        async def look() -> bool:
            now = await self.record()
            found[:] = [step for step in now["steps"] if step["state"] in {"proposed", "unknown"}]
            return bool(found) or now["ended_at"] is not None

        await until(look, 120)
        return found[0] if found else None

    async def to_its_end(self) -> None:
        """Every step, with all the people that it asks for and the crashes that it is to survive."""
        while (step := await self.turn()) is not None:
            key = step["key"]
            assert step["state"] == "proposed", (key, step["because"], step["output"])
            if step.get("open_slots"):
                await self._filled(step)
            elif key in self.dies and key not in self.died_in:
                self.died_in.append(key)
                dies = self.dies[key]
                if dies is None:
                    await self._die()
                else:
                    await self._approved(step, dies)
            else:
                async with self.stanch.person("maria") as maria:
                    await maria.to("complete", step, reason="seen")

    async def _filled(self, step: Step) -> None:
        self.offered[step["key"]] = [each["value"] for each in step["offers"]]
        values = {name: self.fill[name] for name in step["open_slots"]}
        async with self.stanch.person("ana") as ana:  # who proposes what is destructive is not who approves it
            await ana.to("fill", step, values=values)

    async def _approved(self, step: Step, dies: InFlight) -> None:
        """As many say yes as it needs; the change is held, the server dies, the change is let through."""
        with self.cluster.gate.held(dies.operation, dies.resource, dies.name) as held:
            for person in ("maria", "tom")[: 2 if step["risk"] == "destructive" else 1]:
                assert not held.arrived.is_set(), "it began before everybody had said yes"
                async with self.stanch.person(person) as somebody:
                    await somebody.approve(step)
            assert await asyncio.to_thread(held.arrived.wait, 60), f"{step['key']}: the change was never asked for"
            self.stanch.kill()
            if not dies.outlasts:
                held.released.set()
            await self.stanch.start()
            if dies.outlasts:
                await until(lambda: self._is_seen_running(step["key"]), 20)
                held.released.set()
        ended: Step = {}

        async def look() -> bool:
            ended.update(await self.step(step["key"]))
            return ended["ended_at"] is not None or ended["state"] == "unknown"

        await until(look, 120)
        assert ended["state"] == "done", (ended["key"], ended["because"], ended["output"])

    async def _is_seen_running(self, key: str) -> bool:
        return "It still runs from before the restart" in (await self.step(key))["progress"].get("text", "")

    async def _die(self) -> None:
        self.stanch.kill()
        await self.stanch.start()

    async def ended_well(self) -> None:
        """Every step is done, every one that died was begun once and has its outcome, and the record is whole."""
        record = await self.record()
        assert record["state"] == "finished"
        assert {step["key"]: step["state"] for step in record["steps"] if step["state"] != "done"} == {}
        assert set(self.died_in) == set(self.dies)
        async with self.stanch.person() as administrator:
            timeline = (await administrator.get(f"/api/incidents/{record['incident_id']}"))["timeline"]
        started = Counter(each["data"]["step"] for each in timeline if each["kind"] == "step started")
        ended = Counter(each["data"]["step"] for each in timeline if each["kind"] == "step done")
        for step in record["steps"]:
            if step["key"] not in self.dies:
                continue
            if self.dies[step["key"]] is not None:
                people = {given["by"] for given in step["approvals"]}
                assert people == ({"maria", "tom"} if step["risk"] == "destructive" else {"maria"})
                assert (step["attempt"], step["exit_status"], started[step["key"]]) == (1, 0, 1)
            assert ended[step["key"]] == 1
        assert self.stanch.command("verify") == {"verified": True, "problems": []}


@asynccontextmanager
async def incident(
    cluster: ControlPlane,
    directory: Path,
    document: Path,
    dies: Mapping[str, InFlight | None],
    fill: Mapping[str, str] | None = None,
    *,
    reader: str = "reader",
) -> AsyncIterator[Story]:
    """A P1 of the document's, opened by hand at a server of its own. What goes by itself acts as `reader`."""
    healthcare.install(cluster, directory)
    environment, reading = {"KUBECONFIG": str(cluster.kubeconfig())}, {"kube_context": reader}
    stanch = Server(runbook_runs.write_settings(directory, document, [cluster.programs], environment, reading))
    await stanch.start()
    try:
        async with stanch.person() as administrator:
            about = {"title": "Nobody can book", "severity": "P1", "service": "healthcare"}
            opened = await administrator.post("/api/incidents", about)
        run = f"{opened['incident']['id']}.1"
        yield Story(cluster=cluster, stanch=stanch, run=run, dies=dies, fill=fill or {})
    finally:
        stanch.stop()


def revisions(cluster: ControlPlane) -> list[tuple[int, str]]:
    history = json.loads(cluster.helm("history", RELEASE, "-n", NAMESPACE, "-o", "json"))
    return [(each["revision"], each["status"]) for each in history]


def changes(cluster: ControlPlane, since: int) -> Counter[tuple[str, str, str]]:
    """How often each change was made by what Stanch ran, all tests before left out."""
    return Counter((each.agent, each.verb, each.resource) for each in cluster.changes(NAMESPACE)[since:])


async def test_the_p0_p1_procedure_of_the_reference_document(cluster: ControlPlane, tmp_path: Path):
    procedure = "p0-p1-incident-response"
    dies = {
        f"{procedure}/rollback-deployment-if-needed": InFlight(
            operation="UPDATE", resource="deployments", outlasts=True
        ),
        f"{procedure}/scale-up-resources": InFlight(operation="UPDATE", resource="deployments/scale"),
        f"{procedure}/check-database-connections": None,
    }
    document = runbook_runs.runbook()
    before = len(cluster.changes(NAMESPACE))
    async with incident(cluster, tmp_path, document, dies) as story:
        # What only reads goes by itself; then the document has them wait until minute five. The server dies waiting.
        async def has_looked() -> bool:
            first = [step for step in (await story.record())["steps"] if step["phase"] == "Immediate Actions"]
            return len(first) == 3 and all(step["state"] == "done" for step in first)

        await until(has_looked, 60)
        story.stanch.kill()
        story.stanch.ahead_s = 300.0
        await story.stanch.start()
        await story.to_its_end()
        await story.ended_well()
        assert story.stanch.lives == 5

    assert healthcare.image(cluster).endswith(f":{GOOD}")
    assert healthcare.replicas(cluster) == 5
    assert revisions(cluster) == [(1, "superseded"), (2, "superseded"), (3, "deployed")]
    cluster.kubectl("rollout", "status", f"deployment/{DEPLOYMENT}", "-n", NAMESPACE, "--timeout=60s")
    made = changes(cluster, before)
    assert made["Helm", "create", "secrets"] == 1
    assert made["Helm", "patch", "deployments"] == 1
    assert made["kubectl", "patch", "deployments/scale"] == 1


async def test_filled_in_and_destructive_steps(cluster: ControlPlane, tmp_path: Path):
    steps = "p1-bad-release"
    dies = {
        f"{steps}/go-back-to-the-release-that-was-good": InFlight(operation="UPDATE", resource="deployments"),
        f"{steps}/point-it-at-the-restored-database": InFlight(
            operation="UPDATE", resource="secrets", name=SECRET, outlasts=True
        ),
        f"{steps}/have-every-pod-read-the-new-address": InFlight(operation="UPDATE", resource="deployments"),
        f"{steps}/more-of-them-for-those-who-waited": InFlight(operation="UPDATE", resource="deployments/scale"),
        f"{steps}/the-broken-pods-settings-are-of-no-use-any-more": InFlight(
            operation="DELETE", resource="configmaps", name=BROKEN
        ),
    }
    fill = {"last_known_good_tag": GOOD, "new_encoded_url": base64.b64encode(NEW_URL.encode()).decode()}
    document = Path(__file__).with_name("bad_release.md")
    before = len(cluster.changes(NAMESPACE))
    # helm keeps the history of a release in secrets, which the reader may not read.
    async with incident(cluster, tmp_path, document, dies, fill, reader="stanch") as story:
        cluster.kubectl("create", "configmap", BROKEN, "-n", NAMESPACE)
        await story.to_its_end()
        await story.ended_well()
        assert story.stanch.lives == 6
        # What helm's history printed was offered for the tag.
        assert GOOD in story.offered[f"{steps}/go-back-to-the-release-that-was-good"]

    assert healthcare.image(cluster).endswith(f":{GOOD}")
    assert healthcare.replicas(cluster) == 6
    assert healthcare.database_url(cluster) == NEW_URL
    assert BROKEN not in cluster.kubectl("get", "configmaps", "-n", NAMESPACE, "-o", "name")
    assert revisions(cluster) == [(1, "superseded"), (2, "superseded"), (3, "deployed")]
    made = changes(cluster, before)
    assert made["Helm", "create", "secrets"] == 1
    assert made["Helm", "patch", "deployments"] == 1
    assert made["kubectl", "patch", "secrets"] == 1
    assert made["kubectl", "patch", "deployments"] == 1
    assert made["kubectl", "patch", "deployments/scale"] == 1
    assert made["kubectl", "delete", "configmaps"] == 1
