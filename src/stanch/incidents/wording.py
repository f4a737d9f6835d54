"""Timeline events as people read them: the same sentence in the console, on the command line and in the review."""

from datetime import UTC, datetime
from typing import Any, assert_never

from stanch.charts.quantity import prose
from stanch.model.incident import Event, EventKind
from stanch.model.record import record


@record
class Wording:
    """`text` is the sentence, plain text; `detail` what stands smaller below it; `key` marks a turning point."""

    text: str
    detail: str = ""
    key: bool = False


def wording(event: Event) -> Wording:  # noqa: C901, PLR0912 - one short case a kind, and mypy counts them
    """One event in words. Texts within it come from outside and are to be escaped like any other."""
    data = event.data
    match event.kind:
        case EventKind.OPENED:
            where = data.get("source") or {}
            place = f"{where['path']}, line {where['line']}" if where else f"by {event.actor}"
            return Wording(text=f"Opened {_get(data, 'severity')}: {_get(data, 'title')}", detail=place, key=True)
        case EventKind.ALERT_JOINED:
            return Wording(text=f"Also firing: {_get(data, 'title')}", detail=_get(data, "severity"))
        case EventKind.ALERT_CLEARED:
            return Wording(text=f"Back within limits: {_get(data, 'title')}")
        case EventKind.SEVERITY_CHANGED:
            text = f"Severity {_get(data, 'before')} → {_get(data, 'after')}"
            return Wording(text=text, detail=_get(data, "because"), key=True)
        case EventKind.PAGED:
            return Wording(text=f"Paged {_get(data, 'role')}", detail=f"by {_get(data, 'channel')}")
        case EventKind.PAGE_FAILED:
            text = f"Could not page {_get(data, 'role')} by {_get(data, 'channel')}"
            return Wording(text=text, detail=_get(data, "because"), key=True)
        case EventKind.ACKNOWLEDGED:
            return Wording(text=f"Acknowledged by {data.get('by') or event.actor}", key=True)
        case EventKind.ASSIGNED:
            return Wording(text=f"Assigned to {_get(data, 'to')}")
        case EventKind.NOTE:
            return Wording(text=_get(data, "text"))
        case EventKind.CLOCK_STARTED | EventKind.CLOCK_KEPT | EventKind.CLOCK_MISSED:
            return _clock(event)
        case EventKind.RUN_STARTED:
            return Wording(text=f"Started: {data.get('procedure') or data.get('name')}", detail=_get(data, "because"))
        case (
            EventKind.STEP_STARTED
            | EventKind.STEP_DONE
            | EventKind.STEP_FAILED
            | EventKind.STEP_SKIPPED
            | EventKind.STEP_UNKNOWN
            | EventKind.STEP_PROPOSED
            | EventKind.STEP_FILLED
            | EventKind.STEP_APPROVED
            | EventKind.GLASS_BROKEN
            | EventKind.STEP_VERIFIED
            | EventKind.STEP_PROGRESS
            | EventKind.STEP_ESCALATED
            | EventKind.STEP_UNDOING
            | EventKind.STEP_UNDONE
            | EventKind.STEP_RETRIED
            | EventKind.STEP_TAKEN
            | EventKind.STEP_DECIDED
        ):
            return _step(event)
        case EventKind.RUN_STOPPED:
            return Wording(
                text=f"Run stopped by {data.get('by') or event.actor}", detail=_get(data, "because"), key=True
            )
        case EventKind.RUN_FINISHED:
            return Wording(text=f"Run ended: {_get(data, 'outcome')}")
        case EventKind.FINDING:
            return Wording(text=f"Cause found: {_get(data, 'summary')}", detail=_searched(data), key=True)
        case EventKind.CONTROL_APPLIED:
            return Wording(text=f"In force: {_get(data, 'text')}", detail=_until(data))
        case EventKind.CONTROL_UNDONE:
            return Wording(text=f"Undone: {data.get('text') or data.get('control')}", detail=_get(data, "because"))
        case EventKind.MITIGATED:
            return Wording(text="Mitigated", detail=_get(data, "because"), key=True)
        case EventKind.RECOVERING if data.get("since") is None:
            return Wording(text="Out of limits again", detail=_get(data, "because"))
        case EventKind.RECOVERING:
            needed = data.get("needed_s")
            detail = f"must hold for {prose(float(needed))}" if needed is not None else ""
            return Wording(text="All signals within limits", detail=detail)
        case EventKind.RESOLVED:
            return Wording(text="Resolved", detail=_get(data, "because"), key=True)
        case EventKind.REOPENED:
            return Wording(text="Reopened", detail=_get(data, "because"), key=True)
        case EventKind.REVIEW_DRAFTED:
            return Wording(text="Review drafted", detail=_get(data, "path"))
        case EventKind.REVIEWED:
            return Wording(text=f"Reviewed by {data.get('by') or event.actor}", key=True)
        case EventKind.MARK:
            return Wording(text=_get(data, "text"), detail=_get(data, "ago"))
        case _:
            assert_never(event.kind)


