"""Whether what the runbook reference document names of the cluster is still there, asked of a real control plane."""

from pathlib import Path

import pytest

import runbook_runs
from cluster import healthcare
from cluster.control_plane import ControlPlane
from cluster.healthcare import DEPLOYMENT, NAMESPACE, RELEASE, SECRET
from stanch.drift.check import check
from stanch.drift.outside import Outside
from stanch.drift.settings import DriftSettings
from stanch.model.drift import Presence

pytestmark = pytest.mark.kubernetes

EXISTS, GONE, UNASKED = Presence.EXISTS, Presence.GONE, Presence.UNASKED


async def answers(cluster: ControlPlane, user: str) -> dict[tuple[str, str], Presence]:
    """What that user is told of everything that the document names of the cluster."""
    settings = DriftSettings(kubeconfig=cluster.kubeconfig(), kube_context=user, timeout_s=60)
    outside = Outside(settings=settings, path=str(cluster.programs), environment={"HOME": str(cluster.folder)})
    found = await check(runbook_runs.plan_of(runbook_runs.runbook()), outside)
    wanted = {"namespace", "object", "release"}
    return {(each.named.kind, each.named.name): each.presence for each in found if each.named.kind in wanted}


async def test_what_is_there_is_found_and_what_was_taken_away_is_gone(cluster: ControlPlane, tmp_path: Path):
    healthcare.install(cluster, tmp_path)
    assert await answers(cluster, "stanch") == {
        ("namespace", NAMESPACE): EXISTS,
        ("object", f"deployment/{DEPLOYMENT}"): EXISTS,
        ("object", f"secret/{SECRET}"): EXISTS,
        ("release", RELEASE): EXISTS,
    }
    cluster.helm("uninstall", RELEASE, "-n", NAMESPACE, "--wait")
    assert await answers(cluster, "stanch") == {
        ("namespace", NAMESPACE): EXISTS,
        ("object", f"deployment/{DEPLOYMENT}"): GONE,
        ("object", f"secret/{SECRET}"): EXISTS,
        ("release", RELEASE): GONE,
    }


async def test_what_the_identity_may_not_see_is_not_taken_for_gone(cluster: ControlPlane, tmp_path: Path):
    healthcare.install(cluster, tmp_path)
    assert await answers(cluster, "reader") == {
        ("namespace", NAMESPACE): EXISTS,
        ("object", f"deployment/{DEPLOYMENT}"): EXISTS,
        ("object", f"secret/{SECRET}"): UNASKED,
        ("release", RELEASE): UNASKED,
    }
