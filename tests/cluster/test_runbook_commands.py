"""Every kubectl and helm command of the runbook reference document, on a real control plane.

Each runs through Stanch, with the people that its risk asks for, or is handed to a person for the reason that is
stated. What became of it is asked of the cluster, not of Stanch.
"""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

import runbook_runs
from cluster import healthcare
from cluster.control_plane import ControlPlane
from cluster.healthcare import BAD, DEPLOYMENT, GOOD, NAMESPACE, RELEASE, SECRET
from cluster.node import LINES
from stanch.app import App, build
from stanch.model.clock import SystemClock
from stanch.model.run import StepRecord, StepState
from stanch.response.execution import Executor
from stanch.response.identities import Identity
from stanch.response.redaction import Redactor
from stanch.settings import load

pytestmark = pytest.mark.kubernetes

NEW_URL = "cG9zdGdyZXM6Ly9ib29raW5nQGhlYWx0aGNhcmUtcHJvZC1yZXN0b3JlZC9ib29raW5n"


def _image_is(tag: str) -> Callable[[ControlPlane], bool]:
    return lambda cluster: healthcare.image(cluster) == f"registry.example.com/{DEPLOYMENT}:{tag}"


def _replicas_are(count: int) -> Callable[[ControlPlane], bool]:
    return lambda cluster: healthcare.replicas(cluster) == count


def _rolled_back(cluster: ControlPlane) -> bool:
    history = json.loads(cluster.helm("history", RELEASE, "-n", NAMESPACE, "-o", "json"))
    return [each["description"] for each in history][2:] == ["Rollback to 1"] and _image_is(GOOD)(cluster)


def _restarted(cluster: ControlPlane) -> bool:
    template = cluster.get("deployment", DEPLOYMENT, NAMESPACE)["spec"]["template"]
    return "kubectl.kubernetes.io/restartedAt" in template["metadata"].get("annotations", {})


def _upgraded(cluster: ControlPlane) -> bool:
    history = json.loads(cluster.helm("history", RELEASE, "-n", NAMESPACE, "-o", "json"))
    return [each["revision"] for each in history] == [1, 2, 3] and _image_is(GOOD)(cluster)


def _secret_is_new(cluster: ControlPlane) -> bool:
    return healthcare.database_url(cluster) == "postgres://booking@healthcare-prod-restored/booking"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ends:
    """How a command ends: `people` said yes; what it `shows`, or why it is a person's; what is true of the cluster."""

    people: int = 0
    by_hand: str | None = None
    shows: str = ""
    fill: dict[str, str] = field(default_factory=dict)
    after: Callable[[ControlPlane], bool] | None = None


TERMINAL = "It needs a terminal. Run it yourself."
EXPECTED = {
    "p0-p1-incident-response/check-system-status": Ends(shows="Running"),
    "p0-p1-incident-response/check-system-status-2": Ends(shows=f"{DEPLOYMENT}   ClusterIP"),
    "p0-p1-incident-response/check-logs": Ends(shows=f"{LINES[-1]}\n{LINES[-1]}"),
    "p0-p1-incident-response/rollback-deployment-if-needed": Ends(
        people=1, shows="Rollback was a success!", after=_rolled_back
    ),
    "p0-p1-incident-response/scale-up-resources": Ends(people=1, shows="scaled", after=_replicas_are(5)),
    "p0-p1-incident-response/check-database-connections": Ends(people=1, by_hand=TERMINAL),
    "database-connection-issues/check-connection-pool": Ends(
        shows="\n".join(each for each in LINES if "connection" in each)
    ),
    "database-connection-issues/restart-service": Ends(people=1, shows="restarted", after=_restarted),
    "high-memory-usage/check-memory-usage": Ends(shows="900Mi"),
    "high-memory-usage/check-for-memory-leaks": Ends(people=1, by_hand=TERMINAL),
    "high-memory-usage/scale-horizontally": Ends(people=1, shows="scaled", after=_replicas_are(10)),
    "redis-cache-issues/clear-cache-if-needed": Ends(people=2, by_hand=TERMINAL),
    "database-recovery/update-connection-strings": Ends(
        people=2, fill={"<new-encoded-url>": NEW_URL}, shows=f"secret/{SECRET} patched", after=_secret_is_new
    ),
    "complete-service-recovery/deploy-from-known-good-state": Ends(
        people=1, fill={"<last-known-good-tag>": GOOD}, shows="REVISION: 3", after=_upgraded
    ),
    "complete-service-recovery/verify-health": Ends(shows="Running"),
}
PROGRAMS = ("kubectl", "helm")
PROCEDURES = tuple(dict.fromkeys(key.split("/")[0] for key in EXPECTED))


