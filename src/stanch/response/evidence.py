"""Values that what Stanch knows offers for the places of a step, each with where it comes from.

Known releases (the marks of deploys), what earlier steps of the run printed (`helm history`, `kubectl get pods`, a
list of snapshots), what the diagnosis found, the incident itself, and the targets of the run's other commands. A
person chooses; nothing is filled in by itself.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, select

from stanch.charts.quantity import prose
from stanch.incidents import lifecycle, timeline
from stanch.model.incident import Event, EventKind, Incident
from stanch.model.plan import Slot
from stanch.model.record import record
from stanch.model.run import Run, StepRecord, StepState
from stanch.response.redaction import says_secret
from stanch.response.slots import refusal
from stanch.store.tables import mark

MOST = 8
"""So many choices are offered for one place; more is no help."""

_BACK_S = 90 * 86_400.0
_MARKS = 50
_RELEASE_TYPES = frozenset({"tag"})
_SNAPSHOT_KEYS = ("DBSnapshotIdentifier", "DBClusterSnapshotIdentifier", "SnapshotName", "SnapshotId", "snapshot_id")
_SNAPSHOT_TIMES = ("SnapshotCreateTime", "StartTime", "NodeSnapshots", "created_at")
_PODS = re.compile(r"\bget\s+(?:-\S+\s+)*(?P<what>pods?|po|deployments?|deploy|services?|svc|nodes?|namespaces?|ns)\b")
_HISTORY = re.compile(r"\b(?:helm\s+history|rollout\s+history)\b")
_KINDS: Mapping[str, frozenset[str]] = {
    "pod": frozenset({"pod", "pods", "po"}),
    "deployment": frozenset({"deployment", "deployments", "deploy"}),
    "service": frozenset({"service", "services", "svc"}),
    "node": frozenset({"node", "nodes"}),
    "namespace": frozenset({"namespace", "namespaces", "ns"}),
}
_COLUMNS = re.compile(r"\s{2,}|\t")
_WELL = frozenset({"Running", "Completed", "Active", "Ready"})


@record
class Offer:
    """A value for the slots of that `name`; `origin` says where it comes from, for people."""

    name: str
    value: str
    origin: str


@record
class Change:
    """A mark: something that was changed, at epoch seconds `at`, from the version `previous` to `version`."""

    at: float
    service: str
    text: str
    version: str | None
    previous: str | None


@record
class Known:
    """What the offers are made from. `changes` are the latest first; `settings` give host names and their origins.

    `environment` holds the variables that the settings give to commands.
    """

    incident: Incident
    run: Run
    changes: tuple[Change, ...] = ()
    settings: tuple[tuple[str, str], ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)


def read(
    connection: Connection,
    run: Run,
    *,
    now: float,
    settings: Sequence[tuple[str, str]] = (),
    environment: Mapping[str, str] | None = None,
) -> Known:
    """What is known for the steps of a run."""
    incident = lifecycle.get(connection, run.incident_id)
    events = timeline.read(connection, run.incident_id, kinds=(EventKind.MARK,))
    columns = (mark.c.at, mark.c.service, mark.c.text, mark.c.version, mark.c.previous)
    between = select(*columns).where(mark.c.at >= incident.opened_at - _BACK_S, mark.c.at <= now)
    found = connection.execute(between.order_by(mark.c.at.desc()).limit(_MARKS))
    changes = [
        *(
            Change(at=row.at, service=row.service, text=row.text, version=row.version, previous=row.previous)
            for row in found
        ),
        *_marked(events),
    ]
    changes.sort(key=lambda change: change.at, reverse=True)
    return Known(
        incident=incident,
        run=run,
        changes=tuple(changes),
        settings=tuple(settings),
        environment=dict(environment or {}),
    )


def _marked(events: Iterable[Event]) -> Iterator[Change]:
    for event in events:
        version, previous = event.data.get("version"), event.data.get("previous")
        if "mark" in event.data:
            continue  # its row is among the others
        if version is not None or previous is not None:
            yield Change(
                at=event.at,
                service=str(event.data.get("service") or ""),
                text=str(event.data.get("text") or ""),
                version=None if version is None else str(version),
                previous=None if previous is None else str(previous),
            )


def offers(known: Known, step: StepRecord) -> tuple[Offer, ...]:
    """What can be chosen for each place of a step, the likeliest first, each value once. Pure."""
    found: dict[tuple[str, str], Offer] = {}
    counts: dict[str, int] = {}
    for slot in {slot.name: slot for slot in step.slots}.values():
        for value, origin in _candidates(known, step, slot):
            key = (slot.name, value)
            if key in found or counts.get(slot.name, 0) >= MOST or refusal(slot, value, step) is not None:
                continue
            counts[slot.name] = counts.get(slot.name, 0) + 1
            found[key] = Offer(name=slot.name, value=value, origin=origin)
    return tuple(found.values())


def _candidates(known: Known, step: StepRecord, slot: Slot) -> Iterator[tuple[str, str]]:
    words = set(slot.name.split("_"))
    if slot.type in _RELEASE_TYPES or slot.fill == "release.previous":
        yield from _releases(known, step)
    if slot.type in {"revision", *_RELEASE_TYPES}:
        yield from _histories(known.run, slot)
    if slot.type == "snapshot" or slot.fill == "snapshot.latest":
        yield from _snapshots(known.run)
    yield from _assigned(known, step, slot)
    yield from _objects(known.run, words)
    yield from _targets(known.run, step, words)
    yield from _found(known.incident, words)
    yield from _of_incident(known.incident, slot, words)
    if slot.type in {"host", "url"} or words & {"database", "host"}:
        yield from known.settings


def _releases(known: Known, step: StepRecord) -> Iterator[tuple[str, str]]:
    """What ran before the latest change of the service, then before the one before that."""
    services = {known.incident.service, step.target.get("resource", "").rpartition("/")[2]} - {""}
    mine = [change for change in known.changes if change.service in services]
    for change in mine or known.changes:
        if change.previous is not None and change.at <= known.incident.opened_at:
            before = prose(known.incident.opened_at - change.at)
            to = f" to {change.version}" if change.version else ""
            service = f" of {change.service}" if change.service else ""
            yield (
                change.previous,
                f"what ran before the change{to}{service} at {_moment(change.at)}, {before} before the incident",
            )


def _outputs(run: Run) -> Iterator[StepRecord]:
    """The steps that printed something, the latest first."""
    return (step for step in reversed(run.steps) if step.output and step.state is StepState.DONE and step.command)


def _histories(run: Run, slot: Slot) -> Iterator[tuple[str, str]]:
    """Revisions and versions that `helm history` or `kubectl rollout history` listed, the latest but one first."""
    for step in _outputs(run):
        if not _HISTORY.search(_ran(step)):
            continue
        rows = _table(step.output or "")
        latest = len(rows) - 1
        order = [*rows[:latest][::-1], *rows[latest:]]
        for row in order:
            revision, version = row.get("REVISION", ""), row.get("APP VERSION", "")
            what = ", ".join(filter(None, (row.get("STATUS"), row.get("UPDATED"), row.get("CHANGE-CAUSE"))))
            value = revision if slot.type == "revision" else version
            if value:
                told = f"revision {revision}" if slot.type != "revision" else (f"version {version}" if version else "")
                yield value, f"{'; '.join(filter(None, (told, what)))} (from '{step.text}')"


def _snapshots(run: Run) -> Iterator[tuple[str, str]]:
    """Snapshots that an earlier step listed, the newest first."""
    for step in _outputs(run):
        listed = list(_listed_snapshots(step.output or ""))
        for identifier, created in sorted(listed, key=lambda each: each[1], reverse=True):
            when = f", made {created}" if created else ""
            yield identifier, f"a snapshot that '{step.text}' listed{when}"


def _listed_snapshots(output: str) -> Iterator[tuple[str, str]]:
    start = output.find("{")
    bracket = output.find("[")
    start = min(place for place in (start, bracket, len(output)) if place >= 0)
    try:
        document = json.loads(output[start:])
    except ValueError:
        document = None
    if document is not None:
        yield from _in_document(document)
        return
    for row in _table(output):
        names = [key for key in row if "SNAPSHOT" in key.upper()]
        if names:
            created = next((row[key] for key in row if "CREAT" in key.upper() or "TIME" in key.upper()), "")
            yield row[names[0]], created


def _in_document(document: Any) -> Iterator[tuple[str, str]]:
    match document:
        case dict():
            identifier = next((document[key] for key in _SNAPSHOT_KEYS if isinstance(document.get(key), str)), None)
            if identifier is not None:
                created = next((document[key] for key in _SNAPSHOT_TIMES if isinstance(document.get(key), str)), "")
                yield identifier, created
            for value in document.values():
                yield from _in_document(value)
        case list():
            for value in document:
                yield from _in_document(value)
        case _:
            return


def _objects(run: Run, words: set[str]) -> Iterator[tuple[str, str]]:
    """Names that `kubectl get` listed of the kind that the place is called after; those not well first."""
    for step in _outputs(run):
        match = _PODS.search(_ran(step))
        if match is None:
            continue
        kind = next((kind for kind, names in _KINDS.items() if match["what"] in names), "")
        if kind not in words:
            continue
        rows = _table(step.output or "")
        for row in sorted(rows, key=_is_well):
            if name := row.get("NAME", ""):
                state = ", ".join(
                    filter(None, (row.get("STATUS"), f"{row['RESTARTS']} restarts" if row.get("RESTARTS") else ""))
                )
                yield name, f"{state or 'listed'} (from '{step.text}')"


def _assigned(known: Known, step: StepRecord, slot: Slot) -> Iterator[tuple[str, str]]:
    """What an earlier command of the playbook, or the settings, set the variable to that the place stands for."""
    name = slot.placeholder.strip("${}")
    if not slot.placeholder.startswith("$"):
        return
    for other in reversed([each for each in known.run.steps if each.ordinal < step.ordinal]):
        match = re.search(rf"(?:\A|[;\s]){re.escape(name)}=[\"']?([^\s\"';|&$`]+)", other.command or "")
        if match is not None:
            yield match[1], f"set in '{other.text}'"
    if name in known.environment and not says_secret(name):
        yield known.environment[name], "[commands.environment] in the settings"


def _is_well(row: Mapping[str, str]) -> bool:
    ready, _, of = row.get("READY", "").partition("/")
    return row.get("STATUS", "Running") in _WELL and (not of or ready == of)


def _targets(run: Run, step: StepRecord, words: set[str]) -> Iterator[tuple[str, str]]:
    """What the commands of the same run act on, where the place is called after it."""
    for other in run.steps:
        if other.key == step.key or not other.target:
            continue
        for key, value in other.target.items():
            if key in words:
                yield value, f"the {key} of '{other.text}'"
        kind, _, name = other.target.get("resource", "").partition("/")
        if name and (kind in words or any(kind in names and word in words for word, names in _KINDS.items())):
            yield name, f"the {kind} of '{other.text}'"


def _found(incident: Incident, words: set[str]) -> Iterator[tuple[str, str]]:
    """What the diagnosis found, where the place is called after it."""
    for finding in reversed(incident.findings):
        for key, value in (finding.get("subject") or {}).items():
            if set(key.split("_")) & words and isinstance(value, str | int) and not isinstance(value, bool):
                yield str(value), f"found: {finding.get('summary') or finding.get('cause')}"


def _of_incident(incident: Incident, slot: Slot, words: set[str]) -> Iterator[tuple[str, str]]:
    if words & {"service", "application", "app"} and incident.service:
        yield incident.service, "the service of this incident"
    if "incident" in words:
        yield incident.id, "this incident"
    if slot.type == "severity":
        yield incident.severity, "the severity of this incident"
    if slot.type == "time":
        yield _moment(incident.opened_at), "when this incident opened"


def _ran(step: StepRecord) -> str:
    return step.statement or step.command or ""


def _table(output: str) -> list[dict[str, str]]:
    """The rows of a table as tools print it, by the names of its columns in capitals; none where it is no table."""
    lines = [line for line in output.splitlines() if line.strip()]
    head = next((place for place, line in enumerate(lines) if _is_head(line)), None)
    if head is None:
        return []
    starts = [match.start() for match in re.finditer(r"(?:(?<=\s\s)|(?<=\t)|^)\S", lines[head])]
    names = [name.strip() for name in _cut(lines[head], starts)]
    if len(names) == 1:
        return [{names[0]: line.split()[0]} for line in lines[head + 1 :] if line.split()]
    rows = []
    for line in lines[head + 1 :]:
        cells = [cell.strip() for cell in _COLUMNS.split(line.strip())]
        if len(cells) != len(names):
            cells = [cell.strip() for cell in _cut(line, starts)]
        rows.append(dict(zip(names, cells, strict=False)))
    return rows


def _cut(line: str, starts: Sequence[int]) -> list[str]:
    return [line[start:end] for start, end in zip(starts, [*starts[1:], None], strict=True)]


def _is_head(line: str) -> bool:
    return line.upper() == line and re.match(r"\s*(?:NAME|NAMESPACE|REVISION|SNAPSHOT\w*)\b", line) is not None


def _moment(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}"
