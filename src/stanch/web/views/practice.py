"""What people really did with each step, in the margin beside it."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from stanch.charts.quantity import prose
from stanch.learning.practice import Practice
from stanch.model.plan import Playbook, Step
from stanch.web.views.playbook import Note, PlaybookView


def beside(view: PlaybookView, playbook: Playbook, practices: Mapping[str, Practice]) -> PlaybookView:
    """The same page with a note of its practice below the notes of each step that was ever run."""
    notes: dict[int, list[Note]] = {}
    for key, line in {fact.key: fact.source.line for fact in playbook.facts if isinstance(fact, Step)}.items():
        found = practices.get(key)
        if found is not None:
            notes.setdefault(line, []).append(Note(tone="understood", strong="practice", text=told(found)))
    if not notes:
        return view
    rows = tuple(
        replace(row, notes=(*row.notes, *notes.pop(row.row.number))) if row.notes and row.row.number in notes else row
        for row in view.rows
    )
    return replace(view, rows=rows)


def told(found: Practice) -> str:
    """`4 runs: 3 done, 1 skipped; usually 12 s; <tag> always v2.4.0`."""
    return "; ".join(_parts(found))


def _parts(found: Practice) -> Iterator[str]:
    counts = [
        (found.done, "done"),
        (found.failed, "failed"),
        (found.skipped, "skipped"),
        (found.unknown, "of unknown outcome"),
    ]
    runs = "1 run" if found.times == 1 else f"{found.times} runs"
    yield f"{runs}: " + ", ".join(f"{number} {what}" for number, what in counts if number)
    if found.median_s is not None and found.median_s >= 1:
        yield f"usually {prose(found.median_s)}"
    if found.late:
        yield f"{found.late} of {found.boxed} after its time box"
    for used in found.values[:2]:
        yield f"{used.placeholder or used.name} was {used.value} in {used.times}"
    if found.by_hand:
        yield f"{len(found.by_hand)} by hand, last: {_cut(found.by_hand[-1].text)}"


def _cut(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= 60 else f"{flat[:59]}\u2026"
