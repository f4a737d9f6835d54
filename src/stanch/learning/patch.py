"""A proposed patch of a playbook: a unified diff that says in its head why, and is never written into the document.

Each change is proposed only where it is read as it was meant: the document with it is compiled, and a change after
which any other step reads differently is left out.
"""

import difflib
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import PurePath

from stanch.charts.quantity import prose
from stanch.learning.practice import Practice
from stanch.model.plan import Playbook, Step
from stanch.model.record import record
from stanch.playbook.compile import compile_playbooks
from stanch.playbook.steps import timebox

LEAST = 3
"""Runs that must agree before they are a habit."""

_ITEM = re.compile(r"^(?P<lead>\s*(?:[-*+]|\d+[.)])\s+(?:\[[ xX]\]\s+)?)(?P<text>\S.*?)(?P<end>[.:;]?)\s*$")
_PARENTHESIS = re.compile(r"[(\[][^()\[\]]*\d[^()\[\]]*[)\]]")
_LONGEST = 80


@record
class Typed:
    """A command that a person said they ran in the incident, beside the playbook: after the step `after`, or None."""

    command: str
    by: str
    after: str | None


@record
class Edit:
    """The lines `first` to before `last` (0-based) become `lines`; `because` is the evidence, in one line.

    `label` is a line that is put before line `label_at`, so that the step there keeps its words.
    """

    first: int
    last: int
    lines: tuple[str, ...]
    because: str
    label: str | None = None
    label_at: int = 0


@record
class Patch:
    """`diff` is empty where nothing is proposed. `proposed` and `left_out` are the changes in words."""

    path: str
    diff: str
    proposed: tuple[str, ...]
    left_out: tuple[str, ...]


def propose(
    playbook: Playbook, practices: Mapping[str, Practice], typed: Sequence[Typed], *, incident: str, now: float
) -> Patch:
    """The patch after `incident`: what all runs show to be a habit, and what was done by hand in this one."""
    lines = playbook.text.split("\n")
    chosen: list[Edit] = []
    left_out: list[str] = []
    steps = [fact for fact in playbook.facts if isinstance(fact, Step) and fact.source.path == playbook.path]
    steps = list({step.key: step for step in steps}.values())
    for edit, holds in _edits(lines, steps, practices, typed, incident):
        clash = any(edit.first < other.last and other.first < edit.last for other in chosen)
        if not clash and holds(_read(playbook.path, _with(lines, [edit])), _read(playbook.path, playbook.text)):
            chosen.append(edit)
        else:
            left_out.append(edit.because)
    whole = _with(lines, chosen)
    proposed = tuple(edit.because for edit in chosen)
    diff = _diff(playbook.path, playbook.text, whole, proposed, incident=incident, now=now) if chosen else ""
    return Patch(path=playbook.path, diff=diff, proposed=proposed, left_out=tuple(left_out))


Holds = Callable[[Sequence[Step], Sequence[Step]], bool]
"""Whether the steps after a change are those before it but for what was meant."""


def _edits(
    lines: Sequence[str],
    steps: Sequence[Step],
    practices: Mapping[str, Practice],
    typed: Sequence[Typed],
    incident: str,
) -> Iterator[tuple[Edit, Holds]]:
    for step in steps:
        found = practices.get(step.key)
        if found is not None and found.times >= LEAST:
            for rule in (_skipped, _overrun, _expected, _usual):
                edit = rule(lines, step, found)
                if edit is not None:
                    yield edit
    for each in typed:
        step_after = next((step for step in steps if step.key == each.after), None)
        if step_after is not None and step_after.command is not None:
            edit = _inserted(lines, step_after, each, incident)
            if edit is not None:
                yield edit


def _skipped(lines: Sequence[str], step: Step, found: Practice) -> tuple[Edit, Holds] | None:
    """A step that every run has skipped becomes one that is done if needed."""
    at = _item_of(lines, step)
    if found.skipped < found.times or step.condition is not None or at is None:
        return None
    item = _ITEM.match(lines[at])
    assert item is not None
    changed = f"{item['lead']}{item['text']}, if needed{item['end']}"
    because = f"'{_cut(step.text)}' was skipped in all {found.times} runs{_of(found)}: marked as done if needed"

    def holds(after: Sequence[Step], before: Sequence[Step]) -> bool:
        place = _place(before, step)
        return _others_alike(after, before, place) and after[place].condition is not None

    return Edit(first=at, last=at + 1, lines=(changed,), because=because), holds