def _clock(event: Event) -> Wording:
    data = event.data
    name = _get(data, "name")
    if event.kind is EventKind.CLOCK_STARTED:
        return Wording(text=f"Clock started: {name}", detail=_get(data, "text"))
    if event.kind is EventKind.CLOCK_KEPT:
        return Wording(text=f"Kept: {name}", detail=f"after {prose(float(data.get('elapsed_s') or 0))}")
    return Wording(text=f"Missed: {name}", detail=f"{prose(float(data.get('late_s') or 0))} late", key=True)


def _step(event: Event) -> Wording:  # noqa: C901, PLR0912 - one short case a kind
    data = event.data
    text = str(data.get("title") or data.get("text") or data.get("step") or "")
    because = _get(data, "because")
    match event.kind:
        case EventKind.STEP_STARTED:
            again = f"attempt {data['attempt']}" if int(data.get("attempt") or 1) > 1 else ""
            whom = f"as {data['acts_as']}" if data.get("acts_as") else ""
            said = again or _get(data, "command")
            return Wording(text=f"Begun: {text}", detail=", ".join(filter(None, (said, whom))))
        case EventKind.STEP_DONE:
            return Wording(text=f"Done: {text}", detail=f"in {prose(float(data.get('elapsed_s') or 0))}")
        case EventKind.STEP_FAILED:
            return Wording(text=f"Failed: {text}", detail=because, key=True)
        case EventKind.STEP_SKIPPED:
            return Wording(text=f"Skipped: {text}", detail=because)
        case EventKind.STEP_UNKNOWN:
            return Wording(text=f"Outcome unknown: {text}", detail=because, key=True)
        case EventKind.STEP_PROPOSED if data.get("choice"):
            return Wording(text=f"To decide: {data['choice']}", detail=_get(data, "because"), key=True)
        case EventKind.STEP_PROPOSED:
            waits = f"for approval of digest {_get(data, 'digest')[:12]}"
            if data.get("open"):
                waits = f"to be filled in: {', '.join(data['open'])}"
            detail = "for a person to do" if data.get("by_hand") else f"{_get(data, 'risk')}, waits {waits}"
            return Wording(text=f"Proposed: {text}", detail=detail, key=True)
        case EventKind.STEP_FILLED | EventKind.STEP_APPROVED | EventKind.GLASS_BROKEN:
            return _answered(event, text)
        case EventKind.STEP_VERIFIED:
            return Wording(text=f"Verified: {text}", detail=because)
        case EventKind.STEP_ESCALATED:
            return Wording(text=f"Overdue: {text}", detail=because, key=True)
        case EventKind.STEP_UNDOING:
            return Wording(text=f"Being put back: {text}", detail=_get(data, "command"))
        case EventKind.STEP_UNDONE:
            return Wording(text=f"Undone: {text}", detail=because)
        case EventKind.STEP_TAKEN:
            return Wording(text=f"Taken over by {data.get('by') or event.actor}: {text}", detail=because, key=True)
        case EventKind.STEP_RETRIED:
            return Wording(text=f"Tried again: {text}", detail=because)
        case EventKind.STEP_DECIDED:
            return Wording(text=f"{'Taken' if data.get('taken') else 'Not taken'}: {text}", detail=because, key=True)
        case _:
            return Wording(text=text, detail=_progress(data))


def _values(data: dict[str, Any]) -> str:
    values = [f"{each['placeholder']} = {each['value']} ({each['origin']})" for each in data.get("values") or ()]
    return "; ".join([*values, *filter(None, (data.get("raised"),))])


def _answered(event: Event, text: str) -> Wording:
    """What a person did about a step that waited for them."""
    data = event.data
    by = str(data.get("by") or event.actor)
    if event.kind is EventKind.STEP_FILLED:
        return Wording(text=f"Filled in by {by}: {text}", detail=_values(data))
    if event.kind is EventKind.GLASS_BROKEN:
        return Wording(text=f"Break-glass: {by} alone approved {text}", detail=_get(data, "reason"), key=True)
    detail = "; ".join(filter(None, (_get(data, "reason"), _get(data, "via"))))
    return Wording(text=f"Approved by {by}: {text}", detail=detail, key=True)


def _progress(data: dict[str, Any]) -> str:
    done, total = data.get("done"), data.get("total")
    return f"{float(done) / float(total):.0%}" if done is not None and total else ""


def _searched(data: dict[str, Any]) -> str:
    statements, elapsed = data.get("statements"), data.get("elapsed_s")
    if statements is None or elapsed is None:
        return ""
    return f"{statements} statements, {prose(float(elapsed))}"


def _until(data: dict[str, Any]) -> str:
    expires = data.get("expires_at")
    if expires is None:
        return ""
    return f"undoes itself at {datetime.fromtimestamp(float(expires), UTC):%H:%M:%S} UTC at the latest"


def _get(data: dict[str, Any], name: str) -> str:
    value = data.get(name)
    return "" if value is None else str(value)
