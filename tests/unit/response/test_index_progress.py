"""How far an index build is: one number that only grows."""

from dataclasses import replace

import pytest

from stanch.connectors.postgres.indexes import application
from stanch.model.postgres import Build
from stanch.response.actions.create_index import progress

BUILD = Build(pid=1, table_oid=2, index_oid=3, index="i", phase="initializing")


def test_it_grows_from_phase_to_phase() -> None:
    phases = [
        replace(BUILD, phase="waiting for writers before build", lockers_total=2, lockers_done=1, locker_pid=99),
        replace(BUILD, phase="building index: scanning table", blocks_total=100, blocks_done=10),
        replace(BUILD, phase="building index: scanning table", blocks_total=100, blocks_done=90),
        replace(BUILD, phase="building index: sorting live tuples"),
        replace(BUILD, phase="building index: loading tuples in tree", tuples_total=50, tuples_done=20),
        replace(BUILD, phase="waiting for writers before validation"),
        replace(BUILD, phase="index validation: scanning index", blocks_total=9, blocks_done=1),
        replace(BUILD, phase="index validation: sorting tuples"),
        replace(BUILD, phase="index validation: scanning table", blocks_total=100, blocks_done=50),
        replace(BUILD, phase="waiting for old snapshots", lockers_total=1),
    ]
    shares = [progress(build)[1] for build in phases]
    assert shares == sorted(shares)
    assert shares[0] >= 0
    assert shares[-1] < 100
    assert progress(phases[0])[0] == "waiting for writers before build, 1 of 2 transactions, now process 99"
    assert progress(phases[1])[0] == "building index: scanning table, 10 of 100 blocks"


def test_a_phase_that_is_not_known_is_shown_and_counts_for_nothing() -> None:
    assert progress(replace(BUILD, phase="a phase of the future", blocks_total=2, blocks_done=1))[1] == 0


@pytest.mark.parametrize("index", ["plain", "x" * 63, "naïve", "line\nbreak"])
def test_the_builds_session_is_named_within_what_postgresql_keeps(index: str) -> None:
    name = application(index)
    assert len(name.encode()) <= 63
    assert name.isascii()
    assert name.isprintable()
    assert name != application(index + "2")