def _overrun(lines: Sequence[str], step: Step, found: Practice) -> tuple[Edit, Holds] | None:
    """A time box that every run has overrun gets a number that all of them would have kept."""
    box, longest = step.due_s, found.longest_s
    at = _item_of(lines, step)
    if box is None or longest is None or found.boxed < LEAST or found.late < found.boxed or at is None:
        return None
    minutes = _round_up(longest)
    for written in _PARENTHESIS.finditer(lines[at]):
        read = timebox(written[0])
        if read is not None and read.end == box:
            changed = f"{lines[at][: written.start()]}(within {minutes} minutes){lines[at][written.end() :]}"
            because = (
                f"'{_cut(step.text)}' overran its {prose(box)} in all {found.boxed} runs{_of(found)}, "
                f"by the end of {prose(longest)} at most: now {minutes} minutes"
            )

            def holds(after: Sequence[Step], before: Sequence[Step]) -> bool:
                place = _place(before, step)
                return _others_alike(after, before, place) and after[place].due_s == minutes * 60.0

            return Edit(first=at, last=at + 1, lines=(changed,), because=because), holds
    return None


def _expected(lines: Sequence[str], step: Step, found: Practice) -> tuple[Edit, Holds] | None:
    """A command that has printed the same first line in every run gets it as what is expected."""
    outputs = set(found.outputs)
    if (
        step.expects is not None
        or step.command is None
        or _is_sql(step)
        or len(found.outputs) < LEAST
        or len(outputs) != 1
    ):
        return None
    output = next(iter(outputs))
    end = _end_of_command(lines, step)
    if end is None or not output or len(output) > _LONGEST or "`" in output or "redacted" in output.lower():
        return None
    line = f"{_indent(lines[end - 1])}# Expected: `{output}`"
    because = (
        f"'{_cut(step.text)}' printed `{output}` in all {len(found.outputs)} runs{_of(found)}: expected from now on"
    )

    def holds(after: Sequence[Step], before: Sequence[Step]) -> bool:
        place = _place(before, step)
        return _others_alike(after, before, place) and after[place].expects == f"`{output}`"

    return Edit(first=end, last=end, lines=(line,), because=because), holds


def _usual(lines: Sequence[str], step: Step, found: Practice) -> tuple[Edit, Holds] | None:
    """A place that every run has filled with the same value gets a note of it beside the command."""
    by_name: dict[str, list[tuple[str, str, int]]] = {}
    for used in found.values:
        by_name.setdefault(used.name, []).append((used.placeholder, used.value, used.times))
    always = [each[0] for each in by_name.values() if len(each) == 1 and each[0][2] >= LEAST]
    end = _end_of_fence(lines, step)
    if not always or end is None:
        return None
    told = ", ".join(f"`{placeholder}` was `{value}`" for placeholder, value, _ in always)
    if "`" in "".join(value for _, value, _ in always):
        return None
    at_least = min(times for _, _, times in always)
    note = f"{_indent(lines[end - 1])}> Usually {told} ({at_least} runs)."
    because = f"'{_cut(step.text)}': {told} in all {at_least} runs{_of(found)}: noted below the command"

    def holds(after: Sequence[Step], before: Sequence[Step]) -> bool:
        return _others_alike(after, before, len(before))

    return Edit(first=end, last=end, lines=("", note), because=because), holds


def _inserted(lines: Sequence[str], step: Step, typed: Typed, incident: str) -> tuple[Edit, Holds] | None:
    """A command that was typed beside the playbook becomes the one after the step that it followed."""
    end = _end_of_command(lines, step)
    if end is None or "\n" in typed.command:
        return None
    first = step.source.line - 1
    indent = _indent(lines[first])
    comment = "--" if _is_sql(step) else "#"
    added: tuple[str, ...] = (f"{indent}# Added after incident {incident}", f"{indent}{typed.command}")
    below = _end_of_fence(lines, step)
    if _is_sql(step) and below is not None:
        # A command for the shell stands in no fence of SQL.
        end, added = below, ("", f"{indent}```bash", *added, f"{indent}```")
    # A fence of one command has its words from the text above it; with two, each needs its own.
    label = f"{indent}{comment} {step.text}" if re.match(r"^\s*(?:```|~~~)", lines[first - 1]) else None
    because = f"{typed.by} ran `{_cut(typed.command)}` after '{_cut(step.text)}' in incident {incident}: inserted there"

    def holds(after: Sequence[Step], before: Sequence[Step]) -> bool:
        place = _place(before, step)
        if len(after) != len(before) + 1 or after[place + 1].command != typed.command:
            return False
        return [_gist(each) for each in (*after[: place + 1], *after[place + 2 :])] == [_gist(each) for each in before]

    return Edit(first=end, last=end, lines=added, because=because, label=label, label_at=first), holds