def test_no_command_of_the_document_is_left_out():
    document = runbook_runs.runbook()
    assert set(runbook_runs.steps_of(document, *PROGRAMS)) == set(EXPECTED)
    written = [line.strip() for line in document.read_text().splitlines()]
    assert sum(line.startswith(("kubectl ", "helm ")) for line in written) == len(EXPECTED)


@pytest.mark.parametrize("name", PROCEDURES)
async def test_the_commands_do_what_they_say(cluster: ControlPlane, tmp_path: Path, name: str):
    document = runbook_runs.runbook()
    healthcare.install(cluster, tmp_path)
    assert _image_is(BAD)(cluster)
    before = cluster.requests(NAMESPACE, "reader")
    environment = {"KUBECONFIG": str(cluster.kubeconfig())}
    reading = {"kube_context": "reader"}
    config = runbook_runs.write_settings(tmp_path, document, [cluster.programs], environment, reading)
    async with build(load(config)) as app:
        run = await runbook_runs.start(app, name)
        asked: dict[str, StepRecord] = {}
        while (step := await runbook_runs.turn(app, run)) is not None:
            asked.setdefault(step.key, step)
            await _answer(app, step)
        run = await runbook_runs.get(app, run)
    by_itself = Counter((each.verb, each.resource) for each in cluster.requests(NAMESPACE, "reader")[len(before) :])
    assert bool(by_itself) == any(EXPECTED[step.key].people == 0 for step in run.steps if step.key in EXPECTED)
    for step in run.steps:
        if not runbook_runs.runs_one_of(step, *PROGRAMS):
            continue
        ends = EXPECTED[step.key]
        assert step.state is StepState.DONE, (step.key, step.because, step.output)
        assert len({given.by for given in step.approvals}) == ends.people, step.key
        assert ends.shows in (step.output or ""), (step.key, step.output)
        if ends.by_hand is not None:
            assert asked[step.key].because == ends.by_hand
        if ends.after is not None:
            assert ends.after(cluster), step.key


async def test_what_goes_by_itself_can_change_nothing_however_it_was_rated(cluster: ControlPlane, tmp_path: Path):
    healthcare.install(cluster, tmp_path)
    environment = {"KUBECONFIG": str(cluster.kubeconfig()), "PATH": str(cluster.programs)}
    executor = Executor(
        clock=SystemClock(),
        redactor=Redactor(),
        directory=tmp_path,
        records=tmp_path / "records",
        environment=environment,
    )
    scale = ("kubectl", "scale", "deployment", DEPLOYMENT, "--replicas=0", "-n", NAMESPACE)
    pipeline, variables = Identity(kube_context="reader").taken_by((scale,))
    try:
        done = await executor.run(pipeline, variables=variables, step="1.1/scale", timebox_s=60)
    finally:
        executor.close()
    assert done.exit_status == 1
    assert 'User "reader" cannot patch resource "deployments/scale"' in done.output
    assert healthcare.replicas(cluster) == healthcare.REPLICAS


async def _answer(app: App, step: StepRecord) -> None:
    """What people do with it: fill it in, say yes, do it by hand; leave out what no cluster has."""
    ends = EXPECTED.get(step.key)
    if ends is None and step.command is not None:
        await runbook_runs.skip(app, step, "maria", "There is no cloud in this test.")
    elif ends is None:
        await runbook_runs.complete(app, step, "maria")
    elif ends.fill and not step.filled:
        await runbook_runs.fill(app, step, ends.fill, "ana")
    else:
        await runbook_runs.approve(app, step, "tom" if step.approvals else "maria")
