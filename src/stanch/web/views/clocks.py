"""The promises of an incident, as they stand now."""

from stanch.charts.quantity import clock as reading
from stanch.charts.quantity import prose
from stanch.model.incident import ClockState, Incident, IncidentClock
from stanch.model.record import record

_KEPT = {
    "acknowledge": "acknowledged",
    "contain": "contained",
    "update": "updated",
    "resolve": "resolved",
    "review": "reviewed",
}
_TO = {
    "acknowledge": "to acknowledge",
    "contain": "to contain",
    "update": "to the next update",
    "resolve": "to resolve",
    "review": "to review",
}


@record
class ClockView:
    """`state` is running, risk (under a quarter left), kept, missed, or open (no number was promised).

    `due_at` is set while it counts down; `share` is how much of the time is used, from 0 to 1.
    """

    name: str
    state: str
    reading: str
    caption: str
    share: float | None = None
    due_at: float | None = None
    whole_s: float | None = None


def views(incident: Incident, now: float) -> tuple[ClockView, ...]:
    """The clocks in the order they were started."""
    return tuple(_view(clock, now) for clock in incident.clocks)


def next_due(incident: Incident) -> IncidentClock | None:
    """The running clock that runs out first."""
    running = [clock for clock in incident.clocks if clock.state is ClockState.RUNNING and clock.due_at is not None]
    return min(running, key=lambda clock: clock.due_at or 0.0, default=None)


def _view(clock: IncidentClock, now: float) -> ClockView:
    whole = None if clock.due_at is None else clock.due_at - clock.started_at
    promise = prose(whole) if whole is not None else clock.text
    if clock.state is ClockState.KEPT:
        spent = (clock.ended_at or now) - clock.started_at
        caption = f"{_KEPT.get(clock.name, clock.name)}, of {promise}"
        share = min(1.0, spent / whole) if whole else None
        return ClockView(name=clock.name, state="kept", reading=f"✓ {reading(spent)}", caption=caption, share=share)
    if clock.state is ClockState.MISSED:
        late = (now if clock.ended_at is None else clock.ended_at) - (clock.due_at or clock.started_at)
        caption = f"{_TO.get(clock.name, clock.name)}: {promise} ran out"
        shown = f"✕ {reading(max(0.0, late))} late" if late >= 1 else "✕ missed"
        return ClockView(name=clock.name, state="missed", reading=shown, caption=caption, share=1.0)
    caption = _TO.get(clock.name, clock.name)
    if clock.due_at is None or whole is None:
        return ClockView(name=clock.name, state="open", reading=clock.text, caption=caption)
    left = clock.due_at - now
    return ClockView(
        name=clock.name,
        state="missed" if left <= 0 else "risk" if left < whole / 4 else "running",
        reading=reading(max(0.0, left)),
        caption=caption,
        share=min(1.0, max(0.0, 1 - left / whole)) if whole else None,
        due_at=clock.due_at,
        whole_s=whole,
    )