def _is_sql(step: Step) -> bool:
    return (step.language or "").lower() in {"sql", "postgres", "postgresql"}


def _read(path: str, text: str) -> tuple[Step, ...]:
    plan = compile_playbooks([(path, text.encode())])
    return tuple({step.key: step for step in plan.of(Step)}.values())


def _place(steps: Sequence[Step], wanted: Step) -> int:
    return next((index for index, step in enumerate(steps) if step.key == wanted.key), len(steps))


def _others_alike(after: Sequence[Step], before: Sequence[Step], place: int) -> bool:
    """Whether both have the same steps, but for the one at `place`, which has kept its command."""
    if len(after) != len(before):
        return False
    return all(
        new.command == old.command and (index == place or _gist(new) == _gist(old))
        for index, (new, old) in enumerate(zip(after, before, strict=True))
    )


def _gist(step: Step) -> tuple[str, str | None, str | None, float | None, str | None]:
    return step.text, step.command, step.condition, step.due_s, step.expects


def _item_of(lines: Sequence[str], step: Step) -> int | None:
    """The list item that introduces a step: its own line, or the nearest above that says its words."""
    words = step.text.strip(" .:").casefold()
    for at in range(step.source.line - 1, max(-1, step.source.line - 9), -1):
        if at < len(lines) and _ITEM.match(lines[at]) and words and words[:40] in lines[at].casefold():
            return at
    return None


def _end_of_command(lines: Sequence[str], step: Step) -> int | None:
    """The line after a command in a fence; None where it does not stand in one as it is."""
    if step.command is None:
        return None
    length = step.command.count("\n") + 1
    first = step.source.line - 1
    written = [line.strip() for line in lines[first : first + length]]
    if written != [line.strip() for line in step.command.split("\n")] or _end_of_fence(lines, step) is None:
        return None
    return first + length


def _end_of_fence(lines: Sequence[str], step: Step) -> int | None:
    """The line after the fence that a step's command stands in."""
    if step.command is None:
        return None
    for at in range(step.source.line, min(len(lines), step.source.line + 60)):
        if re.match(r"^\s*(?:```+|~~~+)\s*$", lines[at]):
            return at + 1
    return None


def _with(lines: Sequence[str], edits: Sequence[Edit]) -> str:
    changed = list(lines)
    places = [(edit.first, edit.last, edit.lines) for edit in edits]
    places += [(edit.label_at, edit.label_at, (edit.label,)) for edit in edits if edit.label is not None]
    # From the end on; what goes to the same place is put there in the order in which it was proposed.
    for _, (first, last, new) in sorted(
        enumerate(places), key=lambda each: (each[1][0], each[1][1], each[0]), reverse=True
    ):
        changed[first:last] = new
    return "\n".join(changed)


def _diff(path: str, before: str, after: str, because: Sequence[str], *, incident: str, now: float) -> str:
    """With evidence above the first header, which `patch` passes over."""
    name = PurePath(path).name if PurePath(path).is_absolute() else path
    moment = f"{datetime.fromtimestamp(now, UTC):%Y-%m-%d %H:%M}"
    head = [
        f"Proposed after incident {incident}, {moment} UTC. Nothing was written.",
        f"Apply it beside the document with: patch -p1 < THIS-FILE ({name})",
        *(f"- {each}" for each in because),
    ]
    told = "".join(f"# {' '.join(line.split())}\n" for line in head)
    changes = difflib.unified_diff(_lines(before), _lines(after), f"a/{name}", f"b/{name}")
    return told + "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in changes
    )


def _lines(text: str) -> list[str]:
    """Lines as `patch` counts them: by line feeds alone."""
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def _round_up(seconds: float) -> int:
    """Minutes that people write: whole ones to 5, then fives to an hour, then tens."""
    minutes = max(1, math.ceil(seconds / 60))
    step = 1 if minutes <= 5 else 5 if minutes <= 60 else 10
    return math.ceil(minutes / step) * step


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


def _of(found: Practice) -> str:
    shown = ", ".join(found.incidents[-5:])
    return f" (incidents {shown})" if shown else ""


def _cut(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= _LONGEST else f"{flat[: _LONGEST - 1]}\u2026"
