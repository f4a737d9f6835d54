"""What is offered for the places of a command, and from where."""

from dataclasses import replace

import pytest

from stanch.model.incident import Incident, IncidentStatus
from stanch.model.plan import Slot, StepKind
from stanch.model.risk import Risk
from stanch.model.run import Run, RunState, StepRecord, StepState
from stanch.response.evidence import MOST, Change, Known, offers

INCIDENT = Incident(
    id="42",
    title="slow",
    severity="P1",
    status=IncidentStatus.OPEN,
    service="platform",
    opened_at=1_000_000.0,
    plan_hash="h",
    source=None,
    findings=({"cause": "lock_queue", "summary": "4711 holds the lock", "subject": {"pid": 4711, "table": "visits"}},),
)
HISTORY = """\
REVISION\tUPDATED                 \tSTATUS    \tCHART         \tAPP VERSION\tDESCRIPTION
1       \tMon Nov 23 02:00:00 2026\tsuperseded\tplatform-1.0.0\t2.3.0      \tInstall complete
2       \tTue Nov 24 02:00:00 2026\tsuperseded\tplatform-1.1.0\t2.4.0      \tUpgrade complete
3       \tWed Nov 25 02:00:00 2026\tdeployed  \tplatform-1.2.0\t2.5.0      \tUpgrade complete
"""
PODS = """\
NAME          READY   STATUS             RESTARTS      AGE
api-7d-aaaa   1/1     Running            0             3d
api-7d-bbbb   0/1     CrashLoopBackOff   14 (2m ago)   3d
"""
SNAPSHOTS = """{"DBSnapshots": [
 {"DBSnapshotIdentifier": "rds:prod-2026-11-26", "SnapshotCreateTime": "2026-11-26T02:00:00Z"},
 {"DBSnapshotIdentifier": "rds:prod-2026-11-27", "SnapshotCreateTime": "2026-11-27T02:00:00Z"}]}"""


def step(key: str, command: str, **more) -> StepRecord:
    defaults = {"run_id": "42.1", "key": key, "ordinal": 0, "type": StepKind.COMMAND, "text": key, "command": command}
    return StepRecord(**{**defaults, "risk": Risk.READ_ONLY, "state": StepState.DONE, **more})


def offered(slot: Slot, *others: StepRecord, changes: tuple[Change, ...] = (), command: str = "tool <x>"):
    asked = step("asked", command, state=StepState.PROPOSED, slots=(slot,))
    run = Run(
        id="42.1",
        incident_id="42",
        plan_hash="h",
        procedure="p",
        name="p",
        because="b",
        state=RunState.RUNNING,
        epoch=0,
        started_at=1_000_000.0,
        steps=(*others, asked),
    )
    settings = (("db.internal", "the host of [postgres.main] in the settings"),)
    return [
        (each.value, each.origin)
        for each in offers(Known(incident=INCIDENT, run=run, changes=changes, settings=settings), asked)
    ]


def place(name: str, kind: str, fill: str | None = None) -> Slot:
    return Slot(name=name, placeholder="<x>", type=kind, fill=fill)


@pytest.mark.parametrize(
    ("slot", "others", "values"),
    [
        (place("revision", "revision"), (step("h", "helm history platform", output=HISTORY),), ["2", "1", "3"]),
        (place("tag", "tag"), (step("h", "helm history platform", output=HISTORY),), ["2.4.0", "2.3.0", "2.5.0"]),
        (
            place("pod_name", "name"),
            (step("p", "kubectl get pods -n prod", output=PODS),),
            ["api-7d-bbbb", "api-7d-aaaa"],
        ),
        (
            place("snapshot_id", "snapshot", "snapshot.latest"),
            (step("s", "aws rds describe-db-snapshots", output=SNAPSHOTS),),
            ["rds:prod-2026-11-27", "rds:prod-2026-11-26"],
        ),
        (place("namespace", "name"), (step("p", "kubectl get x", target={"namespace": "prod"}),), ["prod"]),
        (place("deployment", "name"), (step("p", "kubectl x", target={"resource": "deployment/api"}),), ["api"]),
        (place("pid", "integer"), (), ["4711"]),
        (place("table", "name"), (), ["visits"]),
        (place("service", "name"), (), ["platform"]),
        (place("incident_id", "text"), (), ["42"]),
        (place("severity", "severity"), (), ["P1"]),
        (place("database_host", "host"), (), ["db.internal"]),
    ],
)
def test_what_is_known_is_offered_the_likeliest_first(slot: Slot, others: tuple[StepRecord, ...], values: list[str]):
    found = offered(slot, *others)
    assert [value for value, _ in found] == values
    assert all(origin for _, origin in found)


@pytest.mark.parametrize(
    ("slot", "others"),
    [
        (place("revision", "revision"), (step("h", "helm history platform", output=HISTORY, state=StepState.FAILED),)),
        (place("revision", "revision"), (step("h", "helm list", output=HISTORY),)),
        (place("pod_name", "name"), (step("p", "kubectl get services", output=PODS),)),
        (place("pod_name", "name"), (step("p", "kubectl get pods", output="No resources found."),)),
        (place("snapshot_id", "snapshot"), (step("s", "aws rds x", output="An error occurred {"),)),
        (place("namespace", "name"), (step("p", "kubectl get x", target={"database": "prod"}),)),
        (place("reason", "text"), ()),
    ],
)
def test_what_is_not_known_is_not_offered(slot: Slot, others: tuple[StepRecord, ...]):
    assert offered(slot, *others) == []


def test_what_ran_before_the_latest_change_comes_first_and_a_later_change_is_none():
    before = Change(at=999_400.0, service="platform", text="deploy", version="2.5", previous="2.4")
    other = Change(at=999_500.0, service="mail", text="deploy", version="9", previous="8")
    after = Change(at=1_000_100.0, service="platform", text="rollback", version="2.4", previous="2.5")
    found = offered(place("tag", "tag", "release.previous"), changes=(after, other, before))
    assert [value for value, _ in found] == ["2.4"]
    assert found[0][1].startswith("what ran before the change to 2.5 of platform at ")


def test_a_value_that_would_be_refused_is_never_offered():
    hostile = replace(step("p", "kubectl get pods", output=PODS.replace("api-7d-aaaa", "--all      ")))
    assert [value for value, _ in offered(place("pod", "name"), hostile)] == ["api-7d-bbbb"]


def test_a_variable_is_offered_what_an_earlier_command_or_the_settings_set_it_to():
    slot = Slot(name="ns", placeholder="${NS}", type="name")
    earlier = step("set", "export NS='prod'", ordinal=0)
    asked = step("asked", "kubectl get pods -n ${NS}", state=StepState.PROPOSED, slots=(slot,), ordinal=1)
    later = step("later", "NS=other", ordinal=2)
    run = Run(
        id="42.1",
        incident_id="42",
        plan_hash="h",
        procedure="p",
        name="p",
        because="b",
        state=RunState.RUNNING,
        epoch=0,
        started_at=1.0,
        steps=(earlier, asked, later),
    )
    known = Known(incident=INCIDENT, run=run, environment={"NS": "staging", "OTHER": "x"})
    assert [(each.value, each.origin) for each in offers(known, asked)] == [
        ("prod", "set in 'set'"),
        ("staging", "[commands.environment] in the settings"),
    ]


def test_choices_end_somewhere():
    changes = tuple(
        Change(at=900_000.0 - n, service="platform", text="d", version=None, previous=f"1.{n}") for n in range(30)
    )
    assert len(offered(place("tag", "tag"), changes=changes)) == MOST
