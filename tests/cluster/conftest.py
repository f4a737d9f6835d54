"""The control plane of the session, asked for by `make test-kubernetes`."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.control_plane import ControlPlane, NotBuilt, control_plane

PROGRAMS = "STANCH_TEST_KUBERNETES"


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """One for all tests: each makes the namespace that it needs anew."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    programs = Path(os.environ.get(PROGRAMS, cache / "stanch/kubernetes/bin"))
    try:
        with control_plane(programs, tmp_path_factory.mktemp("control-plane")) as made:
            yield made
    except NotBuilt as missing:
        pytest.fail(str(missing))
