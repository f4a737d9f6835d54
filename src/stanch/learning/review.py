"""The blameless post-mortem, drafted from the timeline: pure functions from events to a document."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from stanch.charts.chart import Chart, out_of_bounds, summary
from stanch.charts.quantity import prose
from stanch.incidents.wording import wording
from stanch.learning.lessons import Lesson, lesson
from stanch.model.incident import ClockState, Event, EventKind, Incident
from stanch.model.record import record


@record
class Times:
    """Seconds; None where it did not happen. `began_at` is epoch seconds.

    detect: from the first value out of bounds to the incident's opening. acknowledge, diagnose, mitigate, resolve:
    from the opening to a person's acknowledgement, the first finding, the mitigation, the (last) resolution.
    verify: from the mitigation to the resolution.
    """

    began_at: float
    detect_s: float
    acknowledge_s: float | None
    diagnose_s: float | None
    mitigate_s: float | None
    verify_s: float | None
    resolve_s: float | None


@record
class Picture:
    """A chart of the review and the name of its file beside the document."""

    file: str
    chart: Chart


@record
class Review:
    """`markdown` refers to the pictures by file name; `times` are what the promises are measured against."""

    incident_id: str
    title: str
    markdown: str
    times: Times
    lesson: Lesson
    action_items: tuple[str, ...]
    pictures: tuple[Picture, ...]


def times(incident: Incident, events: Sequence[Event], charts: Sequence[Chart]) -> Times:
    """How long each part took, from the timeline and from when the signals left their limits."""
    opened = incident.opened_at
    began = min([opened, *_left_limits(charts, opened)])
    resolved = incident.resolved_at
    mitigated = incident.mitigated_at
    finding = next((event.at for event in events if event.kind is EventKind.FINDING), None)
    return Times(
        began_at=began,
        detect_s=opened - began,
        acknowledge_s=_after(opened, incident.acknowledged_at),
        diagnose_s=_after(opened, finding),
        mitigate_s=_after(opened, mitigated),
        verify_s=None if mitigated is None else _after(mitigated, resolved),
        resolve_s=_after(opened, resolved),
    )


def draft(incident: Incident, events: Sequence[Event], charts: Sequence[Chart], *, now: float) -> Review:
    """The review as a document. What nobody saw is not in it."""
    measured = times(incident, events, charts)
    finding = incident.findings[-1] if incident.findings else None
    taught = lesson(finding["cause"] if finding else None, finding.get("subject", {}) if finding else {})
    later = tuple(str(item["text"]) for item in (finding or {}).get("later", ()))
    kept_badly = tuple(
        f"Find out why the promise to {clock.name} ({clock.text}) was missed."
        for clock in incident.clocks
        if clock.state is ClockState.MISSED
    )
    pages_failed = tuple(
        f"Repair {event.data.get('channel')} for {event.data.get('role')}: {event.data.get('because')}"
        for event in events
        if event.kind is EventKind.PAGE_FAILED
    )
    broken = tuple(
        f"Find out why {event.data.get('by') or event.actor} had to approve '{_step_of(event)}' alone (break-glass)."
        for event in events
        if event.kind is EventKind.GLASS_BROKEN
    )
    items = tuple(dict.fromkeys((*broken, *taught.actions, *later, *kept_badly, *pages_failed)))
    pictures = tuple(Picture(file=f"incident-{incident.id}-{_slug(chart.title)}.svg", chart=chart) for chart in charts)
    sections = (
        _heading(incident, now),
        _summary(incident, measured, finding),
        _pictures(pictures),
        _cause(finding),
        _actions_taken(events),
        _promises(incident),
        _lesson(taught),
        _items(items),
        _timeline(incident, events),
    )
    return Review(
        incident_id=incident.id,
        title=f"Review of incident {incident.id}: {incident.title}",
        markdown="\n".join(section for section in sections if section),
        times=measured,
        lesson=taught,
        action_items=items,
        pictures=pictures,
    )


def _left_limits(charts: Sequence[Chart], opened: float) -> list[float]:
    """For each chart, when the value left its limits for the last time before (or at) the opening."""
    return [
        max(before)
        for chart in charts
        if (before := [start for start, end in out_of_bounds(chart) if start <= opened <= end + _slack(chart)])
    ]


def _slack(chart: Chart) -> float:
    """How long after its last known point a value still counts as the same: a tenth of the chart, at most 30 s."""
    return min(30.0, (chart.end - chart.start) / 10)


def _after(start: float, end: float | None) -> float | None:
    return None if end is None else max(0.0, end - start)


def _heading(incident: Incident, now: float) -> str:
    return (
        f"# Review of incident {incident.id}: {_plain(incident.title)}\n\n"
        f"*Drafted from the timeline at {_moment(now)}. It says what was recorded and blames nobody. "
        "Read it, correct it, add what no machine saw.*\n"
    )


def _summary(incident: Incident, measured: Times, finding: dict[str, Any] | None) -> str:
    lines = [
        "## Summary\n",
        (
            f"On {_moment(incident.opened_at)}, {_plain(incident.service) or 'the service'} had a "
            f"{_plain(incident.severity)} incident: {_plain(incident.title)}."
        ),
    ]
    if incident.source is not None:
        lines.append(f"It was opened by the rule in {_code(str(incident.source))}: {_plain(incident.source.text)}")
    if finding is not None:
        lines.append(f"The cause, found with evidence: {_plain(finding['summary'])}")
    if measured.resolve_s is not None:
        reopened = f", after being reopened {incident.reopened} times" if incident.reopened else ""
        lines.append(f"It was resolved {prose(measured.resolve_s)} after it was opened{reopened}.")
    rows = [
        ("Time to detect", measured.detect_s, "from the first value out of bounds to the opening"),
        ("Time to acknowledge", measured.acknowledge_s, "from the opening"),
        ("Time to diagnose", measured.diagnose_s, "from the opening to the first finding"),
        ("Time to mitigate", measured.mitigate_s, "from the opening"),
        ("Time to verify", measured.verify_s, "from the mitigation to the resolution"),
        ("Time to resolve", measured.resolve_s, "from the opening"),
    ]
    table = ["| | | |", "|---|---|---|"] + [
        f"| {name} | {prose(value) if value is not None else 'did not happen'} | {how} |" for name, value, how in rows
    ]
    return "\n\n".join(lines) + "\n\n" + "\n".join(table) + "\n"


def _pictures(pictures: Sequence[Picture]) -> str:
    if not pictures:
        return ""
    parts = ["## What the signals showed\n"]
    parts += [f"![{_plain(summary(picture.chart))}]({picture.file})\n" for picture in pictures]
    return "\n".join(parts)


def _cause(finding: dict[str, Any] | None) -> str:
    if finding is None:
        return "## Cause\n\nNo cause was found with evidence.\n"
    lines = [f"## Cause: {_plain(finding['cause'].replace('_', ' '))}\n", _plain(finding["summary"]), ""]
    lines += [f"- **{_plain(item['name'])}**: {_code_or_plain(item)}" for item in finding.get("evidence", ())]
    ruled_out = finding.get("ruled_out", ())
    if ruled_out:
        lines += ["", "Looked for and ruled out:", ""]
        lines += [f"- {_plain(item['cause'].replace('_', ' '))}: {_plain(item['because'])}" for item in ruled_out]
    return "\n".join(lines) + "\n"


def _code_or_plain(evidence: dict[str, Any]) -> str:
    text = str(evidence["text"])
    return _code(text) if re.match(r"(?i)\s*(select|insert|update|delete|with|create)\b", text) else _plain(text)


_TAKEN = (EventKind.STEP_DONE, EventKind.STEP_FAILED, EventKind.CONTROL_APPLIED, EventKind.CONTROL_UNDONE)


def _actions_taken(events: Sequence[Event]) -> str:
    approved: dict[str, list[str]] = {}
    lines = []
    for event in events:
        step, by = str(event.data.get("step")), str(event.data.get("by") or event.actor)
        if event.kind is EventKind.STEP_APPROVED:
            approved.setdefault(step, []).append(by)
        elif event.kind is EventKind.GLASS_BROKEN:
            reason = str(event.data.get("reason") or "")
            lines.append(
                f"- **{_plain(_step_of(event))}: approved alone by {_plain(by)}, break-glass: {_plain(reason)}**"
            )
        elif event.kind is EventKind.STEP_PROPOSED:
            approved.pop(step, None)  # what was said before is no answer to what is asked now
        elif event.kind in _TAKEN:
            people = " and ".join(_plain(each) for each in dict.fromkeys(approved.get(step, ())))
            said = f" (approved by {people})" if people else ""
            lines.append(f"- {_plain(wording(event).text)}{said}")
    return "## What was done\n\n" + "\n".join(lines) + "\n" if lines else ""


def _step_of(event: Event) -> str:
    return str(event.data.get("title") or event.data.get("text") or event.data.get("step") or "")


def _promises(incident: Incident) -> str:
    if not incident.clocks:
        return ""
    lines = ["## Promises\n", "| promise | as written | kept |", "|---|---|---|"]
    for clock in incident.clocks:
        kept = {ClockState.KEPT: "yes", ClockState.MISSED: "no", ClockState.RUNNING: "still running"}[clock.state]
        took = _after(clock.started_at, clock.ended_at)
        after = f", after {prose(took)}" if took is not None else ""
        lines.append(f"| {_plain(clock.name)} | {_plain(clock.text)} | {kept}{after} |")
    return "\n".join(lines) + "\n"


def _lesson(taught: Lesson) -> str:
    return f"## Lesson\n\n{_plain(taught.text)}\n"


def _items(items: Sequence[str]) -> str:
    return "## Action items\n\n" + "\n".join(f"- [ ] {_plain(item)}" for item in items) + "\n" if items else ""


_QUIET = (EventKind.STEP_PROGRESS, EventKind.STEP_STARTED, EventKind.CLOCK_STARTED, EventKind.CLOCK_KEPT)
"""What the other sections say already, or what only counts while it happens."""


def _timeline(incident: Incident, events: Sequence[Event]) -> str:
    lines = ["## Timeline\n", "| UTC | after | who | what |", "|---|---|---|---|"]
    for event in events:
        if event.kind in _QUIET:
            continue
        words = wording(event)
        detail = f" ({_plain(words.detail)})" if words.detail else ""
        after = event.at - incident.opened_at
        sign = "-" if after < 0 else ""
        lines.append(
            f"| {datetime.fromtimestamp(event.at, UTC):%H:%M:%S} | {sign}{prose(after)} | {_plain(event.actor)} "
            f"| {_plain(words.text)}{detail} |"
        )
    return "\n".join(lines) + "\n"


def _moment(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M} UTC"


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:60] or "chart"


def _plain(text: str) -> str:
    """Text from outside as Markdown that shows it as it is: one line, nothing of it is markup."""
    return re.sub(r"([\\`*_\[\]<>|#!])", r"\\\1", " ".join(str(text).split()))


def _code(text: str) -> str:
    """A code span that its content cannot leave."""
    flat = " ".join(text.split())
    longest = max((len(found) for found in re.findall(r"`+", flat)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if longest else ""
    return f"{fence}{pad}{flat}{pad}{fence}".replace("|", "\\|")
